-- The whole run inside the database.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- Detection must not undo what was done: each part fails alone, with a sentence in the summary.
create function autonomy.look_around(p_acts boolean, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_found jsonb := '{"opportunities_detected": 0, "actions_measured": 0}';
  v_warnings text[] := '{}';
begin
  begin
    v_found := v_found || jsonb_build_object('opportunities_detected', case
      when p_acts then (public.record_opportunities(p_now => p_now) ->> 'detected')::integer
      else (select count(*)::integer from public.detect_optimization_opportunities(p_now => p_now)) end);
  exception when others then
    v_warnings := v_warnings || format('Opportunities were not detected: %s', sqlerrm);
  end;
  begin
    if p_acts then
      v_found := v_found || jsonb_build_object(
        'actions_measured', (public.measure_action_impact(p_now => p_now) ->> 'measured')::integer);
    end if;
  exception when others then
    v_warnings := v_warnings || format('The impact of actions was not measured: %s', sqlerrm);
  end;
  return v_found || jsonb_build_object('warnings', to_jsonb(v_warnings));
end $$;
comment on function autonomy.look_around(boolean, timestamptz) is
  'Detects opportunities and measures the impact of actions, for a run that is over. Safe to call again; raises '
  'nothing. [autonomous-operations]';

create function autonomy.lease_or_error(p_run_id uuid, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_lease jsonb;
begin
  v_lease := autonomy.take_lease(p_run_id, autonomy.run_request(jsonb '{}'), null, 'sql', 300, p_now);
  if v_lease ->> 'outcome' <> 'started' then
    raise exception using errcode = 'AO008',
      message = format('Another run is in progress (%s); nothing was done.',
                       coalesce(v_lease ->> 'run_id', 'just begun')),
      hint = format('Call again in %s seconds.', v_lease ->> 'retry_after_seconds');
  end if;
  return v_lease;
end $$;
comment on function autonomy.lease_or_error(uuid, timestamptz) is
  'Takes the lease of all campaigns for a run inside the database. A part of run_autonomous_operations. Raises AO008 '
  '(another run is in progress), AO014, AO015, AO002. [autonomous-operations]';

create function autonomy.run_until(p_began timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
declare
  v_seconds text := current_setting('autonomy.run_seconds', true);
begin
  -- of the 55 s that a run may take: what is carried out last, detection and the report take some, too
  return p_began + case when v_seconds ~ '^[0-9]{1,4}$' then v_seconds::integer else 30 end * interval '1 second';
end $$;
comment on function autonomy.run_until(timestamptz) is
  'Until when a run inside the database begins something new, on the clock: 30 s after its beginning, or what the '
  'setting autonomy.run_seconds says. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.chosen_change(
  p_chosen autonomy.decided[], p_account text, out n bigint, out shrunk bigint, out change numeric)
language plpgsql stable set search_path = ''
as $$
begin
  select count(*), count(*) filter (where c.kind = 'total'),
    coalesce(sum(case when c.verdict <> 'act' then 0 when c.direction = 'pause' then -coalesce(b.budget, 0)
      when c.direction = 'resume' then coalesce(c.new_budget, 0) else c.new_budget - b.budget end), 0)
  into n, shrunk, change
  from unnest(p_chosen) c
  cross join lateral (select (c.candidate).budget, coalesce((c.candidate).account, '') as account) b
  where b.account = p_account;
end $$;
comment on function autonomy.chosen_change(autonomy.decided[], text) is
  'Of the chosen decisions those of an account: how many, how many shrink for its total, and what all change of its '
  'budgets. Only computes; raises nothing. [autonomous-operations]';

create function autonomy.totals_told(p_chosen autonomy.decided[], p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('account', t.account, 'currency', t.currency, 'code', t.code,
      'ceiling', t.ceiling, 'active_budget', t.active_budget, 'shrunk', d.shrunk, 'after', t.active_budget + d.change)
      order by t.account collate "C"), '[]')
    from autonomy.totals_in_force(null, p_now) t
    cross join lateral autonomy.chosen_change(p_chosen, t.account) d);
end $$;
comment on function autonomy.totals_told(autonomy.decided[], timestamptz) is
  'What a run says of the accounts that have a total: what budgets may be together and are, how many are shrunk, and '
  'what they are once what it decided is done. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.totals_left(p_totals jsonb, p_left autonomy.decided[], p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if cardinality(p_left) = 0 then
    return p_totals;  -- the usual case
  end if;
  return (
    select coalesce(jsonb_agg(t.one || case when d.n = 0 then '{}' else jsonb_build_object('left', d.n,
      'since', coalesce(autonomy.shrinking_since(t.one ->> 'account', p_now), p_now),
      'shrunk', (t.one ->> 'shrunk')::bigint - d.shrunk, 'after', (t.one ->> 'after')::numeric - d.change) end
      order by t.place), '[]')
    from jsonb_array_elements(p_totals) with ordinality t (one, place)
    cross join lateral autonomy.chosen_change(p_left, t.one ->> 'account') d);
end $$;
comment on function autonomy.totals_left(jsonb, autonomy.decided[], timestamptz) is
  'What totals_told says, without the decisions that a run had no time for; of accounts with such how many are left, '
  'and since when. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.run_decisions(
  p_portfolio jsonb, p_shown integer, p_now timestamptz,
  out codes jsonb, out held jsonb, out held_of_accounts jsonb, out chosen autonomy.decided[],
  out held_first autonomy.decided[], out held_out jsonb, out versions jsonb, out totals jsonb, out observed jsonb,
  out would jsonb)
language plpgsql stable set search_path = ''
as $$
begin
  with run as materialized (
    select d.campaign_id, d.verdict, d.code, d.stopped_at, d.set_aside, d as decided
    from autonomy.decided_run(int4range(0, 65536), false, p_now, p_portfolio) d
  ), counted as (
    select r.verdict = 'hold' as holds, k.code, r.stopped_at as at, count(*) as n
    from run r cross join lateral (values (r.code), (r.set_aside)) k (code) where k.code is not null group by 1, 2, 3
  )
  select (select coalesce(jsonb_agg(jsonb_build_object('code', c.code, 'at', c.at, 'n', c.n)), '[]') from counted c),
    (select jsonb_object_agg(c.code, c.n) from (
      select code, sum(n) as n from counted where holds group by code) c),
    (select coalesce(jsonb_object_agg(h.code, h.accounts), '{}') from (
      select o.code, jsonb_object_agg(o.account, o.n) as accounts from (
        select r.code, coalesce(((r.decided).candidate).account, '') as account, count(*) as n
        from run r where r.code in ('ACCOUNT_BROKEN', 'SUSPECT_DATA', 'VALUE_NOT_MEASURED') group by 1, 2) o
      group by o.code) h),
    -- as they are carried out, should the time not suffice for all: what takes first, the most money first; then
    -- what adds, the most certain first
    array(select r.decided from run r
      cross join lateral (select coalesce((r.decided).direction in ('up', 'resume')
          or (r.decided).new_budget > ((r.decided).candidate).budget, false) as adds,
        ((r.decided).candidate).budget - case when (r.decided).direction = 'pause' then 0
                                              else (r.decided).new_budget end as takes) m
      where r.verdict <> 'hold'
      order by m.adds, case when m.adds then (r.decided).confidence::numeric else m.takes end desc nulls last,
        r.campaign_id),
    array(select r.decided from run r where r.verdict = 'hold' order by r.campaign_id limit p_shown),
    (select coalesce(jsonb_agg(jsonb_build_object('campaign_id', r.campaign_id, 'direction', (r.decided).direction,
        'rule_id', (r.decided).rule_id, 'confidence', (r.decided).confidence)), '[]')
      from run r where r.code = 'HOLDOUT'),
    (select jsonb_object_agg(r.id, autonomy.rule_version(r.condition, r.action)) from public.autonomous_rules r)
  into codes, held, held_of_accounts, chosen, held_first, held_out, versions;
  totals := autonomy.totals_told(chosen, p_now);
  observed := '{}';
  if held ? 'OBSERVE' then
    select o.counts, o.entries into observed, would from autonomy.observed_decisions(held_first, p_portfolio, p_now) o;
  end if;
end $$;
comment on function autonomy.run_decisions(jsonb, integer, timestamptz) is
  'What a run over all campaigns decides: how many decisions of each code (codes, as breaker_reports takes them; of '
  'those that are held alone: held, and where that says something of an account: held_of_accounts), '
  'those to be carried out or proposed (chosen), the first p_shown of the held, what would be done in accounts that '
  'are only observed (observed: counts; would: what is said of these held ones), those held out for comparison, the '
  'version of each rule, and what it does in accounts with a total. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.carry_out_chosen(
  p_run_id uuid, p_lease jsonb, p_chosen autonomy.decided[], p_versions jsonb, p_shown integer, p_now timestamptz,
  p_until timestamptz,
  out outcomes text[], out stopped text[], out actions jsonb, out failed jsonb)
language plpgsql set search_path = ''
as $$
declare
  v_batch_limit constant integer := 5000;
  v_told autonomy.told[];
  v_results autonomy.result[];
begin
  outcomes := '{}';     -- what became of each chosen decision, in their order; of the first, where time was up
  stopped := '{}';      -- the codes of those that apply held (the freeze came meanwhile)
  actions := '[]';      -- p_shown of them, as the summary lists them
  failed := '[]';
  for v_start in 1 .. cardinality(p_chosen) by v_batch_limit loop
    exit when v_start > 1 and clock_timestamp() >= p_until;  -- one batch at least, so that every run gets on
    v_told := array(select t from autonomy.told_decisions(p_chosen[v_start : v_start + v_batch_limit - 1]) t
                    order by t.campaign_id);
    if p_lease ->> 'mode' <> 'observe' then
      v_results := autonomy.apply(p_run_id, (p_lease ->> 'lease_token')::uuid, array(
        select row(row_number() over (order by t.campaign_id), md5(p_run_id::text || t.campaign_id)::uuid,
          t.campaign_id, t.rule_id, t.verdict, t.action_type, t.confidence,
          (t.previous).status, (t.previous).budget, (t.new).status, (t.new).budget,
          t.code, null, t.reason, to_jsonb(t.previous), to_jsonb(t.new), t.evidence, t.expected_impact,
          p_versions ->> t.rule_id::text)::autonomy.decision
        from unnest(v_told) t), p_now);
    else
      v_results := array(
        select row(null, null, t.campaign_id, case t.verdict when 'act' then 'would act' else 'would propose' end,
                   null, null)::autonomy.result
        from unnest(v_told) t);
    end if;
    select outcomes || array_agg(r.status order by c.ordinality),
      stopped || coalesce(array_agg(r.error) filter (where r.status = 'held'), '{}')
    into outcomes, stopped
    from unnest(p_chosen[v_start : v_start + v_batch_limit - 1]) with ordinality c
    join unnest(v_results) r using (campaign_id);
    failed := failed || (
      select coalesce(jsonb_agg(jsonb_build_object('campaign_id', t.campaign_id, 'title', t.title,
        'action_type', t.action_type, 'code', r.error, 'message', r.message) order by t.campaign_id), '[]')
      from unnest(v_results) r join unnest(v_told) t using (campaign_id) where r.status = 'failed');
    actions := actions || (
      select coalesce(jsonb_agg(autonomy.decision_entry(f.t)
        || jsonb_build_object('status', f.status)
        -- carried out, but not as decided: there was less room than that
        || case when f.status = 'executed' and f.message is not null
             then jsonb_build_object('reason', (f.t).reason || ' ' || f.message) else '{}' end
        order by f.campaign_id), '[]')
      from (select t, r.status, r.message, r.campaign_id
            from unnest(v_results) r join unnest(v_told) t using (campaign_id)
            where r.status not in ('failed', 'held') order by r.campaign_id
            limit p_shown - jsonb_array_length(actions)) f);
  end loop;
end $$;
comment on function autonomy.carry_out_chosen(uuid, jsonb, autonomy.decided[], jsonb, integer, timestamptz,
                                              timestamptz) is
  'Carries out what a run inside the database has chosen, in batches, or says in observe mode what it would do. After '
  'p_until it begins none but the first: what is left the next run decides again. A part of run_autonomous_operations, '
  'no use by itself. Raises AO007. [autonomous-operations]';

create function autonomy.held_with(p_held jsonb, p_stopped text[]) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(h.code, h.n), '{}')
    from (select code, sum(n) as n from (
            select key as code, value::bigint as n from jsonb_each_text(p_held)
            union all select s, 1 from unnest(p_stopped) s) c
          group by code) h);
end $$;
comment on function autonomy.held_with(jsonb, text[]) is
  'How many decisions each code holds, those beside that were stopped when it came to carrying out. Pure. '
  '[autonomous-operations]';

create function autonomy.time_was_up(p_left integer) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return case when p_left > 0
    then jsonb_build_object('deadline_reached', true, 'decisions_left_for_next_run', p_left) else '{}' end;
end $$;
comment on function autonomy.time_was_up(integer) is
  'What a run''s result says where there was no time for so many decisions. Pure. [autonomous-operations]';

create function autonomy.actions_taken(
  p_chosen autonomy.decided[], p_outcomes text[], p_mode text, p_opportunities jsonb) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return (
    with taken as (
      select d.action_type, o.status in ('pending', 'would propose') as proposed,
        o.status in ('executed', 'would act') or p_mode = 'approve' and o.status = 'pending' as counts
      from unnest(p_chosen) with ordinality d
      join unnest(p_outcomes) with ordinality o (status, ordinality) using (ordinality)
    )
    select jsonb_build_object(
      'campaigns_paused', count(*) filter (where t.counts and t.action_type = 'auto_pause'),
      'campaigns_scaled', count(*) filter (where t.counts and t.action_type = 'auto_scale_up'),
      'campaigns_scaled_down', count(*) filter (where t.counts and t.action_type = 'auto_scale_down'),
      'budgets_optimized', count(*) filter (where t.counts and t.action_type = 'budget_adjusted'),
      'campaigns_resumed', count(*) filter (where t.counts and t.action_type = 'auto_resume'),
      'actions_proposed', count(*) filter (where t.proposed),
      'opportunities_detected', p_opportunities)
    from taken t);
end $$;
comment on function autonomy.actions_taken(autonomy.decided[], text[], text, jsonb) is
  'How many of each kind of action a run took, from what it chose and what became of each, in the same order. Only '
  'computes; safe to call again; raises nothing. [autonomous-operations]';

create function public.run_autonomous_operations(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s' set work_mem = '64MB'
as $$
declare
  v_shown constant integer := 100;  -- entries of the summary's lists; the counts are of all
  v_began timestamptz := clock_timestamp(); v_until timestamptz := autonomy.run_until(clock_timestamp());
  v_run_id uuid := gen_random_uuid();
  v_lease jsonb; v_mode text; v_portfolio jsonb;
  v_codes jsonb;                 -- code -> how many decisions
  v_versions jsonb;              -- rule -> its version, as decided by
  v_chosen autonomy.decided[]; v_held_first autonomy.decided[];
  v_outcomes text[];             -- what became of each chosen decision, in their order
  v_stopped text[];              -- the codes of those that apply held
  v_actions jsonb; v_failed jsonb;
  v_held jsonb; v_held_of_accounts jsonb; v_held_out jsonb; v_totals jsonb; v_observed jsonb; v_would jsonb;
  v_around jsonb; v_result jsonb;
begin
  perform autonomy.hold_schema();
  v_lease := autonomy.lease_or_error(v_run_id, p_now);
  -- Before the policy's row is written (the prior): that is the order in which apply locks the two.
  perform autonomy.lock_effects();
  perform autonomy.prepare_run(p_now);
  v_portfolio := public.portfolio_state(p_now);
  update public.autonomous_runs set summary = summary || jsonb_build_object('portfolio', v_portfolio)
    where id = v_run_id;
  perform autonomy.leave_out_broken_days(v_portfolio, p_now);
  v_mode := v_lease ->> 'mode';

  -- Everything is decided before anything is done, so that the breakers see the whole run. What is
  -- put into words is only what is written down or shown.
  select d.codes, d.held, d.held_of_accounts, d.chosen, d.held_first, d.held_out, d.versions, d.totals, d.observed,
    d.would
  into v_codes, v_held, v_held_of_accounts, v_chosen, v_held_first, v_held_out, v_versions, v_totals, v_observed,
    v_would from autonomy.run_decisions(v_portfolio, v_shown, p_now) d;
  select c.outcomes, c.stopped, c.actions, c.failed into v_outcomes, v_stopped, v_actions, v_failed
  from autonomy.carry_out_chosen(v_run_id, v_lease, v_chosen, v_versions, v_shown, p_now, v_until) c;
  v_totals := autonomy.totals_left(v_totals, v_chosen[cardinality(v_outcomes) + 1 :], p_now);
  v_held := autonomy.held_with(v_held, v_stopped);
  perform autonomy.note_held_out(v_held_out, p_now) where v_mode <> 'observe';
  v_around := case when clock_timestamp() < v_until then autonomy.look_around(v_mode <> 'observe', p_now)
    else '{"opportunities_detected": 0, "actions_measured": 0, "warnings": []}' end;

  v_result := jsonb_build_object(
    'success', true,
    'timestamp', to_char(p_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'run_id', v_run_id, 'mode', v_mode, 'dry_run', false, 'shard', null, 'reason', null,
    'actions_taken', autonomy.actions_taken(v_chosen, v_outcomes, v_mode, v_around -> 'opportunities_detected'),
    'campaigns_evaluated', autonomy.active_campaigns(null, v_portfolio),
    'held', v_held, 'held_because', autonomy.reasons_held(v_held), 'held_of_accounts', v_held_of_accounts,
    'held_decisions', (
      select coalesce(jsonb_agg(coalesce(v_would -> t.campaign_id::text, autonomy.decision_entry(t)
                                || jsonb_build_object('code', t.code)) order by t.campaign_id), '[]')
      from autonomy.told_decisions(v_held_first) t),
    'actions', (
      select coalesce(jsonb_agg(a.a order by a.a ->> 'action_type', (a.a -> 'confidence')::numeric desc, a.n), '[]')
      from jsonb_array_elements(v_actions) with ordinality a (a, n)),
    'failed', v_failed, 'observed', v_observed,
    'rules_skipped', autonomy.skipped_rules(false),
    'breakers', autonomy.breaker_reports(v_portfolio, v_codes), 'totals', v_totals,
    'warnings', (v_around -> 'warnings') || autonomy.run_warnings() || autonomy.feed_warnings()
      || autonomy.total_warnings(p_now),
    'actions_measured', v_around -> 'actions_measured',
    'duration_ms', round(extract(epoch from clock_timestamp() - v_began) * 1000))
    || case when v_lease ? 'simulated' then '{"simulated": true}' else '{}' end::jsonb
    || autonomy.time_was_up(cardinality(v_chosen) - cardinality(v_outcomes));
  perform public.finish_autonomous_run(v_run_id, (v_lease ->> 'lease_token')::uuid, v_result, null, 200, p_now);
  return v_result;
end $$;
comment on function public.run_autonomous_operations(timestamptz) is
  'A whole run inside the database: decides, carries out, detects, measures; returns the result object. For Supabase '
  'Cron and the SQL editor. Safe to call again: a second run finds what the first left, and cooldowns hold. Raises '
  'AO008 (another run is in progress), AO014 (p_now is not the clock''s), AO015 (the database is being upgraded), '
  'AO002 (no policy). [autonomous-operations]';

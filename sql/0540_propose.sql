-- The decisions as autonomy/engine words them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.campaign_state as (status text, budget numeric);
comment on type autonomy.campaign_state is 'What an action changes of a campaign. [autonomous-operations]';

create type autonomy.match as (rule_name text, code text);
comment on type autonomy.match is 'A rule that matched, and what became of that. [autonomous-operations]';

create type autonomy.measures as (
  impressions float8, reach float8, clicks float8, conversions float8, spend float8, revenue float8);
comment on type autonomy.measures is 'The six measures of a campaign, of one window. [autonomous-operations]';

create type autonomy.evidence as (
  spend float8, conversions float8, revenue float8, cv2 float8, days float8, matured_share float8, has_history boolean,
  prior jsonb, probability_below float8, break_even float8, judged_by text, target_cpa float8,
  attribution_factor float8,
  metrics autonomy.measures,
  matched autonomy.match[], limits text[],
  effective_spend float8, reference_budget numeric, curvature numeric, total jsonb);
comment on type autonomy.evidence is
  'What a decision rests on, as the log of actions keeps it. [autonomous-operations]';

create type autonomy.told as (
  campaign_id uuid, title text, verdict text, code text, action_type text, rule_id uuid, rule_name text,
  previous autonomy.campaign_state, new autonomy.campaign_state, confidence float8, limits text[], break_even float8,
  matched autonomy.match[], params autonomy.params, reason text, evidence jsonb, expected_impact jsonb);
comment on type autonomy.told is
  'A decision in words and with its evidence; its columns are the keys that it has in JSON. [autonomous-operations]';

create function autonomy.told_decisions(p_decided autonomy.decided[]) returns setof autonomy.told
language plpgsql stable set search_path = '' set jit = off set timezone = 'UTC' set extra_float_digits = 1
as $$
begin
  return query
  select r.campaign_id, (r.candidate).title, r.verdict, r.code, r.action_type, r.rule_id, r.rule_name,
    row((r.candidate).status, (r.candidate).budget)::autonomy.campaign_state,
    row(case when r.verdict <> 'hold' and r.direction in ('pause', 'resume') then r.new_status
             else (r.candidate).status end, n.new_budget)::autonomy.campaign_state,
    r.confidence, r.limits, r.break_even, m.matched, q.params,
    coalesce(format(b.pattern || w.pattern, variadic autonomy.words(b.words || w.words, r, f.p, q.params)), r.code)
      || case when r.code = 'PAUSE_BREAKER'
         then (select s.pattern from autonomy.sentences() s where s.name = 'many_pauses') else '' end,
    to_jsonb(row((r.candidate).ev_spend, (r.candidate).ev_conversions,
      case when r.cpa is null then (r.candidate).ev_revenue else r.cpa * (r.candidate).ev_conversions end,
      case when r.cpa is null then (r.candidate).cv2 else 0 end,
      (r.candidate).ev_days, (r.candidate).matured_share, (r.candidate).has_history,
      case when r.cpa is null then k.prior
        else jsonb_build_object('mean_roi', 1, 'tau2', 0.64, 'order_value', r.cpa, 'cv2', 0, 'order_spread', 0.16,
          'curvature', (f.p).curvature) end,
      r.below, r.break_even, case when r.cpa is null then 'roi' else 'cpa' end, r.cpa,
      (r.candidate).attribution,
      row((r.candidate).impressions, (r.candidate).reach, (r.candidate).clicks, (r.candidate).conversions,
          (r.candidate).spend, (r.candidate).revenue)::autonomy.measures,
      m.matched, r.limits, (r.candidate).ev_effective_spend, nullif((r.candidate).reference_budget, 'NaN'),
      coalesce((r.candidate).curvature::numeric, (f.p).curvature),
      case when r.kind = 'total' then jsonb_build_object('code', r.total_code, 'ceiling', r.total_ceiling,
        'active_budget', r.total_budget) end)::autonomy.evidence),
    case when r.verdict = 'hold' then '{}' else autonomy.expected_impact_of(
      r.direction, r.plan_break_even,
      coalesce((r.new_budget::numeric(40, 20) / nullif((r.candidate).budget, 0))::float8 - 1::float8, 0::float8),
      autonomy.budget_share((r.candidate).budget, (r.candidate).reference_budget),
      coalesce((r.candidate).curvature, (f.p).curvature::float8),
      r.log_roi, (r.candidate).ev_spend, (r.candidate).ev_days, (r.candidate).budget) end
  from unnest(p_decided) r
  cross join public.autonomy_policy p
  join autonomy.policies_of(array(select distinct (d.candidate).account from unnest(p_decided) d)) f
    on f.account = coalesce((r.candidate).account, '')
  -- `offset 0`: computed once, not at every mention
  cross join lateral (select jsonb_build_object(
    'mean_roi', (f.p).prior_mean_roi, 'tau2', (f.p).prior_tau2, 'order_value', (f.p).prior_order_value,
    'cv2', (f.p).prior_cv2, 'order_spread', (f.p).prior_order_spread,
    'curvature', (f.p).curvature) as prior offset 0) k
  cross join lateral (select
    case when r.verdict = 'hold' or r.direction = 'pause' then (r.candidate).budget
         else r.new_budget end as new_budget) n
  cross join lateral (
    select array_agg(row(u.name, case when u.n = r.chosen then r.code else u.code end)::autonomy.match
                     order by u.n) as matched
    from unnest(r.matched_names, r.matched_codes) with ordinality as u (name, code, n) offset 0) m
  left join autonomy.candidate_windows(
    array(select d.campaign_id from unnest(p_decided) d where d.win <> 'lifetime'),
    array(select distinct d.win from unnest(p_decided) d where d.win <> 'lifetime')) x on x.campaign_id = r.campaign_id
  cross join lateral (select autonomy.decision_params(
    r.candidate, r.confidence, r.break_even, r.plan_break_even, r.cpa, r.win, x.windows -> r.win,
    n.new_budget, r.log_roi, coalesce((r.candidate).curvature, (f.p).curvature::float8),
    r.target_budget, r.asked) as params offset 0) q
  left join autonomy.sentences() b on b.name = 'begin.' || case when r.kind = 'total' then 'total'
                                                                 else r.direction end || case
    when r.verdict = 'hold' then '.held.'
    else case when r.verdict = 'propose' then '.proposed.'
           when 'on' in (current_setting('autonomy.as_if_acting', true), case p.mode when 'observe' then 'on' end)
             then '.would.' else '.done.' end
      || coalesce(r.limits[cardinality(r.limits)], '') end
  left join autonomy.sentences() w on w.name = case
    when r.verdict = 'hold' then r.code || '.' || autonomy.variant(r, f.p)
    when r.kind = 'total' then 'why.total.' || r.total_code
    else 'why.' || r.direction
      || case when r.cpa is not null then '.cpa' when r.kind = 'curve' then '.curve' else '' end end;
end $$;
comment on function autonomy.told_decisions(autonomy.decided[]) is
  'Decisions put into words, with their evidence. Only reads; safe to call again. [autonomous-operations]';

create function autonomy.decision_entry(p_told autonomy.told) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'campaign_id', p_told.campaign_id, 'title', p_told.title, 'currency', (p_told.params).currency,
    'action_type', p_told.action_type, 'rule_name', p_told.rule_name, 'previous', p_told.previous, 'new', p_told.new,
    'confidence', p_told.confidence, 'reason', p_told.reason);
end $$;
comment on function autonomy.decision_entry(autonomy.told) is
  'What a run''s summary says of one decision. Only computes; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.observed_decisions(
  p_held autonomy.decided[], p_portfolio jsonb, p_now timestamptz, out counts jsonb, out entries jsonb)
language plpgsql stable set search_path = ''
as $$
-- An account that is only observed is held as a whole. What would be done there is decided as if it were not.
declare
  v_would autonomy.decided[];
begin
  perform set_config('autonomy.as_if_acting', 'on', true);
  v_would := array(
    select d from autonomy.decided_run(int4range(0, 65536), false, p_now, p_portfolio) d
    where (d.candidate).account = any (autonomy.accounts_as_if_acting()));
  counts := (
    select coalesce(jsonb_object_agg(c.name, c.n), '{}') from (
      select case d.action_type when 'auto_pause' then 'campaigns_paused' when 'auto_scale_up' then 'campaigns_scaled'
          when 'auto_scale_down' then 'campaigns_scaled_down' when 'auto_resume' then 'campaigns_resumed'
          else 'budgets_optimized' end as name, count(*) as n
      from unnest(v_would) d where d.verdict <> 'hold' group by 1) c);
  entries := (
    select coalesce(jsonb_object_agg(t.campaign_id, autonomy.decision_entry(t) || jsonb_build_object(
      'code', 'OBSERVE',
      'reason', t.reason || (select s.pattern from autonomy.sentences() s where s.name = 'observed'))), '{}')
    from autonomy.told_decisions(array(
      select d from unnest(v_would) d
      where d.campaign_id in (select h.campaign_id from unnest(p_held) h where h.code = 'OBSERVE'))) t);
  perform set_config('autonomy.as_if_acting', '', true);
end $$;
comment on function autonomy.observed_decisions(autonomy.decided[], jsonb, timestamptz) is
  'What would be done in accounts that are only observed: how many of each kind of action, and of these held '
  'decisions (p_held) what a run''s summary says of each, by campaign. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.reasons_held(p_held jsonb) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return (select coalesce(jsonb_object_agg(c.code, c.means), '{}') from autonomy.codes() c where p_held ? c.code);
end $$;
comment on function autonomy.reasons_held(jsonb) is
  'Why decisions are held, from how many are for each code: the code''s meaning, as it goes on after "because". Pure. '
  '[autonomous-operations]';

create function autonomy.skipped_rules(p_include_inactive boolean) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('rule_name', r.rule_name, 'error', r.flaw)), '[]')
    from autonomy.rules_in_order(p_include_inactive) r where r.flaw is not null);
end $$;
comment on function autonomy.skipped_rules(boolean) is
  'The rules that a run passes over because they are bad, each with its flaw. Only reads; safe to call again. '
  '[autonomous-operations]';

create function autonomy.active_campaigns(p_shard text, p_portfolio jsonb) returns bigint
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return case when p_shard is null then (p_portfolio ->> 'active_campaigns')::bigint else (
    select count(*) from public.campaigns c
    where (c.status = 'active' or lower(c.status) = 'active')
      and autonomy.campaign_slot(c.id) <@ autonomy.shard_slots(p_shard)) end;
end $$;
comment on function autonomy.active_campaigns(text, jsonb) is
  'How many active campaigns a run looks at: of all, as portfolio_state counted them; of a shard, counted now. Only '
  'reads; safe to call again. [autonomous-operations]';

create function autonomy.breaker_reports(p_portfolio jsonb, p_counts jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_several boolean := jsonb_array_length(p_portfolio -> 'accounts') > 1;
begin
  return (
    with counted as (
      select c.one ->> 'code' as code, c.one ->> 'at' as at, (c.one ->> 'n')::bigint as n
      from jsonb_array_elements(p_counts) c (one)
    ),
    groups as (
      select g.account as at, g.account, g.currency, g.campaigns, g.budget, g.pauses, g.raised, g.lowered, g.tracking,
        g.told, g.value, g.worth
      from autonomy.breaker_groups(p_portfolio) g
      union all  -- raises and values of all accounts are counted by currency
      select 'currency:' || g.currency, null, g.currency, null, sum(g.budget), null, sum(g.raised), null, false, null,
        bool_or(g.value_of_currency), (select c -> 'value' from jsonb_array_elements(p_portfolio -> 'currencies') c
                                       where c ->> 'currency' is not distinct from g.currency)
      from autonomy.breaker_groups(p_portfolio) g where g.account is not null and v_several group by g.currency
    ),
    told as (
      select r.*, g.at, case when v_several then g.account end as account,
        case when v_several and g.account is not null then format('In account "%s": ', g.account)
             when g.campaigns is null then coalesce('In ' || substr(g.at, 10) || ': ', '') else '' end as prefix
      from groups g
      left join autonomy.policies_of(array(select x.account from groups x)) f on f.account = g.account
      cross join public.autonomy_policy o
      cross join lateral (select coalesce(f.p, o) as p) z
      left join lateral (select sum(c.n) filter (where c.code = 'TRACKING_BREAKER') as tracking,
          sum(c.n) filter (where c.code = 'VALUE_BREAKER') as value,
          sum(c.n) filter (where c.code = 'SHRINK_BREAKER') as shrinking,
          sum(c.n) filter (where c.code = 'PAUSE_BREAKER') as pauses,
          sum(c.n) filter (where c.code = 'GROWTH_BREAKER') as growth
        from counted c where c.at is not distinct from g.at) s on true
      cross join lateral (values
        (3, g.tracking, 'TRACKING_BREAKER',
         format('conversions of the last %s hours are missing (%s of %s expected): tracking looks broken, nothing is '
                'judged by them', g.told ->> 'hours', round((g.told ->> 'observed')::float8),
                round((g.told ->> 'expected')::float8)),
         coalesce(s.tracking, 0), (z.p).tracking_breaker_ratio::float8),
        (4, g.value, 'VALUE_BREAKER',
         format('the last conversions (%s) are worth %s times what is usual: values look broken, nothing is judged by '
                'them', round((g.worth ->> 'orders')::float8), g.worth ->> 'level'),
         coalesce(s.value, 0), (z.p).value_breaker_factor::float8),
        (5, s.shrinking > 0 and g.campaigns is not null, 'SHRINK_BREAKER',
         format('cuts of 24 hours would take more than %s a day', autonomy.amount_words(
           (z.p).shrink_breaker_share * greatest(g.budget + g.lowered - g.raised, 0), g.currency)), s.shrinking,
         ((z.p).shrink_breaker_share * greatest(g.budget + g.lowered - g.raised, 0))::float8),
        (6, s.pauses > 0 and g.campaigns is not null, 'PAUSE_BREAKER',
         format('%s pauses in 24 hours of %s campaigns: a person decides them', s.pauses + g.pauses,
                g.campaigns + g.pauses), s.pauses, greatest((z.p).pause_breaker_count::float8,
          (z.p).pause_breaker_share::float8 * (g.campaigns + g.pauses)::float8)),
        (7, s.growth > 0 and (not v_several or g.account is not null or g.campaigns is null), 'GROWTH_BREAKER',
         format('raises of 24 hours would add more than %s a day', autonomy.amount_words(
           (z.p).growth_breaker_share * greatest(g.budget - g.raised, 0), g.currency)), s.growth,
         ((z.p).growth_breaker_share * greatest(g.budget - g.raised, 0))::float8)
      ) r (n, tripped, code, message, stopped, most)
      where r.tripped
      union all
      select r.*, null, null, ''
      from public.autonomy_policy p
      cross join (select coalesce(sum(c.n) filter (where c.code = 'FROZEN'), 0) as frozen,
        coalesce(sum(c.n) filter (where c.code = 'VALUE_NOT_MEASURED'), 0) as valueless from counted c) s
      cross join lateral (values
        (1, p.frozen, 'FROZEN', 'the system is frozen: nothing is changed', s.frozen, 0::float8),
        (2, s.valueless > 0, 'VALUE_NOT_MEASURED',
         format('conversions of %s without any value: nothing is judged by roi there; feed their revenue, or what a '
                'conversion is worth', autonomy.counted_words(s.valueless, 'campaign')), s.valueless, 0::float8)
      ) r (n, tripped, code, message, stopped, most)
      where r.tripped
    )
    select coalesce(jsonb_agg(jsonb_build_object('code', t.code, 'message', t.prefix || t.message,
        'count', t.stopped, 'limit', t.most)
        || case when t.account is null then '{}' else jsonb_build_object('account', t.account) end
      order by t.n, t.account is null, t.account collate "C", t.at collate "C" nulls first), '[]')
    from told t);
end $$;
comment on function autonomy.breaker_reports(jsonb, jsonb) is
  'The breakers that are on, with how many decisions each changed: portfolio_state, and a list of how many decisions '
  '(n) have each code, by the account or currency whose breaker stopped them (at). Only reads. [autonomous-operations]';

create function public.propose_autonomous_actions(
  p_after uuid default null, p_limit int default 1000, p_shard text default null,
  p_include_inactive_rules boolean default false, p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
  set work_mem = '64MB' set extra_float_digits = 1
as $$
declare
  v_slots int4range := autonomy.shard_slots(p_shard);
  v_include boolean := coalesce(p_include_inactive_rules, false);
  v_portfolio jsonb;
  v_page autonomy.decided[];
  v_codes jsonb;
begin
  if p_limit is null or p_limit not between 1 and 5000 then
    raise exception using errcode = 'AO010',
      message = format('p_limit must be from 1 to 5000, not %s.', coalesce(p_limit::text, 'NULL'));
  end if;
  perform autonomy.checked_policy(p) from public.autonomy_policy p;
  v_portfolio := public.portfolio_state(p_now);
  with run as materialized (select d from autonomy.decided_run(v_slots, v_include, p_now, v_portfolio) d)
  select (select coalesce(jsonb_agg(to_jsonb(c)), '[]')
          from (select k.code, (r.d).stopped_at as at, count(*) as n from run r
                cross join lateral (values ((r.d).code), ((r.d).set_aside)) k (code)
                where k.code is not null group by 1, 2) c),
    array(select r.d from run r where p_after is null or (r.d).campaign_id > p_after order by (r.d).campaign_id
          limit p_limit)
  into v_codes, v_page;
  return jsonb_build_object(
    'decisions', (select coalesce(jsonb_agg(to_jsonb(t) order by t.campaign_id), '[]')
                  from autonomy.told_decisions(v_page) t),
    'next_after', case when cardinality(v_page) = p_limit then (v_page[p_limit]).campaign_id end,
    'rules_skipped', autonomy.skipped_rules(v_include),
    'breakers', autonomy.breaker_reports(v_portfolio, v_codes),
    'campaigns_evaluated', autonomy.active_campaigns(p_shard, v_portfolio));
end $$;
comment on function public.propose_autonomous_actions(uuid, int, text, boolean, timestamptz) is
  'What the engine would decide about every candidate, in pages by campaign id; the portfolio-wide guardrails look at '
  'all decisions before the page is cut. Only reads; safe to call again. Raises AO010 for a bad argument, '
  'AO002 where a limit is none. [autonomous-operations]';

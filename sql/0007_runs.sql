-- Runs: the lease of a shard, idempotency keys, and the whole run inside the database.
--
-- A run holds the slots of its shard while its row says 'running'; the exclusion constraint of
-- autonomous_runs lets no two runs that overlap say so at once. A lease that ran out is taken over
-- by marking its run abandoned; from then on its token opens nothing (AO007). Leases alone are
-- measured with clock_timestamp(): they are about processes, not about campaigns.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'notice';
set local check_function_bodies = off;

-- ---------------------------------------------------------------------------------------------
-- What is asked
-- ---------------------------------------------------------------------------------------------
-- The request with every default filled in, so that {} and {"dry_run": false} are the same request.
create function public.autonomy_run_request(p_request jsonb) returns jsonb
language plpgsql immutable set search_path = ''
as $$
declare
  v_key text;
  v_value jsonb;
begin
  if p_request is null or jsonb_typeof(p_request) <> 'object' then
    raise exception using errcode = 'AO010', message = 'The request must be an object.';
  end if;
  for v_key, v_value in select key, value from jsonb_each(p_request) loop
    if v_key not in ('dry_run', 'shard', 'include_inactive_rules', 'reason') then
      raise exception using errcode = 'AO010', message = format('%s: unknown field.', v_key),
        hint = 'Fields: dry_run, shard, include_inactive_rules, reason.';
    elsif v_value <> 'null' and v_key in ('dry_run', 'include_inactive_rules') and jsonb_typeof(v_value) <> 'boolean' then
      raise exception using errcode = 'AO010', message = format('%s: must be true or false.', v_key);
    elsif v_value <> 'null' and v_key in ('shard', 'reason') and jsonb_typeof(v_value) <> 'string' then
      raise exception using errcode = 'AO010', message = format('%s: must be a text.', v_key);
    end if;
  end loop;
  perform public.shard_slots(p_request ->> 'shard');
  if split_part(p_request ->> 'shard', '/', 2)::integer > 1024 then
    raise exception using errcode = 'AO010', message = 'shard: at most 1024 parts.';
  end if;
  if coalesce((p_request ->> 'include_inactive_rules')::boolean, false) and not coalesce((p_request ->> 'dry_run')::boolean, false) then
    raise exception using errcode = 'AO010', message = 'include_inactive_rules: only a dry run may try inactive rules.';
  end if;
  return jsonb_build_object(
    'dry_run', coalesce((p_request ->> 'dry_run')::boolean, false),
    'shard', p_request ->> 'shard',
    'include_inactive_rules', coalesce((p_request ->> 'include_inactive_rules')::boolean, false),
    'reason', p_request ->> 'reason');
end $$;
comment on function public.autonomy_run_request(jsonb) is
  'A run''s request, checked and with every default filled in. Only computes; safe to call again. Raises AO010 naming the field that is wrong. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Leases
-- ---------------------------------------------------------------------------------------------

create function public.autonomy_busy(p_run public.autonomous_runs) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  if p_run.trigger = 'migrate' then  -- autonomy/migrate.py holds the lease of all shards meanwhile
    raise exception using errcode = 'AO015', message = 'The database is being upgraded; nothing was done.',
      hint = 'It is safe to call again in some seconds.';
  end if;
  -- A run extends its lease while it works and mostly ends long before: no one need wait it out.
  return jsonb_build_object('outcome', 'busy', 'run_id', p_run.id, 'retry_after_seconds',
    least(60, greatest(1, ceil(extract(epoch from p_run.lease_expires_at - clock_timestamp()))::integer)));
end $$;
comment on function public.autonomy_busy(public.autonomous_runs) is
  'The answer to a caller who must wait for another run. Only computes; safe to call again. Raises AO015 where it is a migration that has the lease. [autonomous-operations]';

create function public.autonomy_started(p_run public.autonomous_runs) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return jsonb_build_object('outcome', 'started', 'lease_token', p_run.lease_token, 'mode', p_run.mode,
    'now', p_run.started_at) || case when p_run.summary ? 'simulated' then '{"simulated": true}' else '{}' end::jsonb;
end $$;
comment on function public.autonomy_started(public.autonomous_runs) is
  'The answer to a caller whose run has begun: its token and its moment. Only computes; safe to call again; raises nothing. [autonomous-operations]';

-- ON CONFLICT DO NOTHING rather than a caught exclusion_violation: it waits for a rival that has not
-- committed yet without the two ever waiting for each other.
create function public.autonomy_take_lease(
  p_run_id uuid, p_request jsonb, p_idempotency_key text, p_trigger text, p_lease_seconds integer,
  p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_hash text := md5(p_request::text);
  v_dry_run boolean := (p_request ->> 'dry_run')::boolean;
  v_slots int4range := public.shard_slots(p_request ->> 'shard');
  v_simulated boolean := public.simulated_moment(p_now);
  v_seen public.autonomous_runs;
  v_run public.autonomous_runs;
begin
  for v_try in 1 .. 10 loop
    -- Not of those that are held at this moment: they are just being extended.
    update public.autonomous_runs r set status = 'abandoned', finished_at = p_now
    where r.id in (select d.id from public.autonomous_runs d
                   where d.status = 'running' and d.lease_expires_at < clock_timestamp()
                   for update skip locked);

    select * into v_seen from public.autonomous_runs r where r.id = p_run_id;
    if not found and p_idempotency_key is not null then
      select * into v_seen from public.autonomous_runs r where r.idempotency_key = p_idempotency_key;
    end if;
    if v_seen.id is not null then
      if v_seen.request_hash is distinct from v_hash
         or v_seen.id = p_run_id and v_seen.idempotency_key is distinct from p_idempotency_key then
        return jsonb_build_object('outcome', 'mismatch');
      elsif v_seen.status = 'completed' and v_seen.response is not null then
        return jsonb_build_object('outcome', 'stored', 'response', v_seen.response,
                                  'response_status', v_seen.response_status);
      elsif v_seen.status = 'running' and v_seen.id = p_run_id then  -- its answer was lost
        update public.autonomous_runs set lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
        where id = p_run_id and status = 'running';
        return public.autonomy_started(v_seen) || '{"again": true}';
      elsif v_seen.status = 'running' then
        return public.autonomy_busy(v_seen);
      elsif v_seen.id = p_run_id then
        raise exception using errcode = 'AO010',
          message = format('Run %s has ended (%s); a new run needs a new id.', p_run_id, v_seen.status);
      end if;
      -- It left no answer: the key moves to the new run.
      update public.autonomous_runs set idempotency_key = null
      where id = v_seen.id and idempotency_key = p_idempotency_key and status <> 'running';
    end if;

    -- Looked at before the insert, which would wait for a rival that is just extending its lease.
    select * into v_seen from public.autonomous_runs r
    where r.status = 'running' and r.slots && v_slots and not v_dry_run
      and (p_idempotency_key is null or r.idempotency_key is distinct from p_idempotency_key)
    order by r.lease_expires_at desc limit 1;
    if found then
      return public.autonomy_busy(v_seen);
    end if;

    begin
      insert into public.autonomous_runs
        (id, idempotency_key, request_hash, trigger, slots, status, lease_token, lease_expires_at,
         started_at, dry_run, mode, summary)
      select p_run_id, p_idempotency_key, v_hash, p_trigger, case when not v_dry_run then v_slots end, 'running',
             gen_random_uuid(), clock_timestamp() + make_interval(secs => p_lease_seconds),
             p_now, v_dry_run, p.mode, jsonb_build_object('lease_seconds', p_lease_seconds)
               || case when v_simulated then '{"simulated": true}' else '{}' end::jsonb
      from public.autonomy_policy p
      on conflict do nothing
      returning * into v_run;
    exception when lock_not_available then  -- a rival takes long to begin
      return jsonb_build_object('outcome', 'busy', 'retry_after_seconds', 5, 'run_id', null);
    end;
    if v_run.id is not null then
      return public.autonomy_started(v_run);
    elsif not exists (select from public.autonomy_policy) then
      raise exception using errcode = 'AO002', message = 'autonomy_policy has no row, so there are no limits to act within.',
        hint = 'insert into autonomy_policy default values;';
    end if;
  end loop;
  return jsonb_build_object('outcome', 'busy', 'retry_after_seconds', 1, 'run_id', null);
end $$;
comment on function public.autonomy_take_lease(uuid, jsonb, text, text, integer, timestamptz) is
  'Takes the lease of a shard, or says why not. A part of begin_autonomous_run. Raises AO002, AO010, AO014, AO015. [autonomous-operations]';

create function public.autonomy_hold_lease(p_run_id uuid, p_lease_token uuid) returns public.autonomous_runs
language plpgsql set search_path = ''
as $$
declare
  v_run public.autonomous_runs;
begin
  update public.autonomous_runs r
  set lease_expires_at = clock_timestamp()
    + make_interval(secs => coalesce((r.summary ->> 'lease_seconds')::float8, 300::float8))
  where r.id = p_run_id and r.lease_token = p_lease_token and r.status = 'running'
  returning * into v_run;
  if not found then
    raise exception using errcode = 'AO007',
      message = format('Run %s does not hold its lease any more: it has ended, or another run took over.',
                       coalesce(p_run_id::text, 'NULL'));
  end if;
  return v_run;
end $$;
comment on function public.autonomy_hold_lease(uuid, uuid) is
  'Locks a run''s row, checks its token and extends its lease. A lease that ran out but was not taken over still holds. Safe to call again. Raises AO007 (lease lost). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Begin and finish
-- ---------------------------------------------------------------------------------------------
create function public.autonomy_prepare_run(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  -- The policy's row first, then actions: the order of every effect.
  begin
    perform public.fit_portfolio_prior(p_now => p_now);
  exception when others then
    raise warning 'The prior was not fitted: %', sqlerrm;  -- the last one still serves
  end;
  perform public.expire_pending_actions(p_now);
end $$;
comment on function public.autonomy_prepare_run(timestamptz) is
  'What a run does before it looks: fits the prior (at most once an hour), lets old proposals expire. Safe to call again. [autonomous-operations]';

create function public.begin_autonomous_run(
  p_run_id uuid, p_request jsonb default '{}', p_idempotency_key text default null,
  p_trigger text default 'http', p_lease_seconds integer default 300, p_page_limit integer default 1000,
  p_now timestamptz default now()) returns json
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_request jsonb := public.autonomy_run_request(p_request);
  v_shard text := v_request ->> 'shard';
  v_inactive boolean := (v_request ->> 'include_inactive_rules')::boolean;
  v_lease jsonb;
  v_portfolio jsonb;
begin
  perform public.autonomy_hold_schema();
  if p_run_id is null then
    raise exception using errcode = 'AO010', message = 'p_run_id is NULL: the caller makes the id of a run.';
  elsif p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
    raise exception using errcode = 'AO010', message = 'p_lease_seconds must be from 1 to 3600.';
  elsif p_page_limit is null or p_page_limit not between 1 and 5000 then
    raise exception using errcode = 'AO010', message = 'p_page_limit must be from 1 to 5000.';
  elsif length(p_idempotency_key) not between 1 and 255 then
    raise exception using errcode = 'AO010', message = 'The idempotency key must have 1 to 255 characters.';
  end if;
  v_lease := public.autonomy_take_lease(
    p_run_id, v_request, p_idempotency_key, coalesce(p_trigger, 'http'), p_lease_seconds, p_now);
  if v_lease ->> 'outcome' <> 'started' then
    return v_lease::json;
  end if;
  -- A run has one moment: one whose answer was lost keeps it, and has prepared what there is to prepare.
  p_now := (v_lease ->> 'now')::timestamptz;
  if not (v_request ->> 'dry_run')::boolean and not v_lease ? 'again' then
    perform public.autonomy_prepare_run(p_now);
  end if;
  v_portfolio := public.portfolio_state(p_now);
  update public.autonomous_runs set summary = summary || jsonb_build_object('portfolio', v_portfolio) where id = p_run_id;
  return json_build_object(
    'outcome', v_lease -> 'outcome', 'lease_token', v_lease -> 'lease_token', 'mode', v_lease -> 'mode',
    'run_id', p_run_id, 'now', v_lease -> 'now', 'simulated', v_lease ? 'simulated',
    'dry_run', v_request -> 'dry_run',
    -- a dry run has not fitted the prior, but judges by the one that a run would fit
    'policy', (select to_jsonb(p) || jsonb_build_object('prior_mean_roi', k -> 'mean_roi', 'prior_tau2', k -> 'tau2',
                 'prior_order_value', k -> 'order_value', 'prior_cv2', k -> 'cv2')
               from public.autonomy_policy p, public.prior_in_force(p_now) k),
    'rules', (select coalesce(jsonb_agg(to_jsonb(r) order by r.priority desc, r.rule_name collate "C", r.id), '[]')
              from public.autonomous_rules r where r.is_active or v_inactive),
    'portfolio', v_portfolio,
    'rule_versions', (select coalesce(jsonb_object_agg(r.id, public.rule_version(r.condition, r.action)), '{}')
                      from public.autonomous_rules r where r.is_active or v_inactive),
    'page', public.list_autonomous_candidates(
      p_limit => p_page_limit, p_shard => v_shard, p_include_inactive_rules => v_inactive, p_ahead => 20000, p_now => p_now),
    'campaigns_evaluated', public.active_campaigns(v_shard, v_portfolio));
end $$;
comment on function public.begin_autonomous_run(uuid, jsonb, text, text, integer, integer, timestamptz) is
  'Begins a run: takes the lease of its shard and gives its moment (now: what every later step is told), rules and their versions, policy, portfolio and the first page of candidates; or the stored answer of a key that was seen, mismatch, or busy. Safe to call again with the same run id: a lost answer is given again. Raises AO010 (argument), AO014 (p_now is not the clock''s), AO015 (the database is being upgraded), AO002 (no policy). [autonomous-operations]';

create function public.finish_autonomous_run(
  p_run_id uuid, p_lease_token uuid, p_summary jsonb, p_response text, p_response_status integer,
  p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_kept boolean := p_response_status < 500;
  v_run public.autonomous_runs;
begin
  if p_response_status is null or p_response_status not between 100 and 599 then
    raise exception using errcode = 'AO010', message = 'p_response_status must be an HTTP status, 100 to 599.';
  elsif p_now is distinct from (select r.started_at from public.autonomous_runs r where r.id = p_run_id) then
    perform public.simulated_moment(p_now);
  end if;
  update public.autonomous_runs r
  set status = case when v_kept then 'completed' else 'failed' end, summary = p_summary, finished_at = p_now,
      response = case when v_kept then p_response end, response_status = p_response_status
  where r.id = p_run_id and r.lease_token = p_lease_token and r.status = 'running'
  returning * into v_run;
  if not found then
    select * into v_run from public.autonomous_runs r
    where r.id = p_run_id and r.lease_token = p_lease_token and r.status in ('completed', 'failed');
    if not found then
      raise exception using errcode = 'AO007',
        message = format('Run %s does not hold its lease any more: another run took over.', coalesce(p_run_id::text, 'NULL'));
    end if;
  end if;
  return jsonb_build_object('run_id', v_run.id, 'status', v_run.status, 'finished_at', v_run.finished_at);
end $$;
comment on function public.finish_autonomous_run(uuid, uuid, jsonb, text, integer, timestamptz) is
  'Ends a run: stores summary and answer (one of 5xx is not stored, so its key may try again) and releases the lease. Safe to call again: the first answer stays. Raises AO007 (lease lost), AO010 (argument), AO014 (p_now is neither the clock''s nor the run''s). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The whole run inside the database
-- ---------------------------------------------------------------------------------------------
-- Detection must not undo what was done: each part fails alone, with a sentence in the summary.
create function public.autonomy_look_around(p_acts boolean, p_now timestamptz) returns jsonb
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
comment on function public.autonomy_look_around(boolean, timestamptz) is
  'Detects opportunities and measures the impact of actions, for a run that is over. Safe to call again; raises nothing. [autonomous-operations]';

create function public.run_autonomous_operations(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s' set work_mem = '64MB'
as $$
declare
  v_shown constant integer := 100;  -- entries of the summary's lists; the counts are of all
  v_batch_limit constant integer := 5000;
  v_began timestamptz := clock_timestamp();
  v_run_id uuid := gen_random_uuid();
  v_lease jsonb;
  v_mode text;
  v_acts boolean;
  v_portfolio jsonb;
  v_codes jsonb;                 -- code -> how many decisions
  v_versions jsonb;              -- rule -> its version, as decided by
  v_chosen public.autonomy_decided[];
  v_held_first public.autonomy_decided[];
  v_told public.autonomy_told[];
  v_results public.autonomy_result[];
  v_outcomes text[] := '{}';     -- what became of each chosen decision, in their order
  v_stopped text[] := '{}';      -- the codes of those that apply held (the freeze came meanwhile)
  v_actions jsonb := '[]';
  v_failed jsonb := '[]';
  v_held jsonb;
  v_around jsonb;
  v_result jsonb;
begin
  perform public.autonomy_hold_schema();
  v_lease := public.autonomy_take_lease(v_run_id, public.autonomy_run_request(jsonb '{}'), null, 'sql', 300, p_now);
  if v_lease ->> 'outcome' <> 'started' then
    raise exception using errcode = 'AO008',
      message = format('Another run is in progress (%s); nothing was done.', coalesce(v_lease ->> 'run_id', 'just begun')),
      hint = format('Call again in %s seconds.', v_lease ->> 'retry_after_seconds');
  end if;
  -- Before the policy's row is written (the prior): that is the order in which apply locks the two.
  perform public.autonomy_lock_effects();
  perform public.autonomy_prepare_run(p_now);
  v_portfolio := public.portfolio_state(p_now);
  update public.autonomous_runs set summary = summary || jsonb_build_object('portfolio', v_portfolio) where id = v_run_id;
  v_mode := v_lease ->> 'mode';
  v_acts := v_mode <> 'observe';

  -- Everything is decided before anything is done, so that the breakers see the whole run. What is
  -- put into words is only what is written down or shown.
  with run as materialized (
    select d.campaign_id, d.verdict, d.code, d as decided from public.decided_run(int4range(0, 65536), false, p_now, v_portfolio) d
  ), counted as (
    select r.verdict = 'hold' as held, r.code, count(*) as n from run r group by 1, 2
  )
  select (select jsonb_object_agg(c.code, c.n) from (select code, sum(n) as n from counted group by code) c),
    (select jsonb_object_agg(c.code, c.n) from counted c where c.held),
    array(select r.decided from run r where r.verdict <> 'hold' order by r.campaign_id),
    array(select r.decided from run r where r.verdict = 'hold' order by r.campaign_id limit v_shown),
    (select jsonb_object_agg(r.id, public.rule_version(r.condition, r.action)) from public.autonomous_rules r)
  into v_codes, v_held, v_chosen, v_held_first, v_versions;
  for v_start in 1 .. cardinality(v_chosen) by v_batch_limit loop
    v_told := array(select t from public.told_decisions(v_chosen[v_start : v_start + v_batch_limit - 1]) t order by t.campaign_id);
    if v_acts then
      v_results := public.autonomy_apply(v_run_id, (v_lease ->> 'lease_token')::uuid, array(
        select row(row_number() over (order by t.campaign_id), md5(v_run_id::text || t.campaign_id)::uuid,
          t.campaign_id, t.rule_id, t.verdict, t.action_type, t.confidence,
          (t.previous).status, (t.previous).budget, (t.new).status, (t.new).budget,
          t.code, null, t.reason, to_jsonb(t.previous), to_jsonb(t.new), t.evidence, t.expected_impact,
          v_versions ->> t.rule_id::text)::public.autonomy_decision
        from unnest(v_told) t), p_now);
    else
      v_results := array(
        select row(null, null, t.campaign_id, case t.verdict when 'act' then 'would act' else 'would propose' end, null, null)::public.autonomy_result
        from unnest(v_told) t);
    end if;
    select v_outcomes || array_agg(r.status order by r.campaign_id),
      v_stopped || coalesce(array_agg(r.error) filter (where r.status = 'held'), '{}')
    into v_outcomes, v_stopped from unnest(v_results) r;
    v_failed := v_failed || (
      select coalesce(jsonb_agg(jsonb_build_object('campaign_id', t.campaign_id, 'title', t.title,
        'action_type', t.action_type, 'code', r.error, 'message', r.message) order by t.campaign_id), '[]')
      from unnest(v_results) r join unnest(v_told) t using (campaign_id) where r.status = 'failed');
    v_actions := v_actions || (
      select coalesce(jsonb_agg(public.autonomy_decision_entry(f.t) || jsonb_build_object('status', f.status) order by f.campaign_id), '[]')
      from (select t, r.status, r.campaign_id from unnest(v_results) r join unnest(v_told) t using (campaign_id)
            where r.status not in ('failed', 'held') order by r.campaign_id
            limit v_shown - jsonb_array_length(v_actions)) f);
  end loop;
  select coalesce(jsonb_object_agg(h.code, h.n), '{}') into v_held
  from (select code, sum(n) as n from (
          select key as code, value::bigint as n from jsonb_each_text(v_held) union all select s, 1 from unnest(v_stopped) s) c
        group by code) h;
  v_around := public.autonomy_look_around(v_acts, p_now);

  with taken as (
    select d.action_type, o.status in ('pending', 'would propose') as proposed,
      o.status in ('executed', 'would act') or v_mode = 'approve' and o.status = 'pending' as counts
    from unnest(v_chosen) with ordinality d
    join unnest(v_outcomes) with ordinality o (status, ordinality) using (ordinality)
  )
  select jsonb_build_object(
    'success', true,
    'timestamp', to_char(p_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'run_id', v_run_id, 'mode', v_mode, 'dry_run', false, 'shard', null, 'reason', null,
    'actions_taken', jsonb_build_object(
      'campaigns_paused', count(*) filter (where t.counts and t.action_type = 'auto_pause'),
      'campaigns_scaled', count(*) filter (where t.counts and t.action_type = 'auto_scale_up'),
      'campaigns_scaled_down', count(*) filter (where t.counts and t.action_type = 'auto_scale_down'),
      'budgets_optimized', count(*) filter (where t.counts and t.action_type = 'budget_adjusted'),
      'campaigns_resumed', count(*) filter (where t.counts and t.action_type = 'auto_resume'),
      'actions_proposed', count(*) filter (where t.proposed),
      'opportunities_detected', v_around -> 'opportunities_detected'),
    'campaigns_evaluated', public.active_campaigns(null, v_portfolio),
    'held', v_held,
    'held_decisions', (
      select coalesce(jsonb_agg(public.autonomy_decision_entry(t) || jsonb_build_object('code', t.code) order by t.campaign_id), '[]')
      from public.told_decisions(v_held_first) t),
    'actions', (
      select coalesce(jsonb_agg(a.a order by a.a ->> 'action_type', (a.a -> 'confidence')::numeric desc, a.n), '[]')
      from jsonb_array_elements(v_actions) with ordinality a (a, n)),
    'failed', v_failed,
    'rules_skipped', public.skipped_rules(false),
    'breakers', public.breaker_reports(v_portfolio, v_codes),
    'warnings', v_around -> 'warnings',
    'actions_measured', v_around -> 'actions_measured',
    'duration_ms', round(extract(epoch from clock_timestamp() - v_began) * 1000))
    || case when v_lease ? 'simulated' then '{"simulated": true}' else '{}' end::jsonb
  into v_result from taken t;
  perform public.finish_autonomous_run(v_run_id, (v_lease ->> 'lease_token')::uuid, v_result, null, 200, p_now);
  return v_result;
end $$;
comment on function public.run_autonomous_operations(timestamptz) is
  'A whole run inside the database: decides, carries out, detects, measures; returns the result object. For Supabase Cron and the SQL editor. Safe to call again: a second run finds what the first left, and cooldowns hold. Raises AO008 (another run is in progress), AO014 (p_now is not the clock''s), AO015 (the database is being upgraded), AO002 (no policy). [autonomous-operations]';

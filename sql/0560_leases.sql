-- Runs: the lease of a shard, idempotency keys, and the whole run inside the database.
--
-- A run holds the slots of its shard while its row says 'running'; the exclusion constraint of
-- autonomous_runs lets no two runs that overlap say so at once. A lease that ran out is taken over
-- by marking its run abandoned; from then on its token opens nothing (AO007). Leases alone are
-- measured with clock_timestamp(): they are about processes, not about campaigns.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- What is asked
-- ---------------------------------------------------------------------------------------------
-- The request with every default filled in, so that {} and {"dry_run": false} are the same request.
create function autonomy.run_request(p_request jsonb) returns jsonb
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
    elsif v_value <> 'null' and v_key in ('dry_run', 'include_inactive_rules')
      and jsonb_typeof(v_value) <> 'boolean' then
      raise exception using errcode = 'AO010', message = format('%s: must be true or false.', v_key);
    elsif v_value <> 'null' and v_key in ('shard', 'reason') and jsonb_typeof(v_value) <> 'string' then
      raise exception using errcode = 'AO010', message = format('%s: must be a text.', v_key);
    end if;
  end loop;
  perform autonomy.shard_slots(p_request ->> 'shard');
  if split_part(p_request ->> 'shard', '/', 2)::integer > 1024 then
    raise exception using errcode = 'AO010', message = 'shard: at most 1024 parts.';
  end if;
  if coalesce((p_request ->> 'include_inactive_rules')::boolean, false)
    and not coalesce((p_request ->> 'dry_run')::boolean, false) then
    raise exception using errcode = 'AO010', message = 'include_inactive_rules: only a dry run may try inactive rules.';
  end if;
  return jsonb_build_object(
    'dry_run', coalesce((p_request ->> 'dry_run')::boolean, false),
    'shard', p_request ->> 'shard',
    'include_inactive_rules', coalesce((p_request ->> 'include_inactive_rules')::boolean, false),
    'reason', p_request ->> 'reason');
end $$;
comment on function autonomy.run_request(jsonb) is
  'A run''s request, checked and with every default filled in. Only computes; safe to call again. Raises AO010 naming '
  'the field that is wrong. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Leases
-- ---------------------------------------------------------------------------------------------
create function autonomy.busy(p_run public.autonomous_runs) returns jsonb
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
comment on function autonomy.busy(public.autonomous_runs) is
  'The answer to a caller who must wait for another run. Only computes; safe to call again. Raises AO015 where it is '
  'a migration that has the lease. [autonomous-operations]';

create function autonomy.started(p_run public.autonomous_runs) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return jsonb_build_object('outcome', 'started', 'lease_token', p_run.lease_token, 'mode', p_run.mode,
    'now', p_run.started_at) || case when p_run.summary ? 'simulated' then '{"simulated": true}' else '{}' end::jsonb;
end $$;
comment on function autonomy.started(public.autonomous_runs) is
  'The answer to a caller whose run has begun: its token and its moment. Only computes; safe to call again; raises '
  'nothing. [autonomous-operations]';

create function autonomy.seen_answer(
  p_seen public.autonomous_runs, p_run_id uuid, p_idempotency_key text, p_hash text, p_lease_seconds integer)
returns jsonb
language plpgsql set search_path = ''
as $$
begin
  if p_seen.request_hash is distinct from p_hash
     or p_seen.id = p_run_id and p_seen.idempotency_key is distinct from p_idempotency_key then
    return jsonb_build_object('outcome', 'mismatch');
  elsif p_seen.status = 'completed' and p_seen.response is not null then
    return jsonb_build_object('outcome', 'stored', 'response', p_seen.response,
                              'response_status', p_seen.response_status);
  elsif p_seen.status = 'running' and p_seen.id = p_run_id then  -- its answer was lost
    update public.autonomous_runs set lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    where id = p_run_id and status = 'running';
    return autonomy.started(p_seen) || '{"again": true}';
  elsif p_seen.status = 'running' then
    return autonomy.busy(p_seen);
  elsif p_seen.id = p_run_id then  -- its answer was lost, and so was its lease
    raise exception using errcode = 'AO007',
      message = format('Run %s has ended (%s); a new run needs a new id.', p_run_id, p_seen.status),
      hint = 'Nothing is done twice; call again.';
  end if;
  return null;
end $$;
comment on function autonomy.seen_answer(public.autonomous_runs, uuid, text, text, integer) is
  'The answer to a caller whose run or key has been seen before; null where that run left none, and a new one may '
  'begin. Extends the lease of a run that goes on; safe to call again. Raises AO007 (the run has ended), AO015. '
  '[autonomous-operations]';

-- ON CONFLICT DO NOTHING rather than a caught exclusion_violation: it waits for a rival that has not
-- committed yet without the two ever waiting for each other.
create function autonomy.take_lease(
  p_run_id uuid, p_request jsonb, p_idempotency_key text, p_trigger text, p_lease_seconds integer,
  p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_hash text := md5(p_request::text);
  v_dry_run boolean := (p_request ->> 'dry_run')::boolean;
  v_slots int4range := autonomy.shard_slots(p_request ->> 'shard');
  v_simulated boolean := autonomy.simulated_moment(p_now);
  v_seen public.autonomous_runs;
  v_answer jsonb;
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
      v_answer := autonomy.seen_answer(v_seen, p_run_id, p_idempotency_key, v_hash, p_lease_seconds);
      if v_answer is not null then
        return v_answer;
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
      return autonomy.busy(v_seen);
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
      return autonomy.started(v_run);
    elsif not exists (select from public.autonomy_policy) then
      raise exception using errcode = 'AO002',
        message = 'autonomy_policy has no row, so there are no limits to act within.',
        hint = 'insert into autonomy_policy default values;';
    end if;
  end loop;
  return jsonb_build_object('outcome', 'busy', 'retry_after_seconds', 1, 'run_id', null);
end $$;
comment on function autonomy.take_lease(uuid, jsonb, text, text, integer, timestamptz) is
  'Takes the lease of a shard, or says why not. A part of begin_autonomous_run. Raises AO002, AO007, AO014, AO015. '
  '[autonomous-operations]';

create function autonomy.hold_lease(p_run_id uuid, p_lease_token uuid) returns public.autonomous_runs
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
comment on function autonomy.hold_lease(uuid, uuid) is
  'Locks a run''s row, checks its token and extends its lease. A lease that ran out but was not taken over still '
  'holds. Safe to call again. Raises AO007 (lease lost). [autonomous-operations]';

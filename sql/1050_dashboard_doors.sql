-- Health, and the doors: failed sign-ins, ended sessions.
-- One transaction, so no index can be made concurrently: whoever writes to these tables waits for it.
-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.dashboard_failed_sign_ins (
  id bigint generated always as identity primary key,
  source text not null,
  failed_at timestamptz not null default now()
);
comment on table autonomy.dashboard_failed_sign_ins is
  'Failed tries to sign in, by a hash of where they came from; kept for an hour. [autonomous-operations]';
create index if not exists dashboard_failed_sign_ins_source
  on autonomy.dashboard_failed_sign_ins (source, failed_at);
create index if not exists dashboard_failed_sign_ins_time
  on autonomy.dashboard_failed_sign_ins (failed_at);

create table if not exists autonomy.dashboard_ended_sessions (
  session text primary key,
  ends_at timestamptz not null
);
comment on table autonomy.dashboard_ended_sessions is
  'Sessions that a person ended before their time. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Health
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_ready() returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'last_success_at', (
      select r.started_at from public.autonomous_runs r
      where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1),
    'schema', public.autonomy_schema_version());
$$;
comment on function public.dashboard_ready() is
  'What /readyz asks: when the last successful run began, and which migrations were applied. Reads only. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The doors: failed sign-ins, ended sessions
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_sign_in_state(
  p_source text, p_limit integer default 10, p_window_seconds integer default 900
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_since timestamptz := clock_timestamp() - make_interval(secs => p_window_seconds);
  v_oldest timestamptz;
begin
  -- Blocked while the last p_limit tries all lie within the window.
  select f.failed_at into v_oldest from autonomy.dashboard_failed_sign_ins f
  where f.source = left(p_source, 200) and f.failed_at >= v_since
  order by f.failed_at desc offset greatest(p_limit, 1) - 1 limit 1;
  return jsonb_build_object('blocked', v_oldest is not null, 'retry_after_seconds',
    coalesce(ceil(extract(epoch from v_oldest - v_since))::integer, 0));
end $$;
comment on function public.dashboard_sign_in_state(text, integer, integer) is
  '{"blocked", "retry_after_seconds"}: whether this source failed p_limit times within the window. Reads only. '
  '[autonomous-operations]';

create function public.dashboard_sign_in_failed(
  p_source text, p_limit integer default 10, p_window_seconds integer default 900
) returns jsonb language plpgsql set search_path = ''
as $$
begin
  delete from autonomy.dashboard_failed_sign_ins
  where failed_at < clock_timestamp() - make_interval(secs => 3600);
  insert into autonomy.dashboard_failed_sign_ins (source, failed_at) values (left(p_source, 200), clock_timestamp());
  return public.dashboard_sign_in_state(p_source, p_limit, p_window_seconds);
end $$;
comment on function public.dashboard_sign_in_failed(text, integer, integer) is
  'Counts a failed try and answers as dashboard_sign_in_state. Each call counts. [autonomous-operations]';

create function public.dashboard_end_session(p_session text, p_ends_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  delete from autonomy.dashboard_ended_sessions where ends_at < clock_timestamp();
  insert into autonomy.dashboard_ended_sessions (session, ends_at)
  values (left(p_session, 200), p_ends_at) on conflict do nothing;
end $$;
comment on function public.dashboard_end_session(text, timestamptz) is
  'Remembers an ended session until it would have run out anyway. Safe to call again. [autonomous-operations]';

create function public.dashboard_session_ended(p_session text) returns boolean
language sql stable set search_path = ''
as $$
  select exists (select from autonomy.dashboard_ended_sessions where session = left(p_session, 200));
$$;
comment on function public.dashboard_session_ended(text) is
  'Whether this session was ended. Reads only. [autonomous-operations]';

-- Runs begin and finish.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.prepare_run(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  -- The policy's row first, then actions: the order of every effect.
  begin
    perform autonomy.doubt_figures(p_now);  -- first: what is in doubt says nothing of an account
  exception when others then
    raise warning 'Figures were not doubted: %', sqlerrm;  -- what is doubtful stays held
  end;
  begin
    perform public.fit_portfolio_prior(p_now => p_now);
  exception when others then
    raise warning 'The prior was not fitted: %', sqlerrm;  -- the last one still serves
  end;
  begin
    perform autonomy.measure_accounts(p_now);
  exception when others then
    raise warning 'What accounts tell of themselves was not measured: %', sqlerrm;  -- what is in use goes on
  end;
  begin
    perform autonomy.rebuild_measured();
  exception when others then
    raise warning 'Facts were not brought up to what is measured: %', sqlerrm;  -- they are read as they were made
  end;
  begin
    perform autonomy.choose_measured(p_now);
  exception when others then
    raise warning 'No campaigns were chosen to tell by whether measurement works: %', sqlerrm;  -- all are ranked
  end;
  begin
    perform autonomy.refresh_totals(p_now);
  exception when others then
    raise warning 'The totals of accounts were not looked at: %', sqlerrm;  -- each is summed up where it is asked for
  end;
  perform public.expire_pending_actions(p_now);
  begin
    perform autonomy.retire(p_now);
  exception when others then
    raise warning 'What is too old was not let go: %', sqlerrm;  -- the next run tries again
  end;
end $$;
comment on function autonomy.prepare_run(timestamptz) is
  'What a run does before it looks: leaves out days that were in doubt for 24 hours, fits the priors (at most once an '
  'hour), measures how fast campaigns saturate and how late conversions come, sums up the months of accounts that have '
  'a total, lets old proposals expire and what was not delivered fail, and lets go of a slice of what is kept no '
  'longer. Safe to call again. [autonomous-operations]';

create function autonomy.platforms_due(p_shard text, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(x.account order by x.pulled_at nulls first, x.account), '[]')
    from autonomy.platform_accounts x
    where (x.lease_expires_at < clock_timestamp()) is not false
      and (x.not_before <= p_now) is not false
      and ((x.pulled_at > p_now - interval '10 minutes') is not true or x.cursor is not null)
      and autonomy.account_slot(x.account) <@ autonomy.shard_slots(p_shard));
end $$;
comment on function autonomy.platforms_due(text, timestamptz) is
  'The connected accounts of a shard that a run reads before it decides, the longest unread first: not those that '
  'were read within ten minutes, are being read, or must not be asked yet. Only reads. [autonomous-operations]';

create function autonomy.platforms_pushed(p_shard text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(x.account order by x.account), '[]')
    from autonomy.platform_accounts x
    where x.push <> 'off' and x.state = 'ok' and autonomy.account_slot(x.account) <@ autonomy.shard_slots(p_shard));
end $$;
comment on function autonomy.platforms_pushed(text) is
  'The connected accounts of a shard to whose platforms a run carries over what it has done. Only reads. '
  '[autonomous-operations]';

create function public.begin_autonomous_run(
  p_run_id uuid, p_request jsonb default '{}', p_idempotency_key text default null,
  p_trigger text default 'http', p_lease_seconds integer default 300, p_page_limit integer default 1000,
  p_now timestamptz default now()) returns json
language plpgsql set search_path = '' set statement_timeout = '28s'  -- its caller waits 30
as $$
declare
  v_request jsonb := autonomy.run_request(p_request);
  v_shard text := v_request ->> 'shard';
  v_inactive boolean := (v_request ->> 'include_inactive_rules')::boolean;
  v_lease jsonb;
  v_portfolio jsonb;
begin
  perform autonomy.hold_schema();
  if p_run_id is null then
    raise exception using errcode = 'AO010', message = 'p_run_id is NULL: the caller makes the id of a run.';
  elsif p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
    raise exception using errcode = 'AO010', message = 'p_lease_seconds must be from 1 to 3600.';
  elsif p_page_limit is null or p_page_limit not between 1 and 5000 then
    raise exception using errcode = 'AO010', message = 'p_page_limit must be from 1 to 5000.';
  elsif length(p_idempotency_key) not between 1 and 255 then
    raise exception using errcode = 'AO010', message = 'The idempotency key must have 1 to 255 characters.';
  end if;
  v_lease := autonomy.take_lease(
    p_run_id, v_request, p_idempotency_key, coalesce(p_trigger, 'http'), p_lease_seconds, p_now);
  if v_lease ->> 'outcome' <> 'started' then
    return v_lease::json;
  end if;
  -- A run has one moment: one whose answer was lost keeps it, and has prepared what there is to prepare.
  p_now := (v_lease ->> 'now')::timestamptz;
  perform autonomy.checked_policy(p) from public.autonomy_policy p;
  if not (v_request ->> 'dry_run')::boolean and not v_lease ? 'again' then
    perform autonomy.prepare_run(p_now);
  end if;
  v_portfolio := public.portfolio_state(p_now);
  update public.autonomous_runs set summary = summary || jsonb_build_object('portfolio', v_portfolio)
    where id = p_run_id;
  if not (v_request ->> 'dry_run')::boolean and not v_lease ? 'again' then
    perform autonomy.leave_out_broken_days(v_portfolio, p_now);
  end if;
  return json_build_object(
    'outcome', v_lease -> 'outcome', 'lease_token', v_lease -> 'lease_token', 'mode', v_lease -> 'mode',
    'run_id', p_run_id, 'now', v_lease -> 'now', 'simulated', v_lease ? 'simulated',
    'dry_run', v_request -> 'dry_run',
    'policy', (select to_jsonb(p) from public.autonomy_policy p),
    'account_policies', public.autonomy_account_policies(),
    -- a dry run has not fitted them, but judges by those that a run would fit
    'account_priors', public.autonomy_account_priors(p_now => p_now),
    'account_totals', public.autonomy_account_totals(p_now => p_now),
    'rules', (select coalesce(jsonb_agg(to_jsonb(r) || jsonb_build_object('flaw', o.flaw)
                                order by r.priority desc, r.rule_name collate "C", r.id), '[]')
              from autonomy.rules_in_order(v_inactive) o join public.autonomous_rules r on r.id = o.id),
    'portfolio', v_portfolio,
    'rule_versions', (select coalesce(jsonb_object_agg(r.id, autonomy.rule_version(r.condition, r.action)), '{}')
                      from public.autonomous_rules r where r.is_active or v_inactive),
    'page', public.list_autonomous_candidates(
      p_limit => p_page_limit, p_shard => v_shard, p_include_inactive_rules => v_inactive,
      p_ahead => 20000, p_now => p_now),
    'campaigns_evaluated', autonomy.active_campaigns(v_shard, v_portfolio),
    'warnings', autonomy.run_warnings() || autonomy.feed_warnings()
      || autonomy.total_warnings(p_now),
    -- to be read before deciding; then it is begun once more, with the same id
    'platforms', case when (v_request ->> 'dry_run')::boolean or v_lease ? 'again' then '[]'
                      else autonomy.platforms_due(v_shard, clock_timestamp()) end,
    'pushes', autonomy.platforms_pushed(v_shard),
    'validates', exists (select from autonomy.platform_accounts x where x.push = 'validate'));
end $$;
comment on function public.begin_autonomous_run(uuid, jsonb, text, text, integer, integer, timestamptz) is
  'Begins a run: takes the lease of its shard and gives its moment (now: what every later step is told), rules and '
  'their versions, policy, portfolio, the first page of candidates, and the connected accounts that are to be read '
  'before deciding (platforms) and those to whose platforms it carries over (pushes); or the stored answer of a key, '
  'mismatch, or busy. Safe to call again with the same run id: a lost answer is given again. Raises AO010 (argument), '
  'AO014 (p_now is not the clock''s), AO015 (the database is being upgraded), AO002 (no policy, or a limit that '
  'is none). [autonomous-operations]';

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
    perform autonomy.simulated_moment(p_now);
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
        message = format('Run %s does not hold its lease any more: another run took over.',
                         coalesce(p_run_id::text, 'NULL'));
    end if;
  end if;
  return jsonb_build_object('run_id', v_run.id, 'status', v_run.status, 'finished_at', v_run.finished_at);
end $$;
comment on function public.finish_autonomous_run(uuid, uuid, jsonb, text, integer, timestamptz) is
  'Ends a run: stores summary and answer (one of 5xx is not stored, so its key may try again) and releases the lease. '
  'Safe to call again: the first answer stays. Raises AO007 (lease lost), AO010 (argument), AO014 (p_now is neither '
  'the clock''s nor the run''s). [autonomous-operations]';

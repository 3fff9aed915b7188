-- A run's decisions: carried out as one set.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.write_items(
  p_run_id uuid, p_items autonomy.item[], p_decisions autonomy.decision[], p_now timestamptz)
returns autonomy.result[]
language plpgsql set search_path = ''
as $$
declare
  v_results autonomy.result[];
  v_undone bigint[];
begin
  perform set_config('autonomy.effect', '1', true);
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  with item as materialized (select * from unnest(p_items)),
  changed as (
    update public.campaigns c set status = i.status, budget = i.budget, updated_at = p_now
    from item i where c.id = i.campaign_id and i.outcome = 'execute'
    returning i.n, c.status, c.budget
  ),
  final as materialized (  -- what a trigger on campaigns made of it counts, not what was asked
    select i.*, c.status as got_status, c.budget as got_budget,
      case when i.outcome <> 'execute' then i.outcome
        when c.n is null or (c.status is not distinct from i.old_status and c.budget is not distinct from i.old_budget)
          then 'refused' else 'execute' end as came_out
    from item i left join changed c using (n)
  ),
  logged as (
    insert into public.autonomous_actions
      (id, run_id, campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score,
       expected_impact, evidence, status, error, created_at, executed_at, actor)
    select f.id, p_run_id, f.campaign_id, case when f.code is distinct from 'BAD_DECISION' then o.rule_id end,
      f.action_type, o.reason || case when f.came_out = 'execute' then coalesce(' ' || f.message, '') else '' end,
      -- a failure shows the state that was decided on, the others the state that was found
      case when f.came_out = 'fail' then o.previous_state
        else jsonb_build_object('status', f.old_status, 'budget', f.old_budget) end,
      case f.came_out when 'execute' then jsonb_build_object('status', f.got_status, 'budget', f.got_budget)
        when 'propose' then jsonb_build_object('status', f.status, 'budget', f.budget)
        else o.new_state end,
      case when f.code is distinct from 'BAD_DECISION' then o.confidence end,
      o.expected_impact,
      case when jsonb_typeof(o.evidence) = 'object' then o.evidence else '{}' end
        || case when f.action_type <> 'auto_resume' and o.rule_version is not null
             then jsonb_build_object('rule_version', o.rule_version) else '{}' end
        || case f.came_out when 'execute' then '{}'
             when 'propose' then jsonb_build_object('proposed_because', f.code, 'message', f.message)
             else jsonb_build_object('message', f.message,
                    'found', jsonb_build_object('status', f.old_status, 'budget', f.old_budget)) end,
      case f.came_out when 'execute' then 'executed' when 'propose' then 'pending' else 'failed' end,
      case f.came_out when 'fail' then f.code when 'refused' then 'REFUSED_BY_DATABASE' end,
      p_now, case f.came_out when 'execute' then p_now end, 'autonomy'
    from final f
    join unnest(p_decisions) o on o.n = f.n
    where f.came_out in ('execute', 'propose', 'refused')
       or f.came_out = 'fail' and f.action_type in (
            'auto_pause', 'auto_resume', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted')
          and not exists (select from public.autonomous_actions a where a.id = f.id)
    order by f.n
  ),
  noted as (
    insert into public.campaign_changes
      (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, action_id, kind, actor)
    select f.campaign_id, p_now, f.old_status, f.got_status, f.old_budget, f.got_budget, f.id, 'action', 'autonomy'
    from final f where f.came_out = 'execute' order by f.n
  )
  select array_agg(row(f.n, f.id, f.campaign_id,
      case f.came_out when 'execute' then 'executed' when 'propose' then 'pending'
        when 'hold' then 'held' when 'again' then 'again' else 'failed' end,
      case when f.came_out = 'refused' then 'REFUSED_BY_DATABASE' when f.came_out <> 'again' then f.code end,
      case when f.came_out = 'refused' then 'A trigger on campaigns did not let the campaign change.'
        when f.came_out <> 'again' then f.message end)::autonomy.result order by f.n),
    array_agg(f.n) filter (where f.came_out = 'execute'
                           and (f.got_status, f.got_budget) is distinct from (f.status, f.budget)
      and not autonomy.came_out(f.old_status, f.old_budget, f.status, f.budget, f.got_status, f.got_budget))
  into v_results, v_undone from final f;
  perform set_config('autonomy.effect', '', true);
  if v_undone is not null then  -- a pause that leaves it active is none: the caller does without those
    raise exception using errcode = 'AO099', message = 'undone', detail = v_undone::text;
  end if;
  return v_results;
end $$;
comment on function autonomy.write_items(uuid, autonomy.item[], autonomy.decision[], timestamptz) is
  'Carries out judged decisions as one set. A part of apply_autonomous_actions, no use by itself. Raises what '
  'constraints and triggers of the tables raise. [autonomous-operations]';

-- Where a constraint or a trigger of the installation refuses one campaign, the set is cut in
-- halves until that one stands alone: one bad row in 5,000 costs some 25 further statements.
create function autonomy.carry_out(
  p_run_id uuid, p_items autonomy.item[], p_decisions autonomy.decision[], p_now timestamptz)
returns autonomy.result[]
language plpgsql set search_path = ''
as $$
declare
  v_count integer := cardinality(p_items);
  v_half integer := cardinality(p_items) / 2;
  v_item autonomy.item;
  v_state text;
  v_message text;
  v_undone text;
begin
  if v_count = 0 then
    return '{}';
  end if;
  begin
    return autonomy.write_items(p_run_id, p_items, p_decisions, p_now);
  exception when sqlstate 'AO099' then
    get stacked diagnostics v_undone = pg_exception_detail;
  when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    -- no campaign's fault: deadlock, lock timeout, resources, shutdown, internal error
    if left(v_state, 2) in ('40', '53', '55', '57', '58', 'XX') then
      raise;
    end if;
  end;
  if v_undone is not null then
    return autonomy.carry_out(p_run_id, array(
      select case when i.n <> all (v_undone::bigint[]) then i
                  else row(i.n, i.id, i.campaign_id, i.action_type, 'fail', 'REFUSED_BY_DATABASE',
        'A trigger on campaigns made something else of the change.', i.old_status, i.old_budget,
        i.status, i.budget)::autonomy.item end
      from unnest(p_items) i order by i.n), p_decisions, p_now);
  elsif v_count > 1 then
    return autonomy.carry_out(p_run_id, p_items[:v_half], p_decisions[:v_half], p_now)
        || autonomy.carry_out(p_run_id, p_items[v_half + 1:], p_decisions[v_half + 1:], p_now);
  end if;
  v_item := p_items[1];
  if v_item.outcome = 'fail' then
    raise exception using errcode = 'XX000',
      message = format('A failure could not be logged: %s (%s)', v_message, v_state);
  end if;
  v_item.outcome := 'fail';
  v_item.code := 'REFUSED_BY_DATABASE';
  v_item.message := format('The database refused the change: %s (%s)', v_message, v_state);
  return autonomy.write_items(p_run_id, array[v_item], p_decisions, p_now);
end $$;
comment on function autonomy.carry_out(uuid, autonomy.item[], autonomy.decision[], timestamptz) is
  'Carries out judged decisions (p_items[i] is what is to become of p_decisions[i]); where the database refuses one, '
  'that one fails alone. A part of apply_autonomous_actions, no use by itself. [autonomous-operations]';

-- Until commit nobody changes these campaigns, nor a rule that is active or decided here: once an
-- UPDATE of a rule has returned, nothing more is done by what it said before.
create function autonomy.lock_decided(p_decisions autonomy.decision[]) returns autonomy.result[]
language plpgsql set search_path = ''
as $$
declare
  v_patience text := current_setting('lock_timeout');
  v_asked uuid[] := array(select o.campaign_id from unnest(p_decisions) o where o.campaign_id is not null);
  v_named uuid[] := array(select distinct o.rule_id from unnest(p_decisions) o where o.rule_id is not null);
  v_free uuid[];
  v_busy uuid[] := '{}';
  v_free_rules uuid[];
  v_busy_rules uuid[];
  v_resumes boolean;
begin
  begin
    perform set_config('lock_timeout', '2s', true);
    perform from (
      select c.id from public.campaigns c where c.id = any (v_asked) order by c.id for no key update) locked;
    perform set_config('lock_timeout', v_patience, true);
  exception when lock_not_available then
    -- A transaction that somebody left open on one campaign does not keep the others waiting.
    v_free := array(select c.id from public.campaigns c
                    where c.id = any (v_asked) order by c.id for no key update skip locked);
    v_busy := array(select c.id from public.campaigns c where c.id = any (v_asked) and c.id <> all (v_free));
  end;
  v_free_rules := array(select r.id from public.autonomous_rules r
                        where r.is_active or r.id = any (v_named) for share skip locked);
  v_busy_rules := array(select r.id from public.autonomous_rules r
                        where (r.is_active or r.id = any (v_named)) and r.id <> all (v_free_rules));
  if v_busy = '{}' and v_busy_rules = '{}' then
    return '{}';
  end if;
  v_resumes := v_busy_rules = '{}' or exists (
    select from public.autonomous_rules r where r.id = any (v_free_rules) and r.is_active);
  return array(  -- not logged, so that the same decision may come again
    select row(o.n, o.id, o.campaign_id, 'failed',
               case when o.campaign_id = any (v_busy) then 'CHANGED_MEANWHILE' else 'RULE_CHANGED' end,
      format('Somebody is changing %s at this moment; the next run decides again.',
             case when o.campaign_id = any (v_busy) then 'it' else 'its rule' end))::autonomy.result
    from unnest(p_decisions) o
    where (o.campaign_id = any (v_busy)
           or case when o.action_type = 'auto_resume' then not v_resumes else o.rule_id = any (v_busy_rules) end)
      and not exists (select from public.autonomous_actions a where a.id = o.id)
    order by o.n);
end $$;
comment on function autonomy.lock_decided(autonomy.decision[]) is
  'Locks the campaigns and rules of decisions until commit; gives what becomes of those whose campaign or rule '
  'somebody else is changing at this moment. A part of apply_autonomous_actions. Safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.newly_done(p_results autonomy.result[]) returns uuid[]
language plpgsql immutable set search_path = ''
as $$
begin
  return array(select r.action_id from unnest(p_results) r where r.status in ('executed', 'pending'));
end $$;
comment on function autonomy.newly_done(autonomy.result[]) is
  'The actions of results that were carried out or proposed now, and not accepted before (again). Pure. '
  '[autonomous-operations]';

create function autonomy.apply(
  p_run_id uuid, p_lease_token uuid, p_decisions autonomy.decision[], p_now timestamptz)
returns autonomy.result[]
language plpgsql set search_path = '' set work_mem = '64MB'
as $$
declare
  v_run public.autonomous_runs := autonomy.hold_lease(p_run_id, p_lease_token);
  v_policy public.autonomy_policy;
  v_left autonomy.result[];
  v_decisions autonomy.decision[] := p_decisions;
  v_adding autonomy.decision[] := '{}';
  v_items autonomy.item[];
  v_added autonomy.item[];
  v_results autonomy.result[];
  v_also autonomy.result[];
  v_portfolio jsonb;
begin
  perform autonomy.moment_error(p_now);
  if p_now <> v_run.started_at then
    raise exception using errcode = 'AO014',
      message = format('p_now is %s, but the moment of run %s is %s: a run has one.', p_now,
                       p_run_id, v_run.started_at),
      hint = 'Give apply the "now" that begin_autonomous_run answered with.';
  end if;
  if v_run.dry_run or v_run.mode = 'observe' then
    raise exception using errcode = 'AO010',
      message = format('Run %s is %s: it applies nothing.', p_run_id,
                       case when v_run.dry_run then 'a dry run' else 'in observe mode' end);
  end if;
  v_policy := autonomy.lock_effects(true);
  v_left := autonomy.lock_decided(p_decisions);
  if v_left <> '{}' then
    v_decisions := array(
      select o from unnest(p_decisions) o where not exists (select from unnest(v_left) l where l.n = o.n) order by o.n);
  end if;
  v_portfolio := case when v_run.summary -> 'portfolio' ? 'accounts' then v_run.summary -> 'portfolio'
                      else public.portfolio_state(p_now) end;
  -- What adds to an account with a total finds the room that has really been made.
  if exists (select from public.autonomy_accounts a where num_nonnulls(a.daily_total, a.monthly_total) > 0) then
    v_adding := array(select o from unnest(v_decisions) o
                      where o.action_type = 'auto_resume' or o.new_budget > o.old_budget order by o.n);
    v_decisions := array(select o from unnest(v_decisions) o
                         where (o.action_type = 'auto_resume' or o.new_budget > o.old_budget) is not true order by o.n);
  end if;
  v_items := autonomy.judge(p_run_id, v_decisions, v_policy, v_portfolio, autonomy.counted_done(p_run_id, p_now),
                            false, p_now);
  v_results := autonomy.carry_out(p_run_id, v_items, v_decisions, p_now);
  perform autonomy.count_done(autonomy.newly_done(v_results), p_now);
  if v_adding <> '{}' then
    v_added := autonomy.judge(p_run_id, v_adding, v_policy, v_portfolio, autonomy.counted_done(p_run_id, p_now),
                              false, p_now);
    v_items := v_items || v_added;
    v_also := autonomy.carry_out(p_run_id, v_added, v_adding, p_now);
    perform autonomy.count_done(autonomy.newly_done(v_also), p_now);
    v_results := v_results || v_also;
  end if;

  -- What was accepted before is answered as it was answered then.
  if exists (select from unnest(v_items) i where i.outcome = 'again') then
    v_results := array(
      select case when r.status <> 'again' then r else row(r.n, r.action_id, r.campaign_id,
        case a.status when 'rolled_back' then 'executed' else a.status end,
        coalesce(a.error, case when a.status = 'pending' then a.evidence ->> 'proposed_because' end),
        case when a.status in ('pending', 'failed') then a.evidence ->> 'message' end)::autonomy.result end
      from unnest(v_results) r
      left join public.autonomous_actions a on a.id = r.action_id
      order by r.n);
  end if;
  return array(select r from unnest(v_results || v_left) r order by r.n);  -- each in its place
end $$;
comment on function autonomy.apply(uuid, uuid, autonomy.decision[], timestamptz) is
  'Carries out a run''s decisions, each by itself, and extends the lease: what became of each, in the order given. '
  'What both kinds of run end in. Safe to call again: an action''s id is accepted once. Raises AO007 (lease lost), '
  'AO010 (dry run or observe mode), AO014 (p_now is not the run''s), AO002 (no policy). [autonomous-operations]';

create function public.apply_autonomous_actions(
  p_run_id uuid, p_lease_token uuid, p_decisions jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_results autonomy.result[];
begin
  if p_decisions is null or jsonb_typeof(p_decisions) <> 'array' or jsonb_array_length(p_decisions) > 5000 then
    raise exception using errcode = 'AO010',
      message = 'p_decisions must be a list of at most 5000 decisions.';
  end if;
  v_results := autonomy.apply(p_run_id, p_lease_token, autonomy.read_decisions(p_run_id, p_decisions), p_now);
  return jsonb_build_object(
    'results', (
      select coalesce(jsonb_agg(jsonb_build_object('action_id', r.action_id,
        'campaign_id', coalesce(r.campaign_id::text, p_decisions -> (r.n - 1)::integer ->> 'campaign_id'),
        'status', r.status, 'error', r.error, 'message', r.message) order by r.n), '[]')
      from unnest(v_results) r),
    'frozen', (select p.frozen from public.autonomy_policy p));
end $$;
comment on function public.apply_autonomous_actions(uuid, uuid, jsonb, timestamptz) is
  'Carries out a run''s decisions (verdict act or propose, at most 5000), each by itself, and extends the lease. Safe '
  'to call again: an action''s id is accepted once, the same batch gives the same results. p_now: the run''s, as '
  'begin_autonomous_run gave it. Raises AO007 (lease lost), AO010 (argument, dry run or observe mode), AO014 (another '
  'p_now), AO002 (no policy). [autonomous-operations]';

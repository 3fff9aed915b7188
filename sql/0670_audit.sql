-- The audit.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.difference as (
  campaign_id uuid, change_id bigint, action_id uuid, what text, expected jsonb, found jsonb);
comment on type autonomy.difference is
  'Where the log of changes, the campaigns and the log of actions do not agree. [autonomous-operations]';

create function autonomy.claimed_actions()
returns table (id uuid, campaign_id uuid, status text, old_status text, new_status text,
               old_budget numeric, new_budget numeric)
language sql stable set search_path = ''
as $$
  select a.id, a.campaign_id, a.status, a.previous_state ->> 'status' as old_status,
    a.new_state ->> 'status' as new_status,
    case when jsonb_typeof(a.previous_state -> 'budget') = 'number' then (a.previous_state -> 'budget')::numeric
      when a.previous_state ->> 'budget' = 'NaN' then 'NaN'::numeric end as old_budget,
    case when jsonb_typeof(a.new_state -> 'budget') = 'number' then (a.new_state -> 'budget')::numeric
      when a.new_state ->> 'budget' = 'NaN' then 'NaN'::numeric end as new_budget
  from public.autonomous_actions a
  where a.status in ('executed', 'rolled_back') and not coalesce(a.evidence ? 'before_audit', false)
$$;
comment on function autonomy.claimed_actions() is
  'What the log of actions says was changed, by what the audit can hold against the log of changes. Only reads; raises '
  'nothing. [autonomous-operations]';

create function autonomy.chain_differences() returns setof autonomy.difference
language sql stable set search_path = ''
as $$
  with chain as (
    select k.id, k.campaign_id, k.action_id, k.kind, k.old_status, k.new_status, k.old_budget, k.new_budget,
      lag(k.kind) over one as before_kind, lag(k.new_status) over one as before_status,
      lag(k.new_budget) over one as before_budget, lead(k.id) over one is null as is_last
    from public.campaign_changes k
    window one as (partition by k.campaign_id order by k.id)
  ),
  judged as (
    select c.*, case when c.before_kind is null then c.kind <> 'created'
                     when c.kind = 'created' then c.before_kind <> 'deleted'
                     else c.before_kind = 'deleted' or c.old_status is distinct from c.before_status
                                                    or c.old_budget is distinct from c.before_budget end as broken
    from chain c
  ),
  kept as materialized (select * from judged where broken or is_last)
  select c.campaign_id, c.id, c.action_id,
    case when c.before_kind is null then 'the log does not begin with the campaign''s creation'
         when c.kind = 'created' then 'created while it was there'
         when c.before_kind = 'deleted' then 'changed after it was deleted'
         else 'a change does not begin where the one before it ended' end,
    jsonb_build_object('status', c.before_status, 'budget', c.before_budget),
    jsonb_build_object('status', c.old_status, 'budget', c.old_budget)
  from kept c where c.broken
  union all
  select coalesce(c.id, k.campaign_id), k.id, k.action_id,
    case when k.id is null then 'the campaign has no log of changes'
         when c.id is null then 'the campaign is gone without a deletion in the log'
         when k.kind = 'deleted' then 'the campaign is there, although the log says it was deleted'
         else 'the campaign is not as the log says' end,
    case when k.id is not null then jsonb_build_object('status', k.new_status, 'budget', k.new_budget) end,
    case when c.id is not null then jsonb_build_object('status', c.status, 'budget', c.budget) end
  from public.campaigns c
  full join (select * from kept where is_last) k on k.campaign_id = c.id
  where k.id is null or c.id is null and k.kind <> 'deleted' or c.id is not null and k.kind = 'deleted'
     or c.id is not null and (c.status is distinct from k.new_status or c.budget is distinct from k.new_budget)
$$;
comment on function autonomy.chain_differences() is
  'Where a change does not begin as the one before it ended, or a campaign is not as the last one left it. Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.was_undelivered(p_action public.autonomous_actions) returns boolean
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (p_action.status = 'failed' and p_action.executed_at is not null
    and p_action.error in ('PLATFORM_REFUSED', 'NOT_TAKEN', 'NOT_DELIVERED', 'GONE', 'CHANGED_MEANWHILE')) is true;
end $$;
comment on function autonomy.was_undelivered(public.autonomous_actions) is
  'Whether an action was carried out here and did not come about on its platform. Pure. [autonomous-operations]';

create function autonomy.claim_differences() returns setof autonomy.difference
language sql stable set search_path = ''
as $$
  select k.campaign_id, k.id, k.action_id,
    case when k.action_id is null then 'a change claims an action but names none'
         when a.id is null then 'a change claims an action that is not in the log'
         when a.campaign_id is distinct from k.campaign_id then 'a change claims another campaign''s action'
         when k.kind = 'rollback' then 'a change claims a rollback that is not in the log'
         when a.status not in ('executed', 'rolled_back') and not autonomy.was_undelivered(a)
           then 'a change claims an action that was not carried out'
         else 'a change differs from the action that it claims' end,
    case when a.id is not null then jsonb_build_object('status', a.status, 'previous', a.previous_state,
                                                       'new', a.new_state) end,
    jsonb_build_object('previous', jsonb_build_object('status', k.old_status, 'budget', k.old_budget),
                       'new', jsonb_build_object('status', k.new_status, 'budget', k.new_budget))
  from public.campaign_changes k
  left join public.autonomous_actions a on a.id = k.action_id
  left join autonomy.claimed_actions() d on d.id = k.action_id
  where k.kind in ('action', 'rollback')
    and (a.id is null or a.campaign_id is distinct from k.campaign_id
         or k.kind = 'rollback' and a.status <> 'rolled_back'
         or k.kind = 'action' and (a.status not in ('executed', 'rolled_back') and not autonomy.was_undelivered(a)
            or d.id is not null and (
              k.old_status is distinct from d.old_status or k.new_status is distinct from d.new_status
              or k.old_budget is distinct from d.old_budget or k.new_budget is distinct from d.new_budget)))
$$;
comment on function autonomy.claim_differences() is
  'The changes that claim an action or a rollback which the log of actions does not know so. Only reads; raises '
  'nothing. [autonomous-operations]';

create function autonomy.action_differences() returns setof autonomy.difference
language sql stable set search_path = ''
as $$
  with claims as materialized (
    select k.action_id, count(*) filter (where k.kind = 'action') as actions,
      count(*) filter (where k.kind = 'rollback') as rollbacks
    from public.campaign_changes k where k.action_id is not null group by k.action_id
  )
  select d.campaign_id, null::bigint, d.id,
    case when coalesce(c.actions, 0) = 0 then 'an action has no change of its campaign'
         when c.actions > 1 then 'an action was carried out more than once'
         when coalesce(c.rollbacks, 0) = 0 then 'a rollback has no trace in the log of changes'
         else 'an action was taken back more than once' end,
    jsonb_build_object('actions', 1, 'rollbacks', case d.status when 'rolled_back' then 1 else 0 end),
    jsonb_build_object('actions', coalesce(c.actions, 0), 'rollbacks', coalesce(c.rollbacks, 0))
  from autonomy.claimed_actions() d
  left join claims c on c.action_id = d.id
  where (d.old_status is distinct from d.new_status or d.old_budget is distinct from d.new_budget)
    and (coalesce(c.actions, 0) <> 1 or coalesce(c.rollbacks, 0) > 1
         or d.status = 'rolled_back' and coalesce(c.rollbacks, 0) = 0
            and exists (select from public.campaigns p where p.id = d.campaign_id))
$$;
comment on function autonomy.action_differences() is
  'The actions that the log of changes does not know exactly once, or whose rollback it does not. Only reads; raises '
  'nothing. [autonomous-operations]';

create function public.audit_autonomous_actions(p_limit integer default 20) returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '55s' set work_mem = '64MB'
as $$
declare
  v_report jsonb;
begin
  if p_limit is null or p_limit < 0 then
    raise exception using errcode = 'AO010', message = 'p_limit must be 0 or more.';
  end if;
  -- One statement, so that it sees one state of a system that goes on working.
  with difference as materialized (
    select * from autonomy.chain_differences()
    union all select * from autonomy.claim_differences()
    union all select * from autonomy.action_differences()
  )
  select jsonb_build_object(
    'ok', not exists (select from difference),
    'campaigns_checked', (select count(*) from public.campaigns),
    'actions_checked', (select count(*) from autonomy.claimed_actions()),
    'changes_checked', (select count(*) from public.campaign_changes),
    'differences_found', (select count(*) from difference),
    'differences', (select coalesce(jsonb_agg(to_jsonb(f) order by f.change_id nulls last, f.campaign_id, f.what), '[]')
                    from (select * from difference order by change_id nulls last, campaign_id, what limit p_limit) f))
  into v_report;
  return v_report;
end $$;
comment on function public.audit_autonomous_actions(integer) is
  'Replays the log of changes from its start and holds it against campaigns and autonomous_actions; names the first '
  'differences. Only reads; safe to call on a live system, and again. Raises AO010. [autonomous-operations]';

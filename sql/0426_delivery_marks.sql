-- What decisions must know of what was carried over: since when a change counts, and what was refused.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.platform_minimum(p_pull autonomy.platform_accounts) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_least numeric := autonomy.written_number(p_pull.facts ->> 'min_daily_budget');
begin
  return case when v_least between 0.000001 and 999999999999.99 then v_least end;
end $$;
comment on function autonomy.platform_minimum(autonomy.platform_accounts) is
  'The least daily budget that a platform says it takes in an account; null where it says none. Pure. '
  '[autonomous-operations]';

create function autonomy.rate_until(p_campaign_id uuid, p_now timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select c.at + interval '1 hour' from autonomy.platform_calls c
    where c.campaign_id = p_campaign_id and c.at > p_now - interval '1 hour'
      and c.what ->> 'field' = 'budget' and c.what ? 'to' and c.what -> 'validate' is distinct from 'true'
      and c.outcome not in ('later', 'refused')
    order by c.at desc offset 3 limit 1);
end $$;
comment on function autonomy.rate_until(uuid, timestamptz) is
  'Until when a campaign''s budget must not be changed on its platform again: four changes within an hour are all that '
  'is taken. Null where it may. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.delivery_marks(p_ids uuid[], p_now timestamptz)
returns table (
  campaign_id uuid, action_at timestamptz, pause_at timestamptz, resume_at timestamptz, budget_low numeric,
  rate_until timestamptz, refused_until jsonb)
language plpgsql stable set search_path = '' set jit = off
as $$
-- An action counts from when it was done or its platform has confirmed it, the later of the two; as long as it waits
-- it counts in full, as if it were done now.
#variable_conflict use_column
begin
  if not exists (select from autonomy.platform_accounts a where a.push = 'on') then
    return;  -- the usual case
  end if;
  return query
  with own as materialized (
    select d.* from autonomy.deliveries d
    where d.campaign_id = any (p_ids)
      and (d.state in ('waiting', 'unsure') or d.settled_at > p_now - interval '400 days')
  ),
  acted as (
    select o.campaign_id,
      max(m.at) filter (where a.rule_id is not null or a.evidence #>> '{total,code}' is null) as action_at,
      max(m.at) filter (where a.action_type in ('auto_pause', 'auto_resume')) as pause_at,
      max(m.at) filter (where a.action_type = 'auto_resume') as resume_at,
      min(m.budget) filter (where m.at > p_now - interval '7 days' and m.budget > 0) as budget_low
    from own o
    join public.autonomous_actions a on a.id = o.action_id and a.status = 'executed'
    cross join lateral (select
      case when o.state in ('waiting', 'unsure') then p_now else greatest(o.confirmed_at, a.executed_at) end as at,
      autonomy.exact_number(a.previous_state -> 'budget') as budget) m
    group by o.campaign_id
  ),
  refused as (
    select r.campaign_id, jsonb_object_agg(r.direction, r.until) as until
    from (
      select o.campaign_id, w.direction, max(o.settled_at + interval '24 hours') as until
      from own o
      cross join lateral (select case when o.wanted = 'paused' then 'pause' when o.wanted = 'active' then 'resume'
        when o.wanted::numeric < o.was::numeric then 'down' else 'up' end as direction) w
      where o.state in ('refused', 'not_taken') and o.wanted_by = 'action'
        and o.settled_at > p_now - interval '24 hours'
      group by o.campaign_id, w.direction) r
    group by r.campaign_id
  )
  select i.id, k.action_at, k.pause_at, k.resume_at, k.budget_low, autonomy.rate_until(i.id, p_now), r.until
  from (select distinct o.campaign_id as id from own o) i
  left join acted k on k.campaign_id = i.id
  left join refused r on r.campaign_id = i.id;
end $$;
comment on function autonomy.delivery_marks(uuid[], timestamptz) is
  'Of these campaigns those of which something was carried over: since when their last action, pause and resume count, '
  'the lowest budget of 7 days, until when their budget was changed too often, and which directions were refused '
  'within 24 hours, until when. Only reads; raises nothing. [autonomous-operations]';

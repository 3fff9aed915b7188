-- Budgets that another program sets anew after each move of ours: to pull against it moves money to and fro and
-- brings nothing.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.budgets_put_back(p_ids uuid[], p_now timestamptz) returns table (campaign_id uuid)
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_often uuid[] := array(
    select k.campaign_id from public.campaign_changes k
    where (p_ids is null or k.campaign_id = any (p_ids)) and k.changed_at > p_now - interval '7 days'
      and k.kind = 'outside' and k.old_budget is distinct from k.new_budget and isfinite(k.changed_at)
    group by k.campaign_id having count(*) >= 3);
begin
  if v_often = '{}' then
    return;  -- the usual case
  end if;
  return query
  select k.campaign_id
  from unnest(v_often) i
  join public.campaign_changes k on k.campaign_id = i and k.changed_at > p_now - interval '7 days'
    and k.kind = 'outside' and k.old_budget is distinct from k.new_budget and isfinite(k.changed_at)
  join autonomy.campaign_zones(v_often) z on z.campaign_id = i
  cross join lateral (
    select b.kind, b.person from public.campaign_changes b
    where b.campaign_id = i and b.id < k.id and b.kind <> 'created' and b.old_budget is distinct from b.new_budget
    order by b.id desc limit 1) l
  where l.kind = 'action' and not l.person
  group by k.campaign_id
  having count(distinct (k.changed_at at time zone z.zone)::date) >= 3;
end $$;
comment on function autonomy.budgets_put_back(uuid[], timestamptz) is
  'Of these campaigns (null: of all) those whose budget was set from outside right after a move of ours on three of '
  'the last seven days: no rule by the curve looks at them. Only reads; raises nothing. [autonomous-operations]';

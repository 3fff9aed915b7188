-- Which campaigns are worth reading day by day for figures in doubt (0507_suspect): known when their facts change, so
-- that a run need not look through all facts for a handful. 0220_keeping_facts keeps it beside the totals.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.refresh_unusual_campaigns(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
begin
  -- Conversions of a week worth twice those of the weeks before, which are those of the month before where a campaign
  -- had none since; three days that cost five budgets and more than
  -- three usual ones.
  with looked_at as materialized (
    select f.campaign_id, f.has_history
        and case when f.w7_revenue between 0 and 1e15 and f.w7_conversions between 1e-9 and 1e15
                   and f.w30_revenue between -1e15 and 1e15 and f.w30_conversions between f.w7_conversions and 1e15
              then case when f.w30_conversions - f.w7_conversions > 1e-6
                then f.w7_revenue * (f.w30_conversions - f.w7_conversions)
                  > 2 * f.w7_conversions * (f.w30_revenue - f.w7_revenue)
                when f.p30_conversions between 1e-9 and 1e15 and f.p30_revenue between -1e15 and 1e15
                then f.w7_revenue * f.p30_conversions > 2 * f.w7_conversions * f.p30_revenue
                else false end
              else false end as by_value,
      f.has_history
        and case when f.w3_spend between 1e-9 and 1e15 and c.budget between 0.01 and 1e15
              then f.w3_spend > 5 * c.budget::float8
                and (9 * f.w3_spend > 1.01 * (least(f.w30_spend, 1e15) - f.w3_spend)) is not false
              else false end as by_spend
    from unnest(p_campaign_ids) i
    join public.campaign_facts f on f.campaign_id = i
    left join public.campaigns c on c.id = i
  ),
  gone as (
    delete from autonomy.unusual_campaigns u using looked_at l where u.campaign_id = l.campaign_id
  )
  insert into autonomy.unusual_campaigns (campaign_id, by_value, by_spend)
  select l.campaign_id, l.by_value, l.by_spend from looked_at l where l.by_value or l.by_spend;
end $$;
comment on function autonomy.refresh_unusual_campaigns(uuid[]) is
  'Finds out by their facts which of these campaigns (each named once) are worth reading day by day for figures in '
  'doubt. Safe to call again. [autonomous-operations]';

create function autonomy.budgets_lowered() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off
as $$
begin
  -- A full join and a case, which is none of the things that could be looked for row by row: the plan is kept. It is
  -- made while unusual_campaigns is empty, and read from its beginning for each row it would be read 20,000 times on
  -- the day on which 20,000 budgets are lowered: by its key it is looked up.
  insert into autonomy.unusual_campaigns (campaign_id, by_value, by_spend)
  select n.id, false, true
  from new_campaigns n full join old_campaigns o on o.id = n.id
  where case when n.budget between 0.01 and 1e15 and (n.budget >= o.budget and o.budget >= 0.01) is not true
             then exists (select from public.campaign_facts f where f.campaign_id = n.id)
               and not exists (select from autonomy.unusual_campaigns u where u.campaign_id = n.id and u.by_spend)
             else false end
  order by n.id;
  return null;
end $$;
comment on function autonomy.budgets_lowered() is
  'Trigger of campaigns: what was spent may be many times a budget that is lower now, so its days are worth reading '
  'until its facts are made again. Runs as its owner, since whoever may write campaigns need not have rights on what '
  'is derived. Raises nothing. [autonomous-operations]';

create trigger autonomy_budgets_lowered after update on public.campaigns
  referencing old table as old_campaigns new table as new_campaigns
  for each statement execute function autonomy.budgets_lowered();

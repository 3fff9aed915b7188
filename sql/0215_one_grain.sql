-- One grain a day: of a campaign's day there are its hours or one row of the whole day, never both, which added up
-- would be the day twice.
--
-- Which of them stays, whichever came first: while the day lasts, the hours, since a row of the whole day is out of
-- date with every hour. Once it is over, the hours too, unless they hold less than 99 % of what the whole day's row
-- says was spent and shown: then hours are missing, and the day's own total is truer than the sum of a part of it.
-- (Under one percent is rounding, and clicks that the platform took back.)
--
-- Imports say whether they are by hour or by day, and so do rows of record_campaign_metrics whose bucket is a date
-- without a time. Where nothing says it, only what can be nothing else is taken for a whole day.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.at_an_edge(p_bucket timestamptz, p_zone text) returns boolean
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return '00:00' in ((p_bucket at time zone p_zone)::time, (p_bucket at time zone 'UTC')::time);
end $$;
comment on function autonomy.at_an_edge(timestamptz, text) is
  'Whether a bucket begins where a row of a whole day may: at midnight of its zone or of UTC. Pure. '
  '[autonomous-operations]';

create function autonomy.was_by_day(p_campaign_id uuid, p_day date, p_zone text) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select count(*) = 1
    from (select max(d.day) as day from public.campaign_daily d
          where d.campaign_id = p_campaign_id and d.day < p_day and d.day >= p_day - 7) l
    join public.campaign_metrics m on m.campaign_id = p_campaign_id
      and m.bucket >= l.day::timestamp at time zone p_zone and m.bucket < (l.day + 1)::timestamp at time zone p_zone);
end $$;
comment on function autonomy.was_by_day(uuid, date, text) is
  'Whether the campaign''s last day with figures before this one has a single row. Only reads; safe to call again; '
  'raises nothing. [autonomous-operations]';

create function autonomy.settle_grain(
  p_campaign_ids uuid[], p_buckets timestamptz[], p_whole boolean[], p_spends numeric[], p_impressions numeric[],
  p_now timestamptz)
returns table (campaign_id uuid, bucket timestamptz, whole_day boolean, reason text)
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
-- Planned anew each time: a plan kept from when the series was empty would read all of it for each day.
begin
  return query
  with given as materialized (
    select g.*, z.zone, (g.bucket at time zone z.zone)::date as day,
      count(*) over (partition by g.campaign_id, (g.bucket at time zone z.zone)::date) as in_day
    from unnest(p_campaign_ids, p_buckets, p_whole, p_spends, p_impressions)
      g (campaign_id, bucket, whole, spend, impressions)
    join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
  ),
  days as materialized (
    -- unclear are those that may be there, or come, as a whole; the rows of all others need not be held together
    select d.*, f.wholes > 0 or d.any_whole and f.rows > 0 or d.rows >= 3 and f.rows = 1
        or d.rows = 1 and f.spent >= 3 and autonomy.at_an_edge(d.first, d.zone) as unclear
    from (
      select g.campaign_id, g.day, g.zone, g.day::timestamp at time zone g.zone as starts,
        (g.day + 1)::timestamp at time zone g.zone as ends, count(*) as rows, min(g.bucket) as first,
        sum(g.spend) as spend, sum(g.impressions) as impressions, coalesce(bool_or(g.whole), false) as any_whole
      from given g group by g.campaign_id, g.day, g.zone) d
    -- each day by the key, never all days of a campaign for each of them
    cross join lateral (
      select count(*) as rows, count(*) filter (where m.whole_day) as wholes,
        count(*) filter (where m.spend > 0) as spent
      from public.campaign_metrics m
      where m.campaign_id = d.campaign_id and m.bucket >= d.starts and m.bucket < d.ends) f
  ),
  there as materialized (
    select d.campaign_id, d.day, m.bucket, m.spend, m.impressions,
      -- unmarked, alone in its day as the campaign's rows are, and more than all the hours that come: a whole day
      m.whole_day or d.rows >= 3 and count(*) over (partition by d.campaign_id, d.day) = 1
        and m.spend >= d.spend and m.impressions >= d.impressions and autonomy.at_an_edge(m.bucket, d.zone)
        and not exists (select from given g where g.campaign_id = d.campaign_id and g.bucket = m.bucket)
        and autonomy.was_by_day(d.campaign_id, d.day, d.zone) as whole
    from days d
    cross join lateral (
      select k.bucket, k.spend, k.impressions, k.whole_day from public.campaign_metrics k
      where k.campaign_id = d.campaign_id and k.bucket >= d.starts and k.bucket < d.ends offset 0) m
    where d.unclear
  ),
  known as materialized (
    select t.campaign_id, t.day, count(*) filter (where t.spend > 0) as spent,
      coalesce(sum(t.spend), 0) as spend, coalesce(sum(t.impressions), 0) as impressions
    from there t group by t.campaign_id, t.day having not bool_or(t.whole)
  ),
  new as materialized (
    -- unmarked, alone at an edge of a day whose hours are there, and no less than all of them: a whole day
    select g.*, coalesce(g.whole, g.in_day = 1 and k.spent >= 3 and g.spend >= k.spend
      and g.impressions >= k.impressions and autonomy.at_an_edge(g.bucket, g.zone), false) as is_whole
    from given g left join known k on k.campaign_id = g.campaign_id and k.day = g.day
  ),
  standing as materialized (
    -- what is written again by a row of the same kind no longer counts, nor a whole day that comes again
    select t.* from there t
    where not exists (select from new n where n.campaign_id = t.campaign_id and n.day = t.day
                      and n.is_whole = t.whole and (n.is_whole or n.bucket = t.bucket))
  ),
  decided as materialized (
    select d.campaign_id, d.day, p_now < d.ends
      or s.hours >= 0.99 * s.day_spend and s.hours_shown >= 0.99 * s.day_shown as hours_win
    from (
      select a.campaign_id, a.day, sum(a.spend) filter (where a.whole) as day_spend,
        sum(a.impressions) filter (where a.whole) as day_shown, sum(a.spend) filter (where not a.whole) as hours,
        sum(a.impressions) filter (where not a.whole) as hours_shown
      from (select n.campaign_id, n.day, n.is_whole as whole, n.spend, n.impressions from new n
            union all
            select t.campaign_id, t.day, t.whole, t.spend, t.impressions from standing t) a
      group by a.campaign_id, a.day) s
    join days d on d.campaign_id = s.campaign_id and d.day = s.day
    where s.hours is not null and s.day_spend is not null
  ),
  losers as materialized (
    select m.campaign_id, m.bucket
    from there t
    join public.campaign_metrics m on m.campaign_id = t.campaign_id and m.bucket = t.bucket
    left join decided d on d.campaign_id = t.campaign_id and d.day = t.day
    left join (select n.campaign_id, n.day, max(n.bucket) as bucket from new n where n.is_whole
               group by n.campaign_id, n.day) w on w.campaign_id = t.campaign_id and w.day = t.day
    where t.whole = d.hours_win or t.whole and w.bucket <> t.bucket
    order by m.campaign_id, m.bucket for update of m
  ),
  gone as (
    delete from public.campaign_metrics m using losers l
    where m.campaign_id = l.campaign_id and m.bucket = l.bucket
  )
  select n.campaign_id, n.bucket, n.is_whole, case when n.is_whole = d.hours_win then
      case when n.is_whole then 'the hours of its day are there, and a whole day is not added to them'
           else 'its day is there as a whole, and its hours hold less: some are missing' end end
  from new n left join decided d on d.campaign_id = n.campaign_id and d.day = n.day;
end $$;
comment on function autonomy.settle_grain(uuid[], timestamptz[], boolean[], numeric[], numeric[], timestamptz) is
  'Before these buckets are written (whole: whether each is a whole day, null where nothing says it): which of them '
  'are whole days, and which must be left out, with the reason. Removes what they take the place of. Each bucket '
  'given once. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.refuse_two_grains(
  p_campaign_ids uuid[], p_days date[], p_rows integer[], p_first timestamptz[],
  p_spend_before numeric[], p_impressions_before numeric[]) returns void
language plpgsql set search_path = ''
as $$
-- Of what a statement wrote by itself: per campaign and day its rows, the first of them, and what that one said before.
declare
  v_found record;
begin
  for v_found in
    select t.*, r.*, z.zone, r.wholes > 0 as marked
    from unnest(p_campaign_ids, p_days, p_rows, p_first, p_spend_before, p_impressions_before)
      t (campaign_id, day, written, first, spend_before, impressions_before)
    join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
    cross join lateral (
      select count(*) as rows, count(*) filter (where m.whole_day) as wholes,
        count(*) filter (where m.spend > 0) as spent, sum(m.spend) as spend, sum(m.impressions) as impressions,
        min(m.bucket) filter (where autonomy.at_an_edge(m.bucket, z.zone)) as edge
      from public.campaign_metrics m
      where m.campaign_id = t.campaign_id and m.bucket >= t.day::timestamp at time zone z.zone
        and m.bucket < (t.day + 1)::timestamp at time zone z.zone) r
    where r.rows > 1 and (r.wholes between 1 and r.rows - 1 or r.wholes = 0 and r.spent >= 4 and r.edge is not null)
  loop
    if v_found.marked then
      -- hours that come over a whole day and hold as much take its place
      delete from public.campaign_metrics m
      where m.campaign_id = v_found.campaign_id and m.whole_day and m.bucket <> v_found.first
        and m.bucket >= v_found.day::timestamp at time zone v_found.zone
        and m.bucket < (v_found.day + 1)::timestamp at time zone v_found.zone
        and (autonomy.writing_at() < (v_found.day + 1)::timestamp at time zone v_found.zone
             or v_found.spend - m.spend >= 0.99 * m.spend
                and v_found.impressions - m.impressions >= 0.99 * m.impressions);
      continue when found;
    else
      perform from public.campaign_metrics m
      where m.campaign_id = v_found.campaign_id and m.bucket = v_found.edge
        and case when v_found.written = 1 and m.bucket = v_found.first
              then m.spend >= v_found.spend - m.spend + v_found.spend_before
                and m.impressions >= v_found.impressions - m.impressions + v_found.impressions_before
              when m.bucket < v_found.first
              then m.spend >= v_found.spend - m.spend and m.impressions >= v_found.impressions - m.impressions
                and autonomy.was_by_day(v_found.campaign_id, v_found.day, v_found.zone)
              else false end;
      continue when not found;
    end if;
    raise exception using errcode = 'AO010',
      message = format('%s of campaign %s would be there by hour and as a whole day: added up, it would count twice.',
                       v_found.day, v_found.campaign_id),
      hint = 'Delete the rows of that day that are not to stay first; or send the rows to record_campaign_metrics, '
             'which keeps the fuller of the two.';
  end loop;
end $$;
comment on function autonomy.refuse_two_grains(uuid[], date[], integer[], timestamptz[], numeric[], numeric[]) is
  'Refuses what a statement on campaign_metrics wrote where a day would be there by hour and as a whole. Raises AO010. '
  '[autonomous-operations]';

-- Whether the measurement of a connected account works, told from hour to hour: what 0511_measured asks of days.
--
-- A platform tells whole days, and 0511 must wait for their end: an outage of a morning shows two nights later. Each
-- reading also writes down the account's totals of its present day (autonomy.platform_pulse). What they grew by between
-- two readings are conversions per click as they are reported, late as they may be: the last 24 hours are held against
-- the same hours of the seven days before, by the limits of TRACKING_BREAKER.
--
-- A total that falls was restated: it brought nothing. A new day begins at nothing; what was told between the last
-- reading of a day and its end is not known, and on no day is. Where readings were further apart than two hours, it is
-- not known in which hours things came, and these are left out; where too many are, nothing is said. Nor is it where
-- most of a day's conversions come at once: a lump that is late looks as an outage does.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.pulse_steps(p_now timestamptz)
returns table (
  account text, slot integer, age float8, day date, hour integer, hours float8, clicks float8, conversions float8)
language plpgsql stable set search_path = '' set jit = off
as $$
#variable_conflict use_column
begin
  return query
  with read as materialized (
    -- of accounts that were read within 90 minutes: on an older copy nothing is decided (NOT_SYNCED)
    select x.account, autonomy.account_zone(x.account) as zone, u.at as until
    from autonomy.platform_accounts x
    cross join lateral (
      select p.at from autonomy.platform_pulse p where p.account = x.account and p.at <= p_now
      order by p.at desc limit 1) u
    where u.at > p_now - interval '90 minutes'
  ), told as (
    select r.account, r.zone, r.until, p.at, p.day, p.clicks, p.conversions,
      lag(p.at) over w as had_at, lag(p.day) over w as had_day, lag(p.clicks) over w as had_clicks,
      lag(p.conversions) over w as had_conversions
    from read r
    join autonomy.platform_pulse p
      on p.account = r.account and p.at > r.until - interval '8 days 3 hours' and p.at <= r.until
    window w as (partition by r.account order by p.at)
  ), steps as (
    select t.*, t.had_day is not distinct from t.day as goes_on,
      case when t.had_day = t.day then t.had_at else t.day::timestamp at time zone t.zone end as since
    from told t where (t.had_day > t.day) is not true
  )
  select s.account, floor(date_part('epoch', s.until - s.at) / 86400)::integer,
    date_part('epoch', s.until - s.at) / 3600, s.day,
    extract(hour from (s.since + (s.at - s.since) / 2) at time zone s.zone)::integer,
    date_part('epoch', s.at - s.since) / 3600,
    greatest(s.clicks - case when s.goes_on then s.had_clicks else 0 end, 0)::float8,
    greatest(s.conversions - case when s.goes_on then s.had_conversions else 0 end, 0)::float8
  from steps s
  -- some minutes more: who reads every two hours is never on time
  where s.at > s.since and s.at - s.since <= interval '135 minutes' and s.at > s.until - interval '8 days';
end $$;
comment on function autonomy.pulse_steps(timestamptz) is
  'What the totals of connected accounts grew by between two readings, of the last eight days: of slot 0 are the last '
  '24 hours, hour is the account''s. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.campaign_mixes(p_measured autonomy.measured[])
returns table (account text, mix float8)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  -- where clicks went from campaigns that convert well to others, fewer conversions are no outage
  return query
  with days as (
    select m.account, d.day >= m.today - 1 as recent, sum(d.clicks)::float8 as clicks,
      sum(m.rate * d.clicks) as hoped
    from unnest(p_measured) m
    join public.campaign_daily d on d.campaign_id = m.campaign_id and d.day between m.today - 8 and m.today
    where m.account in (select x.account from autonomy.platform_accounts x)
    group by m.account, d.day >= m.today - 1
  )
  select n.account, least(1, n.hoped / nullif(n.clicks, 0) / nullif(b.hoped / nullif(b.clicks, 0), 0))
  from days n join days b on b.account = n.account and n.recent and not b.recent;
end $$;
comment on function autonomy.campaign_mixes(autonomy.measured[]) is
  'By how much less the clicks of yesterday and today bring than those of the week before, each campaign''s as ever; 1 '
  'where they do not. Of connected accounts; only reads; raises nothing. [autonomous-operations]';

create function autonomy.pulses_told(
  p_measured autonomy.measured[], p_days autonomy.measured_day[], p_policy public.autonomy_policy, p_now timestamptz)
returns table (account text, observed float8, expected float8, hours integer, enough boolean, tripped boolean)
language plpgsql stable set search_path = '' set jit = off
as $$
#variable_conflict use_column
begin
  if not exists (select from autonomy.platform_pulse) then
    return;  -- the usual case
  end if;
  return query
  with steps as materialized (
    select s.* from autonomy.pulse_steps(p_now) s
    where s.slot = 0 or not exists (
      select from autonomy.evidence_exclusions x
      where x.account = s.account and x.lifted_at is null and s.day between x.from_day and x.until_day)
  ), rates as (
    select s.account, s.hour, sum(s.conversions) / sum(s.clicks) as rate
    from steps s where s.slot > 0 group by s.account, s.hour having sum(s.clicks) > 0
  ), slots as (
    select s.account, w.width, s.slot, sum(s.hours) as hours, sum(s.clicks) as clicks, sum(s.conversions) as found,
      coalesce(sum(s.clicks * r.rate), 0) as hoped, max(s.conversions) as most
    from steps s
    join (values (12), (24)) w (width) on s.age - 24 * s.slot < w.width
    left join rates r on r.account = s.account and r.hour = s.hour
    group by s.account, w.width, s.slot
  ), before as (
    select s.account, s.width, sum(s.hours) as hours, sum(s.clicks) / sum(s.hours) as clicks, avg(s.hoped) as usual,
      sum(least(s.found - s.hoped, 0) ^ 2) as under, sum(s.hoped) as on_all, sum(s.hoped ^ 2) as squares,
      sum(s.most) / nullif(sum(s.found), 0) as lump
    from slots s where s.slot > 0 group by s.account, s.width
  ), lately as (
    -- after a sale, what is usual is less than the week before brought
    select d.account, greatest(1, sum(d.counted_found) / nullif(sum(d.counted_hoped * d.shape), 0)) as level
    from unnest(p_days) d where d.day between d.today - 8 and d.today - 2 group by d.account
  ), judged as (
    select n.account, n.width, n.found,
      n.hoped * least(1, 1.5 * b.clicks * n.hours / nullif(n.clicks, 0)) * coalesce(x.mix, 1) / coalesce(l.level, 1)
        * coalesce(least(1, u.found_lifted, u.found_new), 1) as hoped,
      n.hours >= n.width * 2 / 3 and b.hours >= 3.5 * n.width and b.lump <= 0.5 as tells,
      -- seven days say little of how days scatter: never by less than a fifth
      1 / greatest(0.04, (2 * b.under - b.on_all + 7 * 0.05 * b.usual ^ 2)
                         / nullif(b.squares + 7 * b.usual ^ 2, 0)) as size,
      coalesce(a.tracking_breaker_ratio, p_policy.tracking_breaker_ratio)::float8 as ratio,
      coalesce(a.tracking_breaker_min_expected, p_policy.tracking_breaker_min_expected)::float8 as least_expected
    from slots n
    join before b on b.account = n.account and b.width = n.width
    left join autonomy.campaign_mixes(p_measured) x on x.account = n.account
    left join lately l on l.account = n.account
    left join autonomy.measured_usual(p_days) u on u.account = n.account
    left join public.autonomy_accounts a on a.account = n.account
    where n.slot = 0
  ), enough as (
    select j.*, coalesce(j.tells and j.hoped >= j.least_expected
                         and autonomy.surprise(0, j.hoped, j.size) >= 12, false) as enough
    from judged j
  ), found as (
    select e.*,
      e.enough and e.found < e.ratio * e.hoped and autonomy.surprise(e.found, e.hoped, e.size) >= 12 as tripped
    from enough e
  )
  select distinct on (f.account) f.account, f.found, f.hoped, f.width, f.enough, f.tripped
  from found f order by f.account, f.tripped desc, f.enough desc, f.width;
end $$;
comment on function autonomy.pulses_told(autonomy.measured[], autonomy.measured_day[], public.autonomy_policy,
                                         timestamptz) is
  'Of each connected account: the conversions that were reported within 12 or 24 hours beside what as many clicks '
  'brought in the same hours of the seven days before, whether that is enough to tell, and whether they are missing. '
  'Only reads; safe to call again; raises nothing. [autonomous-operations]';

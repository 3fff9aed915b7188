-- Whether measurement works: do an account's clicks bring conversions as they did, and are these worth what they were?
--
-- Both are held against the account's own days before: four weeks that end two days ago (five in an account of few
-- conversions, whose window may be that long), without the days that are left out of the evidence. Each campaign is
-- held against itself, so that a dear one that grows is no jump. The largest campaigns of an account speak for it.
--
-- Conversions. Expected is what each campaign's clicks bring on that day of the week, its clicks counted up to one and
-- a half times what is usual (a rush of visitors brings few buyers). The window is 24 hours, and widens by as many, to
-- 96, until it expects tracking_breaker_min_expected conversions and half a usual day, and until none at all could be
-- no chance. Missing are they where they are under tracking_breaker_ratio of what is expected, and so few by chance
-- less often than once in e^12 looks: days scatter as the account's own have done, downwards.
--
-- Values. The window is six hours, and widens to 96 until it holds 30 conversions. A jump is where these are together
-- worth over value_breaker_factor times as much as their campaigns' were (or as little), and at least half of them
-- came in rows that are worth over half that factor: one dear order is no jump.
--
-- A new level becomes the usual one: by itself where it has lasted eight days and is at most ten times the old one,
-- else where a person lifts the exclusion that the breaker has written. Nobody's prices grow by a hundred.
--
-- How often this is wrong, and how soon it is right, is measured (docs/breakers.md).

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.measured as (
  campaign_id uuid,
  account text,
  zone text,
  today date,
  first_day date,          -- what is usual was so before this day
  rate float8,             -- conversions a click; null = not known
  most_clicks float8,      -- of a day: more are not expected to bring more
  worth float8             -- of a conversion; null = not known
);
comment on type autonomy.measured is
  'What is usual of a campaign, for whether measurement works. [autonomous-operations]';

create type autonomy.measured_day as (
  account text,
  today date,
  day date,
  before boolean,          -- one of the days that say what is usual
  lifted boolean,          -- a person has said that it is right
  found float8,            -- conversions
  hoped float8,            -- what its clicks would have brought
  counted_found float8,    -- the same of what is not left out of the evidence
  counted_hoped float8,
  orders float8,           -- conversions of campaigns of which the worth is known
  revenue float8,
  worth float8,            -- what these would have been worth
  shape float8             -- of this day of the week, of what clicks bring
);
comment on type autonomy.measured_day is
  'A day of an account, for whether measurement works. [autonomous-operations]';

create type autonomy.measured_row as (
  account text,
  back integer,            -- full hours since it was over, 0 to 95
  weekday integer,
  found float8,            -- conversions
  hoped float8,            -- what its clicks would have brought
  orders float8,           -- conversions of campaigns of which the worth is known
  revenue float8,
  worth float8,            -- what these would have been worth
  high float8,             -- those of them that came with far more
  low float8               -- those that came with far less
);
comment on type autonomy.measured_row is
  'What was over in an hour of an account, for whether measurement works. [autonomous-operations]';

create function autonomy.surprise(p_found float8, p_expected float8, p_size float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Of a negative binomial of this mean and size, by Chernoff's bound; exact where none are found.
begin
  return case when p_found < p_expected then
    case when p_found > 0 then p_found * ln(p_found / p_expected) else 0 end
    - (p_found + p_size) * ln((p_found + p_size) / (p_expected + p_size)) else 0 end;
end $$;
comment on function autonomy.surprise(float8, float8, float8) is
  'How far p_found is under p_expected: -ln of a bound on the chance of so few, where counts scatter by 1 + mean / '
  'p_size. Pure. [autonomous-operations]';

create function autonomy.largest_campaigns() returns setof uuid
language plpgsql stable set search_path = ''
as $$
begin
  return query
  with ranked as (
    select f.campaign_id,
      row_number() over (partition by coalesce(c.account, '') order by f.w30_conversions desc, f.campaign_id) as place
    from public.campaign_facts f join public.campaigns c on c.id = f.campaign_id
    where f.has_history and f.w30_conversions between 1e-9 and 1e15
  )
  select r.campaign_id from ranked r
  where r.place <= (select least(200, greatest(20, 20000 / greatest(count(*), 1))) from public.autonomy_accounts);
end $$;
comment on function autonomy.largest_campaigns() is
  'Of each account the largest campaigns by their conversions of 30 days: up to 200, fewer where there are more than a '
  'hundred accounts. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.choose_measured(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  if exists (select from autonomy.measured_choice m
             where m.chosen_at > p_now - interval '1 hour' and m.chosen_at < p_now + interval '1 hour') then
    return;
  end if;
  lock table autonomy.measured_choice in share row exclusive mode;
  delete from autonomy.measured_choice where true;
  insert into autonomy.measured_choice (campaign_id, chosen_at)
  select l, p_now from autonomy.largest_campaigns() l
  union all select '00000000-0000-0000-0000-000000000000', p_now  -- that none is large is a choice, too
  on conflict do nothing;
end $$;
comment on function autonomy.choose_measured(timestamptz) is
  'Chooses the campaigns that speak for their accounts, at most once an hour: to rank all of them costs more than all '
  'the rest. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.measured_campaigns(p_now timestamptz) returns autonomy.measured[]
language plpgsql stable set search_path = '' set timezone = 'UTC' set jit = off
as $$
begin
  return (
    with chosen as materialized (
      select m.campaign_id from autonomy.measured_choice m
      where m.chosen_at > p_now - interval '1 hour' and m.chosen_at < p_now + interval '1 hour'
    ), asked as materialized (
      select c.id as campaign_id, coalesce(c.account, '') as account
      from (select h.campaign_id from chosen h
            union all select l from autonomy.largest_campaigns() l where not exists (select from chosen)) i
      join public.campaigns c on c.id = i.campaign_id
    ), zoned as materialized (
      select a.*, z.zone, (p_now at time zone z.zone)::date as today
      from asked a join autonomy.campaign_zones(array(select i.campaign_id from asked i)) z using (campaign_id)
    ), excluded as materialized (
      select * from autonomy.exclusions_of(array(select i.campaign_id from asked i))
    ), days as materialized (
      select z.account, z.today, z.campaign_id, d.day, d.clicks, d.conversions, d.revenue
      from zoned z
      join public.campaign_daily d on d.campaign_id = z.campaign_id and d.day between z.today - 33 and z.today - 1
      where not exists (select from excluded x
                        where x.campaign_id = d.campaign_id and d.day between x.from_day and x.until_day)
    ), firsts as (
      select d.account, d.today, d.today - case
        when sum(d.conversions) >= 2 * min(coalesce(a.tracking_breaker_min_expected, p.tracking_breaker_min_expected))
          * count(distinct d.day) then 2 else 5 end as first_day
      from days d cross join public.autonomy_policy p left join public.autonomy_accounts a on a.account = d.account
      group by d.account, d.today
    ), usual as materialized (
      select d.account, d.campaign_id, f.first_day, sum(d.clicks)::float8 as clicks,
        sum(d.conversions)::float8 as conversions, sum(d.revenue)::float8 as revenue,
        count(*) filter (where d.clicks > 0) as active
      from days d join firsts f on f.account = d.account and f.today = d.today
        and d.day between f.first_day - 28 and f.first_day - 1
      group by d.account, d.campaign_id, f.first_day
    ), all_of as (
      select u.account, sum(u.conversions) as conversions, sum(u.revenue) / nullif(sum(u.conversions), 0) as worth
      from usual u group by u.account
    )
    select coalesce(array_agg(row(z.campaign_id, z.account, z.zone, z.today, coalesce(f.first_day, z.today),
        case when u.clicks > 0 then u.conversions / u.clicks end, 1.5 * u.clicks / nullif(u.active, 0),
        -- drawn to the account's: of few orders the mean says little
        case when u.conversions > 0 and o.conversions >= 30 and o.worth > 0 and u.revenue + 5 * o.worth > 0
          then (u.revenue + 5 * o.worth) / (u.conversions + 5) end)::autonomy.measured order by z.campaign_id), '{}')
    from zoned z
    left join firsts f on f.account = z.account and f.today = z.today
    left join usual u on u.campaign_id = z.campaign_id
    left join all_of o on o.account = z.account);
end $$;
comment on function autonomy.measured_campaigns(timestamptz) is
  'What is usual of the largest campaigns of each account, as they were chosen within the hour. Only reads; safe '
  'to call again; raises nothing. [autonomous-operations]';

create function autonomy.measured_days(p_measured autonomy.measured[]) returns autonomy.measured_day[]
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return (
    with excluded as materialized (
      select * from autonomy.exclusions_of(array(select m.campaign_id from unnest(p_measured) m))
    ), each as (
      select m.account, m.today, d.day, m.first_day, d.conversions::float8 as found,
        coalesce(m.rate * least(d.clicks, m.most_clicks), 0) as hoped, d.revenue::float8 as revenue,
        d.conversions::float8 * m.worth as worth,
        not exists (select from excluded x
                    where x.campaign_id = d.campaign_id and d.day between x.from_day and x.until_day) as counts
      from unnest(p_measured) m
      join public.campaign_daily d on d.campaign_id = m.campaign_id and d.day between m.first_day - 28 and m.today
    ), summed as (
      select e.account, e.today, e.day, e.day < e.first_day as before, sum(e.found) as found, sum(e.hoped) as hoped,
        coalesce(sum(e.found) filter (where e.counts), 0) as counted_found,
        coalesce(sum(e.hoped) filter (where e.counts), 0) as counted_hoped,
        coalesce(sum(e.found) filter (where e.worth is not null), 0) as orders,
        coalesce(sum(e.revenue) filter (where e.worth is not null), 0) as revenue, coalesce(sum(e.worth), 0) as worth
      from each e group by e.account, e.today, e.day, e.first_day
    ), shapes as (
      select s.account, extract(dow from s.day) as weekday,
        (sum(s.counted_found) + 1) / (sum(s.counted_hoped) + 1) as shape
      from summed s where s.before group by s.account, extract(dow from s.day) having sum(s.counted_hoped) > 0
    )
    select coalesce(array_agg(row(s.account, s.today, s.day, s.before,
        exists (select from autonomy.evidence_exclusions x where x.account = s.account and x.lifted_at is not null
                and s.day between x.from_day and x.until_day),
        s.found, s.hoped, s.counted_found, s.counted_hoped, s.orders, s.revenue, s.worth,
        coalesce(h.shape, 0))::autonomy.measured_day order by s.account, s.day), '{}')
    from summed s left join shapes h on h.account = s.account and h.weekday = extract(dow from s.day));
end $$;
comment on function autonomy.measured_days(autonomy.measured[]) is
  'The days of these campaigns'' accounts beside what is usual. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.measured_rows(
  p_measured autonomy.measured[], p_policy public.autonomy_policy, p_now timestamptz) returns autonomy.measured_row[]
language plpgsql stable set search_path = '' set timezone = 'UTC' set jit = off
as $$
-- What is over by now: hours, and of a campaign that is fed by day (never three rows in one) days.
begin
  return (
    with clock as (
      select date_trunc('hour', p_now) as until
    ), accounts as (
      select m.account, autonomy.account_delay(m.account) as delay,
        coalesce(a.value_breaker_factor, p_policy.value_breaker_factor)::float8 as factor
      from (select distinct account from unnest(p_measured)) m
      left join public.autonomy_accounts a on a.account = m.account
    ), read as (
      select m, k.bucket, t.day, k.whole_day, k.clicks::float8 as clicks, k.conversions::float8 as conversions,
        -- days that are valued by their conversions, as they count
        case when d.valued > 0 then d.revenue / d.conversions * k.conversions else k.revenue end::float8 as revenue
      from clock c cross join unnest(p_measured) m
      join public.campaign_metrics k on k.campaign_id = m.campaign_id and k.bucket >= c.until - interval '121 hours'
        and k.bucket < c.until
      cross join lateral (select (k.bucket at time zone m.zone)::date as day) t
      left join public.campaign_daily d on d.campaign_id = m.campaign_id and d.day = t.day and d.conversions > 0
    ), counted as (
      select r.*, count(*) over (partition by (r.m).campaign_id, r.day) as in_day from read r
    ), grained as (
      select c.*, c.whole_day or max(c.in_day) over (partition by (c.m).campaign_id) < 3 as by_day from counted c
    ), ended as (
      select g.*, date_part('epoch', c.until - case when g.by_day then (g.day + 1)::timestamp at time zone (g.m).zone
                                                    else g.bucket + interval '1 hour' end) / 3600 as hours
      from clock c cross join grained g
    ), sliced as (
      select e.*, floor(e.hours)::integer as back,
        sum(e.clicks) over (partition by (e.m).campaign_id, floor(e.hours / 24)) as in_slice
      from ended e where e.hours >= 0 and e.hours < 96
    ), each as (
      select (e.m).account, e.back,
        extract(dow from e.day)::integer as weekday, e.conversions as found,
        coalesce((e.m).rate * e.clicks
          * least(1, (e.m).most_clicks / nullif(e.in_slice, 0))
          -- conversions that are known to come late are not yet expected
          * case when a.delay = 0 then 1 else 1 - exp(greatest(-600::float8,
              -(e.hours + case when e.by_day then 12 else 0.5 end) / a.delay)) end, 0) as hoped,
        case when (e.m).worth > 0 then e.conversions else 0 end as orders, e.revenue,
        coalesce(e.conversions * (e.m).worth, 0) as worth
      from sliced e join accounts a on a.account = (e.m).account
    ), summed as (
      select row(e.account, e.back, e.weekday, sum(e.found), sum(e.hoped), sum(e.orders),
        coalesce(sum(e.revenue) filter (where e.orders > 0), 0), sum(e.worth),
        coalesce(sum(e.orders) filter (where e.revenue > f.factor / 2 * e.worth), 0),
        coalesce(sum(e.orders) filter (where e.revenue < e.worth / (f.factor / 2)), 0))::autonomy.measured_row as one
      from each e join accounts f using (account) group by e.account, e.back, e.weekday
    )
    select coalesce(array_agg(s.one order by (s.one).account, (s.one).back, (s.one).weekday), '{}') from summed s);
end $$;
comment on function autonomy.measured_rows(autonomy.measured[], public.autonomy_policy, timestamptz) is
  'The complete hours and days of the last 96 hours of these campaigns, by account, beside what is usual. Only reads; '
  'safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.measured_usual(p_days autonomy.measured_day[])
returns table (
  account text, currency text, is_all boolean, usual float8, spread float8,
  found_new float8, found_lifted float8, worth_new float8, worth_lifted float8)
language plpgsql stable set search_path = ''
as $$
-- Of each account, of each currency, and of all. `new`: beside what was usual, as it has been for eight days and
-- more, where that can be a level; `lifted`: where a person said that it is right.
#variable_conflict use_column
begin
  return query
  with days as (
    select k.account, k.currency, grouping(k.account, k.currency) as of, d.day, bool_or(d.before) as before,
      bool_or(d.lifted) as lifted, bool_or(d.day between d.today - 11 and d.today - 8) as lasting,
      sum(d.counted_found) as counted, sum(d.counted_hoped * d.shape) as counted_on,
      sum(d.found) as found, sum(d.hoped * d.shape) as hoped, sum(d.orders) as orders, sum(d.revenue) as revenue,
      sum(d.worth) as worth
    from unnest(p_days) d
    cross join lateral (select d.account, (select a.currency from public.autonomy_accounts a
                                           where a.account = d.account) as currency) k
    group by grouping sets ((k.account, d.day), (k.currency, d.day), (d.day))
  ), summed as (
    select d.account, d.currency, d.of,
      avg(d.counted_on) filter (where d.before) as usual, count(*) filter (where d.before) as days,
      sum(least(d.counted - d.counted_on, 0) ^ 2) filter (where d.before) as under,
      sum(d.counted_on) filter (where d.before) as on_all, sum(d.counted_on ^ 2) filter (where d.before) as squares,
      sum(d.found) filter (where d.lasting) as n, sum(d.hoped) filter (where d.lasting) as e,
      sum(d.orders) filter (where d.lasting) as orders, sum(d.revenue) filter (where d.lasting) as r,
      sum(d.worth) filter (where d.lasting) as w,
      sum(d.found) filter (where d.lifted) / nullif(sum(d.hoped) filter (where d.lifted), 0) as found_lifted,
      sum(d.revenue) filter (where d.lifted) / nullif(sum(d.worth) filter (where d.lifted), 0) as worth_lifted
    from days d group by d.account, d.currency, d.of
  )
  select s.account, s.currency, s.of = 3, coalesce(s.usual, 0),
    greatest(0.02, coalesce((2 * s.under - s.on_all + 7 * 0.05 * s.usual ^ 2)
                            / nullif(s.squares + 7 * s.usual ^ 2, 0), 0.02)),
    case when s.e >= 10 and s.n between s.e / 10 and s.e * 10 then s.n / s.e end, s.found_lifted,
    case when s.orders >= 10 and s.r between s.w / 10 and s.w * 10 then s.r / nullif(s.w, 0) end, s.worth_lifted
  from summed s;
end $$;
comment on function autonomy.measured_usual(autonomy.measured_day[]) is
  'Of each account, of each currency (account null) and of all (is_all): what a usual day brings, how its days scatter '
  'downwards (squared), and the level of days that lasts or that a person said is right, as a multiple of what is '
  'usual. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.tracking_told(
  p_days autonomy.measured_day[], p_rows autonomy.measured_row[], p_policy public.autonomy_policy)
returns table (
  account text, observed float8, expected float8, hours integer, enough boolean, tripped boolean, settled boolean)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with shapes as (
    select distinct d.account, extract(dow from d.day)::integer as weekday, d.shape from unnest(p_days) d
  ), parts as (
    select case grouping(r.account) when 0 then r.account end as account, grouping(r.account) = 1 as is_all,
      sum(r.found) filter (where r.back < 24) as n1, sum(r.found) filter (where r.back < 48) as n2,
      sum(r.found) filter (where r.back < 72) as n3, sum(r.found) as n4,
      sum(r.hoped * s.shape) filter (where r.back < 24) as e1, sum(r.hoped * s.shape) filter (where r.back < 48) as e2,
      sum(r.hoped * s.shape) filter (where r.back < 72) as e3, sum(r.hoped * s.shape) as e4
    from unnest(p_rows) r left join shapes s on s.account = r.account and s.weekday = r.weekday
    group by grouping sets ((r.account), ())
  ), windows as (
    select p.account, w.days, coalesce(w.found, 0) as found, coalesce(w.hoped, 0) as hoped,
      least(1, u.found_lifted) as said, least(1, u.found_lifted, u.found_new) as level, w.days / u.spread as size,
      u.usual, coalesce(a.tracking_breaker_ratio, p_policy.tracking_breaker_ratio)::float8 as ratio,
      coalesce(a.tracking_breaker_min_expected, p_policy.tracking_breaker_min_expected)::float8 as least_expected
    from parts p
    cross join lateral (values (1, p.n1, p.e1), (2, p.n2, p.e2), (3, p.n3, p.e3), (4, p.n4, p.e4))
      w (days, found, hoped)
    left join autonomy.measured_usual(p_days) u
      on u.is_all = p.is_all and u.account is not distinct from p.account and (u.account is not null or u.is_all)
    left join public.autonomy_accounts a on a.account = p.account
  ), judged as (
    select w.*, coalesce(w.hoped * w.level >= w.least_expected and w.hoped >= w.usual / 2
      and autonomy.surprise(0, w.hoped * w.level, w.size) >= 12, false) as enough
    from windows w
  ), chosen as (
    select distinct on (j.account) j.* from judged j
    order by j.account, j.enough desc, case when j.enough then j.days else -j.days end
  )
  select c.account, c.found, coalesce(c.hoped * c.level, 0), 24 * c.days, c.enough, c.enough and t.tripped,
    t.settled and not t.tripped
  from chosen c
  cross join lateral (select
    coalesce(c.found < c.ratio * c.hoped * c.level
             and autonomy.surprise(c.found, c.hoped * c.level, c.size) >= 12, false) as tripped,
    coalesce(c.found < c.ratio * c.hoped * c.said
             and autonomy.surprise(c.found, c.hoped * c.said, c.size) >= 12, false) as settled) t;
end $$;
comment on function autonomy.tracking_told(autonomy.measured_day[], autonomy.measured_row[], public.autonomy_policy) is
  'Of each account and (account null) of all: conversions of the last hours beside what their clicks would have '
  'brought, whether that is enough to tell, whether they are missing, and whether they only are since they have been '
  'for days (settled). Only reads; raises nothing. [autonomous-operations]';

create function autonomy.values_told(
  p_days autonomy.measured_day[], p_rows autonomy.measured_row[], p_policy public.autonomy_policy)
returns table (
  account text, currency text, orders float8, level float8, enough boolean, tripped boolean, settled boolean)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with hourly as (
    select r.account, a.currency, grouping(r.account) = 1 as of_currency, r.back, sum(r.orders) as n,
      sum(r.revenue) as revenue, sum(r.worth) as worth, sum(r.high) as high, sum(r.low) as low
    from unnest(p_rows) r left join public.autonomy_accounts a on a.account = r.account
    where r.orders > 0
    group by grouping sets ((r.account, a.currency, r.back), (a.currency, r.back))
  ), reached as (
    select h.*, sum(h.n) over (partition by h.of_currency, h.account, h.currency order by h.back) as so_far
    from hourly h
  ), windows as (
    select r.of_currency, r.account, r.currency,
      case when bool_or(r.so_far >= 30) then greatest(min(r.back) filter (where r.so_far >= 30), 5) else 95 end as back
    from reached r group by r.of_currency, r.account, r.currency
  ), summed as (
    select w.account, w.currency, w.of_currency, bool_or(r.so_far >= 30) as enough, sum(r.n) as n,
      sum(r.revenue) as revenue, sum(r.worth) as worth, sum(r.high) as high, sum(r.low) as low
    from windows w join reached r on r.of_currency = w.of_currency and r.account is not distinct from w.account
      and r.currency is not distinct from w.currency and r.back <= w.back
    group by w.account, w.currency, w.of_currency
  )
  select s.account, s.currency, s.n, s.revenue / s.worth, s.enough, s.enough and t.tripped,
    s.enough and t.settled and not t.tripped
  from summed s
  left join autonomy.measured_usual(p_days) u on not u.is_all and (u.account is null) = s.of_currency
    and case when s.of_currency then u.currency is not distinct from s.currency else u.account = s.account end
  left join public.autonomy_accounts a on a.account = s.account
  cross join lateral (
    select coalesce(a.value_breaker_factor, p_policy.value_breaker_factor)::float8 as factor) f
  cross join lateral (select
    s.revenue > f.factor * s.worth * greatest(1, u.worth_new, u.worth_lifted) and 2 * s.high >= s.n
    or s.revenue < s.worth / f.factor * least(1, u.worth_new, u.worth_lifted) and 2 * s.low >= s.n as tripped,
    s.revenue > f.factor * s.worth * greatest(1, u.worth_lifted) and 2 * s.high >= s.n
    or s.revenue < s.worth / f.factor * least(1, u.worth_lifted) and 2 * s.low >= s.n as settled) t;
end $$;
comment on function autonomy.values_told(autonomy.measured_day[], autonomy.measured_row[], public.autonomy_policy) is
  'Of each account and (account null) of each currency: the last conversions and what they are worth as a multiple of '
  'what is usual, whether there are enough to tell, whether that has jumped, and whether it only has not since it has '
  'been so for days (settled). Only reads; raises nothing. [autonomous-operations]';

-- How late the conversions of an account come, told from how the orders of its new campaigns set in.
-- autonomy/engine/delay.py says why each step is as it is.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.lag_of_delay(p_days float8) returns float8
language sql immutable parallel safe set search_path = ''
as $$
  select (2 - p_days * (1 - exp(-2 / p_days))) / 2 / ((5 - p_days * (exp(-4 / p_days) - exp(-9 / p_days))) / 5)
$$;
comment on function autonomy.lag_of_delay(float8) is
  'The orders per spend of a campaign''s days 0 and 1 over those of days 4 to 8, where orders come this many days '
  'after the click in the mean; of an hour to twenty days. Pure. [autonomous-operations]';

create function autonomy.delay_of_launches(
  p_spend float8[], p_orders float8[], p_later_spend float8[], p_later_orders float8[]) returns float8
language plpgsql immutable set search_path = ''
as $$
declare
  v_spend float8 := (select sum(u) from unnest(p_spend) u);
  v_orders float8 := (select sum(u) from unnest(p_orders) u);
  v_later_spend float8 := (select sum(u) from unnest(p_later_spend) u);
  v_later float8 := (select sum(u) from unnest(p_later_orders) u);
  v_effective float8;
  v_lag float8;
  v_chance float8;
  v_low float8 := ln(1::float8 / 24);
  v_high float8 := ln(20::float8);
  v_middle float8;
begin
  if not (v_orders + v_later >= 200 and v_later > 0 and v_spend > 0 and v_later_spend > 0) then
    return null;
  end if;
  v_lag := v_orders / v_spend / (v_later / v_later_spend);
  v_effective := (v_orders + v_later) ^ 2
    / (select sum((o + l) ^ 2) from unnest(p_orders, p_later_orders) u (o, l));
  v_chance := sqrt(1 / greatest(1::float8, v_orders) + 1 / v_later + 0.175::float8 / v_effective);
  if v_lag * exp(v_chance) >= 0.9::float8 then
    return 0;
  end if;
  for i in 1 .. 40 loop
    v_middle := (v_low + v_high) / 2;
    if autonomy.lag_of_delay(exp(v_middle)) > v_lag then
      v_low := v_middle;
    else
      v_high := v_middle;
    end if;
  end loop;
  return exp((v_effective * ((v_low + v_high) / 2 + ln(24::float8)) + 5 * ln(24::float8)) / (v_effective + 5));
end $$;
comment on function autonomy.delay_of_launches(float8[], float8[], float8[], float8[]) is
  'The mean hours from click to conversion that launches tell: a place of the arrays is a campaign''s spend and orders '
  'of days 0 and 1, and of days 4 to 8. 0 where orders do not lag behind, null where there are too few. Pure. '
  '[autonomous-operations]';

create function autonomy.account_launches(p_account text, p_zone text, p_until date)
returns table (spend float8, orders float8, later_spend float8, later_orders float8)
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
  return query
  with series as materialized (
    select c.id, f.day as first,
      abs((case when isfinite(c.created_at) then c.created_at end at time zone p_zone)::date - f.day) <= 2
      -- of what came in a file created_at is only the file's first day
      and not exists (select from autonomy.file_states s where s.campaign_id = c.id) as made_then
    from unnest(autonomy.campaigns_of(p_account, null, 2000)) i
    join public.campaigns c on c.id = i
    cross join lateral (
      select d.day from public.campaign_daily d where d.campaign_id = i and d.spend > 0 order by d.day limit 1) f
  ),
  launched as materialized (
    -- where figures begin later than the campaign its orders have long set in
    select s.id, s.first from series s
    where s.first between p_until - 365 and p_until - 8
      and (s.made_then or s.first >= (select min(o.first) from series o) + 3)
  ),
  excluded as materialized (
    select * from autonomy.exclusions_of(array(select l.id from launched l))
  )
  select coalesce(sum(d.spend) filter (where d.day <= l.first + 1), 0)::float8,
    coalesce(sum(d.conversions) filter (where d.day <= l.first + 1), 0)::float8,
    coalesce(sum(d.spend) filter (where d.day >= l.first + 4), 0)::float8,
    coalesce(sum(d.conversions) filter (where d.day >= l.first + 4), 0)::float8
  from launched l
  join public.campaign_daily d on d.campaign_id = l.id and d.day between l.first and l.first + 8
  where d.spend > 0 and d.spend <= 1e12 and d.conversions between 0 and 1e9
    and not exists (select from excluded x
                    where x.campaign_id = l.id and x.from_day <= l.first + 8 and x.until_day >= l.first)
  group by l.id;
end $$;
comment on function autonomy.account_launches(text, text, date) is
  'Of each campaign of an account (of 2,000 at most) that began within a year, so long before the end of p_until that '
  'its ninth day is over, what it spent and brought on its days 0 and 1, and on its days 4 to 8; not where some of '
  'these days are left out of the evidence. A part of told_delay. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.told_delay(p_account text, p_after date, p_now timestamptz, out day date, out hours float8)
language plpgsql stable set search_path = ''
as $$
declare
  v_zone text := autonomy.account_zone(p_account);
begin
  -- the last day that has figures may not be over yet
  day := least((p_now at time zone v_zone)::date, (
    select max(f.day) from unnest(autonomy.campaigns_of(p_account, null, 2000)) i cross join lateral (
      select d.day from public.campaign_daily d where d.campaign_id = i order by d.day desc limit 1) f)) - 1;
  if day is null or day <= p_after then
    return;
  end if;
  select autonomy.delay_of_launches(
    array_agg(l.spend), array_agg(l.orders), array_agg(l.later_spend), array_agg(l.later_orders))
  into hours from autonomy.account_launches(p_account, v_zone, day) l;
end $$;
comment on function autonomy.told_delay(text, date, timestamptz) is
  'The last complete day of an account after p_after, and how late conversions come in hours, by its launches up to '
  'that day: 0 where orders do not lag behind, null where there is no such day, or nothing to tell by. Only reads; '
  'raises nothing. [autonomous-operations]';

-- How late the conversions of an account come, told from how the orders of its new campaigns set in.
-- autonomy/engine/delay.py says why each step is as it is.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.delays (
  account text primary key,
  last_day date,
  candidate float8,
  -- 32 bits are plenty: a count of days
  -- squawk-ignore prefer-bigint-over-int
  candidate_days integer not null default 0,
  since timestamptz,
  checked_at timestamptz not null
);
comment on table autonomy.delays is
  'Derived: what the launches of each account say of its conversion delay; each day counts once. What is in use stands '
  'in priors. Kept by measure_delays. [autonomous-operations]';
comment on column autonomy.delays.last_day is 'up to which day launches were looked at, when they last told something';
comment on column autonomy.delays.candidate is
  'the delay in hours that they speak for, where another is in use; 0 = none, what is assumed';
comment on column autonomy.delays.candidate_days is 'for how many days on end; from the third on it is used';
comment on column autonomy.delays.since is 'when what is in use came into use; null = none was measured yet';
comment on column autonomy.delays.checked_at is 'when it was last looked whether there is a day to look at';

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

create function autonomy.nearest_delay(p_hours float8) returns float8
language sql immutable set search_path = ''
as $$
  select g from unnest('{6, 12, 24, 48, 96}'::float8[]) g order by abs(ln(g) - ln(p_hours)), g limit 1
$$;
comment on function autonomy.nearest_delay(float8) is
  'The nearest of the delays that are used, in hours. Pure. [autonomous-operations]';

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
    from public.campaigns c
    cross join lateral (
      select d.day from public.campaign_daily d where d.campaign_id = c.id and d.spend > 0 order by d.day limit 1) f
    where left(c.account, 200) = left(p_account, 200) and c.account = p_account
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
  'Of each campaign of an account that began within a year, so long before the end of p_until that its ninth day is '
  'over, what it spent and brought on its days 0 and 1, and on its days 4 to 8; not where some of these days are left '
  'out of the evidence. A part of measure_delay. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.use_delay(p_account text, p_hours float8) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into autonomy.priors as k (scope, name, delay_hours, fitted_at)
  values ('account', p_account, p_hours, '-infinity')
  on conflict (scope, name) do update set delay_hours = excluded.delay_hours;
  perform autonomy.refresh_campaign_facts(array(
    select c.id from public.campaigns c
    where left(c.account, 200) = left(p_account, 200) and c.account = p_account));
end $$;
comment on function autonomy.use_delay(text, float8) is
  'Takes another measured delay into use, null for the one that is assumed, and makes the facts of the account anew, '
  'in one transaction. Safe to call again. [autonomous-operations]';

create function autonomy.measure_delay(p_account text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  v_known autonomy.delays := (select k from autonomy.delays k where k.account = p_account);
  v_used float8 := (select k.delay_hours from autonomy.priors k where k.scope = 'account' and k.name = p_account);
  v_zone text := autonomy.account_zone(p_account);
  v_ids uuid[] := array(select c.id from public.campaigns c
                        where left(c.account, 200) = left(p_account, 200) and c.account = p_account limit 2001);
  v_day date;
  v_hours float8;
  v_nearest float8;
begin
  v_known.account := p_account;
  v_known.checked_at := p_now;
  v_known.candidate_days := coalesce(v_known.candidate_days, 0);
  -- the last day that has figures may not be over yet
  v_day := least((p_now at time zone v_zone)::date, (
    select max(f.day) from unnest(v_ids) i cross join lateral (
      select d.day from public.campaign_daily d where d.campaign_id = i order by d.day desc limit 1) f)) - 1;
  -- facts of more campaigns are more than a run may wait for: what is assumed goes on
  if cardinality(v_ids) <= 2000 and (v_known.last_day is null or v_day > v_known.last_day) then
    select autonomy.delay_of_launches(
      array_agg(l.spend), array_agg(l.orders), array_agg(l.later_spend), array_agg(l.later_orders))
    into v_hours from autonomy.account_launches(p_account, v_zone, v_day) l;
  end if;
  if v_hours is not null then
    v_nearest := case when v_hours > 0 then autonomy.nearest_delay(v_hours) else 0 end;
    v_known.candidate_days := case when v_nearest = v_known.candidate then v_known.candidate_days + 1 else 1 end;
    v_known.candidate := v_nearest;
    v_known.last_day := v_day;
    -- half a step of the grid is 0.35: what wavers between two of it changes nothing
    if v_nearest = coalesce(v_used, 0) or v_hours > 0 and abs(ln(nullif(v_hours, 0)) - ln(v_used)) <= 0.45 then
      v_known.candidate := null;
      v_known.candidate_days := 0;
    elsif v_known.candidate_days >= 3 then
      perform autonomy.use_delay(p_account, nullif(v_nearest, 0));
      v_known.candidate := null;
      v_known.candidate_days := 0;
      v_known.since := p_now;
    end if;
  end if;
  delete from autonomy.delays k where k.account = p_account;
  insert into autonomy.delays select v_known.*;
end $$;
comment on function autonomy.measure_delay(text, timestamptz) is
  'Looks at the launches of an account up to its last complete day, if it did not yet, and takes another delay into '
  'use where they have spoken for it on three days on end. Safe to call again. [autonomous-operations]';

create function autonomy.measure_delays(p_now timestamptz) returns void
language plpgsql set search_path = '' set lock_timeout = '2s'
as $$
declare
  v_account text;
  v_until timestamptz := clock_timestamp() + interval '1 second';
begin
  for v_account in
    select a.account from public.autonomy_accounts a left join autonomy.delays k on k.account = a.account
    where (k.checked_at > p_now - interval '6 hours' and k.checked_at < p_now + interval '6 hours') is not true
    order by k.checked_at nulls first, a.account limit 200
  loop
    perform autonomy.measure_delay(v_account, p_now);
    exit when clock_timestamp() > v_until;
  end loop;
  delete from autonomy.delays k
  where not exists (select from public.autonomy_accounts a where a.account = k.account);
end $$;
comment on function autonomy.measure_delays(timestamptz) is
  'Measures the conversion delay of the accounts that were not looked at for six hours, for a second at most, those '
  'that have waited longest first. A part of prepare_run. Safe to call again. [autonomous-operations]';

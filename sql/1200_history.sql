-- The past: what the runs of other days would have seen, for replay and preview. Only reads, so it
-- may be asked of any database. Safe to run again.
--
-- campaign_facts_at(t) answers for one moment. A replay asks for thousands, so past_candidates
-- answers for all of them in one set: what lies before a day is computed once a day by window
-- functions, the day itself is added up bucket by bucket. A test holds the two equal.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.past_policy(p_policy jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_limit record;
  v_policy jsonb;
begin
  select to_jsonb(p) || coalesce(p_policy, '{}') into strict v_policy from public.autonomy_policy p;
  for v_limit in
    select l.setting, l.low, l.high, v_policy -> l.setting as value from public.autonomy_policy_limits() l
  loop
    if jsonb_typeof(v_limit.value) is distinct from 'number'
       or (v_limit.value)::numeric not between v_limit.low and v_limit.high then
      raise exception using errcode = 'AO002', message = format('%s must be a number from %s to %s, not %s.',
        v_limit.setting, v_limit.low, v_limit.high, coalesce(v_limit.value::text, 'missing'));
    end if;
  end loop;
  return v_policy;
end $$;
comment on function autonomy.past_policy(jsonb) is
  'The policy with the given columns in place of its own, for trying one without storing it. Only reads. Raises AO002 '
  'for a number out of its range. [autonomous-operations]';

create function autonomy.past_measures(p_windows text[]) returns text
language sql immutable set search_path = ''
as $$
-- What each window holds before the day itself; `prior_` windows never hold the day.
  select string_agg(format(
      'sum(d.%1$s) over (partition by d.campaign_id order by d.number range between %2$s preceding and %3$s preceding)'
      ' as "%4$s_%1$s"', m.measure, w.far, w.near, w.name), ', ')
  from (
    select case when x.prior then 'p' else 'w' end || x.days as name,
      case when x.prior then (2 * x.days - 1)::text else (x.days - 1)::text end as far,
      case when x.prior then x.days else 1 end as near
    from (select n like 'prior\_%' as prior, substring(n from '\d+')::int as days from unnest(p_windows) n) x
    union all
    select 'life', 'unbounded', 1
  ) w
  cross join unnest(array['impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue']) m (measure)
  -- a window of one day holds nothing but the day
  where w.far <> '0'
$$;
comment on function autonomy.past_measures(text[]) is
  'SQL text of the sums of each window over the days before a day. Arguments are checked by the caller. Pure. '
  '[autonomous-operations]';

create function autonomy.past_doubts(p_from timestamptz, p_to timestamptz)
returns table (campaign_id uuid, day date, known_at timestamptz, why text)
language plpgsql stable set search_path = '' set jit = off
as $$
-- A run looks at eight days, and so does each of these looks. What it would have found in the day so far it finds
-- when the day is over. Only of campaigns whose days stand out among all, as usual_days has it, they are read one by
-- one.
declare
  v_ids uuid[] := array(
    select d.campaign_id
    from autonomy.counted_days d
    where d.day between p_from::date - 70 and p_to::date + 1
    group by d.campaign_id
    having max(d.revenue / greatest(d.conversions, 1)) filter (where d.day >= p_from::date - 3)
        > 3 * percentile_cont(0.5) within group (order by (d.revenue / nullif(d.conversions, 0))::float8)
      or max(d.spend) filter (where d.day >= p_from::date - 3) > 2 * avg(d.spend));
begin
  if v_ids = '{}' then
    return;
  end if;
  return query
  select distinct on (d.campaign_id, d.day) d.campaign_id, d.day, k.known_at, d.why
  from generate_series(p_from, p_to + interval '7 days', interval '7 days') a (at)
  cross join lateral (
    select v.* from autonomy.value_doubts(v_ids, a.at) v
    union all select s.* from autonomy.spend_doubts(v_ids, a.at) s) d
  join autonomy.campaign_zones(v_ids) z on z.campaign_id = d.campaign_id
  cross join lateral (select (d.day + 1)::timestamp at time zone z.zone as known_at) k
  where k.known_at > p_from - interval '1 day' and k.known_at <= p_to
  order by d.campaign_id, d.day, d.why;
end $$;
comment on function autonomy.past_doubts(timestamptz, timestamptz) is
  'Days that ended in this time and whose figures runs would have doubted: held for a day from known_at on, then left '
  'out of the evidence. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.past_candidates(
  p_conditions jsonb, p_windows text[], p_from timestamptz, p_to timestamptz, p_every_hours numeric,
  p_policy jsonb default '{}', p_all boolean default false, p_left_out jsonb default '[]')
returns table (at timestamptz, campaign_id uuid, holds boolean, figures float8[])
language plpgsql stable set search_path = '' set jit = off set work_mem = '128MB' set statement_timeout = '10min'
as $$
declare
  v_policy jsonb := autonomy.past_policy(p_policy);
  v_zone text := v_policy ->> 'time_zone';
  v_half_life float8 := (v_policy ->> 'evidence_half_life_days')::float8;
  v_delay float8 := (v_policy ->> 'conversion_delay_hours')::float8;
  v_late boolean := v_delay > 0 or exists (
    select from public.autonomy_accounts o where o.conversion_delay_hours > 0)
    or exists (select from autonomy.priors k where k.delay_hours > 0);
  v_left_out text := case when jsonb_array_length(p_left_out) > 0 then
    ' and not exists (select from left_out x where x.campaign_id = %1$s.campaign_id and x.day = %1$s.day)' else '' end;
  v_every interval := p_every_hours * interval '1 hour';
  v_keep interval;
  v_windows text[];
  v_predicate text;
  v_fades text;
  v_immature text;
  v_day text;
  v_days text;
  v_error text;
begin
  if p_every_hours is null or p_every_hours not between 1 and 744 then
    raise exception using errcode = 'AO010', message = 'p_every_hours must be from 1 to 744.';
  elsif p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to) or p_from >= p_to then
    raise exception using errcode = 'AO010', message = 'p_from must lie before p_to.';
  elsif p_windows && array(select w from unnest(p_windows) w where w !~ '^(prior_)?(1|3|7|14|30)d$') then
    raise exception using errcode = 'AO010', message = 'p_windows knows 1d, 3d, 7d, 14d, 30d and prior_ before each.';
  end if;
  if v_half_life > 0 and extract(epoch from p_to - p_from) / 86400 * 0.7 / v_half_life > 500 then
    raise exception using errcode = 'AO010',
      message = 'That is too long a time for so short a half-life; ask for a part of it.';
  end if;
  v_windows := array(select distinct w from unnest(p_windows) w order by w);
  -- Older figures are held back as stale whatever else is true, so they need not travel.
  v_keep := least(greatest((v_policy ->> 'max_data_age_hours')::numeric,
    (select max(o.max_data_age_hours) from public.autonomy_accounts o)) + 24, 1000) * interval '1 hour';

  if p_conditions is not null then
    select string_agg(public.condition_errors(c), ' ') into v_error from jsonb_array_elements(p_conditions) c;
    if v_error is not null then
      raise exception using errcode = 'AO001', message = v_error;
    end if;
    -- A budget is simulated by the caller, so a condition on it cannot be decided here.
    select string_agg(case when exists (select from autonomy.condition_reads(c) r where r.metric = 'budget')
                           then 'true' else '(' || replace(autonomy.compile_condition(c), '$1', 'f.at')
                             || ')' end, ' or ')
    into v_predicate from jsonb_array_elements(p_conditions) c;
  end if;

  -- Weights relative to the first day, so that one running sum serves every later day.
  v_fades := case when v_half_life = 0 then '1::float8'
    -- what the bounds cut off lies ten half-lives away at the least
    else format('exp(greatest(-600::float8, least(600::float8, 0.6931471805599453::float8 * d.since / %s::float8)))',
                v_half_life) end;
  v_day := format('over (partition by d.campaign_id order by d.number range between %s preceding and 1 preceding)',
    case when v_half_life = 0 then 'unbounded' else floor(10 * v_half_life)::text end);
  v_immature := case when v_late then
    format($i$case when z.delay > 0 then (select sum(e.spend::float8
          * case when %1$s = 0 then 1 else exp(-0.6931471805599453::float8 * (b.day - e.day) / nullif(%1$s, 0)) end
          * exp(greatest(-600::float8, -((b.day - e.day) + 0.5::float8) * 24::float8 / z.delay)))
        from autonomy.counted_days e
        where e.campaign_id = b.campaign_id and e.day < b.day
          and e.day >= b.day - least(ceil(40 * z.delay / 24),
                                     case when %1$s = 0 then 1e6 else floor(10 * %1$s) end)::int%2$s) end$i$,
      v_half_life || '::float8', format(v_left_out, 'e'))
    else '0::float8' end;

  -- At midnight a day is whole, and its roll-up says all. Not across a change of the clocks, where
  -- every 24 hours is another time of day.
  v_days := case
    when p_every_hours % 24 = 0 and (p_from at time zone v_zone)::time = '00:00'
         and (p_from at time zone v_zone) - (p_from at time zone 'UTC')
           = (p_to at time zone v_zone) - (p_to at time zone 'UTC')
         and not exists (select from autonomy.account_zones() z where z.zone <> v_zone)
    then $by_day$hours as (
      select d.campaign_id, d.day, $6 as zone, (d.day + 1)::timestamp at time zone $6 as since,
        d.impressions, d.reach, d.clicks, d.conversions, d.spend, d.revenue
      from autonomy.counted_days d
      where d.day >= ($2 - $4 - interval '2 days')::date and d.day < ($3 at time zone $6)::date$by_day$
      || format(v_left_out, 'd') || ')'
    else $by_bucket$-- The day itself, bucket by bucket. A bucket is known when it is over: after an hour, or after
    -- a day where the campaign never has a second bucket in a day.
    counted as (
      select m.*, (m.bucket at time zone z.zone)::date as day, z.zone,
        count(*) over (partition by m.campaign_id, (m.bucket at time zone z.zone)::date) as in_day
      from public.campaign_metrics m join zones z using (campaign_id)
      where m.bucket >= $2 - $4 - interval '2 days' and m.bucket < $3
        and not exists (select from excluded x where x.campaign_id = m.campaign_id
                        and (m.bucket at time zone z.zone)::date between x.from_day and x.until_day)
    ),
    hours as (
      select m.campaign_id, m.day, m.zone,
        m.bucket + case when m.whole_day or max(m.in_day) over (partition by m.campaign_id) = 1
                        then interval '1 day' else interval '1 hour' end as since,
        sum(m.impressions) over today as impressions, sum(m.reach) over today as reach,
        sum(m.clicks) over today as clicks,
        sum(m.conversions) over today as conversions, sum(m.spend) over today as spend,
        case when v.value is not null and sum(m.revenue) over today = 0 and sum(m.conversions) over today > 0
          then least(sum(m.conversions) over today * v.value, 999999999999.99)
          else sum(m.revenue) over today end as revenue
      from counted m
      left join worth v using (campaign_id)
      window today as (partition by m.campaign_id, m.day order by m.bucket)
    )$by_bucket$ end;

  return query execute format($query$
    with zones as materialized (
      select c.id as campaign_id, z.zone, coalesce(o.conversion_delay_hours::float8, p.delay_hours, $9) as delay
      from public.campaigns c join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
      left join public.autonomy_accounts o on o.account = coalesce(c.account, 'default')
      left join autonomy.priors p on p.scope = 'account' and p.name = coalesce(c.account, 'default')
    ),
    left_out as materialized (
      select (d ->> 0)::uuid as campaign_id, (d ->> 1)::date as day from jsonb_array_elements($11) d
    ),
    excluded as materialized (
      select * from autonomy.exclusions_of(array(select k.id from public.campaigns k))
      union all select x.campaign_id, x.day, x.day from left_out x
    ),
    worth as materialized (
      select * from autonomy.campaign_values(array(select k.id from public.campaigns k))
    ),
    days as (
      select c.*, c.day - date '2000-01-01' as number, (c.day - $5::date)::float8 as since
      from autonomy.counted_days c
      where c.day <= ($3 at time zone $6)::date + 1%9$s
    ),
    before as (
      select d.campaign_id, d.day, d.since, %1$s,
        sum(d.spend::float8 * %2$s) %3$s as ev_spend, sum(d.conversions::float8 * %2$s) %3$s as ev_conversions,
        sum(d.revenue::float8 * %2$s) %3$s as ev_revenue,
        sum(case when d.spend > 0 then %2$s else 0::float8 end) %3$s as ev_days
      from days d
    ),
    known as (
      select b.*, case when $7 = 0 then 1::float8
                       else exp(greatest(-600::float8,
                                         least(600::float8, -0.6931471805599453::float8 * b.since / $7))) end as fade,
        z.delay, %4$s as ev_immature
      from before b join zones z on z.campaign_id = b.campaign_id
      where b.day >= ($2 at time zone $6)::date - ceil(extract(epoch from $4) / 86400)::int - 2
    ),
    %8$s,
    states as (
      select h.*, least(lead(h.since) over (partition by h.campaign_id order by h.since), h.since + $4) as until
      from hours h
    ),
    seen as (
      select s.*, $2 + i.i * $8 as at
      from states s
      cross join lateral generate_series(
        greatest(0, ceil(extract(epoch from s.since - $2) / extract(epoch from $8)))::int,
        (least(ceil(extract(epoch from s.until - $2) / extract(epoch from $8)),
               ceil(extract(epoch from $3 - $2) / extract(epoch from $8))) - 1)::int) i
    ),
    f as (
      select s.at, s.campaign_id, (s.day + 1)::timestamp at time zone s.zone as as_of, %5$s,
        coalesce(k.ev_spend * k.fade, 0) + s.spend::float8 as ev_spend,
        coalesce(k.ev_conversions * k.fade, 0) + s.conversions::float8 as ev_conversions,
        coalesce(k.ev_revenue * k.fade, 0) + s.revenue::float8 as ev_revenue,
        coalesce(k.ev_days * k.fade, 0) + case when s.spend > 0 then 1 else 0 end as ev_days,
        coalesce(k.ev_immature, 0) + case when k.delay > 0 then s.spend::float8
          * exp(greatest(-600::float8, -0.5::float8 * 24::float8 / nullif(k.delay, 0))) else 0 end as ev_immature,
        k.delay
      from seen s
      join known k on k.campaign_id = s.campaign_id and k.day = s.day
    )
    select f.at, f.campaign_id, coalesce(h.holds, false), array[
        f.life_impressions, f.life_reach, f.life_clicks, f.life_conversions, f.life_spend, f.life_revenue,
        f.ev_spend * w.fading, f.ev_conversions * w.fading, f.ev_revenue * w.fading, f.ev_days * w.fading,
        case when f.delay > 0 and f.ev_immature > 1e-100 and f.ev_spend > 1e-9 then
          greatest(0, least(1, 1 - f.ev_immature
            * exp(greatest(-50::float8, least(50::float8, -w.age / nullif(f.delay, 0)))) / f.ev_spend))
          else 1 end,
        w.age, extract(epoch from f.at - c.created_at)::float8 / 3600 %6$s]::float8[]
    from f
    join public.campaigns c on c.id = f.campaign_id
    cross join lateral (select extract(epoch from f.at - f.as_of)::float8 / 3600 as age) a
    cross join lateral (select a.age, case when $7 = 0 then 1::float8 else exp(-least(50::float8,
      0.6931471805599453::float8 * greatest(0::float8, a.age / 24) / $7)) end as fading) w
    cross join lateral (select %7$s as holds offset 0) h
    where h.holds or $10
    order by f.at, f.campaign_id
    $query$,
    autonomy.past_measures(v_windows), v_fades, v_day, v_immature,
    (select string_agg(case when w.prior then format('k."%1$s_%2$s"::float8 as "%1$s_%2$s"', w.name, m)
                            when w.name = 'w1' then format('s.%2$s::float8 as "%1$s_%2$s"', w.name, m)
                            else format('(coalesce(k."%1$s_%2$s", 0) + s.%2$s)::float8 as "%1$s_%2$s"',
                                        w.name, m) end, ', ')
     from (select 'life' as name, false as prior
           union all
           select case when n like 'prior%' then 'p' else 'w' end || substring(n from '\d+'), n like 'prior%'
           from unnest(v_windows) n) w
     cross join unnest(array['impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue']) m),
    coalesce((select string_agg(format(', f."%s_%s"', case when n like 'prior%' then 'p' else 'w' end
                || substring(n from '\d+'), m), '' order by o, i)
              from unnest(v_windows) with ordinality v (n, o)
              cross join unnest(array['impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue'])
                with ordinality u (m, i)), ''),
    coalesce(v_predicate, 'true'), v_days, format(v_left_out, 'c'))
  using null, p_from, p_to, v_keep, (p_from at time zone v_zone)::date, v_zone, v_half_life,
    v_every, v_delay, coalesce(p_all, false), p_left_out;
end $$;
comment on function autonomy.past_candidates(jsonb, text[], timestamptz, timestamptz, numeric, jsonb, boolean,
                                             jsonb) is
  'What runs every p_every_hours from p_from until before p_to would have seen of the campaigns on which one of the '
  'conditions (an array; NULL: always) holds, with p_all of every campaign: the six lifetime measures; evidence as '
  'spend, conversions, revenue, days, matured share; age of the data and hours running; then six measures of each of '
  'p_windows in the order of their names. Equal to campaign_facts_at at the end of the last complete bucket. p_policy '
  'overrides columns of the policy; p_left_out ([[campaign_id, day]]) are days beside those of evidence_exclusions '
  'that do not count. Only reads; safe to call again. Raises AO001, AO002 and AO010 for bad conditions, '
  'policy and arguments. [autonomous-operations]';

create function autonomy.past_stand_in_budgets(p_from timestamptz)
returns table (campaign_id uuid, changed_at timestamptz, old_budget numeric)
language sql stable set search_path = '' set jit = off
as $$
-- Where an import put in a budget for one that no file states, nothing was known of it before: on each day the
-- highest spend of the 14 days before stood in, as it does at an import, and not what came later.
  with known as (
    select h.campaign_id, max(h.changed_at) as known_from
    from public.campaign_changes h
    where h.old_budget is null and h.new_budget is not null and h.kind = 'outside'
    group by h.campaign_id
  ),
  days as (
    select d.campaign_id, k.known_from, z.zone, d.day,
      nullif(max(d.spend) over (partition by d.campaign_id order by d.day
                                range between interval '13 days' preceding and current row), 0) as budget,
      lead(d.day) over (partition by d.campaign_id order by d.day) as next_day,
      row_number() over (partition by d.campaign_id order by d.day) as nth
    from known k
    join public.campaigns c on c.id = k.campaign_id
    join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
    join public.campaign_daily d on d.campaign_id = k.campaign_id and d.day < (k.known_from at time zone z.zone)::date
      and d.day >= (p_from at time zone z.zone)::date - 15
  ),
  ends as (
    select d.campaign_id, d.budget,
      coalesce((d.next_day + 1)::timestamp at time zone d.zone, d.known_from) as changed_at,
      lead(d.budget) over (partition by d.campaign_id order by d.day) as next_budget, d.next_day
    from days d
  )
  select e.campaign_id, e.changed_at, e.budget from ends e
  where e.next_day is null or e.budget is distinct from e.next_budget
  union all
  select d.campaign_id, (d.day + 1)::timestamp at time zone d.zone, null from days d where d.nth = 1
$$;
comment on function autonomy.past_stand_in_budgets(timestamptz) is
  'The budgets that stood in for those that no file stated, since p_from: what each was until changed_at. Only reads; '
  'safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.past_campaigns(p_from timestamptz, p_to timestamptz)
returns table (
  campaign_id uuid, title text, account text, enabled boolean, budget numeric, budgets jsonb,
  budget_known_from timestamptz, people jsonb, cv2 float8, first_day date,
  spend float8, revenue float8, conversions float8, days float8, currency text, target_roi float8,
  attribution_factor float8)
language sql stable set search_path = '' set jit = off
as $$
-- Budgets are told backwards: what each was before every change since p_from.
  with clock as (
    select c.id as campaign_id, (p_to at time zone z.zone)::date as today,
           (p_to at time zone z.zone)::date::timestamp at time zone z.zone as midnight,
           coalesce(c.conversion_value, o.conversion_value) as value
    from public.campaigns c
    join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
    left join public.autonomy_accounts o on o.account = c.account
  ),
  sums as (
    select d.campaign_id, d.day, d.spend, d.revenue, d.conversions
    from public.campaign_daily d join clock k using (campaign_id) where d.day < k.today
    union all
    select m.campaign_id, k.today, sum(m.spend),
      case when k.value is not null and sum(m.revenue) = 0 then sum(m.conversions) * k.value else sum(m.revenue) end,
      sum(m.conversions)
    from public.campaign_metrics m join clock k using (campaign_id)
    where m.bucket >= k.midnight and m.bucket < p_to
    group by m.campaign_id, k.today, k.value
  ),
  stood_in as (
    select b.campaign_id, array_agg(b.changed_at) as changed_at, array_agg(b.old_budget) as budget
    from autonomy.past_stand_in_budgets(p_from) b group by b.campaign_id
  ),
  totals as (
    select s.campaign_id, min(s.day) as first_day, sum(s.spend)::float8 as spend, sum(s.revenue)::float8 as revenue,
           sum(s.conversions)::float8 as conversions, count(*) filter (where s.spend > 0)::float8 as days
    from sums s group by s.campaign_id
  )
  select c.id, c.title, c.account, coalesce(c.autonomous_enabled, false), c.budget,
    (select jsonb_agg(jsonb_build_array(b.changed_at, b.old_budget) order by b.changed_at, b.id)
     from (select h.id, h.changed_at, h.old_budget from public.campaign_changes h
           where h.campaign_id = c.id and h.changed_at > p_from
             and h.kind in ('outside', 'platform', 'action', 'rollback', 'undelivered')
             and h.old_budget <> h.new_budget
           union all
           select 0, u.* from unnest(s.changed_at, s.budget) u) b),
    -- an import without budgets puts one in that stands for what was spent: before that none is known
    (select max(h.changed_at) from public.campaign_changes h
     where h.campaign_id = c.id and h.old_budget is null and h.new_budget is not null and h.kind = 'outside'),
    (select jsonb_agg(jsonb_build_array(h.changed_at, w.what) order by h.id)
     from public.campaign_changes h
     cross join lateral (values
       (h.new_budget < h.old_budget, 'cut'), (h.new_budget > h.old_budget, 'raised'),
       (lower(h.new_status) = 'active' and lower(h.old_status) is distinct from 'active', 'switched on')) w (so, what)
     where h.campaign_id = c.id and h.person and h.kind in ('outside', 'platform', 'action') and w.so
       and h.changed_at > p_from - (select greatest(7, p.person_hold_days, (
           select max(o.person_hold_days) from public.autonomy_accounts o)) * interval '1 day'
         from public.autonomy_policy p)),
    f.cv2, t.first_day, t.spend, t.revenue, t.conversions, t.days, k.currency,
    coalesce(c.target_roi, k.target_roi)::float8, coalesce(k.attribution_factor, 1)::float8
  from totals t
  join public.campaigns c on c.id = t.campaign_id
  left join stood_in s on s.campaign_id = c.id
  left join public.autonomy_accounts k on k.account = c.account
  left join public.campaign_facts f on f.campaign_id = c.id
  order by c.id
$$;
comment on function autonomy.past_campaigns(timestamptz, timestamptz) is
  'The campaigns that have a history before p_to: what each had spent and brought by then, its budgets since p_from, '
  'and what people did to it. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.list_past_candidates(
  p_conditions jsonb, p_windows text[] default '{}', p_days integer default 30, p_policy jsonb default '{}',
  p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '55s' set timezone = 'UTC'
as $$
-- A look a day, at midnight, where the roll-up by day says all.
declare
  v_zone text := (select time_zone from public.autonomy_policy);
  v_from timestamptz := ((p_now at time zone v_zone)::date - (p_days - 1))::timestamp at time zone v_zone;
  v_to timestamptz := p_now;
  v_doubts jsonb;
begin
  perform autonomy.moment_error(p_now);
  if p_days is null or p_days not between 1 and 90 then
    raise exception using errcode = 'AO010', message = 'p_days must be from 1 to 90.';
  end if;
  select coalesce(jsonb_agg(jsonb_build_array(d.campaign_id, d.day, d.known_at, d.why)), '[]')
  into v_doubts from autonomy.past_doubts(v_from, v_to) d;
  return jsonb_build_object(
    'from', v_from, 'to', v_to, 'every_hours', 24,
    'policy', (select to_jsonb(p) from public.autonomy_policy p),
    'accounts', (select coalesce(jsonb_agg(to_jsonb(a) || jsonb_build_object('curvature', k.curvature)), '[]')
                 from public.autonomy_accounts a
                 left join autonomy.priors k on k.scope = 'account' and k.name = a.account), 'doubts', v_doubts,
    'campaigns',
    coalesce((select jsonb_agg(jsonb_build_array(c.campaign_id, c.title, c.account, c.enabled,
                                                 c.budget, c.budgets, c.budget_known_from, c.people, c.cv2,
      c.first_day, c.spend, c.revenue, c.conversions, c.days, c.currency, c.target_roi,
      c.attribution_factor))
      from autonomy.past_campaigns(v_from, v_to) c), '[]'),
    'rows', coalesce((select jsonb_agg(jsonb_build_array(r.at, r.campaign_id, r.holds, r.figures))
      from autonomy.past_candidates(p_conditions, p_windows, v_from, v_to, 24, p_policy, true, v_doubts) r), '[]'));
end $$;
comment on function public.list_past_candidates(jsonb, text[], integer, jsonb, timestamptz) is
  'past_candidates, past_campaigns and past_doubts of the last p_days, a look a day, and the accounts with what is '
  'measured of their curvature, as one value, for the preview of rules. Only reads; safe to call again. Raises '
  'AO001, AO002 and AO010 for bad conditions, policy and arguments. '
  '[autonomous-operations]';

create function autonomy.conversion_maturity(p_now timestamptz default now())
returns table (age_hours float8, expected float8, observed float8)
language sql stable set search_path = '' set jit = off
as $$
-- A bucket's age is that of its middle: half an hour into an hour, half a day into a day.
  with usual as (
    select m.campaign_id, sum(m.conversions)::float8 / sum(m.clicks) as rate
    from public.campaign_metrics m
    where m.bucket >= p_now - interval '38 days' and m.bucket < p_now - interval '10 days'
    group by m.campaign_id
    having sum(m.clicks) > 0 and sum(m.conversions) >= 5
  ),
  recent as (
    select m.campaign_id, m.bucket, m.clicks, m.conversions, m.whole_day
    from public.campaign_metrics m
    where m.bucket >= p_now - interval '10 days' and m.bucket < p_now
  ),
  shaped as (
    select r.campaign_id, r.clicks, r.conversions,
      extract(epoch from p_now - r.bucket)::float8 / 3600 - case when k.daily or r.whole_day then 12 else 0.5 end as age
    from recent r
    join (
      select d.campaign_id, max(d.buckets) = 1 as daily
      from (select i.campaign_id, i.bucket::date as day, count(*) as buckets from recent i group by 1, 2) d
      group by d.campaign_id
    ) k using (campaign_id)
  )
  select s.age, sum(s.clicks * u.rate), sum(s.conversions)::float8
  from shaped s
  join usual u using (campaign_id)
  where s.age > 0
  group by s.age
  order by s.age
$$;
comment on function autonomy.conversion_maturity(timestamptz) is
  'By age of the click: the conversions that the usual rate of each campaign would have brought, and those that there '
  'are so far. From it replay proposes conversion_delay_hours. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

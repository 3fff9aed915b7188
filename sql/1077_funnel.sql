-- From impression to money: the rates of an account or a campaign beside the days before, and which step explains the
-- change. Carts and checkouts are no steps: nobody feeds them, there are no columns for them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.funnel_day as (
  day date, is_now boolean, impressions float8, clicks float8, conversions float8, spend float8, revenue float8);
comment on type autonomy.funnel_day is
  'A day''s figures: of the span (is_now), of as many days before it, or earlier (null). [autonomous-operations]';

create type autonomy.funnel_rate as (
  rate text, before float8, before_error float8, now float8, now_error float8, freedom integer);
comment on type autonomy.funnel_rate is
  'A rate before and now with its standard errors; freedom: of how many days these are, less one. '
  '[autonomous-operations]';

create function autonomy.funnel_left_out(p_account text, p_campaign_id uuid, p_from date, p_last date)
returns date[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select distinct g.day::date
    from (
      select x.from_day, x.until_day from autonomy.exclusions_of(array[p_campaign_id]) x
      where p_campaign_id is not null
      union all
      select x.from_day, x.until_day from autonomy.evidence_exclusions x
      where p_campaign_id is null and x.account = p_account and x.lifted_at is null) x
    cross join lateral generate_series(greatest(x.from_day, p_from)::timestamp,
                                       least(x.until_day, p_last)::timestamp, interval '1 day') g (day));
end $$;
comment on function autonomy.funnel_left_out(text, uuid, date, date) is
  'The days of a campaign, or of a whole account, that are left out of the evidence. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.funnel_days(
  p_account text, p_campaign_id uuid, p_from date, p_last date, p_days integer, p_left_out date[])
returns setof autonomy.funnel_day
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  if p_campaign_id is not null then
    return query
    select d.day, case when d.day > p_last - 2 * p_days then d.day > p_last - p_days end, d.impressions::float8,
      d.clicks::float8, d.conversions::float8, d.spend::float8, d.revenue::float8
    from public.campaign_daily d
    where d.campaign_id = p_campaign_id and d.day between p_from and p_last and d.day <> all (p_left_out);
    return;
  end if;
  return query
  -- one account may have stood under two currencies until its days are counted again
  select d.day, case when d.day > p_last - 2 * p_days then d.day > p_last - p_days end,
    sum(d.impressions)::float8, sum(d.clicks)::float8, sum(d.conversions)::float8, sum(d.spend)::float8,
    sum(d.revenue)::float8
  from autonomy.dashboard_performance_days d
  where d.account = left(p_account, 200) and d.day between p_from and p_last and d.day <> all (p_left_out)
  group by d.day;
end $$;
comment on function autonomy.funnel_days(text, uuid, date, date, integer, date[]) is
  'The days of a campaign, or of an account, that have figures and count. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.funnel_quantile(p_normal float8, p_freedom integer) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  -- Student's t from the normal's, by the first terms of Cornish and Fisher (Abramowitz and Stegun, 26.7.5)
  return case when p_freedom >= 3 then p_normal + (p_normal ^ 3 + p_normal) / (4 * p_freedom)
    + (5 * p_normal ^ 5 + 16 * p_normal ^ 3 + 3 * p_normal) / (96 * p_freedom ^ 2) end;
end $$;
comment on function autonomy.funnel_quantile(float8, integer) is
  'So many standard errors of so few days are as rare as p_normal of many; null for fewer than five days. Pure. '
  '[autonomous-operations]';

create function autonomy.funnel_rates(p_days autonomy.funnel_day[]) returns setof autonomy.funnel_rate
language plpgsql immutable set search_path = ''
as $$
begin
  -- Each rate is a sum of y over a sum of x. Its variance is that of y's that scatter about it in proportion to x
  -- (quasi-likelihood: McCullagh and Nelder, chapter 9): as the days before scatter, since a break within the span is
  -- no scatter, and at the least by chance alone: of counts Poisson's, of roi that of the orders it comes from.
  return query
  with given as (
    select r.rate, r.counts, d.is_now, coalesce(d.is_now, false) as late, r.x, r.y
    from unnest(p_days) d
    cross join lateral (values
      ('spend', false, 1::float8, d.spend),
      ('ctr', true, d.impressions, d.clicks), ('clicks_per_money', true, d.spend, d.clicks),
      ('conversion_rate', true, d.clicks, d.conversions), ('order_value', false, d.conversions, d.revenue),
      ('roi', false, d.spend, d.revenue)) r (rate, counts, x, y)
  ), spans as (
    select g.rate, g.counts, g.is_now, nullif(sum(g.x), 0) as x, sum(g.y) as y
    from given g where g.is_now is not null group by 1, 2, 3
  ), means as (
    select g.rate, g.late, sum(g.y) / sum(g.x) as mean from given g where g.x > 0 group by 1, 2
  ), scattered as (
    -- of what is new its own days
    select distinct on (s.rate) s.* from (
      select g.rate, g.late, count(*)::integer - 1 as freedom,
        sum((g.y - m.mean * g.x) ^ 2 / g.x) / greatest(count(*) - 1, 1) as variance
      from given g join means m on m.rate = g.rate and m.late = g.late where g.x > 0 group by 1, 2) s
    order by s.rate, s.freedom >= 3 desc, s.late
  ), orders as (
    select sum(d.revenue) ^ 2 / nullif(sum(d.conversions) * sum(d.spend), 0) as variance from unnest(p_days) d
  ), rated as (
    select s.rate, max(s.x) filter (where s.is_now) as x1, max(s.x) filter (where not s.is_now) as x0,
      max(s.y / s.x) filter (where s.is_now) as r1, max(s.y / s.x) filter (where not s.is_now) as r0,
      case when s.counts then (sum(s.y) + 0.5) / nullif(sum(s.x), 0) when s.rate = 'roi' then o.variance end as least
    from spans s cross join orders o group by s.rate, s.counts, o.variance
  )
  select r.rate, r.r0, sqrt(greatest(c.variance, r.least) / nullif(abs(r.x0), 0)), r.r1,
    sqrt(greatest(c.variance, r.least) / nullif(abs(r.x1), 0)), coalesce(c.freedom, 0)
  from rated r left join scattered c on c.rate = r.rate;
end $$;
comment on function autonomy.funnel_rates(autonomy.funnel_day[]) is
  'Spend per day, ctr, clicks per unit of money, conversions per click, value per conversion and roi of both spans, as '
  'shares; null where there is nothing to divide by. Pure. [autonomous-operations]';

create function autonomy.funnel_steps(p_rates autonomy.funnel_rate[], p_spend float8, p_worth float8)
returns table (step text, before float8, now float8, money float8, money_low float8, money_high float8, named boolean)
language plpgsql immutable set search_path = ''
as $$
declare
  v_revenue float8 := p_spend * p_worth * (
    select greatest(r.before, r.now) from unnest(p_rates) r where r.rate = 'roi');
begin
  -- Revenue at a spend S is S x clicks per money x conversions per click x value per conversion. What each step
  -- explains of its change from a to b is its Shapley value: its mean contribution over all orders in which the steps
  -- may change one after the other. They sum to the whole change, and zeros need no limits, as logarithms would. Of
  -- a product it is the step's change times the mean of the others' product on the straight way from a to b (Owen,
  -- Multilinear Extensions of Games, Management Science 18, 1972), here a parabola, so Simpson's rule is exact:
  --   money = S x (b - a) x (P(0) + 4 P(1/2) + P(1)) / 6,   P(t) = product over the others of a + t (b - a)
  -- A rate that cannot be told of one span is taken as it is in the other.
  return query
  with steps as (
    select s.step, coalesce(r.before, r.now, 0) as a, coalesce(r.now, r.before, 0) as b, r.before, r.now,
      sqrt(r.before_error ^ 2 + r.now_error ^ 2) as error, r.freedom, s.place
    from (values (1, 'cost_per_click', 'clicks_per_money'), (2, 'conversion_rate', 'conversion_rate'),
                 (3, 'order_value', 'order_value')) s (place, step, rate)
    join unnest(p_rates) r on r.rate = s.rate
  ), weighed as (
    select s.*, p_spend * p_worth * (o.a * q.a + (o.a + o.b) * (q.a + q.b) + o.b * q.b) / 6 as weight
    from steps s
    join steps o on o.place = case s.place when 1 then 2 else 1 end
    join steps q on q.place = case s.place when 3 then 2 else 3 end
  )
  -- Named is what chance does to one step in two hundred, and what moves more than a twentieth of the revenue.
  select w.step, w.before, w.now, (w.b - w.a) * w.weight,
    (w.b - w.a) * w.weight - autonomy.funnel_quantile(1.645, w.freedom) * w.error * w.weight,
    (w.b - w.a) * w.weight + autonomy.funnel_quantile(1.645, w.freedom) * w.error * w.weight,
    coalesce(abs(w.b - w.a) > autonomy.funnel_quantile(2.807, w.freedom) * w.error
             and abs((w.b - w.a) * w.weight) > 0.05 * v_revenue, false)
  from weighed w
  order by w.place;
end $$;
comment on function autonomy.funnel_steps(autonomy.funnel_rate[], float8, float8) is
  'What each step explains of the change of profit at this spend, with a 90 % interval: Shapley values, which sum to '
  'it; named where it is more than chance does. Pure. [autonomous-operations]';

create function autonomy.funnel_words(p_step text, p_before float8, p_now float8, p_money float8, p_currency text)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_fell boolean := p_now < p_before;
begin
  return case p_step
    when 'spend' then case when v_fell then 'less was spent' else 'more was spent' end
    when 'cost_per_click' then case when p_now is null then 'nobody clicked any more'
      when p_before is null then 'clicks have set in'
      else format('clicks became %s, %s instead of %s', case when v_fell then 'cheaper' else 'dearer' end,
                  autonomy.money_words(p_now, p_currency), autonomy.money_words(p_before, p_currency)) end
    when 'conversion_rate' then format('the conversion rate %s from %s to %s %%',
      case when v_fell then 'fell' else 'rose' end, trim_scale(round(p_before::numeric, 2)),
      trim_scale(round(p_now::numeric, 2)))
    when 'order_value' then format('a conversion brought %s instead of %s', autonomy.money_words(p_now, p_currency),
                                   autonomy.money_words(p_before, p_currency)) end
    || format(' (%s)', case when p_money > 0 then '+' else '' end || case when abs(p_money) >= 100
         then autonomy.amount_words(round(p_money::numeric), p_currency, true)
         else autonomy.money_words(p_money, p_currency) end);
end $$;
comment on function autonomy.funnel_words(text, float8, float8, float8, text) is
  'How a step changed, and what that comes to: clicks became cheaper, 0.40 EUR instead of 0.50 EUR (+120 EUR). Pure. '
  '[autonomous-operations]';

create function autonomy.funnel_sentence(
  p_before float8, p_now float8, p_steps jsonb, p_joined boolean, p_currency text) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_percent numeric := case when p_before > 0 and p_now >= 0
    then round((100 * (p_now - p_before) / p_before)::numeric) end;
begin
  return case
      when v_percent = 0 then 'Profit is as it was'
      when v_percent is not null then format('%s %% %s profit', abs(v_percent),
        case when v_percent < 0 then 'less' else 'more' end)
      else format('Profit %s instead of %s', autonomy.money_words(p_now, p_currency),
                  autonomy.money_words(p_before, p_currency)) end
    || case when not p_joined
      then ': conversions come without clicks or revenue without conversions, so no step can be told.'
      else coalesce(': ' || (
        select string_agg(s ->> 'sentence', '; ' order by abs((s ->> 'money')::float8) desc)
        from jsonb_array_elements(p_steps) s where (s ->> 'named')::boolean) || '.',
        ': no step has changed by more than chance does.') end;
end $$;
comment on function autonomy.funnel_sentence(float8, float8, jsonb, boolean, text) is
  'By how much profit has changed, and the steps that are named, the largest first. Pure. [autonomous-operations]';

create function autonomy.funnel_span(p_days autonomy.funnel_day[], p_now boolean, p_counted integer, p_worth float8)
returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('days', p_counted, 'impressions', coalesce(sum(d.impressions), 0),
      'clicks', coalesce(sum(d.clicks), 0), 'conversions', coalesce(sum(d.conversions), 0),
      'spend', coalesce(sum(d.spend), 0), 'revenue', coalesce(sum(d.revenue), 0),
      'profit', coalesce(sum(d.revenue * p_worth - d.spend), 0))
    from unnest(p_days) d where d.is_now = p_now);
end $$;
comment on function autonomy.funnel_span(autonomy.funnel_day[], boolean, integer, float8) is
  'The sums of one of the two spans; profit is what is left after spend at the target. Pure. [autonomous-operations]';

create function autonomy.funnel_bound(p_bound float8, p_most float8 default null) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  -- greatest() and least() would make a bound of one that is not known
  return case when p_bound is not null then least(greatest(p_bound, 0), p_most) end;
end $$;
comment on function autonomy.funnel_bound(float8, float8) is
  'A bound of a rate, from 0 to p_most; null stays null. Pure. [autonomous-operations]';

create function autonomy.funnel_shown_rates(p_rates autonomy.funnel_rate[]) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  -- as people read them: percent, and money a click instead of clicks for money, whose bounds turn round
  return (
    select jsonb_agg(jsonb_build_object('rate', s.shown) || case when s.rate = 'clicks_per_money'
      then jsonb_build_object('before', 1 / nullif(r.before, 0), 'before_low', 1 / nullif(r.before + e.before, 0),
        'before_high', case when r.before > e.before then 1 / (r.before - e.before) end, 'now', 1 / nullif(r.now, 0),
        'now_low', 1 / nullif(r.now + e.now, 0), 'now_high', case when r.now > e.now then 1 / (r.now - e.now) end)
      else jsonb_build_object('before', s.times * r.before,
        'before_low', s.times * autonomy.funnel_bound(r.before - e.before),
        'before_high', s.times * autonomy.funnel_bound(r.before + e.before, s.most), 'now', s.times * r.now,
        'now_low', s.times * autonomy.funnel_bound(r.now - e.now),
        'now_high', s.times * autonomy.funnel_bound(r.now + e.now, s.most)) end
      order by s.place)
    from (values (1, 'ctr', 'ctr', 100, 1), (2, 'clicks_per_money', 'cost_per_click', 1, null),
                 (3, 'conversion_rate', 'conversion_rate', 100, null),
                 (4, 'order_value', 'value_per_conversion', 1, null), (5, 'roi', 'roi', 1, null))
      s (place, rate, shown, times, most)
    left join unnest(p_rates) r on r.rate = s.rate
    cross join lateral (select autonomy.funnel_quantile(1.645, r.freedom) * r.before_error as before,
      autonomy.funnel_quantile(1.645, r.freedom) * r.now_error as now) e);
end $$;
comment on function autonomy.funnel_shown_rates(autonomy.funnel_rate[]) is
  'The rates of both spans with their 90 % intervals; null where there is nothing to divide by, bounds where there are '
  'too few days. Pure. [autonomous-operations]';

create function autonomy.funnel_shown_steps(
  p_rates autonomy.funnel_rate[], p_spend_before float8, p_spend float8, p_worth float8, p_currency text)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    with steps as (
      -- what was spent more or less would have brought what spend brought before
      select 0 as place, 'spend' as step, p_spend_before as before, p_spend as now, m.money,
        null::float8 as money_low, null::float8 as money_high,
        abs(s.now - s.before) > autonomy.funnel_quantile(2.807, s.freedom)
                                * sqrt(s.before_error ^ 2 + s.now_error ^ 2)
          and abs(m.money) > 0.05 * greatest(r.before, r.now) * p_worth * p_spend as named
      from unnest(p_rates) r
      join unnest(p_rates) s on s.rate = 'spend'
      cross join lateral (select (p_spend - p_spend_before) * (r.before * p_worth - 1) as money) m
      where r.rate = 'roi'
      union all
      select s.ordinality::integer, s.step,
        case s.step when 'cost_per_click' then 1 / nullif(s.before, 0)
                    when 'conversion_rate' then 100 * s.before else s.before end,
        case s.step when 'cost_per_click' then 1 / nullif(s.now, 0)
                    when 'conversion_rate' then 100 * s.now else s.now end,
        s.money, s.money_low, s.money_high, s.named
      from autonomy.funnel_steps(p_rates, p_spend, p_worth) with ordinality s
    )
    select jsonb_agg(jsonb_build_object('step', s.step, 'before', s.before, 'now', s.now, 'money', s.money,
      'money_low', s.money_low, 'money_high', s.money_high, 'named', coalesce(s.named, false),
      'sentence', autonomy.funnel_words(s.step, s.before, s.now, s.money, p_currency)) order by s.place)
    from steps s);
end $$;
comment on function autonomy.funnel_shown_steps(autonomy.funnel_rate[], float8, float8, float8, text) is
  'The change of profit in parts that sum to it: by spend at the return of before, then by step at the spend of now. '
  'Pure. [autonomous-operations]';

create function autonomy.funnel_of(
  p_account text, p_campaign_id uuid, p_worth float8, p_currency text, p_last date, p_days integer) returns jsonb
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_from date := p_last - p_days - greatest(p_days, 28) + 1;  -- how much days scatter four weeks tell
  v_out date[] := autonomy.funnel_left_out(p_account, p_campaign_id, v_from, p_last);
  v_count integer := p_days - (select count(*) from unnest(v_out) o where o > p_last - p_days);
  v_count_before integer := p_days - (
    select count(*) from unnest(v_out) o where o > p_last - 2 * p_days and o <= p_last - p_days);
  v_days autonomy.funnel_day[] := array(
    select d from autonomy.funnel_days(p_account, p_campaign_id, v_from, p_last, p_days, v_out) d);
  v_now jsonb := autonomy.funnel_span(v_days, true, v_count, p_worth);
  v_before jsonb := autonomy.funnel_span(v_days, false, v_count_before, p_worth);
  v_rates autonomy.funnel_rate[] := array(select r from autonomy.funnel_rates(v_days) r);
  -- beside as many days as count now
  v_share float8 := v_count::float8 / nullif(v_count_before, 0);
  v_joined boolean := not exists (
    select from unnest(array[v_now, v_before]) s
    where (s ->> 'clicks')::float8 <= 0 and (s ->> 'conversions')::float8 > 0
      or (s ->> 'conversions')::float8 <= 0 and (s ->> 'revenue')::float8 <> 0);
  v_least float8 := least((v_now ->> 'spend')::float8, (v_before ->> 'spend')::float8);
  v_steps jsonb := '[]';
  v_sentence text := case when v_count = 0 or v_count_before = 0 then 'All days are left out: nothing to compare.'
    else 'Nothing was spent in one of the two spans: nothing to compare.' end;
begin
  if v_least > 0 then
    if v_joined then
      v_steps := autonomy.funnel_shown_steps(v_rates, v_share * (v_before ->> 'spend')::float8,
                                             (v_now ->> 'spend')::float8, p_worth, p_currency);
    end if;
    v_sentence := autonomy.funnel_sentence(v_share * (v_before ->> 'profit')::float8, (v_now ->> 'profit')::float8,
                                           v_steps, v_joined, p_currency);
  end if;
  return jsonb_build_object('sentence', v_sentence, 'now', v_now, 'before', v_before,
    'profit_change', case when v_least > 0
      then (v_now ->> 'profit')::float8 - v_share * (v_before ->> 'profit')::float8 end,
    'rates', autonomy.funnel_shown_rates(v_rates), 'steps', v_steps);
end $$;
comment on function autonomy.funnel_of(text, uuid, float8, text, date, integer) is
  'Both spans, their rates and the steps of the change between them, of a campaign or an account. A part of '
  'dashboard_funnel. Only reads; raises nothing. [autonomous-operations]';

create function public.dashboard_funnel(
  p_account text default null, p_campaign_id uuid default null, p_days integer default 7,
  p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_account text := p_account;
  v_target numeric;
  v_delay float8;
  v_last date;
  v_currency text;
  v_worth float8;
  v_stale integer := 0;
begin
  perform autonomy.moment_error(p_now);
  if p_days is null or p_days not between 3 and 180 then
    raise exception using errcode = 'AO010',
      message = format('p_days must be from 3 to 180, not %s.', coalesce(p_days::text, 'NULL'));
  elsif num_nonnulls(p_account, p_campaign_id) <> 1 then
    raise exception using errcode = 'AO010', message = 'Name an account or a campaign, and not both.';
  elsif p_campaign_id is not null then
    select c.account, c.target_roi into v_account, v_target from public.campaigns c where c.id = p_campaign_id;
    if not found then
      raise exception using errcode = 'AO003', message = 'There is no such campaign.';
    end if;
    v_currency := autonomy.campaign_currency(p_campaign_id);
  else
    if not exists (select from public.autonomy_accounts a where a.account = p_account) then
      raise exception using errcode = 'AO003', message = 'There is no such account.',
        hint = 'The accounts are those that campaigns name in their column account.';
    end if;
    v_currency := (select a.currency from public.autonomy_accounts a where a.account = p_account);
    v_stale := (public.dashboard_refresh(500) ->> 'left')::integer;
  end if;
  select coalesce(a.attribution_factor, 1)::float8
    / greatest(coalesce(v_target, a.target_roi, p.break_even_roi)::float8, 0.01)
  into v_worth from public.autonomy_policy p left join public.autonomy_accounts a on a.account = v_account;
  -- Conversions of the last days are still to come: what falls for want of them is no break.
  v_delay := greatest(coalesce(autonomy.account_delay(v_account), 0), 0);
  v_last := (p_now at time zone autonomy.account_zone(v_account))::date - 1 - least(ceil(v_delay / 12), 14)::integer;
  return jsonb_build_object('account', v_account, 'campaign_id', p_campaign_id, 'currency', v_currency,
      'from', v_last - p_days + 1, 'until', v_last, 'before_from', v_last - 2 * p_days + 1, 'delay_hours', v_delay,
      'stale_days', v_stale)
    || autonomy.funnel_of(v_account, p_campaign_id, v_worth, v_currency, v_last, p_days);
end $$;
comment on function public.dashboard_funnel(text, uuid, integer, timestamptz) is
  'From impression to money: the last p_days complete days of an account or a campaign, before twice the delay of its '
  'conversions, beside as many before: {"sentence", "now", "before": sums, "rates": with 90 % intervals, "steps": the '
  'change of profit in parts that sum to it, "named" where chance does not explain it}. Brings daily figures of '
  'accounts up to date first. Safe to call again. Raises AO010 (argument), AO003 (no such account or campaign). '
  '[autonomous-operations]';

-- What the page of a rule draws: how often it was right where it said so, and what it brought week by week.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.dashboard_rule_page(p_rule_id uuid, p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  c_weeks constant integer := 13;
  v_zone text := (select time_zone from public.autonomy_policy);
  v_first timestamp := date_trunc('week', p_now at time zone v_zone) - make_interval(weeks => c_weeks - 1);
begin
  return (
    with own as materialized (
      select k.*, coalesce(a.currency, '') as currency,
             date_trunc('week', k.executed_at at time zone v_zone) as week,
             width_bucket(k.confidence, array[60, 70, 80, 85, 90, 95]::float8[]) as band
      from autonomy.action_results k
      left join public.campaigns c on c.id = k.campaign_id
      left join public.autonomy_accounts a on a.account = c.account
      where k.rule_id = p_rule_id and k.status in ('executed', 'rolled_back')
        and k.executed_at >= v_first at time zone v_zone and k.executed_at <= p_now
    ), main as (
      -- money of one currency: that of the most actions
      select o.currency from own o group by 1 order by count(*) desc, 1 limit 1
    ), of_campaigns as (
      select o.week, sum(o.money) as money, sum(o.error) as error, count(*) as actions
      from own o join main m on m.currency = o.currency
      where o.verdict is not null
      group by o.week, coalesce(o.campaign_id, o.action_id)
    ), weeks as (
      select w::date as week, coalesce(sum(c.actions), 0)::integer as measured,
             sum(c.money)::numeric as money, sqrt(sum(c.error * c.error))::numeric as error
      from generate_series(v_first, v_first + make_interval(weeks => c_weeks - 1), interval '7 days') w
      left join of_campaigns c on c.week = w
      group by 1
    ), bands as (
      select o.band, count(*)::integer as actions, avg(o.confidence)::numeric as said,
             (100 * avg(o.right_probability))::numeric as was_right
      from own o where o.confidence is not null and o.right_probability is not null
      group by 1
    )
    select jsonb_build_object(
      'currency', (select nullif(m.currency, '') from main m),
      'currencies', (select count(distinct o.currency) from own o),
      'weeks', (select jsonb_agg(jsonb_build_object('week', w.week, 'measured', w.measured,
          'money', round(w.money, 2), 'low', round(w.money - 1.645 * w.error, 2),
          'high', round(w.money + 1.645 * w.error, 2)) order by w.week) from weeks w),
      'calibration', (select coalesce(jsonb_agg(jsonb_build_object('actions', b.actions, 'said', round(b.said, 1),
          'right', round(b.was_right, 1)) order by b.band), '[]') from bands b)));
end $$;
comment on function public.dashboard_rule_page(uuid, timestamptz) is
  'What a rule did in 13 weeks: {"currency", "currencies", "weeks": [{"week", "measured", "money", "low", "high"}] in '
  'the currency of most of its actions, with the 90 % interval, "calibration": [{"actions", "said", "right"}] by '
  'confidence, in percent}. Only reads; raises nothing. [autonomous-operations]';

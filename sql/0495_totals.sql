-- The totals of accounts: what their active campaigns together may have as budgets, today and so that the month ends
-- at its total. Everything here only reads, but for refresh_totals (0502).
--
-- The month: what is left of it after what was spent before today, by the days that are left, today among them. Budgets
-- are not spent to the cent: platforms overspend on single days, and some campaigns find no buyers. So the ceiling of
-- budgets is that, over what a unit of budget has spent in the last 28 complete days, of the 500 campaigns that spent
-- most. Under 0.5 that is not believed: a day on which all were spent would cost twice what is left for it; nor over
-- 1.25. What it misses today, tomorrow's ceiling makes up for.
--
-- Budgets are shrunk to the month's ceiling only where they are over 3 % above it, except on its last day: it moves a
-- little every day, and every campaign would else be cut a little every day. The next days' ceilings take that back.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.month as (today date, spent numeric, spent_today numeric, spent_per_budget float8);
comment on type autonomy.month is
  'How far an account''s month is; the columns of total_figures. [autonomous-operations]';

create function autonomy.spent_per_budget(p_account text, p_zone text, p_today date) returns float8
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_ids uuid[] := array(
    select c.id from public.campaigns c join public.campaign_facts f on f.campaign_id = c.id
    where left(c.account, 200) = left(p_account, 200) and c.account = p_account and f.w30_spend between 0.01 and 1e15
    order by f.w30_spend desc, c.id limit 500);
begin
  return (
    -- a day or two say little of what is usual
    select case when count(distinct d.day) >= 3 and sum(x.budget) > 0
      then greatest(0.5, least(1.25, sum(d.spend)::float8 / sum(x.budget))) else 1 end
    from autonomy.budgets_in_force(v_ids, array_fill(p_zone, array[cardinality(v_ids)])) b
    join public.campaign_daily d on d.campaign_id = b.campaign_id and d.day between p_today - 28 and p_today - 1
    cross join lateral (select b.budgets[width_bucket(d.day, b.days)] as budget offset 0) x
    where x.budget > 0 and d.spend between 0 and 1e12);
end $$;
comment on function autonomy.spent_per_budget(text, text, date) is
  'What a unit of budget of an account has spent over the 28 days before today, in its zone: 0.5 to 1.25, 1 where that '
  'is not known. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.month_of(p_account text, p_now timestamptz, p_spent_per_budget float8 default null)
returns autonomy.month
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_zone text := autonomy.account_zone(p_account);
  v_today date := (p_now at time zone v_zone)::date;
  v_first date := date_trunc('month', v_today::timestamp)::date;
  v_month autonomy.month;
begin
  select v_today, sum(d.spend) filter (where d.day < v_today), sum(d.spend) filter (where d.day = v_today),
    coalesce(p_spent_per_budget, autonomy.spent_per_budget(p_account, v_zone, v_today))
  into v_month
  from public.campaigns c
  join public.campaign_daily d on d.campaign_id = c.id and d.day between v_first and v_today
  where left(c.account, 200) = left(p_account, 200) and c.account = p_account and d.spend between 0 and 1e12;
  -- without figures by day nobody knows what was spent, but on the first day
  if v_month.spent is null and (v_today = v_first or v_month.spent_today is not null or exists (
    select from public.campaigns c join public.campaign_daily d on d.campaign_id = c.id
    where left(c.account, 200) = left(p_account, 200) and c.account = p_account)) then
    v_month.spent := 0;
  end if;
  return v_month;
end $$;
comment on function autonomy.month_of(text, timestamptz, float8) is
  'How far an account''s month is, in its zone: today, what was spent before it and on it, and what a unit of budget '
  'spends (looked up where not given). Only reads; raises nothing. [autonomous-operations]';

create function autonomy.pace(p_total numeric, p_month autonomy.month) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_last date := (date_trunc('month', p_month.today::timestamp) + interval '1 month - 1 day')::date;
begin
  if p_total is null then
    return null;
  end if;
  return round(case when p_month.spent is null then p_total / extract(day from v_last)::numeric
    else greatest(p_total - p_month.spent, 0) / (v_last - p_month.today + 1) end
    / round(p_month.spent_per_budget::numeric, 6), 6);
end $$;
comment on function autonomy.pace(numeric, autonomy.month) is
  'What budgets may be together from today on so that the month ends at its total; where it is not known what was '
  'spent, an even part of it; null without one. Pure. [autonomous-operations]';

create type autonomy.total as (
  account text, currency text, daily_total numeric, monthly_total numeric,
  active_campaigns bigint,
  active_budget numeric,     -- of all its active campaigns together, a day; one that they share once
  today date,
  days_left integer,         -- of its month, today among them
  spent numeric,             -- in its month before today; null = not known
  spent_today numeric,
  spent_per_budget float8,
  pace numeric,              -- what budgets may be together so that the month ends at its total; null = no such total
  ceiling numeric,           -- what budgets may be together: the smaller of pace and daily_total
  code text,                 -- which of the two that is: PACING or TOTAL_CAP
  shrink_to numeric,         -- what they are shrunk to; null = they are not
  shrink_code text,
  price float8,              -- multiple of break-even that the next unit of budget has to return
  shared numeric);           -- of active_budget what several campaigns share on their platform: nothing here moves it
comment on type autonomy.total is 'An account with a total, at a moment. [autonomous-operations]';

create function autonomy.shared_budgets(p_account text) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(sum(s.budget), 0) from (
      select max(y.budget) as budget
      from autonomy.platform_units y join public.campaigns c on c.id = y.campaign_id
      where y.account = p_account and y.budget_kind = 'shared' and y.gone_at is null and lower(c.status) = 'active'
        and y.budget between 0 and 1e18
      group by coalesce(y.budget_ref, y.external_id)) s);
end $$;
comment on function autonomy.shared_budgets(text) is
  'What the budgets come to that active campaigns of a connected account share there, each once. Only reads; raises '
  'nothing. [autonomous-operations]';

create function autonomy.totals_in_force(p_accounts text[], p_now timestamptz) returns setof autonomy.total
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  if not exists (select from public.autonomy_accounts a where num_nonnulls(a.daily_total, a.monthly_total) > 0) then
    return;  -- the usual case
  end if;
  return query
  select a.account, a.currency, a.daily_total, a.monthly_total, b.campaigns, b.budget, t.today,
    m.last_day - t.today + 1, (m.month).spent, (m.month).spent_today, (m.month).spent_per_budget, c.pace, u.ceiling,
    case when c.pace < a.daily_total or a.daily_total is null then 'PACING' else 'TOTAL_CAP' end, s.shrink_to,
    case when s.shrink_to is null then null when s.shrink_to = s.to_pace then 'PACING' else 'TOTAL_CAP' end,
    coalesce(k.price, 1), b.shared
  from public.autonomy_accounts a
  left join autonomy.total_figures k on k.account = a.account
  cross join lateral (select (p_now at time zone autonomy.account_zone(a.account))::date as today offset 0) t
  cross join lateral (select (date_trunc('month', t.today::timestamp) + interval '1 month - 1 day')::date as last_day,
    case when k.today = t.today and (k.spent is not null or a.monthly_total is null)
      then row(k.today, k.spent, k.spent_today, k.spent_per_budget)::autonomy.month
      when a.monthly_total is not null then autonomy.month_of(a.account, p_now)
      else row(t.today, null, null, 1)::autonomy.month end as month offset 0) m
  cross join lateral (select autonomy.shared_budgets(a.account) as shared offset 0) w
  cross join lateral (
    select count(*) as campaigns, w.shared,
      coalesce(sum(c.budget) filter (where c.budget between 0 and 1e18), 0) + w.shared as budget
    from public.campaigns c
    where left(c.account, 200) = left(a.account, 200) and c.account = a.account
      and (c.status = 'active' or lower(c.status) = 'active') offset 0) b
  cross join lateral (select case when a.monthly_total is not null
    then trunc(autonomy.pace(a.monthly_total, m.month), autonomy.currency_digits(a.currency)) end as pace offset 0) c
  cross join lateral (select least(a.daily_total, c.pace) as ceiling) u
  cross join lateral (select case when b.budget > a.daily_total then a.daily_total end as to_daily,
    case when b.budget > c.pace * case when t.today = m.last_day then 1 else 1.03 end then c.pace end as to_pace) o
  cross join lateral (select least(o.to_daily, o.to_pace) as shrink_to, o.to_pace) s
  where num_nonnulls(a.daily_total, a.monthly_total) > 0 and (p_accounts is null or a.account = any (p_accounts));
end $$;
comment on function autonomy.totals_in_force(text[], timestamptz) is
  'Of these accounts (null: of all) those that have a total, with what their budgets may be together. Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.price_in_force(p_account text) returns float8
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((
    select k.price from autonomy.total_figures k join public.autonomy_accounts a on a.account = k.account
    where k.account = p_account and num_nonnulls(a.daily_total, a.monthly_total) > 0), 1);
end $$;
comment on function autonomy.price_in_force(text) is
  'The multiple of break-even that the next unit of budget of an account has to return; 1 without a total. Only reads; '
  'raises nothing. [autonomous-operations]';

create function public.autonomy_account_totals(p_account text default null, p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  perform autonomy.moment_error(p_now);
  return (
    select coalesce(jsonb_object_agg(t.account, to_jsonb(t) || jsonb_build_object(
      -- as far as the figures go: what today's budgets would still spend, today's own spend counted in
      'expected', case when t.spent is not null then round(
        t.spent + greatest(coalesce(t.spent_today, 0), t.active_budget * t.spent_per_budget::numeric)
        + t.active_budget * t.spent_per_budget::numeric * (t.days_left - 1), autonomy.currency_digits(t.currency)) end,
      'left_a_day', case when t.monthly_total is not null and t.spent is not null then round(
        greatest(t.monthly_total - t.spent, 0) / t.days_left, autonomy.currency_digits(t.currency)) end)), '{}')
    from autonomy.totals_in_force(case when p_account is not null then array[p_account] end, p_now) t);
end $$;
comment on function public.autonomy_account_totals(text, timestamptz) is
  'The accounts that have a total (p_account: that one), by account: daily_total, monthly_total, what the budgets of '
  'the active campaigns are together (active_budget), what was spent this month before today (spent) and on it, what '
  'present budgets come to by the month''s end (expected), what is left a day (left_a_day), what budgets may be '
  'together (ceiling, by which code), what they are shrunk to if that is too much (shrink_to), and the price of money. '
  'Only reads; safe to call again. Raises AO010 for a bad moment. [autonomous-operations]';

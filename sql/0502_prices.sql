-- The price of money. Where an account has a total, the next unit of a campaign's budget must return what it would
-- return elsewhere: that multiple of break-even at which the targets of all campaigns that may move (0405) come to what
-- the total leaves for them. Never below 1: a total is a ceiling, and losers are not fed to fill it.
--
--   a_i   multiple  what the first unit of budget returns, over the campaign's break-even: the most probable one, since
--                   raises stop where that is (those of doubtful campaigns would leave the rest of the total unspent)
--   h_i   money     curvature times the reference budget; target h_i (sqrt(a_i / price) - 1)
--   f_i   money     the floor that its budget keeps
--
-- With the campaigns in the order of sqrt(a) / (1 + f / h), the first k of which are above their floors:
--   sqrt(price) = sum h sqrt(a) / (left - sum of the other floors + sum h), the last k where its own is above that.
-- The same in Python (autonomy/engine/totals.py).

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.price_of_money(p_left float8, p_firsts float8[], p_halves float8[], p_floors float8[])
returns float8
language plpgsql immutable set search_path = '' set work_mem = '64MB'
as $$
declare
  v_root float8;
  v_highest float8;
begin
  with each as materialized (
    select u.h, u.f, sqrt(u.a) as root, sqrt(u.a) / (1::float8 + u.f / u.h) as place
    from unnest(p_firsts, p_halves, p_floors) u (a, h, f)
    where u.a between 1e-9 and 1e9 and u.h between 1e-9 and 1e18 and u.f between 0 and 1e18
  ), summed as (
    select e.place, sum(e.h * e.root) over above as roots, sum(e.h) over above as halves,
      sum(e.f) over () - sum(e.f) over above as floors
    from each e window above as (order by e.place desc rows unbounded preceding)
  ), rooted as (
    select s.place, case when p_left - s.floors + s.halves > 0
      then s.roots / (p_left - s.floors + s.halves) end as root from summed s
  )
  select (select r.root from rooted r where r.place >= r.root order by r.place, r.root desc limit 1),
    (select max(r.place) from rooted r)
  into v_root, v_highest;
  -- not even the floors fit: nothing is worth another unit
  return greatest(1::float8, least(1e6::float8, coalesce(v_root, v_highest, 1::float8) ^ 2));
end $$;
comment on function autonomy.price_of_money(float8, float8[], float8[], float8[]) is
  'The multiple of break-even at which the targets of campaigns come to p_left, never under 1: what the first unit of '
  'each returns over its break-even, where its return is half of that, and its floor. Pure. [autonomous-operations]';

create function autonomy.account_price(p_account text, p_ceiling numeric, p_now timestamptz) returns float8
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
declare
  v_price float8;
begin
  execute $sql$
    with known as materialized (
      select b.budget, b.reference * b.curvature as half, greatest(b.least, b.reference * 0.05) as floor,
        b.may_move and e.spend > 0 and b.reference is not null as moves,
        exp(o.posterior[1]) * (b.curvature + 1::float8) / b.curvature * b.attribution
          / coalesce(case when c.target_roi between 0.01 and 100 then c.target_roi::float8 end, k.break_even) as first
      from autonomy.policies_of(array[$2]) g
      cross join lateral (select (g.p).prior_mean_roi as mean_roi, (g.p).prior_tau2 as tau2,
        (g.p).prior_order_value as order_value, (g.p).prior_cv2 as cv2, (g.p).prior_order_spread as order_spread,
        (g.p).curvature::float8 as curvature, (g.p).break_even_roi::float8 as break_even,
        (g.p).min_budget as min_budget) k
      cross join public.autonomy_policy p
      join public.campaigns c on left(c.account, 200) = left($2, 200) and c.account = $2
        and (c.status = 'active' or lower(c.status) = 'active') and c.budget between 0 and 1e18
      left join public.campaign_facts f on f.campaign_id = c.id
      left join public.autonomy_accounts q on q.account = c.account
      cross join lateral (select c.budget, k.min_budget as least,
        case when f.ev_curvature between 0.1 and 100 then f.ev_curvature else k.curvature end as curvature,
        case when q.attribution_factor between 0.01 and 10 then q.attribution_factor::float8 else 1::float8
          end as attribution,
        c.autonomous_enabled is true and (c.hold_until > $1) is not true and not exists (
          select from public.campaign_ab_tests t where t.campaign_id = c.id and t.status = 'running') as may_move,
        $sql$ || autonomy.reference_expression() || ' as reference offset 0) b '
    || autonomy.evidence_expression() || $sql$
      cross join lateral (select autonomy.roi_posterior(
        coalesce(e.effective_spend, e.spend), e.conversions, e.revenue, e.cv2, e.days, e.matured_share,
        k.mean_roi, k.tau2, k.order_value, k.cv2, k.order_spread) as posterior offset 0) o
    )
    select autonomy.price_of_money(
      ($3 - coalesce(sum(n.budget) filter (where n.moves is not true), 0))::float8,
      array_agg(n.first order by n.first) filter (where n.moves),
      array_agg(n.half::float8 order by n.first) filter (where n.moves),
      array_agg(n.floor::float8 order by n.first) filter (where n.moves))
    from known n $sql$ into v_price using p_now, p_account, p_ceiling;
  return coalesce(v_price, 1);
end $$;
comment on function autonomy.account_price(text, numeric, timestamptz) is
  'The price of money in an account whose budgets together may be p_ceiling: over its active campaigns that may move, '
  'the others keep theirs. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.refresh_totals(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- The month at most once an hour; the price once a day of the account, and where its ceiling is another by 1 %.
declare
  v_account record;
  v_month autonomy.month;
  v_ceiling numeric;
  v_price float8;
begin
  delete from autonomy.total_figures k
  where not exists (select from public.autonomy_accounts a
                    where a.account = k.account and num_nonnulls(a.daily_total, a.monthly_total) > 0);
  for v_account in
    select a.account, a.daily_total, a.monthly_total, k.today, k.spent, k.spent_today, k.spent_per_budget, k.ceiling,
      k.price, k.looked_at, (p_now at time zone autonomy.account_zone(a.account))::date as now_today
    from public.autonomy_accounts a left join autonomy.total_figures k on k.account = a.account
    where num_nonnulls(a.daily_total, a.monthly_total) > 0 order by a.account
  loop
    v_month := row(v_account.now_today, v_account.spent, v_account.spent_today, v_account.spent_per_budget);
    if v_account.monthly_total is null then
      v_month := row(v_account.now_today, null, null, 1);
      v_account.looked_at := p_now;
    elsif v_account.today is distinct from v_account.now_today or v_account.looked_at > p_now
       or v_account.looked_at <= p_now - interval '1 hour' or v_account.spent is null then
      v_month := autonomy.month_of(v_account.account, p_now,
        case when v_account.today = v_account.now_today then v_account.spent_per_budget end);
      v_account.looked_at := p_now;
    end if;
    v_ceiling := least(v_account.daily_total, autonomy.pace(v_account.monthly_total, v_month));
    v_price := v_account.price;
    if v_account.today is distinct from v_account.now_today
       or (abs(v_ceiling - v_account.ceiling) <= v_account.ceiling * 0.01) is not true then
      v_price := autonomy.account_price(
        v_account.account, v_ceiling - autonomy.shared_budgets(v_account.account), p_now);
    else
      v_ceiling := v_account.ceiling;
    end if;
    insert into autonomy.total_figures
      (account, today, spent, spent_today, spent_per_budget, ceiling, price, looked_at)
    values (v_account.account, v_month.today, v_month.spent, v_month.spent_today, v_month.spent_per_budget, v_ceiling,
            v_price, v_account.looked_at)
    on conflict (account) do update set
      today = excluded.today, spent = excluded.spent, spent_today = excluded.spent_today,
      spent_per_budget = excluded.spent_per_budget, ceiling = excluded.ceiling, price = excluded.price,
      looked_at = excluded.looked_at;
  end loop;
end $$;
comment on function autonomy.refresh_totals(timestamptz) is
  'Sums up the months of the accounts that have a total, and reckons the price of money there. A part of a run; safe '
  'to call again; raises nothing. [autonomous-operations]';

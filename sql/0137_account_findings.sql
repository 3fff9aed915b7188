-- What is to be said of accounts: limits that know no currency, zones that are not known.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- The policy's limits are plain numbers. Between currencies they are compared by what campaigns have as budgets,
-- to the power of ten; no rate of exchange is known here. Where there is one currency alone, one without a
-- smaller unit is held against the policy as it ships: a limit of 500 times what is usual.
create function autonomy.account_findings()
returns table (account text, currency text, budget numeric, sentence text, proposed jsonb)
language plpgsql stable set search_path = ''
as $$
begin
  if not exists (
    select from public.autonomy_accounts a where a.max_budget is null
      and (autonomy.currency_digits(a.currency) = 0
           or exists (select from public.autonomy_accounts o where o.currency <> a.currency)))
  then
    return;  -- the usual case, and the campaigns need not be looked at
  end if;
  return query
  with used as materialized (
    select c.account, count(*) as campaigns, percentile_disc(0.5) within group (order by c.budget) as budget
    from public.campaigns c
    where (c.status = 'active' or lower(c.status) = 'active') and c.budget between 0.001 and 999999999999.99
    group by c.account
  ), known as materialized (
    select a.account, a.currency, a.max_budget, a.min_budget, u.budget, u.campaigns
    from public.autonomy_accounts a join used u on u.account = a.account where a.currency is not null
  ), usual as (
    select k.currency, percentile_disc(0.5) within group (order by k.budget) as budget from known k group by k.currency
  ), compared as (
    select k.*, p.max_budget as most, p.min_budget as least,
      10::numeric ^ round(log(k.budget / coalesce((
        select percentile_disc(0.5) within group (order by o.budget) from usual o where o.currency <> k.currency),
        p.max_budget / 500))) as rate
    from known k cross join public.autonomy_policy p
    where k.max_budget is null
  )
  select c.account, c.currency, c.budget,
    format('Budgets of the account "%s" are around %s a day, and the policy''s limit of %s, which knows no currency, '
           '%s. Give it limits of its own, perhaps max_budget %s and min_budget %s.',
           c.account, autonomy.amount_words(c.budget, c.currency, true), autonomy.amount_words(c.most, null, true),
           case when c.rate > 1 then 'leaves them little room' else 'is hardly a limit there' end,
           autonomy.amount_words(l.most, c.currency, true), autonomy.amount_words(l.least, c.currency, true)),
    jsonb_build_object('max_budget', l.most, 'min_budget', l.least)
  from compared c
  cross join lateral (
    select greatest(trim_scale(round(least(c.most * c.rate, 999999999), d.digits)), autonomy.smallest_unit(d.digits),
                    c.min_budget) as most,
      coalesce(c.min_budget, trim_scale(round(least(c.least * c.rate, 999999999), d.digits))) as least
    from (select autonomy.currency_digits(c.currency) as digits) d) l
  where c.rate > 1 and c.budget * 10 >= c.most or c.rate < 1 and c.most > c.budget * 10000
  order by c.campaigns desc, c.account;
end $$;
comment on function autonomy.account_findings() is
  'Accounts of a known currency in which the policy''s max_budget is of another order of magnitude than the budgets, '
  'with limits of their own that are proposed. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.account_warnings() returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(f.sentence || case f.others when 0 then ''
        when 1 then ' The same goes for 1 more account.'
        else format(' The same goes for %s more accounts.', f.others) end order by f.n), '[]')
    from ((select 1 as n, z.sentence, count(*) over () - 1 as others from autonomy.unknown_zones() z
           order by z.account limit 1)
          union all
          (select 2, a.sentence, count(*) over () - 1 from autonomy.account_findings() a limit 1)) f);
end $$;
comment on function autonomy.account_warnings() is
  'What a run has to say of accounts: a sentence at most of zones that are not known and one of limits, in a list. '
  'Reads only; raises nothing. [autonomous-operations]';

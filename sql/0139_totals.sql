-- What is known of accounts that have a total: how far their month is, and what money is worth there.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.total_figures (
  account text primary key,
  today date not null,
  spent numeric,
  spent_today numeric,
  spent_per_budget float8 not null default 1,
  ceiling numeric,
  price float8 not null default 1,
  looked_at timestamptz not null
);
comment on table autonomy.total_figures is
  'Derived: of each account with a total what its month has spent and the price of money. Kept by refresh_totals. '
  '[autonomous-operations]';
comment on column autonomy.total_figures.today is 'the day of the account that the figures are of';
comment on column autonomy.total_figures.spent is
  'money spent in its month before today; null = not known: it has no figures by day';
comment on column autonomy.total_figures.spent_today is 'money spent today so far; null = nothing known';
comment on column autonomy.total_figures.spent_per_budget is
  'ratio: what a unit of budget spent over the last 28 complete days, 0.5 to 1.25; 1 = not known';
comment on column autonomy.total_figures.ceiling is 'money a day: the ceiling that the price was reckoned for';
comment on column autonomy.total_figures.price is
  'multiple of break-even that the next unit of budget has to return; 1 = there is money for all that earns its keep';
comment on column autonomy.total_figures.looked_at is 'when the month was summed up';

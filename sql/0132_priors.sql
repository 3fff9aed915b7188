-- What is known of a campaign before its own figures: per account, and over all accounts of a currency.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.priors (
  scope text not null check (scope in ('account', 'currency')),
  name text not null,
  mean_roi float8,
  tau2 float8,
  order_value float8,
  cv2 float8,
  order_spread float8,
  curvature float8,
  delay_hours float8,
  -- 32 bits are plenty: a count of campaigns
  -- squawk-ignore prefer-bigint-over-int
  campaigns integer not null default 0,
  fitted_at timestamptz not null,
  primary key (scope, name)
);
comment on table autonomy.priors is
  'Derived: the prior of the confidence, of each account and of all accounts of a currency (fit_portfolio_prior). '
  '[autonomous-operations]';
comment on column autonomy.priors.scope is 'account or currency';
comment on column autonomy.priors.name is 'of the account, or of the currency; empty = accounts of unknown currency';
comment on column autonomy.priors.mean_roi is
  'multiple: the roi of a campaign of which nothing is known; null = too few campaigns, those of the currency hold';
comment on column autonomy.priors.tau2 is 'variance of ln roi between campaigns; null as mean_roi';
comment on column autonomy.priors.order_value is
  'money of that currency: the mean order; null = no orders yet, those of the currency hold';
comment on column autonomy.priors.cv2 is 'squared coefficient of variation of orders; null as order_value';
comment on column autonomy.priors.order_spread is
  'variance of ln order value between campaigns; null as order_value';
comment on column autonomy.priors.curvature is
  'multiple of the reference budget at which the average return is half of the first unit''s; null = not measured yet, '
  'the policy''s holds';
comment on column autonomy.priors.delay_hours is
  'mean hours from click to conversion; null = not measured, what is assumed holds';
comment on column autonomy.priors.campaigns is 'how many it was fitted from';
comment on column autonomy.priors.fitted_at is 'when; -infinity = what it rests on has changed, it is fitted next';

create table if not exists autonomy.measured_choice (
  campaign_id uuid primary key,
  chosen_at timestamptz not null
);
comment on table autonomy.measured_choice is
  'Derived: the campaigns that speak for their accounts of whether measurement works (measured_campaigns), chosen at '
  'most once an hour by a run. [autonomous-operations]';
comment on column autonomy.measured_choice.campaign_id is 'one of the largest of its account';
comment on column autonomy.measured_choice.chosen_at is 'the same moment for all of them';

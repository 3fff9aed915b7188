-- Accounts: one row each for what an account states itself; the rest is the policy's.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists public.autonomy_accounts (
  account text primary key,
  time_zone text
);
comment on table public.autonomy_accounts is
  'One row an account: the zone of its days. [autonomous-operations]';
comment on column public.autonomy_accounts.account is 'the name that campaigns.account gives it';
comment on column public.autonomy_accounts.time_zone is
  'the zone that its days and windows are counted in, a name of pg_timezone_names, null = the policy''s; changing it '
  'rebuilds the figures of the account';

create function autonomy.account_zone(p_account text) returns text
language sql stable set search_path = ''
as $$
  select coalesce((select a.time_zone from public.autonomy_accounts a where a.account = p_account), p.time_zone)
  from public.autonomy_policy p;
$$;
comment on function autonomy.account_zone(text) is
  'The zone that an account''s days are counted in: its own, else the policy''s. Reads only; raises nothing. '
  '[autonomous-operations]';

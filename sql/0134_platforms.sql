-- Advertising accounts that are read over their platform's interface: the connection, what each unit is there, and
-- the account's totals of the day as they were told from hour to hour.
--
-- What a platform said last of a campaign's name, status and budget stands in autonomy.file_states, where files keep
-- it too: a pull is compared with what was last known of the platform, whoever said it, and never with our row.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.platform_accounts (
  account text primary key,
  platform text not null,
  external_id text not null,
  login_id text,
  credential text not null default '',
  push text not null default 'off',
  state text not null default 'ok',
  state_code text not null default '',
  state_message text not null default '',
  state_since timestamptz not null default now(),
  conversion_action text,
  attribution_windows text[] not null default '{}',
  facts jsonb not null default '{}',
  pulled_at timestamptz,
  restated_at timestamptz,
  cursor jsonb,
  not_before timestamptz,
  last_error text not null default '',
  lease_token uuid,
  lease_expires_at timestamptz,
  -- 32 bits are plenty: a count of seconds
  -- squawk-ignore prefer-bigint-over-int
  lease_seconds integer not null default 300,
  began_at timestamptz,
  connected_at timestamptz not null default now(),
  connected_by text not null default '',
  constraint platform_accounts_platform_check check (platform in ('meta', 'google')),
  constraint platform_accounts_push_check check (push in ('off', 'validate', 'on')),
  constraint platform_accounts_state_check check (state in ('ok', 'broken')),
  -- a name, so that no secret ever stands here
  constraint platform_accounts_credential_check check (credential ~ '^[A-Z0-9_]{0,40}$'),
  unique (platform, external_id)
);
comment on table autonomy.platform_accounts is
  'The connection of an account to its advertising platform; never a secret. [autonomous-operations]';
comment on column autonomy.platform_accounts.account is 'the name that campaigns.account gives it';
comment on column autonomy.platform_accounts.external_id is 'its id on the platform: digits, without act_ or dashes';
comment on column autonomy.platform_accounts.login_id is 'Google Ads: the manager that access comes through';
comment on column autonomy.platform_accounts.credential is
  'which of several credentials of the environment, by its name; empty = the one without a name';
comment on column autonomy.platform_accounts.push is
  'off: it is read only, and the account is only observed; validate and on are for changes that are carried over';
comment on column autonomy.platform_accounts.state is
  'broken: token, permission or the account itself; see state_message';
comment on column autonomy.platform_accounts.conversion_action is
  'what counts as its conversion; null = the platform''s';
comment on column autonomy.platform_accounts.facts is 'what the platform said last of the account itself';
comment on column autonomy.platform_accounts.pulled_at is 'when its campaigns and the last two days were read last';
comment on column autonomy.platform_accounts.restated_at is 'when the last month was read anew: old days still change';
comment on column autonomy.platform_accounts.cursor is
  'the days that are still to be read: {"since", "until"}, both ends included; null = none';
comment on column autonomy.platform_accounts.not_before is 'a limit of the platform: it is not asked before that';
comment on column autonomy.platform_accounts.last_error is
  'why the last reading did not get to its end; empty = it did';
comment on column autonomy.platform_accounts.began_at is 'the moment of the reading that is under way, or was last';

alter table autonomy.platform_accounts add column if not exists checked_at timestamptz;
comment on column autonomy.platform_accounts.checked_at is
  'when connect --check found a real account to be as expected; null = never tried on one';

create table if not exists autonomy.platform_units (
  campaign_id uuid primary key references public.campaigns (id) on delete cascade,
  account text not null,
  external_id text not null,
  kind text not null,
  status_text text not null default '',
  budget_kind text not null,
  budget numeric,
  budget_ref text,
  learning boolean not null default false,
  hold text,
  details jsonb not null default '{}',
  created_at timestamptz,
  observed_at timestamptz not null,
  gone_at timestamptz,
  constraint platform_units_kind_check check (kind in ('campaign', 'adset')),
  constraint platform_units_budget_kind_check
    check (budget_kind in ('daily', 'lifetime', 'shared', 'children', 'none')),
  unique (account, external_id)
);
comment on table autonomy.platform_units is
  'What each campaign of a connected account is on its platform: the thing that holds the budget. '
  '[autonomous-operations]';
comment on column autonomy.platform_units.external_id is 'its id on the platform';
comment on column autonomy.platform_units.budget_kind is
  'daily: that of campaigns.budget; of all others campaigns.budget is null, and no budget is changed';
comment on column autonomy.platform_units.budget is 'as it stands there, of a shared one too';
comment on column autonomy.platform_units.budget_ref is
  'what is changed to change the budget, where it is another object';
comment on column autonomy.platform_units.hold is
  'the code of what forbids to touch it, as TEST_RUNNING; null = nothing';
comment on column autonomy.platform_units.created_at is
  'as the platform tells; null = not told, the first day stands in';
comment on column autonomy.platform_units.observed_at is 'the beginning of the reading that saw it last';
comment on column autonomy.platform_units.gone_at is 'when it was found archived or deleted; null = it is there';

create table if not exists autonomy.platform_pulse (
  account text not null references autonomy.platform_accounts (account) on update cascade on delete cascade,
  at timestamptz not null,
  day date not null,
  spend numeric not null,
  clicks numeric not null,
  conversions numeric not null,
  primary key (account, at)
);
comment on table autonomy.platform_pulse is
  'An account''s totals of its present day, as they were told at each reading; kept for 60 days. '
  '[autonomous-operations]';
comment on column autonomy.platform_pulse.day is 'the account''s day that the totals are of';

create function autonomy.platform_title(p_platform text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_platform when 'meta' then 'Meta' when 'google' then 'Google Ads' else p_platform end;
end $$;
comment on function autonomy.platform_title(text) is
  'The name of a platform for people; the log of changes names it as the actor. Pure. [autonomous-operations]';

create function autonomy.unit_holds(p_unit autonomy.platform_units) returns text[]
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return array_remove(array[
    p_unit.hold, case when p_unit.learning then 'LEARNING' end,
    case p_unit.budget_kind when 'lifetime' then 'LIFETIME_BUDGET' when 'shared' then 'SHARED_BUDGET'
                            when 'children' then 'BUDGET_ON_CHILDREN' end], null);
end $$;
comment on function autonomy.unit_holds(autonomy.platform_units) is
  'The codes of what a campaign''s platform has against changing it. Pure. [autonomous-operations]';

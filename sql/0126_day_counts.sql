-- What was done within the day, as a run that is applying its batches knows it. Counted anew for each of them, the
-- actions of the first batch would be read by all that come after it.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.day_counts (
  run_id uuid,
  account text,
  -- an account's name may fit into no index
  account_key uuid generated always as (md5(account)::uuid) stored,
  pauses bigint not null,
  ups bigint not null,
  raised numeric not null,
  cuts bigint not null,
  lowered numeric not null,
  primary key (run_id, account_key)
);
comment on table autonomy.day_counts is
  'Derived: of each run that applies, what was done in each account within the 24 hours before its moment and since, '
  'for the breakers. Read and written under the lock of effects alone; whatever else takes that lock empties it. '
  '[autonomous-operations]';
comment on column autonomy.day_counts.account is 'empty: campaigns without one, or gone; each run has that row';
comment on column autonomy.day_counts.pauses is 'actions, those that wait for a person too';
comment on column autonomy.day_counts.ups is 'actions that raised a budget';
comment on column autonomy.day_counts.raised is 'money a day';
comment on column autonomy.day_counts.cuts is 'actions that lowered a budget, but for an account''s total';
comment on column autonomy.day_counts.lowered is 'money a day';

-- What was last known of each campaign's platform, by a file or a reading of the platform itself: both speak of the
-- platform, so they are compared with what came before, not with our row. Only a difference is somebody's change.
-- squawk-ignore-file require-concurrent-index-creation
-- The index is built on a table that is empty or our own, and a transaction cannot build it concurrently.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.file_states (
  campaign_id uuid primary key references public.campaigns (id) on delete cascade,
  platform_id text,
  title text,
  status text,
  budget numeric,
  until timestamptz not null,
  read_at timestamptz not null,
  constraint file_states_status_check check (status in ('active', 'paused'))
);
comment on table autonomy.file_states is
  'The state of each campaign in the last file, or reading of its platform, that named it. [autonomous-operations]';
comment on column autonomy.file_states.platform_id is 'its id on the platform; null = its name is its key';
comment on column autonomy.file_states.title is 'its name there';
comment on column autonomy.file_states.status is 'active or paused; null = no file said it';
comment on column autonomy.file_states.budget is 'its daily budget there; null = no file said it';
comment on column autonomy.file_states.until is
  'the last moment of that file or reading: one that ends before says nothing of now';
comment on column autonomy.file_states.read_at is
  'when it was read: a day that was not over by then was not whole';

create index if not exists file_states_platform_id on autonomy.file_states (platform_id);

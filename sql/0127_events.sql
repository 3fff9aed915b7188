-- Events that a person plans: during a sale, a launch or a price test the figures mean something else, and what must
-- not be done then is said beforehand.
-- squawk-ignore-file require-concurrent-index-creation
-- Indexes are built on tables that are empty or our own, and a transaction cannot build them concurrently.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.planned_events (
  id uuid primary key default gen_random_uuid(),
  account text,
  campaign_id uuid references public.campaigns (id) on delete cascade,
  from_at timestamptz not null,
  until_at timestamptz not null,
  no_raises boolean not null default false,
  no_cuts boolean not null default false,
  no_pauses boolean not null default false,
  why text not null,
  made_by text not null default '',
  made_at timestamptz not null default now(),
  changed_by text not null default '',
  changed_at timestamptz,
  constraint planned_events_of_check check (num_nonnulls(account, campaign_id) = 1),
  -- from 2000 to 2100: infinity lies beyond
  constraint planned_events_span_check check (
    from_at >= timestamptz '2000-01-01 00:00+00' and until_at <= timestamptz '2101-01-02 00:00+00'
    and until_at > from_at and until_at - from_at <= interval '367 days'),
  constraint planned_events_stops_check check (no_raises or no_cuts or no_pauses),
  constraint planned_events_why_check check (length(btrim(why)) between 1 and 500)
);
comment on table autonomy.planned_events is
  'What must not be done, and when, to a campaign or an account, entered beforehand. [autonomous-operations]';
comment on column autonomy.planned_events.account is 'all campaigns of this account; null = of campaign_id alone';
comment on column autonomy.planned_events.campaign_id is 'this campaign; null = all of account';
comment on column autonomy.planned_events.from_at is 'from this moment on';
comment on column autonomy.planned_events.until_at is 'up to this moment, at which it is over';
comment on column autonomy.planned_events.no_raises is 'no budget is raised, and nothing is resumed';
comment on column autonomy.planned_events.no_cuts is 'no budget is lowered';
comment on column autonomy.planned_events.no_pauses is 'nothing is paused';
comment on column autonomy.planned_events.why is 'what it is, in the words of who entered it: Black Friday';
comment on column autonomy.planned_events.made_by is 'who entered it';
comment on column autonomy.planned_events.changed_by is 'who changed it last';
comment on column autonomy.planned_events.changed_at is 'when that was; null = never';

create index if not exists planned_events_campaign on autonomy.planned_events (campaign_id);
create index if not exists planned_events_account on autonomy.planned_events (account);
create index if not exists planned_events_until on autonomy.planned_events (until_at);

-- Days that are left out of all that is judged by: of one campaign, or of a whole account. Their figures stay where
-- they are, in the series, in campaign_daily and in campaign_performance; facts, windows and evidence pass them over.
-- squawk-ignore-file require-concurrent-index-creation
-- Indexes are built on tables that are empty or our own, and a transaction cannot build them concurrently.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.evidence_exclusions (
  id uuid primary key default gen_random_uuid(),
  account text,
  campaign_id uuid references public.campaigns (id) on delete cascade,
  from_day date not null,
  until_day date not null,
  why text not null default '',
  made_by text not null default '',
  made_at timestamptz not null default now(),
  lifted_at timestamptz,
  lifted_by text not null default '',
  event_id uuid unique references autonomy.planned_events (id) on delete cascade,
  constraint evidence_exclusions_of_check check (num_nonnulls(account, campaign_id) = 1),
  constraint evidence_exclusions_days_check check (
    from_day between date '2000-01-01' and until_day and until_day <= date '2100-12-31')
);
-- where an older version made the table, before there were planned events
do $$ begin
  alter table autonomy.evidence_exclusions
    add column if not exists event_id uuid unique references autonomy.planned_events (id) on delete cascade;
end $$;
comment on table autonomy.evidence_exclusions is
  'Days that do not count as evidence, of a campaign or an account. [autonomous-operations]';
comment on column autonomy.evidence_exclusions.account is 'all campaigns of this account; null = of campaign_id alone';
comment on column autonomy.evidence_exclusions.campaign_id is 'this campaign; null = all of account';
comment on column autonomy.evidence_exclusions.from_day is 'the first day, in the zone of the account';
comment on column autonomy.evidence_exclusions.until_day is 'the last day, which is left out, too';
comment on column autonomy.evidence_exclusions.why is 'why they do not count, in the words of who made it';
comment on column autonomy.evidence_exclusions.made_by is
  'who made it; autonomy: a run, of figures that cannot be right';
comment on column autonomy.evidence_exclusions.lifted_at is
  'when it was taken back: from then on its days count, and are not doubted again';
comment on column autonomy.evidence_exclusions.lifted_by is 'who took it back';
comment on column autonomy.evidence_exclusions.event_id is
  'the planned event whose days these are: they move with it and go with it; null = of nothing planned';

create index if not exists evidence_exclusions_campaign on autonomy.evidence_exclusions (campaign_id);
create index if not exists evidence_exclusions_account on autonomy.evidence_exclusions (account);

-- By parts, so that each is found by its index, and where there is none nothing is read.
create or replace view autonomy.counted_days as
  select d.* from public.campaign_daily d
  where not exists (
      select from autonomy.evidence_exclusions x
      where x.campaign_id = d.campaign_id and x.lifted_at is null and d.day between x.from_day and x.until_day)
    and not exists (
      select from autonomy.evidence_exclusions x join public.campaigns c on c.account = x.account
      where c.id = d.campaign_id and x.lifted_at is null and d.day between x.from_day and x.until_day);
comment on view autonomy.counted_days is
  'campaign_daily without the days that are left out of the evidence. [autonomous-operations]';

create function autonomy.exclusions_of(p_campaign_ids uuid[])
returns table (campaign_id uuid, from_day date, until_day date)
language plpgsql stable set search_path = ''
as $$
begin
  if not exists (select from autonomy.evidence_exclusions x where x.lifted_at is null) then
    return;  -- the usual case, and the campaigns need not be looked at
  end if;
  return query
  select x.campaign_id, x.from_day, x.until_day
  from unnest(p_campaign_ids) i join autonomy.evidence_exclusions x on x.campaign_id = i
  where x.lifted_at is null
  union all
  select c.id, x.from_day, x.until_day
  from unnest(p_campaign_ids) i
  join public.campaigns c on c.id = i
  join autonomy.evidence_exclusions x on x.account = c.account
  where x.lifted_at is null;
end $$;
comment on function autonomy.exclusions_of(uuid[]) is
  'The spans of days that are left out of the evidence of each of these campaigns (each named once), its own and its '
  'account''s. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create table if not exists autonomy.suspect_days (
  campaign_id uuid references public.campaigns (id) on delete cascade,
  day date,
  why text not null,
  found_at timestamptz not null,
  primary key (campaign_id, day)
);
comment on table autonomy.suspect_days is
  'Days whose figures a run has found to be in doubt, and since when; after 24 hours they are left out of the '
  'evidence. [autonomous-operations]';

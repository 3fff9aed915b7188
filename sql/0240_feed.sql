-- Feeds: figures that a warehouse in this database holds already, read out of two views of the user's making
-- (autonomy_feed.campaigns, autonomy_feed.metrics). That schema is theirs: it is read, never made, altered or dropped.
-- squawk-ignore-file require-concurrent-index-creation
-- The index is built on a table that is empty or our own, and a transaction cannot build it concurrently.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.feed (
  id boolean primary key default true check (id),
  minutes numeric check (minutes between 1 and 10080),
  tried_at timestamptz,
  read_at timestamptz,
  failing_since timestamptz,
  problems text[] not null default '{}',
  answer jsonb,
  still_to_read jsonb,
  updated_at timestamptz not null default now(),
  updated_by text not null default ''
);
-- where an older version made the table, which read all at once
do $$ begin
  alter table autonomy.feed add column if not exists still_to_read jsonb;
end $$;
comment on table autonomy.feed is
  'Whether runs read the feed, and what came of it the last time; no row: they never did. [autonomous-operations]';
comment on column autonomy.feed.minutes is 'how often a run reads the feed before it decides; null = never';
comment on column autonomy.feed.tried_at is 'when a run or a call last tried to';
comment on column autonomy.feed.read_at is 'when it was last read';
comment on column autonomy.feed.problems is 'why it, or a part of it, was not read the last time';
comment on column autonomy.feed.answer is 'what import_feed last answered of the newest days';
comment on column autonomy.feed.still_to_read is
  'older days that runs have not read yet: {"since", "until"}, both ends included; null = none';

create table if not exists autonomy.feed_campaigns (
  campaign_id uuid primary key references public.campaigns (id) on delete cascade,
  platform text not null,
  account_id text not null,
  external_id text not null,
  found_at timestamptz not null default now(),
  unique (platform, account_id, external_id)
);
comment on table autonomy.feed_campaigns is
  'Which campaign each campaign of the feed is, by its key there. [autonomous-operations]';

create function autonomy.feed_warnings() returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce((
    select jsonb_agg(format('The feed was not read%s: %s',
      case when to_jsonb(f.problems) = f.answer -> 'refused' then ' in part' else '' end, p) order by n)
    from autonomy.feed f cross join unnest(f.problems[:3]) with ordinality u (p, n)), '[]');
$$;
comment on function autonomy.feed_warnings() is
  'What a run has to say of the feed: up to three sentences, in a list. Reads only; raises nothing. '
  '[autonomous-operations]';

create function public.set_feed(p_minutes numeric, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_feed autonomy.feed;
begin
  if p_minutes not between 1 and 10080 then
    raise exception using errcode = 'AO010',
      message = format('The feed is read every 1 to 10080 minutes, not %s.', p_minutes),
      hint = 'NULL switches it off.';
  end if;
  insert into autonomy.feed as f (id, minutes, updated_at, updated_by)
  values (true, p_minutes, now(), coalesce(p_actor, ''))
  on conflict (id) do update set
    minutes = excluded.minutes, updated_at = excluded.updated_at, updated_by = excluded.updated_by,
    -- nobody reads it any more: that is no failure
    problems = case when p_minutes is null then '{}' else f.problems end
  returning * into v_feed;
  return to_jsonb(v_feed) - 'id' - 'answer';
end $$;
comment on function public.set_feed(numeric, text) is
  'Lets runs read the feed every so many minutes before they decide (NULL: never). Safe to call again. Raises AO010 '
  '(argument). [autonomous-operations]';

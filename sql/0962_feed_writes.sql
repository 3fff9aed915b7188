-- What of the feed is written: accounts, campaigns, days, and what changed on the platform since the last feed. The
-- locks are taken in the order of the ingest (0220): the series and its facts first, then campaigns by id.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.write_feed_accounts() returns void
language plpgsql set search_path = ''
as $$
begin
  insert into public.autonomy_accounts as a (account, currency, time_zone, updated_by)
  select f.account, f.currency, f.time_zone, 'feed' from pg_temp.autonomy_feed_accounts f
  -- an insert that changes nothing would ask the guard all the same
  where f.refused is null and not f.connected
    and (f.known_currency is null and f.currency is not null or f.known_zone is null and f.time_zone is not null)
  order by f.account
  on conflict (account) do update set
    currency = coalesce(a.currency, excluded.currency), time_zone = coalesce(a.time_zone, excluded.time_zone),
    updated_by = 'feed', updated_at = clock_timestamp()
  where a.currency is null and excluded.currency is not null
     or a.time_zone is null and excluded.time_zone is not null;
end $$;
comment on function autonomy.write_feed_accounts() is
  'Notes the currency and the zone of accounts of which none is known. A part of import_feed. [autonomous-operations]';

create function autonomy.write_feed_campaigns(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into public.campaigns (id, title, account, status, budget, created_at)
  select u.campaign_id, coalesce(u.title, u.external_id), u.account,
    case when u.status = 'paused' or u.status is null and u.word is not null then w.paused else w.active end, u.budget,
    least(p_now, coalesce(
      (select t.at from (select coalesce(u.created, u.created_local at time zone a.local_zone) as at) t
       where t.at between '2000-01-01' and p_now), b.first, p_now), b.first)
  from pg_temp.autonomy_feed_units u
  join pg_temp.autonomy_feed_accounts a on a.account = u.account and a.refused is null and not a.connected
  left join (select m.campaign_id, min(m.bucket) as first from pg_temp.autonomy_feed_buckets m group by m.campaign_id) b
    on b.campaign_id = u.campaign_id
  cross join (
    select (select p.paused_text from public.autonomy_policy p) as paused,
      coalesce((select c.status from public.campaigns c where lower(c.status) = 'active'
                group by c.status order by count(*) desc, c.status limit 1), 'active') as active) w
  where u.is_new and u.is_there
  order by u.campaign_id
  on conflict (id) do nothing;

  insert into autonomy.feed_campaigns (campaign_id, platform, account_id, external_id, found_at)
  select u.campaign_id, u.platform, u.account_id, u.external_id, p_now
  from pg_temp.autonomy_feed_units u
  join pg_temp.autonomy_feed_accounts a on a.account = u.account and a.refused is null and not a.connected
  where u.is_there
  order by u.campaign_id
  on conflict do nothing;
end $$;
comment on function autonomy.write_feed_campaigns(timestamptz) is
  'Makes the campaigns that are new in the feed, and remembers which each is. A part of import_feed. '
  '[autonomous-operations]';

create function autonomy.settle_feed_grain(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- Only of days that are here in another shape need anything be weighed.
begin
  with doubtful as materialized (
    select c.campaign_id, c.day
    from pg_temp.autonomy_feed_changed c
    join pg_temp.autonomy_feed_units u on u.campaign_id = c.campaign_id and not u.is_new
    join pg_temp.autonomy_feed_accounts a on a.account = u.account
    where exists (
      select from public.campaign_metrics m
      left join pg_temp.autonomy_feed_buckets b
        on b.campaign_id = c.campaign_id and b.day = c.day and b.bucket = m.bucket and b.whole = m.whole_day
      where m.campaign_id = c.campaign_id and m.bucket >= c.day::timestamp at time zone a.zone
        and m.bucket < (c.day + 1)::timestamp at time zone a.zone and b.bucket is null)
  ), asked as (
    select array_agg(b.campaign_id) as ids, array_agg(b.bucket) as buckets, array_agg(b.whole) as whole,
      array_agg(b.spend) as spends, array_agg(b.impressions) as shown
    from doubtful d join pg_temp.autonomy_feed_buckets b on b.campaign_id = d.campaign_id and b.day = d.day
  ), gone as (
    delete from pg_temp.autonomy_feed_buckets b
    using asked a, autonomy.settle_grain(a.ids, a.buckets, a.whole, a.spends, a.shown, p_now) s
    where a.ids is not null and s.reason is not null and b.campaign_id = s.campaign_id and b.bucket = s.bucket
    returning s.reason, concat_ws(' ', b.platform, b.external_id, b.day) as key
  )
  insert into pg_temp.autonomy_feed_notes
  select 'metrics', 'left out: ' || g.reason, count(*), min(g.key) from gone g group by g.reason;
  delete from pg_temp.autonomy_feed_changed c
  where not exists (select from pg_temp.autonomy_feed_buckets b where b.campaign_id = c.campaign_id and b.day = c.day);
end $$;
comment on function autonomy.settle_feed_grain(timestamptz) is
  'Leaves out what would count a day twice, by hour and as a whole, with what is here. A part of import_feed. '
  '[autonomous-operations]';

create function autonomy.write_feed_days() returns void
language plpgsql set search_path = ''
as $$
declare
  v_campaigns uuid[];
  v_days date[];
begin
  perform set_config('autonomy.ingest', '1', true);
  insert into public.campaign_metrics as m
    (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue, whole_day)
  select b.campaign_id, b.bucket, b.impressions, b.reach, b.clicks, b.conversions, b.spend, b.revenue, b.whole
  from pg_temp.autonomy_feed_changed c
  join pg_temp.autonomy_feed_buckets b on b.campaign_id = c.campaign_id and b.day = c.day
  order by b.campaign_id, b.bucket
  on conflict (campaign_id, bucket) do update set
    impressions = excluded.impressions, reach = excluded.reach, clicks = excluded.clicks,
    conversions = excluded.conversions, spend = excluded.spend, revenue = excluded.revenue,
    whole_day = excluded.whole_day
  where (m.impressions, m.reach, m.clicks, m.conversions, m.spend, m.revenue, m.whole_day) is distinct from
    (excluded.impressions, excluded.reach, excluded.clicks, excluded.conversions, excluded.spend, excluded.revenue,
     excluded.whole_day);
  select array_agg(c.campaign_id order by c.campaign_id, c.day), array_agg(c.day order by c.campaign_id, c.day)
  into v_campaigns, v_days from pg_temp.autonomy_feed_changed c;
  perform autonomy.absorb_campaign_metrics(v_campaigns, v_days);
end $$;
comment on function autonomy.write_feed_days() is
  'Writes the days that changed, and brings the figures of their campaigns up to them. A part of import_feed. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What changed on the platform
-- ---------------------------------------------------------------------------------------------
-- As the import of files (autonomy/imports/platform_state.py): compared with what the last file or feed said, never
-- with our row, since nothing carries a change of ours over by itself.
create function autonomy.compare_feed_state(p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  create temporary table autonomy_feed_state on commit drop as
  select d.*,
    d.status_differs and case when d.last_status is not null then d.status <> d.last_status
      else coalesce((
        select k.kind = 'outside' and not k.person from public.campaign_changes k
        where k.campaign_id = d.campaign_id and k.kind <> 'created'
          and lower(k.old_status) is distinct from lower(k.new_status)
        order by k.id desc limit 1), true) end as takes_status,
    d.budget_differs and case when d.last_budget is not null then d.budget <> d.last_budget
      else coalesce((
        select k.kind = 'outside' and not k.person from public.campaign_changes k
        where k.campaign_id = d.campaign_id and k.kind <> 'created' and k.old_budget is distinct from k.new_budget
        order by k.id desc limit 1), true) end as takes_budget
  from (
    select u.campaign_id, u.external_id, u.title, u.status, u.budget, a.currency, c.budget as own_budget,
      coalesce(c.title, u.title, u.external_id) as said_title, p.status as last_status, p.budget as last_budget,
      coalesce((u.status = 'active') <> (coalesce(lower(c.status), '') = 'active'), false) as status_differs,
      coalesce(u.budget is distinct from c.budget and u.budget > 0, false) as budget_differs,
      coalesce(c.title = p.title and u.title <> p.title, false) as takes_title
    from pg_temp.autonomy_feed_units u
    join pg_temp.autonomy_feed_accounts a on a.account = u.account and a.refused is null and not a.connected
    join public.campaigns c on c.id = u.campaign_id
    left join autonomy.file_states p on p.campaign_id = u.campaign_id
    where u.is_there and coalesce(p.until <= p_now, true)
  ) d;
end $$;
comment on function autonomy.compare_feed_state(timestamptz) is
  'Names, status and budgets of the feed beside those of the last file or feed. A part of import_feed. '
  '[autonomous-operations]';

create function autonomy.follow_feed_state(p_slice text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- A campaign is as old as its first day. Slices come newest first: not every one of them makes all campaigns older.
begin
  with first as (
    select b.campaign_id, min(b.bucket) as at from pg_temp.autonomy_feed_buckets b
    where p_slice = 'all' group by b.campaign_id
    union all
    select u.campaign_id, (select min(m.bucket) from public.campaign_metrics m where m.campaign_id = u.campaign_id)
    from pg_temp.autonomy_feed_units u where p_slice = 'last'
  ), locked as materialized (
    select d.*, f.at as first_at
    from pg_temp.autonomy_feed_state d
    join public.campaigns c on c.id = d.campaign_id left join first f on f.campaign_id = d.campaign_id
    where d.takes_status or d.takes_budget or d.takes_title or f.at < c.created_at
    order by c.id for update of c
  )
  update public.campaigns c set
    status = case when not d.takes_status then c.status when d.status = 'paused' then w.paused else w.active end,
    budget = case when d.takes_budget then d.budget else c.budget end,
    title = case when d.takes_title then d.title else c.title end,
    created_at = least(c.created_at, d.first_at)
  from locked d
  cross join (
    select (select p.paused_text from public.autonomy_policy p) as paused,
      coalesce((select a.status from public.campaigns a where lower(a.status) = 'active'
                group by a.status order by count(*) desc, a.status limit 1), 'active') as active) w
  where c.id = d.campaign_id;

  insert into autonomy.file_states as p (campaign_id, platform_id, title, status, budget, until, read_at)
  select d.campaign_id, d.external_id, d.title, d.status, d.budget, p_now, p_now
  from pg_temp.autonomy_feed_state d order by d.campaign_id
  on conflict (campaign_id) do update set
    platform_id = coalesce(excluded.platform_id, p.platform_id), title = coalesce(excluded.title, p.title),
    status = coalesce(excluded.status, p.status), budget = coalesce(excluded.budget, p.budget),
    until = excluded.until, read_at = excluded.read_at;
end $$;
comment on function autonomy.follow_feed_state(text, timestamptz) is
  'Takes what changed on the platform since the last file or feed, and notes what the feed says. p_slice: all, the '
  'last of several slices, or another of them. A part of import_feed. [autonomous-operations]';

create function autonomy.feed_state_words(p_taken boolean) returns text[]
language plpgsql set search_path = ''
as $$
begin
  return array(
    select s.title || ': ' || s.words
    from (
      select left(d.said_title, 80) as title, concat_ws(', ',
        case when p_taken and d.takes_status then
               case d.status when 'active' then 'paused to active' else 'active to paused' end
             when not p_taken and d.status_differs and not d.takes_status then
               case d.status when 'active' then 'paused here, active there' else 'active here, paused there' end end,
        case when p_taken and d.takes_budget then
               format('budget %s to %s', coalesce(autonomy.amount_words(d.own_budget, d.currency), 'none'),
                      autonomy.amount_words(d.budget, d.currency))
             when not p_taken and d.budget_differs and not d.takes_budget then
               format('budget %s here, %s there', coalesce(autonomy.amount_words(d.own_budget, d.currency), 'none'),
                      autonomy.amount_words(d.budget, d.currency)) end,
        case when p_taken and d.takes_title then 'called ' || left(d.title, 80) end) as words, d.campaign_id
      from pg_temp.autonomy_feed_state d
      where d.status_differs or d.budget_differs or d.takes_title) s
    where s.words <> '' order by s.title, s.campaign_id);
end $$;
comment on function autonomy.feed_state_words(boolean) is
  'What changed on the platform (p_taken), or was changed here and not there: a campaign each. A part of import_feed. '
  '[autonomous-operations]';

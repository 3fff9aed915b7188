-- What was read of the feed: which campaigns and accounts it is, which rows can be taken, which days they change.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.feed_status(p_word text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case
    when lower(p_word) ~ '(paus|remov|delet|archiv|ended|complet|cancel|draft|inactiv|disab|suspend|stop|expir|finish)'
      or lower(p_word) ~ '(reject|not[_ ]deliver|^(off|no|false|0)$)' then 'paused'
    when lower(p_word) ~ ('^(active|enabled?|on|yes|true|1|running|live|serving|eligible|limited|learning|in_process|'
      'with_issues|campaign_status_(enable|delivery_ok))$') then 'active' end;
end $$;
comment on function autonomy.feed_status(text) is
  'A platform''s word for the state of a campaign: active or paused; NULL where it is neither for certain. Pure. '
  '[autonomous-operations]';

create function autonomy.note_feed(p_view text, p_reason text, p_rows bigint, p_example text) returns void
language plpgsql set search_path = ''
as $$
begin
  if p_rows > 0 then
    insert into pg_temp.autonomy_feed_notes values (p_view, p_reason, p_rows, left(p_example, 200));
  end if;
end $$;
comment on function autonomy.note_feed(text, text, bigint, text) is
  'Remembers how many rows of the feed were left out or not taken as they stand, and why. A part of import_feed. '
  '[autonomous-operations]';

create function autonomy.note_odd_campaigns() returns void
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.note_feed('campaigns', f.reason, count(*), min(f.example))
  from pg_temp.autonomy_feed_given g
  cross join lateral (values
    (g.platform is null or g.account_id is null or g.external_id is null,
     'left out: platform, account_id or external_id is NULL', coalesce(g.title, g.external_id)),
    (length(concat_ws(' ', g.platform, g.account_id)) > 200,
     'left out: platform and account_id together are longer than 200 characters', g.title),
    (g.word is not null and autonomy.feed_status(g.word) is null,
     'the status is no word that is known, and is not taken; new ones are taken as paused', g.word),
    (g.daily_budget < 0 or g.daily_budget > 999999999999.99,
     'daily_budget is no amount (negative, NaN or huge), and is not taken', g.daily_budget::text),
    (g.created > now() + interval '1 day' or g.created_local > now() + interval '2 days',
     'created_at lies in the future, and is not taken', coalesce(g.created::text, g.created_local::text))
  ) f (holds, reason, example)
  where f.holds
  group by f.reason;
end $$;
comment on function autonomy.note_odd_campaigns() is
  'Remembers what of the feed''s campaigns is not taken as it stands. A part of import_feed. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Which campaign each is
-- ---------------------------------------------------------------------------------------------
create function autonomy.find_feed_campaigns() returns void
language plpgsql set search_path = ''
as $$
begin
  create temporary table autonomy_feed_units on commit drop as
  with given as materialized (
    select g.*, true as is_there, count(*) over (partition by g.external_id) = 1 as alone
    from pg_temp.autonomy_feed_given g
    where g.platform is not null and g.account_id is not null and g.external_id is not null
      and length(concat_ws(' ', g.platform, g.account_id)) <= 200
  ), units as (
    select * from given
    union all
    -- known from before, and not among the campaigns any more: its figures may go on
    (select distinct on (f.platform, f.external_id) f.platform, f.account_id, f.external_id, null, null, null, null,
       null, null, null, false, false
     from autonomy.feed_campaigns f
     where not exists (select from given g where g.platform = f.platform and g.external_id = f.external_id)
     order by f.platform, f.external_id, f.found_at desc)
  ), homes as materialized (
    -- an account may go by another name here: new campaigns come to the others
    select f.platform, f.account_id, mode() within group (order by c.account) as account
    from autonomy.feed_campaigns f join public.campaigns c on c.id = f.campaign_id group by f.platform, f.account_id
  ), imported as materialized (
    -- a file named it before: it is the one that has its id, where just one has, in the same currency
    select f.platform_id, min(f.campaign_id::text)::uuid as campaign_id, min(a.currency) as currency
    from autonomy.file_states f
    join public.campaigns c on c.id = f.campaign_id left join public.autonomy_accounts a on a.account = c.account
    where f.platform_id in (select g.external_id from given g where g.alone)
      and not exists (select from autonomy.feed_campaigns k where k.campaign_id = f.campaign_id)
    group by f.platform_id having count(*) = 1
  ), found as (
    select u.*, coalesce(f.campaign_id, i.campaign_id,
        md5(concat_ws('/', 'autonomous-operations/feed', u.platform, u.account_id, u.external_id))::uuid)
        as campaign_id,
      coalesce(h.account, u.platform || ' ' || u.account_id) as home
    from units u
    left join autonomy.feed_campaigns f
      on f.platform = u.platform and f.account_id = u.account_id and f.external_id = u.external_id
    left join imported i on i.platform_id = u.external_id and u.alone and f.campaign_id is null
      and coalesce(i.currency = u.currency, true)
    left join homes h on h.platform = u.platform and h.account_id = u.account_id
  )
  select f.platform, f.account_id, f.external_id, f.title, f.word, f.currency, f.time_zone, f.created,
    f.created_local, f.is_there, f.campaign_id, c.id is null as is_new, coalesce(c.account, f.home) as account,
    autonomy.feed_status(f.word) as status,
    case when f.daily_budget > 0 and f.daily_budget <= 999999999999.99
      then autonomy.kept_amount(f.daily_budget, autonomy.currency_digits(f.currency)) end as budget
  from found f left join public.campaigns c on c.id = f.campaign_id;
  analyze pg_temp.autonomy_feed_units;
end $$;
comment on function autonomy.find_feed_campaigns() is
  'Finds which campaign each of the feed is: by its key, else by the id that a file gave it, else a new one. A part of '
  'import_feed. [autonomous-operations]';

create function autonomy.find_feed_accounts() returns void
language plpgsql set search_path = ''
as $$
begin
  create temporary table autonomy_feed_accounts on commit drop as
  with stated as (
    select u.account, array_agg(distinct u.currency) filter (where u.currency is not null) as currencies,
      array_agg(distinct u.time_zone) filter (where u.time_zone is not null) as zones, min(u.platform) as platform,
      min(u.account_id) as account_id
    from pg_temp.autonomy_feed_units u group by u.account
  ), zones as materialized (
    select z.name from pg_catalog.pg_timezone_names z
    where z.name = any (array(select unnest(s.zones) from stated s))
  ), known as (
    select s.*, a.currency as known_currency, a.time_zone as known_zone,
      -- a warehouse is hours behind what the platform itself says
      exists (select from autonomy.platform_accounts x where x.account = s.account
                or x.external_id = regexp_replace(s.account_id, '\D', '', 'g')
                   and s.platform ~ case x.platform when 'meta' then 'meta|facebook|instagram' else 'google' end)
        as connected,
      (select w from unnest(s.currencies) w where w !~ '^[A-Z]{3}$' limit 1) as no_currency,
      (select w from unnest(s.zones) w where w not in (select z.name from zones z) limit 1) as no_zone
    from stated s left join public.autonomy_accounts a on a.account = s.account
  )
  select k.account, k.platform, k.account_id, k.known_currency, k.known_zone, k.connected,
    case when k.no_currency is null then k.currencies[1] end as currency,
    case when k.no_zone is null then k.zones[1] end as time_zone,
    -- whole days are dates of the account; hours without an offset are told in the zone that comes with them
    case when k.known_zone is null and k.no_zone is null and k.zones[1] is not null then k.zones[1]
         else autonomy.account_zone(k.account) end as zone,
    coalesce(case when k.no_zone is null then k.zones[1] end, autonomy.account_zone(k.account)) as local_zone,
    case
      when k.connected then null
      when k.no_currency is not null then format('The currency of the account "%s" is "%s"; it must be three letters '
        'of ISO 4217, such as EUR.', k.account, left(k.no_currency, 40))
      when cardinality(k.currencies) > 1 then format('The account "%s" has several currencies (%s): sums over them say '
        'nothing.', k.account, array_to_string(k.currencies[:4], ', '))
      when k.known_currency <> k.currencies[1] then format('The feed has the account "%s" in %s, but it is in %s here. '
        'Where that is wrong: update autonomy_accounts set currency = %L where account = %L;',
        k.account, k.currencies[1], k.known_currency, k.currencies[1], k.account)
      when k.no_zone is not null then format('The time zone of the account "%s" is "%s", which this database does not '
        'know: select name from pg_timezone_names; has them.', k.account, left(k.no_zone, 60))
      when cardinality(k.zones) > 1 then format('The account "%s" has several time zones (%s): its days would be '
        'unclear.', k.account, array_to_string(k.zones[:4], ', '))
    end as refused
  from known k;
end $$;
comment on function autonomy.find_feed_accounts() is
  'The accounts of the feed with currency and zone, and why one of them cannot be taken. A part of import_feed. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Which rows can be taken
-- ---------------------------------------------------------------------------------------------
create function autonomy.judge_feed_rows(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  create temporary table autonomy_feed_buckets on commit drop as
  select u.campaign_id, a.account, b.bucket, r.day is not null as whole,
    coalesce(r.day, (b.bucket at time zone a.zone)::date) as day, round(r.impressions) as impressions,
    coalesce(round(r.reach), 0) as reach, round(r.clicks) as clicks,
    trim_scale(round(r.conversions, 6)) as conversions, autonomy.kept_amount(r.spend, 2) as spend,
    autonomy.kept_amount(r.revenue, 2) as revenue,
    case
      when r.platform is null or r.external_id is null then 'platform or external_id is NULL'
      when r.day is null and r.at is null and r.at_local is null then 'neither day nor hour is said'
      when r.day is not null and (r.at is not null or r.at_local is not null) then 'day and hour are both said'
      when u.campaign_id is null then 'autonomy_feed.campaigns does not have its campaign'
      when a.connected then 'its account is connected, and read from its platform itself'
      when a.refused is not null then 'its account is left out: ' || a.refused
      when num_nulls(r.impressions, r.clicks, r.conversions, r.spend, r.revenue) > 0 then
        format('%s is NULL: coalesce it to 0 in the view where that means none',
               case when r.impressions is null then 'impressions' when r.clicks is null then 'clicks'
                    when r.conversions is null then 'conversions' when r.spend is null then 'spend'
                    else 'revenue' end)
      when r.spend not between 0 and 999999999999.99 then 'spend is no amount (negative, NaN or huge)'
      when r.revenue not between -999999999999.99 and 999999999999.99 then 'revenue is no amount (NaN or huge)'
      when r.conversions not between 0 and 999999999999.99 then 'conversions is no number (negative, NaN or huge)'
      when r.impressions not between 0 and 1e12 then 'impressions is no number (negative, NaN or huge)'
      when r.clicks not between 0 and 1e12 then 'clicks is no number (negative, NaN or huge)'
      when r.reach not between 0 and 1e12 then 'reach is no number (negative, NaN or huge)'
      when b.bucket <= p_now then null
      else 'its time lies in the future' end as flaw, r.platform, r.external_id, coalesce(r.at, r.at_local) as said_at
  from pg_temp.autonomy_feed_read r
  left join pg_temp.autonomy_feed_units u on u.platform = r.platform and u.external_id = r.external_id
    and (r.account_id is null or u.account_id = r.account_id)
  left join pg_temp.autonomy_feed_accounts a on a.account = u.account
  cross join lateral (select case
    when r.day is not null then
      case when r.day between '2000-01-01' and '9999-12-31' then r.day::timestamp at time zone a.zone end
    when r.at is not null then r.at
    when isfinite(r.at_local) then r.at_local at time zone a.local_zone end as bucket) b;

  insert into pg_temp.autonomy_feed_notes
  select 'metrics', 'left out: ' || b.flaw, count(*),
    min(concat_ws(' ', b.platform, b.external_id, coalesce(b.day::text, b.said_at::text)))
  from pg_temp.autonomy_feed_buckets b
  where b.flaw is not null and (b.day between p_since and p_until) is not false group by b.flaw;
  -- hours are read of a day more at both ends, since the day of their account begins somewhere in it
  delete from pg_temp.autonomy_feed_buckets b where b.flaw is not null or b.day not between p_since and p_until;
end $$;
comment on function autonomy.judge_feed_rows(date, date, timestamptz) is
  'Which rows of the feed can be taken, with campaign, moment and day, and why the others are left out. A part of '
  'import_feed. [autonomous-operations]';

create function autonomy.one_grain_of_feed() returns void
language plpgsql set search_path = ''
as $$
-- A day by hour and as a whole is one of them, never both added up: the hours, unless some are missing (0215).
begin
  analyze pg_temp.autonomy_feed_buckets;
  if (select bool_or(b.whole) is not distinct from bool_and(b.whole) from pg_temp.autonomy_feed_buckets b) then
    return;
  end if;
  with both_told as (
    select b.campaign_id, b.day,
      sum(b.spend) filter (where not b.whole) >= 0.99 * sum(b.spend) filter (where b.whole)
      and sum(b.impressions) filter (where not b.whole) >= 0.99 * sum(b.impressions) filter (where b.whole) as hours
    from pg_temp.autonomy_feed_buckets b group by b.campaign_id, b.day
    having bool_or(b.whole) and not bool_and(b.whole)
  ), gone as (
    delete from pg_temp.autonomy_feed_buckets b using both_told t
    where t.campaign_id = b.campaign_id and t.day = b.day and b.whole = t.hours
    returning b.whole, concat_ws(' ', b.platform, b.external_id, b.day) as key
  )
  insert into pg_temp.autonomy_feed_notes
  select 'metrics', case
      when g.whole then 'left out: the hours of its day are there, and a whole day is not added to them'
      else 'left out: its day is there as a whole, and its hours hold less: some are missing' end, count(*), min(g.key)
  from gone g group by g.whole;
end $$;
comment on function autonomy.one_grain_of_feed() is
  'Of a day that the feed has by hour and as a whole, leaves one out. A part of import_feed. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Which days they change
-- ---------------------------------------------------------------------------------------------
create function autonomy.find_changed_days() returns void
language plpgsql set search_path = ''
as $$
begin
  create temporary table autonomy_feed_changed on commit drop as
  select b.campaign_id, b.day
  from pg_temp.autonomy_feed_buckets b
  left join public.campaign_metrics m on m.campaign_id = b.campaign_id and m.bucket = b.bucket
  group by b.campaign_id, b.day
  having bool_or((m.impressions, m.reach, m.clicks, m.conversions, m.spend, m.revenue, m.whole_day) is distinct from
                 (b.impressions, b.reach, b.clicks, b.conversions, b.spend, b.revenue, b.whole));
  if found then
    create index on pg_temp.autonomy_feed_buckets (campaign_id, day);
  end if;
  analyze pg_temp.autonomy_feed_changed;
end $$;
comment on function autonomy.find_changed_days() is
  'The campaigns'' days of which the feed says something other than is here. A part of import_feed. '
  '[autonomous-operations]';

create function autonomy.refuse_other_past(p_one_day boolean, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- Late corrections change little of what was spent. A view that joins wrongly, or counts cents, changes all of it.
begin
  with days as (
    select b.campaign_id, b.account, b.day, sum(b.spend) as spend from pg_temp.autonomy_feed_buckets b
    where b.account in (select u.account from pg_temp.autonomy_feed_units u
                        join pg_temp.autonomy_feed_changed c on c.campaign_id = u.campaign_id where not u.is_new)
    group by b.campaign_id, b.account, b.day
  ), compared as (
    select d.account, sum(d.spend) as spend, sum(k.spend) as known, count(distinct d.day) as days
    from days d
    join public.campaign_daily k on k.campaign_id = d.campaign_id and k.day = d.day and k.spend > 0
    join pg_temp.autonomy_feed_accounts a on a.account = d.account
    where d.day < (p_now at time zone a.zone)::date - 3
    group by d.account
  )
  update pg_temp.autonomy_feed_accounts a
  set refused = format('Of the account "%s" the feed would replace %s, in which %s were spent, by %s: far more than '
    'late corrections change. If the new figures are right: "python -m autonomy feed import --replace" or '
    'import_feed(p_replace => true).', a.account, autonomy.counted_words(c.days, 'day'),
    autonomy.amount_words(c.known, a.currency), autonomy.amount_words(c.spend, a.currency))
  from compared c
  where c.account = a.account and (c.days >= 2 or p_one_day) and abs(c.spend - c.known) > 1
    and c.spend not between 0.67 * c.known and 1.5 * c.known;
  if found then
    delete from pg_temp.autonomy_feed_buckets b using pg_temp.autonomy_feed_accounts a
    where a.account = b.account and a.refused is not null;
    delete from pg_temp.autonomy_feed_changed c
    where not exists (select from pg_temp.autonomy_feed_buckets b where b.campaign_id = c.campaign_id);
  end if;
end $$;
comment on function autonomy.refuse_other_past(boolean, timestamptz) is
  'Refuses the accounts of which the feed would replace days that were over for long by very different ones. A part of '
  'import_feed. [autonomous-operations]';

create function autonomy.put_off_days(p_limit bigint) returns bigint
language plpgsql set search_path = ''
as $$
-- Campaign by campaign, so that what is known of one is whole.
declare
  v_left bigint;
begin
  with counted as (
    select c.campaign_id, sum(count(*)) over (order by c.campaign_id) - count(*) as before
    from pg_temp.autonomy_feed_changed c group by c.campaign_id
  )
  delete from pg_temp.autonomy_feed_changed c using counted n
  where n.campaign_id = c.campaign_id and n.before >= p_limit;
  get diagnostics v_left = row_count;
  return v_left;
end $$;
comment on function autonomy.put_off_days(bigint) is
  'Leaves to the next call what is more than so many days, whole campaigns of it; gives how many. A part of '
  'import_feed. [autonomous-operations]';

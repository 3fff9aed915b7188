-- The ratios of campaign_performance, whoever writes it; and before them what all figures are read with.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.campaign_slot(p_campaign_id uuid) returns integer
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  return ('x' || substr(md5(p_campaign_id::text), 1, 4))::bit(16)::integer;
end $$;
comment on function autonomy.campaign_slot(uuid) is
  'The slot (0 to 65535) of a campaign, by which runs share out campaigns among shards. Only computes; safe to call '
  'again; raises nothing. [autonomous-operations]';

create function autonomy.campaign_zones(p_campaign_ids uuid[]) returns table (campaign_id uuid, zone text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  with asked as materialized (
    select c.id, coalesce(c.account, 'default') as account
    from (select distinct i from unnest(p_campaign_ids) i) u join public.campaigns c on c.id = u.i
  ),
  own as materialized (  -- asked once an account, however many campaigns it has
    select a.account, autonomy.known_zone(a.time_zone) as zone
    from (select distinct s.account from asked s) k join public.autonomy_accounts a on a.account = k.account
    where a.time_zone is not null
  )
  select s.id, coalesce(o.zone, p.time_zone)
  from asked s cross join public.autonomy_policy p left join own o on o.account = s.account;
end $$;
comment on function autonomy.campaign_zones(uuid[]) is
  'The zone of the days of each of these campaigns that there is: that of its account. Only reads; safe to call again; '
  'raises nothing. [autonomous-operations]';

create function autonomy.campaign_values(p_campaign_ids uuid[]) returns table (campaign_id uuid, value numeric)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select c.id, coalesce(c.conversion_value, a.conversion_value)
  from (select distinct i from unnest(p_campaign_ids) i) u
  join public.campaigns c on c.id = u.i
  left join public.autonomy_accounts a on a.account = c.account
  where coalesce(c.conversion_value, a.conversion_value) between 0.000001 and 1000000000;
end $$;
comment on function autonomy.campaign_values(uuid[]) is
  'Of these campaigns those whose conversions have a value, their own or their account''s, for the days on which '
  'conversions come without revenue. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.value_days(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
begin
  update public.campaign_daily d set valued = n.valued, revenue = d.revenue - d.valued + n.valued
  from (
    select o.campaign_id, o.day, case when v.value is not null and o.revenue = o.valued and o.conversions > 0
             then least(o.conversions * v.value, 999999999999.99) else 0 end as valued
    from unnest(p_campaign_ids) i
    join public.campaign_daily o on o.campaign_id = i
    left join autonomy.campaign_values(p_campaign_ids) v on v.campaign_id = i) n
  where d.campaign_id = n.campaign_id and d.day = n.day and d.valued <> n.valued;
end $$;
comment on function autonomy.value_days(uuid[]) is
  'Values the conversions of all days without revenue of these campaigns anew; what was reported stays. Safe to call '
  'again; raises nothing. [autonomous-operations]';

create function autonomy.account_zones() returns table (account text, zone text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select a.account, autonomy.account_zone(a.account)
  from (select distinct coalesce(c.account, 'default') as account from public.campaigns c) a;
end $$;
comment on function autonomy.account_zones() is
  'The zone of the days of every account that campaigns name. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.writing_at() returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(nullif(current_setting('autonomy.now', true), '')::timestamptz, now());
end $$;
comment on function autonomy.writing_at() is
  'The time that triggers write: the setting autonomy.now of this transaction (replay and tests live on other days), '
  'else now(). Only reads; safe to call again. [autonomous-operations]';

create function autonomy.campaign_performance_before() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- between, as NaN and Infinity are greater than every number and would pass for spend
  new.roi := round(case when new.total_spend between 0.000001 and 1e15 and new.total_revenue between -1e15 and 1e15
                        then new.total_revenue::numeric / new.total_spend end, 6);
  new.ctr := round(case when new.impressions > 0 then 100.0 * new.clicks / new.impressions end::numeric, 6);
  new.conversion_rate := round(case when new.clicks > 0 then 100.0 * new.conversions / new.clicks end::numeric, 6);

  if tg_op = 'INSERT' then
    new.from_metrics := new.from_metrics and coalesce(current_setting('autonomy.ingest', true), '') = '1';
  else
    if new.updated_at is not distinct from old.updated_at then
      -- not autonomy_writing_at(): whoever writes here may not be allowed to call it
      new.updated_at := coalesce(nullif(current_setting('autonomy.now', true), '')::timestamptz, now());
    end if;
    -- Who writes the totals last owns them: the ingest lets go of a row that another writer changed.
    if old.from_metrics and new.from_metrics and coalesce(current_setting('autonomy.ingest', true), '') <> '1'
       and (new.impressions, new.clicks, new.conversions, new.total_spend, new.total_revenue)
           is distinct from (old.impressions, old.clicks, old.conversions, old.total_spend, old.total_revenue) then
      new.from_metrics := false;
    end if;
  end if;
  return new;
end $$;
comment on function autonomy.campaign_performance_before() is
  'Trigger of campaign_performance: computes roi (a multiple), ctr and conversion_rate (percent) from the totals, '
  'NULL where the divisor is 0, and sets updated_at. [autonomous-operations]';

-- Where an older shape has total_impressions, total_clicks and total_conversions beside ours, both
-- are kept equal: the side that changed wins. In an insert NULL means "not given".
do $$
declare
  v_pair record;
  v_insert text := '';
  v_update text := '';
  v_fill text[] := '{}';
  v_prefix text := '';
  v_trigger record;
  v_states text[] := '{}';
begin
  for v_pair in
    select ours.attname as ours, theirs.attname as theirs,
           case when theirs.atttypid = 'integer'::regtype then format('least(new.%I, 2147483647)', ours.attname)
                else format('new.%I', ours.attname) end as as_theirs
    from pg_catalog.pg_attribute ours
    join pg_catalog.pg_attribute theirs on theirs.attrelid = ours.attrelid and theirs.attname = 'total_' || ours.attname
      and not theirs.attisdropped and theirs.attgenerated = ''
    where ours.attrelid = 'public.campaign_performance'::regclass and not ours.attisdropped
      and ours.attname in ('impressions', 'clicks', 'conversions')
  loop
    v_insert := v_insert || format(
      '    if new.%1$I is null then new.%1$I := new.%2$I; else new.%2$I := %3$s; end if;' || chr(10),
      v_pair.ours, v_pair.theirs, v_pair.as_theirs);
    v_update := v_update || format(
      '    if new.%1$I is not distinct from old.%1$I then new.%1$I := new.%2$I; else new.%2$I := %3$s; end if;'
        || chr(10),
      v_pair.ours, v_pair.theirs, v_pair.as_theirs);
    v_fill := v_fill || format('update public.campaign_performance set %1$I = %2$I '
                               'where %1$I is null and %2$I is not null or %1$I = 0 and %2$I <> 0',
      v_pair.ours, v_pair.theirs);
  end loop;

  -- The names sort last, so that these have the last word over triggers that were here before.
  if exists (select from pg_catalog.pg_trigger t where t.tgrelid = 'public.campaign_performance'::regclass
             and not t.tgisinternal and t.tgtype & 2 = 2 and t.tgname > 'zz_autonomy') then
    v_prefix := '~';
  end if;
  if v_insert <> '' then
    execute format($f$
      create function public.campaign_performance_mirror() returns trigger
      language plpgsql set search_path = ''
      as $body$
      begin
        if tg_op = 'INSERT' then
      %s  else
      %s  end if;
        return new;
      end $body$ $f$, v_insert, v_update);
    comment on function public.campaign_performance_mirror() is
      'Trigger of campaign_performance in an older shape: keeps impressions, clicks and conversions equal to '
      'total_impressions, total_clicks and total_conversions; the side that changed wins. [autonomous-operations]';
    execute format('create trigger %I before insert or update on public.campaign_performance
      for each row execute function public.campaign_performance_mirror()', v_prefix || 'zz_autonomy_mirror');
  end if;
  execute format('create trigger %I before insert or update on public.campaign_performance
    for each row execute function autonomy.campaign_performance_before()', v_prefix || 'zz_autonomy_ratios');

  -- The rows that are there already, without their triggers: those would stamp them as of today.
  if obj_description('public.campaign_performance'::regclass, 'pg_class') like '%[autonomous-operations]' then
    return;
  end if;
  for v_trigger in
    select tgname, tgenabled from pg_catalog.pg_trigger
    where tgrelid = 'public.campaign_performance'::regclass and not tgisinternal and tgenabled <> 'D'
  loop
    v_states := v_states || format('alter table public.campaign_performance %s trigger %I',
      case v_trigger.tgenabled when 'O' then 'enable' when 'A' then 'enable always' else 'enable replica' end,
      v_trigger.tgname);
    execute format('alter table public.campaign_performance disable trigger %I', v_trigger.tgname);
  end loop;
  v_fill := v_fill || $fill$
    update public.campaign_performance p set roi = n.roi, ctr = n.ctr, conversion_rate = n.conversion_rate
    from (
      select q.ctid as place,
        round(case when q.total_spend between 0.000001 and 1e15 and q.total_revenue between -1e15 and 1e15
                   then q.total_revenue::numeric / q.total_spend end, 6) as roi,
        round(case when q.impressions > 0 then 100.0 * q.clicks / q.impressions end::numeric, 6) as ctr,
        round(case when q.clicks > 0 then 100.0 * q.conversions / q.clicks end::numeric, 6) as conversion_rate
      from public.campaign_performance q) n
    where p.ctid = n.place
      and (p.roi, p.ctr, p.conversion_rate) is distinct from (n.roi, n.ctr, n.conversion_rate)
  $fill$::text;
  for i in 1 .. cardinality(v_fill) loop
    execute v_fill[i];
  end loop;
  for i in 1 .. cardinality(v_states) loop
    execute v_states[i];
  end loop;
end $$;

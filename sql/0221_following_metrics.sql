-- The facts follow what is written to the time series and to the totals: the triggers.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- Statement-level, so that a hundred thousand rows are one set. INSERT ... ON CONFLICT DO UPDATE
-- fires the triggers of its updates first, then those of its inserts: the updated part is put by
-- and done with the inserted one, since two portions would take their locks in no order.
create function autonomy.metrics_insert_begins() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform set_config('autonomy.inserting_' || tg_table_name, '1', true);
  return null;
end $$;
comment on function autonomy.metrics_insert_begins() is
  'Trigger of campaign_metrics and campaign_performance: marks that an insert, perhaps an upsert, is under way. '
  '[autonomous-operations]';

create function autonomy.campaign_performance_after() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_inserting boolean := coalesce(current_setting('autonomy.inserting_campaign_performance', true), '') = '1';
  v_campaigns uuid[];
begin
  if tg_op = 'INSERT' then
    perform set_config('autonomy.inserting_campaign_performance', '', true);
  end if;
  if coalesce(current_setting('autonomy.ingest', true), '') = '1' then
    return null;
  end if;

  if tg_op = 'INSERT' then
    v_campaigns := array(select distinct campaign_id from new_rows);
  elsif tg_op = 'DELETE' then
    v_campaigns := array(select distinct campaign_id from old_rows);
  else
    v_campaigns := array(select campaign_id from new_rows union select campaign_id from old_rows);
  end if;
  v_campaigns := v_campaigns || nullif(current_setting('autonomy.put_by_performance', true), '')::uuid[];
  if v_inserting and tg_op <> 'INSERT' then
    perform set_config('autonomy.put_by_performance', v_campaigns::text, true);
    return null;
  end if;
  perform set_config('autonomy.put_by_performance', '', true);
  if v_campaigns <> '{}' then
    perform autonomy.refresh_campaign_facts(v_campaigns);
  end if;
  return null;
end $$;
comment on function autonomy.campaign_performance_after() is
  'Trigger of campaign_performance: refreshes the facts of the campaigns that a statement touched. '
  '[autonomous-operations]';

create trigger autonomy_facts_begin before insert on public.campaign_performance
  for each statement execute function autonomy.metrics_insert_begins();
create trigger autonomy_facts_insert after insert on public.campaign_performance
  referencing new table as new_rows
  for each statement execute function autonomy.campaign_performance_after();
create trigger autonomy_facts_update after update on public.campaign_performance
  referencing old table as old_rows new table as new_rows
  for each statement execute function autonomy.campaign_performance_after();
create trigger autonomy_facts_delete after delete on public.campaign_performance
  referencing old table as old_rows
  for each statement execute function autonomy.campaign_performance_after();

create function autonomy.metrics_changed(p_campaigns uuid[], p_days date[], p_goes_on boolean) returns void
language plpgsql set search_path = ''
as $$
begin
  p_campaigns := p_campaigns || nullif(current_setting('autonomy.put_by_campaigns', true), '')::uuid[];
  p_days := p_days || nullif(current_setting('autonomy.put_by_days', true), '')::date[];
  if p_goes_on then
    perform set_config('autonomy.put_by_campaigns', coalesce(p_campaigns::text, ''), true),
            set_config('autonomy.put_by_days', coalesce(p_days::text, ''), true);
    return;
  end if;
  perform set_config('autonomy.put_by_campaigns', '', true), set_config('autonomy.put_by_days', '', true);
  perform autonomy.absorb_campaign_metrics(p_campaigns, p_days);
end $$;
comment on function autonomy.metrics_changed(uuid[], date[], boolean) is
  'Absorbs what a statement on campaign_metrics touched; where the statement goes on, it is put by until it ends. A '
  'part of campaign_metrics_after. [autonomous-operations]';

create function autonomy.campaign_metrics_after() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_inserting boolean := coalesce(current_setting('autonomy.inserting_campaign_metrics', true), '') = '1';
  v_zone text := (select p.time_zone from public.autonomy_policy p);  -- of campaigns that are gone
  v_campaigns uuid[];
  v_days date[];
begin
  if tg_op = 'INSERT' then
    perform set_config('autonomy.inserting_campaign_metrics', '', true);
  end if;
  if coalesce(current_setting('autonomy.ingest', true), '') = '1' then
    return null;
  end if;

  if tg_op = 'INSERT' then
    perform autonomy.refuse_two_grains(
      array_agg(t.campaign_id), array_agg(t.day), array_agg(t.rows), array_agg(t.first), array_agg(0::numeric),
      array_agg(0::numeric))
    from (select n.campaign_id, (n.bucket at time zone z.zone)::date as day, count(*)::int as rows,
                 min(n.bucket) as first
          from new_rows n
          join autonomy.campaign_zones(array(select distinct campaign_id from new_rows)) z using (campaign_id)
          group by 1, 2) t;
    select array_agg(t.campaign_id), array_agg(t.day) into v_campaigns, v_days
    from (select distinct n.campaign_id, (n.bucket at time zone z.zone)::date as day from new_rows n
          join autonomy.campaign_zones(array(select distinct campaign_id from new_rows)) z using (campaign_id)) t;
  elsif tg_op = 'DELETE' then
    select array_agg(t.campaign_id), array_agg(t.day) into v_campaigns, v_days
    from (select distinct o.campaign_id, (o.bucket at time zone coalesce(z.zone, v_zone))::date as day from old_rows o
          left join autonomy.campaign_zones(array(select distinct campaign_id from old_rows)) z using (campaign_id)) t;
  else
    perform autonomy.refuse_two_grains(
      array_agg(t.campaign_id), array_agg(t.day), array_agg(t.rows), array_agg(t.first), array_agg(t.spend),
      array_agg(t.impressions))
    from (select n.campaign_id, (n.bucket at time zone z.zone)::date as day, count(*)::int as rows,
                 min(n.bucket) as first, sum(n.spend) as spend, sum(n.impressions) as impressions
          from (select r.campaign_id, r.bucket, coalesce(sum(r.spend) filter (where r.old), 0) as spend,
                       coalesce(sum(r.impressions) filter (where r.old), 0) as impressions
                from (select campaign_id, bucket, spend, impressions, false as old from new_rows
                      union all select campaign_id, bucket, spend, impressions, true from old_rows) r
                group by 1, 2 having bool_or(not r.old)) n
          join autonomy.campaign_zones(array(select distinct campaign_id from new_rows)) z using (campaign_id)
          group by 1, 2) t;
    select array_agg(t.campaign_id), array_agg(t.day) into v_campaigns, v_days
    from (select r.campaign_id, (r.bucket at time zone coalesce(z.zone, v_zone))::date as day
          from (select campaign_id, bucket from new_rows union select campaign_id, bucket from old_rows) r
          left join autonomy.campaign_zones(array(
            select campaign_id from new_rows union select campaign_id from old_rows)) z using (campaign_id)
          group by 1, 2) t;
  end if;
  perform autonomy.metrics_changed(v_campaigns, v_days, v_inserting and tg_op <> 'INSERT');
  return null;
end $$;
comment on function autonomy.campaign_metrics_after() is
  'Trigger of campaign_metrics: brings the roll-up, the totals and the facts of the touched days and campaigns up to '
  'date. [autonomous-operations]';

create trigger autonomy_absorb_begin before insert on public.campaign_metrics
  for each statement execute function autonomy.metrics_insert_begins();
create trigger autonomy_absorb_insert after insert on public.campaign_metrics
  referencing new table as new_rows
  for each statement execute function autonomy.campaign_metrics_after();
create trigger autonomy_absorb_update after update on public.campaign_metrics
  referencing old table as old_rows new table as new_rows
  for each statement execute function autonomy.campaign_metrics_after();
create trigger autonomy_absorb_delete after delete on public.campaign_metrics
  referencing old table as old_rows
  for each statement execute function autonomy.campaign_metrics_after();

create function autonomy.metrics_truncated() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_table_name = 'campaign_metrics' then
    delete from public.campaign_daily where true;
    delete from public.campaign_performance p where p.from_metrics;
  end if;
  perform autonomy.rebuild_campaign_facts();
  return null;
end $$;
comment on function autonomy.metrics_truncated() is
  'Trigger: rebuilds the facts after campaign_metrics or campaign_performance was truncated. [autonomous-operations]';

create trigger autonomy_truncated after truncate on public.campaign_metrics
  for each statement execute function autonomy.metrics_truncated();
create trigger autonomy_truncated after truncate on public.campaign_performance
  for each statement execute function autonomy.metrics_truncated();

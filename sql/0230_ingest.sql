-- The ingest of the time series. Safe to run again; it then builds the facts anew.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.metric_bucket(p_text text, p_zone text) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  if p_text !~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?)?$' then
    return null;
  elsif p_text ~ '(Z|:\d\d(\.\d+)?\s?[+-]\d\d(:?\d\d)?)$' then
    return p_text::timestamptz;
  end if;
  return p_text::timestamp at time zone p_zone;
exception when data_exception then
  return null;
end $$;
comment on function autonomy.metric_bucket(text, text) is
  'Reads the time of a bucket, ISO 8601; without an offset it is taken in the given zone; NULL where it is no time. '
  'Only computes; raises nothing. [autonomous-operations]';

create function autonomy.judged_metrics(p_rows jsonb, p_now timestamptz)
returns table (index bigint, r jsonb, campaign_id uuid, bucket timestamptz, error text)
language sql stable set search_path = ''
as $$
  with given as (
    select (t.position - 1)::bigint as index, t.given,
      case when jsonb_typeof(t.given) = 'object' then t.given else '{}' end as r
    from jsonb_array_elements(p_rows) with ordinality t (given, position)
  ),
  named as materialized (
    select g.*, case when g.r ->> 'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
                     then (g.r ->> 'campaign_id')::uuid end as campaign_id
    from given g
  ),
  read as materialized (  -- its time once, not at every mention
    select n.*, z.campaign_id is not null as is_there, case when jsonb_typeof(n.r -> 'bucket') = 'string'
      then autonomy.metric_bucket(n.r ->> 'bucket', coalesce(z.zone, 'UTC')) end as bucket
    from named n
    left join autonomy.campaign_zones(array(select m.campaign_id from named m)) z on z.campaign_id = n.campaign_id
  )
  select r.index, r.r, r.campaign_id, r.bucket,
    coalesce(
      case when jsonb_typeof(r.given) <> 'object' then 'A row must be a JSON object.' end,
      (select format('%s is not a key of a row; allowed are campaign_id, bucket, impressions, reach, clicks, '
                     'conversions, spend, revenue.', to_json(left(k, 60)))
       from jsonb_object_keys(r.r) k
       where k not in ('campaign_id', 'bucket', 'impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue')
       order by k limit 1),
      case when r.campaign_id is null then
        format('campaign_id must be the id of a campaign, not %s.',
               left(coalesce((r.r -> 'campaign_id')::text, 'missing'), 60)) end,
      case when not r.is_there then
        format('There is no campaign %s.', r.campaign_id) end,
      case when r.bucket is null then
        format('bucket must be a time such as "2026-11-22T10:00:00Z", not %s.',
               left(coalesce((r.r -> 'bucket')::text, 'missing'), 60)) end,
      case when r.bucket > p_now then format('bucket %s lies in the future.', r.r ->> 'bucket') end,
      case when r.bucket < '2000-01-01Z' then format('bucket %s lies before the year 2000.', r.r ->> 'bucket') end,
      (select case when jsonb_typeof(r.r -> m.name) is distinct from 'number'
                then format('%s must be a number, not %s.', m.name,
                            left(coalesce((r.r -> m.name)::text, 'missing'), 60))
                else format('%s is %s; it must be from %s to %s.', m.name, left(r.r ->> m.name, 60),
                            m.low, m.high) end
       from (values (1, 'impressions', 0, 1e12), (2, 'clicks', 0, 1e12), (3, 'conversions', 0, 999999999999.99),
                    (4, 'spend', 0, 999999999999.99), (5, 'revenue', -999999999999.99, 999999999999.99),
                    (6, 'reach', 0, 1e12)) m (place, name, low, high)
       where case when m.name = 'reach' and coalesce(jsonb_typeof(r.r -> 'reach'), 'null') = 'null' then false
                  when jsonb_typeof(r.r -> m.name) is distinct from 'number' then true
                  else (r.r -> m.name)::numeric not between m.low and m.high end
       order by m.place limit 1)
    ) as error
  from read r
$$;
comment on function autonomy.judged_metrics(jsonb, timestamptz) is
  'The rows of an array of buckets, numbered from 0, each with what it lacks (error), which is null where it can be '
  'taken in. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.write_metrics(p_taken jsonb, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_left_out jsonb;
  v_campaigns uuid[];
  v_days date[];
begin
  with taken as materialized (
    select t.* from jsonb_to_recordset(p_taken)
      t (index bigint, campaign_id uuid, bucket timestamptz, whole boolean, impressions bigint, reach bigint,
         clicks bigint, conversions numeric, spend numeric, revenue numeric)
  ),
  grain as materialized (
    select s.*
    from (select array_agg(t.campaign_id) as ids, array_agg(t.bucket) as buckets, array_agg(t.whole) as whole,
            array_agg(t.spend) as spends, array_agg(t.impressions::numeric) as shown from taken t) a
    cross join lateral autonomy.settle_grain(a.ids, a.buckets, a.whole, a.spends, a.shown, p_now) s
  )
  select jsonb_agg(jsonb_build_object('index', t.index, 'error', format('Left out: %s.', g.reason)))
           filter (where g.reason is not null),
    jsonb_agg(to_jsonb(t) || jsonb_build_object('whole_day', g.whole_day)) filter (where g.reason is null)
  into v_left_out, p_taken
  from taken t join grain g using (campaign_id, bucket);

  with written as (
    insert into public.campaign_metrics as m
      (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue, whole_day)
    select t.* from jsonb_to_recordset(p_taken)
      t (campaign_id uuid, bucket timestamptz, impressions bigint, reach bigint, clicks bigint, conversions numeric,
         spend numeric, revenue numeric, whole_day boolean)
    order by t.campaign_id, t.bucket
    on conflict (campaign_id, bucket) do update set
      impressions = excluded.impressions, reach = excluded.reach, clicks = excluded.clicks,
      conversions = excluded.conversions, spend = excluded.spend, revenue = excluded.revenue,
      whole_day = excluded.whole_day
    where (m.impressions, m.reach, m.clicks, m.conversions, m.spend, m.revenue, m.whole_day) is distinct from
      (excluded.impressions, excluded.reach, excluded.clicks, excluded.conversions, excluded.spend, excluded.revenue,
       excluded.whole_day)
    returning m.campaign_id, m.bucket
  )
  select array_agg(d.campaign_id order by d.campaign_id, d.day), array_agg(d.day order by d.campaign_id, d.day)
  into v_campaigns, v_days
  from (select distinct w.campaign_id, (w.bucket at time zone z.zone)::date as day
        from written w join autonomy.campaign_zones(array(select campaign_id from written)) z using (campaign_id)) d;
  perform autonomy.absorb_campaign_metrics(v_campaigns, v_days);
  return coalesce(v_left_out, '[]');
end $$;
comment on function autonomy.write_metrics(jsonb, timestamptz) is
  'Writes buckets that were judged, one a campaign and time, but for those that would count a day twice: these come '
  'back with index and sentence. A part of record_campaign_metrics. [autonomous-operations]';

create function public.record_campaign_metrics(p_rows jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_days jsonb;
  v_taken jsonb;
  v_rejected jsonb;
  v_accepted bigint;
  v_left_out jsonb;
  v_ingest text := coalesce(current_setting('autonomy.ingest', true), '');
  v_now text := coalesce(current_setting('autonomy.now', true), '');
begin
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    raise exception using errcode = 'AO010', message = 'p_rows must be a JSON array of rows.',
      hint = 'Each row: {"campaign_id", "bucket", "impressions", "reach", "clicks", "conversions", "spend", '
             '"revenue"}.';
  end if;
  perform set_config('autonomy.ingest', '1', true);
  p_now := coalesce(p_now, now());
  perform autonomy.simulated_moment(p_now);
  perform set_config('autonomy.now', p_now::text, true);

  with judged as materialized (select * from autonomy.judged_metrics(p_rows, p_now)),
  latest as (
    select distinct on (j.campaign_id, j.bucket, w.whole) j.*, w.whole
    from judged j
    cross join lateral (select j.r ->> 'bucket' ~ '^\d{4}-\d\d-\d\d$' as whole) w
    where j.error is null
    order by j.campaign_id, j.bucket, w.whole, j.index desc
  ),
  -- Platforms credit parts of a conversion; of a view or a click there are none.
  rounded as (
    select l.whole, jsonb_build_object(
      'index', l.index, 'campaign_id', l.campaign_id, 'bucket', l.bucket, 'whole', nullif(l.whole, false),
      'impressions', round((l.r -> 'impressions')::numeric),
      'reach', coalesce(round(nullif(l.r -> 'reach', 'null')::numeric), 0),
      'clicks', round((l.r -> 'clicks')::numeric), 'conversions', trim_scale(round((l.r -> 'conversions')::numeric, 6)),
      'spend', autonomy.kept_amount((l.r -> 'spend')::numeric, 2),
      'revenue', autonomy.kept_amount((l.r -> 'revenue')::numeric, 2)) as one
    from latest l
  )
  select (select jsonb_agg(r.one) filter (where r.whole) from rounded r),
    (select jsonb_agg(r.one) filter (where not r.whole) from rounded r),
    (select count(*) from judged where error is null),
    (select coalesce(jsonb_agg(jsonb_build_object('index', index, 'error', error)), '[]')
     from judged where error is not null)
  into v_days, v_taken, v_accepted, v_rejected;

  -- A whole day has the moment of its first hour: one after the other, or that hour would take its place unasked.
  v_left_out := case when v_days is null then '[]' else autonomy.write_metrics(v_days, p_now) end;
  v_left_out := v_left_out || autonomy.write_metrics(v_taken, p_now);
  perform set_config('autonomy.ingest', v_ingest, true);
  perform set_config('autonomy.now', v_now, true);
  return jsonb_build_object('accepted', v_accepted - jsonb_array_length(v_left_out), 'rejected', (
    select coalesce(jsonb_agg(e order by (e -> 'index')::bigint), '[]')
    from jsonb_array_elements(v_rejected || v_left_out) e));
end $$;
comment on function public.record_campaign_metrics(jsonb, timestamptz) is
  'Takes in buckets of the time series, an array of {campaign_id, bucket, impressions, reach, clicks, conversions, '
  'spend, revenue} (reach optional; a bucket that is a date is that whole day), by upsert: safe to call again. Good '
  'rows are kept, bad ones are returned with index and sentence; of two rows for one bucket the last wins, of a day by '
  'hour and as a whole the fuller. Raises AO010 where p_rows is no array, AO014 (p_now '
  'is not the clock''s). [autonomous-operations]';

do $$ begin
  perform autonomy.rebuild_campaign_facts(true);
end $$;

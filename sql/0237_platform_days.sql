-- What a platform tells of each unit and day: whole days of the account, through the ingest of the time series.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.day_figure(p_value text) returns jsonb
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  -- what is no number stays as it came, and the ingest says so
  return coalesce(to_jsonb(autonomy.written_number(p_value)), to_jsonb(left(p_value, 40)));
end $$;
comment on function autonomy.day_figure(text) is
  'A figure as record_campaign_metrics reads it; what is no number stays a text, which it refuses. Pure. '
  '[autonomous-operations]';

create function autonomy.day_rows(p_account text, p_days jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'campaign_id', x.campaign_id, 'bucket', d.one ->> 'day',
      'impressions', autonomy.day_figure(d.one ->> 'impressions'), 'clicks', autonomy.day_figure(d.one ->> 'clicks'),
      'conversions', autonomy.day_figure(d.one ->> 'conversions'), 'spend', autonomy.day_figure(d.one ->> 'spend'),
      'revenue', autonomy.day_figure(d.one ->> 'revenue'), 'reach', autonomy.day_figure(d.one ->> 'reach'))
      order by d.n), '[]')
    from jsonb_array_elements(p_days) with ordinality d (one, n)
    join autonomy.platform_units x on x.account = p_account and x.external_id = d.one ->> 'external_id'
    where d.one ->> 'day' ~ '^\d{4}-\d\d-\d\d$');
end $$;
comment on function autonomy.day_rows(text, jsonb) is
  'Days of units as rows of record_campaign_metrics; not of units that are not known. Only reads. '
  '[autonomous-operations]';

create function public.record_platform_days(
  p_account text, p_token uuid, p_days jsonb, p_cursor jsonb default null, p_now timestamptz default now())
returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_pull autonomy.platform_accounts;
  v_rows jsonb;
  v_taken jsonb;
begin
  perform autonomy.list_error(p_days, 'p_days', 5000);
  if p_cursor <> 'null' and num_nulls(autonomy.written_day(p_cursor ->> 'since'),
                                      autonomy.written_day(p_cursor ->> 'until')) > 0 then
    raise exception using errcode = 'AO010',
      message = 'p_cursor must be {"since", "until"}, each a day such as "2026-11-28", or null.';
  end if;
  v_pull := autonomy.hold_pull(p_account, p_token);
  v_rows := autonomy.day_rows(p_account, p_days);
  v_taken := public.record_campaign_metrics(v_rows, p_now);
  -- where the platform tells no age, a campaign is as old as its first day
  update public.campaigns c set created_at = o.first
  from (
    select x.campaign_id, min((r.one ->> 'bucket')::date::timestamp at time zone z.zone) as first
    from jsonb_array_elements(v_rows) r (one)
    join autonomy.platform_units x on x.campaign_id = (r.one ->> 'campaign_id')::uuid and x.created_at is null
    cross join (select autonomy.account_zone(p_account) as zone) z
    where autonomy.metric_bucket(r.one ->> 'bucket', 'UTC') between '2000-01-01Z' and p_now
    group by x.campaign_id) o
  where c.id = o.campaign_id and c.created_at > o.first;
  if p_cursor is not null then
    update autonomy.platform_accounts x set cursor = nullif(p_cursor, 'null') where x.account = p_account;
  end if;
  return jsonb_build_object('days', v_taken -> 'accepted', 'rejected', v_taken -> 'rejected',
                            'unknown', jsonb_array_length(p_days) - jsonb_array_length(v_rows),
                            'account', v_pull.account);
end $$;
comment on function public.record_platform_days(text, uuid, jsonb, jsonb, timestamptz) is
  'Takes in days of an account''s units, [{"external_id", "day", "impressions", "reach", "clicks", "conversions", '
  '"spend", "revenue"}], each the account''s own day as a whole, by upsert; of units that are not known they are '
  'counted as unknown. p_cursor: the days that are still to be read after these, {"since", "until"}. Safe to call '
  'again. Raises AO007 (lease lost), AO010 (no list), AO014 (p_now is not the clock''s). [autonomous-operations]';

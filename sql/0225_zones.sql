-- Days are counted in the zone of the campaign's account. When that changes, of the campaigns that it concerns the
-- days and the facts are made anew, and of no others.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.change_zone(p_campaign_ids uuid[], p_from text, p_to text) returns void
language plpgsql set search_path = ''
as $$
declare
  v_whole public.campaign_metrics[];
  v_ingest text := coalesce(current_setting('autonomy.ingest', true), '');
  -- One that this database does not know any more is taken for the new one under its old name: what is there stays.
  v_from text := coalesce((select z.name from pg_catalog.pg_timezone_names z where z.name = p_from), p_to);
begin
  perform autonomy.fit_event_days();
  perform pg_advisory_xact_lock(hashtextextended('autonomy.facts', 0));
  perform set_config('autonomy.ingest', '1', true);

  -- An hour is a moment, and falls on whatever day the new zone says. A whole day is a date, and stays that date.
  v_whole := array(
    select m from unnest(p_campaign_ids) i join public.campaign_metrics m on m.campaign_id = i
    where m.whole_day and (m.bucket at time zone v_from)::time = '00:00');
  delete from public.campaign_metrics m using unnest(v_whole) w
  where m.campaign_id = w.campaign_id and m.bucket = w.bucket;
  insert into public.campaign_metrics as m
    (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue, whole_day)
  select w.campaign_id, (w.bucket at time zone v_from) at time zone p_to, w.impressions, w.reach, w.clicks,
    w.conversions, w.spend, w.revenue, true
  from unnest(v_whole) w
  -- What is there is the last day's hour that falls on this day now: it goes into the day, and nothing is lost.
  on conflict (campaign_id, bucket) do update set
    impressions = m.impressions + excluded.impressions, reach = m.reach + excluded.reach,
    clicks = m.clicks + excluded.clicks, conversions = m.conversions + excluded.conversions,
    spend = m.spend + excluded.spend, revenue = m.revenue + excluded.revenue, whole_day = true;

  perform autonomy.sum_all_days(p_campaign_ids);
  perform autonomy.refresh_campaign_facts(p_campaign_ids[i : i + 9999])
  from generate_series(1, cardinality(p_campaign_ids), 10000) i;
  perform set_config('autonomy.ingest', v_ingest, true);
end $$;
comment on function autonomy.change_zone(uuid[], text, text) is
  'Counts the days of these campaigns in another zone from now on: of them alone the roll-up and the facts are made '
  'anew. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.policy_after() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.time_zone is distinct from old.time_zone then
    perform autonomy.change_zone(array(
      select c.id from public.campaigns c
      where not exists (select from public.autonomy_accounts a
                        where a.account = coalesce(c.account, 'default') and a.time_zone is not null)),
      old.time_zone, new.time_zone);
  end if;
  if (new.evidence_half_life_days, new.conversion_delay_hours, new.curvature)
     is distinct from (old.evidence_half_life_days, old.conversion_delay_hours, old.curvature) then
    perform autonomy.rebuild_campaign_facts();
  end if;
  return null;
end $$;
comment on function autonomy.policy_after() is
  'Trigger of autonomy_policy: rebuilds the facts when the half-life, the conversion delay or the curvature changes, '
  'and when the time zone does, those of the accounts that have none of their own. [autonomous-operations]';

create trigger autonomy_policy_after after update on public.autonomy_policy
  for each row execute function autonomy.policy_after();

create function autonomy.change_delay(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('autonomy.facts', 0));
  perform autonomy.refresh_campaign_facts(p_campaign_ids[i : i + 9999])
  from generate_series(1, cardinality(p_campaign_ids), 10000) i;
end $$;
comment on function autonomy.change_delay(uuid[]) is
  'Makes the facts of these campaigns anew, of which conversions come at another pace from now on. Safe to call again; '
  'raises nothing. [autonomous-operations]';

create function autonomy.account_after() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_account text := case when tg_op = 'DELETE' then old.account else new.account end;
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
  v_measured autonomy.priors := (
    select k from autonomy.priors k where k.scope = 'account' and k.name = v_account);
  v_delay numeric := coalesce(v_measured.delay_hours::numeric, v_policy.conversion_delay_hours);
  v_curvature numeric := coalesce(v_measured.curvature::numeric, v_policy.curvature);
  v_from text := coalesce(case when tg_op <> 'INSERT' then old.time_zone end, v_policy.time_zone);
  v_to text := coalesce(case when tg_op <> 'DELETE' then new.time_zone end, v_policy.time_zone);
begin
  if v_from <> v_to then
    perform autonomy.change_zone(
      array(select c.id from public.campaigns c where coalesce(c.account, 'default') = v_account), v_from, v_to);
  elsif coalesce(case when tg_op <> 'INSERT' then old.conversion_delay_hours end, v_delay)
     <> coalesce(case when tg_op <> 'DELETE' then new.conversion_delay_hours end, v_delay)
    or coalesce(case when tg_op <> 'INSERT' then old.curvature end, v_curvature)
     <> coalesce(case when tg_op <> 'DELETE' then new.curvature end, v_curvature) then
    perform autonomy.change_delay(
      array(select c.id from public.campaigns c where coalesce(c.account, 'default') = v_account));
  end if;
  return null;
end $$;
comment on function autonomy.account_after() is
  'Trigger of autonomy_accounts: another zone has other days, another conversion delay or curvature other facts, of '
  'this account alone. [autonomous-operations]';

create trigger autonomy_account_after after insert or update or delete on public.autonomy_accounts
  for each row execute function autonomy.account_after();

create function autonomy.campaign_moved() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_from text := autonomy.account_zone(coalesce(old.account, 'default'));
  v_to text := autonomy.account_zone(coalesce(new.account, 'default'));
begin
  if v_from <> v_to then
    perform autonomy.change_zone(array[new.id], v_from, v_to);
  elsif exists (
      select from public.campaign_facts f cross join public.autonomy_policy p
      left join public.autonomy_accounts a on a.account = coalesce(new.account, 'default')
      left join autonomy.priors k on k.scope = 'account' and k.name = coalesce(new.account, 'default')
      where f.campaign_id = new.id and (f.ev_delay, f.ev_curvature) <> (
        coalesce(a.conversion_delay_hours::float8, k.delay_hours, p.conversion_delay_hours::float8),
        coalesce(a.curvature::float8, k.curvature, p.curvature::float8))) then
    perform autonomy.refresh_campaign_facts(array[new.id]);
  end if;
  return null;
end $$;
comment on function autonomy.campaign_moved() is
  'Trigger of campaigns: in an account of another zone a campaign has other days, in one of another conversion delay '
  'or curvature other facts. [autonomous-operations]';

create trigger autonomy_campaign_moved after update of account on public.campaigns
  for each row when (old.account is distinct from new.account) execute function autonomy.campaign_moved();

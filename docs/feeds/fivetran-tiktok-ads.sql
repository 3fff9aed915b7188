-- Fivetran tiktok_ads: campaign_history, advertiser, campaign_report_hourly (by hour)
--
-- Change tiktok_ads to your connector's schema. Only budgets a day are taken (BUDGET_MODE_DAY). Hours are the
-- advertiser's time.
create or replace view autonomy_feed.fivetran_tiktok_ads_campaigns as
with campaign as (
  select distinct on (c.campaign_id) c.* from tiktok_ads.campaign_history c order by c.campaign_id, c.updated_at desc
)
select 'tiktok_ads' as platform, c.advertiser_id::text as account_id, c.campaign_id::text as external_id,
  c.campaign_name::text as title, c.status::text as status,
  case when c.budget_mode = 'BUDGET_MODE_DAY' then c.budget::numeric end as daily_budget,
  a.currency::text as currency, a.timezone::text as time_zone, c.create_time::timestamp at time zone 'UTC' as created_at
from campaign c left join tiktok_ads.advertiser a on a.id = c.advertiser_id;

create or replace view autonomy_feed.fivetran_tiktok_ads_metrics as
with campaign as (
  select distinct on (c.campaign_id) c.campaign_id, c.advertiser_id
  from tiktok_ads.campaign_history c order by c.campaign_id, c.updated_at desc
)
select 'tiktok_ads' as platform, c.advertiser_id::text as account_id, r.campaign_id::text as external_id,
  null::date as day, r.stat_time_hour::timestamp as hour, r.impressions::numeric as impressions,
  r.reach::numeric as reach, r.clicks::numeric as clicks, coalesce(r.conversion, 0)::numeric as conversions,
  r.spend::numeric as spend, coalesce(r.total_purchase_value, 0)::numeric as revenue
from tiktok_ads.campaign_report_hourly r left join campaign c on c.campaign_id = r.campaign_id;

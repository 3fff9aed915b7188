-- Airbyte google-ads: the streams campaign and customer, whose columns have dots in their names
--
-- Change airbyte_google_ads to the schema of your connection. Budgets that several campaigns share are left out.
create or replace view autonomy_feed.airbyte_google_ads_campaigns as
with campaign as (
  select distinct on (c."campaign.id") c.*
  from airbyte_google_ads.campaign c order by c."campaign.id", c."segments.date" desc, c._airbyte_extracted_at desc
), customer as (
  select distinct on (a."customer.id") a.*
  from airbyte_google_ads.customer a order by a."customer.id", a._airbyte_extracted_at desc
), counted as (
  select c.*, count(*) over (partition by c."campaign.campaign_budget") as sharing from campaign c
)
select 'google_ads' as platform, c."customer.id"::text as account_id, c."campaign.id"::text as external_id,
  c."campaign.name"::text as title, c."campaign.status"::text as status,
  case when c.sharing = 1 or c."campaign.campaign_budget" is null
       then c."campaign_budget.amount_micros"::numeric / 1000000 end as daily_budget,
  a."customer.currency_code"::text as currency, a."customer.time_zone"::text as time_zone,
  c."campaign.start_date"::timestamp at time zone 'UTC' as created_at
from counted c left join customer a on a."customer.id" = c."customer.id";

-- A row an hour and network: summed by day.
create or replace view autonomy_feed.airbyte_google_ads_metrics as
select 'google_ads' as platform, c."customer.id"::text as account_id, c."campaign.id"::text as external_id,
  c."segments.date"::date as day, null::timestamp as hour, sum(c."metrics.impressions")::numeric as impressions,
  null::numeric as reach, sum(c."metrics.clicks")::numeric as clicks,
  sum(coalesce(c."metrics.conversions", 0))::numeric as conversions,
  sum(c."metrics.cost_micros")::numeric / 1000000 as spend,
  sum(coalesce(c."metrics.conversions_value", 0))::numeric as revenue
from airbyte_google_ads.campaign c
group by c."customer.id", c."campaign.id", c."segments.date";

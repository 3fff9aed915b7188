-- Fivetran google_ads: campaign_history, account_history, campaign_stats
--
-- Change google_ads to your connector's schema. The package has no table of budgets: with NULL none is moved.
create or replace view autonomy_feed.fivetran_google_ads_campaigns as
with campaign as (
  select distinct on (c.id) c.* from google_ads.campaign_history c order by c.id, c.updated_at desc
), account as (
  select distinct on (a.id) a.* from google_ads.account_history a order by a.id, a.updated_at desc
)
select 'google_ads' as platform, c.customer_id::text as account_id, c.id::text as external_id, c.name::text as title,
  c.status::text as status, null::numeric as daily_budget, a.currency_code::text as currency,
  a.time_zone::text as time_zone, c.start_date::timestamp at time zone 'UTC' as created_at
from campaign c left join account a on a.id = c.customer_id;

-- A row a device and network: summed.
create or replace view autonomy_feed.fivetran_google_ads_metrics as
select 'google_ads' as platform, s.customer_id::text as account_id, s.id::text as external_id, s.date::date as day,
  null::timestamp as hour, sum(s.impressions)::numeric as impressions, null::numeric as reach,
  sum(s.clicks)::numeric as clicks, sum(coalesce(s.conversions, 0))::numeric as conversions,
  sum(s.cost_micros)::numeric / 1000000 as spend, sum(coalesce(s.conversions_value, 0))::numeric as revenue
from google_ads.campaign_stats s
group by s.customer_id, s.id, s.date;

-- Fivetran linkedin_ads: campaign_history, ad_analytics_by_campaign
--
-- Change linkedin_ads to your connector's schema. Conversions are those of the website; add one_click_leads to them
-- where these count.
create or replace view autonomy_feed.fivetran_linkedin_ads_campaigns as
with campaign as (
  select distinct on (c.id) c.* from linkedin_ads.campaign_history c order by c.id, c.last_modified_time desc
)
select 'linkedin_ads' as platform, c.account_id::text as account_id, c.id::text as external_id,
  c.name::text as title, c.status::text as status, c.daily_budget_amount::numeric as daily_budget,
  c.daily_budget_currency_code::text as currency, null::text as time_zone,
  c.created_time::timestamp at time zone 'UTC' as created_at
from campaign c;

create or replace view autonomy_feed.fivetran_linkedin_ads_metrics as
with campaign as (
  select distinct on (c.id) c.id, c.account_id
  from linkedin_ads.campaign_history c order by c.id, c.last_modified_time desc
)
select 'linkedin_ads' as platform, c.account_id::text as account_id, r.campaign_id::text as external_id,
  r.day::date as day, null::timestamp as hour, r.impressions::numeric as impressions, null::numeric as reach,
  r.clicks::numeric as clicks, coalesce(r.external_website_conversions, 0)::numeric as conversions,
  r.cost_in_local_currency::numeric as spend,
  coalesce(r.conversion_value_in_local_currency, 0)::numeric as revenue
from linkedin_ads.ad_analytics_by_campaign r left join campaign c on c.id = r.campaign_id;

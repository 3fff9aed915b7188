-- Airbyte facebook-marketing: the streams campaigns, ad_account and ads_insights
--
-- Change airbyte_facebook to the schema of your connection. Budgets come in the smallest unit of the currency:
-- divided by 100, but for the currencies that Meta counts whole. A campaign whose budgets stand on its ad sets has
-- none here. actions repeats a purchase under several names: the first of the list is taken, never their sum. Where
-- something else is your conversion (lead), put it in the place of the list.
create or replace view autonomy_feed.airbyte_facebook_marketing_campaigns as
with campaign as (
  select distinct on (c.id) c.* from airbyte_facebook.campaigns c order by c.id, c.updated_time desc
), account as (
  select distinct on (a.account_id) a.*
  from airbyte_facebook.ad_account a order by a.account_id, a._airbyte_extracted_at desc
)
select 'facebook_ads' as platform, c.account_id::text as account_id, c.id::text as external_id, c.name::text as title,
  c.effective_status::text as status,
  case when a.currency in ('CLP', 'COP', 'CRC', 'HUF', 'ISK', 'IDR', 'JPY', 'KRW', 'PYG', 'TWD', 'VND')
         then c.daily_budget::numeric
       when a.currency is not null then c.daily_budget::numeric / 100 end as daily_budget,
  a.currency::text as currency, a.timezone_name::text as time_zone, c.created_time::timestamptz as created_at
from campaign c left join account a on a.account_id = c.account_id;

-- A row an ad: summed. Reach cannot be.
create or replace view autonomy_feed.airbyte_facebook_marketing_metrics as
with wanted (place, action_type) as (
  values (1, 'omni_purchase'), (2, 'purchase'), (3, 'offsite_conversion.fb_pixel_purchase'), (4, 'onsite_web_purchase')
), insight as (
  select i.*,
    (select (x ->> 'value')::numeric from jsonb_array_elements(coalesce(i.actions, '[]')::jsonb) x
     join wanted w on w.action_type = x ->> 'action_type' order by w.place limit 1) as bought,
    (select (x ->> 'value')::numeric from jsonb_array_elements(coalesce(i.action_values, '[]')::jsonb) x
     join wanted w on w.action_type = x ->> 'action_type' order by w.place limit 1) as worth
  from airbyte_facebook.ads_insights i
)
select 'facebook_ads' as platform, i.account_id::text as account_id, i.campaign_id::text as external_id,
  i.date_start::date as day, null::timestamp as hour, sum(i.impressions)::numeric as impressions,
  null::numeric as reach, sum(coalesce(i.clicks, 0))::numeric as clicks,
  sum(coalesce(i.bought, 0))::numeric as conversions, sum(i.spend)::numeric as spend,
  sum(coalesce(i.worth, 0))::numeric as revenue
from insight i
group by i.account_id, i.campaign_id, i.date_start;

-- Fivetran facebook_ads: campaign_history, account_history, ad_history, basic_ad, basic_ad_actions
--
-- Change facebook_ads to your connector's schema. Budgets come in the smallest unit of the currency: divided by 100,
-- but for the currencies that Meta counts whole. A campaign whose budgets stand on its ad sets has none here. A
-- purchase stands in basic_ad_actions under several names: the first of the list is taken, never their sum. Where
-- something else is your conversion (lead), put it in the place of the list, in both views.
create or replace view autonomy_feed.fivetran_facebook_ads_campaigns as
with campaign as (
  select distinct on (c.id) c.* from facebook_ads.campaign_history c order by c.id, c.updated_time desc
), account as (
  select distinct on (a.id) a.* from facebook_ads.account_history a order by a.id, a._fivetran_synced desc
)
select 'facebook_ads' as platform, c.account_id::text as account_id, c.id::text as external_id, c.name::text as title,
  c.status::text as status,
  case when a.currency in ('CLP', 'COP', 'CRC', 'HUF', 'ISK', 'IDR', 'JPY', 'KRW', 'PYG', 'TWD', 'VND')
         then c.daily_budget::numeric
       when a.currency is not null then c.daily_budget::numeric / 100 end as daily_budget,
  a.currency::text as currency, a.timezone_name::text as time_zone, c.created_time::timestamptz as created_at
from campaign c left join account a on a.id = c.account_id;

-- A row an ad: summed. Reach cannot be.
create or replace view autonomy_feed.fivetran_facebook_ads_metrics as
with wanted (place, action_type) as (
  values (1, 'omni_purchase'), (2, 'purchase'), (3, 'offsite_conversion.fb_pixel_purchase'), (4, 'onsite_web_purchase')
), ad as (
  select distinct on (h.id) h.id, h.campaign_id, h.account_id
  from facebook_ads.ad_history h order by h.id, h.updated_time desc
), action as (
  select distinct on (x.ad_id, x.date) x.ad_id, x.date, x.value
  from facebook_ads.basic_ad_actions x join wanted w on w.action_type = x.action_type
  order by x.ad_id, x.date, w.place
), worth as (
  select distinct on (x.ad_id, x.date) x.ad_id, x.date, x.value
  from facebook_ads.basic_ad_action_values x join wanted w on w.action_type = x.action_type
  order by x.ad_id, x.date, w.place
)
select 'facebook_ads' as platform, ad.account_id::text as account_id, ad.campaign_id::text as external_id,
  b.date::date as day, null::timestamp as hour, sum(b.impressions)::numeric as impressions, null::numeric as reach,
  sum(coalesce(b.inline_link_clicks, 0))::numeric as clicks, sum(coalesce(a.value, 0))::numeric as conversions,
  sum(b.spend)::numeric as spend, sum(coalesce(v.value, 0))::numeric as revenue
from facebook_ads.basic_ad b
join ad on ad.id::text = b.ad_id::text
left join action a on a.ad_id = b.ad_id and a.date = b.date
left join worth v on v.ad_id = b.ad_id and v.date = b.date
group by ad.account_id, ad.campaign_id, b.date;

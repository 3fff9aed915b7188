-- dbt ad_reporting (ad_reporting__campaign_report): all platforms at once, without budgets and currencies
--
-- Change ad_reporting to the schema that dbt writes to. The report knows no budgets: with NULL none is moved, and
-- campaigns are paused, resumed and watched alone. It knows no status: a campaign counts as active while it spent
-- within the last 7 days. It knows no currency: put the account's in the place of null::text where there is one.
create or replace view autonomy_feed.dbt_ad_reporting_campaigns as
select distinct on (r.platform, r.account_id, r.campaign_id)
  r.platform::text as platform, r.account_id::text as account_id, r.campaign_id::text as external_id,
  r.campaign_name::text as title,
  case when max(case when r.spend > 0 then r.date_day end)
              over (partition by r.platform, r.account_id, r.campaign_id) >= current_date - 7
       then 'ACTIVE' else 'PAUSED' end as status,
  null::numeric as daily_budget, null::text as currency, null::text as time_zone,
  min(r.date_day) over (partition by r.platform, r.account_id, r.campaign_id)::timestamp
    at time zone 'UTC' as created_at
from ad_reporting.ad_reporting__campaign_report r
where r.campaign_id is not null
order by r.platform, r.account_id, r.campaign_id, r.date_day desc;

-- Not summed over source_relation: two connectors that bring the same account would count it twice, and the import
-- says so instead.
create or replace view autonomy_feed.dbt_ad_reporting_metrics as
select r.platform::text as platform, r.account_id::text as account_id, r.campaign_id::text as external_id,
  r.date_day::date as day, null::timestamp as hour, sum(r.impressions)::numeric as impressions,
  null::numeric as reach, sum(r.clicks)::numeric as clicks, sum(coalesce(r.conversions, 0))::numeric as conversions,
  sum(r.spend)::numeric as spend, sum(coalesce(r.conversions_value, 0))::numeric as revenue
from ad_reporting.ad_reporting__campaign_report r
where r.campaign_id is not null
group by r.source_relation, r.platform, r.account_id, r.campaign_id, r.date_day;

-- Fivetran microsoft_ads: campaign_history, campaign_performance_daily_report
--
-- Change microsoft_ads to your connector's schema. Budgets that several campaigns share, and those for a whole
-- lifetime, are left out. Time zones have names of Microsoft's own and are left out: set the account's by hand.
create or replace view autonomy_feed.fivetran_microsoft_ads_campaigns as
with campaign as (
  select distinct on (c.id) c.* from microsoft_ads.campaign_history c order by c.id, c.modified_time desc
), report as (
  select distinct on (r.campaign_id) r.campaign_id, r.currency_code
  from microsoft_ads.campaign_performance_daily_report r order by r.campaign_id, r.date desc
)
select 'microsoft_ads' as platform, c.account_id::text as account_id, c.id::text as external_id,
  c.name::text as title, c.status::text as status,
  case when c.budget_type like 'Daily%' and c.budget_id is null then c.budget::numeric end as daily_budget,
  r.currency_code::text as currency, null::text as time_zone, null::timestamptz as created_at
from campaign c left join report r on r.campaign_id = c.id;

-- A row a device and network: summed.
create or replace view autonomy_feed.fivetran_microsoft_ads_metrics as
select 'microsoft_ads' as platform, r.account_id::text as account_id, r.campaign_id::text as external_id,
  r.date::date as day, null::timestamp as hour, sum(r.impressions)::numeric as impressions, null::numeric as reach,
  sum(r.clicks)::numeric as clicks,
  sum(coalesce(r.conversions_qualified, r.conversions, 0))::numeric as conversions, sum(r.spend)::numeric as spend,
  sum(coalesce(r.revenue, 0))::numeric as revenue
from microsoft_ads.campaign_performance_daily_report r
group by r.account_id, r.campaign_id, r.date;

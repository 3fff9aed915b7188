"""Which campaign of the database each of a file is: by its id on the platform, else by its name."""

# The zone of days and hours without an offset is the account's. A campaign is its platform id where
# the file has one, else its name; the latest name, status and budget of a file are the campaign's.
STAGE_CAMPAIGNS = """
create temp table staged_campaigns on commit drop as
with named as (
  select coalesce(nullif(r.account, ''), {account}) as account,
    coalesce(nullif(r.campaign_id, ''), r.campaign) as key,
    nullif(r.campaign_id, '') as platform_id, r.campaign, r.status, r.budget, r.at
  from (select campaign, campaign_id, account, status, budget,
          max(coalesce(zoned at time zone 'UTC', moment)) as at
        from staged_rows group by 1, 2, 3, 4, 5) r
),
latest as (
  select account, key, max(platform_id) as platform_id,
    (array_agg(coalesce(nullif(campaign, ''), platform_id) order by at desc))[1] as title,
    (array_agg(status order by at desc) filter (where status <> ''))[1] as word,
    (array_agg(budget order by at desc) filter (where budget > 0))[1] as budget
  from named group by account, key
),
-- A name that two platform campaigns share says nothing of which is meant.
told as (
  select l.*, count(*) over (partition by l.account, l.title) = 1 as alone,
    md5('autonomous-operations/import/' || l.account || '/' || l.key)::uuid as own_id,
    case when lower(l.word) ~ '(paus|remov|delet|archiv|ended|inactive|off$|not delivering)'
      then 'paused' when l.word is not null then 'active' end as status
  from latest l
),
titled as (
  select c.account, c.title, (array_agg(c.id order by c.created_at, c.id))[1] as id
  from public.campaigns c group by c.account, c.title having count(*) = 1
),
found as (
  select t.*, y.id as titled_id, coalesce(
    (select c.id from public.campaigns c where c.id = t.own_id and t.platform_id is not null),
    (select c.id from autonomy.file_states f join public.campaigns c on c.id = f.campaign_id
     where f.platform_id = t.platform_id and c.account = t.account order by f.read_at desc limit 1),
    y.id, t.own_id) as id
  from told t
  left join titled y on y.account = t.account and y.title = t.title and t.alone
    and not exists (select from autonomy.file_states f
                    where f.campaign_id = y.id and f.platform_id <> t.platform_id)
),
-- Two of a file that would be one: who has its name is it, and the other took a name that was free.
told_apart as (
  select f.*, row_number() over (
    partition by f.id
    order by f.platform_id is not null desc, f.id = f.titled_id desc nulls last, f.key) as nth
  from found f
)
select a.account, a.key, a.platform_id, a.title, a.status, a.budget, z.zone,
  case when a.nth = 1 then a.id when a.own_id <> a.id then a.own_id
    else md5('autonomous-operations/import/' || a.account || '/' || a.key || '/again')::uuid
  end as id,
  case a.status when 'paused' then w.paused else w.active end as spelt
from told_apart a
join (select d.account, autonomy.account_zone(d.account) as zone
      from (select distinct account from told) d) z on z.account = a.account
cross join (
  select (select paused_text from public.autonomy_policy) as paused,
    coalesce((select status from public.campaigns where lower(status) = 'active'
              group by status order by count(*) desc, status limit 1), 'active') as active) w
"""

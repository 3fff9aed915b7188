"""The ready views of docs/feeds, each on made-up rows in its source's tables."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from autonomy.cli.feed import VIEWS, views_sql
from tests.sql import effects
from tests.sql.effects import Db, refused, value

clean_tables = effects.clean_tables

# Old rows of a history, several rows a day, purchases under several names, budgets in cents: each table has its traps.
TABLES = {
    "dbt-ad-reporting": """
        create schema ad_reporting;
        create table ad_reporting.ad_reporting__campaign_report (
          source_relation text, date_day date, platform text, account_id text, account_name text, campaign_id text,
          campaign_name text, clicks bigint, impressions bigint, spend float8, conversions numeric, conversions_value numeric);
        insert into ad_reporting.ad_reporting__campaign_report values
          ('', '2026-11-26', 'google_ads', '1', 'Shop', '7', 'Old name', 10, 1000, 40.5, 1.5, 90),
          ('', '2026-11-27', 'google_ads', '1', 'Shop', '7', 'Shoes', 20, 2000, 50, null, null),
          ('', '2026-11-27', 'facebook_ads', '2', 'Shop', '7', 'Boots', 5, 100, 8, 1, 20),
          ('', '2026-11-27', 'facebook_ads', '2', 'Shop', null, 'no campaign', 5, 100, 8, 1, 20);
        """,
    "fivetran-google-ads": """
        create schema google_ads;
        create table google_ads.account_history (
          id bigint, updated_at timestamptz, currency_code text, time_zone text, _fivetran_active boolean);
        create table google_ads.campaign_history (
          id bigint, customer_id bigint, name text, status text, start_date text, updated_at timestamptz, _fivetran_active boolean);
        create table google_ads.campaign_stats (
          customer_id bigint, id bigint, date date, device text, ad_network_type text, clicks bigint, impressions bigint,
          cost_micros bigint, conversions float8, conversions_value float8);
        insert into google_ads.account_history values
          (1, '2026-01-01Z', 'USD', 'UTC', false), (1, '2026-02-01Z', 'EUR', 'Europe/Berlin', true);
        insert into google_ads.campaign_history values
          (7, 1, 'Old name', 'PAUSED', '2026-01-05', '2026-01-05Z', false),
          (7, 1, 'Shoes', 'ENABLED', '2026-01-05', '2026-06-01Z', true);
        insert into google_ads.campaign_stats values
          (1, 7, '2026-11-26', 'MOBILE', 'SEARCH', 10, 1000, 20500000, 0.4, 30),
          (1, 7, '2026-11-26', 'DESKTOP', 'SEARCH', 10, 1000, 10000000, 0.4, 30),
          (1, 7, '2026-11-26', 'DESKTOP', 'CONTENT', 10, 1000, 10000000, null, null);
        """,
    "fivetran-facebook-ads": """
        create schema facebook_ads;
        create table facebook_ads.account_history (id bigint, currency text, timezone_name text, _fivetran_synced timestamptz);
        create table facebook_ads.campaign_history (
          id bigint, account_id bigint, name text, status text, daily_budget bigint, lifetime_budget bigint,
          created_time timestamptz, updated_time timestamptz);
        create table facebook_ads.ad_history (id bigint, account_id bigint, campaign_id bigint, ad_set_id bigint, updated_time timestamptz);
        create table facebook_ads.basic_ad (ad_id text, date date, impressions bigint, inline_link_clicks bigint, spend float8, reach bigint);
        create table facebook_ads.basic_ad_actions (
          ad_id text, date date, action_type text, value float8, _7_d_click float8, _1_d_view float8);
        create table facebook_ads.basic_ad_action_values (
          ad_id text, date date, action_type text, value float8, _7_d_click float8, _1_d_view float8);
        insert into facebook_ads.account_history values (1, 'EUR', 'Europe/Berlin', '2026-01-01Z'), (2, 'JPY', 'Asia/Tokyo', '2026-01-01Z');
        insert into facebook_ads.campaign_history values
          (7, 1, 'Old name', 'ACTIVE', 5000, null, '2026-01-05Z', '2026-01-05Z'),
          (7, 1, 'Shoes', 'PAUSED', 10000, null, '2026-01-05Z', '2026-06-01Z'),
          (8, 2, 'Yen', 'ACTIVE', 5000, null, '2026-01-05Z', '2026-06-01Z'),
          (9, 1, 'On its ad sets', 'ACTIVE', null, null, '2026-01-05Z', '2026-06-01Z');
        insert into facebook_ads.ad_history values
          (70, 1, 9, 1, '2026-01-01Z'), (70, 1, 7, 1, '2026-02-01Z'), (71, 1, 7, 1, '2026-02-01Z');
        insert into facebook_ads.basic_ad values
          ('70', '2026-11-26', 1000, 20, 20.5, 900), ('71', '2026-11-26', 2000, null, 20, 900);
        insert into facebook_ads.basic_ad_actions values
          ('70', '2026-11-26', 'purchase', 2, 2, 0), ('70', '2026-11-26', 'omni_purchase', 2, 2, 0),
          ('70', '2026-11-26', 'offsite_conversion.fb_pixel_purchase', 2, 2, 0), ('70', '2026-11-26', 'link_click', 20, 20, 0),
          ('71', '2026-11-26', 'offsite_conversion.fb_pixel_purchase', 1, 1, 0);
        insert into facebook_ads.basic_ad_action_values values
          ('70', '2026-11-26', 'purchase', 60, 60, 0), ('70', '2026-11-26', 'omni_purchase', 60, 60, 0),
          ('71', '2026-11-26', 'offsite_conversion.fb_pixel_purchase', 30, 30, 0);
        """,
    "fivetran-microsoft-ads": """
        create schema microsoft_ads;
        create table microsoft_ads.campaign_history (
          id bigint, account_id bigint, name text, status text, budget float8, budget_id bigint, budget_type text,
          time_zone text, modified_time timestamptz);
        create table microsoft_ads.campaign_performance_daily_report (
          account_id bigint, campaign_id bigint, date date, currency_code text, device text, network text, clicks bigint,
          impressions bigint, spend float8, conversions bigint, conversions_qualified float8, revenue float8);
        insert into microsoft_ads.campaign_history values
          (7, 1, 'Old name', 'Paused', 50, null, 'DailyBudgetStandard', 'EasternTimeUSCanada', '2026-01-01Z'),
          (7, 1, 'Shoes', 'Active', 100, null, 'DailyBudgetStandard', 'EasternTimeUSCanada', '2026-02-01Z'),
          (8, 1, 'Shared', 'Active', 100, 5, 'DailyBudgetStandard', 'EasternTimeUSCanada', '2026-02-01Z');
        insert into microsoft_ads.campaign_performance_daily_report values
          (1, 7, '2026-11-26', 'EUR', 'Computer', 'Search', 10, 1000, 20.5, 1, 0.4, 30),
          (1, 7, '2026-11-26', 'EUR', 'Smartphone', 'Search', 10, 2000, 20, 0, 0.4, 30);
        """,
    "fivetran-tiktok-ads": """
        create schema tiktok_ads;
        create table tiktok_ads.advertiser (id bigint, currency text, timezone text);
        create table tiktok_ads.campaign_history (
          campaign_id bigint, advertiser_id bigint, campaign_name text, status text, budget float8, budget_mode text,
          create_time timestamp, updated_at timestamp);
        create table tiktok_ads.campaign_report_hourly (
          campaign_id bigint, stat_time_hour timestamp, clicks bigint, impressions bigint, reach bigint, spend float8,
          conversion bigint, real_time_conversion bigint, total_purchase_value float8);
        insert into tiktok_ads.advertiser values (1, 'EUR', 'Europe/Berlin');
        insert into tiktok_ads.campaign_history values
          (7, 1, 'Old name', 'CAMPAIGN_STATUS_DISABLE', 50, 'BUDGET_MODE_DAY', '2026-01-01', '2026-01-01'),
          (7, 1, 'Shoes', 'CAMPAIGN_STATUS_ENABLE', 100, 'BUDGET_MODE_DAY', '2026-01-01', '2026-02-01'),
          (8, 1, 'Lifetime', 'CAMPAIGN_STATUS_ENABLE', 9999, 'BUDGET_MODE_TOTAL', '2026-01-01', '2026-02-01');
        insert into tiktok_ads.campaign_report_hourly values
          (7, '2026-11-26 00:00', 10, 1000, 900, 20.5, 1, 1, 30), (7, '2026-11-26 23:00', 10, 2000, 900, 20, 0, 0, null);
        """,
    "fivetran-linkedin-ads": """
        create schema linkedin_ads;
        create table linkedin_ads.campaign_history (
          id bigint, account_id bigint, name text, status text, daily_budget_amount float8, daily_budget_currency_code text,
          created_time timestamp, last_modified_time timestamp);
        create table linkedin_ads.ad_analytics_by_campaign (
          campaign_id bigint, day timestamp, clicks bigint, impressions bigint, cost_in_local_currency numeric,
          conversion_value_in_local_currency numeric, external_website_conversions bigint);
        insert into linkedin_ads.campaign_history values
          (7, 1, 'Old name', 'PAUSED', 50, 'EUR', '2026-01-01', '2026-01-01'),
          (7, 1, 'Shoes', 'ACTIVE', 100, 'EUR', '2026-01-01', '2026-02-01');
        insert into linkedin_ads.ad_analytics_by_campaign values
          (7, '2026-11-26', 20, 3000, 40.5, 60, 1), (7, '2026-11-27', 20, 3000, 41, null, null);
        """,
    "airbyte-google-ads": """
        create schema airbyte_google_ads;
        create table airbyte_google_ads.customer (
          _airbyte_extracted_at timestamptz, "customer.id" bigint, "customer.currency_code" text, "customer.time_zone" text);
        create table airbyte_google_ads.campaign (
          _airbyte_extracted_at timestamptz, "customer.id" bigint, "campaign.id" bigint, "campaign.name" text,
          "campaign.status" text, "campaign.start_date" text, "campaign.campaign_budget" text,
          "campaign_budget.amount_micros" bigint, "segments.date" date, "segments.hour" bigint,
          "segments.ad_network_type" text, "metrics.clicks" bigint, "metrics.impressions" bigint,
          "metrics.cost_micros" bigint, "metrics.conversions" numeric, "metrics.conversions_value" numeric);
        insert into airbyte_google_ads.customer values
          ('2026-01-01Z', 1, 'USD', 'UTC'), ('2026-02-01Z', 1, 'EUR', 'Europe/Berlin');
        insert into airbyte_google_ads.campaign values
          ('2026-11-26Z', 1, 7, 'Old name', 'PAUSED', '2026-01-05', 'customers/1/campaignBudgets/1', 50000000, '2026-11-25', 0, 'SEARCH', 1, 10, 1000000, 0, 0),
          ('2026-11-27Z', 1, 7, 'Shoes', 'ENABLED', '2026-01-05', 'customers/1/campaignBudgets/1', 100000000, '2026-11-26', 0, 'SEARCH', 10, 1000, 20500000, 0.4, 30),
          ('2026-11-27Z', 1, 7, 'Shoes', 'ENABLED', '2026-01-05', 'customers/1/campaignBudgets/1', 100000000, '2026-11-26', 1, 'SEARCH', 10, 1000, 10000000, 0.4, 30),
          ('2026-11-27Z', 1, 7, 'Shoes', 'ENABLED', '2026-01-05', 'customers/1/campaignBudgets/1', 100000000, '2026-11-26', 1, 'CONTENT', 10, 1000, 10000000, null, null),
          ('2026-11-27Z', 1, 8, 'Shares', 'ENABLED', '2026-01-05', 'customers/1/campaignBudgets/2', 90000000, '2026-11-26', 1, 'SEARCH', 0, 0, 0, 0, 0),
          ('2026-11-27Z', 1, 9, 'Too', 'ENABLED', '2026-01-05', 'customers/1/campaignBudgets/2', 90000000, '2026-11-26', 1, 'SEARCH', 0, 0, 0, 0, 0);
        """,
    "airbyte-facebook-marketing": """
        create schema airbyte_facebook;
        create table airbyte_facebook.ad_account (_airbyte_extracted_at timestamptz, id text, account_id text, currency text, timezone_name text);
        create table airbyte_facebook.campaigns (
          _airbyte_extracted_at timestamptz, id text, account_id text, name text, status text, effective_status text,
          daily_budget numeric, lifetime_budget numeric, created_time timestamptz, updated_time timestamptz);
        create table airbyte_facebook.ads_insights (
          ad_id text, adset_id text, campaign_id text, account_id text, date_start date, date_stop date, impressions bigint,
          reach bigint, clicks bigint, inline_link_clicks bigint, spend numeric, actions jsonb, action_values jsonb);
        insert into airbyte_facebook.ad_account values
          ('2026-01-01Z', 'act_1', '1', 'EUR', 'Europe/Berlin'), ('2026-01-01Z', 'act_2', '2', 'JPY', 'Asia/Tokyo');
        insert into airbyte_facebook.campaigns values
          ('2026-01-01Z', '7', '1', 'Old name', 'ACTIVE', 'ACTIVE', 5000, null, '2026-01-05Z', '2026-01-05Z'),
          ('2026-02-01Z', '7', '1', 'Shoes', 'ACTIVE', 'WITH_ISSUES', 10000, null, '2026-01-05Z', '2026-06-01Z'),
          ('2026-02-01Z', '8', '2', 'Yen', 'ACTIVE', 'ACTIVE', 5000, null, '2026-01-05Z', '2026-06-01Z');
        insert into airbyte_facebook.ads_insights values
          ('70', '1', '7', '1', '2026-11-26', '2026-11-26', 1000, 900, 20, 10, 20.5,
           '[{"action_type": "purchase", "value": "2"}, {"action_type": "omni_purchase", "value": "2", "1d_view": "1"},
             {"action_type": "link_click", "value": "10"}]', '[{"action_type": "omni_purchase", "value": "60.0"}]'),
          ('71', '1', '7', '1', '2026-11-26', '2026-11-26', 2000, 900, 20, 10, 20,
           '[{"action_type": "offsite_conversion.fb_pixel_purchase", "value": "1"}]',
           '[{"action_type": "purchase", "value": "30"}]'),
          ('72', '1', '7', '1', '2026-11-26', '2026-11-26', 0, 0, 0, 0, 0, null, null);
        """,
}
# campaign -> status, budget, currency
CAMPAIGNS: dict[str, dict[str, tuple[object, ...]]] = {
    "dbt-ad-reporting": {"Shoes": ("active", None, None), "Boots": ("active", None, None)},
    "fivetran-google-ads": {"Shoes": ("active", None, "EUR")},
    "fivetran-facebook-ads": {
        "Shoes": ("paused", 100, "EUR"), "Yen": ("active", 5000, "JPY"), "On its ad sets": ("active", None, "EUR"),
    },
    "fivetran-microsoft-ads": {"Shoes": ("active", 100, "EUR"), "Shared": ("active", None, "EUR")},
    "fivetran-tiktok-ads": {"Shoes": ("active", 100, "EUR"), "Lifetime": ("active", None, "EUR")},
    "fivetran-linkedin-ads": {"Shoes": ("active", 100, "EUR")},
    "airbyte-google-ads": {"Shoes": ("active", 100, "EUR"), "Shares": ("active", None, "EUR"), "Too": ("active", None, "EUR")},
    "airbyte-facebook-marketing": {"Shoes": ("active", 100, "EUR"), "Yen": ("active", 5000, "JPY")},
}  # fmt: skip
# of Shoes on 26 November: impressions, clicks, conversions, spend, revenue
DAY: dict[str, tuple[int | str, ...]] = {
    "dbt-ad-reporting": (1000, 10, "1.5", "40.5", 90),
    "fivetran-google-ads": (3000, 30, "0.8", "40.5", 60),
    "fivetran-facebook-ads": (3000, 20, 3, "40.5", 90),
    "fivetran-microsoft-ads": (3000, 20, "0.8", "40.5", 60),
    "fivetran-tiktok-ads": (3000, 20, 1, "40.5", 30),
    "fivetran-linkedin-ads": (3000, 20, 1, "40.5", 60),
    "airbyte-google-ads": (3000, 30, "0.8", "40.5", 60),
    "airbyte-facebook-marketing": (3000, 40, 3, "40.5", 90),
}


def made(db: Db, *sources: str) -> None:
    """The tables of these sources, their days the last three, and the views on them."""
    days = {
        f"2026-11-{28 - back}": str(value(db, "select current_date - %s", back))
        for back in (1, 2, 3)
    }
    for one in sources:
        # all at once: what one has become may be another
        db.execute(re.sub("2026-11-2[567]", lambda found: days[found[0]], TABLES[one]).encode())
    db.execute(views_sql([VIEWS / f"{one}.sql" for one in sources]).encode())


def test_every_source_is_tried() -> None:
    assert {path.stem for path in VIEWS.glob("*.sql")} == set(TABLES) == set(CAMPAIGNS) == set(DAY)


@pytest.mark.parametrize("source", TABLES)
def test_ready_views(db: Db, clean_tables: None, source: str) -> None:
    made(db, source)
    answer = value(db, "select import_feed()")
    assert answer["refused"] == answer["left_out"] == []
    found = db.execute(
        "select c.title, c.status, c.budget, a.currency from campaigns c join autonomy_accounts a using (account)"
    ).fetchall()
    assert {title: tuple(rest) for title, *rest in found} == CAMPAIGNS[source]
    day = db.execute(
        "select d.impressions, d.clicks, d.conversions, d.spend, d.revenue from campaign_daily d"
        " join campaigns c on c.id = d.campaign_id where c.title = 'Shoes' and d.day = current_date - 2"
    ).fetchone()
    assert day == tuple(Decimal(one) for one in DAY[source])
    assert value(db, "select import_feed() -> 'days_changed'") == 0


def test_several_sources_are_one_feed(db: Db, clean_tables: None) -> None:
    made(db, "fivetran-google-ads", "fivetran-facebook-ads", "fivetran-tiktok-ads")
    answer = value(db, "select import_feed()")
    assert {one["account"]: one["spend"] for one in answer["accounts"]} == {
        "google_ads 1": 40.5, "facebook_ads 1": 40.5, "tiktok_ads 1": 40.5, "facebook_ads 2": 0,
    }  # fmt: skip


def test_an_account_by_two_connectors_is_refused(db: Db, clean_tables: None) -> None:
    made(db, "fivetran-google-ads", "airbyte-google-ads")
    with refused(db, "AO010", "autonomy_feed.campaigns has 2 rows for google_ads 1 7"):
        value(db, "select import_feed()")

"""From Google Ads' rows to units and figures. Pure.

Whole numbers come as text, fractions as numbers, and a field that is 0 or not set does not come.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, tzinfo
from decimal import Decimal
from typing import NamedTuple

from autonomy.platforms.base import BudgetKind, DayFigures, PlatformError, Pulse, Status, Unit
from autonomy.platforms.fields import Fields
from autonomy.platforms.money import MOST, from_micros

ACCOUNT_QUERY = (
    "SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone, "
    "customer.status, customer.test_account, customer.manager FROM customer"
)
CAMPAIGNS_QUERY = (
    "SELECT campaign.id, campaign.name, campaign.status, campaign.serving_status, "
    "campaign.primary_status, campaign.primary_status_reasons, "
    "campaign.bidding_strategy_system_status, campaign.experiment_type, campaign.base_campaign, "
    "campaign.advertising_channel_type, campaign.start_date_time, campaign.end_date_time, "
    "campaign.missing_eu_political_advertising_declaration, campaign_budget.resource_name, "
    "campaign_budget.amount_micros, campaign_budget.total_amount_micros, campaign_budget.period, "
    "campaign_budget.type, campaign_budget.explicitly_shared, campaign_budget.reference_count "
    "FROM campaign"
)
TRIALS_QUERY = (
    "SELECT campaign.id, campaign.base_campaign FROM campaign "
    "WHERE campaign.experiment_type = 'EXPERIMENT' AND campaign.status != 'REMOVED' "
    "AND campaign.serving_status != 'ENDED'"
)
DAYS_QUERY = (
    "SELECT campaign.id, segments.date, metrics.impressions, metrics.clicks, metrics.cost_micros, "
    "metrics.conversions, metrics.conversions_value FROM campaign "
    "WHERE segments.date BETWEEN '{since}' AND '{until}'"
)
TOTALS_QUERY = (
    "SELECT segments.date, metrics.clicks, metrics.cost_micros, metrics.conversions FROM customer "
    "WHERE segments.date BETWEEN '{day}' AND '{day}'"
)
CLIENTS_QUERY = (
    "SELECT customer_client.id, customer_client.descriptive_name, customer_client.manager, "
    "customer_client.status FROM customer_client WHERE customer_client.status = 'ENABLED'"
)
CONVERSIONS_QUERY = (
    "SELECT conversion_action.id, conversion_action.name, conversion_action.status, "
    "conversion_action.include_in_conversions_metric FROM conversion_action "
    "WHERE conversion_action.status = 'ENABLED'"
)
UNDECLARED_QUERY = (
    "SELECT campaign.id FROM campaign WHERE campaign.status != 'REMOVED' "
    "AND campaign.missing_eu_political_advertising_declaration = TRUE"
)

STATUSES: dict[str, Status] = {"ENABLED": "active", "PAUSED": "paused", "REMOVED": "deleted"}
ACCOUNT_STATUSES = {
    "CANCELED": "it is cancelled",
    "SUSPENDED": "Google has suspended it",
    "CLOSED": "it is closed",
}
NO_DECLARATION = "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"
UNDECLARED = (
    "Google Ads does not change a campaign before it has been declared whether it is political "
    "advertising in the EU: in Google Ads, in the settings of the campaign."
)
_FORM = "%Y-%m-%d %H:%M:%S"
_MOST_MICROS = int(MOST) * 1_000_000


class Account(NamedTuple):
    """What a unit takes from its account."""

    zone: tzinfo
    tested: Collection[str]
    """The campaigns that an experiment is compared with."""


def unit(row: Fields, account: Account) -> Unit:
    """A campaign with its budget."""
    campaign, budget = row.part("campaign"), row.part("campaignBudget")
    number, word = campaign.identifier("id"), campaign.needed("status")
    if word not in STATUSES:
        raise campaign.wrong("status", "is not one that is known")
    amount, kind = _budget(budget)
    return Unit(
        external_id=number,
        kind="campaign",
        title=campaign.title("name"),
        status=STATUSES[word],
        status_text=campaign.text("primaryStatus") or word,
        budget=amount,
        budget_kind=kind,
        budget_ref=budget.text("resourceName"),
        created_at=campaign.moment("startDateTime", _FORM, account.zone),
        learning="LEARNING" in (campaign.text("biddingStrategySystemStatus") or ""),
        hold=_hold(campaign, number in account.tested),
        details=_details(campaign),
    )


def tested_by(row: Fields) -> str | None:
    """The number of the campaign that this experiment is compared with."""
    campaign = row.part("campaign")
    base = (campaign.text("baseCampaign") or "").rpartition("/")[2]
    return base if base and base != campaign.identifier("id") else None


def figures(row: Fields, since: date, until: date) -> DayFigures:
    """One day of one campaign. Google's reach cannot be added up, so it is not asked for."""
    metrics = row.part("metrics")
    return DayFigures(
        external_id=row.part("campaign").identifier("id"),
        day=row.part("segments").day("date", since, until),
        impressions=metrics.count("impressions"),
        reach=None,
        clicks=metrics.count("clicks"),
        conversions=metrics.amount_or_nothing("conversions"),
        spend=micros(metrics, "costMicros") or Decimal(0),
        revenue=metrics.amount_or_nothing("conversionsValue"),
    )


def totals(rows: Sequence[Fields], day: date) -> Pulse:
    """The account's totals of a day: one row, or none where nothing was delivered."""
    if len(rows) > 1:
        raise PlatformError("Google told the account's day twice.")
    if not rows:
        return Pulse(day=day, spend=Decimal(0), clicks=0, conversions=Decimal(0))
    rows[0].part("segments").day("date", day, day)
    metrics = rows[0].part("metrics")
    return Pulse(
        day=day,
        spend=micros(metrics, "costMicros") or Decimal(0),
        clicks=metrics.count("clicks"),
        conversions=metrics.amount_or_nothing("conversions"),
    )


def _budget(budget: Fields) -> tuple[Decimal | None, BudgetKind]:
    if budget.text("period") == "CUSTOM_PERIOD":
        return None, "lifetime"
    amount = micros(budget, "amountMicros")
    if budget.truth("explicitlyShared") or budget.count("referenceCount") > 1:
        return amount, "shared"
    if amount is None:
        return None, "lifetime" if "totalAmountMicros" in budget else "none"
    return amount, "daily"


def micros(row: Fields, key: str) -> Decimal | None:
    """An amount of money; null where it does not come."""
    told = row.whole(key, _MOST_MICROS)
    return None if told is None else from_micros(told)


def _hold(campaign: Fields, tested: bool) -> str | None:
    """An experiment and the campaign that it is compared with are left alone until it ends."""
    if tested or campaign.text("experimentType") in ("EXPERIMENT", "DRAFT"):
        return "TEST_RUNNING"
    return None


def _undeclared(campaign: Fields) -> bool:
    return campaign.truth("missingEuPoliticalAdvertisingDeclaration")


def _details(campaign: Fields) -> dict[str, str]:
    keys = {
        "status": "status",
        "serving_status": "servingStatus",
        "channel": "advertisingChannelType",
        "bidding_status": "biddingStrategySystemStatus",
        "experiment_type": "experimentType",
        "end": "endDateTime",
    }
    told = {name: text for name, key in keys.items() if (text := campaign.text(key))}
    return told | ({"not_changeable": NO_DECLARATION} if _undeclared(campaign) else {})


def is_number(text: str, length: int = 20) -> bool:
    """Digits only: it becomes a part of queries and addresses."""
    return re.fullmatch(rf"\d{{1,{length}}}", text, re.ASCII) is not None


def client(row: Fields) -> tuple[str, str] | None:
    """Number and name of an advertising account below a manager; null for another manager."""
    told = row.part("customerClient")
    return None if told.truth("manager") else (told.identifier("id"), told.title("descriptiveName"))


def conversions(rows: Sequence[Fields]) -> Sequence[str]:
    """The names of the conversion actions that `metrics.conversions` counts."""
    actions = [row.part("conversionAction") for row in rows]
    return sorted(one.title("name") for one in actions if one.truth("includeInConversionsMetric"))

"""Changing a status or a budget: in the right unit, sent once, and done only if that is said."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from autonomy.platforms.base import (
    AccountBroken,
    Later,
    PlatformError,
    Refused,
    Unit,
    Unsure,
)
from autonomy.platforms.google_ads import GOOGLE_ADS, GoogleAdsAccount
from autonomy.platforms.meta import GRAPH, MetaAccount
from tests.unit.platform_answers import TOKEN, asked, google_error, meta_error, script

CUSTOMER = f"{GOOGLE_ADS}/customers/1234567890"
BUDGET = "customers/1234567890/campaignBudgets/7"
CAMPAIGN = "customers/1234567890/campaigns/1"


def unit(**changes: Any) -> Unit:
    told: dict[str, Any] = {
        "external_id": "1",
        "kind": "campaign",
        "title": "Boots",
        "status": "active",
        "status_text": "ACTIVE",
        "budget": Decimal(50),
        "budget_kind": "daily",
        "budget_ref": BUDGET,
    }
    return Unit(**(told | changes))


def meta(currency: str = "EUR") -> MetaAccount:
    told = {"account_id": "77", "currency": currency, "timezone_name": "UTC", "account_status": 1}
    responses.get(f"{GRAPH}/act_77", json=told)
    return MetaAccount("77", token=TOKEN)


def google(currency: str = "EUR") -> GoogleAdsAccount:
    customer = {
        "id": "1234567890",
        "currencyCode": currency,
        "timeZone": "UTC",
        "status": "ENABLED",
    }
    responses.post(f"{CUSTOMER}/googleAds:search", json={"results": [{"customer": customer}]})
    return GoogleAdsAccount("1234567890", token=lambda: TOKEN)


def sent() -> Any:
    return json.loads(responses.calls[-1].request.body or "")


@responses.activate
@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("EUR", "60", "6000"),
        ("JPY", "5000", "5000"),
        ("JPY", "133.33", "133"),
        ("EUR", "1.005", "101"),
    ],
)
def test_meta_gets_a_budget_in_minor_units(currency: str, amount: str, minor: str) -> None:
    script([{"success": True}], "POST", f"{GRAPH}/1")
    meta(currency).set_budget(unit(), Decimal(amount))
    assert asked(responses.calls[-1]) == {"daily_budget": minor}


@responses.activate
def test_meta_gets_a_status_and_only_validates_when_asked_to() -> None:
    script([{"success": True}], "POST", f"{GRAPH}/1")
    meta().set_status(unit(), "paused")
    assert asked(responses.calls[-1]) == {"status": "PAUSED"}
    meta().set_status(unit(), "active", validate_only=True)
    assert asked(responses.calls[-1]) == {
        "status": "ACTIVE", "execution_options": '["validate_only"]',
    }  # fmt: skip


@responses.activate
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"success": False}, Unsure),
        ({}, Unsure),
        ({"success": "yes"}, PlatformError),
        ([], PlatformError),
        (requests.ReadTimeout(), Unsure),
        ((500, meta_error(2), {}), Unsure),
        ((400, meta_error(613, 1487632), {}), Later),
        ((400, meta_error(100, 1885272), {}), Refused),
        ((400, meta_error(190), {}), AccountBroken),
    ],
)
def test_a_change_at_meta_is_done_only_if_it_says_so(
    answer: Any, kind: type[PlatformError]
) -> None:
    script([answer], "POST", f"{GRAPH}/1")
    with pytest.raises(kind):
        meta().set_status(unit(), "paused")
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize(
    ("currency", "amount", "micros"),
    [("EUR", "60", "60000000"), ("JPY", "133.33", "133000000"), ("KWD", "1.2345", "1235000")],
)
def test_google_gets_a_budget_in_micros(currency: str, amount: str, micros: str) -> None:
    responses.post(
        f"{CUSTOMER}/campaignBudgets:mutate", json={"results": [{"resourceName": BUDGET}]}
    )
    google(currency).set_budget(unit(), Decimal(amount))
    assert sent() == {
        "operations": [
            {
                "update": {"resourceName": BUDGET, "amountMicros": micros},
                "updateMask": "amountMicros",
            }
        ],
        "partialFailure": True,
        "validateOnly": False,
    }


@responses.activate
def test_google_gets_a_status_and_only_validates_when_asked_to() -> None:
    responses.post(f"{CUSTOMER}/campaigns:mutate", json={})
    google().set_status(unit(), "paused", validate_only=True)
    assert sent() == {
        "operations": [
            {"update": {"resourceName": CAMPAIGN, "status": "PAUSED"}, "updateMask": "status"}
        ],
        "partialFailure": True,
        "validateOnly": True,
    }


def partly(code: str, kind: str) -> dict[str, Any]:
    return {"results": [{}], "partialFailureError": google_error(code, kind)["error"]}


@responses.activate
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"results": [{}]}, Unsure),
        ({"results": []}, Unsure),
        ({}, Unsure),
        ({"results": [{"resourceName": BUDGET}]}, Unsure),
        ({"results": "done"}, PlatformError),
        (partly("INVALID_STATUS_CHANGE", "campaignError"), Refused),
        (partly("CONCURRENT_MODIFICATION", "databaseError"), Later),
        (partly("CUSTOMER_NOT_ENABLED", "authorizationError"), AccountBroken),
        (partly("INTERNAL_ERROR", "internalError"), Unsure),
        (requests.ReadTimeout(), Unsure),
        ((503, "<html>", {}), Unsure),
        ((429, google_error("RESOURCE_EXHAUSTED", "quotaError"), {}), Later),
    ],
)
def test_a_change_at_google_is_done_only_if_it_says_so(
    answer: Any, kind: type[PlatformError]
) -> None:
    script([answer], "POST", f"{CUSTOMER}/campaigns:mutate")
    with pytest.raises(kind):
        google().set_status(unit(), "paused")
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("amount", ["0", "0.001", "-5", "NaN", "Infinity", "1e12"])
def test_no_budget_that_is_none_is_sent(amount: str) -> None:
    for account in (meta(), google()):
        with pytest.raises(PlatformError):
            account.set_budget(unit(), Decimal(amount))
    assert not [call for call in responses.calls if "mutate" in str(call.request.url)]


@responses.activate
@pytest.mark.parametrize("kind", ["shared", "lifetime", "children", "none"])
def test_no_budget_that_is_not_the_units_own_is_changed(kind: str) -> None:
    for account in (meta(), google()):
        with pytest.raises(Refused):
            account.set_budget(unit(budget_kind=kind), Decimal(10))


@responses.activate
@pytest.mark.parametrize(
    "name", ["customers/999/campaignBudgets/7", f"{BUDGET}/x", "7", CAMPAIGN, f"{BUDGET}\n"]
)
def test_nothing_of_another_account_is_changed(name: str) -> None:
    with pytest.raises(PlatformError, match="does not belong"):
        google().set_budget(unit(budget_ref=name), Decimal(10))
    with pytest.raises(PlatformError, match="number"):
        meta().set_status(unit(external_id="1/x"), "paused")

"""Reading a Google Ads account: campaigns, budgets, micros, days, pages."""

from __future__ import annotations

import json
import logging
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from autonomy.platforms import http
from autonomy.platforms.base import AccountBroken, PlatformError, TooMuch
from autonomy.platforms.google_ads import GOOGLE_ADS, GoogleAdsAccount
from tests.unit.platform_answers import Waits

SEARCH = f"{GOOGLE_ADS}/customers/1234567890/googleAds:search"
TOKEN = "ya29.secretTOKENpart0123456789"
DAY = date(2026, 11, 20)


class Google:
    """Answers by what is asked for: the account, experiments, campaigns, days, totals."""

    def __init__(self, **customer: Any) -> None:
        self.customer = {
            "id": "1234567890",
            "descriptiveName": "Shop",
            "currencyCode": "EUR",
            "timeZone": "Europe/Berlin",
            "status": "ENABLED",
        } | customer
        self.trials: list[Any] = []
        self.rows: list[Any] = []
        """Pages of rows for campaigns, days and totals."""
        self.asked: list[dict[str, Any]] = []
        self.headers: Mapping[str, str] = {}
        responses.add_callback(responses.POST, SEARCH, self._answer)

    def _answer(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], str]:
        body = json.loads(request.body or "")
        self.headers = request.headers
        self.asked.append(body)
        query = body["query"]
        told: Any = {}
        if query.startswith("SELECT customer.id"):
            told = {"results": [{"customer": self.customer}]}
        elif "experiment_type = 'EXPERIMENT'" in query:
            told = {"results": self.trials}
        elif self.rows:
            told = self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]
        return 200, {}, json.dumps(told)

    @property
    def queries(self) -> list[str]:
        return [one["query"] for one in self.asked]


def account(waits: Waits | None = None, **how: Any) -> GoogleAdsAccount:
    waits = waits or Waits()
    return GoogleAdsAccount(
        "123-456-7890", token=lambda: TOKEN, clock=waits.clock, sleep=waits.sleep, **how
    )


def row(number: int, budget: Mapping[str, Any] | None = None, **campaign: Any) -> dict[str, Any]:
    told = {"id": str(number), "name": f"Campaign {number}", "status": "ENABLED"} | campaign
    held = {
        "resourceName": f"customers/1234567890/campaignBudgets/{number}",
        "amountMicros": "12500000",
        "period": "DAILY",
        "referenceCount": "1",
    } | dict(budget or {})
    return {
        "campaign": {key: value for key, value in told.items() if value is not None},
        "campaignBudget": {key: value for key, value in held.items() if value is not None},
    }


def figures(number: int, day: Any = DAY, **metrics: Any) -> dict[str, Any]:
    told = {
        "impressions": "1000",
        "clicks": "40",
        "costMicros": "12340000",
        "conversions": 0.37,
        "conversionsValue": 31.5,
    } | metrics
    return {
        "campaign": {"id": str(number)},
        "segments": {"date": str(day)},
        "metrics": {key: value for key, value in told.items() if value is not None},
    }


def all_units(google: GoogleAdsAccount) -> dict[str, Any]:
    return {unit.external_id: unit for page in google.units() for unit in page}


def all_days(google: GoogleAdsAccount, since: date = DAY, until: date = DAY) -> list[Any]:
    return [one for page in google.days(since, until) for one in page]


# The account -------------------------------------------------------------------------------------


@responses.activate
def test_the_account_tells_its_money_and_its_days() -> None:
    Google(currencyCode="JPY", testAccount=True)
    read = account().account()
    assert (read.external_id, read.name, read.currency) == ("1234567890", "Shop", "JPY")
    assert (read.active, read.problem, read.details["test_account"]) == (True, "", True)


@responses.activate
def test_a_call_carries_the_token_the_manager_and_no_developer_token() -> None:
    google = Google()
    account(login_customer_id="111-222-3333").account()
    assert google.headers["Authorization"] == f"Bearer {TOKEN}"
    assert google.headers["login-customer-id"] == "1112223333"
    assert "developer-token" not in google.headers
    account().account()
    assert "login-customer-id" not in google.headers


@responses.activate
def test_a_manager_account_says_that_it_is_one() -> None:
    Google(manager=True)
    read = account().account()
    assert not read.active
    assert "manager account" in read.problem
    with pytest.raises(AccountBroken, match="manager account"):
        all_units(account())


@responses.activate
@pytest.mark.parametrize(
    ("status", "why"), [("SUSPENDED", "suspended"), ("CANCELED", "cancelled"), ("NEW", "not known")]
)
def test_an_account_that_is_not_active_says_why(status: str, why: str) -> None:
    Google(status=status)
    read = account().account()
    assert not read.active
    assert why in read.problem


@responses.activate
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": "9999999999"}, "another account"),
        ({"id": None}, "id of customer"),
        ({"currencyCode": "euro"}, "currency"),
        ({"currencyCode": None}, "currencyCode"),
        ({"timeZone": "Mars/Olympus"}, "time zone"),
        ({"timeZone": 5}, "timeZone"),
        ({"manager": "yes"}, "manager"),
        ({"status": None}, "status"),
    ],
)
def test_an_account_that_cannot_be_read_says_what(changes: dict[str, Any], why: str) -> None:
    Google(**changes)
    with pytest.raises(PlatformError, match=why):
        account().account()


@pytest.mark.parametrize("number", ["", "123", "12345678901", "1234567890/x", "\u0661" * 10])
def test_an_account_is_ten_digits(number: str) -> None:
    with pytest.raises(PlatformError, match="ten digits"):
        GoogleAdsAccount(number, token=lambda: TOKEN)
    if number:
        with pytest.raises(PlatformError, match="ten digits"):
            GoogleAdsAccount("1234567890", token=lambda: TOKEN, login_customer_id=number)


def test_another_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTONOMY_GOOGLE_ADS_API", "http://127.0.0.1:1234/")
    with responses.RequestsMock() as mock:
        url = "http://127.0.0.1:1234/v26/customers/1234567890/googleAds:search"
        mock.post(url, json={"results": []})
        with pytest.raises(PlatformError, match="does not tell one account"):
            account().account()
    monkeypatch.setenv("AUTONOMY_GOOGLE_ADS_API", "http://googleads.example.com")
    with pytest.raises(PlatformError, match="https"):
        account()


# Campaigns ---------------------------------------------------------------------------------------


@responses.activate
def test_campaigns_come_with_their_budgets() -> None:
    google = Google()
    google.rows = [{"results": [row(1, name="Boots", startDateTime="2026-01-02 03:04:05",
                                    primaryStatus="ELIGIBLE")]}]  # fmt: skip
    unit = all_units(account())["1"]
    assert (unit.kind, unit.title, unit.status, unit.status_text) == (
        "campaign", "Boots", "active", "ELIGIBLE",
    )  # fmt: skip
    assert (unit.budget, unit.budget_kind) == (Decimal("12.5"), "daily")
    assert unit.budget_ref == "customers/1234567890/campaignBudgets/1"
    assert unit.created_at == datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert google.queries[-1].endswith("WHERE campaign.status != 'REMOVED'")
    assert "pageSize" not in google.asked[-1]


@responses.activate
@pytest.mark.parametrize(
    ("budget", "amount", "kind"),
    [
        ({}, "12.5", "daily"),
        ({"explicitlyShared": True}, "12.5", "shared"),
        ({"referenceCount": "2"}, "12.5", "shared"),
        ({"referenceCount": None, "explicitlyShared": False}, "12.5", "daily"),
        ({"period": "CUSTOM_PERIOD", "amountMicros": None, "totalAmountMicros": "9"}, None,
         "lifetime"),
        ({"period": "CUSTOM_PERIOD"}, None, "lifetime"),
        ({"period": None, "amountMicros": None, "totalAmountMicros": "9"}, None, "lifetime"),
        ({"amountMicros": None}, None, "none"),
        ({"period": None}, "12.5", "daily"),
        ({"amountMicros": "1"}, "0.000001", "daily"),
    ],
)  # fmt: skip
def test_what_kind_of_budget_it_is(budget: dict[str, Any], amount: str | None, kind: str) -> None:
    google = Google()
    google.rows = [{"results": [row(1, budget)]}]
    unit = all_units(account())["1"]
    assert (unit.budget, unit.budget_kind) == (amount and Decimal(amount), kind)


@responses.activate
def test_a_campaign_without_a_budget_and_without_a_start_is_read() -> None:
    google = Google()
    google.rows = [{"results": [{"campaign": {"id": 5, "status": "PAUSED"}}]}]
    unit = all_units(account())["5"]
    assert (unit.status, unit.title, unit.budget_kind, unit.created_at) == (
        "paused", "", "none", None,
    )  # fmt: skip


@responses.activate
@pytest.mark.parametrize(
    ("status", "learning"),
    [
        ("LEARNING_NEW", True),
        ("LEARNING_BUDGET_CHANGE", True),
        ("MULTIPLE_LEARNING", True),
        ("ENABLED", False),
        ("LIMITED_BY_BUDGET", False),
        (None, False),
    ],
)
def test_google_says_itself_that_it_learns(status: str | None, learning: bool) -> None:
    google = Google()
    google.rows = [{"results": [row(1, biddingStrategySystemStatus=status)]}]
    assert all_units(account())["1"].learning is learning


@responses.activate
def test_an_experiment_and_what_it_is_compared_with_are_held() -> None:
    google = Google()
    base = "customers/1234567890/campaigns/{}"
    google.trials = [
        {"campaign": {"id": "2", "baseCampaign": base.format(1)}},
        {"campaign": {"id": "3", "baseCampaign": base.format(3)}},
        {"campaign": {"id": "4"}},
    ]
    rows = [
        row(1),
        row(2, experimentType="EXPERIMENT"),
        row(3, experimentType="BASE"),
        row(4, missingEuPoliticalAdvertisingDeclaration=True),
    ]
    google.rows = [{"results": rows}]
    units = all_units(account())
    assert {number: one.hold for number, one in units.items()} == {
        "1": "TEST_RUNNING", "2": "TEST_RUNNING", "3": None, "4": None,
    }  # fmt: skip
    assert units["4"].details["not_changeable"] == "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"


@responses.activate
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (row(1, id="1 OR 1=1"), "id of campaign"),
        (row(1, id=None), "id of campaign"),
        (row(1, status="RESTING"), "status of campaign"),
        (row(1, status=None), "status of campaign"),
        (row(1, name=7), "name of campaign"),
        (row(1, startDateTime="2026-01-02"), "startDateTime"),
        (row(1, {"amountMicros": "-1"}), "amountMicros"),
        (row(1, {"amountMicros": "1.5"}), "amountMicros"),
        (row(1, {"amountMicros": "NaN"}), "amountMicros"),
        (row(1, {"amountMicros": "9" * 19}), "amountMicros"),
        (row(1, {"explicitlyShared": "true"}), "explicitlyShared"),
        (row(1, {"referenceCount": "many"}), "referenceCount"),
        ({"campaign": []}, "campaign of a row is no object"),
        (["campaign"], "a row is no object"),
        ({}, "id of campaign"),
    ],
)
def test_a_campaign_that_cannot_be_read_says_which_field(changed: Any, why: str) -> None:
    google = Google()
    google.rows = [{"results": [changed]}]
    with pytest.raises(PlatformError, match=why):
        all_units(account())


# Pages -------------------------------------------------------------------------------------------


@responses.activate
def test_pages_are_turned_by_their_token() -> None:
    google = Google()
    google.rows = [
        {"results": [row(1)], "nextPageToken": "p2"},
        {"nextPageToken": "p3"},
        {"results": [row(2)]},
    ]
    pages = list(account().units())
    assert [[one.external_id for one in page] for page in pages] == [["1"], ["2"]]
    assert [one.get("pageToken") for one in google.asked[2:]] == [None, "p2", "p3"]


@responses.activate
def test_an_answer_that_goes_in_a_circle_ends() -> None:
    google = Google()
    google.rows = [{"results": [], "nextPageToken": "p"}]
    with pytest.raises(PlatformError, match="circle"):
        all_units(account())
    assert len(google.asked) == 4


@responses.activate
def test_a_campaign_told_twice_is_said() -> None:
    google = Google()
    google.rows = [{"results": [row(1)], "nextPageToken": "p"}, {"results": [row(1)]}]
    with pytest.raises(PlatformError, match="twice"):
        all_units(account())


@responses.activate
@pytest.mark.parametrize("body", [[], {"results": {}}, {"results": 5}, {"nextPageToken": 5}, "x"])
def test_an_answer_of_another_shape_is_said(body: Any) -> None:
    google = Google()
    google.rows = [body]
    with pytest.raises(PlatformError, match="cannot be read"):
        all_units(account())


# One unit ----------------------------------------------------------------------------------------


@responses.activate
def test_one_campaign_is_read_whatever_became_of_it() -> None:
    google = Google()
    google.rows = [{"results": [row(1, status="REMOVED")]}]
    unit = account().unit("1")
    assert unit
    assert unit.status == "deleted"
    assert google.queries[-1].endswith("WHERE campaign.id = 1")
    google.rows = [{}]
    assert account().unit("1") is None


@responses.activate
def test_another_campaign_than_asked_for_is_said() -> None:
    google = Google()
    google.rows = [{"results": [row(2)]}]
    with pytest.raises(PlatformError, match="another campaign"):
        account().unit("1")


@pytest.mark.parametrize("number", ["", "1 OR campaign.id > 0", "1'", "x", "-1"])
def test_a_campaign_is_a_number(number: str) -> None:
    with pytest.raises(PlatformError, match="number"):
        account().unit(number)


# Days --------------------------------------------------------------------------------------------


@responses.activate
def test_fractions_of_conversions_are_exact() -> None:
    google = Google()
    google.rows = [{"results": [figures(1), figures(2, conversions=None, costMicros=None,
                                                    clicks=None, conversionsValue=None,
                                                    impressions=None)]}]  # fmt: skip
    first, second = all_days(account())
    assert (first.external_id, first.day, first.impressions, first.clicks) == ("1", DAY, 1000, 40)
    assert (first.conversions, first.revenue) == (Decimal("0.37"), Decimal("31.5"))
    assert (first.spend, first.reach) == (Decimal("12.34"), None)
    assert (second.spend, second.clicks, second.conversions, second.revenue) == (0, 0, 0, 0)
    assert google.queries == [google.queries[0]]
    assert "BETWEEN '2026-11-20' AND '2026-11-20'" in google.queries[0]


@responses.activate
def test_corrections_do_not_make_a_day_negative() -> None:
    google = Google()
    google.rows = [{"results": [figures(1, conversions=-1.5, conversionsValue=-20.0)]}]
    (one,) = all_days(account())
    assert (one.conversions, one.revenue) == (0, 0)


@responses.activate
@pytest.mark.parametrize(
    "changed",
    [
        figures(1, costMicros="-1"),
        figures(1, costMicros="1.5"),
        figures(1, costMicros="9" * 19),
        figures(1, clicks="NaN"),
        figures(1, impressions=True),
        figures(1, conversions="Infinity"),
        figures(1, conversions=1e25),
        figures(1, conversionsValue={"value": 1}),
        figures(1, "2026-11-21"),
        figures(1, "2026-11-19"),
        figures(1, "20.11.2026"),
        {"campaign": {"id": "1"}},
        {"campaign": {"id": "1"}, "segments": {"date": "2026-11-20"}, "metrics": 5},
        {"segments": {"date": "2026-11-20"}},
    ],
)
def test_figures_that_cannot_be_are_said(changed: Any) -> None:
    google = Google()
    google.rows = [{"results": [changed]}]
    with pytest.raises(PlatformError, match="Google's answer cannot be read"):
        all_days(account())


@responses.activate
def test_a_number_that_is_none_is_no_json() -> None:
    responses.post(SEARCH, body='{"results": [{"metrics": {"conversions": NaN}}]}')
    with pytest.raises(PlatformError, match="no JSON"):
        all_days(account())


@responses.activate
def test_a_day_told_twice_is_said() -> None:
    """A segment that nobody asked for would split a day: half of it is worse than none."""
    google = Google()
    google.rows = [{"results": [figures(1), figures(1, costMicros="5")]}]
    with pytest.raises(PlatformError, match="twice"):
        all_days(account())


@responses.activate
def test_long_ranges_come_in_weeks() -> None:
    google = Google()
    google.rows = [{}]
    assert all_days(account(), DAY - timedelta(days=13), DAY) == []
    assert [query.partition("BETWEEN ")[2] for query in google.queries] == [
        "'2026-11-07' AND '2026-11-13'", "'2026-11-14' AND '2026-11-20'",
    ]  # fmt: skip


@responses.activate
def test_an_answer_that_is_too_large_is_asked_for_in_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    google = Google()
    monkeypatch.setattr(http, "LARGEST_ANSWER", 600)
    large = {"results": [figures(number, DAY) for number in range(10)]}
    google.rows = [large, {"results": [figures(1, DAY - timedelta(days=1))]},
                   {"results": [figures(1)]}]  # fmt: skip
    assert len(all_days(account(), DAY - timedelta(days=1), DAY)) == 2
    google.rows = [large]
    with pytest.raises(TooMuch):
        all_days(account())


# The pulse ---------------------------------------------------------------------------------------


@responses.activate
def test_the_pulse_is_of_the_accounts_own_today() -> None:
    waits = Waits(datetime(2026, 11, 20, 23, 30, tzinfo=UTC).timestamp())  # 0:30 of the 21st there
    google = Google()
    total = figures(1, "2026-11-21")
    del total["campaign"]
    google.rows = [{"results": [total]}]
    pulse = account(waits).pulse()
    assert (pulse.day, pulse.spend, pulse.clicks) == (date(2026, 11, 21), Decimal("12.34"), 40)
    assert pulse.conversions == Decimal("0.37")
    google.rows = [{}]
    assert account(waits).pulse().spend == 0


# Memory and secrets ------------------------------------------------------------------------------


@responses.activate
def test_an_account_is_never_held_whole() -> None:
    peaks = []
    for count in (2, 12):
        responses.reset()
        google = Google()
        pages = [json.dumps([figures(at * 500 + one) for one in range(500)]) for at in range(count)]
        google.rows = [
            {"results": json.loads(page)} | ({"nextPageToken": f"p{at}"} if at + 1 < count else {})
            for at, page in enumerate(pages)
        ]
        one, rows = account(), 0
        tracemalloc.start()
        for page in one.days(DAY, DAY):
            rows += len(page)
            responses.calls.reset()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows == count * 500
    assert peaks[1] < peaks[0] * 2  # six times the pages; only what was told already is kept


@responses.activate
def test_no_repr_and_no_log_shows_a_token(caplog: pytest.LogCaptureFixture) -> None:
    google = Google()
    google.rows = [{"results": [row(1)]}]
    one = account()
    with caplog.at_level(logging.INFO):
        shown = [repr(one), str(vars(one)), repr(one.account()), repr(all_units(one)), caplog.text]
    assert not [text for text in shown if TOKEN in text]

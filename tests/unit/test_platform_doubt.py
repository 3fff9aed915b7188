"""Whatever a platform answers: figures that can be, or a sentence; never another error."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests
import responses

from autonomy.platforms.base import DayFigures, Platform, PlatformError, Unit
from autonomy.platforms.google_ads import GOOGLE_ADS, GoogleAdsAccount
from autonomy.platforms.meta import GRAPH, MetaAccount
from tests.unit.platform_answers import TOKEN, Waits

DAY = date(2026, 11, 28)
NOW = 1_795_860_000.0  # in the morning of that day
JUNK: list[Any] = [
    None, True, False, 0, -1, 10**30, 1.5, -0.0, "", " ", "x", "-1", "1e5", "NaN", "Infinity",
    "9" * 40, "2026-11-28", "ACTIVE", "\u0661", [], {}, [[]], [None], {"a": 1}, [{"a": []}],
    float("nan"), float("inf"), "\x00", "x" * 10_000,
]  # fmt: skip

META: dict[str, Any] = {
    "act_77": {
        "id": "act_77", "account_id": "77", "name": "Shop", "currency": "EUR",
        "timezone_name": "UTC", "account_status": 1, "min_daily_budget": 100,
    },
    "campaigns": {
        "data": [
            {"id": "1", "account_id": "77", "name": "One", "status": "ACTIVE",
             "effective_status": "ACTIVE", "daily_budget": "5000", "bid_strategy": "LOWEST",
             "created_time": "2026-01-02T03:04:05+0000", "is_budget_schedule_enabled": False},
            {"id": "2", "account_id": "77", "name": "Two", "status": "PAUSED"},
        ],
        "paging": {"cursors": {"before": "a", "after": "b"}},
    },
    "adsets": {
        "data": [
            {"id": "21", "account_id": "77", "campaign_id": "2", "name": "Set", "status": "ACTIVE",
             "effective_status": "CAMPAIGN_PAUSED", "lifetime_budget": "700",
             "learning_stage_info": {"status": "LEARNING"}},
        ],
    },
    "insights": {
        "data": [
            {"account_id": "77", "campaign_id": "1", "adset_id": "21", "date_start": str(DAY),
             "date_stop": str(DAY), "impressions": "10", "reach": "9", "clicks": "8",
             "inline_link_clicks": "7", "spend": "6.5",
             "actions": [{"action_type": "omni_purchase", "value": "2", "7d_click": "1"}],
             "action_values": [{"action_type": "omni_purchase", "value": "20"}]},
        ],
    },
}  # fmt: skip
GOOGLE: dict[str, Any] = {
    "customer.id": {
        "results": [{"customer": {
            "id": "1234567890", "descriptiveName": "Shop", "currencyCode": "EUR",
            "timeZone": "UTC", "status": "ENABLED", "manager": False, "testAccount": False}}],
    },
    "EXPERIMENT": {
        "results": [{"campaign": {"id": "2", "baseCampaign": "customers/1/campaigns/1"}}],
    },
    "FROM campaign": {
        "results": [{
            "campaign": {"id": "1", "name": "One", "status": "ENABLED", "primaryStatus": "ELIGIBLE",
                         "biddingStrategySystemStatus": "ENABLED", "experimentType": "BASE",
                         "startDateTime": "2026-01-02 03:04:05"},
            "campaignBudget": {"resourceName": "customers/1/campaignBudgets/7",
                               "referenceCount": "1", "amountMicros": "1500000",
                               "period": "DAILY", "explicitlyShared": False},
            "segments": {"date": str(DAY)},
            "metrics": {"impressions": "10", "clicks": "7", "costMicros": "6500000",
                        "conversions": 0.5, "conversionsValue": 20.5},
        }],
    },
    "FROM customer WHERE": {
        "results": [{"segments": {"date": str(DAY)},
                     "metrics": {"clicks": "7", "costMicros": "6500000", "conversions": 0.5}}],
    },
}  # fmt: skip


def meta_key(request: requests.PreparedRequest) -> str:
    return str(request.url).partition("?")[0].rpartition("/")[2]


def google_key(request: requests.PreparedRequest) -> str:
    query = json.loads(request.body or "")["query"]
    if "FROM customer WHERE" in query:
        return "FROM customer WHERE"
    return next(key for key in GOOGLE if key in query)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every node of an answer."""
    yield path
    keys = (
        range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
    )
    for key in keys:
        yield from places(value[key], (*path, key))


def spoiled(answers: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The answers with one or two of their nodes replaced, taken out or doubled."""
    told: Any = copy.deepcopy(answers)
    for _ in range(draw.choice((1, 1, 2))):
        *path, last = draw.choice([one for one in places(told) if one])
        holder: Any = told
        for key in path:
            holder = holder[key]
        if isinstance(holder, list) and draw.random() < 0.2:
            holder.append(copy.deepcopy(holder[last]))
        elif isinstance(holder, dict) and path and draw.random() < 0.2:
            del holder[last]
        else:
            holder[last] = draw.choice(JUNK)
    return dict(told)


def client(mock: responses.RequestsMock, platform: str, answers: dict[str, Any]) -> Platform:
    waits = Waits(NOW)
    key = meta_key if platform == "meta" else google_key

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps(answers.get(key(request)))

    if platform == "meta":
        for path in ("act_77", "act_77/campaigns", "act_77/adsets", "act_77/insights"):
            mock.add_callback(responses.GET, f"{GRAPH}/{path}", answer)
        return MetaAccount("77", token=TOKEN, clock=waits.clock, sleep=waits.sleep)
    url = f"{GOOGLE_ADS}/customers/1234567890/googleAds:search"
    mock.add_callback(responses.POST, url, answer)
    return GoogleAdsAccount("1234567890", token=lambda: TOKEN, clock=waits.clock, sleep=waits.sleep)


def believable(one: Unit | DayFigures) -> bool:
    if isinstance(one, Unit):
        return one.external_id.isdigit() and (one.budget is None or 0 <= one.budget < 10**12)
    money = (one.spend, one.revenue, one.conversions)
    counts = (one.impressions, one.clicks, one.reach or 0)
    return (
        one.external_id.isdigit()
        and one.day == DAY
        and all(0 <= amount < 10**12 for amount in money)
        and all(0 <= count < 10**15 for count in counts)
    )


def read(one: Platform) -> int:
    """Everything; how many rows came."""
    one.account()
    rows: list[Unit | DayFigures] = [unit for page in one.units() for unit in page]
    rows += [row for page in one.days(DAY, DAY) for row in page]
    pulse = one.pulse()
    assert 0 <= pulse.spend < 10**12
    assert all(believable(row) for row in rows)
    return len(rows)


ANSWERS = {"meta": META, "google": GOOGLE}


@pytest.mark.parametrize(("platform", "rows"), [("meta", 3), ("google", 2)])
def test_the_answers_are_good_as_they_are(platform: str, rows: int) -> None:
    with responses.RequestsMock() as mock:
        assert read(client(mock, platform, ANSWERS[platform])) == rows


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_whatever_comes_is_read_or_said(platform: str) -> None:
    draw = random.Random(20261128)
    said = set()
    for _ in range(200):
        answers = spoiled(ANSWERS[platform], draw)
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            try:
                read(client(mock, platform, answers))
            except PlatformError as error:
                said.add(error.message)
    assert len(said) > 30  # it is not always the same that is wrong
    assert max(map(len, said)) < 400

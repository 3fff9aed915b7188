"""Reading a Meta account: units, money, days, pages."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses

from autonomy.platforms.base import AccountBroken, Later, PlatformError, TooMuch
from autonomy.platforms.http import no_later_than
from autonomy.platforms.meta import GRAPH, MetaAccount
from tests.unit.platform_answers import (
    APP_SECRET,
    TOKEN,
    Waits,
    asked,
    check_hidden,
    meta_error,
    no_secret,
    script,
)

ACCOUNT = f"{GRAPH}/act_77"
CAMPAIGNS, ADSETS = f"{ACCOUNT}/campaigns", f"{ACCOUNT}/adsets"
INSIGHTS = f"{ACCOUNT}/insights"
DAY = date(2026, 11, 20)
TOO_LONG: Any = (400, meta_error(100, 1487534), {})
TOO_LARGE: Any = (
    500,
    meta_error(1, message="Please reduce the amount of data you're asking for"),
    {},
)


def account(waits: Waits | None = None, **how: Any) -> MetaAccount:
    waits = waits or Waits()
    more: dict[str, Any] = {"clock": waits.clock, "sleep": waits.sleep} | how
    return MetaAccount("act_77", token=TOKEN, app_secret=APP_SECRET, **more)


def facts(**changes: Any) -> dict[str, Any]:
    told = {
        "id": "act_77",
        "account_id": "77",
        "name": "Shop",
        "currency": "EUR",
        "timezone_name": "Asia/Tokyo",
        "account_status": 1,
        "min_daily_budget": 100,
    }
    return told | changes


def campaign(number: int, **changes: Any) -> dict[str, Any]:
    told = {
        "id": str(number),
        "account_id": "77",
        "name": f"Campaign {number}",
        "status": "ACTIVE",
        "effective_status": "ACTIVE",
        "daily_budget": "5000",
        "created_time": "2026-01-02T03:04:05+0900",
    }
    return {key: value for key, value in (told | changes).items() if value is not None}


def adset(number: int, parent: int, **changes: Any) -> dict[str, Any]:
    told = campaign(number, name=f"Set {number}", campaign_id=str(parent))
    return {key: value for key, value in (told | changes).items() if value is not None}


def day(number: int, **changes: Any) -> dict[str, Any]:
    told = {
        "campaign_id": str(number),
        "date_start": DAY.isoformat(),
        "date_stop": DAY.isoformat(),
        "impressions": "1000",
        "reach": "800",
        "clicks": "90",
        "inline_link_clicks": "40",
        "spend": "12.34",
    }
    return {key: value for key, value in (told | changes).items() if value is not None}


def paged(*pages: list[Any], **more: Any) -> list[dict[str, Any]]:
    """Pages with the cursors and the next page's address, as Graph writes them."""
    told = []
    for at, rows in enumerate(pages):
        paging: dict[str, Any] = {"cursors": {"before": f"b{at}", "after": f"a{at}"}}
        if at + 1 < len(pages):
            paging["next"] = f"{CAMPAIGNS}?access_token={TOKEN}&after=a{at}"
        told.append({"data": rows, "paging": paging, **more})
    return told


def tell(
    *, campaigns: list[Any] | None = None, adsets: list[Any] | None = None, **about: Any
) -> None:
    responses.get(ACCOUNT, json=facts(**about))
    script(campaigns or [{"data": []}], url=CAMPAIGNS)
    script(adsets or [{"data": []}], url=ADSETS)


def calls(url: str) -> list[dict[str, str]]:
    return [asked(one) for one in responses.calls if str(one.request.url).split("?")[0] == url]


def all_units(one: MetaAccount) -> dict[str, Any]:
    return {unit.external_id: unit for page in one.units() for unit in page}


def all_days(one: MetaAccount, since: date = DAY, until: date = DAY) -> list[Any]:
    return [row for page in one.days(since, until) for row in page]


# The account -------------------------------------------------------------------------------------


@responses.activate
def test_the_account_tells_its_money_and_its_days() -> None:
    tell(currency="jpy", min_daily_budget="100")
    actions = [
        {"action_type": "lead", "value": "1"},
        {"action_type": "omni_purchase", "value": "2"},
    ]
    script([{"data": [{"actions": actions}]}], url=INSIGHTS)
    read = account().account()
    assert (read.external_id, read.currency, read.time_zone) == ("77", "JPY", "Asia/Tokyo")
    assert read.min_daily_budget == 100  # yen have no cents
    assert (read.active, read.problem) == (True, "")
    assert read.conversion_actions == ["lead", "omni_purchase"]


@responses.activate
def test_every_call_is_proved_with_the_apps_secret() -> None:
    tell()
    script([{"data": []}], url=INSIGHTS)
    account().account()
    proof = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    assert [asked(call)["appsecret_proof"] for call in responses.calls] == [proof, proof]
    assert not [call for call in responses.calls if TOKEN in str(call.request.url)]


@responses.activate
@pytest.mark.parametrize(
    ("status", "active", "why"),
    [
        (1, True, ""),
        (9, True, ""),
        (2, False, "disabled"),
        (3, False, "payment"),
        (42, False, "42"),
    ],
)
def test_an_account_that_is_not_active_says_why(status: int, active: bool, why: str) -> None:
    tell(account_status=status)
    script([{"data": []}], url=INSIGHTS)
    read = account().account()
    assert read.active is active
    assert why in read.problem


@responses.activate
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"currency": "XXX"}, "not known"),
        ({"currency": None}, "currency"),
        ({"timezone_name": "Mars/Olympus"}, "time zone"),
        ({"timezone_name": "../../etc/passwd"}, "time zone"),
        ({"account_id": "78"}, "another account"),
        ({"account_id": None}, "account_id"),
        ({"account_status": "active"}, "account_status"),
        ({"account_status": True}, "account_status"),
        ({"min_daily_budget": -1}, "min_daily_budget"),
        ({"min_daily_budget": [1]}, "min_daily_budget"),
        ({"name": 5}, "name"),
    ],
)
def test_an_account_that_cannot_be_read_says_what(changes: dict[str, Any], why: str) -> None:
    tell(**changes)
    with pytest.raises(PlatformError, match=why):
        account().account()


@responses.activate
@pytest.mark.parametrize("body", [[], "text", 5, None, {"data": 1}])
def test_an_answer_of_another_shape_is_said(body: Any) -> None:
    responses.get(ACCOUNT, body=json.dumps(body))
    with pytest.raises(PlatformError, match="cannot be read"):
        account().account()


@responses.activate
def test_an_account_that_is_not_to_be_seen_is_broken() -> None:
    responses.get(ACCOUNT, status=400, json=meta_error(100, 33))
    with pytest.raises(AccountBroken, match="may not see"):
        account().account()


@pytest.mark.parametrize(
    "number", ["", "act_", "act_7/campaigns", "7?x=1", "\u0667\u0667", "1" * 30]
)
def test_an_account_is_a_number(number: str) -> None:
    with pytest.raises(PlatformError, match="number"):
        MetaAccount(number, token=TOKEN)


def test_another_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTONOMY_META_API", "http://127.0.0.1:1234")
    with responses.RequestsMock() as mock:
        mock.get("http://127.0.0.1:1234/v26.0/act_77", json=facts())
        mock.get("http://127.0.0.1:1234/v26.0/act_77/insights", json={"data": []})
        assert account().account().currency == "EUR"


def test_the_environment_cannot_take_the_token_off_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTONOMY_META_API", "http://graph.example.com/v26.0")
    with pytest.raises(PlatformError, match="https"):
        account()


# Units -------------------------------------------------------------------------------------------


@responses.activate
def test_a_unit_is_what_holds_the_budget() -> None:
    own, without = campaign(1), campaign(2, name="ABO", daily_budget=None)
    lifetime = campaign(3, daily_budget="0", lifetime_budget="90000")
    sets = [
        adset(21, 2),
        adset(22, 2, daily_budget="0", lifetime_budget="700"),
        adset(11, 1, daily_budget="0", lifetime_budget="0"),
        adset(99, 9),
    ]
    tell(campaigns=paged([own, without, lifetime]), adsets=[{"data": []}, *paged(sets)])
    units = all_units(account())
    assert {number: (one.kind, one.title) for number, one in units.items()} == {
        "1": ("campaign", "Campaign 1"),
        "3": ("campaign", "Campaign 3"),
        "21": ("adset", "ABO / Set 21"),
        "22": ("adset", "ABO / Set 22"),
    }
    assert [(one.budget, one.budget_kind) for one in units.values()] == [
        (Decimal(50), "daily"),
        (None, "lifetime"),
        (Decimal(50), "daily"),
        (None, "lifetime"),
    ]
    assert units["1"].created_at == datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC)


@responses.activate
def test_budgets_in_yen_have_no_cents() -> None:
    tell(campaigns=paged([campaign(1)]), currency="JPY")
    assert all_units(account())["1"].budget == 5000


@responses.activate
@pytest.mark.parametrize(
    ("own", "effective", "parent", "status"),
    [
        ("ACTIVE", "ACTIVE", "ACTIVE", "active"),
        ("ACTIVE", "WITH_ISSUES", "ACTIVE", "active"),
        ("ACTIVE", "IN_PROCESS", "ACTIVE", "active"),
        ("ACTIVE", None, "ACTIVE", "active"),
        ("ACTIVE", "CAMPAIGN_PAUSED", "ACTIVE", "paused"),
        ("ACTIVE", "ACTIVE", "PAUSED", "paused"),
        ("PAUSED", "ACTIVE", "ACTIVE", "paused"),
        ("PAUSED", "CAMPAIGN_PAUSED", "PAUSED", "paused"),
    ],
)
def test_under_a_paused_campaign_an_ad_set_is_paused(
    own: str, effective: str | None, parent: str, status: str
) -> None:
    above = campaign(2, daily_budget=None, status=parent, effective_status=parent)
    below = adset(21, 2, status=own, effective_status=effective)
    tell(campaigns=paged([above]), adsets=paged([below]))
    unit = all_units(account())["21"]
    assert unit.status == status
    assert unit.status_text == (effective or own)
    assert unit.details["status"] == own


@responses.activate
def test_what_is_gone_is_not_listed() -> None:
    rows = [
        campaign(1, status="ARCHIVED"),
        campaign(2, effective_status="DELETED"),
        campaign(3),
    ]
    tell(campaigns=paged(rows))
    assert list(all_units(account())) == ["3"]


@responses.activate
def test_a_campaign_learns_while_one_of_its_ad_sets_does() -> None:
    learning = [
        {"campaign_id": "1", "learning_stage_info": {"status": "LEARNING"}},
        {"campaign_id": "2", "learning_stage_info": {"status": "SUCCESS"}},
        {"campaign_id": "3"},
    ]
    sets = [adset(41, 4, learning_stage_info={"status": "LEARNING"}), adset(42, 4)]
    tell(
        campaigns=paged([campaign(1), campaign(2), campaign(3), campaign(4, daily_budget=None)]),
        adsets=[{"data": learning}, {"data": sets}],
    )
    units = all_units(account())
    assert {number: one.learning for number, one in units.items()} == {
        "1": True, "2": False, "3": False, "41": True, "42": False,
    }  # fmt: skip
    assert calls(ADSETS)[0]["effective_status"] == '["ACTIVE"]'


@responses.activate
@pytest.mark.parametrize(
    ("changes", "hold"),
    [
        ({}, None),
        ({"is_budget_schedule_enabled": True}, "SCHEDULED_BUDGET"),
        ({"buying_type": "RESERVED"}, "SCHEDULED_BUDGET"),
        ({"buying_type": "AUCTION"}, None),
    ],
)
def test_a_budget_that_was_planned_is_held(changes: dict[str, Any], hold: str | None) -> None:
    above = campaign(2, daily_budget=None, **changes)
    tell(campaigns=paged([campaign(1, **changes), above]), adsets=[{"data": [adset(21, 2)]}])
    units = all_units(account())
    assert (units["1"].hold, units["21"].hold) == (hold, hold)


@responses.activate
def test_what_meta_lets_no_program_change_says_so() -> None:
    legacy = {"smart_promotion_type": "AUTOMATED_SHOPPING_ADS"}
    other = campaign(3, smart_promotion_type="GUIDED_CREATION")
    rows = [campaign(1, **legacy), campaign(2, daily_budget=None, **legacy), other]
    tell(campaigns=paged(rows), adsets=[{"data": [adset(21, 2)]}])
    units = all_units(account())
    told = {number: one.details.get("not_changeable") for number, one in units.items()}
    legacy_word = "AUTOMATED_SHOPPING_ADS"
    assert told == {"1": legacy_word, "3": None, "21": legacy_word}


@responses.activate
@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "1/insights"},
        {"id": True},
        {"status": None},
        {"status": "SLEEPING"},
        {"daily_budget": "-5"},
        {"daily_budget": "12.5"},
        {"daily_budget": "1e99"},
        {"daily_budget": "NaN"},
        {"daily_budget": {"a": 1}},
        {"daily_budget": "9" * 16},
        {"created_time": "yesterday"},
        {"created_time": 5},
        {"is_budget_schedule_enabled": "no"},
    ],
    ids=str,
)
def test_a_campaign_that_cannot_be_read_says_which_field(changes: dict[str, Any]) -> None:
    tell(campaigns=paged([campaign(1, **changes)]))
    with pytest.raises(PlatformError, match=f"{next(iter(changes))} of a row"):
        all_units(account())


@responses.activate
@pytest.mark.parametrize("body", [{"data": {}}, {"data": [1]}, {"data": [], "paging": []}, []])
def test_a_page_of_another_shape_is_said(body: Any) -> None:
    tell(campaigns=[body])
    with pytest.raises(PlatformError, match="cannot be read"):
        all_units(account())


# Pages -------------------------------------------------------------------------------------------


@responses.activate
def test_pages_are_turned_by_the_cursor_alone() -> None:
    tell(campaigns=paged([campaign(1)], [], [campaign(2)], [campaign(1), campaign(3)]))
    pages = list(account(page=1).units())
    assert [[one.external_id for one in page] for page in pages] == [["1"], ["2"], ["3"]]
    assert [(one["limit"], one.get("after")) for one in calls(CAMPAIGNS)] == [
        ("1", None), ("1", "a0"), ("1", "a1"), ("1", "a2"),
    ]  # fmt: skip
    assert not [call for call in responses.calls if "access_token" in str(call.request.url)]


@responses.activate
def test_a_listing_that_goes_in_a_circle_ends() -> None:
    page = {"data": [], "paging": {"next": "x", "cursors": {"after": "same"}}}
    tell(campaigns=[page])
    with pytest.raises(PlatformError, match="circle"):
        all_units(account())
    assert len(calls(CAMPAIGNS)) == 2


@responses.activate
def test_a_next_page_without_a_cursor_is_said() -> None:
    tell(campaigns=[{"data": [], "paging": {"next": f"https://x?access_token={TOKEN}"}}])
    with pytest.raises(PlatformError, match="after of cursors"):
        all_units(account())


@responses.activate
def test_pages_that_are_too_much_get_smaller_from_where_they_are() -> None:
    first, second = paged([campaign(1)], [campaign(2)])
    tell(campaigns=[first, TOO_LARGE, TOO_LARGE, second])
    assert list(all_units(account())) == ["1", "2"]
    assert [(one["limit"], one.get("after")) for one in calls(CAMPAIGNS)] == [
        ("500", None), ("500", "a0"), ("250", "a0"), ("125", "a0"),
    ]  # fmt: skip


@responses.activate
def test_pages_do_not_get_smaller_without_end() -> None:
    tell(campaigns=[TOO_LARGE])
    with pytest.raises(TooMuch):
        all_units(account())
    assert [one["limit"] for one in calls(CAMPAIGNS)] == ["500", "250", "125", "62", "31", "25"]


# One unit ----------------------------------------------------------------------------------------


NOT_A_SET: Any = (400, meta_error(100, message="(#100) Tried accessing nonexisting field"), {})


@responses.activate
def test_one_campaign_is_read_whatever_became_of_it() -> None:
    tell()
    script(
        [NOT_A_SET, campaign(1, status="ARCHIVED", effective_status="ARCHIVED")], url=f"{GRAPH}/1"
    )
    unit = account().unit("1")
    assert unit
    assert (unit.status, unit.budget_kind, unit.budget) == ("archived", "daily", Decimal(50))


@responses.activate
def test_one_ad_set_is_read_with_its_campaign() -> None:
    tell()
    responses.get(f"{GRAPH}/21", json=adset(21, 2))
    responses.get(f"{GRAPH}/2", json=campaign(2, daily_budget=None, status="PAUSED"))
    unit = account().unit("21")
    assert unit
    assert (unit.title, unit.status) == ("Campaign 2 / Set 21", "paused")


@responses.activate
def test_a_campaign_whose_budget_moved_to_its_ad_sets_says_so() -> None:
    tell()
    script([NOT_A_SET, campaign(1, daily_budget=None)], url=f"{GRAPH}/1")
    unit = account().unit("1")
    assert unit
    assert (unit.budget, unit.budget_kind) == (None, "children")


@responses.activate
def test_a_unit_that_meta_knows_no_more_is_null() -> None:
    tell()
    responses.get(f"{GRAPH}/1", status=400, json=meta_error(100, 33))
    assert account().unit("1") is None


@responses.activate
def test_a_unit_is_not_gone_where_the_account_is_not_to_be_seen() -> None:
    script([facts(), (400, meta_error(100, 33), {})], url=ACCOUNT)
    responses.get(f"{GRAPH}/1", status=400, json=meta_error(100, 33))
    with pytest.raises(AccountBroken):
        account().unit("1")


@responses.activate
def test_a_unit_of_another_account_is_refused() -> None:
    tell()
    responses.get(f"{GRAPH}/21", json=adset(21, 2, account_id="78"))
    with pytest.raises(PlatformError, match="another account"):
        account().unit("21")


@pytest.mark.parametrize("number", ["", "me", "1/insights", "act_77", "../1"])
def test_a_unit_is_a_number(number: str) -> None:
    with pytest.raises(PlatformError, match="number"):
        account().unit(number)


# Days --------------------------------------------------------------------------------------------


@responses.activate
def test_a_day_is_read_exactly() -> None:
    tell(campaigns=paged([campaign(1)]))
    script([{"data": [day(1)]}], url=INSIGHTS)
    (row,) = all_days(account())
    assert (row.external_id, row.day, row.impressions, row.reach) == ("1", DAY, 1000, 800)
    assert row.clicks == 40  # on the link, not every tap
    assert (row.spend, row.conversions, row.revenue) == (Decimal("12.34"), 0, 0)
    sent = calls(INSIGHTS)[0]
    assert (sent["level"], sent["time_increment"]) == ("campaign", "1")
    assert json.loads(sent["time_range"]) == {"since": "2026-11-20", "until": "2026-11-20"}
    assert json.loads(sent["action_attribution_windows"]) == ["7d_click", "1d_view"]
    assert "use_account_attribution_setting" not in sent


@responses.activate
def test_spend_is_in_whole_units_where_budgets_are_in_minor_ones() -> None:
    tell(campaigns=paged([campaign(1)]), currency="JPY")
    script([{"data": [day(1, spend="5000")]}], url=INSIGHTS)
    assert all_days(account())[0].spend == all_units(account())["1"].budget == 5000


def action(kind: str, value: str, **windows: str) -> dict[str, str]:
    named = {"c7": "7d_click", "c1": "1d_click", "c28": "28d_click", "v1": "1d_view"}
    return {"action_type": kind, "value": value} | {named[k]: v for k, v in windows.items()}


@responses.activate
@pytest.mark.parametrize(
    ("actions", "how", "conversions"),
    [
        ([action("purchase", "3"), action("omni_purchase", "3")], {}, "3"),
        ([action("offsite_conversion.fb_pixel_purchase", "2"), action("purchase", "3")], {}, "3"),
        ([action("onsite_web_purchase", "1"),
          action("offsite_conversion.fb_pixel_purchase", "2")], {}, "2"),
        ([action("link_click", "90")], {}, "0"),
        ([action("lead", "4"), action("omni_purchase", "3")], {"conversion": "lead"}, "4"),
        ([action("omni_purchase", "3")], {"conversion": "lead"}, "0"),
        ([action("purchase", "3.5")], {}, "3.5"),
        ([action("purchase", "-1")], {}, "0"),
        ([action("purchase", "9", c7="5", v1="2")], {}, "7"),
        ([action("purchase", "9", c7="5")], {}, "5"),
        ([action("purchase", "9", c1="3", c7="5")],
         {"attribution_windows": ("1d_click", "7d_click")}, "5"),
        ([action("purchase", "9", c7="5", v1="2")], {"attribution_windows": ("1d_view",)}, "2"),
        ([action("purchase", "9", c7="5", v1="2")], {"attribution_windows": ()}, "9"),
        (None, {}, "0"),
    ],
)  # fmt: skip
def test_exactly_one_kind_of_conversion_counts(
    actions: Any, how: dict[str, Any], conversions: str
) -> None:
    tell(campaigns=paged([campaign(1)]))
    script([{"data": [day(1, actions=actions, action_values=actions)]}], url=INSIGHTS)
    (row,) = all_days(account(**how))
    assert row.conversions == row.revenue == Decimal(conversions)


@responses.activate
def test_the_accounts_own_attribution_can_be_asked_for() -> None:
    tell(campaigns=paged([campaign(1)]))
    script([{"data": []}], url=INSIGHTS)
    assert all_days(account(attribution_windows=())) == []
    sent = calls(INSIGHTS)[0]
    assert sent["use_account_attribution_setting"] == "true"
    assert "action_attribution_windows" not in sent


@pytest.mark.parametrize("window", ["7d_view", "28d_view", "skan_view", "", "1d_click,7d_click"])
def test_windows_that_would_give_nothing_are_refused(window: str) -> None:
    with pytest.raises(PlatformError, match="window|no longer"):
        account(attribution_windows=("7d_click", window))


@responses.activate
@pytest.mark.parametrize(
    "changes",
    [
        {"spend": "-0.01"},
        {"spend": "NaN"},
        {"spend": "Infinity"},
        {"spend": "1e30"},
        {"spend": "1e99"},
        {"spend": "1000000000000"},
        {"spend": "12,34"},
        {"spend": [12]},
        {"spend": True},
        {"impressions": "-1"},
        {"impressions": "1.5"},
        {"impressions": "9" * 20},
        {"inline_link_clicks": "many"},
        {"reach": "-3"},
        {"campaign_id": "1; drop"},
        {"campaign_id": None},
        {"date_start": "2026-11-21"},
        {"date_start": "2026-11-19"},
        {"date_start": "20261120"},
        {"date_start": "2026-13-45"},
        {"date_start": None},
        {"date_stop": "2026-11-21"},
        {"actions": {"omni_purchase": 1}},
        {"actions": ["omni_purchase"]},
        {"actions": [{"value": "1"}]},
        {"actions": [{"action_type": "purchase", "value": "lots"}]},
        {"actions": [{"action_type": "purchase", "7d_click": "1e25"}]},
    ],
    ids=str,
)
def test_figures_that_cannot_be_are_said(changes: dict[str, Any]) -> None:
    tell(campaigns=paged([campaign(1)]))
    script([{"data": [day(1, **changes)]}], url=INSIGHTS)
    with pytest.raises(PlatformError, match=r"Meta's answer cannot be read"):
        all_days(account())


@responses.activate
def test_each_level_is_asked_for_where_it_has_units() -> None:
    tell(campaigns=paged([campaign(1), campaign(2, daily_budget=None)]))
    campaigns = [day(1), day(2), day(8)]
    sets = [day(1, adset_id="11"), day(2, adset_id="21")]
    script([{"data": campaigns}, {"data": sets}], url=INSIGHTS)
    assert [row.external_id for row in all_days(account())] == ["1", "8", "21"]
    assert [one["level"] for one in calls(INSIGHTS)] == ["campaign", "adset"]


@responses.activate
@pytest.mark.parametrize(("budget", "levels"), [("5000", ["campaign"]), (None, ["adset"])])
def test_and_not_where_it_has_none(budget: str | None, levels: list[str]) -> None:
    tell(campaigns=paged([campaign(1, daily_budget=budget)]))
    script([{"data": []}], url=INSIGHTS)
    assert all_days(account()) == []
    assert [one["level"] for one in calls(INSIGHTS)] == levels


@responses.activate
def test_a_day_told_twice_counts_once() -> None:
    tell(campaigns=paged([campaign(1)]))
    script(paged([day(1)], [day(1, spend="99")]), url=INSIGHTS)
    assert [row.spend for row in all_days(account())] == [Decimal("12.34")]


@responses.activate
@pytest.mark.parametrize("far", [(DAY, DAY - timedelta(days=1)), (date(2020, 1, 1), DAY)])
def test_a_range_that_is_none_is_refused(far: tuple[date, date]) -> None:
    tell(campaigns=paged([campaign(1)]))
    with pytest.raises(PlatformError, match="range of days"):
        all_days(account(), *far)


@responses.activate
def test_a_range_that_is_too_long_is_halved() -> None:
    tell(campaigns=paged([campaign(1)]))
    first = DAY - timedelta(days=3)
    script([TOO_LONG, {"data": []}, TOO_LONG, {"data": []}, {"data": [day(1)]}], url=INSIGHTS)
    assert len(all_days(account(), first, DAY)) == 1
    ranges = [tuple(json.loads(one["time_range"]).values()) for one in calls(INSIGHTS)]
    assert ranges == [
        ("2026-11-17", "2026-11-20"),
        ("2026-11-17", "2026-11-18"),
        ("2026-11-19", "2026-11-20"),
        ("2026-11-19", "2026-11-19"),
        ("2026-11-20", "2026-11-20"),
    ]
    assert {one["limit"] for one in calls(INSIGHTS)} == {"500"}


@responses.activate
@pytest.mark.parametrize("made", [True, False])
def test_a_day_that_is_too_much_comes_as_a_report_or_not_at_all(made: bool) -> None:
    tell(campaigns=paged([campaign(1)]))
    script([TOO_LONG], url=INSIGHTS)
    responses.post(INSIGHTS, json={"report_run_id": "900"})
    script(states(("Job Completed", 100) if made else ("Job Failed", 0)), url=REPORT)
    script([{"data": [day(1)]}], url=f"{REPORT}/insights")
    if made:
        assert len(all_days(account())) == 1
    else:
        with pytest.raises(TooMuch):
            all_days(account())
    limits = [one.get("limit") for one in calls(INSIGHTS)]
    assert limits == ["500", "250", "125", "62", "31", "25", None]


# Reports -----------------------------------------------------------------------------------------

MONTH = (DAY - timedelta(days=29), DAY)
REPORT = f"{GRAPH}/900"


def states(*told: Any) -> list[dict[str, Any]]:
    return [{"id": "900", "async_status": status, "async_percent_completion": percent}
            for status, percent in told]  # fmt: skip


@responses.activate
def test_a_long_range_is_a_report_that_meta_prepares() -> None:
    waits = Waits()
    tell(campaigns=paged([campaign(1)]))
    responses.post(INSIGHTS, json={"report_run_id": "900"})
    script(states(("Job Not Started", 0), ("Job Running", 50), ("Job Completed", 99),
                  ("Job Completed", 100)), url=REPORT)  # fmt: skip
    script(paged([day(1)], [day(1, date_start="2026-11-01", date_stop="2026-11-01")]),
           url=f"{REPORT}/insights")  # fmt: skip
    rows = all_days(account(waits), *MONTH)
    assert [row.day.isoformat() for row in rows] == ["2026-11-20", "2026-11-01"]
    assert waits.slept == [2, 4, 8]
    (sent,) = calls(INSIGHTS)
    assert json.loads(sent["time_range"]) == {"since": "2026-10-22", "until": "2026-11-20"}
    assert "appsecret_proof" in sent


@responses.activate
@pytest.mark.parametrize(
    ("begun", "state"),
    [
        ((400, meta_error(100, 1815001), {}), None),
        ({"report_run_id": "900"}, states(("Job Failed", 50))),
        ({"report_run_id": "900"}, states(("Job Skipped", 0))),
        ({"report_run_id": "900"}, [{"async_status": "Job Running", "error_code": 2}]),
        ({"report_run_id": "900"}, states(("Job Running", 50))),
        ({"report_run_id": "900"}, [(400, meta_error(100, 33), {})]),
    ],
)
def test_without_a_report_a_month_comes_in_weeks(begun: Any, state: Any) -> None:
    waits = Waits()
    tell(campaigns=paged([campaign(1)]))
    script([begun], "POST", INSIGHTS)
    if state:
        script(state, url=REPORT)
    script([{"data": []}, {"data": [day(1)]}], url=INSIGHTS)
    assert len(all_days(account(waits), DAY - timedelta(days=9), DAY)) == 1
    assert len([one for one in responses.calls if one.request.method == "GET"
                and str(one.request.url).startswith(f"{INSIGHTS}?")]) == 2  # fmt: skip
    assert sum(waits.slept) <= 260


@responses.activate
def test_no_report_is_waited_for_after_the_end() -> None:
    waits = Waits()
    tell(campaigns=paged([campaign(1)]))
    responses.post(INSIGHTS, json={"report_run_id": "900"})
    script(states(("Job Running", 50)), url=REPORT)
    with no_later_than(time.monotonic() + 10), pytest.raises(Later, match="no time left"):
        all_days(account(waits), *MONTH)
    assert waits.slept == [2, 4, 8]


@responses.activate
def test_a_report_that_breaks_off_does_not_count_its_days_twice() -> None:
    tell(campaigns=paged([campaign(1)]))
    responses.post(INSIGHTS, json={"report_run_id": "900"})
    script(states(("Job Completed", 100)), url=REPORT)
    first, _ = paged([day(1)], [])
    script([first, TOO_LONG], url=f"{REPORT}/insights")
    script([{"data": []}, {"data": [day(1)]}], url=INSIGHTS)
    rows = all_days(account(page=25), DAY - timedelta(days=9), DAY)
    assert [row.day for row in rows] == [DAY]


@responses.activate
@pytest.mark.parametrize("run", [None, "900/x", "", {"a": 1}])
def test_a_report_without_a_number_is_said(run: Any) -> None:
    tell(campaigns=paged([campaign(1)]))
    responses.post(INSIGHTS, json={"report_run_id": run})
    with pytest.raises(PlatformError, match="report_run_id"):
        all_days(account(), *MONTH)


# The pulse ---------------------------------------------------------------------------------------


@responses.activate
def test_the_pulse_is_of_the_accounts_own_today() -> None:
    waits = Waits(datetime(2026, 11, 20, 16, 0, tzinfo=UTC).timestamp())  # 1 h of the 21st there
    tell()
    today = "2026-11-21"
    row = day(1, account_id="77", date_start=today, date_stop=today,
              actions=[action("omni_purchase", "2", c7="2")])  # fmt: skip
    script([{"data": [row]}], url=INSIGHTS)
    pulse = account(waits).pulse()
    assert (pulse.day, pulse.spend, pulse.clicks) == (date(2026, 11, 21), Decimal("12.34"), 40)
    assert pulse.conversions == 2
    assert calls(INSIGHTS)[0]["level"] == "account"


@responses.activate
def test_a_day_without_delivery_has_a_pulse_of_nothing() -> None:
    tell()
    script([{"data": []}], url=INSIGHTS)
    pulse = account().pulse()
    assert pulse.spend == pulse.clicks == pulse.conversions == 0


# Memory and secrets ------------------------------------------------------------------------------


def _pages_of(count: int) -> None:
    """So many pages of 500 days each, made when they are asked for."""

    def answer(request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], str]:
        query = dict(parse_qsl(urlsplit(str(request.url)).query))
        at = int(query.get("after", "0"))
        rows = [day(at * 500 + one) for one in range(500)]
        paging = {"cursors": {"after": str(at + 1)}, "next": "there is more"}
        body = {"data": rows, "paging": paging if at + 1 < count else {}}
        return 200, {}, json.dumps(body)

    responses.add_callback(responses.GET, INSIGHTS, answer)


@responses.activate
def test_an_account_is_never_held_whole() -> None:
    tell(campaigns=paged([campaign(1)]))
    peaks = []
    for count in (2, 12):
        responses.remove(responses.GET, INSIGHTS)
        _pages_of(count)
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
def test_no_repr_and_no_log_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    tell(campaigns=paged([campaign(1)], [campaign(2)]))
    script([{"data": [day(1)]}], url=INSIGHTS)
    one = account()
    with caplog.at_level(logging.INFO):
        shown = [repr(one), repr(one.account()), repr(all_units(one)), repr(all_days(one))]
    for secret in (TOKEN, APP_SECRET):
        assert not [text for text in [*shown, caplog.text] if secret in text]


@responses.activate
def test_a_token_that_meta_repeats_is_hidden(caplog: pytest.LogCaptureFixture) -> None:
    told = meta_error(190, message=f"Malformed access token {TOKEN} of {APP_SECRET}")
    responses.get(ACCOUNT, status=400, json=told)
    with no_secret(caplog, kind=AccountBroken) as caught:
        account().account()
    assert "(hidden)" in caught[0].message
    check_hidden(caught[0], caplog.text, TOKEN, APP_SECRET)


@responses.activate
def test_an_unlucky_day_of_the_network_is_later(caplog: pytest.LogCaptureFixture) -> None:
    script([requests.ConnectionError(f"{ACCOUNT}?access_token={TOKEN}")], url=ACCOUNT)
    with no_secret(caplog, kind=Later):
        account().account()

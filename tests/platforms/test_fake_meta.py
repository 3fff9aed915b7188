"""The fake of Meta's API by itself: money, zones, lists, windows, limits, errors."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.platforms import sample
from tests.platforms.asking import Meta
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.loopback import mentions
from tests.platforms.meta_errors import LIMITS, named
from tests.platforms.meta_insights import HOURLY
from tests.platforms.sample import BERLIN, TOKYO, figures
from tests.platforms.world import PlainWorld

ACCOUNT = f"act_{BERLIN}"


@pytest.fixture
def world() -> PlainWorld:
    return sample.world()


@pytest.fixture
def meta(world: PlainWorld) -> Iterator[Meta]:
    fake = FakeMeta(world)
    yield Meta(fake)
    fake.stop()


def code(answer: requests.Response) -> tuple[int, int | None]:
    told = answer.json()["error"]
    return told["code"], told.get("error_subcode")


def test_budgets_come_in_minor_units_and_spend_in_whole_ones(meta: Meta) -> None:
    euro = meta.get("100", fields="daily_budget").json()
    yen = meta.get("201", fields="daily_budget,lifetime_budget").json()
    assert (euro["daily_budget"], yen) == ("5000", {"id": "201", "daily_budget": "5000"})
    assert meta.get(f"act_{TOKYO}", fields="min_daily_budget").json()["min_daily_budget"] == 150
    spends = {
        row["campaign_id"]: row["spend"]
        for row in meta.insights(BERLIN, "2026-11-27", "2026-11-27")
    }
    assert spends == {"100": "20", "120": "5"}
    assert meta.insights(TOKYO, "2026-11-27", "2026-11-27")[0]["spend"] == "4000"


def test_a_day_is_the_accounts(meta: Meta) -> None:
    """Tokyo's 27 November ends while it is still afternoon in London."""
    assert meta.insights(TOKYO, "2026-11-26", "2026-11-26") == []
    row = meta.insights(TOKYO, "2026-11-27", "2026-11-27")[0]
    assert (row["date_start"], row["date_stop"]) == ("2026-11-27", "2026-11-27")
    offset = meta.get(f"act_{TOKYO}", fields="timezone_name,timezone_offset_hours_utc").json()
    assert (offset["timezone_name"], offset["timezone_offset_hours_utc"]) == ("Asia/Tokyo", 9.0)


def test_lists_are_paged_in_order_and_leave_out_what_is_archived_or_deleted(meta: Meta) -> None:
    asked = {"fields": "name,status,effective_status,daily_budget,lifetime_budget", "limit": 2}
    found = list(meta.rows(f"{ACCOUNT}/campaigns", **asked))
    assert [row["id"] for row in found] == ["100", "120", "130", "160", "170"]
    assert found[1].keys() == {"id", "name", "status", "effective_status"}  # budgets on its parts
    assert found[2]["lifetime_budget"] == "90000"
    old = meta.rows(
        f"{ACCOUNT}/campaigns", effective_status=["ARCHIVED", "DELETED"], fields="status"
    )
    assert [row["status"] for row in old] == ["ARCHIVED", "DELETED"]
    assert meta.get("150", fields="status").json()["status"] == "DELETED"


def test_the_address_of_the_next_page_has_the_token_in_it(meta: Meta) -> None:
    told = meta.get(f"{ACCOUNT}/campaigns", limit=2).json()
    assert "access_token=meta-token" in told["paging"]["next"]
    # The SDK and others follow it as it is.
    assert requests.get(told["paging"]["next"], timeout=10).json()["data"][0]["id"] == "130"


def test_an_ad_set_tells_of_its_campaign_and_of_learning(meta: Meta) -> None:
    fields = (
        "campaign_id,campaign{name,daily_budget},daily_budget,lifetime_budget,learning_stage_info"
    )
    found = {row["id"]: row for row in meta.rows(f"{ACCOUNT}/adsets", fields=fields)}
    assert found["121"]["campaign"] == {"id": "120", "name": "In parts"}
    assert (found["121"]["daily_budget"], found["121"]["lifetime_budget"]) == ("2000", "0")
    assert found["101"]["daily_budget"] == "0"
    assert [found[name]["learning_stage_info"]["status"] for name in ("121", "122")] == [
        "LEARNING", "SUCCESS",
    ]  # fmt: skip
    assert meta.get("171", fields="status,effective_status").json() == {
        "id": "171", "status": "ACTIVE", "effective_status": "CAMPAIGN_PAUSED",
    }  # fmt: skip


def test_a_conversion_comes_under_many_names_and_by_the_hour_not_at_all(meta: Meta) -> None:
    day = meta.insights(BERLIN, "2026-11-27", "2026-11-27")[0]
    purchases = [one for one in day["actions"] if "purchase" in one["action_type"]]
    assert len(purchases) == 6
    assert {one["value"] for one in purchases} == {"2"}
    hours = meta.insights(BERLIN, "2026-11-27", "2026-11-27", breakdowns=[HOURLY])
    assert [(row[HOURLY][:8], row["spend"]) for row in hours if row["campaign_id"] == "100"] == [
        ("09:00:00", "12.5"), ("10:00:00", "7.5"),
    ]  # fmt: skip
    kinds = {one["action_type"] for row in hours for one in row["actions"]}
    assert kinds == {"link_click", "post_engagement", "page_engagement"}
    assert not [row for row in hours if "action_values" in row]


def test_leads_are_counted_under_their_own_names_and_have_no_value(
    world: PlainWorld, meta: Meta
) -> None:
    account = world.accounts[BERLIN]
    account.conversion_names = ("lead", "offsite_conversion.fb_pixel_lead")
    account.values = False
    row = meta.insights(BERLIN, "2026-11-27", "2026-11-27")[0]
    assert [one["action_type"] for one in row["actions"] if "lead" in one["action_type"]] == [
        "offsite_conversion.fb_pixel_lead", "lead",
    ]  # fmt: skip
    assert "action_values" not in row


def test_windows_of_attribution(world: PlainWorld, meta: Meta) -> None:
    world.tell(figures("101", 9, impressions=9, conversions="10", revenue="100"))
    asked = ["1d_click", "7d_click", "1d_view", "7d_view", "28d_view"]
    rows = meta.insights(BERLIN, "2026-11-27", "2026-11-27", action_attribution_windows=asked)
    purchase = next(one for one in rows[0]["actions"] if one["action_type"] == "omni_purchase")
    assert purchase == {
        "action_type": "omni_purchase", "value": "10", "1d_click": "4", "7d_click": "8",
        "1d_view": "2",
    }  # fmt: skip
    wrong = meta.get(f"{ACCOUNT}/insights", action_attribution_windows=["3d_click"])
    assert code(wrong) == (100, None)


def test_ad_sets_and_the_account_as_levels_and_days_added_up(world: PlainWorld, meta: Meta) -> None:
    world.tell(figures("101", 9, day=sample.DAY - timedelta(days=1), impressions=1, spend="1"))
    sets = meta.insights(BERLIN, "2026-11-27", "2026-11-27", level="adset")
    assert [(row["campaign_id"], row["adset_id"]) for row in sets] == [
        ("100", "101"), ("120", "121"), ("120", "122"),
    ]  # fmt: skip
    whole = meta.insights(
        BERLIN, "2026-11-26", "2026-11-28", level="account", time_increment="all_days"
    )
    assert [(row["spend"], row["date_start"], row["date_stop"]) for row in whole] == [
        ("26", "2026-11-26", "2026-11-28")
    ]


def test_archived_ones_have_figures_only_where_asked_for(world: PlainWorld, meta: Meta) -> None:
    world.tell(figures("140", 9, impressions=5, spend="5"))
    assert "140" not in {
        row["campaign_id"] for row in meta.insights(BERLIN, "2026-11-27", "2026-11-27")
    }
    only = [{"field": "campaign.effective_status", "operator": "IN", "value": ["ARCHIVED"]}]
    rows = meta.insights(BERLIN, "2026-11-27", "2026-11-27", filtering=only)
    assert [row["campaign_id"] for row in rows] == ["140"]


def test_a_budget_is_set_in_minor_units_and_a_pause_is_seen(world: PlainWorld, meta: Meta) -> None:
    assert meta.post("100", daily_budget=6150).json() == {"success": True}
    assert meta.post("201", daily_budget=6000).json() == {"success": True}
    assert meta.post("121", status="PAUSED").json() == {"success": True}
    assert world.budgets["1009"].amount == Decimal("61.50")
    assert world.budgets["2019"].amount == 6000
    assert world.things["121"].status == "paused"
    told = meta.get(f"{ACCOUNT}/activities", fields="event_type,application_id,object_id").json()
    assert told["data"] == [
        {"event_type": "update_ad_set_run_status", "application_id": "4711", "object_id": "121"},
        {"event_type": "update_campaign_budget", "application_id": "4711", "object_id": "100"},
    ]


def test_a_persons_change_has_no_application(world: PlainWorld, meta: Meta) -> None:
    world.set_budget("1009", Decimal(70), "Maria Keller", program=False)
    row = meta.get(f"{ACCOUNT}/activities").json()["data"][0]
    assert row["actor_name"] == "Maria Keller"
    assert "application_id" not in row


@pytest.mark.parametrize(
    ("thing", "told", "expected"),
    [
        ("100", {"daily_budget": "99"}, (100, 1885272)),  # under one euro
        ("201", {"daily_budget": "149"}, (100, 1885272)),  # under 150 yen
        ("100", {"daily_budget": "50.5"}, (100, None)),
        ("100", {"daily_budget": "-5000"}, (100, None)),
        ("100", {"daily_budget": "NaN"}, (100, None)),
        ("101", {"daily_budget": "5000"}, (100, 1885621)),  # the money stands on the campaign
        ("120", {"daily_budget": "5000"}, (100, 1885621)),  # and here on the ad sets
        ("130", {"daily_budget": "5000"}, (100, 1885621)),  # for its whole life
        ("100", {"status": "paused"}, (100, None)),
        ("140", {"status": "ACTIVE"}, (100, 1487566)),
        ("150", {"status": "ARCHIVED"}, (100, 1487566)),
        ("160", {"status": "PAUSED"}, (100, None)),
        ("100", {"bid_amount": "5"}, (100, None)),
        ("999", {"status": "PAUSED"}, (100, 33)),
    ],
)
def test_what_is_refused_changes_nothing(
    world: PlainWorld,
    meta: Meta,
    thing: str,
    told: dict[str, str],
    expected: tuple[int, int | None],
) -> None:
    assert code(meta.post(thing, **told)) == expected
    assert world.changes == []


def test_validate_only_says_what_would_be_and_does_nothing(world: PlainWorld, meta: Meta) -> None:
    only = ["validate_only"]
    assert meta.post("100", daily_budget=6000, execution_options=only).json() == {"success": True}
    assert code(meta.post("100", daily_budget=1, execution_options=only)) == (100, 1885272)
    assert world.changes == []


def test_four_changes_of_a_budget_an_hour_and_then_an_hour_of_none(
    world: PlainWorld, meta: Meta
) -> None:
    for amount in (2100, 2200, 2300, 2400):
        assert meta.post("121", daily_budget=amount).ok
        world.pass_time(minutes=10)
    assert code(meta.post("121", daily_budget=2500)) == (613, 1487632)
    assert meta.post("121", status="PAUSED").ok  # only its budget is blocked
    assert meta.post("122", daily_budget=2500).ok  # and only its own
    world.pass_time(minutes=59)
    assert code(meta.post("121", daily_budget=2500)) == (613, 1487632)
    world.pass_time(minutes=1)
    assert meta.post("121", daily_budget=2500).ok


def test_said_to_be_done_and_is_not(world: PlainWorld, meta: Meta) -> None:
    meta.fake.says_done_but_is_not = 1
    assert meta.post("100", daily_budget=6000).json() == {"success": True}
    assert meta.get("100", fields="daily_budget").json()["daily_budget"] == "5000"
    meta.post("100", daily_budget=6000)
    assert meta.get("100", fields="daily_budget").json()["daily_budget"] == "6000"


def test_too_many_calls_are_told_in_the_header_and_then_refused(world: PlainWorld) -> None:
    fake = FakeMeta(world, calls_an_hour=4)
    meta = Meta(fake)
    try:
        percents = []
        for _ in range(4):
            told = json.loads(meta.get(ACCOUNT).headers["X-Business-Use-Case-Usage"])
            percents.append(told[BERLIN][0]["call_count"])
        world.pass_time(minutes=20)
        refused = meta.get(ACCOUNT)
        wait = json.loads(refused.headers["X-Business-Use-Case-Usage"])[BERLIN][0]
        assert (percents, code(refused)) == ([25, 50, 75, 100], (80004, 2446079))
        assert wait["estimated_time_to_regain_access"] == 40
        assert meta.get(f"{ACCOUNT}/insights").ok  # counted by itself
        world.pass_time(minutes=40)
        assert meta.get(ACCOUNT).ok
    finally:
        fake.stop()


def test_too_many_rows_in_one_call(world: PlainWorld) -> None:
    fake = FakeMeta(world, most_rows=1)
    meta = Meta(fake)
    try:
        asked = {"level": "campaign", "time_increment": 1,
                 "time_range": {"since": "2026-11-27", "until": "2026-11-27"}}  # fmt: skip
        assert code(meta.get(f"{ACCOUNT}/insights", **asked)) == (100, 1487534)
        assert meta.get(f"{ACCOUNT}/insights", **{**asked, "level": "account"}).ok
    finally:
        fake.stop()


def test_a_report_is_ready_after_some_asking(meta: Meta) -> None:
    asked = {"level": "campaign", "time_range": {"since": "2026-11-27", "until": "2026-11-27"}}
    run = meta.post(f"{ACCOUNT}/insights", **asked).json()["report_run_id"]
    early = meta.get(f"{run}/insights")
    states = [meta.get(run).json() for _ in range(4)]
    assert code(early) == (2601, 1815107)
    assert [(one["async_status"], one["async_percent_completion"]) for one in states] == [
        ("Job Not Started", 0), ("Job Started", 0), ("Job Running", 50), ("Job Completed", 100),
    ]  # fmt: skip
    assert len(meta.get(f"{run}/insights").json()["data"]) == 2
    meta.fake.reports_to_fail = 1
    run = meta.post(f"{ACCOUNT}/insights", **asked).json()["report_run_id"]
    assert [meta.get(run).json() for _ in range(4)][-1]["async_status"] == "Job Failed"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (f"{ACCOUNT}/campaigns", {"fields": "budget"}),
        (f"{ACCOUNT}/campaigns", {"fields": "name.as(title)"}),
        (f"{ACCOUNT}/campaigns", {"effective_status": ["RUNNING"]}),
        (f"{ACCOUNT}/campaigns", {"limit": "0"}),
        (f"{ACCOUNT}/campaigns", {"after": "nonsense"}),
        (f"{ACCOUNT}/adsets", {"fields": "special_ad_country"}),
        (f"{ACCOUNT}/insights", {"fields": "cost"}),
        (f"{ACCOUNT}/insights", {"level": "campaigns"}),
        (f"{ACCOUNT}/insights", {"breakdowns": ["hour"]}),
        (f"{ACCOUNT}/insights", {"time_increment": "91"}),
        (f"{ACCOUNT}/insights", {"time_range": {"since": "2026-11-28", "until": "2026-11-27"}}),
        (f"{ACCOUNT}/insights", {"time_range": "2026-11-28"}),
        (f"{ACCOUNT}/insights", {"date_preset": "last_year_but_one"}),
    ],
)
def test_what_is_no_field_and_no_value_is_refused(
    meta: Meta, path: str, params: dict[str, Any]
) -> None:
    answer = meta.get(path, **params)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_the_token_and_its_proof(world: PlainWorld) -> None:
    fake = FakeMeta(world, needs_proof=True)
    address = f"{fake.start()}/{ACCOUNT}"
    proof = hmac.new(b"meta-secret", b"meta-token", hashlib.sha256).hexdigest()
    bearer = {"Authorization": "Bearer meta-token"}
    try:
        ask = [
            requests.get(address, {"appsecret_proof": proof}, headers=bearer, timeout=10),
            requests.get(
                address, {"access_token": "meta-token", "appsecret_proof": proof}, timeout=10
            ),
            requests.get(address, headers=bearer, timeout=10),
            requests.get(address, {"appsecret_proof": "0" * 64}, headers=bearer, timeout=10),
            requests.get(address, {"access_token": "another"}, timeout=10),
            requests.get(address, timeout=10),
        ]
        assert [one.status_code for one in ask] == [200, 200, 400, 400, 400, 400]
        assert [one.json()["error"]["code"] for one in ask[2:]] == [100, 100, 190, 104]
    finally:
        fake.stop()


@pytest.mark.parametrize("feature", ["ids", "method", "callback", "date_format"])
def test_features_that_are_gone_are_refused(meta: Meta, feature: str) -> None:
    assert code(meta.get(ACCOUNT, **{feature: "1"})) == (12, None)


def test_another_version_is_refused(meta: Meta) -> None:
    address = f"{meta.fake.root}/v25.0/{ACCOUNT}"
    assert code(requests.get(address, headers=meta.headers, timeout=10)) == (2635, None)


def test_faults_come_in_order_so_many_times_and_only_where_they_belong(meta: Meta) -> None:
    meta.fake.fail(named("transient"), times=2, when=mentions("insights"))
    meta.fake.fail(named("gateway"), when=mentions("insights"))
    assert meta.get(ACCOUNT).ok
    assert [meta.get(f"{ACCOUNT}/insights").status_code for _ in range(4)] == [500, 500, 502, 200]


def test_an_answer_that_is_lost_and_one_that_never_comes(world: PlainWorld, meta: Meta) -> None:
    meta.fake.fail(None, carried_out=True)
    with pytest.raises(requests.ConnectionError):
        meta.post("100", daily_budget=6000)
    assert world.budgets["1009"].amount == 60
    meta.fake.fail(None)
    with pytest.raises(requests.ConnectionError):
        meta.post("100", daily_budget=7000)
    assert world.budgets["1009"].amount == 60


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("transient", (2, None)), ("unknown", (1, 99)), ("too_much", (1, None)),
        ("too_much_for_a_call", (100, 1487534)), ("app_limit", (4, 1504022)),
        ("user_limit", (17, 2446079)), ("page_limit", (32, None)), ("call_limit", (613, 1487742)),
        ("burst", (613, 5044001)), ("budget_changes", (613, 1487632)),
        ("insights_limit", (80000, 2446079)), ("management_limit", (80004, 2446079)),
        ("token", (190, 463)), ("session", (102, None)), ("permission", (200, None)),
        ("app_permission", (10, None)), ("managed", (294, None)), ("blocked", (368, 1346003)),
        ("version", (2635, None)), ("minimum", (100, 1885272)),
    ],
)  # fmt: skip
def test_every_error_can_be_ordered(
    meta: Meta, name: str, expected: tuple[int, int | None]
) -> None:
    meta.fake.fail(named(name, BERLIN))
    answer = meta.get(ACCOUNT)
    assert code(answer) == expected
    assert {"message", "type", "code", "fbtrace_id"} <= answer.json()["error"].keys()
    if expected[0] in LIMITS and name != "budget_changes":
        assert BERLIN in json.loads(answer.headers["X-Business-Use-Case-Usage"])


def test_orders_over_http(world: PlainWorld, meta: Meta) -> None:
    """As `make run` gives them, where the fake is a process of its own."""
    order = f"{meta.fake.root}/_fake"
    requests.post(f"{order}/edit", json={"external_id": "100", "budget": 65}, timeout=10)
    requests.post(f"{order}/edit", data='{"external_id": "121", "status": "paused"}', timeout=10)
    requests.post(f"{order}/clock", json={"hours": 2}, timeout=10)
    requests.post(f"{order}/fail", json={"name": "token", "times": 2}, timeout=10)
    assert [meta.get(ACCOUNT).status_code for _ in range(3)] == [400, 400, 200]
    assert world.now() == sample.NOON + timedelta(hours=2)
    assert [(one.actor, one.program) for one in world.changes] == [("Maria Keller", False)] * 2
    assert requests.post(f"{order}/edit", json={"external_id": "?"}, timeout=10).status_code == 400
    assert len(meta.fake.calls) == 3

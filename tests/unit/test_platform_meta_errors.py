"""What becomes of each error code of Meta, and of what its headers say of its limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from autonomy.platforms.base import (
    AccountBroken,
    Gone,
    Later,
    PlatformError,
    Refused,
    TooMuch,
    Unsure,
)
from autonomy.platforms.http import Answer
from autonomy.platforms.meta import GRAPH
from autonomy.platforms.meta_errors import access_tier, judged, wait_seconds
from autonomy.platforms.meta_graph import Graph
from tests.unit.platform_answers import APP_SECRET, TOKEN, Waits, meta_error, no_secret, script

URL = f"{GRAPH}/act_77/campaigns"
TRANSIENT = {"is_transient": True}

CODES: list[tuple[int, int | None, dict[str, Any], int, type[PlatformError]]] = [
    # transient
    (1, None, {}, 500, Later),
    (2, None, {}, 500, Later),
    (99, None, {}, 400, Later),
    (1, 99, {}, 500, Later),
    (2, 1504018, {}, 400, Later),
    (100, 1815001, TRANSIENT, 400, Later),
    (190, 463, TRANSIENT, 400, Later),
    (12345, None, {}, 503, Later),
    # limits
    (4, None, {}, 403, Later),
    (4, 1504022, TRANSIENT, 403, Later),
    (17, 2446079, {}, 400, Later),
    (32, None, {}, 403, Later),
    (613, None, {}, 400, Later),
    (613, 1487742, {}, 400, Later),
    (613, 1996, {}, 400, Later),
    (613, 5044001, {}, 400, Later),
    (613, 1487632, {}, 400, Later),
    (80000, 2446079, {}, 400, Later),
    (80003, None, {}, 400, Later),
    (80004, 2446079, {}, 400, Later),
    (12345, None, {}, 429, Later),
    # the thing, or the account
    (100, 33, {}, 400, Gone),
    (803, None, {}, 404, Gone),
    (100, 1885272, {"error_user_msg": "The minimum is 1.00 EUR."}, 400, Refused),
    (100, None, {}, 400, Refused),
    (100, 1815001, {}, 400, Refused),
    (12345, None, {}, 400, Refused),
    # too much at once
    (100, 1487534, {}, 400, TooMuch),
    (1, None, {"message": "Please reduce the amount of data you're asking for"}, 500, TooMuch),
    # the account as a whole
    (190, None, {}, 401, AccountBroken),
    (190, 463, {}, 400, AccountBroken),
    (102, None, {}, 400, AccountBroken),
    (104, None, {}, 400, AccountBroken),
    (10, None, {}, 403, AccountBroken),
    (200, None, {}, 403, AccountBroken),
    (275, None, {}, 403, AccountBroken),
    (294, None, {}, 403, AccountBroken),
    (299, None, {}, 403, AccountBroken),
    (368, 1346003, {}, 400, AccountBroken),
    (2635, None, {}, 400, AccountBroken),
    (100, None, {"message": "Invalid appsecret_proof provided"}, 400, AccountBroken),
]


def graph(waits: Waits) -> Graph:
    return Graph(
        "77", token=TOKEN, app_secret=APP_SECRET, base=GRAPH, session=None,
        clock=waits.clock, sleep=waits.sleep,
    )  # fmt: skip


@responses.activate
@pytest.mark.parametrize(("code", "subcode", "more", "status", "kind"), CODES)
def test_each_code_says_what_becomes_of_it(
    code: int,
    subcode: int | None,
    more: dict[str, Any],
    status: int,
    kind: type[PlatformError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    script([(status, meta_error(code, subcode, **more), {})], url=URL)
    with no_secret(caplog, kind=kind) as caught:
        graph(Waits()).get("act_77/campaigns", {})
    error = caught[0]
    assert error.code == (f"{code}/{subcode}" if subcode else str(code))
    assert error.request_id == "A1"
    assert error.message.endswith(".")
    if isinstance(error, Later):
        assert error.seconds > 0


@responses.activate
@pytest.mark.parametrize(("code", "subcode", "more", "status", "kind"), CODES)
def test_a_change_is_sent_once_and_only_what_passes_leaves_it_unsure(
    code: int, subcode: int | None, more: dict[str, Any], status: int, kind: type[PlatformError]
) -> None:
    script([(status, meta_error(code, subcode, **more), {})], "POST", f"{GRAPH}/1")
    passing = kind is Later and code not in (4, 17, 32, 613, 80000, 80003, 80004) and status != 429
    with pytest.raises(Unsure if passing else kind):
        graph(Waits()).post("1", {"status": "PAUSED"}, changes=True)
    assert len(responses.calls) == 1


@responses.activate
def test_what_passes_is_tried_again_here() -> None:
    waits = Waits()
    script([(500, meta_error(2), {}), (400, meta_error(99), {}), {"data": []}], url=URL)
    graph(waits).get("act_77/campaigns", {})
    assert len(waits.slept) == 2


@pytest.mark.parametrize(
    ("code", "subcode", "seconds"),
    [
        (613, 1487632, 3600),
        (613, 5044001, 60),
        (613, 1996, 300),
        (17, 2446079, 300),
        (4, None, 300),
    ],
)
def test_how_long_a_limit_lasts_without_a_header(
    code: int, subcode: int | None, seconds: float
) -> None:
    error = judged(Answer(400, {}, meta_error(code, subcode)))
    assert isinstance(error, Later)
    assert error.seconds == seconds


def business(minutes: Any = 0, account: str = "77", **more: Any) -> dict[str, str]:
    usage = {"type": "ads_management", "call_count": 1, "estimated_time_to_regain_access": minutes}
    return {"X-Business-Use-Case-Usage": json.dumps({account: [usage | more]})}


def test_a_limit_lasts_as_long_as_the_header_says_in_minutes() -> None:
    error = judged(Answer(400, business(7), meta_error(80004, 2446079)))
    assert isinstance(error, Later)
    assert error.seconds == 420


def test_the_words_for_people_come_first() -> None:
    told = meta_error(100, 1885272, error_user_title="Too low", error_user_msg="At least 1.00 EUR.")
    error = judged(Answer(400, {}, told))
    assert isinstance(error, Refused)
    assert error.message == "Meta refused: Too low. At least 1.00 EUR."


@pytest.mark.parametrize(
    "body",
    [{"error": None}, {"error": "bad"}, {"error": {}}, {"error": {"code": "4"}}, [], None, {},
     {"error": {"code": 100, "error_subcode": "x", "message": 5, "error_user_msg": []}}],
)  # fmt: skip
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_an_error_of_another_shape_is_an_error_still(body: Any, status: int) -> None:
    error = judged(Answer(status, {}, body))
    kinds = {400: Refused, 401: AccountBroken, 429: Later, 500: Later}
    assert isinstance(error, kinds[status])


def test_an_error_with_status_200_is_one() -> None:
    assert isinstance(judged(Answer(200, {}, meta_error(190))), AccountBroken)
    assert judged(Answer(200, {}, {"data": []})) is None


# What the headers say ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        (business(), 0),
        (business(call_count=89), 0),
        (business(call_count=90), 300),
        (business(total_time=95), 300),
        (business(total_cputime="91"), 300),
        (business(5), 300),
        (business("5"), 300),
        (business(100_000), 86400),
        (business(-5), 0),
        (business("soon"), 0),
        ({"X-App-Usage": '{"call_count": 95, "total_time": 1, "total_cputime": 1}'}, 300),
        ({"X-Ad-Account-Usage": '{"acc_id_util_pct": 99.5, "reset_time_duration": 120}'}, 120),
        ({"X-Ad-Account-Usage": '{"acc_id_util_pct": 9.67, "reset_time_duration": 120}'}, 0),
        ({"X-FB-Ads-Insights-Throttle": '{"app_id_util_pct": 100, "acc_id_util_pct": 1}'}, 300),
        ({"X-App-Usage": "{"}, 0),
        ({"X-App-Usage": "[]"}, 0),
        ({"X-App-Usage": '{"call_count": NaN}'}, 0),
        ({"X-App-Usage": '{"call_count": 1e999}'}, 0),
        ({"X-Business-Use-Case-Usage": '{"77": {"call_count": 100}}'}, 0),
        ({"X-Business-Use-Case-Usage": '{"77": ["full"]}'}, 0),
        ({"X-Business-Use-Case-Usage": '{"78": [{"call_count": 100}], "79": []}'}, 0),
    ],
)
def test_a_limit_that_is_nearly_used_up_asks_to_wait(
    headers: dict[str, str], seconds: float
) -> None:
    assert wait_seconds(headers, "77") == seconds


def test_the_tier_of_the_access_is_read() -> None:
    assert access_tier(business(ads_api_access_tier="standard_access"), "77") == "standard_access"
    assert access_tier({}, "77") == access_tier(business(ads_api_access_tier=5), "77") == ""


@responses.activate
def test_the_next_call_waits_for_room_or_says_when() -> None:
    waits = Waits()
    script([(200, {"data": []}, business(call_count=95))], url=URL)
    calls = graph(waits)
    calls.get("act_77/campaigns", {})
    with pytest.raises(Later) as raised:
        calls.get("act_77/campaigns", {})
    assert raised.value.seconds == 300
    assert len(responses.calls) == 1
    waits.now += 290
    calls.get("act_77/campaigns", {})  # the last ten seconds are waited out
    assert waits.slept == [10]


@responses.activate
def test_headers_of_errors_are_heard_too() -> None:
    """Not reading them made whole pulls of others fail."""
    waits = Waits()
    script([(400, meta_error(100), business(30)), {"data": []}], url=URL)
    calls = graph(waits)
    with pytest.raises(Refused):
        calls.get("act_77/campaigns", {})
    with pytest.raises(Later) as raised:
        calls.get("act_77/campaigns", {})
    assert raised.value.seconds == 1800

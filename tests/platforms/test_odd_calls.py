"""Whatever a fake is asked, it answers as an interface does: it never falls over."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.platforms import sample
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.loopback import Answer, Call
from tests.platforms.sample import ANGELES, BERLIN, MANAGER
from tests.platforms.test_fake_google import BY_DAY, HISTORY, amount, pause
from tests.platforms.world import PlainWorld

NAMES = (
    "fields", "limit", "after", "filtering", "effective_status", "time_range", "time_increment",
    "level", "breakdowns", "date_preset", "action_attribution_windows", "execution_options",
    "status", "daily_budget", "batch", "since", "until", "category", "summary",
)  # fmt: skip
JUNK = (
    "", "0", "-1", "NaN", "null", "[]", "{}", "[1]", '{"a":1}', '"x"', "[null]", "[[1]]", "true",
    "é", "1e400", "²", "a{b", "a}", "campaign{name", "campaign{foo}", "9" * 20, "2026-11-28",
    '["ACTIVE"]', '{"since":"2026-11-01","until":"9999-12-31"}', '{"since":1,"until":2}',
    '[{"field":"campaign.id","operator":"IN","value":null}]',
    '[{"field":"updated_time","operator":"GREATER_THAN","value":"x"}]',
    '[{"field":"effective_status","operator":"IN","value":5}]', '[{"relative_url":5}]',
)  # fmt: skip
PATHS = (
    "", "act_x", "100", "121", "100/insights", "100/adsets", "900000000", "900000000/insights",
    *(f"act_{BERLIN}{edge}" for edge in (
        "", "/campaigns", "/adsets", "/insights", "/activities", "/minimum_budgets", "/ads",
    )),
)  # fmt: skip
VALUES = st.sampled_from([None, 0, -1, 1.5, True, "", "x", "é", "9" * 30, [], [None], {}, {"x": 1}])


def unharmed(world: PlainWorld) -> None:
    for held in world.budgets.values():
        least = world.accounts[held.account].minimum
        assert held.amount is None or (held.amount.is_finite() and held.amount >= least)


@given(
    method=st.sampled_from(("GET", "POST")), path=st.sampled_from(PATHS),
    params=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(JUNK), max_size=4),
)  # fmt: skip
def test_meta(method: str, path: str, params: dict[str, str]) -> None:
    world = sample.world()
    query, form = (params, {}) if method == "GET" else ({}, params)
    headers = {"authorization": "Bearer meta-token"}
    answer = FakeMeta(world).answer(Call(method, f"/v26.0/{path}", query, form, None, headers))
    json.dumps(answer.body)
    if answer.status != 200:
        assert answer.status == 400
        assert answer.body["error"]["code"] in (12, 100, 2601, 3018)
    unharmed(world)


def ask(world: PlainWorld, method: str, body: Any) -> Answer:
    headers = {"authorization": "Bearer google-token", "login-customer-id": MANAGER}
    path = f"/v26/customers/{ANGELES}/{method}"
    answer = FakeGoogle(world).answer(Call("POST", path, {}, {}, body, headers))
    json.dumps(answer.body)
    if answer.status != 200:
        told = answer.body[0] if isinstance(answer.body, list) else answer.body
        assert (answer.status, told["error"]["status"]) == (400, "INVALID_ARGUMENT")
    return answer


@given(
    kind=st.sampled_from(("campaigns", "campaignBudgets")),
    place=st.sampled_from(("body", "operation", "update", "whole")),
    name=st.sampled_from((
        "operations", "partialFailure", "update", "updateMask", "status", "amountMicros",
        "resourceName", "create", "other",
    )),
    value=VALUES,
)  # fmt: skip
def test_googles_writes(kind: str, place: str, name: str, value: Any) -> None:
    operation = pause("301") if kind == "campaigns" else amount("3019", 70_000_000)
    body: Any = {"operations": [operation], "partialFailure": True}
    if place == "whole":
        body = value
    else:
        {"body": body, "operation": operation, "update": operation["update"]}[place][name] = value
    world = sample.world()
    ask(world, f"{kind}:mutate", body)
    unharmed(world)


@given(data=st.data(), query=st.sampled_from((BY_DAY.format("2026-11-01", "2026-11-28"), HISTORY)))
def test_googles_queries(data: st.DataObject, query: str) -> None:
    words = query.split()
    others = st.sampled_from([*words, "(", ")", ",", "'", "LIMIT", "DURING", "TODAY", "IS", "NULL",
                              "LIKE", "ORDER BY", "-5", "1e9", "~", ""])  # fmt: skip
    for _ in range(data.draw(st.integers(0, 3))):
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(others)
    for method in ("googleAds:search", "googleAds:searchStream"):
        ask(sample.world(), method, {"query": " ".join(words)})


@given(value=VALUES)
def test_googles_bodies(value: Any) -> None:
    ask(sample.world(), "googleAds:search", value)
    ask(sample.world(), "googleAds:search", {"query": value})
    ask(sample.world(), "googleAds:search", {"query": "x", "pageToken": value})

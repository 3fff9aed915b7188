"""The store: what is sent again, what is not, and which error comes of what."""

from __future__ import annotations

import socket
import time
from typing import Any

import httpx
import pytest
from postgrest.exceptions import APIError

from autonomy import store as module
from autonomy.errors import (
    AutonomyError,
    BadRequest,
    BeingUpgraded,
    DatabaseRefused,
    DatabaseTimeout,
    DatabaseUnavailable,
    Frozen,
    LeaseLost,
    NotConfigured,
    NotMigrated,
    PolicyUnusable,
    RunInProgress,
    StateConflict,
    from_database,
    of_a_run,
)
from autonomy.store import Store


class Answers:
    """A client whose calls fail or answer in turn: faults that a real one has only by chance."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def rpc(self, name: str, params: dict[str, Any], **_: Any) -> Answers:
        self.calls.append((name, params))
        return self

    def execute(self) -> Any:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return type("Answer", (), {"data": outcome})()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def store(*outcomes: Any) -> tuple[Store, Answers]:
    one, answers = Store("http://127.0.0.1:1", "key"), Answers(*outcomes)
    one._rest = answers
    return one, answers


KEY = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmVk"


def api_error(code: str) -> APIError:
    return APIError({"code": code, "message": "said", "hint": None, "details": None})


LOST = httpx.RemoteProtocolError("Server disconnected without sending a response.")


def test_a_write_whose_answer_was_lost_is_sent_again_unchanged(waits: list[float]) -> None:
    one, answers = store(LOST, {"results": []})
    decisions = [{"action_id": "a"}]
    assert one.apply(run_id="r", lease_token="t", decisions=decisions, now="n") == {"results": []}
    assert answers.calls[0] == answers.calls[1]
    assert len(waits) == 1


def test_it_gives_up_after_a_few_tries(waits: list[float]) -> None:
    one, answers = store(*[LOST] * 9)
    with pytest.raises(DatabaseUnavailable):
        one.rpc("f")
    assert len(answers.calls) == 5
    assert all(
        delay / 2 <= waited <= delay
        for waited, delay in zip(waits, module.RETRY_DELAYS_SECONDS, strict=True)
    )


def test_what_must_not_be_sent_twice_is_not() -> None:
    one, answers = store(LOST, 1)
    with pytest.raises(DatabaseUnavailable):
        one.rpc("f", retry=False)
    assert len(answers.calls) == 1


@pytest.mark.parametrize("code", ["502", "503", "504", "57P01", "40P01", "PGRST002"])
def test_passing_faults_are_tried_again(code: str) -> None:
    one, answers = store(api_error(code), 7)
    assert one.rpc("f") == 7
    assert len(answers.calls) == 2


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AO001", BadRequest),
        ("AO004", StateConflict),
        ("AO005", Frozen),
        ("AO007", LeaseLost),
        ("AO008", RunInProgress),
        ("22P02", BadRequest),
        ("42501", NotConfigured),
    ],
)
def test_codes_become_errors_of_ours_at_once(code: str, kind: type[Exception]) -> None:
    one, answers = store(api_error(code))
    with pytest.raises(kind):
        one.rpc("f")
    assert len(answers.calls) == 1


ODD = [
    ("57014", DatabaseTimeout),
    ("42883", NotMigrated),
    ("42P01", NotMigrated),
    ("PGRST202", NotMigrated),
    ("XX000", DatabaseRefused),
    ("42704", DatabaseRefused),
    ("", DatabaseRefused),
]


@pytest.mark.parametrize(("code", "kind"), ODD)
@pytest.mark.parametrize("changing", [False, None, api_error("PGRST202"), api_error("57014"), LOST])
def test_what_is_odd_is_no_reason_to_try_again(
    code: str, kind: type[Exception], changing: object
) -> None:
    one, answers = store(api_error(code), changing)
    with pytest.raises(kind) as caught:
        one.rpc("f")
    assert type(caught.value) is kind
    assert [name for name, _ in answers.calls] == ["f", "autonomy_schema_changing"]


@pytest.mark.parametrize("code", [code for code, _ in ODD])
def test_unless_the_schema_is_changing(code: str, waits: list[float]) -> None:
    one, answers = store(api_error(code), True, 7)
    assert one.rpc("f", p_of=1) == 7
    assert answers.calls == [
        ("f", {"p_of": 1}),
        ("autonomy_schema_changing", {}),
        ("f", {"p_of": 1}),
    ]
    assert len(waits) == 1


def test_an_upgrade_that_takes_longer_is_said() -> None:
    one, answers = store(*[api_error("XX000"), True] * 9)
    with pytest.raises(BeingUpgraded) as caught:
        one.rpc("f")
    assert (caught.value.http_status, caught.value.retryable) == (503, True)
    assert caught.value.message == "The database is being upgraded."
    assert len(answers.calls) == 2 * 5


def test_a_refusal_by_the_upgrade_is_tried_again() -> None:
    one, answers = store(api_error("AO015"), 7)
    assert one.rpc("f") == 7
    assert len(answers.calls) == 2


def test_an_unknown_database_error_tells_the_caller_nothing_of_its_insides() -> None:
    one, _ = store(APIError({"code": "XX000", "message": "row (secret)", "hint": None}), False)
    with pytest.raises(DatabaseRefused) as caught:
        one.rpc("f")
    assert "secret" not in caught.value.message


def test_an_update_without_a_filter_is_refused() -> None:
    one, _ = store()
    with pytest.raises(ValueError, match="filter"):
        one.update("campaigns", {"status": "paused"}, filters={})


def test_all_tries_of_a_call_share_its_time(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 20))  # each look at the clock is 20 s later
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    one, answers = store(*[LOST] * 5)
    with pytest.raises(DatabaseUnavailable):
        one.rpc("anything")
    assert len(answers.calls) == 3
    one, answers = store(*[LOST] * 5)
    with pytest.raises(DatabaseUnavailable):
        one.begin_run(p_run_id="r")
    assert len(answers.calls) == 2


def test_no_call_outlives_the_deadline_that_it_is_made_under(waits: list[float]) -> None:
    one, answers = store(*[LOST] * 5)
    with module.no_later_than(time.monotonic() - 1), pytest.raises(DatabaseUnavailable):
        one.rpc("anything")
    assert len(answers.calls) == 1


def test_a_database_that_says_nothing_is_waited_for_no_longer_than_the_call_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BEGIN_SECONDS", 1.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = Store(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY)
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="in time"):
            one.begin_run(p_run_id="r")
        assert time.monotonic() - started < 10
        one.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [("22003", DatabaseRefused), ("22008", DatabaseRefused), ("AO002", PolicyUnusable)],
)
def test_what_is_stored_is_not_the_fault_of_who_calls_for_a_run(
    code: str, kind: type[AutonomyError]
) -> None:
    error = of_a_run(from_database(code, "value out of range", None))
    assert type(error) is kind
    assert (error.http_status, "value out of range" in error.message) == (503, True)


def test_what_is_asked_wrongly_is() -> None:
    asked = from_database("AO010", "shard: at most 1024 parts.", None)
    assert of_a_run(asked) is asked

"""The body of a run's call, and the shape of its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autonomy.errors import BadRequest, RunInProgress
from autonomy.run.request import RunAnswer, RunRequest


def test_an_empty_body_is_a_plain_run() -> None:
    assert RunRequest.parse({}) == RunRequest()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"dryrun": True}, "dryrun"),
        ({"dry_run": 1}, "dry_run"),
        ({"dry_run": "true"}, "dry_run"),
        ({"dry_run": None}, "dry_run"),
        ({"shard": "0/8"}, "shard"),
        ({"shard": "9/8"}, "shard"),
        ({"shard": "1/2000"}, "shard"),
        ({"shard": "1/8\n"}, "shard"),
        ({"shard": 1}, "shard"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"include_inactive_rules": True}, "include_inactive_rules"),
        ({"": 1}, "unknown field"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRequest) as caught:
        RunRequest.parse(body)
    assert named in caught.value.message


@pytest.mark.parametrize("shard", ["1/1", "2/8", "1024/1024"])
def test_shards(shard: str) -> None:
    assert RunRequest.parse({"shard": shard}).shard == shard


def test_success_has_the_guides_shape() -> None:
    answer = RunAnswer.success({"success": True})
    assert json.loads(answer.body) == {
        "success": True,
        "result": {"success": True},
        "message": "Autonomous operations completed successfully",
    }


def test_an_error_says_when_to_come_back() -> None:
    answer = RunAnswer.failure(RunInProgress("Another run.", hint="Wait.", retry_after_seconds=0))
    assert answer.status == 409
    assert answer.headers == {"Retry-After": "1"}
    body = json.loads(answer.body)
    assert body["success"] is False
    assert body["error"] == {"code": "RUN_IN_PROGRESS", "message": "Another run.", "hint": "Wait."}
    assert body["timestamp"].endswith("Z")

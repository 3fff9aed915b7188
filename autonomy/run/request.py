"""What a caller may ask of a run, and the answer that it gets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from autonomy.errors import AutonomyError, BadRequest
from autonomy.run.sent import Read, Reason, Sent

SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,2}|10[01][0-9]|102[0-4])")


def _is_shard(value: str) -> bool:
    numbers = SHARD.fullmatch(value)
    return numbers is not None and int(numbers[1]) <= int(numbers[2])


SHARDS = Read(
    "use I/N with 1 <= I <= N <= 1024, as in 2/8",
    test=_is_shard,
    type="string",
    pattern=f"^{SHARD.pattern}$",
)


ONLY = Read('use "only"', test="only".__eq__, type="string", enum=["only"])


class RunRequest(Sent):
    """The body of POST /. All optional; an empty body is `{}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {
                "properties": {"include_inactive_rules": {"const": True}},
                "required": ["include_inactive_rules"],
            },
            "then": {"properties": {"dry_run": {"const": True}}, "required": ["dry_run"]},
        }
    )

    dry_run: bool = Field(default=False, description="everything but the writes")
    shard: Annotated[str, SHARDS] | None = Field(
        default=None, description='one part of the campaigns: `"2/8"` is the second of eight'
    )
    include_inactive_rules: bool = Field(
        default=False, description="with `dry_run` only: try rules before switching them on"
    )
    reason: Reason | None = Field(
        default=None, description="why this run was started; kept with the run"
    )
    sync: Annotated[str, ONLY] | None = Field(
        default=None,
        description='`"only"`: read the connected accounts (of the `shard`), carry over what '
        "waits, and carry out no run",
    )

    @property
    def first_shard(self) -> bool:
        """Whether it is this run's to look at all accounts: of several shards one does."""
        return self.shard is None or self.shard.startswith("1/")

    @model_validator(mode="after")
    def _inactive_rules_act_never(self) -> Self:
        if self.include_inactive_rules and not self.dry_run:
            raise BadRequest(
                "include_inactive_rules: only a dry run may try inactive rules.",
                hint='Send {"dry_run": true, "include_inactive_rules": true}.',
            )
        if self.sync and (self.dry_run or self.include_inactive_rules):
            raise BadRequest(
                "sync: reading the connected accounts writes what was read.",
                hint='Send {"sync": "only"}, with a shard at most.',
            )
        return self


@dataclass(frozen=True)
class RunAnswer:
    """An HTTP answer as text, so that a repeated call can be given the same bytes."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def success(cls, result: Mapping[str, Any]) -> RunAnswer:
        """The answer of section "A run": `{"success": true, "result": ..., "message": ...}`."""
        answer = {
            "success": True,
            "result": result,
            "message": "Autonomous operations completed successfully",
        }
        return cls(200, json.dumps(answer, default=str, ensure_ascii=False))

    @classmethod
    def failure(cls, error: AutonomyError) -> RunAnswer:
        """The answer for an error of ours; Retry-After where waiting helps."""
        headers = {}
        if error.retry_after_seconds is not None:
            headers["Retry-After"] = str(max(1, error.retry_after_seconds))
        return cls(error.http_status, json.dumps(error_body(error), ensure_ascii=False), headers)


def error_body(error: AutonomyError) -> dict[str, Any]:
    """The shape of every error: code, message, hint, timestamp."""
    return {
        "success": False,
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
        "timestamp": timestamp(datetime.now(UTC)),
    }


def day_or_instant(text: str) -> str:
    """A day as 2026-11-22, for the database to find its start and end in the account's zone; an
    instant in UTC, which is meant where no zone is given. Raises ValueError, OverflowError.
    """
    text = text.strip().upper()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return instant(text)


def day_or_local(text: str) -> str:
    """A day or a time in ISO 8601, for the database to find it in the account's zone; what has a
    zone of its own is an instant in UTC. Raises ValueError, OverflowError.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        parsed = datetime.fromisoformat(text)
        return parsed.isoformat() if parsed.tzinfo is None else instant(text)


def instant(text: str) -> str:
    """A date or time in ISO 8601 as an instant in UTC. Raises ValueError, OverflowError."""
    text = text.strip().upper()
    # A plus in a query string arrives as a blank.
    parsed = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

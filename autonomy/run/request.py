"""What a caller may ask of a run, and the answer that it gets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autonomy.errors import AutonomyError, BadRequest

SHARD_PATTERN = r"^([1-9][0-9]{0,3})/([1-9][0-9]{0,2}|10[01][0-9]|102[0-4])$"


class RunRequest(BaseModel):
    """The body of POST /. All optional; an empty body is `{}`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    dry_run: bool = Field(default=False, description="Everything but the writes.")
    shard: str | None = Field(default=None, description='One part of the campaigns: "2/8".')
    include_inactive_rules: bool = Field(
        default=False, description="Dry run only: try rules before switching them on."
    )
    reason: str | None = Field(
        default=None, max_length=500, description="Why this run was started; kept with the run."
    )

    @property
    def first_shard(self) -> bool:
        """Whether it is this run's to look at all accounts: of several shards one does."""
        return self.shard is None or self.shard.startswith("1/")

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> RunRequest:
        """Check the body. Raises BadRequest naming the field that is wrong."""
        try:
            request = cls.model_validate(dict(body))
        except ValidationError as error:
            raise BadRequest(_sentence(error), hint=_allowed(cls)) from error
        if request.include_inactive_rules and not request.dry_run:
            raise BadRequest(
                "include_inactive_rules: only a dry run may try inactive rules.",
                hint='Send {"dry_run": true, "include_inactive_rules": true}.',
            )
        if request.shard is not None:
            numbers = re.fullmatch(SHARD_PATTERN, request.shard)
            if numbers is None or int(numbers[1]) > int(numbers[2]):
                raise BadRequest("shard: use I/N with 1 <= I <= N <= 1024, as in 2/8.")
        if request.reason is not None and "\x00" in request.reason:
            raise BadRequest("reason: a NUL character cannot be stored.")
        return request


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


def instant(text: str) -> str:
    """A date or time in ISO 8601 as an instant in UTC. Raises ValueError, OverflowError."""
    text = text.strip().upper()
    # A plus in a query string arrives as a blank.
    parsed = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "body"
    if first["type"] == "extra_forbidden":
        return f"{name}: unknown field."
    return f"{name}: {first['msg'].lower()}."


def _allowed(model: type[BaseModel]) -> str:
    return f"Fields: {', '.join(model.model_fields)}."

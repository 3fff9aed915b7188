"""What came of each of several changes that Google was sent in one call. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autonomy.platforms.base import PlatformError, Unsure
from autonomy.platforms.fields import Fields
from autonomy.platforms.google_errors import from_status
from autonomy.platforms.http import Answer, Hiccup

MOST_OPERATIONS = 1000
"""Of one call; Google takes 10,000, and refuses them all for one that it cannot read."""


def body_of(changes: Sequence[tuple[str, Mapping[str, str]]], validate_only: bool) -> Any:
    """The call that sets these values of these resources, each by itself."""
    return {
        "operations": [
            {"update": {"resourceName": name, **values}, "updateMask": ",".join(values)}
            for name, values in changes
        ],
        "partialFailure": True,
        "validateOnly": validate_only,
    }


def outcomes(
    answer: Answer, names: Sequence[str], validate_only: bool
) -> list[PlatformError | None]:
    """By the order of the changes; null: it is done (or would be). Done is what the results name,
    not what no error names."""
    told = Fields("Google", "the answer", answer.body)
    done = {one.text("resourceName") for one in told.parts("results", "a result")}
    failure = answer.body.get("partialFailureError")
    failure = failure if isinstance(failure, dict) else None
    return [
        _outcome(failure, answer, at, validate_only, done=name in done)
        for at, name in enumerate(names)
    ]


def _outcome(
    failure: Mapping[str, Any] | None, answer: Answer, at: int, validate_only: bool, *, done: bool
) -> PlatformError | None:
    own = None if failure is None else _of_operation(failure, at)
    if own is not None:
        problem = from_status(own, answer)
        if not isinstance(problem, Hiccup):
            return problem
    elif done or validate_only:
        return None
    return Unsure("Google did not confirm the change. Whether it was made is not known.")


def _of_operation(failure: Mapping[str, Any], at: int) -> Mapping[str, Any] | None:
    """The failure with what it says of this operation alone, and what it says of none; null where
    that is nothing."""
    details, any_error = [], False
    for detail in _list(failure.get("details")):
        errors = _list(detail.get("errors"))
        own = [one for one in errors if _index(one) in (None, at)]
        any_error = any_error or bool(errors)
        if own or not errors:
            details.append({**detail, **({"errors": own} if errors else {})})
    found = any(_list(detail.get("errors")) for detail in details)
    return {**failure, "details": details} if found or not any_error else None


def _index(error: Mapping[str, Any]) -> int | None:
    """Which operation an error is about; null where it does not say."""
    location = error.get("location")
    elements = location.get("fieldPathElements") if isinstance(location, dict) else None
    for element in _list(elements):
        if element.get("fieldName") == "operations":
            index = element.get("index", 0)  # 0 is left out, as all that is nothing
            return int(index) if str(index).isascii() and str(index).isdigit() else None
    return None


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

"""What Google's error codes mean for us. Codes are mapped, never texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autonomy.platforms.base import (
    AccountBroken,
    Gone,
    Later,
    PlatformError,
    Refused,
)
from autonomy.platforms.http import Answer, Hiccup, asked_wait, ended, said

QUOTA = frozenset((
    "RESOURCE_EXHAUSTED", "RESOURCE_TEMPORARILY_EXHAUSTED",
    "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION",
    "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION",
))  # fmt: skip
QUOTA_SECONDS = 900.0
"""Where Google names no time: a quota of the day frees itself little by little."""
MOMENTARY = frozenset((
    "INTERNAL_ERROR", "TRANSIENT_ERROR", "DEADLINE_EXCEEDED", "UNAVAILABLE", "INTERNAL", "ABORTED",
    "CANCELLED",
))  # fmt: skip
NOT_DONE = frozenset({"CONCURRENT_MODIFICATION"})
"""Surely not carried out: somebody else was changing the same thing."""

ACCESS_KINDS = frozenset({"authenticationError", "authorizationError", "headerError"})
ACCESS = frozenset((
    "USER_PERMISSION_DENIED", "CUSTOMER_NOT_ENABLED", "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION",
    "OAUTH_TOKEN_REVOKED", "TWO_STEP_VERIFICATION_NOT_ENROLLED", "CUSTOMER_NOT_FOUND",
    "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT", "REQUESTED_METRICS_FOR_MANAGER",
    "UNSUPPORTED_VERSION", "UNAUTHENTICATED", "PERMISSION_DENIED", "SERVICE_DISABLED",
))  # fmt: skip
NOT_THERE = frozenset({"RESOURCE_NOT_FOUND", "CAMPAIGN_NOT_FOUND", "NOT_FOUND"})

_WHAT = {
    "USER_PERMISSION_DENIED": "The credential has no access to this account; where access comes "
    "through a manager account, its number is needed as well.",
    "CUSTOMER_NOT_ENABLED": "The account is closed, or was never set up to the end.",
    "CUSTOMER_NOT_FOUND": "There is no such account.",
    "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": "The Cloud project has access to test accounts "
    "only: ask for Explorer access in its Google Ads API settings.",
    "OAUTH_TOKEN_REVOKED": "The credential was revoked: make a new one.",  # nosec B105
    "TWO_STEP_VERIFICATION_NOT_ENROLLED": "The credential's user must turn on 2-step verification.",
    "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT": "The account is suspended.",
    "REQUESTED_METRICS_FOR_MANAGER": "This is a manager account: connect the accounts under it.",
    "UNSUPPORTED_VERSION": "Google no longer answers this version of its interface: upgrade.",
}
_MOST_FAULTS = 50


@dataclass(frozen=True)
class Fault:
    """One error of an answer."""

    kind: str
    """authorizationError, campaignBudgetError...; empty for what is not of Google Ads itself."""
    code: str
    message: str
    details: Mapping[str, Any]


def judged(answer: Answer) -> PlatformError | None:
    """The error that an answer is, or null where it is none."""
    body = answer.body
    if isinstance(body, list) and body:  # searchStream's way
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    if answer.status < 400 and error is None:
        return None
    error = error if isinstance(error, dict) else {}
    request = _request_id(error) or answer.headers.get("request-id")
    return from_status(error, answer, said(request)[:80])


def from_status(error: Mapping[str, Any], answer: Answer, request_id: str = "") -> PlatformError:
    """The error of a google.rpc.Status: the gravest of those that it holds."""
    faults = list(_faults(error)) or [_plain(error, answer.status)]
    found = [_meaning(one, error, answer) for one in faults]
    problem = min(found, key=_grave)
    problem.request_id = request_id
    return problem


def _grave(problem: PlatformError) -> int:
    """What ends more comes first."""
    order = (AccountBroken, Later, Gone, Refused)
    return next((at for at, kind in enumerate(order) if isinstance(problem, kind)), len(order))


def _meaning(fault: Fault, error: Mapping[str, Any], answer: Answer) -> PlatformError:
    code, sentence = fault.code, ended(fault.message or "no reason given")
    if code in QUOTA or (answer.status == 429 and fault.kind not in ACCESS_KINDS):
        seconds = _retry_delay(fault, error) or asked_wait(answer.headers) or QUOTA_SECONDS
        return Later("Google limits the number of calls for now.", seconds=seconds, code=code)
    if code in MOMENTARY or (answer.status >= 500 and not fault.kind):
        return Hiccup(f"Google is out of order: {sentence}", seconds=1.0, code=code)
    if code in NOT_DONE:
        return Later(f"Google is busy with the same thing: {sentence}", seconds=5.0, code=code)
    if code in ACCESS or fault.kind in ACCESS_KINDS or answer.status == 401:
        known = _WHAT.get(code)
        return AccountBroken(
            f"Google Ads: {known}" if known else f"Google does not permit this: {sentence}",
            code=code,
        )
    if code in NOT_THERE:
        return Gone(f"Google does not have this. {sentence}", code=code)
    return Refused(f"Google refused: {sentence}{_least(fault)}", code=code)


def _faults(error: Mapping[str, Any]) -> Iterator[Fault]:
    """Every error of the GoogleAdsFailure within."""
    for detail in _objects(error.get("details")):
        for one in _objects(detail.get("errors")):
            codes = one.get("errorCode")
            pairs = list(codes.items()) if isinstance(codes, dict) else []
            kind, code = pairs[0] if pairs else ("", "")
            details = one.get("details")
            yield Fault(
                kind=str(kind),
                code=said(code)[:80],
                message=said(one.get("message")),
                details=details if isinstance(details, dict) else {},
            )


def _plain(error: Mapping[str, Any], status: int) -> Fault:
    """An error that is not of Google Ads itself: its gateway's, its sign-in's."""
    reasons = [detail.get("reason") for detail in _objects(error.get("details"))]
    code = next((one for one in reasons if one == "SERVICE_DISABLED"), error.get("status"))
    return Fault("", said(code)[:80] or f"HTTP {status}", said(error.get("message")), {})


def _retry_delay(fault: Fault, error: Mapping[str, Any]) -> float | None:
    """Seconds of a retryDelay as "30s", of Google Ads or of the gateway."""
    quota = fault.details.get("quotaErrorDetails")
    named = [quota] if isinstance(quota, dict) else []
    for holder in (*named, *_objects(error.get("details"))):
        found = re.fullmatch(r"(\d{1,6})(?:\.\d{1,9})?s", str(holder.get("retryDelay")))
        if found:
            return min(max(float(found.group(1)), 1.0), 86400.0)
    return None


def _least(fault: Fault) -> str:
    """The smallest budget that Google would take, in its own numbers."""
    told = fault.details.get("budgetPerDayMinimumErrorDetails")
    if not isinstance(told, dict):
        return ""
    micros, currency = str(told.get("minimumBudgetAmountMicros")), said(told.get("currencyCode"))
    if not re.fullmatch(r"\d{1,18}", micros):
        return ""
    return f" The least is {Decimal(micros).scaleb(-6).normalize():f} {currency[:3]} a day."


def _request_id(error: Mapping[str, Any]) -> Any:
    return next((d["requestId"] for d in _objects(error.get("details")) if "requestId" in d), None)


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects of a list that came from outside; what is none is left out."""
    if not isinstance(value, list):
        return ()
    return [one for one in value[:_MOST_FAULTS] if isinstance(one, dict)]

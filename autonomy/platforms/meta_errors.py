"""What Meta's error codes mean for us, and how much of its limits its headers say is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autonomy.platforms.base import (
    AccountBroken,
    Gone,
    Later,
    PlatformError,
    Refused,
    TooMuch,
)
from autonomy.platforms.http import Answer, Hiccup, asked_wait, ended, said

DATA_PER_CALL = "100/1487534"
"""The range of days is too long for one answer; smaller pages do not help."""

LIMITS = frozenset({4, 17, 32, 613, *range(80000, 80015)})
LIMIT_SECONDS = 300.0
"""How long an app of the lower tier is blocked, where no header says."""
LONGER_LIMITS = {"613/1487632": 3600.0, "613/5044001": 60.0}
"""Four changes of one ad set's budget in an hour; a burst of changes."""

UNWELL = frozenset({1, 2, 99})
OUR_ACCESS = frozenset({10, 102, 104, 190, 294, 368, 2635, *range(200, 300)})
NOT_THERE = frozenset({"100/33", "803"})

FULL_PERCENT = 90.0
"""Of a limit used: from here calls wait."""
_LONGEST = 86400.0


def judged(answer: Answer, *secrets: str | None) -> PlatformError | None:
    """The error that an answer is, or null where it is none."""
    body = answer.body if isinstance(answer.body, dict) else {}
    failed = answer.status >= 400 or "error" in body
    if not failed:
        return None
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    number = error.get("code")
    number = number if isinstance(number, int) else 0
    code = _code(number, error.get("error_subcode"), answer.status)
    sentence = _sentence(error, *secrets)
    problem = (
        _too_much(code, error)
        or _limit(number, code, answer)
        or _unwell(number, error, answer, sentence)
        or _broken(number, error, answer, sentence)
        or _no(code, sentence)
    )
    problem.code = code
    trace = error.get("fbtrace_id") or answer.headers.get("x-fb-trace-id")
    problem.request_id = said(trace, *secrets)[:80]
    return problem


def _too_much(code: str, error: Mapping[str, Any]) -> PlatformError | None:
    if code == DATA_PER_CALL or "reduce the amount of data" in str(error.get("message")).lower():
        return TooMuch("Meta cannot give so much data at once.")
    return None


def _limit(number: int, code: str, answer: Answer) -> PlatformError | None:
    if number not in LIMITS and not (answer.status == 429 and number not in OUR_ACCESS):
        return None
    seconds = LONGER_LIMITS.get(code) or regain_seconds(answer.headers)
    seconds = seconds or asked_wait(answer.headers) or LIMIT_SECONDS
    what = "changes of this budget" if code == "613/1487632" else "calls"
    return Later(f"Meta limits the number of {what} for now.", seconds=seconds)


def _unwell(
    number: int, error: Mapping[str, Any], answer: Answer, sentence: str
) -> PlatformError | None:
    passing = error.get("is_transient") is True or number in UNWELL
    if not passing and not (answer.status >= 500 and number not in OUR_ACCESS):
        return None
    return Hiccup(f"Meta is out of order: {sentence}", seconds=1.0)


def _broken(
    number: int, error: Mapping[str, Any], answer: Answer, sentence: str
) -> PlatformError | None:
    proof = number == 100 and "appsecret_proof" in str(error.get("message"))
    if number not in OUR_ACCESS and not proof and answer.status != 401:
        return None
    if number == 2635:
        what = "Meta no longer answers this version of its interface: upgrade."
    elif number == 368:
        what = "Meta has blocked this account or app for now."
    elif proof:
        what = "Meta does not accept the app secret: check AUTONOMY_META_APP_SECRET."
    elif number in (102, 104, 190) or answer.status == 401:
        what = "Meta does not accept the access token: make a new one."
    else:
        what = "Meta does not permit this: check the token's permissions and the account's users."
    return AccountBroken(f"{what} {sentence}".strip())


def _no(code: str, sentence: str) -> PlatformError:
    if code in NOT_THERE:
        return Gone(f"Meta does not have this, or may not show it. {sentence}")
    return Refused(f"Meta refused: {sentence}")


def _code(number: int, subcode: object, status: int) -> str:
    if not number:
        return f"HTTP {status}"
    return f"{number}/{subcode}" if isinstance(subcode, int) and subcode else str(number)


def _sentence(error: Mapping[str, Any], *secrets: str | None) -> str:
    """Meta's own words, those for people first."""
    title, text = (said(error.get(key), *secrets) for key in ("error_user_title", "error_user_msg"))
    if text.startswith(title):  # said once is enough
        title = ""
    own = " ".join(ended(one) for one in (title, text) if one)
    return own or ended(said(error.get("message"), *secrets) or "no reason given")


# Usage -------------------------------------------------------------------------------------------


def wait_seconds(headers: Mapping[str, str], account: str) -> float:
    """For how long no call should be made: what the headers say of this account and of the app,
    where a limit is nearly used up; 0 where there is room."""
    longest = regain_seconds(headers, account)
    for usage in _usages(headers, account):
        used = max((_number(usage, key) for key in _PERCENTAGES), default=0.0)
        if used >= FULL_PERCENT:
            reset = _number(usage, "reset_time_duration")
            longest = max(longest, min(reset, _LONGEST) or LIMIT_SECONDS)
    return longest


def regain_seconds(headers: Mapping[str, str], account: str | None = None) -> float:
    """The estimated time to regain access, which Meta gives in minutes."""
    minutes = [
        _number(usage, "estimated_time_to_regain_access") for usage in _usages(headers, account)
    ]
    return min(max(minutes, default=0.0) * 60, _LONGEST)


def access_tier(headers: Mapping[str, str], account: str) -> str:
    """The tier of the app's access, as Meta calls it; empty where no header says."""
    tiers = (usage.get("ads_api_access_tier") for usage in _usages(headers, account))
    return next((said(tier)[:60] for tier in tiers if isinstance(tier, str) and tier), "")


_PERCENTAGES = (
    "call_count",
    "total_cputime",
    "total_time",
    "acc_id_util_pct",
    "app_id_util_pct",
)
_PLAIN = ("X-App-Usage", "X-Ad-Account-Usage", "X-FB-Ads-Insights-Throttle")


def _usages(headers: Mapping[str, str], account: str | None) -> list[Mapping[str, Any]]:
    """What each header says. One that cannot be read says nothing: it must not stop a pull."""
    found: list[Mapping[str, Any]] = [
        usage for name in _PLAIN if isinstance(usage := _json(headers.get(name)), dict)
    ]
    by_business = _json(headers.get("X-Business-Use-Case-Usage"))
    if isinstance(by_business, dict):
        for key, usages in by_business.items():
            ours = account is None or key.removeprefix("act_") == account or len(by_business) == 1
            if ours and isinstance(usages, list):
                found += [usage for usage in usages if isinstance(usage, dict)]
    return found


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _number(usage: Mapping[str, Any], key: str) -> float:
    """A number of a header, which may be text; 0 where it is none."""
    value = usage.get(key)
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return number if 0 < number < float("inf") else 0.0

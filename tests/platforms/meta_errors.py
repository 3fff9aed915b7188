"""Errors of the Graph API, in the shape in which they come."""

from __future__ import annotations

import json
import zlib
from typing import Any

from tests.platforms.loopback import Answer

LIMITS = frozenset((4, 17, 32, 613, 80000, 80003, 80004))


class GraphError(Exception):
    """Ends a request with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body["error"]["message"])
        self.answer = answer


def error(
    message: str,
    code: int,
    subcode: int | None = None,
    *,
    status: int = 400,
    kind: str = "OAuthException",
    title: str = "",
    user_message: str = "",
    transient: bool = False,
    headers: dict[str, str] | None = None,
) -> Answer:
    body: dict[str, Any] = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        body["error_subcode"] = subcode
    body["is_transient"] = transient
    if title:
        body["error_user_title"] = title
    if user_message:
        body["error_user_msg"] = user_message
    body["fbtrace_id"] = f"A{zlib.crc32(message.encode()):010d}fake"
    return Answer(status, {"error": body}, headers or {})


def refused(message: str, subcode: int | None = None, **words: Any) -> GraphError:
    """Code 100, of whatever subcode."""
    return GraphError(error(f"(#100) {message}", 100, subcode, **words))


def not_there(identifier: str, method: str = "get") -> GraphError:
    return GraphError(
        error(
            f"Unsupported {method.lower()} request. Object with ID '{identifier}' does not exist, "
            "cannot be loaded due to missing permissions, or does not support this operation. "
            "Please read the Graph API documentation at "
            "https://developers.facebook.com/docs/graph-api",
            100, 33, kind="GraphMethodException",
        )
    )  # fmt: skip


def usage(account: str, kind: str = "ads_management", *, calls: int = 1, minutes: int = 0,
          tier: str = "standard_access") -> dict[str, str]:  # fmt: skip
    """The header that tells how much of the hour's calls is used up, in percent."""
    told = {
        "type": kind, "call_count": calls, "total_cputime": calls // 2, "total_time": calls // 2,
        "estimated_time_to_regain_access": minutes, "ads_api_access_tier": tier,
    }  # fmt: skip
    account_use: dict[str, Any] = {
        "acc_id_util_pct": float(calls),
        "reset_time_duration": minutes * 60,
    }
    headers = {
        "X-Business-Use-Case-Usage": json.dumps({account: [told]}),
        "X-Ad-Account-Usage": json.dumps({**account_use, "ads_api_access_tier": tier}),
        "X-App-Usage": json.dumps({"call_count": calls, "total_cputime": 1, "total_time": 1}),
    }
    if kind == "ads_insights":
        throttle = {"app_id_util_pct": 0.0, "acc_id_util_pct": float(calls)}
        headers["X-FB-Ads-Insights-Throttle"] = json.dumps(throttle)
    return headers


_TOO_MANY = (
    "There have been too many calls {} this ad-account. Wait a bit and try again. For more info, "
    "please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting."
)
_CHANGED_TOO_OFTEN = (
    "Your ad set budget can only be changed 4 times per hour. Please wait until an hour has passed."
)


def named(name: str, account: str = "1", minutes: int = 7) -> Answer:
    """An error by the name that tests order it by."""
    limited = usage(account, calls=100, minutes=minutes)
    insights = usage(account, "ads_insights", calls=100, minutes=minutes)
    errors = {
        "unknown": lambda: error("An unknown error occurred", 1, 99, status=500),
        "transient": lambda: error(
            "An unexpected error has occurred. Please retry your request later.", 2,
            status=500, transient=True,
        ),
        "too_much": lambda: error(
            "Please reduce the amount of data you're asking for, then retry your request", 1,
            status=500,
        ),
        "too_much_for_a_call": lambda: error(
            "(#100) Invalid parameter", 100, 1487534,
            title="Query timeout limit reached",
            user_message="The amount of data in one call is too large. Ask for a shorter period.",
        ),
        "app_limit": lambda: error("(#4) Application request limit reached", 4, 1504022,
                                   status=403, transient=True, headers=limited),
        "user_limit": lambda: error("(#17) User request limit reached", 17, 2446079,
                                    title="Ad Account Has Too Many API Calls",
                                    user_message=_TOO_MANY.format("to"), headers=limited),
        "page_limit": lambda: error("(#32) Page request limit reached", 32, headers=limited),
        "call_limit": lambda: error("(#613) Calls to this api have exceeded the rate limit.", 613,
                                    1487742, headers=limited),
        "burst": lambda: error("(#613) Calls to this api have exceeded the rate limit.", 613,
                               5044001, headers=limited),
        "budget_changes": lambda: error(
            "(#613) Calls to this api have exceeded the rate limit.", 613, 1487632,
            title="Budget Changed Too Many Times", user_message=_CHANGED_TOO_OFTEN,
        ),
        "insights_limit": lambda: error(f"(#80000) {_TOO_MANY.format('from')}", 80000, 2446079,
                                        headers=insights),
        "management_limit": lambda: error(f"(#80004) {_TOO_MANY.format('to')}", 80004, 2446079,
                                          headers=limited),
        "token": lambda: error(
            "Error validating access token: Session has expired. The current time is later than "
            "its end.", 190, 463,
        ),
        "session": lambda: error("(#102) Session key invalid or no longer valid", 102),
        "permission": lambda: error(
            "(#200) Ad account owner has NOT grant ads_management or ads_read permission", 200,
            status=403,
        ),
        "app_permission": lambda: error(
            "(#10) Application does not have permission for this action", 10, status=403
        ),
        "managed": lambda: error(
            "(#294) Managing advertisements requires the extended permission ads_management", 294,
            status=403,
        ),
        "blocked": lambda: error(
            "The action attempted has been deemed abusive or is otherwise disallowed", 368, 1346003
        ),
        "version": lambda: error(
            "(#2635) You are calling a deprecated version of the Ads API. Please update to the "
            "latest version: v27.0.", 2635,
        ),
        "minimum": lambda: error(
            "(#100) Invalid parameter", 100, 1885272, title="Your budget is too low",
            user_message="Your budget is too low. The minimum budget is 1.00 per day.",
        ),
        "gateway": lambda: Answer(502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
        "unavailable": lambda: Answer(503, "<html>Sorry, something went wrong.</html>"),
    }  # fmt: skip
    if name not in errors:
        raise ValueError(f"no such error: {name}; there are {', '.join(errors)}")
    return errors[name]()

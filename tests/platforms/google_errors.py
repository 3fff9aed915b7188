"""Errors of the Google Ads API, in the shape in which its REST interface gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.platforms.loopback import Answer

FAILURE = "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure"
REQUEST_ID = "Fake-0123456789abcdef"
_WORDS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip
_SENTENCES = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
    "cookie or other valid authentication credential.",
    403: "The caller does not have permission",
    429: "Resource has been exhausted (e.g. check quota).",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}


@dataclass
class AdsError(Exception):
    """One error of a failure: `kind` as queryError, `code` as UNRECOGNIZED_FIELD."""

    kind: str
    code: str
    message: str
    status: int = 400
    details: Mapping[str, Any] = field(default_factory=dict)
    field_name: str = ""
    """What of an operation is at fault, as amount_micros."""

    def told(self, operation: int | None = None) -> dict[str, Any]:
        told: dict[str, Any] = {"errorCode": {self.kind: self.code}, "message": self.message}
        if operation is not None:
            path: list[dict[str, Any]] = [{"fieldName": "operations", "index": operation}]
            if self.field_name:
                path += [{"fieldName": "update"}, {"fieldName": self.field_name}]
            told["location"] = {"fieldPathElements": path}
        if self.details:
            told["details"] = dict(self.details)
        return told

    def answer(self) -> Answer:
        return failure([self.told()], self.status)


def failure(errors: Sequence[Mapping[str, Any]], status: int = 400) -> Answer:
    details = [{"@type": FAILURE, "errors": list(errors), "requestId": REQUEST_ID}]
    return plain(status, _SENTENCES.get(status, "Failed"), details)


def plain(status: int, message: str, details: Sequence[Mapping[str, Any]] = ()) -> Answer:
    """An error before the API itself is reached: no failure in it, or other details."""
    body: dict[str, Any] = {"code": status, "message": message, "status": _WORDS[status]}
    if details:
        body["details"] = list(details)
    return Answer(status, {"error": body}, {"request-id": REQUEST_ID})


def unparsed(message: str) -> Answer:
    """A body that is not what the interface takes: an unknown name, a value of another kind."""
    words = f"Invalid JSON payload received. {message}"
    violation = {"@type": "type.googleapis.com/google.rpc.BadRequest",
                 "fieldViolations": [{"description": words}]}  # fmt: skip
    return plain(400, words, [violation])


def partial(errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What stands beside the results where some operations failed."""
    first = errors[0]
    index = first["location"]["fieldPathElements"][0]["index"]
    return {
        "code": 3, "message": f"{first['message']}, at operations[{index}]",
        "details": [{"@type": FAILURE, "errors": list(errors), "requestId": REQUEST_ID}],
    }  # fmt: skip


def micros(amount: Decimal) -> str:
    return str(int(amount * 1_000_000))


def below_minimum(currency: str, least: Decimal, asked: int) -> AdsError:
    details = {
        "currencyCode": currency, "budgetPerDayMinimumMicros": micros(least),
        "minimumBudgetAmountMicros": micros(least), "failedBudgetAmountMicros": str(asked),
    }  # fmt: skip
    return AdsError(
        "campaignBudgetError", "BUDGET_BELOW_PER_DAY_MINIMUM",
        "The budget amount is below the minimum for a day.",
        details={"budgetPerDayMinimumErrorDetails": details}, field_name="amount_micros",
    )  # fmt: skip


def exhausted(code: str, seconds: float, scope: str = "ACCOUNT") -> AdsError:
    quota = {"rateScope": scope, "rateName": "Requests per day", "retryDelay": f"{seconds:g}s"}
    return AdsError(
        "quotaError", code, f"Too many requests. Retry in {seconds:g} seconds.", 429,
        {"quotaErrorDetails": quota},
    )  # fmt: skip


def named(name: str, seconds: float = 30) -> Answer:
    """An error by the name that tests order it by: the API's own code, or a kind of outage."""
    if name in QUOTA:
        return exhausted(
            name, seconds, "DEVELOPER" if name == "RESOURCE_EXHAUSTED" else "ACCOUNT"
        ).answer()
    if name in OF_KIND:
        kind, status = OF_KIND[name]
        return AdsError(
            kind, name, _TOLD.get(name, name.replace("_", " ").capitalize()), status
        ).answer()
    others = {
        "unauthenticated": lambda: plain(401, _SENTENCES[401]),
        "unavailable": lambda: plain(503, _SENTENCES[503]),
        "internal": lambda: plain(500, _SENTENCES[500]),
        "gateway": lambda: Answer(502, "<html><title>Error 502 (Server Error)!!1</title></html>"),
        "quota_of_project": lambda: plain(429, "Quota exceeded for quota metric 'Requests'."),
    }
    if name not in others:
        known = ", ".join((*QUOTA, *OF_KIND, *others))
        raise ValueError(f"no such error: {name}; there are {known}")
    return others[name]()


QUOTA = (
    "RESOURCE_EXHAUSTED", "RESOURCE_TEMPORARILY_EXHAUSTED",
    "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION",
    "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION",
)  # fmt: skip
OF_KIND = {
    "USER_PERMISSION_DENIED": ("authorizationError", 403),
    "CUSTOMER_NOT_ENABLED": ("authorizationError", 403),
    "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": ("authorizationError", 403),
    "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT": ("authorizationError", 403),
    "OAUTH_TOKEN_REVOKED": ("authenticationError", 401),
    "OAUTH_TOKEN_EXPIRED": ("authenticationError", 401),
    "CUSTOMER_NOT_FOUND": ("authenticationError", 401),
    "NOT_ADS_USER": ("authenticationError", 401),
    "TWO_STEP_VERIFICATION_NOT_ENROLLED": ("authenticationError", 401),
    "TRANSIENT_ERROR": ("internalError", 500),
    "INTERNAL_ERROR": ("internalError", 500),
    "DEADLINE_EXCEEDED": ("internalError", 500),
    "CONCURRENT_MODIFICATION": ("databaseError", 400),
    "UNSUPPORTED_VERSION": ("requestError", 400),
    "INVALID_STATUS_CHANGE": ("campaignError", 400),
    "CANNOT_MODIFY_FOR_TRIAL_CAMPAIGN": ("campaignError", 400),
    "CANNOT_CHANGE_BUDGET_ON_CAMPAIGN_WITH_TRIALS": ("campaignError", 400),
    "CAMPAIGN_BUDGET_REMOVED": ("campaignBudgetError", 400),
    "BUDGET_AMOUNT_MUST_BE_UNSET_FOR_CUSTOM_BUDGET_PERIOD": ("campaignBudgetError", 400),
    "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE": ("operationAccessDeniedError", 400),
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": ("mutateError", 400),
}
_TOLD = {
    "USER_PERMISSION_DENIED": "User doesn't have permission to access customer. Note: If you're "
    "accessing a client customer, the manager's customer id must be set in the "
    "'login-customer-id' header.",
    "CUSTOMER_NOT_ENABLED": "The customer account can't be accessed because it is not yet enabled "
    "or has been deactivated.",
    "CONCURRENT_MODIFICATION": "Multiple requests were attempting to modify the same resource at "
    "once. Retry the request.",
    "UNSUPPORTED_VERSION": "Version v26 is deprecated. Requests to this version will be blocked.",
    "OAUTH_TOKEN_REVOKED": "OAuth token is revoked.",
}


def of(name: str, field_name: str = "") -> AdsError:
    """One of the codes as the error of a single operation."""
    kind, status = OF_KIND[name]
    words = _TOLD.get(name, name.replace("_", " ").capitalize() + ".")
    return AdsError(kind, name, words, status, field_name=field_name)

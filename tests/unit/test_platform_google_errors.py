"""What becomes of each error code of Google Ads."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from autonomy.platforms.base import AccountBroken, Gone, Later, PlatformError, Refused
from autonomy.platforms.google_ads import GOOGLE_ADS, GoogleAdsAccount
from autonomy.platforms.google_errors import judged
from autonomy.platforms.http import Answer, Hiccup
from tests.unit.platform_answers import Waits, google_error, no_secret, script

URL = f"{GOOGLE_ADS}/customers/1234567890/googleAds:search"
TOKEN = "opaqueTOKENpart/0123456789"

CODES: list[tuple[str, str, int, type[PlatformError]]] = [
    # expected refusals
    ("BUDGET_BELOW_PER_DAY_MINIMUM", "campaignBudgetError", 400, Refused),
    ("NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT", "campaignBudgetError", 400, Refused),
    ("CANNOT_CHANGE_BUDGET_ON_CAMPAIGN_WITH_TRIALS", "campaignError", 400, Refused),
    ("CANNOT_MODIFY_FOR_TRIAL_CAMPAIGN", "campaignError", 400, Refused),
    ("CAMPAIGN_BUDGET_REMOVED", "campaignBudgetError", 400, Refused),
    ("INVALID_STATUS_CHANGE", "campaignError", 400, Refused),
    ("OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", "contextError", 400, Refused),
    ("BUDGET_AMOUNT_MUST_BE_UNSET_FOR_CUSTOM_BUDGET_PERIOD", "campaignBudgetError", 400, Refused),
    ("EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED", "mutateError", 400, Refused),
    ("PAGE_SIZE_NOT_SUPPORTED", "requestError", 400, Refused),
    ("UNRECOGNIZED_FIELD", "queryError", 400, Refused),
    ("NEVER_HEARD_OF", "newError", 400, Refused),
    ("RESOURCE_NOT_FOUND", "mutateError", 404, Gone),
    # quota and moments
    ("CONCURRENT_MODIFICATION", "databaseError", 400, Later),
    ("RESOURCE_EXHAUSTED", "quotaError", 429, Later),
    ("RESOURCE_TEMPORARILY_EXHAUSTED", "quotaError", 429, Later),
    ("EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION", "quotaError", 429, Later),
    ("EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION", "quotaError", 429, Later),
    ("INTERNAL_ERROR", "internalError", 500, Later),
    ("TRANSIENT_ERROR", "internalError", 500, Later),
    ("DEADLINE_EXCEEDED", "internalError", 500, Later),
    # the account as a whole
    ("USER_PERMISSION_DENIED", "authorizationError", 403, AccountBroken),
    ("CUSTOMER_NOT_ENABLED", "authorizationError", 403, AccountBroken),
    ("CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION", "authorizationError", 403, AccountBroken),
    ("OAUTH_TOKEN_REVOKED", "authenticationError", 401, AccountBroken),
    ("TWO_STEP_VERIFICATION_NOT_ENROLLED", "authenticationError", 401, AccountBroken),
    ("ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT", "mutateError", 400, AccountBroken),
    ("NOT_ADS_USER", "authenticationError", 401, AccountBroken),
    ("NEVER_HEARD_OF", "authorizationError", 403, AccountBroken),
    ("INVALID_LOGIN_CUSTOMER_ID", "headerError", 400, AccountBroken),
    ("REQUESTED_METRICS_FOR_MANAGER", "queryError", 400, AccountBroken),
    ("UNSUPPORTED_VERSION", "requestError", 400, AccountBroken),
]


@responses.activate
@pytest.mark.parametrize(("code", "kind", "status", "becomes"), CODES)
@pytest.mark.parametrize("listed", [False, True])
def test_each_code_says_what_becomes_of_it(
    code: str,
    kind: str,
    status: int,
    becomes: type[PlatformError],
    listed: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    waits = Waits()
    told = google_error(code, kind, trigger={"stringValue": TOKEN})
    script([(status, [told] if listed else told, {})], "POST", URL)
    one = GoogleAdsAccount("1234567890", token=lambda: TOKEN, clock=waits.clock, sleep=waits.sleep)
    with no_secret(caplog, TOKEN, kind=becomes) as caught:
        one.account()
    error = caught[0]
    assert type(error) in (becomes, Hiccup)
    assert (error.code, error.request_id) == (code, "req-1")
    assert error.message.endswith(".")
    if isinstance(error, Later):
        assert error.seconds > 0


@responses.activate
def test_a_token_that_google_repeats_is_hidden(caplog: pytest.LogCaptureFixture) -> None:
    told = google_error("OAUTH_TOKEN_INVALID", "authenticationError", message=f"bad {TOKEN}")
    script([(401, told, {})], "POST", URL)
    with no_secret(caplog, TOKEN, kind=AccountBroken) as caught:
        GoogleAdsAccount("1234567890", token=lambda: TOKEN).account()
    assert "bad (hidden)" in caught[0].message


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("30s", 30), ("3600.5s", 3600), ("0s", 1), ("999999s", 86400), ("soon", 900), (None, 900),
     ("-5s", 900), (30, 900)],
)  # fmt: skip
def test_a_quota_waits_as_long_as_google_says(delay: Any, seconds: float) -> None:
    details = {"quotaErrorDetails": {"rateScope": "ACCOUNT", "retryDelay": delay}}
    error = judged(
        Answer(429, {}, google_error("RESOURCE_EXHAUSTED", "quotaError", details=details))
    )
    assert isinstance(error, Later)
    assert error.seconds == seconds


def test_the_least_budget_is_said_in_googles_own_numbers() -> None:
    details = {
        "budgetPerDayMinimumErrorDetails": {
            "currencyCode": "EUR",
            "budgetPerDayMinimumMicros": "1000000",
            "minimumBudgetAmountMicros": "1500000",
            "failedBudgetAmountMicros": "10000",
        }
    }
    told = google_error("BUDGET_BELOW_PER_DAY_MINIMUM", "campaignBudgetError", details=details)
    error = judged(Answer(400, {}, told))
    assert error
    assert error.message.endswith("The least is 1.5 EUR a day.")


def test_of_several_errors_the_gravest_decides() -> None:
    told = google_error("INVALID_STATUS_CHANGE", "campaignError")
    one = {"errorCode": {"authorizationError": "CUSTOMER_NOT_ENABLED"}, "message": "closed"}
    told["error"]["details"][0]["errors"].append(one)
    assert isinstance(judged(Answer(400, {}, told)), AccountBroken)


def plain(code: int, status: str, **detail: Any) -> dict[str, Any]:
    """An error of the gateway, before Google Ads itself."""
    told = {"code": code, "message": "Told.", "status": status}
    return {"error": told | ({"details": [detail]} if detail else {})}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, plain(401, "UNAUTHENTICATED"), AccountBroken),
        (403, plain(403, "PERMISSION_DENIED"), AccountBroken),
        (403, plain(403, "PERMISSION_DENIED", reason="SERVICE_DISABLED"), AccountBroken),
        (404, plain(404, "NOT_FOUND"), Gone),
        (409, plain(409, "ABORTED"), Later),
        (429, plain(429, "RESOURCE_EXHAUSTED"), Later),
        (500, plain(500, "INTERNAL"), Later),
        (503, plain(503, "UNAVAILABLE"), Later),
        (504, plain(504, "DEADLINE_EXCEEDED"), Later),
        (400, plain(400, "INVALID_ARGUMENT"), Refused),
        (400, {"error": "text"}, Refused),
        (400, {"error": {"details": "x", "message": 5, "status": []}}, Refused),
        (400, {"error": {"details": [{"errors": [{"errorCode": "x"}, 5]}]}}, Refused),
        (500, {}, Later),
        (500, [], Later),
        (200, plain(3, "INVALID_ARGUMENT"), Refused),
    ],
)
def test_errors_of_the_gateway_and_of_no_known_shape(
    status: int, body: Any, kind: type[PlatformError]
) -> None:
    assert isinstance(judged(Answer(status, {}, body)), kind)


def test_the_gateways_own_delay_is_heard() -> None:
    error = judged(Answer(429, {}, plain(429, "RESOURCE_EXHAUSTED", retryDelay="12s")))
    assert isinstance(error, Later)
    assert error.seconds == 12
    error = judged(Answer(429, {"Retry-After": "40"}, plain(429, "RESOURCE_EXHAUSTED")))
    assert isinstance(error, Later)
    assert error.seconds == 40


def test_what_is_no_error_is_none() -> None:
    assert judged(Answer(200, {}, {"results": []})) is None
    assert judged(Answer(200, {}, [])) is None

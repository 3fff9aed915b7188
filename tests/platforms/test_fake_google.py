"""The fake of Google's API by itself: rows, pages, noughts, writes, refusals, tokens."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.platforms import sample
from tests.platforms.asking import Google
from tests.platforms.fake_google import SCOPE, FakeGoogle
from tests.platforms.google_errors import named, of
from tests.platforms.loopback import mentions
from tests.platforms.sample import ANGELES, DAY, MANAGER, TOKYO, figures
from tests.platforms.world import PlainWorld

BY_DAY = (
    "SELECT campaign.id, segments.date, metrics.impressions, metrics.clicks, metrics.cost_micros, "
    "metrics.conversions, metrics.conversions_value FROM campaign "
    "WHERE segments.date BETWEEN '{}' AND '{}'"
)
HISTORY = (
    "SELECT change_event.change_date_time, change_event.user_email, change_event.client_type, "
    "change_event.change_resource_type, change_event.change_resource_name, "
    "change_event.changed_fields, change_event.old_resource, change_event.new_resource "
    "FROM change_event WHERE change_event.change_date_time >= '2026-11-20' AND "
    "change_event.change_date_time <= '2026-11-29' AND change_event.change_resource_type IN "
    "('CAMPAIGN', 'CAMPAIGN_BUDGET') ORDER BY change_event.change_date_time DESC LIMIT 10000"
)


@pytest.fixture
def world() -> PlainWorld:
    return sample.world()


@pytest.fixture
def google(world: PlainWorld) -> Iterator[Google]:
    fake = FakeGoogle(world)
    yield Google(fake, ANGELES, MANAGER)
    fake.stop()


@pytest.fixture
def tokyo(world: PlainWorld) -> Iterator[Google]:
    fake = FakeGoogle(world)
    yield Google(fake, TOKYO)
    fake.stop()


def pause(campaign: str, status: str = "PAUSED") -> dict[str, Any]:
    name = f"customers/{ANGELES}/campaigns/{campaign}"
    return {"update": {"resourceName": name, "status": status}, "updateMask": "status"}


def amount(budget: str, micros: int, customer: str = ANGELES) -> dict[str, Any]:
    name = f"customers/{customer}/campaignBudgets/{budget}"
    return {"update": {"resourceName": name, "amountMicros": str(micros)},
            "updateMask": "resourceName,amountMicros"}  # fmt: skip


def test_whole_numbers_are_strings_and_what_is_nought_is_not_there(
    world: PlainWorld, google: Google
) -> None:
    world.tell(figures("306", 4, impressions=5, spend="0.5"))
    rows = google.rows(BY_DAY.format(DAY, DAY))
    assert rows == [
        {"campaign": {"resourceName": f"customers/{ANGELES}/campaigns/301", "id": "301"},
         "segments": {"date": "2026-11-27"},
         "metrics": {"impressions": "70", "clicks": "7", "costMicros": "7000000",
                     "conversions": 0.4, "conversionsValue": 11.5}},
        {"campaign": {"resourceName": f"customers/{ANGELES}/campaigns/306", "id": "306"},
         "segments": {"date": "2026-11-27"},
         "metrics": {"impressions": "5", "costMicros": "500000"}},
    ]  # fmt: skip
    google.fake.zeros = True
    assert google.rows(BY_DAY.format(DAY, DAY))[1]["metrics"]["conversions"] == 0.0


def test_a_day_is_the_accounts_and_yen_are_micros_too(google: Google, tokyo: Google) -> None:
    """The last hour of Los Angeles's 27 November is the morning of the 28th in London."""
    assert google.rows(BY_DAY.format("2026-11-28", "2026-11-28")) == []
    day = tokyo.rows(BY_DAY.format(DAY, DAY))[0]
    assert day["metrics"]["costMicros"] == "4000000000"
    hour = (
        "SELECT segments.hour, metrics.conversions FROM campaign WHERE segments.date = '2026-11-27'"
    )
    with_hour = google.rows(hour.replace("SELECT", "SELECT segments.date, campaign.id,"))
    assert [row["segments"]["hour"] for row in with_hour] == [23]
    assert tokyo.rows(hour)[0]["metrics"]["conversions"] == 3.0  # hour 0 is not there


def test_campaigns_with_their_budgets(google: Google) -> None:
    rows = google.rows(
        "SELECT campaign.id, campaign.status, campaign.experiment_type, "
        "campaign.bidding_strategy_system_status, campaign_budget.amount_micros, "
        "campaign_budget.total_amount_micros, campaign_budget.period, "
        "campaign_budget.explicitly_shared, campaign_budget.reference_count "
        "FROM campaign WHERE campaign.status != 'REMOVED' ORDER BY campaign.id"
    )
    found = {row["campaign"]["id"]: (row["campaign"], row["campaignBudget"]) for row in rows}
    assert list(found) == ["301", "302", "303", "304", "305", "306", "308"]
    assert found["302"][1]["explicitlyShared"] is True
    assert found["302"][1]["referenceCount"] == "2"
    assert "explicitlyShared" not in found["301"][1]
    assert found["304"][1]["totalAmountMicros"] == "3000000000"
    assert found["304"][1]["period"] == "CUSTOM_PERIOD"
    assert "amountMicros" not in found["304"][1]
    assert found["305"][0]["experimentType"] == "EXPERIMENT"
    assert found["308"][0]["biddingStrategySystemStatus"] == "LEARNING_BUDGET_CHANGE"
    assert found["303"][0]["status"] == "PAUSED"


def test_without_segments_all_campaigns_come_with_their_sums(google: Google) -> None:
    rows = google.rows(
        "SELECT campaign.id, metrics.clicks FROM campaign WHERE campaign.id IN (301, 302)"
    )
    assert [row.get("metrics") for row in rows] == [{"clicks": "7"}, None]
    total = google.rows(f"SELECT metrics.cost_micros FROM customer WHERE segments.date = '{DAY}'")
    assert total[0]["metrics"] == {"costMicros": "7000000"}


def test_pages_are_of_one_size_and_in_order(world: PlainWorld) -> None:
    fake = FakeGoogle(world, page=3)
    google = Google(fake, ANGELES, MANAGER)
    query = "SELECT campaign.id FROM campaign ORDER BY campaign.id DESC"
    try:
        first = google.post("googleAds:search", {"query": query}).json()
        assert len(first["results"]) == 3
        assert [row["campaign"]["id"] for row in google.rows(query)] == [
            "308", "307", "306", "305", "304", "303", "302", "301",
        ]  # fmt: skip
        stream = google.post("googleAds:searchStream", {"query": query}).json()
        assert [len(part["results"]) for part in stream] == [3, 3, 2]
        other = {"query": "SELECT campaign.name FROM campaign", "pageToken": first["nextPageToken"]}
        assert google.errors(google.post("googleAds:search", other)) == [
            {"requestError": "INVALID_PAGE_TOKEN"}
        ]
        sized = {"query": query, "pageSize": 100}
        assert google.errors(google.post("googleAds:search", sized)) == [
            {"requestError": "PAGE_SIZE_NOT_SUPPORTED"}
        ]
    finally:
        fake.stop()


def test_pages_stand_still_while_the_world_moves_on(world: PlainWorld) -> None:
    fake = FakeGoogle(world, page=1)
    google = Google(fake, ANGELES, MANAGER)
    query = "SELECT campaign.id, campaign.status FROM campaign"
    try:
        first = google.post("googleAds:search", {"query": query}).json()
        world.set_status("302", "deleted", "Maria", program=False)
        second = {"query": query, "pageToken": first["nextPageToken"]}
        told = google.post("googleAds:search", second).json()["results"]
        assert told[0]["campaign"]["status"] == "ENABLED"
    finally:
        fake.stop()


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT campaign.start_date FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT campaign.created_at FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT metrics.roas FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT campaign.id FROM campaigns", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("SELECT campaign.id FROM customer", "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE"),
        ("SELECT campaign.id FROM campaign WHERE campaign.status = 'ACTIVE'", "BAD_ENUM_CONSTANT"),
        ("SELECT segments.date FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        ("SELECT segments.date FROM campaign WHERE segments.date >= '2026-11-01'",
         "EXPECTED_FILTERS_ON_DATE_RANGE"),
        ("SELECT campaign.id FROM campaign WHERE segments.hour = 3",
         "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE"),
        ("SELECT segments.date FROM campaign WHERE segments.date = '27.11.2026'",
         "INVALID_DATE_FORMAT"),
        ("SELECT campaign.id FROM campaign ORDER BY campaign.name",
         "PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE"),
        ("SELECT campaign.id FROM campaign LIMIT 0", "BAD_LIMIT_VALUE"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id IN ()",
         "PROHIBITED_EMPTY_LIST_IN_CONDITION"),
        ("SELECT campaign.id, FROM campaign", "EXPECTED_FROM"),
        ("campaign.id FROM campaign", "EXPECTED_SELECT"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id ~ 3", "UNEXPECTED_INPUT"),
        ("SELECT campaign.id FROM campaign nonsense", "UNEXPECTED_INPUT"),
        ("", "EXPECTED_SELECT"),
    ],
)  # fmt: skip
def test_a_query_that_is_none_is_refused(google: Google, query: str, error: str) -> None:
    answer = google.post("googleAds:search", {"query": query})
    assert (answer.status_code, google.errors(answer)) == (400, [{"queryError": error}])


def test_errors_of_a_stream_come_in_a_list(google: Google) -> None:
    answer = google.post("googleAds:searchStream", {"query": "SELECT campaign.foo FROM campaign"})
    assert isinstance(answer.json(), list)
    assert google.errors(answer) == [{"queryError": "UNRECOGNIZED_FIELD"}]
    google.headers["Authorization"] = "Bearer another"
    answer = google.post("googleAds:searchStream", {"query": "SELECT campaign.id FROM campaign"})
    assert (answer.status_code, answer.json()[0]["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_a_manager_sees_its_tree_and_has_no_metrics(world: PlainWorld) -> None:
    fake = FakeGoogle(world)
    google = Google(fake, MANAGER)
    try:
        rows = google.rows(
            "SELECT customer_client.id, customer_client.level, customer_client.manager, "
            "customer_client.currency_code, customer_client.time_zone FROM customer_client"
        )
        told = [row["customerClient"] for row in rows]
        assert [(one["id"], one.get("level"), one.get("manager")) for one in told] == [
            (ANGELES, "1", None), (MANAGER, None, True),
        ]  # fmt: skip
        wrong = google.post("googleAds:search", {"query": BY_DAY.format(DAY, DAY)})
        assert google.errors(wrong) == [{"queryError": "REQUESTED_METRICS_FOR_MANAGER"}]
    finally:
        fake.stop()


def test_through_which_account_somebody_comes_in(world: PlainWorld, google: Google) -> None:
    query = {"query": "SELECT customer.id FROM customer"}
    assert google.post("googleAds:search", query).ok
    del google.headers["login-customer-id"]
    denied = google.post("googleAds:search", query)
    assert (denied.status_code, google.errors(denied)) == (
        403, [{"authorizationError": "USER_PERMISSION_DENIED"}],
    )  # fmt: skip
    google.customer = "1234567899"
    assert google.post("googleAds:search", query).status_code == 403
    google.customer = "333-333-3333"
    assert google.errors(google.post("googleAds:search", query)) == [
        {"requestError": "INVALID_CUSTOMER_ID"}
    ]
    google.customer = TOKYO
    world.accounts[TOKYO].active = False
    assert google.errors(google.post("googleAds:search", query)) == [
        {"authorizationError": "CUSTOMER_NOT_ENABLED"}
    ]


def test_writes_are_carried_out_each_by_itself(world: PlainWorld, google: Google) -> None:
    body = {"operations": [amount("3019", 61_500_000), amount("3049", 9_000_000), amount("9", 1),
                           amount("77", 210_000_000)], "partialFailure": True}  # fmt: skip
    answer = google.post("campaignBudgets:mutate", body)
    told = answer.json()
    assert [one.get("resourceName", "")[-4:] for one in told["results"]] == ["3019", "", "", "s/77"]
    assert google.errors(answer) == [
        {"campaignBudgetError": "BUDGET_AMOUNT_MUST_BE_UNSET_FOR_CUSTOM_BUDGET_PERIOD"},
        {"mutateError": "RESOURCE_NOT_FOUND"},
    ]
    places = [one["location"]["fieldPathElements"][0]
              for one in told["partialFailureError"]["details"][0]["errors"]]  # fmt: skip
    assert places == [
        {"fieldName": "operations", "index": 1},
        {"fieldName": "operations", "index": 2},
    ]
    assert world.budgets["3019"].amount == Decimal("61.5")
    assert world.budgets["77"].amount == 210


def test_without_partial_failure_it_is_all_or_nothing(world: PlainWorld, google: Google) -> None:
    answer = google.post("campaigns:mutate", {"operations": [pause("301"), pause("307")]})
    assert answer.status_code == 400
    assert google.errors(answer) == [
        {"operationAccessDeniedError": "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"}
    ]
    assert world.changes == []


def test_validate_only_tells_the_errors_and_no_results(world: PlainWorld, google: Google) -> None:
    body = {
        "operations": [pause("301"), pause("305")],
        "partialFailure": True,
        "validateOnly": True,
    }
    answer = google.post("campaigns:mutate", body)
    assert "results" not in answer.json()
    assert google.errors(answer) == [{"campaignError": "CANNOT_MODIFY_FOR_TRIAL_CAMPAIGN"}]
    assert google.post("campaigns:mutate", {**body, "operations": [pause("301")]}).json() == {}
    assert world.changes == []


@pytest.mark.parametrize(
    ("kind", "operation", "error"),
    [
        ("campaigns", pause("308"),
         {"mutateError": "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"}),
        ("campaigns", pause("301", "REMOVED"), {"campaignError": "INVALID_STATUS_CHANGE"}),
        ("campaigns", pause("999"), {"mutateError": "RESOURCE_NOT_FOUND"}),
        ("campaigns", {**pause("301"), "updateMask": ""}, {"fieldMaskError": "FIELD_MASK_MISSING"}),
        ("campaigns", {**pause("301"), "updateMask": "state"},
         {"fieldMaskError": "FIELD_NOT_FOUND"}),
        ("campaignBudgets", pause("301") | {"updateMask": "amountMicros"}, None),
        ("campaignBudgets", amount("3069", 30_000_000),
         {"campaignError": "CANNOT_CHANGE_BUDGET_ON_CAMPAIGN_WITH_TRIALS"}),
        ("campaignBudgets", amount("3019", 990_000),
         {"campaignBudgetError": "BUDGET_BELOW_PER_DAY_MINIMUM"}),
        ("campaignBudgets", amount("3019", 60_001_000),
         {"campaignBudgetError": "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT"}),
        ("campaignBudgets", amount("3019", -60_000_000),
         {"campaignBudgetError": "NEGATIVE_MONEY_AMOUNT"}),
        ("campaignBudgets", amount("3019", 10**16),
         {"campaignBudgetError": "MONEY_AMOUNT_TOO_LARGE"}),
        ("campaignBudgets", amount("2019", 5_000_000_000, TOKYO),
         {"mutateError": "RESOURCE_NOT_FOUND"}),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    world: PlainWorld,
    google: Google,
    kind: str,
    operation: dict[str, Any],
    error: dict[str, str] | None,
) -> None:
    answer = google.post(f"{kind}:mutate", {"operations": [operation], "partialFailure": True})
    if error is None:
        assert answer.json()["error"]["message"].startswith("Invalid JSON payload received.")
    else:
        assert google.errors(answer) == [error]
    assert world.changes == []


def test_the_least_budget_is_told_in_micros(google: Google, tokyo: Google) -> None:
    body = {"operations": [amount("2019", 149_000_000, TOKYO)], "partialFailure": True}
    told = tokyo.post("campaignBudgets:mutate", body).json()["partialFailureError"]["details"][0]
    assert told["errors"][0]["details"]["budgetPerDayMinimumErrorDetails"] == {
        "currencyCode": "JPY", "budgetPerDayMinimumMicros": "150000000",
        "minimumBudgetAmountMicros": "150000000", "failedBudgetAmountMicros": "149000000",
    }  # fmt: skip
    half_a_yen = {"operations": [amount("2019", 160_500_000, TOKYO)], "partialFailure": True}
    assert tokyo.errors(tokyo.post("campaignBudgets:mutate", half_a_yen)) == [
        {"campaignBudgetError": "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT"}
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"operations": [pause("301")], "partial_failure": True},
        {"operations": [pause("301")], "pageSize": 1},
        {"operations": [pause("301", "paused")]},
        {"operations": [{**pause("301"), "updateMask": "campaign_budget"}]},
        {"operations": [{"update": {"resourceName": "x", "budget": "1"}, "updateMask": "budget"}]},
        ["operations"],
    ],
)
def test_what_is_no_message_of_theirs_is_not_parsed(google: Google, body: Any) -> None:
    answer = google.post("campaigns:mutate", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Invalid JSON payload received.")


def test_who_changed_what(world: PlainWorld, google: Google) -> None:
    google.post("campaigns:mutate", {"operations": [pause("301")]})
    world.pass_time(minutes=1)
    world.set_budget("3019", Decimal("70.5"), "maria@example.com", program=False)
    rows = [row["changeEvent"] for row in google.rows(HISTORY)]
    assert [(one["userEmail"], one["clientType"], one["changedFields"]) for one in rows] == [
        ("maria@example.com", "GOOGLE_ADS_WEB_CLIENT", "amountMicros"),
        ("operator@project.iam.gserviceaccount.com", "GOOGLE_ADS_API", "status"),
    ]
    assert rows[0]["changeDateTime"] == "2026-11-28 04:01:00.000000"  # of Los Angeles
    assert rows[0]["oldResource"] == {"campaignBudget": {"amountMicros": "60000000"}}
    assert rows[0]["newResource"] == {"campaignBudget": {"amountMicros": "70500000"}}
    assert rows[1]["newResource"] == {"campaign": {"status": "PAUSED"}}
    google.fake.history_delay = timedelta(minutes=1)
    assert len(google.rows(HISTORY)) == 1


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (" LIMIT 10000", "", "LIMIT_NOT_SPECIFIED"),
        ("LIMIT 10000", "LIMIT 10001", "INVALID_LIMIT_CLAUSE"),
        ("2026-11-20", "2026-10-20", "START_DATE_TOO_OLD"),
        ("AND change_event.change_date_time <= '2026-11-29' ", "", "CHANGE_DATE_RANGE_INFINITE"),
    ],
)
def test_the_history_has_its_rules(google: Google, old: str, new: str, error: str) -> None:
    answer = google.post("googleAds:search", {"query": HISTORY.replace(old, new)})
    assert google.errors(answer) == [{"changeEventError": error}]


def test_the_days_operations_are_counted(world: PlainWorld) -> None:
    fake = FakeGoogle(world, operations_a_day=3)
    google = Google(fake, ANGELES, MANAGER)
    query = {"query": "SELECT customer.id FROM customer"}
    try:
        assert google.post("googleAds:search", query).ok
        assert google.post("campaigns:mutate", {"operations": [pause("301"), pause("302")]}).ok
        world.pass_time(hours=20)
        answer = google.post("googleAds:search", query)
        told = answer.json()["error"]
        assert (answer.status_code, told["status"]) == (429, "RESOURCE_EXHAUSTED")
        quota = told["details"][0]["errors"][0]["details"]["quotaErrorDetails"]
        assert (quota["rateScope"], quota["retryDelay"]) == ("DEVELOPER", "14400s")
        world.pass_time(hours=4)
        assert google.post("googleAds:search", query).ok
    finally:
        fake.stop()


def test_single_things_and_whole_calls_can_be_made_to_fail(
    world: PlainWorld, google: Google
) -> None:
    google.fake.refusals[f"customers/{ANGELES}/campaigns/301"] = of("CONCURRENT_MODIFICATION")
    body = {"operations": [pause("301"), pause("302")], "partialFailure": True}
    assert google.errors(google.post("campaigns:mutate", body)) == [
        {"databaseError": "CONCURRENT_MODIFICATION"}
    ]
    assert [one.external_id for one in world.changes] == ["302"]
    google.fake.fail(
        named("EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION"), when=mentions("search")
    )
    google.fake.fail(named("gateway"), when=mentions("search"))
    query = {"query": "SELECT customer.id FROM customer"}
    assert [google.post("googleAds:search", query).status_code for _ in range(3)] == [429, 502, 200]
    google.fake.says_done_but_is_not = 1
    told = google.post("campaigns:mutate", {"operations": [pause("306")]}).json()
    assert told["results"][0]["resourceName"].endswith("/306")
    assert world.things["306"].status == "active"


def test_another_version_is_refused(google: Google) -> None:
    address = f"{google.fake.root}/v22/customers/{ANGELES}/googleAds:search"
    answer = requests.post(address, json={}, headers=google.headers, timeout=10)
    assert google.errors(answer) == [{"requestError": "UNSUPPORTED_VERSION"}]


# Tokens


def claim(uri: str, **other: Any) -> str:
    now = int(time.time())
    told = {"iss": "a@b", "iat": now, "exp": now + 3600, "aud": uri, "scope": SCOPE, **other}
    body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def test_a_service_accounts_claim_buys_a_token(google: Google) -> None:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    uri = google.fake.token_uri
    told = requests.post(uri, {**form, "assertion": claim(uri)}, timeout=10).json()
    google.headers["Authorization"] = f"Bearer {told['access_token']}"
    assert google.rows("SELECT customer.id FROM customer")
    google.fake.expire_tokens()
    query = {"query": "SELECT customer.id FROM customer"}
    assert google.post("googleAds:search", query).status_code == 401
    for wrong in (claim(uri, scope="email"), claim("https://elsewhere"), claim(uri, exp=0), "x"):
        answer = requests.post(uri, {**form, "assertion": wrong}, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_refresh_token_buys_one_until_it_is_revoked(google: Google) -> None:
    form = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s"}
    uri = google.fake.token_uri
    good = {**form, "refresh_token": "google-refresh"}
    assert requests.post(uri, good, timeout=10).json()["token_type"] == "Bearer"
    assert requests.post(uri, {**form, "refresh_token": "no"}, timeout=10).status_code == 400
    google.fake.revoked = True
    answer = requests.post(uri, good, timeout=10)
    assert answer.json() == {
        "error": "invalid_grant", "error_description": "Token has been expired or revoked.",
    }  # fmt: skip

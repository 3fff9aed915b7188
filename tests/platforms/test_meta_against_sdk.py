"""Meta's own SDK talks to the fake, and the frozen names are the SDK's.

Skipped where requirements-platforms.txt is not installed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.platforms import control, meta_names, sample
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.meta_errors import named
from tests.platforms.meta_insights import HOURLY
from tests.platforms.sample import BERLIN
from tests.platforms.world import PlainWorld

pytest.importorskip("facebook_business", reason="requirements-platforms.txt is not installed")

from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession


@pytest.fixture
def world() -> PlainWorld:
    return sample.world()


@pytest.fixture
def fake(world: PlainWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMeta]:
    fake = FakeMeta(world, needs_proof=True)
    fake.start()
    monkeypatch.setattr(FacebookSession, "GRAPH", fake.root)
    api = FacebookAdsApi.init(
        app_id="1", app_secret=fake.app_secret, access_token=fake.token, api_version="v26.0"
    )
    yield fake
    api._session.requests.close()
    fake.stop()


@pytest.fixture
def account(fake: FakeMeta) -> Any:
    return AdAccount(f"act_{BERLIN}")


def test_the_frozen_names_are_the_sdks() -> None:
    frozen = {name: sorted(values) for name, values in meta_names.frozen().items()}
    assert frozen == meta_names.of_the_sdk()


def test_the_account(account: Any) -> None:
    told = account.api_get(fields=[
        "currency", "timezone_name", "account_status", "min_daily_budget", "attribution_spec",
    ])  # fmt: skip
    assert (told["currency"], told["timezone_name"], told["account_status"]) == (
        "EUR", "Europe/Berlin", 1,
    )  # fmt: skip
    assert account.get_minimum_budgets()[0]["min_daily_budget_imp"] == 100


def test_lists_over_several_pages(account: Any) -> None:
    fields = ["name", "effective_status", "daily_budget", "lifetime_budget", "created_time"]
    found = account.get_campaigns(fields=fields, params={"limit": 2})
    assert [one["id"] for one in found] == ["100", "120", "130", "160", "170"]
    assert found.total() == 5
    archived = {"effective_status": [Campaign.EffectiveStatus.archived]}
    assert [one["id"] for one in account.get_campaigns(fields=["name"], params=archived)] == ["140"]
    sets = account.get_ad_sets(fields=["campaign_id", "learning_stage_info", "daily_budget"])
    assert sets[1]["learning_stage_info"]["status"] == "LEARNING"


def test_insights_by_day_and_by_hour(account: Any) -> None:
    day = {"since": "2026-11-27", "until": "2026-11-27"}
    params = {"level": "campaign", "time_increment": 1, "time_range": day,
              "action_attribution_windows": ["7d_click", "1d_view"]}  # fmt: skip
    fields = ["campaign_id", "spend", "impressions", "clicks", "actions", "action_values"]
    rows = list(account.get_insights(fields=fields, params=params))
    assert [(row["campaign_id"], row["spend"]) for row in rows] == [("100", "20"), ("120", "5")]
    purchases = [one for one in rows[0]["actions"] if one["action_type"] == "omni_purchase"]
    assert purchases[0]["value"] == "2"
    hours = account.get_insights(fields=["spend"], params={**params, "breakdowns": [HOURLY]})
    assert hours[0][HOURLY] == "09:00:00 - 09:59:59"


def test_a_report(account: Any) -> None:
    run = account.get_insights(fields=["spend"], params={"level": "campaign"}, is_async=True)
    assert isinstance(run, AdReportRun)
    for _ in range(10):
        run = run.api_get()
        if run["async_status"] == "Job Completed":
            break
        time.sleep(0.01)
    assert run["async_percent_completion"] == 100
    assert len(run.get_insights()) == 2


def test_writes_and_looking_first(world: PlainWorld, fake: FakeMeta) -> None:
    Campaign("100").api_update(params={"daily_budget": 6000})
    AdSet("121").api_update(params={"status": AdSet.Status.paused})
    Campaign("100").api_update(
        params={
            "daily_budget": 7000,
            "execution_options": [Campaign.ExecutionOptions.validate_only],
        }
    )
    assert world.budgets["1009"].amount == 60
    assert world.things["121"].status == "paused"
    assert Campaign("100").api_get(fields=["daily_budget"])["daily_budget"] == "6000"


def test_who_changed_what(world: PlainWorld, account: Any) -> None:
    world.set_status("100", "paused", "Maria Keller", program=False)
    told = account.get_activities(fields=["event_type", "actor_name", "object_id", "event_time"])
    assert [(one["event_type"], one["actor_name"]) for one in told] == [
        ("update_campaign_run_status", "Maria Keller")
    ]


def test_the_history_has_authors_apps_and_what_was_before(world: PlainWorld, account: Any) -> None:
    Campaign("100").api_update(params={"daily_budget": 6000})
    world.pass_time(minutes=1)
    control.person_changes(world, "121", "status", "paused", "Maria Keller")
    now = int(world.timestamp())
    told = account.get_activities(
        fields=["event_type", "actor_name", "application_id", "object_id", "extra_data"],
        params={"since": now - 3600, "until": now + 1, "limit": 500},
    )
    person, program = told
    assert (person["event_type"], person["object_id"]) == ("update_ad_set_run_status", "121")
    assert "application_id" not in person
    app = FacebookAdsApi.get_default_api().call("GET", ("app",), params={"fields": "id"}).json()
    assert program["application_id"] == app["id"]
    assert json.loads(program["extra_data"])["new_value"]["new_value"] == 6000


@pytest.mark.parametrize(
    ("order", "told", "subcode"),
    [
        ("set", {"minimum": "90"}, 1885272),
        ("set", {"changes_an_hour": 0}, 1487632),
        ("refuse", {"external_id": "100", "name": "minimum"}, 1885272),
        ("fail", {"name": "burst", "on": "write"}, 5044001),
    ],
)
def test_faults_on_order_are_the_sdks_errors(
    fake: FakeMeta, order: str, told: dict[str, Any], subcode: int
) -> None:
    assert requests.post(f"{fake.root}/_fake/{order}", json=told, timeout=10).ok
    with pytest.raises(FacebookRequestError) as caught:
        Campaign("100").api_update(params={"daily_budget": 6000})
    assert caught.value.api_error_subcode() == subcode


def test_a_write_that_is_not_seen_yet_and_one_that_is_not_made(fake: FakeMeta) -> None:
    control.put(fake, "stale_reads", 1)
    Campaign("100").api_update(params={"daily_budget": 6000})
    seen = [Campaign("100").api_get(fields=["daily_budget"])["daily_budget"] for _ in range(2)]
    assert seen == ["5000", "6000"]
    control.put(fake, "says_done_but_is_not", 1)
    Campaign("100").api_update(params={"daily_budget": 7000})
    assert Campaign("100").api_get(fields=["daily_budget"])["daily_budget"] == "6000"


def test_several_calls_in_one(fake: FakeMeta) -> None:
    batch = FacebookAdsApi.get_default_api().new_batch()
    found: list[Any] = []
    for name in ("100", "999"):
        Campaign(name).api_get(
            fields=["name"], batch=batch, success=lambda told: found.append(told.json()["name"]),
            failure=lambda told: found.append(told.error().api_error_subcode()),
        )  # fmt: skip
    batch.execute()
    assert found == ["Whole", 33]


@pytest.mark.parametrize(
    ("name", "code", "subcode", "transient"),
    [
        ("transient", 2, None, True), ("insights_limit", 80000, 2446079, False),
        ("budget_changes", 613, 1487632, False), ("token", 190, 463, False),
        ("permission", 200, None, False), ("minimum", 100, 1885272, False),
    ],
)  # fmt: skip
def test_errors_are_understood(
    fake: FakeMeta, account: Any, name: str, code: int, subcode: int | None, transient: bool
) -> None:
    fake.fail(named(name, BERLIN))
    with pytest.raises(FacebookRequestError) as caught:
        account.api_get()
    told = caught.value
    assert (told.api_error_code(), told.api_error_subcode()) == (code, subcode)
    assert told.api_transient_error() is transient


def test_a_field_that_is_none_is_refused(account: Any) -> None:
    with pytest.warns(UserWarning, match="budget"), pytest.raises(FacebookRequestError) as caught:
        account.get_campaigns(fields=["budget"])
    assert caught.value.api_error_code() == 100

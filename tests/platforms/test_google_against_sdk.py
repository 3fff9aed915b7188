"""Google's protos read every answer of the fake, and its SDK talks to it.

Skipped where requirements-platforms.txt is not installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from autonomy.platforms.google_history import HISTORY_QUERY
from autonomy.platforms.google_rows import CLIENTS_QUERY, CONVERSIONS_QUERY, UNDECLARED_QUERY
from tests.platforms import control, gaql, google_errors, sample
from tests.platforms.asking import Google
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.sample import ANGELES, DAY, MANAGER
from tests.platforms.test_fake_google import BY_DAY, HISTORY, amount, pause
from tests.platforms.world import PlainWorld

pytest.importorskip(
    "google.ads.googleads.v26", reason="requirements-platforms.txt is not installed"
)

import grpc
from google.ads.googleads.client import GoogleAdsClient
from google.ads.googleads.errors import GoogleAdsException
from google.ads.googleads.interceptors import (
    ExceptionInterceptor,
    MetadataInterceptor,
)
from google.ads.googleads.v26.services.types.google_ads_service import GoogleAdsRow
from google.auth.credentials import AnonymousCredentials
from google.protobuf import json_format
from google.rpc import error_details_pb2  # noqa: F401 - known to the parser of Any

from tests.platforms import grpc_bridge

CAMPAIGNS = (
    "SELECT campaign.id, campaign.name, campaign.status, campaign.serving_status, "
    "campaign.primary_status, campaign.primary_status_reasons, "
    "campaign.bidding_strategy_system_status, campaign.experiment_type, campaign.base_campaign, "
    "campaign.advertising_channel_type, campaign.start_date_time, campaign.end_date_time, "
    "campaign.missing_eu_political_advertising_declaration, campaign_budget.resource_name, "
    "campaign_budget.amount_micros, campaign_budget.total_amount_micros, campaign_budget.period, "
    "campaign_budget.type, campaign_budget.explicitly_shared, campaign_budget.reference_count "
    "FROM campaign WHERE campaign.status != 'REMOVED'"
)
HOURLY = BY_DAY.replace("segments.date,", "segments.date, segments.hour,")
CUSTOMER = (
    "SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone, "
    "customer.status, customer.test_account, customer.manager FROM customer"
)
TREE = (
    "SELECT customer_client.id, customer_client.level, customer_client.manager, "
    "customer_client.currency_code, customer_client.time_zone, customer_client.status "
    "FROM customer_client"
)
_KINDS = {  # of a protobuf field, by its cpp_type
    1: "int32", 2: "int64", 5: "double", 7: "bool", 8: "enum", 9: "string", 10: "message",
}  # fmt: skip


@pytest.fixture
def world() -> PlainWorld:
    return sample.world()


@pytest.fixture
def google(world: PlainWorld) -> Iterator[Google]:
    fake = FakeGoogle(world, page=3)
    yield Google(fake, ANGELES, MANAGER)
    fake.stop()


@pytest.fixture
def server(google: Google) -> Iterator[Any]:
    server = grpc_bridge.served(google.fake)
    yield server
    server.stop(None).wait()


def service(server: Any, name: str) -> Any:
    """A service of the SDK, as it makes it itself but for the address."""
    client = GoogleAdsClient(AnonymousCredentials(), "none", login_customer_id=MANAGER)
    kind = type(client.get_service(name, version="v26"))
    channel = grpc.intercept_channel(
        grpc.insecure_channel(f"127.0.0.1:{server.port}"),
        MetadataInterceptor("none", MANAGER), ExceptionInterceptor("v26", use_proto_plus=True),
    )  # fmt: skip
    return kind(transport=kind.get_transport_class()(channel=channel))


@pytest.mark.parametrize(
    ("resource", "name", "kind"),
    [(resource, name, kind) for resource, names in gaql.FIELDS.items()
     for name, kind in names.items()],
)  # fmt: skip
def test_every_path_of_the_fake_is_googles_and_of_that_kind(
    resource: str, name: str, kind: str
) -> None:
    row = GoogleAdsRow.pb(GoogleAdsRow()).DESCRIPTOR
    fields = row.fields_by_name[resource].message_type.fields_by_name
    field = fields.get(name) or fields[f"{name}_"]  # type is type_ in Python
    found = _KINDS[field.cpp_type]
    assert ("list" if field.is_repeated else found) == kind


@pytest.mark.parametrize("path", ["campaign.start_date", "campaign.created_at", "metrics.roas"])
def test_what_google_does_not_have_the_fake_does_not_have(path: str) -> None:
    resource, name = path.split(".")
    row = GoogleAdsRow.pb(GoogleAdsRow()).DESCRIPTOR
    assert name not in row.fields_by_name[resource].message_type.fields_by_name
    assert name not in gaql.FIELDS[resource]


@pytest.mark.parametrize(("path", "values"), gaql.ENUMS.items())
def test_the_values_of_enums_are_googles(path: str, values: tuple[str, ...]) -> None:
    resource, name = path.split(".")
    row = GoogleAdsRow.pb(GoogleAdsRow()).DESCRIPTOR
    field = row.fields_by_name[resource].message_type.fields_by_name[name]
    assert set(values) <= set(field.enum_type.values_by_name)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(
    "query",
    [
        CUSTOMER,
        TREE,
        CAMPAIGNS,
        BY_DAY.format(DAY, DAY),
        HOURLY.format(DAY, DAY),
        HISTORY,
        CONVERSIONS_QUERY,
        UNDECLARED_QUERY,
        CLIENTS_QUERY,
    ],
)
def test_googles_protos_read_every_answer(
    world: PlainWorld, google: Google, query: str, zeros: bool
) -> None:
    google.fake.zeros = zeros
    google.post("campaigns:mutate", {"operations": [pause("301")]})
    google.post("campaignBudgets:mutate", {"operations": [amount("3019", 70_000_000)]})
    for method in ("googleAds:search", "googleAds:searchStream"):
        _, request, response = grpc_bridge.METHODS[method]
        grpc_bridge.parsed({"query": query}, request)
        told = google.post(method, {"query": query}).json()
        for part in told if isinstance(told, list) else [told]:
            assert part["results"]
            read = grpc_bridge.parsed(part, response)
            assert len(read.results) == len(part["results"])


@pytest.mark.parametrize("kind", ["campaigns", "campaignBudgets"])
def test_googles_protos_read_writes_and_their_answers(google: Google, kind: str) -> None:
    _, request, response = grpc_bridge.METHODS[f"{kind}:mutate"]
    wrong = pause("305") if kind == "campaigns" else amount("3019", 1_000)
    below = pause("308") if kind == "campaigns" else amount("3019", 10_000)
    good = pause("301") if kind == "campaigns" else amount("3019", 70_000_000)
    for only in (False, True):
        body = {"operations": [wrong, good, below], "partialFailure": True, "validateOnly": only}
        grpc_bridge.parsed(body, request)
        told = google.post(f"{kind}:mutate", body).json()
        read = grpc_bridge.parsed(told, response)
        assert len(read.results) == (0 if only else 3)
        assert len(read.partial_failure_error.details) == 1


NAMED = (*google_errors.QUOTA, *google_errors.OF_KIND)


@pytest.mark.parametrize("name", NAMED)
def test_errors_are_googles(name: str) -> None:
    from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure

    answer = google_errors.named(name)
    told = dict(answer.body["error"]["details"][0])
    assert told.pop("@type") == google_errors.FAILURE
    read = grpc_bridge.parsed(told, GoogleAdsFailure)
    assert read.errors[0].error_code.WhichOneof("error_code") is not None


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("googleAds:search", {"query": "x", "pageSizes": 1}),
        ("campaigns:mutate", {"operations": [pause("301", "paused")]}),
        ("campaigns:mutate", {"operations": [{**pause("301"), "updateMask": "campaign_budget"}]}),
        ("campaignBudgets:mutate", {"operations": [{"update": {"budget": 1}, "updateMask": "x"}]}),
    ],
)
def test_what_google_cannot_parse_the_fake_does_not_take(
    google: Google, method: str, body: dict[str, Any]
) -> None:
    with pytest.raises(json_format.ParseError):
        grpc_bridge.parsed(body, grpc_bridge.METHODS[method][1])
    assert google.post(method, body).status_code == 400


def test_the_products_own_requests_are_googles(world: PlainWorld) -> None:
    client = pytest.importorskip("autonomy.platforms.google_ads", reason="it is not there")
    fake = FakeGoogle(world, page=3)
    account = client.GoogleAdsAccount(
        ANGELES, token=lambda: fake.token, base=fake.start(), login_customer_id=MANAGER,
        clock=world.timestamp,
    )  # fmt: skip
    try:
        account.account()
        account.pulse()
        assert list(account.units())
        assert list(account.days(DAY, DAY))
        unit = account.unit("301")
        account.set_budget(unit, Decimal(61))
        assert account.notes()
        assert list(account.changes(sample.NOON - timedelta(days=1), sample.NOON))
    finally:
        fake.stop()
    assert len(fake.calls) > 4
    for call in fake.calls:
        grpc_bridge.parsed(call.body, grpc_bridge.METHODS[call.path.rsplit("/", 1)[1]][1])
        assert "developer-token" not in call.headers


# The SDK itself, over gRPC


def test_the_sdk_searches_over_pages_and_streams(server: Any) -> None:
    ads = service(server, "GoogleAdsService")
    rows = list(ads.search(customer_id=ANGELES, query=CAMPAIGNS + " ORDER BY campaign.id"))
    assert [row.campaign.id for row in rows] == [301, 302, 303, 304, 305, 306, 308]
    assert rows[1].campaign_budget.explicitly_shared
    assert rows[3].campaign_budget.amount_micros == 0
    parts = list(ads.search_stream(customer_id=ANGELES, query=BY_DAY.format(DAY, DAY)))
    assert [row.metrics.conversions for part in parts for row in part.results] == [0.4]


def test_the_sdk_writes_with_partial_failure(world: PlainWorld, server: Any) -> None:
    from google.ads.googleads.v26.services.types import campaign_budget_service as budgets
    from google.protobuf import field_mask_pb2

    operations = []
    for number, micros in (("3019", 70_000_000), ("3019", 10_000)):
        one = budgets.CampaignBudgetOperation()
        one.update.resource_name = f"customers/{ANGELES}/campaignBudgets/{number}"
        one.update.amount_micros = micros
        mask = field_mask_pb2.FieldMask(paths=["resource_name", "amount_micros"])
        one._pb.update_mask.CopyFrom(mask)
        operations.append(one)
    request = budgets.MutateCampaignBudgetsRequest(
        customer_id=ANGELES, operations=operations, partial_failure=True
    )
    told = service(server, "CampaignBudgetService").mutate_campaign_budgets(request=request)
    assert [bool(one.resource_name) for one in told.results] == [True, False]
    assert told.partial_failure_error.code == 3
    assert world.budgets["3019"].amount == 70
    # What the SDK sends is what a client of ours sends.
    sent = grpc_bridge.request_body(budgets.MutateCampaignBudgetsRequest.pb(request))
    assert sent == {
        "operations": [amount("3019", 70_000_000), amount("3019", 10_000)], "partialFailure": True,
    }  # fmt: skip


def test_the_sdk_understands_the_errors(google: Google, server: Any) -> None:
    ads = service(server, "GoogleAdsService")
    with pytest.raises(GoogleAdsException) as caught:
        list(ads.search(customer_id=ANGELES, query="SELECT campaign.foo FROM campaign"))
    code = caught.value.failure.errors[0].error_code
    assert code.query_error.name == "UNRECOGNIZED_FIELD"
    with pytest.raises(GoogleAdsException) as caught:
        list(ads.search(customer_id="1234567899", query=CUSTOMER))
    assert caught.value.failure.errors[0].error_code.authorization_error.name == (
        "USER_PERMISSION_DENIED"
    )


def test_the_sdk_reads_who_changed_what(world: PlainWorld, google: Google, server: Any) -> None:
    google.post("campaigns:mutate", {"operations": [pause("301")]})
    world.pass_time(minutes=1)
    control.person_changes(world, "301", "budget", "70.5", "maria@example.com")
    ads = service(server, "GoogleAdsService")
    asked = HISTORY_QUERY.format(since="2026-11-27 00:00:00", until="2026-11-29 00:00:00", most=9)
    person, program = (row.change_event for row in ads.search(customer_id=ANGELES, query=asked))
    assert (person.user_email, person.client_type.name) == (
        "maria@example.com", "GOOGLE_ADS_WEB_CLIENT")  # fmt: skip
    assert person.new_resource.campaign_budget.amount_micros == 70_500_000
    assert list(person.changed_fields.paths) == ["amount_micros"]
    assert (program.user_email, program.client_type.name) == (google.fake.actor, "GOOGLE_ADS_API")
    assert program.old_resource.campaign.status.name == "ENABLED"
    micros = int(program.resource_name.split("/")[-1].split("~")[0])
    assert datetime.fromtimestamp(micros / 1e6, UTC) == sample.NOON


def test_the_sdk_sees_a_limit_within_a_write(world: PlainWorld, google: Google) -> None:
    control.put(google.fake, "most_operations", 1)
    body = {"operations": [pause("301"), pause("306")], "partialFailure": True}
    told = google.post("campaigns:mutate", body).json()
    read = grpc_bridge.parsed(told, grpc_bridge.METHODS["campaigns:mutate"][2])
    assert [bool(one.resource_name) for one in read.results] == [True, False]
    from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure

    failure = GoogleAdsFailure.deserialize(read.partial_failure_error.details[0].value)
    assert failure.errors[0].error_code.quota_error.name == "RESOURCE_TEMPORARILY_EXHAUSTED"
    assert world.things["306"].status == "active"

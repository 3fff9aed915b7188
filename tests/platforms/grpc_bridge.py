"""The fake of Google's API behind gRPC, so that Google's own SDK can talk to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure
from google.ads.googleads.v26.services.types import (
    campaign_budget_service,
    campaign_service,
    google_ads_service,
)
from google.protobuf import json_format

from tests.platforms.fake_google import FakeGoogle
from tests.platforms.loopback import Answer, Call

PACKAGE = "google.ads.googleads.v26.services"
FAILURE_KEY = "google.ads.googleads.v26.errors.googleadsfailure-bin"
METHODS = {
    "googleAds:search": (
        "GoogleAdsService/Search", google_ads_service.SearchGoogleAdsRequest,
        google_ads_service.SearchGoogleAdsResponse,
    ),
    "googleAds:searchStream": (
        "GoogleAdsService/SearchStream", google_ads_service.SearchGoogleAdsStreamRequest,
        google_ads_service.SearchGoogleAdsStreamResponse,
    ),
    "campaigns:mutate": (
        "CampaignService/MutateCampaigns", campaign_service.MutateCampaignsRequest,
        campaign_service.MutateCampaignsResponse,
    ),
    "campaignBudgets:mutate": (
        "CampaignBudgetService/MutateCampaignBudgets",
        campaign_budget_service.MutateCampaignBudgetsRequest,
        campaign_budget_service.MutateCampaignBudgetsResponse,
    ),
}  # fmt: skip
_STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT, 401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED, 404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED, 500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}  # fmt: skip


def parsed(told: Any, kind: Any) -> Any:
    """JSON as Google's own message: refuses a name or a value that is none."""
    message = kind.pb(kind())
    json_format.ParseDict(told, message)
    return message


def request_body(message: Any) -> dict[str, Any]:
    """A request of the SDK as the REST interface takes it."""
    told: dict[str, Any] = json_format.MessageToDict(message)
    told.pop("customerId", None)
    return told


def served(fake: FakeGoogle) -> grpc.Server:
    """A server on a free port: `server.port`."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    for method, (name, request, response) in METHODS.items():
        service, rpc = name.split("/")
        server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler(
                f"{PACKAGE}.{service}", {rpc: _handler(fake, method, request, response)}
            ),
        ))  # fmt: skip
    server.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server


def _handler(fake: FakeGoogle, method: str, request: Any, response: Any) -> Any:
    def ask(message: Any, context: grpc.ServicerContext) -> Answer:
        headers = {"authorization": f"Bearer {fake.token}"}
        headers |= {key: str(value) for key, value in context.invocation_metadata()}
        path = f"/v26/customers/{message.customer_id}/{method}"
        answer = fake.handle(Call("POST", path, {}, {}, request_body(message), headers))
        assert answer is not None
        if answer.status >= 400:
            _abort(answer, context)
        return answer

    def unary(message: Any, context: grpc.ServicerContext) -> Any:
        return parsed(ask(message, context).body, response)

    def stream(message: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        for part in ask(message, context).body:
            yield parsed(part, response)

    makers = {
        "request_deserializer": request.pb(request()).FromString,
        "response_serializer": lambda message: message.SerializeToString(),
    }
    if method.endswith("Stream"):
        return grpc.unary_stream_rpc_method_handler(stream, **makers)
    return grpc.unary_unary_rpc_method_handler(unary, **makers)


def _abort(answer: Answer, context: grpc.ServicerContext) -> None:
    told = answer.body[0] if isinstance(answer.body, list) else answer.body
    error = json.loads(json.dumps(told["error"]))
    for detail in error.get("details", ()):
        if detail.pop("@type").endswith("GoogleAdsFailure"):
            failure = parsed(detail, GoogleAdsFailure).SerializeToString()
            context.set_trailing_metadata(((FAILURE_KEY, failure), ("request-id", "Fake")))
    context.abort(_STATUS[answer.status], error["message"])

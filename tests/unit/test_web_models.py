"""The models of requests: what they describe is what they take, and refusals are sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from autonomy.errors import BadRequest, NotFound
from autonomy.run.request import RunRequest
from autonomy.run.sent import Sent
from autonomy.web.api.openapi import ERRORS, components, document, query_parameters
from autonomy.web.api.requests import AccountChange, PolicyChange
from autonomy.web.api.routes import OPERATIONS
from autonomy.web.parsing import Parameters
from autonomy.web.rule_body import RuleChange
from tests.integration.json_shapes import problems

ID = "3f2b9c1e-8a57-4e0c-9d1b-2f6a7c5e4d3b"
RULE = {
    "rule_name": "Mine",
    "rule_type": "pause",
    "condition": {"metric": "roi", "operator": "<", "threshold": 1},
    "action": {"type": "auto_pause"},
}
LEAST: dict[str, dict[str, Any]] = {
    "RunRequest": {"dry_run": True},
    "Rollback": {"run_id": ID},
    "OpportunityStatus": {"status": "open"},
    "PreviewRule": {"rule": RULE},
    "NewDraft": {"rule": RULE},
    "AccountChange": {"account": "Paris", "frozen": True},
    "ProofParameters": {"account": "Paris"},
    "PlanEvent": {"account": "Paris", "from": "2026-11-02", "until": "2026-11-03", "why": "Sale"},
    "ToldChange": {"channels": {"FROZEN": ["email"]}},
    "Exclude": {"account": "Paris", "from_day": "2026-11-02", "until_day": "2026-11-03"},
}
TEXTS = [
    "", " ", "x", "x" * 200, "x" * 201, "x" * 500, "x" * 501, "a\x00b", "\ud800", ID, ID.upper(),
    "2026-11-22", "2026-11-22T10:00:00Z", "2026-11-22T10:00", "soon", "2/8", "1/2000", "1/8\n",
    "open", "pending", "active", "critical", "auto_pause", "0", "1", "50", "201", "1.5", "-1",
    "\u0665", "9" * 30,
]  # fmt: skip
VALUES = [
    *TEXTS, 0, 1, 1.5, 50.0, -1, 10**30, True, False, None,
    [], [ID], ["x"], [1], [ID] * 200, [ID] * 201, {}, {"x": 1},
]  # fmt: skip
LATER = {"rule", *PolicyChange.names(), *AccountChange.names()} - {"account"}
"""What the language of rules or the database refuses, each with its own sentence."""
BODIES = sorted(
    # a rule is taken as it comes: what is wrong with it, the database says
    {one.takes for one in OPERATIONS if not issubclass(one.takes, (Parameters, RuleChange))}
    - {Sent},
    key=lambda model: model.__name__,
)
QUERIES = sorted(
    {one.takes for one in OPERATIONS if issubclass(one.takes, Parameters)},
    key=lambda model: model.__name__,
)


def refusal(model: type[Sent], sent: dict[str, Any]) -> BadRequest | NotFound | None:
    """What is said of it, None where it is taken."""
    try:
        if issubclass(model, Parameters):
            model.read(MultiDict(sent))
        else:
            model.parse(sent)
    except (BadRequest, NotFound) as error:
        return error
    return None


def name_of(model: type[Sent]) -> str:
    return model.__name__


@pytest.mark.parametrize("model", BODIES, ids=name_of)
def test_what_is_described_is_what_is_taken(model: type[Sent]) -> None:
    described = document()
    least = LEAST.get(model.__name__, {})
    for name in model.names():
        for value in VALUES:
            sent = {**least, name: value}
            wrong = problems(sent, {"$ref": f"#/components/schemas/{model.__name__}"}, described)
            said = refusal(model, sent)
            if name not in LATER and value != "\ud800":  # which no JSON brings here
                assert (said is None) == (not wrong), (name, value, said, wrong)


@pytest.mark.parametrize("model", QUERIES, ids=name_of)
def test_a_query_is_taken_as_it_is_described(model: type[Parameters]) -> None:
    for parameter in query_parameters(model):
        schema, name = parameter["schema"], parameter["name"]
        for text in TEXTS:
            value: Any = text
            if schema["type"] == "integer" and text.isdecimal() and text.isascii():
                value = int(text)
            wrong = problems(value, schema, {})
            said = refusal(model, {**LEAST.get(model.__name__, {}), name: text})
            if name == "after":
                assert isinstance(said, NotFound) or not text.strip(), text
            elif text not in ("1/8\n", "\ud800"):  # blanks around are no part of it
                assert (said is None) == (not wrong), (name, text, said, wrong)


def refusals() -> Iterator[tuple[str, BadRequest | NotFound]]:
    for model in (*BODIES, *QUERIES):
        values = TEXTS if issubclass(model, Parameters) else VALUES
        for name in model.names():
            for value in values:
                said = refusal(model, {**LEAST.get(model.__name__, {}), name: value})
                if said is not None:
                    yield name, said


def test_every_refusal_is_a_sentence_of_ours_that_names_the_key() -> None:
    for name, said in refusals():
        assert said.message.startswith(f"{name}: "), said
        assert said.message.endswith("."), said
        for jargon in ("nput should", "alid", "it is wrong", "None", "rror"):
            assert jargon not in said.message, said


@pytest.mark.parametrize("model", BODIES, ids=name_of)
def test_an_unknown_key_is_named_with_those_that_are_known(model: type[Sent]) -> None:
    said = refusal(model, {name: [] for name in model.names()} | {"nonsense": 1})
    assert said is not None
    assert said.message == "nonsense: unknown field."
    assert said.hint == f"Fields: {', '.join(model.names())}."


def test_what_is_missing_is_said_with_what_it_may_be() -> None:
    model = next(one for one in BODIES if one.__name__ == "OpportunityStatus")
    said = refusal(model, {})
    assert said is not None
    assert said.message == (
        "status: it is missing; use one of open, in_progress, resolved, dismissed."
    )


def test_nothing_is_added_to_what_was_sent() -> None:
    """A key that was left out changes nothing; null, where it may stand, means something."""
    model = next(one for one in BODIES if one.__name__ == "CampaignChange")
    assert model.parse({"hold_until": None}).given() == {"hold_until": None}
    assert RunRequest.parse({"dry_run": False}).given() == {"dry_run": False}


def test_every_parameter_has_its_limits() -> None:
    limited = {"maxLength", "pattern", "enum", "format", "anyOf"}
    for path, ways in document()["paths"].items():
        for operation in ways.values():
            for one in operation.get("parameters", []):
                schema = one["schema"]
                if schema["type"] == "integer":
                    assert {"minimum", "maximum"} <= schema.keys(), (path, one)
                else:
                    assert limited & schema.keys(), (path, one)


def test_every_answer_of_an_operation_is_described() -> None:
    for one in OPERATIONS:
        told = set(document()["paths"][one.path][one.method.lower()]["responses"])
        expected = {400, 401, 403, 405, 413, 415, 429, 503, one.success}
        expected |= {404} if "{" in one.path or "after" in one.takes.model_fields else set()
        expected |= set() if one.method == "GET" else {409, 422}
        assert {str(code) for code in expected} <= told, one.path
        assert told <= {str(code) for code in (*ERRORS, one.success)}, one.path


def test_every_reference_leads_to_a_component() -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (v for k, v in node.items() if k == "$ref")
            yield from node.get("mapping", {}).values() if "propertyName" in node else ()
            for member in node.values():
                yield from references(member)
        elif isinstance(node, list):
            for member in node:
                yield from references(member)

    found = set(references(document()))
    assert found <= {f"#/components/schemas/{name}" for name in components()}
    assert len(found) > 40

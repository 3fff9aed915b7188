"""Writes the tables of docs/reference.md that the models of the API are the source of.

.venv/bin/python -m tests.ops.reference
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autonomy.run.request import RunRequest
from autonomy.run.sent import Sent
from autonomy.web.api import agents as may
from autonomy.web.api.openapi import NULL, Described, Schema
from autonomy.web.api.requests import PolicyChange
from autonomy.web.api.routes import OPERATIONS, Operation
from autonomy.web.parsing import Parameters
from tests.ops.documents import DOCS

PAGE = DOCS / "reference.md"
KINDS = {
    "uuid": "an id",
    "date-time": "a time",
    "date": "a day",
    "boolean": "true or false",
    "string": "text",
    "array": "ids",
    "number": "a number",
}
HEADS = {
    "run": ("field", "values", "meaning"),
    "addresses": ("address", "who", "what"),
    "parameters": ("address", "parameter", "values", "meaning"),
    "bodies": ("address", "key", "values", "meaning"),
}


def written(page: str) -> str:
    """The page with its marked tables as the models are now."""
    for name, rows in _tables().items():
        lines = [HEADS[name], ["---" for _ in HEADS[name]], *rows]
        table = "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)
        start, end = f"<!-- from the models: {name} -->\n\n", "\n<!-- until here -->"
        before, _, rest = page.partition(start)
        page = before + start + table + end + rest.partition(end)[2]
    return page


def _tables() -> dict[str, list[Sequence[str]]]:
    api = [one for one in OPERATIONS if one.takes is not RunRequest]
    return {
        "run": [cells[1:] for cells in _keys("", RunRequest)],
        "addresses": [(_address(one), _who(one), one.summary) for one in OPERATIONS],
        "parameters": _by_model([one for one in api if issubclass(one.takes, Parameters)]),
        "bodies": _by_model([one for one in api if not issubclass(one.takes, Parameters)]),
    }


def _address(one: Operation) -> str:
    return f"`{one.method} {re.sub('{[^}]+}', '<id>', one.path)}`"


def _who(one: Operation) -> str:
    if issubclass(one.takes, Parameters):
        return "viewer"
    return "operator" if one.for_agents is may.never else "operator, in part assistant"


def _by_model(operations: list[Operation]) -> list[Sequence[str]]:
    models = dict.fromkeys(one.takes for one in operations if one.takes.model_fields)
    rows: list[Sequence[str]] = []
    for model in models:
        addresses = ", ".join(_address(one) for one in operations if one.takes is model)
        if model is PolicyChange:
            names = " ".join(f"`{name}`" for name in model.names())
            rows.append((addresses, names, "", "[settings of the policy](#policy)"))
        else:
            rows += _keys(addresses, model)
    return rows


def _keys(addresses: str, model: type[Sent]) -> list[Sequence[str]]:
    schema = model.model_json_schema(schema_generator=Described)
    needed = schema.get("required", [])
    return [
        (addresses, f"`{name}`" + ", needed" * (name in needed), _values(key), _meaning(key))
        for name, key in schema["properties"].items()
    ]


def _meaning(key: Schema) -> str:
    usual = f"`{key['default']}` where it is left out" if key.get("default") else ""
    return "; ".join(filter(None, (key.get("description", ""), usual)))


def _values(key: Schema) -> str:
    forms = [one for one in key.get("anyOf", []) if one != NULL]
    if "type" not in key and len(forms) == 1:
        return _values(forms[0])
    if "enum" in key:
        return " ".join(f"`{word}`" for word in key["enum"])
    if "minimum" in key:
        return f"{key['minimum']:,} to {key['maximum']:,}"
    if "maxItems" in key:
        return f"{key['minItems']} to {key['maxItems']} ids"
    if "maxLength" in key:
        return f"text of at most {key['maxLength']} characters"
    if forms:
        return "a day or a time"
    return KINDS.get(key.get("format") or key.get("type", ""), "an object")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""The small parts that the schemas of the OpenAPI document are put together from."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

STORABLE = "^[^\\u0000]*$"
"""PostgreSQL stores no NUL in a text."""
ID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
BOUND: Schema = {
    "anyOf": [{"type": "string", "format": "date"}, TIME],
    "description": "A day belongs to the span as a whole, in the policy's time zone.",
}
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
REASON: Schema = {"type": ["string", "null"], "maxLength": 500, "pattern": STORABLE}


def ref(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(schema: Schema) -> Schema:
    """The schema, or null."""
    named = {"anyOf": [schema, {"type": "null"}]}
    return named if "$ref" in schema else {**schema, "type": [schema["type"], "null"]}


def listed(schema: Schema, **more: Any) -> Schema:
    """A list of these."""
    return {"type": "array", "items": schema, **more}


def shape(properties: dict[str, Schema]) -> Schema:
    """An object with these properties, all of them there; more may stand beside."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def asked(properties: dict[str, Schema], *, needed: tuple[str, ...] = (), least: int = 0) -> Schema:
    """An object that is sent: nothing beside these properties."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed:
        schema["required"] = list(needed)
    if least:
        schema["minProperties"] = least
    return schema


STATE = shape({"status": maybe(TEXT), "budget": maybe(NUMBER)})
WORTH = shape(
    {
        "measured": WHOLE,
        "money": maybe(NUMBER),
        "money_low": maybe(NUMBER),
        "money_high": maybe(NUMBER),
    }
)
COUNTS = dict.fromkeys(
    ("actions", "paused", "scaled", "scaled_down", "adjusted", "resumed",
     "pending", "failed", "rolled_back"),
    WHOLE,
)  # fmt: skip

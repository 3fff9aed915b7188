"""What is sent to us, as models: read with them, described by them (OpenAPI, the reference)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from autonomy.errors import BadRequest

LEFT_OUT: Any = None
"""The default of a field that may be left out, but is never null (see `Sent.given`)."""
STORABLE = "^[^\\u0000]*$"
"""PostgreSQL stores no NUL in a text."""
SAID = {
    "missing": "it is missing",
    "bool_type": "it must be true or false",
    "string_type": "it must be a text",
    "too_long": "at most {max_length} characters",
    "string_unicode": "it holds a character that cannot be stored",
    "value_error": "{error}",
}
"""pydantic's kinds of errors in our words."""


class Read:
    """What is said where a value is none, what it must pass, how it is read, and its JSON Schema.

    Without a description of its own it has that of the type that it annotates.
    """

    def __init__(
        self,
        said: str,
        *,
        test: Callable[[Any], object] = lambda value: True,
        read: Callable[[Any], Any] = lambda value: value,
        **schema: Any,
    ) -> None:
        self.said, self._test, self._read, self._schema = said, test, read, schema

    def __call__(self, value: object) -> Any:
        """The value, read. Raises ValueError with the sentence."""
        try:
            is_text = isinstance(value, str) or self._schema.get("type") != "string"
            if is_text and self._test(value):
                return self._read(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(self.said) from error
        raise ValueError(self.said)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        described = None if self._schema else handler(source)
        return core_schema.no_info_plain_validator_function(
            self, json_schema_input_schema=described
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self._schema) or handler(schema)


class Sent(BaseModel):
    """What a caller sends: no key is unknown, no value is made of one of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    @classmethod
    def parse(cls, sent: Mapping[str, Any]) -> Self:
        """Check what was sent. Raises BadRequest naming the field that is wrong."""
        try:
            return cls.model_validate(dict(sent))
        except ValidationError as error:
            raise cls._refusal(error) from error

    @classmethod
    def names(cls) -> list[str]:
        """The keys, as they are written."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def hint(cls) -> str:
        """Which keys there are."""
        return f"Fields: {', '.join(cls.names())}."

    def given(self) -> dict[str, Any]:
        """What was sent, by its keys, as it was read; nothing beside it."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    @classmethod
    def _refusal(cls, error: ValidationError) -> BadRequest:
        found = error.errors(include_url=False)
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        name = str(first["loc"][0])[:60] if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            return BadRequest(f"{name or 'body'}: unknown field.", hint=cls.hint())
        said = SAID.get(first["type"], "it is wrong").format_map(first.get("ctx", {}))
        if first["type"] == "missing":
            said += "".join(f"; {one.said}" for one in cls._readers(name))
        return BadRequest(f"{name or 'body'}: {said}.")

    @classmethod
    def _readers(cls, name: str) -> list[Read]:
        fields = dict(zip(cls.names(), cls.model_fields.values(), strict=True))
        return [one for one in fields[name].metadata if isinstance(one, Read)]


class Change(Sent):
    """What is to change of a thing: at least one key."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise BadRequest("body: give at least one field.", hint=self.hint())
        return self


def unstorable(text: str) -> bool:
    """NUL cannot be stored in a text, a lone surrogate is no Unicode."""
    return "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text)


def storable(text: str) -> str:
    """The text. Raises ValueError where it cannot be stored."""
    if unstorable(text):
        raise ValueError("it holds a character that cannot be stored")
    return text


Text = Annotated[str, AfterValidator(storable), Field(json_schema_extra={"pattern": STORABLE})]
Reason = Annotated[Text, Field(max_length=500)]

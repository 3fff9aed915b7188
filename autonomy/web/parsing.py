"""What comes in over HTTP, checked: bodies, query parameters, idempotency keys."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, NoReturn, Self

from flask import Request, request
from werkzeug.datastructures import MultiDict

from autonomy.errors import BadRequest, NotFound, RequestError
from autonomy.run.request import day_or_instant, day_or_local, instant
from autonomy.run.sent import Read, Sent, unstorable

LARGEST_BODY_BYTES = 256 * 1024
DEEPEST_JSON = 40
JSON_BLANKS = b" \t\r\n"
KEY_PATTERN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
"""An idempotency key: 1 to 255 printable ASCII characters, no blank at either end."""
CURSOR = re.compile(r"[A-Za-z0-9_=-]{1,1000}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
DIGITS = re.compile("[0-9]{1,9}")


class TooLarge(RequestError):
    """The body is larger than any that we take."""

    code = "BODY_TOO_LARGE"
    http_status = 413


class NotJson(RequestError):
    """The body is declared as something other than JSON, or as compressed."""

    code = "NOT_JSON"
    http_status = 415


def read_whole() -> None:
    """Before each request: read its body to the end and keep it, for forms and JSON alike.

    A body that is cut, compressed or too long is refused here: what is left of it may say something
    else, and nothing at all says `{}`. Raises BadRequest, TooLarge, NotJson.
    """
    environ = request.environ
    content, transfer = (
        str(environ.get(name, "")).strip().lower()
        for name in ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING")
    )
    if content not in ("", "identity") or transfer not in ("", "chunked"):
        raise NotJson("The body is declared as compressed.", hint="Send it as it is.")
    body = _whole_body(environ)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    request.get_data(cache=True)  # reading the form would else leave nothing for json_body


def _whole_body(environ: Mapping[str, Any]) -> bytes:
    """All bytes of the body. The server ends a chunked one, the others have their length."""
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    announced = str(environ.get("CONTENT_LENGTH") or "0")
    if chunked and not environ.get("wsgi.input_terminated"):
        raise BadRequest("body: it has no length.", hint="Send Content-Length.")
    if not re.fullmatch("[0-9]{1,18}", announced, re.ASCII):
        raise BadRequest("Content-Length: it must be a whole number.")
    length = int(announced)
    if length > LARGEST_BODY_BYTES:
        raise too_large()
    body = _read(environ["wsgi.input"], LARGEST_BODY_BYTES + 1 if chunked else length)
    if len(body) > LARGEST_BODY_BYTES:
        raise too_large()
    if len(body) < length:
        raise BadRequest(f"body: {len(body)} of {length} bytes arrived.", hint="Send it again.")
    return body


def _read(stream: Any, most: int) -> bytes:
    """Bytes up to the end of the stream, at most so many. Raises BadRequest where it breaks off."""
    body = b""
    try:
        while len(body) < most and (more := stream.read(most - len(body))):
            body += more
    except Exception as error:  # each server has kinds of its own for a wrong or missing chunk
        raise BadRequest("body: it did not arrive whole.", hint="Send it again.") from error
    return body


def too_large() -> TooLarge:
    """The error for a body that is larger than any that we take."""
    return TooLarge(f"The body is larger than {LARGEST_BODY_BYTES:,} bytes.")


def json_body(request: Request) -> dict[str, Any]:
    """The body as an object; an empty one is {}. Raises BadRequest, NotJson."""
    raw = request.get_data()
    if not raw.strip(JSON_BLANKS):
        return {}
    if not _may_be_json(request.mimetype):
        raise NotJson(
            f"The body is declared as {request.mimetype[:60]}, not as JSON.",
            hint="Send Content-Type: application/json.",
        )
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise BadRequest("body: it must be a JSON object.", hint='An empty one is "{}".')
    return value


def parse_json(raw: bytes | str) -> Any:
    """Strict JSON: UTF-8, no key twice, no NaN, Infinity, NUL or lone surrogate, of sane depth."""
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_each_key_once,
        )
    except UnicodeDecodeError as error:
        raise BadRequest("body: it is not UTF-8.") from error
    except RecursionError as error:
        raise BadRequest("body: it is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"body: not JSON: {error.msg.lower()} in line {error.lineno}, column {error.colno}."
        ) from error
    except ValueError as error:  # an integer of thousands of digits, NaN, 1e999
        raise BadRequest(f"body: not JSON: {str(error)[:100]}.") from error
    _refuse_unstorable(value, 0)
    return value


def text_argument(value: str, name: str, longest: int) -> str:
    """A text that can be stored. Raises BadRequest naming it."""
    if len(value) > longest:
        raise BadRequest(f"{name}: at most {longest} characters.")
    if unstorable(value):
        raise BadRequest(f"{name}: it holds a character that cannot be stored.")
    return value


class Parameters(Sent):
    """Query parameters: each known, checked, none twice. Without fields: none at all."""

    exact: ClassVar[tuple[str, ...]] = ()
    """Names, which may be empty or have blanks at their ends."""

    @classmethod
    def read(cls, args: MultiDict[str, str], *, form: bool = False) -> Self:
        """Raises BadRequest, NotFound. `form`: of a page, to which an empty one is an open field
        of a form and a foreign one what links from elsewhere carry (utm_source, fbclid).

        To a program both are wrong.
        """
        allowed = cls.names()
        if form:
            args = MultiDict([one for one in args.items(multi=True) if one[0] in allowed])
        for name in args:
            if name not in allowed:
                raise BadRequest(
                    f"{name[:60]!r} is no parameter here.",
                    hint=f"Parameters: {', '.join(allowed) or 'none'}.",
                )
            if len(args.getlist(name)) > 1:
                raise BadRequest(f"{name}: it was given twice.")
            if not form and name not in cls.exact and not args[name].strip():
                raise BadRequest(f"{name}: it is empty; leave it out.")
        exact = {name: args[name] for name in cls.exact if name in args}
        stripped = {name: value.strip() for name, value in args.items()}
        return cls.parse({name: value for name, value in stripped.items() if value} | exact)


def one_of(words: Sequence[str]) -> Read:
    """One of these words."""
    said = f"use one of {', '.join(words)}"
    return Read(said, test=words.__contains__, type="string", enum=list(words))


def whole(lowest: int, highest: int) -> Read:
    """A whole number within bounds, in digits."""
    return Read(
        f"a whole number from {lowest} to {highest}",
        test=lambda value: DIGITS.fullmatch(value) and lowest <= int(value) <= highest,
        read=int,
        type="integer",
        minimum=lowest,
        maximum=highest,
    )


def is_number(value: object) -> bool:
    """Whether it is a number as JSON has them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


ID = Read(
    "an id looks like 3f2b9c1e-8a57-4e0c-9d1b-2f6a7c5e4d3b",
    test=UUID.fullmatch,
    read=str.lower,
    type="string",
    format="uuid",
)
MOMENT = Read(
    "a time looks like 2026-11-22T10:00:00Z", read=instant, type="string", format="date-time"
)
"""A date or time in ISO 8601, in UTC where no zone is given; read as an instant in UTC."""
DAY = Read(
    "a day looks like 2026-11-22",
    test=re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch,
    read=lambda text: date.fromisoformat(text).isoformat(),
    type="string",
    format="date",
    pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
)
BOUND = Read(
    "a day looks like 2026-11-22, a time like 2026-11-22T10:00:00Z",
    read=day_or_instant,
    type="string",
    anyOf=[{"format": "date"}, {"format": "date-time"}],
)
"""An end of a span: a day, which belongs to it as a whole, or an instant."""
LOCAL = Read(
    "a day looks like 2026-11-27, a time in the account's zone like 2026-11-27T18:00",
    test=re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?").fullmatch,
    read=day_or_local,
    type="string",
    anyOf=[{"format": "date"}, {"format": "date-time"}],
)
"""An end of an event: a day of the account's zone, meant whole, a time in that zone, an instant."""
Id = Annotated[str, ID]
Moment = Annotated[str, MOMENT]
Day = Annotated[str, DAY]
Bound = Annotated[str, BOUND]
Local = Annotated[str, LOCAL]


def identifier(value: object, name: str) -> str:
    """A uuid in its usual writing. Raises BadRequest naming the field."""
    try:
        return str(ID(value))
    except ValueError as error:
        raise BadRequest(f"{name}: {error}.") from error


def encode_cursor(key: Mapping[str, Any] | None) -> str | None:
    """A page's key as one opaque word."""
    if key is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def cursor(**members: Read) -> Read:
    """`after`: the `next_after` of the page before, whose key has these members."""

    def read(word: str) -> dict[str, Any]:
        """Raises NotFound: there is no page behind any other word."""
        try:
            if not CURSOR.fullmatch(word):
                raise ValueError
            key = parse_json(base64.b64decode(word, altchars=b"-_", validate=True))
            return {name: member(key[name]) for name, member in members.items()}
        except (ValueError, TypeError, KeyError, BadRequest) as error:
            raise NotFound(
                "after: there is no such page.",
                hint="Take next_after of the page before, as it is.",
            ) from error

    return Read("", read=read, type="string", pattern=f"^{CURSOR.pattern}$")


ACTIONS_AFTER = cursor(created_at=MOMENT, id=ID)
RANK = Read("", test=(1, 2, 3, 4).__contains__, read=int)
OPPORTUNITIES_AFTER = cursor(rank=RANK, first_seen_at=MOMENT, id=ID)
SORTED = Read("", test=re.compile("-?(title|budget|spend|revenue|roi|conversions)").fullmatch)
KEY = Read("", test=lambda value: value is None or (isinstance(value, str) and len(value) <= 60))
CAMPAIGNS_AFTER = cursor(sort=SORTED, value=KEY, id=ID)
HAPPENED_ID = Read("", test=re.compile("[a-z][0-9a-f-]{20,40}", re.ASCII).fullmatch)
HAPPENED_AFTER = cursor(at=MOMENT, id=HAPPENED_ID)
RUNS_AFTER = cursor(started_at=MOMENT, id=ID)


def idempotency_key(request: Request) -> str | None:
    """The caller's key, else one made of the scheduler's job and schedule time, else none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None:
        if not KEY_PATTERN.fullmatch(key):
            raise BadRequest("Idempotency-Key: 1 to 255 printable ASCII characters.")
        return key
    job = request.headers.get("X-CloudScheduler-JobName", "")
    at = request.headers.get("X-CloudScheduler-ScheduleTime", "")
    scheduled = f"scheduler:{job}:{at}"
    return scheduled if job and at and KEY_PATTERN.fullmatch(scheduled) else None


def _may_be_json(mimetype: str) -> bool:
    """Only what is clearly something else is refused: `curl -d` says it sends a form."""
    plain = ("", "application/json", "text/json", "text/plain", "application/octet-stream")
    return mimetype in (*plain, "application/x-www-form-urlencoded") or mimetype.endswith("+json")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # {"dry_run": true, "dry_run": false} would be whichever came last: a run for real.
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _refuse_unstorable(value: Any, depth: int) -> None:
    if depth > DEEPEST_JSON:
        raise BadRequest("body: it is nested too deeply.")
    if isinstance(value, str) and unstorable(value):
        raise BadRequest("body: it holds a character that cannot be stored.")
    if isinstance(value, dict):
        for key, member in value.items():
            _refuse_unstorable(key, depth)
            _refuse_unstorable(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _refuse_unstorable(member, depth + 1)

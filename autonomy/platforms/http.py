"""How platforms are called: one session, time-outs, bounded back-off, JSON in and out.

No token and no address stands in an error, a log or a `repr`: what `requests` raises names both, so
it is never passed on, not even as a cause. Redirects are not followed, and outside this machine
only https is spoken: a token goes to the platform or nowhere.
"""

from __future__ import annotations

import ipaddress
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from autonomy.platforms.base import AccountBroken, Later, PlatformError, TooMuch, Unsure

TIMEOUT_SECONDS = (5.0, 60.0)
"""Connect and read, each try."""
ANSWER_SECONDS = 90.0
"""A whole answer, however slowly it drips."""
CALL_SECONDS = 90.0
"""No other try begins after so long."""
LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes, unpacked: 10,000 rows of Google are 4 to 12 MB, 500 of Meta 1 MB."""
PIECE = 64 * 1024

RETRY_DELAYS_SECONDS = (1.0, 4.0, 10.0)
"""Waits between tries; half to all of each, so that callers do not march in step."""
PATIENCE_SECONDS = 20.0
"""A wait that a platform asks for is waited out up to here; longer ones are the caller's."""
UNKNOWN_WAIT_SECONDS = 60.0

LONGEST_SENTENCE = 300
HIDDEN = "(hidden)"


_LATEST: ContextVar[float] = ContextVar("latest", default=float("inf"))


@contextmanager
def no_later_than(moment: float) -> Iterator[None]:
    """No call in here goes on after `moment` (monotonic, seconds), whatever its own limit says."""
    outer = _LATEST.set(min(moment, _LATEST.get()))
    try:
        yield
    finally:
        _LATEST.reset(outer)


def _end() -> float:
    """When what is under way has to end; in a second at the earliest, to end decently."""
    return max(_LATEST.get(), time.monotonic() + 1.0)


class Hiccup(Later):
    """The platform is out of order for a moment; what was asked for may have been carried out."""


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is null where it was no JSON: then `readable` is false."""

    status: int
    headers: Mapping[str, str]
    body: Any
    readable: bool = True


class Http:
    """Calls to one platform. `judge` says what an answer means: an error, or null where it is one
    to work with. It sees every readable answer, those that failed too, with their headers."""

    def __init__(
        self,
        name: str,
        base: str,
        *,
        token: Callable[[], str],
        judge: Callable[[Answer], PlatformError | None],
        renew: Callable[[], object] | None = None,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`renew`: makes `token` give another one, where that is possible; a token that is not
        taken is replaced once."""
        self._name, self._base = name, checked_base(base)
        self._token, self._judge, self._sleep, self._renew = token, judge, sleep, renew
        self._session = requests.Session() if session is None else session
        if session is None and is_loopback(base):
            self._session.trust_env = False  # no proxy between this machine and itself

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        changes: bool = False,
    ) -> Answer:
        """The answer to one call. `changes`: it writes. Then it is sent once only, and what got no
        clear answer is `Unsure`; reading is tried again a few times."""
        content = None if json_body is None else json.dumps(json_body).encode()
        head = {"Accept": "application/json", **(headers or {})}
        if content is not None:
            head["Content-Type"] = "application/json"
        request = {
            "method": method,
            "url": f"{self._base}/{quote(path, safe='/:_')}",
            "params": params,
            "data": form if content is None else content,
            "headers": head,
        }
        latest = min(time.monotonic() + CALL_SECONDS, _LATEST.get())
        for delay in (*RETRY_DELAYS_SECONDS, None):
            try:
                return self._once(request)
            except Later as error:
                if changes and isinstance(error, Hiccup):
                    unsure = Unsure(
                        f"{error.message} Whether the change was made is not known.",
                        code=error.code,
                        request_id=error.request_id,
                    )
                    break
                last = changes or delay is None or time.monotonic() >= latest
                if last and isinstance(error, Hiccup):
                    error.seconds = UNKNOWN_WAIT_SECONDS
                if last or delay is None or error.seconds > PATIENCE_SECONDS:
                    raise
                asked = error.seconds
            spread = random.uniform(0.5, 1.0)  # noqa: S311 - no secret  # nosec B311
            self.rest(max(asked, delay * spread))
        raise unsure

    def rest(self, seconds: float) -> None:
        """Wait; where there is no time left to, that is said instead."""
        if time.monotonic() + seconds > _LATEST.get():
            raise Later(
                f"There is no time left to wait for {self._name}.", seconds=UNKNOWN_WAIT_SECONDS
            )
        self._sleep(seconds)

    def _once(self, request: Mapping[str, Any]) -> Answer:
        answer = self._sent(request)
        if answer.status == requests.codes.unauthorized and self._renew is not None:
            self._renew()
            answer = self._sent(request)
        if 300 <= answer.status < 400:
            raise PlatformError(
                f"{self._name} answered with a redirect, which is not followed.",
                code=f"HTTP {answer.status}",
            )
        if not answer.readable:
            self._refuse_unreadable(answer)
        error = self._judge(answer)
        if error is not None:
            raise error
        return answer

    def _sent(self, request: Mapping[str, Any]) -> Answer:
        """One try. The library's own errors end here: they name addresses and headers."""
        token = self._checked_token()
        left = _end() - time.monotonic()
        problem: PlatformError
        try:
            with self._session.request(
                **request,
                auth=_Bearer(token),
                timeout=(min(TIMEOUT_SECONDS[0], left), min(TIMEOUT_SECONDS[1], left)),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response, token)
        except requests.ConnectTimeout:
            problem = Later(f"{self._name} cannot be reached.", seconds=UNKNOWN_WAIT_SECONDS / 4)
        except (requests.Timeout, ReadTimeoutError):
            problem = Hiccup(f"{self._name} did not answer in time.", seconds=1.0)
        except (requests.RequestException, HTTPError):
            problem = Hiccup(f"The connection to {self._name} was lost.", seconds=1.0)
        except (ValueError, OSError):
            problem = Hiccup(f"The call to {self._name} could not be made.", seconds=1.0)
        raise problem  # outside of the block: with no cause that would name what it must not

    def _checked_token(self) -> str:
        """What cannot stand in a header is refused here: the library would show it in its error."""
        token = self._token()
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise AccountBroken(f"The access token for {self._name} is empty or not a token.")
        return token

    def _read(self, response: requests.Response, token: str) -> Answer:
        """The answer, without our token: platforms repeat one that they do not like, and Meta
        writes it into the address of the next page."""
        pieces: list[bytes] = []
        size, latest = 0, min(time.monotonic() + ANSWER_SECONDS, _end())
        for piece in _pieces(response):
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise TooMuch(f"The answer of {self._name} is too large.")
            if time.monotonic() > latest:
                raise Hiccup(f"{self._name} did not finish its answer in time.", seconds=1.0)
            pieces.append(piece)
        content = b"".join(pieces)
        for written in (token, token.replace("/", "\\/")):
            content = content.replace(written.encode(), HIDDEN.encode())
        body, readable = parsed(content)
        return Answer(response.status_code, response.headers, body, readable)

    def _refuse_unreadable(self, answer: Answer) -> NoReturn:
        """Something else than the platform answered: a proxy, a gateway, a cut line."""
        code, message = f"HTTP {answer.status}", f"The answer of {self._name} is no JSON"
        if answer.status == requests.codes.too_many:
            seconds = asked_wait(answer.headers) or UNKNOWN_WAIT_SECONDS
            raise Later(f"{self._name} asks to wait.", seconds=seconds, code=code)
        if answer.status == requests.codes.not_found:
            raise PlatformError(
                f"{self._name} does not know this version of its interface: upgrade.", code=code
            )
        raise Hiccup(f"{message} (HTTP {answer.status}).", seconds=1.0, code=code)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Not iter_content: it waits for a whole piece, for as long as some byte drips in."""
    if getattr(response, "_content_consumed", False):  # a hook of the session has looked at it
        yield response.content
        return
    while piece := response.raw.read1(PIECE, decode_content=True):
        yield piece


class _Bearer(requests.auth.AuthBase):
    """Sets the header at the last moment; given as `auth`, no .netrc can put its own there."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def checked_base(base: str) -> str:
    """The address without a slash at its end. Refused unless https, or on this machine."""
    try:
        parts = urlsplit(base)
        good = bool(parts.hostname) and not parts.username and not parts.query
        good = good and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(base)))
    except ValueError:
        good = False
    if not good:
        raise PlatformError("A platform's address must begin with https:// (outside this machine).")
    return base.rstrip("/")


def is_loopback(address: str) -> bool:
    """Whether an address leads to this machine."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parsed(body: bytes) -> tuple[Any, bool]:
    """JSON with exact fractions; NaN and Infinity are none. False where it cannot be read."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number), True
    except (ValueError, RecursionError, ArithmeticError):
        return None, False


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, within a day."""
    text = headers.get("Retry-After", "").strip()
    return min(float(text), 86400.0) if re.fullmatch(r"\d{1,9}", text) and int(text) else None


def said(text: object, *secrets: str | None) -> str:
    """A platform's own sentence, fit to be shown: on one line, of bounded length, without
    addresses and without our secrets (platforms repeat a token that they cannot read)."""
    words = " ".join(str(text).split()) if isinstance(text, str) else ""
    for secret in secrets:
        if secret:
            words = words.replace(secret, HIDDEN).replace(quote(secret, safe=""), HIDDEN)
    words = re.sub(r"(?i)\bhttps?://\S+", HIDDEN, words)
    words = re.sub(r"\b(?:EAA|ya29\.|1//)[\w.~-]{10,}", HIDDEN, words)  # tokens, by their look
    words = "".join(c for c in words if c.isprintable())
    return words if len(words) <= LONGEST_SENTENCE else words[: LONGEST_SENTENCE - 1] + "…"


def ended(sentence: str) -> str:
    """With a full stop, where the platform left it out."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."

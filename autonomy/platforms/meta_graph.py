"""Calls to Meta's Graph: signed, within its limits, by pages.

Pages are turned by their cursor alone: the address of the next page that Meta hands out has the
access token in it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import requests

from autonomy.platforms.base import Later, PlatformError, TooMuch
from autonomy.platforms.fields import Fields
from autonomy.platforms.http import PATIENCE_SECONDS, Answer, Http
from autonomy.platforms.meta_errors import DATA_PER_CALL, access_tier, judged, wait_seconds

VERSION = "v26.0"
GRAPH = f"https://graph.facebook.com/{VERSION}"

LEAST_PAGE = 25
MOST_PAGES = 4000
"""Of one listing; one that goes on for longer goes in a circle."""


def graph_base(base: str) -> str:
    """The address to call: AUTONOMY_META_API replaces Meta's own, as for a server of tests."""
    address = (os.environ.get("AUTONOMY_META_API", "") if base == GRAPH else "") or base
    return address if urlsplit(address).path.strip("/") else f"{address.rstrip('/')}/{VERSION}"


class Graph:
    """One account's calls."""

    def __init__(
        self,
        account: str,
        *,
        token: str,
        app_secret: str | None,
        base: str,
        session: requests.Session | None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        page: int = 500,
    ) -> None:
        """`account`: its number, without act_."""
        self._account, self._page = account, max(1, page)
        self.clock = clock
        self._proof = _proof(app_secret, token)
        self._secrets = (token, app_secret, self._proof.get("appsecret_proof"))
        self._not_before = 0.0
        self.tier = ""
        """Of the app's access, as the last answer named it."""
        self._http = Http(
            "Meta",
            graph_base(base),
            token=lambda: token,
            judge=self._judge,
            session=session,
            sleep=sleep,
        )

    def __repr__(self) -> str:
        return f"Graph({self._account})"

    def get(self, path: str, params: Mapping[str, str]) -> Fields:
        """One answer to read."""
        self._wait_for_room()
        answer = self._http.call("GET", path, params={**params, **self._proof})
        return Fields("Meta", "the answer", answer.body)

    def post(self, path: str, form: Mapping[str, str], *, changes: bool) -> Fields:
        """One answer to a form. `changes`: it writes; then it is sent once only."""
        self._wait_for_room()
        answer = self._http.call("POST", path, form={**form, **self._proof}, changes=changes)
        return Fields("Meta", "the answer", answer.body)

    def pages(
        self, path: str, params: Mapping[str, str], *, indivisible: bool = True
    ) -> Iterator[list[Fields]]:
        """Every page of a listing. Where a page is too much for Meta, the pages get smaller;
        `indivisible` says that the range of days cannot, which helps against another limit."""
        limit, after = self._page, ""
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            turned = {"after": after} if after else {}
            try:
                body = self.get(path, {**params, "limit": str(limit), **turned})
            except TooMuch as error:
                if limit <= LEAST_PAGE or (error.code == DATA_PER_CALL and not indivisible):
                    raise
                limit = max(LEAST_PAGE, limit // 2)
                continue
            rows = body.parts("data", "a row")
            if rows:
                yield list(rows)
            paging = body.part("paging")
            if "next" not in paging:
                return
            after = paging.part("cursors").needed("after")
            if after in seen:
                break
            seen.add(after)
        raise PlatformError("Meta's pages go in a circle: the listing has no end.")

    def _wait_for_room(self) -> None:
        """A limit that is nearly used up recovers: for a moment here, else the caller waits."""
        left = self._not_before - self.clock()
        if left > PATIENCE_SECONDS:
            raise Later("Meta's limit of calls is nearly used up.", seconds=left)
        if left > 0:
            self.rest(left)

    def rest(self, seconds: float) -> None:
        """Wait for Meta, as long as there is time."""
        self._http.rest(seconds)

    def _judge(self, answer: Answer) -> PlatformError | None:
        wait = wait_seconds(answer.headers, self._account)
        if wait:
            self._not_before = max(self._not_before, self.clock() + wait)
        self.tier = access_tier(answer.headers, self._account) or self.tier
        return judged(answer, *self._secrets)


def _proof(app_secret: str | None, token: str) -> dict[str, str]:
    """What proves with every call that the token is used by its own app."""
    if not app_secret:
        return {}
    signed = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256)
    return {"appsecret_proof": signed.hexdigest()}

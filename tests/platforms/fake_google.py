"""The Google Ads API (REST, v26) and Google's token endpoint on this machine.

It keeps nothing itself: everything stands in a world. Held equal to Google's own protos and SDK
by test_google_against_sdk.py. What it cannot show: which fields may stand together beyond what
is written here, real quotas, the delay between write and read.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections import deque
from datetime import datetime, timedelta
from typing import Any

from tests.platforms import gaql, google_rows
from tests.platforms.google_errors import AdsError, exhausted, named, plain, unparsed
from tests.platforms.google_mutate import Mutation
from tests.platforms.loopback import Answer, Call, Loopback
from tests.platforms.world import Account, World

VERSION = "v26"
SCOPE = "https://www.googleapis.com/auth/adwords"
_SEARCH = {"query", "pageToken", "pageSize", "validateOnly", "searchSettings"}
_STREAM = {"query", "summaryRowSetting"}


class FakeGoogle(Loopback):
    """`start()` gives the address that stands for https://googleads.googleapis.com/v26."""

    def __init__(
        self,
        world: World,
        *,
        token: str = "google-token",
        actor: str = "operator@project.iam.gserviceaccount.com",
        refresh_token: str = "google-refresh",
        page: int = 10_000,
        zeros: bool = False,
        operations_a_day: int | None = None,
        history_delay: timedelta = timedelta(0),
    ) -> None:
        """`token` is always taken, beside what the token endpoint has handed out; `zeros`: fields
        that are nought are there, as they sometimes are."""
        super().__init__(world)
        self.token = token
        self.actor = actor
        self.refresh_token = refresh_token
        self.page = page
        self.zeros = zeros
        self.operations_a_day = operations_a_day
        self.history_delay = history_delay
        self.revoked = False
        """The credentials: no token is handed out any more."""
        self.says_done_but_is_not = 0
        """So many of the next writes are answered as done and not carried out."""
        self.most_operations: int | None = None
        """Of the next write: those after so many meet a limit."""
        self.refusals: dict[str, AdsError] = {}
        """By resource name: what the next operations on it are refused with."""
        self._handed_out: set[str] = set()
        self._pages: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        self._used: deque[datetime] = deque()

    def start(self, port: int = 0) -> str:
        return f"{self.listen(port)}/{VERSION}"

    @property
    def token_uri(self) -> str:
        return f"{self.root}/token"

    def expire_tokens(self) -> None:
        """Those handed out so far: a new one has to be fetched."""
        self._handed_out.clear()
        self.token = ""

    def fault_answer(self, name: str) -> Answer:
        return named(name)

    def answer(self, call: Call) -> Answer:
        if call.path == "/token":
            return self._hand_out(call)
        answer = self._checked(call)
        if answer.status >= 400 and call.path.endswith(":searchStream"):
            return Answer(answer.status, [answer.body], answer.headers)  # a stream is a list
        return answer

    def _checked(self, call: Call) -> Answer:
        bearer = call.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer or bearer not in {self.token, *self._handed_out}:
            return named("unauthenticated")
        version, _, rest = call.path.strip("/").partition("/")
        if version != VERSION:
            return named("UNSUPPORTED_VERSION")
        if rest == "customers:listAccessibleCustomers" and call.method == "GET":
            names = [f"customers/{one.external_id}" for one in self.world.accounts.values()
                     if one.manager is None]  # fmt: skip
            return Answer(200, {"resourceNames": names})
        found = re.fullmatch(r"customers/([^/]+)/(\w+:\w+)", rest)
        if found is None or call.method != "POST":
            return plain(404, "Not found")
        try:
            return self._of_customer(call, found[1], found[2])
        except AdsError as problem:
            return problem.answer()

    def _of_customer(self, call: Call, customer: str, method: str) -> Answer:
        if not re.fullmatch(r"\d{10}", customer):
            message = f"Invalid customer ID '{customer}'."
            raise AdsError("requestError", "INVALID_CUSTOMER_ID", message)
        account = self.world.accounts.get(customer)
        login = call.headers.get("login-customer-id")
        allowed = set() if account and account.manager else {None, customer}
        above = account
        while above is not None and above.manager is not None:
            allowed.add(above.manager)
            above = self.world.accounts[above.manager]
        if account is None or login not in allowed:
            return named("USER_PERMISSION_DENIED")
        if not account.active:
            return named("CUSTOMER_NOT_ENABLED")
        kind, verb = method.split(":")
        if verb == "mutate" and kind in ("campaigns", "campaignBudgets"):
            return self._mutate(call, account, kind)
        if method == "googleAds:search":
            return self._search(call.body, account)
        if method == "googleAds:searchStream":
            return self._stream(call.body, account)
        return plain(404, "Not found")

    def _count(self, operations: int) -> None:
        """A query is one operation however large; of writes each counts."""
        now = self.world.now()
        while self._used and self._used[0] <= now - timedelta(days=1):
            self._used.popleft()
        if self.operations_a_day is not None:
            if len(self._used) + operations > self.operations_a_day:
                oldest = self._used[0] if self._used else now
                wait = (oldest + timedelta(days=1) - now).total_seconds()
                raise exhausted("RESOURCE_EXHAUSTED", wait, "DEVELOPER")
            self._used.extend([now] * operations)

    # Reading

    def _search(self, body: Any, account: Account) -> Answer:
        wrong = _unknown(body, _SEARCH)
        if wrong is not None:
            return wrong
        if body.get("pageSize"):
            message = "Setting the page size is not supported."
            raise AdsError("requestError", "PAGE_SIZE_NOT_SUPPORTED", message)
        text, begin, token = str(body.get("query") or ""), 0, str(body.get("pageToken") or "")
        query = gaql.read(text)
        if token:
            name, _, place = token.partition("-")
            if name not in self._pages or self._pages[name][0] != text or not place.isdigit():
                raise AdsError("requestError", "INVALID_PAGE_TOKEN", "Invalid page token.")
            rows, begin = self._pages[name][1], int(place)
        else:
            self._count(1)
            name, rows = secrets.token_hex(8), self._rows(query, account)
            self._pages[name] = text, rows
        told: dict[str, Any] = {"fieldMask": _mask(query), "queryResourceConsumption": "100"}
        if page := rows[begin : begin + self.page]:
            told["results"] = page
        if begin + self.page < len(rows):
            told["nextPageToken"] = f"{name}-{begin + self.page}"
        return Answer(200, told)

    def _stream(self, body: Any, account: Account) -> Answer:
        wrong = _unknown(body, _STREAM)
        if wrong is not None:
            return wrong
        query = gaql.read(str(body.get("query") or ""))
        self._count(1)
        rows = self._rows(query, account)
        parts = []
        for begin in range(0, max(1, len(rows)), self.page):
            part: dict[str, Any] = {"fieldMask": _mask(query), "requestId": "Fake-stream"}
            if page := rows[begin : begin + self.page]:
                part["results"] = page
            parts.append(part)
        return Answer(200, parts)

    def _rows(self, query: gaql.Query, account: Account) -> list[dict[str, Any]]:
        rows = google_rows.rows(self.world, account, query, history_delay=self.history_delay)
        return [gaql.shown(row, query, zeros=self.zeros) for row in rows]

    # Writing

    def _mutate(self, call: Call, account: Account, kind: str) -> Answer:
        operations = call.body.get("operations") if isinstance(call.body, dict) else None
        self._count(len(operations) if isinstance(operations, list) else 0)
        obey = not self.says_done_but_is_not
        if not obey:
            self.says_done_but_is_not -= 1
        most, self.most_operations = self.most_operations, None
        mutation = Mutation(self.world, account, kind, self.actor, self.refusals, most)
        return mutation.answer(call.body, obey=obey)

    # Tokens

    def _hand_out(self, call: Call) -> Answer:
        """For a service account's signed claim (its signature is not checked here) or a refresh
        token."""
        kind = call.form.get("grant_type", "")
        if kind.endswith("jwt-bearer"):
            problem = self._claim_problem(call.form.get("assertion", ""))
        elif kind == "refresh_token":
            same = call.form.get("refresh_token") == self.refresh_token
            problem = "" if same and call.form.get("client_id") else "Bad Request"
        else:
            return Answer(400, {"error": "unsupported_grant_type",
                                "error_description": f"Invalid grant_type: {kind}"})  # fmt: skip
        if self.revoked:
            problem = "Token has been expired or revoked."
        if problem:
            return Answer(400, {"error": "invalid_grant", "error_description": problem})
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self._handed_out.add(token)
        return Answer(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer",
                            "scope": SCOPE})  # fmt: skip

    def _claim_problem(self, assertion: str) -> str:
        parts = assertion.split(".")
        try:
            claim = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (IndexError, ValueError):
            return "Invalid JWT"
        if len(parts) != 3 or not claim.get("iss") or claim.get("exp", 0) <= claim.get("iat", 0):
            return "Invalid JWT: iss, iat and exp are needed."
        if SCOPE not in str(claim.get("scope", "")).split():
            return "Invalid OAuth scope or ID token audience provided."
        if claim.get("aud") not in (self.token_uri, "https://oauth2.googleapis.com/token"):
            return "Invalid JWT: the audience is another."
        return ""


def _unknown(body: Any, known: set[str]) -> Answer | None:
    if not isinstance(body, dict):
        return unparsed("Root element must be a message.")
    for name in body:
        if name not in known:
            return unparsed(f'Unknown name "{name}": Cannot find field.')
    return None


def _mask(query: gaql.Query) -> str:
    return ",".join(".".join(gaql.camel(part) for part in path.split(".")) for path in query.select)

"""Reading one Google Ads account, by REST and GAQL. The unit is a campaign; its budget is another
object (`budget_ref`), which may be shared.

`googleAds:search` answers in pages of 10,000 rows; `searchStream` would be one list of everything.
What counts as a conversion is set in Google Ads itself ("primary" actions), by fractions.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import requests

from autonomy.platforms.base import (
    AccountBroken,
    AccountFacts,
    Change,
    DayFigures,
    Later,
    PlatformError,
    Pulse,
    Refused,
    Switch,
    TooMuch,
    Unit,
    Unsure,
)
from autonomy.platforms.fields import Fields, known_zone
from autonomy.platforms.google_batch import MOST_OPERATIONS, body_of, outcomes
from autonomy.platforms.google_errors import judged
from autonomy.platforms.google_history import DAYS_KEPT, History
from autonomy.platforms.google_rows import (
    ACCOUNT_QUERY,
    ACCOUNT_STATUSES,
    CAMPAIGNS_QUERY,
    CLIENTS_QUERY,
    CONVERSIONS_QUERY,
    DAYS_QUERY,
    NO_DECLARATION,
    TOTALS_QUERY,
    TRIALS_QUERY,
    UNDECLARED,
    UNDECLARED_QUERY,
    Account,
    client,
    conversions,
    figures,
    is_number,
    tested_by,
    totals,
    unit,
)
from autonomy.platforms.http import Http
from autonomy.platforms.money import google_digits, to_micros
from autonomy.platforms.spans import day_key, spans
from autonomy.text import counted, listed

VERSION = "v26"
GOOGLE_ADS = f"https://googleads.googleapis.com/{VERSION}"

SLICE_DAYS = 7
MOST_PAGES = 1000
"""Of one query: ten million rows."""

SWITCHES: Mapping[Switch, str] = {"active": "ENABLED", "paused": "PAUSED"}


class GoogleAdsAccount:
    """One connected account; implements Platform."""

    name = "google"

    def __init__(
        self,
        customer_id: str,
        *,
        token: Callable[[], str],
        login_customer_id: str | None = None,
        base: str = GOOGLE_ADS,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`customer_id`: ten digits, with or without dashes. `login_customer_id`: the manager's,
        where access comes through one. A `token` with a method `renew` is renewed when Google
        does not take it."""
        self.external_id = _customer(customer_id)
        manager = _customer(login_customer_id) if login_customer_id else None
        self._headers = {"login-customer-id": manager} if manager else {}
        self._path = f"customers/{self.external_id}/googleAds:search"
        self._clock = clock
        self._token = token
        self._facts: AccountFacts | None = None
        self._http = Http(
            "Google Ads",
            _base(base),
            token=token,
            judge=judged,
            renew=getattr(token, "renew", None),
            session=session,
            sleep=sleep,
        )

    def __repr__(self) -> str:
        return f"GoogleAdsAccount({self.external_id})"

    def account(self) -> AccountFacts:
        """The account itself. A manager account has no campaigns of its own: it says so."""
        rows = [row for page in self._rows(ACCOUNT_QUERY) for row in page]
        if len(rows) != 1:
            raise PlatformError("Google's answer cannot be read: it does not tell one account.")
        customer = rows[0].part("customer")
        if customer.identifier("id") != self.external_id:
            raise PlatformError("Google answered for another account than the one asked for.")
        currency, zone = customer.needed("currencyCode"), customer.needed("timeZone")
        google_digits(currency)  # raises where it is none
        known_zone("Google Ads", zone)
        problem = _problem(customer)
        self._facts = AccountFacts(
            external_id=self.external_id,
            name=customer.title("descriptiveName"),
            currency=currency,
            time_zone=zone,
            active=not problem,
            problem=problem,
            details={
                "status": customer.text("status") or "",
                "manager": customer.truth("manager"),
                "test_account": customer.truth("testAccount"),
            },
        )
        return self._facts

    def units(self) -> Iterator[Sequence[Unit]]:
        """All campaigns that are not removed."""
        account, seen = self._account(), set[str]()
        for rows in self._rows(f"{CAMPAIGNS_QUERY} WHERE campaign.status != 'REMOVED'"):
            page = [unit(row, account) for row in rows]
            numbers = [one.external_id for one in page]
            if len(set(numbers)) < len(numbers) or not seen.isdisjoint(numbers):
                raise PlatformError("Google told one campaign twice.")
            seen.update(numbers)
            yield [one for one in page if one.status != "deleted"]

    def unit(self, external_id: str) -> Unit | None:
        """A campaign by its number, removed ones too."""
        if not is_number(external_id):
            raise PlatformError("A campaign of Google Ads is named by its number.")
        query = f"{CAMPAIGNS_QUERY} WHERE campaign.id = {external_id}"
        account = self._account()
        found = [unit(row, account) for page in self._rows(query) for row in page]
        if any(one.external_id != external_id for one in found) or len(found) > 1:
            raise PlatformError("Google answered for another campaign than the one asked for.")
        return found[0] if found else None

    def days(self, since: date, until: date) -> Iterator[Sequence[DayFigures]]:
        """Figures by campaign and day, a page at a time; nothing comes twice."""
        for first, last in spans(since, until, SLICE_DAYS):
            yield from self._days(first, last)

    def pulse(self) -> Pulse:
        """The account's totals of today."""
        zone = known_zone("Google Ads", self._known().time_zone)
        today = datetime.fromtimestamp(self._clock(), zone).date()
        rows = [row for page in self._rows(TOTALS_QUERY.format(day=today)) for row in page]
        return totals(rows, today)

    def changes(self, since: datetime, until: datetime) -> Iterator[Sequence[Change]]:
        """Of campaigns' states and of budgets that one campaign has for itself. What is done now
        is told some minutes later."""
        zone = known_zone("Google Ads", self._known().time_zone)
        kept = datetime.fromtimestamp(self._clock(), zone) - timedelta(days=DAYS_KEPT)
        asked = History(self._rows, self.external_id, zone, self.identity())
        yield from asked.changes(max(since, kept), until)

    def clients(self) -> Sequence[tuple[str, str]]:
        """Number and name of the advertising accounts below a manager, on every level."""
        rows = (row for page in self._rows(CLIENTS_QUERY) for row in page)
        return sorted({one for row in rows if (one := client(row))}, key=lambda one: (one[1], one))

    def notes(self) -> Sequence[str]:
        """Which conversions are counted, and of what Google would refuse changes."""
        names = conversions([row for page in self._rows(CONVERSIONS_QUERY) for row in page])
        told = [f"Conversions that it counts there: {listed(names) or 'none; set one as primary'}."]
        undeclared = sum(len(page) for page in self._rows(UNDECLARED_QUERY))
        if undeclared:
            told.append(f"{counted(undeclared, 'campaign')} without a declaration: {UNDECLARED}")
        return told

    def identity(self) -> str:
        """The e-mail that our calls are made as, as far as the credential tells."""
        return str(getattr(self._token, "email", ""))

    # Changing: absolute values, each sent once; what is not confirmed is Unsure -------------------

    def set_status(self, unit: Unit, status: Switch, *, validate_only: bool = False) -> None:
        """Switch a campaign. On one that lacks its declaration only a pause is tried: what would
        spend again is refused without a call."""
        self._change(unit, status, validate_only)

    def set_budget(self, unit: Unit, amount: Decimal, *, validate_only: bool = False) -> None:
        """The daily budget, a multiple of the currency's smallest unit. Never a shared one: it is
        other campaigns' money, too."""
        self._change(unit, amount, validate_only)

    def set_all(
        self, settings: Sequence[tuple[Unit, Switch | Decimal]], *, validate_only: bool = False
    ) -> list[PlatformError | None]:
        """Statuses and budgets of many, in one call for each of the two; what came of each by
        itself, in this order: null is done. Raises AccountBroken."""
        found: list[PlatformError | None] = [None] * len(settings)
        kinds: dict[str, list[tuple[int, str, Mapping[str, str]]]] = {}
        for at, setting in enumerate(settings):
            try:
                kind, name, values = self._setting(*setting)
            except AccountBroken:
                raise
            except PlatformError as error:
                found[at] = error
            else:
                kinds.setdefault(kind, []).append((at, name, values))
        for kind, changes in kinds.items():
            for start in range(0, len(changes), MOST_OPERATIONS):
                part = changes[start : start + MOST_OPERATIONS]
                came = self._mutate(kind, [one[1:] for one in part], validate_only)
                for (at, *_), problem in zip(part, came, strict=True):
                    found[at] = problem
        return found

    def read_again(self, units: Sequence[Unit]) -> dict[str, Unit]:
        """These campaigns as they stand now, by one query; what is not in the answer is gone."""
        numbers = sorted({unit.external_id for unit in units})
        if not all(map(is_number, numbers)):
            raise PlatformError("A campaign of Google Ads is named by its number.")
        if not numbers:
            return {}
        query = f"{CAMPAIGNS_QUERY} WHERE campaign.id IN ({', '.join(numbers)})"
        account = Account(known_zone("Google Ads", self._known().time_zone), set())
        found = [unit(row, account) for page in self._rows(query) for row in page]
        return {one.external_id: one for one in found}

    def _setting(self, unit: Unit, value: Switch | Decimal) -> tuple[str, str, Mapping[str, str]]:
        """Which kind of resource, which one, and the value in Google's words."""
        if value == "active" and unit.details.get("not_changeable") == NO_DECLARATION:
            raise Refused(UNDECLARED, code=NO_DECLARATION)
        if not isinstance(value, Decimal):
            name = f"customers/{self.external_id}/campaigns/{unit.external_id}"
            return "campaigns", self._own("campaigns", name), {"status": SWITCHES[value]}
        micros = to_micros(value, self._known().currency)
        if unit.budget_kind != "daily" or not unit.budget_ref or micros <= 0:
            raise Refused("Only a campaign's own daily budget can be changed, and not to nothing.")
        name = self._own("campaignBudgets", unit.budget_ref)
        return "campaignBudgets", name, {"amountMicros": str(micros)}

    def _own(self, kind: str, name: str) -> str:
        if not re.fullmatch(rf"customers/{self.external_id}/{kind}/\d{{1,20}}", name, re.ASCII):
            raise PlatformError("What is to be changed does not belong to this Google account.")
        return name

    def _change(self, unit: Unit, value: Switch | Decimal, validate_only: bool) -> None:
        (problem,) = self.set_all([(unit, value)], validate_only=validate_only)
        if problem is not None:
            raise problem

    def _mutate(
        self, kind: str, changes: Sequence[tuple[str, Mapping[str, str]]], validate_only: bool
    ) -> list[PlatformError | None]:
        try:
            answer = self._http.call(
                "POST",
                f"customers/{self.external_id}/{kind}:mutate",
                json_body=body_of(changes, validate_only),
                headers=self._headers,
                changes=True,
            )
        except AccountBroken:
            raise
        except (Later, Unsure) as error:
            return [error] * len(changes)
        except PlatformError as error:  # the call as a whole: nothing of it was carried out
            if len(changes) == 1:
                return [error]
            return [self._mutate(kind, [one], validate_only)[0] for one in changes]
        try:
            return outcomes(answer, [name for name, _ in changes], validate_only)
        except PlatformError as error:  # it may be done: only what was said of it cannot be read
            return [Unsure(error.message)] * len(changes)

    def _days(self, since: date, until: date) -> Iterator[Sequence[DayFigures]]:
        seen: set[int] = set()
        try:
            for rows in self._rows(DAYS_QUERY.format(since=since, until=until)):
                page = [figures(row, since, until) for row in rows]
                keys = [day_key(one.external_id, one.day) for one in page]
                if len(set(keys)) < len(keys) or not seen.isdisjoint(keys):
                    raise PlatformError("Google told one day of a campaign twice.")
                seen.update(keys)
                yield page
        except TooMuch:
            if since == until or seen:
                raise
            middle = since + (until - since) // 2
            yield from self._days(since, middle)
            yield from self._days(middle + timedelta(days=1), until)

    def _rows(self, query: str) -> Iterator[Sequence[Fields]]:
        """Every page of an answer. A page's size is Google's; naming one is refused."""
        token, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            body = {"query": query, **({"pageToken": token} if token else {})}
            answer = self._http.call("POST", self._path, json_body=body, headers=self._headers)
            told = Fields("Google", "the answer", answer.body)
            rows = told.parts("results", "a row")
            if rows:
                yield rows
            token = told.text("nextPageToken") or ""
            if not token:
                return
            if token in seen:
                break
            seen.add(token)
        raise PlatformError("Google's pages go in a circle: the answer has no end.")

    def _known(self) -> AccountFacts:
        return self._facts or self.account()

    def _account(self) -> Account:
        """What campaigns take from their account; a manager has none."""
        facts = self._known()
        if facts.details["manager"]:
            raise AccountBroken(facts.problem)
        trials = (row for page in self._rows(TRIALS_QUERY) for row in page)
        tested = {base for row in trials if (base := tested_by(row))}
        return Account(known_zone("Google Ads", facts.time_zone), tested)


def _problem(customer: Fields) -> str:
    """Why the account cannot be worked with; empty where it can."""
    if customer.truth("manager"):
        return (
            "This is a manager account: connect the advertising accounts under it, each with this "
            "number as its login."
        )
    status = customer.needed("status")
    if status == "ENABLED":
        return ""
    return f"The account is not active: {ACCOUNT_STATUSES.get(status, 'its status is not known')}."


def _customer(text: str) -> str:
    number = text.strip().replace("-", "")
    if not is_number(number, 10) or len(number) != 10:
        raise PlatformError("A Google Ads account is named by its ten digits.")
    return number


def _base(base: str) -> str:
    """The address to call: AUTONOMY_GOOGLE_ADS_API replaces Google's own."""
    address = (os.environ.get("AUTONOMY_GOOGLE_ADS_API", "") if base == GOOGLE_ADS else "") or base
    return address if urlsplit(address).path.strip("/") else f"{address.rstrip('/')}/{VERSION}"

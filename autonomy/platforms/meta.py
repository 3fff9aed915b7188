"""Reading one Meta advertising account. The unit is what holds the budget: a campaign with a budget
of its own, else each of its ad sets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice

import requests

from autonomy.platforms.base import (
    AccountBroken,
    AccountFacts,
    Change,
    DayFigures,
    Gone,
    Later,
    PlatformError,
    Pulse,
    Refused,
    Switch,
    Unit,
    Unsure,
)
from autonomy.platforms.fields import Fields, known_zone
from autonomy.platforms.meta_graph import GRAPH, VERSION, Graph
from autonomy.platforms.meta_history import ACTIVITY_FIELDS, changes
from autonomy.platforms.meta_insights import Insights
from autonomy.platforms.meta_rows import (
    ADSET_FIELDS,
    CAMPAIGN_FIELDS,
    Counting,
    Parent,
    adset_unit,
    campaign_unit,
    holds_budget,
    is_learning,
    parent_of,
)
from autonomy.platforms.money import from_meta_minor, meta_digits, to_meta_minor
from autonomy.text import listed

__all__ = ["GRAPH", "VERSION", "MetaAccount"]

ACCOUNT_FIELDS = "account_id,name,currency,timezone_name,account_status,min_daily_budget"
_RUNNING = (1, 9)  # 9: in the days of grace after a payment that failed
_PROBLEMS = {
    2: "Meta has disabled it",
    3: "a payment is due",
    7: "Meta is reviewing it",
    8: "a payment is being settled",
    100: "it is being closed",
    101: "it is closed",
}
_ACTION_DAYS = 28
_MOST_PAGES_OF_HISTORY = 20
"""The newest 10,000 rows: deliveries, reviews and bills are among them."""

SWITCHES: Mapping[Switch, str] = {"active": "ACTIVE", "paused": "PAUSED"}


class MetaAccount:
    """One connected account; implements Platform."""

    name = "meta"

    def __init__(  # noqa: PLR0913 - each is named by its caller
        self,
        external_id: str,
        *,
        token: str,
        app_secret: str | None = None,
        base: str = GRAPH,
        conversion: str | None = None,
        attribution_windows: Sequence[str] = ("7d_click", "1d_view"),
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        page: int = 500,
    ) -> None:
        """`conversion`: the one type of action that counts, as `purchase` or `lead`; by default the
        first name of a purchase that is present. `attribution_windows`: none = as the account
        itself is set."""
        self.external_id = _number(external_id.removeprefix("act_"), "advertising account")
        self._account = f"act_{self.external_id}"
        self._graph = Graph(
            self.external_id,
            token=token,
            app_secret=app_secret,
            base=base,
            session=session,
            clock=clock,
            sleep=sleep,
            page=page,
        )
        counting = Counting(conversion or None, tuple(attribution_windows))
        self._insights = Insights(self._graph, self.external_id, counting)
        self._facts: AccountFacts | None = None
        self._levels: tuple[bool, frozenset[str]] | None = None
        self._below: dict[str, list[str]] = {}
        self._application: str | None = None

    def __repr__(self) -> str:
        return f"MetaAccount({self.external_id})"

    def account(self) -> AccountFacts:
        """The account, with the types of action that its last four weeks know."""
        self._facts = self._read_account()
        today = self._today()
        actions = self._insights.actions(today - timedelta(days=_ACTION_DAYS - 1), today)
        return replace(self._facts, conversion_actions=actions)

    def units(self) -> Iterator[Sequence[Unit]]:
        """Campaigns with a budget of their own, then the ad sets of the others."""
        currency = self._known().currency
        learning: Collection[str] | None = None
        parents: dict[str, Parent] = {}
        self._below = {}
        seen: set[str] = set()
        for rows in self._graph.pages(f"{self._account}/campaigns", {"fields": CAMPAIGN_FIELDS}):
            own: list[Unit] = []
            for row in rows:
                number = row.identifier("id")
                if not holds_budget(row):
                    parents[number] = parent_of(row)
                    continue
                if learning is None:
                    learning = self._learning_campaigns()
                own.append(campaign_unit(row, currency, number in learning))
            yield from _fresh(own, seen)
        self._levels = (bool(seen), frozenset(parents))
        if not parents:
            return
        for rows in self._graph.pages(f"{self._account}/adsets", {"fields": ADSET_FIELDS}):
            known = [(row, parents.get(row.identifier("campaign_id"))) for row in rows]
            sets = [adset_unit(row, parent, currency) for row, parent in known if parent]
            for one in sets:
                self._below.setdefault(str(one.details["campaign_id"]), []).append(one.external_id)
            yield from _fresh(sets, seen)

    def unit(self, external_id: str) -> Unit | None:
        """A campaign or an ad set by its number, whatever has become of it."""
        number = _number(external_id, "campaign or ad set")
        currency = self._known().currency
        row: Fields | None = None
        try:
            row = self._node(number, ADSET_FIELDS)
        except Gone:
            self._read_account()  # raises where it is the account that cannot be seen
            return None
        except Refused as error:  # a campaign has no campaign_id
            if error.code.partition("/")[0] != "100":
                raise
        if row is None or "campaign_id" not in row:
            row = self._node(number, CAMPAIGN_FIELDS)
            learning = holds_budget(row) and number in self._learning_campaigns()
            return campaign_unit(row, currency, learning)
        parent = self._node(row.identifier("campaign_id"), CAMPAIGN_FIELDS)
        return adset_unit(row, parent_of(parent), currency)

    def days(self, since: date, until: date) -> Iterator[Sequence[DayFigures]]:
        """Figures by unit and day, a page at a time; nothing comes twice."""
        own, parents = self._levels or self._read_levels()
        yield from self._insights.days(since, until, own, parents)

    def pulse(self) -> Pulse:
        """The account's totals of today. Conversions by the hour are not to be had from Meta."""
        return self._insights.totals(self._today())

    def changes(self, since: datetime, until: datetime) -> Iterator[Sequence[Change]]:
        """Of campaigns and ad sets. One of a campaign that leaves budgets to its ad sets is told of
        each of these, where `units` has seen them."""
        currency, application = self._known().currency, self.identity()
        begin = since.replace(microsecond=0)  # Meta tells whole seconds
        asked = {
            "fields": ACTIVITY_FIELDS,
            "since": str(int(since.timestamp())),
            "until": str(int(until.timestamp()) + 1),
            "locale": "en_US",  # the words of a state come in some language
        }
        pages = self._graph.pages(f"{self._account}/activities", asked)
        for rows in islice(pages, _MOST_PAGES_OF_HISTORY):
            told: list[Change] = []
            for row in rows:
                with suppress(PlatformError):  # in a shape that is not known
                    told += changes(row, currency, application, self._below)
            if page := [one for one in told if begin <= one.at <= until]:
                yield page

    def notes(self) -> Sequence[str]:
        """Which conversion is counted, of those that the last four weeks know."""
        actions = self.account().conversion_actions
        name = self._insights.counted(actions)
        if name:
            return [f"It counts as the conversion: {name}."]
        there = listed(actions) or "none"
        return [f"Nothing of the last four weeks counts as the conversion; there are: {there}."]

    def identity(self) -> str:
        """The number of the app that our token is of."""
        if self._application is None:
            try:
                self._application = self._graph.get("app", {"fields": "id"}).identifier("id")
            except Later:
                raise
            except PlatformError:
                self._application = ""
        return self._application

    # Changing: absolute values, each sent once; what is not confirmed is Unsure -------------------

    def set_status(self, unit: Unit, status: Switch, *, validate_only: bool = False) -> None:
        """Switch a campaign or an ad set. A campaign that is switched on leaves its sets alone."""
        self._change(unit, {"status": SWITCHES[status]}, validate_only)

    def set_budget(self, unit: Unit, amount: Decimal, *, validate_only: bool = False) -> None:
        """The daily budget, rounded to the smallest unit of the account's currency."""
        minor = to_meta_minor(amount, self._known().currency)
        if unit.budget_kind != "daily" or minor <= 0:
            raise Refused("Only a daily budget can be changed, and not to nothing.")
        self._change(unit, {"daily_budget": str(minor)}, validate_only)

    def read_again(self, units: Sequence[Unit]) -> dict[str, Unit]:
        """These campaigns and ad sets as they stand now, one call each, without what they learn;
        what is not there any more is left out."""
        currency, found = self._known().currency, {}
        for unit in units:
            number = _number(unit.external_id, "campaign or ad set")
            fields = ADSET_FIELDS if unit.kind == "adset" else CAMPAIGN_FIELDS
            try:
                row = self._node(number, fields)
            except Gone:
                self._read_account()  # raises where it is the account that cannot be seen
                continue
            if unit.kind == "adset":  # its own effective state knows of its campaign's
                found[number] = adset_unit(row, Parent("", "active", None, {}), currency)
            else:
                found[number] = campaign_unit(row, currency, learning=False)
        return found

    def _change(self, unit: Unit, form: Mapping[str, str], validate_only: bool) -> None:
        number = _number(unit.external_id, "campaign or ad set")
        options = {"execution_options": json.dumps(["validate_only"])} if validate_only else {}
        told = self._graph.post(number, {**form, **options}, changes=True)
        if not told.truth("success"):
            raise Unsure("Meta did not confirm the change. Whether it was made is not known.")

    def _known(self) -> AccountFacts:
        if self._facts is None:
            self._facts = self._read_account()
        return self._facts

    def _today(self) -> date:
        zone = known_zone("Meta", self._known().time_zone)
        return datetime.fromtimestamp(self._graph.clock(), zone).date()

    def _read_account(self) -> AccountFacts:
        try:
            row = self._graph.get(self._account, {"fields": ACCOUNT_FIELDS})
        except Gone as error:
            raise AccountBroken(
                "Meta does not have this account, or the token may not see it: check its number, "
                "and that the token's user is assigned to it.",
                code=error.code,
                request_id=error.request_id,
            ) from None
        if row.identifier("account_id") != self.external_id:
            raise PlatformError("Meta answered for another account than the one asked for.")
        currency, zone = row.needed("currency").upper(), row.needed("timezone_name")
        meta_digits(currency)  # raises where it is not known
        known_zone("Meta", zone)
        status = row.count("account_status")
        why = _PROBLEMS.get(status, f"its status is {status}")
        least = row.whole("min_daily_budget")
        return AccountFacts(
            external_id=self.external_id,
            name=row.title("name"),
            currency=currency,
            time_zone=zone,
            active=status in _RUNNING,
            problem="" if status in _RUNNING else f"The account is not active: {why}.",
            min_daily_budget=from_meta_minor(least, currency) if least else None,
            details={"account_status": status, "api_access": self._graph.tier},
        )

    def _node(self, number: str, fields: str) -> Fields:
        """One campaign or ad set. One of another account is refused: its money is not ours."""
        row = self._graph.get(number, {"fields": fields})
        if row.identifier("id") != number or row.identifier("account_id") != self.external_id:
            raise PlatformError("This campaign or ad set belongs to another account of Meta.")
        return row

    def _learning_campaigns(self) -> Collection[str]:
        """Campaigns with an ad set in its learning phase: Meta says it of ad sets only."""
        asked = {
            "fields": "campaign_id,learning_stage_info",
            "effective_status": json.dumps(["ACTIVE"]),
        }
        pages = self._graph.pages(f"{self._account}/adsets", asked)
        return {row.identifier("campaign_id") for rows in pages for row in rows if is_learning(row)}

    def _read_levels(self) -> tuple[bool, frozenset[str]]:
        """Whether any campaign holds its budget, and which ones' ad sets do."""
        own, parents = False, set()
        asked = {"fields": "id,daily_budget,lifetime_budget"}
        for rows in self._graph.pages(f"{self._account}/campaigns", asked):
            without = [row.identifier("id") for row in rows if not holds_budget(row)]
            own = own or len(without) < len(rows)
            parents.update(without)
        self._levels = (own, frozenset(parents))
        return self._levels


def _number(text: str, what: str) -> str:
    """Digits only: it becomes a part of the address."""
    if not (text.isascii() and text.isdigit() and len(text) <= 25):
        raise PlatformError(f"A Meta {what} is named by its number.")
    return text


def _fresh(units: Sequence[Unit], seen: set[str]) -> Iterator[Sequence[Unit]]:
    """A page without what came before (pages shift while they are read) and what is gone."""
    page: list[Unit] = []
    for unit in units:
        if unit.external_id not in seen and unit.status not in ("archived", "deleted"):
            page.append(unit)
        seen.add(unit.external_id)
    if page:
        yield page

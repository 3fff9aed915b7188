"""Google's change_event: who changed the state or the budget of what, in the last thirty days."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import NamedTuple

from autonomy.platforms.base import Change, ChangedField, PlatformError, Status
from autonomy.platforms.fields import Fields
from autonomy.platforms.google_rows import STATUSES, micros

MOST_EVENTS = 10_000
"""Of one answer: there are no further pages, so that a full one is asked for in halves."""
DAYS_KEPT = 29
"""Google keeps thirty; the thirtieth has partly gone."""
HISTORY_QUERY = (
    "SELECT change_event.resource_name, change_event.change_date_time, change_event.user_email, "
    "change_event.client_type, change_event.change_resource_type, "
    "change_event.change_resource_name, change_event.resource_change_operation, "
    "change_event.changed_fields, change_event.old_resource, change_event.new_resource "
    "FROM change_event WHERE change_event.change_date_time >= '{since}' "
    "AND change_event.change_date_time <= '{until}' "
    "AND change_event.change_resource_type IN ('CAMPAIGN', 'CAMPAIGN_BUDGET') "
    "ORDER BY change_event.change_date_time DESC LIMIT {most}"
)
OWNERS_QUERY = (
    "SELECT campaign.id, campaign.campaign_budget FROM campaign WHERE campaign.status != 'REMOVED'"
)
_WHOLE_SECONDS = "%Y-%m-%d %H:%M:%S"
_FORM = f"{_WHOLE_SECONDS}.%f"
_HOUR = timedelta(hours=1)
_FIRST_YEAR = 1970
_NAMELESS = {
    "GOOGLE_ADS_AUTOMATED_RULE": "an automated rule",
    "GOOGLE_ADS_SCRIPTS": "a script",
    "GOOGLE_ADS_RECOMMENDATIONS": "a recommendation",
    "GOOGLE_ADS_RECOMMENDATIONS_SUBSCRIPTION": "a recommendation applied by Google",
}


Rows = Callable[[str], Iterator[Sequence[Fields]]]
"""The pages of a query's answer."""


class Event(NamedTuple):
    """One change, and of what: a campaign's number, or the resource name of a budget."""

    ref: str
    change: Change
    """Without its unit, where it is a budget's."""


class History:
    """The history of one account. `own_email`: whom our own calls are made as; empty where it is
    not known, then nothing is `ours`."""

    def __init__(self, rows: Rows, customer: str, zone: tzinfo, own_email: str) -> None:
        self._rows, self._customer, self._zone, self._own_email = rows, customer, zone, own_email
        self._owners: Mapping[str, str] | None = None

    def changes(self, since: datetime, until: datetime) -> Iterator[Sequence[Change]]:
        """Both ends included. An answer that is full is not all: each half is asked for by itself,
        down to an hour, of which the newest ten thousand have to do."""
        if since >= until:
            return
        # an hour more on both sides: of the account's hours one a year comes twice
        first, last = ((one + more).astimezone(self._zone).strftime(_WHOLE_SECONDS)
                       for one, more in ((since, -_HOUR), (until, _HOUR)))  # fmt: skip
        query = HISTORY_QUERY.format(since=first, until=last, most=MOST_EVENTS)
        rows = [row for page in self._rows(query) for row in page]
        half = (until - since) / 2
        if len(rows) >= MOST_EVENTS and half > _HOUR:
            yield from self.changes(since, since + half)
            yield from self.changes(since + half + timedelta(microseconds=1), until)
            return
        told = [one for row in rows for one in self._read(row) if since <= one.at <= until]
        if told:
            yield told

    def _read(self, row: Fields) -> Iterator[Change]:
        """Nothing where a row is in a shape that is not known."""
        try:
            found = event(row, self._customer, self._zone, self._own_email)
        except PlatformError:
            return
        if found is not None and found.change.field == "status":
            yield found.change
        elif found is not None:
            self._owners = self._read_owners() if self._owners is None else self._owners
            if found.ref in self._owners:
                yield replace(found.change, external_id=self._owners[found.ref])

    def _read_owners(self) -> Mapping[str, str]:
        """Budgets that one campaign has for itself, with its number."""
        owners: dict[str, str] = {}
        shared: set[str] = set()
        for page in self._rows(OWNERS_QUERY):
            for row in page:
                campaign = row.part("campaign")
                number, name = campaign.identifier("id"), campaign.text("campaignBudget") or ""
                if owners.setdefault(name, number) != number:
                    shared.add(name)
        return {name: number for name, number in owners.items() if name not in shared}


def event(row: Fields, customer: str, zone: tzinfo, own_email: str) -> Event | None:
    """What a row tells; null where it is of nothing that matters here. `own_email`: whom our calls
    are made as. Raises PlatformError where the row cannot be read."""
    told = row.part("changeEvent")
    kind = told.text("changeResourceType") or ""
    operation = told.text("resourceChangeOperation") or "UPDATE"
    changed = {path.rpartition(".")[2] for path in (told.text("changedFields") or "").split(",")}
    if kind == "CAMPAIGN" and ("status" in changed or operation == "REMOVE"):
        field: ChangedField = "status"
        pattern = rf"customers/{customer}/campaigns/(\d{{1,20}})"
    elif kind == "CAMPAIGN_BUDGET" and changed & {"amountMicros", "amount_micros"}:
        field, pattern = "budget", rf"(customers/{customer}/campaignBudgets/\d{{1,20}})"
    else:
        return None
    found = re.fullmatch(pattern, told.needed("changeResourceName"), re.ASCII)
    if found is None or operation not in ("UPDATE", "REMOVE"):
        return None
    old, new = (_value(told.part(side), field) for side in ("oldResource", "newResource"))
    email, client = told.title("userEmail"), told.text("clientType") or ""
    change = Change(
        external_id=found[1] if field == "status" else "",
        field=field,
        old=old,
        new="deleted" if operation == "REMOVE" else new,
        at=_moment(told, zone),
        actor=email or _NAMELESS.get(client, ""),
        ours=client == "GOOGLE_ADS_API" and bool(own_email) and email.lower() == own_email.lower(),
    )
    return Event(found[1], change)


def _value(resource: Fields, field: ChangedField) -> Status | Decimal | None:
    if field == "budget":
        return micros(resource.part("campaignBudget"), "amountMicros")
    return STATUSES.get(resource.part("campaign").text("status") or "")


def _moment(told: Fields, zone: tzinfo) -> datetime:
    """An event's name has its moment by the clock of the world; its text that of the account, which
    has one hour of the year twice."""
    text = told.needed("changeDateTime")
    local = told.moment("changeDateTime", _FORM if "." in text else _WHOLE_SECONDS, zone)
    if local is None:
        raise told.wrong("changeDateTime", "is missing")
    named = re.search(r"/changeEvents/(\d{14,17})~", told.text("resourceName") or "", re.ASCII)
    if not _FIRST_YEAR < local.year < MAXYEAR:
        raise told.wrong("changeDateTime", "is no time of ours")
    local = local.astimezone(UTC)
    if named is None:
        return local
    at = datetime.fromtimestamp(int(named[1]) / 1_000_000, UTC)
    return at if abs(at - local) <= _HOUR else local

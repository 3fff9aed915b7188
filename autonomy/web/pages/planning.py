"""The form of a planned event on the account's page: what is sent, and what is shown of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from flask import request

from autonomy.errors import BadRequest
from autonomy.store import Json
from autonomy.web.pages.frame import form_text
from autonomy.web.parsing import LOCAL, identifier

SWITCHES = ("no_raises", "no_cuts", "no_pauses", "leave_out")
MIDNIGHT = "00:00"


class Planning(NamedTuple):
    """The form: the event that it changes (None: a new one), its fields, what is wrong with it."""

    event_id: str | None
    fields: Json
    problem: BadRequest | None = None

    @property
    def wrong(self) -> str:
        """The field that the problem names."""
        return self.problem.message.split()[0].rstrip(":") if self.problem is not None else ""


def sent_fields() -> Json:
    """The form as it was sent, to be shown again. Raises BadRequest: too long, not storable."""
    texts = ("from_day", "from_time", "until_day", "until_time", "why", "campaign_id")
    return {name: form_text(name) or "" for name in texts} | {
        name: name in request.form for name in SWITCHES
    }


def event_of(fields: Json) -> Json:
    """What the form says, as the API takes it. Raises BadRequest naming the field."""
    return {
        "from": _moment(fields, "from"),
        "until": _moment(fields, "until"),
        "why": fields["why"],
        **{name: fields[name] for name in SWITCHES},
    }


def of_whom(fields: Json, account: str) -> Json:
    """The account, or the campaign that was named. Raises BadRequest."""
    if not fields["campaign_id"]:
        return {"account": account}
    return {"campaign_id": identifier(fields["campaign_id"], "campaign_id")}


def fields_of(event: Json) -> Json:
    """The form of an event as it is: whole days have no time."""
    from_day, from_time = event["from_local"].split("T")
    until_day, until_time = event["until_local"].split("T")
    if until_time == MIDNIGHT:  # the end of the day before
        until_day = (date.fromisoformat(until_day) - timedelta(days=1)).isoformat()
    return {
        "from_day": from_day,
        "from_time": "" if from_time == MIDNIGHT else from_time,
        "until_day": until_day,
        "until_time": "" if until_time == MIDNIGHT else until_time,
        "why": event["why"],
        **{name: event[name] for name in SWITCHES},
    }


def _moment(fields: Json, name: str) -> str:
    day, time = fields[f"{name}_day"], fields[f"{name}_time"]
    try:
        return str(LOCAL(f"{day}T{time}" if time else day))
    except ValueError as error:
        raise BadRequest(f"{name}: {error}.") from error

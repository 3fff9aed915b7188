"""Campaigns as a table: sorted, filtered, compared, many of them changed at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from math import log
from typing import Annotated, Any, NamedTuple

from flask import Blueprint, Response, request

from autonomy.errors import AutonomyError, BadRequest
from autonomy.store import Json
from autonomy.text import number_or_none
from autonomy.web.auth.access import Caller
from autonomy.web.commands import hold_until
from autonomy.web.csv_file import MOST_ROWS, csv_answer
from autonomy.web.filters import IDS, MOST_PICKED, USUAL_SORT, CampaignFilters, Title
from autonomy.web.pages.frame import Frame, Noticed, by_htmx, form_text, query_of, root
from autonomy.web.parsing import CAMPAIGNS_AFTER, UUID, encode_cursor

PAGE_LENGTH = 40
HOLD_DAYS = 7
SPANS = (7, 14, 30, 90)
STATUS_LABELS = {None: "All", "active": "Active", "paused": "Paused"}
AUTOMATION_LABELS = {
    None: "All",
    "on": "Acted on",
    "waiting": "Waiting for approval",
    "held": "Left alone",
    "off": "Automation off",
}
HEADERS = {
    "title": "Campaign",
    "budget": "Budget a day",
    "spend": "Spend",
    "revenue": "Revenue",
    "roi": "ROI",
    "conversions": "Conv.",
}
LEFT_AT, RIGHT_AT = log(0.1), log(10)
"""The ends of a drawn interval: a tenth and ten times what was spent."""


class Asked(CampaignFilters, Noticed):
    """Which campaigns the page lists, and in which order."""

    exact = ()  # of a form's open field
    q: Title | None = None
    after: Annotated[Json, CAMPAIGNS_AFTER] | None = None

    def shown(self) -> Json:
        """The filters by the names that the page's links have."""
        given = self.filters()
        title = given.pop("title")
        return {**given, "q": given["q"] or title}


class Link(NamedTuple):
    """One value of a filter."""

    label: str
    query: str
    current: bool


class Deed(NamedTuple):
    """What can be done to many campaigns at once."""

    question: str
    button: str
    takes: Callable[[Json], bool]
    """Whether it is about this campaign."""
    values: Callable[[], Json] = dict


DEEDS = {
    "hold": Deed(
        f"Leave {{n}} alone for {HOLD_DAYS} days?",
        "Leave alone",
        lambda one: True,
        lambda: {"hold_until": hold_until(HOLD_DAYS)},
    ),
    "off": Deed(
        "Switch automation off for {n}?",
        "Switch off",
        lambda one: bool(one["autonomous_enabled"]),
        lambda: {"autonomous_enabled": False},
    ),
    "on": Deed(
        "Switch automation on for {n}?",
        "Switch on",
        lambda one: not one["autonomous_enabled"],
        lambda: {"autonomous_enabled": True},
    ),
    "approve": Deed(
        "Approve what is proposed for {n}?", "Approve", lambda one: bool(one["waiting"])
    ),
    "reject": Deed("Reject what is proposed for {n}?", "Reject", lambda one: bool(one["waiting"])),
}


def campaign_table(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("campaign_table", __name__)

    @pages.get("/campaigns")
    def campaigns() -> Response:
        frame.access.person()
        query = Asked.read(request.args, form=True)
        filters = query.shown()
        found = frame.reads.campaigns(_asked(filters), query.after, PAGE_LENGTH)
        rows = found["campaigns"]
        if not by_htmx() and _only(rows, filters["q"]):
            return frame.back(f"campaigns/{rows[0]['id']}")
        older = encode_cursor(found["next_after"])
        shown: Json = {
            "campaigns": rows_with(rows, frame.reads.next_decisions([one["id"] for one in rows])),
            "older": f"{root()}campaigns{query_of({**filters, 'after': older})}" if older else "",
            "spanned": found["span"],
            "filters": filters,
        }
        if by_htmx():
            return frame.render("_campaign_rows.html", **shown)
        return _page(frame, filters, found, shown)

    @pages.get("/campaigns.csv")
    def export() -> Response:
        frame.access.person()
        query = Asked.read(request.args, form=True)
        filters = _asked(query.shown())
        return csv_answer(
            lambda after, limit: frame.reads.campaigns(filters, after, limit),
            "campaigns",
            query.after,
        )

    @pages.post("/campaigns/selected")
    def selected() -> Response:
        return _selected(frame, frame.access.operator())

    return pages


def _asked(filters: Mapping[str, Any]) -> Json:
    """The filters by the names that the database has."""
    return {name: value for name, value in filters.items() if name != "q"} | {"title": filters["q"]}


def _page(frame: Frame, filters: Json, found: Json, shown: Json) -> Response:
    accounts = frame.reads.accounts()["accounts"]
    return frame.page(
        "campaigns.html",
        "campaigns",
        statuses=_links(filters, "status", STATUS_LABELS),
        automations=_links(filters, "automation", AUTOMATION_LABELS),
        spans=_span_links(filters, found),
        headers=_headers(filters),
        account_names=[one["account"] for one in accounts] if len(accounts) > 1 else [],
        sorted_by_days=found["sorted_by_days"],
        narrowed=any(
            value for name, value in filters.items() if name not in ("sort", "from", "to")
        ),
        export=f"{root()}campaigns.csv{query_of(filters)}",
        most_rows=MOST_ROWS,
        hold_days=HOLD_DAYS,
        **shown,
    )


def _links(filters: Json, name: str, labels: Mapping[str | None, str]) -> list[Link]:
    """Each value of a filter as a link that keeps the others."""
    return [
        Link(label, query_of({**filters, name: value}), filters[name] == value)
        for value, label in labels.items()
    ]


def _span_links(filters: Json, found: Json) -> list[Link]:
    """All time, and the last days up to yesterday; today is not over."""
    nothing = {"from": None, "to": None}
    links = [Link("All time", query_of({**filters, **nothing}), found["span"] is None)]
    last = date.fromisoformat(found["today"]) - timedelta(days=1)
    for days in SPANS:
        span = {"from": str(last - timedelta(days=days - 1)), "to": str(last)}
        current = found["span"] is not None and span.items() <= found["span"].items()
        links.append(Link(f"{days} days", query_of({**filters, **span}), current))
    return links


def _headers(filters: Json) -> dict[str, tuple[str, str, str]]:
    """Column -> (label, query of the link that sorts by it, aria-sort): the other way round where
    it is sorted by it; numbers begin with the largest, titles at A."""
    sort = filters["sort"] or USUAL_SORT
    found = {}
    for name, label in HEADERS.items():
        usual = name if name == "title" else f"-{name}"
        wanted = usual
        if sort.lstrip("-") == name:
            wanted = name if sort.startswith("-") else f"-{name}"
        now = ""
        if sort.lstrip("-") == name:
            now = "descending" if sort.startswith("-") else "ascending"
        query = query_of({**filters, "sort": None if wanted == USUAL_SORT else wanted})
        found[name] = (label, query, now)
    return found


def rows_with(rows: list[Json], outlooks: Mapping[str, Json]) -> list[Json]:
    """The rows with what a run would do to each, and its interval as it is drawn."""
    return [
        {**one, "next": outlooks.get(one["id"]), "range": drawn_range(outlooks.get(one["id"]))}
        for one in rows
    ]


def drawn_range(outlook: Mapping[str, Any] | None) -> Json | None:
    """Where the true roi likely lies (8 in 10), in hundredths of the width, by its logarithm."""
    if outlook is None:
        return None
    names = {"low": "likely_roi_low", "high": "likely_roi_high", "even": "break_even"}
    values = {name: number_or_none(outlook[key]) for name, key in names.items()}
    if any(value is None or value <= 0 for value in values.values()):
        return None
    placed: Json = {name: _placed(value or 1.0) for name, value in values.items()}
    low, high, even = values["low"] or 0.0, values["high"] or 0.0, values["even"] or 0.0
    side = "good" if low >= even else "bad" if high <= even else "open"
    return placed | {"width": max(round(placed["high"] - placed["low"], 1), 1.0), "side": side}


def _placed(value: float) -> float:
    share = (log(value) - LEFT_AT) / (RIGHT_AT - LEFT_AT)
    return round(100 * min(1.0, max(0.0, share)), 1)


def _only(rows: list[Json], title: str | None) -> bool:
    """Whether an id was looked for and found."""
    return bool(title and UUID.fullmatch(title)) and len(rows) == 1


# Many at once ----------------------------------------------------------------------------------


def _selected(frame: Frame, caller: Caller) -> Response:
    deed = request.form.get("do", "")
    if deed not in (*DEEDS, "roll_back", "csv"):
        raise BadRequest(f"do: use one of {', '.join((*DEEDS, 'roll_back', 'csv'))}.")
    ids = list(dict.fromkeys(request.form.getlist("ids")))
    if not ids:
        return frame.back("campaigns", "none_chosen")
    if len(ids) > MOST_PICKED:
        raise BadRequest(f"ids: at most {MOST_PICKED} campaigns at once, not {len(ids)}.")
    try:
        rows = frame.reads.chosen_campaigns(IDS(ids))
    except ValueError as error:
        raise BadRequest(f"ids: {error}.") from error
    if deed == "csv":
        return csv_answer(
            lambda after, limit: {"campaigns": rows, "next_after": None},
            "campaigns",
            None,
        )
    if deed == "roll_back":
        return _ask_rollback(frame, rows)
    about = [one for one in rows if DEEDS[deed].takes(one)]
    if about and request.form.get("confirmed") == "yes":
        return _carry_out(frame, caller, deed, about)
    return frame.page(
        "campaigns_selected.html",
        "campaigns",
        do=deed,
        question=DEEDS[deed].question.format(n=_campaigns(len(about))),
        button=DEEDS[deed].button,
        about=about,
        others=len(ids) - len(about),
        sums=sums(about, by_proposal=deed in ("approve", "reject")),
    )


def _ask_rollback(frame: Frame, rows: list[Json]) -> Response:
    """The preview of a rollback of the last action of each that stands executed."""
    actions = [one["executed"] for one in rows if one["executed"]]
    if not actions:
        return frame.back("campaigns", "nothing")
    chosen = {"action_ids": actions}
    found = frame.reads.rollback_preview(chosen)
    return frame.page("rollback.html", "campaigns", chosen=chosen, force=False, found=found)


def _carry_out(frame: Frame, caller: Caller, deed: str, about: list[Json]) -> Response:
    changes = frame.changes(caller)
    if deed not in ("approve", "reject"):
        n = changes.set_campaigns([one["id"] for one in about], DEEDS[deed].values())
        return frame.back("campaigns", f"{deed}_many", n=n)
    # What was seen and no other: a proposal that was made since has another id.
    seen, done = set(request.form.getlist("actions")), 0
    for one in about:
        if one["waiting"]["id"] in seen:
            done += _decided(changes, one["waiting"]["id"], deed == "approve")
    return frame.back("campaigns", f"{deed}_many" if done else "nothing", n=done)


def _decided(changes: Any, action_id: str, approve: bool) -> bool:
    """Whether it was decided as asked; what stands against it is said by the action."""
    try:
        answer = changes.decide_pending(action_id, approve, form_text("reason"))
    except AutonomyError as error:
        if error.http_status >= 500:
            raise
        return False
    return not approve or answer.get("status") == "executed"


def sums(rows: Iterable[Json], *, by_proposal: bool) -> list[Json]:
    """Budgets a day by currency, as they are and as they would be; paused is nothing."""
    found: dict[str | None, Json] = {}
    for one in rows:
        sum_of = found.setdefault(one["currency"], {"now": 0.0, "then": 0.0, "campaigns": 0})
        now = _budget(one)
        state = (one["waiting"] or {}).get("new_state") or {} if by_proposal else {}
        sum_of["campaigns"] += 1
        sum_of["now"] += now
        sum_of["then"] += _budget({**one, **state}) if by_proposal else now
    return [{"currency": currency, **sum_of} for currency, sum_of in found.items()]


def _budget(one: Mapping[str, Any]) -> float:
    active = str(one.get("status") or "").lower() == "active"
    return (number_or_none(one.get("budget")) or 0.0) if active else 0.0


def _campaigns(number: int) -> str:
    return f"{number:,} campaign{'' if number == 1 else 's'}"

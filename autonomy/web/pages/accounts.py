"""Accounts: currency, zone and target of each, and the limits in which it differs."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from flask import Blueprint, Response, request

from autonomy.config import CHANNELS
from autonomy.errors import BadRequest, NotFound
from autonomy.store import Json
from autonomy.text import LONGEST_ACCOUNT, currency_digits, number_or_none, typed_amount
from autonomy.web.commands import (
    ACCOUNT_KEYS,
    ACCOUNT_OVERRIDES,
    account_value,
    inherited_name,
)
from autonomy.web.pages.frame import Frame, form_choice, form_text
from autonomy.web.pages.planning import Planning, event_of, fields_of, of_whom, sent_fields
from autonomy.web.pages.settings import GROUPS, changed_boxes
from autonomy.web.parsing import DAY, identifier, text_argument
from autonomy.web.total_words import total_sentences

OWN_GROUPS = {
    title: own
    for title, names in GROUPS.items()
    if (own := [name for name in names if name in ACCOUNT_OVERRIDES and name != "mode"])
}

AMOUNTS = ("max_budget", "min_budget", "daily_total", "monthly_total")
"""Money a day or a month, in the currency of the account."""


class Attempt(NamedTuple):
    """A form that was sent and is shown again: with what is wrong, or with what is to confirm."""

    sent: Json
    problem: BadRequest | None = None
    costly: tuple[str, ...] = ()
    confirm: str = ""


def account_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("accounts", __name__)

    @pages.get("/accounts")
    def accounts() -> Response:
        frame.access.person()
        name = request.args.get("account")
        if name is not None:
            text_argument(name, "account", LONGEST_ACCOUNT)
        return _page(frame, name, planning=_asked(frame, name))

    @pages.post("/accounts")
    def save() -> Response:
        caller = frame.access.operator()
        name = text_argument(request.form.get("account", ""), "account", LONGEST_ACCOUNT)
        (account,) = frame.reads.accounts(name)["accounts"]
        sent = request.form.to_dict()
        try:
            changed = _changed(account, sent)
            costly, confirm = _costly(account, changed)
            if costly and sent.get("confirm") != confirm:
                return _page(frame, name, Attempt(sent, None, costly, confirm))
            if changed:
                frame.changes(caller).set_account(name, changed)
        except BadRequest as error:
            return _page(frame, name, Attempt(sent, error))
        return frame.back(
            f"accounts?account={quote(name, safe='')}", "account_saved" if changed else "nothing"
        )

    @pages.post("/accounts/exclusions")
    def exclude() -> Response:
        caller = frame.access.operator()
        account = text_argument(request.form.get("account", ""), "account", LONGEST_ACCOUNT)
        campaign_id = form_text("campaign_id", 100)
        frame.changes(caller).exclude(
            _day("from_day"),
            _day("until_day"),
            account=None if campaign_id else account,
            campaign_id=identifier(campaign_id, "campaign_id") if campaign_id else None,
            why=form_text("why") or "",
        )
        return frame.back(_section(account, "exclusions"), "excluded")

    @pages.post("/accounts/exclusions/<uuid:exclusion_id>/lift")
    def lift(exclusion_id: object) -> Response:
        caller = frame.access.operator()
        account = text_argument(request.form.get("account", ""), "account", LONGEST_ACCOUNT)
        frame.changes(caller).lift_exclusion(str(exclusion_id))
        return frame.back(_section(account, "exclusions"), "lifted")

    _event_routes(frame, pages)
    _told_routes(frame, pages)
    return pages


def _event_routes(frame: Frame, pages: Blueprint) -> None:
    @pages.post("/accounts/events")
    def plan() -> Response:
        return _save_event(frame, None)

    @pages.post("/accounts/events/<uuid:event_id>")
    def change_event(event_id: object) -> Response:
        return _save_event(frame, str(event_id))

    @pages.post("/accounts/events/<uuid:event_id>/delete")
    def delete_event(event_id: object) -> Response:
        caller = frame.access.operator()
        account = text_argument(request.form.get("account", ""), "account", LONGEST_ACCOUNT)
        frame.changes(caller).delete_event(str(event_id))
        return frame.back(_section(account, "events"), "event_deleted")


def _told_routes(frame: Frame, pages: Blueprint) -> None:
    @pages.post("/accounts/told")
    def save_told() -> Response:
        caller = frame.access.operator()
        account = text_argument(request.form.get("account", ""), "account", LONGEST_ACCOUNT)
        changed = changed_boxes(frame.reads.told(account))
        if changed:
            frame.changes(caller).set_told(changed, account)
        return frame.back(_section(account, "told"), "settings_saved" if changed else "nothing")

    @pages.post("/accounts/told/back")
    def take_back() -> Response:
        caller = frame.access.operator()
        account = text_argument(request.form.get("account", ""), "account", LONGEST_ACCOUNT)
        told = frame.reads.told(account)
        code = form_choice("code", tuple(one["code"] for one in told))
        own = any(one["own"] for one in told if one["code"] == code)
        if own:
            frame.changes(caller).set_told({code: None}, account)
        return frame.back(_section(account, "told"), "settings_saved" if own else "nothing")


def _save_event(frame: Frame, event_id: str | None) -> Response:
    """Enters an event or changes one; what cannot be saved is shown again as it was sent."""
    caller = frame.access.operator()
    account = text_argument(request.form.get("account", ""), "account", LONGEST_ACCOUNT)
    fields = sent_fields()
    try:
        of = of_whom(fields, account) if event_id is None else {}
        frame.changes(caller).save_event({**of, **event_of(fields)}, event_id)
    except BadRequest as error:
        return _page(frame, account, planning=Planning(event_id, fields, error))
    return frame.back(_section(account, "events"), "event_saved")


def _asked(frame: Frame, account: str | None) -> Planning | None:
    """The event that the page is asked to change, or the campaign that one is to be for."""
    event_id, campaign_id = request.args.get("event"), request.args.get("campaign_id")
    if account and event_id:
        event_id = identifier(event_id, "event")
        for event in frame.reads.events(account)["events"]:
            if event["id"] == event_id:
                return Planning(event_id, fields_of(event))
        raise NotFound("There is no such event.", hint="It may have been deleted.")
    if campaign_id:
        return Planning(None, {"campaign_id": identifier(campaign_id, "campaign_id")})
    return None


def _section(account: str, name: str) -> str:
    """Where a part of an account's page stands."""
    return f"accounts?account={quote(account, safe='')}#{name}"


def _day(name: str) -> str:
    """A day of the form. Raises BadRequest naming the field."""
    try:
        return str(DAY(request.form.get(name, "").strip()))
    except ValueError as error:
        raise BadRequest(f"{name}: {error}.") from error


def _changed(account: Json, sent: Json) -> Json:
    """What differs from the account as it is. Raises BadRequest naming the field."""
    values = {
        name: account_value(name, text_argument(sent[name], name, 500))
        for name in ACCOUNT_KEYS
        if name in sent
    }
    return {name: value for name, value in values.items() if account[name] != value}


def _costly(account: Json, changed: Json) -> tuple[tuple[str, ...], str]:
    """What a person should know before it is done, and the word that says that they do."""
    said = []
    if "time_zone" in changed:
        zone = changed["time_zone"] or "the policy's"
        said.append(
            f"In another time zone ({zone}) this account has other days: its figures by day are"
            " counted anew, and windows and the comparison with earlier days shift."
        )
    if "currency" in changed and account["currency"]:
        said.append(
            f"Nothing is converted: every amount of this account that is {account['currency']}"
            f" now will be read as {changed['currency'] or 'of no known currency'}."
        )
    return tuple(said), f"{changed.get('time_zone')}/{changed.get('currency')}"


def _page(
    frame: Frame,
    name: str | None,
    attempt: Attempt | None = None,
    planning: Planning | None = None,
) -> Response:
    found = frame.reads.accounts()
    chosen = frame.reads.accounts(name)["accounts"][0] if name is not None else None
    problem = attempt.problem if attempt is not None else None
    unplanned = planning.problem if planning is not None else None
    response = frame.page(
        "accounts.html",
        "settings",
        accounts=found["accounts"],
        left_off=found["left_off"],
        chosen=chosen,
        shown={**_typed(chosen or {}), **(attempt.sent if attempt is not None else {})},
        attempt=attempt,
        problem=problem,
        wrong=problem.message.split()[0].rstrip(":") if problem is not None else "",
        groups=OWN_GROUPS,
        limits={row["setting"]: row for row in frame.store.rpc("autonomy_account_limits")},
        exclusions=frame.reads.exclusions(name) if name is not None else None,
        events=frame.reads.events(name) if name is not None else None,
        planning=planning or Planning(None, {}),
        told=frame.reads.told(name) if name is not None else None,
        channels=CHANNELS,
        set_up=frame.settings.channels,
        own=own_values,
        inherited=inherited,
        total_sentences=total_sentences,
        amounts=AMOUNTS,
        whole=chosen is not None and currency_digits(chosen["currency"]) == 0,
    )
    refused = problem or unplanned
    if refused is not None:
        response.status_code = refused.http_status
    return response


def _typed(account: Json) -> Json:
    """The account as the form shows it: amounts with the decimals that its currency has."""
    return account | {
        name: typed_amount(account[name], account["currency"])
        for name in AMOUNTS
        if account.get(name) is not None
    }


def own_values(account: Json) -> list[tuple[str, Any]]:
    """The settings in which it differs from the policy, target, zone and value apart."""
    return [(name, account[name]) for name in ACCOUNT_OVERRIDES if account[name] is not None]


def inherited(policy: Json, name: str) -> str:
    """What holds where the account says nothing, for a person."""
    value = policy.get(inherited_name(name))
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "the policy's: yes" if value else "the policy's: no"
    number = number_or_none(value)
    return f"the policy's: {value if number is None else f'{number:,.10g}'}"

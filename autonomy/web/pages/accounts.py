"""Accounts: currency, zone and target of each, and the limits in which it differs."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from flask import Blueprint, Response, request

from autonomy.errors import BadRequest
from autonomy.store import Json
from autonomy.text import currency_digits, number_or_none, typed_amount
from autonomy.web.commands import (
    ACCOUNT_KEYS,
    ACCOUNT_OVERRIDES,
    account_value,
    inherited_name,
)
from autonomy.web.pages.frame import Frame, form_text
from autonomy.web.pages.settings import GROUPS
from autonomy.web.parsing import DAY, identifier, text_argument

OWN_GROUPS = {
    title: [name for name in names if name in ACCOUNT_OVERRIDES and name != "mode"]
    for title, names in GROUPS.items()
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
        return _page(frame, name and text_argument(name, "account", 1000))

    @pages.post("/accounts")
    def save() -> Response:
        caller = frame.access.operator()
        name = text_argument(request.form.get("account", ""), "account", 1000)
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
        account = text_argument(request.form.get("account", ""), "account", 1000)
        campaign_id = form_text("campaign_id", 100)
        frame.changes(caller).exclude(
            _day("from_day"),
            _day("until_day"),
            account=None if campaign_id else account,
            campaign_id=identifier(campaign_id, "campaign_id") if campaign_id else None,
            why=form_text("why") or "",
        )
        return frame.back(_left_out(account), "excluded")

    @pages.post("/accounts/exclusions/<uuid:exclusion_id>/lift")
    def lift(exclusion_id: object) -> Response:
        caller = frame.access.operator()
        account = text_argument(request.form.get("account", ""), "account", 1000)
        frame.changes(caller).lift_exclusion(str(exclusion_id))
        return frame.back(_left_out(account), "lifted")

    return pages


def _left_out(account: str) -> str:
    """Where an account's exclusions stand."""
    return f"accounts?account={quote(account, safe='')}#exclusions"


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


def _page(frame: Frame, name: str | None, attempt: Attempt | None = None) -> Response:
    found = frame.reads.accounts()
    chosen = frame.reads.accounts(name)["accounts"][0] if name is not None else None
    problem = attempt.problem if attempt is not None else None
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
        own=own_values,
        inherited=inherited,
        amounts=AMOUNTS,
        whole=chosen is not None and currency_digits(chosen["currency"]) == 0,
    )
    if problem is not None:
        response.status_code = problem.http_status
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

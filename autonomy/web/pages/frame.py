"""What all pages share: who looks, how a page is put together, where a form leads back to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import Response, g, redirect, render_template, request

from autonomy.config import Settings
from autonomy.errors import BadRequest
from autonomy.store import Store
from autonomy.text import counted
from autonomy.web.auth.access import Access, Caller
from autonomy.web.commands import Changes
from autonomy.web.parsing import Parameters, text_argument
from autonomy.web.queries import Reads

NOTICES = {
    "rolled_back": "Taken back: {n}. {left_alone}",
    "nothing": "Nothing was changed.",
    "approved": "Approved and carried out.",
    "not_approved": "It could not be carried out; the action says why.",
    "rejected": "Rejected. The campaign stays as it is.",
    "rule_saved": "The rule is saved. Watch it for a week.",
    "rule_on": "The rule is on; the next run uses it.",
    "rule_off": "The rule is off.",
    "rule_archived": "The rule is put away. It is in the archive at the end of this page.",
    "rule_restored": "The rule is back, and inactive. Look at its preview first.",
    "draft_adopted": "The proposal is a rule now, and inactive. Look at its preview first.",
    "draft_discarded": "The proposal is put aside.",
    "held": "The campaign is left alone until the hold ends.",
    "released": "The hold is lifted.",
    "automation_on": "Automation is on for this campaign.",
    "automation_off": "Automation is off for this campaign.",
    "worth_saved": "Saved: the next run judges it by that.",
    "frozen": "Frozen: nothing is changed until you lift it.",
    "unfrozen": "The freeze is lifted; the next run acts again.",
    "settings_saved": "The settings are saved.",
    "optimised": "Budget optimisation is on; the next run uses it.",
    "not_optimised": "Budget optimisation is off; its rule is kept with its tuning.",
    "preset_used": "The preset holds from the next run on.",
    "worked_out": "Worked out on the last 30 days.",
    "account_saved": "The account is saved.",
    "excluded": "Those days are left out of the evidence.",
    "lifted": "Those days count again.",
    "event_saved": "The event is saved.",
    "event_deleted": "The event is deleted.",
    "opportunity": "Noted.",
    "none_chosen": "No campaign was chosen; nothing was changed.",
    "hold_many": "Left alone for 7 days: {n}.",
    "off_many": "Automation is off: {n}.",
    "on_many": "Automation is on: {n}.",
    "approve_many": "Approved and carried out: {n}.",
    "reject_many": "Rejected: {n}. Those campaigns stay as they are.",
    "run_done": "That run has been carried out already; ask again for another.",
}

WARNED = ("not_approved", "nothing", "none_chosen", "run_done")
"""Notices of what was not done."""
ZONE_SECONDS = 60.0


class Notice(NamedTuple):
    """A line at the top of a page after something was done."""

    kind: str
    text: str
    here: str
    """This page without it."""


class Frame:
    """Puts pages together."""

    def __init__(self, settings: Settings, store: Store, access: Access) -> None:
        self.settings, self.store, self.access = settings, store, access
        self.reads = Reads(store)
        self._known: tuple[str, int, float] = ("UTC", 0, float("-inf"))

    def changes(self, caller: Caller) -> Changes:
        """What this caller may change, written down under the caller's name."""
        return Changes(self.store, f"{caller.role} (dashboard)")

    def render(self, template: str, **values: Any) -> Response:
        """A page or a fragment."""
        of_policy, hold_days, _ = self._policy_known(values.get("policy"))
        g.zone = values.pop("zone", of_policy)  # of one account it is the account's
        alone = left_alone(hold_days)
        return Response(render_template(template, zone=g.zone, left_alone=alone, **values))

    def page(self, template: str, tab: str, **values: Any) -> Response:
        """A whole page with the policy's state in its frame."""
        g.tab = tab
        if "policy" not in values:
            values["policy"] = self.reads.policy()
        values.setdefault("accounts", self.reads.listed_accounts())
        if values["policy"]["frozen"]:
            values |= self.reads.frozen_by()
        hold_days = int(values["policy"]["hold_days_after_rollback"])
        return self.render(template, notice=_notice(left_alone(hold_days)), **values)

    def _policy_known(self, policy: Mapping[str, Any] | None) -> tuple[str, int, float]:
        """The policy's time zone and days of rest after a rollback, asked for once a minute."""
        if policy is None and time.monotonic() - self._known[2] > ZONE_SECONDS:
            policy = self.reads.policy()
        if policy is not None:
            days = int(policy["hold_days_after_rollback"])
            self._known = (str(policy["time_zone"]), days, time.monotonic())
        return self._known

    def back(self, path: str, notice: str | None = None, **numbers: int) -> Response:
        """A redirect to a page of ours (a path without a leading slash)."""
        query = urlencode({"done": notice, **numbers}) if notice else ""
        path, _, fragment = path.partition("#")
        joint = "&" if "?" in path else "?"
        target = f"{root()}{path}{joint if query else ''}{query}"
        target += f"#{fragment}" if fragment else ""
        response: Response = redirect(target, 303)  # type: ignore[assignment]
        return response


class Noticed(Parameters):
    """The parameters of a page that `Frame.back` leads to: what was done, and how often."""

    done: str | None = None
    n: str | None = None


def root() -> str:
    """The way from this page to the top: pages work below a path prefix, too."""
    return "../" * (request.path.count("/") - 1) or "./"


def by_htmx() -> bool:
    """Whether the script asks for a fragment (the page without script gets a redirect)."""
    return "HX-Request" in request.headers


def form_text(name: str, longest: int = 500) -> str | None:
    """A field of the form; None where empty."""
    value = request.form.get(name, "").strip()
    return text_argument(value, name, longest) if value else None


def form_choice(name: str, allowed: tuple[str, ...]) -> str:
    """A field that must be one of a few words. Raises BadRequest."""
    value = request.form.get(name, "")
    if len(request.form.getlist(name)) > 1:
        raise BadRequest(f"{name}: it was given twice.")
    if value not in allowed:
        raise BadRequest(f"{name}: use one of {', '.join(allowed)}.")
    return value


def query_of(values: Mapping[str, object | None]) -> str:
    """A query string of what is given, `?` in front; empty where nothing is."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"?{urlencode(given, doseq=True)}" if given else ""


def left_alone(days: int) -> str:
    """What becomes of campaigns whose actions were taken back."""
    if days < 1:
        return "The next run may act on them again."
    return f"Those campaigns are left alone for {counted(days, 'day')}."


def _notice(alone: str) -> Notice | None:
    text = NOTICES.get(request.args.get("done", ""))
    if text is None:
        return None
    number = request.args.get("n", "0")
    kind = "warn" if request.args["done"] in WARNED else "good"
    n = number if number.isdecimal() and len(number) < 8 else "0"
    said = text.format(n=n, left_alone=alone)
    ours = ("done", "n")
    others = {name: request.args.getlist(name) for name in request.args if name not in ours}
    return Notice(kind, said, f"{root()}{request.path[1:]}{query_of(others)}")

"""Accounts, campaigns and ad sets as Meta shows them, and what it lets be written to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from tests.platforms.meta_errors import GraphError, error, refused
from tests.platforms.meta_insights import NAMES, filter_values, is_whole, list_param, split_list
from tests.platforms.world import Account, Change, Status, Thing, World

_LEGACY = ("AUTOMATED_SHOPPING_ADS", "SMART_APP_PROMOTION")
"""Advantage+ of the old kind: since 19 May 2026 not to be updated through the interface."""
_MOST = Decimal(1_000_000)


def account(world: World, one: Account) -> dict[str, Any]:
    """Money in the smallest unit, as a number or a string just as Meta has it."""
    offset = one.zone.utcoffset(world.now()) or timedelta()
    return {
        "id": f"act_{one.external_id}", "account_id": one.external_id, "name": one.name,
        "currency": one.currency, "timezone_name": one.time_zone,
        "timezone_offset_hours_utc": offset / timedelta(hours=1),
        "account_status": 1 if one.active else 2, "disable_reason": 0 if one.active else 1,
        "min_daily_budget": int(one.minimum / one.step), "spend_cap": "0", "amount_spent": "0",
        "attribution_spec": [{"event_type": "CLICK_THROUGH", "window_days": 7},
                             {"event_type": "VIEW_THROUGH", "window_days": 1}],
    }  # fmt: skip


def minimum(one: Account) -> dict[str, Any]:
    least = int(one.minimum / one.step)
    return {
        "currency": one.currency, "min_daily_budget_imp": least,
        "min_daily_budget_low_freq": least * 5, "min_daily_budget_high_freq": least * 5,
        "min_daily_budget_video_views": least,
    }  # fmt: skip


def thing(world: World, one: Thing) -> dict[str, Any]:
    """All that is known of a campaign or an ad set."""
    holder = world.accounts[one.account]
    shown: dict[str, Any] = {
        "id": one.external_id, "account_id": one.account, "name": one.title,
        "status": world.shown_status(one).upper(),
        "configured_status": world.shown_status(one).upper(),
        "effective_status": effective(world, one), "created_time": _time(one.created_at, holder),
        "start_time": _time(one.created_at, holder), "updated_time": _time(one.updated_at, holder),
    }  # fmt: skip
    held = world.budgets.get(one.budget or "")
    daily = total = None
    if held is not None:
        amount = world.shown_amount(held)
        daily = None if amount is None else str(int(amount / holder.step))
        total = None if held.total is None else str(int(held.total / holder.step))
    if one.is_adset:
        # Ad sets say nought where they have no budget of that kind; campaigns say nothing.
        daily, total = daily or "0", total or "0"
        shown |= {
            "campaign_id": one.parent, "campaign": {"id": one.parent},
            "learning_stage_info": _learning(world, one),
            "optimization_goal": "OFFSITE_CONVERSIONS",
            "attribution_spec": [{"event_type": "CLICK_THROUGH", "window_days": 7},
                                 {"event_type": "VIEW_THROUGH", "window_days": 1}],
        }  # fmt: skip
    else:
        shown |= {"special_ad_categories": [], "objective": "OUTCOME_SALES",
                  "buying_type": "AUCTION", "is_adset_budget_sharing_enabled": False}  # fmt: skip
        if held is not None:
            shown["bid_strategy"] = "LOWEST_COST_WITHOUT_CAP"
    shown |= {"budget_remaining": daily or total or "0", "is_budget_schedule_enabled": False}
    shown |= {key: value for key, value in (("daily_budget", daily), ("lifetime_budget", total))
              if value is not None}  # fmt: skip
    if one.ends_at:
        shown["end_time" if one.is_adset else "stop_time"] = _time(one.ends_at, holder)
    return shown | one.details


def _learning(world: World, one: Thing) -> dict[str, Any]:
    return {
        "status": "LEARNING" if world.learns(one) else "SUCCESS", "conversions": 12,
        "last_sig_edit_ts": int(one.updated_at.timestamp()), "attribution_windows": ["7d_click"],
    }  # fmt: skip


def effective(world: World, one: Thing) -> str:
    above = world.things.get(one.parent or "")
    own, of_above = (
        world.shown_status(one),
        "active" if above is None else world.shown_status(above),
    )
    if own == "active" and of_above != "active":
        return "CAMPAIGN_PAUSED" if of_above == "paused" else of_above.upper()
    return own.upper()


def _time(moment: datetime, holder: Account) -> str:
    return moment.astimezone(holder.zone).strftime("%Y-%m-%dT%H:%M:%S%z")


def pick_thing(world: World, one: Thing, params: Mapping[str, str]) -> dict[str, Any]:
    kind, asked = "AdSet" if one.is_adset else "Campaign", params.get("fields", "id")
    pick({}, params, kind)  # a name that is none shows nothing
    if re.search(r"status|daily_budget", asked):
        world.is_read()
    shown = thing(world, one)
    if one.parent and re.search(r"campaign(\{|,|$)", asked):
        shown["campaign"] = thing(world, world.things[one.parent])
    return pick(shown, params, kind)


def pick(shown: Mapping[str, Any], params: Mapping[str, str], kind: str) -> dict[str, Any]:
    """The fields asked for, and the id; a name that is none is refused."""
    picked = {"id": shown["id"]} if "id" in shown else {}
    for told in split_list(params.get("fields", "id")):
        name, _, below = told.partition("{")
        if not re.fullmatch(r"\w+", name):
            raise refused(f"the fake does not carry {told}")
        if name not in NAMES[kind]:
            raise refused(f"Tried accessing nonexisting field ({name}) on node type ({kind})")
        if name not in shown or shown[name] is None:
            continue
        value = shown[name]
        if name == "campaign":
            value = pick(value, {"fields": below.removesuffix("}") or "id"}, "Campaign")
        picked[name] = value
    return picked


def wanted(params: Mapping[str, str], world: World) -> Callable[[Thing], bool]:
    """Which of a list's things come: what effective_status and filtering say."""
    statuses = set(list_param(params, "effective_status", str))
    after: datetime | None = None
    ids: set[str] | None = None
    for told in list_param(params, "filtering", dict):
        name, operator = str(told.get("field")).split(".")[-1], told.get("operator")
        values = filter_values(told)
        if name == "effective_status" and operator == "IN":
            statuses |= values
        elif name == "updated_time" and operator == "GREATER_THAN":
            after = _seconds(*values)
        elif name == "id" and operator in ("IN", "EQUAL"):
            ids = set(values)
        else:
            raise refused(
                f"Filtering field {told.get('field')} with operation {operator} is not supported"
            )
    for status in statuses:
        if status not in NAMES["AdSet.EffectiveStatus"]:
            raise refused(f"effective_status[0] must be one of the following values: not {status}")

    def holds(one: Thing) -> bool:
        if ids is not None and one.external_id not in ids:
            return False
        if after is not None and one.updated_at <= after:
            return False
        shown = effective(world, one)
        return shown in statuses if statuses else shown not in ("ARCHIVED", "DELETED")

    return holds


def new_status(one: Thing, told: Mapping[str, str]) -> Status | None:
    """The status that a write asks for, if Meta lets it be set."""
    for name in told:
        if name not in ("status", "daily_budget"):
            raise refused(f"the fake does not let {name} be written")
    if one.details.get("smart_promotion_type") in _LEGACY:
        raise refused("Advantage+ campaigns of this kind cannot be created or updated")
    asked = told.get("status")
    if asked is not None and asked not in NAMES["Campaign.Status"]:
        raise refused(
            "status must be one of the following values: ACTIVE, PAUSED, DELETED, ARCHIVED"
        )
    if one.status == "deleted" or (one.status == "archived" and asked != "DELETED"):
        raise GraphError(
            error("(#100) Invalid parameter", 100, 1487566, title="Object Is Archived or Deleted",
                  user_message="A deleted object cannot be edited, an archived one only deleted.")
        )  # fmt: skip
    return next((status for status in get_args(Status) if status.upper() == asked), None)


def new_budget(
    world: World, one: Thing, holder: Account, told: Mapping[str, str]
) -> Decimal | None:
    """The budget that a write asks for, in whole units, if Meta lets it be set."""
    if "daily_budget" not in told:
        return None
    text = told["daily_budget"]
    if not is_whole(text):
        raise refused("Param daily_budget must be an integer")
    held = world.budgets.get(one.budget or "")
    if held is None or held.amount is None:
        raise GraphError(
            error("(#100) Invalid parameter", 100, 1885621, title="Cannot Set This Budget",
                  user_message="The daily budget does not stand on this object.")
        )  # fmt: skip
    amount = int(text) * holder.step
    if amount < holder.minimum:
        raise GraphError(
            error("(#100) Invalid parameter", 100, 1885272, title="Your budget is too low",
                  user_message="Your budget is too low. The minimum budget for this ad set is "
                  f"{holder.currency} {holder.minimum} per day.")
        )  # fmt: skip
    if amount > _MOST and holder.step < 1:
        raise refused("daily_budget is above the maximum")
    return amount


_EVENTS = {
    ("campaign", "status"): "update_campaign_run_status",
    ("campaign", "budget"): "update_campaign_budget",
    ("adset", "status"): "update_ad_set_run_status",
    ("adset", "budget"): "update_ad_set_budget",
}


def activities(
    world: World, holder: Account, params: Mapping[str, str], application: str, latest: datetime
) -> list[dict[str, Any]]:
    """Who changed what, newest first; of one week, where no period is named."""
    since = _moment(params.get("since"), world.now() - timedelta(days=7), holder)
    until = _moment(params.get("until"), world.now(), holder)
    if params.get("category", "STATUS") not in NAMES["AdActivity.Category"]:
        raise refused("category must be one of the documented values")
    return [
        pick(shown, {"fields": params.get("fields") or ",".join(shown)}, "AdActivity")
        for change in reversed(world.changes)
        if change.account == holder.external_id and since <= change.at <= min(until, latest)
        for shown in reversed([*_activity(world, change, application)])
    ]


_STATES = {
    "active": "Active", "paused": "Inactive", "archived": "Archived", "deleted": "Deleted",
}  # fmt: skip
_PENDING = "Pending Process"


def _activity(world: World, change: Change, application: str) -> Iterator[dict[str, Any]]:
    """As rows of real accounts have it, which is documented nowhere: what is switched on is
    pending first, and made active by Meta itself; an amount lies below its own name."""
    holders = [world.things.get(change.external_id)]
    if change.kind == "budget":
        holders = [one for one in world.things.values() if one.budget == change.external_id]
    for one in holders:
        if one is None:
            continue
        kind = "adset" if one.is_adset else "campaign"
        shown = {
            "event_type": _EVENTS[kind, change.what], "object_id": one.external_id,
            "object_name": one.title,
            "object_type": "CAMPAIGN" if one.is_adset else "CAMPAIGN_GROUP",
            "event_time": change.at.strftime("%Y-%m-%dT%H:%M:%S+0000"), "actor_name": change.actor,
            "actor_id": "1000" if change.program else "2000",
        }  # fmt: skip
        if change.program:
            shown |= {"application_id": application, "application_name": "this application"}
        if change.what == "budget":
            yield shown | {"extra_data": _amounts(change, world.accounts[change.account])}
        elif change.new == "active":
            yield shown | {"extra_data": _states(_STATES[change.old], _PENDING)}
            itself = {"actor_id": "0", "actor_name": "Meta", "application_id": None}
            yield shown | itself | {"extra_data": _states(_PENDING, "Active")}
        else:
            yield shown | {"extra_data": _states(_STATES[change.old], _STATES[change.new])}


def _states(old: str, new: str) -> str:
    return json.dumps({"old_value": old, "new_value": new, "type": "run_status"})


def _amounts(change: Change, holder: Account) -> str:
    def side(name: str, told: str, words: str) -> dict[str, Any]:
        amount = None if told == "None" else int(Decimal(told) / holder.step)
        return {"type": "payment_amount", "currency": holder.currency, name: amount,
                "additional_type": "status_string", "additional_value": words}  # fmt: skip

    return json.dumps({
        "old_value": side("old_value", change.old, ""),
        "new_value": side("new_value", change.new, "Per day"), "type": "composite_data",
    })  # fmt: skip


def _seconds(*told: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(told[0]), UTC)
    except (ValueError, OverflowError):
        raise refused("the time must be a UNIX time") from None


def _moment(told: str | None, otherwise: datetime, holder: Account) -> datetime:
    """A UNIX time or a date of the account, as both are taken."""
    if not told:
        return otherwise
    if is_whole(told):
        return _seconds(told)
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        raise refused("since and until must be times") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=holder.zone)

"""From Meta's rows to units and figures. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from autonomy.platforms.base import BudgetKind, DayFigures, PlatformError, Status, Unit
from autonomy.platforms.fields import Fields
from autonomy.platforms.money import from_meta_minor

PURCHASES = (
    "omni_purchase",
    "purchase",
    "offsite_conversion.fb_pixel_purchase",
    "onsite_web_purchase",
    "onsite_web_app_purchase",
    "app_custom_event.fb_mobile_purchase",
    "onsite_app_purchase",
    "onsite_conversion.purchase",
    "web_in_store_purchase",
    "offline_conversion.purchase",
)
"""One purchase stands under several of these names at once: all channels, aggregated, specific.
The first that is present counts; adding them up would count it several times."""

CLICK_WINDOWS = ("28d_click", "7d_click", "1d_click")
"""The longest first: each holds what the shorter ones have."""
OTHER_WINDOWS = ("1d_view", "1d_ev")
"""Apart from clicks and from each other."""
GONE_WINDOWS = ("7d_view", "28d_view")
"""Meta returns nothing for them since January 2026."""

CAMPAIGN_FIELDS = (
    "id,account_id,name,status,effective_status,daily_budget,lifetime_budget,bid_strategy,"
    "buying_type,smart_promotion_type,is_budget_schedule_enabled,created_time,start_time,stop_time,"
    "updated_time"
)
ADSET_FIELDS = (
    "id,account_id,campaign_id,name,status,effective_status,daily_budget,lifetime_budget,"
    "learning_stage_info,optimization_goal,created_time,start_time,end_time,updated_time"
)
FIGURES = "impressions,reach,clicks,inline_link_clicks,spend,actions,action_values"

STATUSES: dict[str, Status] = {
    "ACTIVE": "active",
    "PAUSED": "paused",
    "ARCHIVED": "archived",
    "DELETED": "deleted",
}
_STOPPED = ("CAMPAIGN_PAUSED", "PAUSED", "ARCHIVED", "DELETED")
_FORM = "%Y-%m-%dT%H:%M:%S%z"
_LEGACY = ("AUTOMATED_SHOPPING_ADS", "SMART_APP_PROMOTION")
_MOST_MINOR = 10**14


class Parent(NamedTuple):
    """What an ad set takes from its campaign."""

    title: str
    status: Status
    hold: str | None
    not_changeable: Mapping[str, str]


@dataclass(frozen=True)
class Counting:
    """What counts as the conversion, and within which time of the ad."""

    conversion: str | None
    windows: Sequence[str]

    def __post_init__(self) -> None:
        known = (*CLICK_WINDOWS, *OTHER_WINDOWS)
        unknown = [window for window in self.windows if window not in known]
        if any(window in GONE_WINDOWS for window in unknown):
            raise PlatformError("Meta no longer counts 7d_view and 28d_view: take 1d_view.")
        if unknown:
            raise PlatformError(f"An attribution window is one of {', '.join(known)}.")

    def of(self, row: Fields) -> tuple[Decimal, Decimal]:
        """Conversions and their value, both of exactly one type of action."""
        counts = {one.needed("action_type"): one for one in row.parts("actions", "an action")}
        values = {one.needed("action_type"): one for one in row.parts("action_values", "a value")}
        chosen = self.chosen({*counts, *values})
        if chosen is None:
            return Decimal(0), Decimal(0)
        return self._within(counts.get(chosen)), self._within(values.get(chosen))

    def chosen(self, actions: Collection[str]) -> str | None:
        """The one of these types of action that counts."""
        names = PURCHASES if self.conversion is None else (self.conversion,)
        return next((name for name in names if name in actions), None)

    def _within(self, action: Fields | None) -> Decimal:
        """The figure of the windows asked for; where none is given apart, the platform's own."""
        if action is None:
            return Decimal(0)
        if not any(window in action for window in self.windows):
            return action.amount_or_nothing("value")
        clicks = next((one for one in CLICK_WINDOWS if one in self.windows), None)
        apart = [one for one in OTHER_WINDOWS if one in self.windows]
        return sum(
            (action.amount_or_nothing(one) for one in (clicks, *apart) if one), start=Decimal(0)
        )


def named(rows: Iterable[Fields]) -> Sequence[str]:
    """The types of action that these rows know, each once."""
    found = {
        one.needed("action_type"): None for row in rows for one in row.parts("actions", "an action")
    }
    return sorted(found)


def holds_budget(row: Fields) -> bool:
    """Whether the budget stands on this very campaign or ad set. Meta writes none as "0", too."""
    return bool(row.whole("daily_budget", _MOST_MINOR) or row.whole("lifetime_budget", _MOST_MINOR))


def status_of(row: Fields) -> Status:
    """What a thing does, not only what its own switch says: under a paused campaign it is paused.
    WITH_ISSUES, IN_PROCESS and the like are the switch's matter."""
    own, effective = row.needed("status"), row.text("effective_status") or ""
    if own not in STATUSES:
        raise row.wrong("status", "is not one that is known")
    stopped = effective if effective in _STOPPED else own
    return STATUSES.get(stopped, "paused")


def parent_of(row: Fields) -> Parent:
    """What the ad sets of this campaign take from it."""
    return Parent(row.title("name"), status_of(row), _hold(row), _not_changeable(row))


def campaign_unit(row: Fields, currency: str, learning: bool) -> Unit:
    """A campaign, whether its budget is its own or its ad sets'."""
    return _unit(row, "campaign", currency, learning=learning)


def adset_unit(row: Fields, parent: Parent, currency: str) -> Unit:
    """An ad set under its campaign. Under a stopped campaign it is stopped, too."""
    return _unit(row, "adset", currency, parent=parent, learning=is_learning(row))


def is_learning(row: Fields) -> bool:
    """Whether Meta says that an ad set is in its learning phase."""
    return row.part("learning_stage_info").text("status") == "LEARNING"


def figures(row: Fields, key: str, since: date, until: date, counting: Counting) -> DayFigures:
    """One day of one unit. Clicks are those on the link (`inline_link_clicks`): `clicks` counts
    every tap on the ad, as on its picture or its "see more", which bring nobody to the shop."""
    day = row.day("date_start", since, until)
    if row.needed("date_stop") != row.needed("date_start"):
        raise row.wrong("date_stop", "is not its date_start: a day was asked for")
    conversions, revenue = counting.of(row)
    return DayFigures(
        external_id=row.identifier(key),
        day=day,
        impressions=row.count("impressions"),
        reach=row.whole("reach"),
        clicks=row.count("inline_link_clicks"),
        conversions=conversions,
        spend=row.amount("spend"),
        revenue=revenue,
    )


def _unit(
    row: Fields,
    kind: Any,
    currency: str,
    *,
    learning: bool,
    parent: Parent | None = None,
) -> Unit:
    title, status = row.title("name"), status_of(row)
    details = {
        key: text
        for key in ("status", "bid_strategy", "optimization_goal", "updated_time", "campaign_id")
        if (text := row.text(key))
    }
    details |= _not_changeable(row)
    hold = _hold(row)
    if parent is not None:
        title, hold = f"{parent.title} / {title}", hold or parent.hold
        details |= parent.not_changeable
        status = parent.status if status == "active" else status
    budget, budget_kind = _budget(row, kind, currency)
    return Unit(
        external_id=row.identifier("id"),
        kind=kind,
        title=title,
        status=status,
        status_text=row.text("effective_status") or row.needed("status"),
        budget=budget,
        budget_kind=budget_kind,
        created_at=row.moment("created_time", _FORM) or row.moment("start_time", _FORM),
        learning=learning,
        hold=hold,
        details=details,
    )


def _budget(row: Fields, kind: str, currency: str) -> tuple[Decimal | None, BudgetKind]:
    daily = row.whole("daily_budget", _MOST_MINOR)
    if daily:
        return from_meta_minor(daily, currency), "daily"
    if row.whole("lifetime_budget", _MOST_MINOR):
        return None, "lifetime"
    return None, "children" if kind == "campaign" else "none"


def _hold(row: Fields) -> str | None:
    """A budget that Meta steers, that a person has planned or bought beforehand is not ours."""
    planned = row.truth("is_budget_schedule_enabled") or row.text("buying_type") == "RESERVED"
    return "SCHEDULED_BUDGET" if planned or _not_changeable(row) else None


def _not_changeable(row: Fields) -> dict[str, str]:
    """Advantage+ of the older kind, which Meta lets no program change any more."""
    kind = row.text("smart_promotion_type")
    return {"not_changeable": kind} if kind in _LEGACY and kind else {}

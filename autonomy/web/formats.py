"""Numbers, times and names as a person reads them (the templates' filters)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import g, has_app_context
from markupsafe import Markup, escape

from autonomy.engine.codes import in_order, means
from autonomy.text import NOTHING, chance, chance_beside, count, decimal, money, number_or_none

TIMES = {
    "when": Markup('<time datetime="{}" title="{}">{}</time>'),
    "ago": Markup('<time datetime="{}" title="{}" data-ago>{}</time>'),
}

ACTION_NAMES = {
    "auto_pause": "Paused",
    "auto_resume": "Resumed",
    "auto_scale_up": "Scaled up",
    "auto_scale_down": "Scaled down",
    "budget_adjusted": "Budget adjusted",
    "optimization_applied": "Optimization applied",
    "ab_test_created": "A/B test created",
    "targeting_refined": "Targeting refined",
    "creative_refreshed": "Creative refreshed",
}
ACTION_VERBS = {
    "auto_pause": "Pause",
    "auto_resume": "Resume",
    "auto_scale_up": "Scale up",
    "auto_scale_down": "Scale down",
    "budget_adjusted": "Adjust the budget",
}
ACTION_ICONS = {
    "auto_pause": "pause",
    "auto_resume": "play",
    "auto_scale_up": "up",
    "auto_scale_down": "down",
    "budget_adjusted": "sliders",
}
STATUSES = ("pending", "executed", "rolled_back", "failed")
SEVERITIES = ("critical", "high", "medium", "low")
SEVERITY_ICONS = {"critical": "octagon", "high": "triangle", "medium": "diamond", "low": "circle"}


def multiple(value: object) -> str:
    """roi: 0.424 -> 0.42x"""
    number = number_or_none(value)
    return NOTHING if number is None else f"{number:,.2f}x"


def likely(value: object, places: int = 0, beside: object = None) -> str:
    """A probability, 99.6 -> 99%: never certain, always on its side of the floor beside it."""
    number, bound = number_or_none(value), number_or_none(beside)
    if number is None:
        return NOTHING
    return (chance(number, places) if bound is None else chance_beside(number, bound)) + "%"


def percent(value: object, places: int = 0) -> str:
    """A rate, 85.3 -> 85% (it is a percentage already). A probability is said by `likely`."""
    number = number_or_none(value)
    return NOTHING if number is None else f"{number:,.{places}f}%"


def words(value: object) -> str:
    """high_traffic_low_conversion -> high traffic low conversion"""
    return str(value or "").replace("_", " ")


def titled(value: object) -> str:
    """A campaign's title, or that it has none that one could see."""
    text = str(value or "").strip()
    return text or "(no title)"


ACTORS = {
    "operator (dashboard)": "the operator",
    "operator": "the operator",
    "operator (api)": "a program with the operator's token",
    "cli": "the command line",
    "autonomy": "the system itself",
    "scheduler": "the schedule",
    "dashboard": "a person here",
    "http": "a call of the function",
    "api": "a program",
    "sql": "the database",
    "database": "the database",
    "migrate": "a change of the schema",
    "postgres": "somebody at the database",
    "service_role": "a program at the database",
    "authenticator": "a program at the database",
    "import": "an import",
    "feed": "the feed",
}
"""Who did it, as stored -> as a person says it; a name that is none of these is a person's."""


def actor(value: object) -> str:
    """postgres -> somebody at the database"""
    text = str(value or "").strip()
    return ACTORS.get(text.lower(), text) or "nobody known"


RUN_COUNTS = {
    "campaigns_paused": ("paused", "pause"),
    "campaigns_scaled": ("scaled up", "scale up"),
    "campaigns_scaled_down": ("scaled down", "scale down"),
    "budgets_optimized": ("budgets moved", "move budgets"),
    "campaigns_resumed": ("resumed", "resume"),
    "actions_proposed": ("proposed", "propose"),
    "opportunities_detected": ("opportunities found", "find opportunities"),
}
"""What a run counts -> as done, and as what would be."""
MACHINE_WORD = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


def run_counts(value: object) -> list[tuple[str, Any]]:
    """What a run counted, in words: nothing is said to be done that was not."""
    run = value if isinstance(value, Mapping) else {}
    summary = run.get("summary")
    counts = summary.get("actions_taken") if isinstance(summary, Mapping) else None
    unreal = run.get("dry_run") or run.get("mode") == "observe"
    said = []
    for name, number in (counts if isinstance(counts, Mapping) else {}).items():
        done, would = RUN_COUNTS.get(name, (words(name), words(name)))
        if unreal and name != "opportunities_detected":
            done = f"would {would}"
        elif run.get("mode") == "approve" and name.startswith(("campaigns_", "budgets_")):
            done = f"proposed to {would}"
        said.append((done, number))
    return said


def spoken(text: object) -> str:
    """min_confidence must be a number -> Min confidence must be a number"""
    said = MACHINE_WORD.sub(lambda found: words(found[0]), str(text or ""))
    return said[:1].upper() + said[1:]


def action_name(value: str) -> str:
    """auto_pause -> Paused"""
    return ACTION_NAMES.get(value, words(value).capitalize())


def action_verb(value: str) -> str:
    """auto_pause -> Pause"""
    return ACTION_VERBS.get(value, words(value).capitalize())


def zone() -> str:
    """The one zone that all times of a page are in: the policy's, as days are (`Frame`)."""
    return str(g.get("zone", "UTC")) if has_app_context() else "UTC"


def local(moment: datetime) -> datetime:
    """A moment in the zone of the page."""
    try:
        return moment.astimezone(ZoneInfo(zone()))
    except (ZoneInfoNotFoundError, ValueError):  # one that PostgreSQL alone knows
        return moment.astimezone(UTC)


def when(value: object) -> Markup:
    """A point in time in the zone of the page, the exact time on hover."""
    moment = parse_time(value)
    if moment is None:
        return escape(NOTHING)
    return _time(moment, f"{local(moment):%Y-%m-%d %H:%M}", "when")


def ago(value: object, now: datetime | None = None) -> Markup:
    """How long ago (or until): 3 h ago, in 48 min."""
    moment = parse_time(value)
    if moment is None:
        return escape(NOTHING)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    return _time(moment, relative(seconds), "ago")


def relative(seconds: float) -> str:
    """Seconds in the past (negative: ahead) as words."""
    size = abs(seconds)
    if size < 45:
        return "just now" if seconds >= 0 else "any moment"
    for unit, length, limit in (("min", 60, 5400), ("h", 3600, 129600), ("days", 86400, 5184000)):
        if size < limit:
            text = f"{max(1, round(size / length))} {unit}"
            text = "1 day" if text == "1 days" else text
            return f"{text} ago" if seconds >= 0 else f"in {text}"
    months = round(size / 2629800)
    return f"{months} months ago" if seconds >= 0 else f"in {months} months"


def parse_time(value: object) -> datetime | None:
    """A time out of JSON; None for what is none (infinity among them)."""
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def duration(milliseconds: object) -> str:
    """840 -> 0.8 s"""
    number = number_or_none(milliseconds)
    if number is None:
        return NOTHING
    return f"{number / 1000:.1f} s" if number < 90_000 else f"{number / 60_000:.1f} min"


def state(value: object, currency: str | None = None) -> str:
    """{"status": "active", "budget": 150} -> active, 150.00 EUR"""
    known = state_of(value)
    if known["status"] is None and known["budget"] is None:
        return NOTHING
    return f"{known['status'] or NOTHING}, {money(known['budget'], currency=currency)}"


def state_of(value: object) -> dict[str, Any]:
    """Status and budget out of stored JSON, which may be anything in rows that we did not write."""
    members = value if isinstance(value, Mapping) else {}
    status = members.get("status")
    return {
        "status": status if isinstance(status, str) else None,
        "budget": number_in(value, "budget"),
    }


def number_in(value: object, name: str) -> float | None:
    """A number of stored JSON; None where there is none."""
    return number_or_none(value.get(name)) if isinstance(value, Mapping) else None


def impact(value: object, currency: str | None = None) -> str:
    """What an action was expected to bring, or what was measured, in words; "" where unknown."""
    if not isinstance(value, Mapping):
        return ""
    loss, profit = number_in(value, "loss_avoided"), number_in(value, "added_profit")
    if loss is not None:
        done = "gives up a profit of" if loss < 0 else "avoids a loss of"
        return f"{done} {money(abs(loss), currency=currency)}"
    if profit is not None:
        return f"profit {signed(profit, currency)}"
    worth, days = number_in(value, "money"), number_in(value, "horizon_days")
    verdict = str(value.get("verdict") or "").replace("too_early", "too early to tell")
    if worth is None:
        return verdict
    low, high = number_in(value, "money_low"), number_in(value, "money_high")
    span = f" in {count(days)} {'day' if days == 1 else 'days'}" if days is not None else ""
    return (
        f"{verdict}, {signed(worth, currency)} ({money(low, False)} to {money(high, False)}){span}"
    )


def signed(value: object, currency: str | None = None) -> str:
    """224 -> +224.00"""
    number = number_or_none(value)
    return f"{'+' if number is not None and number > 0 else ''}{money(value, currency=currency)}"


def held_because(code: object) -> str:
    """A reason code in words."""
    return means(str(code))


def by_code(counts: object) -> list[tuple[str, Any]]:
    """Counts by reason code, in the order of the checks."""
    known = counts if isinstance(counts, Mapping) else {}
    return [(code, known[code]) for code in in_order(known)]


def _time(moment: datetime, text: str, kind: str) -> Markup:
    utc, here = moment.astimezone(UTC), local(moment)
    name = zone() if here.tzinfo is not UTC else "UTC"
    exact = f"{here:%Y-%m-%d %H:%M:%S} {name}"
    exact += "" if name == "UTC" else f" ({utc:%H:%M} UTC)"
    return TIMES[kind].format(f"{utc:%Y-%m-%dT%H:%M:%S}Z", exact, text)


FILTERS: dict[str, Callable[..., object]] = {
    "money": money,
    "count": count,
    "decimal": decimal,
    "multiple": multiple,
    "likely": likely,
    "percent": percent,
    "words": words,
    "titled": titled,
    "actor": actor,
    "run_counts": run_counts,
    "spoken": spoken,
    "action_name": action_name,
    "action_verb": action_verb,
    "when": when,
    "ago": ago,
    "duration": duration,
    "state": state,
    "state_of": state_of,
    "number_in": number_in,
    "impact": impact,
    "signed": signed,
    "held_because": held_because,
    "by_code": by_code,
}

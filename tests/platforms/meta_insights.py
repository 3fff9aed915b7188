"""The rows of Meta's insights: what was delivered, in Meta's words and numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.platforms import meta_names
from tests.platforms.meta_errors import GraphError, error, refused
from tests.platforms.world import Account, Figures, Thing, World

NAMES = meta_names.frozen()
HOURLY = "hourly_stats_aggregated_by_advertiser_time_zone"
GIVES_NOTHING = frozenset(("7d_view", "28d_view"))
"""Windows that the SDK still lists and that answer nothing since 12 January 2026."""
_DAYS_BACK = {
    "last_3d": 3,
    "last_7d": 7,
    "last_14d": 14,
    "last_28d": 28,
    "last_30d": 30,
    "last_90d": 90,
}


@dataclass(frozen=True)
class Asked:
    """What a request for insights wants."""

    since: date
    until: date
    level: str
    fields: tuple[str, ...]
    increment: int
    """Days to a row; 0: all in one."""
    hourly: bool
    windows: tuple[str, ...]
    statuses: frozenset[str] | None
    ids: frozenset[str] | None


def read(params: Mapping[str, str], account: Account, now: datetime) -> Asked:
    """What is asked for, or the error that Meta gives."""
    today = now.astimezone(account.zone).date()
    since, until = _range(params, today)
    breakdowns = enum_list(params, "breakdowns", "AdsInsights.Breakdowns")
    if [name for name in breakdowns if name != HOURLY]:
        raise refused(f"the fake breaks down by {HOURLY} only")
    windows = enum_list(
        params, "action_attribution_windows", "AdsInsights.ActionAttributionWindows"
    )
    level = params.get("level", "account")
    if level not in NAMES["AdsInsights.Level"]:
        raise refused("level must be one of the following values: ad, adset, campaign, account")
    enum_list({"x": json.dumps([params.get("action_report_time", "impression")])}, "x",
              "AdsInsights.ActionReportTime")  # fmt: skip
    fields = tuple(split_list(params.get("fields", "impressions,spend")))
    for name in fields:
        if name not in NAMES["AdsInsights"]:
            raise refused(
                f"{name} is not valid for fields param. please check "
                "https://developers.facebook.com/docs/marketing-api/reference/ads-insights/ "
                "for all valid values"
            )
    statuses, ids = _filters(params)
    return Asked(
        since, until, level, fields, _increment(params), bool(breakdowns),
        tuple(windows) or ("7d_click", "1d_view"), statuses, ids,
    )  # fmt: skip


def _range(params: Mapping[str, str], today: date) -> tuple[date, date]:
    if "time_range" in params:
        try:
            told = json.loads(params["time_range"])
            since, until = date.fromisoformat(told["since"]), date.fromisoformat(told["until"])
        except (ValueError, KeyError, TypeError):
            raise refused("param time_range must be an object with since and until") from None
    else:
        since, until = _preset(params.get("date_preset", "last_30d"), today)
    if since > until:
        raise refused("since must be before until", 1487860)
    if since < today - timedelta(days=37 * 31):
        raise GraphError(
            error("(#3018) The start date of the time range cannot be beyond 37 months from the "
                  "current date", 3018)
        )  # fmt: skip
    return since, until


def _preset(name: str, today: date) -> tuple[date, date]:
    if name not in NAMES["AdsInsights.DatePreset"]:
        raise refused("date_preset must be one of the documented values")
    yesterday = today - timedelta(days=1)
    if name in _DAYS_BACK:
        return today - timedelta(days=_DAYS_BACK[name]), yesterday
    if name == "yesterday":
        return yesterday, yesterday
    if name == "today":
        return today, today
    if name in ("maximum", "data_maximum"):
        return today - timedelta(days=1000), today
    raise refused(f"the fake does not carry the preset {name}")


def _increment(params: Mapping[str, str]) -> int:
    told = params.get("time_increment", "all_days")
    if told == "all_days":
        return 0
    if told.isdigit() and 1 <= int(told) <= 90:
        return int(told)
    raise refused("time_increment must be 1 to 90 or all_days (the fake knows no monthly)")


def _filters(params: Mapping[str, str]) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    statuses = ids = None
    for told in json_param(params, "filtering", []):
        name, values = str(told.get("field")), told.get("value")
        listed = frozenset(map(str, values if isinstance(values, list) else [values]))
        if name.endswith("effective_status"):
            statuses = listed
        elif name in ("campaign.id", "adset.id"):
            ids = listed
        else:
            raise refused(
                f"Filtering field {name} with operation {told.get('operator')} is not supported"
            )
    return statuses, ids


def rows(
    world: World, account: Account, asked: Asked, root: str | None
) -> Iterator[dict[str, Any]]:
    """Only where something was delivered; archived and deleted things only where asked for."""
    sums: dict[tuple[str, date, int | None], Figures] = {}
    for told in world.figures(account.external_id, asked.since, asked.until):
        key = _key(world, told, asked, root)
        if key is not None and told.delivered:
            sums[key] = sums[key] + told if key in sums else told
    for (name, begin, hour), told in sorted(sums.items(), key=_in_order):
        yield _row(world, account, asked, replace(told, external_id=name, day=begin, hour=hour))


def _key(
    world: World, told: Figures, asked: Asked, root: str | None
) -> tuple[str, date, int | None] | None:
    thing = world.things[told.external_id]
    campaign = world.things[thing.parent] if thing.parent else thing
    if root not in (None, thing.external_id, campaign.external_id):
        return None
    shown = {"account": None, "campaign": campaign, "adset": thing}.get(asked.level)
    if asked.level == "adset" and not thing.is_adset:
        return None
    if asked.level == "ad":
        raise refused("the fake has no ads")
    if shown is not None and not _wanted(shown, asked, root):
        return None
    if asked.hourly and told.hour is None:
        return None
    begin = asked.since
    if asked.increment:
        gone = (told.day - asked.since).days // asked.increment
        begin = asked.since + timedelta(days=gone * asked.increment)
    return shown.external_id if shown else "", begin, told.hour if asked.hourly else None


def _wanted(shown: Thing, asked: Asked, root: str | None) -> bool:
    if asked.ids is not None and shown.external_id not in asked.ids:
        return False
    if asked.statuses is not None:
        return shown.status.upper() in asked.statuses
    return shown.status in ("active", "paused") or root == shown.external_id


def _in_order(item: tuple[tuple[str, date, int | None], Figures]) -> tuple[str, date, int]:
    (name, begin, hour), _ = item
    return name, begin, -1 if hour is None else hour


def _row(world: World, account: Account, asked: Asked, told: Figures) -> dict[str, Any]:
    end = asked.until
    if asked.increment:
        end = min(end, told.day + timedelta(days=asked.increment - 1))
    row = {"account_id": account.external_id} if "account_id" in asked.fields else {}
    for name in asked.fields:
        value = _VALUES[name](world, account, told, asked) if name in _VALUES else None
        if value is not None:
            row[name] = value
    row |= {"date_start": told.day.isoformat(), "date_stop": end.isoformat()}
    if asked.hourly:
        row[HOURLY] = f"{told.hour:02d}:00:00 - {told.hour:02d}:59:59"
    return row


def _thing(kind: str, what: str) -> Callable[..., str | None]:
    """The id or the title of the campaign or the ad set that a row speaks of."""

    def value(world: World, account: Account, told: Figures, asked: Asked) -> str | None:
        thing = world.things.get(told.external_id)
        if thing is not None and kind == "campaign" and thing.parent:
            thing = world.things[thing.parent]
        if thing is None or (kind == "adset") != thing.is_adset:
            return None
        return thing.external_id if what == "id" else thing.title

    return value


def _actions(
    world: World, account: Account, told: Figures, asked: Asked
) -> list[dict[str, str]] | None:
    """One conversion comes under several names; by the hour those outside Meta do not come."""
    found = [
        {"action_type": name, "value": str(max(1, round(told.clicks * share)))}
        for name, share in (("link_click", 0.8), ("post_engagement", 1.1), ("page_engagement", 1.2))
        if told.clicks
    ]
    if told.conversions and not asked.hourly:
        counts = _by_window(told.conversions, asked.windows, Decimal(1))
        found += [{"action_type": name, **counts} for name in reversed(account.conversion_names)]
    return found or None


def _action_values(
    world: World, account: Account, told: Figures, asked: Asked
) -> list[dict[str, str]] | None:
    if not told.revenue or asked.hourly or not account.values:
        return None
    worth = _by_window(told.revenue, asked.windows, account.step)
    return [{"action_type": name, **worth} for name in reversed(account.conversion_names)]


def _roas(
    world: World, account: Account, told: Figures, asked: Asked
) -> list[dict[str, str]] | None:
    if not told.revenue or not told.spend or asked.hourly or not account.values:
        return None
    return [{"action_type": "omni_purchase", "value": f"{told.revenue / told.spend:.6f}"}]


def _by_window(total: Decimal, windows: Iterable[str], step: Decimal) -> dict[str, str]:
    """A fifth of what counts was seen, not clicked; three fifths of the clicks are of the day."""
    seen = (total / 5) // step * step
    clicked = total - seen
    parts = {
        "1d_click": clicked * 3 / 5 // step * step, "7d_click": clicked, "28d_click": clicked,
        "1d_view": seen,
    }  # fmt: skip
    windows = [*windows]
    if "default" in windows:
        windows += ["7d_click", "1d_view"]
    shown = {name: parts[name] for name in windows if parts.get(name)}
    clicks = [amount for name, amount in shown.items() if name.endswith("click")]
    value = max(clicks, default=Decimal(0)) + shown.get("1d_view", Decimal(0))
    return {"value": plain(value), **{name: plain(amount) for name, amount in shown.items()}}


_VALUES: dict[str, Callable[[World, Account, Figures, Asked], Any]] = {
    "account_name": lambda w, a, t, q: a.name,
    "account_currency": lambda w, a, t, q: a.currency,
    "campaign_id": _thing("campaign", "id"),
    "campaign_name": _thing("campaign", "title"),
    "adset_id": _thing("adset", "id"),
    "adset_name": _thing("adset", "title"),
    "impressions": lambda w, a, t, q: str(t.impressions),
    "reach": lambda w, a, t, q: str(t.reach),
    "clicks": lambda w, a, t, q: str(t.clicks),
    "inline_link_clicks": lambda w, a, t, q: str(round(t.clicks * 0.8)),
    "spend": lambda w, a, t, q: plain(t.spend.quantize(a.step)),
    "actions": _actions,
    "action_values": _action_values,
    "purchase_roas": _roas,
    "attribution_setting": lambda w, a, t, q: "7d_click_1d_view",
    "objective": lambda w, a, t, q: "OUTCOME_SALES",
}


def plain(number: Decimal) -> str:
    """12.30 as 12.3, 1E+2 as 100."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def json_param(params: Mapping[str, str], name: str, default: Any) -> Any:
    if not params.get(name):
        return default
    try:
        return json.loads(params[name])
    except ValueError:
        raise refused(f"param {name} must be JSON") from None


def enum_list(params: Mapping[str, str], name: str, enum: str) -> list[str]:
    told = json_param(params, name, [])
    if not isinstance(told, list):
        raise refused(f"param {name} must be an array.")
    for index, value in enumerate(told):
        if value not in NAMES[enum]:
            known = ", ".join(sorted(NAMES[enum]))
            raise refused(f"{name}[{index}] must be one of the following values: {known}")
    return [str(value) for value in told]


def split_list(text: str) -> list[str]:
    """`a,b{c,d}` as a and b{c,d}; the SDK sends the list with commas, others as JSON."""
    if text.startswith("["):
        return [str(name) for name in json.loads(text)]
    parts, depth, word = [], 0, ""
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            parts.append(word.strip())
            word = ""
        else:
            word += letter
    return [part for part in [*parts, word.strip()] if part]

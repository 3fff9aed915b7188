"""The forecast as JSON: of the API, the command line and the page alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autonomy.forecast.month import LEAST, Account, Json, Month, month_of, pace
from autonomy.forecast.outlook import Band
from autonomy.text import currency_digits


def forecast_of(found: Mapping[str, Any]) -> Json:
    """From what autonomy_account_days answers."""
    return {
        "now": found["now"],
        "stale_days": found["stale_days"],
        "left_off": found["left_off"],
        "accounts": [told(month_of(Account.read(row))) for row in found["accounts"]],
    }


def told(month: Month) -> Json:
    """One account's month. Numbers of the future are null where nothing can be told."""
    account, bands = month.account, month.bands
    digits = currency_digits(account.currency)
    roi = month.earned / month.spent if month.spent > 0 else None
    return {
        "account": account.name,
        "currency": account.currency,
        "time_zone": account.time_zone,
        "today": account.today.isoformat(),
        "from_day": month.first.isoformat(),
        "until_day": month.last.isoformat(),
        "through": month.through.isoformat() if month.through else None,
        "known_days": month.known_days,
        "needed_days": LEAST,
        "sentence": month.sentence,
        "pace": pace(month),
        "monthly_total": account.monthly_total,
        "break_even": account.break_even,
        "attribution_factor": account.believed,
        "spend": _band(month.spent, bands and bands.spend, digits),
        "revenue": _band(month.earned, bands and bands.revenue, digits),
        "profit": _band(month.earned * account.worth - month.spent, bands and bands.profit, digits),
        "roi": _band(roi, bands and bands.roi, 4),
        "days": [
            {
                "day": one.day.isoformat(),
                "spend": None if one.spend is None else round(one.spend, digits),
                **_range(one.band, digits),
            }
            for one in month.points
        ],
    }


def _band(so_far: float | None, band: Band | None, digits: int) -> Json:
    return {
        "so_far": None if so_far is None else round(so_far, digits),
        **_range(band, digits),
    }


def _range(band: Band | None, digits: int) -> Json:
    if band is None:
        return {"expected": None, "low": None, "high": None}
    return {name: round(value, digits) for name, value in band._asdict().items()}

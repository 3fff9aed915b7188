"""The API's answer about the month. More keys may stand beside these."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from autonomy.forecast.month import PACES
from autonomy.web.api.rows import Answer
from autonomy.web.parsing import one_of


class Foretold(Answer):
    """At the end of the month, 8 in 10 between low and high; null where it is too early to tell."""

    expected: float | None
    low: float | None
    high: float | None


class Heading(Foretold):
    so_far: float | None


class ForecastDay(Foretold):
    """Added up from the first of the month: what was spent, or what is foretold."""

    day: date
    spend: float | None


class AccountForecast(Answer):
    account: str
    currency: str | None
    time_zone: str
    today: date
    from_day: date
    until_day: date
    through: date | None
    """The last complete day with figures."""
    known_days: int
    needed_days: int
    sentence: str
    pace: Annotated[str, one_of(tuple(PACES))] | None
    """Beside monthly_total; null where there is none."""
    monthly_total: float | None
    break_even: float
    attribution_factor: float
    spend: Heading
    revenue: Heading
    profit: Heading
    roi: Heading
    days: list[ForecastDay]


class Forecast(Answer):
    now: datetime
    stale_days: int
    """Days whose figures are still to be counted again."""
    left_off: int
    accounts: list[AccountForecast]

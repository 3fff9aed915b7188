"""What there is to replay: the campaigns' past, read a moment at a time.

`Past` comes from a database by SQL (replay) or from one JSON value (preview, over PostgREST).
Either way the figures are those of `past_candidates`: what a run of that moment would have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from autonomy.engine.candidate import CONVERSIONS, MEASURES, REVENUE, measure
from autonomy.engine.confidence import Evidence
from autonomy.errors import ReplayError
from autonomy.replay.conversion_delay import Delay, fit_delay
from autonomy.replay.past_campaign import PastCampaign, past_campaign
from autonomy.replay.value import (
    SAY_THE_WORTH,
    conversions_by_account,
    left_out_sentence,
    split_by_value,
    with_worth,
)

if TYPE_CHECKING:
    import psycopg

WINDOWS = ("lifetime", "1d", "3d", "7d", "14d", "30d")
_SLICE_LOOKS = 240_000
_SLICE_DAYS = timedelta(days=60)
_WARM_UP_DAYS = 14
_FOR_GUARDRAILS = ("1d", "3d", "30d")  # read whatever the rules read
_ALL = tuple(f"{prior}{days}d" for prior in ("", "prior_") for days in (1, 3, 7, 14, 30))


@dataclass(frozen=True)
class Period:
    """Which past. Without `end` it ends with the last complete hour of data. Without `start` it is
    `days` long at most, and the first two weeks of the history, or its first third, only inform.
    `value_per_conversion` is the revenue of accounts that have none of their own.
    """

    start: datetime | None = None
    end: datetime | None = None
    days: int = 90
    every_hours: float = 24
    value_per_conversion: Decimal | None = None


class Figures(NamedTuple):
    """What past_candidates says of a campaign before its windows, in that order; None: unknown. Six
    measures of its whole life, the evidence faded by age, two ages in hours."""

    impressions: float | None
    reach: float | None
    clicks: float | None
    conversions: float | None
    spend: float | None
    revenue: float | None
    faded_spend: float | None
    faded_conversions: float | None
    faded_revenue: float | None
    faded_days: float | None
    matured_share: float | None
    data_age_hours: float | None
    hours_running: float | None


_FIRST_WINDOW = len(Figures._fields)
_FADED_CONVERSIONS, _FADED_REVENUE = map(
    Figures._fields.index, ("faded_conversions", "faded_revenue")
)


class Look(NamedTuple):
    """What a run saw of one campaign: `numbers` are Figures and then six measures a window."""

    at: datetime
    campaign_id: str
    met: bool  # whether one of the conditions was
    numbers: Sequence[float | None]

    @property
    def figures(self) -> Figures:
        return Figures(*self.numbers[:_FIRST_WINDOW])

    @property
    def lifetime(self) -> Sequence[float | None]:
        """The six measures of its whole life."""
        return self.numbers[: len(MEASURES)]

    @property
    def spend(self) -> float:
        return self.figures.spend or 0.0

    @property
    def revenue(self) -> float:
        return self.figures.revenue or 0.0

    @property
    def conversions(self) -> float:
        return self.figures.conversions or 0.0

    def window(self, name: str, windows: Sequence[str]) -> Sequence[float | None]:
        """The six measures of a window that was asked for."""
        first = _FIRST_WINDOW + len(MEASURES) * windows.index(name)
        return self.numbers[first : first + len(MEASURES)]

    def evidence(self, cv2: float | None) -> Evidence:
        figures = self.figures
        return Evidence(
            spend=measure(figures.faded_spend),
            conversions=measure(figures.faded_conversions),
            revenue=measure(figures.faded_revenue),
            cv2=cv2,
            days=measure(figures.faded_days),
            matured_share=measure(figures.matured_share),
            has_history=True,
        )


class Doubt(NamedTuple):
    """A day whose figures a run would not have believed: it holds the campaign for a day."""

    known_at: datetime
    why: str


Tracked = Mapping[str | None, Mapping[str, Any]]
"""What measured_json says of the tracking of each account, and of all together (None)."""


@dataclass
class Past:
    """A period of the past and what can be asked about it."""

    start: datetime
    end: datetime
    every_hours: float
    campaigns: dict[str, PastCampaign]
    windows: list[str]
    policy: Mapping[str, Any]
    looks: Iterable[Look]
    tracking: Callable[[datetime], Tracked] | None = None
    delay: Delay | None = None
    left_out: Mapping[str, float] = field(default_factory=dict)  # see `split_by_value`
    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The rows of autonomy_accounts, with the curvature that was measured."""
    doubts: Mapping[str, Sequence[Doubt]] = field(default_factory=dict)
    """By campaign. The days themselves are no part of the looks."""

    def doubted(self, look: Look) -> str | None:
        """Why the campaign's figures cannot be right at that moment."""
        for one in self.doubts.get(look.campaign_id, ()):
            if one.known_at <= look.at < one.known_at + timedelta(days=1):
                return one.why
        return None

    @property
    def currency(self) -> str | None:
        """What all of it is in; None where that is not known."""
        return next((one.currency for one in self.campaigns.values() if one.currency), None)

    def moments(self) -> Iterator[tuple[datetime, list[Look]]]:
        """The looks of each moment, oldest first, at the campaigns that can be judged in money."""
        for at, looks in groupby(self.looks, key=lambda look: look.at):
            judged = [look for look in looks if look.campaign_id in self.campaigns]
            if judged:
                yield at, judged


def windows_of(conditions: Iterable[Any]) -> list[str]:
    """The windows, lifetime aside, that conditions and guardrails read, ordered by their names."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            if value.get("window") in _ALL:
                found.add(str(value["window"]))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for inner in value:
                walk(inner)

    walk(list(conditions))
    return sorted(found.union(_FOR_GUARDRAILS))


@contextmanager
def open_past(
    database_url: str,
    conditions: Sequence[Mapping[str, Any]],
    period: Period,
    *,
    policy: Mapping[str, Any] | None = None,
) -> Iterator[Past]:
    """Reads from a database that it cannot write to. Raises ReplayError, psycopg.Error."""
    import psycopg

    with (
        psycopg.connect(database_url, autocommit=True) as asking,
        psycopg.connect(database_url) as connection,
    ):
        for session in (asking, connection):
            session.execute("set default_transaction_read_only = on")
            session.execute("set timezone = 'UTC'")
            session.execute("set statement_timeout = '10min'")
        connection.commit()
        connection.execute("set transaction isolation level repeatable read, read only")
        start, end = _period(connection, period)
        every_hours = period.every_hours
        windows = windows_of(conditions)
        worth = period.value_per_conversion
        campaigns, silent = split_by_value(_campaigns(connection, start, end))
        valued: dict[str, PastCampaign] = {}
        if worth is not None:
            valued, silent = split_by_value(with_worth(silent, worth))
            campaigns |= valued
        left_out = conversions_by_account(silent.values())
        if left_out and not campaigns:
            raise ReplayError(f"{left_out_sentence(left_out)} {SAY_THE_WORTH}")
        doubted = connection.execute(
            "select campaign_id, day, known_at, why from autonomy.past_doubts(%s, %s)",
            (start, end),
        ).fetchall()
        looks = _looks(
            connection,
            # Conditions may read the revenue that is reckoned only here: the engine looks at all.
            None if worth is not None else conditions,
            windows,
            (start, end),
            every_hours,
            policy or {},
            len(campaigns) + len(silent),
            [(str(campaign), str(day)) for campaign, day, _, _ in doubted],
        )
        if worth is not None:
            each = float(worth)
            looks = (
                _worth_look(look, each) if look.campaign_id in valued else look for look in looks
            )
        yield Past(
            start=start,
            end=end,
            every_hours=every_hours,
            campaigns=campaigns,
            windows=windows,
            policy=policy_row(connection),
            looks=looks,
            left_out=left_out,
            accounts=_accounts(connection),
            doubts=doubts_of((campaign, at, why) for campaign, _, at, why in doubted),
            tracking=lru_cache(maxsize=1)(partial(_tracking, asking)),  # all settings ask at once
            delay=_delay(connection, end),
        )


def _period(connection: psycopg.Connection, period: Period) -> tuple[datetime, datetime]:
    row = connection.execute(
        """
        select min(m.bucket), max(m.bucket)
          + case when exists (select from public.campaign_metrics o
                where o.bucket = max(m.bucket) and o.whole_day)
              or extract(hour from max(m.bucket) at time zone p.time_zone) = 0
              and not exists (select from public.campaign_metrics o
                where o.bucket > max(m.bucket) - interval '1 day' and o.bucket < max(m.bucket))
            then interval '1 day' else interval '1 hour' end
        from public.campaign_metrics m, public.autonomy_policy p group by p.time_zone
        """
    ).fetchone()
    if row is None or row[0] is None:
        raise ReplayError(
            "There is no history to replay: campaign_metrics is empty."
            " Import an export first (python -m autonomy import FILE)."
        )
    first, last = row
    # The last look is at the end of the last bucket, so the period ends just after it.
    end = min(period.end or last, last) + timedelta(seconds=1)
    start = period.start
    if start is None:
        # Where the history begins every campaign looks new: the first days only inform.
        warm_up = min(timedelta(days=_WARM_UP_DAYS), (end - first) / 3)
        start = max(end - timedelta(days=period.days), first + warm_up)
    # A run a day is at midnight, when the day before is whole.
    unit = "day" if period.every_hours % 24 == 0 else "hour"
    aligned = connection.execute(
        "select date_trunc(%s, greatest(%s::timestamptz, %s::timestamptz + interval '1 day'),"
        " time_zone) from public.autonomy_policy",
        (unit, start, first),
    ).fetchone()
    start = aligned[0] if aligned else start
    if start >= end:
        raise ReplayError(f"There is no history between {start:%Y-%m-%d} and {end:%Y-%m-%d}.")
    return start.astimezone(UTC), end.astimezone(UTC)


def policy_row(connection: psycopg.Connection) -> Mapping[str, Any]:
    """The policy. Raises ReplayError where there is none."""
    row = connection.execute("select to_jsonb(p) from public.autonomy_policy p").fetchone()
    if row is None:
        raise ReplayError("The policy is missing: run the migrations (python -m autonomy migrate).")
    return dict(row[0])


def _campaigns(
    connection: psycopg.Connection, start: datetime, end: datetime
) -> dict[str, PastCampaign]:
    rows = connection.execute("select * from autonomy.past_campaigns(%s, %s)", (start, end))
    return {one.id: one for one in map(past_campaign, rows)}


def _worth_look(look: Look, worth: float) -> Look:
    """The same with what its conversions are worth; which condition is met, the engine finds."""
    numbers = list(look.numbers)
    places = [(CONVERSIONS, REVENUE), (_FADED_CONVERSIONS, _FADED_REVENUE)]
    for window in range(_FIRST_WINDOW, len(numbers), len(MEASURES)):
        places.append((window + CONVERSIONS, window + REVENUE))
    for conversions, revenue in places:
        count = numbers[conversions]
        numbers[revenue] = None if count is None else count * worth
    return look._replace(met=True, numbers=numbers)


def _looks(
    connection: psycopg.Connection,
    conditions: Sequence[Mapping[str, Any]] | None,
    windows: list[str],
    between: tuple[datetime, datetime],
    every_hours: float,
    policy: Mapping[str, Any],
    campaigns: int,
    left_out: Sequence[tuple[str, str]],
) -> Iterator[Look]:
    """A slice at a time: memory stays flat however long the past is."""
    from psycopg.types.json import Jsonb

    start, end = between
    step = timedelta(hours=every_hours)
    looks = max(24, _SLICE_LOOKS // max(1, campaigns))
    span = max(1, min(looks, int(_SLICE_DAYS / step))) * step
    while start < end:
        until = min(start + span, end)
        with connection.cursor("looks") as cursor:
            cursor.itersize = 5000
            cursor.execute(
                "select * from autonomy.past_candidates("
                "%s, %s::text[], %s, %s, %s::numeric, %s, true, %s)",
                (
                    None if conditions is None else Jsonb(list(conditions)),
                    windows,
                    start,
                    until,
                    every_hours,
                    Jsonb(dict(policy)),
                    Jsonb(left_out),
                ),
            )
            for at, campaign_id, met, numbers in cursor:
                yield Look(at, str(campaign_id), met, numbers)
        start += span


def _delay(connection: psycopg.Connection, end: datetime) -> Delay:
    return fit_delay(
        connection.execute("select * from autonomy.conversion_maturity(%s)", (end,)).fetchall()
    )


def _tracking(connection: psycopg.Connection, at: datetime) -> Tracked:
    rows = connection.execute(
        "select t ->> 'account', t -> 'seen'"
        " from jsonb_array_elements(autonomy.measured_json(%s) -> 'tracking') t",
        (at,),
    ).fetchall()
    return dict(rows)


def _accounts(connection: psycopg.Connection) -> dict[str, Mapping[str, Any]]:
    rows = connection.execute(
        "select a.account, to_jsonb(a) || jsonb_build_object('curvature', k.curvature)"
        " from public.autonomy_accounts a"
        " left join autonomy.priors k on k.scope = 'account' and k.name = a.account"
    )
    return dict(rows.fetchall())


def doubts_of(rows: Iterable[tuple[Any, datetime, str]]) -> dict[str, list[Doubt]]:
    """By campaign, from rows of past_doubts."""
    found = defaultdict(list)
    for campaign, known_at, why in rows:
        found[str(campaign)].append(Doubt(known_at, why))
    return found

"""Compare and tune: settings side by side, the floor swept, and one suggestion that was tested.

The suggestion is fitted to the first part of the past and judged on the rest, which it has not
seen: a setting that merely fits what happened would not do so there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from autonomy.errors import ReplayError
from autonomy.replay.past import Period
from autonomy.replay.replay import Outcome, Progress, Replay, replay
from autonomy.replay.scenarios import NAMED, Setting
from autonomy.replay.text_report import money
from autonomy.replay.valuation import MIDDLE

FLOORS = tuple(range(0, 100, 5))
_OF_THE_POLICY = ("min_confidence", "min_pause_confidence")
FITTED_SHARE = 0.6


@dataclass(frozen=True)
class Tuning:
    """The floor swept over both parts of the past, the best of the first, and what it then did."""

    fitted: Replay
    judged: Replay
    floors: Sequence[int]
    best: int
    now: int

    @property
    def sentence(self) -> str:
        """The suggestion, with what it earned where it had not been fitted."""
        then, today = self._judged(self.best), self._judged(self.now)
        worth, today_worth = (money(one.worth.profit, one.currency) for one in (then, today))
        days = (self.judged.end - self.judged.start).days
        first = (self.fitted.end - self.fitted.start).days
        if self.best == self.now:
            return (
                f"Keep the confidence floor at {self.now}: over the first {first} days no other did"
                f" better, and over the {days} days after it was worth {worth}"
                f" with {_false(then)}."
            )
        both = " and ".join(_OF_THE_POLICY)
        better = then.worth.profit > today.worth.profit
        return (
            f"A confidence floor of {self.best} did best over the first {first} days; over the"
            f" {days} days after, which it was not fitted to, it was worth"
            f" {worth} with {_false(then)}, and the present floor of"
            f" {self.now} {today_worth} with {_false(today)}:"
            f" {f'set {both} to {self.best}' if better else 'keep the present floor'}."
        )

    def _judged(self, floor: int) -> Outcome:
        return self.judged.outcomes[self.floors.index(floor)]

    def to_dict(self) -> dict[str, Any]:
        return {
            "suggestion": self.sentence,
            "best_floor": self.best,
            "present_floor": self.now,
            "fitted": {"from": self.fitted.start.isoformat(), "to": self.fitted.end.isoformat()},
            "judged": {"from": self.judged.start.isoformat(), "to": self.judged.end.isoformat()},
            "floors": [
                {
                    "floor": floor,
                    "fitted": _brief(self.fitted.outcomes[place]),
                    "judged": _brief(self.judged.outcomes[place]),
                }
                for place, floor in enumerate(self.floors)
            ],
        }

    def text(self) -> str:
        lines = ["floor   first part: worth  pauses  false   |  after: worth  pauses  false"]
        for place, floor in enumerate(self.floors):
            one, two = self.fitted.outcomes[place], self.judged.outcomes[place]
            mark = {self.best: " <- best of the first part", self.now: " <- now"}.get(floor, "")
            lines.append(
                f"{floor:5d}   {money(one.worth.profit):>17}  {len(one.worth.pauses):6d}"
                f"  {len(one.worth.false_pauses):5d}   |  {money(two.worth.profit):>12}"
                f"  {len(two.worth.pauses):6d}  {len(two.worth.false_pauses):5d}{mark}"
            )
        return "\n".join([*lines, "", textwrap.fill(self.sentence, 100)])


def _false(one: Outcome) -> str:
    return f"{len(one.worth.false_pauses)} of {len(one.worth.pauses)} pauses false"


def _brief(one: Outcome) -> dict[str, Any]:
    worth = one.worth
    return {
        "worth": round(worth.profit, 2),
        "saved": round(worth.saved.value, 2),
        "missed": round(worth.missed.value, 2),
        "pauses": len(worth.pauses),
        "false_pauses": len(worth.false_pauses),
        "raises": worth.raises,
    }


def tune(
    database_url: str,
    setting: Setting = NAMED["now"],
    period: Period | None = None,
    *,
    floors: Sequence[int] = FLOORS,
    progress: Progress | None = None,
) -> Tuning:
    """Sweeps the confidence floor from 0 to 95 under the setting's rules. Reads only.

    A rule that states a floor of its own keeps it. Raises ReplayError where the past is shorter
    than ten days.
    """
    period = period or Period()
    whole = replay(database_url, (setting,), period, draws=0, spreads=(MIDDLE,))
    if whole.end - whole.start < timedelta(days=10):
        raise ReplayError("Tuning needs at least ten days of history.")
    now = round(whole.first.policy.min_confidence / 5) * 5
    swept = [
        replace(
            setting,
            name=f"floor {floor}",
            policy={**setting.policy, **dict.fromkeys(_OF_THE_POLICY, floor)},
        )
        for floor in floors
    ]
    split = _split(whole.start, whole.end)
    parts = []
    for number, part in enumerate(
        (
            replace(period, start=whole.start, end=split),
            replace(period, start=split, end=whole.end),
        )
    ):
        parts.append(
            replay(
                database_url, swept, part, draws=0, spreads=(MIDDLE,),
                progress=_half(progress, number),
            )
        )  # fmt: skip
    fitted, judged = parts
    # Of equals the higher floor: it does less.
    best = max(
        zip(fitted.outcomes, floors, strict=True), key=lambda pair: (pair[0].worth.profit, pair[1])
    )[1]
    return Tuning(fitted, judged, list(floors), best, min(floors, key=lambda f: abs(f - now)))


def _split(start: datetime, end: datetime) -> datetime:
    # Whole days, so that both parts look at the same time of day.
    return start + timedelta(days=int((end - start).days * FITTED_SHARE))


def _half(progress: Progress | None, number: int) -> Progress | None:
    if progress is None:
        return None
    return lambda text, share: progress(text, (number + share) / 2)

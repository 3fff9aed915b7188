"""What a campaign would have shown with another budget: the curve of its account.

At x times the reference budget (the one with which the replay first sees the campaign) a unit of
spend brings (c + 1) / (c + x) of what it brings at the reference, c being the curvature. So with f
times the budget that it really had it spends f times as much, and revenue and orders are
f (c + x) / (c + f x) times what they were. The runs of a replay see these figures, so a raise that
does not pay is noticed, as it would have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from autonomy.engine.candidate import CONVERSIONS, MEASURES, REVENUE, SPEND, Candidate
from autonomy.replay.past import Look

# Which measures grow with the budget itself, and which along the curve: in the order of MEASURES.
_BY_RESPONSE = (False, False, False, True, False, True)
_LONGEST_DAYS = 60
_LN2 = 0.6931471805599453


class Faded(NamedTuple):
    """What other budgets added to the evidence, faded by age as the evidence is."""

    spend: float = 0.0
    conversions: float = 0.0
    revenue: float = 0.0
    effective_spend: float = 0.0  # beyond spend as it really was, each unit counting as one


class Pace(NamedTuple):
    """Its figures over what they really were, as long as this budget lasts."""

    spend: float = 1.0
    response: float = 1.0  # of revenue and orders


class Counterfactual:
    """The difference that other budgets would have made to one campaign, kept up look by look."""

    __slots__ = (
        "_believed", "_day", "_faded", "_life", "_seen", "_seen_at", "_true", "factor", "response",
        "size",
    )  # fmt: skip

    def __init__(self, look: Look, curvature: float, believed: float | None = None) -> None:
        self._true = curvature
        self._believed = curvature if believed is None else believed  # by the runs
        self.factor = 1.0
        self.size = 1.0  # the budget that it really had over the reference budget
        self.response = 1.0
        self._life = [0.0] * len(MEASURES)
        self._faded = Faded()
        self._day: dict[int, list[float]] = {}
        self._seen = tuple(value or 0.0 for value in look.lifetime)
        self._seen_at = look.at

    @property
    def spend(self) -> float:
        """Money spent beyond what was."""
        return self._life[SPEND]

    @property
    def revenue(self) -> float:
        """Revenue beyond what was."""
        return self._life[REVENUE]

    @property
    def pace(self) -> Pace:
        return Pace(self.factor, self.response)

    def set_factor(self, factor: float, size: float = 1.0) -> None:
        """`factor` times the budget that it really had, which is `size` times the reference."""
        self.factor, self.size = factor, size
        self.response = factor * (self._true + size) / (self._true + factor * size)

    def _weight(self, size: float) -> float:
        """What a unit spent at this size counts in the evidence, as the runs believe."""
        return (self._believed + 1.0) / (self._believed + size)

    def follow(self, look: Look, half_life_days: float) -> None:
        """Adds what happened since the last look."""
        now = tuple(value or 0.0 for value in look.lifetime)
        if half_life_days > 0.0:
            days = (look.at - self._seen_at).total_seconds() / 86400.0
            fade = 2.0 ** (-days / half_life_days)
            self._faded = Faded(*(value * fade for value in self._faded))
        if self.factor != 1.0 and now != self._seen:
            grown, answered = self.factor - 1.0, self.response - 1.0
            added = [
                (value - before) * (answered if responds else grown)
                for value, before, responds in zip(now, self._seen, _BY_RESPONSE, strict=True)
            ]
            self._life = [old + new for old, new in zip(self._life, added, strict=True)]
            really = now[SPEND] - self._seen[SPEND]
            counted = self.factor * self._weight(self.factor * self.size) - 1.0
            self._faded = Faded(
                self._faded.spend + added[SPEND],
                self._faded.conversions + added[CONVERSIONS],
                self._faded.revenue + added[REVENUE],
                self._faded.effective_spend + really * counted,
            )
            self._add_day(_day_of(look), added)
        self._seen, self._seen_at = now, look.at

    def _add_day(self, day: int, added: Sequence[float]) -> None:
        own = self._day.get(day)
        self._day[day] = (
            list(added) if own is None else [a + b for a, b in zip(own, added, strict=True)]
        )
        for old in [number for number in self._day if number <= day - _LONGEST_DAYS]:
            del self._day[old]

    def show(self, one: Candidate, look: Look) -> None:
        """Changes the candidate's figures to those of the other budgets."""
        if not self._day and not any(self._life):
            return
        one.lifetime = _added(one.lifetime, self._life)
        evidence = one.evidence
        one.evidence = evidence._replace(
            effective_spend=max(0.0, evidence.spend + self._faded.effective_spend),
            spend=max(0.0, evidence.spend + self._faded.spend),
            conversions=max(0.0, evidence.conversions + self._faded.conversions),
            revenue=max(0.0, evidence.revenue + self._faded.revenue),
        )
        if one.windows is not None:
            last = _day_of(look)
            one.windows = {
                name: _added(window, self._window(name, last))
                for name, window in one.windows.items()
            }

    def _window(self, name: str, last: int) -> list[float]:
        length = int("".join(filter(str.isdigit, name)))
        if name.startswith("prior"):
            last -= length
        total = [0.0] * len(MEASURES)
        for day, added in self._day.items():
            if last - length < day <= last:
                total = [a + b for a, b in zip(total, added, strict=True)]
        return total


def _added(measures: tuple[float, ...], more: Sequence[float]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(measures, more, strict=True))


def _day_of(look: Look) -> int:
    """The number of the last day of data."""
    age_hours = look.figures.data_age_hours or 0.0
    return int((_seconds(look.at) - age_hours * 3600.0) // 86400.0) - 1


def _seconds(at: datetime) -> float:
    return at.timestamp()

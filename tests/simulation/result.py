"""What the markets gave: means over seeds with their 95 % intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.world import Score


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and its 95 % interval (Student's t)."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        mean = statistics.fmean(values)
        if len(values) < 2:
            return cls(mean, mean, mean)
        half = _t975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
        return cls(mean, mean - half, mean + half)


def with_error(values: Sequence[float]) -> str:
    """A mean with its standard error, for a table: 72 ±1.2; of one value that alone."""
    mean = f"{statistics.fmean(values):.0f}"
    if max(values) - min(values) < 1e-9:
        return mean
    return f"{mean} ±{statistics.stdev(values) / math.sqrt(len(values)):.1f}"


def _t975(degrees: int) -> float:
    """97.5 % point of Student's t (Cornish-Fisher; within 1 % from 3 degrees on)."""
    exact = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}
    z = 1.959964
    return exact.get(degrees, z + (z**3 + z) / (4 * degrees) + 0.05 / degrees)


@dataclass(frozen=True)
class Result:
    """One policy over all seeds: money in thousands, shares in percent."""

    name: str
    scores: Sequence[Score]

    @property
    def profit(self) -> Interval:
        return Interval.of([score.profit / 1000 for score in self.scores])

    def shares(self, nothing: Result, oracle: Result) -> list[float]:
        """Percent of what the oracle earns beyond no automation, market by market.

        Of expected profits: the luck of single orders would only widen the error.
        """
        trios = zip(self.scores, nothing.scores, oracle.scores, strict=True)
        return [
            100 * (mine.expected_profit - none.expected_profit)
            / (best.expected_profit - none.expected_profit)
            for mine, none, best in trios
        ]  # fmt: skip

    @property
    def spend(self) -> Interval:
        return Interval.of([score.spend / 1000 for score in self.scores])

    @property
    def spend_on_losers(self) -> Interval:
        return Interval.of([score.spend_on_losers / 1000 for score in self.scores])

    @property
    def pauses(self) -> Interval:
        return Interval.of([float(score.pauses) for score in self.scores])

    @property
    def false_share(self) -> Interval | None:
        shares = [100 * score.false_share for score in self.scores if score.pauses]
        return Interval.of(shares) if shares else None

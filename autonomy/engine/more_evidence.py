"""How much more evidence a decision lacks, and how likely it is to be right, in words.

The evidence still missing is found by asking the confidence again with more of the same: spend,
conversions and revenue continuing at the rate they had, whole conversions at a time.
"""

from __future__ import annotations

from typing import NamedTuple

from autonomy.engine.case import Case, Odds
from autonomy.engine.confidence import Evidence, round_half_up
from autonomy.text import chance_beside, floor_beside

FAR = 1000.0  # times the evidence there is: beyond that, waiting does not settle it


class More(NamedTuple):
    """More of the same: what has to come on top. Money, counts, days."""

    spend: float
    conversions: float
    days: float


def more_evidence(case: Case) -> More | None:
    """The least more evidence at the same rate that lifts the confidence to the floor."""
    evidence, floor_ = case.odds.evidence, case.floor
    if not (evidence.spend > 0.0 and floor_ < 100.0):
        return None
    if _confidence_with(case, FAR) < floor_:
        return None
    low, high = 1.0, FAR
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (low, middle) if _confidence_with(case, middle) >= floor_ else (middle, high)
    times = high - 1.0
    days = evidence.days if evidence.days >= 1.0 else 1.0
    conversions = evidence.conversions if evidence.conversions > 0.0 else 0.0
    return More(evidence.spend * times, conversions * times, days * times)


def _confidence_with(case: Case, times: float) -> float:
    """The confidence if the evidence were `times` as much at the same rate."""
    was = case.odds.evidence
    days = was.days if was.days >= 1.0 else 1.0
    more = Evidence(
        was.spend * times, was.conversions * times, was.revenue * times, was.cv2,
        days * times, was.matured_share, was.has_history,
        None if was.effective_spend is None else was.effective_spend * times,
    )  # fmt: skip
    odds = Odds(more, case.odds.prior, case.odds.believed, case.odds.curve)
    chance = 100.0 * odds.below(case.roi_threshold)
    return round_half_up(100.0 - chance if case.direction == "up" else chance)


def odds(case: Case) -> str:
    """How likely a held action is to be right, and how likely it would have to be."""
    return plain_odds(case.confidence, case.floor)


def plain_odds(confidence: float, least: float) -> str:
    """49.6 % likely to be right, 50 % are needed"""
    said = chance_beside(confidence, least)
    return f"{said} % likely to be right, {floor_beside(said, least)} % are needed"

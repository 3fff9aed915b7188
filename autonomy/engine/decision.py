"""A decision: what the engine concludes about one candidate, with the reason and the numbers.

It keeps the case it was made from; sentence, evidence and expected impact are worked out
when asked for, so that a run over 100,000 candidates does not pay for texts that nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autonomy.engine.expected_impact import evidence_of, impact_of
from autonomy.engine.outcome import Outcome
from autonomy.engine.reasons import params_of, sentence_of


class Decision(Outcome):
    """One candidate's decision, with all that is said of it."""

    __slots__ = ()

    @property
    def params(self) -> dict[str, Any]:
        """The rounded numbers of the sentence; keys in `reasons.PARAMS`."""
        return params_of(self)

    @property
    def reason(self) -> str:
        """The sentence that a person reads."""
        return sentence_of(self)

    @property
    def evidence(self) -> dict[str, Any]:
        """All that went into the confidence, so that anyone can recompute it."""
        return evidence_of(self)

    @property
    def expected_impact(self) -> dict[str, Any]:
        """Money over the next seven days; {} where nothing changes."""
        return impact_of(self)

    def key(self) -> dict[str, Any]:
        """What both engines agree on to the last digit."""
        return {
            "campaign_id": self.campaign_id,
            "verdict": self.verdict,
            "code": self.code,
            "action_type": self.action_type,
            "rule_id": self.rule_id,
            "previous": self.previous.to_dict(),
            "new": self.new.to_dict(),
            "confidence": self.confidence,
            "limits": list(self.limits),
            "break_even": self.roi_threshold,
            "matched": self.matched,
            "params": self.params,
        }

    def for_apply(self) -> dict[str, Any]:
        """What apply reads, and no more: a batch of it travels as JSON."""
        return {
            "campaign_id": self.campaign_id,
            "rule_id": self.rule_id,
            "verdict": self.verdict,
            "code": self.code,
            "action_type": self.action_type,
            "confidence": self.confidence,
            "previous": self.previous.to_dict(),
            "new": self.new.to_dict(),
            "reason": self.reason,
            "evidence": self.evidence,
            "expected_impact": self.expected_impact,
        }

    def for_comparison(self) -> dict[str, Any]:
        """What is written down of a decision that is held out."""
        return {
            "campaign_id": self.campaign_id,
            "direction": self.case.direction,
            "rule_id": self.rule_id,
            "confidence": self.confidence,
        }

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of reports."""
        return self.key() | {
            "title": self.title,
            "rule_name": self.rule_name,
            "reason": self.reason,
            "evidence": self.evidence,
            "expected_impact": self.expected_impact,
        }

    def __repr__(self) -> str:
        return f"<Decision {self.campaign_id} {self.verdict} {self.code} {self.confidence}>"


class Decisions:
    """The decisions of one run, ordered by campaign_id, and what else the summary says."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.observed: dict[str, Decision] = {}
        """What would be decided in accounts that are only observed, by campaign."""
        self.breakers: list[dict[str, Any]] = []
        self.rules_skipped: list[dict[str, str]] = []
        self.candidates_skipped: list[dict[str, str]] = []
        self.campaigns_seen = 0

    def __len__(self) -> int:
        return len(self.decisions)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.decisions)

    def __getitem__(self, at: int) -> Decision:
        return self.decisions[at]

    @property
    def to_apply(self) -> list[Decision]:
        """What is sent to the database: acts and proposals."""
        return [one for one in self.decisions if one.verdict != "hold"]

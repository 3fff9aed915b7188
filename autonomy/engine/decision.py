"""A decision: what the engine concludes about one candidate, with the reason and the numbers.

It holds on to the case it was made from; sentence, evidence and expected impact are worked out
when asked for, so that a run over 100,000 candidates does not pay for texts that nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from autonomy.engine.case import Case
from autonomy.engine.expected_impact import evidence_of, impact_of
from autonomy.engine.reasons import params_of, sentence_of

Verdict = Literal["act", "propose", "hold"]


class State(NamedTuple):
    """What an action changes: status as it is spelt, budget as exact money."""

    status: str | None
    budget: Decimal | None

    def to_dict(self) -> dict[str, Any]:
        """JSON; a budget of 14 digits survives as a float to the cent."""
        return {
            "status": self.status,
            "budget": None if self.budget is None else float(self.budget),
        }


class Decision:
    """One candidate's decision. `code`: the action's type, APPROVAL, a breaker's or a hold's."""

    __slots__ = ("case", "code", "dry_run", "limits", "new", "others", "place", "verdict")

    def __init__(
        self,
        case: Case,
        verdict: Verdict,
        code: str,
        new: State | None,
        limits: tuple[str, ...],
        others: tuple[tuple[str, str], ...],
        place: int,
    ) -> None:
        self.case = case
        self.verdict: Verdict = verdict
        self.code = code
        self.new = self.previous if new is None else new
        self.limits = limits
        self.others = others  # the other rules that matched, without the one that decided
        self.place = place  # where the deciding rule stands among them
        self.dry_run = False

    def hold(self, code: str) -> None:
        """A portfolio guardrail stops it: nothing changes."""
        self.verdict, self.code, self.new = "hold", code, self.previous

    def propose(self, code: str) -> None:
        """A person decides: it is written as pending."""
        self.verdict, self.code = "propose", code

    @property
    def campaign_id(self) -> str:
        return self.case.candidate.campaign_id

    @property
    def title(self) -> str | None:
        return self.case.candidate.title

    @property
    def action_type(self) -> str:
        return self.case.plan.action_type

    @property
    def rule_id(self) -> str | None:
        return self.case.plan.rule_id

    @property
    def rule_name(self) -> str:
        return self.case.plan.name

    @property
    def confidence(self) -> float:
        """Percent, cut to two digits: the probability that the action is right."""
        return self.case.confidence

    @property
    def break_even(self) -> float:
        """The roi that it was judged by: a pause's target, the bar of a change of budget."""
        return self.case.break_even

    @property
    def previous(self) -> State:
        return State(self.case.candidate.status, self.case.candidate.budget)

    @property
    def is_pause(self) -> bool:
        return self.action_type == "auto_pause"

    @property
    def raise_of(self) -> Decimal:
        """Daily money that it adds; 0 for whatever adds none, and for a resume."""
        old, new = self.previous.budget, self.new.budget
        if old is None or new is None or self.action_type == "auto_resume":
            return Decimal(0)
        return max(new - old, Decimal(0))

    @property
    def matched(self) -> list[dict[str, str]]:
        """Every rule that matched, in order, with what became of it."""
        found = [{"rule_name": name, "code": code} for name, code in self.others]
        found.insert(self.place, {"rule_name": self.rule_name, "code": self.code})
        return found

    @property
    def params(self) -> dict[str, Any]:
        """The rounded numbers of the sentence; keys in `sentences.PARAMS`."""
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
            "break_even": self.break_even,
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

"""What the engine concludes about one candidate, bare: verdict, code, state before and after.

`Decision` extends it with words, evidence and expected impact, which read this and no more.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, NamedTuple

from autonomy.engine.case import Case

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


class Outcome:
    """One candidate's outcome. `code`: the action's type, APPROVAL, a breaker's or a hold's."""

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
        """A portfolio guardrail blocks it, so it is held: nothing changes."""
        self.verdict, self.code, self.new = "hold", code, self.previous

    def propose(self, code: str) -> None:
        """A person decides: it is written as pending."""
        self.verdict, self.code = "propose", code

    @property
    def campaign_id(self) -> str:
        """Whom it is about."""
        return self.case.candidate.campaign_id

    @property
    def title(self) -> str | None:
        """The name that people know it by."""
        return self.case.candidate.title

    @property
    def action_type(self) -> str:
        """What would be done: auto_pause, auto_scale_up ..."""
        return self.case.action_type

    @property
    def rule_id(self) -> str | None:
        """The rule that decided, or whose pause is taken back."""
        return self.case.plan.rule_id

    @property
    def rule_name(self) -> str:
        """Its name, as sentences say it."""
        return self.case.plan.name

    @property
    def confidence(self) -> float:
        """Percent, to two digits: the probability that the action is right."""
        return self.case.confidence

    @property
    def roi_threshold(self) -> float:
        """The roi that it was judged by; `break_even` in what is written and shown."""
        return self.case.roi_threshold

    @property
    def previous(self) -> State:
        """Status and budget as they are."""
        return State(self.case.candidate.status, self.case.candidate.budget)

    @property
    def is_pause(self) -> bool:
        """Whether it would pause, whatever becomes of it."""
        return self.action_type == "auto_pause"

    @property
    def raise_of(self) -> Decimal:
        """Daily money that it adds; 0 for whatever adds none, and for a resume."""
        old, new = self.previous.budget, self.new.budget
        if old is None or new is None or self.action_type == "auto_resume":
            return Decimal(0)
        return max(new - old, Decimal(0))

    @property
    def adds(self) -> bool:
        """Whether more is spent by it a day."""
        return self.action_type == "auto_resume" or self.raise_of > 0

    @property
    def cut_of(self) -> Decimal:
        """Daily money that it takes away; 0 for whatever takes none."""
        old, new = self.previous.budget, self.new.budget
        if old is None or new is None or self.action_type == "auto_resume":
            return Decimal(0)
        return max(old - new, Decimal(0))

    @property
    def change(self) -> Decimal:
        """What it changes of the budgets of its account's active campaigns, a day."""
        if self.is_pause:
            return -max(self.previous.budget or Decimal(0), Decimal(0))
        if self.action_type == "auto_resume":
            return max(self.new.budget or Decimal(0), Decimal(0))
        return self.raise_of - self.cut_of

    @property
    def needs_approval(self) -> bool:
        """Whether a person has to agree: by the mode of its account, or because its rule says."""
        return self.case.policy.mode == "approve" or self.case.plan.requires_approval

    @property
    def matched(self) -> list[dict[str, str]]:
        """Every rule that matched, in order, with what became of it."""
        found = [{"rule_name": name, "code": code} for name, code in self.others]
        found.insert(self.place, {"rule_name": self.rule_name, "code": self.code})
        return found

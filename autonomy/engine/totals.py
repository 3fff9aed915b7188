"""The totals of accounts: what their active campaigns together may have as budgets.

Raises and resumes fit under the ceiling, the most certain first; where budgets are above it already
they are shrunk in proportion, whatever their campaigns do; and money has a price: the next unit of
budget must return what it would return elsewhere. The same in SQL (sql/0502_prices.sql,
sql/0518_within_totals.sql), which has also the ceilings themselves (sql/0495_totals.sql).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from math import isfinite, sqrt
from typing import Any, NamedTuple

from autonomy.engine.curve import DEAD_BAND, is_amount, least_kept
from autonomy.engine.decision import Decision
from autonomy.engine.guardrails import digits_of
from autonomy.engine.outcome import State
from autonomy.engine.plan import Plan
from autonomy.engine.sizing import LEAST, WIDE, cut_down, floor_of, times
from autonomy.errors import PolicyError

MOST_PRICE = 1e6


class Total(NamedTuple):
    """An account's total as a run has it.

    `ceiling`: what the daily budgets of its active campaigns may be together, `code`: by its daily
    total (TOTAL_CAP) or what is left of its month (PACING); `active_budget`: what they are;
    `shrink_to`: what they are shrunk to, None where they are not; `price`: the multiple of
    break-even that the next unit of budget has to return; `shared`: of `active_budget` what several
    campaigns share on their platform, which stays as it is.
    """

    ceiling: Decimal
    code: str
    active_budget: Decimal
    shrink_to: Decimal | None = None
    shrink_code: str = "TOTAL_CAP"
    price: float = 1.0
    shared: Decimal = Decimal(0)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Total:
        """From `autonomy_account_totals`. Raises PolicyError: a total that is none is no limit."""
        ceiling, active = _amount(row, "ceiling"), _amount(row, "active_budget")
        shrink_to = None if row.get("shrink_to") is None else _amount(row, "shrink_to")
        price = float(row.get("price") or 1.0)
        if not isfinite(price):
            raise PolicyError("total.price: is not a finite number")
        code = str(row.get("code") or "TOTAL_CAP")
        shared = _amount(row, "shared") if "shared" in row else Decimal(0)
        shrink_code = str(row.get("shrink_code") or code)
        return cls(ceiling, code, active, shrink_to, shrink_code, price, shared)


def _amount(row: Mapping[str, Any], name: str) -> Decimal:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PolicyError(f"total.{name}: {value!r} is not an amount of money")
    amount = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not (amount.is_finite() and amount >= 0):
        raise PolicyError(f"total.{name}: {value!r} is not an amount of money")
    return amount


def hold_within(decisions: Iterable[Decision], totals: Mapping[str, Total]) -> None:
    """Shrinks the raises of accounts with a total to the room there is, the most certain first;
    holds those, and resumes, for which there is none. Cuts and pauses that will be made make room.
    """
    found: dict[str, list[Decision]] = {}
    for decision in decisions:
        account = decision.case.candidate.account or ""
        if decision.verdict == "act" and account in totals:
            found.setdefault(account, []).append(decision)
    for account, own in found.items():
        total = totals[account]
        room = total.ceiling - total.active_budget + sum(map(_freed, own), Decimal(0))
        room = max(room, Decimal(0))
        for one in sorted(own, key=lambda one: (-one.confidence, one.campaign_id)):
            room -= _fitted(one, total, room)


def _freed(one: Decision) -> Decimal:
    """What it takes from the account's budgets, if nobody has to agree first."""
    if one.needs_approval:
        return Decimal(0)
    return max(one.previous.budget or Decimal(0), Decimal(0)) if one.is_pause else one.cut_of


def _fitted(one: Decision, total: Total, room: Decimal) -> Decimal:
    """Fits it into the room that is left; how much of that it takes."""
    resumed = one.action_type == "auto_resume"
    wanted = max(one.new.budget or Decimal(0), Decimal(0)) if resumed else one.raise_of
    if wanted <= room:
        return wanted
    one.case.total = total
    old, plan = one.previous.budget or Decimal(0), one.case.plan
    least = DEAD_BAND if isinstance(plan, Plan) and plan.kind == "curve" else LEAST
    new = cut_down(old + room, digits_of(one.case))
    if resumed or new <= old or new - old < times(old, least):
        one.hold(total.code)
        return Decimal(0)
    one.new = State(one.new.status, new)
    one.limits += (total.code,)
    return new - old


class Share(NamedTuple):
    """An exact part: `left` of `of`."""

    left: Decimal
    of: Decimal


class Budget(NamedTuple):
    """An active campaign of an account that is above its ceiling.

    `floor`: what it keeps at least; `own`: what its own decision of this run leaves of it, None
    where that takes nothing; `kept`: it is left alone.
    """

    campaign_id: str
    budget: Decimal
    floor: Decimal
    own: Decimal | None = None
    kept: bool = False
    digits: int = 2

    @property
    def least(self) -> Decimal:
        """What it keeps: its floor, or what it is."""
        return min(self.floor, self.budget)

    def times(self, share: Share) -> Decimal:
        """That share of it in whole units, but not under its floor."""
        units = Decimal(10) ** self.digits
        cut = WIDE.divide_int(times(times(self.budget, share.left), units), share.of)
        return max(self.least, cut.scaleb(-self.digits))


def shrunk(left: Decimal, budgets: Sequence[Budget]) -> dict[str, Decimal]:
    """What is left of each budget that is to be lowered, so that all together come to `left`.

    In proportion, none under its floor. A deeper cut of its own, and what is left alone, stays.
    """
    free = [one for one in budgets if not one.kept and one.own != 0]
    left -= sum((one.budget if one.own is None else one.own for one in budgets
                 if one.kept or one.own == 0), Decimal(0))  # fmt: skip
    share = share_left(left, free)
    deeper = [one for one in free if one.own is not None and one.own <= one.times(share)]
    if deeper:
        left -= sum((one.own for one in deeper if one.own is not None), Decimal(0))
        settled = {one.campaign_id for one in deeper}
        free = [one for one in free if one.campaign_id not in settled]
        share = share_left(left, free)
    lowered = {one.campaign_id: one.times(share) for one in free}
    return {
        one.campaign_id: lowered[one.campaign_id]
        for one in free
        if lowered[one.campaign_id] < (one.budget if one.own is None else one.own)
    }


def share_left(left: Decimal, free: Sequence[Budget]) -> Share:
    """The part of each budget that leaves `left` of all of them, those that would fall under
    their floor counted at that."""
    order = sorted(free, key=lambda one: (-_at_floor(one), one.campaign_id))
    rest, floors = sum((one.budget for one in order), Decimal(0)), Decimal(0)
    for one in order:
        over = max(left - floors, Decimal(0))
        if rest > 0 and times(one.budget, over) >= times(one.least, rest):
            return Share(min(over, rest), rest)
        rest -= one.budget
        floors += one.least
    return Share(Decimal(0), Decimal(1))


def _at_floor(one: Budget) -> int:
    """Which part of it its floor is, in billionths: those that fall under it first come first."""
    return int(WIDE.divide_int(times(one.least, Decimal(10**9)), one.budget)) if one.budget else 0


def floor_kept(least: Decimal, reference: Decimal | None, digits: int) -> Decimal:
    """The floor of a budget that is shrunk, in whole units."""
    known = reference is not None and is_amount(reference)
    return floor_of(least_kept(least, reference) if known and reference else least, digits)


class Worth(NamedTuple):
    """A campaign that may move: what its first unit of budget returns over its break-even, the
    budget at which its average return is half of that, and its floor."""

    first: float
    half: float
    floor: float


def price_of_money(left: float, campaigns: Iterable[Worth]) -> float:
    """The multiple of break-even at which their targets come to `left`; never under 1."""
    each = sorted(
        ((sqrt(one.first) / (1.0 + one.floor / one.half), sqrt(one.first), one.half, one.floor)
         for one in campaigns
         if 1e-9 <= one.first <= 1e9 and 1e-9 <= one.half <= 1e18 and 0.0 <= one.floor <= 1e18),
        key=lambda row: -row[0],
    )  # fmt: skip
    if not each:
        return 1.0
    roots = accumulate(half * root for _, root, half, _ in each)
    halves = accumulate(half for _, _, half, _ in each)
    above = accumulate(floor for *_, floor in each)
    floors = sum(floor for *_, floor in each)
    found = each[0][0]
    for (place, *_), total, half, own in zip(each, roots, halves, above, strict=True):
        room = left - (floors - own) + half
        if room > 0.0 and place >= total / room:
            found = total / room
    return max(1.0, min(MOST_PRICE, found**2))

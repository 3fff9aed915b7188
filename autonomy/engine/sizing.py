"""How large a budget becomes: exact decimal money, in whole units of its currency, never by float.

`digits` is how many decimals the currency's smallest unit has. Wanted amounts are rounded half up;
caps are cut down and floors rounded up, so that rounding never steps over a limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

LEAST = Decimal("0.01")  # of the budget: a smaller change is none
WIDE = Context(prec=60)  # the default 28 digits would round a large budget times a long factor


class Sized(NamedTuple):
    """A new budget and the limits that shaped it, in order; `code` where it is held instead."""

    budget: Decimal
    limits: tuple[str, ...]
    code: str | None


def unit(digits: int) -> Decimal:
    """The smallest unit of a currency: 0.01, of a yen 1."""
    return Decimal(1).scaleb(-digits)


def half_up(amount: Decimal, digits: int) -> Decimal:
    """To the smallest unit, half up: what SQL's round(numeric, digits) does."""
    return amount.quantize(unit(digits), ROUND_HALF_UP, WIDE)


def cut_down(amount: Decimal, digits: int) -> Decimal:
    """To the smallest unit, towards zero: what SQL's trunc(numeric, digits) does."""
    return amount.quantize(unit(digits), ROUND_DOWN, WIDE)


def floor_of(amount: Decimal, digits: int) -> Decimal:
    """To the smallest unit, upwards, and never nothing: a floor that is not undercut."""
    return max(amount.quantize(unit(digits), ROUND_CEILING, WIDE), unit(digits))


def times(budget: Decimal, factor: Decimal) -> Decimal:
    """The exact product."""
    return WIDE.multiply(budget, factor)


def raised(
    budget: Decimal,
    wanted: Decimal,
    caps: Iterable[tuple[str, Decimal]],
    least: Decimal = LEAST,
    minimum: Decimal | None = None,
) -> Sized:
    """`wanted`, shrunk by each cap below it; held where next to nothing is left of the raise, or
    less than the platform's `minimum`."""
    limits: tuple[str, ...] = ()
    for code, cap in caps:
        if cap < wanted:
            wanted = cap
            limits += (code,)
    if minimum is not None and wanted < minimum:
        wanted = budget
        limits += ("BELOW_MINIMUM",)
    if wanted <= budget or wanted - budget < times(budget, least):
        return Sized(budget, limits, limits[-1] if limits else "NO_CHANGE")
    return Sized(wanted, limits, None)


def lowered(
    budget: Decimal,
    wanted: Decimal,
    floor: Decimal,
    least: Decimal = LEAST,
    minimum: Decimal | None = None,
) -> Sized:
    """`wanted`, lifted to the floor, and to the platform's `minimum`; held where next to nothing is
    left of the cut."""
    limits: tuple[str, ...] = ()
    if wanted < floor:
        wanted, limits = floor, ("BUDGET_CAP",)
    if minimum is not None and wanted < minimum:
        wanted = minimum
        limits += ("BELOW_MINIMUM",)
    if wanted >= budget or budget - wanted < times(budget, least):
        return Sized(budget, limits, limits[-1] if limits else "NO_CHANGE")
    return Sized(wanted, limits, None)

"""Numbers, money, counts and chances as people read them: pages, terminal, reports, sentences.

A probability is said in whole percent, half up, and never as certain: the evidence never makes
anything sure, so what is shown ends at 99 and begins at 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from math import floor, isfinite

NOTHING = "–"
DIGITS = 2  # as many as a confidence has
LONGEST_ACCOUNT = 200
"""Characters of an account's name: as the database has it (sql/0135)."""
WIDE = Context(prec=400)  # whatever a float may hold


CURRENCY_DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
         "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
"""Decimals of the smallest unit (ISO 4217), where they are not two. As autonomy.currency_digits."""


def currency_digits(currency: str | None) -> int:
    """JPY -> 0, KWD -> 3; 2 for all others, and where the currency is not known."""
    return CURRENCY_DIGITS.get(currency or "", 2)


def whole_chance(percent: float) -> int:
    """97.3 -> 97; from 1 to 99."""
    return min(99, max(1, floor(percent + 0.5)))


def chance(percent: float, digits: int = 0) -> str:
    """97.3 -> 97, and with more digits as near to 0 and 100 as those allow: 99.96 -> 99.9."""
    step = Decimal(1).scaleb(-digits)
    return str(min(100 - step, max(step, _rounded(percent, digits))))


def chance_beside(percent: float, *bounds: float) -> str:
    """The chance with the fewest digits that leave it on its side of each bound.

    49.6 beside 50 would else be said as the 50 that it misses.
    """
    for digits in range(DIGITS):
        said = chance(percent, digits)
        if all(_side(float(said), bound) == _side(percent, bound) for bound in bounds):
            return said
    return str(_rounded(percent, DIGITS))


def floor_beside(said: str, bound: float) -> str:
    """A bound that was missed: 50, or `more than 50` where what is said of both is the same."""
    short = f"{bound:g}"
    return f"more than {short}" if float(said) >= float(short) else short


def _rounded(percent: float, digits: int) -> Decimal:
    within = min(100.0, max(0.0, percent))  # rows that others wrote may hold anything
    return Decimal(repr(within)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _side(percent: float, bound: float) -> int:
    return (percent > bound) - (percent < bound)


def money(value: object, cents: bool = True, currency: str | None = None) -> str:
    """12345.6 -> 12,345.60, with its code once the currency is known: 12,345.60 EUR, 12,346 JPY.

    Half up, as autonomy.amount_words does.
    """
    number = number_or_none(value)
    if number is None:
        return NOTHING
    step = Decimal(1).scaleb(-currency_digits(currency) if cents else 0)
    exact = value if isinstance(value, Decimal) else Decimal(repr(number))
    text = f"{abs(exact).quantize(step, ROUND_HALF_UP, WIDE):,f}"
    text = f"\u2212{text}" if number < 0 and text.strip("0.,") else text
    return f"{text} {currency}" if currency else text


def typed_amount(value: object, currency: str | None) -> str:
    """As a person types it: 1500 -> 1500.00, of yen 1500; what is finer stays as it is."""
    number = number_or_none(value)
    if number is None:
        return "" if value is None else str(value)
    exact = Decimal(str(value))
    digits = max(currency_digits(currency), -int(exact.normalize().as_tuple().exponent))
    return f"{exact:.{digits}f}"


def count(value: object) -> str:
    """1234567 -> 1,234,567"""
    number = number_or_none(value)
    return NOTHING if number is None else f"{number:,.0f}"


def decimal(value: object, places: int = 2) -> str:
    """A plain number with at most so many places: 1.50 -> 1.5"""
    number = number_or_none(value)
    if number is None:
        return NOTHING
    return f"{number:,.{places}f}".rstrip("0").rstrip(".") if places else f"{number:,.0f}"


def number_or_none(value: object) -> float | None:
    """A finite number from whatever holds one; None else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if isfinite(number) else None


def listed(names: Sequence[str], most: int = 10) -> str:
    """a, b, c; of many the first, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: float, what: str) -> str:
    """1 day, 2 days, 1,234.56 conversions."""
    return f"{decimal(number)} {what}" if number == 1 else f"{decimal(number)} {what}s"

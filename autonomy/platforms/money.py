"""Money as each platform writes it, and back. A currency whose unit is not known is refused: a
wrong guess is a hundredfold budget."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

from autonomy.platforms.base import PlatformError
from autonomy.text import currency_digits

MOST = Decimal(10) ** 12
"""No amount of money is as large, in whatever currency."""
MICROS = 1_000_000

META_WHOLE = frozenset((
    "CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND",
))  # fmt: skip
"""Meta's currencies without cents: its minor unit is the whole one, whatever ISO 4217 says."""
META_CENTS = frozenset((
    "AED", "ARS", "AUD", "BDT", "BGN", "BHD", "BOB", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK",
    "DZD", "EGP", "EUR", "GBP", "GTQ", "HKD", "HNL", "HRK", "ILS", "INR", "JOD", "KES", "LKR",
    "MOP", "MXN", "MYR", "NGN", "NIO", "NOK", "NZD", "PEN", "PHP", "PKR", "PLN", "QAR", "RON",
    "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "UAH", "USD", "UYU", "ZAR",
))  # fmt: skip
"""The others that Meta bills in: a hundred minor units each, also where ISO has a thousand."""


def meta_digits(currency: str) -> int:
    """Decimals of the smallest amount that Meta can be told: 0 or 2."""
    if currency in META_WHOLE:
        return 0
    if currency in META_CENTS:
        return 2
    raise PlatformError(
        f"How Meta writes amounts of {_shown(currency)} is not known: a guess could be a hundred "
        "times too much, so nothing is read or written."
    )


def google_digits(currency: str) -> int:
    """Decimals of the smallest amount that Google takes: of micros, those of the currency."""
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise PlatformError(f"{_shown(currency)} is no currency.")
    return min(currency_digits(currency), 6)


def from_meta_minor(minor: int, currency: str) -> Decimal:
    """5000 -> 50.00 USD, 5000 JPY."""
    return _checked(Decimal(minor).scaleb(-meta_digits(currency)))


def to_meta_minor(amount: Decimal, currency: str) -> int:
    """50.00 USD -> 5000, 5000 JPY -> 5000; halves of the smallest unit go up."""
    digits = meta_digits(currency)
    return int(rounded(amount, digits).scaleb(digits))


def from_micros(micros: int) -> Decimal:
    """12500000 -> 12.5. Exact: what it was rounded to is Google's business."""
    amount = _checked(Decimal(micros).scaleb(-6))
    whole = amount.to_integral_value()
    return whole.quantize(Decimal(1)) if amount == whole else amount.normalize()


def to_micros(amount: Decimal, currency: str) -> int:
    """12.50 EUR -> 12500000, a multiple of the currency's smallest unit."""
    return int(rounded(amount, google_digits(currency)).scaleb(6))


def rounded(amount: Decimal, digits: int) -> Decimal:
    """To so many decimals, half up. Only amounts that can be money."""
    with localcontext(prec=40):
        return _checked(amount).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _checked(amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount < 0 or amount >= MOST:
        raise PlatformError("An amount of money is negative, too large or no number.")
    return amount


def _shown(currency: str) -> str:
    return currency if re.fullmatch(r"[A-Z]{3}", currency) else "an unknown currency"

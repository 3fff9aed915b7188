"""Money as platforms write it: a wrong unit is a hundredfold budget."""

from __future__ import annotations

from decimal import Decimal

import pytest

from autonomy.platforms.base import PlatformError
from autonomy.platforms.money import (
    META_CENTS,
    META_WHOLE,
    from_meta_minor,
    from_micros,
    google_digits,
    meta_digits,
    to_meta_minor,
    to_micros,
)

WHOLE = ["CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"]


def test_metas_currencies_without_cents_are_these() -> None:
    assert sorted(META_WHOLE) == sorted(WHOLE)
    assert not META_WHOLE & META_CENTS


@pytest.mark.parametrize("currency", WHOLE)
def test_without_cents_the_minor_unit_is_the_whole_one(currency: str) -> None:
    assert from_meta_minor(5000, currency) == 5000
    assert to_meta_minor(Decimal(5000), currency) == 5000


@pytest.mark.parametrize("currency", ["USD", "EUR", "BHD", "JOD", "GBP"])
def test_with_cents_it_is_a_hundredth(currency: str) -> None:
    assert from_meta_minor(5000, currency) == 50
    assert to_meta_minor(Decimal("50.00"), currency) == 5000


@pytest.mark.parametrize("currency", ["XXX", "KWD", "", "usd", "US", "DOGE", "EUR "])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(PlatformError, match="not known"):
        meta_digits(currency)
    with pytest.raises(PlatformError):
        to_meta_minor(Decimal(1), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("133.333", "JPY", 133),
        ("133.5", "JPY", 134),
        ("133.335", "EUR", 13334),
        ("0.005", "USD", 1),
        ("999999999999.99", "USD", 99999999999999),
    ],
)
def test_meta_gets_whole_minor_units(amount: str, currency: str, minor: int) -> None:
    assert to_meta_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency", "micros"),
    [
        ("12.5", "EUR", 12_500_000),
        ("133.333", "JPY", 133_000_000),
        ("1.2345", "KWD", 1_235_000),
        ("0.125", "USD", 130_000),
    ],
)
def test_google_gets_multiples_of_the_smallest_unit(
    amount: str, currency: str, micros: int
) -> None:
    assert to_micros(Decimal(amount), currency) == micros


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (12_500_000, "12.5"),
        (100_000_000, "100"),
        (1, "0.000001"),
        (0, "0"),
        (10**17, "1" + "0" * 11),
    ],
)
def test_micros_become_what_a_person_would_write(micros: int, shown: str) -> None:
    assert str(from_micros(micros)) == shown


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "-0.01", "1e12", "1e400"])
def test_no_amount_that_cannot_be_money_is_written(amount: str) -> None:
    with pytest.raises(PlatformError):
        to_meta_minor(Decimal(amount), "EUR")
    with pytest.raises(PlatformError):
        to_micros(Decimal(amount), "EUR")


@pytest.mark.parametrize("number", [-1, 10**18, 10**40])
def test_nor_read(number: int) -> None:
    with pytest.raises(PlatformError):
        from_micros(number)
    with pytest.raises(PlatformError):
        from_meta_minor(number, "JPY")


def test_google_takes_every_iso_code_and_nothing_else() -> None:
    assert google_digits("JPY") == 0
    with pytest.raises(PlatformError):
        google_digits("euro")

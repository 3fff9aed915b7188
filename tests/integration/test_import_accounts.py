"""What a file states of its accounts: taken where nothing is known, refused where it differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.errors import ExportError
from autonomy.imports.columns import currency_of
from autonomy.imports.load import FileReport, import_files

Load = Callable[..., FileReport]


@pytest.fixture
def url(scratch_database: Callable[[], str]) -> str:
    return scratch_database()


@pytest.fixture
def load(url: str, tmp_path: Path) -> Load:
    def loaded(*lines: str, **options: Any) -> FileReport:
        path = tmp_path / "export.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        (report,) = import_files(url, [path], **options).files
        return report

    return loaded


def rows(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select account, currency, time_zone from autonomy_accounts order by account"
        ).fetchall()


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("Amount spent (EUR)", "EUR"), ("Cost (€)", "EUR"), ("Spend (£)", "GBP"),
        ("Cost ($)", None),
        ("Clicks (all)", None), ("Cost (avg)", None), ("Cost", None), ("Cost (EUR) total", None),
        ("amount_spent (jpy)", "JPY"), ("Cost (1EU)", None),
    ],
)  # fmt: skip
def test_the_currency_of_a_columns_name(name: str, currency: str | None) -> None:
    assert currency_of(name) == currency


def test_the_column_fills_the_account(load: Load, url: str) -> None:
    report = load("Account,Campaign,Day,Cost,Revenue,Currency code,Time zone",
                  "Paris,A,2026-03-01,1,2,EUR,Europe/Paris",
                  "Paris,B,2026-03-01,1,2,,Europe/Paris",
                  "Tokyo,C,2026-03-01,900,2000,jpy,Asia/Tokyo",
                  "Oslo,D,2026-03-01,1,2,,Nowhere/Oslo")  # fmt: skip
    assert rows(url) == [("Oslo", None, None), ("Paris", "EUR", "Europe/Paris"),
                         ("Tokyo", "JPY", "Asia/Tokyo")]  # fmt: skip
    assert report.accounts["Tokyo"] == {"currency": "JPY", "time_zone": "Asia/Tokyo"}
    assert "Noted of the account Tokyo: JPY, Asia/Tokyo." in "\n".join(report.sentences())


def test_the_name_of_the_cost_fills_the_account(load: Load, url: str) -> None:
    lines = ["Campaign,Day,Amount spent (EUR),Conversion value (EUR)", "A,2026-03-01,1,2"]
    assert load(*lines).accounts == {"default": {"currency": "EUR"}}
    assert load(*lines).accounts == {}
    assert load(*lines, account="Paris").accounts == {"Paris": {"currency": "EUR"}}
    assert rows(url) == [("Paris", "EUR", None), ("default", "EUR", None)]


def test_what_a_person_said_stands(load: Load, url: str) -> None:
    load("Campaign,Day,Cost,Revenue", "A,2026-03-01,1,2")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update autonomy_accounts set time_zone = 'UTC'")
    load("Campaign,Day,Cost (EUR),Revenue,Time zone", "A,2026-03-01,1,2,Europe/Paris")
    assert rows(url) == [("default", "EUR", "UTC")]


def refused(load: Load, *lines: str) -> str:
    with pytest.raises(ExportError) as caught:
        load(*lines)
    return str(caught.value)


def test_two_currencies_in_one_account_are_refused_with_the_rows(load: Load, url: str) -> None:
    said = refused(
        load, "Account,Campaign,Day,Cost,Revenue,Currency", "x,A,2026-03-01,1,2,EUR",
        "x,B,2026-03-01,1,2,EUR", "x,C,2026-03-01,1,2,USD", "y,D,2026-03-01,1,2,GBP",
    )  # fmt: skip
    assert "EUR, USD in the account x (EUR in lines 2, 3; USD in line 4)" in said
    assert rows(url) == []


@pytest.mark.parametrize("mixed", ["€", "usd", "Euro"])
def test_signs_and_words_are_compared_too(load: Load, mixed: str) -> None:
    said = refused(load, "Campaign,Day,Cost,Revenue,Currency", "A,2026-03-01,1,2,JPY",
                   f"B,2026-03-01,1,2,{mixed}")  # fmt: skip
    assert "mixes the currencies" in said


@pytest.mark.parametrize("same", ["EUR", "€", "Euro", ""])
def test_the_names_of_columns_and_the_rows_agree(load: Load, url: str, same: str) -> None:
    load("Campaign,Day,Cost (EUR),Revenue,Currency", f"A,2026-03-01,1,2,{same}")
    assert rows(url) == [("default", "EUR", None)]


def test_the_names_of_columns_and_the_rows_differ(load: Load, url: str) -> None:
    said = refused(load, "Campaign,Day,Cost (EUR),Revenue,Currency", "A,2026-03-01,1,2,USD")
    assert "mixes the currencies EUR, USD" in said
    said = refused(load, "Campaign,Day,Cost (EUR),Revenue (USD)", "A,2026-03-01,1,2")
    assert "columns in EUR and in USD" in said
    assert rows(url) == []


def test_another_currency_than_the_accounts_is_refused(load: Load, url: str) -> None:
    load("Campaign,Day,Cost (EUR),Revenue", "A,2026-03-01,1,2")
    said = refused(load, "Campaign,Day,Cost,Revenue,Currency", "A,2026-03-02,1,2,USD")
    assert "is in USD (line 2), but the account default is in EUR" in said
    assert "accounts set 'default' currency=USD" in said
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from campaign_metrics").fetchone() == (1,)
    load("Campaign,Day,Cost,Revenue", "A,2026-03-02,1,2")


def test_a_sign_of_several_currencies_fills_nothing(load: Load, url: str) -> None:
    load("Campaign,Day,Cost ($),Revenue,Currency", "A,2026-03-01,1,2,$")
    assert rows(url) == [("default", None, None)]


def test_a_name_of_pages_is_refused(load: Load, url: str) -> None:
    """Its row is told and left out; of a file whose rows name none, the name that is given."""
    report = load("Account,Campaign,Day,Cost,Revenue",
                  "Paris,A,2026-03-01,1,2",
                  f"{'x' * 201},B,2026-03-01,1,2",
                  f"{'é' * 200},C,2026-03-01,1,2")  # fmt: skip
    assert report.tally.rejected == {"the account's name is longer than 200 characters": 1}
    assert [row[0] for row in rows(url)] == ["Paris", "é" * 200]
    with pytest.raises(ExportError, match="at most 200 characters"):
        load("Campaign,Day,Cost,Revenue", "A,2026-03-01,1,2", account="x" * 201)

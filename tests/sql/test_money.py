"""Money: written in whole units of its currency, taken in as it came, said with its code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from autonomy.migrate import apply
from autonomy.text import money
from tests.sql import effects
from tests.sql.effects import Db, apply_one, campaign, refused, scale_up, state, value
from tests.sql.servers import Server
from tests.sql.test_decide import campaign as loser
from tests.sql.test_decide import empty, winner
from tests.sql.test_facts import record, row
from tests.sql.test_hand_typed import scale

__all__ = ["empty"]  # a fixture
clean_tables = effects.clean_tables

CURRENCIES = (None, "EUR", "JPY", "KWD", "CLF")


def account(db: Db, currency: str | None) -> str:
    """An account in this currency; its name."""
    db.execute(
        "insert into autonomy_accounts (account, currency) values ('Here', %s)"
        " on conflict (account) do update set currency = excluded.currency",
        (currency,),
    )
    return "Here"


# -------------------------------------------------------------------------------------------------
# What is written
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "given", "kept"),
    [
        (None, "150", "150.00"), ("EUR", "150", "150.00"), ("EUR", "150.00", "150.00"),
        ("JPY", "1500.00", "1500"), ("JPY", "100.5", "100.5"), ("KWD", "12.345", "12.345"),
        ("KWD", "12", "12.000"), ("EUR", "12.3456", "12.3456"), (None, "33.33333333", "33.333333"),
    ],
)  # fmt: skip
def test_a_budget_has_the_decimals_of_its_currency(
    db: Db, currency: str | None, given: str, kept: str
) -> None:
    one = campaign(db, given, account=account(db, currency))
    assert str(state(db, one)[1]) == kept
    db.execute("update campaigns set budget = 1")
    db.execute("update campaigns set budget = %s", (given,))
    assert str(state(db, one)[1]) == kept


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", "-0.01", "1000000000000"])
def test_what_is_no_amount_is_refused_with_a_sentence(db: Db, bad: str) -> None:
    one = campaign(db)
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="budget must be a number from 0 to"),
        db.transaction(),
    ):
        db.execute("update campaigns set budget = %s", (bad,))
    for column in ("total_spend", "total_revenue"):
        if column == "total_revenue" and bad == "-0.01":
            continue  # a refund
        with pytest.raises(psycopg.errors.CheckViolation, match=column), db.transaction():
            db.execute(
                f"insert into campaign_performance (campaign_id, {column})"
                " values (%s, %s)".encode(),
                (one, bad),
            )


def test_figures_are_kept_as_they_came_and_their_sum_is_exact(own: Db) -> None:
    one = campaign(own, account=account(own, "KWD"))
    now = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    rows = [
        row(one, now - timedelta(hours=h), spend=spend, revenue=12.345)
        for h, spend in enumerate((0.0035, 0.0035, 0.30000000000000004))
    ]
    assert record(own, rows)["accepted"] == 3
    spends = own.execute("select spend from campaign_metrics order by bucket desc").fetchall()
    assert [one for (one,) in spends] == [Decimal("0.0035"), Decimal("0.0035"), Decimal("0.3")]
    assert own.execute("select spend, revenue from campaign_daily").fetchone() == (
        Decimal("0.307"), Decimal("37.035"),
    )  # fmt: skip
    totals = own.execute("select total_spend, total_revenue from campaign_performance").fetchone()
    assert totals is not None
    assert [str(total) for total in totals] == ["0.307", "37.035"]


# -------------------------------------------------------------------------------------------------
# How large a budget becomes
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "direction", "budget", "wanted", "cap", "becomes", "code"),
    [
        ("JPY", "up", "101", "151.5", "50000", "152", None),  # half up
        ("JPY", "up", "70", "105", "100.5", "100", None),  # never over the cap
        ("JPY", "up", "1", "1.2", "50000", "1", "NO_CHANGE"),
        ("JPY", "up", "1", "1.5", "50000", "2", None),
        ("KWD", "up", "8.231", "12.3465", "50000", "12.347", None),
        ("EUR", "up", "33.33", "49.995", "50000", "50.00", None),
        ("JPY", "down", "3", "2.4", "0", "2", None),
        ("JPY", "down", "1", "0.3", "0", "1", "BUDGET_CAP"),  # nothing is no budget
        ("JPY", "down", "40", "20", "33.3", "34", None),  # never under the floor
        ("EUR", "down", "0.01", "0.001", "0", "0.01", "BUDGET_CAP"),
    ],
)
def test_a_budget_is_sized_in_whole_units(
    db: Db, currency: str, direction: str, budget: str, wanted: str, cap: str, becomes: str,
    code: str | None,
) -> None:  # fmt: skip
    sized = db.execute(
        "select s.new_budget, s.code from autonomy.sized_budget("
        "%s, %s, %s, 10, %s, 10, %s, %s, autonomy.currency_digits(%s)) s",
        (direction, budget, wanted, budget, cap, cap, currency),
    ).fetchone()
    assert sized is not None
    assert (str(sized[0]), sized[1]) == (becomes, code)


def test_a_budget_by_hand_is_rounded_to_the_unit_and_that_is_said(db: Db) -> None:
    said: list[str] = []
    db.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    one = campaign(db, 100, account=account(db, "JPY"))
    scale(db, one, "150.5")
    assert str(state(db, one)[1]) == "151"
    assert said == ["JPY has no amounts smaller than 1: the budget is rounded to 151."]
    assert value(db, "select new_state ->> 'budget' from autonomous_actions") == "151"
    with refused(db, "AO010", "at least 1 and below"):
        scale(db, one, "0.4")
    db.execute("update autonomy_policy set max_budget = 200.6")
    with refused(
        db, "AO006", "A budget of 201 JPY lies outside the limits of the policy, 1 JPY to 200 JPY"
    ):
        scale(db, one, "200.5")
    with refused(db, "AO004", "a budget of 151 JPY already"):
        scale(db, one, "151.2")


def test_a_budget_that_its_currency_does_not_have_is_not_carried_out(db: Db) -> None:
    one = campaign(db, 100, account=account(db, "JPY"))
    result = apply_one(db, scale_up(one, 100, 150.5))
    assert (result["status"], result["error"]) == ("failed", "BAD_DECISION")
    assert "150.5, with more decimals than JPY has" in result["message"]
    assert apply_one(db, scale_up(one, 100, 150))["status"] == "executed"


def test_a_rollback_puts_back_what_there_was_to_the_last_digit(db: Db) -> None:
    one = campaign(db, "123.4567", account=account(db, "EUR"))
    scale(db, one, 150)
    db.execute("select rollback_autonomous_action(id, 'not so') from autonomous_actions")
    assert str(state(db, one)[1]) == "123.4567"


# -------------------------------------------------------------------------------------------------
# How it is said
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize(
    "amount", ["0", "0.005", "1234.5", "-1234.5", "2.5", "0.0005", "-0.004", "1e11", "99.995"]
)
def test_an_amount_is_said_alike_in_both_languages(
    db: Db, currency: str | None, amount: str
) -> None:
    said = value(db, "select autonomy.amount_words(%s::numeric, %s)", amount, currency)
    assert said == money(Decimal(amount), currency=currency)


@pytest.mark.parametrize(
    ("currency", "figures", "raise_"),
    [
        (None, "10,478.00 spent, 1,679.34 earned, 0.16x", "from 100.00 to 150.00:"),
        (
            "EUR",
            "10,478.00 EUR spent, 1,679.34 EUR earned, 0.16x",
            "from 100.00 EUR to 150.00 EUR:",
        ),
        ("JPY", "10,478 JPY spent, 1,679 JPY earned, 0.16x", "from 100 JPY to 150 JPY:"),
        ("KWD", "10,478.000 KWD spent, 1,679.340 KWD earned", "from 100.000 KWD to 150.000 KWD:"),
    ],
)
def test_the_guides_questions_name_the_currency(
    empty: psycopg.Connection[Any], currency: str | None, figures: str, raise_: str
) -> None:
    name = account(empty, currency)
    loser(empty, 10478, 1679.34, 8, account=name)
    winner(empty, budget=100, account=name)
    recommended = value(empty, "select recommendation from identify_underperforming_campaigns()")
    assert figures in recommended
    reasoning = value(empty, "select reasoning from identify_scaling_candidates()")
    assert raise_ in reasoning


@pytest.mark.parametrize(("currency", "suggested"), [("JPY", "152"), ("KWD", "151.500")])
def test_the_suggested_budget_has_the_digits_of_the_currency(
    empty: psycopg.Connection[Any], currency: str, suggested: str
) -> None:
    winner(empty, budget=101, account=account(empty, currency))
    query = "select suggested_budget from identify_scaling_candidates()"
    assert str(value(empty, query)) == suggested


def test_an_opportunity_names_the_currency(empty: psycopg.Connection[Any]) -> None:
    loser(empty, 10478, 1679.34, 8, account=account(empty, "JPY"))
    said = empty.execute(
        "select description, estimated_impact ->> 'basis'"
        " from autonomy.budget_inefficiency(null::uuid, null::uuid, null::timestamptz, now())"
    ).fetchone()
    assert said is not None
    assert "has spent 10,478 JPY with ROI 0.16" in said[0]
    assert " JPY spent a day" in said[1]


def test_what_changed_meanwhile_names_the_currency(db: Db) -> None:
    one = campaign(db, 100, account=account(db, "EUR"))
    result = apply_one(db, scale_up(one, 90, 150))
    assert "decided on active with a budget of 90.00 EUR; now it is" in result["message"]
    assert "with a budget of 100.00 EUR" in result["message"]


# -------------------------------------------------------------------------------------------------
# A user's own columns
# -------------------------------------------------------------------------------------------------

THEIRS = """
create table public.campaigns (id uuid primary key default gen_random_uuid(), title text,
  status text, budget numeric(10,2), account text not null default 'default',
  created_at timestamptz default now());
create view public.budgets as select title, budget from public.campaigns;
comment on view public.budgets is 'For the weekly report';
insert into public.campaigns (title, status, budget) values ('A', 'active', 12.34);
"""


def test_their_scale_stays_until_a_currency_does_not_fit_in(server: Server) -> None:
    url = server.database()
    shape = (
        "select format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'public.campaigns'::regclass and attname = 'budget'"
    )
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(THEIRS.encode())
        apply(url)
        assert value(db, shape) == "numeric(10,2)"
        db.execute("update autonomy_accounts set currency = 'EUR'")
        again(db, url)
        assert value(db, shape) == "numeric(10,2)"
        db.execute("update autonomy_accounts set currency = 'KWD'")
        again(db, url)
        assert value(db, shape) == "numeric"
        assert value(db, "select budget from budgets") == Decimal("12.34")
        assert value(db, "select obj_description('budgets'::regclass)") == "For the weekly report"
        db.execute("update campaigns set budget = 12.345")
        assert value(db, "select budget from budgets") == Decimal("12.345")


def again(db: Db, url: str) -> None:
    db.execute("delete from autonomy_migrations")
    apply(url)

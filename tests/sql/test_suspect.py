"""Figures that cannot be right, and days that are left out: what SQL makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

NOW = datetime(2026, 11, 22, 10, 17, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def empty(db: psycopg.Connection) -> psycopg.Connection:
    db.execute("delete from autonomous_actions")
    db.execute("delete from campaigns")
    db.execute("select autonomy_reset_defaults()")
    db.execute("set local autonomy.simulation = on")
    db.execute("set local timezone = 'UTC'")
    return db


def campaign(db: psycopg.Connection, **columns: Any) -> UUID:
    values = {"title": "One", "budget": 100, "created_at": NOW - 90 * DAY} | columns
    row = db.execute(
        f"insert into campaigns ({', '.join(values)})"
        f" values ({', '.join(['%s'] * len(values))}) returning id",
        list(values.values()),
    ).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def bucket(
    db: psycopg.Connection, one: UUID, at: datetime, conversions: float, value: float,
    spend: float = 90,
) -> None:  # fmt: skip
    """One row of the series, over what was there."""
    db.execute(
        "insert into campaign_metrics"
        " (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)"
        " values (%s, %s, 3000, 60, %s, %s, %s)"
        " on conflict (campaign_id, bucket) do update set conversions = excluded.conversions,"
        " spend = excluded.spend, revenue = excluded.revenue",
        (one, at, conversions, spend, conversions * value),
    )


def usual(db: psycopg.Connection, one: UUID, days: range = range(1, 41), **kinds: float) -> None:
    """Break-even: twelve conversions a day of 7.5 each for 90 of spend."""
    for back in days:
        bucket(db, one, TODAY - back * DAY, **({"conversions": 12, "value": 7.5} | kinds))


def ask(db: psycopg.Connection, question: str, *values: Any) -> Any:
    row = db.execute(f"select {question}", values).fetchone()
    assert row is not None
    return row[0]


def doubts(db: psycopg.Connection, one: UUID, now: datetime = NOW) -> str | None:
    row = db.execute("select why from autonomy.doubts(%s, %s)", ([one], now)).fetchone()
    return None if row is None else row[0]


def facts(db: psycopg.Connection, one: UUID) -> dict[str, Any] | None:
    row = db.execute(
        "select to_jsonb(f) from campaign_facts f where campaign_id = %s", [one]
    ).fetchone()
    return None if row is None else row[0]


def run(db: psycopg.Connection, now: datetime = NOW) -> dict[str, Any]:
    return ask(db, "run_autonomous_operations(%s)", now)  # type: ignore[no-any-return]


def exclude(db: psycopg.Connection, first: date, last: date, **whose: Any) -> UUID:
    ((name, value),) = whose.items()
    row = db.execute(
        f"insert into autonomy.evidence_exclusions ({name}, from_day, until_day)"
        " values (%s, %s, %s) returning id",
        (value, first, last),
    ).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


# What is doubted ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conversions", "value", "spend", "doubted"),
    [
        (12, 7.5, 90, None),
        (12, 150, 90, None),  # twenty times, and not over
        (12, 151, 90, "a conversion was worth 151.00 on 2026-11-21, and 7.50 is usual"),
        (5, 160, 90, "a conversion was worth 160.00"),
        (4, 160, 90, None),  # a few dear orders
        (1, 7560, 90, None),  # over 1,000 times what is usual, but 3 times the spend of 28 days
        (1, 7561, 90, "a conversion was worth 7,561.00"),
        (0, 0, 90, None),
        (12, 0, 90, None),
        (12, 7.5, 1000, None),  # ten budgets, and not over
        (12, 7.5, 1001, "1,001.00 was spent on 2026-11-21, with a budget of 100.00"),
    ],
)
def test_what_a_complete_day_may_be(
    empty: psycopg.Connection, conversions: float, value: float, spend: float, doubted: str | None
) -> None:
    one = campaign(empty)
    usual(empty, one, range(2, 41))
    bucket(empty, one, TODAY - DAY, conversions, value, spend)
    found = doubts(empty, one)
    assert found is None if doubted is None else found is not None and found.startswith(doubted)


def test_after_a_break_of_weeks_the_month_before_says_what_is_usual(
    empty: psycopg.Connection,
) -> None:
    one, other = campaign(empty), campaign(empty)
    for each, value in ((one, 750), (other, 7.5)):
        usual(empty, each, range(32, 58))
        bucket(empty, each, TODAY - DAY, 12, value)
    assert str(doubts(empty, one)).startswith("a conversion was worth 750.00 on 2026-11-21")
    assert doubts(empty, other) is None


def test_nineteen_days_are_too_few_to_know_what_is_usual(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    usual(empty, one, range(2, 21))
    usual(empty, other, range(2, 22))
    for each in (one, other):
        bucket(empty, each, TODAY - DAY, 12, 750)
    assert doubts(empty, one) is None
    assert doubts(empty, other)


def test_a_larger_budget_of_that_day_explains_what_was_spent(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    usual(empty, one, range(2, 41))
    bucket(empty, one, TODAY - DAY, 12, 7.5, 1500)
    assert doubts(empty, one)
    empty.execute("update campaigns set budget = 200 where id = %s", [one])
    empty.execute(
        "update campaign_changes set changed_at = %s where campaign_id = %s and kind = 'outside'",
        (TODAY - 5 * HOUR, one),
    )
    assert doubts(empty, one) is None


@pytest.mark.parametrize("ahead", [HOUR, timedelta(hours=1, seconds=1)])
def test_figures_of_the_future(empty: psycopg.Connection, ahead: timedelta) -> None:
    series, totals = campaign(empty), campaign(empty)
    bucket(empty, series, NOW + ahead, 12, 7.5)
    empty.execute(
        "insert into campaign_performance (campaign_id, total_spend, updated_at)"
        " values (%s, 10, greatest(%s, now()) + %s)",
        (totals, NOW, ahead),
    )
    held = ahead > HOUR
    assert bool(doubts(empty, series)) is held
    assert bool(doubts(empty, totals)) is held


def test_figures_of_the_future_without_end_raise_nothing(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    usual(empty, other)
    empty.execute(
        "insert into campaign_performance (campaign_id, total_spend, updated_at)"
        " values (%s, 10, 'infinity')",
        [one],
    )
    assert "infinity" in str(doubts(empty, one))
    assert run(empty)["success"]


def test_a_week_of_the_future_is_left_out_and_work_goes_on(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    usual(empty, one, range(1, 41), value=2)
    bucket(empty, one, TODAY + 300 * DAY, 12, 900)
    assert run(empty)["held"] == {"SUSPECT_DATA": 1}
    told = "(prior_order_value, prior_cv2) from autonomy_policy"
    assert ask(empty, told) == ask(empty, "(50::float8, 1.5::float8)")  # not from what is in doubt
    bucket(empty, one, TODAY, 6, 2)
    assert run(empty, NOW + DAY)["actions_taken"]["campaigns_paused"] == 1
    assert ask(empty, "prior_order_value < 3 from autonomy_policy")  # its orders are of 2


def test_a_day_that_is_no_day_holds_its_campaign_and_no_other(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    usual(empty, one)
    usual(empty, other, range(2, 41))
    bucket(empty, one, datetime(9999, 12, 30, tzinfo=UTC), 12, 7.5)
    bucket(empty, other, TODAY - DAY, 12, 750)
    run(empty)
    bucket(empty, other, TODAY, 12, 7.5)
    run(empty, NOW + DAY)
    assert doubts(empty, one)
    left_out = empty.execute("select campaign_id from autonomy.evidence_exclusions").fetchall()
    assert left_out == [(other,)]


@pytest.mark.parametrize("budget", [None, 0, "NaN"])
def test_without_a_budget_nothing_is_said_of_spend(
    empty: psycopg.Connection, budget: object
) -> None:
    empty.execute("alter table campaigns drop constraint campaigns_budget_check")
    empty.execute("drop trigger autonomy_budget_written on campaigns")
    one = campaign(empty, budget=budget)
    usual(empty, one, range(2, 41))
    bucket(empty, one, TODAY - DAY, 12, 7.5, 999999999)
    assert doubts(empty, one) is None
    assert run(empty)["success"]


@pytest.mark.parametrize("column", ["w7_revenue", "w30_conversions", "w3_spend", "w30_spend"])
@pytest.mark.parametrize("figure", ["NaN", "Infinity", "-Infinity", "1e300", None])
def test_facts_that_are_no_numbers_raise_nothing(
    empty: psycopg.Connection, column: str, figure: str | None
) -> None:
    one = campaign(empty)
    usual(empty, one)
    empty.execute(f"update campaign_facts set {column} = %s", [figure])
    assert doubts(empty, one) is None


def test_refunds_and_parts_of_conversions_are_not_doubted(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    for each in (one, other):
        usual(empty, each, range(2, 41))
    bucket(empty, one, TODAY - DAY, 12, -900)
    bucket(empty, other, TODAY - DAY, 0.01, 7500)
    assert doubts(empty, one) is None
    assert doubts(empty, other) is None


def test_another_campaigns_days_say_nothing_of_this_one(empty: psycopg.Connection) -> None:
    cheap, dear = campaign(empty), campaign(empty)
    usual(empty, cheap)
    usual(empty, dear, value=900, spend=9)
    assert doubts(empty, cheap) is None
    assert doubts(empty, dear) is None


# A feed in cents ---------------------------------------------------------------------------------


def winner_but_for_cents(db: psycopg.Connection) -> UUID:
    one = campaign(db)
    usual(db, one, range(7, 41))
    return one


def test_a_week_of_values_in_cents_by_day_raises_no_budget(empty: psycopg.Connection) -> None:
    """Caught in the first run that sees the first day, and on every day of the week."""
    one = winner_but_for_cents(empty)
    for back in range(6, -1, -1):
        day = TODAY - back * DAY
        bucket(empty, one, day, 12, 750)
        held = [run(empty, day + hour * HOUR)["held"] for hour in (1, 10, 23)]
        assert ask(empty, "budget from campaigns") == 100, back
        # once the window holds thirty of them the whole account is stopped, and the days are gone
        assert held == [{"SUSPECT_DATA": 1} if back > 4 else {}] * 3 or back == 4, (back, held)
    left_out = empty.execute(
        "select distinct d::date::text from autonomy.evidence_exclusions x"
        " cross join generate_series(x.from_day, x.until_day, interval '1 day') d"
        " where x.made_by = 'autonomy' order by 1"
    ).fetchall()
    assert left_out[:6] == [(f"2026-11-{day}",) for day in range(16, 22)]


def test_a_week_of_values_in_cents_by_hour_raises_no_budget(empty: psycopg.Connection) -> None:
    """Caught with the second order of the first day, at 04:00; one alone is but a dear order."""
    one = winner_but_for_cents(empty)
    first = None
    for hour in range(7 * 24):
        at = TODAY - 6 * DAY + hour * HOUR
        bucket(empty, one, at, hour % 2, 750, 90 / 24)
        held = run(empty, at + HOUR)["held"]
        if held == {"SUSPECT_DATA": 1}:
            first = first or at + HOUR
    assert ask(empty, "budget from campaigns") == 100
    assert first == TODAY - 6 * DAY + 4 * HOUR


def test_a_week_of_spend_in_cents_pauses_nothing(empty: psycopg.Connection) -> None:
    one = winner_but_for_cents(empty)
    for back in range(6, -1, -1):
        bucket(empty, one, TODAY - back * DAY, 12, 7.5, 9000)
        run(empty, TODAY - back * DAY + 10 * HOUR)
    assert ask(empty, "status from campaigns") == "active"
    assert ask(empty, "budget from campaigns") == 100


def test_what_is_corrected_within_a_day_is_never_left_out(empty: psycopg.Connection) -> None:
    one = winner_but_for_cents(empty)
    usual(empty, one, range(2, 7))
    bucket(empty, one, TODAY - DAY, 12, 750)
    run(empty)
    assert ask(empty, "count(*) from autonomy.suspect_days") == 1
    bucket(empty, one, TODAY - DAY, 12, 7.5)
    bucket(empty, one, TODAY, 12, 7.5)
    assert "SUSPECT_DATA" not in run(empty, NOW + 25 * HOUR)["held"]
    assert ask(empty, "count(*) from autonomy.suspect_days") == 0
    assert ask(empty, "count(*) from autonomy.evidence_exclusions") == 0


def test_what_a_person_says_is_right_counts_and_is_not_doubted_again(
    empty: psycopg.Connection,
) -> None:
    one = winner_but_for_cents(empty)
    usual(empty, one, range(2, 7))
    bucket(empty, one, TODAY - DAY, 12, 750)
    run(empty)
    run(empty, NOW + DAY)
    before = facts(empty, one)
    empty.execute("update autonomy.evidence_exclusions set lifted_at = %s", [NOW])
    after = facts(empty, one)
    assert before
    assert after
    assert after["life_revenue"] - before["life_revenue"] == 9000
    assert doubts(empty, one, NOW + DAY) is None


def test_a_resume_waits_for_figures_that_can_be_believed(empty: psycopg.Connection) -> None:
    policy = "(select p from autonomy_policy p)"
    row = "jsonb_populate_record(null::autonomy.candidate, %s)"
    given = f"{row}, {policy}, 'resume', 99, 50, interval '0', null, 'resume', %s, %s"
    code = f"autonomy.campaign_guardrail({given})"
    suspect = '{"autonomous_enabled": true, "suspect": "odd"}'
    assert ask(empty, code, suspect, "decide", NOW) == "SUSPECT_DATA"
    assert ask(empty, code, suspect, "apply", NOW) is None


# Days that are left out --------------------------------------------------------------------------


def test_days_are_left_out_of_windows_evidence_and_lifetime(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    for each in (one, other):
        usual(empty, each, range(1, 31))
    whole = facts(empty, one)
    exclude(empty, date(2026, 11, 20), date(2026, 11, 21), campaign_id=one)
    left = facts(empty, one)
    assert whole
    assert left
    assert left["life_spend"] == whole["life_spend"] - 180
    assert left["life_conversions"] == whole["life_conversions"] - 24
    assert left["ev_days"] < whole["ev_days"]
    assert left["as_of"].startswith("2026-11-20T00:00"), "windows end with the last day that counts"
    assert facts(empty, other)["life_spend"] == whole["life_spend"]  # type: ignore[index]
    # what is shown as it is
    assert ask(empty, "total_spend from campaign_performance where campaign_id = %s", one) == 2700
    bucket(empty, one, TODAY, 12, 7.5)
    assert ask(empty, "total_spend from campaign_performance where campaign_id = %s", one) == 2790
    assert facts(empty, one)["life_spend"] == 2610  # type: ignore[index]


def test_totals_of_another_writer_lose_the_days_that_are_known(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    usual(empty, one, range(1, 11))
    empty.execute(
        "update campaign_performance set total_spend = 5000, total_revenue = 4000,"
        " conversions = 500 where campaign_id = %s",
        [one],
    )
    exclude(empty, date(2026, 11, 21), date(2026, 11, 21), campaign_id=one)
    left = facts(empty, one)
    assert left
    assert (left["life_spend"], left["life_revenue"], left["life_conversions"]) == (4910, 3910, 488)
    empty.execute("alter table campaign_performance alter column conversions drop not null")
    empty.execute("update campaign_performance set total_spend = 10, conversions = null")
    left = facts(empty, one)
    assert left
    assert (left["life_spend"], left["life_conversions"]) == (0, None)


def test_with_all_days_left_out_nothing_is_known(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    usual(empty, one, range(1, 11), value=0)
    exclude(empty, date(2026, 1, 1), date(2026, 12, 31), campaign_id=one)
    assert facts(empty, one) is None
    bucket(empty, one, TODAY, 12, 0)
    assert ask(empty, "total_spend from campaign_performance") == 990
    said = run(empty)
    assert said["actions_taken"]["campaigns_paused"] == 0


def test_an_account_leaves_out_days_of_all_its_campaigns(empty: psycopg.Connection) -> None:
    ours, theirs = campaign(empty, account="ours"), campaign(empty, account="theirs")
    for each in (ours, theirs):
        usual(empty, each, range(1, 11))
    exclude(empty, date(2026, 11, 1), date(2026, 11, 15), account="ours")
    assert facts(empty, ours)["life_spend"] == 540  # type: ignore[index]
    assert facts(empty, theirs)["life_spend"] == 900  # type: ignore[index]
    empty.execute("update campaigns set account = 'ours' where id = %s", [theirs])
    assert facts(empty, theirs)["life_spend"] == 540  # type: ignore[index]
    empty.execute("update campaigns set account = 'other' where id = %s", [ours])
    assert facts(empty, ours)["life_spend"] == 900  # type: ignore[index]
    empty.execute("update campaigns set account = 'new name' where id = %s", [theirs])
    assert facts(empty, theirs)["life_spend"] == 540  # type: ignore[index]


def test_each_change_of_an_exclusion_is_followed(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    for each in (one, other):
        usual(empty, each, range(1, 11))

    def spends() -> list[float]:
        return [facts(empty, each)["life_spend"] for each in (one, other)]  # type: ignore[index]

    made = exclude(empty, date(2026, 11, 20), date(2026, 11, 21), campaign_id=one)
    # overlapping: a day that is left out twice is left out once
    exclude(empty, date(2026, 11, 19), date(2026, 11, 20), campaign_id=one)
    assert spends() == [630, 900]
    empty.execute("update autonomy.evidence_exclusions set campaign_id = %s where id = %s",
                  (other, made))  # fmt: skip
    assert spends() == [720, 720]
    empty.execute("delete from autonomy.evidence_exclusions where id = %s", [made])
    assert spends() == [720, 900]
    empty.execute("truncate autonomy.evidence_exclusions")
    assert spends() == [900, 900]


def test_a_day_is_one_of_the_accounts_zone(empty: psycopg.Connection) -> None:
    one = campaign(empty, account="Tokyo")
    empty.execute("update autonomy_accounts set time_zone = 'Asia/Tokyo' where account = 'Tokyo'")
    bucket(empty, one, TODAY - 10 * HOUR, 1, 10, 5)  # 14:00 UTC is 23:00 on the 21st
    bucket(empty, one, TODAY - 8 * HOUR, 1, 10, 7)  # 16:00 UTC is 01:00 on the 22nd
    exclude(empty, date(2026, 11, 22), date(2026, 11, 22), campaign_id=one)
    assert facts(empty, one)["life_spend"] == 5  # type: ignore[index]


def test_with_its_campaign_an_exclusion_goes(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    usual(empty, one, range(1, 4))
    exclude(empty, date(2026, 11, 20), date(2026, 11, 21), campaign_id=one)
    empty.execute("delete from campaigns where id = %s", [one])
    assert ask(empty, "count(*) from autonomy.evidence_exclusions") == 0
    assert facts(empty, one) is None


@pytest.mark.parametrize(
    "values",
    [
        "(account, campaign_id, from_day, until_day) select 'a', id, '2026-11-01', '2026-11-02'",
        "(from_day, until_day) select '2026-11-01', '2026-11-02'",
        "(campaign_id, from_day, until_day) select id, '2026-11-02', '2026-11-01'",
        "(campaign_id, from_day, until_day) select id, '-infinity', '2026-11-01'",
        "(campaign_id, from_day, until_day) select id, '2026-11-01', 'infinity'",
        "(campaign_id, from_day) select id, '2026-11-01'",
    ],
)
def test_what_is_no_span_of_somebody_is_refused(empty: psycopg.Connection, values: str) -> None:
    campaign(empty)
    with pytest.raises(psycopg.IntegrityError):
        empty.execute(f"insert into autonomy.evidence_exclusions {values} from campaigns")


def test_the_past_leaves_out_the_same_days(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    usual(empty, one, range(1, 31))
    bucket(empty, one, TODAY - 5 * DAY, 12, 750)
    exclude(empty, date(2026, 11, 17), date(2026, 11, 17), campaign_id=one)
    for at in (TODAY - 4 * DAY, TODAY):
        then = ask(
            empty,
            "to_jsonb(f) from autonomy.facts_of_campaigns(%s, %s - interval '1 second') f",
            [one], at,
        )  # fmt: skip
        figures = ask(
            empty,
            "figures from autonomy.past_candidates(null, '{7d}', %s, %s, 24, '{}', true)",
            at, at + HOUR,
        )  # fmt: skip
        assert figures[4:6] == [then["life_spend"], then["life_revenue"]]
        assert figures[6] == pytest.approx(then["ev_spend"], rel=0.2)
        assert figures[17:19] == [then["w7_spend"], then["w7_revenue"]]


# Whose days are read ------------------------------------------------------------------------------


def unusual(db: psycopg.Connection) -> list[tuple[UUID, bool, bool]]:
    return db.execute(
        "select campaign_id, by_value, by_spend from autonomy.unusual_campaigns"
    ).fetchall()


def test_only_the_days_of_campaigns_that_stand_out_are_read(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    for each in (one, other):
        usual(empty, each, range(1, 41))
    assert unusual(empty) == []
    bucket(empty, one, TODAY - DAY, 12, 750)
    assert unusual(empty) == [(one, True, False)]
    bucket(empty, one, TODAY - DAY, 12, 7.5, 900)
    assert unusual(empty) == [(one, False, True)]
    empty.execute("delete from autonomy.unusual_campaigns")
    empty.execute("select autonomy.rebuild_campaign_facts()")
    assert unusual(empty) == [(one, False, True)]
    bucket(empty, one, TODAY - DAY, 12, 7.5)
    assert unusual(empty) == []
    bucket(empty, one, TODAY - DAY, 12, 750)
    empty.execute("delete from campaigns where id = %s", [one])
    assert unusual(empty) == []


@pytest.mark.parametrize(
    ("before", "after", "read"),
    [
        (200, 60, True),
        (None, 60, True),
        (0, 60, True),
        (200, 300, False),
        (200, 0, False),
        (200, None, False),
    ],
)
def test_a_lower_budget_is_held_against_what_was_spent(
    empty: psycopg.Connection, before: float | None, after: float | None, read: bool
) -> None:
    one, without_figures = campaign(empty, budget=before), campaign(empty, budget=before)
    usual(empty, one, range(2, 41))
    bucket(empty, one, TODAY - DAY, 12, 7.5, 300)
    assert unusual(empty) == []
    empty.execute(
        "update campaigns set budget = %s where id = any (%s)", (after, [one, without_figures])
    )
    assert unusual(empty) == ([(one, False, True)] if read else [])


def test_a_run_holds_the_policy_only_where_days_are_left_out(empty: psycopg.Connection) -> None:
    held = (
        "exists (select from pg_locks where pid = pg_backend_pid() and mode = 'RowShareLock'"
        " and relation = 'autonomy_policy'::regclass)"
    )
    one = campaign(empty)
    usual(empty, one, range(2, 41))
    bucket(empty, one, TODAY - DAY, 12, 750)
    empty.execute("select autonomy.doubt_figures(%s)", [NOW])
    assert ask(empty, "count(*) from autonomy.suspect_days") == 1
    assert not ask(empty, held)
    empty.execute("select autonomy.doubt_figures(%s)", [NOW + DAY])
    assert ask(empty, held)
    assert ask(empty, "count(*) from autonomy.evidence_exclusions") == 1

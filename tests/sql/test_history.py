"""What a replay sees is what the facts of that moment were."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import errors

from autonomy.local.sample import load

NOW = datetime(2026, 11, 24, 9, 45, tzinfo=UTC)
MEASURES = ("impressions", "reach", "clicks", "conversions", "spend", "revenue")
WINDOWS = sorted(f"{prior}{days}d" for prior in ("", "prior_") for days in (1, 3, 7, 14, 30))


@pytest.fixture(scope="module")
def _made() -> dict[str, str]:
    return {}


@pytest.fixture
def past(_made: dict[str, str], scratch_database: Callable[[], str]) -> str:
    """A database with 14 sample campaigns by hour and one of them by day."""
    url = scratch_database()
    load(url, now=NOW, campaigns=14, days=40)
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            with daily as (
              delete from public.campaign_metrics
              where campaign_id = (select id from public.campaigns order by id limit 1) returning *
            )
            insert into public.campaign_metrics
            select campaign_id, date_trunc('day', bucket, 'UTC'), sum(impressions), sum(reach),
              sum(clicks), sum(conversions), sum(spend), sum(revenue)
            from daily group by 1, 2
            """
        )
    return url


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"evidence_half_life_days": 0},
        {"evidence_half_life_days": 3, "conversion_delay_hours": 30},
        {"time_zone": "America/New_York", "conversion_delay_hours": 6},
        {"conversion_delay_hours": 6, "of_one_account": 30},
        {"conversion_delay_hours": 30, "of_one_account": 0},
        {"conversion_delay_hours": 0, "measured_of_one_account": 24},
    ],
    ids=[
        "default",
        "never fades",
        "late conversions",
        "another zone",
        "later in an account",
        "at once in an account",
        "measured in an account",
    ],
)
@pytest.mark.parametrize(
    ("start", "every"),
    [
        (datetime(2026, 10, 20, 5, tzinfo=UTC), 37),
        (datetime(2026, 10, 25, tzinfo=UTC), 24),
        (datetime(2026, 11, 3, 5, tzinfo=UTC), 24),
    ],
    ids=["every 37 hours", "at midnight", "at midnight in New York"],
)
def test_equal_to_the_facts_of_that_moment(
    past: str, policy: dict[str, object], start: datetime, every: int
) -> None:
    with psycopg.connect(past) as connection:
        for column, value in policy.items():
            if column.endswith("of_one_account"):
                connection.execute(
                    "update campaigns set account = 'one' where id in"
                    " (select id from campaigns order by id limit 2)"
                )
                connection.execute(
                    "select autonomy.use_measured('one', 'delay', %s)"
                    if column.startswith("measured")
                    else "update autonomy_accounts set conversion_delay_hours = %s"
                    " where account = 'one'",
                    (value,),
                )
                continue
            connection.execute(f"update public.autonomy_policy set {column} = %s", (value,))
        # a replay reads spend as it was, not as it would count at a reference budget
        connection.execute("delete from autonomy.reference_budgets")
        rows = connection.execute(
            "select at, campaign_id, figures from autonomy.past_candidates(null, %s, %s, %s, %s)",
            (WINDOWS, start, NOW, every),
        ).fetchall()
        moments = sorted({at for at, _, _ in rows})
        assert len(moments) > 15
        hourly = 0
        for at in moments:
            facts = _facts_at(connection, at)
            for _, campaign_id, figures in (row for row in rows if row[0] == at):
                if str(campaign_id) not in facts:
                    continue
                expected = facts[str(campaign_id)]
                hourly += 1
                for mine, theirs in zip(figures, expected, strict=True):
                    assert (mine is None) == (theirs is None), (at, campaign_id)
                    assert theirs is None or math.isclose(
                        mine, theirs, rel_tol=1e-9, abs_tol=1e-9
                    ), (
                        at,
                        campaign_id,
                        figures,
                        expected,
                    )
        assert hourly > 100


def _facts_at(connection: psycopg.Connection, at: datetime) -> dict[str, list[float | None]]:
    """From campaign_facts_at and candidate_rows' reading of it; buckets that are over."""
    windows = ", ".join(
        f"f.{'p' if name.startswith('prior') else 'w'}{''.join(filter(str.isdigit, name))}_{m}"
        for name in WINDOWS
        for m in MEASURES
    )
    found: dict[str, list[float | None]] = {}
    for width, daily in ((timedelta(hours=1), False), (timedelta(days=1), True)):
        for row in connection.execute(
            f"""
            select f.campaign_id::text, f.life_impressions, f.life_reach, f.life_clicks,
              f.life_conversions, f.life_spend, f.life_revenue,
              f.ev_spend * w.fading, f.ev_conversions * w.fading, f.ev_revenue * w.fading,
              f.ev_days * w.fading,
              case when l.delay > 0 and f.ev_spend > 1e-9 then
                greatest(0, least(1, 1 - f.ev_immature_spend * exp(-a.age / l.delay)
                  / f.ev_spend)) else 1 end,
              a.age, extract(epoch from %(at)s - c.created_at)::float8 / 3600, {windows}
            from public.campaign_facts_at(%(at)s - %(width)s::interval) f
            join public.campaigns c on c.id = f.campaign_id
            cross join public.autonomy_policy p
            cross join lateral (select autonomy.account_delay(c.account)) l (delay)
            cross join lateral (select extract(epoch from %(at)s - f.as_of)::float8 / 3600) a (age)
            cross join lateral (select case when p.evidence_half_life_days = 0 then 1 else
              exp(-0.6931471805599453 * greatest(0, a.age / 24)
                / p.evidence_half_life_days::float8) end) w (fading)
            where (f.campaign_id = (select id from public.campaigns order by id limit 1))
              = %(daily)s
              -- days that were cut in another zone than the policy's are not this test's
              and (not %(daily)s or p.time_zone = 'UTC')
            """,
            {"at": at, "width": width, "daily": daily},
        ).fetchall():
            found[row[0]] = list(row[1:])
    return found


def test_a_condition_keeps_what_it_holds_on(past: str) -> None:
    with psycopg.connect(past) as connection:
        every = connection.execute(
            "select at, campaign_id, figures from autonomy.past_candidates(null, '{}', %s, %s, 24)",
            (NOW - timedelta(days=10), NOW),
        ).fetchall()
        some = connection.execute(
            """
            select at, campaign_id, figures from autonomy.past_candidates(
              '[{"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100},
                {"metric": "roi", "operator": ">=", "threshold": 4.0}]', '{}', %s, %s, 24)
            """,
            (NOW - timedelta(days=10), NOW),
        ).fetchall()
    wanted = {
        (at, number)
        for at, number, f in every
        if f[4] and ((f[5] / f[4] < 1.0 and f[4] >= 100) or f[5] / f[4] >= 4.0)
    }
    assert {(at, number) for at, number, _ in some} == wanted
    assert 0 < len(some) < len(every)
    with psycopg.connect(past) as connection:
        told = connection.execute(
            """
            select at, campaign_id, holds from autonomy.past_candidates(
              '[{"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100},
                {"metric": "roi", "operator": ">=", "threshold": 4.0}]',
              '{}', %s, %s, 24, '{}', true)
            """,
            (NOW - timedelta(days=10), NOW),
        ).fetchall()
    assert len(told) == len(every)
    assert {(at, number) for at, number, holds in told if holds} == wanted


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        ("null, '{2d}', now() - interval '1 day', now(), 24", "AO010"),
        ("null, '{}', now(), now() - interval '1 day', 24", "AO010"),
        ("null, '{}', now() - interval '1 day', now(), 0.5", "AO010"),
        ("'[{\"metric\": \"rio\"}]', '{}', now() - interval '1 day', now(), 24", "AO001"),
        (
            "null, '{}', now() - interval '1 day', now(), 24, '{\"max_data_age_hours\": -1}'",
            "AO002",
        ),
    ],
)
def test_refusals(db: psycopg.Connection, arguments: str, state: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        db.execute(f"select * from autonomy.past_candidates({arguments})")
    assert caught.value.sqlstate == state
    assert not isinstance(caught.value, errors.InternalError_)

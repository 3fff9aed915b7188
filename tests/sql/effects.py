"""What the tests of the effects share: campaigns, decisions, runs, and what came of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

Json = dict[str, Any]
Db = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def clean_tables(db: Db) -> None:
    """Whatever tests over HTTP have left behind, gone for this transaction; defaults restored."""
    names = db.execute(
        "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables"
        " where schemaname in ('public', 'autonomy') and tablename not like '%migration%'"
        " and tablename not like 'autonomy_policy' and tablename <> 'autonomous_rules'"
    ).fetchone()
    assert names is not None
    db.execute(f"truncate {names[0]} cascade")
    db.execute("select autonomy_reset_defaults()")


@dataclass(frozen=True)
class Lease:
    """A run that was begun."""

    run_id: uuid.UUID
    token: uuid.UUID
    answer: Json


def value(db: Db, query: str, *params: Any) -> Any:
    """The first column of the first row."""
    row = db.execute(query, params).fetchone()
    return None if row is None else row[0]


def campaign(db: Db, budget: Any = 100, status: str = "active", **columns: Any) -> uuid.UUID:
    """A new campaign; its id."""
    row = {"budget": budget, "status": status, "title": "A campaign", **columns}
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    made: uuid.UUID = value(
        db, f"insert into campaigns ({names}) values ({marks}) returning id", *row.values()
    )
    return made


def state(db: Db, campaign_id: uuid.UUID) -> tuple[str, Any]:
    """Status and budget (None where it has none) as they are now."""
    row = db.execute(
        "select status, budget from campaigns where id = %s", (campaign_id,)
    ).fetchone()
    assert row is not None
    status, budget = row
    return status, budget


def begin(db: Db, *, now: datetime | None = None, **params: Any) -> Lease:
    """Begin a run that must be able to start."""
    answer = begin_answer(db, now=now, **params)
    assert answer["outcome"] == "started", answer
    return Lease(uuid.UUID(answer["run_id"]), uuid.UUID(answer["lease_token"]), answer)


def begin_answer(
    db: Db,
    *,
    run_id: uuid.UUID | None = None,
    request: Json | None = None,
    key: str | None = None,
    lease_seconds: int = 300,
    now: datetime | None = None,
) -> Json:
    """Whatever begin_autonomous_run says."""
    answer: Json = value(
        db,
        "select begin_autonomous_run(%s, %s, %s, 'test', %s, 10, coalesce(%s, now()))",
        run_id or uuid.uuid4(),
        Jsonb(request or {}),
        key,
        lease_seconds,
        now,
    )
    return answer


def decision(
    campaign_id: Any,
    action_type: str = "auto_pause",
    *,
    budget: Any = 100,
    new_budget: Any = None,
    status: str = "active",
    new_status: str | None = None,
    **keys: Any,
) -> Json:
    """A decision as a run sends it."""
    if new_status is None:
        new_status = {"auto_pause": "paused", "auto_resume": "active"}.get(action_type, status)
    return {
        "campaign_id": str(campaign_id),
        "title": "A campaign",
        "verdict": "act",
        "code": action_type,
        "action_type": action_type,
        "rule_id": None,
        "rule_name": "A rule",
        "previous": {"status": status, "budget": budget},
        "new": {"status": new_status, "budget": budget if new_budget is None else new_budget},
        "confidence": 95.5,
        "limits": [],
        "reason": "It loses money.",
        "evidence": {"spend": 200},
        "expected_impact": {"kind": "pause"},
        **keys,
    }


def scale_up(campaign_id: Any, budget: Any = 100, new_budget: Any = 150, **keys: Any) -> Json:
    """A decision to raise a budget."""
    return decision(campaign_id, "auto_scale_up", budget=budget, new_budget=new_budget, **keys)


def apply(
    db: Db, lease: Lease, decisions: Sequence[Any], *, now: datetime | None = None
) -> list[Json]:
    """Carry out a batch; the results."""
    return apply_answer(db, lease, decisions, now=now)["results"]  # type: ignore[no-any-return]


def apply_answer(
    db: Db, lease: Lease, decisions: Sequence[Any], *, now: datetime | None = None
) -> Json:
    """Whatever apply_autonomous_actions says, at the run's moment where no other is given.

    As a run does, it says which version of its rule each decision was made by.
    """
    versions = lease.answer["rule_versions"]
    decisions = [
        {"rule_version": versions.get(str(one["rule_id"])), **one} if _of_a_rule(one) else one
        for one in decisions
    ]
    answer: Json = value(
        db,
        "select apply_autonomous_actions(%s, %s, %s::jsonb, %s)",
        lease.run_id,
        lease.token,
        json.dumps(list(decisions), default=str),
        now or lease.answer["now"],
    )
    return answer


def _of_a_rule(one: Any) -> bool:
    return isinstance(one, dict) and one.get("rule_id") is not None


def apply_one(db: Db, item: Json, *, now: datetime | None = None) -> Json:
    """Carry out one decision in a run of its own; its result."""
    lease = begin(db, now=now)
    (result,) = apply(db, lease, [item], now=now)
    finish(db, lease)
    return result


def finish(db: Db, lease: Lease, response: str = "{}", status: int = 200) -> Json:
    """End a run."""
    answer: Json = value(
        db,
        "select finish_autonomous_run(%s, %s, '{}', %s, %s)",
        lease.run_id,
        lease.token,
        response,
        status,
    )
    return answer


def action(db: Db, action_id: Any) -> Any:
    """One row of autonomous_actions, by attribute."""
    cursor = db.cursor(row_factory=psycopg.rows.namedtuple_row)
    return cursor.execute("select * from autonomous_actions where id = %s", (action_id,)).fetchone()


def changes(db: Db, campaign_id: uuid.UUID) -> list[str]:
    """The kinds of the campaign's changes, oldest first."""
    rows = db.execute(
        "select kind from campaign_changes where campaign_id = %s order by id", (campaign_id,)
    )
    return [kind for (kind,) in rows]


def policy(db: Db, **settings: Any) -> None:
    """Set columns of the policy."""
    assignments = ", ".join(f"{name} = %s" for name in settings)
    db.execute(f"update autonomy_policy set {assignments}", tuple(settings.values()))


def audit(db: Db) -> Json:
    """The audit's report."""
    report: Json = value(db, "select audit_autonomous_actions()")
    return report


def assert_sound(db: Db) -> None:
    """The log replayed from the start gives the present state."""
    report = audit(db)
    assert report["ok"], report["differences"]


def hours_ago(hours: float, db: Db) -> datetime:
    """That long before the database's now()."""
    now: datetime = value(db, "select now()")
    return now - timedelta(hours=hours)


@contextmanager
def refused(db: Db, sqlstate: str, sentence: str = "") -> Iterator[None]:
    """The block raises that SQLSTATE with that in its message; the transaction goes on."""
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        yield
    assert caught.value.sqlstate == sqlstate, caught.value
    assert sentence in str(caught.value)

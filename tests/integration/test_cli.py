"""Every command with --json on a real stack: one JSON value on standard output, nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.cli import main
from autonomy.local import LocalStack
from tests.calm import load_calm

Ask = Callable[..., Any]
RULE = ["--type", "pause", "--condition", '{"metric": "roi", "operator": "<", "threshold": 0.2}',
        "--action", '{"type": "auto_pause"}']  # fmt: skip


@pytest.fixture
def ask(
    fresh: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    """Runs a command with --json and reads what it says."""
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)

    def asked(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["autonomy", *arguments, "--json"])
        capsys.readouterr()
        with suppress(SystemExit):
            main()
        said = capsys.readouterr()
        assert said.out, said.err
        return json.loads(said.out)

    return asked


def test_every_command_in_json(ask: Ask, fresh: LocalStack, tmp_path: Path) -> None:
    load_calm(fresh.database_url)
    assert ask("migrate") == {"applied": []}
    foreseen = ask("run", "--dry-run")
    assert foreseen["dry_run"] is True
    assert ask("policy", "set", "mode=approve")["mode"] == "approve"
    done = ask("run")
    assert ask("status")["runs"][0]["id"] == done["run_id"]
    first, second, *_ = ask("actions", "--status", "pending")
    assert first["run_id"] == done["run_id"]
    assert ask("explain", first["campaign_id"])["sentence"]
    assert [one["status"] for one in ask("approve", first["id"])] == ["executed"]
    assert [one["status"] for one in ask("approve", second["id"], "--reject")] == ["failed"]
    assert ask("rollback", first["id"], "--preview")["changed"]
    assert len(ask("rollback", first["id"], "--yes")["changed"]) == 1
    assert isinstance(ask("opportunities"), list)
    assert ask("proof", "--days", "7")["actions"]["actions"] >= 0
    assert ask("report")["waiting"]["proposals"] >= 0
    assert ask("audit")["ok"] is True
    assert ask("freeze", "checking") == {"frozen": True, "frozen_reason": "checking"}
    assert ask("unfreeze") == {"frozen": False, "frozen_reason": ""}
    assert ask("policy", "show")["min_confidence"] == 50
    assert ask("policy", "set", "--preset", "strict")["min_confidence"] == 90
    assert len(ask("rules", "list")) == 4
    assert isinstance(ask("rules", "check"), list)
    assert ask("rules", "disable", "Low ROI Pause")["is_active"] is False
    assert ask("rules", "enable", "Low ROI Pause")["is_active"] is True
    assert ask("rules", "set", "Mine", *RULE, "--priority", "3")["priority"] == 3
    assert ask("rules", "preview", "Mine", "--priority", "7")["past"]["sentence"]
    assert ask("replay", "--html", str(tmp_path / "page.html"))["settings"]


def test_days_are_whole_days_in_the_zone_of_the_account(ask: Ask, fresh: LocalStack) -> None:
    load_calm(fresh.database_url)
    assert ask("run")["actions"]
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        connection.execute("update autonomy_policy set time_zone = 'Pacific/Kiritimati'")
        found = connection.execute(
            "update autonomous_actions set executed_at = '2026-11-27T09:59:59Z'"
            " where status = 'executed' returning id::text"
        ).fetchall()
        assert found
        last = connection.execute(
            "select (max(bucket) at time zone 'Pacific/Kiritimati')::date - 2 from campaign_metrics"
        ).fetchone()
    assert last is not None
    day = ["--from", "2026-11-27", "--to", "2026-11-27"]
    seen = ask("rollback", *day, "--preview")
    assert sorted(one["action_id"] for one in seen["changed"]) == sorted(row[0] for row in found)
    assert ask("rollback", "--from", "2026-11-28", "--preview")["changed"] == []
    for one in ("2026-11-27T09:59:59Z", "2026-11-27T09:59:59"):  # a clock means that very instant
        assert ask("rollback", "--to", one, "--preview")["changed"] == []
    replayed = ask("replay", "--every", "1h", "--from", str(last[0]), "--to", str(last[0]))
    begins, ends = (datetime.fromisoformat(replayed[name]) for name in ("from", "to"))
    assert (begins.hour, begins.minute) == (10, 0)  # midnight there
    assert timedelta(hours=24) <= ends - begins <= timedelta(hours=24, seconds=1)


@pytest.mark.parametrize(
    "line",
    [
        "rollback --from 2026-11-28 --to 2026-11-27 --preview",
        "rollback --from 2026-11-28T10:00:00Z --to 2026-11-28T10:00:00Z --preview",
        "replay --from 2026-11-28T10:00:00Z --to 2026-11-28T10:00:00Z",
        "replay --to 9999-12-31",
    ],
)
def test_a_span_that_is_none_is_a_sentence(
    line: str, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError, match="BAD_REQUEST"):
        ask(*line.split())


def test_status_begins_with_what_is_wrong(ask: Ask, fresh: LocalStack) -> None:
    assert ask("status")["state"]["sentence"].startswith("No run has succeeded yet")
    ask("run")
    assert ask("status")["state"]["level"] == "ok"


def test_more_rows_than_one_answer_holds(ask: Ask, fresh: LocalStack) -> None:
    with psycopg.connect(fresh.database_url) as db:
        db.execute(
            "insert into campaigns (title, status, budget)"
            " select 'C' || n, 'active', 100 from generate_series(1, 1100) n"
        )
        db.execute(
            "insert into autonomous_actions"
            " (campaign_id, action_type, reason, previous_state, new_state, status)"
            " select id, 'auto_pause', 'r', '{}', '{}', 'pending' from campaigns"
        )
        db.execute(
            "insert into optimization_opportunities (campaign_id, opportunity_type, severity,"
            " description, suggested_action, confidence_score)"
            " select id, 'creative_fatigue', case title when 'C1' then 'critical' else 'low' end,"
            " 'd', 's', case title when 'C1' then 50 else 90 end from campaigns"
        )
    assert ask("status")["pending_actions"] == 1100
    found = ask("opportunities")
    assert len(found) == 1100
    assert found[0]["severity"] == "critical"


def test_sample_and_import_in_json(
    ask: Ask, scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    url = scratch_database()
    loaded = ask("sample", "--yes", "--database-url", url, "--campaigns", "5", "--days", "3")
    assert loaded["campaigns"] == 5
    assert loaded["hourly_rows"] > 0
    export = tmp_path / "export.csv"
    export.write_text(
        "Day,Campaign,Impressions,Clicks,Conversions,Cost,Revenue\n"
        "2026-11-01,Brand,1000,50,2,20.00,90.00\n"
    )
    with pytest.raises(AssertionError, match="(?s)5 made-up campaigns.*sample --remove"):
        ask("import", str(export), "--database-url", url)
    taken = ask("import", str(export), "--database-url", url, "--beside-sample")
    assert taken["files"][0]["campaigns_new"] == 1
    five = ("sample", "--yes", "--database-url", url, "--campaigns", "5", "--days", "3")
    with pytest.raises(AssertionError, match="CONFLICT: 1 campaign of your own"):
        ask(*five)
    assert ask(*five, "--beside-own")["campaigns"] == 5
    assert ask("sample", "--remove", "--database-url", url) == {"removed": 5}
    assert ask("sample", "--remove", "--database-url", url) == {"removed": 0}
    (again,) = ask("import", str(export), "--database-url", url)["files"]
    assert (again["campaigns_new"], again["buckets_changed"]) == (0, 0)

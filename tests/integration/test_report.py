"""The report of a week or a month: page, files and command say what the database counted."""

from __future__ import annotations

import csv
import io
import re
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.local import LocalStack
from autonomy.store import Store
from autonomy.web.queries import Reads
from autonomy.web.report import report_of
from autonomy.web.report_file import report_file
from tests.integration import test_exclusions, test_web
from tests.integration.test_web import VIEWER, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip
two = test_exclusions.two

HOSTILE = "</style><script>alert(1)</script>=1+1"
ACTIONS = """
insert into autonomous_actions (campaign_id, rule_id, run_id, action_type, status, executed_at,
    confidence_score, expected_impact, actual_impact, previous_state, new_state)
  select c.id, (select id from autonomous_rules where rule_name = 'Low ROI Pause'),
    gen_random_uuid(), 'auto_pause', 'executed', at, 92, '{"kind": "pause"}',
    jsonb_build_object('verdict', verdict, 'money', money, 'money_low', money - 5,
      'money_high', money + 50, 'right_probability', 90, 'horizon_days', 7, 'days', 7),
    '{"status": "active", "budget": 9}', '{"status": "paused", "budget": 9}'
  from campaigns c, (values
    (now() - interval '3 days', 'improved', 80), (now() - interval '2 days', 'regressed', -70),
    (now() - interval '30 days', 'improved', 999)) v (at, verdict, money)
  where c.account = 'Paris'
"""


@pytest.fixture
def paris(two: FlaskClient, sql: Any) -> FlaskClient:
    """Two measured actions of the last days, one that cost, and one of another month."""
    sql("update campaigns set title = %s where account = 'Paris'", HOSTILE)
    sql("update autonomy_accounts set currency = 'JPY' where account = 'Paris'")
    sql(ACTIONS)
    return two


def week() -> tuple[date, date]:
    today = datetime.now(UTC).date()
    return today - timedelta(7), today - timedelta(1)


def test_the_page_says_what_was_done_and_what_it_brought(paris: FlaskClient) -> None:
    first, last = week()
    shown = page(paris, f"/report?account=Paris&from={first}&until={last}", VIEWER)
    assert "2 actions: 2 paused" in shown
    assert ">70 JPY<" in shown, "seven days of 10"
    assert "30 in 3 of the 7 days before" in shown
    assert ">10 JPY<" in shown, "brought: 80 less 70"
    assert 'has cost <strong class="bad">70 JPY</strong>' in shown
    assert "(20.00 to 75.00, 90%)" in shown, "as that action was measured"
    assert "999" not in shown
    assert "<script>alert" not in shown
    assert f"account=Paris&amp;from={first}&amp;to={last}" in shown
    assert "Report: <bdi" in page(paris, "/report")
    assert 'href="./report"' in page(paris, "/insights")


def test_a_day_is_the_accounts_day(paris: FlaskClient, sql: Any) -> None:
    """At Kiritimati the day begins ten hours before midnight on the 29th in Greenwich."""
    sql("update autonomy_accounts set time_zone = 'Pacific/Kiritimati' where account = 'Paris'")
    sql(
        "update autonomous_actions set executed_at = '2026-11-20T09:59:59Z'"
        " where actual_impact ->> 'money' = '80'"
    )
    ask = "select dashboard_report('Paris', %s, %s)"
    found = sql(ask, "2026-11-20", "2026-11-20")[0][0]
    assert (found["time_zone"], found["done"]["actions"]) == ("Pacific/Kiritimati", 1)
    assert [day["paused"] for day in found["days"]] == [1]
    assert sql(ask, "2026-11-21", "2026-11-21")[0][0]["done"]["actions"] == 0
    shown = page(paris, "/report?account=Paris&from=2026-11-20&until=2026-11-20")
    assert "2026-11-20 23:59" in shown
    assert "Times are in Pacific/Kiritimati" in shown


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?account=nobody", 404),
        ("?from=2026-11-10&until=2026-11-09", 400),
        ("?from=tomorrow", 400),
        ("?from=2026-02-30", 400),
        ("?from=9999-12-31", 400),
        ("?until=0001-01-01", 400),
        ("?from=2020-01-01&until=2026-01-01", 400),
        ("?from=0001-01-01&until=0001-01-02", 200),
        ("?until=9999-12-31", 400),
        ("?account=%00", 400),
        ("?account=" + 300 * "x", 400),
        ("?from=&until=&utm_source=mail", 200),
    ],
)
def test_what_is_no_account_or_span(two: FlaskClient, query: str, code: int) -> None:
    headers = {"Authorization": f"Bearer {VIEWER}", "Accept": "text/html"}
    for path in ("/report", "/report.csv"):
        answer = two.get(f"{path}{query}", headers=headers)
        assert answer.status_code == code, (path, answer.text)


def test_a_wrong_span_is_shown_with_its_form(two: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {VIEWER}", "Accept": "text/html"}
    answer = two.get("/report?account=Paris&from=2026-11-10&until=2026-11-09", headers=headers)
    assert "lies after until" in answer.text
    assert 'name="from" type="date" value="2026-11-10"' in answer.text


def test_without_an_account_it_says_what_is_needed(empty: FlaskClient) -> None:
    assert "There is no account yet." in page(empty, "/report")


def test_the_days_as_a_file(paris: FlaskClient, sql: Any) -> None:
    sql("update autonomy_accounts set currency = 'EUR' where account = 'Tokyo'")
    first, last = week()
    answer = paris.get(
        f"/report.csv?account=Tokyo&from={first}&until={last}",
        headers={"Authorization": f"Bearer {VIEWER}"},
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["day"] for row in rows] == [str(first + timedelta(n)) for n in range(7)]
    assert {(row["account"], row["currency"], float(row["spend"])) for row in rows} == {
        ("Tokyo", "EUR", 10)
    }
    assert f'filename="report-{first}-{last}.csv"' in answer.headers["Content-Disposition"]


def test_a_file_by_itself_needs_nothing_else(paris: FlaskClient, store: Store) -> None:
    first, last = week()
    report = report_of(Reads(store), "Paris", str(first), str(last))
    text = report_file(report, "")
    assert "2 actions: 2 paused" in text
    assert not re.search(r"<script|<link|<a |\ssrc=|url\(|@import", text)
    linked = report_file(report, "https://ops.example.com/autonomy")
    assert 'href="https://ops.example.com/autonomy/actions/' in linked


def test_the_command(
    fresh: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    with psycopg.connect(fresh.database_url, autocommit=True) as db:
        db.execute("insert into campaigns (title, account, budget) values ('a', 'Paris', 9)")
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)

    def said(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["autonomy", "report", *arguments])
        capsys.readouterr()
        with suppress(SystemExit):
            main()
        return capsys.readouterr()

    assert said()[0].startswith("Paris, Mon ")
    assert said("--csv", "-")[0].startswith("account,currency,day,spend")
    assert said("--html", "-")[0].startswith("<!doctype html>")
    files = tmp_path / "a.html", tmp_path / "a.csv"
    assert said("--html", str(files[0]), "--csv", str(files[1]))[0] == ""
    assert [one.read_text(encoding="utf-8")[:9] for one in files] == ["<!doctype", "account,c"]
    assert "standard output" in said("--csv", "-", "--json")[1]
    assert "lies after until" in said("--from", "2026-11-10", "--until", "2026-11-09")[1]
    assert "no such account" in said("--account", "nobody")[1]

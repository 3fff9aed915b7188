"""The feed over the API: a run reads it before it decides, and the commands say what there is."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest

from autonomy.cli import main
from autonomy.cli.feed import VIEWS, views_sql
from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store

Say = Callable[..., tuple[int, str, str]]

# A campaign that loses money since ten days.
LOSER = """
create schema google_ads;
create table google_ads.account_history (id bigint, updated_at timestamptz, currency_code text, time_zone text);
create table google_ads.campaign_history (
  id bigint, customer_id bigint, name text, status text, start_date text, updated_at timestamptz);
create table google_ads.campaign_stats (
  customer_id bigint, id bigint, date date, device text, ad_network_type text, clicks bigint, impressions bigint,
  cost_micros bigint, conversions float8, conversions_value float8);
insert into google_ads.account_history values (1, now(), 'EUR', 'UTC');
insert into google_ads.campaign_history values (7, 1, 'Loser', 'ENABLED', '2026-01-05', now());
insert into google_ads.campaign_stats
select 1, 7, current_date - d, 'MOBILE', 'SEARCH', 200, 10000, 100000000, 2, 20 from generate_series(0, 9) d;
"""


@pytest.fixture
def warehouse(fresh: LocalStack) -> Iterator[LocalStack]:
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        connection.execute(LOSER.encode())
        connection.execute(views_sql([VIEWS / "fivetran-google-ads.sql"]).encode())
    yield fresh
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        connection.execute("drop schema if exists autonomy_feed, google_ads cascade")


@pytest.fixture
def say(
    fresh: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Say:
    """Runs a command: exit code, standard output, standard error."""
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)

    def said(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autonomy", *arguments])
        capsys.readouterr()
        code = 0
        with suppress(SystemExit):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        out = capsys.readouterr()
        return code, out.out, out.err

    return said


def run(stack: LocalStack, **body: Any) -> Any:
    settings = Settings.from_env(stack.environment())
    with closing(Store.from_settings(settings)) as store:
        return json.loads(Runner(store, settings).handle(body).body)["result"]


def switch(stack: LocalStack, statement: str) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_run_reads_the_feed_before_it_decides(warehouse: LocalStack) -> None:
    assert run(warehouse)["campaigns_evaluated"] == 0
    switch(warehouse, "select set_feed(60)")
    assert run(warehouse, dry_run=True)["campaigns_evaluated"] == 0
    result = run(warehouse)
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert result["warnings"] == []


def test_a_run_whose_feed_fails_goes_on_and_says_so(warehouse: LocalStack) -> None:
    switch(warehouse, "select set_feed(60); drop view autonomy_feed.metrics")
    result = run(warehouse)
    assert result["success"] is True
    (said,) = [one for one in result["warnings"] if "feed" in one]
    assert said.startswith("The feed was not read: There is no view autonomy_feed.metrics")
    with psycopg.connect(warehouse.database_url) as connection:
        told = connection.execute("select code from autonomy.causes where over_at is null")
        assert ("FEED_FAILED",) in told.fetchall()


def test_the_commands(warehouse: LocalStack, say: Say) -> None:
    code, out, _ = say("feed", "check")
    assert code == 0
    assert "10 rows of 1 campaigns (1 new); 10 can be taken, 10 days would be changed." in out
    assert "google_ads 1" in out
    assert "1,000.00 EUR" in out
    assert "Runs do not read it by themselves" in out
    code, out, _ = say("feed", "import", "--json")
    assert (code, json.loads(out)["days_changed"]) == (0, 10)
    code, out, _ = say("feed", "import", "--since", "2026-01-01")
    assert "0 days changed." in out
    assert say("feed", "on", "--every", "30")[1] == (
        "A run reads the feed before it decides, every 30 minutes.\n"
    )
    assert "Runs read it every 30 minutes." in say("feed", "check")[1]
    assert json.loads(say("feed", "off", "--json")[1])["minutes"] is None


def test_what_is_wrong_is_exit_code_3(warehouse: LocalStack, say: Say) -> None:
    switch(warehouse, "alter view autonomy_feed.metrics rename column spend to cost")
    code, out, _ = say("feed", "check")
    assert code == 3
    assert "REFUSED: autonomy_feed.metrics lacks the column spend" in out
    code, _, err = say("feed", "import")
    assert code == 1
    assert "BAD_REQUEST: autonomy_feed.metrics lacks the column spend" in err


def test_views_are_printed_as_they_run(fresh: LocalStack, say: Say) -> None:
    listed = say("feed", "views")[1]
    assert "fivetran-tiktok-ads" in listed
    assert "(by hour)" in listed
    code, sql, _ = say("feed", "views", "fivetran-google-ads", "fivetran-facebook-ads")
    assert code == 0
    assert sql.count("union all") == 2
    assert json.loads(say("feed", "views", "dbt-ad-reporting", "--json")[1])["sql"]
    code, _, err = say("feed", "views", "fivetran")
    assert code == 2
    assert "No source is called fivetran. There are: airbyte-facebook-marketing" in err

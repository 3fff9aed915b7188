"""Databases that were here before: theirs survives and works on, ours works too."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from autonomy.errors import MigrationError
from autonomy.migrate import apply
from tests.sql.guide import run_guide
from tests.sql.servers import Db, Server

HERE = Path(__file__).parent
OLDER = (HERE / "older_shape.sql").read_text()
OLDER_AUTONOMOUS = (HERE / "older_autonomous.sql").read_text()
LOSER, WINNER, RESTING, EVEN = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3, 4))


def prepared(server: Server, *scripts: str) -> str:
    url = server.database()
    with psycopg.connect(url) as db:
        for script in scripts:
            db.execute(script.encode())
    return url


def migrated(url: str) -> list[str]:
    said: list[str] = []
    apply(url, progress=said.append)
    return [line for line in said if not line.startswith("Applying")]


@pytest.fixture
def old(server: Server) -> Iterator[Db]:
    """The older shape, migrated."""
    url = prepared(server, OLDER)
    migrated(url)
    with psycopg.connect(url, autocommit=True) as db:
        yield db


def one(db: Db, query: str, *values: Any) -> Any:
    row = db.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return row if len(row) > 1 else row[0]


# -------------------------------------------------------------------------------------------------
# Nothing of theirs is lost
# -------------------------------------------------------------------------------------------------


def test_their_rows_are_as_they_were_but_for_the_ratios(server: Server) -> None:
    url = prepared(server, OLDER)
    theirs = (
        "select id, campaign_id, total_impressions, total_clicks, total_conversions, total_spend,"
        " total_revenue, note, updated_at from campaign_performance order by id"
    )
    campaigns = (
        "select id, name, title, status, budget, owner_id, created_at from campaigns order by id"
    )
    with psycopg.connect(url) as db:
        before = [db.execute(q.encode()).fetchall() for q in (theirs, campaigns)]
    migrated(url)
    with psycopg.connect(url) as db:
        assert [db.execute(q.encode()).fetchall() for q in (theirs, campaigns)] == before


def test_their_views_read_on_with_their_rights_and_comments(old: Db) -> None:
    assert one(old, "select count(*) from campaign_overview") == 4
    assert one(old, "select roi from campaign_overview where name = 'even'") == Decimal("0.996")
    assert (
        one(old, "select obj_description('campaign_overview'::regclass)") == "For the weekly report"
    )
    assert one(old, "select has_table_privilege('anon', 'campaign_overview', 'select')") is True
    assert one(old, "select has_table_privilege('anon', 'best_campaigns', 'select')") is False
    old.execute("refresh materialized view concurrently roi_by_status")
    assert one(old, "select count(*) from roi_by_status") == 2


def test_a_view_keeps_options_owner_columns_and_triggers(server: Server) -> None:
    url = prepared(
        server,
        OLDER,
        """create role reporter;
        alter view public.best_campaigns set (security_invoker = true);
        alter view public.best_campaigns owner to reporter;
        grant select (name) on public.campaign_overview to authenticated;
        comment on column public.best_campaigns.roi is 'net, in percent';
        create function public.refuse() returns trigger language plpgsql as
          $$ begin raise exception 'read only'; end $$;
        create trigger refuse instead of insert on public.best_campaigns
          for each row execute function public.refuse();
        grant update on public.best_campaigns to anon with grant option;""",
    )
    try:
        migrated(url)
        with psycopg.connect(url, autocommit=True) as db:
            options, owner = one(
                db,
                "select reloptions, pg_get_userbyid(relowner) from pg_class"
                " where relname = 'best_campaigns'",
            )
            assert sorted(options) == ["security_barrier=true", "security_invoker=true"]
            assert owner == "reporter"
            assert (
                one(db, "select col_description('best_campaigns'::regclass, 2)")
                == "net, in percent"
            )
            assert one(db, "select count(*) from pg_trigger where tgname = 'refuse'") == 1
            assert one(
                db,
                "select has_table_privilege('anon', 'best_campaigns', 'update with grant option')",
            )
            assert one(
                db,
                "select has_column_privilege('authenticated', 'campaign_overview', 'name', 'select')",
            )
    finally:
        server.drop_databases()
        server.execute("drop role reporter")


def test_running_it_all_again_changes_nothing(server: Server) -> None:
    url = prepared(server, OLDER, OLDER_AUTONOMOUS)
    migrated(url)
    queries = [
        "select * from campaign_performance order by id",
        "select * from campaigns order by id",
        "select * from autonomous_rules order by id",
        "select * from autonomous_actions order by id",
        "select * from optimization_opportunities order by id",
        "select campaign_id, life_spend, life_conversions, data_at from campaign_facts order by 1",
        "select conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2",
        "select tgname, tgrelid::regclass::text, tgenabled from pg_trigger where not tgisinternal order by 1, 2",
    ]
    with psycopg.connect(url, autocommit=True) as db:
        before = [db.execute(q.encode()).fetchall() for q in queries]
        db.execute("delete from autonomy_migrations")
        migrated(url)
        for query, rows in zip(queries, before, strict=True):
            assert (
                set(map(str, db.execute(query.encode()).fetchall())) ^ set(map(str, rows)) == set()
            )


# -------------------------------------------------------------------------------------------------
# Both sides write on
# -------------------------------------------------------------------------------------------------


def counts(db: Db, campaign: str) -> Any:
    return one(
        db,
        "select impressions, total_impressions, clicks, total_clicks, conversions,"
        " total_conversions, roi from campaign_performance where campaign_id = %s",
        campaign,
    )


def test_what_was_there_is_read_at_once(old: Db) -> None:
    assert counts(old, WINNER) == (50000, 50000, 1500, 1500, 60, 60, Decimal(4))
    assert counts(old, RESTING) == (1000, 1000, 10, 10, 0, 0, Decimal(0))
    facts = one(
        old,
        "select life_conversions, life_spend, life_revenue, data_at < now() - interval '1 hour'"
        " from campaign_facts where campaign_id = %s",
        WINNER,
    )
    assert facts == (60, 900, 3600, True)


def test_their_writers_update_and_ours_follows(old: Db) -> None:
    old.execute(
        "update campaign_performance set total_conversions = 61, total_clicks = 1600,"
        " total_revenue = 4500 where campaign_id = %s",
        (WINNER,),
    )
    assert counts(old, WINNER) == (50000, 50000, 1600, 1600, 61, 61, Decimal(5))
    assert (
        one(old, "select life_conversions from campaign_facts where campaign_id = %s", WINNER) == 61
    )


def test_our_writers_update_and_theirs_follows(old: Db) -> None:
    old.execute(
        "update campaign_performance set conversions = 62, impressions = 3000000000"
        " where campaign_id = %s",
        (WINNER,),
    )
    impressions, theirs, *_, ours, other, _roi = counts(old, WINNER)
    assert (ours, other) == (62, 62)
    assert (impressions, theirs) == (3_000_000_000, 2_147_483_647)


def test_their_inserts_and_upserts_work(old: Db) -> None:
    new = one(old, "insert into campaigns (name) values ('new') returning id")
    upsert = (
        "insert into campaign_performance (campaign_id, total_conversions, total_spend, total_revenue)"
        " values (%s, %s, 10, %s) on conflict (campaign_id) do update set"
        " total_conversions = excluded.total_conversions, total_revenue = excluded.total_revenue"
    )
    old.execute(upsert.encode(), (new, 5, 9.96))
    assert counts(old, new)[4:] == (5, 5, Decimal("0.996"))
    old.execute(upsert.encode(), (new, 6, 30))
    assert counts(old, new)[4:] == (6, 6, Decimal(3))
    assert one(old, "select count(*) from campaign_changes where campaign_id = %s", new) == 1


def test_our_inserts_fill_theirs(old: Db) -> None:
    new = one(old, "insert into campaigns (name) values ('new') returning id")
    old.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue) values (%s, 1000, 50, 5, 10, 40)",
        (new,),
    )
    assert counts(old, new) == (1000, 1000, 50, 50, 5, 5, Decimal(4))


def test_whatever_their_trigger_writes_roi_is_the_multiple(old: Db) -> None:
    old.execute("update campaign_performance set total_spend = 0 where campaign_id = %s", (WINNER,))
    assert counts(old, WINNER)[-1] is None
    old.execute("update campaign_performance set roi = 55 where campaign_id = %s", (LOSER,))
    assert counts(old, LOSER)[-1] == Decimal("0.35")


def test_a_trigger_of_theirs_that_sorts_last_does_not_win(server: Server) -> None:
    url = prepared(
        server,
        OLDER,
        "alter trigger trigger_calculate_performance on public.campaign_performance"
        " rename to zzz_calculate_performance",
    )
    migrated(url)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "update campaign_performance set total_revenue = 500 where campaign_id = %s", (LOSER,)
        )
        assert counts(db, LOSER)[-1] == Decimal("0.25")


def test_a_writer_who_may_write_only_their_tables_still_can(server: Server) -> None:
    url = prepared(
        server,
        OLDER,
        "grant select, insert, update, delete on public.campaigns, public.campaign_performance"
        " to authenticated",
    )
    migrated(url)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("set role authenticated")
        db.execute(
            "update campaign_performance set total_conversions = 70 where campaign_id = %s",
            (WINNER,),
        )
        db.execute("update campaigns set budget = 111, status = 'Paused' where id = %s", (WINNER,))
        db.execute("insert into campaigns (name) values ('mine')")
        db.execute("delete from campaign_performance where campaign_id = %s", (EVEN,))
        db.execute("delete from campaigns where id = %s", (EVEN,))
        db.execute("reset role")
        assert (
            one(db, "select life_conversions from campaign_facts where campaign_id = %s", WINNER)
            == 70
        )
        assert one(db, "select count(*) from campaign_facts where campaign_id = %s", EVEN) == 0


def test_the_ingest_leaves_their_totals_alone(old: Db) -> None:
    rows = [
        {
            "campaign_id": campaign,
            "bucket": "2026-01-05T10:00:00Z",
            "impressions": 10,
            "clicks": 5,
            "conversions": 1,
            "spend": 2.5,
            "revenue": 7,
        }
        for campaign in (WINNER, LOSER)
    ]
    old.execute("delete from campaign_performance where campaign_id = %s", (LOSER,))
    answer = one(old, "select record_campaign_metrics(%s)", Jsonb(rows))
    assert answer == {"accepted": 2, "rejected": []}
    assert counts(old, WINNER)[4:6] == (60, 60)
    assert counts(old, LOSER) == (10, 10, 5, 5, 1, 1, Decimal("2.8"))
    rows[1]["conversions"] = 2
    one(old, "select record_campaign_metrics(%s)", Jsonb(rows))
    assert counts(old, LOSER)[4:6] == (2, 2)


# -------------------------------------------------------------------------------------------------
# And the system works there
# -------------------------------------------------------------------------------------------------


def test_every_statement_of_the_guide_runs(server: Server) -> None:
    for scripts in ((OLDER,), (OLDER, OLDER_AUTONOMOUS)):
        url = prepared(server, *scripts)
        migrated(url)
        with psycopg.connect(url) as db:
            # a bad rule cannot be switched on, and the guide switches all on
            db.execute("delete from autonomous_rules where rule_name like 'Old one%'")
            run_guide(db)


def test_a_run_pauses_in_their_spelling_and_rolls_back_to_the_very_text(old: Db) -> None:
    assert one(old, "select paused_text from autonomy_policy") == "Paused"
    result = one(old, "select run_autonomous_operations()")
    assert result["success"] is True
    assert result["actions_taken"]["campaigns_paused"] >= 1
    assert one(old, "select status from campaigns where id = %s", LOSER) == "Paused"
    assert one(old, "select budget from campaigns where id = %s", WINNER) == Decimal("200.00")
    action = one(
        old,
        "select id from autonomous_actions where campaign_id = %s and action_type = 'auto_pause'",
        LOSER,
    )
    old.execute("select rollback_autonomous_action(%s)", (action,))
    assert one(old, "select status from campaigns where id = %s", LOSER) == "Active"


def test_the_guides_lower_case_is_taken_too(old: Db) -> None:
    old.execute("update campaigns set status = 'active' where id = %s", (LOSER,))
    with pytest.raises(psycopg.errors.CheckViolation):
        old.execute("update campaigns set status = 'gone' where id = %s", (LOSER,))


@pytest.mark.parametrize(
    ("change", "spelling"),
    [
        ("select 1", "Paused"),
        ("update public.campaigns set status = 'Active'", "Paused"),
        (
            (
                "alter table public.campaigns drop constraint campaigns_status_check;"
                "update public.campaigns set status = upper(status)"
            ),
            "PAUSED",
        ),
        (
            (
                "alter table public.campaigns drop constraint campaigns_status_check;"
                "update public.campaigns set status = 'ACTIVE'"
            ),
            "PAUSED",
        ),
        (
            (
                "alter table public.campaigns drop constraint campaigns_status_check;"
                "update public.campaigns set status = lower(status)"
            ),
            "paused",
        ),
        ("truncate public.campaigns cascade", "Paused"),
        (
            (
                "truncate public.campaigns cascade;"
                "alter table public.campaigns drop constraint campaigns_status_check"
            ),
            "paused",
        ),
    ],
)
def test_the_spelling_of_paused_is_found(server: Server, change: str, spelling: str) -> None:
    url = prepared(server, OLDER, change)
    migrated(url)
    with psycopg.connect(url, autocommit=True) as db:
        assert one(db, "select paused_text from autonomy_policy") == spelling
        db.execute("select autonomy_reset_defaults()")
        assert one(db, "select paused_text from autonomy_policy") == spelling


# -------------------------------------------------------------------------------------------------
# Other shapes
# -------------------------------------------------------------------------------------------------


def test_the_three_autonomous_tables_keep_their_odd_rows(server: Server) -> None:
    url = prepared(server, OLDER, OLDER_AUTONOMOUS)
    said = migrated(url)
    assert any("deleted the log with the campaign" in line for line in said)
    with psycopg.connect(url, autocommit=True) as db:
        names = [
            name for (name,) in db.execute("select rule_name from autonomous_rules order by 1")
        ]
        assert names == [
            "Critical ROI Pause", "Exceptional ROI Aggressive Scale", "High ROI Scale",
            "Low ROI Pause", "Old one", "Old one (2)",
        ]  # fmt: skip
        assert (
            one(
                db,
                "select condition ->> 'threshold' from autonomous_rules where rule_name = 'Low ROI Pause'",
            )
            == "0.7"
        )
        actions = db.execute(
            "select action_type, status, error, executed_at, reviewer from autonomous_actions order by id"
        ).fetchall()
        assert [(a[0], a[1], a[2]) for a in actions] == [
            ("auto_pause", "executed", None), ("email_sent", "skipped", None),
            ("auto_pause", "failed", "EXPIRED"), ("auto_pause", "pending", None),
        ]  # fmt: skip
        assert actions[0][3] is not None
        assert {a[4] for a in actions} == {"Ann"}
        opportunities = db.execute(
            "select severity, status from optimization_opportunities order by severity"
        ).fetchall()
        assert sorted(opportunities) == [("high", "resolved"), ("urgent", "open")]
        db.execute("delete from autonomous_actions where status = 'pending'")
        result = one(db, "select run_autonomous_operations()")
        assert result["success"] is True
        assert result["actions_taken"]["campaigns_paused"] >= 1
        assert len(result["rules_skipped"]) == 1
        # A log outlives its campaign.
        db.execute("delete from campaign_performance where campaign_id = %s", (RESTING,))
        db.execute("delete from campaigns where id = %s", (RESTING,))
        assert (
            one(db, "select count(*) from autonomous_actions where campaign_id = %s", RESTING) == 1
        )


def test_deferred_constraints_of_theirs_are_no_hindrance(server: Server) -> None:
    url = prepared(
        server,
        OLDER,
        """create function public.look() returns trigger language plpgsql as 'begin return null; end';
        create constraint trigger look after update on public.campaign_performance
          deferrable initially deferred for each row execute function public.look();""",
    )
    migrated(url)
    with psycopg.connect(url) as db:
        assert one(db, "select tginitdeferred from pg_trigger where tgname = 'look'") is True


def test_several_rows_for_one_campaign_are_coped_with(server: Server) -> None:
    url = prepared(
        server,
        OLDER,
        f"""insert into public.campaign_performance (campaign_id, total_spend, total_revenue, total_conversions)
            values ('{WINNER}', 1000, 4000, 70), (null, 1, 1, 1);""",
    )
    said = migrated(url)
    assert any("several rows for one campaign" in line for line in said)
    with psycopg.connect(url, autocommit=True) as db:
        assert one(
            db,
            "select count(*), max(life_conversions) from campaign_facts where campaign_id = %s",
            WINNER,
        ) == (1, 70)
        result = one(db, "select run_autonomous_operations()")
        assert result["success"] is True
        db.execute(
            "update campaign_performance set total_conversions = 75 where campaign_id = %s and total_conversions = 60",
            (WINNER,),
        )
        assert (
            one(db, "select life_conversions from campaign_facts where campaign_id = %s", WINNER)
            == 75
        )
        run_guide(db)


def test_missing_columns_are_added(server: Server) -> None:
    url = prepared(
        server,
        """create table public.campaigns (id uuid, name text, status text);
        create table public.campaign_performance (campaign_id uuid, total_conversions int);
        insert into public.campaigns values ('00000000-0000-0000-0000-000000000001', 'Named', 'Active');
        insert into public.campaign_performance values ('00000000-0000-0000-0000-000000000001', 4);""",
    )
    said = migrated(url)
    assert any(line.startswith("campaigns.budget was missing") for line in said)
    with psycopg.connect(url, autocommit=True) as db:
        assert one(db, "select title, budget, account, autonomous_enabled from campaigns") == (
            "Named",
            None,
            "default",
            True,
        )
        assert one(db, "select conversions, total_spend, roi from campaign_performance") == (
            4,
            0,
            None,
        )
        assert one(db, "select run_autonomous_operations()")["success"] is True
        run_guide(db)


@pytest.mark.parametrize(
    "cast", ["", "create cast (public.campaign_state as text) with inout as implicit;"]
)
def test_other_types_are_widened(server: Server, cast: str) -> None:
    url = prepared(
        server,
        "create type public.campaign_state as enum ('Active', 'Paused');" + cast,
        """create table public.campaigns (id uuid primary key, title text, budget money default 5,
          status public.campaign_state default 'Active', created_at timestamp default now(), updated_at date);
        create view public.active as select * from public.campaigns where status = 'Active';
        create table public.campaign_performance (id serial primary key, campaign_id uuid unique,
          total_spend float8, total_revenue float8, conversions int default 0, clicks int, impressions int,
          roi float8, ctr real, updated_at timestamp,
          conversion_rate numeric generated always as (case when clicks > 0 then 1.0 * conversions / clicks end) stored);
        create view public.rates as select conversion_rate from public.campaign_performance;
        insert into public.campaigns values
          ('00000000-0000-0000-0000-000000000001', 'A', 100.5, 'Active', now() at time zone 'UTC' - interval '9 days', null),
          ('00000000-0000-0000-0000-000000000002', 'B', 10, 'Active', null, null);
        insert into public.campaign_performance (campaign_id, total_spend, total_revenue, conversions, clicks, impressions, updated_at)
        values ('00000000-0000-0000-0000-000000000001', 300.1, 2000.25, 50, 400, 5000, now() at time zone 'UTC'),
               ('00000000-0000-0000-0000-000000000002', 'NaN', 'Infinity', 50, 400, 5000, now() at time zone 'UTC');""",
    )
    migrated(url)
    with psycopg.connect(url, autocommit=True) as db:
        assert one(
            db,
            "select budget, status, created_at < now() - interval '8 days' from active where title = 'A'",
        ) == (Decimal("100.50"), "Active", True)
        assert one(db, "select max(conversion_rate) from rates") == Decimal("12.5")
        assert one(
            db, "select life_spend, life_revenue from campaign_facts where campaign_id = %s", WINNER
        ) == (None, None)
        db.execute("update campaign_performance set conversions = 60")
        assert one(db, "select max(conversion_rate) from rates") == Decimal(15)
        result = one(db, "select run_autonomous_operations()")
        assert result["actions_taken"]["campaigns_scaled"] == 1
        assert one(db, "select budget from campaigns where title = 'A'") == Decimal("201.00")
        run_guide(db)


@pytest.mark.parametrize("whole", ["integer", "bigint"])
def test_whole_conversions_are_widened_under_the_views_that_read_them(
    server: Server, whole: str
) -> None:
    """A time series that was here before: its rows, its view and its writer's upsert stay."""
    url = prepared(
        server,
        f"""create table public.campaigns (id uuid primary key, title text, budget numeric(14,2), status text,
          created_at timestamptz default now() - interval '9 days');
        create table public.campaign_metrics (campaign_id uuid not null references public.campaigns, bucket timestamptz,
          impressions bigint default 0, reach bigint default 0, clicks bigint default 0,
          conversions {whole} not null default 0, spend numeric(14,2) default 0, revenue numeric(14,2) default 0,
          primary key (campaign_id, bucket));
        create view public.by_campaign as
          select campaign_id, sum(conversions) as conversions, min(conversions) + 1 as more
          from public.campaign_metrics group by campaign_id;
        comment on view public.by_campaign is 'For the weekly report';
        insert into public.campaigns values ('{LOSER}', 'A', 100, 'active');
        insert into public.campaign_metrics (campaign_id, bucket, conversions, spend)
          select '{LOSER}', date_trunc('day', now()) - i * interval '1 day', i, 10 from generate_series(1, 4) i;""",
    )
    migrated(url)
    with psycopg.connect(url, autocommit=True) as db:
        assert one(db, "select conversions, more from by_campaign") == (10, 2)
        assert one(db, "select obj_description('by_campaign'::regclass)") == "For the weekly report"
        assert one(db, "select life_conversions from campaign_facts") == 10
        db.execute("update campaign_metrics set conversions = 0.4")
        assert one(db, "select conversions from by_campaign") == Decimal("1.6")
        assert one(db, "select conversions from campaign_performance") == 2
        assert one(db, "select life_conversions from campaign_facts") == 1.6
        run_guide(db)


def test_what_is_generated_from_conversions_is_generated_again(server: Server) -> None:
    url = prepared(
        server,
        f"""create table public.campaigns (id uuid primary key, title text, budget numeric(14,2), status text,
          created_at timestamptz default now() - interval '9 days');
        create table public.campaign_metrics (campaign_id uuid not null references public.campaigns, bucket timestamptz,
          impressions bigint default 0, reach bigint default 0, clicks bigint default 0,
          conversions integer not null default 0, spend numeric(14,2) default 0, revenue numeric(14,2) default 0,
          cpa numeric generated always as (spend / nullif(conversions, 0)) stored, primary key (campaign_id, bucket));
        create index by_cpa on public.campaign_metrics (cpa) where cpa > 0;
        comment on column public.campaign_metrics.cpa is 'Ours';
        create view public.dear as select campaign_id, max(cpa) as cpa from public.campaign_metrics group by campaign_id;
        insert into public.campaigns values ('{LOSER}', 'A', 100, 'active');
        insert into public.campaign_metrics (campaign_id, bucket, conversions, spend)
          select '{LOSER}', date_trunc('day', now()) - interval '1 day', 4, 10;""",
    )
    migrated(url)
    with psycopg.connect(url, autocommit=True) as db:
        assert one(db, "select cpa from dear") == Decimal("2.5")
        db.execute("update campaign_metrics set conversions = 0.4")
        assert one(db, "select cpa from dear") == 25
        assert one(db, "select to_regclass('by_cpa')::text") == "by_cpa"
        told = "select col_description(attrelid, attnum) from pg_attribute where attname = 'cpa' and attrelid = "
        assert one(db, told + "'campaign_metrics'::regclass") == "Ours"


@pytest.mark.parametrize(
    "script",
    [
        "create table public.campaigns (id text primary key, status text)",
        "create table public.campaigns (id bigint primary key, status text)",
        "create table public.campaign_performance (campaign_id text)",
        "create view public.campaigns as select gen_random_uuid() as id, 'active' as status",
        (
            "create table public.campaigns (id uuid, status text);"
            "insert into public.campaigns select '00000000-0000-0000-0000-000000000001' from generate_series(1, 2)"
        ),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_changes(
    server: Server, script: str
) -> None:
    url = prepared(server, script)
    with pytest.raises(MigrationError) as caught:
        apply(url)
    assert "campaign" in caught.value.message
    assert caught.value.hint.startswith("Nothing has been changed.")
    with psycopg.connect(url) as db:
        assert (
            one(
                db,
                "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relname like 'autonom%'",
            )
            == 0
        )


def test_their_rights_and_row_security_are_as_they_were(server: Server) -> None:
    url = prepared(
        server,
        OLDER,
        """alter table public.campaigns enable row level security;
        create policy everyone on public.campaigns for select to anon using (true);
        grant select on public.campaigns to anon;
        grant select, update on public.campaign_performance to authenticated;""",
    )
    said = migrated(url)
    assert any(
        "campaign_performance was here before and has no row level security" in line
        for line in said
    )
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("set role anon")
        assert one(db, "select count(*) from campaigns") == 4
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("select * from autonomy_policy")
        db.execute("set role authenticated")
        assert one(db, "select count(*) from campaign_performance") == 4
        db.execute("set role service_role")
        assert one(db, "select count(*) from campaigns") == 4
        db.execute("update campaigns set budget = 5 where id = %s", (EVEN,))
        db.execute("reset role")
        assert (
            one(db, "select relrowsecurity from pg_class where relname = 'campaign_performance'")
            is False
        )


def test_the_age_of_their_figures_is_what_it_was(old: Db) -> None:
    age = one(old, "select now() - data_at from campaign_facts where campaign_id = %s", RESTING)
    assert age > timedelta(days=79)

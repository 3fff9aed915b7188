"""The two scripts for an SQL editor: the guide whole after the first, all of it after both."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from autonomy.migrate import SQL_FOLDER, Migration, apply, current, migrations
from autonomy.pasted_scripts import (
    FIRST,
    SECOND,
    first_script,
    is_for_pages,
    missing,
    second_script,
    write_scripts,
)
from autonomy.schema_names import Made, made_by
from autonomy.sql_comments import without_comment_lines
from tests.sql.guide import run_guide
from tests.sql.servers import Db, Server, paste
from tests.sql.test_guide_statements import account
from tests.sql.test_migrations import NAMES, columns, copied, version
from tests.sql.test_theirs import everything

LIMIT = int(0.98 * 1024 * 1024)  # bytes: what the hosted editor takes in
ROOM = 0.8
SCRIPTS = pytest.mark.parametrize("script", [first_script, second_script], ids=["first", "second"])
SECOND_FILES = [each for each in migrations() if is_for_pages(each.name)]
FIRST_FILES = [each for each in migrations() if not is_for_pages(each.name)]


def made(files: list[Migration]) -> Iterator[Made]:
    for each in files:
        yield from made_by(each.text)


def pasted(db: Db, text: str) -> None:
    """As an editor does it; it ends without a row."""
    cursor = db.execute(text.encode())
    last = cursor.description
    while cursor.nextset():
        last = cursor.description
    assert last is None


# -------------------------------------------------------------------------------------------------
# What is written
# -------------------------------------------------------------------------------------------------


def test_they_are_made_from_the_files(tmp_path: Path) -> None:
    assert (SQL_FOLDER / FIRST).read_text() == first_script(), "run `make sql`"
    assert (SQL_FOLDER / SECOND).read_text() == second_script(), "run `make sql`"
    written = write_scripts(copied(tmp_path))
    assert [path.read_text() for path in written] == [first_script(), second_script()]


@SCRIPTS
def test_each_is_small_enough_to_be_pasted(script: Callable[[], str]) -> None:
    text = script()
    assert len(text.encode()) < ROOM * LIMIT, (
        "move files that nothing in the first script names to the second"
    )
    assert len(json.dumps(text, ensure_ascii=False).encode()) < 1024 * 1024  # what is sent
    comments = [line for line in text.splitlines() if line.lstrip().startswith("--")]
    assert "do not edit. Its sources are" in " ".join(comments[:4])
    assert len(comments) < 3 * len(NAMES)
    assert not re.search(r"/work/|/tmp/|password|localhost", text)


def test_every_file_is_in_one_of_them() -> None:
    listed = re.compile(r"^-- (\d{4}_\w+)\.sql$", re.MULTILINE)
    first, second = listed.findall(first_script()), listed.findall(second_script())
    assert sorted(first + second) == sorted([*NAMES, NAMES[-1]])  # rights end both
    assert second[-1] == first[-1] == NAMES[-1]


# -------------------------------------------------------------------------------------------------
# The first stands alone
# -------------------------------------------------------------------------------------------------


def test_nothing_in_the_first_names_what_the_second_makes() -> None:
    """Neither calls it nor reads it, in functions, triggers, defaults and loose statements."""
    theirs = {(one.kind, one.schema, one.name) for one in made(SECOND_FILES)}
    assert len(theirs) > 150
    functions = {name for kind, _, name in theirs if kind == "function"}
    relations = {f"{schema}.{name}" for kind, schema, name in theirs if kind in ("table", "type")}
    found = []
    for each in FIRST_FILES:
        text = without_comment_lines(each.text)
        # what is said of a thing calls nothing
        text = re.sub(r"^comment on [^;]*? is\s*(?:'(?:''|[^'])*'\s*)+;", "", text, flags=re.M)
        words = set(re.findall(r"\w+", text)) & functions
        named = set(re.findall(r"\b(?:public|autonomy)\.\w+", text)) & relations
        found += [(each.name, name) for name in sorted(words | named)]
    assert found == []


def test_the_first_names_all_that_it_makes_itself() -> None:
    """The reading above would see a call: it sees those of the second script to the first."""
    functions = {one.name for one in made(FIRST_FILES) if one.kind == "function"}
    seen = set(re.findall(r"\w+", "\n".join(each.text for each in SECOND_FILES))) & functions
    assert {"hold_schema", "rollback_autonomous_actions"} <= seen


def test_the_guide_holds_after_the_first_alone(server: Server) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(2):
            pasted(db, first_script())
        account(db)
        [(taken,)] = db.execute("select run_autonomous_operations() -> 'actions_taken'").fetchall()
        assert (taken["campaigns_paused"], taken["campaigns_scaled"]) == (1, 1)
        tables, functions, rules = list(run_guide(db).values())[:3]
        assert (len(tables), len(functions), len(rules)) == (3, 6, 4)
        # the triggers of the tables that people write to
        db.execute("update campaigns set budget = budget + 1, account = 'other'")
        db.execute("update autonomy_policy set time_zone = 'Asia/Kolkata'")
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, spend)"
            " select id, date_trunc('day', now()), 900, 9, 5 from campaigns"
        )
        row = db.execute("select run_autonomous_operations() ->> 'success'").fetchone()
        assert row == ("true",)


def test_an_action_of_the_first_alone_is_taken_back_and_shown_by_the_second(
    server: Server,
) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        pasted(db, first_script())
        account(db)
        db.execute("select run_autonomous_operations()")
        [(action,)] = db.execute(
            "select id from autonomous_actions where action_type = 'auto_pause'"
        ).fetchall()
        db.execute("select rollback_autonomous_action(%s)", (action,))
        shown = "select count(*) from jsonb_array_elements(dashboard_actions() -> 'actions')"
        with pytest.raises(psycopg.errors.UndefinedFunction):
            db.execute(shown)
        pasted(db, second_script())
        assert db.execute(shown).fetchone() == (2,)
        assert db.execute("select sum(actions) from autonomy.dashboard_action_days").fetchone() == (
            2,
        )
        assert db.execute("select count(*) from autonomy.action_results").fetchone() == (2,)
    assert current(version(url))


# -------------------------------------------------------------------------------------------------
# Both are what the migrations make
# -------------------------------------------------------------------------------------------------


def test_both_do_it_all_and_return_no_row(server: Server) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        for script in (first_script(), second_script(), second_script()):
            pasted(db, script)
    assert current(version(url))
    assert apply(url) == []
    assert columns(url) == columns(server.migrated())


def test_both_make_what_the_files_make(server: Server) -> None:
    """But for comments and spaces in the bodies of functions, and for what is said of functions and
    of what lies in the inner schema: those stand in the files alone."""
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(2):
            paste(db)
    ours = everything(server.migrated())
    assert len(ours) > 500
    found = everything(url)
    assert ours.keys() == found.keys()
    for what, one in ours.items():
        how, theirs = one, found[what]
        if what.startswith("function"):
            assert theirs.endswith("[autonomous-operations]")
            how, theirs = (text.rpartition("$function$")[0] for text in (how, theirs))
        elif what.startswith("column autonomy."):
            continue  # nothing but what is said of it
        elif re.match(r"relation autonomy\..* [rc]$|type autonomy\.", what):
            how = re.sub(r"\b[A-Z][^\[]*(?=\[autonomous-operations\])", "", how)
        assert without_comment_lines(how) == without_comment_lines(theirs), what
    assert not any("\n  -- " in how for how in found.values())
    assert any("\n  -- " in how for how in ours.values())


def test_they_work_inside_a_transaction_of_the_editor(server: Server) -> None:
    url = server.database()
    for script in (first_script(), second_script()):
        with psycopg.connect(url) as db:
            db.execute("select 1")
            db.execute(script.encode())
    assert current(version(url))


def test_the_first_leaves_nothing_when_it_fails(server: Server) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("create table campaigns (id text primary key, status text)")
        with pytest.raises(psycopg.Error, match="needs uuid"):
            db.execute(first_script().encode())
    with psycopg.connect(url) as db:
        row = db.execute("select count(*) from pg_class where relname like 'autonom%'").fetchone()
        assert row == (0,)


@SCRIPTS
def test_a_client_that_goes_on_after_an_error_commits_no_half(
    server: Server, script: Callable[[], str]
) -> None:
    """As psql does with ON_ERROR_ROLLBACK: each statement in a savepoint of its own."""
    url = server.database()
    text = script().split("-- No run and no other", maxsplit=1)[0]
    guard = text[text.index("create or replace function pg_temp") :]
    statements = re.split(r"(?<=;)\n(?=create|insert|set)", guard.strip())
    assert len(statements) == 5
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("begin")
        for statement in [*statements, "create table half ()"]:
            with db.transaction():
                db.execute(statement.encode())
        with pytest.raises(psycopg.Error, match="goes on after an error"):
            db.execute("commit")
        assert db.execute("select to_regclass('half')").fetchone() == (None,)
        with db.transaction():
            for statement in statements:
                db.execute(statement.encode())


# -------------------------------------------------------------------------------------------------
# One without the other, and one of another version
# -------------------------------------------------------------------------------------------------


def changed(folder: Path, name: str) -> Path:
    path = copied(folder) / f"{name}.sql"
    path.write_text(path.read_text() + "\nselect 'another version';\n")
    return folder


def refused(url: str, script: str) -> None:
    before = everything(url)
    with psycopg.connect(url, autocommit=True) as db:
        with pytest.raises(psycopg.Error, match="this is the second") as caught:
            db.execute(script.encode())
        db.execute("rollback")
    assert caught.value.sqlstate == "AO010"
    assert caught.value.diag.message_hint == (
        f"Nothing has been changed. Run {FIRST}, then this one again."
    )
    assert everything(url) == before


def test_the_second_without_the_first_says_so_and_changes_nothing(server: Server) -> None:
    refused(server.database(), second_script())
    theirs = server.database()
    with psycopg.connect(theirs) as db:
        db.execute("create table autonomy_migrations (name text, checksum text)")
    refused(theirs, second_script())


def test_the_second_goes_onto_no_other_version(server: Server, tmp_path: Path) -> None:
    refused(server.migrated(), second_script(changed(tmp_path, "0630_judge")))


def test_an_upgrade_by_the_first_leaves_no_old_second(server: Server, tmp_path: Path) -> None:
    """What the second made is gone, its rows are not, and everything says what to run."""
    url = server.migrated()
    folder = changed(tmp_path, "0630_judge")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "create role auditor; grant execute on function rule_scoreboard(timestamptz) to auditor"
        )
        db.execute("select dashboard_sign_in_failed('somebody')")
        db.execute(first_script(folder).encode())
        left = db.execute(
            "select proname::text from pg_proc where proname = any (%s)"
            " and pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)",
            ([one.name for one in made(SECOND_FILES) if one.kind == "function"],),
        ).fetchall()
        assert left == []
        assert not current(version(url), folder=folder)
        assert db.execute("select run_autonomous_operations() ->> 'success'").fetchone() == (
            "true",
        )
        db.execute(second_script(folder).encode())
        kept = db.execute("select count(*) from autonomy.dashboard_failed_sign_ins").fetchone()
        assert kept == (1,)
        granted = (
            "select has_function_privilege('auditor', 'rule_scoreboard(timestamptz)', 'execute')"
        )
        assert db.execute(granted).fetchone() == (True,)
        assert db.execute("select count(*) from autonomy.kept_grants").fetchone() == (0,)
        db.execute("drop owned by auditor; drop role auditor")
    assert current(version(url), folder=folder)


def test_a_role_that_is_gone_gets_nothing_back(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "create role leaver; grant execute on function rule_scoreboard(timestamptz) to leaver"
        )
        db.execute(first_script().encode())
        db.execute("drop role leaver")
        db.execute(second_script().encode())
    assert current(version(url))


def test_a_newer_second_alone_takes_the_place_of_the_older(server: Server, tmp_path: Path) -> None:
    url = server.migrated()
    folder = copied(tmp_path)
    path = folder / "1066_platforms.sql"
    text = path.read_text()
    begins = text.index("create function public.disconnect_platform_account")
    path.write_text(text[:begins] + text[text.index("[autonomous-operations]';", begins) + 26 :])
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(second_script(folder).encode())
        gone = "select to_regproc('disconnect_platform_account')"
        assert db.execute(gone).fetchone() == (None,)
        assert db.execute("select to_regproc('connect_platform_account')").fetchone() != (None,)
    assert current(version(url), folder=folder)
    assert apply(url, folder=folder) == []


def test_a_view_that_reads_what_the_second_makes_stops_the_first(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("create view mine as select rule_scoreboard()")
        before = everything(url)
        with pytest.raises(psycopg.Error, match=r"The view public\.mine reads") as caught:
            db.execute(first_script().encode())
        db.execute("rollback")
        assert "the second of the pasted scripts" in str(caught.value.diag.message_hint)
        assert everything(url) == before
        db.execute(second_script().encode())
    assert everything(url).keys() == before.keys()


def test_what_is_missing_is_named() -> None:
    checksums = {each.name: each.checksum for each in FIRST_FILES}
    begins = "Migrations are missing: python -m autonomy migrate, or run "
    older = {**checksums, FIRST_FILES[0].name: "another"}
    nothing: dict[str, object] = {"files": {}}
    for seen in (None, nothing, {"files": older}):
        assert missing(seen) == f"{begins}sql/{FIRST}, then sql/{SECOND} in the SQL editor."
    assert missing({"files": checksums}) == f"{begins}sql/{SECOND} in the SQL editor."

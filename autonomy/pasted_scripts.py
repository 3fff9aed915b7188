"""The schema as two scripts for an SQL editor: generated, and held equal by a test.

An editor takes in about one megabyte. So the first script makes what decides and acts by itself,
all of the guide; the second what pages, programs, reports, feeds and platforms ask for. Each is one
transaction. The first takes away what the second made, so that no function is ever beside one of
another version; the second goes only onto the first of its own version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from autonomy.migrate import ALONE, SQL_FOLDER, Migration, applied, migrations, steps
from autonomy.sql_comments import without_comment_lines

FIRST = "create_autonomous_operations.sql"
SECOND = "create_autonomous_operations_pages.sql"
_PAGES_FROM = "1000"
_PAGES_TOO = {
    "0235_platform_pulls",
    "0236_platform_units",
    "0237_platform_days",
    "0665_platform_pushes",
    "0666_platform_deliveries",
    "0667_record_deliveries",
    "0668_platform_history",
    "0669_platform_questions",
    "0670_audit",
    "0910_action_results",
    "0920_rule_scores",
    "0930_insights",
    "0945_account_proof",
    "0960_feed_views",
    "0961_feed_rows",
    "0962_feed_writes",
    "0963_import_feed",
}
_RIGHTS = "9900_rights"  # ends both scripts

_HEADER = {
    FIRST: f"""\
-- Autonomous campaign operations for the Supabase SQL editor: all that decides and acts.
-- Generated (python -m autonomy sql); do not edit. Its sources are the numbered files of this
-- folder; their comments are left out here, so that the script stays small enough to be pasted.
-- Safe to run again, and on a database that has campaigns and campaign_performance already.
-- The dashboard, the API, reports, feeds and platforms need {SECOND}
-- too, after this one each time.
""",
    SECOND: f"""\
-- Autonomous campaign operations for the Supabase SQL editor: what the dashboard, the API, reports,
-- feeds and platforms ask for. Generated (python -m autonomy sql); do not edit. Its sources are
-- numbered files of this folder, without their comments.
-- Run it after {FIRST} of the same version; safe to run again.
""",
}
_MARK = "[autonomous-operations]"
_SAID = re.compile(
    r"^comment on (?P<what>function (?:autonomy|public)|(?:table|column|type) autonomy)\."
    r"(?P<name>[^']*?) is\s*(?:'(?:''|[^'])*'\s*)+;\n",
    re.MULTILINE | re.IGNORECASE,
)
_PATH = re.compile(r"^(language [a-z ]+) set search_path=''(?=\n?as \$)", re.MULTILINE)
_SETTINGS = """\
set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';
"""  # each file says them; within one transaction the first holds
_MARKS = """\
do $$
declare
v_function regprocedure;
begin
for v_function in
select p.oid from pg_catalog.pg_proc p
where p.pronamespace in ('autonomy'::regnamespace, 'public'::regnamespace) and p.prokind = 'f'
and p.xmin = pg_catalog.pg_current_xact_id()::xid and obj_description(p.oid, 'pg_proc') is null
loop
execute format('comment on function %s is %L', v_function, '[autonomous-operations]');
if (select p.proconfig is null from pg_catalog.pg_proc p where p.oid = v_function) then
execute format('alter function %s set search_path = %L', v_function, '');
end if;
end loop;
end $$;
"""  # what this transaction has made is ours, and the rights go by the mark
_BEGIN = """\
begin;
set local lock_timeout = '30s';
set local statement_timeout = '15min';
-- A client that goes on after an error (psql: ON_ERROR_ROLLBACK) would commit a half. It runs each
-- statement within a savepoint: what the first one makes is not the outer transaction's own.
create or replace function pg_temp.autonomy_whole() returns trigger language plpgsql as $$ begin
  raise exception using errcode = 'AO010',
    message = 'Nothing has been changed: this client goes on after an error.',
    hint = 'In psql: \\set ON_ERROR_ROLLBACK off';
end $$;
create temporary table autonomy_whole (is_whole boolean) on commit drop;
create constraint trigger autonomy_whole after insert on autonomy_whole
  deferrable initially deferred
  for each row when (not new.is_whole) execute function pg_temp.autonomy_whole();
insert into pg_temp.autonomy_whole select pg_catalog.pg_current_xact_id()::pg_catalog.xid = c.xmin
  from pg_catalog.pg_class c where c.oid = 'pg_temp.autonomy_whole'::pg_catalog.regclass;
set local client_min_messages = 'warning';
"""
_ONLY_ONTO = """\
-- Onto the first script of the same version and nothing else.
do $$ begin
if obj_description(to_regclass('public.autonomy_migrations'), 'pg_class')
like '%[autonomous-operations]' then
if not exists (select from (values
{rows}
) w (name, checksum)
where not exists (select from public.autonomy_migrations m
where m.name = w.name and m.checksum = w.checksum))
then return; end if;
end if;
raise exception using errcode = 'AO010',
message = 'The first script of this version has not been run here, and this is the second.',
hint = 'Nothing has been changed. Run {first}, then this one again.';
end $$;
"""
_REGISTER = """\
delete from public.autonomy_migrations where {old};
insert into public.autonomy_migrations (name, checksum, applied_at)
select w.name, w.checksum, pg_catalog.clock_timestamp() from (values
{rows}
) w (name, checksum);
commit;
"""


def is_for_pages(name: str) -> bool:
    """Whether a file belongs to the second script. From 1000 on they do, and those listed above:
    nothing in the first script may name what they make; a test holds that."""
    return name in _PAGES_TOO or _PAGES_FROM <= name < _RIGHTS


def first_script(folder: Path = SQL_FOLDER) -> str:
    """All that decides, as one transaction that also writes down that it was applied.

    It ends without a result row: the SQL editor then says "Success. No rows returned".
    """
    first, _ = _halves(folder)
    return "\n".join(
        [
            _HEADER[FIRST],
            _BEGIN,
            ALONE,
            *_pieces(steps(first)),
            _REGISTER.format(old="true", rows=_rows(first)),
        ]
    )


def second_script(folder: Path = SQL_FOLDER) -> str:
    """The rest, as a transaction that goes onto the first script of this version alone."""
    first, second = _halves(folder)
    rights = [each for each in first if each.name == _RIGHTS]
    names = ", ".join(f"'{each.name}'" for each in first)
    return "\n".join(
        [
            _HEADER[SECOND],
            _BEGIN,
            ALONE,
            _ONLY_ONTO.format(rows=_rows(first), first=FIRST),
            *_pieces(steps(second + rights, beside=first)),
            _REGISTER.format(old=f"name not in ({names})", rows=_rows(second)),
        ]
    )


def missing(version: Mapping[str, Any] | None) -> str:
    """What to do where a database is not up to date, from its autonomy_schema_version()."""
    first, _ = _halves(SQL_FOLDER)
    scripts = [f"sql/{SECOND}"] if applied(version, first) else [f"sql/{FIRST}", f"sql/{SECOND}"]
    return (
        "Migrations are missing: python -m autonomy migrate, or run "
        f"{', then '.join(scripts)} in the SQL editor."
    )


def _halves(folder: Path) -> tuple[list[Migration], list[Migration]]:
    files = migrations(folder)
    second = [each for each in files if is_for_pages(each.name)]
    return [each for each in files if each not in second], second


def _rows(files: Iterable[Migration]) -> str:
    return ",\n".join(f"('{each.name}', '{each.checksum}')" for each in files)


def _pieces(steps: Iterable[tuple[Migration | None, str]]) -> Iterator[str]:
    for each, text in steps:
        code = without_comment_lines(text)
        if each is None:
            yield code
            continue
        if each.name == _RIGHTS:
            yield _MARKS
        yield f"-- {each.name}.sql\n" + _without_what_is_said(code.replace(_SETTINGS, ""))


def _without_what_is_said(text: str) -> str:
    """What is said of functions and of the inner schema stands in the files; here it gets the mark
    alone, which says that it is ours: functions all at once, with their search path."""

    def marked(found: re.Match[str]) -> str:
        what = found["what"].lower()
        if _MARK not in found[0]:
            return "" if what.startswith("column") else found[0]
        if what.startswith("function"):
            return ""
        return f"comment on {what}.{found['name']} is '{_MARK}';\n"

    return _PATH.sub(r"\1", _SAID.sub(marked, text))


def write_scripts(folder: Path = SQL_FOLDER) -> list[Path]:
    """Writes both scripts beside the files that they are made of."""
    paths = [folder / FIRST, folder / SECOND]
    for path, text in zip(paths, (first_script(folder), second_script(folder)), strict=True):
        path.write_text(text, encoding="utf-8", newline="\n")
    return paths

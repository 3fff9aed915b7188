"""The whole schema as one script, for an SQL editor: generated, and held equal by a test."""

from __future__ import annotations

import re
from pathlib import Path

from autonomy.migrate import ALONE, SQL_FOLDER, migrations, steps
from autonomy.sql_comments import without_comment_lines

SINGLE_SCRIPT = SQL_FOLDER / "create_autonomous_operations.sql"

_HEADER = """\
-- Autonomous campaign operations: the whole schema as one script, for the Supabase SQL editor.
-- Generated (python -m autonomy sql); do not edit. Its sources are the numbered files of this
-- folder; their comments are left out here, so that the script stays small enough to be pasted.
-- Safe to run again, and on a database that has campaigns and campaign_performance already.
"""
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
_RIGHTS = "9900_rights"
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
_REGISTER = """\
delete from public.autonomy_migrations where true;
insert into public.autonomy_migrations (name, checksum, applied_at) values
{rows};
"""


def single_script(folder: Path = SQL_FOLDER) -> str:
    """All migrations as one transaction that also writes down that they were applied.

    It ends without a result row: the SQL editor then says "Success. No rows returned".
    """
    files = migrations(folder)
    parts = [_HEADER, _BEGIN, ALONE]
    for each, text in steps(files):
        title = f"-- {each.name}.sql\n" if each else ""
        code = without_comment_lines(text)
        if each and each.name == _RIGHTS:
            parts.append(_MARKS)
        parts.append(title + _without_what_is_said(code.replace(_SETTINGS, "") if each else code))
    rows = ",\n".join(
        f"  ('{each.name}', '{each.checksum}', pg_catalog.clock_timestamp())" for each in files
    )
    parts += [_REGISTER.format(rows=rows), "commit;\n"]
    return "\n".join(parts)


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


def write_single_script(path: Path = SINGLE_SCRIPT) -> Path:
    """Writes the single script beside the files that it is made of."""
    path.write_text(single_script(), encoding="utf-8", newline="\n")
    return path

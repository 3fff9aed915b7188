"""The snippets of docs/supabase-cron.md, run with stand-ins for pg_cron, pg_net and Vault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.ops.documents import DOCS, blocks

STAND_INS = """
create schema cron;
create table cron.job (
  jobid bigint generated always as identity primary key,
  schedule text, command text, jobname text unique);
create table cron.job_run_details (
  jobid bigint, start_time timestamptz, end_time timestamptz, status text, return_message text);
-- pg_cron: schedule(job_name, schedule, command) replaces a job of the same name.
create function cron.schedule(job_name text, schedule text, command text) returns bigint
language sql as $$
  insert into cron.job (jobname, schedule, command) values (job_name, schedule, command)
  on conflict (jobname) do update set schedule = excluded.schedule, command = excluded.command
  returning jobid $$;
create function cron.unschedule(job_name text) returns boolean
language sql as $$ delete from cron.job where jobname = job_name returning true $$;

create schema vault;
create table vault.secrets (name text unique, secret text, description text);
create view vault.decrypted_secrets as select name, secret as decrypted_secret from vault.secrets;
create function vault.create_secret(
  new_secret text, new_name text default null, new_description text default '') returns uuid
language sql as $$
  insert into vault.secrets values (new_name, new_secret, new_description)
  returning gen_random_uuid() $$;

create schema net;
create table net.http_request_queue (
  id bigint generated always as identity,
  url text, body jsonb, params jsonb, headers jsonb, timeout_milliseconds integer);
create table net._http_response (
  id bigint, status_code integer, content text, error_msg text,
  created timestamptz default now());
create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}',
  headers jsonb default '{"Content-Type": "application/json"}',
  timeout_milliseconds integer default 5000) returns bigint
language sql as $$
  insert into net.http_request_queue (url, body, params, headers, timeout_milliseconds)
  values (url, body, params, headers, timeout_milliseconds) returning id $$;
"""


@pytest.fixture
def database(scratch_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(scratch_database(), autocommit=True) as connection:
        connection.execute(STAND_INS.encode())
        yield connection


def snippets(heading: str) -> list[str]:
    """The statements of a section; the extensions are stood in for."""
    text = "\n".join(
        one.text for one in blocks(DOCS / "supabase-cron.md", "sql") if one.heading == heading
    )
    text = re.sub(r"^create extension if not exists \w+;$", "", text, flags=re.MULTILINE)
    assert text.strip()
    return [
        part
        for part in re.split(r";\n", re.sub(r"^ *--.*\n", "", text, flags=re.M))
        if part.strip()
    ]


def run_job(database: psycopg.Connection, name: str) -> str:
    """What pg_cron does when it is time; gives the schedule."""
    row = database.execute(
        "select schedule, command from cron.job where jobname = %s", (name,)
    ).fetchone()
    assert row is not None
    database.execute(row[1])
    return str(row[0])


def test_a_run_inside_the_database(database: psycopg.Connection) -> None:
    schedule, details, runs = snippets("A run inside the database")
    for _ in range(2):  # it can be run again
        database.execute(schedule.encode())
    assert run_job(database, "autonomous-operations") == "0 * * * *"
    database.execute(details.encode())
    (row,) = database.execute(runs.encode()).fetchall()
    assert row[2] == "completed"
    assert "campaigns_paused" in row[3]


def test_the_database_calls_the_function(database: psycopg.Connection) -> None:
    address, token, schedule, answers = snippets("The database calls the function")
    database.execute(address.replace("<function-address>", "ops.example/run").encode())
    database.execute(token.replace("<operator-token>", "a-token").encode())
    database.execute(schedule.encode())
    assert run_job(database, "autonomous-operations-call") == "0 * * * *"
    row = database.execute("select url, body, headers from net.http_request_queue").fetchone()
    assert row is not None
    url, body, headers = row
    assert url == "https://ops.example/run"
    assert body == {"reason": "Supabase Cron"}
    assert headers["Authorization"] == "Bearer a-token"
    assert headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"pg_cron:\d{4}-\d\d-\d\dT\d\d:\d\d", headers["Idempotency-Key"])
    job = database.execute("select string_agg(command, '') from cron.job").fetchone()
    assert job is not None
    assert "a-token" not in job[0], "the token stands in the job's text"
    answer = '{"success": true, "result": {"actions_taken": {"campaigns_paused": 2}}}'
    database.execute("insert into net._http_response values (1, 200, %s)", (answer,))
    (told,) = database.execute(answers.encode()).fetchall()
    assert told[3] == {"campaigns_paused": 2}


def test_stop(database: psycopg.Connection) -> None:
    database.execute(snippets("A run inside the database")[0].encode())
    unschedule, freeze, go_on = snippets("Stop")
    database.execute(unschedule.encode())
    assert database.execute("select from cron.job").fetchall() == []
    database.execute(freeze.encode())
    assert database.execute("select frozen from autonomy_policy").fetchone() == (True,)
    database.execute(go_on.encode())
    assert database.execute("select frozen from autonomy_policy").fetchone() == (False,)

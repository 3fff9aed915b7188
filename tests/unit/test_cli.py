"""The command line: exit codes, and JSON from every command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest

from autonomy.cli import cli, connection, main, serving
from autonomy.cli.ids import IdOrPrefix, whole_id
from autonomy.cli.operate import ACTION_TYPES
from autonomy.cli.output import print_table
from autonomy.config import Settings
from autonomy.errors import BadRequest, NotConfigured, NotFound
from autonomy.web.formats import ACTION_NAMES

WRONG = [
    "nonsense",
    "run --nonsense",
    "run --shard 9/8",
    "run --shard all",
    "run --inactive-rules",
    "run --reason " + "x" * 501,
    "rollback",
    "rollback --force --yes",
    "rollback --from yesterday",
    "rollback --to 2026-13-01",
    "rollback not-an-id",
    "approve",
    "actions --type auto_stop",
    "actions --limit 0",
    "explain",
    "policy set",
    "policy set min_confidence",
    "policy set min_confidence=",
    "policy set --preset bold",
    "accounts set",
    "accounts set X",
    "accounts set X max_budget",
    "accounts set X max_budget=many",
    "accounts set X max_budget=1_000",
    "accounts set X max_budget=nan",
    "accounts set X max_budgte=5",
    "accounts set X frozen=perhaps",
    "rules",
    "rules enable",
    "rules set X",
    "rules set X --condition {",
    "rules set X --condition null",
    'rules set X --condition {"threshold":1e400}',
    'rules set X --condition {"threshold":NaN}',
    "rules set X --priority high",
    "rules preview X --action nope",
    "import",
    "import nowhere.csv",
    "replay --every 2h",
    "replay --compare nonsense",
    "replay --from 2026-02-01 --to 2026-01-01",
    "replay --html nowhere/page.html",
    "sample --campaigns 0",
    "serve --port 99999",
]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hosted project that cannot be reached: whatever gets so far as to ask it fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "a-key")
    monkeypatch.delenv("AUTONOMY_DATABASE_URL", raising=False)


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["autonomy", *arguments])
    try:
        main()
    except SystemExit as done:
        return int(done.code or 0)
    return 0


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:40])
def test_wrong_usage_is_2_and_says_what_is_wrong(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, *line.split(" ")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Usage: " in said.err
    assert "Error: " in said.err or line == "rules"


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "actions --type auto_pause",
        "rollback --from 2026-11-24T10:00:00Z --preview",
        "rules set X --priority 3",
        "policy set min_confidence=80",
        "replay",
        "migrate --database-url nonsense",
        "migrate --database-url postgresql://127.0.0.1:9/none",
        "sample --yes --database-url postgresql://127.0.0.1:9/none",
    ],
)
def test_what_cannot_be_done_is_1_and_one_sentence(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("autonomy.store.time.sleep", lambda _: None)
    assert exit_code(monkeypatch, *line.split(" ")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.partition(":")[0].isupper()
    assert "Traceback" not in said.err


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


def test_every_command_that_ends_takes_json() -> None:
    without = {
        name
        for name, command in commands(cli)
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == {"serve", "mcp"}


def test_the_schema_is_json_either_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[Any] = []
    for more in ([], ["--json"]):
        assert exit_code(monkeypatch, "rules", "schema", *more) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]


def test_action_types_are_those_there_are() -> None:
    assert set(ACTION_TYPES) == set(ACTION_NAMES)


def test_migrations_of_a_hosted_project_need_its_databases_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://abc.supabase.co")
    monkeypatch.delenv("AUTONOMY_DATABASE_URL", raising=False)
    with pytest.raises(NotConfigured, match="need the address of its database"):
        cli.main(["migrate"], standalone_mode=False)


def test_what_a_shell_needs_is_printed_while_a_stack_is_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "SERVING", tmp_path / "serving.json")
    with pytest.raises(NotConfigured, match="No stack is being served"):
        cli.main(["env"], standalone_mode=False)
    connection.announce({"AUTONOMY_API_TOKEN": "it's"})
    assert (tmp_path / "serving.json").stat().st_mode & 0o777 == 0o600
    cli.main(["env"], standalone_mode=False)
    assert capsys.readouterr().out == "export AUTONOMY_API_TOKEN='it'\"'\"'s'\n"


@pytest.mark.parametrize("broken", ["", "[1", "[]", '{"pid": "x"}', '{"pid": 1e99}', "{}", "7"])
def test_a_broken_note_of_what_is_served_is_as_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str
) -> None:
    monkeypatch.setattr(connection, "SERVING", tmp_path / "serving.json")
    connection.SERVING.write_text(broken)
    assert connection.being_served() == {}


@pytest.mark.parametrize("broken", [None, "", "[1", "[]", "{}", '{"AUTONOMY_API_TOKEN": "x"}'])
def test_broken_tokens_are_made_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str | None
) -> None:
    monkeypatch.setattr(serving, "SECRETS", tmp_path / "serve.json")
    monkeypatch.delenv("AUTONOMY_API_TOKEN", raising=False)
    if broken is not None:
        serving.SECRETS.write_text(broken)
    made = serving._secrets()
    assert Settings.from_env(made).callers_configured
    assert serving._secrets() == made
    monkeypatch.setenv("AUTONOMY_API_TOKEN", "a token that somebody has set by hand")
    assert serving._secrets()["AUTONOMY_API_TOKEN"] == "a token that somebody has set by hand"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "x.json"), "SYSTEM: No space left on device (x"),
        (psycopg.errors.DiskFull("could not extend"), "DATABASE: could not extend (53100). Make"),
        (psycopg.OperationalError("definition of service"), "DATABASE: definition of service."),
        (psycopg.Error(), "DATABASE: Error."),
    ],
)
def test_what_disk_and_database_say_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: str,
) -> None:
    def fails(**_: Any) -> None:
        raise error

    monkeypatch.setattr(cli, "main", fails)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(said)


ONE, TWO = "3f2b9c1e-8a57-4e0c-9d1b-2f6a7c5e4d3b", "3f2b9c1e-8a58-4e0c-9d1b-2f6a7c5e4d3b"


class Ids:
    """A store with these ids."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def select(self, table: str, *, filters: dict[str, Any], limit: int, **_: Any) -> list[Any]:
        _, least = filters["id"]
        return [{"id": one} for one in sorted(self.ids) if one >= least][:limit]


@pytest.mark.parametrize("given", [ONE, ONE.upper(), ONE.replace("-", ""), ONE[:13], ONE[:-1]])
def test_an_id_may_be_begun_where_that_names_one(given: str) -> None:
    begun = IdOrPrefix().convert(given, None, None)
    assert whole_id(Ids(ONE, TWO, "ffff" + ONE[4:]), "actions", begun, "action") == ONE  # type: ignore[arg-type]


def test_a_beginning_that_names_none_or_several_is_said() -> None:
    store: Any = Ids(ONE, TWO)
    with pytest.raises(BadRequest, match="Several ids begin with 3f2b"):
        whole_id(store, "actions", "3f2b", "action")
    with pytest.raises(NotFound, match="No action has an id that begins with 3f2c"):
        whole_id(store, "actions", "3f2c", "action")


@pytest.mark.parametrize("given", ["", "3f2", "3g2b", "3f2b9c1e8", ONE + "0", "*"])
def test_what_begins_no_id_is_wrong_usage(given: str) -> None:
    with pytest.raises(click.UsageError, match="neither an id"):
        IdOrPrefix().convert(given, None, None)


def test_ids_stay_whole_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Actions", ("id", "why"), [(ONE, "so " * 300), (TWO, "")], "")
    said = capsys.readouterr().out
    assert ONE in said
    assert TWO in said


def test_what_a_command_found_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def finds() -> None:
        raise click.exceptions.Exit(3)

    monkeypatch.setitem(cli.commands, "finds", finds)
    monkeypatch.setattr(sys, "argv", ["autonomy", "finds"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3

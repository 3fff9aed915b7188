"""What is documented exists, and what exists is documented. Examples run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import click
import psycopg
import pytest

from autonomy import code_tables
from autonomy.cli import cli, serving
from autonomy.config import Settings
from autonomy.engine.codes import CODES
from autonomy.errors import FROM_SQLSTATE, AutonomyError, MigrationError
from autonomy.local import LocalStack
from autonomy.rules import language
from autonomy.run.answer import RunSummary
from autonomy.store import Store
from autonomy.web.app import create_app
from autonomy.web.state import WHERE
from tests.ops.documents import DOCS, PATH, PROJECT, blocks, in_backticks, section
from tests.ops.reference import HEADS, written

REFERENCE, GUIDE, README = DOCS / "reference.md", DOCS / "guide.md", PROJECT / "README.md"
OURS = [
    README,
    GUIDE,
    DOCS / "operations.md",
    REFERENCE,
    DOCS / "supabase-cron.md",
    DOCS / "feeds.md",
]
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
WHY = [
    PROJECT / "CONTRIBUTING.md",
    DOCS / "architecture.md",
    DOCS / "decisions" / "README.md",
    *DECISIONS,
]
"""For those who change the program: names in backticks are files and words of the code."""


def table_words(heading: str) -> set[str]:
    """What stands in backticks in the first column of a section's tables."""
    rows = re.findall(r"^\| (.+?) \|", section(REFERENCE, heading), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


@cache
def source(*patterns: str) -> str:
    """The text of the program's files."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return "\n".join(
        (PROJECT / name).read_text(errors="replace") for name in names if (PROJECT / name).is_file()
    )


# Commands ----------------------------------------------------------------------------------------


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield path + name, command


def test_every_command_and_option_is_documented() -> None:
    rows = re.findall(r"^\| `.*$", section(REFERENCE, "Command line"), re.MULTILINE)
    for name, command in commands(cli):
        told = [row for row in rows if re.search(rf"`{name}[ `]", row.split(" | ")[0])]
        assert told, f"{name} is not documented"
        for parameter in command.params:
            long = [option for option in parameter.opts if option.startswith("--")]
            for option in set(long) - {"--json"}:
                negative = [*parameter.secondary_opts, option]
                assert any(one in told[0] for one in negative), f"{name} {option}"


def test_every_documented_command_exists() -> None:
    known = {name for name, _ in commands(cli)}
    alone = {name for name, command in commands(cli) if not isinstance(command, click.Group)}
    for words in table_words("Command line"):
        if words.startswith("--"):
            continue
        first, second = [*words.split(), "", ""][:2]
        assert first in alone or f"{first} {second}".strip() in known, words
    known_options = {
        option
        for _, command in commands(cli)
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    used = re.findall(r"(?<![\w-])--[a-z][a-z-]*", section(REFERENCE, "Command line"))
    assert set(used) <= known_options


# Variables ---------------------------------------------------------------------------------------

NAME = re.compile(r"\b(?:AUTONOMY|SUPABASE)_[A-Z][A-Z_]*[A-Z]\b")


def test_every_variable_is_documented_and_exists() -> None:
    used = set(NAME.findall(source("*.py", "*.sh", "*.yml", "Makefile")))
    documented = {name for name in table_words("Environment variables") if NAME.fullmatch(name)}
    assert used - documented == set()
    assert documented - used == set()


def test_defaults_of_variables_are_those_of_the_code() -> None:
    told = dict(
        re.findall(
            r"^\| `(\w+)` \| (\S+) \|", section(REFERENCE, "Environment variables"), re.MULTILINE
        )
    )
    settings = Settings()
    for name, value in (
        ("AUTONOMY_DEADLINE_SECONDS", settings.deadline_seconds),
        ("AUTONOMY_LEASE_SECONDS", settings.lease_seconds),
        ("AUTONOMY_RUN_INTERVAL_MINUTES", settings.run_interval_minutes),
    ):
        assert float(told[name]) == value
    assert told["AUTONOMY_LOG_LEVEL"] == settings.log_level


# Addresses ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> set[tuple[str, str]]:
    """(method, path) of every route, path arguments as <id>."""
    store = Store("http://127.0.0.1:9", "a-key")
    app = create_app(Settings(), store, lambda *_, **__: None)  # type: ignore[arg-type]
    return {
        (method, re.sub(r"<[^>]+>", "<id>", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }


def test_every_address_is_documented_and_exists(served: set[tuple[str, str]]) -> None:
    told = {
        (method, path)
        for method, path in re.findall(r"`([A-Z]+) (/[^`]*)`", section(REFERENCE, "HTTP"))
    }
    assert told - served == set()
    programs = {one for one in served if one[1].startswith("/api/")} | {
        ("POST", "/"), ("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz"),
    }  # fmt: skip
    assert programs - told == set()
    pages = {path.split("/")[1] for method, path in served - told if method == "GET"}
    for page in pages - {"assets"}:
        assert f"`/{page}" in section(REFERENCE, "HTTP"), page


def test_the_tables_of_the_api_are_those_of_its_models() -> None:
    page = REFERENCE.read_text()
    assert written(page) == page, ".venv/bin/python -m tests.ops.reference writes them"
    assert page.count("<!-- from the models: ") == len(HEADS)


# SQL ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def names(migrated: LocalStack) -> dict[str, set[str]]:
    """What the migrations made."""
    with psycopg.connect(migrated.database_url) as connection:

        def column(query: str) -> set[str]:
            return {row[0] for row in connection.execute(query.encode())}

        return {
            "functions": column(
                "select proname from pg_proc where pronamespace = 'public'::regnamespace"
            ),
            "tables": column(
                "select case schemaname when 'public' then '' else 'autonomy.' end || tablename"
                " from pg_tables where schemaname in ('public', 'autonomy')"
            ),
            "settings": column(
                "select column_name from information_schema.columns"
                " where table_name = 'autonomy_policy'"
            ),
        }


def test_sql_functions(names: dict[str, set[str]]) -> None:
    told = {word.split("(")[0] for word in table_words("SQL functions")}
    assert told - names["functions"] == set()
    called = set(re.findall(r'rpc(?:_count)?\(\s*"(\w+)"', source("autonomy/*.py")))
    people = {name for name in called if not name.startswith("dashboard_")}
    of_the_guide = {
        "identify_underperforming_campaigns", "identify_scaling_candidates",
        "detect_optimization_opportunities", "auto_pause_campaign", "auto_scale_campaign",
        "run_autonomous_operations", "propose_autonomous_actions", "apply_autonomous_actions",
        "rollback_autonomous_action", "begin_autonomous_run", "finish_autonomous_run",
        "measure_action_impact", "approve_autonomous_action", "reject_autonomous_action",
    }  # fmt: skip
    assert (people | of_the_guide) - told == set()


def test_tables(names: dict[str, set[str]]) -> None:
    told = table_words("Tables")
    assert told - names["tables"] == set()
    pages = "autonomy.dashboard_"
    assert {n for n in names["tables"] if not n.startswith(pages)} - told == set()


def test_settings_of_the_policy(names: dict[str, set[str]], migrated: LocalStack) -> None:
    told = dict(
        re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", section(REFERENCE, "Policy"), re.MULTILINE)
    )
    assert set(told) == names["settings"] - {"id"}
    with psycopg.connect(migrated.database_url) as connection:
        defaults: dict[str, str] = dict(
            connection.execute(
                "select a.attname, pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d"
                " join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum"
                " where d.adrelid = 'autonomy_policy'::regclass"
            ).fetchall()
        )
    for name, value in told.items():
        plain = defaults[name].split("::")[0].strip("'")
        assert value in (plain, "empty" if plain == "" else plain), name


def test_settings_of_an_account(migrated: LocalStack) -> None:
    with psycopg.connect(migrated.database_url) as connection:
        columns = connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = 'public' and table_name = 'autonomy_accounts'"
        ).fetchall()
    keys = {"account", "updated_at", "updated_by"}
    assert table_words("Accounts") == {name for (name,) in columns} - keys


def test_codes_of_sql_errors() -> None:
    told = set(re.findall(r"`(AO\d{3})`", section(REFERENCE, "SQL functions")))
    assert told == {code for code in FROM_SQLSTATE if code.startswith("AO")}
    raised = set(re.findall(r"errcode\s*=\s*'(AO\d{3})'", source("sql/[01]*.sql")))
    assert raised - told == {"AO099"}, "AO099 is caught where it is raised"


# Codes -------------------------------------------------------------------------------------------


def test_reason_codes() -> None:
    told = section(REFERENCE, "Reason codes")
    codes = set(re.findall("`([A-Z_]{4,})`", told))
    effects = set(re.findall(r"'([A-Z][A-Z_]{4,})'", source("sql/06*.sql")))
    effects -= {"AGAIN", "DELETE", "INSERT", "UPDATE"}
    assert {row.code for row in CODES} | effects <= codes
    program = source("autonomy/**/*.py", "sql/[01]*.sql")
    assert [code for code in codes if not re.search(rf"['\"]{code}['\"]", program)] == []


def test_reasons_of_the_state() -> None:
    """In the order in which the database names them, within a level."""
    row = r"^\| `([A-Z_]+)` \| (?:act|look|act, look) \|"
    told = re.findall(row, section(REFERENCE, "HTTP"), re.MULTILINE)
    order = r"v_order constant text\[\] := array\[(.*?)\]"
    listed = re.search(order, source("sql/1020_dashboard_state.sql"), re.DOTALL)
    assert listed is not None
    assert told == re.findall(r"'(\w+)'", listed[1])
    assert sorted(told) == sorted(WHERE)


def test_the_tables_of_codes_are_written_from_the_source() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert code_tables.reference_text(text) == text, "make sql writes them"
    assert code_tables.SQL_FILE.read_text(encoding="utf-8") == code_tables.sql_text()


def errors(kind: type[AutonomyError] = AutonomyError) -> Iterator[type[AutonomyError]]:
    for child in kind.__subclasses__():
        yield child
        yield from errors(child)


def test_error_codes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section(REFERENCE, "Error codes"), re.MULTILINE)
    told = {(code, int(status)) for code, status in rows}
    spoken_of = set(re.findall(r"`([A-Z_]+)`", section(REFERENCE, "Error codes")))
    for error in errors():
        by_http = error.__module__.startswith(("autonomy.errors", "autonomy.web"))
        if by_http and error is not MigrationError:  # that one is the command line's
            assert (error.code, error.http_status) in told, error
        else:
            assert error.code in spoken_of, error
    known = {error.code for error in errors()} | {"INTERNAL"}
    assert {code for code, _ in told} - known == set()


# Rules -------------------------------------------------------------------------------------------


def test_the_language_of_rules() -> None:
    text = section(REFERENCE, "Rules")
    words = set(re.findall(r"`([^`\n]+)`", text))
    for known in (
        language.METRICS,
        language.WINDOWS,
        get_args(language.Operator),
        [action for many in language.ACTIONS_OF.values() for action in many],
        language.Common.model_fields,
    ):
        assert {name for name in known if name not in words} == set()
    rows = re.findall(r"^\| (`.*?) \|", section(REFERENCE, "Conditions"), re.MULTILINE)
    condition = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    fields = {field.alias or name for name, field in language.Condition.model_fields.items()}
    assert condition == fields


def test_what_lint_finds() -> None:
    found = set(
        re.findall(r'"([A-Z_]{4,})", "(?:error|warning|note)"', source("autonomy/engine/lint.py"))
    )
    assert found
    told = set(re.findall(r"`([A-Z_]{4,})`", section(REFERENCE, "Actions")))
    assert told == found | {"INVALID"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_conditions_in_the_documents_are_valid(path: Path) -> None:
    for block in blocks(path, "json"):
        if block.heading == "Conditions":
            language.Condition.model_validate(json.loads(block.text))


# Examples ----------------------------------------------------------------------------------------


def statements(text: str) -> list[str]:
    """Statements of a block without its comments; no statement here has a semicolon inside."""
    plain = re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE)
    return [part for part in plain.split(";\n") if part.strip()]


@pytest.mark.parametrize(
    "path", [path for path in OURS if path.name != "supabase-cron.md"], ids=lambda path: path.name
)
def test_sql_in_the_documents_runs(path: Path, scratch_database: Callable[[], str]) -> None:
    found = blocks(path, "sql")
    if not found:
        return
    with psycopg.connect(scratch_database(), autocommit=True) as connection:
        connection.execute(
            "insert into campaigns (title, status, budget, created_at)"
            " values ('Brand', 'active', 100, now() - interval '9 days');"
            " insert into campaign_performance"
            " (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)"
            " select id, 40000, 900, 20, 400, 1480 from campaigns;"
            " select run_autonomous_operations()"
        )
        for block in found:
            for statement in statements(block.text):
                done = connection.execute(statement.encode())
                if statement.lstrip().startswith("update"):
                    assert done.rowcount > 0, f"it changes nothing: {statement}"


def test_the_guides_verification_counts(scratch_database: Callable[[], str]) -> None:
    (block,) = [one for one in blocks(GUIDE, "sql") if one.heading == "2. Verify"]
    with psycopg.connect(scratch_database()) as connection:
        counts = [
            len(connection.execute(one.encode()).fetchall()) for one in statements(block.text)
        ]
    assert counts == [3, 6, 4]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_commands_in_the_documents_run(path: Path, fresh: LocalStack, tmp_path: Path) -> None:
    lines = [
        line
        for block in blocks(path, "bash")
        for line in block.text.splitlines()
        if not line.startswith(("make ", "export "))
    ]
    environment = {**os.environ, **fresh.environment(), "HOME": str(tmp_path)}
    for line in lines:
        assert line.startswith((".venv/bin/python -m autonomy ", "./deploy.sh --dry-run")), line
        done = subprocess.run(
            ["bash", "-c", line.replace(".venv/bin/python", sys.executable)],
            cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_readmes_example() -> None:
    (example,) = blocks(README, "python")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(example.text, "README.md", "exec"), {})  # noqa: S102 - our own page
    results = [one.text for one in blocks(README, "text") if one.heading == example.heading]
    assert said.getvalue() == results[0]


def test_the_readmes_output_has_the_shape_of_an_answer() -> None:
    (page,) = [one.text for one in blocks(README, "text") if one.text.startswith("The run's")]
    answer = json.loads(page[page.index("{") : page.index("\n}\n") + 3])
    assert answer["message"] == "Autonomous operations completed successfully"
    assert set(answer["result"]) >= {
        name for name, field in RunSummary.model_fields.items() if field.is_required()
    }
    for wanted in ("Actions (", "Held (", "campaigns looked at"):
        assert wanted in page


def test_the_readmes_picture_of_serve() -> None:
    said = io.StringIO()
    keys = {"AUTONOMY_API_TOKEN": "<token>", "AUTONOMY_VIEWER_TOKEN": "<viewer-token>"}
    with contextlib.redirect_stdout(said):
        serving._print_welcome("http://127.0.0.1:8080", "<database-url>", keys)
    (page,) = [one.text for one in blocks(README, "text") if "dashboard " in one.text]
    assert click.unstyle(said.getvalue()).strip() == page.strip()


# Pages -------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    found = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")
        for heading in found
    }


@pytest.mark.parametrize(
    "path", [*OURS, *WHY, PROJECT / "CHANGELOG.md"], ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        assert other.exists(), target
        if anchor:
            assert anchor in anchors(other), target


def test_options_of_deploy_are_documented_and_exist() -> None:
    usage = subprocess.run(
        [str(PROJECT / "deploy.sh"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", usage))
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", section(REFERENCE, "deploy.sh and make")))
    assert told == known


def test_make_targets_are_documented_and_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"`make ([a-z-]+)`", section(REFERENCE, "deploy.sh and make")))
    assert told == targets


def test_placeholders_are_the_only_addresses_of_machines() -> None:
    for path in OURS:
        text = path.read_text()
        assert not re.search(r"/(?:home|root|work|Users)/\w", text), path
        assert not re.search(r"\b(?:localhost|127\.0\.0\.1):(?!8080)\d+", text), path


@pytest.mark.parametrize("path", WHY, ids=lambda path: path.name)
def test_what_the_documents_name_exists(path: Path) -> None:
    program = source("*.py", "sql/[01b]*.sql", "pyproject.toml", "Makefile", "autonomy/web/*")
    words = set(re.findall(r"\w+", program))
    roots = (PROJECT, PROJECT / "autonomy" / "web")
    unknown = []
    for name in in_backticks(path):
        if PATH.fullmatch(name):
            known = any(list(root.glob(name.rstrip("/"))) for root in roots)
        else:
            known = set(re.findall(r"[A-Za-z_]\w{2,}", name)) <= words
        unknown += [] if known else [name]
    assert unknown == []


def test_every_decision_is_listed_and_has_its_parts() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    listed = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| (.+) \|$", index, re.MULTILINE)
    assert [name for _, name, _ in listed] == [one.name for one in DECISIONS]
    for (number, _, title), one in zip(listed, DECISIONS, strict=True):
        assert int(number) == int(one.name[:4])
        headings = re.findall(r"^#+ (.+)$", one.read_text(), re.MULTILINE)
        assert headings == [f"{number}. {title}", "Context", "Decision", "Consequences"]


def test_the_layers_are_those_of_the_linter() -> None:
    """The architecture shows the contract that is held."""
    contract = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [one.replace("autonomy.", "") for one in contract["contracts"][0]["layers"]]
    shown = [block.text.splitlines() for block in blocks(DOCS / "architecture.md", "text")]
    assert layers in shown


def test_the_hooks_are_a_part_of_make_check() -> None:
    hooks = (PROJECT / ".pre-commit-config.yaml").read_text()
    called = re.findall(
        r"entry: \.venv/bin/python (-m .+?)(?: --force-exclude)?$", hooks, re.MULTILINE
    )
    assert len(called) == hooks.count("- id: ") == hooks.count("language: system")
    recipe = re.search(
        r"^check:.*\n((?:\t.*\n)+)", (PROJECT / "Makefile").read_text(), re.MULTILINE
    )
    assert recipe is not None
    assert [one for one in called if f"$(PY) {one}" not in recipe[1]] == []

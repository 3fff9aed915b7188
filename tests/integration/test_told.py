"""Being told, with every part real: runs, database, an HTTP server, a mail server."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest

from autonomy.cli import main
from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.notify import telling
from autonomy.run.runner import Runner
from autonomy.store import Store
from tests.integration.test_run import BROKEN, HOPELESS, LOSER
from tests.unit.mail_server import Letters, Manners, mail_server

FREEZE = "update autonomy_policy set frozen = true, frozen_reason = 'Stock take'"
THAW = "update autonomy_policy set frozen = false, frozen_reason = ''"


class Hooks:
    """What the HTTP server was sent, by path, and what it answers."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, Any]] = []
        self.status = {"/slack": 200, "/hook": 200}
        self.url = ""

    def at(self, path: str) -> list[Any]:
        """What arrived there since it was asked last."""
        found = [body for where, body in self.bodies if where == path]
        self.bodies = [one for one in self.bodies if one[0] != path]
        return found


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    heard = Hooks()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = heard.status[self.path]
            if status == 200:
                heard.bodies.append((self.path, body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        heard.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield heard
        server.shutdown()


@pytest.fixture
def letters() -> Iterator[Letters]:
    with mail_server(Manners()) as heard:
        yield heard


@pytest.fixture
def environment(
    fresh: LocalStack, hooks: Hooks, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    monkeypatch.setattr("autonomy.run.notify.channels.RETRY_DELAYS_SECONDS", ())
    monkeypatch.setattr(telling, "PATIENCE_SECONDS", 30)
    return {
        **fresh.environment(),
        "AUTONOMY_SLACK_WEBHOOK_URL": f"{hooks.url}/slack",
        "AUTONOMY_WEBHOOK_URL": f"{hooks.url}/hook",
        "AUTONOMY_ALLOW_PRIVATE_WEBHOOKS": "1",
        "AUTONOMY_SMTP_URL": f"smtp+plain://localhost:{letters.port}",
        "AUTONOMY_MAIL_FROM": "ops@example.com",
        "AUTONOMY_MAIL_TO": "ann@example.com",
        "AUTONOMY_DASHBOARD_URL": "https://ops.example.com/",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Callable[..., Any]:
    """A run whose messages have left."""
    settings = Settings.from_env(environment)

    def carry_out(**body: Any) -> Any:
        with closing(Store.from_settings(settings)) as store:
            return json.loads(Runner(store, settings).handle(body).body)["result"]

    return carry_out


def execute(stack: LocalStack, statements: str) -> None:
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(statements.encode())


def test_a_freeze_is_told_once_everywhere_until_it_is_lifted(
    fresh: LocalStack, run: Callable[..., Any], hooks: Hooks, letters: Letters
) -> None:
    execute(fresh, LOSER + FREEZE)
    for _ in range(3):
        run()
    (slack,) = hooks.at("/slack")
    assert slack["text"] == (
        ":rotating_light: *New*: Frozen: nothing is changed until somebody lifts it.\n"
        "    Stock take <https://ops.example.com/#freeze|Lift the freeze>"
    )
    (hook,) = hooks.at("/hook")
    assert hook["event"] == "causes"
    assert [(one["code"], one["kind"]) for one in hook["causes"]] == [("FROZEN", "began")]
    (letter,) = letters.letters
    assert b"\r\n Autonomous Ops: New: Frozen: nothing is changed" in letter
    assert b"Lift the freeze: https://ops.example.com/#freeze" in letter
    execute(fresh, THAW)
    run()
    over, digest = hooks.at("/slack")
    assert over["text"].startswith(":white_check_mark: *Over*: Frozen")
    assert "1 campaigns paused" in digest["text"]
    assert [one["event"] for one in hooks.at("/hook")] == ["causes", "run.acted"]
    assert len(letters.letters) == 2, "what runs do is no e-mail unless somebody wants it"


def test_what_did_not_arrive_is_sent_by_the_next_run(
    fresh: LocalStack, run: Callable[..., Any], hooks: Hooks, letters: Letters
) -> None:
    execute(fresh, FREEZE)
    hooks.status["/slack"] = 500
    run()
    assert (len(hooks.at("/slack")), len(hooks.at("/hook")), len(letters.letters)) == (0, 1, 1)
    hooks.status["/slack"] = 200
    run()
    assert (len(hooks.at("/slack")), len(hooks.at("/hook")), len(letters.letters)) == (1, 0, 1)


def test_a_dry_run_tells_nobody(fresh: LocalStack, run: Callable[..., Any], hooks: Hooks) -> None:
    execute(fresh, LOSER + FREEZE)
    run(dry_run=True)
    assert hooks.bodies == []


def test_silent_rules_leave_out_the_digest_not_the_causes(
    fresh: LocalStack, run: Callable[..., Any], hooks: Hooks
) -> None:
    execute(fresh, HOPELESS)
    execute(fresh, """update autonomous_rules set action = action || '{"notify": false}'""")
    execute(fresh, "update autonomy_policy set mode = 'approve'")
    assert run()["actions_taken"]["actions_proposed"] == 1
    (hook,) = hooks.at("/hook")
    assert [one["code"] for one in hook["causes"]] == ["APPROVALS_WAITING"]
    assert hook["causes"][0]["link"] == "https://ops.example.com/actions?status=pending"


def test_a_rule_that_cannot_be_read_is_told_once(
    fresh: LocalStack, run: Callable[..., Any], hooks: Hooks
) -> None:
    execute(fresh, BROKEN)
    run()
    run()
    (hook,) = hooks.at("/hook")
    assert [one["code"] for one in hook["causes"]] == ["RULES_SKIPPED"]
    assert hook["causes"][0]["details"][0].startswith("High ROI Scale: ")


def test_a_run_that_failed_is_told_at_once(
    fresh: LocalStack, run: Callable[..., Any], hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        from autonomy.errors import PolicyUnusable

        raise PolicyUnusable("A limit is missing.")

    with monkeypatch.context() as broken, suppress(Exception):
        broken.setattr(Runner, "_decide", fails)
        run()
    (hook,) = hooks.at("/hook")
    assert [(one["code"], one["kind"]) for one in hook["causes"]] == [("RUN_FAILED", "began")]
    assert hook["causes"][0]["details"] == ["POLICY_UNUSABLE"]
    run()
    (hook,) = hooks.at("/hook")
    assert [(one["code"], one["kind"]) for one in hook["causes"]] == [("RUN_FAILED", "over")]


def test_a_dead_receiver_neither_delays_nor_fails_a_run(
    fresh: LocalStack, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(fresh, LOSER + FREEZE + ";" + THAW)
    monkeypatch.setattr(telling, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("autonomy.run.notify.mail.TIMEOUT_SECONDS", 3)
    execute(
        fresh, "insert into autonomy.told_where (code, channels) values ('RUN_ACTED', '{email}')"
    )
    with mail_server(Manners(silent=True)) as silent:
        environment["AUTONOMY_SMTP_URL"] = f"smtp+plain://localhost:{silent.port}"
        settings = Settings.from_env(environment)
        with closing(Store.from_settings(settings)) as store:
            answer = Runner(store, settings).handle({})
        waiting = [one for one in threading.enumerate() if one.name.endswith("_tell_after_run)")]
        assert waiting, "the letter is still on its way, and the run has ended"
        for one in waiting:
            one.join()
    assert json.loads(answer.body)["result"]["actions_taken"]["campaigns_paused"] == 1


# The command -------------------------------------------------------------------------------------

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def command(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`notify` with arguments: exit code, standard output, standard error."""

    def ask(*arguments: str, **changed: str) -> tuple[int, str, str]:
        for name, value in {**environment, **changed}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["autonomy", "notify", *arguments])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as done:
            code = done.code
        said = capsys.readouterr()
        return int(code or 0), said.out, said.err

    return ask


def test_what_waits_is_sent_by_hand(
    fresh: LocalStack, command: Command, hooks: Hooks, letters: Letters
) -> None:
    execute(fresh, FREEZE)
    execute(fresh, "select run_autonomous_operations()")
    assert hooks.bodies == [], "the database sends nothing"
    code, said, _ = command()
    assert (code, said) == (0, "slack: 1 told, sent\nwebhook: 1 told, sent\nemail: 1 told, sent\n")
    assert (len(hooks.at("/slack")), len(hooks.at("/hook")), len(letters.letters)) == (1, 1, 1)
    assert command()[1] == "Nothing to tell: everybody knows what goes on.\n"
    assert json.loads(command("--json")[1]) == []


def test_a_silence_is_noticed_while_it_lasts(
    fresh: LocalStack, command: Command, hooks: Hooks
) -> None:
    execute(
        fresh,
        "insert into autonomous_runs (id, status, started_at, dry_run, slots, lease_expires_at)"
        " values (gen_random_uuid(), 'completed', now() - interval '5 hours', false,"
        " '[0,65536)', now())",
    )
    assert command()[0] == 0
    (hook,) = hooks.at("/hook")
    assert [(one["code"], one["kind"]) for one in hook["causes"]] == [("RUN_LATE", "began")]
    assert "No run has succeeded since" in hook["causes"][0]["sentence"]


def test_a_test_message_says_what_arrived(command: Command, hooks: Hooks, letters: Letters) -> None:
    hooks.status["/slack"] = 403
    code, said, wrong = command("--test")
    assert (code, said) == (1, "slack: refused\nwebhook: sent\nemail: sent\n")
    assert wrong.startswith("NOT_SENT: slack: not sent.")
    assert hooks.at("/hook") == [{"event": "test"}]
    assert len(letters.letters) == 1
    outcomes = json.loads(command("--test", "--json")[1])
    assert [one["outcome"] for one in outcomes] == ["refused", "sent", "sent"]


def test_without_a_channel_it_says_what_to_set(command: Command) -> None:
    none = dict.fromkeys(
        ("AUTONOMY_SLACK_WEBHOOK_URL", "AUTONOMY_WEBHOOK_URL", "AUTONOMY_SMTP_URL",
         "AUTONOMY_MAIL_FROM", "AUTONOMY_MAIL_TO"), "",
    )  # fmt: skip
    code, said, wrong = command("--test", **none)
    assert (code, said) == (1, "")
    assert wrong.startswith("NOT_CONFIGURED: No channel is set up. Set AUTONOMY_SLACK_WEBHOOK_URL")
    wrong = command("--test", AUTONOMY_SMTP_URL="smtps://u:SECRETWORD@host:0")[2]
    assert "AUTONOMY_SMTP_URL is not the address" in wrong
    assert "SECRETWORD" not in wrong

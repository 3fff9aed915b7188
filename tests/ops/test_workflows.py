"""The workflows: the script that calls the function is taken out and run; the rest is read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ops.http_answers import Answers, answering

WORKFLOWS = Path(__file__).resolve().parents[2] / ".github" / "workflows"
OPERATIONS = (WORKFLOWS / "autonomous-operations.yml").read_text()
CI = (WORKFLOWS / "ci.yml").read_text()
TOKEN = "token-that-nobody-may-see"

needs_programs = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "jq"))), reason="needs bash, curl and jq"
)


def script() -> str:
    """The `run: |` block of the only step."""
    (block,) = re.findall(r"^        run: \|\n((?:          .*\n|\n)+)", OPERATIONS, re.MULTILINE)
    return textwrap.dedent(block)


def result(**changes: Any) -> dict[str, Any]:
    """An answer as the function gives it."""
    action = {
        "campaign_id": "a", "title": "Summer Sale", "action_type": "auto_pause",
        "rule_name": "Low ROI Pause", "previous": {"status": "active", "budget": 100.0},
        "new": {"status": "paused", "budget": 100.0}, "confidence": 97.31, "status": "executed",
        "reason": "ROI 0.40 after 200.00 of spend; below break-even with 97 %.",
    }  # fmt: skip
    found = {
        "success": True, "timestamp": "2026-11-22T10:00:00Z", "run_id": "r", "mode": "autonomous",
        "dry_run": False, "actions_taken": {"campaigns_paused": 1, "campaigns_scaled": 0},
        "campaigns_evaluated": 200, "held": {"COOLDOWN": 2, "NEW": 1},
        "held_because": {"COOLDOWN": "it was changed a short while ago"},
        "actions": [action], "failed": [],
        "rules_skipped": [], "breakers": [], "duration_ms": 321,
    }  # fmt: skip
    return {"success": True, "result": found | changes, "message": "done"}


class Step:
    """The step in a runner's place."""

    def __init__(self, folder: Path, answers: Answers) -> None:
        self.folder, self.answers = folder, answers
        self.summary_file, self.log_file = folder / "summary", folder / "log"
        programs = folder / "bin"
        programs.mkdir()
        curl = shutil.which("curl")
        for name, line in (
            ("sleep", f'echo sleep "$@" >>"{self.log_file}"'),
            ("curl", f'echo curl "$@" >>"{self.log_file}"; exec {curl} "$@"'),
        ):
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TMPDIR": str(programs.parent),
            "AUTONOMY_URL": answers.url,
            "AUTONOMY_API_TOKEN": TOKEN,
            "DRY_RUN": "false",
            "REASON": "",
            "IDEMPOTENCY_KEY": "github-4711",
            "GITHUB_STEP_SUMMARY": str(self.summary_file),
        }

    def run(self, *, fails: bool = False, **variables: str) -> str:
        done = subprocess.run(
            # As the runner starts `shell: bash`.
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script()],
            env={**self.environment, **variables},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, said
        assert TOKEN not in said + self.log() + self.summary()
        return said

    def summary(self) -> str:
        return self.summary_file.read_text() if self.summary_file.exists() else ""

    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def waits(self) -> list[str]:
        return re.findall(r"^sleep (\d+)$", self.log(), re.MULTILINE)


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Step]:
    with answering() as answers:
        answers.otherwise = (200, {}, result())
        yield Step(tmp_path, answers)


@needs_programs
def test_a_run_is_called_and_told(step: Step) -> None:
    said = step.run()
    (call,) = step.answers.calls
    assert call["body"] == {"dry_run": False}
    assert call["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert call["headers"]["Idempotency-Key"] == "github-4711"
    assert "github" in call["headers"]["User-Agent"]
    assert "Autonomous operations completed successfully" in said
    assert (
        "| Summer Sale | auto pause | active, 100 | paused, 100 | 97 % | executed |"
        in step.summary().replace("100.0", "100")
    )
    assert "200 campaigns looked at in 321 ms: 1 campaigns paused." in step.summary()
    assert "Held: 2 COOLDOWN (it was changed a short while ago), 1 NEW." in step.summary()


@needs_programs
def test_a_manual_run_passes_its_inputs(step: Step) -> None:
    step.answers.otherwise = (200, {}, result(dry_run=True, actions=[], held={}))
    step.run(DRY_RUN="true", REASON='after "the" outage; $(touch owned) `id`')
    assert step.answers.calls[0]["body"] == {
        "dry_run": True,
        "reason": 'after "the" outage; $(touch owned) `id`',
    }
    assert "(dry run)" in step.summary()
    assert "No actions." in step.summary()
    assert not (Path.cwd() / "owned").exists()


@needs_programs
def test_it_waits_as_long_as_it_is_told(step: Step) -> None:
    busy = {"success": False, "error": {"code": "RUN_IN_PROGRESS", "message": "", "hint": ""}}
    step.answers.queue += [(409, {"Retry-After": "7"}, busy), (503, {}, busy)]
    step.answers.queue += [(503, {"retry-after": "9999"}, busy)]
    step.run()
    assert step.waits() == ["7", "30", "300"]
    keys = {call["headers"]["Idempotency-Key"] for call in step.answers.calls}
    assert keys == {"github-4711"}, "a retry is the same call"


@needs_programs
def test_it_gives_up_after_five_attempts(step: Step) -> None:
    error = {"code": "DATABASE_UNAVAILABLE", "message": "No connection.", "hint": "Call again."}
    step.answers.otherwise = (503, {"Retry-After": "1"}, {"success": False, "error": error})
    said = step.run(fails=True)
    assert len(step.answers.calls) == 5
    assert "::error::The run failed (HTTP 503). DATABASE_UNAVAILABLE: No connection." in said
    assert "DATABASE_UNAVAILABLE" in step.summary()


@needs_programs
@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"success": False, "error": {"code": "X", "message": "", "hint": ""}}),
        (200, result(success=False)),
        (200, {}),
        (200, b"<html>a proxy's page</html>"),
        (401, {"success": False, "error": {"code": "UNAUTHENTICATED", "message": "", "hint": ""}}),
        (500, b""),
    ],
)
def test_anything_but_success_fails_at_once(step: Step, status: int, answer: Any) -> None:
    step.answers.otherwise = (status, {}, answer)
    said = step.run(fails=True)
    assert len(step.answers.calls) == 1
    assert f"The run failed (HTTP {status})" in said
    assert "completed successfully" not in said


@needs_programs
def test_nobody_there(step: Step) -> None:
    said = step.run(fails=True, AUTONOMY_URL="http://127.0.0.1:9")
    assert "HTTP 000" in said
    assert len(step.waits()) == 4


@needs_programs
@pytest.mark.parametrize("name", ["AUTONOMY_URL", "AUTONOMY_API_TOKEN"])
def test_without_its_secrets_it_skips_and_says_so(step: Step, name: str) -> None:
    said = step.run(fails=False, **{name: ""})
    assert f"::notice::Skipped: the secret {name} is not set" in said
    assert step.answers.calls == []


@needs_programs
def test_titles_are_neither_markup_nor_commands(step: Step) -> None:
    action = dict(result()["result"]["actions"][0])
    action["title"] = "x\n::set-output name=a::b\n| <img src=x> [y](javascript:z) `q` Ärger 5 €"
    step.answers.otherwise = (200, {}, result(actions=[action]))
    said = step.run()
    assert not [line for line in said.splitlines() if line.startswith("::")]
    (row,) = [line for line in step.summary().splitlines() if "auto pause" in line]
    assert row.count("|") == 8
    assert not set("<>[]`") & set(row)
    assert "Ärger 5 €" in row


@needs_programs
def test_an_error_of_elsewhere_is_no_command(step: Step) -> None:
    error = {"code": "X", "message": "a\n::add-mask::b", "hint": ""}
    step.answers.otherwise = (400, {}, {"success": False, "error": error})
    said = step.run(fails=True)
    assert [line for line in said.splitlines() if line.startswith("::")] == [
        line for line in said.splitlines() if line.startswith("::error::The run failed")
    ]


@needs_programs
def test_breakers_failures_and_skipped_rules_are_told(step: Step) -> None:
    step.answers.otherwise = (
        200,
        {},
        result(
            breakers=[{"code": "PAUSE_BREAKER", "message": "8 of 20", "count": 8, "limit": 5}],
            failed=[{"campaign_id": "c", "code": "UNREADABLE", "message": "?"}],
            rules_skipped=[{"rule_name": "Mine", "error": "no such metric"}],
        ),
    )
    step.run()
    for line in (
        "Breaker PAUSE_BREAKER: 8 of 20",
        "Failed:  UNREADABLE",
        "Rule skipped: Mine: no such metric",
    ):
        assert line in step.summary()


def test_the_workflow_is_the_one_of_the_guide() -> None:
    assert re.search(r"^name: Autonomous Campaign Operations$", OPERATIONS, re.MULTILINE)
    assert '- cron: "0 * * * *"' in OPERATIONS
    assert "workflow_dispatch:" in OPERATIONS
    assert "${{ secrets.AUTONOMY_URL }}" in OPERATIONS
    assert "${{ secrets.AUTONOMY_API_TOKEN }}" in OPERATIONS
    assert "cancel-in-progress: false" in OPERATIONS


def test_expressions_stand_in_no_script() -> None:
    assert "${{" not in script()


@pytest.mark.parametrize("workflow", [OPERATIONS, CI], ids=["operations", "ci"])
def test_least_rights_and_pinned_actions(workflow: str) -> None:
    assert re.search(r"^permissions: \{\}$", workflow, re.MULTILINE)
    for used in re.findall(r"uses: (.+)", workflow):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[0-9.]+", used), used
    assert "write" not in re.findall(r"^ +contents: (\w+)", workflow, re.MULTILINE)


def test_shellcheck_of_the_script(tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("no shellcheck")
    (tmp_path / "step.sh").write_text("#!/usr/bin/env bash\n" + script())
    subprocess.run(["shellcheck", str(tmp_path / "step.sh")], check=True)


def test_zizmor() -> None:
    if shutil.which("zizmor") is None:
        pytest.skip("no zizmor")
    subprocess.run(["zizmor", "--offline", str(WORKFLOWS.parent)], check=True)

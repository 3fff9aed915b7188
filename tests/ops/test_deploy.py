"""deploy.sh against a stand-in for gcloud that knows the documented commands and flags."""

from __future__ import annotations

import json
import os
import py_compile
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ops.http_answers import Answers, answering

PROJECT = Path(__file__).resolve().parents[2]
ADDRESS = "https://us-central1-shop.cloudfunctions.net/autonomous-operations"
SERVICE_KEY = "sb_secret_not-to-be-seen"
RUNS_AS = "autonomous-operations@shop.iam.gserviceaccount.com"
CALLS_AS = "autonomous-operations-caller@shop.iam.gserviceaccount.com"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


class Deployment:
    """A folder with the stand-in on the PATH, and what it recorded."""

    def __init__(self, folder: Path, copy: Path, function: Answers) -> None:
        self.folder, self.copy, self.function = folder, copy, function
        self.programs = folder / "bin"
        self.programs.mkdir()
        self._program("gcloud", f'exec "{sys.executable}" -IS "{copy}/.gcloud.pyc" "$@"')
        self._program("sleep", "exit 0")
        self.environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "GCLOUD_STANDIN": str(folder),
            "SUPABASE_URL": "https://abc.supabase.co",
            "SUPABASE_SERVICE_ROLE_KEY": SERVICE_KEY,
        }
        self.change_cloud(
            lambda cloud: cloud.update(
                accounts=["ops@shop.example"], projects=["shop"], config={"project": "shop"},
                services=["iam.googleapis.com"], function_url=function.url, invokers=[],
                service_accounts={}, secrets={}, functions={}, jobs={},
            )
        )  # fmt: skip

    def _program(self, name: str, line: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    @property
    def cloud(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "cloud.json").read_text()))

    def change_cloud(self, change: Any) -> None:
        file = self.folder / "cloud.json"
        cloud = json.loads(file.read_text()) if file.exists() else {}
        change(cloud)
        file.write_text(json.dumps(cloud))

    def run(self, *options: str, fails: bool = False, **variables: Any) -> str:
        """Standard output and error together."""
        done = subprocess.run(
            [str(self.copy / "deploy.sh"), *options],
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, said
        for value in self.secret_values() | {SERVICE_KEY}:
            assert value not in said, "a secret's value was printed"
        return said

    def secret_values(self) -> set[str]:
        return {value for one in self.cloud["secrets"].values() for value in one["versions"]}

    def calls(self) -> list[list[str]]:
        return self._lines("calls.jsonl")

    def changes(self) -> list[str]:
        """Commands that changed something since the last look, without their flags."""
        lines = self._lines("changes.jsonl")
        (self.folder / "changes.jsonl").unlink(missing_ok=True)
        return [" ".join(word for word in line if not word.startswith("--")) for line in lines]

    def _lines(self, name: str) -> list[list[str]]:
        file = self.folder / name
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is now: what a deployment sees must not change between two of them."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("deploy.sh", "main.py", "requirements.txt"):
        shutil.copy(PROJECT / name, copy)
    for folder in ("autonomy", "sql"):
        shutil.copytree(PROJECT / folder, copy / folder)
    (copy / ".env").write_text("SUPABASE_SERVICE_ROLE_KEY=lies-about-here")
    # Compiled once: it is called some thirty times a deployment.
    py_compile.compile(
        str(PROJECT / "tests/ops/gcloud.py"), str(copy / ".gcloud.pyc"), doraise=True
    )
    return copy


@pytest.fixture
def deployment(tmp_path: Path, project_copy: Path) -> Iterator[Deployment]:
    with answering() as function:
        yield Deployment(tmp_path, project_copy, function)


@pytest.fixture(scope="session")
def first_deployment(project_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The cloud after a first deployment, as text: many tests begin there."""
    with answering() as function:
        first = Deployment(tmp_path_factory.mktemp("first"), project_copy, function)
        first.run()
    return (first.folder / "cloud.json").read_text().replace(function.url, "FUNCTION_URL")


@pytest.fixture
def deployed(deployment: Deployment, first_deployment: str) -> Deployment:
    """After a first deployment, of which nothing is recorded."""
    url = deployment.cloud["function_url"]
    (deployment.folder / "cloud.json").write_text(first_deployment.replace("FUNCTION_URL", url))
    return deployment


def test_a_fresh_deployment(deployment: Deployment) -> None:
    said = deployment.run()
    cloud = deployment.cloud
    function = cloud["functions"]["autonomous-operations"]
    config = function["serviceConfig"]
    assert function["buildConfig"]["runtime"] == "python312"
    assert function["buildConfig"]["environmentVariables"]["SOURCE_DATE_EPOCH"]
    assert config["timeoutSeconds"] == 300
    assert config["serviceAccountEmail"] == RUNS_AS
    assert config["environmentVariables"] == {
        "SUPABASE_URL": "https://abc.supabase.co",
        "AUTONOMY_DEADLINE_SECONDS": "240",
        "AUTONOMY_RUN_INTERVAL_MINUTES": "60",
        "AUTONOMY_OIDC_AUDIENCE": ADDRESS,
        "AUTONOMY_DASHBOARD_URL": ADDRESS,
        "AUTONOMY_OIDC_EMAIL": CALLS_AS,
    }
    read = {one["key"]: one["secret"] for one in config["secretEnvironmentVariables"]}
    assert set(read) == {"SUPABASE_SERVICE_ROLE_KEY", "AUTONOMY_API_TOKEN", "AUTONOMY_SESSION_KEY"}
    assert cloud["secrets"][read["SUPABASE_SERVICE_ROLE_KEY"]]["versions"] == [SERVICE_KEY]
    assert re.fullmatch("[0-9a-f]{64}", cloud["secrets"][read["AUTONOMY_API_TOKEN"]]["versions"][0])
    job = cloud["jobs"]["autonomous-operations"]
    assert (job["schedule"], job["attemptDeadline"]) == ("0 * * * *", "320s")
    assert job["httpTarget"]["uri"] == ADDRESS
    assert job["httpTarget"]["oidcToken"] == {"serviceAccountEmail": CALLS_AS, "audience": ADDRESS}
    assert "Autonomous operations completed successfully" in said


def test_the_accounts_may_do_nothing_else(deployment: Deployment) -> None:
    deployment.run()
    granted = [call for call in deployment.calls() if any("add-iam-policy" in w for w in call)]
    # The function's account reads its own three secrets. The scheduler's has no role at all: the
    # function itself checks its token.
    assert len(granted) == 3
    assert {call[0] for call in granted} == {"secrets"}
    assert all(f"--member=serviceAccount:{RUNS_AS}" in call for call in granted)
    assert deployment.cloud["invokers"] == ["allUsers"]


def test_only_what_the_function_needs_is_uploaded(deployment: Deployment) -> None:
    deployment.run()
    uploaded = deployment.cloud["uploaded"]
    assert {"main.py", "requirements.txt", "autonomy/run/runner.py"} <= set(uploaded)
    assert any(name.startswith("sql/0100") for name in uploaded)
    assert {name.split("/")[0] for name in uploaded} == {
        "main.py", "requirements.txt", "autonomy", "sql",
    }  # fmt: skip
    assert not [name for name in uploaded if "/local/" in name or "__pycache__" in name]


def test_a_second_deployment_changes_nothing(deployment: Deployment) -> None:
    deployment.run("--shards", "3")
    assert deployment.changes()
    said = deployment.run("--shards", "3")
    assert deployment.changes() == []
    assert "Done: 0 change(s)." in said


def test_a_second_deployment_needs_no_values(deployed: Deployment) -> None:
    deployed.run(SUPABASE_URL="", SUPABASE_SERVICE_ROLE_KEY="")
    assert deployed.changes() == []


@pytest.mark.parametrize(
    ("drift", "mended"),
    [
        (
            lambda cloud: _config(cloud).update(availableMemory="256Mi"),
            ["functions deploy autonomous-operations"],
        ),
        (
            lambda cloud: _config(cloud)["secretEnvironmentVariables"].pop(),
            ["functions deploy autonomous-operations"],
        ),
        (
            lambda cloud: cloud["invokers"].clear(),
            ["run services add-iam-policy-binding autonomous-operations"],
        ),
        (
            lambda cloud: cloud["jobs"]["autonomous-operations"].update(schedule="*/5 * * * *"),
            ["scheduler jobs update http autonomous-operations"],
        ),
        (
            lambda cloud: cloud["jobs"].clear(),
            ["scheduler jobs create http autonomous-operations"],
        ),
        (
            lambda cloud: cloud["secrets"]["autonomous-operations-api-token"]["bindings"].clear(),
            ["secrets add-iam-policy-binding autonomous-operations-api-token"],
        ),
        (
            lambda cloud: cloud["services"].remove("run.googleapis.com"),
            ["services enable run.googleapis.com"],
        ),
    ],
    ids=["memory", "secret", "access", "schedule", "job", "right", "service"],
)
def test_drift_is_mended(deployed: Deployment, drift: Any, mended: list[str]) -> None:
    deployed.change_cloud(drift)
    deployed.run()
    assert deployed.changes() == mended
    deployed.run()
    assert deployed.changes() == []


def _config(cloud: dict[str, Any]) -> dict[str, Any]:
    return dict.__getitem__(cloud["functions"]["autonomous-operations"], "serviceConfig")


def test_a_new_key_becomes_a_new_version_and_is_deployed(deployed: Deployment) -> None:
    deployed.run(SUPABASE_SERVICE_ROLE_KEY="sb_secret_a-newer-one")
    assert deployed.changes() == [
        "secrets versions add autonomous-operations-supabase-key",
        "functions deploy autonomous-operations",
    ]
    assert deployed.cloud["secrets"]["autonomous-operations-supabase-key"]["versions"] == [
        SERVICE_KEY,
        "sb_secret_a-newer-one",
    ]


def test_what_a_person_set_by_hand_stays(deployed: Deployment) -> None:
    by_hand = {"AUTONOMY_LOG_LEVEL": "DEBUG"}
    deployed.change_cloud(lambda c: _config(c)["environmentVariables"].update(by_hand))
    deployed.change_cloud(lambda c: c["jobs"]["autonomous-operations"].update(state="PAUSED"))
    said = deployed.run("--memory", "1Gi")
    assert _config(deployed.cloud)["environmentVariables"]["AUTONOMY_LOG_LEVEL"] == "DEBUG"
    assert deployed.cloud["jobs"]["autonomous-operations"]["state"] == "PAUSED"
    assert "jobs resume autonomous-operations" in said


def test_shards(deployment: Deployment) -> None:
    deployment.run("--shards", "8", "--every", "30m")
    jobs = deployment.cloud["jobs"]
    assert sorted(jobs) == [f"autonomous-operations-{n}-of-8" for n in range(1, 9)]
    assert {job["schedule"] for job in jobs.values()} == {"*/30 * * * *"}
    bodies = [call for call in deployment.calls() if '--message-body={"shard":"8/8"}' in call]
    assert len(bodies) == 1
    assert (
        _config(deployment.cloud)["environmentVariables"]["AUTONOMY_RUN_INTERVAL_MINUTES"] == "30"
    )


def test_another_number_of_shards_leaves_no_job_of_the_old_one(deployment: Deployment) -> None:
    for shards, jobs in ((2, ["1-of-2", "2-of-2"]), (1, [""]), (3, ["1-of-3", "2-of-3", "3-of-3"])):
        deployment.change_cloud(lambda cloud: cloud["jobs"].update(other={"name": "other"}))
        deployment.run(f"--shards={shards}")
        wanted = [f"autonomous-operations-{job}".rstrip("-") for job in jobs]
        assert sorted(deployment.cloud["jobs"]) == [*wanted, "other"]


def test_private(deployed: Deployment) -> None:
    deployed.run("--private")
    assert deployed.cloud["invokers"] == [f"serviceAccount:{CALLS_AS}"]
    headers = deployed.function.calls[-1]["headers"]
    assert headers["X-Serverless-Authorization"] == "Bearer an.identity.token"
    deployed.changes()
    deployed.run("--private")
    assert deployed.changes() == []


def test_destroy(deployment: Deployment) -> None:
    deployment.run("--shards", "2")
    deployment.changes()
    assert "--yes" in deployment.run("--destroy", fails=True)
    assert deployment.changes() == []
    deployment.run("--destroy", "--yes")
    cloud = deployment.cloud
    for kind in ("jobs", "functions", "secrets", "service_accounts"):
        assert not cloud[kind], kind
    deployment.changes()
    said = deployment.run("--destroy", "--yes")
    assert deployment.changes() == []
    assert "Done: 0 change(s)." in said


def test_a_dry_run_touches_nothing_and_needs_nothing(deployment: Deployment) -> None:
    (deployment.programs / "gcloud").unlink()
    said = deployment.run(
        "--dry-run", "--project=shop", "--shards=2", SUPABASE_URL="", SUPABASE_SERVICE_ROLE_KEY="",
        PATH=f"{deployment.programs}:{_path_without('gcloud', deployment.folder)}",
    )  # fmt: skip
    assert deployment.calls() == []
    assert "gcloud functions deploy autonomous-operations" in said
    assert "gcloud scheduler jobs create http autonomous-operations-2-of-2" in said
    assert "| gcloud secrets create autonomous-operations-supabase-key" in said


def _path_without(program: str, folder: Path) -> str:
    """A folder with links to everything on the PATH but one program."""
    links = folder / "links"
    links.mkdir()
    for place in reversed(os.environ["PATH"].split(":")):
        for path in Path(place).glob("*") if Path(place).is_dir() else []:
            link = links / path.name
            if path.name != program:
                link.unlink(missing_ok=True)
                link.symlink_to(path)
    return str(links)


def test_the_runbook_carries_out_what_the_script_does(deployment: Deployment) -> None:
    """Each command of the runbook, pasted into a shell, is accepted and leads to the same cloud."""
    runbook = deployment.run("--dry-run", "--project=shop").replace(
        "=SOURCE ", f"={deployment.copy} "
    )
    lines = [line for line in runbook.splitlines() if "autonomy migrate" not in line]
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines).partition("# Smoke test")[0]],
        env=deployment.environment, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    pasted = deployment.cloud
    assert sorted(pasted["jobs"]) == ["autonomous-operations"]
    deployment.changes()
    deployment.run()
    assert deployment.changes() == []


@pytest.mark.parametrize(
    ("variables", "options", "wanted"),
    [
        ({"SUPABASE_URL": ""}, (), "SUPABASE_URL"),
        ({"SUPABASE_SERVICE_ROLE_KEY": ""}, (), "SUPABASE_SERVICE_ROLE_KEY"),
        ({}, ("--project", "unknown"), "unknown is not there"),
        ({}, ("--every", "7m"), "--every"),
        ({}, ("--every", "soon"), "--every"),
        ({}, ("--shards", "0"), "--shards"),
        ({}, ("--shards", "9999"), "--shards"),
        ({}, ("--shards",), "needs a value"),
        ({}, ("--memory", "lots"), "--memory"),
        ({}, ("--wat",), "unknown option: --wat"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_changed(
    deployment: Deployment, variables: dict[str, Any], options: tuple[str, ...], wanted: str
) -> None:
    assert wanted in deployment.run(*options, fails=True, **variables)
    assert deployment.changes() == []


def test_nobody_signed_in_and_no_project(deployment: Deployment) -> None:
    deployment.change_cloud(lambda cloud: cloud.update(config={}))
    assert "--project ID" in deployment.run(fails=True)
    deployment.change_cloud(lambda cloud: cloud.update(accounts=[]))
    assert "gcloud auth login" in deployment.run(fails=True)


def test_both_missing_values_are_named_at_once(deployment: Deployment) -> None:
    said = deployment.run(fails=True, SUPABASE_URL="", SUPABASE_SERVICE_ROLE_KEY="")
    assert "SUPABASE_URL" in said
    assert "SUPABASE_SERVICE_ROLE_KEY" in said


def test_secrets_stand_in_no_command_line(deployment: Deployment) -> None:
    hidden: dict[str, Any] = {
        "AUTONOMY_API_TOKEN": "token-to-hide",
        "AUTONOMY_VIEWER_TOKEN": "viewer-to-hide",
        "AUTONOMY_WEBHOOK_URL": "https://hooks.example/to-hide",
        "AUTONOMY_WEBHOOK_SECRET": "webhook-to-hide",
        "AUTONOMY_SLACK_WEBHOOK_URL": "https://slack.example/to-hide",
        "AUTONOMY_SMTP_URL": "smtps://ops:to-hide@smtp.example",
        "AUTONOMY_MAIL_FROM": "to-hide@ops.example",
        "AUTONOMY_MAIL_TO": "to-hide@ann.example,to-hide@bob.example",
        "AUTONOMY_META_TOKEN": "EAAG-to-hide",
        "AUTONOMY_META_APP_SECRET": "app-to-hide",
        "AUTONOMY_GOOGLE_ADS_CREDENTIALS": '{"private_key": "to-hide", "type": "x"}',
        "AUTONOMY_META_TOKEN_NORTH": "EAAG-north-to-hide",
    }
    said = deployment.run(**hidden, AUTONOMY_CREDENTIALS="NORTH EAST_1")
    spoken = said + json.dumps(deployment.calls())
    assert "to-hide" not in spoken
    assert SERVICE_KEY not in spoken
    assert set(hidden.values()) < deployment.secret_values()
    assert not [value for value in deployment.secret_values() if value in spoken]
    assert not set(hidden.values()) & set(
        _config(deployment.cloud)["environmentVariables"].values()
    )


def test_the_smoke_test_is_a_dry_run_with_the_operators_token(deployment: Deployment) -> None:
    deployment.run()
    (call,) = deployment.function.calls
    assert call["body"]["dry_run"] is True
    (token,) = deployment.cloud["secrets"]["autonomous-operations-api-token"]["versions"]
    assert call["headers"]["Authorization"] == f"Bearer {token}"


def test_the_smoke_test_waits_for_rights_to_spread(deployment: Deployment) -> None:
    deployment.function.queue += [(403, {}, {}), (404, {}, {}), (503, {}, {})]
    deployment.run()
    assert len(deployment.function.calls) == 4


def test_a_failed_smoke_test_fails_the_deployment(deployment: Deployment) -> None:
    error = {"success": False, "error": {"code": "NOT_MIGRATED"}}
    deployment.function.otherwise = (503, {}, error)
    said = deployment.run(fails=True)
    assert "NOT_MIGRATED" in said
    assert "smoke test failed (503)" in said


def test_a_failing_command_stops_the_deployment(deployment: Deployment) -> None:
    deployment.change_cloud(lambda cloud: cloud.update(broken="functions deploy"))
    said = deployment.run(fails=True)
    assert "broken on purpose" in said
    assert not deployment.cloud["jobs"], "nothing calls a function that is not there"
    deployment.change_cloud(lambda cloud: cloud.update(broken=""))
    deployment.run()
    assert deployment.cloud["jobs"]


def test_the_migrations_are_asked_for(deployment: Deployment) -> None:
    python = deployment.programs / "recorded-python"
    python.write_text(f'#!/bin/sh\necho "$@" >> "{deployment.folder}/python"\n')
    python.chmod(0o755)
    url = "postgresql://postgres:to-hide@db.example:5432/postgres"
    given: dict[str, Any] = {"PYTHON": str(python), "AUTONOMY_DATABASE_URL": url}
    said = deployment.run(fails=True, **given)
    assert "db.example:5432?" in said
    assert deployment.changes() == []
    said = deployment.run("--yes", **given)
    assert "to-hide" not in said
    assert (deployment.folder / "python").read_text() == "-m autonomy migrate\n"
    deployment.run("--yes", "--skip-migrations", **given)
    assert (deployment.folder / "python").read_text() == "-m autonomy migrate\n"


def test_failed_migrations_stop_it(deployment: Deployment) -> None:
    said = deployment.run(
        "--yes", fails=True, PYTHON="false", AUTONOMY_DATABASE_URL="postgresql://x/y"
    )
    assert "nothing was deployed" in said
    assert deployment.changes() == []


def test_the_stand_in_refuses_what_is_not_documented(deployment: Deployment) -> None:
    for call in (
        ["functions", "deploy", "x", "--max-instance=3"],
        ["functions", "publish", "x"],
        ["scheduler", "jobs", "create", "http", "x", "--update-headers=a=b"],
        ["functions", "deploy", "x", "--gen2=yes"],
    ):
        done = subprocess.run(
            [deployment.programs / "gcloud", *call], env=deployment.environment, check=False,
            capture_output=True,
        )  # fmt: skip
        assert done.returncode == 2, call


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="no gcloud to ask")
@pytest.mark.long
def test_the_real_gcloud_knows_every_command_and_flag(deployed: Deployment, tmp_path: Path) -> None:
    """Its own linter, which validates without signing in and without the network."""
    deployed.change_cloud(lambda cloud: cloud.update(jobs={}, functions={}, invokers=[]))
    deployed.run("--shards", "2", "--private")
    deployed.run("--shards", "2", "--every", "30m", SUPABASE_SERVICE_ROLE_KEY="sb_secret_newer")
    deployed.run("--destroy", "--yes")
    said = {shlex.join(["gcloud", *call]) for call in deployed.calls()}
    file = tmp_path / "commands.json"
    file.write_text(json.dumps([{"command_string": one} for one in said]))
    done = subprocess.run(
        [str(shutil.which("gcloud")), "meta", "lint-gcloud-commands", f"--commands-file={file}"],
        env={
            "PATH": os.environ["PATH"], "HOME": str(tmp_path),
            "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
        },
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("this gcloud has no linter")
    results = json.loads(done.stdout)
    assert len(results) > 25
    assert [one["error_message"] for one in results if not one["success"]] == []


def test_shellcheck() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("no shellcheck")
    subprocess.run(["shellcheck", str(PROJECT / "deploy.sh")], check=True)

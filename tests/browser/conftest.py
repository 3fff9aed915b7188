"""A browser on the dashboard: Chromium through Playwright, the application on the real stack."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from werkzeug.serving import make_server

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app
from tests.calm import load_calm
from tests.kept import Kept

OPERATOR, VIEWER = "operator-token-of-32-characters!", "viewer-token-of-32-characters!!!"
AXE = Path(str(files("axe_playwright_python"))) / "axe.min.js"  # axe-core 4.12
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""WCAG 2.2 AA: the size of targets is looked at only where its tag is named."""
ASKED_OF_AXE = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": TAGS}}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
]


@dataclass
class Served:
    """The dashboard's address and the database behind it."""

    base: str
    database_url: str
    store: Store

    def sql(self, text: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(text.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def served(fresh: LocalStack) -> Iterator[Served]:
    """The application over HTTP on localhost, on an empty database."""
    environment = {
        **fresh.environment(),
        "AUTONOMY_API_TOKEN": OPERATOR,
        "AUTONOMY_VIEWER_TOKEN": VIEWER,
        "AUTONOMY_SESSION_KEY": "k" * 40,
    }
    settings = Settings.from_env(environment)
    store = Store.from_settings(settings)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app(settings, store, Runner(store, settings).handle)
    server = make_server("localhost", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield Served(f"http://localhost:{server.server_port}", fresh.database_url, store)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def account(served: Served, sample_account: Kept) -> Served:
    """The sample account after one run."""
    import requests

    def make() -> None:
        load_calm(served.database_url)
        answer = requests.post(
            f"{served.base}/", headers={"Authorization": f"Bearer {OPERATOR}"}, timeout=60
        )
        assert answer.status_code == 200, answer.text

    sample_account.fill(make)
    return served


@dataclass
class Visitor:
    """Somebody at a browser."""

    page: Page
    base: str
    problems: list[str]

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        # Loaded; no script fetches anything by itself. What they have changed is drawn:
        self.page.evaluate("new Promise(f => requestAnimationFrame(_ => requestAnimationFrame(f)))")
        return self.page

    def sign_in(self, token: str = OPERATOR) -> Visitor:
        self.open("/sign-in")
        self.page.get_by_label("Token", exact=True).fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)  # and for its load event
        return self

    def violations(self) -> list[str]:
        """What axe-core finds on this page."""
        found = self.page.evaluate(f"axe.run(document, {json.dumps(ASKED_OF_AXE)})")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser window on a served dashboard; errors on its console are remembered."""
    contexts: list[BrowserContext] = []

    def make(served: Served, *, width: int = 1280, axe: bool = False, **options: Any) -> Visitor:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        if axe:
            context.add_init_script(path=AXE)
        page = context.new_page()
        page.set_default_timeout(15_000)
        visitor = Visitor(page, served.base, [])
        page.on("pageerror", lambda error: visitor.problems.append(str(error)))
        page.on(
            "console",
            lambda line: visitor.problems.append(line.text) if line.type == "error" else None,
        )
        return visitor

    yield make
    for context in contexts:
        context.close()

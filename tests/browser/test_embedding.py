"""The dashboard in a frame of another origin, in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route
from werkzeug.serving import make_server

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app
from tests.browser.conftest import ARGUMENTS, OPERATOR

pytestmark = pytest.mark.browser
ADMIN, OTHER = "https://admin.example.com", "https://other.example.net"


@pytest.fixture(scope="module")
def outside(playwright: Playwright) -> Iterator[Browser]:
    """A browser that lets a page from elsewhere reach this machine, where the dashboard is."""
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[*ARGUMENTS, "--disable-features=LocalNetworkAccessChecks"],
    )
    yield browser
    browser.close()


@contextmanager
def dashboard(stack: LocalStack, embedded_by: str) -> Iterator[str]:
    """Its address, while it is up."""
    settings = Settings.from_env(
        {
            **stack.environment(),
            "AUTONOMY_API_TOKEN": OPERATOR,
            "AUTONOMY_SESSION_KEY": "k" * 40,
            "AUTONOMY_EMBED_ORIGINS": embedded_by,
        }
    )
    store = Store.from_settings(settings)
    app = create_app(settings, store, Runner(store, settings).handle)
    server = make_server("localhost", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def framed(page: Page, origin: str, address: str) -> None:
    """A page of that origin with the dashboard in a frame."""

    def answer(route: Route) -> None:
        tab = f'<iframe width="1100" height="650" src="{address}/settings"></iframe>'
        route.fulfill(content_type="text/html", body=f"<!doctype html><title>Admin</title>{tab}")

    page.set_default_timeout(15_000)
    page.route(f"{origin}/**", answer)
    page.goto(f"{origin}/")


def test_one_signs_in_and_changes_something_inside_the_frame(
    fresh: LocalStack, outside: Browser
) -> None:
    with dashboard(fresh, ADMIN) as address:
        context = outside.new_context()
        page = context.new_page()
        framed(page, ADMIN, address)
        inside = page.frame_locator("iframe")
        inside.get_by_label("Token", exact=True).fill(OPERATOR)
        inside.get_by_role("button", name="Sign in").click()
        inside.get_by_role("heading", name="Settings").wait_for()
        inside.locator("summary", has_text="Freeze").click()
        inside.get_by_label("Reason to freeze").fill("From the tab")
        inside.get_by_role("button", name="Freeze now").click()
        inside.get_by_role("region", name="Frozen").get_by_text("From the tab").wait_for()
        page.goto(f"{address}/settings")
        assert "/sign-in" in page.url, "a window of its own has a session of its own"
        context.close()


def test_nobody_else_shows_it_in_a_frame(fresh: LocalStack, outside: Browser) -> None:
    with dashboard(fresh, ADMIN) as address:
        context = outside.new_context()
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        framed(page, OTHER, address)
        page.wait_for_timeout(500)
        assert any("frame-ancestors" in one for one in refused), refused
        assert page.frame_locator("iframe").get_by_label("Token").count() == 0
        context.close()

"""Takes the picture of the Overview that README.md shows: `python -m tests.ops.screenshot`.

The sample account after one run, on a stack of its own, in the afternoon of whichever zone has one.
"""

from __future__ import annotations

import base64
import logging
import shutil
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.local.sample import load
from autonomy.migrate import apply
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app
from tests.ops.documents import PROJECT

PICTURE = PROJECT / "docs" / "overview.webp"
LARGEST = 120_000
WINDOW = (1440, 1560)
QUALITY = 58
AFTERNOON = 15
TOKEN = "operator-token-of-32-characters!"


def main() -> None:
    """Load, run, look, write the picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no chromium on the PATH: install it, or leave the picture as it is.")
    folder = Path(tempfile.mkdtemp(prefix="autonomy-picture-"))
    folder.chmod(0o711)
    try:
        with LocalStack(folder / "data") as stack:
            PICTURE.write_bytes(_picture(stack, chromium))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(PROJECT)}: {size:,} bytes")
    if size > LARGEST:
        sys.exit(f"More than {LARGEST:,}: lower QUALITY.")


def _picture(stack: LocalStack, chromium: str) -> bytes:
    now = datetime.now(UTC)
    apply(stack.database_url)
    load(stack.database_url, now=now)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        ahead = (AFTERNOON - now.hour + 12) % 24 - 12
        zone = f"Etc/GMT{-ahead:+d}" if ahead else "UTC"  # POSIX: the sign is turned round
        connection.execute("update autonomy_policy set time_zone = %s", (zone,))
        connection.execute("update autonomy_accounts set currency = 'EUR', daily_total = 7000")
    settings = Settings.from_env(
        {
            **stack.environment(),
            "AUTONOMY_API_TOKEN": TOKEN,
            "AUTONOMY_SESSION_KEY": "k" * 40,
        }
    )
    store = Store.from_settings(settings)
    runner = Runner(store, settings)
    runner.handle({}, idempotency_key=None, trigger="scheduler")
    store.rpc("dashboard_refresh", p_milliseconds=20_000)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("localhost", 0, create_app(settings, store, runner.handle), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        return _taken(f"http://localhost:{server.server_port}", chromium)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _taken(base: str, chromium: str) -> bytes:
    """Playwright writes no WebP; the browser does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        )
        page = browser.new_page(
            viewport={"width": WINDOW[0], "height": WINDOW[1]}, color_scheme="light"
        )
        page.goto(f"{base}/sign-in")
        page.get_by_label("Token", exact=True).fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        answer = page.context.new_cdp_session(page).send(
            "Page.captureScreenshot", {"format": "webp", "quality": QUALITY}
        )
        browser.close()
    return base64.b64decode(answer["data"])


if __name__ == "__main__":
    main()

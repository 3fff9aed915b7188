"""A fake platform in a process of its own: prints its address, serves until it is ended.

    python -m tests.platforms.serve meta --port 0
    python -m tests.platforms.serve google --world tests/platforms/example.json

Without a file the project's own simulated market stands behind it, begun `--days` ago; its clock
goes with the real one, `--speed` times as fast.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.world import Account, Ledger, PlainWorld

ACCOUNT = "1234567890"


def market(platform: str, *, days: int, campaigns: int, seed: int, currency: str) -> Ledger:
    from tests.platforms.market_world import MarketWorld, Played
    from tests.simulation.world import TODAY

    now = datetime.now(UTC)
    account = Account(ACCOUNT, "Simulated market", currency=currency)
    played = Played(
        account, seed, replace(TODAY, campaigns=campaigns, days=days + 120),
        sets=platform == "meta", adsets=campaigns // 4 // 2 * 2 if platform == "meta" else 0,
        credit=1.0 if platform == "meta" else 0.6,
    )  # fmt: skip
    world = MarketWorld([played], (now - timedelta(days=days)).date())
    world.move(now)
    return world


def follow(fake: FakeMeta | FakeGoogle, speed: float, stop: threading.Event) -> None:
    """Moves the world's clock with the real one."""
    last = time.monotonic()
    while not stop.wait(1.0):
        passed, last = time.monotonic() - last, time.monotonic()
        with fake.lock:
            fake.world.move(fake.world.now() + timedelta(seconds=passed * speed))


def variables(fake: FakeMeta | FakeGoogle, base: str) -> dict[str, str]:
    """With which variables the product takes the fake for the platform."""
    if isinstance(fake, FakeMeta):
        return {"AUTONOMY_META_API": base, "AUTONOMY_META_TOKEN": fake.token,
                "AUTONOMY_META_APP_SECRET": fake.app_secret or ""}  # fmt: skip
    credential = {"type": "authorized_user", "client_id": "fake", "client_secret": "fake",
                  "refresh_token": fake.refresh_token}  # fmt: skip
    return {"AUTONOMY_GOOGLE_ADS_API": base, "AUTONOMY_GOOGLE_TOKEN_URI": fake.token_uri,
            "AUTONOMY_GOOGLE_ADS_CREDENTIALS": json.dumps(credential)}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    world: Ledger
    if options.world:
        world = PlainWorld.read(options.world)
    else:
        world = market(
            options.platform, days=options.days, campaigns=options.campaigns, seed=options.seed,
            currency=options.currency,
        )  # fmt: skip
    fake: FakeMeta | FakeGoogle
    fake = FakeMeta(world) if options.platform == "meta" else FakeGoogle(world)
    stop = threading.Event()
    # Not by an exception, which may come in the middle of anything. Set before who reads the
    # address can end it again.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    base = fake.start(options.port)
    account, *_ = world.accounts
    told = {"account": account, "variables": variables(fake, base)}
    print(json.dumps(told) if options.variables else base, flush=True)
    print(f"account {account}, token {fake.token}", file=sys.stderr, flush=True)
    try:
        follow(fake, options.speed, stop)
    finally:
        fake.stop()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.platforms.serve")
    parser.add_argument("platform", choices=("meta", "google"))
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument(
        "--variables", action="store_true", help="print how the product reaches it, as JSON"
    )
    parser.add_argument("--world", type=Path, help="a JSON file (and a CSV of that name)")
    parser.add_argument("--days", type=int, default=45, help="how long the market has gone on")
    parser.add_argument("--campaigns", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--currency", default="EUR")
    parser.add_argument("--speed", type=float, default=1.0, help="3600: an hour a second")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

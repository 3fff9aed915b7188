"""`connect --check`: what the answers of an account are made of, and that it was tried."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import click

from autonomy.cli.connection import connected
from autonomy.errors import NotConfigured
from autonomy.store import Json


def check_shapes(wanted: Json, number: str, path: Path) -> None:
    """Raises PlatformError where it does not answer; what it did answer is written all the same."""
    if _write_shapes(wanted, path):
        _note_checked(wanted["platform"], number)


def _note_checked(platform: str, number: str) -> None:
    """It was tried on a real account: from now on nobody is told that it never was."""
    with suppress(NotConfigured), connected() as target:
        there = target.store.rpc("list_platform_accounts")
        for one in there:
            if (one["platform"], one["external_id"]) == (platform, number):
                target.store.rpc("record_platform_check", p_account=one["account"])
                click.echo(f"{one['account']}: a real account that answers as expected; noted.")
                return
    click.echo("It answers as expected. Checked again once it is connected, that is noted.")


def _write_shapes(wanted: Json, path: Path) -> bool:
    """Read a little of everything, and write what the answers are made of; no figure, no name.
    Whether a real account, active and with campaigns, has answered as expected."""
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    from autonomy.platforms.base import PlatformError
    from autonomy.platforms.opened import opened
    from autonomy.platforms.shapes import Shapes

    shapes = Shapes()
    try:
        platform = opened(wanted, shapes.session)
        facts = platform.account()
        today = datetime.now(ZoneInfo(facts.time_zone)).date()
        units = next(platform.units(), [])
        if units:
            platform.unit(units[0].external_id)
        next(platform.days(today - timedelta(days=2), today - timedelta(days=1)), [])
        platform.pulse()
        now = datetime.now(UTC)
        with suppress(PlatformError):  # an account may permit everything but these
            next(platform.changes(now - timedelta(days=7), now), [])
        with suppress(PlatformError):
            platform.notes()
        return facts.active and bool(units) and not shapes.elsewhere
    finally:
        text = json.dumps({"platform": wanted["platform"], "answers": shapes.seen}, indent=2)
        path.write_text(text + "\n", encoding="utf-8")
        click.echo(f"{path}: {len(shapes.seen)} answers, figures and names blanked.")

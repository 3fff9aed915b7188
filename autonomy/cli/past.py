"""Commands for the past: import an export, replay it."""

from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()

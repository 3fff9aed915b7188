"""The command that opens an assistant's door."""

from __future__ import annotations

import importlib.util
import os

import click

from autonomy.cli.connection import connected
from autonomy.errors import NotConfigured

TOKEN = "AUTONOMY_AGENT_TOKEN"  # noqa: S105 # nosec B105 - the name of a variable
PACKAGE = "mcp==2.3.0"


@click.command()
@click.option("--url", help="Of a deployed function, with AUTONOMY_AGENT_TOKEN; else this project.")
def mcp(url: str | None) -> None:
    """Serve an assistant (Claude, an editor) over MCP: it looks and drafts, and moves nothing.

    Standard input and output are the wire. The assistant is configured with the command
    `python -m autonomy mcp`, this folder as its working directory.
    """
    if importlib.util.find_spec("mcp") is None:
        raise NotConfigured(
            "The package mcp is not installed.",
            hint="pip install -r requirements-mcp.txt (into .venv).",
        )
    import anyio

    from autonomy.assistant.api import over_http, within
    from autonomy.assistant.server import serve

    if url:
        token = os.environ.get(TOKEN, "").strip()
        if not token:
            raise NotConfigured(f"{TOKEN} is not set.", hint="Set it to the function's own.")
        anyio.run(serve, over_http(url, token))
        return
    with connected() as target:
        anyio.run(serve, within(target.settings, target.store))


COMMANDS = (mcp,)

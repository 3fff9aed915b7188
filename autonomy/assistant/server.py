"""The door itself, over standard input and output, by the official `mcp` package (an extra)."""

from __future__ import annotations

from typing import Any

import mcp.types as t
from mcp.server import Server
from mcp.server.stdio import stdio_server

import autonomy
from autonomy.assistant.answers import refused, told
from autonomy.assistant.api import Ask
from autonomy.assistant.tools import BY_NAME, TOOLS, Tool, call_of, input_schema
from autonomy.errors import AutonomyError

INSTRUCTIONS = (
    "This looks after advertising campaigns: it pauses those that burn money and moves budgets to "
    "those that earn it. You can look at everything, try things without consequence, draft rules "
    "for a person to adopt, and freeze everything in an emergency. You cannot approve, run, undo "
    "or loosen anything: say so, and where on the dashboard a person does it."
)


def server(ask: Ask) -> Server[Any]:
    """The server with its tools; `ask` reaches the API."""

    async def list_tools(_: Any, __: t.PaginatedRequestParams | None) -> t.ListToolsResult:
        return t.ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def call_tool(_: Any, params: t.CallToolRequestParams) -> t.CallToolResult:
        import anyio.to_thread

        return await anyio.to_thread.run_sync(
            answered, ask, params.name, dict(params.arguments or {})
        )

    return Server(
        "autonomous-operations",
        version=autonomy.__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def answered(ask: Ask, name: str, arguments: dict[str, Any]) -> t.CallToolResult:
    """What a call of a tool gives; what went wrong is an answer too."""
    tool = BY_NAME.get(name)
    if tool is None:
        return _said(f"There is no tool {name[:60]!r}.", wrong=True)
    try:
        status, found = ask(call_of(tool, arguments))
    except AutonomyError as error:
        return _said(f"{error.code}: {error.message} {error.hint}".strip(), wrong=True)
    return _said(told(found)) if status < 400 else _said(refused(found), wrong=True)


async def serve(ask: Ask) -> None:
    """Until standard input ends."""
    door = server(ask)
    async with stdio_server() as (reading, writing):
        await door.run(reading, writing, door.create_initialization_options())


def _described(tool: Tool) -> t.Tool:
    return t.Tool(
        name=tool.name,
        description=tool.about,
        input_schema=input_schema(tool),
        annotations=t.ToolAnnotations(
            read_only_hint=tool.reads_only,
            destructive_hint=False,
            idempotent_hint=tool.name != "draft_rule",
            open_world_hint=False,
        ),
    )


def _said(text: str, *, wrong: bool = False) -> t.CallToolResult:
    return t.CallToolResult(content=[t.TextContent(type="text", text=text)], is_error=wrong)

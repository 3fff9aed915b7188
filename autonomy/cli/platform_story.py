"""What `make run PLATFORM=meta` shows: a run whose changes reach the platform, and what comes of
each: confirmed, refused in the platform's words, left as a person has it, and undone again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from autonomy.cli.output import bar, state_change
from autonomy.store import Json

MARIA = "Maria Keller"
API_OF = {"meta": "AUTONOMY_META_API", "google": "AUTONOMY_GOOGLE_ADS_API"}
TITLES = {"meta": "Meta", "google": "Google Ads"}

Post = Callable[[Json], Json]
Command = Callable[..., Any]


def story(
    environment: Mapping[str, str], platform: str, post: Post, command: Command
) -> tuple[Json, list[str]]:
    """The run's answer, and what there is to tell of it, a line each. `post`: calls the function;
    `command`: runs one of the command line."""
    database = environment["AUTONOMY_DATABASE_URL"]
    bar("what a run would do", 0.75)
    foreseen = post({"dry_run": True})["result"]["actions"]
    _prepare(environment[API_OF[platform]], database, foreseen)
    bar("a run, whose changes are carried over", 0.8)
    answer = post({})
    title = TITLES[platform]
    bar("two pauses are approved", 0.9)
    proposed = "select id::text from public.autonomous_actions where status = 'pending' limit 2"
    for (action,) in _ask(database, proposed):
        command("approve", action)
    command("sync")
    lines = [_line(one, title) for one in _delivered(database)]
    undone = _undo(database, command, title)
    bar("and one of them undone", 1.0)
    return answer, lines + undone


def _prepare(address: str, database: str, foreseen: list[Json]) -> None:
    """Behind our back a person changes one campaign there, and the platform wants larger budgets
    than the smallest that we are about to set."""
    units = dict(
        _ask(database, "select campaign_id::text, external_id from autonomy.platform_units")
    )
    raises = [one for one in foreseen if one["action_type"] == "auto_scale_up"]
    raises.sort(key=lambda one: float(one["new"]["budget"]))
    if raises:
        least = float(raises[0]["new"]["budget"]) + 1
        _tell(address, "set", {"minimum": least})
    if len(raises) > 1:
        last = raises[-1]
        theirs = float(last["previous"]["budget"]) + 5
        _tell(address, "person", {"external_id": units[last["campaign_id"]], "field": "budget",
                                  "value": theirs, "name": MARIA})  # fmt: skip


def _tell(address: str, order: str, what: Json) -> None:
    """The made-up platform does as it is told; a real one has no such door."""
    root = urlsplit(address)
    request = urllib.request.Request(  # noqa: S310 - this machine
        f"{root.scheme}://{root.netloc}/_fake/{order}", data=json.dumps(what).encode(),
        headers={"Content-Type": "application/json"}, method="POST",
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310  # nosec B310
        pass


def _delivered(database: str) -> list[Json]:
    """Every action of ours with how far it is on its platform, in the order of the writes."""
    return [one[0] for one in _ask(
        database,
        "select jsonb_build_object('id', a.id, 'title', c.title, 'type', a.action_type,"
        " 'previous', a.previous_state, 'new', a.new_state, 'currency', k.currency,"
        " 'state', d.state, 'message', d.message)"
        " from autonomy.deliveries d join public.autonomous_actions a on a.id = d.action_id"
        " join public.campaigns c on c.id = d.campaign_id"
        " left join public.autonomy_accounts k on k.account = c.account"
        " order by array_position(array['confirmed', 'refused', 'overruled'], d.state),"
        " a.action_type, c.title",
    )]  # fmt: skip


def _line(one: Json, platform: str) -> str:
    change = state_change(one["previous"], one["new"], one["currency"])
    said = {
        "confirmed": f"confirmed: {platform} was read again and has it",
        "waiting": "waiting to be carried over",
        "unsure": f"{platform} has not answered for it yet",
    }.get(one["state"], one["message"])
    return f"{one['title']}  [{change}]  {said}"


def _undo(database: str, command: Command, platform: str) -> list[str]:
    """Take back one that was confirmed, a pause where there is one; it reaches the platform as
    every change does."""
    confirmed = [one for one in _delivered(database) if one["state"] == "confirmed"]
    done = min(confirmed, key=lambda one: one["type"] != "auto_pause", default=None)
    if done is None:
        return []
    command("rollback", done["id"], "--yes")
    (read,) = command("sync")
    came = (read["delivered"] or {}).get("confirmed")
    said = f"confirmed by {platform}" if came else "still on its way"
    change = state_change(done["new"], done["previous"], done["currency"])
    return [f"{done['title']}  [{change}]  taken back by a person, {said}"]


def _ask(database: str, text: str) -> list[Any]:
    import psycopg

    with psycopg.connect(database) as connection:
        return connection.execute(text.encode()).fetchall()


def show(lines: list[str]) -> None:
    """What became of each change."""
    click.secho("\nOn the platform:", bold=True)
    for line in lines:
        click.echo(f"  {line}")

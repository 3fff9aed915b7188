"""Commands for advertising platforms: connect an account, read the connected ones, carry over."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from autonomy.cli.connection import Target, connected
from autonomy.cli.output import json_option, moment, print_json, print_table
from autonomy.cli.platform_check import check_shapes
from autonomy.engine.policy import PRESETS
from autonomy.errors import StateConflict
from autonomy.run.delivered import delivered_sentences
from autonomy.store import Json

RECOMMENDED = "balanced"
"""The preset that a connected account begins with."""
SMALL_STEPS = (
    "Meta may begin to learn anew after a large change of a budget (many say above 20 %; Meta "
    "names no number). To raise by at most a fifth at a time:"
)
OURS_UNKNOWN = (
    "Who changed what there is read; which of it this program did cannot be told, since the "
    "platform does not say whose its credential is."
)


@click.command()
@click.argument("platform", type=click.Choice(["meta", "google"]))
@click.option("--account", "external_id", help="Its id on the platform; without: what is seen.")
@click.option("--as", "name", help="Its name here, as campaigns.account has it.")
@click.option("--credential", default="", help="Which of several, by its name.")
@click.option("--login", "login_id", help="Google Ads: the manager that access comes through.")
@click.option("--conversion", help="Meta: the one type of action that counts, as purchase.")
@click.option("--max-step", type=click.FloatRange(1, 10), help="At most so much up: 1.2 for Meta.")
@click.option("--check", is_flag=True, help="Write the shapes of the answers; connect nothing.")
@click.option(
    "--file", "path", type=click.Path(dir_okay=False, path_type=Path), help="Where --check writes."
)
@json_option
def connect(  # noqa: PLR0913, PLR0917 - one parameter an option
    platform: str,
    external_id: str | None,
    name: str | None,
    credential: str,
    login_id: str | None,
    conversion: str | None,
    max_step: float | None,
    check: bool,
    path: Path | None,
    as_json: bool,
) -> None:
    """Connect an advertising account, to read it: `connect meta --account 123`."""
    from autonomy.platforms.base import PlatformError

    wanted: Json = {
        "platform": platform,
        "credential": credential.upper(),
        "login_id": login_id,
        "conversion_action": conversion,
        "attribution_windows": [],
    }
    try:
        number = _number(external_id) if external_id else _only_one(wanted, as_json)
        wanted["external_id"], login_id = number, wanted["login_id"]
        if check:
            check_shapes(wanted, number, path or Path(f"platform-check-{platform}.json"))
            return
        facts, notes = _looked_at(wanted, as_json)
    except PlatformError as error:
        raise click.ClickException(_with_help(platform, error)) from error
    limits: Json = dict(PRESETS[RECOMMENDED].values)
    if max_step is not None:
        limits["max_step"] = max_step
    with connected() as target:
        made = target.store.rpc(
            "connect_platform_account",
            p_account=name,
            p_platform=platform,
            p_external_id=number,
            p_facts=facts,
            p_login_id=_number(login_id) if login_id else None,
            p_credential=wanted["credential"],
            p_conversion_action=conversion,
            p_limits=limits,
            p_actor="cli",
        )
    if as_json:
        print_json(made)
        return
    account = made["account"]
    click.echo(f"{account}: connected to {made['platform_title']} {number}, to be read only.")
    click.echo(f"Currency {made['currency']}, time zone {made['time_zone']}. It is observed.")
    for sentence in notes:
        click.echo(sentence)
    if platform == "meta" and max_step is None:
        click.echo(f"{SMALL_STEPS} python -m autonomy accounts set {account!r} max_step=1.2")
    click.echo(f"Read it now: python -m autonomy sync --account {account!r}")


@click.command()
@click.argument("account")
@json_option
def disconnect(account: str, as_json: bool) -> None:
    """End the connection of ACCOUNT; campaigns and figures stay."""
    with connected() as target:
        was = target.store.rpc("disconnect_platform_account", p_account=account)
    if as_json:
        print_json(was)
        return
    click.echo(
        f"{account} is not connected to {was['platform_title']} any more. It is observed as before;"
        f" to let runs act here: python -m autonomy accounts set {account!r} mode="
    )


@click.command()
@click.option("--account", "accounts", multiple=True, help="Only this one; may be repeated.")
@click.option("--shard", help='One part of the accounts, as "2/8".')
@click.option("--list", "only_list", is_flag=True, help="Show what is connected; read nothing.")
@click.option("--force", is_flag=True, help="Also where a limit of the platform says not yet.")
@click.option("--read-only", is_flag=True, help="Carry nothing over.")
@json_option
def sync(
    accounts: tuple[str, ...],
    shard: str | None,
    only_list: bool,
    force: bool,
    read_only: bool,
    as_json: bool,
) -> None:
    """Read the connected accounts from their platforms, and carry over what waits for it."""
    with connected() as target:
        there = _connected_ones(target, accounts, shard)
        if only_list:
            _show(there, as_json)
            return
        done = _read(target, [one["account"] for one in there], force=force)
        pushed_to = [one["account"] for one in there if one["push"] != "off" and not read_only]
        pushed = _carried_over(target, pushed_to, force=force)
    for one in done:
        one["delivered"] = pushed.get(one["account"])
    if as_json:
        print_json(done)
    else:
        for one in done:
            _tell(one)
        if not done:
            click.echo("No account is connected. Connect one: python -m autonomy connect meta")
    came = [one for one in (*done, *pushed.values()) if one["outcome"] in ("failed", "broken")]
    if came:
        raise click.exceptions.Exit(3)


@click.command()
@click.argument("account")
@click.argument("push", type=click.Choice(["off", "validate", "on"]))
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def push(account: str, push: str, yes: bool, as_json: bool) -> None:
    """Whether changes are carried over to the platform of ACCOUNT.

    off: it is only read. validate: the platform is asked whether it would take them, and nothing
    is changed there. on: they are carried over.
    """
    with connected() as target:
        made = _switched(target, account, push, yes=yes)
    if as_json:
        print_json(made)
        return
    click.echo(f"{account}: {made['message']}")
    if made["taken_over"]:
        click.echo(f"{made['taken_over']} campaigns are now as the platform has them.")
    if made["given_up"]:
        click.echo(f"{made['given_up']} changes that waited are given up.")
    if push == "on":
        click.echo(f"Let runs act: python -m autonomy accounts set {account!r} mode=approve")


COMMANDS = (connect, disconnect, sync, push)


def _switched(target: Target, account: str, push: str, *, yes: bool) -> Json:
    """Switching on is confirmed by whoever does it; what the database has against it, too."""
    asked: Json = {"p_account": account, "p_push": push, "p_actor": "cli"}
    if push == "on" and not yes:
        click.confirm(
            "From then on real campaigns are paused, resumed and given other budgets. Never tried "
            "on a real account: watch the first changes on the platform's own pages. Go on?",
            abort=True,
            err=True,
        )
    try:
        made: Json = target.store.rpc("set_platform_push", **asked)
    except StateConflict as error:
        if push != "on" or "confirm" not in error.hint:
            raise
        if not yes:
            click.confirm(f"{error.message} Go on all the same?", abort=True, err=True)
        made = target.store.rpc("set_platform_push", p_confirm=True, **asked)
    return made


def _connected_ones(target: Target, accounts: tuple[str, ...], shard: str | None) -> list[Json]:
    if not accounts:
        found: list[Json] = target.store.rpc("list_platform_accounts", p_shard=shard)
        return sorted(found, key=lambda one: one["pulled_at"] or "")
    return [
        one
        for account in accounts
        for one in target.store.rpc("list_platform_accounts", p_account=account)
    ]


def _read(target: Target, accounts: list[str], *, force: bool) -> list[Json]:
    from autonomy.platforms.sync import Way, pull_accounts

    deadline = time.monotonic() + target.settings.deadline_seconds * max(1, len(accounts))
    way = Way(deadline=deadline, force=force, fault=target.settings.fault)
    return [one.to_dict() for one in pull_accounts(target.store, accounts, way)]


def _carried_over(target: Target, accounts: list[str], *, force: bool) -> dict[str, Json]:
    """What came of it, by account; nothing is imported where nothing is to be carried over."""
    if not accounts:
        return {}
    from autonomy.platforms.push import push as carry_over
    from autonomy.platforms.sync import Way

    deadline = time.monotonic() + target.settings.deadline_seconds * len(accounts)
    way = Way(deadline=deadline, force=force, fault=target.settings.fault)
    done = [carry_over(target.store, account, way) for account in accounts]
    return {one.account: {**one.to_dict(), "counts": one.counts} for one in done}


def _show(there: list[Json], as_json: bool) -> None:
    if as_json:
        print_json(there)
        return
    rows = [
        (
            one["account"],
            f"{one['platform_title']} {one['external_id']}",
            one["units"],
            one["push"],
            moment(one["pulled_at"]) or "never",
            one["state"] if not one["state_message"] else f"{one['state']}: {one['state_message']}",
            one["last_error"],
        )
        for one in there
    ]
    columns = (
        "account", "connected to", "campaigns", "push", "read last", "state", "last problem",
    )  # fmt: skip
    print_table("Connected", columns, rows, "none; connect one: python -m autonomy connect meta")


def _tell(one: Json) -> None:
    head = f"{one['account']}: {one['outcome']}"
    if one["message"]:
        head += f": {one['message']}"
    click.echo(head)
    if one["outcome"] in ("done", "stopped"):
        click.echo(f"  {one['units']} campaigns ({one['made']} new), {one['days']} days of them")
    for sentence in one["followed"][:20]:
        click.echo(f"  changed on the platform: {sentence}")
    if one["changed"] > len(one["followed"][:20]):
        click.echo(f"  and {one['changed'] - len(one['followed'][:20])} more changes")
    for sentence in one["problems"]:
        click.echo(f"  left out: {sentence}")
    if one["rejected"] > len(one["problems"]):
        click.echo(f"  and {one['rejected'] - len(one['problems'])} more rows were left out")
    if one["not_carried_over"]:
        click.echo(f"  {one['not_carried_over']} changed here, and not on the platform")
    if one["outcome"] == "stopped":
        click.echo("  out of time; the next reading goes on")
    if one["delivered"] is not None:
        _tell_delivered(one["delivered"])


def _tell_delivered(one: Json) -> None:
    if one["outcome"] not in ("done", "stopped"):
        click.echo(f"  carried over: {one['outcome']}: {one['message']}")
    for sentence in delivered_sentences({"delivered": {one["account"]: one["counts"]}}):
        click.echo(f"  {sentence}")
    for told in one["told"]:
        click.echo(f"  {told['title']}, {told['field']} {told['wanted']}: {told['message']}")


def _number(text: str) -> str:
    return text.strip().removeprefix("act_").replace("-", "")


def _only_one(wanted: Json, as_json: bool) -> str:
    """The account that a credential sees, where it is one; else they are listed, and that is it."""
    from autonomy.platforms.visible import lacking, visible

    seen = visible(wanted["platform"], wanted["credential"])
    missing = lacking(wanted["platform"], seen)
    if missing:
        raise click.ClickException(" ".join(missing))
    if len(seen.accounts) == 1:
        number = seen.accounts[0][0]
        wanted["login_id"] = wanted["login_id"] or seen.logins.get(number)
        return number
    _show_accounts(wanted["platform"], seen.accounts, seen.logins, as_json)
    raise click.exceptions.Exit(3)


def _show_accounts(
    platform: str, accounts: list[tuple[str, str]], logins: dict[str, str], as_json: bool
) -> None:
    rows = [(number, name, logins.get(number, "")) for number, name in accounts]
    if as_json:
        print_json([{"external_id": one, "name": name, "login_id": login or None}
                    for one, name, login in rows])  # fmt: skip
        return
    print_table("It sees", ("account", "name", "through the manager"), rows, "nothing")
    login = " --login MANAGER" if logins else ""
    click.echo(f"Name one: python -m autonomy connect {platform} --account ID{login}")


def _looked_at(wanted: Json, as_json: bool) -> tuple[Json, list[str]]:
    """What the platform says of the account, when it has shown that it can be read; and what a
    person should know."""
    from autonomy.platforms.as_json import facts_json
    from autonomy.platforms.base import AccountBroken, PlatformError
    from autonomy.platforms.opened import opened
    from autonomy.platforms.visible import below

    platform = opened(wanted)
    facts = platform.account()
    if facts.details.get("manager"):
        number = wanted["external_id"]
        held = below(number, wanted["credential"])
        _show_accounts("google", held, {one: number for one, _ in held}, as_json)
        raise click.exceptions.Exit(3)
    if not facts.active:
        raise AccountBroken(facts.problem or "The platform says that the account is not active.")
    platform.pulse()  # the figures have a permission of their own
    notes: list[str] = []
    with suppress(PlatformError):  # what is nice to know stops nobody
        notes += platform.notes()
    with suppress(PlatformError):
        notes += [] if platform.identity() else [OURS_UNKNOWN]
    return facts_json(facts), notes


def _with_help(platform: str, error: Any) -> str:
    from autonomy.platforms.base import AccountBroken
    from autonomy.platforms.visible import WHERE_TO_GET

    more = f" {WHERE_TO_GET[platform]}" if isinstance(error, AccountBroken) else ""
    code = f" ({error.code})" if error.code else ""
    return f"{error.message}{code}{more}"

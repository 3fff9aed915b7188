"""Commands for rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from math import isinf
from typing import Any

import click

from autonomy.cli.connection import Target, connected, no_such_rule
from autonomy.cli.output import json_option, moment, print_json, print_table


@click.group()
def rules() -> None:
    """Rules: when to look, and what to do."""


@rules.command("list")
@json_option
def list_rules(as_json: bool) -> None:
    """All rules, highest priority first."""
    with connected() as target:
        rows = _all_rules(target)
    if as_json:
        print_json(rows)
        return
    table = [
        (
            row["priority"],
            row["rule_name"],
            "on" if row["is_active"] else "off",
            json.dumps(row["condition"]),
            json.dumps(row["action"]),
            moment(row["updated_at"]),
        )
        for row in rows
    ]
    columns = ("priority", "rule", "active", "condition", "action", "changed")
    print_table("Rules", columns, table, "none; add one with `rules set`")


@rules.command("check")
@json_option
def check(as_json: bool) -> None:
    """Lint the rules: never fires, outranked, flapping, uncapped. Exit code 3 on errors."""
    from autonomy.web.rule_body import findings

    with connected() as target:
        policy = target.store.select("autonomy_policy", limit=1)[0]
        found = findings(target.store, target.store.rpc("dashboard_rules"), policy)
    if as_json:
        print_json(found)
    else:
        table = [(one["severity"], one["rule"], one["code"], one["sentence"]) for one in found]
        print_table(
            "Findings", ("severity", "rule", "code", "what"), table, "none; the rules are sound"
        )
    if any(one["severity"] == "error" for one in found):
        raise click.exceptions.Exit(3)


@rules.command("enable")
@click.argument("rule_name")
@json_option
def enable(rule_name: str, as_json: bool) -> None:
    """Switch a rule on."""
    _switch(rule_name, active=True, as_json=as_json)


@rules.command("disable")
@click.argument("rule_name")
@json_option
def disable(rule_name: str, as_json: bool) -> None:
    """Switch a rule off."""
    _switch(rule_name, active=False, as_json=as_json)


class JsonValue(click.ParamType[Any]):
    """JSON on the command line; what is wrong with what it says, the database says."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Fails as wrong usage where it is none."""
        try:
            found = json.loads(value, parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            self.fail(f"it is not JSON: {error}.", param, ctx)
        if found is None:
            self.fail("null says nothing; leave the option out.", param, ctx)
        return found


def draft_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a rule is to say, as options; those that are given reach the command as `draft`."""

    @wraps(command)
    def gathered(
        *,
        rule_type: str | None,
        condition: dict[str, Any] | None,
        action: dict[str, Any] | None,
        priority: int | None,
        **others: Any,
    ) -> None:
        given = {
            "rule_type": rule_type,
            "condition": condition,
            "action": action,
            "priority": priority,
        }
        command(draft={name: value for name, value in given.items() if value is not None}, **others)

    for option in (
        click.option("--priority", type=int),
        click.option("--action", type=JsonValue(), help="JSON; default: as the rule stands."),
        click.option("--condition", type=JsonValue(), help="JSON; default: as the rule stands."),
        click.option("--type", "rule_type", metavar="[pause|scale|optimize]"),
    ):
        gathered = option(gathered)
    return gathered


@rules.command("set")
@click.argument("rule_name")
@draft_options
@click.option("--active/--inactive", default=None, help="A new rule is inactive unless --active.")
@json_option
def set_rule(rule_name: str, draft: dict[str, Any], active: bool | None, as_json: bool) -> None:
    """Change a rule, or add one (then --type, --condition and --action are needed)."""
    from autonomy.web.commands import Changes

    values = draft if active is None else {**draft, "is_active": active}
    if not values:
        raise click.UsageError("Nothing to set. For example: rules set NAME --priority 70")
    with connected() as target:
        changes = Changes(target.store, "cli")
        found = target.store.select("autonomous_rules", filters={"rule_name": rule_name})
        if found:
            row = changes.save_rule(values, found[0]["id"])
        else:
            row = changes.save_rule(_whole(rule_name, values))
    if as_json:
        print_json(row)
    else:
        state = "on" if row["is_active"] else "off"
        click.echo(f"{row['rule_name']} (priority {row['priority']}, {state}): "
                   f"{json.dumps(row['condition'])} -> {json.dumps(row['action'])}")  # fmt: skip


@rules.command("schema")
@click.option("--json", is_flag=True, expose_value=False, help="It is JSON without this as well.")
def schema() -> None:
    """The JSON Schema of rules, for editors."""
    from autonomy.rules.schema import rule_schema

    print_json(rule_schema())


@rules.command("preview")
@click.argument("rule_name")
@draft_options
@json_option
def preview(rule_name: str, draft: dict[str, Any], as_json: bool) -> None:
    """What a rule (changed or new) would do now, and would have done over the last 30 days."""
    from autonomy.run.explanation import preview_rule

    with connected() as target:
        found = target.store.select("autonomous_rules", filters={"rule_name": rule_name})
        draft = {**draft, "rule_name": rule_name} if found else _whole(rule_name, draft)
        seen = preview_rule(target.store, draft, found[0]["id"] if found else None)
    if as_json:
        print_json(seen)
        return
    own = ", ".join(f"{n} {name}" for name, n in seen["after"]["own"].items())
    click.echo(f"Now it would do: {own or 'nothing'}.")
    rows = [
        (one["title"], one["verdict"], one["action_type"], one["reason"])
        for one in seen["after"]["campaigns"]
    ]
    print_table("Campaigns", ("campaign", "verdict", "action", "why"), rows, "none is concerned")
    click.echo(seen["past"]["sentence"])


COMMANDS = (rules,)


def _all_rules(target: Target) -> list[dict[str, Any]]:
    return target.store.select("autonomous_rules", order=("-priority", "rule_name"))


def _switch(rule_name: str, *, active: bool, as_json: bool) -> None:
    with connected() as target:
        rows = target.store.update(
            "autonomous_rules", {"is_active": active}, filters={"rule_name": rule_name}
        )
    if not rows:
        raise no_such_rule(rule_name)
    if as_json:
        print_json(rows[0])
    else:
        click.echo(f"{rule_name} is {'on' if active else 'off'}.")


def _whole(rule_name: str, values: dict[str, Any]) -> dict[str, Any]:
    """A new rule. Raises NotFound where something of it is missing: the name may be mistyped."""
    needed = {"rule_type": "--type", "condition": "--condition", "action": "--action"}
    missing = [option for name, option in needed.items() if name not in values]
    if missing:
        raise no_such_rule(rule_name, f", and a new one needs {', '.join(missing)}")
    return {"rule_name": rule_name, **values}


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise ValueError("a number is too large")
    return value

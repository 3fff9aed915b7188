"""Commands for rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
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
    from autonomy.engine import RuleError
    from autonomy.engine.lint import lint
    from autonomy.engine.policy import Policy
    from autonomy.rules.language import Rule

    findings: list[dict[str, Any]] = []
    good = []
    with connected() as target:
        policy = Policy.from_row(target.store.select("autonomy_policy", limit=1)[0])
        rows = _all_rules(target)
    for row in rows:
        try:
            good.append(Rule.parse(row))
        except RuleError as error:
            findings.append(
                {
                    "rule": row["rule_name"],
                    "severity": "error",
                    "code": "INVALID",
                    "sentence": str(error),
                }
            )
    findings += [finding.to_row() for finding in lint(good, policy)]
    if as_json:
        print_json(findings)
    else:
        table = [(one["severity"], one["rule"], one["code"], one["sentence"]) for one in findings]
        print_table(
            "Findings", ("severity", "rule", "code", "what"), table, "none; the rules are sound"
        )
    if any(one["severity"] == "error" for one in findings):
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


class JsonObject(click.ParamType[dict[str, Any]]):
    """A JSON object on the command line."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """Fails as wrong usage where it is none."""
        try:
            found = json.loads(value, parse_constant=_refuse)
        except ValueError as error:
            self.fail(f"it is not JSON: {error}.", param, ctx)
        if not isinstance(found, dict):
            self.fail("it must be a JSON object.", param, ctx)
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
        click.option("--priority", type=click.IntRange(-1000, 1000)),
        click.option("--action", type=JsonObject(), help="JSON; default: as the rule stands."),
        click.option("--condition", type=JsonObject(), help="JSON; default: as the rule stands."),
        click.option("--type", "rule_type", type=click.Choice(["pause", "scale", "optimize"])),
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
    values = draft if active is None else {**draft, "is_active": active}
    if not values:
        raise click.UsageError("Nothing to set. For example: rules set NAME --priority 70")
    with connected() as target:
        rows = target.store.update("autonomous_rules", values, filters={"rule_name": rule_name})
        if not rows:
            rows = [_add(target, rule_name, values)]
    if as_json:
        print_json(rows[0])
    else:
        row = rows[0]
        state = "on" if row["is_active"] else "off"
        click.echo(f"{row['rule_name']} (priority {row['priority']}, {state}): "
                   f"{json.dumps(row['condition'])} -> {json.dumps(row['action'])}")  # fmt: skip


@rules.command("schema")
@click.option("--json", is_flag=True, expose_value=False, help="It is JSON without this as well.")
def schema() -> None:
    """The JSON Schema of rules, for editors."""
    from autonomy.rules.language import rule_schema

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
        draft["rule_name"] = rule_name
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


def _add(target: Target, rule_name: str, values: dict[str, Any]) -> dict[str, Any]:
    needed = {"rule_type": "--type", "condition": "--condition", "action": "--action"}
    missing = [option for name, option in needed.items() if name not in values]
    if missing:
        raise no_such_rule(rule_name, f", and a new one needs {', '.join(missing)}")
    row = {
        "rule_name": rule_name,
        "priority": 50,
        "is_active": False,
        "created_by": "cli",
        **values,
    }
    return target.store.insert("autonomous_rules", row)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number")

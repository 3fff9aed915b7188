"""Budget optimisation and presets: what they set, what they would have brought, the switch."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request

from autonomy.engine.policy import PRESETS, Preset
from autonomy.errors import AutonomyError
from autonomy.replay.scenarios import OPTIMISATION
from autonomy.store import Json
from autonomy.web.pages.frame import Frame, Noticed, form_choice
from autonomy.web.parsing import Parameters, one_of

PLACES = ("overview", "settings", "rules")


class Named(Parameters):
    """Which preset."""

    preset: Annotated[str, one_of(tuple(PRESETS))]


def optimisation_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("optimisation", __name__)

    @pages.get("/optimisation")
    def ask() -> Response:
        frame.access.operator()
        Noticed.read(request.args, form=True)
        found = frame.reads.optimisation()
        return frame.page(
            "optimisation.html", "rules", optimisation=found, moves=_moves_now(frame, found)
        )

    @pages.post("/optimisation")
    def switch() -> Response:
        caller = frame.access.operator()
        on = form_choice("optimise", ("on", "off")) == "on"
        frame.changes(caller).set_optimisation(on)
        return frame.back("rules#optimisation", "optimised" if on else "not_optimised")

    @pages.post("/optimisation/past")
    def work_out() -> Response:
        caller = frame.access.operator()
        place = form_choice("place", PLACES)
        frame.changes(caller).work_out_presets()
        path = {"overview": "", "rules": "rules#optimisation", "settings": "settings#presets"}
        return frame.back(path[place], "worked_out")

    @pages.get("/presets")
    def preset() -> Response:
        frame.access.operator()
        name = Named.read(request.args, form=True).preset
        policy, optimisation = frame.reads.policy(), frame.reads.optimisation()
        return frame.page(
            "preset.html",
            "settings",
            policy=policy,
            name=name,
            preset=PRESETS[name],
            changes=changes(PRESETS[name], policy),
            optimisation=optimisation,
        )

    @pages.post("/presets")
    def use() -> Response:
        caller = frame.access.operator()
        frame.changes(caller).use_preset(form_choice("preset", tuple(PRESETS)))
        return frame.back("settings#presets", "preset_used")

    return pages


def changes(preset: Preset, policy: Json) -> list[tuple[str, float, float]]:
    """(setting, now, then) of what the preset would change."""
    return [
        (name, policy[name], value)
        for name, value in preset.values.items()
        if policy[name] != value
    ]


def preset_in_force(policy: Json, *, optimised: bool) -> str | None:
    """The preset that the policy is as; None where it is as none."""
    return next(
        (name for name, one in PRESETS.items() if one.holds(policy, optimised=optimised)), None
    )


def worths(past: Json | None) -> dict[str, list[Json]]:
    """Preset -> what it would have done and brought in each currency, as last worked out."""
    found: dict[str, list[Json]] = {}
    for of_currency in (past or {}).get("currencies", ()):
        for one in of_currency["settings"]:
            row = {**one, "currency": of_currency["currency"]}
            found.setdefault(one["name"], []).append(row)
    return found


def _moves_now(frame: Frame, found: Json) -> Json | None:
    """What the next run would do with it, by kind of action; None where that cannot be told."""
    keys = ("rule_name", "rule_type", "priority", "condition", "action")
    row = {key: OPTIMISATION[key] for key in keys}
    row |= {"action": found["kept"]["action"]} if found["kept"] else {}
    if any(rule["rule_name"] == row["rule_name"] for rule in frame.reads.rules()):
        row["rule_name"] = "Budget optimisation, asked about"
    try:
        return dict(frame.reads.rule_preview(row, None, past=False)["after"])
    except AutonomyError:
        return None

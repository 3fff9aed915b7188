"""Rules: read them, switch them, edit them with a preview, start from a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from flask import Blueprint, Response, g, request

from autonomy.errors import AutonomyError, BadRequest, NotFound, RuleError, StateConflict
from autonomy.rules.in_words import METRICS as METRIC_NAMES
from autonomy.rules.in_words import (
    OPERATORS,
    action_in_words,
    condition_in_words,
    rule_in_words,
)
from autonomy.rules.language import METRICS, MINIMUMS, Rule
from autonomy.rules.templates import TEMPLATES
from autonomy.store import Json
from autonomy.web.auth.access import Caller
from autonomy.web.pages.condition_form import (
    GROUPS,
    SPANS,
    field_at,
    part_of_condition,
    place_in_words,
)
from autonomy.web.pages.frame import Frame, Noticed, by_htmx, form_choice, form_text
from autonomy.web.pages.rule_form import after_button, fields_of_rule, fits_form, rule_of_form
from autonomy.web.pages.rule_pictures import calibration, weekly
from autonomy.web.parsing import Id, Parameters, one_of
from autonomy.web.rule_body import findings, findings_of

NEW_RULE: Json = {
    "rule_name": "",
    "rule_type": "pause",
    "priority": 50,
    "condition": {"metric": "roi", "operator": "<", "threshold": 1, "min_spend": 100},
    "action": {"type": "auto_pause"},
    "is_active": False,
}


class OfRule(Parameters):
    """The history of one rule, or of all."""

    rule_id: Id | None = None


class Start(Parameters):
    """What a new rule begins as, and how it is shown."""

    template: str | None = None
    like: Id | None = None
    mode: str | None = None


class Editing(Noticed):
    """How a rule is shown."""

    mode: str | None = None


class Part(Parameters):
    """Which part of a preview; without it now and the past. live: in short, as it is written."""

    part: Annotated[str, one_of(("past", "live"))] | None = None


def rule_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("rules", __name__)
    pages.app_template_filter("condition_in_words")(condition_in_words)
    pages.app_template_filter("action_in_words")(action_in_words)
    _reading(pages, frame)
    _editing(pages, frame)
    _archive(pages, frame)
    return pages


def _reading(pages: Blueprint, frame: Frame) -> None:
    @pages.get("/rules")
    def rules() -> Response:
        frame.access.person()
        Noticed.read(request.args, form=True)
        policy, rows = frame.reads.policy(), frame.reads.rules()
        return frame.page(
            "rules.html",
            "rules",
            policy=policy,
            rules=rows,
            findings=findings(frame.store, rows, policy),
            scores=_scores(frame),
            templates=TEMPLATES,
            drafts=frame.reads.drafts()["drafts"],
            archived=frame.reads.archived_rules(),
            optimisation=frame.reads.optimisation(),
        )

    @pages.get("/rules/history")
    def history() -> Response:
        frame.access.person()
        rule_id = OfRule.read(request.args, form=True).rule_id
        changes = frame.reads.rule_history(rule_id, 100)
        return frame.page("rule_history.html", "rules", changes=changes)

    @pages.get("/rules/new")
    def new_rule() -> Response:
        frame.access.operator()
        asked = Start.read(request.args, form=True)
        key, rule = asked.template, NEW_RULE
        if asked.like is not None:
            rule = {**frame.reads.rule(asked.like), "is_active": False}
            rule["rule_name"] = f"{rule['rule_name'][:190]} (copy)"
        elif key is not None:
            rule = next((one.row for one in TEMPLATES if one.key == key), {})
            if not rule:
                raise NotFound("There is no such template.", hint="The Rules page lists them.")
        return _editor(frame, rule, None)

    @pages.get("/rules/<uuid:rule_id>")
    def rule(rule_id: object) -> Response:
        frame.access.person()
        Editing.read(request.args, form=True)
        return _editor(frame, frame.reads.rule(str(rule_id)), str(rule_id))

    @pages.post("/rules/<uuid:rule_id>/active")
    def switch(rule_id: object) -> Response:
        caller = frame.access.operator()
        active = form_choice("active", ("on", "off")) == "on"
        frame.changes(caller).save_rule({"is_active": active}, str(rule_id))
        if by_htmx():
            rows = frame.reads.rules()
            row = next(one for one in rows if one["id"] == str(rule_id))
            return frame.render(
                "_rule.html",
                rule=row,
                findings=findings(frame.store, rows, frame.reads.policy()),
                scores=_scores(frame),
            )
        return frame.back("rules", "rule_on" if active else "rule_off")


def _archive(pages: Blueprint, frame: Frame) -> None:
    @pages.post("/rules/<uuid:rule_id>/archive")
    def archive(rule_id: object) -> Response:
        frame.changes(frame.access.operator()).archive_rule(str(rule_id))
        return frame.back("rules", "rule_archived")

    @pages.post("/rules/<uuid:rule_id>/restore")
    def restore(rule_id: object) -> Response:
        rule = frame.changes(frame.access.operator()).restore_rule(str(rule_id))
        return frame.back(f"rules/{rule['id']}", "rule_restored")


def _editing(pages: Blueprint, frame: Frame) -> None:
    @pages.post("/rules/preview")
    def preview_new() -> Response:
        return _preview(frame, frame.access.operator(), None)

    @pages.post("/rules/<uuid:rule_id>/preview")
    def preview(rule_id: object) -> Response:
        return _preview(frame, frame.access.operator(), str(rule_id))

    @pages.post("/rules/form")
    def change_new() -> Response:
        return _after_button(frame, frame.access.operator(), None)

    @pages.post("/rules/<uuid:rule_id>/form")
    def change(rule_id: object) -> Response:
        return _after_button(frame, frame.access.operator(), str(rule_id))

    @pages.post("/rules")
    def add() -> Response:
        return _save(frame, frame.access.operator(), None)

    @pages.post("/rules/<uuid:rule_id>")
    def save(rule_id: object) -> Response:
        return _save(frame, frame.access.operator(), str(rule_id))


def _save(frame: Frame, caller: Caller, rule_id: str | None) -> Response:
    try:
        rule = rule_of_form(request.form)
        if rule_id is None:
            rule["is_active"] = request.form.get("is_active") == "on"
        saved = frame.changes(caller).save_rule(rule, rule_id, form_text("seen", 60))
    except (BadRequest, StateConflict) as error:
        return _editor(frame, None, rule_id, problem=error)
    return frame.back(f"rules#rule-{saved['id']}", "rule_saved")


def _after_button(frame: Frame, caller: Caller, rule_id: str | None) -> Response:
    """The form with a condition more or less, or written the other way; nothing is saved."""
    try:
        fields = after_button(request.form)
    except BadRequest as error:
        return _editor(frame, None, rule_id, problem=error)
    return _editor(frame, None, rule_id, fields=fields)


def _preview(frame: Frame, caller: Caller, rule_id: str | None) -> Response:
    """What runs would do now, and would have done, with the rule as it stands in the form.

    The script asks twice: for now at once, then for the past, which takes longer.
    """
    part = Part.read(request.args, form=True).part
    problem: AutonomyError | None = None
    found: Json | None = None
    try:
        rule = rule_of_form(request.form)
        alone = by_htmx() and part != "past"
        found = frame.reads.rule_preview(rule, rule_id, past=not alone)
        found["findings"] = findings_of(frame.store, rule, rule_id, frame.reads.policy())
    except (BadRequest, StateConflict) as error:
        problem = error
    if not by_htmx():
        return _editor(frame, None, rule_id, problem=problem, preview=found)
    template = "_rule_past.html" if part == "past" and found else "_rule_preview.html"
    more = {}
    if part == "live":
        template, more = "_rule_said.html", {"said": _said(frame, request.form, rule_id)}
    top = _root_of_page()
    target = f"{top}rules{f'/{rule_id}' if rule_id else ''}/preview"
    return frame.render(
        template, preview=found, problem=problem, preview_target=target, root=top, **more
    )


def _said(frame: Frame, fields: Mapping[str, str], rule_id: str | None) -> Json:
    """The rule in the form as a sentence with what lint says of it, else what is wrong with it."""
    try:
        rule = rule_of_form(fields)
        Rule.parse({**rule, "rule_name": rule["rule_name"] or "New rule"})
    except (BadRequest, RuleError) as error:
        return {"wrong": str(error)}
    named = {**rule, "rule_name": rule["rule_name"] or "New rule"}
    found = findings_of(frame.store, named, rule_id, frame.reads.policy())
    return {"sentence": rule_in_words(rule), "findings": found}


def _root_of_page() -> str:
    """The way to the top from the page that shows the fragment, not from the fragment's address."""
    page = request.headers.get("HX-Current-URL", "").partition("?")[0]
    below = page.rpartition("/rules")[2] if "/rules" in page else "/new"
    return "../" * min(below.count("/"), 3) or "./"


def _editor(
    frame: Frame,
    rule: Json | None,
    rule_id: str | None,
    *,
    fields: dict[str, str] | None = None,
    problem: AutonomyError | None = None,
    preview: Json | None = None,
) -> Response:
    """The form, filled from a rule, or from fields: those that were just sent where none are."""
    saved = frame.reads.rule(rule_id) if rule_id is not None and rule is None else rule
    if rule is None:
        fields = dict(request.form.items()) if fields is None else fields
    else:
        json_asked = request.args.get("mode") == "json" or not fits_form(rule)
        fields = {**fields_of_rule(rule), "mode": "json" if json_asked else "form"}
    may_edit = g.caller.may_change
    top = {"root": _root_of_page()} if by_htmx() else {}
    response = frame.page(
        "rule.html",
        "rules",
        rule=saved,
        rule_id=rule_id,
        fields=fields,
        mode="json" if fields.get("mode") == "json" else "form",
        said=_said(frame, fields, rule_id) if may_edit else None,
        focus=_new_field(fields) if "do" in request.form else "",
        problem=problem,
        wrong=_wrong_field(problem),
        wrong_part="" if problem is None else problem.place.partition(".")[0],
        preview=preview,
        history=frame.reads.rule_history(rule_id, 10) if rule_id is not None else [],
        metrics={name: METRIC_NAMES[name] for name in METRICS},
        operators=OPERATORS,
        spans=SPANS,
        groups=GROUPS,
        minimums=MINIMUMS,
        place_in_words=place_in_words,
        may_edit=may_edit,
        done=_done(frame, rule_id) if rule_id is not None and not by_htmx() else None,
        **top,
    )
    if problem is not None:
        response.status_code = problem.http_status
    return response


def _done(frame: Frame, rule_id: str) -> Json:
    """What a rule has done: its score, pictures, and last actions."""
    found = frame.reads.rule_page(rule_id)
    return {
        **found,
        "score": _scores(frame).get(rule_id),
        "dots": calibration(found["calibration"]),
        "money": weekly(found["weeks"]),
        "actions": frame.reads.actions({"rule_id": rule_id}, limit=5)["actions"],
    }


def _new_field(fields: Mapping[str, str]) -> str:
    """Where one writes on after a button: in what it has added, else at the buttons."""
    new = [name for name in fields if name not in request.form]
    return next((one for one in new[::-1] if one.endswith(("metric", "title_contains"))), "do")


def _wrong_field(problem: AutonomyError | None) -> str:
    """The name of the field that is wrong: of action.multiplier, multiplier."""
    place = "" if problem is None else problem.place
    if place.startswith("condition"):
        try:
            return field_at(place, part_of_condition(rule_of_form(request.form)["condition"]))
        except BadRequest:
            return place
    return "action_type" if place == "action.type" else place.rpartition(".")[2].partition("[")[0]


def _scores(frame: Frame) -> dict[str, Json]:
    """The scoreboard by rule id."""
    return {str(row["rule_id"]): row for row in frame.reads.scoreboard()}

"""A condition as fields and back, nested as deep as the language goes.

A part's fields are named by its place: `metric` of the whole, `0.metric` of its first member,
`0.2.metric` of that one's third. What was typed goes on as it is; the database says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autonomy.errors import BadRequest
from autonomy.rules.language import DEEPEST, MINIMUMS, SCOPES
from autonomy.web.parsing import text_argument

GROUPS = {"all": "all of these", "any": "any of these", "none": "none of these"}
SPANS = [("1d", "last day"), ("prior_1d", "day before that")] + [
    (f"{before}{days}d", f"{words} {days} days{more}")
    for days in (3, 7, 14, 30)
    for before, words, more in (("", "last", ""), ("prior_", "the", " before those"))
]
"""Windows as they are chosen; the whole life is what a condition says by silence."""
COMPARED = (
    "metric", "window", "operator", "against", "threshold", "threshold_high",
    "than_metric", "than_window", "times",
)  # fmt: skip
KEYS = ("is", *COMPARED, *MINIMUMS, *SCOPES)
FIELD = re.compile(r"(?:[0-9]{1,3}\.){0,40}(?:" + "|".join(KEYS) + ")")
LONGEST_TEXT = 1000
MOST_MEMBERS = 200
NEW_COMPARISON = {"metric": "roi", "window": "7d", "operator": "<"}


@dataclass
class Part:
    """One object of a condition: compare, filter, or a group of members."""

    kind: str
    own: dict[str, str] = field(default_factory=dict)
    members: list[Part] = field(default_factory=list)

    @property
    def is_group(self) -> bool:
        """Whether it has members."""
        return self.kind in GROUPS


def part_of_form(form: Mapping[str, str], at: str = "") -> Part:
    """What stands in the fields at a place. Raises BadRequest: no such kind, nested too deeply."""
    kind = form.get(f"{at}is", "compare")
    if kind not in ("compare", "filter", *GROUPS):
        raise BadRequest(f"{at}is: use one of compare, filter, {', '.join(GROUPS)}.")
    if at.count(".") > 2 * DEEPEST:
        raise BadRequest(f"condition: it is nested more than {DEEPEST} levels deep.")
    part = Part(kind, {key: form[at + key] for key in KEYS[1:] if at + key in form})
    if part.is_group:
        places = (f"{at}{number}." for number in range(MOST_MEMBERS))
        part.members = [part_of_form(form, one) for one in places if f"{one}is" in form]
    return part


def fields_of_part(part: Part, at: str = "") -> dict[str, str]:
    """The fields that show it."""
    fields = {f"{at}is": part.kind} | {at + key: value for key, value in part.own.items()}
    for number, member in enumerate(part.members):
        fields |= fields_of_part(member, f"{at}{number}.")
    return fields


def part_of_condition(condition: object) -> Part:
    """A condition as fields show it; what they cannot show of a bad one is left out."""
    row = condition if isinstance(condition, Mapping) else {}
    beside = {key: shown(row[key]) for key in (*MINIMUMS, *SCOPES) if key in row}
    for kind in ("all", "any"):
        if isinstance(row.get(kind), list):
            return Part(kind, beside, [part_of_condition(one) for one in row[kind]])
    if "not" in row:
        return Part("none", beside, [part_of_condition(one) for one in _excluded(row["not"])])
    if "window" in row:
        beside["window"] = shown(row["window"])
    if "metric" in row:
        return Part("compare", beside | _comparison_fields(row))
    return Part("filter", beside)


def condition_of_part(part: Part, at: str = "") -> dict[str, Any]:
    """The condition that stands in the fields. Raises BadRequest for what is no text."""
    condition: dict[str, Any] = {}
    members = [
        condition_of_part(member, f"{at}{number}.") for number, member in enumerate(part.members)
    ]
    if part.kind == "none":
        condition["not"] = members[0] if len(members) == 1 else {"any": members}
    elif part.is_group:
        condition[part.kind] = members
    else:
        if part.kind == "compare":
            condition |= _comparison(part.own, at)
        if text_of(part.own, "window", at):
            condition["window"] = text_of(part.own, "window", at)
    for key in MINIMUMS:
        if text_of(part.own, key, at):
            condition[key] = number_of(part.own, key, at)
    for key in SCOPES:
        if text_of(part.own, key, at):
            condition[key] = text_of(part.own, key, at)
    return condition


def changed(whole: Part, wish: str) -> Part:
    """The form after one of its buttons: `add`, `filter`, `except`, `group` or `remove`, and where.

    Raises BadRequest where there is no such button.
    """
    what, _, place = wish.partition(" ")
    path = [int(number) for number in place.split(".") if number.isdecimal()][: 2 * DEEPEST]
    if what == "remove":
        return _without(whole, path) or Part("compare", NEW_COMPARISON | _scopes(whole))
    new = {
        "add": lambda: Part("compare", dict(NEW_COMPARISON)),
        "filter": lambda: Part("filter", {"title_contains": ""}),
        "except": lambda: Part("none", {}, [Part("filter", {"title_contains": ""})]),
        "group": lambda: Part("any", {}, [Part("compare", dict(NEW_COMPARISON))]),
    }.get(what)
    if new is None:
        raise BadRequest("do: there is no such button.", hint="Open the rule again.")
    if not whole.is_group:  # whom it is for stays said for the whole
        kept = {key: value for key, value in whole.own.items() if key not in SCOPES}
        alone = [Part(whole.kind, kept)] if whole.kind == "compare" or any(kept.values()) else []
        return Part("all", _scopes(whole), [*alone, new()])
    group = whole
    for number in path:
        if number >= len(group.members) or not group.members[number].is_group:
            break
        group = group.members[number]
    group.members.append(new())
    return whole


def field_at(place: str, whole: Part) -> str:
    """The field that an error of the database is about: of condition.all[0].than.times, 0.times."""
    part, at, key = whole, "", ""
    for word in place.split(".")[1:]:
        inside = re.fullmatch(r"(?:all|any)\[([0-9]{1,3})\]", word)
        if word == "not" and len(part.members) != 1:
            continue  # none of many: the members stand in the `any` below it
        if inside or word == "not":
            number = int(inside[1]) if inside else 0
            if number >= len(part.members):
                break
            part, at = part.members[number], f"{at}{number}."
            continue
        key = {"low": "threshold", "high": "threshold_high"}.get(word, word)
        if ".than." in place and key in ("metric", "window"):
            key = f"than_{key}"
    return at + (key.partition("[")[0] or "is")


def place_in_words(at: str) -> str:
    """A place as people count: 0.2. is 1.3."""
    return ".".join(str(int(number) + 1) for number in at.split(".") if number)


def number_of(form: Mapping[str, str], name: str, at: str = "") -> int | float | str:
    """The number that was typed; else the text, which the database refuses by name."""
    text = text_of(form, name, at)
    try:
        value = float(text)
    except ValueError:
        return text
    if not -1e15 <= value <= 1e15:  # NaN fails this, too
        return text
    return int(value) if value.is_integer() else value


def text_of(form: Mapping[str, str], name: str, at: str = "") -> str:
    """What was typed, without the blanks around it. Raises BadRequest: too long, or no text."""
    try:
        return text_argument(form.get(name, "").strip(), at + name, LONGEST_TEXT)
    except BadRequest as error:
        raise BadRequest(error.message, place=at + name) from error


def shown(value: Any) -> str:
    """A value as its field has it, so that it is read back as it was."""
    if value is None or isinstance(value, list | dict):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _comparison(own: Mapping[str, str], at: str) -> dict[str, Any]:
    compared: dict[str, Any] = {
        "metric": text_of(own, "metric", at),
        "operator": text_of(own, "operator", at),
    }
    if own.get("against") == "metric":
        compared["than"] = {"metric": text_of(own, "than_metric", at)}
        if text_of(own, "than_window", at):
            compared["than"]["window"] = text_of(own, "than_window", at)
        if text_of(own, "times", at):
            compared["than"]["times"] = number_of(own, "times", at)
        return compared
    compared["threshold"] = number_of(own, "threshold", at)
    if compared["operator"] == "between":
        compared["threshold"] = [compared["threshold"], number_of(own, "threshold_high", at)]
    return compared


def _comparison_fields(row: Mapping[str, Any]) -> dict[str, str]:
    fields = {key: shown(row[key]) for key in ("metric", "operator") if key in row}
    than, threshold = row.get("than"), row.get("threshold")
    if isinstance(than, Mapping):
        fields["against"] = "metric"
        for name, key in (("than_metric", "metric"), ("than_window", "window"), ("times", "times")):
            if key in than:
                fields[name] = shown(than[key])
    elif isinstance(threshold, list) and len(threshold) == 2:
        fields["threshold"], fields["threshold_high"] = map(shown, threshold)
    else:
        fields["threshold"] = shown(threshold)
    return fields


def _excluded(member: object) -> list[object]:
    """What `not` keeps out: several where it says `any` of them and nothing else."""
    if isinstance(member, Mapping) and set(member) == {"any"} and isinstance(member["any"], list):
        return list(member["any"]) if len(member["any"]) > 1 else [member]
    return [member]


def _scopes(part: Part) -> dict[str, str]:
    return {key: value for key, value in part.own.items() if key in SCOPES}


def _without(part: Part, path: list[int]) -> Part | None:
    """The part without the member at a path; a group that is empty then goes, too."""
    if not path:
        return None
    number, *rest = path
    if number < len(part.members):
        left = _without(part.members[number], rest)
        part.members[number : number + 1] = [] if left is None else [left]
    return part if part.members or not part.is_group else None

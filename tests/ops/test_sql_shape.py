"""The files of the schema can be read from the first to the last, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from autonomy.migrate import SQL_FOLDER, Migration, migrations

FILE_LINES = 500
LINE_LENGTH = 120
FUNCTION_LINES = 70

FILES = migrations()
ASIDE = [Migration(name, (SQL_FOLDER / f"{name}.sql").read_text()) for name in ("before", "after")]

# Longer than a page: each is a single statement over a set. Asked in pieces, it would be asked row
# by row, or the planner would no longer see through it.
ONE_QUERY = {
    "autonomy.sentences",  # a list: written from autonomy/engine/codes.py
    "autonomy.facts_of_campaigns",  # every window of a campaign from one pass over its days
    "autonomy.fitted_moments",  # the orders and rois of all groups, each step over all of them
    "autonomy.settle_grain",  # what comes and what is there, weighed day by day at once
    "autonomy.candidate_rows",  # all that is known of a campaign
    "autonomy.decided_campaigns",  # all rules on all candidates of a run
    "autonomy.decided_run",  # sums over all decisions of a run, in their order
    "autonomy.breaker_reports",  # each breaker a row of one list, in their order
    "autonomy.judge",  # every limit on every decision of a batch, breakers over all of them
    "autonomy.write_items",  # campaigns, log and changes written by one statement, or none
    "autonomy.high_traffic_low_conversion",  # a detector: one pass over the facts
    "autonomy.declining_performance",  # a detector
    "autonomy.collapsed_return",  # a detector: the days of a campaign in two sums
    "autonomy.audience_mismatch",  # a detector, of segments and of whole campaigns
    "autonomy.creative_fatigue",  # a detector: a line through the days of each campaign
    "autonomy.timing_optimization",  # a detector: grouping sets over the hours
    "autonomy.past_candidates",  # every hour of the past at once, its columns made from the rules
}

# Whatever hides names that are not mentioned as code: a comment, a literal, a name in quotes.
_HIDDEN = re.compile(
    r"""--[^\n]*|'(?:[^']|'')*'|\$(?P<tag>\w+)\$.*?\$(?P=tag)\$|^comment\son\s[^']*is\b""",
    re.DOTALL | re.MULTILINE,
)
_MADE = re.compile(
    r"^ *create (?:or replace )?(?:table|type|function|view|materialized view|sequence) "
    r"(?:if not exists )?(?P<name>(?:public|autonomy)\.\w+)",
    re.MULTILINE,
)
_MENTIONED = re.compile(r"\b(?:public|autonomy)\.\w+")
_FUNCTION = re.compile(
    r"^create (?:or replace )?function (?P<name>[\w.]+)\(.*?^as (?P<tag>\$\w*\$).*?(?P=tag);",
    re.MULTILINE | re.DOTALL,
)


def _hidden(text: str) -> str:
    """The text with blanks for what is no code, so that every place keeps its number."""
    return _HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _ahead_of_themselves(files: list[Migration]) -> Iterator[str]:
    """What is mentioned before it is made, with the place."""
    made: dict[str, tuple[int, int]] = {}
    texts = [_hidden(each.text) for each in files]
    for number, text in enumerate(texts):
        for found in _MADE.finditer(text):
            made.setdefault(found["name"], (number, found.start()))
    for number, text in enumerate(texts):
        for found in _MENTIONED.finditer(text):
            if made.get(found[0], (0, 0)) > (number, found.start()):
                yield f"{files[number].name}:{_line(text, found.start())} {found[0]}"


def _long_functions(files: list[Migration]) -> dict[str, int]:
    return {
        found["name"]: lines
        for each in files
        for found in _FUNCTION.finditer(each.text)
        if (lines := found[0].count("\n") + 1) > FUNCTION_LINES
    }


def _files(*texts: str) -> list[Migration]:
    return [Migration(f"file{number}", text) for number, text in enumerate(texts)]


def test_a_name_ahead_of_itself_is_found_where_it_counts() -> None:
    early = """-- public.later()
comment on function public.later() is 'see public.later';
create function public.early() returns text language sql
as $$ select 'public.later' || public.early() || $q$ public.later() $q$ || CALL $$;
"""
    late = "create function public.later() returns text language sql\nas $$ select '' $$;\n"
    called = early.replace("CALL", "public.later()")

    assert list(_ahead_of_themselves(_files(early, late))) == []
    assert list(_ahead_of_themselves(_files(called, late))) == ["file0:4 public.later"]
    assert list(_ahead_of_themselves(_files(called + late))) == ["file0:4 public.later"]
    assert list(_ahead_of_themselves(_files(late, called))) == []


def test_nothing_is_mentioned_before_it_is_made() -> None:
    assert list(_ahead_of_themselves(FILES)) == []


def test_every_function_of_the_files_is_read() -> None:
    starts = sum(len(re.findall(r"^create (?:or replace )?function ", f.text, re.M)) for f in FILES)
    assert starts == sum(len(_FUNCTION.findall(each.text)) for each in FILES) > 200


@pytest.mark.parametrize("each", FILES, ids=lambda each: each.name)
def test_a_file_is_short_enough_to_be_read(each: Migration) -> None:
    assert each.text.count("\n") <= FILE_LINES


@pytest.mark.parametrize("each", [*FILES, *ASIDE], ids=lambda each: each.name)
def test_no_line_is_too_long(each: Migration) -> None:
    too_long = [
        number for number, line in enumerate(each.text.splitlines(), 1) if len(line) > LINE_LENGTH
    ]
    assert too_long == []


def test_functions_fit_on_a_page_but_for_single_queries() -> None:
    assert set(_long_functions(FILES)) == ONE_QUERY

"""What a cell says in words: the state of a campaign, the sort of its budget, a total row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from autonomy.imports import names

_MARKS = re.compile("[\u0300-\u036f]")
_PARTED = re.compile(r"[\s._\-\u2013\u2014]+")
_HIDDEN = re.compile("[\ufeff\u200b\u200e\u200f\u2060]")
_TOTAL = re.compile(names.TOTAL)
_ONLY_TOTAL = re.compile(names.ONLY_TOTAL)
_NUMBER = re.compile(r"\d")


def key(text: str) -> str:
    """What texts are compared by: `conv_value`, `conv. value` and `Conv-Value` are one."""
    text = unicodedata.normalize("NFKD", _HIDDEN.sub("", text).strip().strip('"').casefold())
    return unicodedata.normalize("NFC", _PARTED.sub(" ", _MARKS.sub("", text))).strip()


def keys(listed: Iterable[str]) -> frozenset[str]:
    return frozenset(map(key, listed))


_ACTIVE, _PAUSED = keys(names.ACTIVE), keys(names.PAUSED)
_NO = keys(names.NO)
_DAILY, _NOT_DAILY = keys(names.DAILY), keys(names.NOT_DAILY)


@cache
def state_of(text: str) -> str | None:
    """`active` or `paused`; None for a word that is not known. Nothing said is ''."""
    said = key(text)
    if not said:
        return ""
    parts = [said, *(part.strip() for part in re.split("[;,/]", said)), said.split("(")[0].strip()]
    if any(part in _PAUSED for part in parts):
        return "paused"
    return "active" if any(part in _ACTIVE for part in parts) else None


@cache
def is_daily(text: str) -> bool | None:
    """Whether a budget of this sort is a day's; None for a word that is not known."""
    said = key(text)
    if not said or said in _DAILY:
        return True
    return False if said in _NOT_DAILY else None


@cache
def budget_with_its_sort(text: str) -> tuple[str, str]:
    """The amount and the sort of `10.00/day` and `500 EUR (Lifetime)`; the text and ''."""
    found = re.match(r"(.*?\d[^/(A-Za-z]*(?:[A-Z]{3})?)\s*[(]?(/?\s*[^\d()]+)[)]?$", text)
    if found and is_daily(found[2]) is not None:
        return found[1].strip(), found[2].strip()
    return text, ""


def is_said(text: str) -> bool:
    """Whether a cell says yes, in whatever word."""
    return key(text) not in _NO and bool(key(text))


def has_number(text: str) -> bool:
    return _NUMBER.search(text) is not None


@cache
def begins_as_total(text: str) -> bool:
    return _TOTAL.match(key(text)) is not None


@cache
def is_only_total(text: str) -> bool:
    """`Total`, `Grand total`, `Total: Campaigns`, `Results from 12 campaigns`; no name besides."""
    return _ONLY_TOTAL.fullmatch(key(text)) is not None

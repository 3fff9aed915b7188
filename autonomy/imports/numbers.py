"""Numbers as people's exports write them: 1,234.50 or 1.234,50, $ and EUR, 1.2K and 3,4 Mio. €.

A number is read where it is sure what it says; else it is none. Nothing is trimmed that could
scale it, and one kind of mark parts its thousands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from autonomy.errors import ExportError
from autonomy.imports import names

if TYPE_CHECKING:
    import polars as pl

BLANK = ("", "-", "--", "\u2014", "\u2013", "n/a", "N/A", "null", "NULL", "None")
HIDDEN = "[\ufeff\u200b\u200e\u200f\u2060]"
_SPACE = "[\u00a0\u202f\u2009 ]"
_QUOTE = "['\u2019]"
MINUS = "\u2212"
_SIGN = f"[-+{MINUS}]?"


def _grouped(mark: str, groups: str = r"\d{3}") -> str:
    return rf"\d{{1,3}}(?:{mark}{groups})*{mark}\d{{3}}"


def _pattern(whole: tuple[str, ...], fraction: str) -> str:
    return rf"^{_SIGN}(?:\d+|{'|'.join(whole)})?(?:{fraction})?(?:[eE][-+]?\d{{1,2}})?$"


# One mark throughout: `1 234,567` is no number where the decimal mark is a point.
_PATTERNS = {
    ".": _pattern((_grouped(",", r"\d{2,3}"), _grouped(_SPACE), _grouped(_QUOTE)), r"\.\d*"),
    ",": _pattern((_grouped(r"\."), _grouped(_SPACE), _grouped(_QUOTE)), r",\d*"),
}
_THOUSANDS = {".": rf"[,\s{_QUOTE[1:]}", ",": rf"[.\s{_QUOTE[1:]}"}


def _one_of(texts: Iterable[str]) -> str:
    longest_first = sorted(set(texts), key=lambda text: (-len(text), text))
    return f"(?:{'|'.join(map(re.escape, longest_first))})\\.?"


_CURRENCIES = {*names.SIGNS, *names.MANY_CURRENCIES, *names.CODES}
_CURRENCY = _one_of(_CURRENCIES)
# Behind a number a word must stand by itself: `mlrd` is no LRD.
_WORD = _one_of(one for one in _CURRENCIES if one[0].isalpha() and one[0] not in "円元")
_SIGN_ALONE = _one_of(one for one in _CURRENCIES if not one[0].isalpha() or one[0] in "円元")
_END = f"([-{MINUS})]?)$"
_BEFORE = rf"(?i)^({_SIGN}\(?)\s*(?:{_CURRENCY}\s*)+({_SIGN})"
_AFTER = (
    rf"(?i)(\d(?:\D*[\W_])?)\s*{_WORD}{_END}",
    rf"(?i)(\d\D*?)\s*{_SIGN_ALONE}{_END}",
)
_STATED = (
    rf"(?i)^[-+{MINUS}(\s]*({_CURRENCY})",
    rf"(?i)[\W\d_]({_WORD})[-{MINUS})]?$",
    rf"(?i)({_SIGN_ALONE})[-{MINUS})]?$",
)
_SCALE = r"^(.*\d[.,]?)\s*([^\W\d_]+)\.?$"
_SCALES = {name: f"e{power}" for name, power in names.SCALES.items()}
_PLAIN = re.compile(r"^[\d.,]+$")
_PERCENT = r"\s*[%x×]$"
_CODE_OF = {
    **{name.casefold(): code for name, code in names.SIGNS.items()},
    **{code.casefold(): code for code in names.CODES},
}


def decimal_mark(counts: Iterable[str], money: Iterable[str]) -> str:
    """Whether "." or "," separates decimals here. Raises ExportError where it is not sure."""
    votes: Counter[str] = Counter()
    unsure = ""
    for is_count, values in ((True, counts), (False, money)):
        for value in values:
            if "." not in value and "," not in value:
                continue
            bare, scaled = _bare(value)
            vote = _vote(bare, is_count and not scaled)
            if vote == "?":
                unsure = unsure or bare
            elif vote:
                votes[vote] += 1
    (first, most), (_, least) = (*votes.most_common(2), ("", 0), ("", 0))[:2]
    if least and least * 20 > most:
        raise ExportError(
            "Some numbers here have a decimal point and some a decimal comma. "
            'Say which it is with decimal = "." or "," in a mapping file (--map).'
        )
    if unsure and not first:
        raise ExportError(
            f"{unsure} can be {re.sub('[.,]', '', unsure)} or a fraction, and no other number says"
            ' which. Say it with decimal = "." or "," in a mapping file (--map).'
        )
    return first or "."


def _bare(value: str) -> tuple[str, bool]:
    """The text without its currency and scale, and whether it had a scale."""
    value = value.strip()
    if _PLAIN.match(value):
        return value, False
    value = re.sub(HIDDEN, "", value)
    for pattern in (_BEFORE, *_AFTER):
        value = re.sub(pattern, r"\1\2", value).strip()
    scale = re.match(_SCALE, value)
    if scale and scale[2].casefold() in _SCALES:
        return scale[1], True
    return re.sub(_PERCENT, "", value).strip("()"), False


def _vote(value: str, is_count: bool) -> str | None:
    """The decimal mark that a number shows; "?" where its one mark may be either."""
    if re.search(rf"[^-+{MINUS}\d.,\s'\u2019]", value):
        return None
    points, commas = value.count("."), value.count(",")
    if points + commas == 0:
        return None
    last, first = (".", ",") if value.rfind(".") > value.rfind(",") else (",", ".")
    if points + commas > 1:
        mark = last if points and commas else first
        return mark if re.match(_PATTERNS[mark], value) else None
    before, _, after = value.partition(last)
    before = before.lstrip("-+" + MINUS)
    if len(after) != 3 or before in ("", "0") or before[0] == "0" or len(before) > 3:
        return last
    return first if is_count else "?"


def read(
    texts: pl.Series, mark: str, factor: float, *, whole: bool = False, ratio: bool = False
) -> pl.Series:
    """A struct of `value` (0 where blank), whether it is `readable`, may be read in `two_ways`
    (a count of 12.345), and is `scaled` (1.2K, which is rounded).
    """
    import polars as pl

    bare, power = pl.col("bare"), pl.lit(None, pl.String)
    frame = pl.DataFrame({"bare": texts.str.replace_all(HIDDEN, "")})
    blank = texts.is_in(list(BLANK))
    if is_worded(texts):  # the long pattern of currencies is costly
        frame = frame.select(_without_words(bare, ratio=ratio)).with_columns(
            power=bare.str.extract(_SCALE, 2)
            .str.to_lowercase()
            .replace_strict(_SCALES, default=None, return_dtype=pl.String)
        )
        power = pl.col("power")
        frame = frame.with_columns(
            pl.when(power.is_null()).then(bare).otherwise(bare.str.extract(_SCALE, 1))
        )
    bare = bare.str.replace(rf"^([^-+{MINUS}].*)[-{MINUS}]$", "-${1}")
    fits = bare.str.contains(_PATTERNS[mark]) & bare.str.contains(r"\d")
    digits = bare.str.replace_all(_THOUSANDS[mark], "").str.replace(MINUS, "-", literal=True)
    if mark == ",":
        digits = digits.str.replace(",", ".", literal=True)
    digits = pl.concat_str(digits, power.fill_null(""))
    value = pl.when(fits).then(digits).cast(pl.Float64, strict=False)
    value = pl.when(blank).then(0.0).otherwise(value)
    twofold = bare.str.contains(rf"^{_SIGN}[1-9]\d{{0,2}}[{mark}]\d{{3}}$") & power.is_null()
    return frame.select(
        pl.struct(
            value=value if factor == 1 else (value * factor).round(9),
            readable=value.is_not_null(),
            two_ways=twofold if whole else pl.lit(False),
            scaled=power.is_not_null() & value.is_not_null(),
        )
    ).to_series()


def is_worded(texts: pl.Series) -> bool:
    """Whether anything stands there beside digits and marks."""
    return bool(texts.str.contains(r"[^\d\s.,'\u{2019}\u{2212}+-]").any())


def _without_words(bare: pl.Expr, *, ratio: bool) -> pl.Expr:
    """Without a currency at either end; (5.00) is below zero."""
    for pattern in (_BEFORE, *_AFTER):
        bare = bare.str.replace(pattern, "${1}${2}").str.strip_chars()
    if ratio:
        bare = bare.str.replace(_PERCENT, "")
    return bare.str.replace(r"^\((.*)\)$", "-${1}")


def currency_in(texts: pl.Series) -> pl.Series | None:
    """The currency that stands beside each amount (a code, or a sign of several); None: nowhere."""
    import polars as pl

    if not is_worded(texts):
        return None
    found = texts.to_frame("t").select(
        pl.coalesce(pl.col("t").str.extract(pattern) for pattern in _STATED)
    )["t"]
    words = [word for word in found.unique() if word]
    if not words:
        return None
    codes = {word: _CODE_OF.get(word.rstrip(".").casefold(), word.rstrip(".")) for word in words}
    return found.replace_strict(codes, default="", return_dtype=pl.String)

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
_CURRENCY = (
    "(?:"
    + "|".join(
        re.escape(one)
        for one in sorted(
            {*names.SIGNS, *names.MANY_CURRENCIES, *names.CODES},
            key=lambda text: (-len(text), text),
        )
    ).replace(r"\$", r"\$")
    + r")\.?"
)
_BEFORE = rf"(?i)^({_SIGN}\(?)\s*(?:{_CURRENCY}\s*)+({_SIGN})"
_AFTER = rf"(?i)(\d[.,]?[^\d]*?)\s*{_CURRENCY}([-{MINUS})]?)$"
_STATED = rf"(?i)(?:^[-+{MINUS}(\s]*({_CURRENCY}))|(?:{_CURRENCY}\s*)?({_CURRENCY})[-{MINUS})]?$"
_SCALE = r"^(.*\d[.,]?)\s*([^\W\d_]+)\.?$"
_SCALES = {name: f"e{power}" for name, power in names.SCALES.items()}
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
    value = re.sub(HIDDEN, "", value.strip())
    value = re.sub(_AFTER, r"\1\2", re.sub(_BEFORE, r"\1\2", value))
    scale = re.match(_SCALE, value)
    if scale and scale[2].casefold() in _SCALES:
        return scale[1], True
    return re.sub(_PERCENT, "", value).strip("()"), False


def _vote(value: str, is_count: bool) -> str | None:
    """The decimal mark that a number shows; "?" where its one mark may be either."""
    if re.search(rf"[^-+{MINUS}\d.,\s'\u2019]", value):
        return None
    points, commas = value.count("."), value.count(",")
    if points and commas:
        return "." if value.rfind(".") > value.rfind(",") else ","
    if points + commas == 0:
        return None
    mark, other = (".", ",") if points else (",", ".")
    if points + commas > 1:
        return other
    before, _, after = value.partition(mark)
    before = before.lstrip("-+" + MINUS)
    if len(after) != 3 or before in ("", "0") or before[0] == "0" or len(before) > 3:
        return mark
    return other if is_count else "?"


def read(column: str, mark: str, factor: float, *, whole: bool, ratio: bool) -> pl.Expr:
    """A struct of `value` (0 where blank), whether it is `readable`, may be read in `two_ways`
    (a count of 12.345), and is `scaled` (1.2K, which is rounded).
    """
    import polars as pl

    raw = pl.col(column).str.replace_all(HIDDEN, "")
    blank = raw.is_in(list(BLANK))
    bare = raw.str.replace(_BEFORE, "${1}${2}").str.replace(_AFTER, "${1}${2}")
    if ratio:
        bare = bare.str.replace(_PERCENT, "")
    bare = bare.str.replace(r"^\((.*)\)$", "-${1}")
    bare = bare.str.replace(rf"^([^-+{MINUS}].*)[-{MINUS}]$", "-${1}")
    scale = bare.str.extract(_SCALE, 2).str.to_lowercase()
    power = scale.replace_strict(_SCALES, default=None, return_dtype=pl.String)
    scaled = power.is_not_null()
    bare = pl.when(scaled).then(bare.str.extract(_SCALE, 1)).otherwise(bare)
    fits = bare.str.contains(_PATTERNS[mark]) & bare.str.contains(r"\d")
    digits = bare.str.replace_all(_THOUSANDS[mark], "").str.replace(MINUS, "-", literal=True)
    if mark == ",":
        digits = digits.str.replace(",", ".", literal=True)
    digits = pl.concat_str(digits, power.fill_null(""))
    value = pl.when(fits).then(digits).cast(pl.Float64, strict=False)
    value = pl.when(blank).then(0.0).otherwise(value)
    twofold = bare.str.contains(rf"^{_SIGN}[1-9]\d{{0,2}}[{mark}]\d{{3}}$") & ~scaled
    return pl.struct(
        value=value if factor == 1 else (value * factor).round(9),
        readable=value.is_not_null(),
        two_ways=(twofold if whole else pl.lit(False)).fill_null(False),
        scaled=(scaled & value.is_not_null()).fill_null(False),
    )


def currency_in(texts: pl.Series) -> pl.Series | None:
    """The currency that stands beside each amount (a code, or a sign of several); None: nowhere."""
    import polars as pl

    if not texts.str.contains(r"[^\d\s.,'+-]").any():
        return None
    found = texts.to_frame("t").select(
        pl.coalesce(pl.col("t").str.extract(_STATED, 1), pl.col("t").str.extract(_STATED, 2))
    )["t"]
    words = [word for word in found.unique() if word]
    if not words:
        return None
    codes = {word: _CODE_OF.get(word.rstrip(".").casefold(), word.rstrip(".")) for word in words}
    return found.replace_strict(codes, default="", return_dtype=pl.String)

"""Read rightly where it is sure, else refused or said with the row: never off by a factor."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import ExportError, MappingError
from autonomy.imports import names
from autonomy.imports.columns import MappingFile
from autonomy.imports.dates import Dates
from autonomy.imports.export import Export
from autonomy.imports.read_export import open_export, slices
from autonomy.imports.words import is_daily, key, state_of

Read = tuple[Export, list[dict[str, Any]]]


def rows_of(folder: Path, text: str, mapping: dict[str, Any] | Path | None = None) -> Read:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    said = MappingFile.read(mapping) if isinstance(mapping, Path) else MappingFile.of(mapping or {})
    with open_export(path, said) as export:
        return export, [row for frame in slices(export) for row in frame.iter_rows(named=True)]


def spends(folder: Path, *cells: str, mapping: dict[str, Any] | None = None) -> Read:
    """A file of these spends, a day each."""
    lines = [f'A,2026-11-{day:02},"{cell}",0' for day, cell in enumerate(cells, 1)]
    return rows_of(folder, "\n".join(["campaign,date,spend,revenue", *lines]) + "\n", mapping)


def sums(export: Export, *measures: str) -> list[str]:
    (found,) = export.look.sums.values()
    return [f"{found[one]:.2f}" for one in measures]


META = (
    "Day,Campaign name,Amount spent (EUR),Impressions,Link clicks,Purchases,"
    "Purchases conversion value"
)


# The cases that went wrong once.


def test_budgets_in_words_and_for_a_lifetime(tmp_path: Path) -> None:
    text = (
        "Day,Campaign name,Campaign delivery,Campaign Budget,Campaign budget type,"
        "Amount spent (EUR),Impressions,Link clicks,Purchases,Purchases conversion value\n"
        "2026-11-01,Alder,active,Using ad set budget,,100.00,20000,300,10,900.00\n"
        "2026-11-02,Alder,active,Using ad set budget,,110.00,21000,310,11,990.00\n"
        "2026-11-01,Birch,active,3000,Lifetime,50.00,9000,90,2,80.00\n"
        "2026-11-02,Birch,active,3000,Lifetime,55.00,9100,91,2,80.00\n"
    )
    export, rows = rows_of(tmp_path, text)
    assert sums(export, "spend") == ["315.00"]
    assert [row["budget"] for row in rows] == [None] * 4
    assert export.tally.odd == {
        "its budget is not a number, so it is none": 2,
        "its budget is not for a day, so it is none": 2,
    }


@pytest.mark.parametrize(
    ("cell", "budget"),
    [
        ("100.00", 100), ("€100.00", 100), ("10.00/day", 10), ("€10.00 per day", 10),
        ("10.00 EUR/Tag", 10), ("500 (Lifetime)", None), ("500 Lifetime", None), ("Shared", None),
        ("-", None), ("", None), ("-5", None), ("1e15", None), ("Unlimited", None),
        ("500.00 pro Monat", None),
    ],
)  # fmt: skip
def test_a_budget_says_what_it_is_for(tmp_path: Path, cell: str, budget: float | None) -> None:
    text = f"campaign,date,spend,revenue,budget\nA,2026-11-01,10.50,20,{cell}\n"
    _, rows = rows_of(tmp_path, text)
    assert [row["budget"] for row in rows] == [budget]


def test_a_sort_of_budget_that_nobody_knows(tmp_path: Path) -> None:
    text = "campaign,date,spend,revenue,budget,Budget type\nA,2026-11-01,10.50,20,70,Fortnight\n"
    export, rows = rows_of(tmp_path, text)
    assert rows[0]["budget"] is None
    assert "'Fortnight' is not known as a sort of budget." in export.look.notes


LONDON = (
    "Date,Clicks,Impressions,Avg. CPC,Cost{more}\n"
    '"Thu, 5 Feb 2026",10,300,£2.00,£20.00{first}\n'
    '"Fri, 6 Feb 2026",26,750,£1.92,£50.00{second}\n'
)


def test_a_campaign_as_a_constant(tmp_path: Path) -> None:
    mapping = {"constants": {"campaign": "London"}}
    text = LONDON.format(more=",Conv. value", first=",30", second=",80")
    export, rows = rows_of(tmp_path, text, mapping)
    assert sums(export, "spend", "revenue") == ["70.00", "110.00"]
    assert {row["campaign"] for row in rows} == {"London"}
    assert {row["currency"] for row in rows} == {"GBP"}
    assert sorted(export.look.days) == [date(2026, 2, 5), date(2026, 2, 6)]
    assert export.look.unread == ["Avg. CPC"]
    # Who writes a mapping file for a report of spend means that: it is loaded for its spend alone.
    export, rows = rows_of(tmp_path, LONDON.format(more="", first="", second=""), mapping)
    assert export.spend_only
    assert sums(export, "spend", "revenue") == ["70.00", "0.00"]
    # Conversions that carry no value are another matter: they have one, and it is not said.
    with pytest.raises(ExportError, match="no column for revenue"):
        rows_of(tmp_path, LONDON.format(more=",Conversions", first=",3", second=",8"), mapping)
    with pytest.raises(ExportError, match='campaign = "..."'):
        rows_of(tmp_path, text)


def test_fractions_of_conversions(tmp_path: Path) -> None:
    lines = [
        f"2026-09-{day:02},{name},EUR,12.00,20,500,{count},30.00"
        for day in range(1, 31)
        for name, count in (("Quiet Lake", "0.40"), ("Busy Lake", "0.60"))
    ]
    head = "Day,Campaign,Currency code,Cost,Clicks,Impr.,Conversions,Conv. value"
    export, _ = rows_of(tmp_path, "\n".join([head, *lines]) + "\n")
    assert sums(export, "conversions") == ["30.00"]


def test_an_id_that_numbers_the_rows(tmp_path: Path) -> None:
    head = "id,date,campaign,impressions,clicks,conversions,spend,revenue"
    lines = [
        f"{number},2026-09-{1 + number // 2:02},{('Alder', 'Birch')[number % 2]},1000,50,3,40,160"
        for number in range(30)
    ]
    text = "\n".join([head, *lines]) + "\n"
    export, rows = rows_of(tmp_path, text)
    assert {row["campaign_id"] for row in rows} == {""}
    assert "'id' never repeats though names do" in export.look.notes[0]
    export, rows = rows_of(tmp_path, text, {"columns": {"campaign_id": "id"}})
    assert len({row["campaign_id"] for row in rows}) == 30, "who names it means it"


def test_ids_of_one_day_are_ids(tmp_path: Path) -> None:
    text = "id,date,campaign,spend,revenue\n" + "".join(
        f"{number},2026-09-01,{name},1.50,2\n" for number, name in enumerate("ABBA")
    )
    _, rows = rows_of(tmp_path, text)
    assert [row["campaign_id"] for row in rows] == ["0", "1", "2", "3"], "two may share a name"


def test_rows_by_hour_are_numbered_too(tmp_path: Path) -> None:
    lines = [f"{hour},2026-09-01,{hour},Alder,4.50,9" for hour in range(24)]
    text = "\n".join(["id,date,hour,campaign,spend,revenue", *lines]) + "\n"
    _, rows = rows_of(tmp_path, text)
    assert {row["campaign_id"] for row in rows} == {""}


def test_ids_that_a_spreadsheet_rounded(tmp_path: Path) -> None:
    text = "Campaign ID,date,campaign,spend,revenue\n" + "".join(
        f"1.2021E+17,2026-09-01,{name},1.50,2\n" for name in "AB"
    )
    export, rows = rows_of(tmp_path, text)
    assert [row["campaign_id"] for row in rows] == ["", ""]
    assert "holds rounded numbers" in export.look.notes[0]


def test_a_shared_budget(tmp_path: Path) -> None:
    text = (
        "campaign,date,spend,revenue,budget,Budget explicitly shared\n"
        "A,2026-09-01,1.50,2,70,true\nB,2026-09-01,1.60,2,70,false\nC,2026-09-01,1.70,2,70,\n"
    )
    _, rows = rows_of(tmp_path, text)
    assert [row["budget"] for row in rows] == [None, 70, 70]


def test_rows_that_are_there_twice_are_said(tmp_path: Path) -> None:
    text = "campaign,ad set,date,spend,revenue\nA,x,2026-09-01,1.50,2\nA,y,2026-09-01,1.50,2\n"
    assert rows_of(tmp_path, text)[0].look.notes == []
    export, rows = rows_of(tmp_path, text + "A,y,2026-09-01,1.50,2\nB,z,2026-09-01,0,0\n" * 2)
    assert export.look.notes[0].startswith("WARNING: 2 rows are there once more, alike in every")
    assert len(rows) == 6


def test_a_campaign_of_dashes_is_none(tmp_path: Path) -> None:
    text = "campaign,date,spend,revenue\nA,2026-09-01,1.50,2\n --,2026-09-01,0.50,2\n"
    export, rows = rows_of(tmp_path, text)
    assert [row["campaign"] for row in rows] == ["A"]
    assert export.tally.examples == [(3, "it names no campaign")]


STATUSES = {
    "Completed": "paused", "Disabled": "paused", "Scheduled": "paused", "Rejected": "paused",
    "Draft": "paused", "一時停止": "paused", "En veille": "paused", "Recommended": "active",
    "Enabled": "active", "Paused": "paused", "Not delivering": "paused", "Archived": "paused",
    "Eligible (Limited)": "active", "Paused, Ended": "paused", "CAMPAIGN_PAUSED": "paused",
    "Out of budget": "active", "Entwurf": "paused", "Mitteaktiivne": "paused", "": "",
    "Blorp": "paused", "unended": "paused",
}  # fmt: skip


def test_states_in_words(tmp_path: Path) -> None:
    lines = [f'2026-11-20,C{number},"{word}",40.50,160' for number, word in enumerate(STATUSES)]
    export, rows = rows_of(
        tmp_path, "\n".join(["date,campaign,status,spend,revenue", *lines]) + "\n"
    )
    assert [row["status"] for row in rows] == list(STATUSES.values())
    assert export.look.notes == [
        "'Blorp' is not known as a status (taken as paused).",
        "'unended' is not known as a status (taken as paused).",
    ]


def test_abbreviated_by_a_dashboard(tmp_path: Path) -> None:
    text = (
        "date,campaign,impressions,clicks,conversions,spend,revenue\n"
        "2026-11-01,Alder,12.4K,310,12,$1.2K,$3.6K\n"
        "2026-11-02,Alder,980,25,1,$95.10,$210.00\n"
        "2026-11-03,Alder,1.1M,9.8K,300,$14.5K,$40.2K\n"
    )
    export, _ = rows_of(tmp_path, text)
    assert sums(export, "spend", "revenue", "impressions") == ["15795.10", "44010.00", "1113380.00"]
    assert export.tally.odd["its numbers are abbreviated (K, M) and so rounded"] == 2


def test_a_total_in_the_name(tmp_path: Path) -> None:
    text = (
        f"{META}\n"
        "2026-11-01,Total Body Workout,120.00,20000,300,10,900.00\n"
        "2026-11-02,Total Body Workout,130.00,21000,310,11,990.00\n"
        "2026-11-01,Yoga Mats,50.00,9000,90,2,80.00\n"
        "2026-11-02,Yoga Mats,55.00,9100,91,2,80.00\n"
        "2026-11-01,Totally Organic,20.00,900,9,1,30.00\n"
    )
    export, rows = rows_of(tmp_path, text)
    assert sums(export, "spend", "revenue") == ["375.00", "2080.00"]
    assert len({row["campaign"] for row in rows}) == 3
    # The same with its totals: by day, of all without a day, and one that is neither.
    text += (
        "2026-11-01,Total,190.00,29900,399,13,1010.00\n"
        "2026-11-02,Grand total,185.00,30100,401,13,1070.00\n"
        ",Total: Campaigns,375.00,60000,800,26,2080.00\n"
        "2026-11-02,,185.00,30100,401,13,1070.00\n"
        "2026-11-02,Total,1.00,1,1,0,0\n"
        "2026-11-02,,1.00,1,1,0,0\n"
    )
    export, rows = rows_of(tmp_path, text)
    assert sums(export, "spend", "revenue") == ["375.00", "2080.00"]
    assert export.tally.totals == 4
    assert sorted(export.tally.examples) == [
        (11, "it is named like a total, but is not the sum of the others"),
        (12, "it names no campaign"),
    ]
    assert export.tally.kept + export.tally.totals + export.tally.rejected_rows == 11
    assert "says the same spend" in export.look.sentences(export.tally)[-1]


def test_a_subtotal_with_a_name(tmp_path: Path) -> None:
    text = f"{META}\n" + "".join(
        f"2026-11-0{day},{name},{spend}.50,{spend}0,{spend},0,{spend}\n"
        for day in (1, 2)
        for name, spend in (("A", 10), ("B", 20))
    )
    text += "2026-11-01,Total Shop,31.00,300,30,0,30\n2026-11-02,Total Shop,31.00,300,30,0,30\n"
    export, _ = rows_of(tmp_path, text)
    assert (sums(export, "spend"), export.tally.totals) == (["62.00"], 2)
    text += "2026-11-03,Total Shop,31.00,300,30,0,30\n"
    export, _ = rows_of(tmp_path, text)
    assert (sums(export, "spend"), export.tally.totals) == (["155.00"], 0), "a campaign after all"


def test_the_files_own_total_is_held_against_the_sum(tmp_path: Path) -> None:
    text = f"{META}\n2026-11-01,A,10.00,1,1,1,5\nyesterday,A,7.00,1,1,1,5\nTotal,,17.00,2,2,2,10\n"
    export, _ = rows_of(tmp_path, text)
    assert export.look.sentences(export.tally)[-1] == (
        "  WARNING: the file's own total (line 4) says a spend of 17.00, and not 10.00."
    )


@pytest.mark.parametrize(
    ("days", "what"),
    [
        (("2026-10-05", "2026-10-12", "2026-10-19"), "a week"),
        (("2026-09-01", "2026-10-01"), "a month"),
        (("2026-08-31", "2026-09-30", "2026-10-31"), "a month"),
        (("2026-10-05", "2026-10-06", "2026-10-12"), None),
        (("2026-10-05", "2026-10-12"), None),
        (("2026-10-01",), None),
    ],
)
def test_weeks_and_months_that_look_like_days(
    tmp_path: Path, days: tuple[str, ...], what: str | None
) -> None:
    text = "campaign,date,spend,revenue\n" + "".join(f"A,{day},700.50,900\n" for day in days)
    if what is None:
        assert len(rows_of(tmp_path, text)[1]) == len(days)
        return
    with pytest.raises(ExportError, match=f"each row seems to be {what}"):
        rows_of(tmp_path, text)
    assert len(rows_of(tmp_path, text, {"columns": {"date": "date"}})[1]) == len(days)


def test_millionths(tmp_path: Path) -> None:
    text = "campaign,date,cost,clicks,revenue\nA,2026-11-01,12340000,30,50\n"
    with pytest.raises(ExportError, match="seem to be millionths"):
        rows_of(tmp_path, text)
    export, _ = rows_of(tmp_path, text, {"times": {"spend": 0.000001}})
    assert sums(export, "spend") == ["12.34"]
    export, _ = rows_of(tmp_path, text, {"times": {"spend": 1}})
    assert sums(export, "spend") == ["12340000.00"]
    export, _ = rows_of(tmp_path, text.replace("cost", "Cost (IDR)"))
    assert sums(export, "spend") == ["12340000.00"], "a click costs thousands of rupiahs"
    named = text.replace("cost", "cost_micros")
    export, _ = rows_of(tmp_path, named)
    assert sums(export, "spend") == ["12.34"]
    assert "'cost_micros' is in millionths: spend is that x 0.000001." in export.look.notes
    export, _ = rows_of(tmp_path, named, {"times": {"spend": 0.000002}})
    assert sums(export, "spend") == ["24.68"], "a factor that is said is the whole"


# Numbers.


@pytest.mark.parametrize(
    "cell",
    [
        "2.5 mil", "5%", "1.2 bill", "3T", "K1,200", "12,34", "1,2345", "1 234,567", "1,234 567",
        "1.2.3", "five", "$", "M", "1.2KK", "5 apples", "1,23,4", "..5", "--5", "+-5", "5.0.0",
        "1'234,567", "NaN", "inf", "0x10", "1_000", "1e400",
    ],
)  # fmt: skip
def test_what_is_not_sure_is_kept_out(tmp_path: Path, cell: str) -> None:
    export, rows = spends(tmp_path, *["1.50"] * 24, cell)
    assert [row["spend"] for row in rows] == [1.5] * 24
    assert export.tally.examples == [(26, "spend is not a number")]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("Rs. 1,23,456.78", 123456.78), ("(5.25)", -5.25), ("5.25-", -5.25), ("-$5.25", -5.25),
        ("$-5.25", -5.25), ("\u22125.25", -5.25), ("1.2 lakh", 120000), ("1.5 Cr", 15000000),
        ("1.5万", 15000), ("1.5億", 150000000), ("USD 5.25", 5.25), ("5.25 kr.", 5.25),
        ("US$1,234.50", 1234.5), ("1.1M", 1100000), ("$2.5bn", 2500000000), ("1e3", 1000),
        ("\u200e1,234.50", 1234.5), ("1\u202f234.50", 1234.5), ("1\u2019234.50", 1234.5),
    ],
)  # fmt: skip
def test_what_is_sure(tmp_path: Path, cell: str, value: float) -> None:
    text = f'campaign,date,spend,revenue\nA,2026-11-01,1.50,"{cell}"\n'
    _, rows = rows_of(tmp_path, text)
    assert [row["revenue"] for row in rows] == [value]


def test_a_row_of_another_width_is_kept_out(tmp_path: Path) -> None:
    text = (
        "campaign,date,spend,revenue,note\n"
        "A,2026-11-01,1.50,2.50,\n"
        "A,2026-11-02,1,50,2,50,\n"  # 1,50 and 2,50 without quotes
        "A,2026-11-03,1.50\n"
        "A,2026-11-04,1.50,2.50\n"
        "\n"
        "A,2026-11-05,1.50,2.50,,,\n"
        "Total,,1.50\n"
    )
    export, rows = rows_of(tmp_path, text)
    assert [row["line"] for row in rows] == [2, 5, 7]
    assert export.tally.examples == [
        (3, "it has more cells than the header"),
        (4, "it has fewer cells than the header"),
        (8, "it has fewer cells than the header"),
    ]


def test_a_first_row_of_another_width(tmp_path: Path) -> None:
    text = "campaign,date,spend,revenue\nA,2026-11-01,1,50,2\nA,2026-11-02,1.50,2.50\n"
    _, rows = rows_of(tmp_path, text)
    assert [row["line"] for row in rows] == [3]


def test_no_nul_gets_through(tmp_path: Path) -> None:
    text = "campaign,date,spend,revenue\nA\x00B,2026-11-01,1.5\x000,2.50\n"
    _, rows = rows_of(tmp_path, text)
    assert [(row["campaign"], row["spend"]) for row in rows] == [("AB", 1.5)]


def test_a_quote_that_is_not_closed(tmp_path: Path) -> None:
    text = 'campaign,date,spend,revenue\n"TV,2026-11-01,1.50,2\nB,2026-11-02,1.50,2\n'
    with pytest.raises(ExportError, match="line 2 opens a quote that is not closed"):
        rows_of(tmp_path, text)
    text = 'campaign,date,spend,revenue\n"55"" TV\nnew",2026-11-01,1.50,2\nTV 3",2026-11-02,1.5,2\n'
    _, rows = rows_of(tmp_path, text)
    assert [(row["campaign"], row["line"]) for row in rows] == [('55" TV\nnew', 2), ('TV 3"', 4)]


def test_thousands_or_a_fraction(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="1.234 can be 1234 or a fraction"):
        spends(tmp_path, "1.234", "950")
    assert [row["spend"] for row in spends(tmp_path, "1.234", "950,5")[1]] == [1234, 950.5]
    said = spends(tmp_path, "1.234", "950", mapping={"decimal": "."})[1]
    assert [row["spend"] for row in said] == [1.234, 950]
    text = "campaign,date,impressions,spend,revenue\nA,2026-11-01,12.345,1234.50,0\n"
    text += "".join(f"A,2026-11-{day:02},12345,10.50,0\n" for day in range(2, 24))
    export, rows = rows_of(tmp_path, text)
    assert len(rows) == 22
    assert export.tally.examples == [(2, "impressions may be a fraction or thousands")]


def grouped(whole: str, mark: str, *, indian: bool = False) -> str:
    head, last = whole[:-3], whole[-3:]
    size = 2 if indian else 3
    parts = [last]
    while head:
        parts.insert(0, head[-size:])
        head = head[:-size]
    return mark.join(parts)


LOCALES = [
    (decimal, thousands, indian)
    for decimal, marks in (
        (".", (",", " ", "\u00a0", "\u202f", "'", "\u2019", "")),
        (",", (".", " ", "\u00a0", "\u202f", "'", "\u2019", "")),
    )
    for thousands in marks
    for indian in ((False, True) if (decimal, thousands) == (".", ",") else (False,))
]
AFFIXES = [
    ("", ""), ("$", ""), ("", " €"), ("", "\u00a0€"), ("Rs. ", ""), ("CHF ", ""), ("", " kr"),
    ("R$ ", ""), ("€", ""), ("", " PLN"), ("", " zł"),
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    cents=st.lists(st.integers(0, 10**11), min_size=1, max_size=8),
    places=st.sampled_from([0, 1, 2, 3]),
    locale=st.sampled_from(LOCALES),
    affix=st.sampled_from(AFFIXES),
    counts=st.booleans(),
)
def test_a_number_of_any_locale_reads_back_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, cents: list[int], places: int,
    locale: tuple[str, str, bool], affix: tuple[str, str], counts: bool,
) -> None:  # fmt: skip
    decimal, thousands, indian = locale
    values = [Decimal(one).scaleb(-2).quantize(Decimal(1).scaleb(-places)) for one in cents]

    def written(value: Decimal) -> str:
        whole, _, rest = f"{value:f}".partition(".")
        text = grouped(whole, thousands, indian=indian) if thousands else whole
        return text + (decimal + rest if rest else "")

    lines = [
        f"A;2026-11-{day:02};{affix[0]}{written(value)}{affix[1]};0;"
        f"{written(value.to_integral_value()) if counts else 7}"
        for day, value in enumerate(values, 1)
    ]
    text = "\n".join(["campaign;date;spend;revenue;impressions", *lines]) + "\n"
    try:
        export, rows = rows_of(tmp_path_factory.mktemp("locale"), text)
    except ExportError:
        return
    by_line = {row["line"] - 2: row for row in rows}
    assert len(by_line) + export.tally.rejected_rows == len(values)
    for number, value in enumerate(values):
        if number in by_line:
            assert Decimal(str(by_line[number]["spend"])) == value
            if counts:
                assert by_line[number]["impressions"] == value.to_integral_value()


@settings(max_examples=60, deadline=None)
@given(
    value=st.decimals("0.1", "999.9", places=1),
    scale=st.sampled_from(sorted(names.SCALES)),
    currency=st.sampled_from(["", " €", "$"]),
)
def test_a_scale_is_never_lost(
    tmp_path_factory: pytest.TempPathFactory, value: Decimal, scale: str, currency: str
) -> None:
    cell = f"{value} {scale}{currency}"
    _, rows = spends(tmp_path_factory.mktemp("scale"), "1.5", cell)
    wanted = float(value.scaleb(names.SCALES[scale]))
    assert [row["spend"] for row in rows[1:]] in ([wanted], [])
    assert wanted > 10**11 or len(rows) == 2


# Words and days.


def test_no_word_is_of_two_states() -> None:
    words = {key(one) for one in names.ACTIVE} & {key(one) for one in names.PAUSED}
    assert not words
    sorts = {key(one) for one in names.DAILY} & {key(one) for one in names.NOT_DAILY}
    assert not sorts
    assert (state_of("ACTIVE"), state_of("Péatatud"), is_daily("Täglich")) == (
        "active", "paused", True,
    )  # fmt: skip


def test_no_name_is_of_two_fields() -> None:
    taken: dict[str, str] = {}
    for field, known in names.NAMES.items():
        for name in map(key, known):
            assert taken.setdefault(name, field) == field, name


@pytest.mark.parametrize(
    "text",
    [
        "5 Feb 2026", "Thu, 5 Feb 2026", "Thursday, February 5, 2026", "Feb 5th, 2026",
        "5. Februar 2026", "Do., 5. Februar 2026", "Donnerstag, 5. Feb. 2026", "05.02.2026",
        "Do 05.02.2026", "5. veebruar 2026", "N, 5. veebr 2026", "neljapäev, 5. veebruar 2026",
        "5 févr. 2026", "jeu. 5 février 2026", "jeudi 5 février 2026", "5 fevr 2026",
        "5 de febrero de 2026", "jue, 5 feb 2026", "jueves, 5 de febrero de 2026",
        "2026-02-05", "2026-02-05 00:00:00", "2026-02-05T00:00:00", "2026/02/05", "2026.02.05",
        "20260205", "2026年2月5日", "5-Feb-2026", "5-Feb-26", "Feb 05, 2026", "05.02.26",
    ],
)  # fmt: skip
def test_a_day_in_words(text: str) -> None:
    assert Dates([text]).read(text) == date(2026, 2, 5)


@pytest.mark.parametrize("language", range(5))
def test_every_month_and_weekday(language: int) -> None:
    months = (
        "January February March April May June July August September October November December",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "jaanuar veebruar märts aprill mai juuni juuli august sept oktoober november detsember",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    )
    for number, name in enumerate(months[language].split(), 1):
        for text in (f"3 {name} 2026", f"{name} 3, 2026", f"mar. 3 {name} 2026"):
            assert Dates([text]).read(text) == date(2026, number, 3), text


@pytest.mark.parametrize(
    "text", ["31 Feb 2026", "² Feb 2026", "5 Foo 2026", "5 Feb", "Feb Feb 2026", "1/2/1999"]
)
def test_what_is_no_day(text: str) -> None:
    assert Dates([text, "1/13/2026"]).read(text) is None


@pytest.mark.parametrize(
    ("text", "month_first"), [("2/5/2026 0:00", True), ("5/2/2026 12:00:00 AM", False)]
)
def test_a_day_with_its_midnight(text: str, month_first: bool) -> None:
    other = "1/13/2026 0:00" if month_first else "13/1/2026 0:00"
    assert Dates([text, other]).read(text) == date(2026, 2, 5)


def test_a_moment_by_another_style(tmp_path: Path) -> None:
    text = "campaign;timestamp;spend;revenue\nA;02.11.2026 13:00;1,50;2\nA;02.11.2026 01:00;1;2\n"
    _, rows = rows_of(tmp_path, text)
    assert [str(row["moment"]) for row in rows] == ["2026-11-02 13:00:00", "2026-11-02 01:00:00"]


# What was not read, and a mapping file for it.

FOREIGN = {
    "Italian": (
        "Nome campagna;Giorno;Importo speso;Clic;Visualizzazioni;Acquisti;Valore acquisti\n"
        "A;05.11.2026;10,50;3;70;1;20,25\n"
    ),
    "Dutch, after a preamble": (
        "Rapport\n\nCampagnenaam\tDag\tKosten totaal\tKlikken\tWeergaven\tOmzet\n"
        "A\t2026-11-05\t10.50\t3\t70\t20.25\nB\t2026-11-06\t0\t0\t0\t0\n"
    ),
    "Polish": (
        "Nazwa kampanii,Dzień,Wydatki,Wyświetlenia,Przychody\nA,2026-11-05,10.50,70,20.25\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", FOREIGN)
def test_the_mapping_file_fits_as_printed(tmp_path: Path, language: str) -> None:
    with pytest.raises(ExportError) as refusal:
        rows_of(tmp_path, FOREIGN[language])
    file = tmp_path / "map.toml"
    file.write_text(str(refusal.value).split("\n\n", 1)[1])
    export, _ = rows_of(tmp_path, FOREIGN[language], file)
    assert sums(export, "spend", "revenue") == ["10.50", "20.25"]


def test_what_the_person_said_already_is_kept(tmp_path: Path) -> None:
    mapping = {"decimal": ",", "columns": {"campaign": "Wo"}, "constants": {"account": "Shop"},
               "times": {"revenue": 0.4}}  # fmt: skip
    with pytest.raises(ExportError) as refusal:
        rows_of(tmp_path, "Wo;Datum;Kosten;Wert der Ernte\nA;05.11.2026;10,50;20\n", mapping)
    file = tmp_path / "map.toml"
    file.write_text(str(refusal.value).split("\n\n", 1)[1])
    assert MappingFile.read(file) == MappingFile.of(
        {**mapping, "columns": {"campaign": "Wo", "revenue": "Wert der Ernte"}}
    )


def test_another_thing_is_no_guess(tmp_path: Path) -> None:
    """A campaign's own start is no day, and what it may spend in its life no budget of a day."""
    text = (
        "campaign,Campaign start date,spend,revenue,Total budget,Cost per day\n"
        "A,2026-11-01,1.50,2,900,3\n"
    )
    with pytest.raises(ExportError) as refusal:
        rows_of(tmp_path, text)
    assert "no column for the day" in str(refusal.value)
    assert str(refusal.value).endswith('[columns]\n# date = "..."')


def test_what_was_not_read_is_named_with_a_guess(tmp_path: Path) -> None:
    text = "campaign,date,spend,revenue,Device,Budget in force,CTR\nA,2026-11-01,1.50,2,phone,9,1\n"
    export, _ = rows_of(tmp_path, text)
    assert export.look.unread == ["Device", "Budget in force", "CTR"]
    assert export.look.missing["budget"] == "Budget in force"
    assert export.look.missing["conversions"] is None
    said = "\n".join(export.look.sentences(export.tally))
    assert "Not read: 'Device', 'Budget in force', 'CTR'." in said
    assert "budget (perhaps 'Budget in force': [columns] budget = in a mapping file)" in said
    assert "1 row kept, 1 day, 2026-11-01 to 2026-11-01." in said
    assert "no currency stated: spend 1.50, revenue 2.00, conversions 0" in said
    assert json.dumps(export.look.to_dict())


def test_sums_are_by_currency(tmp_path: Path) -> None:
    text = (
        "campaign,date,spend,revenue,currency,account\n"
        "A,2026-11-01,0.10,2,EUR,X\nB,2026-11-01,0.20,3,USD,Y\nC,2026-11-01,0.30,4,EUR,X\n"
    )
    export, _ = rows_of(tmp_path, text)
    assert {one: str(sums["spend"]) for one, sums in export.look.sums.items()} == {
        "EUR": "0.400000", "USD": "0.200000",
    }  # fmt: skip


def test_a_row_of_two_currencies(tmp_path: Path) -> None:
    text = "campaign,date,spend,revenue\nA,2026-11-01,€1.50,£2.00\nA,2026-11-02,€1.50,€2.00\n"
    export, rows = rows_of(tmp_path, text)
    assert len(rows) == 1
    assert export.tally.examples == [(2, "its amounts are in two currencies")]


def test_a_constant_status_is_a_known_one() -> None:
    with pytest.raises(MappingError, match="'Blorp' is not known: say active or paused"):
        MappingFile.of({"constants": {"status": "Blorp"}})
    assert MappingFile.of({"constants": {"status": "Aktiv"}}).constants == {"status": "Aktiv"}


@pytest.mark.parametrize("skipped", [-1, "3", True, 1.5])
def test_lines_to_skip_are_a_whole_number(skipped: Any) -> None:
    with pytest.raises(MappingError, match="skip_lines must be a whole number"):
        MappingFile.of({"skip_lines": skipped})


def test_utf_16_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes("Kampagne;Tag;Kosten;Umsatz\nGärten;05.11.2026;1,50;2\n".encode("utf-16-le"))
    with open_export(path) as export:
        rows = [row for frame in slices(export) for row in frame.iter_rows(named=True)]
    assert [(row["campaign"], row["spend"]) for row in rows] == [("Gärten", 1.5)]

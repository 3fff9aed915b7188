"""No door lets in a past without revenue or with longer rows: import, replay, preview, make run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from autonomy.cli import main
from autonomy.errors import ExportError, ReplayError
from autonomy.imports.load import import_files
from autonomy.local import LocalStack
from autonomy.replay.html_report import html
from autonomy.replay.past import Period
from autonomy.replay.replay import active_rules, replay
from autonomy.replay.rule_preview import preview_rules
from autonomy.replay.text_report import text, to_json
from autonomy.replay.tuning import tune

DAYS = 60
FIRST = date(2026, 3, 1)
WORTH = Decimal("12.30")
Told = Callable[..., tuple[int, str, str]]


def export(folder: Path, columns: str, row: str, name: str = "export.csv") -> Path:
    """Sixty days of two campaigns at 100 a day, with 3 and with 30 conversions."""
    lines = [f"campaign,date,clicks,spend,conversions{columns}"]
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        lines += [
            f"{title},{day},100,100.00,{count}{row}" for title, count in (("A", 3), ("B", 30))
        ]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def told(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Told:  # fmt: skip
    """Runs a command; gives its exit code and what it said. `demo` gets the tests' own stack."""

    @contextmanager
    def running() -> Iterator[LocalStack]:
        yield stack

    monkeypatch.setattr("autonomy.cli.past.local_stack", running)
    monkeypatch.setattr("autonomy.cli.past.REPORT", tmp_path / "replay.html")

    def tell(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autonomy", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return tell


def sums(url: str) -> tuple[object, ...] | None:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select count(*), coalesce(sum(spend), 0)::text, coalesce(sum(revenue), 0)::text"
            " from campaign_metrics"
        ).fetchone()


MONTHS = (
    "Reporting starts,Reporting ends,Campaign name,Amount spent (EUR),Purchases,"
    "Purchases conversion value\n"
    "2026-10-01,2026-10-01,Boots,100.00,2,300.00\n"
    "2026-10-01,2026-10-31,Socks,1550.00,31,1240.00\n"
)


@pytest.mark.parametrize("door", ["import", "make run"])
@pytest.mark.parametrize(
    ("columns", "row", "words"),
    [
        (",worth of orders,ROAS", ",370,3.7", "Not read: worth of orders, ROAS"),
        (",Revenue", ",", "the revenue column 'Revenue' is empty"),
        (",Total revenue,Purchase revenue", ",370,350", "may each be the revenue"),
        (None, None, "row 3 covers 31 days"),
    ],
)
def test_refused_at_each_door(
    told: Told, scratch_database: Callable[[], str], tmp_path: Path, door: str,
    columns: str | None, row: str | None, words: str,
) -> None:  # fmt: skip
    if columns is None or row is None:
        path = tmp_path / "meta.csv"
        path.write_text(MONTHS)
    else:
        path = export(tmp_path, columns, row)
    url = scratch_database()
    ask = ("import", str(path), "--database-url", url)
    code, out, err = told(*(ask if door == "import" else ("demo", "--data", str(path))))
    assert code == 1
    assert words in err
    assert "saved" not in out + err
    by_option = door == "make run" and "--value-per-conversion" in err
    assert ("make run DATA=FILE ARGS=" in err) == by_option
    assert sums(url) == (0, "0", "0"), "nothing of it stays"


@pytest.mark.parametrize("door", ["import", "make run"])
def test_the_mapping_file_fits_as_printed(
    told: Told, scratch_database: Callable[[], str], tmp_path: Path, door: str
) -> None:
    path = export(tmp_path, ",worth of orders,ROAS", ",370,3.7")
    ask = ["import", str(path), "--database-url", scratch_database()]
    ask = ask if door == "import" else ["demo", "--data", str(path)]
    code, _, err = told(*ask)
    assert code == 1
    file = tmp_path / "map.toml"
    file.write_text(err.split("\n\n", 1)[1])
    code, out, _ = told(*ask, "--map", str(file))
    assert code == 0
    assert "Not read: 'ROAS'." in out
    assert "To compare with the file: 120 rows kept, 60 days, 2026-03-01 to 2026-04-29." in out
    assert "spend 12,000.00, revenue 44,400.00, conversions 1,980, clicks 12,000" in out


@pytest.mark.parametrize(
    ("options", "revenue"),
    [
        (("--value-per-conversion", "12.35"), "24453.00"),
        (("--revenue-from-roas",), "43200.00"),
        (("--map", "map.json"), "24453.00"),
    ],
)
def test_read_at_each_door_with_a_word_about_revenue(
    told: Told, scratch_database: Callable[[], str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], revenue: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("map.json").write_text(json.dumps({"value_per_conversion": 12.35}))
    path = str(export(tmp_path, ",Purchase ROAS (return on ad spend)", ",360%"))
    url = scratch_database()
    code, out, err = told("import", path, *options, "--database-url", url)
    assert (code, sums(url)) == (0, (120, "12000.00", revenue)), err
    assert "Revenue is conversions x 12.35." in out or "Revenue is spend x 'Purchase ROAS" in out
    code, out, err = told("demo", "--data", path, *options, "--json")
    assert code == 0, err
    answer = json.loads(out)
    share = 46 / 60  # the first two weeks only inform
    assert answer["revenue"] == pytest.approx(float(revenue) * share)
    assert answer["import"]["files"][0]["revenue_reckoned"]


@pytest.mark.parametrize("amount", ["0", "-3", "NaN", "inf", "1e300", "35,50", "much"])
@pytest.mark.parametrize("door", ["import", "demo --data", "replay"])
def test_a_worth_is_a_plain_number(told: Told, tmp_path: Path, door: str, amount: str) -> None:
    given = [] if door == "replay" else [str(export(tmp_path, "", ""))]
    code, _, err = told(*door.split(), *given, "--value-per-conversion", amount)
    assert code == 2
    assert "is not a number above 0" in err


def test_what_is_said_of_an_export_needs_one(told: Told) -> None:
    code, _, err = told("demo", "--value-per-conversion", "35")
    assert code == 2
    assert "--data FILE" in err


def test_noughts_are_imported_aloud_and_judged_by_nobody(
    told: Told, scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    url = scratch_database()
    path = export(tmp_path, ",Revenue", ",0")
    code, out, _ = told("import", str(path), "--database-url", url)
    assert code == 0
    assert "WARNING: the 1,980 conversions of the account default carry no value" in out
    code, out, err = told("replay", "--database-url", url)
    assert (code, out) == (1, "")
    assert "default (1,980 conversions), without any revenue" in err
    assert "--value-per-conversion 35" in err
    code, out, err = told("demo", "--data", str(path))
    assert code == 1
    assert "WARNING: the 1,980 conversions" in out
    assert "saved" not in out
    told_of = preview_rules(url, active_rules(url), now=datetime(2026, 4, 30, tzinfo=UTC))
    assert "default (1,980 conversions), without any revenue" in told_of["sentence"]
    assert (told_of["pauses"], told_of["saved"]["value"]) == (0, 0)


def test_few_conversions_without_value_are_no_warning(
    scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    path = tmp_path / "few.csv"
    path.write_text("campaign,date,spend,conversions,revenue\nA,2026-03-01,9.00,4,0\n")
    (report,) = import_files(scratch_database(), [path]).files
    assert report.without_value == {}
    assert "WARNING" not in "\n".join(report.sentences())


def test_a_worth_beside_the_database_is_one_in_the_file(
    scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    """Revenue that is reckoned while replaying leads to the same runs as revenue imported."""
    silent, valued = scratch_database(), scratch_database()
    import_files(silent, [export(tmp_path, ",revenue", ",0", "noughts.csv")])
    noted = tmp_path / "valued.csv"
    lines = (tmp_path / "noughts.csv").read_text().replace(",3,0\n", ",3,36.90\n")
    noted.write_text(lines.replace(",30,0\n", ",30,369.00\n"))
    import_files(valued, [noted])
    period = Period(value_per_conversion=WORTH)
    beside, inside = to_json(replay(silent, period=period)), to_json(replay(valued))
    for answer in (beside, inside):
        answer.pop("seconds")
        assert answer["settings"][0]["pauses"] == 1, "A loses"
        assert answer["settings"][0]["budgets_raised"] > 0, "B wins"
    assert json.loads(json.dumps(beside), parse_float=lambda x: round(float(x), 4)) == json.loads(
        json.dumps(inside), parse_float=lambda x: round(float(x), 4)
    )
    assert tune(silent, period=period, floors=(0, 50)).judged.revenue > 0
    with pytest.raises(ReplayError, match="has revenue of its own"):
        replay(valued, period=period)


def test_an_account_without_value_is_left_out_beside_one_that_has_some(
    scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    url = scratch_database()
    import_files(url, [export(tmp_path, ",revenue", ",130", "shop.csv")], account="Shop")
    alone = to_json(replay(url))
    (leads,) = import_files(
        url, [export(tmp_path, ",revenue", ",0", "leads.csv")], account="Leads"
    ).files
    assert leads.without_value == {"Leads": 1980}
    result = replay(url)
    both = to_json(result)
    assert both["left_out"] == [{"account": "Leads", "conversions": 1980}]
    for name in ("spend", "revenue", "campaigns", "settings"):
        assert both[name] == alone[name], name
    assert "Leads (1,980 conversions), without any revenue" in " ".join(text(result).split())
    assert "Leads (1,980 conversions), without any revenue" in html(result)
    worth = to_json(replay(url, period=Period(value_per_conversion=WORTH)))
    assert worth["left_out"] == []
    assert worth["revenue"] == pytest.approx(2 * 46 * 130 + 46 * 33 * 12.30)


def test_a_conversion_of_nothing_is_worth_nothing(
    scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    path = tmp_path / "none.csv"
    path.write_text(
        "campaign,date,spend,conversions,revenue\n"
        + "".join(f"A,2026-03-{day:02},9.00,0,0\n" for day in range(1, 31))
    )
    url = scratch_database()
    import_files(url, [path])
    for period in (Period(), Period(value_per_conversion=WORTH)):
        with pytest.raises(ReplayError, match="without any revenue"):
            replay(url, period=period)


def test_a_file_before_the_refused_one_stays_and_the_refused_one_leaves_nothing(
    scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    url = scratch_database()
    good, bad = export(tmp_path, ",revenue", ",130", "good.csv"), tmp_path / "bad.csv"
    bad.write_text(MONTHS)
    with pytest.raises(ExportError, match="row 3 covers 31 days"):
        import_files(url, [good, bad])
    assert sums(url) == (120, "12000.00", "15600.00")

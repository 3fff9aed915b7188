"""A file after another: what the platform's state says, and figures that are there already."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.errors import ExportError
from autonomy.imports.columns import MappingFile
from autonomy.imports.load import FileReport, import_files

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
HEAD = "Day,Campaign,Campaign ID,Account,Status,Budget,Cost,Clicks,Impr.,Conversions,Conv. value"
Load = Callable[..., FileReport]


@pytest.fixture
def url(scratch_database: Callable[[], str]) -> str:
    return scratch_database()


@pytest.fixture
def load(url: str, tmp_path: Path) -> Load:
    numbers = itertools.count(1)

    def loaded(*lines: str, head: str = HEAD, **options: Any) -> FileReport:
        path = tmp_path / f"export-{next(numbers)}.csv"
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        (report,) = import_files(url, [path], **{"now": NOW, **options}).files
        return report

    return loaded


def line(
    day: int, name: str = "Larch", *, status: str = "Enabled", budget: str = "100",
    spend: str = "90.00", clicks: int = 30, shown: int = 2000, number: str = "", account: str = "",
) -> str:  # fmt: skip
    on = f"2026-03-{day:02}"
    return f"{on},{name},{number},{account},{status},{budget},{spend},{clicks},{shown},2,180.00"


def campaigns(url: str) -> dict[str, tuple[str, Decimal | None]]:
    """Name -> status and budget."""
    with psycopg.connect(url) as db:
        rows = db.execute("select title, status, budget from campaigns order by 1").fetchall()
    return {title: (status, budget) for title, status, budget in rows}


def spent(url: str) -> dict[str, Decimal]:
    with psycopg.connect(url) as db:
        return dict(
            db.execute(
                "select c.title, sum(d.spend) from campaigns c join campaign_daily d"
                " on d.campaign_id = c.id group by c.title order by 1"
            ).fetchall()
        )


def act(url: str, statement: str, *given: Any) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("set autonomy.simulation = on")
        db.execute(statement, given)


def pause(url: str, name: str = "Larch") -> None:
    act(url, "select auto_pause_campaign(id, 'test') from campaigns where title = %s", name)


def scale(url: str, budget: int, name: str = "Larch") -> None:
    act(
        url, "select auto_scale_campaign(id, %s, 'test') from campaigns where title = %s",
        budget, name,
    )  # fmt: skip


def text(report: FileReport) -> str:
    return "\n".join(report.sentences())


def test_what_somebody_changed_on_the_platform_is_followed(load: Load, url: str) -> None:
    load(line(1))
    said = text(load(line(2, status="Paused", budget="250")))
    assert campaigns(url) == {"Larch": ("paused", Decimal(250))}
    assert "Changed on the platform since its last file: 1 campaign (Larch: active to" in said
    assert "budget 100.00 to 250.00" in said


@pytest.mark.parametrize("field", ["status", "budget"])
def test_each_field_for_itself(load: Load, url: str, field: str) -> None:
    load(line(1))
    load(line(2, status="Paused") if field == "status" else line(2, budget="250"))
    assert campaigns(url)["Larch"] == {
        "status": ("paused", Decimal(100)), "budget": ("active", Decimal(250)),
    }[field]  # fmt: skip


def test_a_file_is_no_person_and_takes_nothing_back(load: Load, url: str) -> None:
    """Followed: no cooldown, nothing rolled back, nobody's will."""
    load(line(1))
    scale(url, 150)
    load(line(2, budget="150"))  # carried over
    said = text(load(line(3, budget="100")))  # and put back on the platform
    assert campaigns(url)["Larch"] == ("active", Decimal(100))
    assert "budget 150.00 to 100.00" in said
    with psycopg.connect(url) as db:
        assert db.execute("select status from autonomous_actions").fetchall() == [("executed",)]
        last = "select actor, person, kind from campaign_changes order by id desc limit 1"
        assert db.execute(last).fetchone() == ("import", False, "outside")


def test_what_we_did_and_the_platform_does_not_know_yet(load: Load, url: str) -> None:
    load(line(1))
    pause(url)
    said = text(load(line(2)))
    assert campaigns(url)["Larch"] == ("paused", Decimal(100))
    assert "Not carried over to the platform yet: 1 campaign (Larch: paused here," in said
    said = text(load(line(3, budget="120")))
    assert campaigns(url)["Larch"] == ("paused", Decimal(120))
    assert "Not carried over" in said
    assert "budget 100.00 to 120.00" in said
    said = text(load(line(4, status="Paused", budget="120")))  # it is, now
    assert "platform" not in said
    assert campaigns(url)["Larch"] == ("paused", Decimal(120))
    load(line(5, budget="120"))  # switched on again over there
    assert campaigns(url)["Larch"] == ("active", Decimal(120))


def test_what_a_person_did_here_stands_until_the_platform_moves(load: Load, url: str) -> None:
    load(line(1))
    act(url, "update campaigns set budget = 40, status = 'paused'")
    assert "budget 40.00 here, 100.00 there" in text(load(line(2)))
    assert campaigns(url)["Larch"] == ("paused", Decimal(40))
    load(line(3, budget="60"))
    assert campaigns(url)["Larch"] == ("paused", Decimal(60))


def test_an_older_file_does_not_speak_of_today(load: Load, url: str) -> None:
    load(line(10, status="Paused", budget="300"))
    said = text(load(line(5), line(6)))
    assert campaigns(url)["Larch"] == ("paused", Decimal(300))
    assert "ends before the last one: status and budget are not taken from it" in said
    load(line(11, status="Paused", budget="300"))
    assert campaigns(url)["Larch"] == ("paused", Decimal(300))


def test_the_same_file_twice_changes_nothing(load: Load, url: str) -> None:
    lines = [line(1), line(2, "Alder", status="Paused", budget="7")]
    load(*lines)
    with psycopg.connect(url) as db:
        before = db.execute("select count(*) from campaign_changes").fetchone()
    pause(url)
    again = load(*lines)
    assert again.changed_buckets == 0
    assert campaigns(url) == {"Alder": ("paused", Decimal(7)), "Larch": ("paused", Decimal(100))}
    with psycopg.connect(url) as db:
        changes = "select count(*) from campaign_changes where kind <> 'action'"
        after = db.execute(changes).fetchone()
    assert before == after


def test_a_file_that_states_no_state_changes_none(load: Load, url: str) -> None:
    load(line(1))
    load(line(2, status="", budget=""))
    assert campaigns(url)["Larch"] == ("active", Decimal(100))
    load(line(3, status="Paused", budget="250"))  # compared with the file before that
    assert campaigns(url)["Larch"] == ("paused", Decimal(250))


def test_the_first_file_with_a_state(load: Load, url: str) -> None:
    """Where no file said it before: ours stands where something was done here, else the file."""
    bare = {"head": "Day,Campaign,Cost,Clicks,Impr.,Conversions,Conv. value"}
    for name in ("Larch", "Alder", "Birch"):
        load(f"2026-03-01,{name},90.00,30,2000,2,180.00", **bare)
    scale(url, 135, "Alder")
    act(url, "update campaigns set status = 'paused' where title = 'Birch'")
    report = load(
        line(2, status="Paused", budget="250"), line(2, "Alder", budget="250"),
        line(2, "Birch", budget="250"),
    )  # fmt: skip
    assert campaigns(url) == {"Alder": ("active", Decimal(135)), "Birch": ("paused", Decimal(250)),
                              "Larch": ("paused", Decimal(250))}  # fmt: skip
    assert "Alder: budget 135.00 here, 250.00 there" in text(report)


def test_the_spelling_of_the_installation(load: Load, url: str) -> None:
    act(url, "update autonomy_policy set paused_text = 'PAUSED'")
    act(url, "insert into campaigns (title, status) values ('Own', 'ACTIVE')")
    load(line(1), line(1, "Alder", status="Paused"))
    assert campaigns(url)["Larch"][0] == "ACTIVE"
    assert campaigns(url)["Alder"][0] == "PAUSED"
    load(line(2, status="Paused"), line(2, "Alder"))
    assert campaigns(url)["Larch"][0] == "PAUSED"
    assert campaigns(url)["Alder"][0] == "ACTIVE"


def test_a_name_that_changed_with_the_same_id(load: Load, url: str) -> None:
    load(line(1, number="77"), line(1, "Alder", number="78"))
    act(url, "update campaigns set title = 'Mine' where title = 'Alder'")
    load(line(2, "Larch two", number="77"), line(2, "Alder two", number="78"))
    assert set(campaigns(url)) == {"Larch two", "Mine"}
    load(line(3, "Larch two", number="77"), line(3, "Alder two", number="78"))
    assert set(campaigns(url)) == {"Larch two", "Mine"}


def past(name: str, days: int = 8, **given: Any) -> list[str]:
    """Days that differ from each other, and from another name's where `by` differs."""
    by = given.pop("by", 0)
    return [line(day, name, spend=f"{50 + day + by}.00", clicks=20 + day + by, **given)
            for day in range(1, days + 1)]  # fmt: skip


def test_a_renamed_campaign_is_not_counted_twice(load: Load, url: str) -> None:
    load(*past("Larch"), *past("Oak", by=100))
    before = spent(url)
    with pytest.raises(ExportError, match="Larch II repeats the figures of Larch .8 days.: ren"):
        load(*past("Larch II", 9), *past("Oak", 9, by=100))
    assert spent(url) == before


def test_told_that_it_is_renamed(load: Load, url: str) -> None:
    load(*past("Larch"))
    pause(url)
    said = text(load(*past("Larch II", 9), repeats="rename"))
    assert spent(url) == {"Larch II": Decimal(sum(range(51, 60)))}
    assert campaigns(url) == {"Larch II": ("paused", Decimal(100))}
    assert "Called otherwise from now on: Larch is Larch II." in said
    load(*past("Larch II", 10))  # and found again by its new name
    assert spent(url) == {"Larch II": Decimal(sum(range(51, 61)))}


def test_a_new_campaign_may_take_the_name_that_became_free(load: Load, url: str) -> None:
    load(*past("Larch"))
    load(*past("Larch II", 9), repeats="rename")
    load(*past("Larch II", 10), line(10, "Larch", spend="7.00"))
    assert spent(url) == {"Larch": Decimal(7), "Larch II": Decimal(sum(range(51, 61)))}
    load(line(11, "Larch", spend="8.00"))
    assert spent(url)["Larch"] == 15


def test_told_that_it_is_a_campaign_of_its_own(load: Load, url: str) -> None:
    load(*past("Larch"))
    load(*past("Larch II"), repeats="new")
    assert len(spent(url)) == 2


def test_the_same_export_into_another_account_is_not_counted_twice(load: Load, url: str) -> None:
    load(*past("Larch"))
    with pytest.raises(ExportError, match="Larch .account Paris. repeats the figures of Larch"):
        load(*past("Larch"), account="Paris")
    with pytest.raises(ExportError, match="another account"):
        load(*past("Larch"), account="Paris", repeats="rename")
    load(*past("Larch"), account="Paris", repeats="new")


def test_a_late_correction_does_not_hide_a_new_name(load: Load, url: str) -> None:
    load(*past("Larch", 4))
    corrected = past("Larch II", 5)
    corrected[3] = line(4, "Larch II", spend="61.00", clicks=31)
    with pytest.raises(ExportError, match="repeats the figures of Larch"):
        load(*corrected)


@pytest.mark.parametrize("lines", [
    past("Oak", by=1),  # its own figures
    [line(day, "Oak", spend="90.00", clicks=0, shown=0) for day in (1, 2, 3)],  # a price
    [line(1, "Oak"), line(9, "Oak", spend="1.00")],  # one day alike
])  # fmt: skip
def test_what_repeats_nothing_is_new(load: Load, url: str, lines: list[str]) -> None:
    load(*past("Larch"), *(line(day, "Elm", clicks=0, shown=0) for day in (1, 2, 3)),
         line(1, "Ash"), line(8, "Ash", spend="2.00"))  # fmt: skip
    load(*lines)
    assert "Oak" in spent(url)


def test_two_campaigns_that_stand_beside_each_other_are_two(load: Load, url: str) -> None:
    load(*past("Larch"), *past("Oak"))
    load(*past("Larch", 9), *past("Oak", 9), *past("Elm", 9))
    assert len(spent(url)) == 3


def test_another_accounts_campaign_of_one_name_replaces_nothing(load: Load, url: str) -> None:
    load(line(1, spend="100.00"), line(2, spend="110.00"))
    with pytest.raises(ExportError) as caught:
        load(line(1, spend="40.00", shown=800), line(2, spend="45.00", shown=810))
    assert "replace most of what is known of Larch (2 of 2 days; 210.00 spent becomes 85.00)" in (
        str(caught.value)
    )
    assert "--account" in str(caught.value)
    assert "--replace" in str(caught.value)
    assert spent(url) == {"Larch": Decimal(210)}
    load(line(1, spend="40.00", shown=800), line(2, spend="45.00", shown=810), account="Paris")
    assert sum(spent(url).values()) == 295
    load(line(1, spend="40.00", shown=800), line(2, spend="45.00", shown=810), replace=True)
    with psycopg.connect(url) as db:
        assert db.execute("select sum(spend) from campaign_metrics").fetchone() == (Decimal(170),)


BY_HOUR = "Day,Hour of the day,Campaign,Cost,Clicks,Impr.,Conversions,Conv. value"


def hours(spend: str, *days: int) -> list[str]:
    return [
        f"2026-03-{day:02},{hour},Larch,{spend},1,90,0,0.00" for day in days for hour in range(24)
    ]


def test_another_grain_hides_nothing(load: Load, url: str) -> None:
    load(*hours("10.00", 1, 2), head=BY_HOUR)
    load(line(1, spend="240.00"), line(2, spend="250.00"))  # the same, as whole days
    with pytest.raises(ExportError, match="490.00 spent becomes 900.00"):
        load(line(1, spend="450.00"), line(2, spend="450.00"))
    assert spent(url) == {"Larch": Decimal(490)}
    load(line(1, spend="450.00"), line(2, spend="450.00"), replace=True)
    with pytest.raises(ExportError, match="900.00 spent becomes 1920.00"):
        load(*hours("40.00", 1, 2), head=BY_HOUR)


def test_corrections_are_taken(load: Load, url: str) -> None:
    load(*past("Larch"))
    lines = past("Larch")
    lines[6:] = [line(7, spend="50.00"), line(8, spend="5.00")]  # the last days, and by much
    load(*lines)
    assert spent(url)["Larch"] == sum(range(51, 57)) + 55


def test_a_day_that_was_not_over_is_no_contradiction(load: Load, url: str) -> None:
    noon = datetime(2026, 3, 5, 12, tzinfo=UTC)
    load(line(3), line(4, "Oak"), line(5, "Oak", spend="20.00", shown=300), now=noon)
    later = {"now": noon + timedelta(days=1)}
    whole = [line(4, "Oak", spend="200.00"), line(5, "Oak")]
    said = text(load(*whole, **later))  # one of two days
    assert spent(url) == {"Larch": Decimal(90), "Oak": Decimal(290)}
    assert "Replaced" not in said
    with pytest.raises(ExportError, match="would replace most"):
        load(line(4, "Oak", spend="900.00"), line(5, "Oak", spend="500.00"), **later)


def test_one_day_is_replaced_and_said(load: Load, url: str) -> None:
    load(line(4))
    assert "Replaced by very different figures: Larch (1 of 1 day; 90.00 spent becomes 40.00)." in (
        text(load(line(4, spend="40.00")))
    )
    assert spent(url) == {"Larch": Decimal(40)}


def test_a_few_pennies_are_no_matter(load: Load, url: str) -> None:
    load(line(1, spend="0.10", shown=5), line(2, spend="0.10", shown=5))
    load(line(1, spend="0.40", shown=9), line(2, spend="0.30", shown=8))
    assert spent(url) == {"Larch": Decimal("0.70")}


def test_a_wrong_unit_is_said_and_may_be_mended(load: Load, url: str) -> None:
    lines = [line(day, spend=f"{day}0123.00") for day in (1, 2, 3)]
    load(*lines)
    right = [line(day, spend=f"{day}0.00") for day in (1, 2, 3)]
    with pytest.raises(ExportError, match="--replace"):
        load(*right)
    load(*right, replace=True)
    assert spent(url) == {"Larch": Decimal(60)}


# A file of spend alone ---------------------------------------------------------------------------

SPENT = "Date,Clicks,Impressions,Cost"
LONDON = MappingFile.of({"constants": {"campaign": "London"}})


def test_a_file_of_spend_alone_sets_no_run_on_its_campaigns(load: Load, url: str) -> None:
    report = load('"Thu, 5 Feb 2026",10,300,£20.00', '"Fri, 6 Feb 2026",26,750,£50.00',
                  head=SPENT, mapping=LONDON)  # fmt: skip
    assert spent(url) == {"London": Decimal(70)}
    assert any("neither revenue nor conversions" in one for one in report.sentences())
    with psycopg.connect(url) as db:
        assert db.execute("select autonomous_enabled from campaigns").fetchall() == [(False,)]


def test_a_file_of_spend_alone_takes_nothing_that_came_in(load: Load, url: str) -> None:
    load(line(5, "London"), line(6, "London"))
    with pytest.raises(ExportError, match="what came in for 'London' in that time would be lost"):
        load('"Thu, 5 Mar 2026",10,300,£20.00', head=SPENT, mapping=LONDON)
    assert spent(url) == {"London": Decimal(180)}

"""The whole way: a platform's interface, its client, the reading, the database, the commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from autonomy.cli import cli
from autonomy.local import LocalStack
from autonomy.platforms.http import is_loopback
from tests.integration import test_web
from tests.platforms import control, sample
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.sample import ANGELES, BERLIN, MANAGER, TOKYO, figures
from tests.platforms.world import PlainWorld

sql = test_web.sql
Type = Callable[..., Result]


@pytest.fixture
def world() -> PlainWorld:
    """The sample world as of now, with figures of yesterday."""
    made = sample.world()
    made.move(datetime.now(UTC))
    for external_id, zone in (("171", "Europe/Berlin"), ("201", "Asia/Tokyo"),
                              ("301", "America/Los_Angeles")):  # fmt: skip
        day = datetime.now(ZoneInfo(zone)).date() - timedelta(days=1)
        made.tell(
            figures(external_id, 8, day=day, impressions=80, clicks=8, spend="40",
                    conversions="3", revenue="90")
        )  # fmt: skip
    return made


@pytest.fixture
def meta(world: PlainWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMeta]:
    fake = FakeMeta(world, report_polls=1)
    monkeypatch.setenv("AUTONOMY_META_API", fake.start())
    monkeypatch.setenv("AUTONOMY_META_TOKEN", fake.token)
    monkeypatch.setenv("AUTONOMY_META_APP_SECRET", str(fake.app_secret))
    yield fake
    fake.stop()


@pytest.fixture
def google(world: PlainWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoogle]:
    fake = FakeGoogle(world)
    monkeypatch.setenv("AUTONOMY_GOOGLE_ADS_API", fake.start())
    monkeypatch.setenv("AUTONOMY_GOOGLE_TOKEN_URI", fake.token_uri)
    credential = {"type": "authorized_user", "client_id": "c", "client_secret": "s"}
    monkeypatch.setenv(
        "AUTONOMY_GOOGLE_ADS_CREDENTIALS",
        json.dumps(credential | {"refresh_token": fake.refresh_token}),
    )
    yield fake
    fake.stop()


@pytest.fixture
def typed(fresh: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Type:
    """What a person types."""
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)

    def typed(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == code, (done.output, done.exception)
        return done

    return typed


def test_meta_from_the_token_to_the_campaigns(
    meta: FakeMeta, world: PlainWorld, typed: Type, sql: Any
) -> None:
    said = typed("connect", "meta", "--account", f"act_{BERLIN}").output
    assert f"Berlin: connected to Meta {BERLIN}, to be read only." in said
    assert "Currency EUR, time zone Europe/Berlin. It is observed." in said
    assert "It counts as the conversion: omni_purchase." in said
    assert "cannot be told" not in said  # its app is known
    assert "Berlin: done" in typed("sync").output
    found = {
        one[0]: one[1:]
        for one in sql(
            "select x.external_id, x.kind, c.title, c.status, c.budget, autonomy.unit_holds(x)"
            " from autonomy.platform_units x join campaigns c on c.id = x.campaign_id"
        )
    }
    assert found["100"] == ("campaign", "Whole", "active", Decimal("50.00"), [])
    assert found["121"] == (
        "adset",
        "In parts / Part one",
        "active",
        Decimal("20.00"),
        ["LEARNING"],
    )
    assert found["130"][3:] == (None, ["LIFETIME_BUDGET"])
    assert found["170"][2:4] == ("paused", Decimal("15.00"))
    assert not {"140", "150", "120", "101"} & found.keys()
    assert sql(
        "select m.spend, m.conversions, m.whole_day from campaign_metrics m"
        " join autonomy.platform_units x using (campaign_id) where x.external_id = '170'"
        " order by m.bucket desc limit 1"
    ) == [(Decimal("40.00"), Decimal(3), True)]
    world.move(datetime.now(UTC))
    control.person_changes(world, "121", "status", "paused", "Maria Keller")
    (read,) = json.loads(typed("sync", "--account", "Berlin", "--json", "--force").output)
    assert (read["changed"], read["named"], read["problems"]) == (1, 1, [])
    assert sql(
        "select kind, person, actor, new_status from campaign_changes where kind <> 'created'"
        " order by id desc limit 1"
    ) == [("platform", True, "Maria Keller", "paused")]
    for table in ("platform_accounts", "platform_units", "platform_pulse"):
        text = str(sql(f"select x::text from autonomy.{table} x"))
        assert meta.token not in text
        assert str(meta.app_secret) not in text


def test_google_from_the_credential_to_the_campaigns(
    google: FakeGoogle, world: PlainWorld, typed: Type, sql: Any
) -> None:
    listed = typed("connect", "google", code=3).output  # several: they are listed
    assert "Los Angeles" in listed
    assert "--login MANAGER" in listed
    (held,) = json.loads(typed("connect", "google", "--account", MANAGER, "--json", code=3).output)
    assert held == {"external_id": ANGELES, "name": "Los Angeles", "login_id": MANAGER}
    said = typed("connect", "google", "--account", TOKYO).output
    assert "Conversions that it counts there: Purchase." in said
    assert "which of it this program did cannot be told" in said  # a person's sign-in
    typed("connect", "google", "--account", "333-333-3333", "--login", MANAGER, "--as", "West")
    assert typed("sync").output.count(": done") == 2
    found = dict(
        sql("select x.external_id, c.budget from autonomy.platform_units x"
            " join campaigns c on c.id = x.campaign_id")
    )  # fmt: skip
    assert (found["201"], found["301"], found["302"], found["304"]) == (
        Decimal(5000), Decimal("60.00"), None, None)  # fmt: skip
    holds = dict(sql("select external_id, autonomy.unit_holds(x) from autonomy.platform_units x"))
    assert (holds["302"], holds["304"]) == (["SHARED_BUDGET"], ["LIFETIME_BUDGET"])
    assert "TEST_RUNNING" in holds["306"]
    assert "307" not in found
    world.move(datetime.now(UTC))
    control.person_changes(world, "201", "budget", 7000, "maria@example.com")
    typed("sync", "--account", "Tokyo", "--force")
    assert sql(
        "select kind, person, actor, new_budget from campaign_changes where kind <> 'created'"
        " order by id desc limit 1"
    ) == [("platform", True, "maria@example.com", Decimal(7000))]
    typed("disconnect", "West")
    assert ANGELES not in typed("sync", "--list").output


def test_what_is_missing_is_named(
    meta: FakeMeta, typed: Type, monkeypatch: pytest.MonkeyPatch, sql: Any
) -> None:
    monkeypatch.setenv("AUTONOMY_META_TOKEN", "EAAGwrong")
    said = typed("connect", "meta", "--account", BERLIN, code=1).output
    assert "ads_read" in said
    assert "EAAGwrong" not in said
    monkeypatch.delenv("AUTONOMY_META_TOKEN")
    assert "set AUTONOMY_META_TOKEN" in typed("connect", "meta", "--account", BERLIN, code=1).output
    assert sql("select count(*) from autonomy.platform_accounts") == [(0,)]


def test_a_token_that_is_taken_back_breaks_its_account_alone(
    meta: FakeMeta, google: FakeGoogle, typed: Type, monkeypatch: pytest.MonkeyPatch, sql: Any
) -> None:
    typed("connect", "meta", "--account", BERLIN)
    typed("connect", "google", "--account", TOKYO)
    monkeypatch.setenv("AUTONOMY_META_TOKEN", "EAAGwrong")
    said = typed("sync", code=3).output
    assert "Berlin: broken" in said
    assert "Tokyo: done" in said
    assert "EAAGwrong" not in said + str(sql("select x::text from autonomy.platform_accounts x"))


def test_the_shapes_of_the_answers_without_a_figure(
    meta: FakeMeta, typed: Type, tmp_path: Path, sql: Any
) -> None:
    path = tmp_path / "shapes.json"
    typed("connect", "meta", "--account", BERLIN, "--check", "--file", str(path))
    text = path.read_text(encoding="utf-8")
    answers = json.loads(text)["answers"]
    assert len(answers) >= 4
    assert 200 in {one["status"] for one in answers}
    assert "Whole" not in text
    assert BERLIN not in text
    assert meta.token not in text
    assert '"ACTIVE"' in text
    assert any(one["path"].endswith("/activities") for one in answers)
    assert sql("select count(*) from autonomy.platform_accounts") == [(0,)]


CHECKED = "select checked_at is not null from autonomy.platform_accounts"


def test_a_check_of_a_real_account_is_noted(
    meta: FakeMeta, typed: Type, tmp_path: Path, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = ("connect", "meta", "--account", BERLIN, "--check", "--file", str(tmp_path / "s.json"))
    monkeypatch.setattr("autonomy.platforms.shapes.is_loopback", lambda _: False)
    assert "Checked again once it is connected" in typed(*check).output
    typed("connect", "meta", "--account", BERLIN)
    with monkeypatch.context() as here:  # as it is: a server on this machine
        here.setattr("autonomy.platforms.shapes.is_loopback", is_loopback)
        assert "noted" not in typed(*check).output
    assert sql(CHECKED) == [(False,)]
    meta.fail(meta.fault_answer("token"), when=lambda call: call.path.endswith("/campaigns"))
    typed(*check, code=1)
    assert sql(CHECKED) == [(False,)]
    assert "a real account that answers as expected" in typed(*check).output
    assert sql(CHECKED) == [(True,)]

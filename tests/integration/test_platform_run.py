"""A run over HTTP whose changes reach the platform, with the database, the clients and fakes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from autonomy.cli import cli
from autonomy.local import LocalStack
from autonomy.platforms import writing
from autonomy.run.answer import RunSummary, SyncSummary
from autonomy.store import Store
from tests.integration import test_web
from tests.integration.hands_yard import ACCOUNT, SHOP, Yard, world_of
from tests.integration.test_web import BEARER
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.serve import variables
from tests.platforms.world import Figures, PlainWorld

app, settings, sql, store = test_web.app, test_web.settings, test_web.sql, test_web.store

Open = Callable[..., Yard]
LOSER, WINNER = 0, 1


@pytest.fixture
def open_yard(
    fresh: LocalStack, store: Store, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    monkeypatch.setattr(writing, "SECONDS_BETWEEN_WRITES", 0.0)
    made: list[Yard] = []

    def opened(platform: str = "meta", push: str = "on", mode: str = "autonomous") -> Yard:
        world = world_of(6)
        play(world)
        fake = FakeMeta(world) if platform == "meta" else FakeGoogle(world)
        yard = Yard(fake, world, fake.start(), store, sql)
        made.append(yard)
        for name, value in variables(fake, yard.base).items():
            monkeypatch.setenv(name, value)
        yard.connect(push)
        if push == "on":
            store.rpc("update_autonomous_account", p_account=SHOP, p_changes={"mode": mode})
        return yard

    yield opened
    for yard in made:
        yard.fake.stop()


def play(world: PlainWorld) -> None:
    """Forty days: one that loses, one that wins, four between."""
    today = datetime.now(UTC).date()
    for index, name in enumerate(world.things):
        roi = {LOSER: Decimal("0.2"), WINNER: Decimal(5)}.get(index, Decimal("1.6"))
        for ago in range(1, 41):
            orders = Decimal(round(50 * roi / 25))
            world.tell(Figures(
                name, today - timedelta(days=ago), None, 4000, 3000, 120, max(orders, Decimal(1)),
                Decimal(50), 50 * roi,
            ))  # fmt: skip


def run(app: Any, **body: Any) -> Any:
    client: FlaskClient = app.test_client()
    answer = client.post("/", headers=BEARER, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return answer.json["result"]


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_what_a_run_decides_is_there(open_yard: Open, app: Any, platform: str) -> None:
    yard = open_yard(platform)
    loser, winner = yard.units[LOSER], yard.units[WINNER]
    result = run(app)
    RunSummary.model_validate(result)
    done = {one["action_type"] for one in result["actions"] if one["status"] == "executed"}
    assert done == {"auto_pause", "auto_scale_up"}
    assert result["delivered"][SHOP] == {
        "confirmed": 2, "waiting": 0, "refused": 0, "unsure": 0, "persons": 0,
    }  # fmt: skip
    assert yard.there()[loser][0] == "paused"
    assert (yard.there()[winner][1] or 0) > 50
    assert yard.here() == yard.there()
    assert run(app)["delivered"][SHOP]["confirmed"] == 0
    assert len(yard.ours()) == 2


def test_a_refusal_stands_in_the_report(open_yard: Open, app: Any) -> None:
    yard = open_yard()
    yard.world.accounts[ACCOUNT].minimum = Decimal(500)
    result = run(app)
    (failed,) = result["failed"]
    assert failed["code"] == "PLATFORM_REFUSED"
    assert "too low" in failed["message"]
    assert result["delivered"][SHOP]["refused"] == 1
    assert yard.here() == yard.there()


def test_a_dry_run_asks_and_changes_nothing(open_yard: Open, app: Any) -> None:
    yard = open_yard()
    yard.world.accounts[ACCOUNT].minimum = Decimal(500)
    before = yard.here()
    result = run(app, dry_run=True)
    assert result["delivered"][SHOP] == {"would_take": 1, "would_refuse": 1}
    (said,) = [one for one in result["warnings"] if "would be refused" in one]
    assert said.startswith(f'Account "{SHOP}": 1 of 2 would be refused: Campaign 2, its budget')
    assert "too low" in said
    assert yard.ours() == []
    assert yard.here() == before


def test_where_it_is_only_validated_a_run_asks(open_yard: Open, app: Any) -> None:
    yard = open_yard(push="validate")
    result = run(app)
    assert result["held"] == {"OBSERVE": 2}
    assert result["delivered"][SHOP]["would_take"] == 2
    assert yard.ours() == []


def test_where_nothing_is_carried_over_nothing_is_said(open_yard: Open, app: Any) -> None:
    yard = open_yard(push="off")
    calls = len(yard.fake.calls)
    assert run(app)["delivered"] == {}
    assert run(app, dry_run=True)["delivered"] == {}
    assert len(yard.fake.calls) == calls


def test_sync_only_reads_and_carries_over(open_yard: Open, app: Any) -> None:
    yard = open_yard()
    yard.want(yard.units[3], budget=30)
    result = run(app, sync="only")
    SyncSummary.model_validate(result)
    assert result["delivered"][SHOP]["confirmed"] == 1
    assert yard.there()[yard.units[3]][1] == 30


def test_by_hand(open_yard: Open, fresh: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)
    yard = open_yard(push="off")

    def command(*words: str, code: int = 0, **more: Any) -> str:
        done = CliRunner().invoke(cli, words, **more)
        assert done.exit_code == code, done.output
        return str(done.output)

    assert "observe" in command("push", SHOP, "validate")
    refused = CliRunner().invoke(cli, ["push", SHOP, "on"], input="n\n")
    assert refused.exit_code != 0
    assert "Never tried on a real account" in refused.output
    command("push", SHOP, "on", "--yes")
    yard.want(yard.units[2], budget=30)
    told = command("sync")
    assert f'On the platform of the account "{SHOP}": 1 confirmed.' in told
    assert yard.there()[yard.units[2]][1] == 30
    yard.want(yard.units[2], budget=40)
    (read,) = json.loads(command("sync", "--read-only", "--json"))
    assert read["delivered"] is None
    assert yard.there()[yard.units[2]][1] == 30
    assert "given up" in command("push", SHOP, "off")
    assert yard.here() == yard.there()

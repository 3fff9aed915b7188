"""One simulated market twice: inside the database, and through runner, PostgREST and engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import psycopg

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store
from tests.simulation.database_policies import SETTINGS, START, Account, play_hours
from tests.simulation.plain_policies import no_automation, oracle, usual_rules
from tests.simulation.world import Market, Truth

SHORT = Truth(campaigns=40, days=8, launch_days=2)
EVERY_HOURS = 12


class ThroughTheRunner(Account):
    """The same account, its runs carried out as the deployed function carries them out."""

    def attach(self, store: Store, settings: Settings) -> None:
        self._now = START
        self._runner = Runner(
            store, settings, clock=lambda: self._now, notify=lambda settings, result: None
        )

    def carry_out(self, now: datetime) -> None:
        self._now = now
        answer = self._runner.handle({})
        assert answer.status == 200, answer.body


def test_both_ways_earn_the_same(fresh: LocalStack, scratch_database: Callable[[], str]) -> None:
    setting = SETTINGS["budget optimisation"]
    inside, through = Market(3, SHORT), Market(3, SHORT)
    with psycopg.connect(scratch_database(), autocommit=True) as connection:
        play_hours(Account(connection, inside, setting), EVERY_HOURS)
    settings = Settings.from_env(fresh.environment())
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        account = ThroughTheRunner(connection, through, setting)
        account.attach(Store.from_settings(settings), settings)
        play_hours(account, EVERY_HOURS)
        actions = connection.execute(
            "select count(*), min(executed_at), max(executed_at) from public.autonomous_actions"
            " where status = 'executed'"
        ).fetchone()
    assert inside.score() == through.score()
    assert np.array_equal(inside.budget, through.budget)
    assert actions is not None
    assert actions[0] > 20, "the market moved"
    assert actions[2] <= START + timedelta(days=SHORT.days), "its time is simulated throughout"


def test_a_market_is_the_same_for_everyone() -> None:
    assert no_automation(5, SHORT) == no_automation(5, SHORT)
    assert no_automation(5, SHORT) != no_automation(6, SHORT)


def test_knowing_the_truth_beats_everything() -> None:
    truth = Truth(campaigns=60, days=30, launch_days=5)
    best = np.mean([oracle(seed, truth).profit for seed in range(3)])
    assert best > np.mean([no_automation(seed, truth).profit for seed in range(3)])
    assert best > np.mean([usual_rules(seed, truth).profit for seed in range(3)])

"""The project's own simulated market behind a platform: a month lived through over HTTP.

What is paused or given another budget through a fake changes what the market spends and earns from
the next hour on. Orders are shown on the day of their click, from the hour they arrive, as
platforms do it; the market itself plays on unchanged, so that its score stays comparable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tests.platforms.world import Account, Figures, Ledger, Thing
from tests.simulation.world import TODAY, Market, Truth


class _Followed(Market):
    """A market that also remembers from which hour's clicks its orders came."""

    def __init__(self, seed: int, truth: Truth) -> None:
        super().__init__(seed, truth)
        shape = (truth.campaigns, self.hours)
        self.spend = np.zeros(shape)
        self.impressions = np.zeros(shape)
        self.clicks = np.zeros(shape)
        self.orders = np.zeros(shape)
        self.revenue = np.zeros(shape)
        self._coming: dict[int, list[tuple[int, NDArray[np.int64], NDArray[np.float64]]]] = (
            defaultdict(list)
        )

    def advance(self) -> None:
        hour = self.hour
        super().advance()
        seen = self.observe()
        self.spend[:, hour] = seen.spend
        self.impressions[:, hour] = seen.impressions
        self.clicks[:, hour] = seen.clicks
        for clicked, who, amounts in self._coming.pop(hour, ()):
            self.orders[who, clicked] += amounts[0]
            self.revenue[who, clicked] += amounts[1]

    def _place(self, placed: NDArray[np.int64]) -> None:
        before = self._arriving[:2].copy()
        super()._place(placed)
        came = self._arriving[:2] - before
        who, when = np.nonzero(came[0])
        for hour in np.unique(when):
            mine = who[when == hour]
            self._coming[int(hour)].append((self.hour, mine, came[:, mine, hour]))


@dataclass(frozen=True)
class Played:
    """An account and the market that it stands in."""

    account: Account
    seed: int = 1
    truth: Truth = TODAY
    price: Decimal = Decimal(1)
    """How much of its currency one unit of the market's money is: about 150 in yen."""
    credit: float = 1.0
    """How much of an order is credited to the click's hour, the rest to the hour before."""
    sets: bool = False
    """Every campaign has ad sets, as Meta's have."""
    adsets: int = 0
    """That many of the market's campaigns are ad sets with budgets of their own, two to a campaign
    (the others are campaigns with a budget and, where there are sets, one ad set)."""


class MarketWorld(Ledger):
    """Accounts whose figures are played. It begins at midnight of `start` in every account."""

    def __init__(self, played: Sequence[Played], start: date) -> None:
        super().__init__(datetime.combine(start, datetime.min.time(), UTC) - timedelta(days=1))
        self._played = {one.account.external_id: one for one in played}
        self._begin: dict[str, datetime] = {}
        self.markets: dict[str, _Followed] = {}
        self._leaf: dict[str, list[str]] = {}
        self._kept: dict[tuple[str, int, int], tuple[float, float, Figures]] = {}
        for one in played:
            account = one.account
            self.accounts[account.external_id] = account
            midnight = datetime.combine(start, datetime.min.time(), account.zone)
            self._begin[account.external_id] = midnight.astimezone(UTC)
            self.markets[account.external_id] = _Followed(one.seed, one.truth)
            self._leaf[account.external_id] = list(self._make(one))
        self._now = max(self._begin.values())
        self._play()

    def _make(self, one: Played) -> Iterator[str]:
        """The things of one account, and which of them spends as which of the market's."""
        account, market = one.account, self.markets[one.account.external_id]
        begin = self._begin[account.external_id]
        number = 1_000_001 + len(self.things)
        above = ""
        for index in range(one.truth.campaigns):
            made = begin + timedelta(hours=int(market.launch_hour[index]))
            money = self._money(one, market.budget[index])
            in_set = index < one.adsets
            if in_set and index % 2 == 0:
                above = str(number)
                number += 1
                partner = begin + timedelta(hours=int(market.launch_hour[index + 1]))
                self.add(_thing(above, account, f"Campaign {above}", min(made, partner)))
            own = _thing(str(number), account, f"Campaign {number}", made)
            if in_set:
                own = replace(own, parent=above, title=f"Ad set {number}")
            self.add(own, money)
            if one.sets and not in_set:
                number += 1
                own = _thing(str(number), account, f"Ad set {number}", made)
                self.add(replace(own, parent=str(number - 1)))
            number += 1
            yield str(number - 1)

    def _money(self, one: Played, amount: float) -> Decimal:
        step = one.account.step
        return (Decimal(str(round(float(amount), 6))) * one.price).quantize(step)

    def move(self, to: datetime) -> None:
        super().move(to)
        self._play()

    def _play(self) -> None:
        for account, market in self.markets.items():
            while (
                market.hour < market.hours
                and self._begin[account] + timedelta(hours=market.hour + 1) <= self._now
            ):
                self._steer(account, market)
                market.advance()

    def _steer(self, account: str, market: _Followed) -> None:
        """What stands on the platform now is what the next hour is played with."""
        price = float(self._played[account].price)
        on = np.zeros(market.truth.campaigns, dtype=bool)
        for index, name in enumerate(self._leaf[account]):
            thing = self.things[name]
            on[index] = self.runs(thing)
            held = self.budgets[thing.budget or self.things[thing.parent or ""].budget or ""]
            market.budget[index] = float(held.amount or 0) / price
        market.pause(~on)
        market.resume(on)

    def figures(self, account: str, since: date, until: date) -> Iterator[Figures]:
        one, market = self._played[account], self.markets[account]
        zone, begin = one.account.zone, self._begin[account]
        first = datetime.combine(since, datetime.min.time(), zone).astimezone(UTC)
        start = max(0, int((first - begin).total_seconds() // 3600))
        stop = min(market.hour, start + 25 * ((until - since).days + 1))
        hours = [(hour, (begin + timedelta(hours=hour)).astimezone(zone))
                 for hour in range(start, stop)]  # fmt: skip
        hours = [(hour, local) for hour, local in hours if since <= local.date() <= until]
        for index in range(one.truth.campaigns):
            for hour, local in hours:
                told = self._hour(one, market, index, hour, local)
                if told.delivered:
                    yield told

    def _hour(
        self, one: Played, market: _Followed, index: int, hour: int, local: datetime
    ) -> Figures:
        """Most hours are asked for often and change seldom: each is kept until an order comes."""
        own = one.credit if hour else 1.0  # the first hour has none before it
        rest, later = 1.0 - one.credit, min(hour + 1, market.hours - 1)
        orders, revenue = (
            float(own * of[index, hour] + rest * of[index, later])
            for of in (market.orders, market.revenue)
        )
        place = one.account.external_id, index, hour
        kept = self._kept.get(place)
        if kept is not None and kept[:2] == (orders, revenue):
            return kept[2]
        impressions = int(market.impressions[index, hour])
        told = Figures(
            self._leaf[one.account.external_id][index], local.date(), local.hour,
            impressions, int(impressions * 0.8), int(market.clicks[index, hour]),
            Decimal(str(round(orders, 4))), self._money(one, market.spend[index, hour]),
            self._money(one, revenue),
        )  # fmt: skip
        self._kept[place] = orders, revenue, told
        return told


def _thing(name: str, account: Account, title: str, made: datetime) -> Thing:
    return Thing(
        name, account.external_id, title, created_at=made, updated_at=made
    )  # fmt: skip

"""`replay`: the runs of the past, carried out in memory by the same engine on the same facts."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from autonomy.engine.confidence import DEFAULT_PRIOR, Evidence, Prior
from autonomy.engine.policy import Policy
from autonomy.engine.prior import DaysSums, Scatter, fit_prior, scatter_of
from autonomy.errors import PolicyError, ReplayError, RuleError
from autonomy.replay.account_totals import AccountTotals, Month
from autonomy.replay.conversion_delay import Delay
from autonomy.replay.past import Look, Past, Period, open_past, policy_row
from autonomy.replay.past_campaign import PastCampaign
from autonomy.replay.scenarios import NAMED, Setting
from autonomy.replay.simulated_account import Account, Event
from autonomy.replay.valuation import MIDDLE, SPREADS, Worth, worth_of
from autonomy.replay.value import currencies_of, currencies_sentence, in_currency
from autonomy.rules.language import Rule

Progress = Callable[[str, float], None]
# Of an account's columns those that say nothing of the past, or that the facts are made with.
OF_TODAY = ("mode", "frozen", "frozen_reason", "time_zone", "updated_at", "updated_by")
# These shape the facts themselves: settings with different ones are carried out in passes apart.
FACTUAL = ("evidence_half_life_days", "conversion_delay_hours", "time_zone", "max_data_age_hours")


@dataclass(frozen=True)
class Outcome:
    """What one setting would have done, and what that was worth."""

    setting: Setting
    policy: Policy
    rules: Sequence[Rule]
    account: Account
    worth: Worth
    currency: str = ""

    @property
    def events(self) -> Sequence[Event]:
        campaigns = self.account.past.campaigns
        return [
            event
            for event in self.account.events
            if (campaigns[event.campaign_id].currency or "") == self.currency
        ]

    @property
    def held(self) -> Counter[str]:
        """Code -> how many decisions were held."""
        return self.account.held[self.currency]

    @property
    def months(self) -> Sequence[Month]:
        """What its accounts with a total a month spent of each."""
        names = {one.account for one in self.account.past.campaigns.values()
                 if (one.currency or "") == self.currency}  # fmt: skip
        return [one for one in self.account.totals.months() if one.account in names]

    @property
    def breakers(self) -> Counter[str]:
        """Code -> how many runs had it: of its accounts, and of all together."""
        found: Counter[str] = Counter()
        names = {one.account or "" for one in self.account.past.campaigns.values()
                 if (one.currency or "") == self.currency}  # fmt: skip
        for name in {"", *names}:
            found.update(self.account.breakers[name])
        return found


@dataclass
class Replay:
    """One replay: the period, the account as it really was, and each setting's outcome."""

    start: datetime
    end: datetime
    every_hours: float
    campaigns: int
    spend: float
    revenue: float
    outcomes: list[Outcome] = field(default_factory=list)
    left_out: Mapping[str, float] = field(default_factory=dict)  # account -> conversions
    currency: str = ""  # of all money here; "": not known
    others: list[Replay] = field(default_factory=list)  # the same runs, in other currencies
    delay: Delay | None = None
    present_delay_hours: float = 0.0
    runs: int = 0
    seconds: float = 0.0

    @property
    def first(self) -> Outcome:
        return self.outcomes[0]

    @property
    def one_currency(self) -> str:
        """A sentence, where there are several."""
        return currencies_sentence([self.currency, *(one.currency for one in self.others)])


def replay(
    database_url: str,
    settings: Sequence[Setting] = (NAMED["now"],),
    period: Period | None = None,
    *,
    approve: bool = True,
    draws: int = 1000,
    spreads: Sequence[float] = SPREADS,
    progress: Progress | None = None,
) -> Replay:
    """Carries out the runs of the period (default: 90 days, daily) under each setting. Reads only.

    Raises ReplayError where there is no history or a setting is wrong, psycopg.Error otherwise.
    `draws` 0 leaves the intervals out. `approve`: what a breaker hands to a person is agreed to.
    `spreads` of the curvature, 1 among them.
    """
    began = time.monotonic()
    active = active_rules(database_url)
    groups = passes(settings, _present_policy(database_url))
    players: dict[int, Mapping[float, Account]] = {}
    pasts: list[tuple[Past, list[Look]]] = []
    for number, (facts, group) in enumerate(groups):
        conditions = conditions_of([settings[place] for place in group], active)
        with open_past(database_url, conditions, period or Period(), policy=facts) as past:
            for place in group:
                players[place] = accounts_of(
                    past, settings[place], active, approve=approve, spreads=spreads
                )
            accounts = [one for place in group for one in players[place].values()]
            pasts.append((past, carry_out(past, accounts, _part(progress, number, len(groups)))))
    past, first = pasts[0]
    in_order = [players[place] for place in range(len(settings))]
    result, *result.others = [
        _told(past, currency, first, settings, in_order, draws)
        for currency in currencies_of(past.campaigns)
    ]
    result.left_out = past.left_out
    result.delay = past.delay
    result.present_delay_hours = float(past.policy["conversion_delay_hours"])
    result.seconds = time.monotonic() - began
    return result


def passes(
    settings: Sequence[Setting], policy: Mapping[str, Any]
) -> list[tuple[dict[str, Any], list[int]]]:
    """The settings' places, those together that see the same: each group with what it changes."""
    found: list[tuple[dict[str, Any], list[int]]] = []
    for place, one in enumerate(settings):
        facts = {
            key: one.policy[key]
            for key in FACTUAL
            if key in one.policy and one.policy[key] != policy.get(key)
        }
        group = next((places for known, places in found if known == facts), None)
        if group is None:
            found.append((facts, [place]))
        else:
            group.append(place)
    return found


def conditions_of(settings: Sequence[Setting], active: Sequence[Mapping[str, Any]]) -> list[Any]:
    """What their rules look for, each once."""
    return _distinct(
        [rule["condition"] for setting in settings for rule in setting.rules_of(active)]
    )


def _part(progress: Progress | None, number: int, of: int) -> Progress | None:
    if progress is None:
        return None
    return lambda text, share: progress(text, (number + share) / of)


def _told(
    past: Past,
    currency: str,
    first: Sequence[Look],
    settings: Sequence[Setting],
    players: Sequence[Mapping[float, Account]],
    draws: int,
) -> Replay:
    """What came of it in one currency."""
    campaigns = in_currency(past.campaigns, currency)
    spend, revenue = _totals(campaigns, first)
    told = Replay(
        past.start, past.end, past.every_hours, len(campaigns), spend, revenue, currency=currency
    )
    told.outcomes = [
        judge(setting, own, draws, currency) for setting, own in zip(settings, players, strict=True)
    ]
    told.runs = max((one.account.runs for one in told.outcomes), default=0)
    return told


def carry_out(
    past: Past, accounts: Sequence[Account], progress: Progress | None = None
) -> list[Look]:
    """Every moment in turn; the portfolio and its prior are looked at once a day.

    Gives back the first moment's looks, from which the period's totals are reckoned.
    """
    length = (past.end - past.start).total_seconds() or 1.0
    day: date | None = None
    history = OrdersByDay()
    first: list[Look] = []
    for at, looks in past.moments():
        if at.date() != day:
            day = at.date()
            first = first or looks
            history.add(looks)
            priors = fitted_priors(past, looks, history, accounts[0].half_life_days)
            for account in accounts:
                account.learn(priors)
                account.look_around(looks)
            if progress is not None:
                progress(f"{at:%d %B %Y}", (at - past.start).total_seconds() / length)
        for account in accounts:
            account.run(at, looks)
    return first


class OrdersByDay:
    """What each campaign has sold from one day's first look to the next's."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, DaysSums] = defaultdict(DaysSums)
        self._before: dict[str, Look] = {}

    def add(self, looks: Sequence[Look]) -> None:
        for look in looks:
            before = self._before.get(look.campaign_id)
            if before is not None:
                n = look.conversions - before.conversions
                revenue = look.revenue - before.revenue
                if n > 0.0 and revenue >= 0.0:
                    sums = self.sums[look.campaign_id]
                    self.sums[look.campaign_id] = sums.with_day(n, revenue)
            self._before[look.campaign_id] = look

    def scatter(self, campaigns: Iterable[str]) -> Scatter:
        return scatter_of(self.sums[one] for one in campaigns if one in self.sums)


def fitted_priors(
    past: Past, everyone: Sequence[Look], history: OrdersByDay, half_life_days: float
) -> dict[str, Prior]:
    """Of each account, beside all of its currency: from what was known on that day."""
    seen: defaultdict[str, defaultdict[str, dict[str, Evidence]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for look in everyone:
        campaign = past.campaigns[look.campaign_id]
        of_account = seen[campaign.currency or ""][campaign.account or ""]
        of_account[look.campaign_id] = look.evidence(campaign.cv2)
    priors: dict[str, Prior] = {}
    for accounts in seen.values():
        all_of_it = {number: one for own in accounts.values() for number, one in own.items()}
        usual = fit_prior(
            all_of_it.values(), DEFAULT_PRIOR, history.scatter(all_of_it), half_life_days
        )
        if len(accounts) == 1:
            priors |= dict.fromkeys(accounts, usual)
            continue
        priors |= {
            name: fit_prior(own.values(), usual, history.scatter(own), half_life_days)
            for name, own in accounts.items()
        }
    return priors


def judge(
    setting: Setting, accounts: Mapping[float, Account], draws: int = 1000, currency: str = ""
) -> Outcome:
    account = accounts[MIDDLE]
    worth = worth_of(accounts, currency, draws=draws)
    return Outcome(setting, account.policy, account.rules, account, worth, currency)


def accounts_of(
    past: Past,
    setting: Setting,
    active: Sequence[Mapping[str, Any]],
    *,
    approve: bool = True,
    spreads: Sequence[float] = SPREADS,
) -> dict[float, Account]:
    """One account of this setting for each spread of the curvature. Raises ReplayError."""
    try:
        # In approve mode everything waits for a person; a replay asks what it would propose.
        row = {
            **past.policy, **setting.policy, "frozen": False, "mode": "autonomous",
            "holdout_share": 0.0,
        }  # fmt: skip
        policy = Policy.from_row(row)
        own = _own_policies(past, setting, row)
        rules = [Rule.parse(rule) for rule in setting.rules_of(active)]
    except (PolicyError, RuleError) as error:
        raise ReplayError(f"{setting.name}: {error}") from error
    half_life = float(row["evidence_half_life_days"])
    limited = past.accounts if setting.own_limits else {}
    return {
        spread: Account(
            past,
            rules,
            policy,
            own,
            approve=approve,
            spread=spread,
            half_life_days=half_life,
            totals=AccountTotals(limited),
        )
        for spread in spreads
    }


def _own_policies(past: Past, setting: Setting, row: Mapping[str, Any]) -> dict[str, Policy]:
    """Of accounts that differ: by limits of their own, or, in several currencies, by their prior.

    Mode and freeze are of today. Raises PolicyError.
    """
    several = len(currencies_of(past.campaigns)) > 1
    found = {}
    for name in {one.account or "" for one in past.campaigns.values()}:
        account = past.accounts.get(name, {}) if setting.own_limits else {}
        limits = {
            key: value
            for key, value in account.items()
            if value is not None and key in row and key not in OF_TODAY
        }
        if account.get("target_roi") is not None:
            limits["break_even_roi"] = account["target_roi"]
        if limits or several:
            found[name] = Policy.from_row({**row, **limits})
    return found


def active_rules(database_url: str) -> list[dict[str, Any]]:
    """The rules that are switched on. Bad ones are left out, as a run leaves them out."""
    import psycopg

    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select to_jsonb(r) from public.autonomous_rules r where r.is_active"
            " order by r.priority desc, r.rule_name"
        ).fetchall()
    return [row[0] for row in rows if _is_whole(row[0])]


def _present_policy(database_url: str) -> Mapping[str, Any]:
    import psycopg

    with psycopg.connect(database_url) as connection:
        return policy_row(connection)


def _is_whole(row: Mapping[str, Any]) -> bool:
    try:
        Rule.parse(row)
    except RuleError:
        return False
    return True


def _distinct(conditions: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for condition in conditions:
        if condition not in found:
            found.append(condition)
    return found


def _totals(campaigns: Mapping[str, PastCampaign], first: Sequence[Look]) -> tuple[float, float]:
    """Spend and revenue of the period: what there was at its end less what there was before."""
    spend = sum(campaign.spend for campaign in campaigns.values())
    revenue = sum(campaign.revenue for campaign in campaigns.values())
    before = [look for look in first if look.campaign_id in campaigns]
    return (
        spend - sum(look.spend for look in before),
        revenue - sum(look.revenue for look in before),
    )

"""`replay`: the runs of the past, carried out in memory by the same engine on the same facts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any

from autonomy.engine.confidence import Evidence, Prior
from autonomy.engine.policy import Policy
from autonomy.engine.prior import fit_prior
from autonomy.errors import PolicyError, ReplayError, RuleError
from autonomy.replay.conversion_delay import Delay
from autonomy.replay.past import Look, Past, Period, open_past
from autonomy.replay.scenarios import NAMED, Setting
from autonomy.replay.simulated_account import Account, Event
from autonomy.replay.valuation import EXPONENTS, MIDDLE, Worth, worth_of
from autonomy.rules.language import Rule

Progress = Callable[[str, float], None]
# These shape the facts themselves, so that settings with different ones cannot share a pass.
FACTUAL = ("evidence_half_life_days", "conversion_delay_hours", "time_zone", "max_data_age_hours")


@dataclass(frozen=True)
class Outcome:
    """What one setting would have done, and what that was worth."""

    setting: Setting
    policy: Policy
    rules: Sequence[Rule]
    account: Account
    worth: Worth

    @property
    def events(self) -> Sequence[Event]:
        return self.account.events


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
    one_currency: str = ""  # a sentence, where there are several
    delay: Delay | None = None
    present_delay_hours: float = 0.0
    runs: int = 0
    seconds: float = 0.0

    @property
    def first(self) -> Outcome:
        return self.outcomes[0]


def replay(
    database_url: str,
    settings: Sequence[Setting] = (NAMED["now"],),
    period: Period | None = None,
    *,
    approve: bool = True,
    draws: int = 1000,
    exponents: Sequence[float] = EXPONENTS,
    progress: Progress | None = None,
) -> Replay:
    """Carries out the runs of the period (default: 90 days, daily) under each setting. Reads only.

    Raises ReplayError where there is no history or a setting is wrong, psycopg.Error otherwise.
    `draws` 0 leaves the intervals out. `approve`: what a breaker hands to a person is agreed to.
    `exponents` of the response curve, 0.5 among them.
    """
    began = time.monotonic()
    active = active_rules(database_url)
    settings = list(settings)
    shared = _shared_facts(settings)
    conditions = [rule["condition"] for setting in settings for rule in setting.rules_of(active)]
    with open_past(database_url, _distinct(conditions), period or Period(), policy=shared) as past:
        players = [
            accounts_of(past, setting, active, approve=approve, exponents=exponents)
            for setting in settings
        ]
        first = carry_out(past, [one for own in players for one in own.values()], progress)
        result = Replay(
            past.start, past.end, past.every_hours, len(past.campaigns), *_totals(past, first)
        )
        result.outcomes = [
            judge(setting, own, draws) for setting, own in zip(settings, players, strict=True)
        ]
        result.left_out = past.left_out
        result.one_currency = past.one_currency
        result.delay = past.delay
        result.present_delay_hours = float(past.policy["conversion_delay_hours"])
        result.runs = max((one.account.runs for one in result.outcomes), default=0)
    result.seconds = time.monotonic() - began
    return result


def carry_out(
    past: Past, accounts: Sequence[Account], progress: Progress | None = None
) -> list[Look]:
    """Every moment in turn; the portfolio and its prior are looked at once a day.

    Gives back the first moment's looks, from which the period's totals are reckoned.
    """
    length = (past.end - past.start).total_seconds() or 1.0
    day: date | None = None
    first: list[Look] = []
    for at, looks in past.moments():
        if at.date() != day:
            day = at.date()
            first = first or looks
            prior, own = fitted_priors(past, looks)
            for account in accounts:
                account.policy = _with_prior(account.policy, prior)
                account.priors = own
                account.look_around(looks)
            if progress is not None:
                progress(f"{at:%d %B %Y}", (at - past.start).total_seconds() / length)
        for account in accounts:
            account.run(at, looks)
    return first


def fitted_priors(past: Past, everyone: Sequence[Look]) -> tuple[Prior, dict[str, Prior]]:
    """Of all, which are of one currency, and of each account: from what was known on that day."""
    by_account: dict[str, list[Evidence]] = defaultdict(list)
    for look in everyone:
        campaign = past.campaigns[look.campaign_id]
        by_account[campaign.account or ""].append(look.evidence(campaign.cv2))
    usual = fit_prior(chain.from_iterable(by_account.values()))
    return usual, {name: fit_prior(seen, usual) for name, seen in by_account.items()}


def _with_prior(policy: Policy, prior: Prior) -> Policy:
    return policy.model_copy(
        update={
            "prior_mean_roi": prior.mean_roi,
            "prior_tau2": prior.tau2,
            "prior_order_value": prior.order_value,
            "prior_cv2": prior.cv2,
        }
    )


def judge(setting: Setting, accounts: Mapping[float, Account], draws: int = 1000) -> Outcome:
    account = accounts[MIDDLE]
    worth = worth_of(accounts, draws=draws)
    return Outcome(setting, account.policy, account.rules, account, worth)


def accounts_of(
    past: Past,
    setting: Setting,
    active: Sequence[Mapping[str, Any]],
    *,
    approve: bool = True,
    exponents: Sequence[float] = EXPONENTS,
) -> dict[float, Account]:
    """One account of this setting for each exponent of the response curve. Raises ReplayError."""
    try:
        row = {**past.policy, **setting.policy, "frozen": False}
        policy = Policy.from_row(row)
        # In approve mode everything waits for a person; a replay asks what it would propose.
        policy = policy.model_copy(update={"mode": "autonomous", "holdout_share": 0.0})
        rules = [Rule.parse(rule) for rule in setting.rules_of(active)]
    except (PolicyError, RuleError) as error:
        raise ReplayError(f"{setting.name}: {error}") from error
    half_life = float(row["evidence_half_life_days"])
    return {
        exponent: Account(
            past, rules, policy, approve=approve, exponent=exponent, half_life_days=half_life
        )
        for exponent in exponents
    }


def active_rules(database_url: str) -> list[dict[str, Any]]:
    """The rules that are switched on. Bad ones are left out, as a run leaves them out."""
    import psycopg

    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select to_jsonb(r) from public.autonomous_rules r where r.is_active"
            " order by r.priority desc, r.rule_name"
        ).fetchall()
    return [row[0] for row in rows if _is_whole(row[0])]


def _is_whole(row: Mapping[str, Any]) -> bool:
    try:
        Rule.parse(row)
    except RuleError:
        return False
    return True


def _shared_facts(settings: Sequence[Setting]) -> dict[str, Any]:
    """Half-life, delay and zone change what is seen, so all settings of a pass must agree."""
    asked = [{key: one.policy[key] for key in FACTUAL if key in one.policy} for one in settings]
    if any(one != asked[0] for one in asked):
        raise ReplayError(
            f"Settings compared with each other must agree on {', '.join(FACTUAL)}:"
            " these change what is seen. Replay them one by one."
        )
    return asked[0] if asked else {}


def _distinct(conditions: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for condition in conditions:
        if condition not in found:
            found.append(condition)
    return found


def _totals(past: Past, first: Sequence[Look]) -> tuple[float, float]:
    """Spend and revenue of the period: what there was at its end less what there was before."""
    spend = sum(campaign.spend for campaign in past.campaigns.values())
    revenue = sum(campaign.revenue for campaign in past.campaigns.values())
    return (
        spend - sum(look.spend for look in first),
        revenue - sum(look.revenue for look in first),
    )

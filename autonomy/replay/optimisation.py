"""What each preset, and with it budget optimisation, would have brought on an account's past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autonomy.engine.policy import PRESETS
from autonomy.replay.replay import Outcome
from autonomy.replay.rule_preview import Caller, replayed
from autonomy.replay.scenarios import NAMED, optimises
from autonomy.replay.text_report import if_otherwise
from autonomy.replay.valuation import MIDDLE, SPREADS
from autonomy.replay.value import currency_words
from autonomy.text import money

DAYS = 30
FEWEST_DAYS = 14
BASE, OPTIMISED = "now", "grow"


def foresee(
    source: Caller | str, rules: Sequence[Mapping[str, Any]], policy: Mapping[str, Any]
) -> dict[str, Any]:
    """What the present settings and each preset would have done over the last 30 days. Reads only.

    `rules`: whole rows, of which the active ones count; `policy`: its row. Where less than two
    weeks are known, `sentence` is empty and nothing is told. Raises as `preview_rules` does.
    """
    active = [rule for rule in rules if rule["is_active"]]
    optimised = any(map(optimises, active))
    present = next(
        (name for name, one in PRESETS.items() if one.holds(policy, optimised=optimised)), None
    )
    names = [BASE, *(name for name in PRESETS if name != present)]
    settings = [replace(NAMED[name], rules=active) for name in names]
    spreads = dict.fromkeys((BASE, OPTIMISED), SPREADS)
    past, outcomes = replayed(source, settings, policy, days=DAYS, spreads=spreads, draws=0)
    seen = len({look.at for look in past.looks})
    told = zip(*outcomes, strict=True) if seen >= FEWEST_DAYS and past.campaigns else ()
    currencies = [_of_currency(of_one, present) for of_one in told]
    return {
        "days": DAYS,
        "history_days": seen,
        "currencies": currencies,
        "sentence": _sentence(currencies),
    }


def _of_currency(outcomes: Sequence[Outcome], present: str | None) -> dict[str, Any]:
    now = outcomes[0]
    by_name = {one.setting.name: one for one in outcomes} | ({present: now} if present else {})
    then = by_name[OPTIMISED].worth
    gains = {spread: then.profit_at(spread) - now.worth.profit_at(spread) for spread in SPREADS}
    return {
        "currency": now.currency or None,
        "settings": [_setting(name, one) for name, one in by_name.items()],
        "gain": _three(gains),
    }


def _setting(name: str, one: Outcome) -> dict[str, Any]:
    worth = one.worth
    return {
        "name": name,
        "worth": round(worth.profit_at(MIDDLE), 2),
        "pauses": len(worth.pauses),
        "false_pauses": len(worth.false_pauses),
        "raises": worth.raises,
        "lowered": worth.lowered,
    }


def _three(by_spread: Mapping[float, float]) -> dict[str, float]:
    sooner, assumed, later = (round(by_spread[spread], 2) for spread in SPREADS)
    return {"value": assumed, "sooner": sooner, "later": later}


def _sentence(currencies: Sequence[Mapping[str, Any]]) -> str:
    """What budget optimisation would have brought; empty where that is not known."""
    said = []
    for one in currencies:
        gain, currency = one["gain"], one["currency"]
        value, sooner, later = (
            money(gain[key], cents=False, currency=currency) for key in ("value", "sooner", "later")
        )
        more = "more" if gain["value"] >= 0 else "less"
        of = f"In {currency_words(currency or '')}: " if len(currencies) > 1 else ""
        said.append(f"{of}{value.lstrip('-')} {more} ({if_otherwise(sooner, later)})")
    if not said:
        return ""
    return (
        f"Over the last {DAYS} days budget optimisation (preset {OPTIMISED}) would have brought,"
        f" beside the present settings: {'; '.join(said)}."
    )

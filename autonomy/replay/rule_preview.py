"""What rules would have done over the last days, for the rule editor: quick, and over PostgREST.

One call of `list_past_candidates` brings what runs saw, a look a day; the rest happens in memory.
It needs nothing that the deployed function does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from autonomy.errors import ReplayError
from autonomy.replay.past import Look, Past, doubts_of, windows_of
from autonomy.replay.past_campaign import past_campaign
from autonomy.replay.replay import (
    Outcome,
    accounts_of,
    carry_out,
    conditions_of,
    judge,
    passes,
)
from autonomy.replay.scenarios import Setting
from autonomy.replay.valuation import MIDDLE, PauseOutcome
from autonomy.replay.value import (
    conversions_by_account,
    currencies_of,
    currency_words,
    in_currency,
    left_out_sentence,
    split_by_value,
)
from autonomy.text import money

_LISTED = 20
_LITTLE = 7
CANNOT_KNOW = "It cannot know what bigger budgets would have earned: the money is of pauses alone."


class Caller(Protocol):
    """The store, or anything else that calls an SQL function by name."""

    def rpc(self, name: str, **params: Any) -> Any: ...


def preview_rules(
    source: Caller | str,
    rules: Sequence[Mapping[str, Any]],
    *,
    days: int = 30,
    policy: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """What these rules, all together, would have done over the last `days` (1 to 90). Reads only.

    `source` is a store (or anything with its `rpc`) or a database URL; `rules` are whole rows, of
    which the active ones count; `policy` overrides columns of the policy. Raises ReplayError for a
    rule or a policy that is wrong, and what the source raises.
    """
    active = [rule for rule in rules if rule.get("is_active", True)]
    setting = Setting("preview", active, policy=policy or {})
    past, (outcomes,) = replayed(source, [setting], {}, days=days, now=now)
    return summary(past, outcomes, days)


def preview_beside(
    source: Caller, others: Sequence[Mapping[str, Any]], rule: Mapping[str, Any], *, days: int = 30
) -> dict[str, Any]:
    """As preview_rules of the others and this rule, and `own`: that less what the others would
    have done without it. Reads only; raises as above."""
    active = [one for one in others if one.get("is_active", True)]
    without = Setting("without", active, policy={})
    with_it = Setting("preview", [*active, rule], policy={})
    past, (before, after) = replayed(source, [without, with_it], {}, days=days)
    return {**summary(past, after, days), "own": _own(before[0], after[0])}


def _own(before: Outcome, after: Outcome) -> dict[str, Any]:
    """What one rule adds, in the first currency. Money of both rests on the same days."""
    was, is_ = before.worth, after.worth
    pauses = len(is_.pauses) - len(was.pauses)
    raises, lowered = is_.raises - was.raises, is_.lowered - was.lowered
    saved, missed = is_.saved.value - was.saved.value, is_.missed.value - was.missed.value
    currency = after.currency or None
    parts = [
        f"{abs(number):,} {'more' if number > 0 else 'fewer'} {what}"
        for number, what in ((pauses, "pauses"), (raises, "raises"), (lowered, "cuts"))
        if number
    ]
    sums = " and ".join(
        f"{money(abs(value), False, currency)} {'more' if value > 0 else 'less'} {what}"
        for value, what in ((saved, "saved"), (missed, "missed"))
        if round(value)
    )
    said = ", ".join(parts) or "nothing that the other rules would not have done"
    return {
        "pauses": pauses,
        "raises": raises,
        "lowered": lowered,
        "saved": round(saved, 2),
        "missed": round(missed, 2),
        "sentence": f"This rule by itself: {said}{f'; {sums}' if sums else ''}.",
    }


def replayed(
    source: Caller | str,
    settings: Sequence[Setting],
    present: Mapping[str, Any],
    *,
    days: int,
    now: datetime | None = None,
    spreads: Mapping[str, Sequence[float]] | None = None,
    draws: int = 300,
) -> tuple[Past, list[list[Outcome]]]:
    """The past, and what each setting would have done in it, by currency. Reads only.

    Settings state their rules; `present` is the policy, as far as it is known; `spreads` of the
    curvature by the setting's name, 1 where none are given. Raises as above.
    """
    found: dict[int, list[Outcome]] = {}
    pasts: list[Past] = []
    for facts, group in passes(settings, present):
        conditions = conditions_of([settings[place] for place in group], ())
        past = _asked(source, conditions, facts, days, now)
        pasts.append(past)
        players = {
            place: accounts_of(
                past, settings[place], (),
                spreads=(spreads or {}).get(settings[place].name, (MIDDLE,)),
            )
            for place in group
        }  # fmt: skip
        carry_out(past, [one for own in players.values() for one in own.values()])
        for place, own in players.items():
            found[place] = [
                judge(settings[place], own, draws, currency)
                for currency in currencies_of(past.campaigns)
            ]
    return pasts[0], [found[place] for place in range(len(settings))]


def _asked(
    source: Caller | str,
    conditions: Sequence[Any],
    facts: Mapping[str, Any],
    days: int,
    now: datetime | None,
) -> Past:
    windows = windows_of(conditions)
    arguments: dict[str, Any] = {
        "p_conditions": list(conditions),
        "p_windows": windows,
        "p_days": days,
        "p_policy": dict(facts),
    }
    if now is not None:
        arguments["p_now"] = now.isoformat()
    return past_of(_ask(source, arguments), windows)


def past_of(given: Mapping[str, Any], windows: list[str]) -> Past:
    """The JSON value of list_past_candidates, ready to be replayed."""
    times: dict[str, datetime] = {}

    def time_of(text: str) -> datetime:
        if text not in times:
            times[text] = datetime.fromisoformat(text)
        return times[text]

    everyone = {one.id: one for one in map(past_campaign, given["campaigns"])}
    campaigns, silent = split_by_value(everyone)
    return Past(
        start=time_of(given["from"]),
        end=time_of(given["to"]),
        every_hours=float(given["every_hours"]),
        campaigns=campaigns,
        left_out=conversions_by_account(silent.values()),
        accounts={one["account"]: one for one in given["accounts"]},
        doubts=doubts_of((one, time_of(at), why) for one, _, at, why in given["doubts"]),
        windows=windows,
        policy=given["policy"],
        looks=[
            Look(time_of(at), campaign_id, met, numbers)
            for at, campaign_id, met, numbers in given["rows"]
        ],
    )


def summary(past: Past, outcomes: Sequence[Outcome], days: int) -> dict[str, Any]:
    """Counts and money of the first currency, those of the others beside it, and one sentence."""
    seen = len({look.at for look in past.looks})
    first, *others = [_of_one_currency(past, one) for one in outcomes]
    return {
        "days": days,
        "currency": past.currency,
        "history_days": seen,
        "from": past.start.isoformat(),
        "to": past.end.isoformat(),
        **first,
        "other_currencies": others,
        "sentence": _sentence(outcomes, days, seen, past),
        "cannot_know": CANNOT_KNOW,
    }


def _of_one_currency(past: Past, outcome: Outcome) -> dict[str, Any]:
    """Counts and money, and the pauses that mattered most."""
    worth = outcome.worth
    return {
        "currency": outcome.currency or None,
        "campaigns": len(in_currency(past.campaigns, outcome.currency)),
        "pauses": len(worth.pauses),
        "false_pauses": len(worth.false_pauses),
        "saved": worth.saved.to_dict(),
        "missed": worth.missed.to_dict(),
        "raises": worth.raises,
        "lowered": worth.lowered,
        "budget_changes_worth": worth.raised[MIDDLE].to_dict(),
        "worth": round(worth.profit, 2),
        "held": dict(outcome.held.most_common()),
        "best_pauses": _listed([one for one in worth.pauses if not one.false], 1),
        "worst_pauses": _listed(worth.false_pauses, -1),
    }


def _listed(pauses: Sequence[PauseOutcome], sign: int) -> list[dict[str, Any]]:
    ranked = sorted(pauses, key=lambda one: sign * one.earned_after)
    return [one.to_dict() for one in ranked[:_LISTED]]


def _sentence(outcomes: Sequence[Outcome], days: int, seen: int, past: Past) -> str:
    left_out = f" {left_out_sentence(past.left_out)}" if past.left_out else ""
    if left_out and not past.campaigns:
        return left_out.strip()
    several = len(outcomes) > 1 and seen > 0
    said = " ".join(
        (f"In {currency_words(one.currency)}: " if several else "")
        + _what_they_did(one, days, seen)
        for one in outcomes[: None if several else 1]
    )
    return said + left_out


def _what_they_did(outcome: Outcome, days: int, seen: int) -> str:
    worth = outcome.worth
    if not seen:
        return (
            f"There is no history of the last {days} days to look at. Import an export, or come"
            " back when the daily figures have come in."
        )
    little = f"Too little history to rely on: only {seen} of {days} days are known. "
    head = (little if seen < min(_LITTLE, days) else "") + f"Over the last {days} days these rules"
    if not worth.pauses and not worth.raises and not worth.lowered:
        return f"{head} would have done nothing."
    saved, missed = (
        money(part.value, cents=False, currency=outcome.currency)
        for part in (worth.saved, worth.missed)
    )
    return (
        f"{head} would have paused {len(worth.pauses)} campaigns"
        f" ({len(worth.false_pauses)} of them went on to earn), saving {saved} and"
        f" missing {missed}, raised {worth.raises} budgets and lowered {worth.lowered}."
    )


def _ask(source: Caller | str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(source, str):
        answer: Mapping[str, Any] = source.rpc("list_past_candidates", **arguments)
        return answer
    import psycopg
    from psycopg.types.json import Jsonb

    with psycopg.connect(source) as connection:
        connection.execute("set transaction read only")
        row = connection.execute(
            "select public.list_past_candidates(p_conditions => %s, p_windows => %s::text[],"
            " p_days => %s, p_policy => %s, p_now => coalesce(%s::timestamptz, now()))",
            (
                Jsonb(arguments["p_conditions"]), arguments["p_windows"], arguments["p_days"],
                Jsonb(arguments["p_policy"]), arguments.get("p_now"),
            ),
        ).fetchone()  # fmt: skip
    if row is None:
        raise ReplayError("list_past_candidates gave no answer.")
    found: Mapping[str, Any] = row[0]
    return found

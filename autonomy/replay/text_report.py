"""A replay's report: as JSON, and as text for a terminal. The page is `page.py`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from autonomy.replay.replay import Outcome, Replay
from autonomy.replay.valuation import MIDDLE, PauseOutcome, Range
from autonomy.replay.value import SAY_THE_WORTH, currency_words, left_out_sentence
from autonomy.text import chance, counted
from autonomy.text import money as text_money

CANNOT_KNOW = (
    (
        "What another budget would have earned: nobody spent that money. Changes are valued on the"
        " curve that the account's past suggests, as if its campaigns saturated as assumed, four"
        " times sooner and four times later, and the runs see its figures."
    ),
    (
        "When late conversions arrived: a history that was corrected later holds only the corrected"
        " figures, so the last days before each moment look more complete than they did."
    ),
    (
        "What people did to the campaigns in that time, beyond budgets that the database has noted;"
        " a campaign counts as active as long as it has figures."
    ),
    (
        "What a paused campaign's conversions that were still to come would have shown: resuming a"
        " pause that was proven wrong is not simulated."
    ),
)


def to_json(replay: Replay) -> dict[str, Any]:
    """Everything the report says, for machines."""
    return {
        "from": replay.start.isoformat(),
        "to": replay.end.isoformat(),
        "every_hours": replay.every_hours,
        "runs": replay.runs,
        "campaigns": replay.campaigns,
        "spend": round(replay.spend, 2),
        "revenue": round(replay.revenue, 2),
        "currency": replay.currency or None,
        "one_currency": replay.one_currency,
        "left_out": [
            {"account": name, "conversions": count} for name, count in replay.left_out.items()
        ],
        "settings": [_outcome(one) for one in replay.outcomes],
        "other_currencies": [
            {
                "currency": other.currency or None,
                "campaigns": other.campaigns,
                "spend": round(other.spend, 2),
                "revenue": round(other.revenue, 2),
                "settings": [_outcome(one) for one in other.outcomes],
            }
            for other in replay.others
        ],
        "conversion_delay": None
        if replay.delay is None
        else {
            "proposed_hours": replay.delay.hours,
            "present_hours": replay.present_delay_hours,
            "sentence": delay_sentence(replay),
        },
        "cannot_know": list(CANNOT_KNOW),
        "seconds": round(replay.seconds, 2),
    }


def _outcome(one: Outcome) -> dict[str, Any]:
    worth = one.worth
    return {
        "name": one.setting.name,
        "rules": [rule.rule_name for rule in one.rules],
        "min_confidence": one.policy.min_confidence,
        "min_pause_confidence": one.policy.min_pause_confidence,
        "break_even_roi": one.policy.break_even_roi,
        "pauses": len(worth.pauses),
        "false_pauses": len(worth.false_pauses),
        "money_saved": worth.saved.to_dict(),
        "money_missed": worth.missed.to_dict(),
        "budgets_raised": worth.raises,
        "budgets_lowered": worth.lowered,
        "budget_changes_worth": {f"{x:g}": part.to_dict() for x, part in worth.raised.items()},
        "worth_together": round(worth.profit, 2),
        "held": dict(one.held.most_common()),
        "breakers": dict(one.breakers),
        "months": [
            {
                "account": month.account,
                "month": f"{month.first:%Y-%m}",
                "monthly_total": float(month.total),
                "spent": round(float(month.spent), 2),
                "whole": month.whole,
            }
            for month in one.months
        ],
        "pause_list": [pause.to_dict() for pause in worth.pauses],
        "action_list": [event.to_dict() for event in one.events],
    }


def text(replay: Replay, *, most: int = 8) -> str:
    """The report for a terminal, 100 columns wide at most."""
    lines = [
        (
            f"Replay of {replay.campaigns:,} campaigns, {replay.start:%d %b %Y} to"
            f" {replay.end:%d %b %Y}, a run every {_every(replay.every_hours)}"
            f" ({replay.runs:,} runs, {replay.seconds:.1f} s)."
        ),
        (
            f"In that time {money(replay.spend, replay.currency)} were spent and"
            f" {money(replay.revenue, replay.currency)} came in."
        ),
    ]
    if replay.one_currency:
        lines += ["", replay.one_currency]
    if replay.left_out:
        lines += ["", f"WARNING: {left_out_sentence(replay.left_out)} {SAY_THE_WORTH}"]
    lines += _money_text(replay, most)
    for other in replay.others:
        came = f"{money(other.spend)} were spent and {money(other.revenue)} came in."
        lines += ["", f"{in_words(other)} {came}"]
        lines += _money_text(other, most)
    if replay.delay is not None:
        lines += ["", delay_sentence(replay)]
    lines += ["", "What a replay cannot know:"]
    lines += [f"- {sentence}" for sentence in CANNOT_KNOW]
    return "\n".join(map(_wrapped, lines))


def in_words(replay: Replay) -> str:
    """Of what the money that follows is."""
    return f"In {currency_words(replay.currency)}, {counted(replay.campaigns, 'campaign')}:"


def _money_text(replay: Replay, most: int) -> list[str]:
    lines: list[str] = []
    for one in replay.outcomes:
        lines += ["", *_setting_text(one, most)]
    if len(replay.outcomes) > 1:
        lines += ["", *comparison(replay.outcomes)]
    return lines


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip(" -")) + 2 * line.startswith("    "))
    return textwrap.fill(line, 100, subsequent_indent=indent) if len(line) > 100 else line


def _setting_text(one: Outcome, most: int) -> list[str]:
    worth, name, currency = one.worth, one.setting.name, one.currency
    title = "The rules as they are now" if name == "now" else f"Setting {name!r}"
    lines = [
        f"{title} (confidence floor {one.policy.min_confidence:g}) would have",
        (
            f"  paused {len(worth.pauses)} campaigns: {spread(worth.saved, currency)} saved,"
            f" {spread(worth.missed, currency)} missed by"
            f" {counted(len(worth.false_pauses), 'false pause')};"
        ),
        (
            f"  raised {worth.raises} budgets and lowered {worth.lowered}:"
            f" worth {raised_sentence(one)}."
        ),
    ]
    if one.held:
        held = ", ".join(f"{code} {count:,}" for code, count in one.held.most_common(5))
        lines.append(f"  It held back: {held}.")
    lines += [f"  {sentence}" for sentence in month_sentences(one)]
    by_person = sum(event.by_person for event in one.events)
    if by_person:
        lines.append(f"  {by_person} of these a person would have had to agree to.")
    if worth.pauses:
        lines.append("  The pauses that saved most:")
        best = sorted(worth.pauses, key=lambda pause: pause.earned_after)
        lines += [pause_line(pause, currency) for pause in best[:most] if not pause.false]
    if worth.false_pauses:
        lines.append("  The false ones:")
        lines += [pause_line(pause, currency) for pause in worth.false_pauses[:most]]
    return lines


def month_sentences(one: Outcome) -> list[str]:
    """What accounts with a total a month would have spent of each."""
    found = []
    for account, months in groupby(one.months, key=lambda month: month.account):
        own = list(months)
        said = ", ".join(
            f"{month.first:%B %Y} {money(float(month.spent))}"
            + ("" if month.whole else " in the days that were played")
            for month in own
        )
        total = money(float(own[0].total), one.currency)
        found.append(f"Account {account!r}, {total} a month, would have spent: {said}.")
    return found


def pause_line(pause: PauseOutcome, currency: str | None) -> str:
    event = pause.event
    after = (
        "nothing was spent afterwards"
        if pause.roi_after is None
        else f"then {money(pause.spend_after, currency)} at {pause.roi_after:.2f}x"
    )
    verdict = (
        f"missed {money(pause.earned_after, currency)}"
        if pause.false
        else (f"saved {money(-pause.earned_after, currency)}")
    )
    return (
        f"    {event.at:%d %b} {event.title[:44]} ({chance(event.confidence)} %,"
        f" {event.rule_name}): {after}, {verdict}"
    )


def comparison(outcomes: Sequence[Outcome]) -> list[str]:
    """A table of the settings side by side."""
    head = ("setting", "floor", "pauses", "false", "saved", "missed", "raises", "together")
    rows = [head, *(_row(one) for one in outcomes)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    together = "saved less missed, and changes of budgets on the curve as assumed"
    return [*lines, f"(together: {together}{_in(outcomes)})"]


def _in(outcomes: Sequence[Outcome]) -> str:
    """; all in EUR"""
    currency = next((one.currency for one in outcomes), None)
    return f"; all in {currency}" if currency else ""


def _row(one: Outcome) -> tuple[str, ...]:
    worth = one.worth
    return (
        one.setting.name[:30],
        f"{one.policy.min_confidence:g}",
        str(len(worth.pauses)),
        str(len(worth.false_pauses)),
        money(worth.saved.value),
        money(worth.missed.value),
        str(worth.raises),
        money(worth.profit),
    )


def raised_sentence(one: Outcome) -> str:
    parts: Mapping[float, Range] = one.worth.raised
    said = {spread: money(part.value, one.currency) for spread, part in parts.items()}
    if len(parts) == 1:
        return f"{said[MIDDLE]} on the curve as assumed"
    return f"{said[MIDDLE]} ({if_otherwise(said[min(parts)], said[max(parts)])})"


def if_otherwise(sooner: str, later: str) -> str:
    """The same money on curves that are not as assumed."""
    return f"{sooner} if campaigns saturate four times sooner than assumed, {later} if later"


def delay_sentence(replay: Replay) -> str:
    """What the history says of late conversions."""
    return "" if replay.delay is None else replay.delay.sentence(replay.present_delay_hours)


def spread(part: Range, currency: str | None) -> str:
    """A sum with its 90 % interval."""
    said = money(part.value, currency)
    return said if part.low == part.high else f"{said} ({money(part.low)} to {money(part.high)})"


def money(amount: float, currency: str | None = None) -> str:
    """Whole money; a table says once what it is in."""
    return text_money(amount, cents=False, currency=currency)


def _every(hours: float) -> str:
    return {1: "hour", 24: "day"}.get(int(hours), f"{hours:g} hours")

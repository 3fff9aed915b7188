"""The replay's report as one self-contained HTML page: nothing in it comes from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from autonomy.replay.replay import Outcome, Replay
from autonomy.replay.text_report import (
    CANNOT_KNOW,
    delay_sentence,
    in_words,
    money,
    month_sentences,
    raised_sentence,
    spread,
)
from autonomy.replay.tuning import Tuning
from autonomy.replay.valuation import SPREADS, PauseOutcome
from autonomy.replay.value import left_out_sentence
from autonomy.text import chance

_STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --line: #d9dee5;
  --paper: #ffffff; --good: #0f766e; --bad: #b45309; --wash: #f4f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b4; --line: #333c48;
  --paper: #151a21; --good: #2dd4bf; --bad: #f59e0b; --wash: #1d242d; } }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
p.lead { color: var(--soft); margin: 0 0 1.5rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .75rem; }
.card { background: var(--wash); border-radius: .5rem; padding: .75rem 1rem; }
.card b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: .875rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: right; padding: .35rem .5rem; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child, td.text { text-align: left; white-space: normal; }
.scroll { overflow-x: auto; } .bad { color: var(--bad); } .good { color: var(--good); }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
svg .soft { fill: var(--soft); } svg .axis { stroke: var(--line); }
svg .good { stroke: var(--good); fill: none; stroke-width: 2; }
svg .bad { stroke: var(--bad); fill: none; stroke-width: 2; }
svg .fill-good { fill: var(--good); } svg .fill-bad { fill: var(--bad); }
"""


def html(replay: Replay, tuning: Tuning | None = None) -> str:
    """The whole page."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Replay, {replay.start:%d %b} to {replay.end:%d %b %Y}</title>",
        f"<style>{_STYLE}</style></head><body>",
        "<h1>What the rules would have done</h1>",
        (
            f"<p class='lead'>{replay.campaigns:,} campaigns, {replay.start:%d %B %Y} to"
            f" {replay.end:%d %B %Y}, {replay.runs:,} runs. In that time "
            f"{money(replay.spend, replay.currency)} were spent and"
            f" {money(replay.revenue, replay.currency)} came in.</p>"
        ),
        *([f"<p>{escape(replay.one_currency)}</p>"] if replay.one_currency else []),
        *(
            [f"<p class='bad'>{escape(left_out_sentence(replay.left_out))}</p>"]
            if replay.left_out
            else []
        ),
        *_money(replay),
        *(["<h2>The confidence floor</h2>", _floors(tuning)] if tuning is not None else []),
        *_all_pauses(replay),
    ]
    for other in replay.others:
        spent = f"{money(other.spend)} were spent and {money(other.revenue)} came in."
        parts += [f"<h1>{escape(in_words(other))}</h1>", f"<p class='lead'>{spent}</p>"]
        parts += [*_money(other), *_all_pauses(other)]
    parts += [
        f"<h2>Late conversions</h2><p>{escape(delay_sentence(replay))}</p>",
        "<h2>What a replay cannot know</h2><ul>",
        *(f"<li>{escape(sentence)}</li>" for sentence in CANNOT_KNOW),
        "</ul><p class='lead'>Intervals are 90 %: campaigns drawn again from those that were",
        f" there. Computed in {replay.seconds:.1f} s.</p></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _money(replay: Replay) -> list[str]:
    """What came of it, by the day, and of the settings side by side."""
    parts = [
        _cards(replay.first),
        *(f"<p>{escape(sentence)}</p>" for sentence in month_sentences(replay.first)),
        "<h2>Day by day</h2>",
        "<p>Money that pauses saved less what they missed, added up by the day of the pause.</p>",
        _lines([(one.setting.name, _sums(one)) for one in replay.outcomes], replay),
    ]
    if len(replay.outcomes) > 1:
        parts += ["<h2>Side by side</h2>", _comparison(replay.outcomes)]
    return parts


def _all_pauses(replay: Replay) -> list[str]:
    parts = []
    for one in replay.outcomes:
        name = "" if one is replay.first else f", setting {escape(one.setting.name)}"
        parts += [f"<h2>Pauses{name}</h2>", _pauses(one)]
    return parts


def _cards(one: Outcome) -> str:
    worth, currency = one.worth, one.currency
    cards = (
        (
            money(worth.saved.value, currency),
            f"saved by {len(worth.pauses)} pauses, {spread(worth.saved, currency)}",
        ),
        (
            money(worth.missed.value, currency),
            f"missed by {len(worth.false_pauses)} false ones, {spread(worth.missed, currency)}",
        ),
        (
            str(worth.raises + worth.lowered),
            (
                f"changes of budget ({worth.raises} up, {worth.lowered} down), worth"
                f" {raised_sentence(one)}"
            ),
        ),
        (money(worth.profit, currency), "together, on the curve as assumed"),
    )
    return (
        "<div class='cards'>"
        + "".join(
            f"<div class='card'><b>{escape(value)}</b><span>{escape(label)}</span></div>"
            for value, label in cards
        )
        + "</div>"
    )


def _sums(one: Outcome) -> list[tuple[str, float]]:
    total, points = 0.0, []
    for day in sorted(one.worth.by_day):
        total += one.worth.by_day[day]
        points.append((day, total))
    return points


def _lines(series: Sequence[tuple[str, list[tuple[str, float]]]], replay: Replay) -> str:
    """Step lines over the days; the first in the good colour, the others in the other one."""
    width, height, left, bottom = 900, 260, 80, 30
    values = [value for _, points in series for _, value in points] + [0.0]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    length = max(1, (replay.end.date() - replay.start.date()).days)

    def x(day: str) -> float:
        passed = (_ordinal(day) - replay.start.date().toordinal()) / length
        return left + passed * (width - left - 120)

    def y(value: float) -> float:
        return 15 + (high - value) / span * (height - bottom - 15)

    parts = [
        f"<svg viewBox='0 0 {width} {height}' role='img' aria-label='Worth of the pauses by day'>",
        f"<line class='axis' x1='{left}' x2='{width - 120}' y1='{y(0):.1f}' y2='{y(0):.1f}'/>",
    ]
    parts += [
        f"<text class='soft' x='{left - 8}' y='{y(value) + 4:.1f}' text-anchor='end'>"
        f"{money(value)}</text>"
        for value in sorted({low, 0.0, high})
    ]
    parts += [
        f"<text class='soft' x='{left}' y='{height - 8}'>{replay.start:%d %b}</text>",
        (
            f"<text class='soft' x='{width - 120}' y='{height - 8}' text-anchor='end'>"
            f"{replay.end:%d %b}</text>"
        ),
    ]
    for number, (name, points) in enumerate(series):
        path = f"M {left} {y(0):.1f}"
        last = 0.0
        for day, value in points:
            path += f" H {x(day):.1f} V {y(value):.1f}"
            last = value
        path += f" H {width - 120}"
        kind = "good" if number == 0 else "bad"
        parts.append(f"<path class='{kind}' d='{path}' opacity='{1.0 if number < 2 else 0.5}'/>")
        parts.append(
            f"<text x='{width - 114}' y='{y(last) + 4 + 13 * number * (last == 0):.1f}'>"
            f"{escape(name[:16])}</text>"
        )
    return "".join([*parts, "</svg>"])


def _ordinal(day: str) -> int:
    from datetime import date

    return date.fromisoformat(day).toordinal()


def _comparison(outcomes: Sequence[Outcome]) -> str:
    head = (
        "setting", "floor", "pauses", "false", "saved", "missed", "raises",
        "budgets: saturating 4x sooner", "as assumed", "4x later", "together",
    )  # fmt: skip
    rows = []
    for one in outcomes:
        worth = one.worth
        changes = [money(worth.raised[x].value) if x in worth.raised else "" for x in SPREADS]
        rows.append((
            one.setting.name, f"{one.policy.min_confidence:g}", str(len(worth.pauses)),
            str(len(worth.false_pauses)), money(worth.saved.value), money(worth.missed.value),
            str(worth.raises), *changes, money(worth.profit),
        ))  # fmt: skip
    return _bars(outcomes) + _table(head, rows)


def _bars(outcomes: Sequence[Outcome]) -> str:
    """Saved to the right, missed to the left, a line a setting."""
    width, row = 900, 34
    most = max([1.0, *(max(one.worth.saved.value, one.worth.missed.value) for one in outcomes)])
    middle, scale = 500, 330 / most
    height = row * len(outcomes) + 30
    parts = [f"<svg viewBox='0 0 {width} {height}' role='img' aria-label='Saved and missed'>"]
    for number, one in enumerate(outcomes):
        y = 24 + number * row
        saved, missed = one.worth.saved.value * scale, one.worth.missed.value * scale
        parts += [
            f"<text x='0' y='{y + 15}'>{escape(one.setting.name[:22])}</text>",
            f"<rect class='fill-good' x='{middle}' y='{y}' width='{saved:.1f}' height='22'/>",
            (
                f"<rect class='fill-bad' x='{middle - missed:.1f}' y='{y}' width='{missed:.1f}'"
                " height='22' rx='3'/>"
            ),
        ]
    parts += [
        f"<text class='soft' x='{middle + 4}' y='14'>saved</text>",
        f"<text class='soft' x='{middle - 4}' y='14' text-anchor='end'>missed</text>",
    ]
    return "".join([*parts, "</svg>"])


def _floors(tuning: Tuning) -> str:
    """Profit against false pauses, a dot a floor, judged on the part it was not fitted to."""
    width, height, left, bottom = 900, 280, 90, 40
    points = [
        (floor, one.worth.profit, len(one.worth.false_pauses))
        for floor, one in zip(tuning.floors, tuning.judged.outcomes, strict=True)
    ]
    low = min(0.0, *(profit for _, profit, _ in points))
    high = max(1.0, *(profit for _, profit, _ in points))
    most = max(1, *(false for _, _, false in points))
    parts = [
        f"<p>{escape(tuning.sentence)}</p>",
        f"<svg viewBox='0 0 {width} {height}' role='img' aria-label='Profit by false pauses'>",
        (
            f"<line class='axis' x1='{left}' x2='{width}' y1='{height - bottom}'"
            f" y2='{height - bottom}'/>"
        ),
        (
            f"<text class='soft' x='{width}' y='{height - 8}' text-anchor='end'>"
            "false pauses after the part that was fitted</text>"
        ),
    ]
    for floor, profit, false in points:
        x = left + false / most * (width - left - 60)
        y = 15 + (high - profit) / (high - low) * (height - bottom - 30)
        kind = "fill-good" if floor == tuning.best else "fill-bad"
        parts.append(
            f"<circle class='{kind}' cx='{x:.1f}' cy='{y:.1f}'"
            f" r='{7 if floor == tuning.best else 4}'"
            f" opacity='.8'><title>floor {floor}: {money(profit)}, {false} false</title></circle>"
        )
        if floor in (0, tuning.best, tuning.now, 95):
            parts.append(f"<text x='{x + 9:.1f}' y='{y + 4:.1f}'>{floor}</text>")
    for value in sorted({low, high}):
        y = 15 + (high - value) / (high - low) * (height - bottom - 30)
        parts.append(
            f"<text class='soft' x='{left - 8}' y='{y + 4:.1f}' text-anchor='end'>"
            f"{money(value)}</text>"
        )
    rows = [
        (
            str(floor), money(one.worth.profit), str(len(one.worth.false_pauses)),
            money(two.worth.profit), str(len(two.worth.pauses)), str(len(two.worth.false_pauses)),
        )
        for floor, one, two in zip(
            tuning.floors, tuning.fitted.outcomes, tuning.judged.outcomes, strict=True
        )
    ]  # fmt: skip
    head = ("floor", "first part: worth", "false", "after: worth", "pauses", "false")
    return "".join([*parts, "</svg>"]) + _table(head, rows)


def _pauses(one: Outcome) -> str:
    if not one.worth.pauses:
        return "<p>None.</p>"
    head = (
        "campaign", "paused", "confidence", "rule", "spent before", "roi before", "spent after",
        "roi after", "worth",
    )  # fmt: skip
    ranked = sorted(one.worth.pauses, key=lambda pause: pause.earned_after)
    shown = ranked if len(ranked) <= 60 else ranked[:30] + ranked[-30:]
    note = "" if len(ranked) <= 60 else "<p>The 30 that saved most and the 30 that saved least.</p>"
    return note + _table(head, [_pause_cells(pause) for pause in shown])


def _pause_cells(pause: PauseOutcome) -> tuple[str, ...]:
    event = pause.event
    before = f"{event.revenue / event.spend:.2f}x" if event.spend else "-"
    after = "-" if pause.roi_after is None else f"{pause.roi_after:.2f}x"
    return (
        event.title, f"{event.at:%d %b %H:%M}", f"{chance(event.confidence)} %", event.rule_name,
        money(event.spend), before, money(pause.spend_after), after, money(-pause.earned_after),
    )  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td{_class(cell)}>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f"<div class='scroll'><table><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _class(cell: str) -> str:
    return " class='bad'" if cell.startswith("-") and len(cell) > 1 and cell[1].isdigit() else ""

"""The simulation's table, chart and page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tests.simulation.result import Interval, Result
from tests.simulation.world import Truth

_BAR, _GAP, _LEFT, _TOP, _PANEL = 22, 14, 250, 70, 260
_INK, _SOFT, _GRID = "#1f2937", "#6b7280", "#e5e7eb"
_OURS, _THEIRS = "#0f766e", "#b45309"


def table(results: Sequence[Result]) -> str:
    """The results as a table in Markdown."""
    head = ("policy", "profit, thousands", "pauses", "of them wrong", "waste", "spend")
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for result in results:
        wrong = result.false_share
        cells = (
            result.name,
            f"**{result.profit.mean:,.0f}** {_range(result.profit)}",
            f"{result.pauses.mean:.0f}",
            "-" if wrong is None else f"{wrong.mean:.0f} % {_range(wrong)}",
            f"{result.waste.mean:,.0f} {_range(result.waste)}",
            f"{result.spend.mean:,.0f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _range(interval: Interval) -> str:
    return f"({interval.low:,.0f} to {interval.high:,.0f})"


def chart(results: Sequence[Result]) -> str:
    """Profit, wrong pauses and waste by policy, each with its interval, as SVG."""
    panels: tuple[tuple[str, list[Interval | None]], ...] = (
        ("Profit, thousands", [result.profit for result in results]),
        ("Wrong pauses, % of pauses", [result.false_share for result in results]),
        ("Waste, thousands", [result.waste for result in results]),
    )
    width = _LEFT + len(panels) * (_PANEL + 40) + 10
    height = _TOP + len(results) * (_BAR + _GAP) + 20
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" font-family="system-ui, sans-serif"'
            ' font-size="13" role="img">'
        ),
        "<title>Profit, wrong pauses and waste by policy in the simulated market</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        (
            f'<text x="16" y="28" font-size="16" font-weight="600" fill="{_INK}">'
            "What each policy did in the simulated market (bars: mean, lines: 95 % interval)</text>"
        ),
    ]
    for row, result in enumerate(results):
        y = _TOP + row * (_BAR + _GAP) + _BAR * 0.72
        parts.append(
            f'<text x="{_LEFT - 10}" y="{y:.0f}" text-anchor="end" fill="{_INK}">'
            f"{escape(result.name)}</text>"
        )
    for number, (title, intervals) in enumerate(panels):
        parts += _panel(_LEFT + number * (_PANEL + 40), title, intervals, results)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    left: int, title: str, intervals: Sequence[Interval | None], results: Sequence[Result]
) -> list[str]:
    top = max((interval.high for interval in intervals if interval), default=1.0)
    scale = (_PANEL - 55) / max(top, 1e-9)
    base = _TOP + len(intervals) * (_BAR + _GAP) - _GAP
    parts = [
        f'<text x="{left}" y="{_TOP - 14}" font-weight="600" fill="{_INK}">{escape(title)}</text>',
        f'<line x1="{left}" y1="{_TOP - 4}" x2="{left}" y2="{base + 4}" stroke="{_GRID}"/>',
    ]
    for row, (interval, result) in enumerate(zip(intervals, results, strict=True)):
        y = _TOP + row * (_BAR + _GAP)
        if interval is None:
            parts.append(
                f'<text x="{left + 6}" y="{y + _BAR * 0.72:.0f}" fill="{_SOFT}">none made</text>'
            )
            continue
        end = max(0.0, interval.mean * scale)
        low, high = (left + max(0.0, edge * scale) for edge in (interval.low, interval.high))
        colour = _THEIRS if "usual" in result.name else _OURS
        if result.name.startswith(("oracle", "no automation")):
            colour = "#9ca3af"
        middle = y + _BAR / 2
        parts += [
            f'<rect x="{left}" y="{y}" width="{end:.1f}" height="{_BAR}" rx="3" fill="{colour}"/>',
            (
                f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}"'
                f' stroke="{_INK}" stroke-width="1.5"/>'
            ),
            (
                f'<text x="{high + 6:.1f}" y="{y + _BAR * 0.72:.0f}" fill="{_INK}">'
                f"{interval.mean:,.0f}</text>"
            ),
        ]
    return parts


def write(folder: Path, results: Sequence[Result], truth: Truth, every_hours: int) -> None:
    """docs/simulation.md and docs/simulation.svg."""
    folder.mkdir(exist_ok=True)
    (folder / "simulation.svg").write_text(chart(results), encoding="utf-8")
    (folder / "simulation.md").write_text(page(results, truth, every_hours), encoding="utf-8")


def page(results: Sequence[Result], truth: Truth, every_hours: int) -> str:
    seeds = len(results[0].scores)
    return f"""# The rules in a simulated market

What would each way of looking after an account earn, where the truth is known? This page is
written by `make simulate ARGS='--seeds {seeds} --write'`.

![Profit, wrong pauses and waste by policy](simulation.svg)

{table(results)}

Means over {seeds} markets with 95 % intervals; money in thousands. {_comparison(results)}

## Reading it

- The usual rules look every hour at totals of a few orders: sooner or later nearly every campaign
  has a bad hour, and is gone for good. They waste little because they hardly spend.
- A floor of 50 acts whenever the odds are better than even, so many of its pauses are wrong, and
  each costs little. It does not know either that orders come late, so young campaigns look worse
  than they are. At a floor of 80 at most one pause in five should be wrong; the table shows how
  many were.
- Late orders take back some wrong pauses by themselves (`resume_when_proven_wrong`); they count
  here as wrong all the same.
- Budget steps leave few pauses to be made: a campaign that loses money at the margin is first made
  smaller.

## The market

{truth.campaigns} campaigns for {truth.days} days, hour by hour. Most of them start within the
first {truth.launch_days} days. A campaign's true roi at its first budget is log-normal
(median {truth.median_roi:g}, spread of the logarithm {truth.spread_roi:g}), drifts by
{truth.drift_a_day:.0%} a day and steps about once in {1 / truth.step_a_day:.0f} days by
{truth.step_size:.0%}. More budget earns less: the next unit returns 1 / (1 + budget / h) of the
average one, with h around twice the first budget. Orders come over-dispersed (a gamma shock a day
with variance 0.25), their values are log-normal with a coefficient of variation of
{truth.order_cv:g} (which the shop reports), and they arrive {truth.delay_hours:g} hours after
their click in the mean.
Seeds are fixed; shocks, drift and steps are the same for every policy of a seed.

- *Profit*: what all orders brought, those that arrive after the end too, less the spend.
- *Wrong pause*: at that moment the campaign's true roi was at or above break-even
  ({truth.break_even:g}).
- *Waste*: the part of the spend that true roi did not earn back.

## The policies

- *No automation*: budgets stay as they are.
- *Usual rules, every hour*: pause below 1.0 after 24 hours and 100 spent (below 0.5 from 50), raise
  by half every hour at 3.0 and above with 10 conversions, at most 10,000. No confidence, no
  cooldown: what rule engines in the field do when they are given these rules.
- *Usual rules, once a day, +20 %*: the careful variant.
- *Four default rules*: this system as it is shipped, a run every {every_hours} hours.
- *Default rules, floor 80, delay set*: the preset `balanced` (`min_confidence` 80), and the policy
  knows how late conversions come (`conversion_delay_hours` {truth.delay_hours:g}).
- *Budget optimisation, floor 80*: the pause rules, and steps of 20 % by marginal return in place of
  the two scale rules; floor and delay as before.
- *Budget optimisation, pauses at 95*: the same, a pause needs 95, the rest 50.
- *Oracle*: knows the true roi and the response curve, and moves each budget once a day.

The policies of this system are carried out by its own SQL on simulated time, every guardrail
included; a person looks in once a day and agrees with all that the pause breaker hands over, right
or wrong. `tests/integration/test_simulation.py` plays a short
market through the runner, PostgREST and the Python engine as well and holds both equal.

## What it does not show

The market's noise was set after real lines, its response curve was not: history does not tell what
more budget would have earned. `python -m autonomy replay` shows what the rules would have done on
your own past.
"""


def _comparison(results: Sequence[Result]) -> str:
    by_name = {result.name: result for result in results}
    usual = by_name.get("usual rules, every hour")
    if usual is None:
        return ""
    sentences = []
    for name in ("four default rules", "budget optimisation, pauses at 95"):
        if name in by_name:
            ahead = by_name[name].ahead_of(usual)
            sentences.append(
                f"Market by market, *{name}* earned {ahead.mean:,.0f} thousand more than the usual"
                f" rules every hour {_range(ahead)}."
            )
    return " ".join(sentences)

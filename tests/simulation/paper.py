"""The simulation's tables, chart and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.simulation.database_policies import SETTINGS
from tests.simulation.plain_policies import PUBLISHED_TARGET
from tests.simulation.result import Interval, Result, with_error
from tests.simulation.world import WORLDS, Truth, fingerprint

NOTHING, ORACLE = "no automation", "oracle (knows the truth)"

_BAR, _GAP, _LEFT, _TOP, _PANEL = 22, 14, 250, 70, 260
_INK, _SOFT, _GRID = "#1f2937", "#6b7280", "#e5e7eb"
_OURS, _THEIRS = "#0f766e", "#b45309"


@dataclass(frozen=True)
class Findings:
    """What was measured: in the market, and in every world the policies of `columns`."""

    results: Sequence[Result]
    worlds: Mapping[str, Sequence[Result]]
    columns: Sequence[str]
    truth: Truth
    every_hours: int
    world_seeds: int


def _ends(results: Sequence[Result]) -> tuple[Result, Result]:
    """Doing nothing and knowing the truth, between which a share is measured."""
    by_name = {result.name: result for result in results}
    return by_name[NOTHING], by_name[ORACLE]


def table(results: Sequence[Result]) -> str:
    """The results as a table in Markdown."""
    head = ("policy", "share, %", "profit, thousands", "pauses", "of them wrong",
            "spend on losers", "spend")  # fmt: skip
    lines = [_row(head), "|---" + "|---:" * (len(head) - 1) + "|"]
    nothing, oracle = _ends(results)
    for result in results:
        wrong = result.false_share
        cells = (
            result.name,
            f"**{with_error(result.shares(nothing, oracle))}**",
            f"{result.profit.mean:,.0f} {_range(result.profit)}",
            f"{result.pauses.mean:.0f}",
            "-" if wrong is None else f"{wrong.mean:.0f} %",
            f"{result.spend_on_losers.mean:,.0f}",
            f"{result.spend.mean:,.0f}",
        )
        lines.append(_row(cells))
    return "\n".join(lines)


def worlds_table(worlds: Mapping[str, Sequence[Result]], columns: Sequence[str]) -> str:
    """The shares of the named policies in every world."""
    shown = [
        name for name in columns if any(r.name == name for own in worlds.values() for r in own)
    ]
    lines = [_row(("world", *shown, "markets")), "|---" + "|---:" * (len(shown) + 1) + "|"]
    for world, results in worlds.items():
        nothing, oracle = _ends(results)
        shares = {result.name: with_error(result.shares(nothing, oracle)) for result in results}
        cells = [world, *(shares.get(name, "-") for name in shown), str(len(oracle.scores))]
        lines.append(_row(cells))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _range(interval: Interval) -> str:
    return f"({interval.low:,.0f} to {interval.high:,.0f})"


def chart(results: Sequence[Result]) -> str:
    """Share, wrong pauses and spend on losers by policy, each with its interval, as SVG."""
    nothing, oracle = _ends(results)
    panels: tuple[tuple[str, list[Interval | None]], ...] = (
        (
            "Share of the oracle's gain, %",
            [Interval.of(result.shares(nothing, oracle)) for result in results],
        ),
        ("Wrong pauses, % of pauses", [result.false_share for result in results]),
        ("Spend on losers, thousands", [result.spend_on_losers for result in results]),
    )
    width = _LEFT + len(panels) * (_PANEL + 40) + 10
    height = _TOP + len(results) * (_BAR + _GAP) + 20
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" font-family="system-ui, sans-serif"'
            ' font-size="13" role="img">'
        ),
        "<title>What each policy earned in the simulated market</title>",
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
        colour = _OURS if result.name in SETTINGS else _THEIRS
        if result.name in (NOTHING, ORACLE):
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


def write(folder: Path, findings: Findings) -> None:
    """docs/simulation.md and docs/simulation.svg."""
    folder.mkdir(exist_ok=True)
    (folder / "simulation.svg").write_text(chart(findings.results), encoding="utf-8")
    (folder / "simulation.md").write_text(page(findings), encoding="utf-8")


def page(findings: Findings) -> str:
    seeds = len(findings.results[0].scores)
    return f"""# The rules in a simulated market

What would each way of looking after an account earn, where the truth is known? This page is
written by `make simulate ARGS='{_arguments(findings)}'`.

![Share, wrong pauses and spend on losers by policy](simulation.svg)

{table(findings.results)}

Means over {seeds} markets; money in thousands. *Share* is what a policy earned beyond no
automation, in percent of what the oracle earned beyond it, with the standard error over the
markets (both before the luck of single orders: spend times true roi); the range beside a profit is
its 95 % interval.{_not_played(findings.results)}
{_worlds(findings)}{_MEASURES}
{_market(findings.truth)}
{_policies(findings.every_hours)}
{_LIMITS}"""


def _arguments(findings: Findings) -> str:
    seeds = len(findings.results[0].scores)
    worlds = f" --worlds --world-seeds {findings.world_seeds}" if findings.worlds else ""
    return f"--seeds {seeds}{worlds} --write"


def _not_played(results: Sequence[Result]) -> str:
    missing = sorted(set(SETTINGS) - {result.name for result in results})
    return f"\nNot played for this page: {'; '.join(missing)}." if missing else ""


def _worlds(findings: Findings) -> str:
    if not findings.worlds:
        return ""
    return f"""
## In other worlds

The share, in percent, where the market is another one. Each world differs from the market above in
what its name says.

{worlds_table(findings.worlds, findings.columns)}

{_saturations()}
"""


def _saturations() -> str:
    real, wide = WORLDS["like real accounts"], WORLDS["wide spread of saturation"]
    return f"""- *Like real accounts*: single orders have a squared coefficient of variation of
  {real.order_cv**2:.1f}; the largest tenth of the campaigns has 54 to 77 % of the spend; what a day
  spends moves by itself (the logarithm's standard deviation within a campaign is 0.29), and the
  day's return with it, along the campaign's curve.
- *Saturation 4x sooner, 4x later*: h is half, and eight times, the first budget. *Wide spread*:
  its logarithm spreads by {wide.spread_saturation:g} over the campaigns.
- *Orders of 200*: a quarter of the orders, each four times as large. *Narrow spread of roi*: the
  logarithm spreads by {WORLDS["narrow spread of roi"].spread_roi:g}. *Twice the drift*: and twice
  the steps. *Orders 48 h late*: nobody tells. *Accounts of 20*: so many campaigns.
- *Budgets lean to winners*: the first budgets are in proportion to the true roi, as where somebody
  has looked after the account well."""


_MEASURES = """
## Reading it

- *Wrong pause*: at that moment the campaign's true roi at its budget was at or above break-even.
  One that was taken back later counts all the same.
- *Spend on losers*: the spend of campaigns whose true roi was below break-even when it was spent.
- The usual rules look at totals of a few orders: sooner or later nearly every campaign has a bad
  hour, and is gone for good. They waste little because they hardly spend, and earn less than doing
  nothing.
- A floor of 50 acts whenever the odds are better than even, so many of its pauses are wrong. It
  does not know either that orders come late, so young campaigns look worse than they are.
- The honest opponents are the peers that only move budgets: a loser shrinks long before it is
  certain that it is one, and what it no longer spends goes to the winners.
"""


def _market(truth: Truth) -> str:
    return f"""## The market

{truth.campaigns} campaigns for {truth.days} days, hour by hour. Most of them start within the
first {truth.launch_days} days. A campaign's true roi at its first budget is log-normal
(median {truth.median_roi:g}, spread of the logarithm {truth.spread_roi:g}), drifts by
{truth.drift_a_day:.0%} a day and steps about once in {1 / truth.step_a_day:.0f} days by
{truth.step_size:.0%}. More budget earns less: the next unit returns 1 / (1 + budget / h) of the
average one, with h around {truth.saturation:g} times the first budget (spread of the logarithm
{truth.spread_saturation:g}). Orders come over-dispersed (a gamma shock a day
with variance {1 / truth.day_shock_shape:g}), their values are log-normal with a coefficient of
variation of {truth.order_cv:g} (which the shop reports), and they arrive {truth.delay_hours:g}
hours after their click in the mean. Seeds are fixed; shocks, drift and steps are the same for every
policy of a seed.

**The market is the judge, not a thing to tune.** Its laws and constants, and every world, stand in
one file, `tests/simulation/world.py`; these figures were found with SHA-256 `{fingerprint()}`
(the first 12 digits). A change to it comes before the policy that is measured on it, never with it.
"""


def _policies(every_hours: int) -> str:
    return f"""## The policies

- *No automation*: budgets stay as they are.
- *Usual rules, every hour*: pause below 1.0 after 24 hours and 100 spent (below 0.5 from 50), raise
  by half every hour at 3.0 and above with 10 conversions, at most 10,000. No confidence, no
  cooldown: what rule engines in the field do when they are given these rules.
- *Usual rules, once a day, +20 %*: the careful variant.
- *Published rule set*: the kill and scale rules of the open-source `AgriciDaniel/claude-ads` on
  GitHub (`skills/ads-budget/SKILL.md`, April 2026), carried out once a day on 14 days: pause
  where a conversion costs over three times the target from day 7 on, or 100 are spent without one;
  from day 14 on, once a week, halve below half the target ROAS and raise by 20 % above it with 50
  conversions a week. It leaves the target to the person: here {PUBLISHED_TARGET:g} (with 1.0 and
  2.0 it earns about the same).
- *Budgets by ROAS, ROAS²*: no rules. Once a day the budgets are set in proportion to first budget x
  ROAS, or ROAS squared, of the last 14 days of arrived orders; their total stays what it was.
  Campaigns of under 3 days keep theirs, and no budget more than halves or doubles in a day. Nothing
  is smoothed: 28 days, a prior or smaller steps earned a few points more or less.
- *Equal marginal return*: the same total, moved to where the next unit of money earns the same
  everywhere. It knows the law of the curve, and takes h for twice the first budget everywhere; ROAS
  of 14 days, with a day's spend at the account's average added.
- *Four default rules*: this system as it is shipped, a run every {every_hours} hours.
- *Four rules, floor 80*: an action needs a confidence of 80; orders are assumed a day late.
- *Budget optimisation*: the two pause rules, which need 95, and budgets moved by the optimisation
  in place of the two scale rules, from 50 on; orders are assumed a day late. *Optimisation and
  scale rules*: all four rules beside it.
- *Oracle*: knows the true roi and the response curve, and moves each budget once a day, by half or
  to twice at most. What a day spends of its budget by itself it does not know beforehand.

The policies of this system are carried out by its own SQL on simulated time, every guardrail
included; a person looks in once a day and agrees with all that the pause breaker hands over, right
or wrong. `tests/integration/test_simulation.py` plays a short
market through the runner, PostgREST and the Python engine as well and holds both equal.
"""


_LIMITS = """## What it does not show

- The market's noise was set after real lines, its response curve was not: the curves of real
  accounts are not known. On real lines orders per spend fall with the day's spend (a slope of -0.35
  to -0.54 between logarithms, some of it noise), which is saturation at 1.6 to 4 times the typical
  spend: the 2 of this market is plausible, not proven. The worlds above say how much depends on it.
- Two campaigns that share their customers are not modelled: here what one gains, no other loses.
- `python -m autonomy replay` shows what the rules would have done on your own past.
"""

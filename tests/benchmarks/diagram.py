"""A reliability diagram as a small SVG: what is said along, how often it was right up."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

LEFT, TOP, SIZE = 56, 20, 360
LOW, HIGH = 0.0, 100.0


class Series(NamedTuple):
    """Points (says, right, claims), in percent."""

    name: str
    colour: str
    points: Sequence[tuple[float, float, int]]


def x(percent: float) -> float:
    return LEFT + SIZE * (percent - LOW) / (HIGH - LOW)


def y(percent: float) -> float:
    return TOP + SIZE * (HIGH - percent) / (HIGH - LOW)


def diagram(series: Sequence[Series]) -> str:
    """The picture, light enough for a README and readable on dark pages as well."""
    body = [*_frame(), *(line for one in series for line in _series(one)), *_legend(series)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 430" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">\n'
        "<title>How often an action was right, by the confidence it stated</title>\n"
        '<rect width="640" height="430" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _frame() -> list[str]:
    lines = []
    for percent in range(0, 101, 20):
        lines.append(
            f'<path d="M{x(0):.1f} {y(percent):.1f}H{x(100):.1f}M{x(percent):.1f} {y(0):.1f}'
            f'V{y(100):.1f}" stroke="#e3e6ea"/>'
        )
        lines.append(
            f'<text x="{x(percent):.1f}" y="{y(0) + 18:.1f}" text-anchor="middle" '
            f'fill="#444">{percent}</text>'
        )
        lines.append(
            f'<text x="{LEFT - 8}" y="{y(percent) + 4:.1f}" text-anchor="end" '
            f'fill="#444">{percent}</text>'
        )
    lines.append(
        f'<path d="M{x(0)} {y(0)}L{x(100)} {y(100)}" stroke="#888" stroke-dasharray="4 4"/>'
    )
    lines.append(
        f'<text x="{x(50)}" y="{y(0) + 38}" text-anchor="middle" fill="#222">'
        "stated confidence, percent</text>"
    )
    lines.append(
        f'<text transform="translate(16 {y(50)}) rotate(-90)" text-anchor="middle" '
        'fill="#222">right, percent</text>'
    )
    return lines


def _series(one: Series) -> list[str]:
    path = "L".join(f"{x(says):.1f} {y(right):.1f}" for says, right, _ in one.points)
    most = max((claims for _, _, claims in one.points), default=1)
    lines = [f'<path d="M{path}" fill="none" stroke="{one.colour}" stroke-width="1.5"/>']
    for says, right, claims in one.points:
        radius = 3 + 5 * sqrt(claims / most)
        lines.append(
            f'<circle cx="{x(says):.1f}" cy="{y(right):.1f}" r="{radius:.1f}" '
            f'fill="{one.colour}" fill-opacity="0.75"><title>{one.name}: says {says:.1f}, '
            f"right {right:.1f}, {claims} claims</title></circle>"
        )
    return lines


def _legend(series: Sequence[Series]) -> list[str]:
    lines = []
    for place, one in enumerate(series):
        at = TOP + 16 + 22 * place
        lines.append(f'<circle cx="{x(100) + 24}" cy="{at - 4}" r="5" fill="{one.colour}"/>')
        lines.append(f'<text x="{x(100) + 36}" y="{at}" fill="#222">{one.name}</text>')
    at = TOP + 16 + 22 * len(series)
    lines.append(
        f'<path d="M{x(100) + 16} {at - 4}h16" stroke="#888" stroke-dasharray="4 4"/>'
        f'<text x="{x(100) + 36}" y="{at}" fill="#222">keeps its word</text>'
    )
    return lines

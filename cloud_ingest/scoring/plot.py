# SPDX-License-Identifier: MIT
"""A score as a picture: how soon each kind of leak is found, and the false alarms beside it.

In: scores with their names. Out: the text of an SVG. Pure.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from cloud_ingest.scoring.score import Alarms, Detection, Score
from cloud_ingest.scoring.trials import WINDOWS_H

COLOURS: Final = ("#0b6e99", "#c25e00", "#2e7d32", "#8e3b8e", "#b00020", "#555555")
PANEL_W, PANEL_H, GAP, LEFT, TOP, COLUMNS = 250, 150, 46, 44, 64, 3
STYLE: Final = "text{font:11px sans-serif;fill:#222}.grid{stroke:#ddd}.title{font-weight:bold}"


def picture(scores: Sequence[tuple[str, Score]]) -> str:
    """Draw a panel for each kind of leak, and one for the false alarms."""
    leaks = list(dict.fromkeys(each.leak for _, score in scores for each in score.detections))
    rows = math.ceil((len(leaks) + 1) / COLUMNS)
    width = LEFT + COLUMNS * (PANEL_W + GAP)
    height = TOP + rows * (PANEL_H + GAP) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{STYLE}</style>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_legend([name for name, _ in scores]),
    ]
    for number, leak in enumerate(leaks):
        parts += _panel(number, leak)
        for colour, (_, score) in zip(_colours(), scores, strict=False):
            found = [each for each in score.detections if each.leak == leak and each.trials]
            parts += _curve(number, found, colour)
    parts += _false_alarms(len(leaks), [score.false_alarms[0] for _, score in scores])
    return "\n".join([*parts, "</svg>", ""])


def _colours() -> Iterator[str]:
    while True:
        yield from COLOURS


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, (name, colour) in enumerate(zip(names, _colours(), strict=False)):
        x, y = LEFT + number % COLUMNS * (PANEL_W + GAP), 16 + number // COLUMNS * 15
        yield f'<rect x="{x}" y="{y - 8}" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{x + 15}" y="{y + 1}">{escape(name)}</text>'


def _origin(number: int) -> tuple[int, int]:
    """Return the upper left corner of a panel."""
    return LEFT + number % COLUMNS * (PANEL_W + GAP), TOP + number // COLUMNS * (PANEL_H + GAP)


def _x(number: int, hours: float) -> float:
    """Hours are on a scale of their logarithm."""
    share = math.log(hours / WINDOWS_H[0]) / math.log(WINDOWS_H[-1] / WINDOWS_H[0])
    return _origin(number)[0] + share * PANEL_W


def _y(number: int, share: float) -> float:
    return _origin(number)[1] + (1 - share) * PANEL_H


def _panel(number: int, title: str) -> Iterator[str]:
    left, top = _origin(number)
    yield f'<text class="title" x="{left}" y="{top - 6}">{escape(title)}</text>'
    for share in (0, 0.5, 1):
        y = _y(number, share)
        yield f'<line class="grid" x1="{left}" x2="{left + PANEL_W}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{share:.0%}</text>'
    for hours in WINDOWS_H:
        x = _x(number, hours)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + PANEL_H}"/>'
        yield f'<text x="{x:.1f}" y="{top + PANEL_H + 14}" text-anchor="middle">{hours} h</text>'


def _curve(number: int, found: Sequence[Detection], colour: str) -> Iterator[str]:
    """Draw what was found by each hour, and its 95 % interval as a band."""
    if not found:
        return
    xs = [_x(number, each.hours) for each in found]
    low = [(x, _y(number, each.known.low)) for x, each in zip(xs, found, strict=True)]
    high = [(x, _y(number, each.known.high)) for x, each in zip(xs, found, strict=True)]
    line = [(x, _y(number, each.known.measured)) for x, each in zip(xs, found, strict=True)]
    band = _points([*high, *reversed(low)])
    yield f'<polygon points="{band}" fill="{colour}" fill-opacity="0.15"/>'
    yield f'<polyline points="{_points(line)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _false_alarms(number: int, alarms: Sequence[Alarms]) -> Iterator[str]:
    """Draw a bar for each score, with its 95 % interval."""
    left, top = _origin(number)
    title = "false alarms per 1000 known meter-days"
    yield f'<text class="title" x="{left}" y="{top - 6}">{title}</text>'
    figures = [each.per_1000_days for each in alarms]
    most = max([1.0, *(each.high for each in figures if math.isfinite(each.high))])
    step = min(24, PANEL_H // max(1, len(figures)))
    for at, (each, colour) in enumerate(zip(figures, _colours(), strict=False)):
        if not math.isfinite(each.high):
            continue
        y, scale = top + at * step, (PANEL_W - 40) / most
        width = each.measured * scale
        yield f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{step - 8}" fill="{colour}"/>'
        yield (
            f'<line x1="{left + each.low * scale:.1f}" x2="{left + each.high * scale:.1f}" '
            f'y1="{y + step / 2 - 4}" y2="{y + step / 2 - 4}" stroke="#222"/>'
        )
        right = left + each.high * scale + 6
        yield f'<text x="{right:.1f}" y="{y + 12}">{each.measured:.1f}</text>'

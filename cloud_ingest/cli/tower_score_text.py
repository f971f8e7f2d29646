# SPDX-License-Identifier: MIT
"""How a score of the tower rules is worded. In: a score. Out: lines. Never: a decision."""

from cloud_ingest.cli.score_text import percent, percent_range
from cloud_ingest.cli.table import Column, table, with_figures
from cloud_ingest.scoring.confidence import Interval
from cloud_ingest.scoring.crossed_score import CrossedScore
from cloud_ingest.scoring.tower_score import WITHIN, Accused, Found, Invented, TowerScore

_Table = tuple[list[Column], list[tuple[str, ...]]]
_IN_DAYS = [f"{days} d" for days in WITHIN]


def tower_score_text(score: TowerScore) -> str:
    """Write a score as tables for a terminal; of nothing there is none."""
    tables = (
        _invented(score.invented),
        _accused(score),
        _raised(score.found),
        _named(score.found),
    )
    return "\n\n".join(table(columns, rows) for columns, rows in tables if rows)


def crossed_score_text(score: CrossedScore) -> str:
    """Write a score of the hint of crossed meters."""
    figure = score.false_per_1000_flat_months
    return (
        f"{score.weeks} weeks of {score.towers} towers: an exchanged pair is found in "
        f"{percent(score.found)} % ({percent_range(score.found)}).\n"
        f"False hints: {score.false_hints} in {score.flat_months:.0f} flat-months, "
        f"{figure.measured:.2f} per 1000 ({figure.low:.2f}-{figure.high:.2f})."
    )


def _invented(sound: tuple[Invented, ...]) -> _Table:
    columns = with_figures("Sound towers", "tower-days", "losses", "per 1000 (95 %)")
    return columns, [
        (each.kind, str(each.days), str(each.alarms), _per_1000(each.alarms_per_1000_days))
        for each in sound
    ]


def _accused(score: TowerScore) -> _Table:
    columns = with_figures("Sound meters", "towers", "meter-months", "named", "per 1000 (95 %)")
    rows = [_accused_row(each.kind, each.towers, each.accused) for each in score.invented]
    rows += [
        _accused_row(f"beside {each.fault}", each.towers, each.accused) for each in score.found
    ]
    if score.beside_faults is not None:
        every = sum(each.towers for each in score.found)
        rows.append(_accused_row("beside any fault", every, score.beside_faults))
    return columns, rows


def _accused_row(where: str, towers: int, accused: Accused) -> tuple[str, ...]:
    return (
        where,
        str(towers),
        f"{accused.meter_months:.0f}",
        str(accused.count),
        _per_1000(accused.per_1000_months),
    )


def _raised(faults: tuple[Found, ...]) -> _Table:
    return with_figures("Raised, %", *_IN_DAYS), [
        (each.fault, *_shares(each.raised)) for each in faults
    ]


def _named(faults: tuple[Found, ...]) -> _Table:
    return with_figures("Named, %", "L/d", *_IN_DAYS), [
        (each.fault, f"{each.median_use_l_per_day:.0f}", *_shares(each.named))
        for each in faults
        if each.median_use_l_per_day
    ]


def _shares(within: dict[int, Interval]) -> tuple[str, ...]:
    return tuple(f"{100 * own.measured:.0f} ({percent_range(own)})" for own in within.values())


def _per_1000(figure: Interval) -> str:
    return f"{figure.measured:.2f} ({figure.low:.2f}-{figure.high:.2f})"

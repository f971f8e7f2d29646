# SPDX-License-Identifier: MIT
"""How a score of the tower rules is worded. In: a score. Out: lines. Never: a decision."""

from cloud_ingest.cli.score_text import percent, percent_range
from cloud_ingest.cli.table import Column, table
from cloud_ingest.scoring.confidence import Interval
from cloud_ingest.scoring.crossed_score import CrossedScore
from cloud_ingest.scoring.tower_score import TowerScore

DAYS = (2, 7, 14, 30, 60)


def tower_score_text(score: TowerScore) -> str:
    """Write a score as tables for a terminal."""
    invented = table(
        [
            Column("Invented"),
            Column("count", "figure"),
            Column("per 1000", "figure"),
            Column("95 %"),
        ],
        [
            _rate("losses, in tower-days", score.alarms, score.alarms_per_1000_days),
            _rate(
                "sound meters named, in meter-months of sound towers",
                score.accused_in_sound,
                score.accused_sound,
            ),
            _rate(
                "sound meters named, in meter-months of all towers",
                score.accused,
                score.accused_per_1000_meter_months,
            ),
        ],
    )
    columns = [Column("Found in % within"), *(Column(f"{day} d", "figure") for day in DAYS)]
    rows: list[tuple[str, ...]] = []
    for each in score.found:
        use = (
            f", a flat of {each.median_use_l_per_day:.0f} L/d" if each.median_use_l_per_day else ""
        )
        rows.append((f"{each.fault}{use}: raised", *(percent(each.raised[day]) for day in DAYS)))
        rows.append(("  95 %", *(percent_range(each.raised[day]) for day in DAYS)))
        if each.median_use_l_per_day:
            rows.append(("  named", *(percent(each.named[day]) for day in DAYS)))
            rows.append(("  95 %", *(percent_range(each.named[day]) for day in DAYS)))
    return f"{invented}\n\n{table(columns, rows)}"


def crossed_score_text(score: CrossedScore) -> str:
    """Write a score of the hint of crossed meters."""
    figure = score.false_per_1000_flat_months
    return (
        f"{score.weeks} weeks of {score.towers} towers: an exchanged pair is found in "
        f"{percent(score.found)} % ({percent_range(score.found)}).\n"
        f"False hints: {score.false_hints} in {score.flat_months:.0f} flat-months, "
        f"{figure.measured:.2f} per 1000 ({figure.low:.2f}-{figure.high:.2f})."
    )


def _rate(what: str, count: int, figure: Interval) -> tuple[str, ...]:
    return what, str(count), f"{figure.measured:.2f}", f"{figure.low:.2f}-{figure.high:.2f}"

# SPDX-License-Identifier: MIT
"""How a score of the water rules is worded. In: a score. Out: lines. Never: a decision."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cloud_ingest.cli.table import counted, table, with_figures
from cloud_ingest.scoring.confidence import Interval
from cloud_ingest.scoring.score import Alarms, Detection, Score
from cloud_ingest.scoring.trials import WINDOWS_H


def as_text(score: Score, what: str) -> str:
    """Write a score as tables for a terminal."""
    heading = (
        f"{what}: {counted(score.sound_meters, 'sound meter')}, {score.leaking_meters} that leak"
    )
    return "\n\n".join(
        [heading, _false_alarms(score), _detections(score.detections), _spreads(score), ""]
    )


def as_json(score: Score, what: str) -> dict[str, object]:
    """Return a score for a program; a figure that is not known is null."""
    return {"of": what, **{name: _plain(value) for name, value in asdict(score).items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, Interval):
        return {name: _plain(figure) for name, figure in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _false_alarms(score: Score) -> str:
    columns = with_figures("Alarms", "count", "known meter-days", "per 1000", "95 %")
    rows = [_alarm_row(each, each.kind) for each in score.false_alarms]
    return table(columns, [*rows, _alarm_row(score.leaking, "of meters that leak")])


def _alarm_row(alarms: Alarms, name: str) -> tuple[str, ...]:
    figure = alarms.per_1000_days
    return (
        name,
        str(alarms.count),
        f"{alarms.days:.0f}",
        _figure(figure.measured, 2),
        f"{_figure(figure.low, 2)}-{_figure(figure.high, 2)}",
    )


def _detections(detections: Sequence[Detection]) -> str:
    """One row a kind of leak: found within each window, in per cent."""
    columns = with_figures("Leak, found in % within", *(f"{hours} h" for hours in WINDOWS_H))
    rows = []
    for leak in dict.fromkeys(each.leak for each in detections):
        of_leak = [each for each in detections if each.leak == leak]
        rows.append((leak, *(percent(each.known) for each in of_leak)))
        rows.append(("  95 %", *(percent_range(each.known) for each in of_leak)))
        rows.append(("  of windows known to 90 %", *(str(each.trials) for each in of_leak)))
        rows.append((f"  of all {of_leak[0].all_trials}", *(percent(x.all) for x in of_leak)))
    return table(columns, rows)


def _spreads(score: Score) -> str:
    folds = max((len(each.by_fold) for each in score.spreads), default=0)
    of_folds = (f"fold {number}" for number in range(1, folds + 1))
    columns = with_figures("Over meters", "all", "95 %", *of_folds)
    rows = [
        (
            each.what,
            _figure(each.over_meters.measured, 2),
            f"{_figure(each.over_meters.low, 2)}-{_figure(each.over_meters.high, 2)}",
            *(_figure(value, 2) for value in each.by_fold),
        )
        for each in score.spreads
    ]
    return table(columns, rows)


def percent(figure: Interval) -> str:
    """Write a share in per cent."""
    return _figure(100 * figure.measured, 1)


def percent_range(figure: Interval) -> str:
    """Write between what a share lies, in per cent."""
    return f"{100 * figure.low:.0f}-{100 * figure.high:.0f}"


def _figure(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"

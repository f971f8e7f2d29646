# SPDX-License-Identifier: MIT
"""A notebook in words: what is understood of it, and why it differs from ours.

In: a notebook, or a month of it beside ours. Out: sentences, tables, and their JSON. Never: a
decision. Pure.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, counted, figure, local, table
from cloud_ingest.core.notebook_cells import When
from cloud_ingest.core.notebook_heading import letters
from cloud_ingest.core.notebook_page import Page
from cloud_ingest.core.notebook_table import Notebook
from cloud_ingest.core.notebook_ways import Cause, Finding
from cloud_ingest.entries.history import History
from cloud_ingest.month.parallel import Compared, Line

MOST_FAULTS = 20
MOST_NAMED = 8
LEAST_MOVED = 4
"""Units of another date: fewer say nothing of their column."""
HOLDS = {
    "flat": "the flat",
    "tower": "its tower",
    "meter": "the meter's serial number",
    "day": "the day of the reading",
    "reading": "reading",
    "opening": "reading before",
    "used": "used",
}


# What is understood.


def understood_text(file: str, found: Notebook, unknown: Sequence[str]) -> str:
    """Write what is understood of a notebook."""
    lines = [*wrapped(_understood(file, found))]
    if found.columns:
        columns = [Column("Sheet"), Column("Column", "name"), Column("Heading"), Column("Holds")]
        rows = [
            (
                each.sheet or "-",
                letters(each.at),
                each.heading or "-",
                _holds(each.holds, each.when),
            )
            for each in found.columns
        ]
        lines += ["", table(columns, rows)]
    lines += _listed("Left out", found.left_out)
    lines += _listed("Not right", [*found.faults, *unknown])
    if not found.columns:
        lines += ["", *wrapped("Say with --columns what they hold: flat=A,2026-10-01=C")]
    return "\n".join(lines)


def _understood(file: str, found: Notebook) -> str:
    if not found.readings and not found.uses:
        return f"{file}: no readings are understood."
    flats = {each.who for each in found.readings} | {each.who for each in found.uses}
    parts = []
    if days := sorted({each.day for each in found.readings}):
        stretch = _day(days[0]) if len(days) == 1 else f"{_day(days[0])} to {_day(days[-1])}"
        parts.append(f"{counted(len(found.readings), 'reading')} of {stretch}")
    if found.uses:
        parts.append(f"{counted(len(found.uses), 'use')} of months")
    wrong = f"; {counted(len(found.faults), 'cell')} not right" if found.faults else ""
    return f"{file}: {counted(len(flats), 'flat')}, {' and '.join(parts)}{wrong}."


def _holds(holds: str, when: When | None) -> str:
    if when is None:
        return HOLDS[holds]
    named = f"{when.first:%b %Y}" if when.is_month else _day(when.first)
    return f"{HOLDS[holds]}, {named}"


def _listed(title: str, texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    lines = ["", f"{title}:"]
    for text in texts[:MOST_FAULTS]:
        lines += wrapped(text, 2)
    if len(texts) > MOST_FAULTS:
        lines.append(f"  … and {len(texts) - MOST_FAULTS} more")
    return lines


def understood_json(file: str, found: Notebook, unknown: Sequence[str]) -> dict[str, object]:
    """Return what is understood of a notebook."""
    return {
        "file": file,
        "columns": [
            {
                "sheet": each.sheet,
                "column": letters(each.at),
                "heading": each.heading,
                "holds": each.holds,
                "day": None if each.when is None else f"{each.when.first:%Y-%m-%d}",
                "is_month": each.when is not None and each.when.is_month,
            }
            for each in found.columns
        ],
        "readings": [
            {
                "cell": str(each.where),
                "flat": each.who.flat,
                "day": f"{each.day:%Y-%m-%d}",
                "value": f"{each.value:f}",
            }
            for each in found.readings
        ],
        "used": [
            {
                "cell": str(each.where),
                "flat": each.who.flat,
                "month": f"{each.when.first:%Y-%m}",
                "value": f"{each.value:f}",
            }
            for each in found.uses
        ],
        "left_out": list(found.left_out),
        "not_right": [*found.faults, *unknown],
    }


def import_text(done: History, zone: ZoneInfo) -> str:
    """Say what was taken over, or would be."""
    what = (
        f"{done.file}: {counted(done.rows, 'reading')} of {counted(done.channels, 'register')}, "
        f"{local(done.first, zone)} to {local(done.last, zone)}"
    )
    if not done.stored:
        return "\n".join(
            wrapped(f"{what}: all are good, and nothing is stored yet: give --yes to store them")
        )
    told = f"{done.new} new, {done.duplicates} known, {done.conflicts} beside another reading"
    return "\n".join(wrapped(f"{what}: {told} of the same moment"))


# A month beside ours.


def compared_text(found: Compared, *, all_units: bool) -> str:
    """Write a month of a notebook beside ours: the sentence first."""
    lines = [*wrapped(_sentence(found))]
    shown = [each for each in found.lines if all_units or each.verdict.agrees is not True]
    if shown:
        columns = [
            Column("Unit"),
            *(Column(title, "figure") for title in ("Notebook", "Ours", "Differs")),
            Column("Likely cause"),
        ]
        rows = [
            (
                each.unit,
                figure(each.page.says),
                figure(each.ours),
                figure(each.difference),
                cause_text(each, found.unit),
            )
            for each in shown
        ]
        lines += ["", table(columns, rows)]
    if found.lacking:
        lines += _listed("Not in the notebook", [_some(found.lacking)])
    lines += _listed("Not understood", found.faults)
    return "\n".join(lines)


def _sentence(found: Compared) -> str:
    odd = [each.unit for each in found.lines if each.verdict.agrees is False]
    unsaid = [each.unit for each in found.lines if each.verdict.agrees is None]
    total = len(found.lines)
    agree = total - len(odd) - len(unsaid)
    so_far = "" if found.is_closed else ", which is not closed yet"
    said = f"{found.month.first:%B %Y}{so_far}, {found.service}: {agree} of {total} agree"
    if odd:
        said += f"; {len(odd)} {'differs' if len(odd) == 1 else 'differ'}: {_some(odd)}"
    if unsaid:
        said += f"; of {len(unsaid)} it cannot be said: {_some(unsaid)}"
    return f"{said}.{_other_month(found)}"


def _other_month(found: Compared) -> str:
    """Say that a whole column may be of another month."""
    moved = [
        line
        for line in found.lines
        if any(each.cause is Cause.DATE for each in line.verdict.causes)
    ]
    if len(moved) < LEAST_MOVED or 2 * len(moved) < len(found.lines):
        return ""
    return " Most of them were read on another date: is a column that of another month?"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def cause_text(line: Line, unit: str) -> str:
    """Say why a unit differs, where that can be told."""
    if line.verdict.agrees is None:
        return "cannot say: we do not know its register around these days"
    if line.verdict.agrees:
        return ""
    told = [_cause(each, line.page, unit) for each in line.verdict.causes]
    if not told:
        return "not explained: read the dial again"
    return told[0] if len(told) == 1 else f"either {told[0]}, or {told[1]}"


def _cause(found: Finding, page: Page, unit: str) -> str:
    number = "" if found.number is None else f"{found.number:f}"
    match found.cause:
        case Cause.DATE:
            text = f"another date: {found.written:f} was shown about {_day(found.day)}"
        case Cause.DIGITS:
            text = f"digits exchanged: {found.written:f} for {number}"
        case Cause.MISREAD:
            text = f"a digit misread: {found.written:f} for {number}"
        case Cause.POINT:
            text = f"a decimal point left out: {found.written:f} for {number}"
        case Cause.FACTOR:
            text = _factor(found.number or Decimal(1))
        case Cause.FLATS:
            text = f"exchanged with {found.other}"
        case Cause.REPEATED:
            day = "" if page.opening is None else f" of {_day(page.opening.day)}"
            text = f"the reading{day} written again"
        case Cause.ROLLOVER:
            text = "the dial went over its end: a plain difference does not count it"
        case Cause.REPLACED:
            text = f"meter {found.other} was replaced: its dial and the new one's are mixed"
        case Cause.SOURCE:
            text = f"another source is included: {number} {unit}"
        case Cause.SUM:
            text = "its own two readings give another difference"
        case Cause.OURS:
            text = "both dials fit our register, and our number does not: see explain"
    return text


def _factor(factor: Decimal) -> str:
    if factor >= 1:
        return f"the notebook counts {factor:f} times ours: look at pulse weight and CT ratio"
    return f"we count {1 / factor:f} times the notebook: look at pulse weight and CT ratio"


def _day(day: date | None) -> str:
    return "-" if day is None else f"{day.day} {day:%b %Y}"


def as_json(found: Compared) -> dict[str, object]:
    """Return a month of a notebook beside ours."""
    return {
        "month": str(found.month),
        "service": found.service.value,
        "unit": found.unit,
        "closed": found.is_closed,
        "units": [_line_json(each, found.unit) for each in found.lines],
        "not_in_notebook": list(found.lacking),
        "not_understood": list(found.faults),
    }


def _line_json(line: Line, unit: str) -> dict[str, object]:
    return {
        "unit": line.unit,
        "readings": [
            {"day": f"{each.day:%Y-%m-%d}", "value": each.value} for each in line.page.readings
        ],
        "notebook": line.page.says,
        "ours": line.ours,
        "difference": line.difference,
        "agrees": line.verdict.agrees,
        "causes": [
            {"cause": each.cause.value, "words": _cause(each, line.page, unit)}
            for each in line.verdict.causes
        ],
    }

# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: PLC0415 - imports when needed
"""What was read of a meter, as text: the examination, a profile's row, what failed.

In: values of the modules under `install`. Out: text on stdout.
Never: JSON, which the values write themselves.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from edge_agent.cli.terminal import folded, listing, table

if TYPE_CHECKING:
    from edge_agent.install.examination import Examination, Trouble
    from edge_agent.install.shown import ShownRow, ShownValue
    from shared_schema.obis import Obis


def show_examination(found: "Examination") -> None:
    """Print what was read of a meter."""
    print(listing(_facts(found)))
    entries = found.plate.entries if found.plate else {}
    rows = [(str(obis), text, "", _meaning(obis)) for obis, text in entries.items()]
    rows += map(_cells, found.registers)
    if rows:
        print()
        print(table(("OBIS", "value", "unit", "meaning"), rows, right=1))
    for profile in found.profiles:
        oldest = f", oldest row {profile.oldest:%Y-%m-%d %H:%M}" if profile.oldest else ""
        period = f", every {profile.period_s // 60} min" if profile.period_s else ""
        print("\n" + folded(f"{profile.title} {profile.obis}{period}{oldest}", sys.stdout))
        show_row(profile.rows[-1])
    if found.remarks:
        print(listing(("note", remark) for remark in found.remarks))


def _facts(found: "Examination") -> Iterable[tuple[str, str]]:
    plate = found.plate
    who = plate and (plate.manufacturer, plate.serial)
    if found.meter is not None:
        who = (found.meter.manufacturer, found.meter.serial)
    yield "meter", " ".join(filter(None, who or ())) or "did not say who it is"
    if found.clock is not None and found.clock_offset_s is not None:
        offset = found.clock_offset_s
        way = "ahead of" if offset >= 0 else "behind"
        clock = f"{found.clock:%Y-%m-%d %H:%M:%S %z}"
        yield "clock", f"{clock}, {abs(offset):.0f} s {way} this machine"
        if not found.is_time_known:
            from edge_agent.install import advice_texts

            yield "", f"this machine's own time is not synchronised: {advice_texts.NO_TIME}"
    yield "line", f"{found.line.frames:,} frames, {found.line.errors:,} errors"


def show_row(row: "ShownRow") -> None:
    """Print a profile's row as a table."""
    header = ("OBIS", f"{row.at:%Y-%m-%d %H:%M}", "unit", "meaning")
    print(table(header, map(_cells, row.values), right=1))


def show_troubles(troubles: "Iterable[Trouble]") -> None:
    """Print what failed, and once for each advice what to try."""
    by_advice: dict[str, list[Trouble]] = {}
    for each in troubles:
        by_advice.setdefault(each.advice, []).append(each)
    for text, those in by_advice.items():
        print()
        lines = [("failed", f"{each.step}: {each.said}") for each in those]
        print(listing([*lines, ("  try", text)] if text else lines))


def _cells(shown: "ShownValue") -> tuple[str, str, str, str]:
    return str(shown.obis), shown.text, shown.unit, shown.name


def _meaning(obis: "Obis") -> str:
    from shared_schema.catalogue import CATALOGUE

    known = CATALOGUE.get(obis)
    return known.name if known else ""

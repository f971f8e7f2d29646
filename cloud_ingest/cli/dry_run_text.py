# SPDX-License-Identifier: MIT
"""What closing a month would do, in lines of 80 columns.

In: a dry run. Out: lines. Pure.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import counted
from cloud_ingest.month.dry_run import DryRun, Planned, What

_WORDS: Final[Mapping[What, str]] = {
    "send": "sends",
    "withhold": "withholds",
    "take back": "takes back",
    "hold": "holds",
}


def dry_run_lines(found: DryRun) -> Iterator[str]:
    """Say what a closing would do: the sum first, then each number and each tower."""
    times = Counter(each.what for each in found.planned)
    told = ", ".join(f"{times[what]} to {what}" for what in _WORDS)
    yield from wrapped(
        f"{found.month} of {found.society} would have {counted(found.numbers, 'number')}: {told}"
    )
    others = [month for month in found.months if month != found.month]
    if others:
        yield f"closed with it: {', '.join(others)}"
    for each in found.planned:
        yield from wrapped(_line(each), 2, 6)
    for balance in found.balances:
        before, after = (
            "not known" if loss is None else f"{loss:f} {balance.unit}"
            for loss in (balance.before, balance.after)
        )
        told = f"{balance.month} {balance.tower} {balance.service}: loss {before} -> {after}"
        yield from wrapped(told, 2, 6)
    yield "nothing is written"


def _line(each: Planned) -> str:
    what = f"{_WORDS[each.what]} {each.month} {each.subject} {each.service}"
    change = f"{_amount(each.before, each.unit)} -> {_amount(each.after, each.unit)}"
    version = "" if each.version is None else f" (v{each.version})"
    why = f"; {', '.join(each.reasons)}" if each.reasons else ""
    return f"{what}: {change}{version}{why}"


def _amount(quantity: Decimal | None, unit: str) -> str:
    return "nothing" if quantity is None else f"{quantity:f} {unit}"

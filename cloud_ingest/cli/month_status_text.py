# SPDX-License-Identifier: MIT
"""Where a month stands, in words. In: a status. Out: lines of 80 columns. Pure."""

import shlex
from collections.abc import Iterator

from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.words import REASONS
from cloud_ingest.month.published import ShownNumber
from cloud_ingest.month.status import MonthStatus


def status_text(found: MonthStatus, title: str) -> str:
    """Write a status as one sentence, and what is missing below it."""
    return "\n".join(_lines(found, title))


def _lines(found: MonthStatus, title: str) -> Iterator[str]:
    if found.phase == "running":
        yield from wrapped(f"{title} has not ended.")
    elif found.phase == "ended":
        close = shlex.join(["cloud-ingest", "close-month", found.month, "--society", found.society])
        yield from wrapped(f"{title} was never closed: {close}")
    else:
        said = f"{title}: {found.final} of {found.total} final"
        if found.missing:
            first, *more = found.missing
            said += f", {len(found.missing)} withheld: {_named(first)}"
            said += f", and {len(more)} more" if more else ""
        yield from wrapped(said)
        for each in found.missing:
            yield from wrapped(_named(each), 2)


def _named(each: ShownNumber) -> str:
    why = f", {REASONS[each.reasons[0]]}" if each.reasons else ""
    return f"{each.subject} {each.service.value}{why}"

# SPDX-License-Identifier: MIT
"""One meter's month, from what is known of its register: the borders, and what is between them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cloud_ingest.core.border import Known, NotElected, Rules, cuts_of
from cloud_ingest.core.border_choice import choose_borders
from cloud_ingest.core.consumption import Measured, measure
from cloud_ingest.core.month import Month
from cloud_ingest.core.placing import Interval
from cloud_ingest.core.register import Epochs, Register

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def month_of_meter(
    readings: Iterable[Register],
    epochs: Epochs,
    month: Month,
    span: tuple[datetime, datetime | None] = (LONG_AGO, None),
    rules: Rules = Rules(),  # noqa: B008 - it is frozen
    *,
    not_elected: Sequence[NotElected] = (),
    intervals: Sequence[Interval] = (),
    published: Register | None = None,
    others: Sequence[tuple[datetime, datetime | None]] = (),
) -> Measured:
    """Measure one assignment of a meter.

    Args:
        readings: What is elected of its register, in any order.
        epochs: Of its channels.
        month: The month.
        span: From when to when the meter served its subject.
        rules: What a border may be met by.
        not_elected: What else was said.
        intervals: Of its profile.
        published: Where the month before was closed.
        others: When it served somebody else.
    """
    known = Known(list(readings), epochs, not_elected, intervals, rules)
    cuts = cuts_of(month.start, month.end, [span, *others])
    borders = choose_borders(known, cuts, published)
    ends_at = month.end if span[1] is None else min(span[1], month.end)
    return measure(borders[max(span[0], month.start)], borders[ends_at], epochs, month)

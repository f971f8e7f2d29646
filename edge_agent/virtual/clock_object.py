# SPDX-License-Identifier: GPL-2.0-only
"""The clock object of a meter, class 8: what it shows, and how the utility sets it.

It goes on when the metering is in fault. The utility sets its time, or shifts it by up to 900 s.

In: the counting part of a meter. Out: the object.
Never: a time taken that is more than a day from what the clock shows.
"""

from datetime import datetime, timedelta

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import Data, Tag
from edge_agent.virtual.cosem import AccessError, AccessResult
from edge_agent.virtual.counter import Counter
from edge_agent.virtual.objects import Asking, PlainObject, constant
from shared_schema.catalogue import CLOCK

_FURTHEST_S = 86400
_LONGEST_SHIFT_S = 900
_NEVER = axdr.octet_string(b"\xff" * 9 + b"\x80\x00\xff")
"""Daylight saving neither begins nor ends."""


def clock_object(counter: Counter) -> PlainObject:
    """Return the clock of a meter."""
    clock = _Clock(counter)
    return PlainObject(
        8,
        CLOCK,
        {
            2: clock.time,
            3: clock.zone,
            4: clock.status,
            5: constant(_NEVER),
            6: constant(_NEVER),
            7: constant(axdr.integer(0)),
            8: constant(axdr.boolean(False)),  # noqa: FBT003  # the value itself
            9: constant(axdr.enum(1)),
        },
        attributes=9,
        public=True,
        writers={2: clock.set_time},
        methods={6: clock.shift},
    )


class _Clock:
    """The attributes and methods of the clock of one meter."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def time(self, asking: Asking) -> bytes:
        return axdr.octet_string(self._shown(asking.now))

    def zone(self, asking: Asking) -> bytes:
        local = asking.now.astimezone(self._counter.spec.zone)
        east = (local.utcoffset() or timedelta()) - (local.dst() or timedelta())
        west = -int(east.total_seconds()) // 60
        return axdr.long(-west if self._counter.dial.deviation == "reversed" else west)

    def status(self, asking: Asking) -> bytes:
        return axdr.unsigned(self._shown(asking.now)[11])

    def set_time(self, value: Data | None, now: datetime) -> None:
        if value is None or not isinstance(value.value, bytes):
            raise AccessError(AccessResult.TYPE_UNMATCHED)
        try:
            wanted = self._counter.dial.seconds(value.value, upper=False)
        except ValueError:
            raise AccessError(AccessResult.OTHER_REASON) from None
        self._move(now, wanted - self._counter.clock(now).timestamp())

    def shift(self, value: Data | None, now: datetime) -> None:
        if value is None or value.tag is not Tag.LONG or not isinstance(value.value, int):
            raise AccessError(AccessResult.TYPE_UNMATCHED)
        if abs(value.value) > _LONGEST_SHIFT_S:
            raise AccessError(AccessResult.OTHER_REASON)
        self._move(now, value.value)

    def _shown(self, now: datetime) -> bytes:
        return self._counter.dial.octets(self._counter.clock(now))

    def _move(self, now: datetime, by_s: float) -> None:
        if abs(by_s) > _FURTHEST_S:
            raise AccessError(AccessResult.OTHER_REASON)
        self._counter.set_clock(now, self._counter.clock(now).timestamp() + by_s)

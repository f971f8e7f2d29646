# SPDX-License-Identifier: MIT
"""The leak rule: a flat that has not had one dry hour for a day is leaking.

The rule (scored on real household registers):

* The readings are cut into hours, each between two readings that are about an hour apart,
  at whatever minute the meter is read. There is a leak when every hour of the last 24 had a
  flow of 3.8 L or more, or of one step of the register where that is coarser.
* Only known hours count. Where no two readings are about an hour apart nothing is interpolated:
  a register that did not move was dry, one that moved tells nothing. 90 % of a day must be
  known; where a gap lies between, the window grows by it, up to half a day.
* It ends after two dry hours (unknown ones between them change nothing).

What it cannot see: a leak below the threshold, one that pauses because the supply does, and on
a register of 10 L or 100 L anything that does not move it every hour.

In: the readings of a water meter's cumulative register, oldest first. Out: the leak that still
runs at the newest reading, or None. Pure: no clock; the time is that of the data, so a back-fill
that arrives late is judged as if it had come in time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

HOUR_S = 3600
LONG_FLOW = timedelta(days=40)
"""A flow whose start is not seen within so long is only told to be longer."""
LOOK_BACK = LONG_FLOW + timedelta(days=1)
"""How far back the start of an unbroken flow is looked for."""


@dataclass(frozen=True, slots=True)
class LeakRule:
    """The thresholds."""

    floor_litres: Decimal = Decimal("3.8")
    """Least flow of an hour that is not dry: one US gallon, as the field defines it."""
    window_s: int = 24 * HOUR_S
    known_s: int = 24 * HOUR_S * 9 // 10
    """How much flow without a dry hour must be known."""
    bridged_s: int = 12 * HOUR_S
    """How much unknown time may lie within it; more of it, and the count starts again."""
    dry_to_clear_s: int = 2 * HOUR_S
    shortest_hour_s: int = 45 * 60
    longest_hour_s: int = 90 * 60
    most_litres_an_hour: Decimal = Decimal(20000)
    """More than any flat's meter passes: such a step is another meter, not a flow."""

    def threshold(self, resolution_litres: Decimal) -> Decimal:
        """Return the least flow of an hour that is not dry, on a register of this step."""
        return max(self.floor_litres, resolution_litres)


DEFAULT_RULE = LeakRule()


@dataclass(frozen=True, slots=True)
class Flow:
    """What passed a meter between two readings; None where that tells nothing of each hour."""

    start_s: int
    end_s: int
    litres: Decimal | None

    @property
    def duration_s(self) -> int:
        """How long it was: about an hour where it is known and not dry."""
        return self.end_s - self.start_s

    def is_dry(self, threshold: Decimal) -> bool:
        """Say whether less than ``threshold`` an hour passed."""
        return self.litres is not None and self.litres * HOUR_S < threshold * self.duration_s


@dataclass(frozen=True, slots=True)
class Leak:
    """A flow without a dry hour that still runs at the newest known hour."""

    since: datetime
    """Start of the first hour of the unbroken flow, or of what was looked at."""
    found_at: datetime
    """The reading with which the rule was first met."""
    until: datetime
    """The end of the newest hour with flow."""
    lowest_hour_litres: Decimal
    hours: int
    """Known hours with flow since then."""
    start_known: bool
    """False: no dry hour is known right before it, so it may be older."""


def hourly_flows(
    readings: Sequence[tuple[int, int]],
    litres_per_count: Decimal,
    rule: LeakRule = DEFAULT_RULE,
) -> list[Flow]:
    """Cut the readings into hours, without a gap between any two.

    Args:
        readings: (seconds since 1970, raw register) of one meter, ascending in time.
        litres_per_count: What one count of the register is worth.
        rule: The thresholds.
    """
    times = [ts for ts, _raw in readings]
    flows: list[Flow] = []
    here = 0
    while (there := _about_an_hour_on(times, here, rule)) is not None:
        start_s, opening = readings[here]
        end_s, closing = readings[there]
        litres: Decimal | None = (closing - opening) * litres_per_count
        long = end_s - start_s > rule.longest_hour_s
        if litres is not None and (
            litres < 0
            or litres * HOUR_S > rule.most_litres_an_hour * (end_s - start_s)
            or (long and litres > 0)
        ):
            litres = None
        flows.append(Flow(start_s, end_s, litres))
        here = there
    return flows


def _about_an_hour_on(times: Sequence[int], here: int, rule: LeakRule) -> int | None:
    """Return the reading that ends the hour from ``here``, or the first one after a gap.

    Of several it is the one nearest to a full hour of the clock, so that a register is cut
    alike wherever one begins to look at it, and a flag does not come and go with that.
    """
    if not times:
        return None
    first = bisect_left(times, times[here] + rule.shortest_hour_s, here)
    if first == len(times):
        return None
    last = bisect_right(times, times[here] + rule.longest_hour_s, first)
    candidates = range(first, max(last, first + 1))
    return min(
        candidates, key=lambda index: abs((times[index] + HOUR_S // 2) % HOUR_S - HOUR_S // 2)
    )


def running_leak(
    flows: Iterable[Flow], resolution_litres: Decimal, rule: LeakRule = DEFAULT_RULE
) -> Leak | None:
    """Return the leak that runs at the newest known hour, or None.

    Args:
        flows: As `hourly_flows` returns them.
        resolution_litres: One step of the register.
        rule: The thresholds.
    """
    threshold = rule.threshold(resolution_litres)
    run: list[Flow] = []  # the known hours with flow since the last dry one
    known_s = unknown_s = dry_s = 0
    found_s: int | None = None
    start_known = False
    before: Flow | None = None
    for flow in flows:
        if flow.litres is None:
            unknown_s += flow.duration_s
            if found_s is None and unknown_s > rule.bridged_s:
                run, known_s, unknown_s = [], 0, 0
        elif flow.is_dry(threshold):
            dry_s += flow.duration_s
            if found_s is None or dry_s > rule.dry_to_clear_s - rule.shortest_hour_s:
                run, known_s, unknown_s, found_s = [], 0, 0, None
        else:
            if not run:
                start_known = before is not None and before.is_dry(threshold)
            run.append(flow)
            known_s += flow.duration_s
            dry_s = 0
            long_enough = flow.end_s - run[0].start_s >= rule.window_s
            if found_s is None and long_enough and known_s >= rule.known_s:
                found_s = flow.end_s
        before = flow
    if found_s is None:
        return None
    return Leak(
        since=datetime.fromtimestamp(run[0].start_s, UTC),
        found_at=datetime.fromtimestamp(found_s, UTC),
        until=datetime.fromtimestamp(run[-1].end_s, UTC),
        lowest_hour_litres=min(flow.litres for flow in run if flow.litres is not None),
        hours=len(run),
        start_known=start_known,
    )


def may_leak(
    flows: Sequence[Flow], resolution_litres: Decimal, rule: LeakRule = DEFAULT_RULE
) -> bool:
    """Say whether the newest day alone leaves a leak possible: worth looking further back."""
    threshold = rule.threshold(resolution_litres)
    start_s = flows[-1].end_s - rule.window_s if flows else 0
    dry_s = sum(
        flow.end_s - max(flow.start_s, start_s)
        for flow in flows
        if flow.end_s > start_s and flow.is_dry(threshold)
    )
    return bool(flows) and dry_s <= rule.dry_to_clear_s

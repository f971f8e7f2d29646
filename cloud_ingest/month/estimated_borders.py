# SPDX-License-Identifier: MIT
"""Parts of a month between estimated borders: what a meter probably counted for its subject.

In: a closing, and what each meter counted. Out: the borders that nobody read as `core.estimate`
places them, and parts that are counted with them. Never: a write.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cloud_ingest.core.border import PROMPT, Border
from cloud_ingest.core.consumption import measure
from cloud_ingest.core.estimate import EstimatedUse, PlacedRegister, use_between
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.gap import KnownRegister
from cloud_ingest.core.month import Month
from cloud_ingest.core.plausible import in_steps
from cloud_ingest.core.quality import DISPROOFS
from cloud_ingest.core.register import Epochs, Register, normalised
from cloud_ingest.month.boundaries import Closings, closings_before, meter_key
from cloud_ingest.month.closing import Closing
from cloud_ingest.month.count import Counted
from cloud_ingest.month.estimates import Placed, Unread, place_borders
from cloud_ingest.month.known_use import Meters, meters_of
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from shared_schema.quality import Origin, Reason


@dataclass(frozen=True, slots=True)
class EstimatedBorders:
    """Estimated borders of meters, and what is needed to count with them."""

    placed: Placed
    meters: Meters
    epochs: Epochs
    """Of every channel that meets a border."""
    before: Closings
    """Where the month before was closed."""

    def register(self, part: Counted, end: Border) -> KnownRegister | PlacedRegister | None:
        """Return where a register stood at an end of a part; None where nothing can be said."""
        if end.chosen is None or end.is_placed:
            placed = self.placed.get((part.assignment.meter_id, end.at))
            if placed is not None or end.chosen is None:
                return placed
        return KnownRegister(end.at, normalised(end.chosen, self.epochs), end.low, end.high)

    def use(self, part: Counted) -> EstimatedUse | None:
        """Return what a meter probably counted for its subject; None where that cannot be told."""
        begin, end = part.measured.begin, part.measured.end
        opening = None if begin is None else self.register(part, begin)
        closing = None if end is None else self.register(part, end)
        if opening is None or closing is None:
            return None
        use = use_between(opening, closing)
        return None if use.quantity < 0 else use

    def border(self, part: Counted, end: Border, reason: Reason) -> Border:
        """Return an end of a part at its estimated value; unchanged where none can be sent.

        What is extrapolated back from the first reading of a meter is not sent.
        """
        placed = self.placed.get((part.assignment.meter_id, end.at))
        if end.chosen is not None or placed is None or placed.gap.before is None:
            return end
        own = self.meters.own(part.assignment.meter_id)
        channel = min(own, key=lambda each: self.meters.exponents[each.channel_id])
        exponent = self.meters.exponents[channel.channel_id]
        zero = Register(channel.channel_id, end.at, 0, Origin.ESTIMATE, exponent)
        with exactly():
            raw = in_steps(placed.counted - normalised(zero, self.meters.epochs), exponent)
        if raw is None or raw < 0:  # the register began anew in between
            return end
        return replace(
            end,
            chosen=replace(zero, raw=raw),
            low=placed.lower,
            high=placed.upper,
            reasons=end.reasons | {reason},
            placed_by=placed.method,
        )

    def chained(self, part: Counted) -> Border | None:
        """Return the opening of a part where the month before was closed with an estimate."""
        begin = part.measured.begin
        closed = self.before.get(meter_key(part.assignment))
        if begin is None or closed is None or closed.origin is not Origin.ESTIMATE:
            return begin
        if closed.at != begin.at:
            return begin
        placed = self.placed.get((part.assignment.meter_id, begin.at))
        if begin.chosen is not None:
            return _opened_by(begin, placed) if _is_long_placed(begin) else begin
        own = self.meters.own(part.assignment.meter_id)
        for channel in own:
            exponent = self.meters.exponents[channel.channel_id]
            raw = in_steps(closed.register_value, exponent)
            if raw is not None:
                chosen = Register(channel.channel_id, begin.at, raw, Origin.ESTIMATE, exponent)
                return _opened_by(replace(begin, chosen=chosen), placed)
        return begin


def _opened_by(begin: Border, placed: PlacedRegister | None) -> Border:
    """Return an opening at an estimate that closed the month before, with its bounds."""
    return replace(
        begin,
        low=None if placed is None else placed.lower,
        high=None if placed is None else placed.upper,
        reasons=begin.reasons | {Reason.NO_OPENING},
        placed_by=None if placed is None else placed.method,
    )


def unmet(part: Counted) -> list[Border]:
    """Return the ends of a part that no reading meets."""
    ends = (part.measured.begin, part.measured.end)
    return [end for end in ends if end is not None and end.chosen is None]


def unread(part: Counted) -> list[Border]:
    """Return the ends of a part that nobody read: not met, or opened by an earlier estimate."""
    begin = part.measured.begin
    opened = [begin] if begin is not None and _is_long_placed(begin) else []
    return [*opened, *unmet(part)]


def _is_long_placed(border: Border) -> bool:
    """Say whether a placed border has no reading within a day on one of its sides."""
    before, after = border.before, border.after
    return border.is_placed and (
        before is None
        or after is None
        or border.at - before.ts > PROMPT
        or after.ts - border.at > PROMPT
    )


def is_unread(parts: Iterable[Counted]) -> bool:
    """Say whether nothing but missing borders keeps a subject's month from being proved."""
    own = list(parts)
    return any(map(unread, own)) and not any(map(_is_disproved, own))


def _is_disproved(part: Counted) -> bool:
    measured = part.measured
    if measured.quantity is not None:
        return False
    return (
        not unmet(part) or Reason.SCALER in measured.reasons or bool(measured.reasons & DISPROOFS)
    )


def read_estimated_borders(
    conn: Connection, closing: Closing, span: Month, subjects: Iterable[Iterable[Counted]]
) -> EstimatedBorders:
    """Return the estimated borders of subjects in a month, or in several that count as one."""
    parts = [part for own in subjects for part in own]
    chosen = {
        end.chosen.channel_id
        for part in parts
        for end in (part.measured.begin, part.measured.end)
        if end is not None and end.chosen is not None
    }
    borders = {Unread(part.assignment, end.at) for part in parts for end in unread(part)}
    meters = meters_of(
        conn,
        closing.society_id,
        [part.assignment for part in parts],
        zone=closing.zone,
        until=closing.now,
    )
    return EstimatedBorders(
        placed=place_borders(meters, borders),
        meters=meters,
        epochs=epochs_of(conn, chosen | set(meters.exponents)),
        before=closings_before(conn, closing.society_id, span),
    )


def filled(borders: EstimatedBorders, part: Counted, span: Month, *, opens: bool) -> Counted:
    """Return a part between estimated borders, as far as they can be sent.

    Args:
        borders: The estimated borders.
        part: What its meter counted.
        span: The month, or several that count as one.
        opens: Its opening at the start of the month may be an estimate as well.
    """
    begin, end = borders.chained(part), part.measured.end
    if begin is None or end is None:
        return part
    if opens or begin.at > span.start:
        begin = borders.border(part, begin, Reason.NO_OPENING)
    end = borders.border(part, end, Reason.NO_CLOSING)
    if (begin, end) == (part.measured.begin, part.measured.end):
        return part
    found = replace(part, measured=measure(begin, end, borders.epochs, span))
    use = borders.use(found)
    if use is None:
        return found
    return replace(found, measured=replace(found.measured, lower=use.lower, upper=use.upper))


def estimated(borders: EstimatedBorders, part: Counted) -> Counted:
    """Return a part with what its meter probably counted beside it, if that can be told."""
    return replace(part, estimate=borders.use(part))

# SPDX-License-Identifier: MIT
"""The sums of a balance: what meters counted, the ways in, a generator, how uncertain it is.

In: what each meter counted at one place. Out: totals, of which None says that a part is not known.
Pure; its callers add up within `exactly`.
"""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from cloud_ingest.core.balance import (
    GENERATOR,
    GIVEN_BACK,
    NOTHING,
    SOLAR,
    Entered,
    Generator,
    MeterDraw,
    Share,
    SubjectKind,
    Supply,
    Uncertainty,
)
from cloud_ingest.core.exact import widely

PERCENT_STEP = Decimal("0.01")


class Hung(NamedTuple):
    """What one meter counted for a subject, at one place."""

    kind: SubjectKind
    name: str
    draw: MeterDraw

    @property
    def taken(self) -> Decimal | None:
        """What it counted; of a bulk meter, less what it gave back."""
        if self.kind != "bulk":
            return self.draw.quantity
        return less(self.draw.quantity, self.draw.exported)

    @property
    def brought(self) -> Decimal | None:
        """What a unit or common area brought in by itself: its panels' supply, what it gave."""
        own = self.draw.quantity if self.draw.source == SOLAR else NOTHING
        return total((own, self.draw.exported))


def generator_of(
    hung: Iterable[Hung], entered: Iterable[Entered], *, is_apart: bool
) -> Generator | None:
    """Say what the generator did; None: there is none."""
    own = [each for each in hung if each.draw.source == GENERATOR]
    runs = [each for each in entered if each.source == GENERATOR]
    if not own and not runs:
        return None
    by_kind = {
        kind: [each.draw.quantity for each in own if each.kind == kind]
        for kind in ("unit", "common", "bulk")
    }
    given, units, common = (
        total(by_kind[kind]) if by_kind[kind] else None for kind in ("bulk", "unit", "common")
    )
    is_known = is_apart and given is not None and None not in (*by_kind["unit"], *by_kind["common"])
    return Generator(
        given=given,
        is_in_bulk=bool(by_kind["bulk"]) and not is_apart,
        units=units,
        common=common,
        unaccounted=less(given, total((units or NOTHING, common or NOTHING))) if is_known else None,
        run_hours=total(each.amount for each in runs) if runs else None,
        by=tuple(dict.fromkeys(each.by for each in runs)),
    )


def supplies_of(
    mains: Sequence[Hung], below: Sequence[Hung], entered: Sequence[Entered]
) -> tuple[Supply, ...]:
    """Say by which ways it came in: by meter, from units, by hand."""
    metered = {(each.draw.source, each.name) for each in mains}
    found = [
        Supply(
            source,
            total(e.draw.quantity for e in mains if (e.draw.source, e.name) == (source, name)),
            name,
            total(e.draw.exported for e in mains if (e.draw.source, e.name) == (source, name)),
        )
        for source, name in sorted(metered)
    ]
    panels = [each.draw.quantity for each in below if each.draw.source == SOLAR]
    back = [each.draw.exported for each in below if each.draw.exported != NOTHING]
    if panels:
        found.append(Supply(SOLAR, total(panels)))
    if back:
        found.append(Supply(GIVEN_BACK, total(back)))
    by_hand = [each for each in entered if each.source != GENERATOR]
    for source in dict.fromkeys(each.source for each in by_hand):
        own = [each for each in by_hand if each.source == source]
        by = tuple(dict.fromkeys(each.by for each in own))
        found.append(Supply(source, total(each.amount for each in own), by=by))
    return tuple(found)


def shares_of(hung: Sequence[Hung]) -> tuple[Share, ...]:
    """Return what each subject took, by its name."""
    parts: dict[str, list[Decimal | None]] = {}
    for each in hung:
        parts.setdefault(each.name, []).append(each.taken)
    return tuple(Share(name, total(own)) for name, own in sorted(parts.items()))


def uncertainty_of(hung: Collection[Hung]) -> Uncertainty:
    """Say by how much the balance of meters may be wrong by borders, registers and classes."""
    draws = [each.draw for each in hung]
    spreads = [draw.spread for draw in draws]
    rated = [
        draw.error * counted
        for draw in draws
        for counted in (total((draw.quantity, draw.exported)),)
        if draw.error is not None and counted is not None
    ]
    return Uncertainty(
        borders=total(spreads),
        resolution=sum((_step(draw) * (2 if draw.exported else 1) for draw in draws), NOTHING),
        meters=sum(rated, NOTHING) if rated else None,
        meters_rated=len(rated),
        meters_total=len(draws),
    )


def _step(draw: MeterDraw) -> Decimal:
    """Return the least count of a meter: that of its register, else the quantity's last digit."""
    if draw.step is not None:
        return draw.step
    exponent = NOTHING.as_tuple().exponent if draw.quantity is None else _exponent(draw.quantity)
    return Decimal(1).scaleb(int(exponent))


def _exponent(quantity: Decimal) -> int:
    exponent = quantity.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def known_of(hung: Collection[Hung]) -> set[str]:
    """Return the subjects of which each part that they took is known."""
    return {each.name for each in hung} - _left_out(hung)


def unknown_of(hung: Iterable[Hung]) -> tuple[str, ...]:
    """Return the subjects of which a part is not known."""
    return tuple(sorted({each.name for each in hung if None in (each.taken, each.draw.exported)}))


def unknown_exports_of(hung: Collection[Hung]) -> tuple[str, ...]:
    """Return the subjects of which only what they gave back is not known."""
    uncounted = {each.name for each in hung if each.draw.quantity is None}
    return tuple(name for name in unknown_of(hung) if name not in uncounted)


def _left_out(hung: Iterable[Hung]) -> set[str]:
    return {each.name for each in hung if each.taken is None}


def percent_of(loss: Decimal | None, bulk: Decimal | None) -> Decimal | None:
    """Return a loss as a share of what came in; None: nothing did, or it is not known."""
    if loss is None or not bulk:
        return None
    with widely():
        return (loss * 100 / bulk).quantize(PERCENT_STEP)


def known_sum(hung: Collection[Hung]) -> Decimal:
    """Add up what subjects took of which each part is known."""
    left_out = _left_out(hung)
    taken = (each.taken for each in hung if each.name not in left_out)
    return sum((quantity for quantity in taken if quantity is not None), NOTHING)


def total(quantities: Iterable[Decimal | None]) -> Decimal | None:
    """Add up quantities; None: one is not known."""
    found = NOTHING
    for each in quantities:
        if each is None:
            return None
        found += each
    return found


def less(quantity: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Subtract; None: one of them is not known."""
    return None if quantity is None or other is None else quantity - other

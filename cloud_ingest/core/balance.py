# SPDX-License-Identifier: MIT
"""The balance of a tower: its bulk meter against its units and common areas.

The loss is bulk - units - common. What a generator gave did not pass the bulk meter and is left
out. While anything of a tower is not known, its loss is not known either. A subject that moved
within the month has its part in each tower, and counts as a unit of both.

In: what each subject of a tower took from the network in a month, or that it is not known.
Out: a `Balance`. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from cloud_ingest.core.exact import exactly, widely
from shared_schema.catalogue import Service
from shared_schema.quality import Quality, Reason

GENERATOR = "generator"
CHECK = "check"
"""The source of a check meter: it stands beside a meter, and what it counts is nobody's use."""
PERCENT_STEP = Decimal("0.01")

SubjectKind = Literal["unit", "common", "bulk"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one subject took from the network; None: not known."""

    kind: SubjectKind
    quantity: Decimal | None
    self_read: bool = False


class MeterDraw(NamedTuple):
    """What one meter counted for a subject while it hung in a tower."""

    tower: str | None
    source: str
    quantity: Decimal | None
    """None: not known."""
    self_read: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the meters of one subject counted of one service."""

    kind: SubjectKind
    service: Service
    parts: tuple[MeterDraw, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """bulk - units - common of one tower, service and month."""

    bulk: Decimal | None
    units: Decimal
    common: Decimal
    loss: Decimal | None
    loss_percent: Decimal | None
    units_known: int
    units_total: int
    quality: Quality
    reasons: tuple[Reason, ...]


def taken_from_network(parts: Iterable[tuple[str, Decimal | None]]) -> Decimal | None:
    """Add up a subject's (source, quantity) pairs but its generator's; None: one is not known."""
    taken = [quantity for source, quantity in parts if source != GENERATOR]
    if len(taken) == 1 or None in taken:
        return taken[0] if len(taken) == 1 else None
    return _sum(taken)


def taken_by_tower(subjects: Iterable[Drawn]) -> dict[tuple[str, Service], list[Taken]]:
    """Sort what each subject took from the network by tower and service.

    What hung in no tower is in no balance, nor is a subject that only a generator serves there.
    """
    found: dict[tuple[str, Service], list[Taken]] = {}
    for drawn in subjects:
        for tower in dict.fromkeys(part.tower for part in drawn.parts):
            parts = [part for part in drawn.parts if part.tower == tower]
            if tower is None or all(part.source == GENERATOR for part in parts):
                continue
            quantity = taken_from_network((part.source, part.quantity) for part in parts)
            taken = Taken(drawn.kind, quantity, any(part.self_read for part in parts))
            found.setdefault((tower, drawn.service), []).append(taken)
    return found


def balance(subjects: Iterable[Taken]) -> Balance:
    """Return the balance; the loss is null while anything in it is not known.

    More taken than the bulk meter gave is no loss but a fault somewhere: it is suspect.
    """
    found = list(subjects)
    of: dict[str, list[Taken]] = {
        kind: [subject for subject in found if subject.kind == kind]
        for kind in ("unit", "common", "bulk")
    }
    units, common = (_sum(s.quantity for s in of[kind]) for kind in ("unit", "common"))
    whole = bool(of["bulk"]) and all(subject.quantity is not None for subject in of["bulk"])
    bulk = _sum(s.quantity for s in of["bulk"]) if whole else None
    complete = bulk is not None and all(subject.quantity is not None for subject in found)
    loss: Decimal | None = None
    percent: Decimal | None = None
    if bulk is not None and complete:
        with exactly():
            loss = bulk - units - common
        if bulk:
            with widely():
                percent = (loss * 100 / bulk).quantize(PERCENT_STEP)
    reasons: list[Reason] = []
    if not of["bulk"]:
        reasons.append(Reason.NO_METER)
    elif not complete:
        reasons.append(Reason.INCOMPLETE)
    if loss is not None and loss < 0:
        reasons.append(Reason.SUM_CHECK)
    if any(subject.self_read for subject in found):
        reasons.append(Reason.SELF_READ)
    return Balance(
        bulk=bulk,
        units=units,
        common=common,
        loss=loss,
        loss_percent=percent,
        units_known=sum(subject.quantity is not None for subject in of["unit"]),
        units_total=len(of["unit"]),
        quality=_quality(loss),
        reasons=tuple(reasons),
    )


def _sum(quantities: Iterable[Decimal | None]) -> Decimal:
    """Add up the quantities that are known."""
    with exactly():
        return sum((quantity for quantity in quantities if quantity is not None), Decimal(0))


def _quality(loss: Decimal | None) -> Quality:
    if loss is None:
        return Quality.MISSING
    return Quality.SUSPECT if loss < 0 else Quality.DERIVED

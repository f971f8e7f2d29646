# SPDX-License-Identifier: MIT
"""Where each tower's electricity and water went in a month: as published, or so far."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.api.months import NamedMonth
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.balance_words import Excuse
from cloud_ingest.http.resources import Now, Reading
from cloud_ingest.views.tower_picture import Line, LineKind, TowerPicture, Verdict, towers_of
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText

router = APIRouter(tags=["months"])


@dataclass(frozen=True, slots=True)
class ShownLine:
    """What came in by one way, or went one way."""

    kind: LineKind
    name: str
    quantity: DecimalText | None
    """None: not known, or there is none."""
    depth: int
    """Below how many sub-bulk meters."""
    known: int
    """Of units: how many are known."""
    total: int
    unknown: tuple[str, ...]
    """Of what is unaccounted and not known: the subjects whose meters are not known."""
    may_be_off: DecimalText | None
    """By how much what is unaccounted may be wrong although nothing is lost."""


@dataclass(frozen=True, slots=True)
class ShownTower:
    """Where the electricity or water of one tower went."""

    tower: str | None
    """None: the whole society."""
    service: Service
    unit: str
    verdict: Verdict
    excuse: Excuse | None
    """Why what is unaccounted may be nothing at all; None: it is something."""
    lines: tuple[ShownLine, ...]
    """They add up, the ways in first."""


@dataclass(frozen=True, slots=True)
class ShownTowers:
    """The balances of a month, the worst first."""

    month: str
    closed_at: datetime | None
    """None: so far."""
    towers: tuple[ShownTower, ...]


@router.get("/months/{month}/towers")
def towers(
    month: NamedMonth, caller: Annotated[Caller, needs(Scope.MONTHS_READ)], store: Reading, now: Now
) -> ShownTowers:
    """Return where each tower's month went, with what is unaccounted and how sure that is."""
    window = store.settings.self_read_window(caller.society)
    found = towers_of(store.conn, caller.society_id, month, store.zone, now, window=window)
    return ShownTowers(found.month, found.closed_at, tuple(map(_shown, found.pictures())))


def _shown(found: TowerPicture) -> ShownTower:
    return ShownTower(
        tower=found.tower,
        service=found.service,
        unit=found.unit,
        verdict=found.verdict,
        excuse=found.excuse,
        lines=tuple(map(_line, found.lines)),
    )


def _line(found: Line) -> ShownLine:
    return ShownLine(
        kind=found.kind,
        name=found.name,
        quantity=found.quantity,
        depth=found.depth,
        known=found.known,
        total=found.total,
        unknown=found.unknown,
        may_be_off=None if found.uncertainty is None else found.uncertainty.total,
    )

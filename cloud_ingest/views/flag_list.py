# SPDX-License-Identifier: MIT
"""The flags of a society as a person reads them: what loses most water a day comes first.

In: a society, what a person chose, the time. Out: values for a list and for one flag. Never: a
flag of another society; of another unit, where one is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from cloud_ingest.core.flag import Flag, Mute
from cloud_ingest.errors import NotFound
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import RecordedChange, list_changes, list_events, list_mutes
from cloud_ingest.store.flag_pages import flagged_towers, worst_flags
from shared_schema.events import EventKind, Severity
from shared_schema.evidence import EVIDENCE

ROWS: Final = 100
"""Of one page."""
State = Literal["open", "unseen", "muted", "cleared", "all"]
_UNITS: Final = {"litres": "L", "kwh": "kWh"}
_LITRE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which flags a person wants to see; None stands for any."""

    state: State = "open"
    kind: EventKind | None = None
    severity: Severity | None = None
    tower: str | None = None
    unit: str | None = None
    page: int = 1


class Amount(NamedTuple):
    """A number with its unit."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class ListedFlag:
    """A flag of the list."""

    flag: Flag
    litres_a_day: Decimal | None
    """None: it loses no water, or it is not known how much."""
    so_far: Amount | None
    """Since it began; None: it counts nothing that can be charged."""
    is_muted: bool


@dataclass(frozen=True, slots=True)
class FlagPage:
    """A page of the list, and figures of the whole list."""

    chosen: Chosen
    rows: tuple[ListedFlag, ...]
    flags: int
    alarms: int
    litres_a_day: Decimal | None
    pages: int
    towers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlagShown:
    """One flag with all that happened to it."""

    row: ListedFlag
    facts: tuple[tuple[str, str], ...]
    """What it rests on: fields of its evidence, in order."""
    suspects: tuple[str, ...]
    """Units where to look first, the likeliest first; none of them is accused."""
    changes: tuple[RecordedChange, ...]
    """Oldest first."""
    mutes: tuple[Mute, ...]


def flag_page(conn: Connection, society_id: int, chosen: Chosen, now: datetime) -> FlagPage:
    """Return a page of flags, the worst first."""
    found = worst_flags(
        conn,
        society_id,
        kind=chosen.kind,
        severity=chosen.severity,
        tower=chosen.tower,
        unit=chosen.unit,
        state=None if chosen.state == "all" else chosen.state,
        limit=ROWS,
        offset=(chosen.page - 1) * ROWS,
    )
    by_id = {
        each.event.id: each
        for each in list_events(conn, ids=[one.event_id for one in found], state=None, limit=ROWS)
    }
    rows = tuple(_listed(by_id[each.event_id], each.litres_a_day, now) for each in found)
    first = found[0] if found else None
    return FlagPage(
        chosen=chosen,
        rows=rows,
        flags=first.flags if first else 0,
        alarms=first.alarms if first else 0,
        litres_a_day=_whole(first.litres_a_day_of_all) if first else None,
        pages=-(-first.flags // ROWS) if first else 1,
        towers=() if chosen.unit else tuple(flagged_towers(conn, society_id)),
    )


def flag_shown(
    conn: Connection, society: str, flag_id: UUID, now: datetime, unit: str | None = None
) -> FlagShown:
    """Return one flag with its history.

    Args:
        conn: A connection.
        society: Whose flag it is.
        flag_id: Its id.
        now: The time.
        unit: Of this unit alone; None: of any.

    Raises:
        NotFound: the society, or the unit, has no such flag.
    """
    found = list_events(conn, ids=[flag_id], society=society, state=None)
    if not found or (unit is not None and not _is_of(found[0], unit)):
        raise NotFound(f"no flag {flag_id} here: the list of flags shows those that there are")
    event = found[0].event
    mutes = list_mutes(conn, society=society, subject=event.subject.id)
    return FlagShown(
        row=_listed(found[0], litres_a_day(event.evidence, event.kind), now),
        facts=_facts(event.evidence),
        suspects=_suspects(event.evidence),
        changes=tuple(list_changes(conn, flag_id)),
        mutes=tuple(m for m in mutes if (m.kind, m.subject) == (event.kind, event.subject)),
    )


def litres_a_day(evidence: dict[str, Any], kind: EventKind) -> Decimal | None:
    """Return what is lost a day by the evidence of a flag, as the list orders it; pure."""
    if kind not in (EventKind.LEAK, EventKind.BURST, EventKind.TOWER_LOSS):
        return None
    ways = (("litres_a_day", 1, 1), ("litres_a_month", 1, 30), ("rate_l_per_h", 24, 1))
    for name, times, over in ways:
        if (told := evidence.get(name)) is not None:
            return Decimal(str(told)) * times / over
    return None


def _is_of(flag: Flag, unit: str) -> bool:
    own = flag.event.unit
    return own is not None and own.type == "unit" and own.id == unit


def _listed(flag: Flag, lost: Decimal | None, now: datetime) -> ListedFlag:
    return ListedFlag(flag, _whole(lost), _so_far(flag), flag.is_muted(now))


def _whole(litres: Decimal | None) -> Decimal | None:
    return None if litres is None else litres.quantize(_LITRE)


def _so_far(flag: Flag) -> Amount | None:
    name = EVIDENCE[flag.event.kind].AMOUNT or ""
    unit = _UNITS.get(name.partition("_")[0])
    told = flag.event.evidence.get(name)
    return None if unit is None or told is None else Amount(Decimal(str(told)), unit)


def _facts(evidence: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, value in evidence.items():
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            found.append((name, ", ".join(value)))
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found.append((name, str(value)))
    return tuple((name, text) for name, text in found if text)


def _suspects(evidence: dict[str, Any]) -> tuple[str, ...]:
    told = evidence.get("suspects")
    named: Sequence[Any] = told if isinstance(told, list) else ()
    return tuple(str(each["unit"]) for each in named if isinstance(each, dict) and "unit" in each)

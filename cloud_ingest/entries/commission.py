# SPDX-License-Identifier: MIT
"""A line of meters is commissioned: its meters are bound to the gateway that read them.

A person takes the commissioning sheet. The gateway must be enrolled with the key that signed it. A
meter that was never bound is bound from its installation on, so that what it remembers counts. One
that nobody reads any more is bound from the time of the sheet on; one that another gateway reads
moves at that time, if the person says so. The seals on the sheet are recorded as seen at that time.

In: a sheet, who says so, the time. Out: how many meters were bound, moved, or were so already.
Never: a part of a sheet.

Raises: SheetRefused, ImportRefused, NotFound, TextRefused, SealsRefused.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud_ingest.entries.bindings import Said, bind, move
from cloud_ingest.entries.seals import see_seals
from cloud_ingest.entries.sheet import Sheet, read_sheet
from cloud_ingest.errors import ImportRefused, SheetRefused
from cloud_ingest.store import bindings as stored
from cloud_ingest.store.bindings import Binding
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.gateway_keys import GatewayKey, gateway_keys
from cloud_ingest.store.registry import find_society, known_meters
from shared_schema.errors import ContractError
from shared_schema.signing import verify_document

CLOCKS_APART: Final = timedelta(minutes=10)
"""How far a sheet may be ahead of the store's clock."""
_Meter = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Commissioned:
    """What a sheet did."""

    gateway: str
    bound: int
    moved: int
    already: int
    kept_apart: int = 0
    """Entries in quarantine that the gateway sent while it could not speak."""


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The meters of a sheet, by what is known of them."""

    new: Sequence[_Meter]
    """Never bound."""
    free: Sequence[_Meter]
    """Bound once, and to nobody at the time of the sheet."""
    elsewhere: Mapping[_Meter, Sequence[str]]
    """Bound to other gateways at that time."""
    own: Sequence[_Meter]


@translating
def commission(
    conn: Connection,
    society: str,
    text: str,
    *,
    by: str | None,
    now: datetime,
    moves: bool = False,
) -> Commissioned:
    """Bind the meters of a sheet that went into service; all of them or none.

    Args:
        conn: The store.
        society: Its name.
        text: The sheet's JSON, as ``edge-agent commission`` wrote it.
        by: Who says so; None: who commissioned.
        now: The time.
        moves: Meters that another gateway reads move at the time of the sheet.
    """
    sheet = read_sheet(text)
    at = _time_of(sheet, now, moves=moves)
    said = Said(sheet.author(by), f"commissioned at {sheet.gateway}", now, "commissioned")
    society_id = find_society(conn, society)
    with conn.transaction():
        stored.lock_bindings(conn)
        _check_signature(text, _enrolled_key(conn, society_id, society, sheet), sheet.gateway)
        meters = _in_service(conn, society_id, sheet)
        versions = stored.bindings(conn, society_id, history=True)
        found = _sort(meters, versions, sheet.gateway, at)
        _see_newer({*found.free, *found.elsewhere}, versions, sheet.gateway, at)
        if found.elsewhere and not moves:
            raise _elsewhere(found.elsewhere, sheet.gateway)
        done = bind(conn, society, _names(found.new), sheet.gateway, said)
        bind(conn, society, _names(found.free), sheet.gateway, said, stretch=(at, None))
        for each in sheet.meters:
            if each.seals and (meter := each.in_service) is not None:
                see_seals(conn, society, "/".join(meter), each.seals, said, at=min(at, now))
        if found.elsewhere:
            move(conn, society, _names(found.elsewhere), sheet.gateway, said, at=at)
    return Commissioned(
        sheet.gateway,
        len(found.new) + len(found.free),
        len(found.elsewhere),
        len(found.own),
        done.kept_apart,
    )


def _time_of(sheet: Sheet, now: datetime, *, moves: bool) -> datetime:
    if sheet.at is None:
        raise SheetRefused("the sheet does not say when it was made: commission the line again")
    if sheet.at > now + CLOCKS_APART:
        raise SheetRefused(
            f"the sheet was made at {sheet.at:%Y-%m-%d %H:%M %z}, which is to come: set the "
            "gateway's clock, and commission the line again"
        )
    if moves and not sheet.clock_synchronised:
        raise SheetRefused(
            "no time service kept the gateway's time when the sheet was made, so it does not tell "
            "when its meters moved: say it with cloud-ingest meter move --from"
        )
    return sheet.at


def _check_signature(text: str, key: GatewayKey, gateway: str) -> None:
    try:
        verify_document(text, Ed25519PublicKey.from_public_bytes(key.public_key))
    except ContractError as error:
        raise SheetRefused(
            f"the sheet is not as {gateway} wrote it: {error}: copy the file again as it is, or "
            "commission the line again"
        ) from None


def _enrolled_key(conn: Connection, society_id: int, society: str, sheet: Sheet) -> GatewayKey:
    """Return the key that a sheet names."""
    keys = [each for each in gateway_keys(conn, sheet.gateway) if each.revoked_at is None]
    if not keys or stored.gateway_of(conn, society_id, sheet.gateway) is None:
        raise SheetRefused(
            f"{society!r} has no gateway {sheet.gateway}: enrol it first (cloud-ingest enrol)"
        )
    for each in keys:
        if each.fingerprint == sheet.key_fingerprint:
            return each
    enrolled = ", ".join(each.fingerprint for each in keys)
    raise SheetRefused(
        f"the key of the sheet is none of {sheet.gateway}: it is "
        f"{sheet.key_fingerprint[:64] or 'not told'}, and enrolled is {enrolled}: "
        "compare it at the gateway, and enrol the right one"
    )


def _in_service(conn: Connection, society_id: int, sheet: Sheet) -> list[_Meter]:
    known = known_meters(conn, society_id)
    bad: list[str] = []
    meters: list[_Meter] = []
    for each in sheet.meters:
        if (meter := each.in_service) is None:
            continue
        meters.append(meter)
        if meter not in known:
            bad.append(f"{each.label}: meter {' '.join(meter)} is not in the list of units")
    if bad:
        raise ImportRefused("the list of units comes first (cloud-ingest units import)", bad)
    if not meters:
        raise SheetRefused("no meter of the sheet went into service: nothing to bind")
    return list(dict.fromkeys(meters))


def _see_newer(
    meters: Collection[_Meter], versions: Iterable[Binding], gateway: str, at: datetime
) -> None:
    """Refuse a sheet that is older than the word by which another gateway reads its meters.

    It would end, or stand beside, what is true now.
    """
    newer = [
        f"meter {each.manufacturer} {each.serial}: bound to {each.gateway} from "
        f"{each.valid_from:%Y-%m-%d %H:%M %z} on"
        for each in versions
        if each.superseded_at is None
        and each.gateway != gateway
        and (each.manufacturer, each.serial) in meters
        and each.valid_from is not None
        and each.valid_from > at
    ]
    if newer:
        raise ImportRefused(
            f"the sheet was made at {at:%Y-%m-%d %H:%M %z}, and other gateways read meters of it "
            "since: commission the line again, or say what was before (cloud-ingest meter bind)",
            newer,
        )


def _sort(
    meters: Iterable[_Meter], versions: Iterable[Binding], gateway: str, at: datetime
) -> _Sorted:
    """Sort meters by who may speak for them from a time on; pure."""
    ever = set[_Meter]()
    holds: dict[_Meter, list[str]] = {}
    for each in versions:
        meter = (each.manufacturer, each.serial)
        ever.add(meter)
        if each.superseded_at is None and each.reaches(at):
            holds.setdefault(meter, []).append(each.gateway)
    new, free, own = list[_Meter](), list[_Meter](), list[_Meter]()
    elsewhere: dict[_Meter, Sequence[str]] = {}
    for meter in meters:
        if meter not in ever:
            new.append(meter)
        elif meter not in holds:
            free.append(meter)
        elif gateway in holds[meter]:
            own.append(meter)
        else:
            elsewhere[meter] = holds[meter]
    return _Sorted(new, free, elsewhere, own)


def _elsewhere(meters: Mapping[_Meter, Sequence[str]], gateway: str) -> ImportRefused:
    return ImportRefused(
        f"other gateways read meters of the sheet: give --move if {gateway} reads them since, "
        "or bind those that hang on both (cloud-ingest meter bind)",
        [f"meter {' '.join(each)}: bound to {', '.join(on)}" for each, on in meters.items()],
    )


def _names(meters: Iterable[_Meter]) -> list[str]:
    return ["/".join(meter) for meter in meters]

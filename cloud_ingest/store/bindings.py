# SPDX-License-Identifier: MIT
"""Which gateway may speak for which meter: bindings, as versions with author and reason.

A meter is bound by the first gateway that speaks for it, by the list of units, by a commissioning
sheet, or by a person; a move is a person's act. The view ``meter_gateway`` shows the bindings that
hold.

In: verdicts of `accept`; meters, gateways and who says so. Out: bindings as values. Owns: the
tables ``meter_gateway_version`` and ``binding_rule``.
Never: an update of a version, but of when it was superseded.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from cloud_ingest.core.accept import (
    Accepted,
    AcceptedBlock,
    AcceptedEvents,
    QuarantineReason,
    Rejection,
)
from cloud_ingest.core.known import Stretch, spans, within
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.rows import all_rows, scalar, scalars
from shared_schema.message import MeterId

_Held = dict[tuple[int, int], list[Stretch]]
"""By meter and gateway, from when to when it may speak."""
How = Literal["upgrade", "first_heard", "listed", "commissioned", "person"]


@dataclass(frozen=True, slots=True)
class Binding:
    """A gateway that may speak for a meter, as it was said once."""

    binding_id: int
    meter_id: int
    manufacturer: str
    serial: str
    gateway_id: int
    gateway: str
    valid_from: datetime | None
    """None: from its installation on."""
    valid_to: datetime | None
    """None: until now."""
    how: How
    author: str
    reason: str
    recorded_at: datetime
    superseded_at: datetime | None
    """None: it holds."""
    taken_back: bool
    """It says that the version before it is not true."""

    def reaches(self, at: datetime) -> bool:
        """Tell whether it ends after a time, or never."""
        return self.valid_to is None or self.valid_to > at


@translating
def bind_first(conn: Connection, deliveries: Sequence[Accepted]) -> tuple[list[Accepted], int]:
    """Bind the meters of deliveries that nobody was bound to when they were judged.

    It is a transaction of its own, so that no lock is held while readings are written: a meter is
    bound to who spoke for it, also where the readings are only stored at the next try.

    Returns:
        The deliveries without what another gateway's meters say, and how many meters were bound.
    """
    wanted: dict[int, int] = {}
    for delivery in sorted(deliveries, key=lambda each: each.received_at):
        for meter_id in delivery.unbound:
            wanted.setdefault(meter_id, delivery.gateway.gateway_id)
    if not wanted:
        return list(deliveries), 0
    with conn.transaction():
        lock_in_transaction(conn, Lock.BINDING)
        made = conn.execute(
            query("binding/bind_first"),
            {
                "meters": list(wanted),
                "gateways": list(wanted.values()),
                "at": max(each.received_at for each in deliveries),
            },
        ).fetchall()
        held = conn.execute(
            """
            SELECT meter_id, gateway_id, valid_from, valid_to FROM meter_gateway
            WHERE meter_id = ANY(%s::int[])
            """,
            (list(wanted),),
        ).fetchall()
    allowed: _Held = {}
    for meter_id, gateway_id, start, end in held:
        allowed.setdefault((meter_id, gateway_id), []).append((start, end))
    return [_without_foreign(each, allowed) for each in deliveries], len(made)


def _without_foreign(delivery: Accepted, held: _Held) -> Accepted:
    """Return a delivery without the blocks of meters that were bound otherwise meanwhile; pure."""
    gateway = delivery.gateway

    said: list[AcceptedBlock | AcceptedEvents] = [*delivery.blocks, *delivery.events]
    foreign: dict[int, int] = {}
    for each in said:
        times = [row[0] or 0 for row in each.rows]
        own = spans(held.get((each.meter_id, gateway.gateway_id), ()))
        if each.meter_id in delivery.unbound and not within(own, min(times), max(times)):
            foreign[each.ordinal] = each.meter_id
    if not foreign:
        return delivery
    detail = f"another gateway than {gateway.name} was bound to its meter meanwhile"
    rejections = [
        Rejection(QuarantineReason.NOT_BOUND, detail, ordinal, meter_id=meter_id)
        for ordinal, meter_id in foreign.items()
    ]
    return replace(
        delivery,
        blocks=tuple(each for each in delivery.blocks if each.ordinal not in foreign),
        events=tuple(each for each in delivery.events if each.ordinal not in foreign),
        rejections=(*delivery.rejections, *rejections),
    )


@translating
def lock_bindings(conn: Connection) -> None:
    """Wait until nobody else binds meters, and hold that until the transaction ends."""
    lock_in_transaction(conn, Lock.BINDING)


@translating
def bindings(
    conn: Connection,
    society_id: int,
    meters: Collection[int] | None = None,
    *,
    gateway: str | None = None,
    history: bool = False,
) -> list[Binding]:
    """Return who may speak for meters of a society, in the order of recording.

    Args:
        conn: A connection.
        society_id: Whose meters.
        meters: Their ids; None: all.
        gateway: Of this one alone.
        history: Also what was said before.
    """
    arguments = {
        "society_id": society_id,
        "meters": None if meters is None else sorted(meters),
        "gateway": gateway,
        "history": history,
    }
    return all_rows(conn, Binding, query("binding/versions"), arguments)


@translating
def add_binding(
    conn: Connection,
    meter_id: int,
    gateway_id: int,
    stretch: Stretch,
    word: Word,
    *,
    how: How = "person",
    taken_back: bool = False,
) -> None:
    """Let a gateway speak for a meter, in the caller's transaction.

    Args:
        conn: The store.
        meter_id: The meter.
        gateway_id: The gateway.
        stretch: From when to when; None: from its installation on, until now.
        word: Who says so, and why.
        how: Whose word it is.
        taken_back: It says that another version is not true, and does not hold itself.
    """
    conn.execute(
        """
        INSERT INTO meter_gateway_version (
          society_id, meter_id, gateway_id, valid_from, valid_to, how, author, reason, recorded_at,
          superseded_at, taken_back)
        SELECT society_id, meter_id, %(gateway_id)s, %(start)s, %(end)s, %(how)s, %(by)s,
               %(reason)s, %(at)s, CASE WHEN %(taken_back)s THEN %(at)s::timestamptz END,
               %(taken_back)s
        FROM meter WHERE meter_id = %(meter_id)s
        """,
        {
            "meter_id": meter_id,
            "gateway_id": gateway_id,
            "start": stretch[0],
            "end": stretch[1],
            "how": how,
            "by": word.by,
            "reason": word.reason,
            "at": word.at,
            "taken_back": taken_back,
        },
    )


@translating
def end_binding(conn: Connection, binding: Binding, end: datetime, word: Word) -> None:
    """Let a binding end at a time, in the caller's transaction; at its start it never was true."""
    supersede_binding(conn, binding, word)
    never = binding.valid_from is not None and end <= binding.valid_from
    stretch = (binding.valid_from, binding.valid_to if never else end)
    add_binding(conn, binding.meter_id, binding.gateway_id, stretch, word, taken_back=never)


@translating
def supersede_binding(conn: Connection, binding: Binding, word: Word) -> None:
    """Let a version hold no longer, in the caller's transaction; the caller adds the next."""
    conn.execute(
        "UPDATE meter_gateway_version SET superseded_at = %s WHERE binding_id = %s",
        (word.at, binding.binding_id),
    )


@translating
def gateway_of(conn: Connection, society_id: int, name: str) -> int | None:
    """Return the id of a society's gateway; None where it has none of that name."""
    found = scalar(
        conn,
        "SELECT gateway_id FROM gateway WHERE society_id = %s AND name = %s",
        (society_id, name),
    )
    return None if found is None else int(found)


@translating
def bound_meters(conn: Connection, society_id: int) -> dict[tuple[str, str], list[str]]:
    """Return of each meter that was ever bound the gateways that may speak for it, by name."""
    rows = conn.execute(
        """
        SELECT m.manufacturer, m.serial,
               array_remove(array_agg(CASE WHEN v.superseded_at IS NULL THEN g.name END), NULL)
        FROM meter_gateway_version AS v JOIN meter AS m USING (meter_id)
        JOIN gateway AS g ON g.gateway_id = v.gateway_id
        WHERE v.society_id = %s GROUP BY m.meter_id
        """,
        (society_id,),
    )
    return {(maker, serial): gateways for maker, serial, gateways in rows}


@translating
def gateways_of(conn: Connection, society_id: int) -> list[str]:
    """Return the names of a society's gateways."""
    return scalars(conn, "SELECT name FROM gateway WHERE society_id = %s", (society_id,))


@translating
def bind_listed(
    conn: Connection, society_id: int, listed: Mapping[tuple[str, str], str], word: Word
) -> None:
    """Bind meters to the gateways that the list of units names, in the caller's transaction."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO meter_gateway_version
              (society_id, meter_id, gateway_id, how, author, reason, recorded_at)
            SELECT m.society_id, m.meter_id, g.gateway_id, 'listed', %s, %s, %s
            FROM meter AS m JOIN gateway AS g USING (society_id)
            WHERE m.society_id = %s AND m.manufacturer = %s AND m.serial = %s AND g.name = %s
            """,
            [
                (word.by, word.reason, word.at, society_id, *meter, gateway)
                for meter, gateway in listed.items()
            ],
        )


@translating
def gateways_of_meter(conn: Connection, society: str, meter: MeterId, at: datetime) -> list[str]:
    """Return the gateways that may speak for a meter at a time, by name."""
    return scalars(
        conn,
        query("binding/gateways_of_meter"),
        {"society": society, "manufacturer": meter.manufacturer, "serial": meter.serial, "at": at},
    )


@translating
def meters_named(conn: Connection, society_id: int, name: str) -> list[tuple[int, str, str]]:
    """Return the meters of a society that a serial number, or MAKER/SERIAL, may mean."""
    return conn.execute(
        """
        SELECT meter_id, manufacturer, serial FROM meter
        WHERE society_id = %(society_id)s
          AND (serial = %(name)s OR manufacturer || '/' || serial = %(name)s)
        ORDER BY manufacturer, serial
        """,
        {"society_id": society_id, "name": name},
    ).fetchall()


@translating
def set_strict(conn: Connection, society_id: int, word: Word, *, strict: bool) -> None:
    """Say whether a person alone binds the meters of a society."""
    conn.execute(
        """
        INSERT INTO binding_rule (society_id, strict, author, reason, recorded_at)
        VALUES (%s, %s, %s, %s, %s)
        """,
        (society_id, strict, word.by, word.reason, word.at),
    )

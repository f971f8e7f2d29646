# SPDX-License-Identifier: MIT
"""The valve test of a flat: its water meter is read now, and again some minutes later.

In: a unit, the cloud's key, what waits. Out: the two readings and their verdict. It asks the
gateway by commands, as `operate.send_command` does; the running service sends them.
Never: a verdict from a reading of before its command, but for what the meter's clock may be off. No
message tells which command a reading came for: one that came by itself after it is as good.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from cloud_ingest.core.rules.meter_bits import WATER_LOSS
from cloud_ingest.core.rules.valve import Shown, ValveTest
from cloud_ingest.entries.meter import NamedMeter, find_meter
from cloud_ingest.errors import UserError
from cloud_ingest.operate.send_command import LOOK_EVERY_S, World, send
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.bindings import gateways_of_meter
from cloud_ingest.store.commands import issued_commands
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.newest_reading import NewestReading, newest_of_meter
from cloud_ingest.store.registry import find_society
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.gateway import CommandKind, Outcome

ANSWER_WITHIN: Final = timedelta(minutes=5)
"""How long a gateway may take: it may be in a poll of other meters."""
ROWS_WITHIN: Final = timedelta(minutes=1)
"""How long after its answer the reading may take to arrive."""
CLOCK_OFF: Final = timedelta(minutes=1)
"""How far a meter's clock may be behind before its gateway tells it."""


def valve_test(
    conn: Connection,
    society: str,
    named: NamedMeter,
    world: World,
    between: Callable[[Shown, Decimal | None], None],
) -> ValveTest:
    """Read a water meter, wait, and read it again.

    Args:
        conn: A connection.
        society: Whose unit.
        named: Its water meter.
        world: The key, the clock, what waits.
        between: Is told the first reading and the slowest flow that an open flag of the unit tells
            (see `ValveTest.seen_l_per_h`), and waits.

    Raises:
        UserError: the gateway does not answer, or cannot read the meter.
        SelfReadRefused: there is no such meter, or several.
    """
    society_id = find_society(conn, society)
    served = find_meter(conn, society_id, named, at=world.now())
    if served.legacy:
        raise UserError(f"the meter of {named.subject} has no data port: read its dial twice")
    seen = _slowest_seen(conn, society, served)
    before = _read_now(conn, society, served, world)
    between(before, seen)
    after = _read_now(conn, society, served, world)
    if before.step_litres != after.step_litres:
        raise UserError(
            f"the meter of {named.subject} changed its scaler or pulse weight meanwhile: test again"
        )
    return ValveTest(before, after, seen)


def _slowest_seen(conn: Connection, society: str, served: Assignment) -> Decimal | None:
    flags = list_events(conn, society=society, unit=served.subject, kinds=WATER_LOSS)
    seen = [flag.event.evidence.get("lowest_hour_litres") for flag in flags]
    return min((Decimal(str(each)) for each in seen if each is not None), default=None)


def _read_now(conn: Connection, society: str, served: Assignment, world: World) -> Shown:
    """Have a meter read, and return what it showed."""
    known = newest_of_meter(conn, served.meter_id, BILLED_REGISTER[Service.WATER])
    if known is None or known.gateway is None:
        raise UserError(
            f"no gateway has read the meter of {served.subject} yet: see cloud-ingest events list"
        )
    asked_at = world.now()
    bound = gateways_of_meter(conn, society, served.meter, asked_at)
    gateway = bound[0] if bound and known.gateway not in bound else known.gateway
    command = send(
        conn,
        society,
        gateway,
        CommandKind.READ_NOW,
        key=world.key,
        by=world.by,
        now=asked_at,
        expires_after=ANSWER_WITHIN,
        meters=(f"{served.meter.manufacturer}/{served.meter.serial}",),
    )
    world.tell(f"{gateway} is asked to read the meter of {served.subject}")
    _await_answer(conn, society, command.id, gateway, world)
    until = world.now() + ROWS_WITHIN
    while True:
        found = newest_of_meter(conn, served.meter_id, BILLED_REGISTER[Service.WATER])
        if found is not None and found.at > max(known.at, asked_at - CLOCK_OFF):
            return _shown(found, served)
        if world.now() >= until:
            raise UserError(
                f"{gateway} has read the meter of {served.subject}, and no reading from then came: "
                "look at cloud-ingest quarantine list, and whether the meter's clock is behind"
            )
        world.pause(LOOK_EVERY_S)


def _await_answer(
    conn: Connection, society: str, command: UUID, gateway: str, world: World
) -> None:
    until = world.now() + ANSWER_WITHIN
    while True:
        (issued,) = issued_commands(conn, society, command=command)
        if issued.outcome == Outcome.DONE:
            return
        if issued.outcome is not None:
            reason = (issued.result or {}).get("reason") or "it does not say why"
            raise UserError(f"{gateway} did not read the meter: {issued.outcome}, {reason}")
        if world.now() >= until:
            raise UserError(
                f"{gateway} did not answer within {ANSWER_WITHIN // timedelta(minutes=1)} "
                "minutes: see whether it is online, and whether cloud-ingest serve runs"
            )
        world.pause(LOOK_EVERY_S)


def _shown(found: NewestReading, served: Assignment) -> Shown:
    exponent = billing_exponent(Service.WATER, found.unit, found.scaler)
    if exponent is None:
        raise UserError(f"the register of {served.meter} is in no unit of volume")
    litres, step = (Decimal(each).scaleb(exponent + 3) for each in (found.raw, found.weight))
    return Shown(found.at, litres, step)

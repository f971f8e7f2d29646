# SPDX-License-Identifier: MIT
"""The dials of meters beside their modules: what each showed, and what stands between the two.

In: a society, a comparison. Out: rows of ``dial_reading``, and what is added to a register for its
dial. Never: a reading, an epoch: no consumption knows of a dial.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.register import Epochs
from cloud_ingest.store.channels import channels_of_meters
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.rows import all_rows
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service


@dataclass(frozen=True, slots=True)
class DialReading:
    """A dial beside the register of its module, both in kWh or kL."""

    meter_id: int
    meter: str
    subject_type: str
    subject: str
    service: Service
    at: datetime
    dial: Decimal
    register: Decimal
    """What the module counted until then, with its epochs."""
    deviation: Decimal | None
    """How much more the dial counted than the module since the reading before; None: the first."""
    reason: str
    entered_by: str
    entered_at: datetime

    @property
    def offset(self) -> Decimal:
        """What the dial shows beyond the register."""
        with exactly():
            return self.dial - self.register


@dataclass(frozen=True, slots=True)
class Dials:
    """What stands between the registers of meters and their dials."""

    readings: Mapping[str, Sequence[DialReading]]
    """By meter (maker and serial number), ascending by time."""
    lost: Mapping[str, Sequence[tuple[datetime, Decimal]]]
    """By meter: what its register has lost from a time on, ascending."""

    def adds(self, meter: str, at: datetime) -> Decimal | None:
        """Return what is added to a register for its dial; None where no dial is known; pure.

        A time before the first comparison has the offset of the first.
        """
        own = self.readings.get(meter)
        if not own:
            return None
        told = [each for each in own if each.at <= at] or own[:1]
        with exactly():
            return told[-1].offset + self.lost_until(meter, at)

    def lost_until(self, meter: str, at: datetime) -> Decimal:
        """Return what a register has lost until a time by rolling over or being reset; pure."""
        epochs = [lost for starts_at, lost in self.lost.get(meter, ()) if starts_at <= at]
        return epochs[-1] if epochs else Decimal(0)

    def shown(self, meter: str, register: Decimal, at: datetime) -> Decimal | None:
        """Return what the dial shows beside a register; None where no dial is known; pure."""
        adds = self.adds(meter, at)
        if adds is None:
            return None
        with exactly():
            return register + adds


@translating
def dial_readings(conn: Connection, society_id: int) -> list[DialReading]:
    """Return the comparisons of a society, by meter and time: of each moment the newest."""
    return all_rows(conn, _dial_reading, query("dial/list"), {"society_id": society_id})


def _dial_reading(
    *, manufacturer: str, serial: str, service: str, read_at: datetime, **columns: Any
) -> DialReading:
    return DialReading(
        meter=f"{manufacturer} {serial}", service=Service(service), at=read_at, **columns
    )


@translating
def store_dial_reading(
    conn: Connection,
    society_id: int,
    *,
    assignment_id: int,
    meter_id: int,
    read_at: datetime,
    dial: Decimal,
    register: Decimal,
    deviation: Decimal | None,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Remember what a dial showed beside its module, who says so and why."""
    conn.execute(
        """
        INSERT INTO dial_reading (society_id, assignment_id, meter_id, read_at, dial, register,
                                  deviation, reason, entered_by, entered_at)
        VALUES (%(society_id)s, %(assignment_id)s, %(meter_id)s, %(read_at)s, %(dial)s,
                %(register)s, %(deviation)s, %(reason)s, %(entered_by)s, %(now)s)
        """,
        {
            "society_id": society_id,
            "assignment_id": assignment_id,
            "meter_id": meter_id,
            "read_at": read_at,
            "dial": dial,
            "register": register,
            "deviation": deviation,
            "reason": reason,
            "entered_by": by,
            "now": now,
        },
    )


def dials(conn: Connection, society_id: int) -> Dials:
    """Return what stands between the registers of a society's meters and their dials."""
    readings: dict[str, list[DialReading]] = {}
    names: dict[int, tuple[str, Service]] = {}
    for each in dial_readings(conn, society_id):
        readings.setdefault(each.meter, []).append(each)
        names[each.meter_id] = (each.meter, each.service)
    return Dials(readings, losses(conn, names))


def losses(
    conn: Connection, meters: Mapping[int, tuple[str, Service]]
) -> dict[str, list[tuple[datetime, Decimal]]]:
    """Return what the billed registers of meters have lost, in kWh or kL.

    Args:
        conn: The store.
        meters: By id, maker and serial number, and what it counts.
    """
    codes = {str(BILLED_REGISTER[service]) for _, service in meters.values()}
    channels = channels_of_meters(conn, meters, codes)
    epochs: Epochs = epochs_of(conn, [channel.channel_id for channel in channels])
    found: dict[str, list[tuple[datetime, Decimal]]] = {}
    for channel in channels:
        meter, service = meters[channel.meter_id]
        exponent = billing_exponent(service, channel.unit, channel.scaler)
        own = epochs.get(channel.channel_id, ())
        if exponent is not None and len(own) > len(found.get(meter, ())):
            found[meter] = [
                (each.starts_at, Decimal(each.offset_raw).scaleb(exponent)) for each in own
            ]
    return found

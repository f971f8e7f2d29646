# SPDX-License-Identifier: MIT
"""A society of any size, for benches: who is there, signed batches, or a store that is full.

The same arguments make the same bytes. ``register`` enrols gateways and assigns meters;
``signed_batches`` gives what those gateways publish, as (topic, payload), one at a time, so that
a bench makes its list before it looks at the clock. ``fill_store`` copies readings into the
tables without gateways, batches and marks: a store of a million channels in a minute.

What each register says when is a function of its own (`raw_at`), so that a bench can also be a
test: the registers rise, every meter and column at its own pace.
"""

import hashlib
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.registry import enrol_gateway, ensure_society
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, CATALOGUE, Kind, Service, quantity
from shared_schema.message import MeterId
from shared_schema.readings import Block, Column
from shared_schema.signing import SigningKey, public_key_to_pem
from tests.support.gateway import MAKER, Sealer

SOCIETY = "Lake View"
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
BLOCKS_A_BATCH = 8
ROWS_A_WRITE = 20_000

COLUMNS: tuple[Column, ...] = tuple(
    Column(obis=known.obis, scaler=0, unit=known.unit)
    for known in CATALOGUE.values()
    if known.kind is Kind.REGISTER and known.service is Service.ELECTRICITY
)
"""What a meter of the load may have, in order: active import first; 72 registers."""

_PG_EPOCH_S = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
_ROW = struct.Struct(">hiiiqiqiih")
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = struct.pack(">h", -1)


@dataclass(frozen=True, slots=True)
class Filled:
    """What `fill_store` put there."""

    meters: int
    channels: int
    readings: int
    first_channel: int
    """The ids of the new channels follow one another from here."""


def raw_at(meter: int, column: int, number: int) -> int:
    """Return what a register says at the end of capture period ``number`` (from 0); pure.

    It rises by something else each time, so that it compresses no better than a real one.
    """
    step = 1 + (meter * 31 + column * 7) % 500
    uneven = ((number + meter + column) * 2_654_435_761 >> 7) % step
    return 1_000_000 + meter % 9_973 * 1_000 + column + step * (number + 1) + uneven


def gateway_names(gateways: int) -> list[str]:
    """Return the names of the load's gateways; meter ``m`` hangs at ``m % gateways``."""
    return [f"gw-load-{number:04}" for number in range(gateways)]


def serial_of(meter: int) -> str:
    """Return the serial number of a meter of the load."""
    return f"L{meter:08}"


def signing_key(gateway: str, seed: int = 1) -> SigningKey:
    """Return the key of a gateway of the load."""
    return Ed25519PrivateKey.from_private_bytes(_digest(gateway, seed, "key"))


def register(
    conn: Connection,
    *,
    gateways: int,
    meters: int,
    since: datetime,
    society: str = SOCIETY,
    seed: int = 1,
) -> None:
    """Enrol the gateways, and let each meter serve a flat of its own from ``since`` on."""
    for name in gateway_names(gateways):
        enrol_gateway(
            conn, society, name, "Tower 1", public_key_to_pem(signing_key(name, seed).public_key())
        )
    with conn.transaction():
        _make_meters(conn, ensure_society(conn, society), range(meters), since)


def signed_batches(
    *,
    gateways: int,
    meters: int,
    start: datetime,
    hours: int,
    channels: int = 3,
    period: timedelta = QUARTER,
    send_every: timedelta = HOUR,
    blocks: int = BLOCKS_A_BATCH,
    seed: int = 1,
) -> Iterator[tuple[str, bytes]]:
    """Give what the gateways publish, in the order of time: (topic, payload).

    Args:
        gateways: How many; each has a stream of its own from number 1 on.
        meters: How many over all gateways.
        start: The first row ends one ``period`` after it.
        hours: How long.
        channels: Columns of each block, at most 64: each is a channel in the store.
        period: The capture period.
        send_every: How many rows a block holds: those of this time.
        blocks: Meters in a batch; fewer where the batch would be over 64 KiB is up to the caller.
        seed: Another one makes other keys, streams and salts, and the same registers.
    """
    sealers = [
        Sealer(name, signing_key(name, seed), UUID(bytes=_digest(name, seed, "stream")[:16]))
        for name in gateway_names(gateways)
    ]
    salts = random.Random(seed)
    rows_a_block = send_every // period
    for sent in range(0, timedelta(hours=hours) // period, rows_a_block):
        numbers = range(sent, sent + rows_a_block)
        for number, sealer in enumerate(sealers):
            own = range(number, meters, gateways)
            for first in range(0, len(own), blocks):
                lines = [
                    _block_line(meter, channels, numbers, start, period=period, salts=salts)
                    for meter in own[first : first + blocks]
                ]
                at = start + period * (numbers[-1] + 1)
                yield sealer.topic, sealer.seal(*lines, at=at)


def fill_store(
    conn: Connection,
    *,
    channels: int,
    start: datetime,
    hours: int,
    period: timedelta = QUARTER,
    channels_per_meter: int = 3,
    society: str = SOCIETY,
) -> Filled:
    """Copy meters, channels and readings straight into an empty society's tables.

    Each time step is a COPY and a transaction of its own, as rows come from gateways. There is
    no batch and no mark: days and months are as they were until they are recomputed. Partitions
    for the days must be there.

    Args:
        conn: A migrated store.
        channels: How many in all.
        start: The first reading is one ``period`` after it; the meters serve from it on.
        hours: How long.
        period: Between two readings.
        channels_per_meter: How many channels share a meter, at most 72.
        society: Made where it is new; it has none of the load's meters yet.
    """
    meters = -(-channels // channels_per_meter)
    with conn.transaction():
        first_meter = _make_meters(conn, ensure_society(conn, society), range(meters), start)
        first_channel = _make_channels(conn, first_meter, channels, channels_per_meter, period)
    registers = [(first_channel + n, *divmod(n, channels_per_meter)) for n in range(channels)]
    steps = timedelta(hours=hours) // period
    ends = [int((start + period * (number + 1)).timestamp()) for number in range(steps)]
    make_partitions(conn, StoreCache(), ends)
    for number in range(steps):
        _copy_step(conn, registers, start + period * (number + 1), number)
    conn.execute(
        "UPDATE meter SET last_reading_at = %s WHERE meter_id >= %s AND meter_id < %s",
        (start + period * steps, first_meter, first_meter + meters),
    )
    return Filled(meters, channels, channels * steps, first_channel)


def _digest(gateway: str, seed: int, what: str) -> bytes:
    return hashlib.sha256(f"{what} {gateway} {seed}".encode()).digest()


def _block_line(
    meter: int,
    channels: int,
    numbers: range,
    start: datetime,
    *,
    period: timedelta,
    salts: random.Random,
) -> bytes:
    return Block(
        salt=salts.randbytes(16).hex(),
        meter=MeterId(manufacturer=MAKER, serial=serial_of(meter)),
        profile=BLOCK_LOAD_PROFILE,
        period_s=int(period.total_seconds()),
        columns=COLUMNS[:channels],
        rows=tuple(
            (
                int((start + period * (number + 1)).timestamp()),
                None,
                *(raw_at(meter, column, number) for column in range(channels)),
            )
            for number in numbers
        ),
    ).to_line()


def _make_meters(conn: Connection, society_id: int, meters: range, since: datetime) -> int:
    """Add meters and their flats; return the first id, the others follow it."""
    (first,) = conn.execute("SELECT coalesce(max(meter_id), 0) + 1 FROM meter").fetchall()[0]
    with (
        conn.cursor() as cursor,
        cursor.copy("COPY meter (meter_id, society_id, manufacturer, serial) FROM STDIN") as copy,
    ):
        for meter in meters:
            copy.write_row((first + meter, society_id, MAKER, serial_of(meter)))
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY assignment_version (society_id, tower, subject_type, subject, label, service,"
            " source, meter_id, valid_from, author, reason, recorded_at) FROM STDIN"
        ) as copy,
    ):
        for meter in meters:
            subject = f"A-{meter:08}"
            copy.write_row(
                (
                    society_id,
                    "Tower 1",
                    "unit",
                    subject,
                    subject,
                    "electricity",
                    "grid",
                    first + meter,
                    since,
                    "me",
                    "test",
                    since,
                )
            )
    _go_on_after(conn, "meter", "meter_id")
    return int(first)


def _make_channels(
    conn: Connection, first_meter: int, channels: int, per_meter: int, period: timedelta
) -> int:
    (first,) = conn.execute("SELECT coalesce(max(channel_id), 0) + 1 FROM channel").fetchall()[0]
    kinds = [found.kind.value for c in COLUMNS if (found := quantity(c.obis)) is not None]
    period_s = int(period.total_seconds())
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY channel (channel_id, meter_id, obis, unit, scaler, kind, period_s) FROM STDIN"
        ) as copy,
    ):
        for n in range(channels):
            meter, number = divmod(n, per_meter)
            column = COLUMNS[number]
            copy.write_row(
                (
                    first + n,
                    first_meter + meter,
                    str(column.obis),
                    int(column.unit),
                    column.scaler,
                    kinds[number],
                    period_s,
                )
            )
    _go_on_after(conn, "channel", "channel_id")
    return int(first)


def _go_on_after(conn: Connection, table: str, column: str) -> None:
    conn.execute(
        f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'),"  # noqa: S608
        f" (SELECT max({column}) FROM {table}))".encode()
    )


def _copy_step(
    conn: Connection, registers: Sequence[tuple[int, int, int]], at: datetime, number: int
) -> None:
    ts = (int(at.timestamp()) - _PG_EPOCH_S) * 1_000_000
    pack = _ROW.pack
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY reading (channel_id, ts, raw, status, origin) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.write(_HEADER)
        for first in range(0, len(registers), ROWS_A_WRITE):
            copy.write(
                b"".join(
                    pack(5, 4, channel, 8, ts, 8, raw_at(meter, column, number), -1, 2, 1)
                    for channel, meter, column in registers[first : first + ROWS_A_WRITE]
                )
            )
        copy.write(_END)

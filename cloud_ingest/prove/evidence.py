# SPDX-License-Identifier: MIT
"""The signed lines of a proof: each reading's own row, and the channel by which it counts.

Of the batches that hold a reading one is taken whose block has no reading of anybody else. Where
there is none, nothing is shown, and the proof says so.

In: the store, readings that a number names. Out: readings with their place in the signed lines;
batches, keys and epochs for all of them. Owns: the numbering of batches and channels in one proof.
Never: a write.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from cloud_ingest.core.register import Epoch as CountedEpoch
from cloud_ingest.core.register import offset_at
from cloud_ingest.prove.neighbours import Neighbours
from cloud_ingest.store.channels import Channel, channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import ToldEpoch, epochs_as_known
from cloud_ingest.store.naming_batches import naming_batches
from cloud_ingest.store.proved import channels_that_say, enrolled_keys
from cloud_ingest.store.signed_rows import SignedRow, Sought, signed_rows
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.message import MeterId, format_utc
from shared_schema.proof import pack
from shared_schema.quality import Origin
from shared_schema.readings import Batch, read_block

MOST_LOOKED_AT = 50
"""Batches with one reading that are looked at for one without readings of others."""


@dataclass(slots=True)
class SignedLines:
    """The batches of one proof, each once, with the subject's own blocks."""

    rows: dict[int, SignedRow] = field(default_factory=dict)
    """By batch id, in the order of the proof."""
    blocks: dict[int, list[bytes]] = field(default_factory=dict)

    def place(self, row: SignedRow) -> pack.Signed:
        """Return where a row stands in the proof."""
        self.rows.setdefault(row.batch_id, row)
        blocks = self.blocks.setdefault(row.batch_id, [])
        line = row.batch.block_lines[row.ordinal]
        if line not in blocks:
            blocks.append(line)
        return pack.Signed(
            batch=list(self.rows).index(row.batch_id),
            block=blocks.index(line),
            row=row.row,
            column=row.column,
        )

    def batches(self) -> tuple[pack.SignedBatch, ...]:
        """Return them as a proof has them."""
        return tuple(
            _shown(row.batch, self.blocks[batch_id], row.received_at)
            for batch_id, row in self.rows.items()
        )


def _shown(batch: Batch, blocks: Iterable[bytes], received_at: datetime) -> pack.SignedBatch:
    return pack.SignedBatch(
        header=batch.header_line.decode(),
        signature=batch.signature_line.decode(),
        blocks=tuple(line.decode() for line in blocks),
        received_at=format_utc(received_at),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """A reading that a number names, or that lies beside one."""

    meter: MeterId
    at: datetime
    value: Decimal
    origin: Origin


class Evidence:
    """Finds what proves readings, for one proof."""

    def __init__(
        self,
        conn: Connection,
        society_id: int,
        service: Service,
        *,
        meters: Mapping[int, MeterId],
        neighbours: Neighbours,
        heard: int | None,
    ) -> None:
        self._conn = conn
        self._society_id = society_id
        self._service = service
        self._obis = BILLED_REGISTER[service]
        self._neighbours = neighbours
        self._lines = SignedLines()
        channels = channels_of_meters(conn, meters, [str(self._obis)])
        self._channels: dict[MeterId, list[Channel]] = {}
        for each in channels:
            if self._exponent(each) is not None:
                self._channels.setdefault(meters[each.meter_id], []).append(each)
        self._epochs: dict[int, list[ToldEpoch]] = {}
        for epoch in epochs_as_known(conn, [each.channel_id for each in channels], heard):
            self._epochs.setdefault(epoch.channel_id, []).append(epoch)
        self._numbered: list[Channel | None] = []
        """Each channel at its number in the proof."""

    def _exponent(self, channel: Channel) -> int | None:
        return billing_exponent(self._service, channel.unit, channel.scaler)

    def reading(self, said: Said, like: pack.Reading | None = None) -> pack.Reading:
        """Return a reading with what proves it.

        Args:
            said: The reading.
            like: Of a placed value: a reading by whose channel it counts.
        """
        row, unsigned = self._row(said)
        channel = self._channel(said, row)
        if channel is None and like is not None:
            channel = self._numbered[like.channel]
        return pack.Reading(
            meter=pack.Meter(manufacturer=said.meter.manufacturer, serial=said.meter.serial),
            obis=str(self._obis),
            at=format_utc(said.at),
            register_value=f"{said.value:f}",
            origin=said.origin.value,
            channel=self._number(channel),
            adds=f"{self._added(channel, said.at):f}",
            signed=None if row is None else self._lines.place(row),
            unsigned=unsigned,
        )

    def _row(self, said: Said) -> tuple[SignedRow | None, pack.Unsigned | None]:
        """Return the signed row of a reading, or why there is none to show."""
        if said.origin is not Origin.METER:
            return None, "never"
        sought = Sought(said.meter, self._obis, self._service, said.at, said.value)
        looked_at = 0
        for row in signed_rows(self._conn, self._society_id, sought):
            if self._is_own(row, said):
                return row, None
            looked_at += 1
            if looked_at == MOST_LOOKED_AT:
                break
        return None, "others" if looked_at else "not_kept"

    def _is_own(self, row: SignedRow, said: Said) -> bool:
        """Say whether a block has no reading of somebody else, but for the reading itself."""
        block = read_block(row.batch.block_lines[row.ordinal])
        times = (each[0] for each in getattr(block, "rows", ()) if each[0] != said.at.timestamp())
        return not any(
            self._neighbours.has_time(said.meter, datetime.fromtimestamp(ts, said.at.tzinfo))
            for ts in times
        )

    def _channel(self, said: Said, row: SignedRow | None) -> Channel | None:
        """Return the channel of a reading: that of its row, or the one that says it."""
        known = self._channels.get(said.meter, [])
        if row is not None:
            counted = row.counted
            key = (counted.unit, counted.scaler, counted.weight)
            return next((c for c in known if (c.unit, c.scaler, c.weight) == key), None)
        raws: dict[int, int] = {}
        for each in known:
            raw = said.value.scaleb(-(self._exponent(each) or 0))
            if raw == raw.to_integral_value() and abs(raw) < 2**63:
                raws[each.channel_id] = int(raw)
        saying = channels_that_say(self._conn, list(raws.items()), said.at)
        found = saying or ([] if said.origin is Origin.ESTIMATE else sorted(raws))
        return next((each for each in known if each.channel_id in found[:1]), None)

    def _number(self, channel: Channel | None) -> int:
        if channel not in self._numbered:
            self._numbered.append(channel)
        return self._numbered.index(channel)

    def _added(self, channel: Channel | None, at: datetime) -> Decimal:
        """Return what the epochs of a channel add to a reading of a time."""
        if channel is None:
            return Decimal(0)
        known = [
            CountedEpoch(each.starts_at, each.offset_raw)
            for each in self._epochs.get(channel.channel_id, ())
        ]
        return Decimal(offset_at(known, at)).scaleb(self._exponent(channel) or 0)

    def batches(self) -> tuple[pack.SignedBatch, ...]:
        """Return the signed lines of all readings that were asked for, and of next keys."""
        signers = {(row.gateway, row.batch.header.key) for row in self._lines.rows.values()}
        named = (
            _shown(each.batch, (each.block,), each.received_at)
            for each in naming_batches(self._conn, sorted(signers))
        )
        return (*self._lines.batches(), *named)

    def keys(self) -> tuple[pack.Key, ...]:
        """Return the keys of the gateways that signed, with those from before and after."""
        return tuple(
            pack.Key(
                gateway=each.gateway,
                key=each.key_id,
                public_key=each.public_key.hex(),
                enrolled_at=format_utc(each.enrolled_at),
                revoked_at=None if each.revoked_at is None else format_utc(each.revoked_at),
            )
            for each in enrolled_keys(
                self._conn, {row.gateway for row in self._lines.rows.values()}
            )
        )

    def epochs(self, readings: Iterable[pack.Reading]) -> tuple[pack.Epoch, ...]:
        """Return what was added to the registers of readings, up to the last of each register."""
        last = dict[int, str]()
        for each in readings:
            last[each.channel] = max(each.at, last.get(each.channel, ""))
        return tuple(
            pack.Epoch(
                channel=number,
                starts_at=format_utc(each.starts_at),
                adds=f"{Decimal(each.offset_raw).scaleb(self._exponent(channel) or 0):f}",
                by=self._neighbours.masked(each.author),
                why=self._neighbours.masked(each.reason),
                recorded_at=format_utc(each.recorded_at),
            )
            for number, channel in enumerate(self._numbered)
            if channel is not None
            for each in self._epochs.get(channel.channel_id, ())
            if format_utc(each.starts_at) <= last.get(number, "")
        )

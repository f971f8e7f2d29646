"""Proofs of months that no store has, each case by hand, so that a test can spoil it."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared_schema.billing import (
    BILLING_UNITS,
    BoundaryReading,
    Bounds,
    MeterMonth,
    MonthlyConsumption,
    billing_exponent,
)
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import Subject, SubjectType
from shared_schema.message import MeterId, format_utc
from shared_schema.proof.pack import (
    Border,
    Entry,
    Epoch,
    Key,
    Meter,
    Number,
    Part,
    Proof,
    Reading,
    Sealed,
    Served,
    Signed,
    SignedBatch,
    Whose,
)
from shared_schema.quality import Origin, Quality
from shared_schema.readings import Column, KeyChange
from shared_schema.signing import SigningKey, VerifyKey, generate_key, key_id, raw_public_key
from tests.support.gateway import ENERGY, MAKER, WATER, Sealer, block_line

START = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
END = datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERIAL, NEIGHBOUR = "26100001", "26109999"


def raw_key(key: VerifyKey) -> str:
    return raw_public_key(key).hex()


def sealed(at: datetime, *seals: str) -> Sealed:
    return Sealed(
        meter=Meter(manufacturer=MAKER, serial=SERIAL),
        seen_at=format_utc(at),
        seals=seals,
        by="R. Rao",
        why="commissioned at gw-a",
        recorded_at=format_utc(at + HOUR),
    )


@dataclass
class Maker:
    """Collects what a proof is made of."""

    service: Service = Service.ELECTRICITY
    sealer: Sealer = field(default_factory=lambda: Sealer("gw-a"))
    batches: list[SignedBatch] = field(default_factory=list)
    keys: dict[str, Key] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    others: list[Reading] = field(default_factory=list)
    seals: list[Sealed] = field(
        default_factory=lambda: [
            sealed(START, "S-4711", "S-4712"),
            sealed(END),
        ]
    )
    column: Column = field(init=False)

    def __post_init__(self) -> None:
        self.column = ENERGY if self.service is Service.ELECTRICITY else WATER

    def value(self, raw: int) -> Decimal:
        exponent = billing_exponent(self.service, self.column.unit, self.column.scaler)
        assert exponent is not None
        return Decimal(raw).scaleb(exponent)

    def signed(self, at: datetime, raw: int, serial: str = SERIAL, adds: str = "0") -> Reading:
        """A reading that a gateway signed, in a batch with the block of a neighbour."""
        own = block_line(serial, [(at - HOUR, raw - 7), (at, raw)], self.column)
        other = block_line(NEIGHBOUR, [(at, 987654321)], self.column)
        header, *_, signature = self.sealer.seal(own, other).split(b"\n")
        self.batches.append(
            SignedBatch(
                header=header.decode(),
                signature=signature.decode(),
                blocks=(own.decode(),),
                received_at=format_utc(at + HOUR),
            )
        )
        self.know(self.sealer.key)
        place = Signed(batch=len(self.batches) - 1, block=0, row=1, column=0)
        return self._reading(at, raw, serial, Origin.METER, adds, place=place)

    def know(self, key: SigningKey) -> None:
        public = key.public_key()
        self.keys[key_id(public)] = Key(
            gateway=self.sealer.name,
            key=key_id(public),
            public_key=raw_key(public),
            enrolled_at=format_utc(START - 30 * 24 * HOUR),
        )

    def name_next(self, successor: SigningKey | None = None) -> None:
        """The key that signs names another one, which signs from then on."""
        successor = successor or generate_key()
        line = KeyChange(successor=raw_key(successor.public_key())).to_line()
        header, *_, signature = self.sealer.seal(line).split(b"\n")
        self.batches.append(
            SignedBatch(
                header=header.decode(),
                signature=signature.decode(),
                blocks=(line.decode(),),
                received_at=format_utc(END),
            )
        )
        self.sealer.key = successor
        self.know(successor)

    def said(
        self, at: datetime, raw: int, origin: Origin, serial: str = SERIAL, adds: str = "0"
    ) -> Reading:
        """A reading that nobody signed."""
        return self._reading(at, raw, serial, origin, adds, place=None)

    def _reading(
        self,
        at: datetime,
        raw: int,
        serial: str,
        origin: Origin,
        adds: str,
        *,
        place: Signed | None,
    ) -> Reading:
        return Reading(
            meter=Meter(manufacturer=MAKER, serial=serial),
            obis=str(BILLED_REGISTER[self.service]),
            at=format_utc(at),
            register_value=f"{self.value(raw):f}",
            origin=origin.value,
            channel=0 if serial == SERIAL else 1,
            adds=adds,
            signed=place,
            unsigned=None if place is not None else "never",
        )

    def part(
        self,
        opening: Reading,
        closing: Reading,
        before: Reading | None = None,
        after: Reading | None = None,
    ) -> None:
        """One meter's share of the month; what is beside it is beside its closing."""
        self.parts.append(
            Part(
                opening=Border(**dict(opening), before=None, after=None),
                closing=Border(**dict(closing), before=before, after=after),
            )
        )

    def epoch(self, at: datetime, adds: str) -> None:
        self.epochs.append(
            Epoch(
                channel=0,
                starts_at=format_utc(at),
                adds=adds,
                by="manager",
                why="the register has five digits",
                recorded_at=format_utc(END),
            )
        )

    def proof(self) -> Proof:
        message = self._message().to_line()
        return Proof(
            schema_name="metering.proof/1",
            society="Lake View",
            zone="Asia/Kolkata",
            month="2026-10",
            subject=Whose(type="unit", id="A-1204"),
            service=self.service.value,
            unit="kWh" if self.service is Service.ELECTRICITY else "kL",
            made_at=format_utc(END + 48 * HOUR),
            state="published",
            reasons=(),
            number=Number(message=message.decode(), sha256=hashlib.sha256(message).hexdigest()),
            held=None,
            parts=tuple(self.parts),
            others=tuple(self.others),
            epochs=tuple(self.epochs),
            keys=tuple(self.keys.values()),
            batches=tuple(self.batches),
            entries=(
                Entry(
                    kind="enter",
                    meter=f"{MAKER} {SERIAL}",
                    at=format_utc(END),
                    value="12374.755",
                    by="manager",
                    why="dial read with the resident",
                    recorded_at=format_utc(END + HOUR),
                ),
            ),
            meters=(
                Served(
                    meter=Meter(manufacturer=MAKER, serial=SERIAL),
                    source="grid",
                    tower="Tower 1",
                    since=format_utc(START - 300 * 24 * HOUR),
                    until=None,
                    legacy=False,
                    by="unit management",
                    why="list of units",
                    recorded_at=format_utc(START),
                ),
            ),
            seals=tuple(self.seals),
        )

    def _message(self) -> MonthlyConsumption:
        parts = [
            MeterMonth(
                meter=MeterId(**dict(part.opening.meter)),
                source="grid",
                obis=BILLED_REGISTER[self.service],
                opening=_end(part.opening),
                closing=_end(part.closing),
                quantity=_whole(part.closing) - _whole(part.opening),
            )
            for part in self.parts
        ]
        total = sum((part.quantity for part in parts), Decimal(0))
        return MonthlyConsumption(
            society="Lake View",
            month="2026-10",
            subject=Subject(type=SubjectType.UNIT, id="A-1204"),
            service=self.service,
            version=1,
            quantity=total,
            unit=BILLING_UNITS[self.service],
            quality=Quality.VALIDATED,
            parts=tuple(parts),
            bounds=Bounds(lower=total, upper=total),
            closed_at=END + 24 * HOUR,
        )


def _end(border: Border) -> BoundaryReading:
    return BoundaryReading(
        at=datetime.fromisoformat(border.at),
        register_value=Decimal(border.register_value),
        origin=Origin(border.origin),
    )


def _whole(border: Border) -> Decimal:
    return Decimal(border.register_value) + Decimal(border.adds)

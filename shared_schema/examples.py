# SPDX-License-Identifier: MIT
"""An example of each message, as it is sent: for the AsyncAPI document and for whoever tries.

A flat of one society and one month, whose numbers are those of a true meter: 1,000.001 kWh at the
beginning, 1,312.458 kWh at the end; its pipe leaks, too. Pure.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BILLING_UNITS,
    BillingManifest,
    BoundaryReading,
    ManifestEntry,
    MeterMonth,
    MonthlyConsumption,
    MonthlyWithdrawal,
    NumberStatus,
    Withheld,
)
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import ACTIVE_IMPORT, Service, Unit
from shared_schema.events import Event, EventKind, Subject, SubjectType
from shared_schema.events import Unit as Flat
from shared_schema.evidence import LeakEvidence
from shared_schema.gateway import (
    BusStatus,
    Command,
    CommandArguments,
    CommandKind,
    Receipt,
    Result,
    Status,
)
from shared_schema.message import Message, MeterId
from shared_schema.quality import Origin, Quality, Reason
from shared_schema.readings import Block, Column, Header, line_hash
from shared_schema.units import (
    ListedChange,
    ListedMeter,
    ListedPlace,
    ListState,
    MeterServes,
    Side,
    UnitList,
    UnitListResult,
)
from shared_schema.volatile import Volatile

_SOCIETY: Final = {"society": "Green Acres"}
_MONTH: Final = {"month": "2026-10", "zone": "Asia/Kolkata"}
_OPENS, _CLOSES = (
    datetime(2026, 9, 30, 18, 30, tzinfo=UTC),
    datetime(2026, 10, 31, 18, 30, tzinfo=UTC),
)
_AT: Final = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
_FLAT: Final = Subject(type=SubjectType.UNIT, id="A-1204")
_OTHER: Final = Subject(type=SubjectType.UNIT, id="C-0302")
_METER: Final = MeterId(manufacturer="LNT", serial="26100001")
_GATEWAY: Final = {"gateway": "gw-a"}
_KEY: Final = {"key": "56475aa75463474c"}
_STREAM: Final = UUID("7b3f6b5e-33a4-4f0e-8a52-0f3b8c1f6a11")
_COMMAND: Final = UUID("0b9e9b0a-6a41-4a7b-9c51-6f6f0e7f7a01")
_SERVICE: Final = Service.ELECTRICITY


def _number(version: int, closes: str, used: str, quality: Quality) -> MonthlyConsumption:
    part = MeterMonth(
        meter=_METER,
        source="grid",
        obis=ACTIVE_IMPORT,
        opening=BoundaryReading(at=_OPENS, register_value=Decimal("1000.001"), origin=Origin.METER),
        closing=BoundaryReading(at=_CLOSES, register_value=Decimal(closes), origin=Origin.METER),
        quantity=Decimal(used),
        tower="A",
    )
    return MonthlyConsumption(
        **_SOCIETY,
        **_MONTH,
        subject=_FLAT,
        tower="A",
        service=_SERVICE,
        version=version,
        quantity=part.quantity,
        unit=BILLING_UNITS[_SERVICE],
        status=NumberStatus.FINAL,
        quality=quality,
        parts=(part,),
        closed_at=_AT + timedelta(days=version),
    )


def _event(state: str) -> Event:
    is_over = state == "cleared"
    ended = {"cleared_at": _AT + timedelta(hours=9), "ended": "over"} if is_over else {}
    told = "Water has not stopped for 3 days: 5 L in the quietest hour. Look into flat A-1204."
    return Event(
        **_SOCIETY,
        id=UUID("5f0c2f9e-6f0e-4f4e-9d1c-2a44bd6d2f0a"),
        version=2 if is_over else 1,
        kind=EventKind.LEAK,
        subject=_FLAT,
        service=Service.WATER,
        unit=Flat(type=SubjectType.UNIT, id="A-1204", tower="A"),
        state=state,
        since=_OPENS,
        raised_at=_OPENS + timedelta(days=3),
        message=f"Over: it ran dry. {told}" if is_over else told,
        evidence_schema=LeakEvidence.SCHEMA,
        evidence=LeakEvidence(
            manufacturer="KAM", serial="77", tower="A", litres_so_far=Decimal(340)
        ).document(),
        **ended,
    )


def _block() -> Block:
    column = Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR)
    return Block(
        salt="00000000000000000000000000000002",
        meter=_METER,
        profile=None,
        period_s=0,
        columns=(column,),
        rows=((int(_AT.timestamp()), None, 1312458),),
    )


_UNITS: Final = UnitList(
    **_SOCIETY, at=_AT, reason="meters of July", towers=("A",),
    units=(ListedPlace(tower="A", label=_FLAT.id),),
    meters=(
        ListedMeter(
            tower="A", subject_type=MeterServes.BULK, subject="Main", service=_SERVICE,
            manufacturer=_METER.manufacturer, serial="26100099", valid_from="2026-01-01",
            ct_ratio="200/5", counts=Side.PRIMARY,
        ),
        ListedMeter(
            tower="A", subject_type=MeterServes.UNIT, subject=_FLAT.id, service=_SERVICE,
            manufacturer=_METER.manufacturer, serial=_METER.serial, valid_from="2026-01-01",
            parent="Main", seal="S-4711", calibrated_on="2025-11-03",
        ),
    ),
)  # fmt: skip


def _messages() -> Mapping[str, Sequence[Message]]:
    named = {**_SOCIETY, "month": _MONTH["month"], "subject": _FLAT, "service": _SERVICE}
    first = _number(1, "1312.458", "312.457", Quality.VALIDATED)
    second = _number(2, "1310.001", "310.000", Quality.EDITED)
    return {
        "readings-header": (
            Header(
                **_GATEWAY, **_KEY, stream=_STREAM, seq=1, previous=None,
                blocks=(line_hash(_block().to_line()),), created_at=_AT,
            ),
        ),
        "readings-volatile": (Volatile(**_GATEWAY, **_KEY, at=_AT, blocks=(_block(),)),),
        "status": (
            Status(
                **_GATEWAY, session=UUID(int=7), state="online", at=_AT, meters=2,
                buses=(BusStatus(name="riser-1", meters=2),),
            ),
        ),
        "receipt": (
            Receipt(
                **_GATEWAY, **_KEY, store=UUID(int=99), stream=_STREAM, ranges=((1, 4), (6, 6)),
                at=_AT,
            ),
        ),
        "command": (
            Command(
                **_GATEWAY, **_KEY, id=_COMMAND, kind=CommandKind.READ_NOW,
                arguments=CommandArguments(meters=(_METER,)), issued_at=_AT,
                expires_at=_AT + timedelta(hours=1),
            ),
        ),
        "result": (
            Result(**_GATEWAY, command=_COMMAND, outcome="done", reason="", at=_AT),
        ),
        "event": (_event("open"), _event("cleared")),
        "monthly-consumption": (first, second),
        "monthly-withdrawal": (
            MonthlyWithdrawal(
                **named, zone=_MONTH["zone"], unit=BILLING_UNITS[_SERVICE], version=3,
                closed_at=_AT + timedelta(days=3),
            ),
        ),
        "billing-manifest": (
            BillingManifest(
                **_SOCIETY, **_MONTH, version=2,
                entries=(
                    ManifestEntry(
                        subject=_FLAT, service=_SERVICE, version=second.version,
                        sha256=line_hash(second.to_line()), status=second.status,
                    ),
                ),
                withheld=(
                    Withheld(
                        subject=_OTHER, service=_SERVICE, unit=BILLING_UNITS[_SERVICE],
                        reasons=(Reason.NO_CLOSING,),
                    ),
                ),
                closed_at=second.closed_at,
            ),
        ),
        "billing-ack": (BillingAck(**named, version=2),),
        "billing-request": (
            BillingRequest(**_SOCIETY),
            BillingRequest(**_SOCIETY, month=_MONTH["month"]),
            BillingRequest(**_SOCIETY, subject=_FLAT, service=_SERVICE),
            BillingRequest(**_SOCIETY, since=_OPENS),
        ),
        "reconciliation": (
            Reconciliation(
                **_SOCIETY, **_MONTH, tower="A", service=_SERVICE, unit=BILLING_UNITS[_SERVICE],
                bulk=Decimal("400.000"), units=Decimal("310.000"), common=Decimal("70.000"),
                loss=Decimal("20.000"), loss_percent=Decimal("5.00"), units_known=1, units_total=1,
                quality=Quality.VALIDATED, closed_at=_AT,
            ),
        ),
        "units": (_UNITS,),
        "units-result": (
            UnitListResult(
                **_SOCIETY, list_sha256=line_hash(_UNITS.to_line()), at=_AT, state=ListState.WAITS,
                proposal=3, added=1, changed=0, unchanged=1,
                changes=(
                    ListedChange(
                        kind="added", subject_type=MeterServes.UNIT, subject=_FLAT.id,
                        service=_SERVICE, source="grid",
                        manufacturer=_METER.manufacturer, serial=_METER.serial,
                        before={},
                        after={
                            "tower": "A", "parent": "Main", "legacy": False,
                            "valid_from": "2025-12-31T18:30:00Z", "valid_to": None,
                        },
                    ),
                ),
            ),
        ),
    }  # fmt: skip


def examples() -> dict[str, list[dict[str, Any]]]:
    """Return payloads of each message, by its name."""
    return {
        name: [json.loads(each.to_line()) for each in messages]
        for name, messages in _messages().items()
    }

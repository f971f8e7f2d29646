# SPDX-License-Identifier: MIT
"""What the service and billing write is byte for byte what an earlier version wrote."""

from datetime import UTC, datetime
from uuid import UUID

from shared_schema.billing_asks import BillingAck
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.gateway import Receipt
from shared_schema.signing import SigningKey, key_id, sign_message
from tests.support.samples import as_sample, sample

KEY = SigningKey.from_private_bytes(bytes(range(32, 64)))
NOW = datetime(2026, 8, 5, 3, 30, tzinfo=UTC)


def test_a_receipt_keeps_its_bytes() -> None:
    receipt = Receipt(
        gateway="gw-a",
        key=key_id(KEY.public_key()),
        store=UUID(int=99),
        stream=UUID(int=7),
        ranges=((1, 4), (6, 2**63 - 1)),
        heads=((4, "0" * 64), (2**63 - 1, "f" * 64)),
        at=NOW,
    )
    message = sign_message(receipt.to_line(), KEY)
    assert as_sample([("receipt", message)]) == sample("receipt.txt")


def test_an_acknowledgement_keeps_its_bytes() -> None:
    ack = BillingAck(
        society="Lake View",
        month="2026-07",
        subject=Subject(type=SubjectType.UNIT, id="A-1204"),
        service=Service.WATER,
        version=2,
    )
    assert as_sample([("acknowledgement", ack.to_line())]) == sample("acknowledgement.txt")

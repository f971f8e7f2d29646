# SPDX-License-Identifier: MIT
"""Whether a message says anything new: what an earlier version of the program sent says as much."""

import json

from cloud_ingest.month.closing import says_the_same
from shared_schema.billing import BillingManifest, BillingUnit, MonthlyConsumption, Withheld
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.quality import Reason
from tests.support import july

NUMBER = july.number(100).model_copy(update={"zone": "Asia/Kolkata"})
WITHHELD = Withheld(
    subject=Subject(type=SubjectType.UNIT, id="A-1"),
    service=Service.WATER,
    unit=BillingUnit.KL,
    reasons=(Reason.NO_CLOSING,),
)
MANIFEST = BillingManifest(
    society="Lake View", month="2026-07", entries=(), withheld=(WITHHELD,), closed_at=july.CLOSED
)


def former(without: str) -> MonthlyConsumption:
    """Return the number as a version sent it that did not know a field."""
    document = json.loads(NUMBER.to_line())
    del document[without]
    return MonthlyConsumption.from_line(json.dumps(document).encode())


def test_a_field_that_is_new_is_no_news() -> None:
    assert says_the_same(former("zone"), NUMBER)


def test_another_zone_is_news() -> None:
    assert not says_the_same(NUMBER, NUMBER.model_copy(update={"zone": "Asia/Dubai"}))


def test_an_old_field_that_is_missing_is_news() -> None:
    assert not says_the_same(former("since"), NUMBER.model_copy(update={"since": "2026-06"}))


def test_a_new_field_of_a_part_is_no_news() -> None:
    document = json.loads(MANIFEST.to_line())
    del document["withheld"][0]["unit"]
    old = BillingManifest.from_line(json.dumps(document).encode())
    assert says_the_same(old, MANIFEST)
    assert not says_the_same(old, MANIFEST.model_copy(update={"withheld": ()}))

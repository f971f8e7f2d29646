# SPDX-License-Identifier: MIT
"""How long the database's disk lasts, and which gateway needs a person."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from cloud_ingest.core.gateway_standing import Standing
from cloud_ingest.operate.checks import GB
from cloud_ingest.operate.disk_checks import check_machines, check_store_disk
from cloud_ingest.store.server_facts import EvidenceSize, StoreDisk
from shared_schema.gateway import Machine, Status

NOW = datetime(2026, 11, 30, tzinfo=UTC)
EVIDENCE = EvidenceSize(
    months=12,
    bytes_in_months=12 * GB,
    whole=12,
    newest=GB,
    batches=8 * GB,
    waits=False,
    keeps=None,
)


@pytest.mark.parametrize(
    ("free_gb", "level", "says"),
    [
        (100, "ok", "for about 1500 days"),
        (3, "warn", "for about 45 days"),
        (1, "warn", "for about 15 days"),
        (0, "fail", "for about 0 days"),
        (None, "ok", "its disk is not seen from here"),
    ],
)
def test_the_disk_must_last_two_months(free_gb: int | None, level: str, says: str) -> None:
    disk = StoreDisk(40 * GB, None if free_gb is None else free_gb * GB)
    found = check_store_disk(disk, EVIDENCE)
    assert (found.level, found.advice == "") == (level, level == "ok")
    assert says in found.said
    assert "grows by about 2.00 GB a month" in found.said


def test_a_new_store_tells_no_growth() -> None:
    new = EvidenceSize(0, 0, 0, 0, 8192, waits=False, keeps=None)
    found = check_store_disk(StoreDisk(GB // 100, 5 * GB), new)
    assert (found.level, found.said) == ("ok", "the store has 0.0 GB; 5.0 GB are free")


def test_a_gateway_that_needs_a_person_is_named_once() -> None:
    status = Status(
        gateway="gw-a",
        session=UUID(int=1),
        state="online",
        at=NOW,
        meters=3,
        meters_answering=1,
        machine=Machine(disk_free_bytes=1, disk_total_bytes=8 * GB),
    )
    full = Standing(1, "S", "gw-a", None, "online", NOW, None, NOW, 0.0, status)
    gone = Standing(1, "S", "gw-b", None, "taken back", NOW, None, NOW, None, status)
    (check,) = check_machines([full, gone], NOW)
    assert (check.level, check.name) == ("warn", "gateway gw-a")
    assert check.said == "its disk is full; 2 of 3 meters are not read"

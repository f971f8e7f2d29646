# SPDX-License-Identifier: MIT
"""The doctor's judgements of the store's disk, and of what gateways say of their machines.

What a month takes is measured in the newest closed month of evidence, and extended to the store by
the part that evidence has of it. The disk is seen only where the server is on this machine and
tells where its data lie.

In: sizes, how gateways stand, the time. Out: a `Check`. Never: a question to a server.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from cloud_ingest.core.gateway_standing import Standing, remarks
from cloud_ingest.operate.checks import GB, Check
from cloud_ingest.store.server_facts import EvidenceSize, StoreDisk

MONTH_DAYS: Final = 30
FEW_DAYS: Final = 60
LEAST_DAYS: Final = 14
LEAST_FREE: Final = GB
_ADVICE: Final = (
    "give the database a larger disk; cloud-ingest evidence archive and evidence keep, and "
    "cloud-ingest keep-readings, make room"
)


def check_store_disk(disk: StoreDisk, evidence: EvidenceSize) -> Check:
    """Judge for how many days the disk of the database has room."""
    month = _month_bytes(disk, evidence)
    said = f"the store has {disk.store_bytes / GB:.1f} GB"
    if month is not None:
        said += f", and grows by about {month / GB:.2f} GB a month"
    if disk.free_bytes is None:
        return Check("ok", "disk", f"{said}; its disk is not seen from here")
    said += f"; {disk.free_bytes / GB:.1f} GB are free"
    days = None if not month else disk.free_bytes * MONTH_DAYS // month
    if days is not None:
        said += f", for about {days} days"
    if disk.free_bytes < LEAST_FREE or (days is not None and days < LEAST_DAYS):
        return Check("fail", "disk", said, _ADVICE)
    if days is not None and days < FEW_DAYS:
        return Check("warn", "disk", said, _ADVICE)
    return Check("ok", "disk", said)


def _month_bytes(disk: StoreDisk, evidence: EvidenceSize) -> int | None:
    whole = evidence.bytes_in_months + evidence.batches
    if not evidence.newest or not whole:
        return None
    return max(evidence.newest, evidence.newest * disk.store_bytes // whole)


def check_machines(found: Sequence[Standing], now: datetime) -> Iterator[Check]:
    """Tell what of a gateway's machine needs a person; its certificate is told elsewhere."""
    for each in found:
        if wrong := list(remarks(replace(each, certificate_ends_at=None), now)):
            advice = "docs/howto/gateways.md; cloud-ingest gateway diagnose asks it"
            yield Check("warn", f"gateway {each.gateway}", "; ".join(wrong), advice)

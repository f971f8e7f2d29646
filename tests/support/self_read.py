# SPDX-License-Identifier: MIT
"""Legacy flats whose residents send what their dials show."""

import hashlib
from datetime import datetime, timedelta
from uuid import uuid4

from cloud_ingest.core.dial_photo import Photo, PhotoTime
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read_decide import decide
from cloud_ingest.entries.self_read_look import Sent, SentPhoto
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.store.self_read_submissions import Submission
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, Site, local

ELECTRICITY = Service.ELECTRICITY
LEGACY = (
    "Tower 1,unit,C-0303,electricity,grid,,,yes,2026-06-01,",
    "Tower 1,unit,C-0304,electricity,grid,,,yes,2026-06-01,",
)
START, END = local("2026-07-01 08:00"), local("2026-08-01 08:00")
NOW = local("2026-08-01 09:00")


def read_flat(site: Site) -> Site:
    """A legacy flat that was read on 1 July, and its neighbour."""
    site.units(*LEGACY)
    for unit, value in (("C-0304", "4711.3"), ("C-0303", "9100")):
        first = send(site, value, START, unit=unit, now=START)
        assert first.decision is None
        approve(site, first, START)
    return site


def send(
    site: Site,
    shown: str,
    at: datetime = END,
    *,
    unit: str = "C-0304",
    client_id: str | None = None,
    now: datetime = NOW,
    photo: SentPhoto | None = None,
) -> Submission:
    named = NamedMeter(unit, ELECTRICITY)
    sent = Sent(named, client_id or str(uuid4()), shown, at, photo)
    return submit(site.conn, society_id(site), sent, Sender(f"resident of {unit}"), now)


def society_id(site: Site) -> int:
    return int(site.one("SELECT society_id FROM society"))


def approve(site: Site, sent: Submission, now: datetime = NOW) -> Submission:
    return decide(
        site.conn,
        SOCIETY,
        str(sent.receipt),
        approve=True,
        by="manager",
        reason="seen on the photo",
        now=now,
    )


def photo(at: datetime | None = None) -> SentPhoto:
    taken = None if at is None else PhotoTime(at.replace(tzinfo=None), timedelta())
    return SentPhoto(Photo(b"jpeg", 4, 3, taken), hashlib.sha256(b"sent").digest())


def kinds(sent: Submission) -> list[str | None]:
    return [each["kind"] for each in sent.remarks]


def readings(site: Site) -> int:
    return int(site.one("SELECT count(*) FROM reading"))

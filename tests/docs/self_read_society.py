# SPDX-License-Identifier: MIT
"""Sunrise Heights when two values of a resident wait for the manager (self-read.md)."""

from datetime import timedelta
from pathlib import Path

from cloud_ingest.core.dial_photo import Photo
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read_look import Sent, SentPhoto
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service
from tests.docs.society import PRESENT, SUNRISE, furnish

PHOTO = SentPhoto(Photo(b"\xff\xd8\xff", 4, 3, None), b"1" * 32)


def asked_back(conn: Connection, folder: Path) -> None:
    """Fill an empty store as `furnish` does, and send two values of a flat's dial."""
    furnish(conn, folder)
    society_id = find_society(conn, SUNRISE)
    flat = NamedMeter("C-0304", Service.ELECTRICITY)
    for shown, minutes, photo in (("4711", 180, PHOTO), ("47", 140, None)):
        at = PRESENT - timedelta(minutes=minutes)
        sent = Sent(flat, f"phone-000{minutes}", shown, at, photo)
        submit(conn, society_id, sent, Sender("resident of C-0304"), at)

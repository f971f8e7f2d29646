# SPDX-License-Identifier: MIT
"""A society with one tower in a store: its meters, what they showed, and its flags."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.scoring.tower_sim import FIRST
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.partitions import make_partitions
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import Event, EventKind
from tests.support.fill import roll_up

UNITS = {Service.WATER: (13, -3), Service.ELECTRICITY: (30, 0)}
"""Unit and scaler of a register in litres, and of one in watt hours."""

Hours = Sequence[Sequence[float]]
"""What a meter counts in the hours of each day."""


class TowerStore:
    """Tower A of a society, whose meters were read for some days."""

    def __init__(self, conn: Connection, days: int, *, hourly_from: int = 0) -> None:
        self.conn = conn
        self.zone = open_store(conn).zone
        self.start = midnight(FIRST, self.zone)
        self.now: datetime = midnight(FIRST + days * DAY, self.zone) + timedelta(hours=4)
        self._days, self._hourly_from = days, hourly_from
        self._channels: list[int] = []
        self.society_id = self._one("INSERT INTO society (name) VALUES ('S') RETURNING society_id")
        stretch = range(int(self.start.timestamp()), int(self.now.timestamp()) + 1, 86400)
        make_partitions(conn, StoreCache(), stretch)

    def hang(self, subject: str, kind: str, service: Service, hours: Hours) -> None:
        """Hang a meter, and store its registers at each midnight, and later in each hour."""
        meter = self._one(
            "INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, 'M', %s) "
            "RETURNING meter_id",
            self.society_id,
            f"{service}-{subject}",
        )
        self.conn.execute(
            "INSERT INTO assignment (society_id, tower, subject_type, subject, label, service,"
            " source, meter_id, legacy, valid_from, author, reason, recorded_at)"
            " VALUES (%s, 'A', %s, %s, %s, %s, 'inlet', %s, false, %s, 'me', 'test', now())",
            (self.society_id, kind, subject, subject, service, meter, self.start - DAY),
        )
        channel = self._one(
            "INSERT INTO channel (meter_id, obis, unit, scaler, kind) VALUES (%s, %s, %s, %s,"
            " 'register') RETURNING channel_id",
            meter,
            str(BILLED_REGISTER[service]),
            *UNITS[service],
        )
        shown = list(accumulate((int(each) for day in hours for each in day), initial=1000))
        numbers = [n for n in range(len(shown)) if n % 24 == 0 or n >= self._hourly_from * 24]
        self.conn.execute(
            "INSERT INTO reading (channel_id, ts, raw, origin) SELECT %s, ts, raw, 1 "
            "FROM unnest(%s::timestamptz[], %s::bigint[]) AS own (ts, raw)",
            (
                channel,
                [self.start + timedelta(hours=n) for n in numbers],
                [shown[n] for n in numbers],
            ),
        )
        self._channels.append(channel)

    def move(self, subject: str, day: int, *, source: str | None = None) -> None:
        """Take a meter down at the beginning of a day, and hang it behind another source."""
        at = self.start + day * DAY
        with self.conn.transaction():
            self.conn.execute(
                "UPDATE assignment SET valid_to = %s WHERE subject = %s", (at, subject)
            )
            if source is not None:
                self.conn.execute(
                    "INSERT INTO assignment (society_id, tower, subject_type, subject, label,"
                    " service, source, meter_id, legacy, valid_from, author, reason, recorded_at)"
                    " SELECT society_id, tower, subject_type, subject, label, service, %s,"
                    " meter_id, legacy, valid_to, author, reason, recorded_at FROM assignment"
                    " WHERE subject = %s",
                    (source, subject),
                )

    def roll_up(self) -> None:
        """Make the rollups of all meters."""
        roll_up(self.conn, self._channels, FIRST - DAY, FIRST + self._days * DAY)

    def flags(self) -> dict[EventKind, Event]:
        """Return the open flags by kind."""
        return {each.event.kind: each.event for each in list_events(self.conn)}

    def _one(self, text: str, *values: object) -> int:
        row = self.conn.execute(text.encode(), values).fetchone()
        assert row is not None
        return int(row[0])

# SPDX-License-Identifier: MIT
"""What a proof takes from the store besides the explanation: the message, keys, names.

In: a society, a number, gateways. Out: bytes as they were sent, keys, everybody's names. Never: a
write.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.rows import all_rows, one_row, scalars


class SentMessage(NamedTuple):
    """A number as it was sent."""

    message: bytes
    sha256: str
    heard_order: int
    """The last entry that it knew."""


class EnrolledKey(NamedTuple):
    """A key that a gateway may sign with, or might."""

    gateway: str
    key_id: str
    public_key: bytes
    enrolled_at: datetime
    revoked_at: datetime | None


@translating
def sent_message(
    conn: Connection, society_id: int, month: str, key: NumberKey, version: int
) -> SentMessage | None:
    """Return one version of a number."""
    return one_row(
        conn,
        SentMessage,
        """
        SELECT message, sha256, heard_order FROM month_number
        WHERE society_id = %s AND month = %s AND subject_type = %s AND subject = %s
          AND service = %s AND version = %s
        """,
        (society_id, month, key.subject_type, key.subject, key.service.value, version),
    )


@translating
def enrolled_keys(conn: Connection, gateways: Collection[str]) -> list[EnrolledKey]:
    """Return every key of gateways, the oldest first."""
    return all_rows(
        conn,
        EnrolledKey,
        """
        SELECT name AS gateway, key_id, public_key, gateway_key.enrolled_at,
               revocation.at AS revoked_at
        FROM gateway JOIN gateway_key USING (gateway_id)
        LEFT JOIN revocation ON revocation.revocation_id = gateway_key.revocation_id
        WHERE name = ANY(%s::text[])
        ORDER BY name, gateway_key.enrolled_at, key_id
        """,
        (sorted(gateways),),
    )


@translating
def channels_that_say(
    conn: Connection, channels: Collection[tuple[int, int]], at: datetime
) -> list[int]:
    """Return of channels, each with a raw value, those that say it at a moment."""
    return scalars(
        conn,
        query("reading/said_at"),
        {"ids": [each[0] for each in channels], "raws": [each[1] for each in channels], "at": at},
    )


@translating
def names_in_society(conn: Connection, society_id: int) -> list[str]:
    """Return the name of every unit and common area, and every meter's serial number."""
    return scalars(
        conn,
        """
        SELECT subject FROM assignment_version WHERE society_id = %(society_id)s
        UNION SELECT label FROM assignment_version WHERE society_id = %(society_id)s
        UNION SELECT serial FROM meter WHERE society_id = %(society_id)s
        """,
        {"society_id": society_id},
    )

# SPDX-License-Identifier: MIT
"""The photos of dials, in the database: one backup has a number and what it was read from.

A picture is some 200 KB. It goes after the months that the settings name; what is kept for ever is
that there was one, the hash of the bytes that came, and when it was taken by its own clock.

In: a submission, a photo. Out: its JPEG. Owns: the tables ``self_read_photo`` and
``self_read_picture``. Never: the bytes as they came.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cloud_ingest.core.dial_photo import Photo
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import scalar

NEAR_A_BORDER: Final = timedelta(days=11)
"""So far from a border no dial stands for it: longer than the widest window of a society."""


@translating
def add_photo(
    conn: Connection, submission_id: int, photo: Photo, sent_sha256: bytes, now: datetime
) -> bool:
    """Keep a photo, within a transaction; say whether there was none before."""
    taken = photo.taken
    offset = None if taken is None or taken.offset is None else taken.offset
    is_new = scalar(
        conn,
        """
        INSERT INTO self_read_photo VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING RETURNING true
        """,
        (
            submission_id,
            sent_sha256,
            photo.width,
            photo.height,
            None if taken is None else taken.local,
            None if offset is None else int(offset.total_seconds()),
            now,
        ),
    )
    if is_new:
        conn.execute("INSERT INTO self_read_picture VALUES (%s, %s)", (submission_id, photo.jpeg))
    return bool(is_new)


@translating
def picture_of(conn: Connection, submission_id: int) -> bytes | None:
    """Return the JPEG of a submission; None: there was none, or it is no longer kept."""
    statement = "SELECT jpeg FROM self_read_picture WHERE submission_id = %s"
    jpeg = scalar(conn, statement, (submission_id,))
    return None if jpeg is None else bytes(jpeg)


@translating
def forget_pictures(conn: Connection, before: datetime) -> int:
    """Drop the pictures that came before a time; return how many."""
    return conn.execute(
        """
        DELETE FROM self_read_picture USING self_read_photo AS f
        WHERE f.submission_id = self_read_picture.submission_id AND f.received_at < %s
        """,
        (before,),
    ).rowcount


@translating
def forget_pictures_of_erased(conn: Connection, also: Sequence[int] = ()) -> int:
    """Drop the pictures of persons who were erased, where no month needs them; return how many.

    A month needs those of dials near to it until it is approved.

    Args:
        conn: The store.
        also: Submissions whose pictures go by the same rule.
    """
    asked = {"submissions": list(also), "near": NEAR_A_BORDER}
    return conn.execute(query("self_read/forget_erased"), asked).rowcount

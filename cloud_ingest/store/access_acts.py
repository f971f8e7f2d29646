# SPDX-License-Identifier: MIT
"""What was done about people and access, by whom: the audit log.

In: an act. Out: acts, the newest first. Owns: the table ``access_act``, to which is only added.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows


class KeptAct(NamedTuple):
    """An act, and how many there are."""

    at: datetime
    what: AccessAct
    author: str
    about: str
    detail: str
    total: int


@translating
def note_act(
    conn: Connection,
    societies: Collection[int],
    what: AccessAct,
    *,
    author: str,
    about: str,
    detail: str = "",
    now: datetime,
) -> None:
    """Keep an act in the log of each society that it concerns."""
    conn.execute(
        """
        INSERT INTO access_act (society_id, at, what, author, about, detail)
        SELECT society_id, %s, %s, %s, %s, %s FROM unnest(%s::int[]) AS own (society_id)
        """,
        (now, what, author, about, detail, sorted(set(societies))),
    )


@translating
def list_acts(conn: Connection, society_id: int, *, limit: int, offset: int = 0) -> list[KeptAct]:
    """Return acts of a society, the newest first."""
    return all_rows(
        conn,
        _act,
        """
        SELECT at, what, author, about, detail, count(*) OVER () AS total FROM access_act
        WHERE society_id = %s ORDER BY access_act_id DESC LIMIT %s OFFSET %s
        """,
        (society_id, limit, offset),
    )


def _act(*, what: str, **columns: object) -> KeptAct:
    return KeptAct(what=AccessAct(what), **columns)  # type: ignore[arg-type]

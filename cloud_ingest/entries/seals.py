# SPDX-License-Identifier: MIT
"""The seals on a meter: a person says which are on it.

In: a meter as a person names it, numbers of seals, a time, who says so and why. Out: whether that
was new. Never: a changed row.

Raises: SealsRefused, NotFound, TextRefused.
"""

from collections.abc import Sequence
from datetime import datetime

from cloud_ingest.core.typed_text import label
from cloud_ingest.entries.bindings import Said, meters_of
from cloud_ingest.errors import SealsRefused
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.seals import add_seals, seals_seen
from shared_schema.text import MOST_SEALS


@translating
def see_seals(
    conn: Connection, society: str, name: str, seals: Sequence[str], said: Said, *, at: datetime
) -> bool:
    """Record which seals were on a meter at a time; False: that was known.

    Args:
        conn: The store.
        society: Its name.
        name: The meter: a serial number, or MAKER/SERIAL.
        seals: Their numbers; none: the meter had none.
        said: Who says so, and why.
        at: When they were seen.
    """
    if at > said.now:
        raise SealsRefused(f"meter {name[:80]}: {at:%Y-%m-%d %H:%M} has not come yet")
    kept = tuple(dict.fromkeys(label(each, "a seal") for each in seals))
    if len(kept) > MOST_SEALS:
        raise SealsRefused(f"meter {name[:80]}: {len(kept)} seals: give {MOST_SEALS} at most")
    word, society_id = said.word(), find_society(conn, society)
    with conn.transaction():
        (meter_id,) = meters_of(conn, society_id, society, [name])
        known = seals_seen(conn, society_id, [meter_id])
        if any((each.seen_at, tuple(each.seals)) == (at, kept) for each in known):
            return False
        add_seals(conn, meter_id, at, kept, word)
    return True

# SPDX-License-Identifier: MIT
"""Units that somebody looks for.

In: a part of a label. Out: what there is of it, `MOST` at most.
"""

from typing import Final

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.unit_search import subjects_like

MOST: Final = 60


def find_subjects(conn: Connection, society_id: int, text: str) -> list[tuple[SubjectKind, str]]:
    """Return the units, common areas and bulk meters whose label holds a text, units first."""
    return subjects_like(conn, society_id, same_name(text.strip()), MOST)

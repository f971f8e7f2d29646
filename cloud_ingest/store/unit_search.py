# SPDX-License-Identifier: MIT
"""Units by a part of their label.

In: a society, a text. Out: labels, in their order. Never: another society's.
"""

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows


@translating
def subjects_like(
    conn: Connection, society_id: int, text: str, limit: int
) -> list[tuple[SubjectKind, str]]:
    """Return the units, common areas and bulk meters whose label holds a text, units first."""
    return all_rows(
        conn,
        _subject,
        """
        SELECT subject_type, subject FROM assignment
        WHERE society_id = %s AND strpos(lower(subject), lower(%s)) > 0
        GROUP BY subject_type, subject ORDER BY subject_type <> 'unit', min(subject_order), subject
        LIMIT %s
        """,
        (society_id, text, limit),
    )


def _subject(subject_type: SubjectKind, subject: str) -> tuple[SubjectKind, str]:
    return (subject_type, subject)

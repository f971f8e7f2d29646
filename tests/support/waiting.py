# SPDX-License-Identifier: MIT
"""A person who decides on a number that waits, as the random histories of months let one do."""

from datetime import datetime

from cloud_ingest.errors import NumberRefused
from cloud_ingest.month.decision import SaidOfNumber, decide
from cloud_ingest.month.waiting import waiting_numbers
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.number_words import NumberKey, WordKind
from tests.support.store import SOCIETY


def decide_on_waiting(
    conn: Connection, kind: WordKind, now: datetime, *, is_last: bool = False
) -> None:
    """Decide on the first or the last number that waits, if one does.

    What goes with another month may be refused, and of a quantity in doubt nothing can be kept.
    """
    waiting = waiting_numbers(conn, SOCIETY)
    if not waiting:
        return
    one = waiting[-1 if is_last else 0]
    if one.state == "doubted" and kind == "keep":
        return
    key = NumberKey("unit", one.subject, one.service)
    said = SaidOfNumber(one.month, key, kind, "treasurer", "looked at the meter")
    try:
        decide(conn, SOCIETY, said, now, apply=True)
    except NumberRefused as refused:
        assert "waits for" in str(refused), refused  # noqa: PT017

# SPDX-License-Identifier: MIT
"""What of a closed month waits for a person: changes that are held, and quantities in doubt.

A closing makes the list of its month anew. A flag is open for each subject with a held change.
A first number that waits for one of another month is not on the list: that change is, in its own
month. A change that a person kept out is remembered, so that a person can let it in after all.

In: a closing and its numbers. Out: rows of the list and flags, in the caller's transaction.
"""

from collections.abc import Mapping
from dataclasses import replace

from cloud_ingest.core.door import Way
from cloud_ingest.flags.held_changes import refresh_held_changes
from cloud_ingest.month.closing import Closing, SubjectKey
from cloud_ingest.month.heard import number_key
from cloud_ingest.month.numbers import Numbers, Outcome
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.number_words import Doubt, NumberKey, doubts, put_doubts
from shared_schema.billing import MonthlyConsumption


def write_doubts(conn: Connection, closing: Closing, numbers: Numbers) -> None:
    """Remember what waits for a person, and raise or clear the flags of it."""
    former = {each.key: each for each in doubts(conn, closing.society_id, closing.month)}
    found = [
        each
        for key, outcome in numbers.outcomes.items()
        if (each := _doubt(closing, numbers, key, outcome, former)) is not None
    ]
    if found == list(former.values()):
        return
    put_doubts(conn, closing.society_id, closing.month, found)
    held = [each for each in doubts(conn, closing.society_id) if each.kind == "held"]
    refresh_held_changes(conn, closing.society_id, closing.society, held, closing.now)


def _doubt(
    closing: Closing,
    numbers: Numbers,
    key: SubjectKey,
    outcome: Outcome,
    former: Mapping[NumberKey, Doubt],
) -> Doubt | None:
    made = numbers.made.get(key)
    changes = numbers.changes
    way = changes.ways.get(key)
    is_held = way is Way.HOLD or (outcome.waits and key not in changes.waiting)
    is_change = is_held or way is Way.KEEP
    doubted = numbers.doubted.get(key)
    if not is_change and (doubted is None or outcome.withheld is None):
        return None
    told = outcome.held or outcome.withheld
    quantity = made.quantity if isinstance(made, MonthlyConsumption) else None
    link = changes.links[key]
    doubt = Doubt(
        month=closing.month,
        key=number_key(key),
        kind="held" if is_held else "kept" if is_change else "doubted",
        version=None if outcome.kept is None else outcome.kept.number.version,
        quantity=quantity if is_change else doubted,
        reasons=() if told is None else told.reasons,
        linked=f"{link.kind} {link.label} {link.service}",
        since=closing.now,
    )
    known = former.get(doubt.key)
    is_same = known is not None and (known.kind, known.quantity) == (doubt.kind, doubt.quantity)
    return doubt if known is None or not is_same else replace(doubt, since=known.since)

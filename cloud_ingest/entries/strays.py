# SPDX-License-Identifier: MIT
"""Readings that a gateway stored which may not have spoken for the meter: set aside by a person.

They stay stored, with their evidence, and are not elected any more; `reading restore` takes one of
them back.

In: a society, meters, who says so and why. Out: what was set aside, and the closed months that it
touches. Never: a reading that a gateway which may speak has said as well.

Raises: NotFound, TextRefused.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import day_of, next_month, previous_month
from cloud_ingest.entries.bindings import Said, meters_of
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.judgements import lock_elections
from cloud_ingest.store.manifests import closed_months
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rulings import store_rulings
from cloud_ingest.store.strays import Stray, strays
from cloud_ingest.store.suspects import Suspect
from cloud_ingest.validation.judge import judge_suspects


@dataclass(frozen=True, slots=True)
class SetAside:
    """What was set aside."""

    strays: Sequence[Stray]
    close_again: Sequence[str]
    """The closed months that it touches."""


def stray_readings(conn: Connection, society: str, names: Collection[str] = ()) -> list[Stray]:
    """Return the stray readings of meters as a person names them; none: of all."""
    society_id = find_society(conn, society)
    return strays(conn, society_id, meters_of(conn, society_id, society, names) or None)


@translating
def set_strays_aside(
    conn: Connection, society: str, names: Collection[str], said: Said
) -> SetAside:
    """Set the stray readings of meters aside, and judge their registers again.

    Args:
        conn: The store.
        society: Its name.
        names: The meters; none: all of the society.
        said: Who says so, and why.
    """
    word = said.word()
    store = open_store(conn)
    with conn.transaction():
        lock_elections(conn)
        found = stray_readings(conn, society, names)
        store_rulings(
            conn,
            [each.claim for each in found],
            "set_aside",
            by=word.by,
            reason=word.reason,
            now=word.at,
        )
        judge_suspects(conn, _suspects(found, store.zone), store, word.at)
        months = {f"{day:%Y-%m}" for day in _months(found, store.zone)}
        return SetAside(found, closed_months(conn, find_society(conn, society), months))


def _suspects(found: Iterable[Stray], zone: ZoneInfo) -> list[Suspect]:
    wanted = {
        (each.meter_id, each.dial.obis, month) for each in found for month in _months([each], zone)
    }
    return [Suspect(*each) for each in sorted(wanted)]


def _months(found: Iterable[Stray], zone: ZoneInfo) -> set[date]:
    """Return the months of readings, and those beside them; pure."""
    own = {day_of(each.at, zone).replace(day=1) for each in found}
    return own | {previous_month(each) for each in own} | {next_month(each) for each in own}

# SPDX-License-Identifier: MIT
"""An import of the list of units: its difference is shown, and applied as it was seen.

Both run the same transaction; that of a preview is rolled back. A preview has a token: a hash of
the difference, and the place in the order of entries up to which the list was known. Who applies
it names the token. If the difference is another one meanwhile, nothing is written, and what was
said since is named.

In: lines by their numbers, a society; who says so and why. Out: a `Preview`; in the store meters
and versions of assignments, or every bad line. Never: an assignment that is updated in place.

Raises: ImportRefused, PreviewOutdated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cloud_ingest.core.typed_text import remark
from cloud_ingest.core.unit_diff import Change, difference, fingerprint
from cloud_ingest.core.unit_gateways import listed_gateways
from cloud_ingest.core.unit_list import Line, Place, parse
from cloud_ingest.core.unit_meter import Meter
from cloud_ingest.core.unit_plan import Known, Plan, Stretch, make_plan, touched
from cloud_ingest.entries.units import DEFAULT_AUTHOR, months_of, place_of
from cloud_ingest.errors import ImportRefused, PreviewOutdated
from cloud_ingest.store import assignment_versions as stored
from cloud_ingest.store import bindings
from cloud_ingest.store.assignment_versions import AssignmentVersion, Word
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import closed_months
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.ratings import MeterVersion, holding, meter_versions, rate_meters
from cloud_ingest.store.registry import ensure_society
from cloud_ingest.store.unjudged import mark_meters

_TOKEN_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    changed: int
    unchanged: int
    close_again: tuple[str, ...] = ()
    """The closed months in which it makes a difference."""
    remarks: tuple[str, ...] = ()
    """On lines that were taken, though something about them is odd."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a list is held against."""

    unique_labels: bool = False
    """No two towers of the society may share a label."""
    restore: bool = False
    """Take in again what was taken back."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do, or did."""

    changes: tuple[Change, ...]
    done: Imported
    token: str
    is_applied: bool


@translating
def preview_units(
    conn: Connection,
    society: str,
    lines: Mapping[int, Line],
    *,
    now: datetime,
    rules: Rules = Rules(),
) -> Preview:
    """Say what an import would do; nothing is written.

    Raises:
        ImportRefused: with one text for each bad line.
    """
    word = Word(DEFAULT_AUTHOR, "a preview", now)
    with conn.transaction(force_rollback=True):
        return _import(conn, society, lines, word, rules)


@translating
def apply_units(
    conn: Connection,
    society: str,
    lines: Mapping[int, Line],
    word: Word,
    *,
    seen: str | None = None,
    rules: Rules = Rules(),
) -> Preview:
    """Import lines in one transaction.

    Args:
        conn: The store.
        society: The society's name; it is added where it is new.
        lines: By their numbers.
        word: Who says so, and why.
        seen: The token of the preview that somebody saw; None: nobody did.
        rules: What the list is held against.

    Raises:
        ImportRefused: there are bad lines; nothing was taken.
        PreviewOutdated: the difference is another than was seen; nothing was taken.
    """
    if not word.by.strip():
        raise ImportRefused("say who imports the list: give --by", ())
    said = Word(remark(word.by, "--by"), remark(word.reason, "--reason"), word.at)
    with conn.transaction():
        found = _import(conn, society, lines, said, rules)
        if seen is not None and seen.rpartition("-")[2] != found.token.rpartition("-")[2]:
            raise PreviewOutdated(
                "nothing was imported: the difference is another than the preview showed; look "
                "at a new preview",
                _since(conn, society, seen, found.token, open_store(conn).zone),
            )
        return replace(found, is_applied=True)


def import_units(
    conn: Connection,
    society: str,
    path: Path,
    *,
    now: datetime,
    by: str = DEFAULT_AUTHOR,
    reason: str | None = None,
    restore: bool = False,
) -> Imported:
    """Import a CSV file, unseen.

    Raises:
        ImportRefused: the file cannot be read, or has bad lines; nothing was taken.
    """
    lines = read_list(path, open_store(conn).zone)
    word = Word(by, (reason or "").strip() or f"import of {path.name}", now)
    return apply_units(conn, society, lines, word, rules=Rules(restore=restore)).done


def read_list(path: Path, zone: ZoneInfo) -> dict[int, Line]:
    """Read a CSV file.

    Raises:
        ImportRefused: it cannot be read, or has bad lines.
    """
    try:
        return parse(path.read_text(encoding="utf-8-sig"), zone)
    except OSError as error:
        raise ImportRefused(f"cannot read the units: {error.strerror}: {path}", ()) from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path} is not UTF-8: save it as CSV UTF-8", ()) from None


def _import(
    conn: Connection, society: str, lines: Mapping[int, Line], word: Word, rules: Rules
) -> Preview:
    """Change the list of units in the caller's transaction."""
    zone = open_store(conn).zone
    society_id = ensure_society(conn, society)
    held = stored.lock_assignments(conn, society_id)
    versions = stored.assignment_versions(conn, society_id)
    meters = meter_versions(conn, society_id)
    known = Known(
        {each.assignment_id: place_of(each) for each in held},
        [place_of(each.assignment) for each in versions if _held_once(each)],
        _taken_back(versions, zone),
        holding(meters),
    )
    bound, bad = _bound(conn, society_id, lines)
    plan = make_plan(
        known, lines, unique_labels=rules.unique_labels, restore=rules.restore, bad=bad
    )
    _carry_out(conn, society_id, plan, word)
    if bound:
        bindings.bind_listed(conn, society_id, bound, word)
    mark_meters(conn, society_id, _meters(plan), word.at)
    months = months_of(_stretches(known, plan), word.at, zone)
    touches = tuple(closed_months(conn, society_id, months))
    changes = difference(known, plan)
    digest = fingerprint(changes, touches)[:_TOKEN_DIGITS]
    token = f"{_last_entry(versions, meters)}-{digest}"
    done = Imported(len(plan.add), plan.changed, plan.unchanged, touches, plan.remarks)
    return Preview(changes, done, token, is_applied=False)


def _bound(
    conn: Connection, society_id: int, lines: Mapping[int, Line]
) -> tuple[dict[Meter, str], tuple[str, ...]]:
    """Return the meters that lines bind to a gateway, or the lines that cannot."""
    if not any(line.gateway for line in lines.values()):
        return {}, ()
    bindings.lock_bindings(conn)
    bound = bindings.bound_meters(conn, society_id)
    enrolled = bindings.gateways_of(conn, society_id)
    try:
        return listed_gateways(lines, bound, enrolled), ()
    except ImportRefused as error:
        return {}, error.lines


def _carry_out(conn: Connection, society_id: int, plan: Plan, word: Word) -> None:
    for assignment_id, place in plan.change:
        stored.change_assignment(conn, society_id, assignment_id, place, word)
    for place in plan.add:
        stored.add_assignment(conn, society_id, place, word)
    rate_meters(conn, society_id, plan.rate, word)


def _held_once(version: AssignmentVersion) -> bool:
    return version.superseded_at is not None and not version.taken_back


def _taken_back(versions: Iterable[AssignmentVersion], zone: ZoneInfo) -> dict[Place, str]:
    return {
        replace(place_of(said), parent=None): (
            f"on {said.recorded_at.astimezone(zone):%Y-%m-%d} by {said.author}: {said.reason}"
        )
        for version in versions
        if version.taken_back
        for said in (version.assignment,)
    }


def _stretches(known: Known, plan: Plan) -> list[Stretch]:
    changes = [(known.places[own], place) for own, place in plan.change]
    added = [stretch for place in plan.add for stretch in touched(None, place)]
    return added + [stretch for before, after in changes for stretch in touched(before, after)]


def _meters(plan: Plan) -> set[Meter]:
    """Return the meters of which a plan says something else than was known; pure."""
    places = (*plan.add, *(place for _, place in plan.change))
    return {place.meter for place in places} | {meter for meter, _ in plan.rate}


Entered = AssignmentVersion | MeterVersion


def _last_order(entry: Entered) -> int:
    return max(entry.entry_order, entry.superseded_order or 0)


def _last_entry(*entries: Iterable[Entered]) -> int:
    return max((_last_order(each) for some in entries for each in some), default=0)


def _since(
    conn: Connection, society: str, seen: str, found: str, zone: ZoneInfo
) -> tuple[str, ...]:
    """Say what was entered between two previews."""
    society_id = ensure_society(conn, society)
    first, last = (
        int(number) if number.isdecimal() else 0
        for number in (token.partition("-")[0][:18] for token in (seen, found))
    )
    entries: list[Entered] = [
        *stored.assignment_versions(conn, society_id),
        *meter_versions(conn, society_id),
    ]
    return tuple(_said(each, zone) for each in entries if first < each.entry_order <= last)


def _said(entry: Entered, zone: ZoneInfo) -> str:
    if isinstance(entry, MeterVersion):
        said, by, why, at = " ".join(entry.meter), entry.author, entry.reason, entry.recorded_at
    else:
        own = entry.assignment
        said, by, why, at = f"{own.subject} {own.service}", own.author, own.reason, own.recorded_at
    return f"{said}: said on {at.astimezone(zone):%Y-%m-%d %H:%M} by {by}: {why}"

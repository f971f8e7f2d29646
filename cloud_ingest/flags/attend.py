# SPDX-License-Identifier: MIT
"""What people do with a flag: look at it, acknowledge it, mute it, hand it over.

A flag is named by its id, or by the first eight characters of it, or by its subject or unit.

In: a name, a person's word. Out: the flag afterwards, or all that happened to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cloud_ingest.core.flag import Change, Flag, Mute, acknowledged, handed
from cloud_ingest.core.typed_text import own_label, remark
from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.event_changes import change_flag, end_mute, put_mute
from cloud_ingest.store.events import (
    RecordedChange,
    ids_like,
    is_known,
    list_changes,
    list_events,
    list_mutes,
)
from cloud_ingest.store.registry import find_society
from shared_schema.events import EventKind, Subject, SubjectType

LONGEST_MUTE: Final = timedelta(days=366)
MOST_SHOWN: Final = 20
"""Flags of one subject."""
ID_START: Final = re.compile(r"[0-9a-fA-F]{8}[0-9a-fA-F-]{0,28}")


@dataclass(frozen=True, slots=True)
class ShownFlag:
    """A flag and all that happened to it."""

    flag: Flag
    changes: tuple[RecordedChange, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a flag, or of the flags of a subject."""

    flags: tuple[ShownFlag, ...]
    """Newest first."""
    mutes: tuple[Mute, ...]
    """Of the same subjects, newest first; those that are over, too."""


@dataclass(frozen=True, slots=True)
class Named:
    """How a person names a flag."""

    which: str
    """An id, the start of one, a subject or a unit."""
    society: str | None = None
    kind: EventKind | None = None
    subject_type: SubjectType = SubjectType.UNIT
    """Of a subject that had no flag of this kind yet."""


def show(conn: Connection, named: Named) -> Shown:
    """Return a flag, or the newest flags of a subject, with their changes; the mutes of both.

    Raises:
        NotFound: there is neither a flag nor a mute.
    """
    found = _found(conn, named)[:MOST_SHOWN]
    if not found:
        early = list_mutes(conn, society=named.society, subject=named.which)
        early = [each for each in early if named.kind in (None, each.kind)]
        if not early:
            raise _not_found(named)
        return Shown((), tuple(early))
    subjects = dict.fromkeys((each.event.society, each.event.subject.id) for each in found)
    mutes = [
        mute
        for society, subject in subjects
        for mute in list_mutes(conn, society=society, subject=subject)
        if any(each.event.subject == mute.subject for each in found)
    ]
    shown = (ShownFlag(each, tuple(list_changes(conn, each.event.id))) for each in found)
    return Shown(tuple(shown), tuple(mutes))


def acknowledge(conn: Connection, named: Named, *, by: str, reason: str, now: datetime) -> Flag:
    """Note that a person has seen an open flag and looks into it.

    Raises:
        NotFound: there is none.
        UserError: none is open, or several are.
        TextRefused: who or why cannot be kept.
    """
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    flag = _one(_open(_found(conn, named), named), named)
    see = partial(_seen, by=by, now=now)
    seen = change_flag(conn, flag, see, Change.ACKNOWLEDGED, author=by, reason=reason, now=now)
    if seen is None:
        raise UserError(f"flag {flag.event.id} is over meanwhile: nothing to acknowledge")
    return seen


def hand(conn: Connection, named: Named, *, by: str, reason: str, now: datetime) -> Flag:
    """Hand an open flag to the helpdesk: its message goes out at once, with who asks and why.

    Raises:
        NotFound: there is none.
        UserError: none is open, several are, or it is muted.
        TextRefused: who or why cannot be kept.
    """
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    flag = _one(_open(_found(conn, named), named), named)
    give = partial(_handed, by=by, reason=reason, now=now)
    given = change_flag(conn, flag, give, Change.HANDED, author=by, reason=reason, now=now)
    if given is None:
        raise UserError(
            f"flag {flag.event.id} is muted or over: nobody would be told; unmute it first"
        )
    return given


def mute(
    conn: Connection, named: Named, *, until: datetime, by: str, reason: str, now: datetime
) -> tuple[Mute, int]:
    """Mute a kind of flag of a subject: listeners are not told of it until a time.

    Returns:
        The mute, and how many open flags it silences.

    Raises:
        NotFound: no such flag or society.
        UserError: the time is past or too far away, or several flags are meant.
        TextRefused: who or why cannot be kept.
    """
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    if until <= now:
        raise UserError("--until is past: a mute ends later than now")
    if until - now > LONGEST_MUTE:
        raise UserError(
            f"--until is more than {LONGEST_MUTE.days} days away: a flag that is muted for ever "
            "helps nobody; mute it again when the time comes"
        )
    society_id, kind, subject = _slot_of(conn, named)
    wanted = Mute(kind, subject, until, by, reason, now)
    return wanted, put_mute(conn, society_id, wanted)


def unmute(conn: Connection, named: Named, *, by: str, reason: str, now: datetime) -> int:
    """End a mute; what is still there is told again.

    Returns:
        How many open flags are told again.

    Raises:
        NotFound: no such flag or society.
        UserError: it is not muted, or several flags are meant.
        TextRefused: who or why cannot be kept.
    """
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    society_id, kind, subject = _slot_of(conn, named)
    slot = (society_id, kind, subject.type, subject.id)
    told = end_mute(conn, slot, by, reason, now)
    if told is None:
        raise UserError(
            f"the {kind} of {subject.type} {subject.id} is not muted: cloud-ingest events show "
            f"{subject.id} lists its mutes"
        )
    return told


def _seen(flag: Flag, by: str, now: datetime) -> Flag | None:
    return acknowledged(flag, by, now) if flag.event.state == "open" else None


def _handed(flag: Flag, by: str, reason: str, now: datetime) -> Flag | None:
    if flag.event.state != "open" or flag.is_muted(now):
        return None
    return handed(flag, by, reason, now)


def _slot_of(conn: Connection, named: Named) -> tuple[int, EventKind, Subject]:
    """Return what a mute names; a subject needs no flag if its kind is given."""
    found = _found(conn, named)
    slots = {each.slot: each for each in found}
    if len(slots) > 1:
        slots = {each.slot: each for each in found if each.event.state == "open"} or slots
    if slots:
        flag = _one(list(slots.values()), named)
        return flag.society_id, flag.event.kind, flag.event.subject
    if named.kind is None or named.society is None or named.subject_type is SubjectType.METER:
        raise _not_found(named)
    society_id = find_society(conn, named.society)
    subject = Subject(type=named.subject_type, id=own_label(named.which, "the subject"))
    if not is_known(conn, society_id, subject):
        raise NotFound(
            f"{named.society} has no {subject.type} {subject.id!r}: look at its label, and at "
            "--subject-type"
        )
    return society_id, named.kind, subject


def _found(conn: Connection, named: Named) -> list[Flag]:
    """Return the flags that are meant, newest first."""
    if named.society is not None:
        find_society(conn, named.society)
    if ID_START.fullmatch(named.which):
        ids = ids_like(conn, named.which, named.society)
        if len(ids) > 1:
            raise UserError(f"several flags begin with {named.which}: give more of the id")
        if ids:
            return list_events(conn, ids=ids, state=None)
    kinds = () if named.kind is None else (named.kind,)
    return list_events(conn, about=named.which, society=named.society, kinds=kinds, state=None)


def _open(found: Sequence[Flag], named: Named) -> list[Flag]:
    if not found:
        raise _not_found(named)
    still = [each for each in found if each.event.state == "open"]
    if not still:
        raise UserError(f"no flag of {named.which!r} is open: the newest is over")
    return still


def _one(found: Sequence[Flag], named: Named) -> Flag:
    if len(found) > 1:
        names = ", ".join(
            f"{str(each.event.id)[:8]} ({each.event.kind} {each.event.subject.type} "
            f"{each.event.subject.id})"
            for each in found[:5]
        )
        raise UserError(f"{named.which!r} has several flags: name one by its id: {names}")
    return found[0]


def _not_found(named: Named) -> NotFound:
    kind = "" if named.kind is None else f" of kind {named.kind}"
    return NotFound(
        f"no flag{kind} of {named.which[:80]!r}: cloud-ingest events list --all shows all; a mute "
        "before the first flag needs --kind and --society"
    )

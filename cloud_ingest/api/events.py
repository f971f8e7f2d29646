# SPDX-License-Identifier: MIT
"""Flags of the caller's society: what is noticed, and what people do with it.

In: a flag's id, a person's word. Out: flags as their messages have them. Never: a flag of another
society.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.api.word import PersonsWord
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.flag import Flag, Mute
from cloud_ingest.core.typed_text import remark, same_name
from cloud_ingest.flags import attend
from cloud_ingest.flags.attend import Named
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.operate.review import flags
from cloud_ingest.store.events import RecordedChange
from shared_schema.events import Event, EventKind, Severity

router = APIRouter(tags=["events"])

Label = Annotated[str, Query(max_length=128)]
Reader = Annotated[Caller, needs(Scope.EVENTS_READ)]
Attendant = Annotated[Caller, needs(Scope.EVENTS_WRITE)]


class ShownFlag(Event):
    """A flag as its messages have it, and the mute that lasts."""

    mute: Mute | None = None


@dataclass(frozen=True, slots=True)
class FlagHistory:
    """A flag and all that happened to it."""

    flag: ShownFlag
    changes: tuple[RecordedChange, ...]
    """Oldest first."""
    mutes: tuple[Mute, ...]
    """Of its subject, newest first; those that are over, too."""


class MuteWord(PersonsWord):
    """For how long a flag is muted, and why."""

    until: AwareDatetime
    """When it ends: a year ahead at most."""


@dataclass(frozen=True, slots=True)
class Muted:
    """A mute, as it was put."""

    mute: Mute
    open_flags: int
    """So many it silences."""


@dataclass(frozen=True, slots=True)
class Unmuted:
    """What the end of a mute brings."""

    open_flags: int
    """So many are told again."""


@router.get("/events")
def events(
    caller: Reader,
    store: Reading,
    *,
    kind: Annotated[list[EventKind] | None, Query(max_length=64)] = None,
    severity: Severity | None = None,
    unit: Label | None = None,
    tower: Label | None = None,
    everything: Annotated[bool, Query(alias="all", description="Also what is over.")] = False,
) -> list[ShownFlag]:
    """Return flags, newest first, 1,000 at most: those that are open, or all.

    The same list as `cloud-ingest events list --json`.
    """
    found = flags(
        store.conn,
        society=caller.society,
        everything=everything,
        kinds=kind or (),
        severity=severity,
        unit=None if unit is None else same_name(unit),
        tower=None if tower is None else same_name(tower),
    )
    return [_shown(each) for each in found]


@router.get("/events/{flag}")
def event(flag: UUID, caller: Reader, store: Reading) -> FlagHistory:
    """Return a flag, all that happened to it, and the mutes of its subject."""
    found = attend.show(store.conn, _named(flag, caller))
    first, mutes = found.flags[0], found.mutes
    return FlagHistory(_shown(first.flag), first.changes, mutes)


@router.post("/events/{flag}/acknowledge")
def acknowledge(
    flag: UUID, word: PersonsWord, caller: Attendant, store: Writing, now: Now
) -> ShownFlag:
    """Say that somebody has seen an open flag and looks into it; it stays open."""
    by, reason = word.author(caller), remark(word.reason, "reason")
    named = _named(flag, caller)
    return _shown(attend.acknowledge(store.conn, named, by=by, reason=reason, now=now))


@router.post("/events/{flag}/hand")
def hand(flag: UUID, word: PersonsWord, caller: Attendant, store: Writing, now: Now) -> ShownFlag:
    """Hand an open flag to the helpdesk: its message goes out at once, with who asks and why."""
    by, reason = word.author(caller), remark(word.reason, "reason")
    named = _named(flag, caller)
    return _shown(attend.hand(store.conn, named, by=by, reason=reason, now=now))


@router.post("/events/{flag}/mute")
def mute(flag: UUID, word: MuteWord, caller: Attendant, store: Writing, now: Now) -> Muted:
    """Mute this kind of flag of its subject: it is kept, and nobody is told of it until then."""
    by, reason = word.author(caller), remark(word.reason, "reason")
    named, until = _named(flag, caller), word.until
    return Muted(*attend.mute(store.conn, named, until=until, by=by, reason=reason, now=now))


@router.post("/events/{flag}/unmute")
def unmute(flag: UUID, word: PersonsWord, caller: Attendant, store: Writing, now: Now) -> Unmuted:
    """End a mute: what is still there is told again."""
    by, reason = word.author(caller), remark(word.reason, "reason")
    return Unmuted(attend.unmute(store.conn, _named(flag, caller), by=by, reason=reason, now=now))


def _named(flag: UUID, caller: Caller) -> Named:
    return Named(str(flag), caller.society)


def _shown(flag: Flag) -> ShownFlag:
    told = {each: getattr(flag.event, each) for each in type(flag.event).model_fields}
    return ShownFlag.model_validate({**told, "mute": flag.mute})

# SPDX-License-Identifier: MIT
"""Who may speak for a meter, as a person says it: bind, move, unbind.

A move ends what holds at a time, and the new gateway speaks from then on: the late backlog of the
old one counts up to that time. A meter that hangs on two gateways is bound to both.

In: meters as a person names them, a gateway, a time, who says so and why. Out: the number of
meters, and for how many something changed. Never: a reading that is stored or taken away; a replay
from quarantine does that.

Raises: BindingRefused, NotFound, TextRefused.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.known import Stretch
from cloud_ingest.core.typed_text import remark, same_name
from cloud_ingest.errors import BindingRefused, NotFound
from cloud_ingest.store import bindings as stored
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.bindings import Binding, How
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.foreign_claims import kept_apart, settle_foreign_claims
from cloud_ingest.store.registry import find_society


@dataclass(frozen=True, slots=True)
class Said:
    """Who says so, why, and when."""

    by: str
    reason: str
    now: datetime
    how: How = "person"
    """Whose word it is."""

    def word(self) -> Word:
        """Return it as it is kept."""
        return Word(remark(self.by, "--by"), remark(self.reason, "--reason"), self.now)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a person's word did."""

    meters: Sequence[int]
    """That were named, by id."""
    changed: int
    kept_apart: int = 0
    """Entries in quarantine that the gateway sent while it could not speak."""


def bind(
    conn: Connection,
    society: str,
    names: Sequence[str],
    gateway: str,
    said: Said,
    *,
    stretch: Stretch = (None, None),
) -> Bound:
    """Let a gateway speak for meters, beside those that may already.

    Args:
        conn: A connection.
        society: Its name.
        names: The meters: a serial number, or MAKER/SERIAL.
        gateway: Its name.
        said: Who says so, and why.
        stretch: From when to when; None: from their installation on, until now.
    """
    start, end = stretch
    if start is not None and end is not None and end <= start:
        raise BindingRefused("--until is not after --from")
    with _acting(conn, society, names, gateway, said) as act:
        changed = sum(_extend(conn, each, act.held(each), stretch, act) for each in act.meters)
        return Bound(act.meters, changed, kept_apart(conn, act.gateway_id))


def move(
    conn: Connection,
    society: str,
    names: Sequence[str],
    gateway: str,
    said: Said,
    *,
    at: datetime,
    of: str | None = None,
    past: bool = False,
) -> Bound:
    """Let a gateway speak for meters from a time on, and nobody else.

    Args:
        conn: A connection.
        society: Its name.
        names: The meters; none, where ``of`` says which.
        gateway: The new one.
        said: Who says so, and why.
        at: From when on.
        of: All meters that this gateway may speak for then.
        past: The new one speaks for the time before, too, beside the former: it reads again what
            the meters remember.
    """
    if (of is not None) == bool(names):
        raise BindingRefused("say which meters: serial numbers, or all of a gateway with --of")
    with _acting(conn, society, names, gateway, said, of=of, at=at) as act:
        changed, stretch = 0, (None if past else at, None)
        for meter_id in act.meters:
            held = act.held(meter_id)
            others = [each for each in held if each.gateway_id != act.gateway_id]
            ended = [each for each in others if each.reaches(at)]
            for each in ended:
                stored.end_binding(conn, each, at, act.word)
            changed += _extend(conn, meter_id, held, stretch, act) or bool(ended)
        return Bound(act.meters, changed, kept_apart(conn, act.gateway_id))


def unbind(
    conn: Connection,
    society: str,
    names: Sequence[str],
    gateway: str,
    said: Said,
    *,
    at: datetime,
) -> Bound:
    """Let a gateway speak for meters no longer, from a time on.

    Args:
        conn: A connection.
        society: Its name.
        names: The meters.
        gateway: Its name.
        said: Who says so, and why.
        at: From when on; before their installation: it never was theirs.
    """
    with _acting(conn, society, names, gateway, said) as act:
        ended = [
            each
            for meter_id in act.meters
            for each in act.held(meter_id)
            if each.gateway_id == act.gateway_id and each.reaches(at)
        ]
        for each in ended:
            stored.end_binding(conn, each, at, act.word)
    return Bound(act.meters, len({each.meter_id for each in ended}))


def set_strict(conn: Connection, society: str, said: Said, *, strict: bool) -> None:
    """Say whether a person alone binds the meters of a society.

    Args:
        conn: A connection.
        society: Its name.
        said: Who says so, and why.
        strict: The first gateway that speaks for a meter is not bound to it.
    """
    stored.set_strict(conn, find_society(conn, society), said.word(), strict=strict)


@dataclass(frozen=True, slots=True)
class _Act:
    """The meters and the gateway that a person means, and what holds."""

    gateway_id: int
    meters: Sequence[int]
    holds: Sequence[Binding]
    word: Word
    how: How

    def held(self, meter_id: int) -> list[Binding]:
        return [each for each in self.holds if each.meter_id == meter_id]


@contextmanager
def _acting(
    conn: Connection,
    society: str,
    names: Sequence[str],
    gateway: str,
    said: Said,
    *,
    of: str | None = None,
    at: datetime | None = None,
) -> Iterator[_Act]:
    """Find what a person means; what the block changes is one transaction."""
    word = said.word()
    society_id = find_society(conn, society)
    with conn.transaction():
        stored.lock_bindings(conn)
        gateway_id = _gateway(conn, society_id, society, gateway)
        if of is None:
            meters = meters_of(conn, society_id, society, names)
        else:
            _gateway(conn, society_id, society, of)
            own = stored.bindings(conn, society_id, gateway=of)
            meters = [each.meter_id for each in own if at is None or each.reaches(at)]
        meters = list(dict.fromkeys(meters))
        yield _Act(gateway_id, meters, stored.bindings(conn, society_id, meters), word, said.how)
        settle_foreign_claims(conn, meters, said.now)


def _gateway(conn: Connection, society_id: int, society: str, name: str) -> int:
    found = stored.gateway_of(conn, society_id, name)
    if found is None:
        raise NotFound(f"{society!r} has no gateway {name[:80]!r}: run cloud-ingest enrol")
    return found


def meters_of(conn: Connection, society_id: int, society: str, names: Iterable[str]) -> list[int]:
    """Return the meters that a person means."""
    return [_meter(conn, society_id, society, each) for each in names]


def _meter(conn: Connection, society_id: int, society: str, name: str) -> int:
    found = stored.meters_named(conn, society_id, same_name(name))
    if not found:
        raise NotFound(
            f"{society!r} has no meter {name[:80]!r}: cloud-ingest units list shows its meters"
        )
    if len(found) > 1:
        which = ", ".join(f"{maker}/{serial}" for _, maker, serial in found)
        raise BindingRefused(f"several meters are called {name!r}: name one of {which}")
    return found[0][0]


def _extend(
    conn: Connection, meter_id: int, held: Iterable[Binding], stretch: Stretch, act: _Act
) -> bool:
    """Let the gateway of an act speak for a meter in a stretch, too; False: it may already."""
    start, end = stretch
    own = [
        each
        for each in held
        if each.gateway_id == act.gateway_id
        and (start is None or each.valid_to is None or each.valid_to >= start)
        and (end is None or each.valid_from is None or each.valid_from <= end)
    ]
    starts = [start, *(each.valid_from for each in own)]
    ends = [end, *(each.valid_to for each in own)]
    whole = (
        None if None in starts else min(each for each in starts if each is not None),
        None if None in ends else max(each for each in ends if each is not None),
    )
    if any((each.valid_from, each.valid_to) == whole for each in own):
        return False
    for each in own:
        stored.supersede_binding(conn, each, act.word)
    stored.add_binding(conn, meter_id, act.gateway_id, whole, act.word, how=act.how)
    return True

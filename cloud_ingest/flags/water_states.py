# SPDX-License-Identifier: MIT
"""Registers brought up to their newest readings, with what the water rules remember of them.

In: registers that have changed. Out: the states of all registers of their units, as they are now.
Owns: when a register goes on, is replayed from a snapshot, or begins anew.
Never: a flag; a reading that was looked at before and has not changed, but for a week at most.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from cloud_ingest.core.register import LITRES_IN
from cloud_ingest.core.rules.water.course import (
    HISTORY_S,
    Course,
    beginning,
    changes_the_present,
    running,
    unpacked,
)
from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import RULES_VERSION
from cloud_ingest.core.rules.water.supply_plan import Plan, differs_from
from cloud_ingest.flags.water_supply import plan_of_bulk, supply_plans
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.rule_inputs import (
    ServingRegister,
    Span,
    readings_between,
    serving_registers,
)
from cloud_ingest.store.rule_marks import Changed
from cloud_ingest.store.rule_states import (
    RuleState,
    Snapshot,
    put_rule_states,
    put_snapshots,
    rule_states,
    snapshots_before,
)
from cloud_ingest.store.supply_entries import Tower, mark_supplied
from shared_schema.catalogue import WATER_VOLUME

Q4_OF_Q3 = Decimal("1.25")
BULK = "bulk"


@dataclass(frozen=True, slots=True)
class WaterRules:
    """How the water of a store is judged."""

    zone: ZoneInfo
    point: Point = Point.CAREFUL

    @property
    def name(self) -> str:
        """What is kept with a state: one of another name means nothing."""
        return f"{RULES_VERSION} {self.point}"


@dataclass(frozen=True, slots=True)
class Watched:
    """A register, its newest reading, and what runs there."""

    register: ServingRegister
    newest: int | None
    running: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The registers of some units, and which of them wait to be looked at with ``replay``."""

    watched: tuple[Watched, ...]
    """Of units of which every register has a state."""
    late: Mapping[int, Changed]
    """What they showed in the past has changed."""
    new: Mapping[int, Changed]
    """They have no state of these rules."""


def bring_up(
    conn: Connection,
    rules: WaterRules,
    changed: Mapping[int, Changed],
    now: datetime,
    *,
    replay: bool = False,
) -> Judged:
    """Judge registers up to their newest readings, within the caller's transaction.

    Args:
        conn: The store.
        rules: How they are judged.
        changed: What has changed, by channel.
        now: The time: a register that serves nobody then is passed over.
        replay: Judge what is late or has no state; else that waits.
    """
    serving = serving_registers(conn, WATER_VOLUME, changed, now)
    every = [each for each in serving if each.unit in LITRES_IN]
    stored = rule_states(conn, [each.channel_id for each in every])
    known = {
        each.channel_id: own
        for each in every
        if (own := stored.get(each.channel_id)) is not None
        and (own.rules, own.assigned_from) == (rules.name, each.valid_from)
    }
    late = {
        channel_id: each
        for channel_id, each in changed.items()
        if (own := known.get(channel_id)) is not None
        and own.newest is not None
        and each.first <= own.newest
    }
    new = {
        each.channel_id: changed[each.channel_id]
        for each in every
        if each.channel_id in changed and each.channel_id not in known
    }
    former: dict[int, Snapshot] = {}
    if replay:
        former = snapshots_before(conn, {key: each.first for key, each in late.items()})
        late, new = {}, {}
    towers = {_tower(each) for each in every}
    plans = supply_plans(conn, towers, rules.name, rules.zone, now)
    remembered = _Remembered(known, former, plans)
    courses = [
        course
        for each in every
        if (change := changed.get(each.channel_id)) is not None
        and each.channel_id not in late
        and each.channel_id not in new
        and (course := _course(each, rules, change, remembered)) is not None
    ]
    _run(conn, courses)
    _write(conn, rules, every, courses, known)
    _mark_towers(conn, every, courses, known, now)
    return Judged(_watched(every, courses, known), late, new)


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What registers are judged with beside their readings."""

    states: Mapping[int, RuleState]
    former: Mapping[int, Snapshot]
    plans: Mapping[Tower, Plan]


def _watched(
    every: Collection[ServingRegister], courses: Iterable[Course], known: Mapping[int, RuleState]
) -> tuple[Watched, ...]:
    """Return what is known now of the registers of units that are known as a whole."""
    moved = {course.channel_id: course for course in courses}
    partly: set[tuple[int, str, str]] = set()
    found: list[Watched] = []
    for each in every:
        if each.subject_type == BULK:
            continue
        course, own = moved.get(each.channel_id), known.get(each.channel_id)
        if course is not None:
            found.append(Watched(each, course.newest, course.running))
        elif own is not None:
            found.append(Watched(each, own.newest, running(unpacked(own.state))))
        else:
            partly.add(_subject(each))
    return tuple(each for each in found if _subject(each.register) not in partly)


def _subject(register: ServingRegister) -> tuple[int, str, str]:
    return register.society_id, register.subject_type, register.subject


def litres_a_step(register: ServingRegister) -> Decimal:
    """Return what the smallest move of a register is worth."""
    return LITRES_IN[register.unit].scaleb(register.scaler) * register.weight


def _tower(register: ServingRegister) -> Tower:
    return Tower(register.society_id, register.tower)


def _meter(register: ServingRegister, zone: ZoneInfo, plan: Plan) -> WaterMeter:
    overload = register.q4_m3_h
    is_bulk = register.subject_type == BULK
    return WaterMeter(
        litres_per_count=litres_a_step(register),
        zone=zone,
        q3_l_per_h=None if overload is None else overload * 1000 / Q4_OF_Q3,
        common=register.subject_type == "common",
        bulk=is_bulk,
        plan=() if is_bulk else plan,
    )


def _course(
    register: ServingRegister, rules: WaterRules, change: Changed, remembered: _Remembered
) -> Course | None:
    """Return the way of a register; None: what has changed is too long ago to matter."""
    meter = _meter(register, rules.zone, remembered.plans[_tower(register)])
    own = remembered.states.get(register.channel_id)
    snapshot = remembered.former.get(register.channel_id)
    begin = partial(Course, register.channel_id, meter, rules.point, counts_a_step=register.weight)
    last = register.last_reading or 0
    newest = None if own is None else own.newest
    goal = max(change.last, last if own is None else newest or 0)
    if own is not None and newest is not None and change.first > newest:
        return begin(own.state, newest, goal, newest=newest)
    if snapshot is not None:
        after = snapshot.newest
        return begin(snapshot.state, after, goal, newest=after, forgets_from=after + 1)
    if newest is not None and not changes_the_present(change.last, newest):
        return None
    anew = beginning(int(register.valid_from.timestamp()), last)
    return begin(b"", anew, goal, forgets_from=0)


def _run(conn: Connection, courses: Collection[Course]) -> None:
    """Read what each register said since, a stretch of all of them at a time."""
    going = [course for course in courses if course.after < course.goal]
    while going:
        spans = {course.channel_id: Span(course.after, course.until) for course in going}
        found = readings_between(conn, spans)
        for course in going:
            course.take(found.get(course.channel_id, ()))
        going = [course for course in going if course.after < course.goal]


def _write(
    conn: Connection,
    rules: WaterRules,
    every: Collection[ServingRegister],
    courses: Collection[Course],
    known: Mapping[int, RuleState],
) -> None:
    """Write what has changed of states and snapshots."""
    assigned = {each.channel_id: each.valid_from for each in every}
    moved = [
        course
        for course in courses
        if course.forgets_from is not None
        or (own := known.get(course.channel_id)) is None
        or own.newest != course.newest
    ]
    put_rule_states(
        conn,
        [
            RuleState(
                course.channel_id,
                rules.name,
                assigned[course.channel_id],
                course.newest,
                course.packed,
            )
            for course in moved
        ],
    )
    put_snapshots(
        conn,
        [
            Snapshot(course.channel_id, newest, packed)
            for course in moved
            for newest, packed in course.snapshots.items()
        ],
        forget={
            course.channel_id: course.forgets_from
            for course in moved
            if course.forgets_from is not None
        },
    )


def _mark_towers(
    conn: Connection,
    every: Collection[ServingRegister],
    courses: Iterable[Course],
    known: Mapping[int, RuleState],
    now: datetime,
) -> None:
    """Let the meters of towers be judged again whose bulk meter shows other hours with supply."""
    towers = {each.channel_id: _tower(each) for each in every if each.subject_type == BULK}
    for course in courses:
        if (tower := towers.get(course.channel_id)) is not None and course.newest is not None:
            own = known.get(course.channel_id)
            before = plan_of_bulk(b"" if own is None else own.state)
            after = plan_of_bulk(course.packed)
            since_s = differs_from(before, after, course.newest - HISTORY_S)
            if since_s is not None:
                mark_supplied(conn, tower, since_s, now)

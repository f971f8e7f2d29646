# SPDX-License-Identifier: MIT
"""The flags of water that does not stop, judged as readings arrive.

What is remembered of each register is in the store: a pass costs by new readings, and a part of
the registers is in memory at once. A flag is of a unit or a common area, whichever of its meters
shows it. It ends when the rules say so, or when its meter was removed. What is late is judged
behind what is new.

In: a connection, the rules, the time. Out: what changed. The rules are pure (`core.rules.water`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

from cloud_ingest.core.flag import Finding, Flag, Key, served_unit
from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.words import water_message
from cloud_ingest.flags.lifecycle import Changes, Swept, settle
from cloud_ingest.flags.own_word import (
    EVIDENCE,
    Said,
    rests_on_fine_register,
    said_by_units,
    still_said,
    with_own_word,
)
from cloud_ingest.flags.water_states import Judged, Watched, WaterRules, bring_up, litres_a_step
from cloud_ingest.store.connection import Connection, plan_each_time
from cloud_ingest.store.events import open_events
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.meter_states import noted_status
from cloud_ingest.store.rule_inputs import ServingRegister, unserved
from cloud_ingest.store.rule_marks import (
    Changed,
    changed_registers,
    clear_rule_marks,
    oldest_rule_marks,
)
from cloud_ingest.store.rule_states import drop_unassigned, registers_to_begin
from shared_schema.catalogue import WATER_VOLUME, Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType

MARKS_AT_ONCE = 500
REGISTERS_AT_ONCE = 1000
READ_BACK_AT_ONCE = 200
"""Of registers that are read back weeks: fewer of them fit into memory."""
BEGUN_AT_ONCE = 500
"""So many registers begin in one turn: what arrives does not wait for more of them."""
ENDED = "its register shows no such flow any more, or it was removed"
MONTH_H = 30 * 24


def refresh_water(conn: Connection, rules: WaterRules, now: datetime) -> Changes:
    """Judge the registers that have changed since the last call.

    Args:
        conn: The store, outside of a transaction.
        rules: How they are judged.
        now: The time.
    """
    passed = _Pass(conn, rules, now)
    full = True
    while full:
        marks = oldest_rule_marks(conn, MARKS_AT_ONCE)
        full = len(marks) == MARKS_AT_ONCE
        late: dict[int, Changed] = {}
        new: dict[int, Changed] = {}
        for changed in changed_registers(conn, marks, WATER_VOLUME, REGISTERS_AT_ONCE):
            judged = passed.judge({each.channel_id: each for each in changed})
            late.update(judged.late)
            new.update(judged.new)
        passed.look_back(late)
        passed.look_back(dict(islice(new.items(), BEGUN_AT_ONCE)))
        clear_rule_marks(conn, marks)
    return passed.changes


def sweep_water(conn: Connection, rules: WaterRules, now: datetime) -> Swept:
    """Begin what has no state of these rules, and clear the flags of meters that were removed.

    Args:
        conn: The store, outside of a transaction.
        rules: How registers are judged.
        now: The time.
    """
    drop_unassigned(conn, now)
    passed = _Pass(conn, rules, now)
    wanted = registers_to_begin(conn, WATER_VOLUME, rules.name, now, BEGUN_AT_ONCE)
    passed.look_back({channel_id: Changed(channel_id, 0, 0) for channel_id in wanted})
    gone: set[Key] = {
        (society_id, SubjectType(kind), subject, Service.WATER)
        for society_id, kind, subject in unserved(conn, Service.WATER, tuple(EVIDENCE), now)
    }
    passed.settle(gone, ())
    return Swept(passed.changes, len(wanted) == BEGUN_AT_ONCE)


class _Pass:
    """A look at registers, some of them at a time, each part in a transaction of its own."""

    def __init__(self, conn: Connection, rules: WaterRules, now: datetime) -> None:
        self.changes = Changes()
        self._conn = conn
        self._rules = rules
        self._now = now
        self._opened: Mapping[Key, list[Flag]] | None = None

    def look_back(self, changed: Mapping[int, Changed]) -> None:
        """Judge registers that begin anew, or of which the past has changed."""
        self._opened = None
        every = list(changed.items())
        for at in range(0, len(every), READ_BACK_AT_ONCE):
            self.judge(dict(every[at : at + READ_BACK_AT_ONCE]), replay=True)

    def judge(self, changed: Mapping[int, Changed], *, replay: bool = False) -> Judged:
        """Judge registers that have changed, and settle the flags of their units."""
        with self._conn.transaction():
            lock_in_transaction(self._conn, Lock.RULES)
            plan_each_time(self._conn)
            judged = bring_up(self._conn, self._rules, changed, self._now, replay=replay)
            units = _by_unit(judged.watched)
            watched = [each.register.channel_id for each in judged.watched]
            shown = {key: self._findings(own) for key, own in units.items()}
            said = self._said(watched, [key for key, own in shown.items() if not own])
            findings = [
                finding
                for key, own in shown.items()
                for finding in with_own_word(own, said.get(key, ()), self._rules.zone)
            ]
            self.settle(units.keys(), findings)
        return judged

    def _said(self, channels: Collection[int], dry: Iterable[Key]) -> Mapping[Key, Sequence[Said]]:
        """Return what the meters of registers say of a leak, as far as it is to be believed."""
        said = said_by_units(noted_status(self._conn, channels, self._now), self._now)
        if not said:
            return said
        opened = self._open_flags()
        over = {
            key: self._now for key in dry if any(map(rests_on_fine_register, opened.get(key, ())))
        }
        return still_said(self._conn, said, over)

    def settle(self, judged: Collection[Key], findings: Collection[Finding]) -> None:
        """Write the difference between what is open for units and what was found."""
        open_flags = self._open_flags()
        opened = [flag for key in judged for flag in open_flags.get(key, ())]
        shown = {finding.key: finding for finding in findings}

        def ended(flag: Flag) -> str:
            goes_on = shown.get(flag.key)
            return ENDED if goes_on is None else f"it goes on as a {goes_on.kind}"

        found = settle(self._conn, opened, findings, judged=judged, now=self._now, ended=ended)
        self.changes = Changes(
            self.changes.raised + found.raised, self.changes.cleared + found.cleared
        )

    def _open_flags(self) -> Mapping[Key, list[Flag]]:
        if self._opened is None:
            flags: dict[Key, list[Flag]] = defaultdict(list)
            for flag in open_events(self._conn, *EVIDENCE):
                flags[flag.key].append(flag)
            self._opened = flags
        return self._opened

    def _findings(self, unit: Collection[Watched]) -> list[Finding]:
        found = (self._finding(kind, unit) for kind in EVIDENCE)
        return [each for each in found if each is not None]

    def _finding(self, kind: EventKind, unit: Iterable[Watched]) -> Finding | None:
        """Return what the meters of a unit show of a kind: of several, what began first."""
        shown = [
            (episode, each.register)
            for each in unit
            for episode in each.running
            if _kind(episode) is kind
        ]
        if not shown:
            return None
        return water_finding(*min(shown, key=lambda pair: pair[0].since_s), self._rules)


def _by_unit(watched: Iterable[Watched]) -> dict[Key, list[Watched]]:
    """Return the registers of each unit: of a meter's the one that it showed last."""
    units: dict[Key, dict[tuple[str, str], Watched]] = defaultdict(dict)
    for each in watched:
        register = each.register
        subject_type = SubjectType(register.subject_type)
        own = units[register.society_id, subject_type, register.subject, Service.WATER]
        meter = register.manufacturer, register.serial
        if meter not in own or (each.newest or 0) > (own[meter].newest or 0):
            own[meter] = each
    return {key: list(own.values()) for key, own in units.items()}


def _kind(episode: Episode) -> EventKind:
    return EventKind.BURST if "burst" in episode.kind else EventKind.LEAK


def water_finding(episode: Episode, register: ServingRegister, rules: WaterRules) -> Finding:
    """Return the finding of an episode that runs; pure."""
    detail, kind = episode.detail, _kind(episode)
    rate = _decimal(detail.get("rate_l_per_h"))
    least = _decimal(detail.get("least_l_per_h"))
    known_h, nights = detail.get("known_h"), detail.get("nights")
    part, supply, source = map(detail.get, ("part", "supply", "supply_source"))
    return Finding(
        kind=kind,
        society_id=register.society_id,
        society=register.society,
        severity=Severity(episode.severity),
        subject=Subject(type=SubjectType(register.subject_type), id=register.subject),
        unit=served_unit(register.subject_type, register.subject, register.tower),
        service=Service.WATER,
        since=datetime.fromtimestamp(episode.since_s, UTC),
        message=water_message(
            episode,
            rules.zone,
            common=register.subject_type == "common",
            step_litres=litres_a_step(register),
        ),
        evidence=EVIDENCE[kind](
            manufacturer=register.manufacturer,
            serial=register.serial,
            source=register.source,
            tower=register.tower or None,
            rule=None if part is None else str(part),
            rule_met_at=datetime.fromtimestamp(episode.raised_s, UTC),
            start_known=bool(detail.get("start_known", True)),
            known_hours=int(known_h) if isinstance(known_h, int | float) else None,
            nights=nights if isinstance(nights, int) else None,
            rate_l_per_h=rate,
            lowest_hour_litres=least,
            litres_so_far=_decimal(detail.get("litres")),
            supply_hours=None if supply is None else str(supply),
            supply_source=None if source is None else str(source),
            litres_a_month=least * MONTH_H if least and supply is None else None,
        ),
    )


def _decimal(value: object) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | float) else None

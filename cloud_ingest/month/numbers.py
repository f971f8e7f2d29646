# SPDX-License-Identifier: MIT
"""The numbers of a month: what each unit and common area is charged for, version after version.

`month.number` makes them of what the meters counted, or withholds them. What was published changes
only through the door to billing (`month.changes`): a correction is the next version; a number that
no longer holds is taken back by a withdrawal, which is the next version, too; a change that nobody
asked for is held, and the former version stands. In a store that was restored from a backup every
message leaves once more, with a version above all that were given before.

In: a closing, and what each meter counted. Out: what stands of each number, what is withheld, taken
back and held; what is new stands in the store and in the outbox, in the caller's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cloud_ingest.core.border import JITTER
from cloud_ingest.core.door import Way
from cloud_ingest.month.boundaries import Closings
from cloud_ingest.month.changes import Changes, Made, changes_of
from cloud_ingest.month.closing import Closing, SubjectKey
from cloud_ingest.month.count import Counted
from cloud_ingest.month.heard import Sent, read_heard
from cloud_ingest.month.locked import read_locked
from cloud_ingest.month.number import doubted_quantity, in_order, number_of, subject_of
from cloud_ingest.store import months, number_words
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.months import KeptNumber, KeptWithdrawal
from cloud_ingest.store.outbox import billing_ack_key, enqueue_acknowledged
from shared_schema.billing import (
    BILLING_UNITS,
    Held,
    MonthlyConsumption,
    MonthlyWithdrawal,
    Unassigned,
    Withheld,
)
from shared_schema.quality import Reason
from shared_schema.topics import billing_topic


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a closing did with the number of one subject."""

    kept: KeptNumber | None = None
    """What stands."""
    withdrawn: KeptWithdrawal | None = None
    """What took the number back, if nothing stands in its place."""
    withheld: Withheld | None = None
    held: Held | None = None
    is_new: bool = False
    """A message was sent."""
    waits: bool = False
    """It waits for a change that is held: of a linked subject, or of another month."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a month consists of after a closing."""

    outcomes: Mapping[SubjectKey, Outcome]
    changes: Changes
    made: Mapping[SubjectKey, Made]
    """What the closing found."""
    doubted: Mapping[SubjectKey, Decimal]
    """What withheld numbers would be, if a person said so."""
    heard: int
    """The last entry that is known."""
    unassigned: tuple[Unassigned, ...] = ()
    """What meters counted for nobody."""

    @property
    def kept(self) -> tuple[KeptNumber, ...]:
        """What stands of each number."""
        return tuple(each.kept for each in self.outcomes.values() if each.kept is not None)

    @property
    def published(self) -> int:
        """How many numbers are new or corrected."""
        return sum(each.is_new and each.kept is not None for each in self.outcomes.values())

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What cannot be proved, and why."""
        return tuple(each.withheld for each in self.outcomes.values() if each.withheld is not None)

    @property
    def withdrawn(self) -> tuple[KeptWithdrawal, ...]:
        """What took numbers back in whose place nothing stands."""
        return tuple(
            each.withdrawn for each in self.outcomes.values() if each.withdrawn is not None
        )

    @property
    def taken_back(self) -> int:
        """How many withdrawals are new."""
        return sum(each.is_new and each.withdrawn is not None for each in self.outcomes.values())

    @property
    def held(self) -> tuple[Held, ...]:
        """Changes that wait for a person."""
        return tuple(each.held for each in self.outcomes.values() if each.held is not None)

    @property
    def standing(self) -> dict[SubjectKey, MonthlyConsumption | None]:
        """What stands although the meters counted something else; None: nothing does."""
        spared = {key for key, way in self.changes.ways.items() if way is not Way.SEND}
        return {
            key: None if each.kept is None else each.kept.number
            for key, each in self.outcomes.items()
            if key in spared or each.waits or (key in self.doubted and each.kept is not None)
        }


@dataclass(frozen=True, slots=True)
class _Desk:
    """What becomes of each number of a closing; pure."""

    closing: Closing
    sent: Sent
    floor: int
    heard: int
    """The last entry that is known."""
    locked: frozenset[SubjectKey]
    """What waits because a month is approved."""

    def next_version(self, key: SubjectKey) -> int:
        """Return the version of a subject's next message."""
        return max(self.sent.last_version(key) + 1, self.floor)

    def stand(self, key: SubjectKey) -> tuple[KeptNumber, bool]:
        """Let a published number stand; say whether it had to be sent again after a restore."""
        former = self.sent.numbers[key]
        if former.number.version >= self.floor:
            return former, False
        return self.publish(key, former.number), True

    def change(self, key: SubjectKey, made: Made | None, way: Way | None) -> Outcome:
        """Send the change of a published number, or let it stand; a way of None is no change."""
        if way is not Way.SEND:
            kept, is_new = self.stand(key)
            held = _held(kept.number, made, self.why(key)) if way is Way.HOLD else None
            return Outcome(kept=kept, held=held, is_new=is_new)
        if isinstance(made, MonthlyConsumption):
            return Outcome(kept=self.publish(key, made), is_new=True)
        taken = self.withdraw(key, () if made is None else made.reasons)
        return Outcome(withdrawn=taken, withheld=made, is_new=True)

    def begin(self, key: SubjectKey, made: Made | None, *, waits: bool) -> Outcome:
        """Send a number of which none stands, unless it waits for a change that is held."""
        if isinstance(made, MonthlyConsumption):
            if not waits:
                return Outcome(kept=self.publish(key, made), is_new=True)
            made = _waiting(made, self.why(key))
        else:
            waits = False
        withdrawn, is_new = self.stay_withdrawn(key)
        return Outcome(withdrawn=withdrawn, withheld=made, is_new=is_new, waits=waits)

    def why(self, key: SubjectKey) -> Reason:
        """Return why a change waits."""
        return Reason.LOCKED if key in self.locked else Reason.LATE_CHANGE

    def stay_withdrawn(self, key: SubjectKey) -> tuple[KeptWithdrawal | None, bool]:
        """Let a withdrawal stand, if there is one; say whether it had to be sent again."""
        former = self.sent.withdrawals.get(key)
        if former is None or former.withdrawal.version >= self.floor:
            return former, False
        return self.withdraw(key, former.withdrawal.reasons), True

    def publish(self, key: SubjectKey, number: MonthlyConsumption) -> KeptNumber:
        """Return a number as the next version."""
        told = {"version": self.next_version(key), "closed_at": self.closing.now}
        return months.kept_number(number.model_copy(update=told), self.heard)

    def withdraw(self, key: SubjectKey, reasons: tuple[Reason, ...]) -> KeptWithdrawal:
        """Take a number back."""
        closing = self.closing
        withdrawal = MonthlyWithdrawal(
            society=closing.society,
            month=closing.month,
            zone=closing.zone.key,
            subject=subject_of(key),
            service=key.service,
            unit=BILLING_UNITS[key.service],
            version=self.next_version(key),
            reasons=reasons,
            closed_at=closing.now,
        )
        return months.kept_withdrawal(withdrawal, self.heard)


def write_numbers(
    conn: Connection,
    closing: Closing,
    subjects: Mapping[SubjectKey, Sequence[Counted]],
    sent: Sent,
    before: Closings,
    *,
    unassigned: tuple[Unassigned, ...] = (),
) -> Numbers:
    """Publish the numbers that are new or may change, and take back what no longer holds.

    Args:
        conn: The store.
        closing: The closing.
        subjects: What each subject's meters counted.
        sent: What was sent of the month.
        before: Where the month before is closed.
        unassigned: What meters counted for nobody.
    """
    charged = {key: parts for key, parts in subjects.items() if key.kind != "bulk"}
    heard = read_heard(conn, closing, sent, before)
    doubted = {
        key: quantity
        for key, parts in charged.items()
        if (quantity := doubted_quantity(parts)) is not None
    }
    made = {
        key: number_of(closing, key, parts, is_accepted=heard.accepts(key, doubted.get(key)))
        for key, parts in charged.items()
    }
    if closing.is_early:
        made = {
            key: _awaited(closing, each) if key not in sent.numbers else each
            for key, each in made.items()
        }
    meters = {
        key: frozenset(
            (part.assignment.meter.manufacturer, part.assignment.meter.serial) for part in parts
        )
        for key, parts in charged.items()
    }
    locked = read_locked(conn, closing)
    changes = changes_of(closing, sent, made, meters, heard, locked=locked, unassigned=unassigned)
    desk = _Desk(closing, sent, months.version_floor(conn), heard.last, changes.locked)
    outcomes = {
        key: desk.change(key, made.get(key), changes.ways.get(key))
        if key in sent.numbers
        else desk.begin(key, made.get(key), waits=changes.stops(key))
        for key in sorted(made.keys() | sent.numbers.keys() | sent.withdrawals.keys())
    }
    _send(conn, closing, outcomes.values())
    if changes.is_heard:
        number_words.put_look(conn, closing.society_id, closing.month, heard.last)
    waiting = [sent.numbers[key].number for key in changes.ways.keys() & changes.locked]
    told = locked.unassigned(unassigned, waiting)
    return Numbers(outcomes, changes, made, doubted, heard.last, told)


def _awaited(closing: Closing, made: Made) -> Made:
    """Withhold a number that is met before the end of the month: the reading at it may come."""
    if not isinstance(made, MonthlyConsumption) or Reason.NEAR_BORDER not in made.reasons:
        return made
    if max(part.closing.at for part in made.parts) >= closing.span.end - JITTER:
        return made
    return Withheld(
        subject=made.subject, service=made.service, unit=made.unit, reasons=made.reasons
    )


def _send(conn: Connection, closing: Closing, outcomes: Iterable[Outcome]) -> None:
    """Keep what is new, and put it into the outbox."""
    new = [each for each in outcomes if each.is_new]
    numbers = [each.kept for each in new if each.kept is not None]
    withdrawn = [each.withdrawn for each in new if each.withdrawn is not None]
    months.add_numbers(conn, closing.society_id, numbers)
    months.add_withdrawals(conn, closing.society_id, withdrawn)
    lines: list[tuple[MonthlyConsumption | MonthlyWithdrawal, bytes]] = [
        *((kept.withdrawal, kept.line) for kept in withdrawn),
        *((kept.number, kept.line) for kept in numbers),
    ]
    enqueue_acknowledged(
        conn,
        (
            (
                billing_topic(one.society, one.month, one.subject, one.service),
                line,
                billing_ack_key(one),
            )
            for one, line in lines
        ),
    )


def _held(former: MonthlyConsumption, made: Made | None, why: Reason) -> Held:
    reasons = () if made is None else made.reasons
    return Held(
        subject=former.subject,
        service=former.service,
        unit=former.unit,
        version=former.version,
        quantity=made.quantity if isinstance(made, MonthlyConsumption) else None,
        reasons=in_order([frozenset(reasons), frozenset({why})]),
    )


def _waiting(made: MonthlyConsumption, why: Reason) -> Withheld:
    """Withhold a first number that would go with a change that is held."""
    reasons = in_order([frozenset(made.reasons), frozenset({why})])
    return Withheld(subject=made.subject, service=made.service, unit=made.unit, reasons=reasons)

# SPDX-License-Identifier: MIT
"""A society's year: its months are closed in turn, late rows come, and a caretaker acts.

The caretaker knows what a person on the spot knows: when a register began anew, and whether a
number that the program doubts is true. It acts only on what the program asks about, by the words
that a person has: an epoch, an acceptance. It looks at nothing but the list of what waits.

In: a store and a town. Out: the months closed, what was done, and every fault of what billing holds
at the end against the truth of the town.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from cloud_ingest.core.accept import accept
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.month.run import RunSettings, closing_of, is_due, run_turn
from cloud_ingest.store.commit import commit
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.number_words import Doubt, NumberWord, WordKind, add_word, doubts
from cloud_ingest.store.registry import find_society, load_registry
from shared_schema.billing import MonthlyConsumption
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.quality import Origin
from shared_schema.readings import Column
from tests.support.gateway import ENERGY, block_line
from tests.support.received import Received
from tests.support.store import SOCIETY, Site
from tests.support.town import BY_HAND, Town, border, month_name, month_number
from tests.support.true_meter import DAY, HOUR, Kind, Meter, Row
from tests.support.year_ledger import unbalanced, unlike_consumer, unlike_store
from tests.support.year_link import Consumer, Link

PAYING_DAY = 4 * DAY + 9 * HOUR
TURNS = (timedelta(minutes=20), timedelta(hours=6, minutes=5))
"""When after a border the run of the month looks: it begins, and it sends the rest."""
MOST_ROWS, MOST_METERS = 1_200, 100
"""Of a batch, whose size is bounded."""
BATCHES_AT_ONCE = 100
DOUBLED = 0.1
"""Of the batches that come again, at once and much later."""
KEPT = 20 * DAY
"""How long the outbox keeps what it may forget."""
ROUNDS = 4
"""How often the caretaker looks after a closing."""
AUTHOR = "caretaker"
COLUMNS: dict[Kind, Column] = {
    "electricity": ENERGY,
    "water": Column(obis=WATER_VOLUME, scaler=-2, unit=Unit.CUBIC_METRE),
}


@dataclass
class Year:
    """The play of a town's months."""

    site: Site
    town: Town
    now: datetime = field(init=False)
    told: dict[str, Closed] = field(default_factory=dict)
    """What the newest closing of each month did."""
    acts: Counter[str] = field(default_factory=Counter)
    link: Link = field(init=False)
    _lines: list[str] = field(default_factory=list)
    _known: set[tuple[str, datetime]] = field(default_factory=set)
    """Restarts that the caretaker has told of."""
    _doubled: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = border(0) - timedelta(seconds=1)
        self._dice = Random(self.town.seed)
        self.link = Link(self.site.conn, self._dice)

    def play(self) -> None:
        """Close every month in its turn, and all again when everything is known."""
        for month in range(self.town.months):
            touched = set[int]()
            for after in (*TURNS, PAYING_DAY):
                touched |= self._go_on(border(month + 1) + after)
                self._run()
            for number in sorted(touched | {month}):
                if number <= month:
                    self._close(number)
            self._care(month)
            self.now = self.link.carry(self.now)
            self.link.prune(self.now - KEPT)
        last = self.town.months - 1
        self._go_on(self.now + timedelta(hours=1))
        for number in range(last + 1):
            self._close(number)
        self._care(last)
        self.now = self.link.carry(self.now)

    def _go_on(self, now: datetime) -> set[int]:
        """Let time pass: the list of units, rows, dials; return the months that late rows touch."""
        before, self.now = self.now, now
        self._take_back(before, now)
        if (lines := self.town.lines(now)) != self._lines:
            self.site.units(*lines)
            self._lines = lines
        touched = self._deliver(before, now)
        for label, at, meter in self.town.dials:
            off, put_right = self.town.mistyped.get((label, at), (0, at))
            if before < at <= now:
                self._read_dial(label, at, meter, off)
            if off and before < put_right <= now:
                self._read_dial(label, at, meter, why="a digit was misread")
                self.acts["put right"] += 1
        return touched

    def _take_back(self, before: datetime, now: datetime) -> None:
        """Take back what the list of units said by mistake, where that is found out."""
        for hung in self.town.hung:
            if hung.called is not None and before < hung.put_right <= now:
                named = Named(hung.called, Service(hung.meter.kind))
                reason = "it is another flat's"
                take_back(
                    self.site.conn, SOCIETY, named, by=AUTHOR, reason=reason, now=now, apply=True
                )
                self.acts["taken back"] += 1

    def _deliver(self, before: datetime, now: datetime) -> set[int]:
        touched: set[int] = set()
        registry = load_registry(self.site.conn)
        gateway = self.site.gateway
        waiting: list[bytes] = []
        held: list[tuple[Meter, list[Row]]] = []

        def seal(*, rest: bool) -> None:
            is_full = sum(len(rows) for _, rows in held) >= MOST_ROWS or len(held) >= MOST_METERS
            if held and (rest or is_full):
                blocks = (
                    block_line(
                        meter.serial, rows, COLUMNS[meter.kind], int(meter.period.total_seconds())
                    )
                    for meter, rows in held
                )
                waiting.append(gateway.seal(*blocks))
                held.clear()
            if len(waiting) >= BATCHES_AT_ONCE or (rest and waiting):
                sent = [*waiting, *self._sent_again(waiting)]
                self._dice.shuffle(sent)
                taken = [accept(gateway.topic, each, registry, now) for each in sent]
                done = commit(self.site.conn, taken)
                assert done.quarantined == 0, f"{done.quarantined} rows went to quarantine"
                waiting.clear()

        for meter in self.town.meters():
            rows = list(meter.arrives(before, now))
            touched |= {month_number(f"{at:%Y-%m}") for at, _ in rows if at <= before}
            for at in range(0, len(rows), MOST_ROWS):
                held.append((meter, rows[at : at + MOST_ROWS]))
                seal(rest=False)
        seal(rest=True)
        return touched | {month - 1 for month in touched if month}

    def _sent_again(self, batches: Sequence[bytes]) -> list[bytes]:
        """Return what comes a second time: some of these, and some of a month ago."""
        again = [each for each in batches if self._dice.random() < DOUBLED]
        found, self._doubled = [*again, *self._doubled], again
        return found

    def _read_dial(
        self, label: str, at: datetime, meter: Meter, off: int = 0, why: str | None = None
    ) -> None:
        self_read(
            self.site.conn,
            SOCIETY,
            NamedMeter(
                label,
                Service(meter.kind),
                serial=None if self.town.stories[label] in BY_HAND else meter.serial,
            ),
            value=meter.billed(meter.shows(at) + off),
            at=at,
            by=AUTHOR,
            now=self.now,
            force_because=why,
        )
        self.acts["self-read"] += 1

    def _run(self) -> None:
        """Let the run of the month take its turn: once, and then nothing is due."""
        conn, store = self.site.conn, open_store(self.site.conn)
        of = find_society(conn, SOCIETY), SOCIETY
        closing = closing_of(of, store.zone, self.now, RunSettings())
        if closing is not None and is_due(conn, closing):
            run_turn(conn, closing, store)
            self.acts["turn"] += 1
            assert not is_due(conn, closing), f"{closing.month}: due again at {self.now}"

    def _close(self, month: int) -> None:
        self.now += timedelta(minutes=1)
        done = close_month(self.site.conn, SOCIETY, month_name(month), self.now)
        for each in (done, *done.later):
            self.told[each.month] = each

    def _care(self, last: int) -> None:
        """Act on what waits until nothing more is to be done."""
        for _ in range(ROUNDS):
            months = self._tell_of_restarts() | self._answer_doubts()
            if not months:
                return
            for month in sorted(month for month in months if month <= last):
                self._close(month)

    def _tell_of_restarts(self) -> set[int]:
        """Add the epoch of each restart of a unit that is withheld or held."""
        asked = set[str]()
        for closed in self.told.values():
            asked |= {each.subject.id for each in closed.withheld}
            asked |= {each.subject.id for each in closed.held}
        months: set[int] = set()
        for hung in self.town.hung:
            for at, drop in hung.meter.turns:
                key = (hung.meter.serial, at)
                if hung.label not in asked or at > self.now - DAY or key in self._known:
                    continue
                self._known.add(key)
                first = hung.meter.first_time(at)
                add_epoch(
                    self.site.conn,
                    SOCIETY,
                    NamedMeter(hung.label, Service(hung.meter.kind)),
                    starts_at=first,
                    adds=hung.meter.billed(drop),
                    reason="the register began anew",
                    by=AUTHOR,
                    now=self.now,
                )
                self.acts["epoch"] += 1
                months.add(month_number(f"{first - timedelta(seconds=1):%Y-%m}"))
        return months

    def _answer_doubts(self) -> set[int]:
        """Accept what is true of what the program doubts, and keep what is not."""
        society_id = find_society(self.site.conn, SOCIETY)
        months: set[int] = set()
        for doubt in doubts(self.site.conn, society_id):
            month = month_number(doubt.month)
            kind: WordKind = "accept" if self._is_true(doubt, month) else "keep"
            if kind == "keep" and doubt.version is None:
                continue
            word = NumberWord(
                doubt.month, doubt.key, kind, doubt.quantity, AUTHOR, "looked at", self.now
            )
            add_word(self.site.conn, society_id, word)
            self.acts[kind] += 1
            months.add(month)
        return months

    def _is_true(self, doubt: Doubt, month: int) -> bool:
        """Say whether a quantity is true, as far as its borders can be."""
        label, town, ends = doubt.key.subject, self.town, (border(month), border(month + 1))
        true = town.truth(label, *ends)
        if doubt.quantity is None or true is None:
            return False
        most = sum(town.misplaced(label, at) for at in ends)
        return abs(doubt.quantity - town.billed(label, true)) <= town.billed(label, most)

    # What billing holds at the end, against the truth.

    def faults(self) -> list[str]:
        """Return what is wrong with the final numbers."""
        received = self.link.received()
        return [*received.faults(), *self._false_numbers(received), *self._false_sums(received)]

    def untrue_copies(self) -> list[str]:
        """Return what consumers hold otherwise than the store, and where the ledger is wrong.

        The first consumer was there all year; the second one is given every message that ever left;
        the third one comes when the outbox has forgotten all that it may.
        """
        there = self.link.consumer
        faults = [
            *unlike_store(self.site.conn, SOCIETY, there, self.town),
            *unbalanced(there, self.town),
        ]
        again = Consumer()
        for _, payload in self.link.log.values():
            again.take(payload)
        faults += [f"replayed: {each}" for each in unlike_consumer(again, there)]
        forgotten = self.link.prune(self.now + DAY)
        late = self.link.joined(SOCIETY, self.now + DAY)
        faults += [f"came late: {each}" for each in unlike_consumer(late, there)]
        self.acts |= {"forgotten": forgotten, "needless": there.needless, "taken": there.taken}
        return faults

    def missing(self) -> list[str]:
        """Return the months of units that no number covers, and why."""
        return list(self._missing_numbers(self.link.received()))

    def _false_numbers(self, received: Received) -> Iterator[str]:
        for line, number in received.numbers.items():
            if isinstance(number, MonthlyConsumption):
                story = self.town.stories[line.subject]
                fault = self._fault_of(number)
                if story == "plain" and (number.quality, number.version) != ("validated", 1):
                    fault = f"{number.quality} version {number.version}, and nothing was wrong"
                if fault is not None:
                    yield f"{line.subject} {line.month} ({story}): {fault}"

    def _false_sums(self, received: Received) -> Iterator[str]:
        """Yield each unit of one meter whose months do not add up to what it used in all."""
        own: dict[str, list[MonthlyConsumption]] = {}
        for line, number in received.numbers.items():
            if isinstance(number, MonthlyConsumption):
                own.setdefault(line.subject, []).append(number)
        for label, numbers in own.items():
            parts = sorted(
                (part for number in numbers for part in number.parts),
                key=lambda part: part.opening.at,
            )
            first, last = parts[0].opening, parts[-1].closing
            is_whole = (first.at, last.at) == (border(0), self.town.ends)
            is_read = {first.origin, last.origin} == {Origin.METER}
            steps = self.town.truth(label, border(0), self.town.ends) or 0
            true = self.town.billed(label, steps)
            total = sum((number.quantity for number in numbers), Decimal(0))
            one_meter = len({part.meter.serial for part in parts}) == 1
            if is_whole and is_read and one_meter and total != true:
                yield f"{label} ({self.town.stories[label]}): {total} in all, but {true} is true"

    def _fault_of(self, number: MonthlyConsumption) -> str | None:
        first = month_number(number.since or number.month)
        start, end = border(first), border(month_number(number.month) + 1)
        said = f"{number.quantity} {number.quality} {sorted(number.reasons)} {number.bounds}"
        true = self.town.truth(number.subject.id, start, end)
        if true is None:
            return f"{said} is charged to nobody's unit"
        if any(
            Origin.SELF_READ in {part.opening.origin, part.closing.origin} for part in number.parts
        ):
            true = self._between_ends(number)
        used = self.town.billed(number.subject.id, true)
        if number.bounds is None:
            return None if number.quantity == used else f"{said}, but {used} is true"
        if not number.bounds.lower <= used <= number.bounds.upper:
            return f"{said} does not hold {used}"
        if number.quality == "validated":
            return f"{said} has bounds and is validated"
        return None

    def _between_ends(self, number: MonthlyConsumption) -> int:
        """Return the steps that a unit used between the ends at which it was read."""
        start = min(part.opening.at for part in number.parts)
        end = max(part.closing.at for part in number.parts)
        return self.town.truth(number.subject.id, start, end) or 0

    def _missing_numbers(self, received: Received) -> Iterator[str]:
        """Yield each month of a unit that no number covers."""
        covered: set[tuple[str, int]] = set()
        for line, number in received.numbers.items():
            if isinstance(number, MonthlyConsumption):
                first = month_number(number.since or number.month)
                months = range(first, month_number(number.month) + 1)
                covered |= {(line.subject, month) for month in months}
        for label, story in self.town.stories.items():
            if story == "bulk":
                continue
            for month in range(self.town.months):
                true = self.town.truth(label, border(month), border(month + 1))
                if true is None or (label, month) in covered:
                    continue
                why = [
                    sorted(each.reasons)
                    for each in self.told[month_name(month)].withheld
                    if each.subject.id == label
                ]
                yield f"{label} {month_name(month)} ({story}): no number, {why or 'and no word'}"

    def summary(self) -> str:
        """Return in a few lines what was billed how."""
        numbers = [
            each
            for each in self.link.received().numbers.values()
            if isinstance(each, MonthlyConsumption)
        ]
        by = Counter(str(each.quality) for each in numbers)
        versions = Counter(each.version for each in numbers)
        withdrawn = len(self.link.received().numbers) - len(numbers)
        sums = {
            unit: str(sum((each.quantity for each in numbers if each.unit == unit), Decimal(0)))
            for unit in ("kWh", "kL")
        }
        return (
            f"{len(numbers)} numbers: {dict(by)}; "
            f"{sum(each.since is not None for each in numbers)} catch-ups; "
            f"versions {dict(sorted(versions.items()))}; {withdrawn} withdrawn; "
            f"the caretaker: {dict(self.acts)}; "
            f"sums {sums}"
        )

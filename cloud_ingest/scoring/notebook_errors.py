# SPDX-License-Identifier: MIT
"""Notebooks with seeded errors: what a score of the named causes is made on.

A notebook of a month is written for units whose registers are known: by a caretaker who goes round
on the day or shortly beside it, and reads whole units, rounds them, or writes one decimal. Some of
the units get an error of a known kind. An error that no number shows is drawn again.

In: registers at midnights, a seed. Out: pages and units as `core.notebook_cause` takes them, and
which error each has. Never: a look at what is found. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from random import Random
from typing import Final

from cloud_ingest.core.month import DAY
from cloud_ingest.core.notebook_course import Course, Unit
from cloud_ingest.core.notebook_page import Noted, Page
from cloud_ingest.core.notebook_ways import Cause

Registers = Mapping[date, Decimal]
"""What a dial shows at 00:00 of each day, in the unit of billing and with its decimals."""
FACTORS: Final = tuple(map(Decimal, ("10", "0.1", "100", "20", "40")))
TRIES: Final = 40
BESIDE: Final = (-1, 0, 0, 0, 0, 1, 1, 2)
"""Days beside the one that is written, as a caretaker goes round."""
ODD_SHARE: Final = 6
"""One unit in so many has an error."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How a caretaker writes a dial down."""

    step: Decimal
    rounding: str

    def write(self, shown: Decimal) -> Decimal:
        """Return what stands in the notebook."""
        return shown.quantize(self.step, self.rounding)


HABITS: Final = (
    Habit(Decimal(1), ROUND_FLOOR),
    Habit(Decimal(1), ROUND_FLOOR),
    Habit(Decimal(1), ROUND_HALF_UP),
    Habit(Decimal("0.1"), ROUND_FLOOR),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One unit's page, what we know of it, and its error."""

    page: Page
    unit: Unit
    kind: Cause | None = None
    """None: it has none."""


@dataclass
class Notebook:
    """Writes the notebook of a month over some units."""

    dice: Random
    habit: Habit
    first: date
    last: date
    """The day of the closing reading: the first of the next month."""

    def clean(self, label: str, registers: Registers) -> Case:
        """Write a page as it should be."""
        unit = Unit(
            label, (Course(label, registers),), used=_used(registers, self.first, self.last)
        )
        page = Page(self._read(registers, self.first), self._read(registers, self.last))
        return Case(page, unit)

    def _read(self, registers: Registers, day: date, beside: int | None = None) -> Noted:
        at = day + DAY * (self.dice.choice(BESIDE) if beside is None else beside)
        low, high = registers[at], registers[at + DAY]
        shown = low + (high - low) * Decimal(str(round(self.dice.uniform(0.3, 0.9), 3)))
        return Noted(day, self.habit.write(shown))

    def _with(self, case: Case, noted: Noted) -> Case:
        """Put a reading in the place of the one of its day."""
        if noted.day == self.first:
            return replace(case, page=replace(case.page, opening=noted))
        return replace(case, page=replace(case.page, closing=noted))

    def _one(self, case: Case) -> Noted:
        return self.dice.choice(case.page.readings)

    def another_date(self, case: Case, registers: Registers) -> Case:
        """Read one dial days beside its day."""
        beside = self.dice.choice((-1, 1)) * self.dice.randrange(4, 21)
        return self._with(case, self._read(registers, self._one(case).day, beside))

    def exchanged_digits(self, case: Case, _: Registers) -> Case:
        """Exchange two neighbouring digits."""
        noted = self._one(case)
        text = list(f"{noted.value:f}")
        places = [at for at in range(len(text) - 1) if "." not in text[at : at + 2]]
        if not places:
            return case
        at = self.dice.choice(places)
        text[at], text[at + 1] = text[at + 1], text[at]
        return self._with(case, Noted(noted.day, Decimal("".join(text))))

    def misread(self, case: Case, _: Registers) -> Case:
        """Write one digit wrong."""
        noted = self._one(case)
        text = list(f"{noted.value:f}")
        at = self.dice.choice([at for at, digit in enumerate(text) if digit != "."])
        text[at] = self.dice.choice([digit for digit in "0123456789" if digit != text[at]])
        return self._with(case, Noted(noted.day, Decimal("".join(text))))

    def left_out_point(self, case: Case, registers: Registers) -> Case:
        """Write the dial's decimals without their point."""
        day = self._one(case).day
        fine = replace(self, habit=Habit(Decimal("0.1"), ROUND_FLOOR))
        value = fine._read(registers, day).value
        return self._with(case, Noted(day, value * 10 // 1))

    def factor(self, case: Case, registers: Registers) -> Case:
        """Let our register count a factor less: all of it, or since it was put in."""
        factor = self.dice.choice(FACTORS)
        begins = min(registers)
        base = self.dice.choice((Decimal(0), registers[begins]))
        start = Decimal(0) if base == 0 else Decimal(self.dice.randrange(1, 3000))
        ours = {
            day: (start + (value - base) / factor).quantize(Decimal("0.001"), ROUND_FLOOR)
            for day, value in registers.items()
        }
        used = _used(ours, self.first, self.last)
        return replace(
            case, unit=Unit(case.unit.label, (Course(case.unit.label, ours),), used=used)
        )

    def again(self, case: Case, _: Registers) -> Case:
        """Write the reading before once more."""
        opening = case.page.opening
        if opening is None:
            return case
        return self._with(case, Noted(self.last, opening.value))

    def rollover(self, case: Case, registers: Registers) -> Case:
        """Let the dial begin anew within the month."""
        turn = self.first + DAY * self.dice.randrange(5, (self.last - self.first).days - 5)
        top = Decimal(10) ** self.dice.choice((4, 5))
        ours = {day: (value - registers[turn]) % top for day, value in registers.items()}
        ours = {day: value + top if value < 0 else value for day, value in ours.items()}
        return self._of_course(case, (Course(case.unit.label, ours),), registers, ours, ours)

    def replaced(self, case: Case, registers: Registers) -> Case:
        """Let another meter follow within the month."""
        turn = self.first + DAY * self.dice.randrange(5, (self.last - self.first).days - 5)
        starts = Decimal(self.dice.choice((0, 0, 1, 3)))
        old = {day: value for day, value in registers.items() if day <= turn}
        new = {
            day: value - registers[turn] + starts for day, value in registers.items() if day >= turn
        }
        courses = (Course(case.unit.label, old), Course(case.unit.label + "N", new))
        return self._of_course(case, courses, registers, old, new)

    def _of_course(
        self,
        case: Case,
        courses: tuple[Course, ...],
        true: Registers,
        before: Registers,
        after: Registers,
    ) -> Case:
        page = Page(self._read(before, self.first), self._read(after, self.last))
        if page.says is not None and self.dice.random() < 0.3:
            page = replace(page, used=abs(page.says))
        used = _used(true, self.first, self.last)
        return replace(case, page=page, unit=Unit(case.unit.label, courses, used=used))

    def with_source(self, case: Case, registers: Registers) -> Case:
        """Let the notebook hold what a generator gave, too."""
        total, other = Decimal(self.dice.randrange(0, 900)), {}
        for day in sorted(registers):
            other[day] = total
            total += Decimal(str(round(self.dice.choice((0, 0, 1, 1, 2)) * self.dice.random(), 2)))
        unit = replace(case.unit, others=(Course(case.unit.label + "G", other),))
        page = case.page
        if self.dice.random() < 0.5:
            both = {day: value + other[day] for day, value in registers.items()}
            page = Page(self._read(both, self.first), self._read(both, self.last))
        elif page.says is not None:
            extra = self.habit.write(other[self.last] - other[self.first])
            page = replace(page, used=page.says + extra)
        return replace(case, page=page, unit=unit)


def _used(registers: Registers, first: date, last: date) -> Decimal:
    return registers[last] - registers[first]


Make = Callable[[Notebook, Case, Registers], Case]
KINDS: Final[Mapping[Cause, Make]] = {
    Cause.DATE: Notebook.another_date,
    Cause.DIGITS: Notebook.exchanged_digits,
    Cause.FACTOR: Notebook.factor,
    Cause.ROLLOVER: Notebook.rollover,
    Cause.REPLACED: Notebook.replaced,
    Cause.POINT: Notebook.left_out_point,
    Cause.REPEATED: Notebook.again,
    Cause.SOURCE: Notebook.with_source,
    Cause.MISREAD: Notebook.misread,
}
"""Kinds of one unit; `Cause.FLATS` is of two."""


def is_seen(case: Case) -> bool:
    """Say whether the numbers of a page show that something is wrong."""
    unit, page = case.unit, case.page
    if any(not unit.fits(each.value, each.day) for each in page.readings):
        return True
    if page.says is None or unit.used is None:
        return False
    return page.says < 0 or abs(page.says - unit.used) > max(Decimal(2), unit.used * 5 / 31)


def write_notebook(
    registers: Mapping[str, Registers], first: date, last: date, seed: int
) -> list[Case]:
    """Return the pages of a month, some of them with an error."""
    dice = Random(seed)  # noqa: S311  no secret
    notebook = Notebook(dice, dice.choice(HABITS), first, last)
    cases = {label: notebook.clean(label, own) for label, own in registers.items()}
    odd = dice.sample(sorted(cases), max(2, len(cases) // ODD_SHARE))
    kinds = [*KINDS, Cause.FLATS]
    while odd:
        kind = dice.choice(kinds)
        label = odd.pop()
        if kind is Cause.FLATS:
            if odd:
                _exchange(notebook, cases, label, odd.pop())
            continue
        made = _seen(notebook, kind, cases[label], registers[label])
        if made is not None:
            cases[label] = made
    return list(cases.values())


def _seen(notebook: Notebook, kind: Cause, case: Case, registers: Registers) -> Case | None:
    for _ in range(TRIES):
        made = replace(KINDS[kind](notebook, case, registers), kind=kind)
        if is_seen(made):
            return made
    return None


def _exchange(notebook: Notebook, cases: dict[str, Case], one: str, other: str) -> None:
    """Exchange the pages of two flats, or their closing readings alone."""
    here, there = cases[one], cases[other]
    if notebook.dice.random() < 0.5:
        pages = there.page, here.page
    else:
        pages = (
            replace(here.page, closing=there.page.closing),
            replace(there.page, closing=here.page.closing),
        )
    made = [
        replace(case, page=page, kind=Cause.FLATS)
        for case, page in zip((here, there), pages, strict=True)
    ]
    if all(map(is_seen, made)):
        cases[one], cases[other] = made

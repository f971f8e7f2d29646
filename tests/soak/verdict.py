# SPDX-License-Identifier: MIT
"""What a soak is judged by: of each measure the slope over the days, against its bound.

In: the measures of each day. Out: a table, and a judgement of each measure. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

KIB: Final = 1024
WARM_UP: Final = 2
"""Days in which everything that is kept is met for the first time."""
# Memory is judged in the second half alone: caches that have a bound fill for days (the parser of
# JSON remembers 16,384 strings).


@dataclass(frozen=True, slots=True)
class Day:
    """The measures at the end of a day. Sizes in bytes."""

    number: int
    resident: int
    objects: int
    """Blocks that Python holds: what grows here is kept by somebody, and not a gap in memory."""
    files: int
    threads: int
    kept: int
    """Of the disk: the spool's file with its journal, or the database."""
    written: int
    """In the day, by every write of the process, its log included."""
    logged: int
    """In the day, of it."""
    work: int
    """Polls, or readings stored."""
    waiting: int
    remark: str = ""
    """What happened to it; such a day writes otherwise."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A measure, its slope a day, and the most that it may be."""

    name: str
    slope: float
    bound: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether it is flat, as stated."""
        return self.slope <= self.bound

    def __str__(self) -> str:
        verdict = "flat" if self.holds else "GROWS"
        most = f"{self.bound:.2f} {self.unit}".rstrip()
        return f"{self.name:<18}{self.slope:+9.2f} a day, at most {most:<10}  {verdict}"


def slope(values: Sequence[tuple[float, float]]) -> float:
    """Return the slope of a line through points, by least squares; 0 for fewer than two."""
    if len(values) < 2:
        return 0.0
    mean_x = sum(x for x, _ in values) / len(values)
    mean_y = sum(y for _, y in values) / len(values)
    spread = sum((x - mean_x) ** 2 for x, _ in values)
    return sum((x - mean_x) * (y - mean_y) for x, y in values) / spread


def judge(days: Sequence[Day], *, kept_days: int, objects: float) -> Iterator[Judged]:
    """Judge what has to be flat.

    Args:
        days: the measures.
        kept_days: after so many days what is kept has its size.
        objects: how many more Python may hold a day, the simulation's own among them.
    """
    warm = [day for day in days if day.number > WARM_UP]
    late = [day for day in warm if day.number > len(days) // 2]
    full = [day for day in days if day.number > kept_days + 1]
    plain = [day for day in warm if not day.remark]

    def of(found: Sequence[Day], measure: Callable[[Day], float], per: float) -> float:
        return slope([(day.number, measure(day) / per) for day in found])

    usual_kept = median([day.kept for day in full] or [1]) or 1
    usual_written = median([day.written for day in plain] or [1]) or 1
    yield Judged("objects", of(late, lambda day: day.objects, 1), objects, "")
    yield Judged("resident memory", of(late, lambda day: day.resident, KIB), 192.0, "KiB")
    yield Judged("open files", of(warm, lambda day: day.files, 1), 0.02, "")
    yield Judged("threads", of(warm, lambda day: day.threads, 1), 0.02, "")
    yield Judged("kept on the disk", of(full, lambda day: day.kept, usual_kept / 100), 0.5, "%")
    yield Judged("written", of(plain, lambda day: day.written, usual_written / 100), 0.5, "%")


def table(days: Sequence[Day]) -> Iterator[str]:
    """Write the days, a line each."""
    yield (
        "day  memory MiB  objects  files  threads  kept MiB  written MiB  log KiB    work  waiting"
    )
    for day in days:
        yield (
            f"{day.number:3}  {day.resident / KIB**2:10.1f}  {day.objects:7}  {day.files:5}"
            f"  {day.threads:7}"
            f"  {day.kept / KIB**2:8.2f}  {day.written / KIB**2:11.2f}  {day.logged / KIB:7.0f}"
            f"  {day.work:6}  {day.waiting:7}  {day.remark}".rstrip()
        )

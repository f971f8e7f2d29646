# SPDX-License-Identifier: MIT
"""The lines of a case: what happens to a society, in order, and what its consumers then hold.

A case is a story of one statement a line; README.md beside this file lists them. A statement acts
through the same doors as the programs do: rows come sealed and signed, persons use the entries,
months are closed. An expectation is compared with the messages of the outbox, never with what a
function returned.

In: the text of a story, a site. Out: a failure that names the line. Never: an expectation that is
computed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from shared_schema.billing import Bounds, EstimateMethod
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    WATER_VOLUME,
    Service,
    Unit,
)
from shared_schema.quality import Quality, Reason
from shared_schema.readings import Column

Rows = list[tuple[datetime, int]]

COLUMNS = {
    "Wh": Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR),
    "10Wh": Column(obis=ACTIVE_IMPORT, scaler=1, unit=Unit.WATT_HOUR),
    "100Wh": Column(obis=ACTIVE_IMPORT, scaler=2, unit=Unit.WATT_HOUR),
    "kWh": Column(obis=ACTIVE_IMPORT, scaler=3, unit=Unit.WATT_HOUR),
    "litres": Column(obis=WATER_VOLUME, scaler=-3, unit=Unit.CUBIC_METRE),
    "10litres": Column(obis=WATER_VOLUME, scaler=-2, unit=Unit.CUBIC_METRE),
    "Wh-intervals": Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR),
}
_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"
_NUMBER = r"-?[\d,]+"
_COURSE = re.compile(
    rf"every (?P<n>\d+) (?P<unit>s|min|h|d) (?P<step>{_NUMBER})"
    rf" from (?P<start>{_TIME}) at (?P<first>{_NUMBER}) to (?P<end>{_TIME})"
)
_GOES_ON = re.compile(
    rf"then every (?P<n>\d+) (?P<unit>s|min|h|d) (?P<step>{_NUMBER}) to (?P<end>{_TIME})"
)
_READS = re.compile(rf"(?P<at>{_TIME}) reads (?P<raw>{_NUMBER})")
_WITHOUT = re.compile(rf"without (?P<start>{_TIME})(?: to (?P<end>{_TIME}))?")
_STATUS = re.compile(rf"status (?P<status>\d+) (?P<start>{_TIME})(?: to (?P<end>{_TIME}))?")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_BOUNDS = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)")


class BadStory(Exception):
    """A line of a case that cannot be read."""


@dataclass(frozen=True)
class Statement:
    """One line of a story, with the lines that are indented below it."""

    number: int
    text: str
    below: tuple[str, ...]

    @property
    def verb(self) -> str:
        """Its first word."""
        return self.text.split()[0]

    @property
    def rest(self) -> str:
        """What follows the first word."""
        return self.text[len(self.verb) :].strip()


def statements(story: str) -> Iterator[Statement]:
    """Cut a story into its statements; a comment runs from ``#`` to the end of its line."""
    number, text, below = 0, "", list[str]()
    for at, line in enumerate(story.splitlines(), 1):
        bare = line.partition("#")[0].rstrip()
        if not bare:
            continue
        if bare[0].isspace():
            below.append(bare.strip())
            continue
        if text:
            yield Statement(number, text, tuple(below))
        number, text, below = at, bare, []
    if text:
        yield Statement(number, text, tuple(below))


@dataclass(frozen=True)
class Clock:
    """How times are written in a story: local, in the zone of its society."""

    zone: ZoneInfo

    def at(self, text: str) -> datetime:
        """Return a time in UTC."""
        return datetime.fromisoformat(text).replace(tzinfo=self.zone).astimezone(UTC)


def whole(text: str) -> int:
    """Read a register as a story writes it: ``12,345,000``."""
    return int(text.replace(",", ""))


def course(lines: tuple[str, ...], clock: Clock) -> tuple[Rows, int]:
    """Return the rows that the lines of a course describe, and its period in seconds."""
    rows: dict[datetime, int] = {}
    period = timedelta(minutes=15)
    for line in lines:
        if found := _COURSE.fullmatch(line):
            period = _period(found)
            first = (clock.at(found["start"]), whole(found["first"]))
            rows.update(_steady(first, period, whole(found["step"]), clock.at(found["end"])))
        elif found := _GOES_ON.fullmatch(line):
            last = max(rows)
            rows.update(
                _steady(
                    (last, rows[last]), _period(found), whole(found["step"]), clock.at(found["end"])
                )
            )
        elif found := _READS.fullmatch(line):
            rows[clock.at(found["at"])] = whole(found["raw"])
        elif found := _WITHOUT.fullmatch(line):
            start = clock.at(found["start"])
            end = start if found["end"] is None else clock.at(found["end"])
            rows = {at: raw for at, raw in rows.items() if not start <= at <= end}
        elif not _STATUS.fullmatch(line):
            raise BadStory(f"no course: {line!r}")
    return sorted(rows.items()), int(period.total_seconds())


def statuses(lines: tuple[str, ...], clock: Clock, rows: Rows) -> dict[datetime, int]:
    """Return the status words that the lines of a course give to rows."""
    said: dict[datetime, int] = {}
    for line in lines:
        if found := _STATUS.fullmatch(line):
            start = clock.at(found["start"])
            end = start if found["end"] is None else clock.at(found["end"])
            said.update((at, int(found["status"])) for at, _ in rows if start <= at <= end)
    return said


def _period(found: re.Match[str]) -> timedelta:
    return timedelta(**{_UNITS[found["unit"]]: int(found["n"])})


def _steady(first: tuple[datetime, int], period: timedelta, step: int, end: datetime) -> Rows:
    at, raw = first
    return [(at + period * n, raw + step * n) for n in range((end - at) // period + 1)]


@dataclass(frozen=True)
class Expected:
    """What a line expects of a number."""

    month: str
    kind: str
    subject: str
    service: Service
    quantity: Decimal | None
    quality: Quality | None
    reasons: frozenset[Reason]
    bounds: Bounds | None
    version: int
    since: str | None
    method: EstimateMethod | None = None
    """Of an estimate; None: any."""

    def __str__(self) -> str:
        words = [
            self.month,
            self.subject,
            self.service.value,
            "none" if self.quantity is None else _plain(self.quantity),
            "" if self.quality is None else self.quality.value,
            *sorted(reason.value for reason in self.reasons),
            ""
            if self.bounds is None
            else f"{_plain(self.bounds.lower)}..{_plain(self.bounds.upper)}",
            "" if self.since is None else f"since {self.since}",
            f"v{self.version}",
            "" if self.method is None else f"by {self.method.value}",
        ]
        return " ".join(word for word in words if word)


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def expected(text: str) -> Expected:
    """Read ``2026-01 A-1 29.760 derived border_placed 29.750..29.770 v2``."""
    month, subject, *words = text.split()
    kind, service = "unit", Service.ELECTRICITY
    quantity: Decimal | None = None
    quality: Quality | None = None
    reasons: set[Reason] = set()
    bounds: Bounds | None = None
    version = 1
    since: str | None = None
    method: EstimateMethod | None = None
    said = iter(words)
    for word in said:
        if word == "since":
            since = next(said)
        elif word == "by":
            method = EstimateMethod(next(said))
        elif word in list(Service):
            service = Service(word)
        elif word == "common":
            kind = word
        elif found := _BOUNDS.fullmatch(word):
            bounds = Bounds(lower=Decimal(found[1]), upper=Decimal(found[2]))
        elif re.fullmatch(r"v\d+", word):
            version = int(word[1:])
        elif re.fullmatch(r"\d+(\.\d+)?", word):
            quantity = Decimal(word)
        elif word in list(Quality) and quality is None and quantity is not None:
            quality = Quality(word)
        else:
            reasons.add(Reason(word))
    return Expected(
        month,
        kind,
        subject,
        service,
        quantity,
        quality,
        frozenset(reasons),
        bounds,
        version,
        since,
        method,
    )


def options(words: str, flags: frozenset[str] = frozenset()) -> dict[str, str]:
    """Read ``meter 1 from 2026-01-01 tower T1 legacy`` as names with their values."""
    found: dict[str, str] = {}
    left = iter(words.split())
    for word in left:
        found[word] = "yes" if word in flags else next(left)
    return found

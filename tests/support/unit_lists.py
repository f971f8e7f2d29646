# SPDX-License-Identifier: MIT
"""Lines of a list of units, and a society that takes them: for tests without a store."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.unit_list import Line, Place
from cloud_ingest.core.unit_meter import Meter, Rating, RatingVersion, in_order
from cloud_ingest.core.unit_plan import Known, Plan, make_plan
from cloud_ingest.errors import ImportRefused
from shared_schema.catalogue import Service


def list_line(
    tower: str | None,
    label: str,
    serial: str | None,
    *,
    since: int = 1,
    until: int | None = None,
    service: Service = Service.ELECTRICITY,
    kind: SubjectKind = "unit",
    rating: Rating = Rating(),  # noqa: B008 - a constant
) -> Line:
    """A line from the 1st of a month of 2026 to that of another; without a serial it is legacy."""
    return Line(
        tower=tower,
        subject_type=kind,
        label=label,
        service=service,
        source="grid" if service is Service.ELECTRICITY else "main",
        meter=None if serial is None else ("LNT", serial),
        legacy=serial is None,
        valid_from=datetime(2026, since, 1, tzinfo=UTC),
        valid_to=None if until is None else datetime(2026, until, 1, tzinfo=UTC),
        rating=rating,
    )


class ListedSociety:
    """What is known of a society after some imports."""

    def __init__(self) -> None:
        self.known: dict[int, Place] = {}
        self.former: list[Place] = []
        self.ratings: dict[Meter, dict[datetime | None, Rating]] = {}

    def plan(self, lines: Sequence[Line], *, unique_labels: bool = False) -> Plan:
        """What an import would do; the first line of a file is its header."""
        known = Known(self.known, self.former, ratings=self.versions())
        return make_plan(known, dict(enumerate(lines, 2)), unique_labels=unique_labels)

    def take(self, *lines: Line) -> Plan:
        """Import lines, and see that doing it again changes nothing."""
        plan = self.plan(lines)
        for own, place in plan.change:
            self.former.append(self.known.pop(own))
            self.known[self.next_id] = place
        for place in plan.add:
            self.known[self.next_id] = place
        for meter, version in plan.rate:
            self.ratings.setdefault(meter, {})[version.since] = version.rating
        assert self.plan(lines) == Plan(unchanged=len(lines)), "again nothing"
        return plan

    def versions(self) -> dict[Meter, tuple[RatingVersion, ...]]:
        """What holds of each meter, the oldest first."""
        return {
            meter: in_order(RatingVersion(since, rating) for since, rating in own.items())
            for meter, own in self.ratings.items()
        }

    def knew(self, line: Line) -> None:
        """Know a line that was imported before labels were looked at."""
        assert line.meter is not None
        self.known[self.next_id] = line.place(line.label, line.meter)

    @property
    def next_id(self) -> int:
        """Of the next version."""
        return len(self.known) + len(self.former) + 1

    def names(self) -> list[str]:
        """The tower, subject and serial number of all that is known."""
        found = (
            f"{place.tower}: {place.subject} {place.meter[1]}" for place in self.known.values()
        )
        return sorted(found)

    def refuses(self, *lines: Line, unique_labels: bool = False) -> str:
        """Import lines that are bad, and return what is said of them."""
        with pytest.raises(ImportRefused) as caught:
            self.plan(lines, unique_labels=unique_labels)
        return "\n".join(caught.value.lines)

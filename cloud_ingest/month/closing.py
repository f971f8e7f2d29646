# SPDX-License-Identifier: MIT
"""A closing: which month of which society is closed, when, and by what rules.

In: what a person asked to close. Out: one frozen value that every step of the closing takes, and
the word that tells a step whether a message says anything new. Pure.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.door import USUAL_LIMITS, Limits
from cloud_ingest.core.month import Month, month_of, next_month
from cloud_ingest.month.count import Counted, Progress
from cloud_ingest.settings import EstimatesRule
from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BillingManifest,
    Held,
    ManifestEntry,
    MonthlyConsumption,
    MonthlyWithdrawal,
    Withheld,
)
from shared_schema.catalogue import Service
from shared_schema.events import SubjectType
from shared_schema.message import Message, Part


class SubjectKey(NamedTuple):
    """A subject and a service that is metered for it."""

    kind: SubjectKind
    label: str
    service: Service


class CatchUp(NamedTuple):
    """A published number that covers months before its own."""

    key: SubjectKey
    since: str
    """The first month that it covers."""
    month: str
    """Its own."""


def quiet(_text: str) -> None:
    """Tell nobody what is being done."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Which month of which society is closed, and when."""

    society_id: int
    society: str
    span: Month
    zone: ZoneInfo
    now: datetime
    self_read_window: timedelta
    progress: Progress = quiet
    limits: Limits = USUAL_LIMITS
    """How far a published number may move by itself."""
    estimates: EstimatesRule = "shown"
    """What becomes of a month whose border was not read."""
    standing: frozenset[CatchUp] = frozenset()
    """Catch-ups that stand whatever is found: the months that they cover get no numbers."""
    waiting: frozenset[tuple[str, SubjectKey]] = frozenset()
    """Of which month whose number waits: the month after holds the border that it would move."""
    first: str = ""
    """An earlier month that is closed again first, because it ends elsewhere; empty: none does."""
    is_early: bool = False
    """A first number that is met beside the end of the month waits for the reading at it."""

    @property
    def month(self) -> str:
        """``YYYY-MM``."""
        return str(self.span)

    @property
    def covered(self) -> frozenset[SubjectKey]:
        """Whose month a standing catch-up of a later month covers."""
        return frozenset(
            each.key for each in self.standing if each.since <= self.month < each.month
        )

    @property
    def caught_up(self) -> frozenset[SubjectKey]:
        """Whose number of this month is a catch-up that stands."""
        return frozenset(each.key for each in self.standing if each.month == self.month)

    @property
    def torn(self) -> frozenset[SubjectKey]:
        """Whose number of this month waits for the month after."""
        return frozenset(key for month, key in self.waiting if month == self.month)

    def following(self) -> "Closing":
        """Return the closing of the month after."""
        first = next_month(self.span.first)
        return replace(self, span=month_of(first.year, first.month, self.zone))


def by_subject(counted: Sequence[Counted]) -> dict[SubjectKey, list[Counted]]:
    """Sort what meters counted by the subject and service that they counted for."""
    found: dict[SubjectKey, list[Counted]] = {}
    for one in counted:
        served = one.assignment
        key = SubjectKey(served.subject_type, served.subject, served.service)
        found.setdefault(key, []).append(one)
    return dict(sorted(found.items()))


def key_of(
    sent: MonthlyConsumption | MonthlyWithdrawal | Withheld | Held | ManifestEntry,
) -> SubjectKey:
    """Return the subject and service of a message, or of what a manifest says."""
    kind: SubjectKind = "unit" if sent.subject.type is SubjectType.UNIT else "common"
    return SubjectKey(kind, sent.subject.id, sent.service)


def says_the_same(former: Message, made: Message) -> bool:
    """Say whether two messages differ in nothing that their consumer needs another version for.

    Of a monthly number another remark beside the ones it has is none. That it has the first one, or
    none any more, is. That an earlier version of this program did not say a field which is new
    since is no reason to send a message again.
    """
    apart = {"version", "closed_at", "sentence"}
    if isinstance(former, MonthlyConsumption) and isinstance(made, MonthlyConsumption):
        if bool(former.reasons) != bool(made.reasons):
            return False
        apart.add("reasons")
    return _are_equal(former, made, apart)


def is_said(
    former: BillingManifest | Reconciliation, made: BillingManifest | Reconciliation, floor: int
) -> bool:
    """Say whether what was sent says it, under a version that consumers keep.

    Args:
        former: What was sent last.
        made: What there is to say now.
        floor: The least version: above all that a restore has forgotten.
    """
    return former.version >= floor and says_the_same(former, made)


def _are_equal(former: object, made: object, apart: Collection[str] = ()) -> bool:
    """Say whether two values are equal but for fields that did not exist when one was sent."""
    if isinstance(former, Part):
        unsaid = former.ADDED - former.model_fields_set
        return type(former) is type(made) and all(
            _are_equal(getattr(former, name), getattr(made, name))
            for name in type(former).model_fields
            if name not in apart and name not in unsaid
        )
    if isinstance(former, tuple) and isinstance(made, tuple):
        return len(former) == len(made) and all(map(_are_equal, former, made))
    return former == made

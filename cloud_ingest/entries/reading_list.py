# SPDX-License-Identifier: MIT
"""The readings that a person should look at: what was set aside, rivals, and what persons said.

Each claim stands with the state that it has and why, with the elected one of its moment, and with
the sound readings on its two sides. Where a register left its course for good, and nobody has said
why, the first claim behind the break is listed: the break lies between the claims that it was
judged by.

In: a society, perhaps one subject. Out: claims with their states. Never: a write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from cloud_ingest.core.judgement import Moment, RulingKind
from cloud_ingest.core.month import DAY
from cloud_ingest.entries.named_reading import Shown
from cloud_ingest.errors import NotFound
from cloud_ingest.store.assignment_versions import assignment_versions
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.billed_registers import SERVICE_OF
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.readings_read import (
    Window,
    boundary_readings,
    neighbours,
)
from cloud_ingest.store.readings_write import (
    ORIGINS,
)
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rulings import ListedClaim, listed_breaks, listed_claims
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import Service
from shared_schema.quality import Origin

SECOND = timedelta(seconds=1)
State = Literal["unsound", "doubted", "set_aside", "rival", "restored", "entered", "break"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim by which another was judged."""

    at: datetime
    raw: int
    """What its register counted, in steps of its own channel."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Listed:
    """A claim that was set aside, has a rival, was spoken of, or stands behind a break."""

    subject: str | None
    service: Service
    meter: str
    at: datetime
    value: Decimal
    origin: Origin
    state: State
    is_elected: bool
    rule: str | None
    by: str | None
    """None: validation decided."""
    reason: str | None
    decided_at: datetime | None
    parameters: Mapping[str, str] | None
    judged_between: Mapping[str, Judged | None] | None
    """The claims before and after it by which a rule judged, as they were then."""
    elected: Decimal | None
    """What is elected at the same moment."""
    before: Shown | None
    """The sound reading before it."""
    after: Shown | None


@translating
def listed_readings(conn: Connection, society: str, subject: str | None) -> list[Listed]:
    """Return what was set aside, what has a rival, what persons vouched for, and breaks.

    Args:
        conn: The store.
        society: The society's name.
        subject: The label of one unit, common area or bulk meter; None: of all.

    Raises:
        NotFound: no such society, or no such subject.
    """
    society_id = find_society(conn, society)
    claims = listed_claims(conn, society_id, subject) + listed_breaks(conn, society_id, subject)
    told = [
        (claim, exponent)
        for claim in sorted(claims, key=lambda each: (each.ts, each.channel_id))
        if (exponent := billing_exponent(SERVICE_OF[claim.obis], claim.unit, claim.scaler))
        is not None
    ]
    if not told:
        if subject is not None and not assignment_versions(conn, society_id, subject):
            raise NotFound(f"the list of units has no {subject!r}: cloud-ingest units list")
        return []
    exponents = {claim.channel_id: exponent for claim, exponent in told}
    times = [datetime.fromtimestamp(claim.ts, UTC) for claim, _ in told]
    windows = [Window(claim.channel_id, at, at) for (claim, _), at in zip(told, times, strict=True)]
    elected = {
        (channel_id, int(reading.ts.timestamp())): (reading.raw, reading.origin)
        for channel_id, readings in boundary_readings(
            conn, last_in=windows, first_in=(), by_hand_in=(), exponents=exponents
        ).items()
        for reading in readings
    }
    served = assignments_between(
        conn, society_id, min(times) - DAY, max(times) + DAY, checks="with"
    )
    return [
        found
        for claim, exponent in told
        if (found := _listed(conn, claim, exponent, elected, served)) is not None
    ]


def _listed(
    conn: Connection,
    claim: ListedClaim,
    exponent: int,
    elected: Mapping[Moment, tuple[int, Origin]],
    served: Sequence[Assignment],
) -> Listed | None:
    at = datetime.fromtimestamp(claim.ts, UTC)
    chosen = elected.get((claim.channel_id, claim.ts))
    state = _state(claim, chosen)
    if state is None:
        return None
    at_that_time = [
        each.subject
        for each in served
        if each.meter_id == claim.meter_id
        and each.valid_from <= at
        and (each.valid_to is None or each.valid_to >= at)
    ]
    before, after = _beside(conn, claim, exponent, at)
    by_person = claim.kind is not None
    return Listed(
        subject=at_that_time[-1] if at_that_time else None,
        service=SERVICE_OF[claim.obis],
        meter=f"{claim.manufacturer} {claim.serial}",
        at=at,
        value=Decimal(claim.raw).scaleb(exponent),
        origin=ORIGINS[claim.origin],
        state=state,
        is_elected=chosen == (claim.raw, ORIGINS[claim.origin]),
        rule=claim.rule,
        by=claim.author,
        reason=claim.reason,
        decided_at=claim.ruled_at if by_person else claim.judged_at,
        parameters=claim.parameters,
        judged_between=_judged_between(claim),
        elected=None if chosen is None else Decimal(chosen[0]).scaleb(exponent),
        before=before,
        after=after,
    )


def _judged_between(claim: ListedClaim) -> Mapping[str, Judged | None] | None:
    if claim.neighbours is None:
        return None
    return {
        side: None
        if each is None
        else Judged(datetime.fromisoformat(each["ts"]), each["raw"], ORIGINS[each["origin"]])
        for side, each in claim.neighbours.items()
    }


def _state(claim: ListedClaim, elected: tuple[int, Origin] | None) -> State | None:
    """Say why a claim is listed; None: it says what the elected one says; pure."""
    if claim.is_break:
        return "break"
    if claim.kind is not None:
        states: dict[RulingKind, State] = {
            "set_aside": "set_aside",
            "restore": "restored",
            "enter": "entered",
        }
        return states[claim.kind]
    if claim.rule is not None:
        is_elected = elected == (claim.raw, ORIGINS[claim.origin])
        return "doubted" if is_elected else "unsound"
    return "rival" if elected is not None and elected[0] != claim.raw else None


def _beside(
    conn: Connection, claim: ListedClaim, exponent: int, at: datetime
) -> tuple[Shown | None, Shown | None]:
    """Return the elected readings of a claim's channel on its two sides."""
    exponents = {claim.channel_id: exponent}
    before, _ = neighbours(conn, exponents, at - SECOND)
    _, after = neighbours(conn, exponents, at)
    first, last = (
        None if each is None else Shown(each.ts, each.value, each.origin)
        for each in (before, after)
    )
    return first, last

# SPDX-License-Identifier: MIT
"""The meter that a person means: which one served a subject at a time.

People name a subject and a service, never a channel. If a subject has several meters of a service,
the person names the source as well. A check meter is meant only where it is named. At the minute of
a replacement both meters hang there: what a person reads then is the dial of the one that is taken
down, unless its serial number says otherwise. What begins at that minute is of the one that is put
up.

In: the labels that a person gave. Out: one meter, its billed channels, judged up to now. Never: a
guess between two meters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.balance import CHECK, SubjectKind
from cloud_ingest.core.unit_identity import namesake_hint
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.store.assignments import (
    Assignment,
    assignments_of_subject,
    namesakes,
    subjects,
)
from cloud_ingest.store.channels import Channel, channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import Store
from cloud_ingest.validation.judge import judge_suspects, unjudged
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service

_KINDS: dict[SubjectKind, str] = {
    "unit": "unit",
    "common": "common area",
    "bulk": "bulk meter",
}


@dataclass(frozen=True, slots=True)
class NamedMeter:
    """How a person names a meter: by the subject that it serves."""

    subject: str
    """The label of the unit, the common area or the bulk meter."""
    service: Service
    source: str | None = None
    """Which of the subject's meters, where it has several."""
    serial: str | None = None
    """Its serial number, where the subject changed its meter."""
    subject_type: SubjectKind = "unit"
    """What ``subject`` is the label of."""


def find_meter(
    conn: Connection,
    society_id: int,
    named: NamedMeter,
    *,
    at: datetime,
    begins: bool = False,
) -> Assignment:
    """Return the assignment of the meter that served a subject at a time.

    Args:
        conn: The store.
        society_id: Whose subject.
        named: Which meter.
        at: The time.
        begins: At the moment of a replacement, the meter that is put up.

    Raises:
        SelfReadRefused: there was none, or several and the person does not say which.
    """
    subject, service, source = named.subject, named.service, named.source
    serving = assignments_of_subject(
        conn, society_id, subject, service, subject_type=named.subject_type, at=at
    )
    if not serving:
        raise SelfReadRefused(_why_none(conn, society_id, named))
    if named.serial is not None:
        chosen = _of_serial(serving, named.serial)
    elif source is None:
        chosen = [served for served in serving if served.source != CHECK] or serving
    else:
        chosen = serving
    sources = sorted({served.source for served in chosen})
    if named.serial is None and source is None and len(sources) > 1:
        raise SelfReadRefused(
            f"{subject} has several {service} meters: give --source, one of {', '.join(sources)}"
        )
    chosen = [served for served in chosen if source in {None, served.source}]
    if not chosen:
        raise SelfReadRefused(
            f"{subject} has no {service} source {source!r}: there is {', '.join(sources)}"
        )
    return chosen[0] if begins else chosen[-1]


def _of_serial(serving: Sequence[Assignment], serial: str) -> list[Assignment]:
    """Return the meters with a serial number.

    Raises:
        SelfReadRefused: there is none.
    """
    found = [served for served in serving if served.meter.serial == serial]
    if not found:
        meters = ", ".join(str(served.meter) for served in serving)
        first = serving[0]
        raise SelfReadRefused(
            f"{first.subject} had no {first.service} meter with serial number {serial!r} at that "
            f"time: there was {meters}"
        )
    return found


def put_up_then(conn: Connection, society_id: int, served: Assignment) -> Assignment | None:
    """Return the meter that was put up at the moment at which another was taken down, or None."""
    if served.valid_to is None:
        return None
    serving = assignments_of_subject(
        conn,
        society_id,
        served.subject,
        served.service,
        subject_type=served.subject_type,
        at=served.valid_to,
    )
    found = [
        each
        for each in serving
        if (each.source, each.valid_from) == (served.source, served.valid_to)
        and each.meter_id != served.meter_id
    ]
    return found[0] if found else None


def other_meter_hint(other: Assignment) -> str:
    """Say how a person names the meter that was put up at that minute."""
    return (
        f"; if it is the dial of {other.meter}, which hangs there from that minute on: --meter "
        f"{other.meter.serial}"
    )


def _why_none(conn: Connection, society_id: int, named: NamedMeter) -> str:
    subject, service = named.subject, named.service
    if subject in subjects(conn, society_id, service, named.subject_type):
        return (
            f"no {service} meter was assigned to {subject} at that time: "
            "see the dates in the list of units"
        )
    what = f"no {_KINDS[named.subject_type]} {subject!r} has {service}"
    if hint := namesake_hint(subject, namesakes(conn, society_id, subject)):
        return what + hint
    for kind, name in _KINDS.items():
        if subject in subjects(conn, society_id, service, kind):
            return f"{what}: the {name} of that label has it"
    return f"{what}: check its label, or import it with its meter"


def billed_channels(conn: Connection, meter_id: int, service: Service) -> list[Channel]:
    """Return the channels of a meter that hold its service's billed register."""
    return [
        channel
        for channel in channels_of_meters(conn, [meter_id], [str(BILLED_REGISTER[service])])
        if billing_exponent(service, channel.unit, channel.scaler) is not None
    ]


def judge_register(conn: Connection, meter: Assignment, store: Store, now: datetime) -> None:
    """Judge what came in of a meter's billed register and waits for it.

    What a person says of it is then held against what is believed, not against what came last.
    """
    own = [channel.channel_id for channel in billed_channels(conn, meter.meter_id, meter.service)]
    judge_suspects(conn, unjudged(conn, own, now, store, now), store, now)


def exponents_of(channels: Sequence[Channel], service: Service) -> dict[int, int]:
    """Return e of value = raw * 10^e in kWh or kL for each billed channel, by id."""
    return {
        channel.channel_id: exponent
        for channel in channels
        if (exponent := billing_exponent(service, channel.unit, channel.scaler)) is not None
    }

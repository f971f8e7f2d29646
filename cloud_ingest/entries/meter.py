# SPDX-License-Identifier: MIT
"""The meter that a person means: which one served a subject at a time.

People name a subject and a service, never a channel. If a subject has several meters of a service,
the person names the source as well.

In: the labels that a person gave. Out: one meter, its billed channels. Never: a guess
between two meters.
"""

from collections.abc import Sequence
from datetime import datetime

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.register import billing_exponent
from cloud_ingest.errors import SelfReadRefused
from cloud_ingest.store.assignments import Assignment, assignments_of_subject, subjects
from cloud_ingest.store.channels import Channel, channels_of_meters
from cloud_ingest.store.connection import Connection
from shared_schema.catalogue import BILLED_REGISTER, Service

_KINDS: dict[SubjectKind, str] = {
    "unit": "unit",
    "common": "common area",
    "bulk": "bulk meter",
}


def find_meter(
    conn: Connection,
    society_id: int,
    subject: str,
    service: Service,
    *,
    at: datetime,
    source: str | None,
    subject_type: SubjectKind,
) -> Assignment:
    """Return the assignment of the meter that served a subject at a time.

    Raises:
        SelfReadRefused: there was none, or several and ``source`` does not say which.
    """
    serving = assignments_of_subject(
        conn, society_id, subject, service, subject_type=subject_type, at=at
    )
    if not serving:
        raise SelfReadRefused(_why_none(conn, society_id, subject, service, subject_type))
    sources = sorted({served.source for served in serving})
    if source is None and len(sources) > 1:
        raise SelfReadRefused(
            f"{subject} has several {service} meters: give --source, one of {', '.join(sources)}"
        )
    chosen = [served for served in serving if source in {None, served.source}]
    if not chosen:
        raise SelfReadRefused(
            f"{subject} has no {service} source {source!r}: there is {', '.join(sources)}"
        )
    return chosen[0]


def _why_none(
    conn: Connection, society_id: int, subject: str, service: Service, subject_type: SubjectKind
) -> str:
    if subject in subjects(conn, society_id, service, subject_type):
        return (
            f"no {service} meter was assigned to {subject} at that time: "
            "check --at, and the dates in the list of units"
        )
    return (
        f"no {_KINDS[subject_type]} {subject!r} has {service}: check its label and "
        "--subject-type, or import it with its meter"
    )


def billed_channels(conn: Connection, meter_id: int, service: Service) -> list[Channel]:
    """Return the channels of a meter that hold its service's billed register."""
    return [
        channel
        for channel in channels_of_meters(conn, [meter_id], [str(BILLED_REGISTER[service])])
        if billing_exponent(service, channel.unit, channel.scaler) is not None
    ]


def exponents_of(channels: Sequence[Channel], service: Service) -> dict[int, int]:
    """Return e of value = raw * 10^e in kWh or kL for each billed channel, by id."""
    return {
        channel.channel_id: exponent
        for channel in channels
        if (exponent := billing_exponent(service, channel.unit, channel.scaler)) is not None
    }

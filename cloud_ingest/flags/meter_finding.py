# SPDX-License-Identifier: MIT
"""What a rule found of a meter that serves somebody: the finding, and the meter in its evidence.

In: the meter, what was found. Out: a finding. Pure.
"""

from datetime import datetime

from cloud_ingest.core.flag import Finding, served_unit
from cloud_ingest.store.meter_states import ServingMeter
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import MeterEvidence


def meter_finding(
    meter: ServingMeter,
    kind: EventKind,
    message: str,
    evidence: MeterEvidence,
    *,
    since: datetime,
    severity: Severity = Severity.WATCH,
) -> Finding:
    """Return a finding that is of a meter, and about the unit that it serves."""
    return Finding(
        kind=kind,
        society_id=meter.society_id,
        society=meter.society,
        severity=severity,
        subject=Subject(type=SubjectType.METER, id=meter.name),
        unit=served_unit(meter.subject_type, meter.subject, meter.tower),
        service=Service(meter.service),
        since=since,
        message=message,
        evidence=evidence,
    )


def meter_fields(meter: ServingMeter) -> dict[str, str | None]:
    """Return the fields of evidence that name a meter."""
    return {
        "manufacturer": meter.manufacturer,
        "serial": meter.serial,
        "source": meter.source,
        "tower": meter.tower or None,
    }

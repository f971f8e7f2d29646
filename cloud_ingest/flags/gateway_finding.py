# SPDX-License-Identifier: MIT
"""What a rule found of a gateway: an alarm about all services, and of no one unit.

In: a row that names the gateway and its society, what was found. Out: a finding. Pure.
"""

from datetime import datetime
from typing import Protocol

from cloud_ingest.core.flag import Finding
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import Evidence


class OfGateway(Protocol):
    """A row of the store about a gateway."""

    @property
    def society_id(self) -> int:
        """Whose it is."""

    @property
    def society(self) -> str:
        """The name of that society."""

    @property
    def gateway(self) -> str:
        """Its name."""


def gateway_finding(
    found: OfGateway,
    kind: EventKind,
    message: str,
    evidence: Evidence,
    *,
    since: datetime,
    severity: Severity = Severity.ALARM,
) -> Finding:
    """Return a finding that is of a gateway."""
    return Finding(
        kind=kind,
        society_id=found.society_id,
        society=found.society,
        severity=severity,
        subject=Subject(type=SubjectType.GATEWAY, id=found.gateway),
        unit=None,
        service="all",
        since=since,
        message=message,
        evidence=evidence,
    )

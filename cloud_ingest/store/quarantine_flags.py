# SPDX-License-Identifier: MIT
"""The flags that entries of the quarantine raise: of a gateway's evidence, of a society's billing.

The first open entry raises its flag; a person who closes the last one has looked into it, and ends
the flag.

In: an entry that is new, or closed. Out: its flag, in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cloud_ingest.core.accept import QuarantineReason
from cloud_ingest.core.flag import Finding
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.event_changes import clear_flag, put_finding
from cloud_ingest.store.events import is_known, open_events
from cloud_ingest.store.rows import scalar
from shared_schema.billing_asks import BillingAck
from shared_schema.errors import ContractError
from shared_schema.events import EventKind, Severity, Subject, SubjectType, Unit
from shared_schema.evidence import ContradictionEvidence, FalseAcknowledgementEvidence

CONTRADICTIONS: Final = frozenset({QuarantineReason.FORK, QuarantineReason.BROKEN_LINK})
"""What a gateway signed and cannot be true at once."""
_NOT_ITS_OWN: Final = frozenset(
    {QuarantineReason.BAD_SIGNATURE, QuarantineReason.KEY_ENDED, QuarantineReason.WRONG_TOPIC}
)
"""What came by a gateway's login, and no key of it that counts has signed it."""
_KINDS: Final[Mapping[str, EventKind]] = {
    **dict.fromkeys(CONTRADICTIONS | _NOT_ITS_OWN, EventKind.EVIDENCE),
    QuarantineReason.NEVER_SENT: EventKind.FALSE_ACKNOWLEDGEMENT,
}
FLAGGED: Final = tuple(map(str, _KINDS))
"""The reasons of entries that raise a flag."""


@translating
def raise_flag(
    conn: Connection,
    *,
    reason: QuarantineReason,
    detail: str,
    gateway: str | None,
    society_id: int | None,
    quarantine_id: int,
    at: datetime,
    payload: bytes | None = None,
) -> bool:
    """Raise the flag of a new entry, if it has one and that is not up already."""
    if reason not in _KINDS or society_id is None:
        return False
    kind = _KINDS[reason]
    society = scalar(conn, "SELECT name FROM society WHERE society_id = %s", (society_id,))
    subject = _subject(society, gateway)
    opened = open_events(conn, kind)
    if any((each.society_id, each.event.subject) == (society_id, subject) for each in opened):
        return False
    evidence: ContradictionEvidence | FalseAcknowledgementEvidence
    if kind is EventKind.EVIDENCE:
        what = (
            f"What gateway {gateway} signed contradicts itself"
            if reason in CONTRADICTIONS
            else f"What came by the login of gateway {gateway} is not signed by it"
        )
        message = f"{what}: {detail}."
        evidence = ContradictionEvidence(
            reason=reason.value, detail=detail, quarantine=quarantine_id
        )
    else:
        message = f"{detail[:1].upper()}{detail[1:]}. What was sent goes on being sent."
        evidence = FalseAcknowledgementEvidence(detail=detail, quarantine=quarantine_id)
    finding = Finding(
        kind=kind,
        society_id=society_id,
        society=society,
        severity=Severity.ALARM,
        subject=subject,
        unit=_unit(conn, society_id, payload) if kind is EventKind.FALSE_ACKNOWLEDGEMENT else None,
        service="all",
        since=at,
        message=message,
        evidence=evidence,
    )
    return put_finding(conn, finding, at)


@translating
def end_flag(
    conn: Connection, *, reason: str, gateway: str | None, society: str | None, now: datetime
) -> bool:
    """End the flag of a closed entry, where no entry that would raise it is open any more."""
    if reason not in _KINDS or society is None:
        return False
    kind = _KINDS[reason]
    left = scalar(
        conn,
        """
        SELECT EXISTS (
          SELECT FROM quarantine JOIN society USING (society_id)
          WHERE society.name = %s AND gateway IS NOT DISTINCT FROM %s AND reason = ANY (%s)
            AND state = 'open')
        """,
        (society, gateway, [str(each) for each, its_kind in _KINDS.items() if its_kind is kind]),
    )
    subject = _subject(society, gateway)
    return not left and any(
        clear_flag(conn, flag, "a person looked into it", now)
        for flag in open_events(conn, kind)
        if (flag.event.society, flag.event.subject) == (society, subject)
    )


def _unit(conn: Connection, society_id: int, payload: bytes | None) -> Unit | None:
    """Return the unit whose number an acknowledgement names, if the society has it."""
    try:
        subject = BillingAck.from_line(payload or b"").subject
    except ContractError:
        return None
    return Unit(type=subject.type, id=subject.id) if is_known(conn, society_id, subject) else None


def _subject(society: str, gateway: str | None) -> Subject:
    if gateway is None:
        return Subject(type=SubjectType.SOCIETY, id=society)
    return Subject(type=SubjectType.GATEWAY, id=gateway)

# SPDX-License-Identifier: MIT
"""The flag of a gateway's certificate that ends soon: the broker will not let the gateway in.

It ends with a new certificate, or once the gateway is taken back.

In: a connection, the time. Out: what changed. One flag a gateway.
"""

from datetime import datetime, timedelta
from typing import Final

from cloud_ingest.core.flag import Finding
from cloud_ingest.flags.gateway_finding import gateway_finding
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.gateway_keys import LastCertificate, last_certificates
from shared_schema.events import EventKind, Severity
from shared_schema.evidence import ExpiringCertificateEvidence
from shared_schema.tls import EXPIRES_SOON

ALARM_WITHIN: Final = timedelta(days=7)


def refresh_certificates(conn: Connection, now: datetime) -> Changes:
    """Raise, correct and clear the flags of gateways whose certificates end."""
    opened = open_events(conn, EventKind.EXPIRING_CERTIFICATE)
    return settle(
        conn,
        opened,
        [_finding(each, now) for each in last_certificates(conn, now + EXPIRES_SOON)],
        judged={flag.key for flag in opened},
        now=now,
        ended="it has a new one, or was taken back",
    )


def _finding(last: LastCertificate, now: datetime) -> Finding:
    left = last.expires_at - now
    ends = "ended" if left <= timedelta() else "ends"
    return gateway_finding(
        last,
        EventKind.EXPIRING_CERTIFICATE,
        severity=Severity.ALARM if left < ALARM_WITHIN else Severity.WATCH,
        since=last.expires_at - EXPIRES_SOON,
        message=(
            f"The certificate of gateway {last.gateway} {ends} on {last.expires_at:%Y-%m-%d}: "
            "without a new one the broker does not let it in. It keeps what it reads meanwhile."
        ),
        evidence=ExpiringCertificateEvidence(expires_at=last.expires_at),
    )

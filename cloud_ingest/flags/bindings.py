# SPDX-License-Identifier: MIT
"""The flag of a gateway that speaks for meters which are not bound to it.

It may be an installer's move that nobody entered, a serial number that stands on two meters, or a
gateway in wrong hands. A gateway has one flag, with the meters in it. It ends when a person binds
the meters, or dismisses the gateway's entries in quarantine.

In: a connection, the time. Out: what changed.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from cloud_ingest.core.flag import Finding, meter_label
from cloud_ingest.flags.gateway_finding import gateway_finding
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.foreign_claims import ForeignClaim, foreign_claims
from shared_schema.events import EventKind
from shared_schema.evidence import ForeignMeter, NotBoundEvidence

MOST_LISTED: Final = 20
MOST_NAMED: Final = 2


def refresh_bindings(conn: Connection, now: datetime) -> Changes:
    """Raise, correct and clear the flags of gateways that speak for meters of others."""
    opened = open_events(conn, EventKind.NOT_BOUND)
    claims = groupby(foreign_claims(conn), key=lambda each: (each.society_id, each.gateway))
    return settle(
        conn,
        opened,
        [_finding(list(own)) for _, own in claims],
        judged={each.key for each in opened},
        now=now,
        ended="a person said who may speak for its meters, or dismissed what it sent",
    )


def _finding(claims: Sequence[ForeignClaim]) -> Finding:
    first = claims[0]
    count = len(claims)
    named = [_named(each) for each in claims[:MOST_NAMED]]
    more = f", {count - len(named)} more" if count > len(named) else ""
    return gateway_finding(
        first,
        EventKind.NOT_BOUND,
        since=first.since,
        message=(
            f"Gateway {first.gateway} sends readings of {count} meter{'s' if count > 1 else ''} "
            f"not bound to it then: {', '.join(named)}{more}. They are kept apart. If it reads "
            "them now, move or bind them (cloud-ingest meter move, bind); if not, look for a "
            "serial number that stands on two meters."
        ),
        evidence=NotBoundEvidence(
            count=count,
            meters=tuple(
                ForeignMeter(
                    manufacturer=each.manufacturer,
                    serial=each.serial,
                    bound_to=tuple(each.bound_to),
                )
                for each in claims[:MOST_LISTED]
            ),
            quarantine=first.quarantine_id,
        ),
    )


def _named(claim: ForeignClaim) -> str:
    meter = meter_label(claim.manufacturer, claim.serial)
    return f"{meter} (bound to {claim.bound_to[0] if claim.bound_to else 'nobody'})"

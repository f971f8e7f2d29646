# SPDX-License-Identifier: MIT
"""The gateways that are not heard now, with the meters whose reading near a border they have.

In: a society, who still has to be read, the time. Out: the gateways, most meters first.
Never: a write.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.gateway_standing import State
from cloud_ingest.month.still_to_read import ToRead
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gateways import standings


@dataclass(frozen=True, slots=True)
class SilentGateway:
    """A gateway that is not heard now."""

    gateway: str
    tower: str | None
    state: State
    since: datetime | None
    """When it was heard last; None: never."""
    waiting: tuple[ToRead, ...]
    """Meters whose reading near the end of the month it has not brought."""


def silent_gateways(
    conn: Connection, society_id: int, to_read: Collection[ToRead], now: datetime
) -> tuple[SilentGateway, ...]:
    """Return the gateways of a society that are not heard."""
    found = [
        SilentGateway(
            each.gateway,
            each.tower,
            each.state,
            each.lost_at if each.state == "offline" and each.lost_at else each.heard_at,
            tuple(
                one for one in to_read if one.gateway == each.gateway and one.why == "gateway_away"
            ),
        )
        for each in standings(conn, now)
        if each.society_id == society_id and each.state not in {"online", "taken back"}
    ]
    return tuple(
        sorted(found, key=lambda one: (-len(one.waiting), one.since is not None, one.since or now))
    )

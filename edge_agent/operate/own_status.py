# SPDX-License-Identifier: GPL-2.0-only
"""The status message: how the gateway is at this moment, for the cloud.

In: the running agent's spool, meters and clock. Out: a `Status` of a session.
Never: a reading; a status that fails because a file of it cannot be read.
"""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal
from uuid import UUID

from edge_agent.gateway_clock import Timekeeper, steady_s
from edge_agent.health import Health
from edge_agent.operate.machine import look, spool_bytes
from edge_agent.settings.bus import BusConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Spool
from shared_schema.certificates import valid_until
from shared_schema.gateway import MOST_FAILING, BusStatus, FailingMeter, PollFailure, Status
from shared_schema.tls import TlsFault, read_certificate


@dataclass(frozen=True, slots=True)
class OwnStatus:
    """Makes the gateway's statuses, in any thread."""

    settings: AgentSettings
    spool: Spool
    health: Health
    clock: Timekeeper
    started_s: float = field(default_factory=steady_s)
    """By the steady clock."""

    def make(self, session: UUID, state: Literal["online", "offline"]) -> Status:
        """Make the status of this moment."""
        settings, summary = self.settings, self.health.summary()
        failing = self._failing(summary.failing)
        return Status(
            gateway=settings.gateway,
            session=session,
            state=state,
            at=datetime.now(UTC),
            version=package_version(),
            clock_synchronised=self.clock.is_synchronised(),
            meters=summary.meters,
            meters_answering=summary.answering if summary.polls else None,
            meters_behind=summary.behind,
            spooled=self.spool.pending().total,
            poll_period_s=settings.poll_period_s,
            buses=tuple(_bus_status(bus, failing) for bus in settings.buses),
            failing=tuple(failing[:MOST_FAILING]),
            oldest_waiting_at=self.spool.oldest_waiting(),
            spool_bytes=spool_bytes(settings.spool),
            spool_max_bytes=settings.spool_max_bytes,
            certificate_ends_at=_certificate_ends_at(settings),
            clock_jump_s=self.clock.doubt_s,
            machine=look(settings.spool, self.started_s),
        )

    def _failing(self, why: Mapping[str, PollFailure]) -> list[FailingMeter]:
        return [
            FailingMeter(
                bus=bus.name,
                label=meter.label,
                meter=self.spool.known_meter(bus.name, meter.address, meter.logical_address),
                why=why[meter.label],
            )
            for bus in self.settings.buses
            for meter in bus.meters
            if meter.label in why
        ]


def package_version() -> str:
    """Return the version of this package; empty where it is not installed."""
    try:
        return version("iot-utility")
    except PackageNotFoundError:
        return ""


def _bus_status(bus: BusConfig, failing: Sequence[FailingMeter]) -> BusStatus:
    failures = Counter(each.why for each in failing if each.bus == bus.name)
    return BusStatus(name=bus.name, meters=len(bus.meters), failures=dict(failures))


def _certificate_ends_at(settings: AgentSettings) -> datetime | None:
    tls = settings.broker.tls
    if tls is None or tls.cert is None:
        return None
    with contextlib.suppress(TlsFault):  # `doctor` and the broker tell what is wrong
        return valid_until(read_certificate(tls.cert, "cert"))
    return None

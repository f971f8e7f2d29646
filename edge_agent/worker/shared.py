# SPDX-License-Identifier: GPL-2.0-only
"""What all buses of a gateway use: one spool, one health, one desk of commands.

In: what the agent opened at its start. Out: the same to each bus. Never: anything of one bus.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from edge_agent.commands.desk import CommandDesk
from edge_agent.gateway_clock import Jump, kernel_synchronised
from edge_agent.health import Health
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Spool
from edge_agent.spool.volatile import VolatileReadings
from edge_agent.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Shared:
    """What all buses of a gateway use."""

    settings: AgentSettings
    spool: Spool
    health: Health
    is_synchronised: Callable[[], bool]
    """Whether the gateway's time may stamp readings."""
    desk: CommandDesk
    is_kept: Callable[[], bool] = kernel_synchronised
    """Whether a time service keeps the gateway's time now, so that it may set other clocks."""
    is_vouched: Callable[[], bool] = lambda: True
    """Whether a time service set the gateway's time, so that it is not only assumed."""
    jump: Callable[[], Jump] = Jump
    """How the gateway's time jumped last."""
    volatile: VolatileReadings | None = None
    """Takes what a full disk cannot keep; None: it is dropped."""
    watchdog: Watchdog = field(default_factory=Watchdog)
    """Told of each step."""

    @property
    def zone(self) -> ZoneInfo:
        """The society's time zone."""
        return ZoneInfo(self.settings.zone)

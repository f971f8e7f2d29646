# SPDX-License-Identifier: MIT
"""A desk of commands at which nobody asks for anything."""

from edge_agent.commands.desk import CommandDesk
from edge_agent.commands.log import CommandLog
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Spool
from shared_schema.signing import generate_key


def idle_desk(settings: AgentSettings, spool: Spool) -> CommandDesk:
    return CommandDesk(
        settings,
        generate_key().public_key(),
        CommandLog(spool),
        known=lambda _bus, _meter: None,
        is_synchronised=lambda: True,
        seal=lambda: None,
    )

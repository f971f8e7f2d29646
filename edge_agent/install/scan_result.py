# SPDX-License-Identifier: GPL-2.0-only
"""What a scan of a line found, as values.

Out: `Scan` with its meters and conflicts, and where a scan is (`Progress`).
Never: a line.
"""

from dataclasses import dataclass

from edge_agent.dlms.security import PUBLIC_CLIENT
from edge_agent.install.addresses import HdlcAddress
from edge_agent.poll.name_plate import Plate


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A meter that answers."""

    hdlc: HdlcAddress
    baudrate: int
    plate: Plate | None
    problem: str = ""
    """Why there is no name plate."""
    client: int = PUBLIC_CLIENT
    """As whom it was asked when it answered."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        plate = self.plate
        return {
            "baudrate": self.baudrate,
            "address": self.hdlc.physical or None,
            "logical_address": self.hdlc.logical,
            "address_bytes": self.hdlc.size,
            "manufacturer": plate.manufacturer if plate else None,
            "serial": plate.serial if plate else None,
            "model": plate.guess.model if plate else None,
            "model_because": plate.guess.because if plate else None,
            **({"serial_remark": plate.odd.remark} if plate and plate.odd.remark else {}),
            **({"problem": self.problem} if self.problem else {}),
        }


@dataclass(frozen=True, slots=True)
class Conflict:
    """An address where something answers that is not one meter."""

    hdlc: HdlcAddress
    baudrate: int
    heard: int
    """Bytes."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "baudrate": self.baudrate,
            "address": self.hdlc.physical or None,
            "logical_address": self.hdlc.logical,
            "address_bytes": self.hdlc.size,
            "bytes_heard": self.heard,
        }


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found."""

    meters: tuple[FoundMeter, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    probes: int = 0
    echo: bool = False
    """The adapter hears itself: nothing to worry about."""
    unasked: int = 0
    """Bytes that came before the first probe: another master, or A and B swapped."""
    baudrates: tuple[int, ...] = ()
    """The speeds that were tried."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "meters": [each.document() for each in self.meters],
            "conflicts": [each.document() for each in self.conflicts],
            "knocks": self.probes,
            "baudrates": self.baudrates,
            "echo": self.echo,
            "unasked_bytes": self.unasked,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a scan is."""

    baudrate: int
    done: int
    total: int
    found: int
    again: bool = False
    """It is a further round over silent addresses."""

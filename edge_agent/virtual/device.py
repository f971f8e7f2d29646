# SPDX-License-Identifier: GPL-2.0-only
"""What a server and its services share: the clients, the association, the device behind them.

In: nothing. Out: values and a `Protocol`.
Never: a service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edge_agent.virtual.acse import Mechanism
from edge_agent.virtual.axdr import Data
from edge_agent.virtual.cosem import Attribute
from edge_agent.virtual.habits import Habits
from edge_agent.virtual.security import Vault

PUBLIC_CLIENT = 16
READER_CLIENT = 32
UTILITY_CLIENT = 48


@dataclass(frozen=True, slots=True)
class Access:
    """How one client associates."""

    mechanism: Mechanism
    ciphered: bool


class Device(Protocol):
    """The objects behind the server."""

    @property
    def password(self) -> bytes:
        """The secret of low level security."""

    @property
    def clients(self) -> Mapping[int, Access]:
        """The clients that the meter knows."""

    @property
    def vault(self) -> Vault | None:
        """The keys, where the meter has some."""

    @property
    def max_pdu(self) -> int:
        """Longest APDU that the meter takes or sends, bytes."""

    @property
    def habits(self) -> Habits:
        """What the meter does differently from the book."""

    def read(self, attribute: Attribute, client: int, now: datetime) -> bytes:
        """Return the encoded data of one attribute.

        Raises:
            AccessError: it is not given.
        """

    def write(self, attribute: Attribute, value: Data, now: datetime) -> None:
        """Set one attribute.

        Raises:
            AccessError: it is not taken.
        """

    def act(self, method: Attribute, value: Data | None, now: datetime) -> None:
        """Do one method, named like an attribute.

        Raises:
            AccessError: it is not done.
        """


@dataclass(frozen=True, slots=True)
class Association:
    """What server and client agreed."""

    client: int
    conformance: int
    max_pdu: int
    vault: Vault | None = None
    """Set where the association is ciphered."""
    title: bytes = b""
    """The client's system title."""
    challenges: tuple[bytes, bytes] | None = None
    """StoC and CtoS while the client has still to prove itself."""

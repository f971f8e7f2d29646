# SPDX-License-Identifier: GPL-2.0-only
"""The peer of a session: which meter answers, and as which client the gateway speaks to it.

Out: `Peer`, a frozen value that a session takes whole.
Never: a secret in its `repr`.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from edge_agent.dlms.hls import Hls
from edge_agent.dlms.security import GMAC, Ciphering

_NO_MECHANISM: Final = 0
LOW_LEVEL: Final = 1
"""The mechanism that is a password; above it, both sides prove themselves."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The meter to speak to, and as whom."""

    label: str
    physical: int
    logical: int = 1
    client: int = 16
    password: SecretStr | None = None
    """The LLS password; None associates without authentication."""
    max_info: int = 1024
    """Information bytes in a frame that are proposed; the meter may want fewer."""
    address_bytes: int = 0
    """4 for meters that want the long form of their address, 1 for the logical address alone;
    0 chooses."""
    ciphering: Ciphering | None = None
    """Keys and system title of a ciphered association."""
    release: bool = True
    """Whether the association is released before the disconnection, which ends it as well."""
    inter_frame_s: float = 0.0
    """Rest between the last byte heard and the next frame sent."""
    hls: Hls | None = None
    """By what both sides prove themselves, where that is not GMAC."""

    title: bytes = b""
    """The client's system title where no keys are used and the mechanism hashes titles."""

    @property
    def protects(self) -> bool:
        """Whether what is said is authenticated and encrypted."""
        return self.ciphering is not None and not self.ciphering.plain

    @property
    def mechanism(self) -> int:
        """The number of the authentication mechanism."""
        if self.hls is not None:
            return self.hls.mechanism
        if self.ciphering is not None and self.ciphering.gmac:
            return GMAC
        return _NO_MECHANISM if self.password is None else LOW_LEVEL

    @property
    def proves(self) -> bool:
        """Whether both sides prove that they have the secret."""
        return self.mechanism > LOW_LEVEL

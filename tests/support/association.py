# SPDX-License-Identifier: GPL-2.0-only
"""A gateway that associates with a virtual meter, as a reader or as the utility."""

from typing import Any

from pydantic import SecretStr

from edge_agent.dlms.association import CipheredSession
from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.invocation_counter import Counter, VisitStore
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import Ciphering, Keys
from tests.unit.edge_agent.wire import Wire, meter
from tests.vectors import security as vectors

EK, AK = vectors.ENCRYPTION_KEY, vectors.AUTHENTICATION_KEY
KEYS = Keys(EK, AK)
PASSWORD = "P4ssw0rd"  # noqa: S105
READER, UTILITY = 32, 48


def wire(**security: Any) -> Wire:
    keys = {"encryption_key": EK.hex(), "authentication_key": AK.hex()}
    return Wire(meters=[meter(1, 17, password=PASSWORD, security={**keys, **security})])


class Gateway:
    """The gateway's side: what it keeps between sessions."""

    def __init__(self, line: Wire, client: int = READER, keys: Keys = KEYS) -> None:
        self.line = line
        self.client = client
        self.keys = keys
        self.password = SecretStr(PASSWORD)
        self.counter = Counter(VisitStore(), ("a", 1, 17, client), vectors.CLIENT_TITLE)
        self.rests: list[float] = []
        self.traffic = Traffic()

    def peer(self) -> Peer:
        gmac = self.client == UTILITY
        return Peer(
            label="A-1",
            physical=17,
            client=self.client,
            password=None if gmac else self.password,
            ciphering=Ciphering(self.keys, self.counter.title, gmac=gmac),
        )

    def session(self) -> CipheredSession:
        return CipheredSession(
            self.line, self.peer(), self.traffic, self.counter, pause_s=1.0, sleep=self.rests.append
        )

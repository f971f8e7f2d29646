# SPDX-License-Identifier: GPL-2.0-only
"""The client of gurux-dlms as its manual uses it: what a poll costs without anything of ours.

It asks for one attribute after the other and proves nothing: neither whose answer it hears nor
what time it is there.
"""

import contextlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gurux_dlms import GXByteBuffer, GXDateTime, GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.enums.Security import Security
from gurux_dlms.objects import GXDLMSProfileGeneric, GXDLMSRegister
from gurux_dlms.secure import GXDLMSSecureClient

from edge_agent.dlms.exchange import Transport
from shared_schema.obis import Obis

PATIENCE_S = 2.0
_TITLE = b"PLN00001"
_COUNTER = 1_000_000
"""Where the counter of this client begins: above all that another one used."""


class PlainClient:
    """One association of gurux-dlms with a meter.

    Args:
        bus: The line.
        address: The meter's physical address; its logical one is 1.
        password: Of LLS.
        keys: EK and AK in hexadecimal: HLS-GMAC as client 48 instead.
    """

    def __init__(
        self, bus: Transport, address: int, password: str, keys: tuple[str, str] | None = None
    ) -> None:
        self.bus, self.size, self.exchanges = bus, 0, 0
        server = GXDLMSClient.getServerAddress(1, address)
        if keys is None:
            low = Authentication.LOW
            self.client: Any = GXDLMSClient(True, 32, server, low, password, InterfaceType.HDLC)
        else:
            gmac = Authentication.HIGH_GMAC
            self.client = GXDLMSSecureClient(True, 48, server, gmac, None, InterfaceType.HDLC)
            ciphering = self.client.ciphering
            ciphering.systemTitle = _TITLE
            ciphering.blockCipherKey, ciphering.authenticationKey = map(bytes.fromhex, keys)
            ciphering.security = Security.AUTHENTICATION_ENCRYPTION
            ciphering.invocationCounter = _COUNTER
        self.client.parseUAResponse(self._ask(self.client.snrmRequest()).data)
        accepted = self._ask(self.client.aarqRequest()).data
        with contextlib.redirect_stdout(io.StringIO()):
            self.client.parseAareResponse(accepted)
        if keys is not None:
            proved = self._ask(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(proved.data)

    def poll(self, registers: Sequence[Obis], profile: Obis, start: int, end: int) -> list[Any]:
        """Read registers and rows of a profile, and say good-bye; return the rows."""
        first, last = (GXDateTime(datetime.fromtimestamp(at, UTC)) for at in (start, end))
        for obis in registers:
            self._ask(self.client.read(GXDLMSRegister(str(obis)), 2))
        buffer = GXDLMSProfileGeneric(str(profile))
        asked = self.client.readRowsByRange(buffer, first, last)
        rows: list[Any] = self._ask(asked).value
        self._ask(self.client.disconnectRequest())
        return rows

    def _ask(self, messages: Any) -> Any:
        reply = GXReplyData()
        for message in messages if isinstance(messages, list) else [messages]:
            reply.clear()
            self._exchange(message, reply)
            while reply.isMoreData():
                self._exchange(self.client.receiverReady(reply), reply)
        return reply

    def _exchange(self, message: bytes, reply: Any) -> None:
        self.bus.send(bytes(message))
        self.exchanges += 1
        self.size += len(message)
        heard = GXByteBuffer()
        while True:
            data = self.bus.receive(PATIENCE_S)
            assert data, "the meter is silent"
            self.size += len(data)
            heard.set(data)
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it deciphers
                whole = self.client.getData(heard, reply, GXReplyData())
            if whole:
                return

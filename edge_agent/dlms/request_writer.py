# SPDX-License-Identifier: GPL-2.0-only
"""The requests of one session as frames: gurux-dlms writes them.

The library writes SNRM, AARQ, GET, SET, ACTION, RLRQ, DISC and receive-ready, and numbers the
frames. It sees nothing of what a meter sends, and no key: `hdlc`, `terms`, `aare`, `ciphering` and
`decode` say at their heads why.

In: the peer; then what to ask. Out: the frames of each request, ready to be sent.
Owns: the library's settings of one session, thrown away with it; the invoke ids.
Never: a clock, a line; a change of the library itself.
Raises: `ProtocolViolation` for whatever the library raises, without a word of the library's.
"""

import contextlib
import itertools
import secrets
from collections.abc import Iterator
from typing import Any, Final

from edge_agent.dlms.ciphering import Sealer, with_length
from edge_agent.dlms.gurux import (
    GXAPDU,
    GXDLMS,
    Authentication,
    Command,
    Conformance,
    GXByteBuffer,
    GXCiphering,
    GXDLMSLNParameters,
    GXDLMSSettings,
    RequestTypes,
    Security,
)
from edge_agent.dlms.hdlc import server_address
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.terms import DEFAULT_INFO, initiate_terms, longest_information
from edge_agent.errors import AgentError, Breach, ProtocolViolation
from shared_schema.obis import Obis

SET, ACTION = int(Command.SET_REQUEST), int(Command.METHOD_REQUEST)
_LLC_BYTES: Final = 3
_HEAD_BYTES: Final = 3
"""Of a request: its tag, its kind, its invoke id."""
_NORMAL, _NEXT_BLOCK, _LIST = 1, 2, 3
_LIMITS: Final = bytes.fromhex("8180")
"""Format and group of the parameters in SNRM; their length and they themselves follow."""
_INFO_SENT, _INFO_TAKEN = 5, 6
_CHALLENGE_BYTES: Final = 16
_RELEASE: Final = bytes.fromhex("03800100")
"""The reason is normal."""
_invoke_ids = itertools.count(1)
"""Of all sessions: a late answer to a former one has another id."""


@contextlib.contextmanager
def writing(request: str, label: str) -> Iterator[None]:
    """Translate whatever the library raises while it writes a request.

    Raises:
        ProtocolViolation: it raised something.
    """
    try:
        yield
    except AgentError:
        raise
    except Exception:  # the library raises bare ones
        raise ProtocolViolation(
            f"{label}: no {request} can be written at the terms that the meter states",
            of=Breach.TERMS,
        ) from None


class RequestWriter:
    """Writes the requests of one session."""

    def __init__(self, peer: Peer, sealer: Sealer | None = None) -> None:
        """Set up a writer.

        Args:
            peer: the meter, and as whom to speak to it.
            sealer: what seals the requests of a ciphered association.
        """
        self.challenge = secrets.token_bytes(_CHALLENGE_BYTES) if peer.proves else b""
        """CtoS; the library would take it from a generator that can be foretold."""
        self._sealer = sealer
        self._label = peer.label
        self._title = peer.title if peer.ciphering is None else peer.ciphering.title
        self._longest_info = peer.max_info
        address = server_address(peer.logical, peer.physical, size=peer.address_bytes)
        settings: Any = GXDLMSSettings(False, None)  # noqa: FBT003 - no server
        settings.clientAddress = peer.client
        settings.serverAddress = _as_number(address)
        settings.serverAddressSize = len(address)
        settings.authentication = Authentication(peer.mechanism)
        settings.password = peer.password and peer.password.get_secret_value().encode()
        settings.ctoSChallenge = self.challenge
        settings.hdlc.maxInfoTX = settings.hdlc.maxInfoRX = peer.max_info
        self._settings = settings

    # -------------------------------------------------------------- connection

    def connect(self) -> bytes:
        """Write SNRM, which proposes the frame size; the standard's default goes unsaid."""
        group = None
        with self._writing("SNRM"):
            if self._longest_info != DEFAULT_INFO:
                limits = GXByteBuffer()
                for name in (_INFO_SENT, _INFO_TAKEN):
                    limits.setUInt8(name)
                    GXDLMS.appendHdlcParameter(limits, self._longest_info)
                group = GXByteBuffer(_LIMITS + with_length(bytes(limits.array())))
            return bytes(GXDLMS.getHdlcFrame(self._settings, Command.SNRM, group))

    def take_limits(self, information: bytes) -> None:
        """Read the frame size in UA; without one the standard's default holds."""
        longest = longest_information(information)
        self._settings.hdlc.maxInfoTX = min(longest, self._longest_info)
        self._settings.resetFrameSequence()

    def ready(self) -> bytes:
        """Write receive-ready: the meter may send the next piece of its answer."""
        with self._writing("RR"):
            return bytes(GXDLMS.receiverReady(self._settings, RequestTypes.FRAME))

    def disconnect(self) -> bytes:
        """Write DISC."""
        with self._writing("DISC"):
            return bytes(GXDLMS.getHdlcFrame(self._settings, Command.DISCONNECT_REQUEST, None))

    # ------------------------------------------------------------- association

    def associate(self) -> list[bytes]:
        """Write AARQ."""
        request, initiate = GXByteBuffer(), GXByteBuffer()
        cipher = sealed = None
        with self._writing("AARQ"):
            if self._sealer is not None:
                cipher = GXCiphering(self._sealer.title)  # names the context and the title
                cipher.security = Security.AUTHENTICATION_ENCRYPTION
                GXAPDU.getInitiateRequest(self._settings, initiate)
                sealed = self._sealer.seal(bytes(initiate.array()))
            elif self._title:
                cipher = GXCiphering(self._title)  # names the title alone
            GXAPDU.generateAarq(self._settings, cipher, sealed, request)
            return self._in_the_clear(Command.AARQ, 0, bytes(request.array()))

    def take_terms(self, initiate: bytes) -> None:
        """Read the initiate response: what the meter offers, and how long an APDU may be.

        Raises:
            AssociationRefused, ProtocolViolation: as `initiate_terms`.
        """
        terms = initiate_terms(initiate, self._label)
        self._settings.negotiatedConformance = _mirrored(terms.conformance)
        self._settings.maxPduSize = terms.longest_apdu

    @property
    def takes_lists(self) -> bool:
        """Whether the meter offered to read several attributes at once."""
        return bool(self._settings.negotiatedConformance & Conformance.MULTIPLE_REFERENCES)

    def release(self) -> list[bytes]:
        """Write RLRQ, which ends the association; it is in the clear."""
        with self._writing("RLRQ"):
            return self._in_the_clear(Command.RELEASE_REQUEST, 0, _RELEASE)

    # ---------------------------------------------------------------- services

    @property
    def invoke_id(self) -> int:
        """The number of the request written last; its answer has it too."""
        return int(self._settings.invokeId) & 0x0F

    def get(self, obis: Obis, class_id: int, attribute: int, selector: bytes) -> list[bytes]:
        """Write a GET of one attribute, or of the part of it that a selector names."""
        access = b"\x01" + selector if selector else b"\x00"
        target = class_id.to_bytes(2, "big") + bytes(obis) + bytes((attribute,)) + access
        return self._request(Command.GET_REQUEST, _NORMAL, target)

    def get_list(self, wanted: list[tuple[Obis, int, int, bytes]]) -> list[bytes]:
        """Write a GET of several attributes: code, class, attribute and selector of each."""
        body = bytearray((len(wanted),))
        for obis, class_id, attribute, selector in wanted:
            access = b"\x01" + selector if selector else b"\x00"
            body += class_id.to_bytes(2, "big") + bytes(obis) + bytes((attribute,)) + access
        return self._request(Command.GET_REQUEST, _LIST, bytes(body))

    def get_next(self, number: int) -> list[bytes]:
        """Write the GET of the block after this one, under the same invoke id."""
        with self._writing("GET"):
            return self._frames(Command.GET_REQUEST, _NEXT_BLOCK, number.to_bytes(4, "big"))

    def change(self, command: int, target: bytes, data: bytes) -> list[bytes]:
        """Write a SET or an ACTION.

        Args:
            command: `SET` or `ACTION`.
            target: class, code and attribute or method, and whether a selector or data follows.
            data: the value or the parameter, A-XDR.

        Raises:
            ProtocolViolation: the meter takes no APDU of this length.
        """
        size, longest = _HEAD_BYTES + len(target) + len(data), self._settings.maxPduSize
        if size > longest:
            raise ProtocolViolation(
                f"{self._label} takes APDUs of {longest} bytes, and the request has {size}",
                of=Breach.TERMS,
            )
        return self._request(command, _NORMAL, target, data)

    # ------------------------------------------------------------------ frames

    def _writing(self, request: str) -> contextlib.AbstractContextManager[None]:
        return writing(request, self._label)

    def _request(
        self, command: int, kind: int, target: bytes, data: bytes | None = None
    ) -> list[bytes]:
        """Write a request under the next invoke id."""
        with self._writing("SET" if command == SET else "ACTION" if command == ACTION else "GET"):
            # The library's own counting sets another variable than the one it sends.
            self._settings.invokeId = next(_invoke_ids) & 0x0F
            return self._frames(command, kind, target, data)

    def _frames(
        self, command: int, kind: int, target: bytes, data: bytes | None = None
    ) -> list[bytes]:
        if self._sealer is None:
            return self._in_the_clear(command, kind, target, data)
        apdu = GXByteBuffer()
        GXDLMS.getLNPdu(self._parameters(command, kind, target, data), apdu)
        whole = bytes(apdu.array())
        general = bool(self._settings.negotiatedConformance & Conformance.GENERAL_PROTECTION)
        sealed = self._sealer.request(whole[_LLC_BYTES:], general=general)
        return self._framed(whole[:_LLC_BYTES] + sealed)

    def _in_the_clear(
        self, command: int, kind: int, target: bytes, data: bytes | None = None
    ) -> list[bytes]:
        frames = GXDLMS.getLnMessages(self._parameters(command, kind, target, data))
        return [bytes(each) for each in frames]

    def _parameters(self, command: int, kind: int, target: bytes, data: bytes | None) -> Any:
        self._settings.resetBlockIndex()
        value = None if data is None else GXByteBuffer(data)
        return GXDLMSLNParameters(
            self._settings, 0, Command(command), kind, GXByteBuffer(target), value, 0xFF
        )

    def _framed(self, apdu: bytes) -> list[bytes]:
        """Cut an APDU with its LLC header into frames, as `getLnMessages` does."""
        whole = GXByteBuffer(apdu)
        control, frames = 0, []
        while whole.position != len(whole):
            frames.append(bytes(GXDLMS.getHdlcFrame(self._settings, control, whole)))
            if whole.position != len(whole):
                control = self._settings.getNextSend(False)  # noqa: FBT003
        return frames


def _mirrored(conformance: int) -> int:
    """Return a conformance block as the library has it: its first bit is the lowest."""
    return int(f"{conformance:024b}"[::-1], 2)


def _as_number(address: bytes) -> int:
    """Return an address as the library takes it: 7 bits of each byte."""
    number = 0
    for byte in address:
        number = number << 7 | byte >> 1
    return number

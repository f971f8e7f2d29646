# SPDX-License-Identifier: GPL-2.0-only
"""One association with one meter: connect, read attributes, release.

In: which meter, as which client; then what to read or to change. Out: the bytes of one attribute
(A-XDR), complete, from the meter that was asked and for the question that was asked.
Owns: the gurux client object, thrown away with the session, and the repeats.
Never: a password or received bytes in an error; output on stdout; a value's meaning.

The only module that imports gurux-dlms. The library writes every request (SNRM, AARQ, GET with
its selective access, next block, receive ready, RLRQ, DISC), keeps the sequence numbers and
reads UA and AARE. What a meter sends never reaches it unguarded, because it

- accepts a reply from *any* meter (`and` where `&` is meant), and prints an unexpected one;
- counts a frame with a wrong check sequence before it checks it;
- takes a rejected AARE without a diagnostic for an accepted one;
- leaves the invoke id at 1, and spends nearly 1 ms on a frame of 1 KiB;
- lets a meter's answer choose the protection, and takes one in the clear for a ciphered one.

So `frames` lets through only sound frames of this meter; here the control field must be the
one that comes next, and the invoke id that of the request. The bytes of a GET response are
put together here and handed on as they came: reading them as values is `decode`'s part.

In a ciphered association the library writes the requests, with counters from `counter` alone;
`security` seals them, in the place of the library's slow AES, and opens the answers.

A meter repeats itself byte for byte. Two sound GET responses to one request that differ come
from two meters that were given one address: `AddressShared`.
"""

import collections
import contextlib
import itertools
import secrets
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from gurux_dlms import GXByteBuffer, GXDLMSClient
from gurux_dlms.CountType import CountType
from gurux_dlms.enums import (
    Authentication,
    Command,
    Conformance,
    InterfaceType,
    ObjectType,
    RequestTypes,
)
from gurux_dlms.enums.Security import Security
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.objects import GXDLMSProfileGeneric
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient
from pydantic import SecretStr

from edge_agent.dlms import apdu, security
from edge_agent.dlms.axdr import range_selector
from edge_agent.dlms.hdlc import Drop, Frame, FrameGuard, client_address, server_address
from edge_agent.dlms.hls import Hls, Side, is_proof, proof
from edge_agent.dlms.invocation_counter import Counter
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    AgentError,
    AssociationRefused,
    BusError,
    BusTimeout,
    ConfigurationError,
    PasswordRefused,
    ProtocolViolation,
    Refusal,
    SessionLost,
    Unexplained,
)
from shared_schema.obis import Obis

RESENDS = 2
"""How often the identical request is sent again after silence."""
_REMEMBERED = 8
"""Answers that a late one is held against: a slow twin may be some requests behind."""
MAX_REPLY_BYTES = 4 * 1024 * 1024
_FRAME_OVERHEAD = 24
_DEFAULT_INFO = 128

# Control fields of unnumbered frames, with the final bit.
_UA, _DM, _FRMR = 0x73, 0x1F, 0x97
_LLC = b"\xe6\xe7\x00"
# APDU tags and the choices of a GET response.
_GET_RESPONSE, _EXCEPTION, _SERVICE_ERROR, _AARE = 0xC4, 0xD8, 0x0E, 0x61
_SET_RESPONSE, _ACTION_RESPONSE = 0xC5, 0xC7
_NORMAL, _BLOCK, _LIST = 1, 2, 3
# AARE source diagnostics that speak of the password or of its mechanism. Many meters give no
# reason (1) for a wrong one.
_WRONG_PASSWORD = frozenset((11, 12, 13, 14))
_NO_REASON = 1
_NOT_SUPPORTED = 2
"""Diagnostic: the application context name is not supported, such as one with ciphering."""
_REJECTED_FOR_GOOD = 1
_AUTHENTICATION_REQUIRED = 14
# What refuses a service in the clear: exception, service error.
_REFUSALS = (b"\xd8", b"\x0e")
_SHORTEST_CHALLENGE = 8
_PROOF_HEAD = 5
_REPLY_TO_CHALLENGE = bytes.fromhex("000f 0000280000ff 01 01")
"""Class, object and method of the association, with a parameter."""


class Transport(Protocol):
    """What carries the bytes: `edge_agent.bus.Bus`, or a fake."""

    @property
    def turnaround_s(self) -> float:
        """How long a meter may think before its answer begins."""
        ...

    def line_time_s(self, size: int) -> float:
        """Return how long this many bytes take on the line."""
        ...

    def send(self, data: bytes) -> None:
        """Write bytes."""
        ...

    def receive(self, timeout_s: float) -> bytes:
        """Return what came; nothing at the deadline."""
        ...

    def discard(self, quiet_s: float = 0.0) -> int:
        """Throw away what is waiting."""
        ...


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
    ciphering: security.Ciphering | None = None
    """Keys and system title of a ciphered association."""
    release: bool = True
    """Whether the association is released before the disconnection, which ends it as well."""
    inter_frame_s: float = 0.0
    """Rest between the last byte heard and the next frame sent."""
    hls: Hls | None = None
    """By what both sides prove themselves, where that is not GMAC."""

    @property
    def mechanism(self) -> int:
        """The number of the authentication mechanism."""
        if self.hls is not None:
            return self.hls.mechanism
        if self.ciphering is not None and self.ciphering.gmac:
            return security.GMAC
        return int(Authentication.NONE if self.password is None else Authentication.LOW)


@dataclass(slots=True)
class Traffic:
    """What sessions cost."""

    exchanges: int = 0
    resends: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    dropped: collections.Counter[Drop] = field(default_factory=collections.Counter)
    """What the frame guards did not let through."""


class _Quiet:
    """A `print` that says nothing."""

    def __call__(self, *_words: object, **_options: object) -> None:
        """Take the words and drop them."""


def _silence(prefix: str = "gurux_dlms") -> None:
    """Give the library's modules a `print` of their own: users must not see its remarks."""
    for name, module in list(sys.modules.items()):
        if name.startswith(prefix) and module is not None:
            vars(module).setdefault("print", _Quiet())


class _Cipher(GXCiphering):  # type: ignore[misc]  # the library has no types
    """The library's ciphering, which takes each invocation counter from ours."""

    def __init__(self, ciphering: security.Ciphering, counter: Counter) -> None:
        self._counter: Counter | None = None
        super().__init__(ciphering.title)
        self._counter = counter
        self.blockCipherKey = bytearray(ciphering.keys.encryption)
        self.authenticationKey = bytearray(ciphering.keys.authentication)
        self.security = Security.AUTHENTICATION_ENCRYPTION
        self.securitySuite = SecuritySuite(ciphering.keys.suite)

    @property
    def invocationCounter(self) -> int:  # noqa: N802  # the library's name
        return 0 if self._counter is None else self._counter.number()

    @invocationCounter.setter
    def invocationCounter(self, following: int) -> None:  # noqa: N802  # same
        if self._counter is not None:
            self._counter.use(following)


def _sealed(_chippering: object, p: Any, plain: Any) -> bytes:
    """Return what the library's `encryptAesGcm` does, of the two kinds that it is asked for here.

    Args:
        p: its `AesGcmParameter`: keys, system title, counter, protection.
        plain: an APDU to seal, or a challenge to answer.
    """
    data = bytes(plain.array() if isinstance(plain, GXByteBuffer) else plain)
    keys = security.Keys(bytes(p.blockCipherKey), bytes(p.authenticationKey), int(p.securitySuite))
    title, number = bytes(p.systemTitle), p.invocationCounter
    if p.security == Security.AUTHENTICATION and p.type_ == CountType.TAG:
        return security.proof(keys, title, number, data)[_PROOF_HEAD:]
    if p.security != Security.AUTHENTICATION_ENCRYPTION or p.type_ != CountType.PACKET:
        raise ValueError("neither a proof nor an APDU")
    head = bytes((p.tag,))
    if p.tag == Command.GENERAL_GLO_CIPHERING:
        head += bytes((len(title),)) + title
    return head + security.sized(security.seal(keys, title, number, data))


_silence()
GXDLMSChippering.encryptAesGcm = classmethod(_sealed)
_invoke_ids = itertools.count(1)


@contextlib.contextmanager
def _gurux(doing: str) -> Iterator[None]:
    """Translate whatever the library raises; it raises bare exceptions in places."""
    try:
        yield
    except AgentError:
        raise
    except Exception as error:
        raise ProtocolViolation(f"{doing}: {type(error).__name__}") from None


class Session:
    """An association; use it in a ``with`` statement, so that it is always released."""

    def __init__(
        self,
        transport: Transport,
        peer: Peer,
        traffic: Traffic | None = None,
        counter: Counter | None = None,
    ) -> None:
        """Set up a session; `with` begins it.

        Args:
            transport: what carries the bytes.
            peer: the meter, and as whom to speak to it.
            traffic: what the session costs is added here.
            counter: the invocation counter of a ciphered association.
        """
        self.peer = peer
        self.traffic = traffic if traffic is not None else Traffic()
        server = server_address(peer.logical, peer.physical, size=peer.address_bytes)
        self.guard = FrameGuard(client_address(peer.client), server, self.traffic.dropped)
        self._control_at = 3 + len(server) + 1
        self._transport = transport
        self._linked = False
        self._broken = False
        self._taken: deque[Frame] = deque(maxlen=_REMEMBERED)
        self._deadline_info = _DEFAULT_INFO
        self._heard_at = time.monotonic()  # another session may just have ended
        self._counter = counter
        self._opener: security.Opener | None = None
        self._client: Any = self._make_client(len(server))
        self._client.serverAddressSize = len(server)
        self._client.hdlcSettings.maxInfoTX = peer.max_info
        self._client.hdlcSettings.maxInfoRX = peer.max_info

    def _make_client(self, address_bytes: int) -> Any:
        peer = self.peer
        ciphered = peer.ciphering is not None and self._counter is not None
        make = GXDLMSSecureClient if ciphered else GXDLMSClient
        client = make(
            True,  # noqa: FBT003 - logical names; the library takes it by position
            peer.client,
            peer.logical
            if address_bytes == 1
            else GXDLMSClient.getServerAddress(peer.logical, peer.physical, address_bytes),
            Authentication(peer.mechanism),
            None if peer.password is None else peer.password.get_secret_value(),
            InterfaceType.HDLC,
        )
        if peer.ciphering is not None and self._counter is not None:
            client.settings.cipher = _Cipher(peer.ciphering, self._counter)
        if peer.mechanism > Authentication.LOW or ciphered:
            # The library would take its challenge from a generator that can be foretold.
            client.settings.useCustomChallenge = True
            client.ctoSChallenge = secrets.token_bytes(16)
        return client

    # ------------------------------------------------------------------- life

    def __enter__(self) -> Self:
        try:
            self._connect()
            self._associate()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def takes_lists(self) -> bool:
        """Whether the meter offered to read several attributes at once."""
        return bool(self._client.negotiatedConformance & Conformance.MULTIPLE_REFERENCES)

    def close(self) -> None:
        """Release the association and disconnect. A meter that is silent is left alone.

        After a silence only the disconnection is tried, once: the meter may still hold the
        session, and would refuse the next one.

        Raises:
            AddressShared: the answer of another meter came late.
        """
        if not self._linked:
            return
        self._linked = False
        try:
            with contextlib.suppress(BusError, ProtocolViolation, AssociationRefused):
                if self.peer.release and not self._broken:
                    with _gurux("release"):
                        release = self._client.releaseRequest()
                    if release:
                        self._ask(bytes(release[0]), resends=0)
        finally:
            with contextlib.suppress(BusError, ProtocolViolation, AssociationRefused):
                with _gurux("disconnect"):
                    disconnect = bytes(self._client.disconnectRequest(True))  # noqa: FBT003
                self._ask(disconnect, resends=0, unnumbered=True)

    def _connect(self) -> None:
        """SNRM and UA: the HDLC link and its frame size.

        Raises:
            BusTimeout: the meter does not answer.
            AssociationRefused: it refuses to be connected.
        """
        self._transport.discard()
        with _gurux("SNRM"):
            request = bytes(self._client.snrmRequest())
        answer = self._ask(request, unnumbered=True)
        if answer.control != _UA:
            raise AssociationRefused(f"{self.peer.label} refuses the connection")
        self._linked = True
        limits = self._client.hdlcSettings
        if not answer.information:  # the standard's default holds, not what was proposed
            limits.maxInfoTX = limits.maxInfoRX = _DEFAULT_INFO
        else:
            with _gurux("UA"):
                self._client.parseUAResponse(answer.information)
            limits.maxInfoTX = min(limits.maxInfoTX, self.peer.max_info)
        self._deadline_info = self.peer.max_info
        self._client.settings.resetFrameSequence()

    def _associate(self) -> None:
        """AARQ and AARE.

        Raises:
            PasswordRefused: the meter does not take the password or the keys.
            CounterRefused: it does not take the invocation counter.
            AssociationRefused: it refuses for another reason.
            ProtocolViolation: its answer is not ciphered as agreed, or was changed.
            ConfigurationError: a ciphered association has no counter.
        """
        ciphering = self.peer.ciphering
        proves = self.peer.mechanism > Authentication.LOW
        if ciphering is not None and self._counter is None:
            raise ConfigurationError(f"{self.peer.label}: a ciphered association has no counter")
        with _gurux("AARQ"):
            requests = [bytes(part) for part in self._client.aarqRequest()]
        answer = self._converse(requests)
        if answer[:1] != bytes((_AARE,)):
            if ciphering is not None and answer[:1] in _REFUSALS:
                raise security.refusal(answer, self.peer.label, self.peer.client)
            self._refuse_other(answer, "the association")
        result, diagnostic = apdu.association_result(answer)
        if result != 0:
            unexplained = result == _REJECTED_FOR_GOOD and diagnostic == _NO_REASON
            if ciphering is not None and unexplained:
                raise Unexplained(
                    f"{self.peer.label} refuses client {self.peer.client} without a reason: "
                    "see its password and its keys"
                )
            if diagnostic in _WRONG_PASSWORD or (unexplained and self.peer.password is not None):
                secret = Refusal.KEYS if self.peer.password is None else Refusal.PASSWORD
                raise PasswordRefused(
                    f"{self.peer.label} refuses the {secret.value} of client {self.peer.client} "
                    f"(diagnostic {diagnostic})",
                    of=secret,
                )
            raise AssociationRefused(
                f"{self.peer.label} refuses client {self.peer.client} "
                f"(result {result}, diagnostic {diagnostic})",
                of=Refusal.SECURITY if diagnostic == _NOT_SUPPORTED else Refusal.TERMS,
            )
        accepted = None
        if ciphering is not None or proves:
            if diagnostic != (_AUTHENTICATION_REQUIRED if proves else 0):
                raise AssociationRefused(
                    f"{self.peer.label} takes client {self.peer.client} for another kind of "
                    f"security (diagnostic {diagnostic})",
                    of=Refusal.SECURITY,
                )
            accepted = security.acceptance(
                answer, self.peer.label, self.peer.mechanism, ciphered=ciphering is not None
            )
            initiate = accepted.initiate
            if ciphering is not None:
                if accepted.title == ciphering.title:
                    raise ProtocolViolation(f"{self.peer.label} has the gateway's own system title")
                self._opener = security.Opener(ciphering.keys, accepted.title, self.peer.label)
                initiate = self._opener.open(initiate)
            answer = security.plain_acceptance(initiate)
        with _gurux("AARE"):
            self._client.parseAareResponse(GXByteBuffer(answer))
        if accepted is not None and proves:
            self._prove(accepted)
        elif self._client.isAuthenticationRequired:
            raise AssociationRefused(
                f"{self.peer.label} wants high-level security", of=Refusal.HIGH_LEVEL
            )

    def _prove(self, accepted: security.Acceptance) -> None:
        """Prove to have the secret, and see that the meter has it.

        Raises:
            PasswordRefused: the meter does not take the proof.
            ProtocolViolation: it sends the challenge back, or proves nothing itself.
        """
        label, settings, ciphering = self.peer.label, self._client.settings, self.peer.ciphering
        hls, own = self.peer.hls, bytes(settings.ctoSChallenge)
        if len(accepted.challenge) < _SHORTEST_CHALLENGE or accepted.challenge == own:
            raise ProtocolViolation(f"{label} sent no challenge of its own")
        client = Side(b"" if ciphering is None else ciphering.title, own)
        meter = Side(accepted.title, accepted.challenge)
        with _gurux("reply_to_HLS_authentication"):
            self._next_invoke_id()
            if hls is None:
                settings.setStoCChallenge(bytearray(meter.challenge))
                requests = self._client.getApplicationAssociationRequest()
            else:
                value = b"\x09" + security.sized(proof(hls, client, meter))
                requests = self._request(Command.METHOD_REQUEST, _REPLY_TO_CHALLENGE, value)
        answer = self._converse([bytes(part) for part in requests])
        if answer[:1] in _REFUSALS:
            raise security.refusal(answer, label, self.peer.client)
        result, value = security.method_result(answer, label)
        if result != 0:
            raise PasswordRefused(
                f"{label} does not take the proof of client {self.peer.client} "
                f"(result {result}): see its keys",
                of=Refusal.KEYS,
            )
        if hls is not None:
            proven = is_proof(hls, value, meter, client)
        else:
            keys = None if ciphering is None else ciphering.keys
            proven = keys is not None and security.is_proof(value, keys, meter.title, own)
        if not proven:
            raise ProtocolViolation(f"{label} does not prove that it has the keys")

    # ---------------------------------------------------------------- reading

    def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
        """Return the A-XDR bytes of one attribute.

        Raises:
            AccessDenied: the meter answered with a data-access-result.
            BusTimeout: silence after all repeats: a new session may help.
            SessionLost: the meter forgot the session.
            ProtocolViolation: the answer is no GET response to this request.
        """
        return self._get(obis, class_id, attribute, None)

    def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        """Return the rows of a profile from start to end, both included.

        Args:
            profile: a profile generic (class 7).
            start: the 12 bytes of a date-time, as `decode.date_time` writes them.
            end: the same.

        Raises:
            AccessDenied, BusTimeout, SessionLost, ProtocolViolation: as `get`.
        """
        return self._get(profile, ObjectType.PROFILE_GENERIC, 2, range_selector(start, end))

    def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
        """Return the rows of a profile by their place, from 1, both included.

        Raises:
            AccessDenied, BusTimeout, SessionLost, ProtocolViolation: as `get`.
        """
        with _gurux("GET"):
            self._next_invoke_id()
            requests = self._client.readRowsByEntry(
                GXDLMSProfileGeneric(str(profile)), first, last - first + 1
            )
        return self._data(requests, profile, 2)

    def get_list(
        self, wanted: list[tuple[Obis, int, int]], selector: bytes = b""
    ) -> list[bytes | AccessDenied]:
        """Return several attributes by one request (get-with-list).

        Args:
            wanted: code, class and attribute of each, at most 10.
            selector: which part of each profile's buffer is wanted (`axdr.range_selector`);
                without it, all of it.

        Returns:
            In that order, the bytes of each, or why the meter gave none.

        Raises:
            BusTimeout, SessionLost, ProtocolViolation: as `get`.
            AccessDenied: the meter refuses the whole list.
        """
        body = bytearray((len(wanted),))
        for obis, class_id, attribute in wanted:
            is_buffer = (class_id, attribute) == (int(ObjectType.PROFILE_GENERIC), 2)
            access = b"\x01" + selector if selector and is_buffer else b"\x00"
            body += class_id.to_bytes(2, "big") + bytes(obis) + bytes((attribute,)) + access
        with _gurux("GET"):
            self._next_invoke_id()
            self._client.settings.resetBlockIndex()
            request = GXDLMSLNParameters(
                self._client.settings,
                0,
                Command.GET_REQUEST,
                _LIST,
                GXByteBuffer(bytes(body)),
                None,
                0xFF,
            )
            messages = GXDLMS.getLnMessages(request)
        kind, answer = self._response(messages)
        if kind == _NORMAL:
            raise self._denied(answer, wanted[0][0], wanted[0][2])
        return apdu.list_items(answer, wanted, self.peer.label)

    # --------------------------------------------------------------- changing

    def put(self, obis: Obis, class_id: int, attribute: int, data: bytes) -> None:
        """Set one attribute. It is sent once: what it says may not be true any more later.

        Args:
            obis: the object.
            class_id: its class.
            attribute: which of its attributes.
            data: the value, A-XDR.

        Raises:
            AccessDenied: the meter refuses; nothing was changed.
            BusTimeout: there is no answer: whether it was set is not known.
            SessionLost, ProtocolViolation: likewise.
        """
        target = class_id.to_bytes(2, "big") + bytes(obis) + bytes((attribute, 0))
        self._change(Command.SET_REQUEST, _SET_RESPONSE, target, data, (obis, attribute))

    def act(self, obis: Obis, class_id: int, method: int, data: bytes) -> None:
        """Call one method of an object, once.

        Args:
            obis: the object.
            class_id: its class.
            method: which of its methods.
            data: the parameter, A-XDR.

        Raises:
            AccessDenied, BusTimeout, SessionLost, ProtocolViolation: as `put`.
        """
        target = class_id.to_bytes(2, "big") + bytes(obis) + bytes((method, 1))
        self._change(Command.METHOD_REQUEST, _ACTION_RESPONSE, target, data, (obis, method))

    def _change(
        self, command: Command, response: int, target: bytes, data: bytes, named: tuple[Obis, int]
    ) -> None:
        with _gurux("SET" if response == _SET_RESPONSE else "ACTION"):
            self._next_invoke_id()
            messages = self._request(command, target, data)
        answer = self._converse([bytes(part) for part in messages], resends=0)
        if answer[:1] in _REFUSALS:
            self._refuse_other(answer, "a change")
        result = apdu.write_result(
            answer, response, self._client.settings.invokeId, self.peer.label
        )
        if result != 0:
            raise apdu.denied(result, *named, self.peer.label)

    def _request(self, command: Command, target: bytes, data: bytes) -> list[bytearray]:
        """Write a SET or an ACTION."""
        settings = self._client.settings
        settings.resetBlockIndex()
        request = GXDLMSLNParameters(
            settings, 0, command, _NORMAL, GXByteBuffer(target), GXByteBuffer(data), 0xFF
        )
        messages: list[bytearray] = GXDLMS.getLnMessages(request)
        return messages

    # -------------------------------------------------------------- responses

    def _get(self, obis: Obis, class_id: int, attribute: int, selector: bytes | None) -> bytes:
        with _gurux("GET"):
            self._next_invoke_id()
            # The one private name of the library that is used: it takes a selector as bytes.
            requests = self._client._read(
                str(obis),
                ObjectType(class_id),
                attribute,
                None if selector is None else GXByteBuffer(selector),
            )
        return self._data(requests, obis, attribute)

    def _data(self, requests: list[bytearray], obis: Obis, attribute: int) -> bytes:
        kind, body = self._response(requests)
        if kind != _NORMAL:
            raise ProtocolViolation(f"{self.peer.label}: a list answers a single GET")
        if body[:1] != b"\x00":
            raise self._denied(body, obis, attribute)
        return body[1:]

    def _denied(self, body: bytes, obis: Obis, attribute: int) -> AccessDenied:
        return apdu.denied(body[1] if len(body) > 1 else 250, obis, attribute, self.peer.label)

    def _next_invoke_id(self) -> None:
        # The library's own counting sets another variable than the one it sends.
        self._client.settings.invokeId = next(_invoke_ids) & 0x0F

    def _response(self, requests: list[bytearray]) -> tuple[int, bytes]:
        """Send a GET and return what the response holds: (normal, choice and data) or (list, …).

        Blocks are asked for until the last one and joined.
        """
        answer = self._converse([bytes(part) for part in requests])
        blocks: list[bytes] = []
        size = 0
        expected: int | None = None
        while True:
            if len(answer) < 4 or answer[0] != _GET_RESPONSE:
                self._refuse_other(answer, "a GET")
            if answer[2] & 0x0F != self._client.settings.invokeId & 0x0F:
                raise ProtocolViolation(f"{self.peer.label} answers another request")
            if answer[1] != _BLOCK:
                if blocks:
                    raise ProtocolViolation(f"{self.peer.label} broke off its blocks")
                return answer[1], answer[3:]
            last, number, block = apdu.block(answer, self.peer.label)
            if expected is not None and number != expected:
                raise ProtocolViolation(f"{self.peer.label} sent block {number}, not {expected}")
            if block is None:  # a data-access-result instead of data
                return _NORMAL, b"\x01" + answer[9:10]
            blocks.append(block)
            size += len(block)
            if size > MAX_REPLY_BYTES:
                raise ProtocolViolation(f"{self.peer.label} sends without end")
            if last:
                listed = self._client.settings.commandType == _LIST
                joined = b"".join(blocks)
                return (_LIST, joined) if listed else (_NORMAL, b"\x00" + joined)
            expected = number + 1
            with _gurux("GET next"):
                self._client.settings.blockIndex = number
                request = self._client.receiverReady(RequestTypes.DATABLOCK)
            answer = self._converse([bytes(request)])

    def _refuse_other(self, answer: bytes, asked: str) -> None:
        """Raise what an APDU that is not the expected response means."""
        tag = answer[0] if answer else -1
        if tag == _EXCEPTION:
            raise SessionLost(f"{self.peer.label} answers {asked} with an exception")
        if tag == _SERVICE_ERROR:
            raise AssociationRefused(f"{self.peer.label} answers {asked} with a service error")
        raise ProtocolViolation(f"{self.peer.label} answers {asked} with something else")

    # -------------------------------------------------------------- exchanges

    def _converse(self, requests: list[bytes], *, resends: int = RESENDS) -> bytes:
        """Send one APDU, in as many frames as it has, and return the APDU that answers.

        Args:
            requests: its frames.
            resends: how often each may be sent again.

        Raises:
            BusTimeout, SessionLost, ProtocolViolation: as `get`.
        """
        for part in requests[:-1]:
            self._ask(part, resends=resends, ready=True)
        frame = self._ask(requests[-1], resends=resends)
        parts = [frame.information]
        size = len(frame.information)
        while frame.segmented:
            with _gurux("RR"):
                ready = bytes(self._client.receiverReady(RequestTypes.FRAME))
            frame = self._ask(ready)
            parts.append(frame.information)
            size += len(frame.information)
            if size > MAX_REPLY_BYTES:
                raise ProtocolViolation(f"{self.peer.label} sends without end")
        answer = b"".join(parts)
        if answer[:3] != _LLC:
            raise ProtocolViolation(f"{self.peer.label} answers without the LLC header")
        return answer[3:] if self._opener is None else self._opener.open(answer[3:])

    def _ask(
        self,
        request: bytes,
        *,
        resends: int = RESENDS,
        unnumbered: bool = False,
        ready: bool = False,
    ) -> Frame:
        """Send one frame and return the one that answers it; send the same bytes after silence.

        Args:
            request: the whole frame.
            resends: how often it may be sent again.
            unnumbered: the answer is UA or DM, not data.
            ready: the answer is receive-ready: the request has more parts.

        Raises:
            BusTimeout: silence, or nothing but frames that are not the answer.
            SessionLost: the meter says that it is disconnected, or rejects the frame.
            AddressShared: two meters answer.
        """
        settings = self._client.settings
        sent = request[self._control_at]
        if sent & 1:  # receive-ready does not repeat our N(S); the library keeps it
            sent = settings.senderFrame
        self.traffic.exchanges += 1
        wait_s = self._transport.turnaround_s + self._transport.line_time_s(
            len(request) + self._deadline_info + _FRAME_OVERHEAD
        )
        for attempt in range(1 + resends):
            self.guard.clear()
            rest_s = self._heard_at + self.peer.inter_frame_s - time.monotonic()
            if rest_s > 0:
                time.sleep(rest_s)
            self._transport.send(request)
            self.traffic.bytes_sent += len(request)
            self.traffic.resends += attempt > 0
            for frames in self._frames(time.monotonic() + wait_s):
                for place, frame in enumerate(frames):
                    control = frame.control
                    if not unnumbered and control in (_DM, _FRMR):
                        self._broken = True
                        raise SessionLost(f"{self.peer.label} is no longer connected")
                    if unnumbered:
                        fits = control in (_UA, _DM)
                    elif ready:
                        fits = control & 0x0F == 0x01 and control >> 5 == _after(sent)
                    else:
                        fits = control == _expected(sent)
                    if not fits:
                        self._must_agree(frame)
                        continue
                    self._taken.append(frame)
                    for other in frames[place + 1 :]:
                        self._must_agree(other)
                    if not unnumbered:
                        settings.receiverFrame = control
                    return frame
        self._broken = True
        raise BusTimeout(f"{self.peer.label} does not answer")

    def _must_agree(self, frame: Frame) -> None:
        """Make sure that a frame beside those that were taken repeats the one it is like.

        Raises:
            AddressShared: it is the answer of another meter.
        """
        if any(_contradict(frame, taken) for taken in self._taken):
            self._broken = True
            raise AddressShared(
                f"two meters answer at the address of {self.peer.label}: give each its own"
            )

    def _frames(self, deadline: float) -> Iterator[list[Frame]]:
        """Yield the meter's frames until the deadline, those together that came together."""
        while (left := deadline - time.monotonic()) > 0:
            data = self._transport.receive(left)
            if data:
                self._heard_at = time.monotonic()
                self.traffic.bytes_received += len(data)
                yield self.guard.feed(data)


def probe(transport: Transport, peer: Peer) -> bool:
    """Tell whether a meter is there: one SNRM, once, and a disconnection if it answers.

    It waits as long as a meter of this line may think: a slow one is there as well.

    Args:
        transport: what carries the bytes.
        peer: the meter.

    Raises:
        BusLost: the adapter is not there.
    """
    session = Session(transport, peer)
    transport.discard()
    with _gurux("SNRM"):
        request = bytes(session._client.snrmRequest())
    line_s = transport.line_time_s(len(request) + _DEFAULT_INFO + _FRAME_OVERHEAD)
    transport.send(request)
    deadline = time.monotonic() + transport.turnaround_s + line_s
    for frame in itertools.chain.from_iterable(session._frames(deadline)):
        if frame.control in (_UA, _DM):
            session._broken = True  # without an association there is nothing to release
            session._linked = frame.control == _UA
            session.close()
            return True
    return False


def _contradict(one: Frame, other: Frame) -> bool:
    """Tell whether two frames answer one request and differ.

    Only GET responses tell which request they answer: by the invoke id. What else differs may
    be a late frame of an earlier session.
    """
    if one == other or one.control != other.control:
        return False
    heads = {each.information[:4] for each in (one, other)}
    invoke_ids = {each.information[5:6] for each in (one, other)}
    return heads == {_LLC + bytes((_GET_RESPONSE,))} and len(invoke_ids) == 1


def _after(sent: int) -> int:
    """Return the N(R) that acknowledges the I-frame sent last."""
    return ((sent >> 1) + 1) & 0x07


def _expected(sent: int) -> int:
    """Return the control field of the next I-frame: it follows from the one sent last.

    The meter's N(S) is the N(R) that we sent; its N(R) is our N(S) plus one; the window is one
    frame, so its final bit is set. A repeated or late frame has another N(S).
    """
    return _after(sent) << 5 | 0x10 | (sent >> 5 & 0x07) << 1

# SPDX-License-Identifier: GPL-2.0-only
"""A meter that wants both sides to prove themselves; gurux-dlms proves and checks at its end.

Its server class cannot answer, so the meter here is a small one of the virtual meter's parts;
what it proves and checks is computed by `GXSecure` and `GXEcdsa`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from gurux_dlms.ecdsa import GXEcdsa, GXPrivateKey, GXPublicKey
from gurux_dlms.enums import Authentication
from gurux_dlms.GXSecure import GXSecure

from edge_agent.dlms.association import CipheredSession
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.hls import Hls, Mechanism
from edge_agent.dlms.invocation_counter import Counter, VisitStore
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import Ciphering, Keys
from edge_agent.dlms.session import Session
from edge_agent.virtual import acse, axdr, cosem
from edge_agent.virtual.line import Line
from edge_agent.virtual.security import KeySet, Vault
from edge_agent.virtual.station import Station
from shared_schema.catalogue import SERIAL_NUMBER
from tests.support.line_end import LineEnd

EK, AK = bytes(range(16)), bytes(range(16, 32))
CLIENT_TITLE, METER_TITLE = b"IOU12345", b"GSE\0\0\0\0\1"
SECRET = b"0123456789abcdef"
GATEWAY_KEY, METER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
CHALLENGE = b"challenge of it!"
PLAIN = (Mechanism.AES, Mechanism.MD5, Mechanism.SHA1)
CIPHERED = (Mechanism.SHA256, Mechanism.ECDSA)


def _private(key: ec.EllipticCurvePrivateKey) -> Any:
    return GXPrivateKey.fromRawBytes(key.private_numbers().private_value.to_bytes(32, "big"))


def _public(key: ec.EllipticCurvePrivateKey) -> Any:
    numbers = key.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return GXPublicKey.fromRawBytes(point)


class Meter:
    """Takes one association with one mechanism, and tells its serial number."""

    def __init__(self, mechanism: int, *, suite: int = 0, plain: bool = False) -> None:
        self.mechanism = mechanism
        self.plain = plain
        self.vault = (
            Vault(KeySet(EK, AK, suite), METER_TITLE, counters={48: 0, 16: 0})
            if mechanism in CIPHERED and not plain
            else None
        )
        self.challenge = CHALLENGE
        self.answers: Callable[[bytes], bytes] = lambda value: value
        """What becomes of its own proof."""
        self.diagnostic = acse.Diagnostic.AUTHENTICATION_REQUIRED
        self.ctos = b""
        self.proven = False

    def connect(self, client: int) -> None:
        self.client = client

    def disconnect(self) -> None:
        self.proven = False

    def request(self, apdu: bytes, now: datetime) -> bytes:
        assert now.tzinfo is UTC
        if apdu[0] == cosem.AARQ:
            return self._associate(acse.parse_association(apdu))
        if apdu[0] == cosem.RLRQ:
            return bytes((cosem.RLRE, 3, 0x80, 1, 0))
        if self.vault is None:
            return self._service(apdu)
        plain = self.vault.open_request(apdu, CLIENT_TITLE, self.client)
        return self.vault.close_response(self._service(plain))

    def _associate(self, asked: acse.AssociationRequest) -> bytes:
        assert asked.mechanism == self.mechanism
        self.ctos = asked.secret
        context, information, title = acse.CONTEXT_LN, asked.information, b""
        if self.vault is not None:
            assert asked.title == CLIENT_TITLE
            context, title = acse.CONTEXT_LN_CIPHERED, METER_TITLE
            information = self.vault.open_request(information, asked.title, self.client)
        if self.plain:
            assert asked.title == CLIENT_TITLE
            title = METER_TITLE
        assert asked.context == context
        initiate = acse.parse_initiate(information)
        assert initiate is not None
        terms = acse.initiate_response(initiate.conformance, 1024)
        answer = acse.association_response(
            self.diagnostic,
            terms if self.vault is None else self.vault.close_initiate(terms),
            context=context,
            title=title,
            challenge=self.challenge,
        )
        gmac = bytes.fromhex("60857405080205")
        return answer.replace(gmac, gmac[:-1] + bytes((self.mechanism,)))

    def _service(self, apdu: bytes) -> bytes:
        if apdu[0] == cosem.ACTION_REQUEST:
            invoke, method, parameter = cosem.parse_action(apdu)
            assert (method.class_id, method.attribute) == (15, 1)
            assert parameter is not None
            assert isinstance(parameter.value, bytes)
            self.proven = self._is_proof(parameter.value)
            if not self.proven:
                return cosem.action_error(invoke, 250)
            return cosem.action_response(invoke, axdr.octet_string(self.answers(self._proof())))
        assert self.proven
        return cosem.get_response(cosem.parse_get(apdu).invoke, axdr.octet_string(b"E1"))

    def _is_proof(self, value: bytes) -> bool:
        if self.mechanism is Mechanism.ECDSA:
            signed = CLIENT_TITLE + METER_TITLE + self.challenge + self.ctos
            return bool(GXEcdsa(_public(GATEWAY_KEY)).verify(value, signed))
        return value == self._computed(CLIENT_TITLE + METER_TITLE, self.challenge, self.ctos)

    def _proof(self) -> bytes:
        if self.mechanism is Mechanism.ECDSA:
            signed = METER_TITLE + CLIENT_TITLE + self.ctos + self.challenge
            return bytes(GXEcdsa(_private(METER_KEY)).sign(signed))
        return self._computed(METER_TITLE + CLIENT_TITLE, self.ctos, self.challenge)

    def _computed(self, titles: bytes, answered: bytes, other: bytes) -> bytes:
        secret = SECRET
        if self.mechanism is Mechanism.SHA256:
            secret += titles + answered + other
        settings: Any = type("Settings", (), {"authentication": Authentication(self.mechanism)})
        return bytes(GXSecure.secure(settings, None, 0, bytearray(answered), secret))


class Wire(LineEnd):
    """A transport with this meter alone at its end."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(Line([Station(meter, physical=17)]), datetime(2026, 3, 10, tzinfo=UTC))


def hls_of(mechanism: Mechanism, secret: bytes = SECRET) -> Hls:
    if mechanism is Mechanism.ECDSA:
        return Hls(mechanism, keys=(GATEWAY_KEY, METER_KEY.public_key()))
    return Hls(mechanism, secret)


def serial(
    meter: Meter,
    hls: Hls,
    *,
    suite: int = 0,
    through: Callable[[Transport], Transport] = lambda wire: wire,
) -> bytes:
    """Associate and read the serial number, through what is put before the wire."""
    wire = Wire(meter)
    line = through(wire)
    if hls.mechanism in PLAIN:
        with Session(line, Peer("A-1", 17, client=48, hls=hls)) as session:
            return session.get(SERIAL_NUMBER, 1, 2)
    ciphering = Ciphering(Keys(EK, AK, suite), CLIENT_TITLE, gmac=False)
    peer = Peer("A-1", 17, client=48, hls=hls, ciphering=ciphering)
    counter = Counter(VisitStore(), ("a", 1, 17, 48), CLIENT_TITLE)
    counter.mark(sure=True)
    opened = CipheredSession(line, peer, Traffic(), counter, pause_s=0, sleep=lambda _s: None)
    with opened as session:
        found = session.get(SERIAL_NUMBER, 1, 2)
    assert b"E1" not in b"".join(wire.sent)
    return found

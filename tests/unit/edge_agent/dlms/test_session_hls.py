# SPDX-License-Identifier: GPL-2.0-only
"""Sessions that begin with challenges; at the meter's end gurux-dlms proves and checks."""

from datetime import datetime

import pytest

from edge_agent.dlms.association import CipheredSession
from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hls import Hls, Mechanism
from edge_agent.dlms.invocation_counter import Counter, VisitStore
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import Ciphering, Keys
from edge_agent.dlms.session import Session
from edge_agent.errors import (
    AgentError,
    AssociationRefused,
    PasswordRefused,
    ProtocolViolation,
)
from edge_agent.virtual import acse
from edge_agent.virtual.security import KeySet, Vault
from shared_schema.catalogue import SERIAL_NUMBER
from tests.support.proving_meter import (
    AK,
    CIPHERED,
    CLIENT_TITLE,
    EK,
    METER_KEY,
    METER_TITLE,
    PLAIN,
    SECRET,
    Meter,
    Wire,
    hls_of,
    serial,
)


@pytest.mark.parametrize("mechanism", Mechanism)
def test_each_mechanism_agrees_with_the_librarys(mechanism: Mechanism) -> None:
    assert serial(Meter(mechanism), hls_of(mechanism)) == b"\x09\x02E1"


@pytest.mark.parametrize("mechanism", CIPHERED)
def test_the_same_in_suite_1(mechanism: Mechanism) -> None:
    assert serial(Meter(mechanism, suite=1), hls_of(mechanism), suite=1) == b"\x09\x02E1"


@pytest.mark.parametrize("mechanism", [each for each in Mechanism if each is not Mechanism.ECDSA])
def test_another_secret_is_refused_for_good(mechanism: Mechanism) -> None:
    with pytest.raises(PasswordRefused, match="does not take the proof of client 48"):
        serial(Meter(mechanism), hls_of(mechanism, b"another secret!!"))


def test_another_key_is_refused_for_good() -> None:
    hls = Hls(Mechanism.ECDSA, keys=(METER_KEY, METER_KEY.public_key()))
    with pytest.raises(PasswordRefused, match="does not take the proof of client 48"):
        serial(Meter(Mechanism.ECDSA), hls)


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("answer", [b"", b"x" * 16, b"x" * 64])
def test_a_meter_that_proves_nothing_is_not_read(mechanism: Mechanism, answer: bytes) -> None:
    meter = Meter(mechanism)
    meter.answers = lambda _value: answer
    with pytest.raises(ProtocolViolation, match="does not prove that it has the keys"):
        serial(meter, hls_of(mechanism))


@pytest.mark.parametrize("mechanism", Mechanism)
def test_a_challenge_that_is_none_is_not_answered(mechanism: Mechanism) -> None:
    meter = Meter(mechanism)
    meter.challenge = b"short"
    with pytest.raises(ProtocolViolation, match="no challenge of its own"):
        serial(meter, hls_of(mechanism))
    assert not meter.proven


@pytest.mark.parametrize("mechanism", PLAIN)
def test_a_meter_that_skips_the_proof_is_refused(mechanism: Mechanism) -> None:
    meter = Meter(mechanism)
    meter.diagnostic = acse.Diagnostic.NULL
    with pytest.raises(AssociationRefused, match="for another kind of security"):
        serial(meter, hls_of(mechanism))


@pytest.mark.parametrize("mechanism", Mechanism)
def test_another_mechanism_in_the_answer_is_no_challenge(mechanism: Mechanism) -> None:
    meter = Meter(mechanism)
    honest = meter.request

    def downgraded(apdu: bytes, now: datetime) -> bytes:
        named = bytes.fromhex("608574050802")
        return honest(apdu, now).replace(
            b"\x89\x07" + named + bytes((mechanism,)), b"\x89\x07" + named + b"\x01"
        )

    meter.request = downgraded  # type: ignore[method-assign]
    with pytest.raises(AgentError, match="no challenge of its own"):
        serial(meter, hls_of(mechanism))


def _plainly(meter: Meter, peer: Peer) -> bytes:
    counter = Counter(VisitStore(), ("a", 1, 17, 48), CLIENT_TITLE)
    counter.mark(sure=True)
    opened = CipheredSession(
        Wire(meter), peer, Traffic(), counter, pause_s=0, sleep=lambda _s: None
    )
    with opened as session:
        return session.get(SERIAL_NUMBER, 1, 2)


@pytest.mark.parametrize("secret", [SECRET, b"another secret!!"])
def test_sha256_without_ciphering_hashes_both_titles(secret: bytes) -> None:
    meter = Meter(Mechanism.SHA256, plain=True)
    peer = Peer("A-1", 17, client=48, hls=hls_of(Mechanism.SHA256, secret), title=CLIENT_TITLE)
    if secret != SECRET:
        with pytest.raises(PasswordRefused, match="does not take the proof"):
            Session(Wire(meter), peer).__enter__()
        return
    with Session(Wire(meter), peer) as session:
        assert session.get(SERIAL_NUMBER, 1, 2) == b"\x09\x02E1"


class GmacMeter(Meter):
    """Proves and checks by GMAC and says all else in the clear."""

    def __init__(self, keys: KeySet) -> None:
        super().__init__(5, plain=True)
        self.keys = Vault(keys, METER_TITLE, counters={48: 0})

    def _is_proof(self, value: bytes) -> bool:
        return self.keys.is_answer(value, self.challenge, CLIENT_TITLE)

    def _proof(self) -> bytes:
        return self.keys.answer(self.ctos)


GMAC_PEER = Peer(
    "A-1",
    17,
    client=48,
    ciphering=Ciphering(Keys(EK, AK), CLIENT_TITLE, gmac=True, plain=True),
)


def test_gmac_without_ciphering_is_read() -> None:
    assert _plainly(GmacMeter(KeySet(EK, AK, 0)), GMAC_PEER) == b"\x09\x02E1"


def test_gmac_without_ciphering_refuses_other_keys() -> None:
    with pytest.raises(PasswordRefused):
        _plainly(GmacMeter(KeySet(AK, EK, 0)), GMAC_PEER)


def test_a_meter_that_proves_no_gmac_is_not_read() -> None:
    meter = GmacMeter(KeySet(EK, AK, 0))
    meter.answers = lambda value: value[:-1] + b"\0"
    with pytest.raises(ProtocolViolation, match="does not prove"):
        _plainly(meter, GMAC_PEER)

# SPDX-License-Identifier: GPL-2.0-only
"""Ciphered sessions: counters that agree, refusals that are final, answers that were changed."""

import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from edge_agent.dlms import axdr, request_writer
from edge_agent.dlms.hdlc import check_sequence
from edge_agent.dlms.invocation_counter import Counter, VisitStore
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import Ciphering, Keys
from edge_agent.dlms.session import Session
from edge_agent.errors import (
    AccessDenied,
    AgentError,
    AssociationRefused,
    ConfigurationError,
    CounterRefused,
    PasswordRefused,
    ProtocolViolation,
    Refusal,
    SessionLost,
    Unexplained,
)
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.catalogue import ACTIVE_IMPORT, ASSOCIATION, CLOCK, SERIAL_NUMBER
from shared_schema.obis import Obis
from tests.support.association import AK, EK, KEYS, PASSWORD, READER, UTILITY, Gateway, wire
from tests.unit.edge_agent.wire import NOW, Script, Wire, meter
from tests.vectors import hdlc_cosem as frames
from tests.vectors import security as vectors


def its(line: Wire) -> VirtualMeter:
    return line.estate.meter("E1")


def taken(line: Wire, client: int) -> int:
    vault = its(line).vault
    assert vault is not None
    return vault.taken[client]


def aarqs(line: Wire) -> list[int]:
    """Return the client of each association that was asked for."""
    return [each[5] >> 1 for each in line.sent if each[9:13] == b"\xe6\xe6\x00\x60"]


@pytest.mark.parametrize("client", [READER, UTILITY])
@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("suite", [0, 1, 2])
def test_reading_in_a_ciphered_association(client: int, general: bool, suite: int) -> None:
    times = 2 if suite == 2 else 1
    line = wire(
        suite=suite,
        general=general,
        encryption_key=EK.hex() * times,
        authentication_key=AK.hex() * times,
    )
    gateway = Gateway(line, client, Keys(EK * times, AK * times, suite))
    with gateway.session() as reader:
        assert axdr.text(reader.get(SERIAL_NUMBER, 1, 2)) == "E1"
        raw = axdr.integer(reader.get(ACTIVE_IMPORT, 3, 2))
        assert raw == its(line).register_at(ACTIVE_IMPORT, NOW)
        assert reader.takes_lists
        two = reader.get_list([(SERIAL_NUMBER, 1, 2), (ACTIVE_IMPORT, 3, 2)])
        assert [axdr.value(each) for each in two if isinstance(each, bytes)] == [b"E1", raw]
        with pytest.raises(AccessDenied, match="object-undefined"):
            reader.get(Obis.parse("1.0.99.8.0.255"), 3, 2)
        assert len(reader.get(ASSOCIATION, 15, 2)) > 2 * 1024  # in blocks
    assert taken(line, client) == gateway.counter.take() - 1


def test_a_ciphered_association_shows_nothing_on_the_line() -> None:
    line = wire()
    heard: list[bytes] = []
    line.answers = lambda data: heard.append(data) or data  # type: ignore[func-returns-value]
    with Gateway(line).session() as reader:
        reader.get(SERIAL_NUMBER, 1, 2)
    secure = [each for each in line.sent if each[5] >> 1 == READER]
    assert not any(b"\xc0\x01" + bytes((n,)) in each for each in secure for n in range(256))
    assert not any(b"\x09\x02E1" in each for each in heard)


def test_a_first_contact_asks_the_meter_and_rests() -> None:
    line = wire(reader_counter=1000)
    gateway = Gateway(line)
    with gateway.session():
        pass
    assert aarqs(line) == [16, READER]
    assert gateway.rests == [1.0]
    assert taken(line, READER) == 1000 + 16 + 1
    with gateway.session():
        pass
    assert aarqs(line) == [16, READER, READER]
    assert taken(line, READER) == 1000 + 16 + 2


@pytest.mark.parametrize("explains", [True, False])
def test_a_counter_behind_follows_the_meters(explains: bool) -> None:
    line = wire(explains=explains)
    gateway = Gateway(line)
    with gateway.session():
        pass
    vault = its(line).vault
    assert vault is not None
    vault.taken[READER] = 5000  # another client with the same keys was here
    before = gateway.counter.take()
    with gateway.session() as reader:
        assert axdr.text(reader.get(SERIAL_NUMBER, 1, 2)) == "E1"
    assert aarqs(line)[2:] == [READER, 16, READER]
    assert before < 5000 < taken(line, READER)
    assert gateway.rests == [1.0, 1.0]
    with gateway.session():
        pass
    assert aarqs(line)[5:] == [READER]


def test_a_refusal_tells_a_hidden_counter() -> None:
    line = wire(reader_counter=1000)
    its(line).faults[Obis(0, 0, 43, 1, 2, 255)] = _denied()
    gateway = Gateway(line)
    with gateway.session() as reader:
        assert axdr.text(reader.get(SERIAL_NUMBER, 1, 2)) == "E1"
    assert aarqs(line) == [16, READER, READER]


def _denied() -> Any:
    from edge_agent.virtual.cosem import AccessResult

    return AccessResult.READ_WRITE_DENIED


def test_another_client_moves_the_counter_during_a_session() -> None:
    line = wire()
    gateway = Gateway(line)
    vault = its(line).vault
    assert vault is not None
    with gateway.session() as reader:
        reader.get(SERIAL_NUMBER, 1, 2)
        vault.taken[READER] = 5000
        with pytest.raises(SessionLost):
            reader.get(SERIAL_NUMBER, 1, 2)
    with gateway.session() as reader:
        assert axdr.text(reader.get(SERIAL_NUMBER, 1, 2)) == "E1"


def wrong_password(gateway: Gateway) -> None:
    gateway.password = SecretStr("Wr0ngOne")


def wrong_encryption_key(gateway: Gateway) -> None:
    gateway.keys = Keys(b"\xee" * 16, AK)


def wrong_authentication_key(gateway: Gateway) -> None:
    gateway.keys = Keys(EK, b"\xee" * 16)


@pytest.mark.parametrize(
    ("client", "spoil"),
    [
        (READER, wrong_password),
        (READER, wrong_encryption_key),
        (READER, wrong_authentication_key),
        (UTILITY, wrong_encryption_key),
        (UTILITY, wrong_authentication_key),
    ],
)
@pytest.mark.parametrize("met", [False, True], ids=["first contact", "known"])
def test_wrong_secrets_are_tried_once(
    client: int, spoil: Callable[[Gateway], None], met: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    line = wire()
    gateway = Gateway(line, client)
    if met:
        with gateway.session():
            pass
    spoil(gateway)
    del line.sent[:]
    with pytest.raises(PasswordRefused, match="A-1") as caught:
        gateway.session().__enter__()
    assert aarqs(line) == ([client] if met else [16, client])
    assert not gateway.counter.is_sure
    _no_secret_in(str(caught.value), caplog.text)


def test_a_refused_proof_is_final() -> None:
    line = wire()
    vault = its(line).vault
    assert vault is not None
    vault.is_answer = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(PasswordRefused, match="does not take the proof of client 48") as caught:
        Gateway(line, UTILITY).session().__enter__()
    assert caught.value.of is Refusal.KEYS
    assert aarqs(line) == [16, UTILITY]


def test_agreeing_counters_make_an_unexplained_refusal_final() -> None:
    line = wire(explains=False)
    gateway = Gateway(line)
    with gateway.session():
        pass
    refused = bytes.fromhex("61 17 A109060760857405080103 A203020101 A305A103020101")
    line.answers = lambda data: _with_apdu(data, b"\x61", refused)
    with pytest.raises(Unexplained, match="see its password and its keys"):
        gateway.session().__enter__()
    assert aarqs(line)[2:] == [READER, 16]


def test_after_a_temporary_refusal_the_counter_is_asked() -> None:
    line = wire()
    gateway = Gateway(line)
    with gateway.session():
        pass
    for_now = bytes.fromhex("61 17 A109060760857405080103 A203020102 A305A103020101")
    line.answers = lambda data: _with_apdu(data, b"\x61", for_now)
    with pytest.raises(AssociationRefused) as caught:
        gateway.session().__enter__()
    assert not isinstance(caught.value, PasswordRefused)
    line.answers = lambda data: data
    with gateway.session():
        pass
    assert aarqs(line)[2:] == [READER, 16, READER]


def test_a_counter_that_is_refused_again_is_said() -> None:
    line = wire()
    gateway = Gateway(line)
    with gateway.session():
        pass
    line.answers = lambda data: _with_apdu(data, b"\x61", b"\xd8\x01\x06\xff\xff\x00\x00")
    with pytest.raises(CounterRefused, match="A-1 refuses the invocation counter of client 32"):
        gateway.session().__enter__()
    assert aarqs(line)[2:] == [READER, 16, READER]


def _frame(old: bytes, apdu: bytes) -> bytes:
    """Return an answer with another APDU: sound frames that say something else."""
    head = bytes((0xA0, 10 + 3 + len(apdu) - 0)) + old[3:7]
    head += check_sequence(head)
    information = b"\xe6\xe7\x00" + apdu
    return b"\x7e" + head + information + check_sequence(head + information) + b"\x7e"


def _with_apdu(data: bytes, tag: bytes, apdu: bytes | Callable[[bytes], bytes]) -> bytes:
    """Replace an answer to client 32 or 48 whose APDU begins with this tag."""
    if data[3:4] not in (b"\x41", b"\x61") or data[9:13] != b"\xe6\xe7\x00" + tag:
        return data
    return _frame(data, apdu if isinstance(apdu, bytes) else apdu(data[12:-3]))


def _flip(at: int) -> Callable[[bytes], bytes]:
    return lambda apdu: apdu[:at] + bytes((apdu[at] ^ 1,)) + apdu[at + 1 :]


@pytest.mark.parametrize("at", [1, 2, 3, 6, 10, -1])
def test_a_changed_answer_is_never_a_value(at: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    line = wire()
    with Gateway(line).session() as reader:
        place = at if at >= 0 else 20
        line.answers = lambda data: _with_apdu(data, b"\xcc", _flip(place))
        with pytest.raises(ProtocolViolation) as caught:
            reader.get(ACTIVE_IMPORT, 3, 2)
        line.answers = lambda data: data
    _no_secret_in(str(caught.value), caplog.text)


def test_a_clear_answer_is_never_a_value() -> None:
    line = wire()
    with Gateway(line).session() as reader:
        line.answers = lambda data: _with_apdu(
            data, b"\xcc", bytes.fromhex("C401") + _invoke() + bytes.fromhex("00 06 00000001")
        )
        with pytest.raises(ProtocolViolation, match="does not cipher its answer"):
            reader.get(ACTIVE_IMPORT, 3, 2)
        line.answers = lambda data: data


def _invoke() -> bytes:
    return b"\xc1"


def test_an_old_answer_is_never_a_value() -> None:
    line = wire()
    kept: list[bytes] = []

    def keep(apdu: bytes) -> bytes:
        kept.append(apdu)
        return apdu

    with Gateway(line).session() as reader:
        line.answers = lambda data: _with_apdu(data, b"\xcc", keep)
        reader.get(ACTIVE_IMPORT, 3, 2)
        line.answers = lambda data: _with_apdu(data, b"\xcc", kept[0])
        with pytest.raises(ProtocolViolation, match="sent before"):
            reader.get(ACTIVE_IMPORT, 3, 2)
        line.answers = lambda data: data


@pytest.mark.parametrize("client", [READER, UTILITY])
@pytest.mark.parametrize("at", [2, 6, 11, 16, 24, 27, 33, 45, 49, 52, 54, 60, 68, 71])
def test_a_changed_acceptance_is_no_association(client: int, at: int) -> None:
    line = wire()
    line.answers = lambda data: _with_apdu(data, b"\x61", _flip(at))
    with pytest.raises((ProtocolViolation, AssociationRefused)):
        Gateway(line, client).session().__enter__()


def test_a_meter_that_sends_the_challenge_back() -> None:
    line = wire()

    def back(apdu: bytes) -> bytes:
        asked = line.sent[-1]
        own = asked[asked.index(b"\xac\x12\x80\x10") + 4 :][:16]
        at = apdu.index(b"\xaa\x12\x80\x10") + 4
        return apdu[:at] + own + apdu[at + 16 :]

    line.answers = lambda data: _with_apdu(data, b"\x61", back)
    with pytest.raises(ProtocolViolation, match="no challenge of its own"):
        Gateway(line, UTILITY).session().__enter__()


def test_a_meter_that_proves_nothing() -> None:
    line = wire()
    vault = its(line).vault
    assert vault is not None
    vault.answer = lambda challenge: bytes(17)  # type: ignore[method-assign]  # noqa: ARG005
    with pytest.raises(ProtocolViolation, match="does not prove that it has the keys"):
        Gateway(line, UTILITY).session().__enter__()


def test_a_meter_without_ciphering_says_so() -> None:
    line = Wire(meters=[meter(1, 17, password=PASSWORD)])
    with pytest.raises(AssociationRefused, match="diagnostic 2") as caught:
        Gateway(line).session().__enter__()
    assert caught.value.of is Refusal.SECURITY


def test_each_challenge_is_new() -> None:
    line = wire()
    gateway = Gateway(line, UTILITY)
    for _ in range(2):
        with gateway.session():
            pass
    found = [each[each.index(b"\xac\x12") :][4:20] for each in line.sent if b"\xac\x12" in each]
    assert len(set(found)) == 2


def test_a_ciphered_request_is_repeated_byte_for_byte() -> None:
    line = wire()
    with Gateway(line).session() as reader:
        lost = iter((True, False))
        line.answers = lambda data: b"" if next(lost, False) else data
        assert axdr.text(reader.get(SERIAL_NUMBER, 1, 2)) == "E1"
        line.answers = lambda data: data
    asked = [each for each in line.sent if each[12:13] == b"\xc8"]
    assert len(asked) == 2
    assert asked[0] == asked[1]


def test_no_counter_is_used_twice() -> None:
    line = wire()
    gateway = Gateway(line, UTILITY)
    for _ in range(3):
        with gateway.session() as reader:
            reader.get(SERIAL_NUMBER, 1, 2)
    found = [
        int.from_bytes(each[at + 3 : at + 7], "big")
        for each in line.sent
        for head in (b"\x21\x1f", b"\xc8\x1e", b"\xcb\x31")
        if (at := each.find(head)) >= 0
    ]
    assert len(found) == 9
    assert all(after > before for before, after in itertools.pairwise(found))


def test_a_ciphered_association_needs_a_counter() -> None:
    line = wire()
    with pytest.raises(ConfigurationError, match="A-1: a ciphered association has no counter"):
        Session(line, Gateway(line).peer()).__enter__()


def _numbered(apdu: bytes, number: int, client: int) -> bytes:
    """Return the answer number n of a session as a frame to a client."""
    control = ((number + 1) & 7) << 5 | 0x10 | (number & 7) << 1
    head = bytes((0xA0, 10 + 3 + len(apdu), client << 1 | 1, 0x02, 0x23, control))
    head += check_sequence(head)
    information = b"\xe6\xe7\x00" + apdu
    return b"\x7e" + head + information + check_sequence(head + information) + b"\x7e"


def test_the_ciphered_association_of_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_writer, "_invoke_ids", itertools.repeat(1))
    counter = Counter(VisitStore(), ("a", 1, 17, READER), vectors.CLIENT_TITLE)
    counter.follow(0x100)
    script = Script(
        frames.UA_1024,
        *(
            _numbered(each, n, READER)
            for n, each in enumerate((vectors.AE_AARE, vectors.AE_CLOCK, vectors.AE_ENERGY))
        ),
    )
    peer = Peer(
        "A-1",
        17,
        client=READER,
        password=SecretStr("12345678"),
        ciphering=Ciphering(KEYS, vectors.CLIENT_TITLE, gmac=False),
    )
    with Session(script, peer, counter=counter) as reader:
        clock = axdr.value(reader.get(CLOCK, 8, 2))
        assert clock == bytes.fromhex("07EA060A030A071E00FEB600")
        assert axdr.integer(reader.get(ACTIVE_IMPORT, 3, 2)) == 1_541_050
    assert script.sent[2][12:-3] == vectors.AE_GET_CLOCK
    assert script.sent[3][12:-3] == vectors.AE_GET_ENERGY


def test_the_handshake_of_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_writer, "_invoke_ids", itertools.repeat(1))
    monkeypatch.setattr("secrets.token_bytes", lambda _size: vectors.CTOS)
    counter = Counter(VisitStore(), ("a", 1, 17, UTILITY), vectors.CLIENT_TITLE)
    counter.follow(0x200)
    answers = (vectors.GMAC_AARE, vectors.REPLY_OF_METER, vectors.GMAC_ENERGY)
    ua = bytearray(frames.UA_1024[1:-3])
    ua[2] = UTILITY << 1 | 1
    ua[6:8] = check_sequence(bytes(ua[:6]))
    whole = b"\x7e" + bytes(ua) + check_sequence(bytes(ua)) + b"\x7e"
    script = Script(whole, *(_numbered(each, n, UTILITY) for n, each in enumerate(answers)))
    peer = Peer(
        "A-1", 17, client=UTILITY, ciphering=Ciphering(KEYS, vectors.CLIENT_TITLE, gmac=True)
    )
    with Session(script, peer, counter=counter) as reader:
        assert axdr.integer(reader.get(ACTIVE_IMPORT, 3, 2)) == 1_541_050
    assert script.sent[2][12:-3] == vectors.REPLY_TO_HLS
    assert script.sent[3][12:-3] == vectors.GMAC_GET_ENERGY


def test_a_ciphered_session_shows_its_state() -> None:
    opened = Gateway(wire()).session()
    assert repr(opened) == "<CipheredSession with A-1 as client 32: closed>"
    with opened:
        assert repr(opened) == "<CipheredSession with A-1 as client 32: open>"


def test_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    line = wire()
    gateway = Gateway(line, UTILITY)
    with gateway.session():
        pass
    wrong_encryption_key(gateway)
    with pytest.raises(AgentError):
        gateway.session().__enter__()
    found = capsys.readouterr()
    assert found.out == found.err == ""
    _no_secret_in(repr(gateway.peer()), repr(gateway.session()))


def _no_secret_in(*texts: str) -> None:
    for text in texts:
        lowered = text.lower()
        assert PASSWORD.lower() not in lowered
        assert "wr0ngone" not in lowered
        for key in (EK, AK, b"\xee" * 16):
            assert key.hex() not in lowered
            assert key.hex(" ") not in lowered
            assert repr(key)[2:-1] not in text

# SPDX-License-Identifier: GPL-2.0-only
"""What a recorder keeps of sessions, and what never."""

import base64
import contextlib
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from edge_agent.dlms import axdr
from edge_agent.dlms.association import CipheredSession
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.hls import Mechanism
from edge_agent.dlms.invocation_counter import Counter, VisitStore
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import Ciphering, Keys
from edge_agent.dlms.session import Session
from edge_agent.errors import AccessDenied
from edge_agent.recording.file import Recording
from edge_agent.recording.recorder import Recorder
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, CLOCK, SERIAL_NUMBER
from shared_schema.obis import Obis
from tests.support import proving_meter as proving
from tests.unit.edge_agent.wire import Wire, meter

AT = datetime(2026, 3, 10, tzinfo=UTC)
TITLE = b"IOU12345"
IDENTITY = (SERIAL_NUMBER, 1, 2)
ASSOCIATION = Obis(0, 0, 40, 0, 0, 255)
PASSWORDS = st.text(string.ascii_letters + "!#$%&()*+-/:;<=>?", min_size=6, max_size=16)
KEYS = st.binary(min_size=16, max_size=16)


def kept(recorder: Recorder, *secrets: bytes, keep_serial: bool = True) -> Recording:
    return recorder.recording(
        AT,
        model="is16444",
        place=(17, 1),
        secrets=secrets,
        identity=IDENTITY,
        keep_serial=keep_serial,
    )


def ask(session: Any) -> None:
    """Read an attribute of each kind, in each way."""
    session.get(*IDENTITY)
    session.get_list([IDENTITY, (ACTIVE_IMPORT, 3, 2), (CLOCK, 8, 2)])
    session.get_entries(BLOCK_LOAD_PROFILE, 1, 3)
    session.get_range(
        BLOCK_LOAD_PROFILE,
        *(axdr.date_time(ts, axdr.Zone(330, 1), with_deviation=False) for ts in (0, 2 * 10**9)),
    )
    for attribute in (2, 5, 6, 7):
        with contextlib.suppress(AccessDenied):
            session.get(ASSOCIATION, 15, attribute)


def recorded(line: Wire, peer: Peer) -> Recorder:
    """Record one association with everything that is asked in it."""
    keys = None if peer.ciphering is None else peer.ciphering.keys
    recorder = Recorder(line, keys)
    if peer.ciphering is None:
        with Session(recorder, peer) as session:
            ask(session)
    else:
        counter = Counter(VisitStore(), ("a", 1, 17, peer.client), TITLE)
        opened = CipheredSession(
            recorder, peer, Traffic(), counter, pause_s=0, sleep=lambda _s: None
        )
        with opened as session:
            ask(session)
    return recorder


def assert_absent(secret: bytes, text: str) -> None:
    written = text.encode()
    encoded = {base64.b64encode(secret), base64.urlsafe_b64encode(secret)}
    for form in (secret, secret.hex().encode(), *(each.rstrip(b"=") for each in encoded)):
        assert form.lower() not in written.lower()


@settings(max_examples=25, deadline=None)
@given(PASSWORDS, KEYS, KEYS, st.sampled_from(["lls", "lls-ae", "general", "gmac"]))
def test_no_secret_of_a_session_is_kept(
    password: str, encryption: bytes, authentication: bytes, kind: str
) -> None:
    security = {
        "encryption_key": encryption.hex(),
        "authentication_key": authentication.hex(),
        "general": kind == "general",
    }
    more: dict[str, Any] = {} if kind == "lls" else {"security": security}
    line = Wire(meters=[meter(1, 17, password=password, profile_days=1, **more)])
    keys = Keys(encryption, authentication)
    peer = Peer(
        label="A-1",
        physical=17,
        client=48 if kind == "gmac" else 32,
        password=None if kind == "gmac" else SecretStr(password),
        ciphering=None if kind == "lls" else Ciphering(keys, TITLE, gmac=kind == "gmac"),
    )
    recorder = recorded(line, peer)
    text = kept(recorder, password.encode(), encryption, authentication).text()
    assert recorder.sealed == 0
    assert len(text.splitlines()) > 6
    for secret in (password.encode(), encryption, authentication):
        assert_absent(secret, text)


@pytest.mark.parametrize("mechanism", Mechanism)
def test_no_proof_of_high_level_security_is_kept(mechanism: Mechanism) -> None:
    recorders: list[Recorder] = []
    meter_ = proving.Meter(mechanism)

    def through(wire: Transport) -> Transport:
        recorders.append(Recorder(wire, Keys(proving.EK, proving.AK)))
        return recorders[0]

    proving.serial(meter_, proving.hls_of(mechanism), through=through)
    found = kept(recorders[0], proving.SECRET, proving.EK, proving.AK)
    assert [each.data for each in found.answers] == ["09024531"]
    for secret in (
        *(proving.SECRET, proving.EK, proving.AK),
        *(proving.CHALLENGE, meter_.ctos, proving.METER_TITLE, TITLE),
    ):
        assert_absent(secret, found.text())


def test_a_password_that_a_meter_shows_is_starred_out() -> None:
    line = Wire(meters=[meter(1, 17, password="E1234567", serial="E1234567")])  # noqa: S106
    peer = Peer("A-1", 17, client=32, password=SecretStr("E1234567"))
    found = kept(recorded(line, peer), b"E1234567")
    (serial,) = [each for each in found.answers if each.obis == SERIAL_NUMBER]
    assert serial.data == "0908" + b"********".hex()


def test_attributes_of_secrets_are_not_kept() -> None:
    line = Wire()
    found = kept(recorded(line, Peer("A-1", 17, client=32, password=SecretStr("12345678"))))
    assert {each.attribute for each in found.answers if each.class_id == 15} == {2, 6}


def test_what_was_sent_again_is_kept_once() -> None:
    line = Wire()
    heard: list[bytes] = []

    def deaf_once(data: bytes) -> bytes:
        heard.append(data)
        return data if len(heard) % 3 else b""

    line.answers = deaf_once
    found = kept(recorded(line, Peer("A-1", 17, client=32, password=SecretStr("12345678"))))
    line = Wire()
    clear = kept(recorded(line, Peer("A-1", 17, client=32, password=SecretStr("12345678"))))
    assert [(each.obis, each.attribute, each.data) for each in found.answers] == [
        (each.obis, each.attribute, each.data) for each in clear.answers
    ]


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=12))
def test_garbage_on_the_line_is_no_error(heard: list[tuple[bool, bytes]]) -> None:
    line = Noise()
    recorder = Recorder(line, Keys(bytes(16), bytes(16)))
    for is_sent, data in heard:
        if is_sent:
            recorder.send(data)
        else:
            line.waiting = data
            assert recorder.receive(0) == data
    assert kept(recorder).answers == ()


class Noise:
    """A line that says what it is told."""

    turnaround_s = 0.0
    waiting = b""

    def line_time_s(self, size: int) -> float:
        return size * 0.0

    def send(self, data: bytes) -> None:
        """Nobody hears it."""

    def receive(self, timeout_s: float) -> bytes:
        assert timeout_s == 0
        return self.waiting

    def discard(self, quiet_s: float = 0.0) -> int:
        return int(quiet_s)

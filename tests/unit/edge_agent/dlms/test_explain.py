# SPDX-License-Identifier: GPL-2.0-only
"""Frames in words: what each one means, and that no secret is among what is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from edge_agent.dlms.explain import Explainer, FrameNote
from edge_agent.dlms.explain_apdu import explain
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.session import Session
from edge_agent.dlms.trace import TracedFrame, Tracer
from edge_agent.errors import PasswordRefused
from edge_agent.virtual.hdlc import build, server_address
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, CLOCK
from tests.unit.edge_agent.wire import Wire
from tests.vectors import hdlc_cosem as vectors

METER, CLIENT = server_address(1, 17, 2), b"\x41"
_SECRET = b"\xee\xdd\xcc\xbb\xaa\x99\x88\x77"


def told(way: str, *frames: bytes) -> list[FrameNote]:
    explainer = Explainer()
    found = [each for frame in frames for each in explainer.feed(way, frame)]  # type: ignore[arg-type]
    return found + explainer.flush()


def shown(found: list[FrameNote]) -> str:
    return "\n".join(f"{each.meaning} {each.shown}" for each in found)


@pytest.mark.parametrize(
    ("way", "frame", "meaning"),
    [
        (
            "sent",
            vectors.SNRM_1024,
            "32 to 1/17: SNRM: asks for a connection, sends up to 1024 bytes, "
            "takes up to 1024 bytes",
        ),
        ("heard", vectors.UA_128, "1/17 to 32: UA: done, sends up to 128 bytes, takes up to 128"),
        ("sent", vectors.AARQ_LLS, "logical names, LLS password (hidden)"),
        ("heard", vectors.AARE_ACCEPTED, "AARE: accepted"),
        ("heard", vectors.AARE_WRONG_PASSWORD, "AARE: refused: the password is wrong"),
        ("sent", vectors.GET_CLOCK, "GET 0.0.1.0.0.255 clock, class 8 attribute 2 (time)"),
        ("heard", vectors.CLOCK, "GET response: success, time 2026-06-10 10:07:30"),
        ("sent", vectors.GET_ENERGY, "GET 1.0.1.8.0.255 active energy import, class 3 attribute 2"),
        ("heard", vectors.ENERGY, "GET response: success, number "),
        ("sent", vectors.GET_SCALER_UNIT, "class 3 attribute 3 (scaler and unit)"),
    ],
)
def test_each_frame_says_what_it_means(way: str, frame: bytes, meaning: str) -> None:
    (found,) = told(way, frame)
    assert meaning in found.meaning
    assert found.sound
    assert found.size == len(frame)


def test_the_password_of_an_association_is_not_shown() -> None:
    found = shown(told("sent", vectors.AARQ_LLS))
    assert b"12345678".hex(" ") not in found.lower()
    assert "12345678" not in found
    assert "[hidden]" in found


def test_a_password_in_several_frames_is_not_shown() -> None:
    information = vectors.AARQ_LLS[9:-3]
    assert information.startswith(b"\xe6\xe6\x00\x60")
    for cut in range(1, len(information)):
        first = build(METER, CLIENT, 0x10, information[:cut], segmented=True)
        last = build(METER, CLIENT, 0x12, information[cut:])
        found = shown(told("sent", first, last))
        for size in range(4, 9):
            assert b"12345678"[:size].hex(" ") not in found.lower(), cut
            assert b"12345678"[-size:].hex(" ") not in found.lower(), cut
        assert "LLS password (hidden)" in found


@pytest.mark.parametrize(
    "apdu",
    [
        bytes.fromhex("C1 01 C1 000F 0000280000FF 07 00 0908") + _SECRET,  # SET of the secret
        bytes.fromhex("C3 01 C1 000F 0000280000FF 01 01 0908") + _SECRET,  # the HLS answer
        bytes.fromhex("C7 01 C1 00 01 00 0908") + _SECRET,
        bytes.fromhex("C8 1E 30 00000001") + _SECRET,
        bytes.fromhex("DB 08 4C4E540000000001 0D 30") + _SECRET,
        bytes.fromhex("60 14 A1 09 06 07 60857405080103 BE 07 04 05") + _SECRET[:5],
        bytes.fromhex("60 0A AC 0A 80 08") + _SECRET,  # a length that does not fit
        bytes.fromhex("99") + _SECRET,
    ],
)
def test_keys_challenges_and_written_data_are_not_shown(apdu: bytes) -> None:
    found = explain(apdu)
    for size in range(3, 9):
        assert _SECRET[:size].hex(" ").upper() not in found.shown
        assert _SECRET[-size:].hex(" ").upper() not in found.shown
    assert _SECRET.hex().upper() not in found.meaning.upper()


def test_a_secret_that_was_read_is_hidden() -> None:
    ask = build(METER, CLIENT, 0x10, bytes.fromhex("E6E600 C001C1 000F 0000280000FF 07 00"))
    answer = build(CLIENT, METER, 0x30, bytes.fromhex("E6E700 C401C1 00 0908") + _SECRET)
    explainer = Explainer()
    explainer.feed("sent", ask)
    (found,) = explainer.feed("heard", answer)
    assert "data hidden" in found.meaning
    assert _SECRET.hex(" ").upper() not in found.shown


def test_damaged_bytes_are_counted_and_not_shown() -> None:
    damaged = bytearray(vectors.AARQ_LLS)
    damaged[20] ^= 1
    found = told("heard", b"\x00\x01", bytes(damaged), vectors.AARQ_LLS[:-9])
    assert [each.sound for each in found] == [False, False, False]
    assert b"12345678".hex(" ") not in shown(found).lower()
    assert "half a frame" in found[-1].meaning


def test_shared_flags_pieces_and_echoes() -> None:
    explainer = Explainer()
    explainer.feed("sent", vectors.SNRM_1024)
    line = vectors.SNRM_1024 + vectors.UA_1024[1:]
    found = [each for at in range(len(line)) for each in explainer.feed("heard", line[at : at + 1])]
    assert [each.meaning.partition(":")[0] for each in found] == [
        "echo of our own frame",
        "1/17 to 32",
    ]
    (again,) = explainer.feed("sent", vectors.SNRM_1024)
    assert "again: SNRM" in again.meaning


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_any_bytes_are_told_without_an_error(pieces: list[bytes]) -> None:
    explainer = Explainer()
    count = sum(each.size for piece in pieces for each in explainer.feed("heard", piece))
    assert count <= sum(map(len, pieces)) + len(pieces) * 2
    for piece in pieces:
        explain(piece)
        explain(piece, secret_answer=True)


@given(st.binary(max_size=40), st.sampled_from([0x60, 0x61, 0xC0, 0xC1, 0xC3, 0xC4, 0xC5, 0xC7]))
def test_any_apdu_is_explained(body: bytes, tag: int) -> None:
    assert explain(bytes((tag,)) + body).meaning


def test_a_tap_changes_nothing_on_the_line() -> None:
    events: list[TracedFrame] = []
    times = iter(range(1000))
    wire = Wire()
    peer = Peer("A-1", 17, client=32, password=SecretStr("12345678"))
    with Session(Tracer(wire, events.append, lambda: float(next(times))), peer) as session:
        session.get(CLOCK, 8, 2)
        session.get(BLOCK_LOAD_PROFILE, 7, 3)
        session.get(ACTIVE_IMPORT, 3, 3)
    said = "\n".join(each.line() for each in events)
    assert b"12345678".hex(" ") not in said.lower()
    for words in (
        "-> 32 to 1/17: SNRM",
        "<- 1/17 to 32: UA",
        "AARE: accepted",
        "(captured objects)",
        "GET response: success, structure of 2",
        "DISC: asks to disconnect",
    ):
        assert words in said
    assert [each.note.way for each in events[:4]] == ["sent", "heard", "sent", "heard"]
    assert [each.note.size for each in events if each.note.way == "sent"] == [
        len(frame) for frame in wire.sent
    ]
    assert [each.document()["sound"] for each in events] == [True] * len(events)


def test_a_refused_password_stays_hidden() -> None:
    events: list[TracedFrame] = []
    peer = Peer("A-1", 17, client=32, password=SecretStr("wrong-one"))
    with pytest.raises(PasswordRefused), Session(Tracer(Wire(), events.append), peer):
        pass
    said = "\n".join(str(each.document()) for each in events)
    assert "the password is wrong" in said
    assert "wrong-one" not in said
    assert b"wrong-one".hex(" ") not in said.lower()

# SPDX-License-Identifier: GPL-2.0-only
"""The faults of a line: each does what its name says, and the seed decides when."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.virtual.clock import ClockJump
from edge_agent.virtual.counter import MeterSpec
from edge_agent.virtual.estate import EstateError, parse_estate, serve
from edge_agent.virtual.faults import Faults, Trouble, superpose
from edge_agent.virtual.hdlc import Deframer, build, server_address
from edge_agent.virtual.line import Line
from edge_agent.virtual.meter import VirtualMeter
from edge_agent.virtual.station import DM
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, CLOCK
from tests.unit.edge_agent.virtual.steady import (
    IST,
    NOW,
    SPEC,
    Client,
    SteadyLoad,
    client_of,
    steady_meter,
)
from tests.vectors import hdlc_cosem as vectors

DISC = build(server_address(1, 17, 2), b"\x41", 0x53)


def heard(line: Line, data: bytes, tick: float, until: float | None = None) -> bytes:
    line.write(data, tick)
    return line.advance(NOW, tick if until is None else until)


def faulty(*meters: VirtualMeter, **faults: Any) -> Line:
    return Line([meter.station() for meter in meters or (steady_meter(),)], faults=Faults(**faults))


@given(st.binary(min_size=1, max_size=60), st.integers(0, 999))
def test_a_damaged_frame_never_passes(info: bytes, seed: int) -> None:
    frame = build(b"\x41", b"\x02\x23", 0x30, info)
    spoiled = Trouble(Faults(seed=seed, damage=1)).spoil(frame)
    assert len(spoiled) == len(frame)
    assert spoiled != frame
    assert Deframer().feed(spoiled, 0.0) == []


@given(st.binary(min_size=1, max_size=60), st.integers(0, 999))
def test_what_is_truncated_duplicated_and_noisy(data: bytes, seed: int) -> None:
    short = Trouble(Faults(seed=seed, truncate=1)).spoil(data)
    assert len(short) < len(data)
    assert data.startswith(short)
    assert Trouble(Faults(seed=seed, duplicate=1)).spoil(data) == data + data
    noisy = Trouble(Faults(seed=seed, noise=1)).spoil(data)
    extra = len(noisy) - len(data)
    assert 1 <= extra <= 12
    assert any(noisy[:at] + noisy[at + extra :] == data for at in range(len(data) + 1))


def test_the_seed_decides() -> None:
    faults = Faults(seed=3, noise=0.5, damage=0.5, truncate=0.5)
    one, other = Trouble(faults), Trouble(faults)
    said = [bytes(range(9))] * 50
    assert [one.spoil(each) for each in said] == [other.spoil(each) for each in said]
    calm = Trouble(Faults())
    assert [calm.spoil(each) for each in said] == said


def test_a_late_answer_reaches_the_next_request() -> None:
    line = faulty(late=1, late_s=4.0)
    assert heard(line, vectors.SNRM, 1.0) == b""
    assert line.due() == 5.0
    assert line.advance(NOW, 5.0) == vectors.UA_128


def test_a_meter_that_dies_forgets_the_session() -> None:
    meter = steady_meter()
    line = faulty(meter, die=1, dead_s=10.0)
    cut = heard(line, vectors.SNRM, 0.0)
    assert vectors.UA_128.startswith(cut)
    assert cut != vectors.UA_128
    assert heard(line, vectors.SNRM, 9.9) == b"", "it has no power"
    line.trouble = Trouble(Faults())
    (answer,) = Deframer().feed(heard(line, DISC, 10.1), 0.0)
    assert answer.control == DM, "it is back, and was never connected"


def test_a_deaf_meter_says_nothing() -> None:
    assert heard(faulty(deaf=1), vectors.SNRM, 0.0) == b""


def test_two_meters_on_one_address_speak_at_once() -> None:
    twins = (steady_meter(), steady_meter(serial="GE000018"))
    with pytest.raises(ValueError, match="two stations"):
        faulty(*twins)
    line = faulty(*twins, shared_addresses=True)
    assert heard(line, vectors.SNRM, 0.0) == vectors.UA_128, "equal answers are one on the wire"
    assert superpose([(0.0, b"\xf0\xff"), (0.0, b"\x3c")], 0.0) == [(0.0, b"\x30\xff")]


def test_answers_that_begin_apart_overlap_or_follow_each_other() -> None:
    assert superpose([(0.02, b"\x0f"), (0.0, b"\xff\xff\xf3")], 0.01) == [(0.0, b"\xff\xff\x03")]
    assert superpose([(0.5, b"b"), (0.0, b"a")], 0.01) == [(0.0, b"a"), (0.5, b"b")]


def test_a_slow_meter() -> None:
    line = Line([steady_meter(slow_s=1.5).station()], turnaround_s=0.5)
    assert heard(line, vectors.SNRM, 0.0, 1.99) == b""
    assert line.advance(NOW, 2.0) == vectors.UA_128


def test_the_adapter_vanishes_once_in_each_period() -> None:
    trouble = Trouble(Faults(unplug_every_s=100.0, unplug_s=10.0))
    assert [trouble.is_plugged(tick) for tick in (0.0, 89.9, 90.0, 99.9, 100.0)] == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert trouble.plugs_at(10.0) == 90.0
    assert trouble.plugs_at(95.0) == 100.0
    with pytest.raises(ValidationError, match="shorter"):
        Faults(unplug_every_s=5.0, unplug_s=5.0)


JUMP = ClockJump(NOW - timedelta(hours=5), NOW - timedelta(hours=2), 365)


def test_a_jumped_clock_stamps_rows_and_comes_back() -> None:
    meter = steady_meter(clock_jumps=(JUMP,))
    plain = steady_meter()
    shift = timedelta(days=365)
    truth = plain.buffered(BLOCK_LOAD_PROFILE, NOW)
    shown = meter.buffered(BLOCK_LOAD_PROFILE, NOW)
    assert [row.values for row in shown] == [row.values for row in truth]
    moved = [one.ts - other.ts for one, other in zip(shown, truth, strict=True)]
    assert moved.count(shift) == 12
    assert moved.count(timedelta()) == len(truth) - 12
    window = (NOW - timedelta(hours=6), NOW)
    normal = [row.ts for row in meter.rows(BLOCK_LOAD_PROFILE, *window)]
    assert len(normal) == 24 - 12
    later = meter.rows(BLOCK_LOAD_PROFILE, window[0] + shift, window[1] + shift)
    assert len(later) == 12 + 24, "those of the jump, and those of the true next year"


def test_a_client_reads_the_jumped_clock_and_rows() -> None:
    spec: MeterSpec = replace(SPEC, clock_jumps=(JUMP,))
    meter = VirtualMeter(spec, SteadyLoad())
    years = []
    for now in (NOW - timedelta(hours=6), NOW - timedelta(hours=3), NOW):
        client: Client = client_of(meter, now=now)
        client.associate(max_info=1024)
        answer = client.get(8, bytes(CLOCK), 2)
        years.append(int.from_bytes(answer[3:5], "big"))
        assert client.get(7, bytes(BLOCK_LOAD_PROFILE), 2)[:1] == b"\x00"
    assert years == [2026, 2027, 2026]


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (datetime(2026, 1, 2), datetime(2026, 1, 3, tzinfo=IST), "aware"),  # noqa: DTZ001
        (datetime(2026, 1, 3, tzinfo=IST), datetime(2026, 1, 2, tzinfo=IST), "begins before"),
    ],
)
def test_a_jump_that_cannot_be(since: datetime, until: datetime, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ClockJump(since, until, 365)
    with pytest.raises(ValueError, match="in order"):
        steady_meter(clock_jumps=(JUMP, JUMP))


def estate(**bus: Any) -> dict[str, Any]:
    meters = [
        {
            "label": f"A-{serial}",
            "address": 17,
            "serial": f"S{serial}",
            "model": "single_phase",
            "manufacturer": "GENUS",
            "load": {"kind": "flat"},
        }
        for serial in (1, 2)
    ]
    return {"bus": [{"name": "b-1", "link": "b.tty", "meter": meters} | bus]}


def test_faults_come_from_the_estate_file() -> None:
    with pytest.raises(EstateError, match="address 17 is given twice"):
        parse_estate(estate())
    found = parse_estate(estate(faults={"shared_addresses": True, "noise": 0.1}))
    assert found.lines()["b-1"].trouble.faults.noise == 0.1
    with pytest.raises(EstateError, match="bus 'b-1', faults, nose"):
        parse_estate(estate(faults={"nose": 0.1}))
    wrong = estate(faults={"shared_addresses": True})
    wrong["bus"][0]["meter"][0]["clock_jumps"] = [{"since": NOW, "until": NOW, "dayz": 1}]
    with pytest.raises(EstateError, match="dayz"):
        parse_estate(wrong)


def test_an_adapter_on_a_terminal_vanishes_and_comes_back(tmp_path: Path) -> None:
    content = estate(faults={"shared_addresses": True, "unplug_every_s": 0.2, "unplug_s": 0.1})
    with serve(parse_estate(content), tmp_path, baud=None, now=lambda: NOW) as links:
        for there in (True, False) * 3:
            while links["b-1"].is_symlink() is not there:
                pass
    assert not links["b-1"].is_symlink()


def test_a_connected_meter_whose_power_fails_answers_as_disconnected() -> None:
    station = steady_meter().station()
    assert station.receive(vectors.SNRM, NOW, 0.0) == vectors.UA_128
    assert station.connected
    station.power_off()
    assert not station.connected

# SPDX-License-Identifier: GPL-2.0-only
"""The session: one meter's answers only, on a line that loses, damages and delays."""

import contextlib
import itertools
from typing import Any

import pytest
from pydantic import SecretStr

from edge_agent.dlms import axdr, exchange, request_writer
from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hdlc import Drop, check_sequence
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.session import Session, probe
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    AssociationRefused,
    BusTimeout,
    PasswordRefused,
    ProtocolViolation,
    SessionLost,
)
from edge_agent.meters import model
from edge_agent.poll.sessions import peer
from edge_agent.settings.bus import MeterConfig
from edge_agent.virtual import hdlc, station
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, CLOCK, SERIAL_NUMBER
from shared_schema.obis import Obis
from tests.unit.edge_agent.wire import METERS, NOW, Script, Wire, meter
from tests.vectors import hdlc_cosem as vectors

ONE_FRAME = bytes.fromhex("070400000001 080400000001")
"""The window of one frame in UA, both ways."""
ZONE = axdr.Zone(330, 1)
PASSWORD = SecretStr("12345678")


def reader(physical: int = 17, **changes: object) -> Peer:
    fields: dict[str, object] = {
        "label": "A-1",
        "physical": physical,
        "client": 32,
        "password": PASSWORD,
        **changes,
    }
    return Peer(**fields)  # type: ignore[arg-type]


def span(hours: int) -> tuple[bytes, bytes]:
    end = int(NOW.timestamp()) // 900 * 900
    first, last = (
        axdr.date_time(ts, ZONE, with_deviation=True) for ts in (end - hours * 3600 + 900, end)
    )
    return first, last


@pytest.mark.parametrize(("physical", "serial"), [(17, "E1"), (18, "E2"), (200, "E3")])
def test_reading_over_short_and_long_addresses(physical: int, serial: str) -> None:
    wire = Wire()
    with Session(wire, reader(physical)) as meter:
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == serial
        raw = axdr.integer(meter.get(ACTIVE_IMPORT, 3, 2))
    assert raw == wire.estate.meter(serial).register_at(ACTIVE_IMPORT, NOW)


def test_the_short_address_reads_a_meter_alone() -> None:
    wire = Wire(meters=METERS[:1])
    traffic = Traffic()
    with Session(wire, reader(1, address_bytes=1), traffic) as meter:
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"
    assert wire.sent[0][3:5] == b"\x03\x41"
    assert not traffic.dropped


class Resting(Wire):
    """Meters that hear nothing for a while after their own answer."""

    deaf_s = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        self._deaf_until = self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def monotonic(self) -> float:
        self.now_s += 0.001
        return self.now_s

    def send(self, data: bytes) -> None:
        if self.now_s >= self._deaf_until:
            super().send(data)

    def receive(self, timeout_s: float) -> bytes:
        data = super().receive(timeout_s)
        if data:
            self._deaf_until = self.now_s + self.deaf_s
        return data


def test_a_meter_gets_its_rest_between_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = Resting()
    monkeypatch.setattr(exchange, "time", wire)
    with pytest.raises(BusTimeout), Session(wire, reader()):
        pass
    wire.sleep(wire.deaf_s)
    for _ in range(2):  # the second session follows the first one's last answer at once
        traffic = Traffic()
        with Session(wire, reader(inter_frame_s=0.2), traffic) as meter:
            assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"
        assert traffic.resends == 0


class Busy(Resting):
    """The clock of a gateway so busy that it looks at the line after each deadline."""

    deaf_s = 0.0

    def monotonic(self) -> float:
        self.now_s += 9
        return self.now_s


def test_an_answer_counts_that_a_busy_gateway_sees_late(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, traffic = Busy(), Traffic()
    monkeypatch.setattr(exchange, "time", wire)
    with Session(wire, reader(), traffic) as meter:
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"
    assert traffic.resends == 0


class Babble(Busy):
    """A line on which a frame begins again and again, and never ends."""

    def receive(self, timeout_s: float) -> bytes:
        super().receive(timeout_s)
        return b"\x7e\xa0"


def test_a_line_that_never_rests_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Babble()
    monkeypatch.setattr(exchange, "time", wire)
    with pytest.raises(BusTimeout), Session(wire, reader()):
        pass


def test_the_rest_between_frames_is_the_models() -> None:
    kind = model.load("is16444").model_copy(update={"inter_frame_s": 0.05})
    config = MeterConfig(label="A-1", address=17, client=16)
    assert peer(config, kind).inter_frame_s == 0.05


def test_traffic_counts_drops_over_all_sessions() -> None:
    traffic = Traffic()
    for _ in range(2):
        wire = Wire(echo=True)
        with Session(wire, reader(), traffic) as meter:
            meter.get(SERIAL_NUMBER, 1, 2)
    assert traffic.dropped == {Drop.ECHO: traffic.exchanges}


@pytest.mark.parametrize("physical", [17, 200, 19], ids=["one frame", "segments", "blocks"])
def test_an_offered_window_of_seven_is_not_used(
    monkeypatch: pytest.MonkeyPatch, physical: int
) -> None:
    seven = ONE_FRAME.replace(b"\x01", b"\x07")

    def build(to: bytes, by: bytes, control: int, info: bytes = b"", **more: Any) -> bytes:
        return hdlc.build(to, by, control, info.replace(ONE_FRAME, seven), **more)

    def answer(data: bytes) -> bytes:
        heard.append(data)
        return data

    monkeypatch.setattr(station, "build", build)
    heard: list[bytes] = []
    wire = Wire()
    wire.answers = answer
    with Session(wire, reader(physical)) as meter:
        rows = axdr.value(meter.get_range(BLOCK_LOAD_PROFILE, *span(24)))
    assert isinstance(rows, list)
    assert len(rows) == 96
    assert seven in heard[0]
    assert len(wire.sent) == len(heard)
    assert all(each for each in heard), "one frame is answered before the next is sent"


@pytest.mark.parametrize("physical", [17, 200, 19], ids=["one frame", "segments", "blocks"])
def test_long_answers_come_together(physical: int) -> None:
    wire = Wire()
    with Session(wire, reader(physical)) as meter:
        data = meter.get_range(BLOCK_LOAD_PROFILE, *span(24))
    rows = axdr.value(data)
    assert isinstance(rows, list)
    assert len(rows) == 96


def test_entries_count_from_the_oldest() -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        rows = axdr.value(meter.get_entries(BLOCK_LOAD_PROFILE, 1, 2))
    assert isinstance(rows, list)
    oldest = wire.estate.meter("E1").buffered(BLOCK_LOAD_PROFILE, NOW)[0].ts
    first = rows[0]
    assert isinstance(first, list)
    assert isinstance(first[0], bytes)
    assert axdr.epoch_s(first[0], ZONE) == int(oldest.timestamp())
    assert len(rows) == 2


def test_a_list_gives_each_its_answer_or_refusal() -> None:
    wire = Wire()
    missing = Obis.parse("1.0.99.8.0.255")
    with Session(wire, reader()) as meter:
        assert meter.takes_lists
        found = meter.get_list([(SERIAL_NUMBER, 1, 2), (missing, 3, 2), (ACTIVE_IMPORT, 3, 2)])
    assert isinstance(found[0], bytes)
    assert axdr.text(found[0]) == "E1"
    assert isinstance(found[1], AccessDenied)
    assert isinstance(found[2], bytes)


def _refuse(wire: Wire, results: list[int]) -> None:
    """Let the meter answer each next GET of one attribute with these results first."""

    def answer(data: bytes) -> bytes:
        if results and data[9:14] == b"\xe6\xe7\x00\xc4\x01":
            head, refused = data[1:2] + bytes((18,)) + data[3:7], bytes((1, results.pop(0)))
            return _frame(head, data[9:15] + refused)
        return data

    wire.answers = answer


@pytest.mark.parametrize("result", [2, 14, 15, 16])
def test_a_failure_that_passes_is_tried_once_more(result: int) -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        _refuse(wire, [result])
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"


def test_a_failure_that_stays_is_tried_once_more_only() -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        _refuse(wire, [2, 2, 2])
        with pytest.raises(AccessDenied, match="temporary-failure"):
            meter.get(SERIAL_NUMBER, 1, 2)
        assert len(wire.sent) == 4


def test_a_refusal_for_good_is_not_tried_again() -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        _refuse(wire, [250])
        with pytest.raises(AccessDenied, match="other-reason"):
            meter.get(SERIAL_NUMBER, 1, 2)
        assert len(wire.sent) == 3


def test_a_missing_object_is_refused_with_its_reason() -> None:
    wire = Wire()
    with (
        Session(wire, reader()) as meter,
        pytest.raises(AccessDenied, match="object-undefined") as caught,
    ):
        meter.get(Obis.parse("1.0.99.8.0.255"), 3, 2)
    assert caught.value.result == 4


def test_a_wrong_password_is_tried_once_and_hidden() -> None:
    wire = Wire()
    with (
        pytest.raises(PasswordRefused) as caught,
        Session(wire, reader(password=SecretStr("sesame99"))),
    ):
        pass
    assert "sesame" not in str(caught.value)
    assert sum(b"sesame99" in each for each in wire.sent) == 1
    assert b"\x53" in wire.sent[-1]  # the link is given back


def test_nobody_there_costs_three_tries_and_no_more() -> None:
    wire = Wire()
    with pytest.raises(BusTimeout), Session(wire, reader(99)):
        pass
    assert len(wire.sent) == 3
    assert len(set(wire.sent)) == 1


@pytest.mark.parametrize("kind", ["lost", "damaged"])
def test_the_identical_request_is_sent_again(kind: str) -> None:
    wire = Wire()
    traffic = Traffic()
    with Session(wire, reader(), traffic) as meter:
        spoilt = itertools.count()

        def spoil_once(data: bytes) -> bytes:
            if next(spoilt):
                return data
            return b"" if kind == "lost" else data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]

        wire.answers = spoil_once
        before = len(wire.sent)
        raw = axdr.integer(meter.get(ACTIVE_IMPORT, 3, 2))
        assert wire.sent[before] == wire.sent[before + 1]
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"  # numbers still agree
    assert raw == wire.estate.meter("E1").register_at(ACTIVE_IMPORT, NOW)
    assert traffic.resends == 1


def test_an_answer_that_comes_twice_is_taken_once() -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        wire.answers = lambda data: data + data
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"
        assert axdr.integer(meter.get(ACTIVE_IMPORT, 3, 2)) is not None
        clock = axdr.value(meter.get(CLOCK, 8, 2))
    assert isinstance(clock, bytes)
    assert axdr.epoch_s(clock, ZONE) == int(NOW.timestamp())


def test_another_meters_late_answer_is_never_taken() -> None:
    wire = Wire()
    with Session(wire, reader(18)) as neighbour:
        late = neighbour.get(ACTIVE_IMPORT, 3, 2)
        wanted = wire.estate.meter("E1").register_at(ACTIVE_IMPORT, NOW)
        assert axdr.integer(late) != wanted
    kept: list[bytes] = []
    with Session(wire, reader(18)) as neighbour:
        wire.answers = lambda data: kept.append(data) or data  # type: ignore[func-returns-value]
        neighbour.get(ACTIVE_IMPORT, 3, 2)
        wire.answers = lambda data: data
    with Session(wire, reader(17)) as meter:
        wire.answers = lambda data: kept[0] + data
        assert axdr.integer(meter.get(ACTIVE_IMPORT, 3, 2)) == wanted
        assert meter.traffic.dropped[Drop.OTHER_ADDRESS] == 1
        wire.answers = lambda data: data


def test_a_late_answer_is_never_taken() -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        kept: list[bytes] = []
        wire.answers = lambda data: kept.append(data) or data  # type: ignore[func-returns-value]
        meter.get(SERIAL_NUMBER, 1, 2)
        wire.answers = lambda data: data
    with Session(wire, reader()) as meter:  # the numbers of the frames are the same again
        wire.answers = lambda data: kept[0] + data
        with pytest.raises(ProtocolViolation, match="another request"):
            meter.get(ACTIVE_IMPORT, 3, 2)
        wire.answers = lambda data: data


class Twins(Wire):
    """Two meters behind one address: both answer, the second one at once or too late."""

    def __init__(self, *, late: bool = False) -> None:
        super().__init__(meters=[meter(1, 17)])
        self.other = Wire(meters=[meter(2, 17)])
        self.late = late

    def send(self, data: bytes) -> None:
        super().send(data)
        before = self.other.receive(0)
        self.other.send(data)
        after = b"" if self.late else self.other.receive(0)
        self._waiting = before + self._waiting + after


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_two_meters_that_answer_one_request_are_found(late: bool) -> None:
    with pytest.raises(AddressShared, match="A-1"), Session(Twins(late=late), reader()) as found:
        found.get_list([(SERIAL_NUMBER, 1, 2), (CLOCK, 8, 2)])


class SlowTwin(Wire):
    """Two meters behind one address, of which one is some requests behind."""

    def __init__(self, behind: int) -> None:
        super().__init__(meters=[meter(1, 17)])
        self.other = Wire(meters=[meter(2, 17)])
        self.held = [b""] * behind

    def send(self, data: bytes) -> None:
        super().send(data)
        self.other.send(data)
        self.held.append(self.other.receive(0))
        self._waiting += self.held.pop(0)


@pytest.mark.parametrize("behind", [1, 2, 3, 5])
def test_a_twin_some_requests_behind_is_found(behind: int) -> None:
    with pytest.raises(AddressShared), Session(SlowTwin(behind), reader()) as found:
        [found.get(SERIAL_NUMBER, 1, 2) for _ in range(behind + 1)]


def test_a_late_rival_is_found_and_disconnected() -> None:
    wire = Twins(late=True)
    with pytest.raises(AddressShared), Session(wire, reader()) as found:
        found.get(SERIAL_NUMBER, 1, 2)
    assert wire.sent[-1][6] == 0x53  # DISC


def test_a_list_holds_serial_number_and_a_range() -> None:
    wire = Wire()
    wanted = [(SERIAL_NUMBER, 1, 2), (BLOCK_LOAD_PROFILE, 7, 2)]
    with Session(wire, reader()) as found:
        serial, rows = found.get_list(wanted, axdr.range_selector(*span(2)))
        alone = found.get_range(BLOCK_LOAD_PROFILE, *span(2))
    assert isinstance(serial, bytes)
    assert axdr.text(serial) == "E1"
    assert rows == alone


def test_an_adapter_that_hears_itself() -> None:
    wire = Wire(echo=True)
    with Session(wire, reader()) as meter:
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"
        assert meter.traffic.dropped[Drop.ECHO] >= 3


def test_the_link_is_released_even_when_reading_fails() -> None:
    wire = Wire()
    with pytest.raises(RuntimeError, match="reader"), Session(wire, reader()):
        raise RuntimeError("the reader broke")
    tags = [each[-8:-3] for each in wire.sent[-2:]]
    assert tags[0] == bytes.fromhex("6203800100")  # RLRQ
    assert wire.sent[-1][6] == 0x53  # DISC


def test_a_meter_that_falls_silent_is_disconnected_once() -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        wire.answers = lambda _data: b""
        before = len(wire.sent)
        with pytest.raises(BusTimeout):
            meter.get(SERIAL_NUMBER, 1, 2)
    assert len(wire.sent) - before == 3 + 1
    assert wire.sent[-1][6] == 0x53


def test_a_meter_that_forgot_the_session() -> None:
    wire = Wire()
    with Session(wire, reader()) as meter:
        with Session(wire, reader()):
            pass  # a second one ended the link
        with pytest.raises((SessionLost, BusTimeout)):
            meter.get(SERIAL_NUMBER, 1, 2)


def test_the_frames_of_the_books_are_understood(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(request_writer, "_invoke_ids", itertools.repeat(1))
    script = Script(
        vectors.UA_1024,
        vectors.AARE_ACCEPTED,
        vectors.CLOCK,
        vectors.ENERGY,
        vectors.SCALER_UNIT,
        vectors.BLOCK_LOAD_RANGE,
        vectors.BLOCK_LOAD_ENTRY,
        vectors.LONG_SEGMENT_1,
        vectors.LONG_SEGMENT_2,
        vectors.UNDEFINED,
        vectors.RLRE,
        vectors.UA_1024,
    )
    with Session(script, reader()) as meter:
        clock = axdr.value(meter.get(CLOCK, 8, 2))
        assert isinstance(clock, bytes)
        assert axdr.epoch_s(clock, ZONE) is not None
        assert axdr.integer(meter.get(ACTIVE_IMPORT, 3, 2)) == 1_541_050
        assert axdr.scaler_unit(axdr.value(meter.get(ACTIVE_IMPORT, 3, 3))) == axdr.Scale(0, 30)
        three = axdr.value(meter.get_range(BLOCK_LOAD_PROFILE, *span(1)))
        two = axdr.value(meter.get_entries(BLOCK_LOAD_PROFILE, 1, 2))
        seven = axdr.value(meter.get_range(BLOCK_LOAD_PROFILE, *span(2)))
        assert [len(found) for found in (three, two, seven) if isinstance(found, list)] == [3, 2, 7]
        with pytest.raises(AccessDenied):
            meter.get(Obis.parse("1.0.99.8.0.255"), 3, 2)
    assert script.sent[2] == vectors.GET_CLOCK
    assert script.sent[3] == vectors.GET_ENERGY
    assert script.sent[4] == vectors.GET_SCALER_UNIT
    assert script.sent[8] == vectors.RR_7
    assert script.sent[9] == vectors.GET_UNKNOWN
    assert script.sent[10] == vectors.RLRQ
    assert capsys.readouterr().out == ""


def test_the_refusal_of_the_books_is_understood() -> None:
    script = Script(vectors.UA_1024, vectors.AARE_WRONG_PASSWORD, vectors.UA_1024)
    with pytest.raises(PasswordRefused, match="diagnostic 13"), Session(script, reader()):
        pass
    assert len(script.sent) == 3


def test_an_unexplained_refusal_of_a_password_is_final() -> None:
    answer = bytearray(vectors.AARE_WRONG_PASSWORD)
    answer[-4] = 1  # diagnostic: no reason given
    frame = _sealed(bytes(answer))
    with (
        pytest.raises(PasswordRefused),
        Session(Script(vectors.UA_1024, frame, vectors.UA_1024), reader()),
    ):
        pass
    with (
        pytest.raises(AssociationRefused) as caught,
        Session(Script(vectors.UA_1024, frame, vectors.UA_1024), reader(password=None)),
    ):
        pass
    assert not isinstance(caught.value, PasswordRefused)


def test_a_refusal_without_a_diagnostic_is_a_refusal() -> None:
    answer = bytearray(vectors.AARE_WRONG_PASSWORD)
    answer[-4] = 0  # diagnostic: null, which the library takes for accepted
    script = Script(vectors.UA_1024, _sealed(bytes(answer)), vectors.UA_1024)
    with pytest.raises(AssociationRefused) as caught, Session(script, reader()):
        pass
    assert not isinstance(caught.value, PasswordRefused)


@pytest.mark.parametrize("apdu", ["", "61", "6103a20302", "c401c100", "d80101", "0e0106ff", "ff00"])
def test_nonsense_instead_of_an_association(apdu: str, capsys: pytest.CaptureFixture[str]) -> None:
    head = vectors.AARE_ACCEPTED[1:9]
    information = bytes.fromhex("e6e700" + apdu)
    frame = bytes([0xA0, 8 + 2 + len(information)]) + head[2:6]
    script = Script(vectors.UA_1024, _frame(frame, information), vectors.UA_1024)
    with (
        pytest.raises((ProtocolViolation, AssociationRefused, SessionLost)),
        Session(script, reader()),
    ):
        pass
    assert capsys.readouterr().out == ""


def _frame(head: bytes, information: bytes) -> bytes:
    head += check_sequence(head)
    return b"\x7e" + head + information + check_sequence(head + information) + b"\x7e"


def _sealed(frame: bytes) -> bytes:
    """Put the right check sequence behind changed information."""
    return _frame(frame[1:7], frame[9:-3])


def test_a_probe_costs_a_silent_meter_one_frame() -> None:
    script = Script()
    assert not probe(script, reader())
    assert len(script.sent) == 1


class Slow(Script):
    """A meter that thinks for 2 s."""

    turnaround_s = 3.0

    def receive(self, timeout_s: float) -> bytes:
        return vectors.UA_128 if timeout_s > 2 else b""


def test_a_probe_waits_for_a_slow_meter() -> None:
    assert probe(Slow(), reader())


def test_a_probe_leaves_the_meter_free() -> None:
    wire = Wire()
    assert probe(wire, reader())
    assert len(wire.sent) == 2, "SNRM and DISC"
    with Session(wire, reader()) as meter:
        assert axdr.text(meter.get(SERIAL_NUMBER, 1, 2)) == "E1"


def test_a_probe_ignores_the_answer_of_another_meter() -> None:
    heard: list[bytes] = []
    wire = Wire()

    def listen(data: bytes) -> bytes:
        heard.append(data)
        return data

    wire.answers = listen
    assert probe(wire, reader(18))
    assert not probe(Script(heard[0]), reader(17))


def test_a_change_is_sent_as_the_books_have_it() -> None:
    wire = Wire()
    stamp = axdr.clock_time(int(NOW.timestamp()), ZONE)
    assert stamp.hex() == "090c07ea030a020c071400feb600"  # Tuesday, 12:07:20, 330 min west of UTC
    with Session(wire, reader()) as found:
        with contextlib.suppress(AccessDenied):
            found.put(CLOCK, 8, 2, stamp)
        sent = wire.sent[-1][12:-3]
        assert sent[:2] + sent[3:] == bytes.fromhex("C101 0008 0000010000FF 02 00") + stamp
        with contextlib.suppress(AccessDenied):
            found.act(CLOCK, 8, 6, bytes.fromhex("10FFC4"))
        sent = wire.sent[-1][12:-3]
        assert sent[:2] + sent[3:] == bytes.fromhex("C301 0008 0000010000FF 06 01 10FFC4")


def test_a_refused_change_leaves_the_session_open() -> None:
    wire = Wire()
    with Session(wire, reader()) as found:
        with pytest.raises(AccessDenied, match="read-write-denied"):
            found.put(CLOCK, 8, 2, axdr.clock_time(int(NOW.timestamp()), ZONE))
        with pytest.raises(AccessDenied, match="read-write-denied"):
            found.act(CLOCK, 8, 6, bytes.fromhex("10FFC4"))
        assert axdr.text(found.get(SERIAL_NUMBER, 1, 2)) == "E1"


def test_an_unanswered_change_is_sent_once() -> None:
    wire = Wire()
    with Session(wire, reader()) as found:
        wire.answers = lambda _data: b""
        before = len(wire.sent)
        with pytest.raises(BusTimeout):
            found.put(CLOCK, 8, 2, axdr.clock_time(int(NOW.timestamp()), ZONE))
        assert len(wire.sent) == before + 1

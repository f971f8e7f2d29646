# SPDX-License-Identifier: GPL-2.0-only
"""The link to one meter: lists, a second session, and two meters at one address."""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.dlms.exchange import Traffic
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    BusTimeout,
    PasswordRefused,
)
from edge_agent.meters import model
from edge_agent.meters.model import Model, ProfileToRead
from edge_agent.poll import sessions
from edge_agent.poll.memory import ListKind, Memory
from edge_agent.poll.poll import poll
from edge_agent.poll.sessions import Wanted
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    SERIAL_NUMBER,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from tests.unit.edge_agent.fakes import (
    NOW_S,
    QUARTER,
    SIMPLE,
    Fake,
    config,
    fake,
    frozen,
    read,
    stamps,
    truth,
)
from tests.unit.edge_agent.wire import NOW, Wire, meter


def test_a_long_row_has_its_own_request(password: Path) -> None:
    wire = Wire(meters=[meter(1, 17, max_info=128)])
    memory = Memory()
    first = read(wire, config(password), memory=memory)
    marks = dict(first.watermarks)
    asked: list[int] = []
    for quarter in (1, 2, 3):
        wire.now = NOW + timedelta(minutes=15 * quarter)
        found = read(wire, config(password), marks, memory, known=first.meter)
        assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER + 900 * quarter]
        marks.update(found.watermarks)
        asked.append(found.exchanges)
    assert asked[0] > asked[1] == asked[2]
    assert ("A-1", ListKind.AHEAD) in memory.no_lists


def test_rows_that_came_ahead_from_another_meter_are_not_taken(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = dict(read(wire, config(password), memory=memory).watermarks)
    other = Wire(meters=[meter(2, 17)])
    other.now = NOW + timedelta(minutes=15)
    found = poll(
        sessions.sessions(other),
        config(password),
        lambda meter: marks if meter.serial == "E1" else {BLOCK_LOAD_PROFILE: QUARTER - 900},
        other.now,
        memory=memory,
        known=MeterId(manufacturer="GSE", serial="E1"),
        monotonic=frozen,
    )
    assert found.meter.serial == "E2"
    assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER + 900 * n for n in range(-8, 2)]


def test_a_silence_in_the_middle_is_healed_by_a_new_session(password: Path) -> None:
    wire = Wire()
    count = 0

    def lose_some(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return b"" if 20 <= count < 24 else data

    wire.answers = lose_some
    found = read(wire, config(password))
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    assert found.caught_up


def test_a_line_that_dies_keeps_what_was_read_before(password: Path) -> None:
    wire = Wire()
    count = 0

    def die(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return b"" if count >= 60 else data

    wire.answers = die
    found = read(wire, config(password))
    expected = truth(wire, "E1", BLOCK_LOAD_PROFILE)
    seen = stamps(found, BLOCK_LOAD_PROFILE)
    assert seen == expected[: len(seen)]
    assert len(seen) > 96
    assert expected[len(seen) - 1] <= found.watermarks[BLOCK_LOAD_PROFILE] < expected[len(seen)]
    assert not found.caught_up
    assert any("does not answer" in str(each) for each in found.findings)


def test_another_meter_at_the_address_is_read_from_its_own_watermark(password: Path) -> None:
    wire = Wire()
    before = MeterId(manufacturer="GSE", serial="E0")
    marks = {before: {BLOCK_LOAD_PROFILE: QUARTER}}
    found = poll(
        sessions.sessions(wire),
        config(password),
        lambda answering: marks.get(answering, {}),
        NOW,
        known=before,
        windows=100,
        monotonic=frozen,
    )
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    assert any("GSE E0" in str(each) for each in found.findings)


def test_a_meter_that_offers_lists_and_does_not_answer_them(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    wire.answers = lambda data: b"" if b"\xe6\xe6\x00\xc0\x03" in wire.sent[-1] else data
    first = read(wire, config(password), memory=memory)
    assert stamps(first, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    assert memory.no_lists == set()  # one silence may be the line's
    read(wire, config(password), first.watermarks, memory)
    assert memory.no_lists == {("A-1", ListKind.PLAIN)}
    before = len(wire.sent)
    again = read(wire, config(password), first.watermarks, memory)
    # One by one, nothing repeated; the serial number is read twice.
    assert len(wire.sent) - before == again.exchanges == 11
    assert [len(block.columns) for block in again.rows] == [4]


def test_one_lost_list_does_not_cost_the_lists(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = read(wire, config(password), memory=memory).watermarks
    for _ in range(3):
        wire.answers = lambda data: b"" if b"\xe6\xe6\x00\xc0\x03" in wire.sent[-1] else data
        assert read(wire, config(password), marks, memory).exchanges > 10
        wire.answers = lambda data: data
        assert read(wire, config(password), marks, memory).exchanges == 4


def test_a_meter_that_refuses_ranges_in_lists_is_asked_plainly(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    factory = sessions.sessions(wire)

    @contextmanager
    def refusing(
        its_config: MeterConfig, its_model: Model, traffic: Traffic
    ) -> Iterator[sessions.Reader]:
        with factory(its_config, its_model, traffic) as session:
            whole = session.get_list

            def get_list(wanted: list[Wanted], selector: bytes = b"") -> list[sessions.Answer]:
                found = whole(wanted, selector)
                denied = AccessDenied("scope of access violated", result=13)
                return [*found[:-1], denied] if selector else found

            session.get_list = get_list  # type: ignore[method-assign]
            yield session

    marks = {BLOCK_LOAD_PROFILE: QUARTER - 900, DAILY_LOAD_PROFILE: NOW_S}
    read(wire, config(password), marks, memory)
    for asked in (7, 6):  # the list, the plain range and the serial number; then no such list
        found = poll(
            refusing,
            config(password),
            lambda _meter: marks,
            NOW,
            memory=memory,
            monotonic=frozen,
        )
        assert QUARTER in stamps(found, BLOCK_LOAD_PROFILE)
        assert found.exchanges == asked


def test_lists_and_single_requests_give_the_same(
    password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_list = read(Wire(), config(password))
    changed = model.load("is16444").model_copy(update={"lists": False})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: changed)
    assert read(Wire(), config(password)).rows == by_list.rows


def test_a_second_session_with_another_meter_ends_the_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(Fake):
        def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
            raise BusTimeout(f"{profile} {start.hex()} {end.hex()}")

    first = Silent(fake().attributes, {QUARTER: 1})
    other = fake(serial="F2")
    other.rows = {QUARTER - 900: 9}
    two = (ProfileToRead(obis=BLOCK_LOAD_PROFILE), ProfileToRead(obis=BLOCK_LOAD_PROFILE))
    kind = SIMPLE.model_copy(update={"profiles": two})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
    readers = iter([first, other])
    memory = Memory()
    with pytest.raises(AddressShared, match="F2 answers where F1 was"):
        poll(
            lambda _meter, _model, _traffic: nullcontext(next(readers)),
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            memory=memory,
            monotonic=frozen,
        )
    assert {wanted[0] for wanted in other.asked} == {SERIAL_NUMBER}
    assert all(not known.layouts for known in memory.meters.values())


def test_a_second_session_is_checked_before_the_first_register(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(Fake):
        def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
            if obis == ACTIVE_IMPORT:
                raise BusTimeout("nothing")
            return super().get(obis, class_id, attribute)

    other = fake(serial="F2")
    other.attributes[ACTIVE_IMPORT, 3, 2] = b"\x06" + (4711).to_bytes(4, "big")
    kind = Model(title="a register", client=16, lists=False, registers=(ACTIVE_IMPORT,))
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
    readers = iter([Silent(fake().attributes), other])
    with pytest.raises(AddressShared):
        poll(
            lambda _meter, _model, _traffic: nullcontext(next(readers)),
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            monotonic=frozen,
        )


def test_a_late_answer_of_another_meter_at_the_end_is_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def session() -> Iterator[sessions.Reader]:
        yield fake()
        raise AddressShared("two meters answer")

    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: SIMPLE)
    memory = Memory()
    with pytest.raises(AddressShared):
        poll(
            lambda _meter, _model, _traffic: session(),
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            memory=memory,
            monotonic=frozen,
        )
    [facts] = memory.meters.values()
    assert facts.layouts == {}
    assert facts.tried == {}


def test_a_password_refused_to_the_second_session_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Fake] = []

    class Silent(Fake):
        def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
            raise BusTimeout(f"{profile} {start.hex()} {end.hex()}")

    def factory(
        _meter: MeterConfig, _model: Model, _traffic: Traffic
    ) -> AbstractContextManager[sessions.Reader]:
        if opened:
            raise PasswordRefused("changed meanwhile")
        opened.append(Silent(fake().attributes, {QUARTER: 1}))
        return nullcontext(opened[0])

    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: SIMPLE)
    with pytest.raises(PasswordRefused):
        poll(
            factory,
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            monotonic=frozen,
        )


@pytest.mark.parametrize("lists", [True, False])
def test_two_meters_at_one_address_never_mix(
    password: Path,
    monkeypatch: pytest.MonkeyPatch,
    lists: bool,
) -> None:
    changed = model.load("is16444").model_copy(update={"lists": lists})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: changed)
    chance = random.Random(3)
    wires = {number: Wire(meters=[meter(number, 17)]) for number in (1, 2)}
    truths = {
        f"E{number}": {
            profile: {
                int(row.ts.timestamp()): row.values
                for row in wire.estate.meter(f"E{number}").buffered(profile, NOW)
            }
            for profile in (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE)
        }
        for number, wire in wires.items()
    }

    class Either(Wire):
        def send(self, data: bytes) -> None:
            self.sent.append(data)
            for each in wires.values():
                each.send(data)
            heard = [each.receive(0) for each in wires.values()]
            self._waiting += chance.choice(heard)

    wire = Either()
    memory = Memory()
    marks = {BLOCK_LOAD_PROFILE: QUARTER - 900, DAILY_LOAD_PROFILE: NOW_S}
    kept = shared = 0
    for _ in range(100):
        try:
            found = read(wire, config(password), marks, memory)
        except AddressShared:
            shared += 1
            continue
        kept += 1
        serial = found.meter.serial
        for block in found.rows:
            for row in block.rows:
                if block.profile is None:
                    true = [
                        wires[int(serial[1:])].estate.meter(serial).register_at(each.obis, NOW)
                        for each in block.columns
                    ]
                    assert list(row[2:]) == true
                else:
                    assert set(row[2:]) <= set(truths[serial][block.profile][row[0] or 0])
    assert shared > 90
    assert kept < 10

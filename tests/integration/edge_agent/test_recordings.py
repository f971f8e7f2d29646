# SPDX-License-Identifier: GPL-2.0-only
"""An odd meter is recorded, and a virtual one that answers from the recording is read the same.

Each habit of the virtual meter has its recording. The line has its own time, so both meters are
read at one time of it.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from edge_agent.dlms.exchange import Transport
from edge_agent.errors import AgentError
from edge_agent.install.record import Questions, keys_to_open, recorded
from edge_agent.poll.finding import words
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import poll
from edge_agent.poll.sessions import sessions
from edge_agent.recording.file import Recording, parse
from edge_agent.recording.recorder import Recorder
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.virtual.line import Line
from edge_agent.virtual.replay import station
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE, INSTANTANEOUS_PROFILE
from shared_schema.obis import Obis
from tests.support.line_time import LineTime, Wire
from tests.support.odd_meters import ADDRESS, AK, EK, START, one_meter, write_models

KEYS: Final = {"encryption_key": EK, "authentication_key": AK}
DAY_S: Final = 86400
PASSWORD: Final = "pass-W0rd"  # noqa: S105  # another than the serial number
HABITS: Final[dict[str, dict[str, Any]]] = {
    "by the book": {},
    "null rows": {"habits": {"null_rows": True}},
    "null timestamps": {"null_timestamps": True},
    "BCD": {"habits": {"bcd": True}},
    "compact rows": {"habits": {"compact_rows": True}},
    "clock last": {"habits": {"clock_last": True}},
    "short buffer": {"habits": {"short_buffer": True}},
    "short rows": {"habits": {"short_rows": True}},
    "trailing octets": {"habits": {"trailing": True}},
    "float32": {"habits": {"floats": "float32"}},
    "float64": {"habits": {"floats": "float64"}},
    "kilo": {"habits": {"kilo": True}},
    "octets": {"habits": {"serial_form": "octets"}},
    "serial of BCD": {"habits": {"serial_form": "bcd"}},
    "serial behind FF": {"habits": {"serial_form": "ff_padded"}},
    "serial of spaces": {"habits": {"serial_form": "space_padded"}},
    "serial unsigned": {"habits": {"serial_form": "unsigned"}},
    "device name": {"habits": {"serial_place": "0.0.42.0.0.255"}},
    "lists refused": {"habits": {"lists": "refused"}},
    "lists not offered": {"habits": {"lists": "not_offered"}},
    "no limit": {"habits": {"aare": "no_limit"}},
    "more fields": {"habits": {"aare": "more_fields"}},
    "no terms": {"habits": {"aare": "no_terms"}},
    "UA unknown": {"habits": {"ua": "unknown"}},
    "UA empty": {"habits": {"ua": "empty"}},
    "UA of another group": {"habits": {"ua": "wrong_group"}},
    "not ready": {"habits": {"not_ready": True}},
    "not final": {"habits": {"not_final": True}},
    "dribbles": {"habits": {"dribbles": True}},
    "slow": {"slow_s": 0.8},
    "short frames": {"max_info": 32},
    "blocks": {"max_pdu": 64},
    "no ranges": {"ranges": False},
    "deviation reversed": {"deviation": "reversed"},
    "deviation unspecified": {"deviation": "unspecified"},
    "deviation zero": {"deviation": "zero"},
    "deviation ffff": {"deviation": "ffff"},
    "UTC": {"deviation": "utc"},
    "ranges with deviation": {"range_deviation": "required"},
    "glo": {"security": KEYS},
    "general-glo": {"security": {**KEYS, "general": True}},
    "water": {"model": "water"},
    "three phase": {"model": "three_phase"},
}
_MOMENT: Final = re.compile(r"\b[0-9a-f]{2}\b|[0-9]+")
"""A number, or an octet, in a sentence."""
MODELS: Final = {"single_phase": "odd-is16444", "three_phase": "odd-is13779", "water": "odd-water"}


class Bench:
    """A line in its own time, and the files of an installer."""

    def __init__(self, folder: Path, time: LineTime) -> None:
        self.folder, self.time = folder, time
        self.models = write_models(folder / "models")
        for name, text in (("pw", PASSWORD), ("ek", EK), ("ak", AK)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)

    def meter(self, meter: dict[str, Any], client: int = 32) -> MeterConfig:
        """Return how the installer reads a meter."""
        ciphered = "security" in meter
        return MeterConfig(
            label="A",
            address=ADDRESS,
            model=MODELS[meter.get("model", "single_phase")],
            models_dir=self.models,
            client=client,
            security="lls-ae" if ciphered and client == 32 else None,
            password_file=self.folder / "pw" if client == 32 else None,
            encryption_key_file=self.folder / "ek" if ciphered else None,
            authentication_key_file=self.folder / "ak" if ciphered else None,
        )

    def plain(self, meter: dict[str, Any]) -> MeterConfig:
        """Return how its recording is read."""
        return self.meter({name: value for name, value in meter.items() if name != "security"})

    def wire(self, line: Line, at: datetime = START) -> Wire:
        """Return the adapter on a line, at a time."""
        self.time.seconds = at.timestamp()
        config = {"name": "a", "port": "none", "meters": [{"label": "A", "address": ADDRESS}]}
        return Wire(BusConfig.model_validate(config), line, self.time)

    def original(self, meter: dict[str, Any]) -> Line:
        return one_meter({"password": PASSWORD, **meter}, "Asia/Kolkata").lines(baud=9600)["a"]

    def record(
        self, meter: dict[str, Any], *, client: int = 32, keep_serial: bool = True
    ) -> tuple[Recording, Recorder]:
        """Record a meter, and read the recording back as a file holds it."""
        config = self.meter(meter, client)
        wire = self.wire(self.original(meter))
        recorder = Recorder(wire, keys_to_open(config), self.time)
        questions = Questions(
            recorder, config, self.time.now, lambda _text: None, sleep=self.time.sleep
        )
        questions.ask(())
        found = recorded(recorder, config, START, keep_serial=keep_serial)
        return parse(found.text().encode(), "it"), recorder

    def replayed(self, recording: Recording, begun: datetime = START) -> Line:
        return Line([station(recording, begun, lambda _text: None)], baud=9600, turnaround_s=0.02)

    def read(self, wire: Transport, config: MeterConfig) -> Any:
        """Return what the agent reads: its meter, rows and findings, or why there are none."""
        marks: dict[Obis, int] = {}
        memory, seen = Memory(), []

        def known(_meter: object) -> dict[Obis, int]:
            return marks

        opened = sessions(wire, sleep=self.time.sleep)
        for windows in (1, 4):
            try:
                found = poll(
                    opened,
                    config,
                    known,
                    self.time.now(),
                    memory=memory,
                    windows=windows,
                    monotonic=self.time,
                )
            except AgentError as error:
                return str(error)
            seen.append((found.meter, found.rows, tuple(words(each) for each in found.findings)))
            marks = dict.fromkeys(found.watermarks, int(self.time() - 1.5 * DAY_S))
        return seen


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    time = LineTime(START)
    with pytest.MonkeyPatch.context() as patch:
        time.rule(patch)
        yield Bench(tmp_path_factory.mktemp("recordings"), time)


Rows = dict[tuple[Obis, int], tuple[object, ...]]


def rows_of(seen: Any) -> Rows:
    """Return the rows of profiles that were stamped before the meter was recorded."""
    return {
        (block.profile, row[0]): (block.period_s, block.columns, *row[1:])
        for _, blocks, _ in seen
        for block in blocks
        if block.profile is not None and block.profile != INSTANTANEOUS_PROFILE
        for row in block.rows
        if row[0] <= START.timestamp()
    }


def since(rows: Rows, others: Rows) -> Rows:
    """Return the rows that are not older than all others of their profile."""
    first: dict[Obis, int] = {}
    for profile, ts in others:
        first[profile] = min(ts, first.get(profile, ts))
    return {key: row for key, row in rows.items() if key[1] >= first.get(key[0], 0)}


def said(seen: Any) -> list[tuple[object, list[str]]]:
    """Return who was read and what was found, without the moment that it speaks of."""
    return [(who, [_MOMENT.sub("#", each) for each in findings]) for who, _, findings in seen]


@pytest.mark.parametrize("habit", HABITS)
def test_a_recorded_meter_is_read_as_it_was(bench: Bench, habit: str) -> None:
    meter = HABITS[habit]
    recording, recorder = bench.record(meter)
    original = bench.read(bench.wire(bench.original(meter)), bench.meter(meter))
    again = bench.read(bench.wire(bench.replayed(recording)), bench.plain(meter))
    assert recorder.sealed == 0
    if isinstance(original, str):
        assert again == original
        return
    assert said(again) == said(original)
    rows = rows_of(original)
    assert since(rows_of(again), rows) == rows


@pytest.mark.parametrize(("deviation", "sign"), [("reversed", -1), ("zero", 0)])
def test_rows_are_recorded_though_the_sign_is_another(
    bench: Bench, deviation: str, sign: int
) -> None:
    meter = {"deviation": deviation}
    recording, _ = bench.record(meter)
    turned = {"deviation_sign": sign}
    original = bench.read(
        bench.wire(bench.original(meter)), bench.meter(meter).model_copy(update=turned)
    )
    again = bench.read(
        bench.wire(bench.replayed(recording)), bench.plain(meter).model_copy(update=turned)
    )
    rows = rows_of(original)
    assert len(rows) > 100
    assert since(rows_of(again), rows) == rows


@pytest.mark.parametrize("hours", [1.3, 30.0, 75.1])
def test_on_another_day_the_newest_rows_are_new(bench: Bench, hours: float) -> None:
    recording, _ = bench.record({})
    begun = START + timedelta(hours=hours)
    before = rows_of(bench.read(bench.wire(bench.original({})), bench.meter({})))
    found = bench.read(bench.wire(bench.replayed(recording, begun), begun), bench.plain({}))
    moved = {BLOCK_LOAD_PROFILE: int(hours * 4) * 900, DAILY_LOAD_PROFILE: int(hours // 24) * DAY_S}
    again = {
        (block.profile, row[0] - moved[block.profile]): (block.period_s, block.columns, *row[1:])
        for _, blocks, _ in found
        for block in blocks
        if block.profile in moved
        for row in block.rows
    }
    held = {key: row for key, row in before.items() if key[0] in moved}
    newest = max(ts for profile, ts in again if profile == BLOCK_LOAD_PROFILE)
    assert 0 <= begun.timestamp() - newest - moved[BLOCK_LOAD_PROFILE] < 1800
    assert len(held.keys() & again.keys()) > 100
    assert {key: row for key, row in again.items() if key in held} == {
        key: row for key, row in held.items() if key in again
    }
    assert not [text for _, _, findings in found for text in findings]


@pytest.mark.parametrize("habit", ["compact rows", "clock last", "null timestamps", "UTC"])
def test_odd_rows_are_new_on_another_day(bench: Bench, habit: str) -> None:
    meter = HABITS[habit]
    recording, _ = bench.record(meter)
    begun = START + timedelta(hours=31)
    config = bench.plain(meter)
    found = bench.read(bench.wire(bench.replayed(recording, begun), begun), config)
    newest = [
        max(row[0] for row in block.rows)
        for _, blocks, _ in found
        for block in blocks
        if block.profile == BLOCK_LOAD_PROFILE
    ]
    assert 0 <= begun.timestamp() - max(newest) < 1800
    assert not [text for _, _, findings in found for text in findings if "not of now" in text]


@pytest.mark.parametrize("client", [16, 32, 1])
def test_any_client_and_password_read_a_recording(bench: Bench, client: int) -> None:
    recording, _ = bench.record({"security": KEYS})
    config = bench.plain({}).model_copy(
        update={
            "client": client,
            "password_file": bench.folder / "ek" if client == 32 else None,
        }
    )
    found = bench.read(bench.wire(bench.replayed(recording)), config)
    assert not isinstance(found, str), found


def test_a_recording_refuses_who_wants_keys(bench: Bench) -> None:
    recording, _ = bench.record({"security": KEYS})
    said: list[str] = []
    line = Line([station(recording, START, said.append)], baud=9600, turnaround_s=0.02)
    for client in (32, 48):
        found = bench.read(bench.wire(line), bench.meter({"security": KEYS}, client))
        assert isinstance(found, str)
    assert [text for text in said if "has no keys" in text]


def test_a_meter_that_cannot_be_deciphered_leaves_no_ciphered_bytes(bench: Bench) -> None:
    recording, recorder = bench.record({"security": KEYS, "habits": {"dedicated": True}})
    assert recorder.sealed
    assert not [each for each in recording.answers if each.data and each.data[:2] in ("db", "dc")]


def test_a_client_that_proves_itself_is_recorded_in_the_clear(bench: Bench) -> None:
    recording, recorder = bench.record({"security": KEYS}, client=48)
    found = bench.read(bench.wire(bench.replayed(recording)), bench.plain({}))
    assert recorder.sealed == 0
    assert not isinstance(found, str), found
    assert found[0][1]


SERIALS: Final = {
    "text": ({}, "12345678"),
    "octets": ({"serial_form": "octets"}, "BC614E"),
    "BCD": ({"serial_form": "bcd"}, "12345678"),
    "unsigned": ({"serial_form": "unsigned"}, "BC614E"),
    "device name": ({"serial_place": "0.0.42.0.0.255"}, "12345678"),
}


@pytest.mark.parametrize("form", SERIALS)
def test_a_serial_number_is_replaced_in_its_form(bench: Bench, form: str) -> None:
    habits, shown = SERIALS[form]
    kept, _ = bench.record({"habits": habits})
    replaced, _ = bench.record({"habits": habits}, keep_serial=False)
    text = replaced.text()
    for digits in {shown, shown.encode().hex(), b"12345678".hex()}:
        assert digits.lower() not in text.lower()
    assert [_shape(each.data) for each in kept.answers] == [
        _shape(each.data) for each in replaced.answers
    ]


def _shape(data: str | None) -> tuple[str, int]:
    return (data or "")[:4], len(data or "")

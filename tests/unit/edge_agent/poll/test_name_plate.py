# SPDX-License-Identifier: GPL-2.0-only
"""Name plates: from the profile where a meter has one, else object by object."""

from pathlib import Path
from typing import Any, Self

import pytest

from edge_agent.errors import AccessDenied
from edge_agent.meters.model import usable
from edge_agent.poll import name_plate
from edge_agent.settings.bus import MeterConfig
from edge_agent.virtual import axdr
from shared_schema.catalogue import CATEGORY, MANUFACTURER, NAME_PLATE, SERIAL_NUMBER
from shared_schema.obis import Obis

Asked = tuple[Obis, int, int]
METER = MeterConfig(label="A-1", address=17, model="generic")
COLUMNS = (SERIAL_NUMBER, CATEGORY)


def column(obis: Obis) -> bytes:
    name = axdr.octet_string(bytes(obis))
    return axdr.structure(axdr.long_unsigned(1), name, axdr.integer(2), axdr.long_unsigned(0))


def row(*entries: bytes) -> bytes:
    return axdr.structure(*map(axdr.octet_string, entries))


def held(rows: bytes) -> dict[Asked, bytes]:
    return {(NAME_PLATE, 7, 3): axdr.array(map(column, COLUMNS)), (NAME_PLATE, 7, 2): rows}


OBJECTS = {
    (SERIAL_NUMBER, 1, 2): axdr.octet_string(b"O-11"),
    (MANUFACTURER, 1, 2): axdr.octet_string(b"LNT"),
}


class FakeLink:
    """A meter that has these attributes and no other."""

    def __init__(self, answers: dict[Asked, bytes]) -> None:
        self.answers, self.asked = answers, list[Asked]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read_one(self, wanted: Asked) -> bytes | AccessDenied:
        self.asked.append(wanted)
        return self.answers.get(wanted) or AccessDenied("A-1 has none", result=4)


def read(
    monkeypatch: pytest.MonkeyPatch, answers: dict[Asked, bytes]
) -> tuple[name_plate.Plate, set[Obis]]:
    """Return the plate, and which objects were asked for one by one."""
    link = FakeLink(answers)
    monkeypatch.setattr(name_plate, "MeterLink", lambda *_: link)
    nowhere: Any = None
    return name_plate.read_plate(nowhere, METER), {
        obis for obis, kind, _ in link.asked if kind == 1
    }


def test_objects_complete_the_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, asked = read(monkeypatch, held(axdr.array([row(b"P-77\0", b"D2")])) | OBJECTS)
    assert found.entries == {SERIAL_NUMBER: "P-77", MANUFACTURER: "LNT", CATEGORY: "D2"}
    assert found.guess.model == "is13779"
    assert asked == set(name_plate.ENTRIES) - set(COLUMNS)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {(NAME_PLATE, 7, 3): axdr.array(map(column, COLUMNS))},
        held(axdr.array([])),
        held(axdr.array([row(b"P-77")])),
        held(axdr.array([row(b"P-77", b"D2"), row(b"P-78", b"D2")])),
        held(axdr.octet_string(b"P-77")),
        held(axdr.array([row(b"\xff\xfe", b"")])),
    ],
    ids=["none", "no rows", "empty", "short", "two", "no profile", "no text"],
)
def test_without_a_sound_profile_the_objects_tell(
    monkeypatch: pytest.MonkeyPatch, answers: dict[Asked, bytes]
) -> None:
    found, asked = read(monkeypatch, answers | OBJECTS)
    assert found.entries == {SERIAL_NUMBER: "O-11", MANUFACTURER: "LNT"}
    assert asked == set(name_plate.ENTRIES)


BCD = axdr.octet_string(bytes.fromhex("12345678"))


def own_model(folder: Path, name: str, identity: str) -> None:
    text = f'title = "{name}"\nclient = 16\n[identity]\n{identity}\n'
    (folder / f"{name}.toml").write_text(text)


def odd(
    monkeypatch: pytest.MonkeyPatch, folder: Path, answers: dict[Asked, bytes]
) -> name_plate.Plate:
    monkeypatch.setattr(name_plate, "MeterLink", lambda *_: FakeLink(answers))
    nowhere: Any = None
    return name_plate.read_plate(nowhere, METER.model_copy(update={"models_dir": folder}))


def test_an_odd_serial_shows_its_bytes_and_the_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = odd(monkeypatch, tmp_path, {(SERIAL_NUMBER, 1, 2): BCD})
    assert found.serial is None
    assert "09 04 12 34 56 78" in found.odd.remark
    assert '[identity] decoding = "bcd" reads it as 12345678' in found.odd.remark


def test_the_one_model_that_reads_a_serial_fits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own_model(tmp_path, "bcd", 'decoding = "bcd"')
    found = odd(monkeypatch, tmp_path, {(SERIAL_NUMBER, 1, 2): BCD})
    assert (found.serial, found.guess.model) == ("12345678", "bcd")
    assert found.odd.remark == "serial number 12345678 by [identity] of bcd"


def test_models_that_differ_name_no_meter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own_model(tmp_path, "bcd", 'decoding = "bcd"')
    own_model(tmp_path, "hex", 'decoding = "hex"\ntrim = ["ff"]')
    odd_bytes = axdr.octet_string(bytes.fromhex("123F"))
    found = odd(monkeypatch, tmp_path, {(SERIAL_NUMBER, 1, 2): odd_bytes})
    assert (found.serial, found.odd.model) == (None, None)
    assert found.odd.remark.endswith("several ways, bcd as 123, hex as 123F")


def test_a_serial_in_another_object_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own_model(tmp_path, "named", 'code = "0.0.42.0.0.255"')
    answers = {(Obis.parse("0.0.42.0.0.255"), 1, 2): axdr.octet_string(b"GSE123")}
    assert odd(monkeypatch, tmp_path, answers).serial == "GSE123"


def test_a_search_for_a_serial_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number in range(20):
        own_model(tmp_path, f"m{number}", f'code = "0.0.96.1.{number + 5}.255"')
    link = FakeLink({})
    monkeypatch.setattr(name_plate, "MeterLink", lambda *_: link)
    odd_serial = name_plate.odd_serial(link, usable(tmp_path))  # type: ignore[arg-type]
    assert odd_serial.serial is None
    assert len(link.asked) == 5


def test_a_broken_model_does_not_stop_a_plate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.toml").write_text("title = ")
    found = odd(monkeypatch, tmp_path, {(SERIAL_NUMBER, 1, 2): BCD})
    assert found.serial is None


class Hesitant(FakeLink):
    """A meter that refuses each attribute once, for now."""

    def read_one(self, wanted: Asked) -> bytes | AccessDenied:
        is_first = wanted not in self.asked
        found = super().read_one(wanted)
        return AccessDenied("A-1: temporary-failure", result=2) if is_first else found


def test_a_serial_that_was_refused_for_now_names_no_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own_model(tmp_path, "hex", 'decoding = "hex"')
    link = Hesitant(OBJECTS)
    monkeypatch.setattr(name_plate, "MeterLink", lambda *_: link)
    nowhere: Any = None
    found = name_plate.read_plate(nowhere, METER.model_copy(update={"models_dir": tmp_path}))
    assert (found.serial, found.odd.model, found.odd.remark) == ("O-11", None, "")
    assert found.guess.model != ""

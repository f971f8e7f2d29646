# SPDX-License-Identifier: GPL-2.0-only
"""Name plates: from the profile where a meter has one, else object by object."""

from typing import Any, Self

import pytest

from edge_agent.errors import AccessDenied
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

# SPDX-License-Identifier: GPL-2.0-only
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConfigurationError
from edge_agent.recording import file
from edge_agent.recording.file import (
    Associated,
    Got,
    Head,
    Recording,
    check_place,
    load_recording,
    parse,
    save_recording,
)
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "recording.md"
HEAD = Head(at=datetime(2026, 3, 10, tzinfo=UTC), serial="replaced", physical=17, logical=1)
WHOLE = Recording(
    head=HEAD,
    associations=(Associated(client=32, mechanism=1, apdu="61"),),
    answers=(
        Got(obis=ACTIVE_IMPORT, class_id=3, attribute=2, at_s=1.5, data="0600000001"),
        Got(
            obis=BLOCK_LOAD_PROFILE,
            class_id=7,
            attribute=2,
            first_row=1,
            last_row=1,
            at_s=2,
            denied=4,
            means="object-undefined",
        ),
    ),
)
LINES = WHOLE.text().splitlines()


def damaged(number: int, **changed: object) -> bytes:
    """Return the file with other fields in a line, counted from 1; None takes a field away."""
    lines = [json.loads(each) for each in LINES]
    lines[number - 1] |= changed
    kept = [{key: value for key, value in each.items() if value is not None} for each in lines]
    return "\n".join(map(json.dumps, kept)).encode()


def test_a_recording_is_read_as_it_was_written() -> None:
    assert parse(WHOLE.text().encode(), "it") == WHOLE


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"\x00\xff", "it, line 1: no JSON"),
        (b"[" * 10_000, "it, line 1: no JSON"),
        (b"7", "it, line 1"),
        (LINES[1].encode(), 'it, line 1: a recording begins with "line": "meter"'),
        (f"{LINES[0]}\n{LINES[0]}".encode(), "it, line 2: a second meter"),
        (f"{LINES[0]}\n\n{LINES[1]}".encode(), "it, line 2: no JSON"),
        (damaged(1, version=2), "it, line 1: version 2; this program reads version 1"),
        (damaged(1, physical=-1), "it, line 1: physical: "),
        (damaged(1, at="yesterday"), "it, line 1: at: "),
        (damaged(2, challenge="12345678"), "it, line 2: challenge: Extra inputs"),
        (damaged(2, client=0), "it, line 2: client: "),
        (damaged(3, obis="1.8.0"), "it, line 3: obis: "),
        (damaged(3, data="060"), "it, line 3: data: "),
        (damaged(3, data=None), "it, line 3: one of data, denied and apdu is given"),
        (damaged(3, rows_from="0" * 24), "rows_from and rows_to come together"),
        (damaged(4, last_row=None), "first_row and last_row come together"),
        (damaged(4, line="put"), "it, line 4: "),
    ],
)
def test_a_damaged_file_gives_one_error_with_its_line(data: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(data, "it")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=300))
def test_garbage_is_a_recording_or_the_one_error(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse(data, "it")


@given(st.integers(0, len(WHOLE.text()) - 1), st.integers(0, 255))
def test_one_other_byte_is_a_recording_or_the_one_error(at: int, byte: int) -> None:
    data = bytearray(WHOLE.text().encode())
    data[at] = byte
    said = ""
    try:
        found = parse(bytes(data), "it")
    except ConfigurationError as error:
        said = str(error)
    else:
        said = f"it has {len(found.answers) + len(found.associations)} answers"
    assert said.startswith(("it, line ", "it has 3 answers"))


def test_a_file_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_BYTES", 100)
    with pytest.raises(ConfigurationError, match="longer than 100 bytes"):
        parse(WHOLE.text().encode(), "it")
    monkeypatch.undo()
    monkeypatch.setattr(file, "MAX_LINES", 3)
    with pytest.raises(ConfigurationError, match="more than 3 lines"):
        parse(WHOLE.text().encode(), "it")


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "meter.jsonl"
    save_recording(WHOLE, path, force=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_recording(path) == WHOLE
    assert [each.name for each in tmp_path.iterdir()] == ["meter.jsonl"]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "meter.jsonl"
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="is there already"):
        check_place(path, force=False)
    with pytest.raises(ConfigurationError, match="is there already"):
        save_recording(WHOLE, path, force=False)
    with pytest.raises(ConfigurationError, match="is there already"):
        check_place(tmp_path, force=True)
    assert path.read_text() == "mine"
    check_place(path, force=True)
    save_recording(WHOLE, path, force=True)
    assert load_recording(path) == WHOLE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot write"):
        check_place(tmp_path / "none" / "meter.jsonl", force=False)
    with pytest.raises(ConfigurationError, match="cannot read the recording"):
        load_recording(tmp_path / "none")


def test_the_reference_names_every_field_and_shows_lines() -> None:
    text = REFERENCE.read_text()
    for kind in (Head, Associated, Got):
        for name in kind.model_fields:
            assert f"`{name}`" in text
    shown = [line for line in text.splitlines() if line.startswith('{"line"')]
    parse("\n".join(line.replace("…", "") for line in shown).encode(), "the reference")
    assert len(shown) == 5

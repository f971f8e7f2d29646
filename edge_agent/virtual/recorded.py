# SPDX-License-Identifier: GPL-2.0-only
"""The objects of a meter that was recorded: each answers as it did.

An answer is found by what was asked: class, code, attribute and, of a buffer, the rows. Rows by
time come from the answer whose range has most of what is asked, whole: a meter's own cut of its
buffer is kept, with what is odd in it.

Time: the clock, and a buffer of one row that is read whole, run on from the recording. All other
date-times are moved by so many whole days that the newest lie up to a day ahead. Rows that are
still to come are left out until their time, as the newest row was of its time when it was recorded.

In: a recording, requests. Out: answers.
Owns: what was asked and is not in the recording, to say it once.
Never: an answer made up: what was never asked is object-undefined.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from edge_agent.recording.file import Got, Recording
from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import Data
from edge_agent.virtual.cosem import AccessError, AccessResult, Attribute, Selection
from edge_agent.virtual.device import Access
from edge_agent.virtual.habits import Habits
from edge_agent.virtual.recorded_rows import newest_s, rows_until
from edge_agent.virtual.recorded_time import local_seconds, shifted
from edge_agent.virtual.security import Vault
from shared_schema.obis import Obis

_CLOCK, _PROFILE = 8, 7
_DAY_S: Final = 86400
_NO_ROWS: Final = axdr.array(())
_BY_TIME, _BY_PLACE = 1, 2


class RecordedMeter:
    """A `Device` of recorded answers."""

    password = b""
    clients: Mapping[int, Access] = {}
    vault: Vault | None = None
    max_pdu = 0xFFFF
    habits = Habits()

    def __init__(self, recording: Recording, begun: datetime, tell: Callable[[str], None]) -> None:
        """Take a recording.

        Args:
            recording: what the meter answered.
            begun: the true time from which on it is answered, aware.
            tell: takes a sentence on what is asked and was not recorded, each once.
        """
        head = recording.head
        self._at = head.at
        passed_s = (begun - head.at).total_seconds()
        self.moved_s = -int(-passed_s // _DAY_S) * _DAY_S
        """By how much rows are moved: whole days."""
        self._tell = tell
        self._told: set[str] = set()
        self._answers: dict[tuple[int, bytes, int], list[Got]] = {}
        for each in recording.answers:
            key = (each.class_id, bytes(each.obis), each.attribute)
            self._answers.setdefault(key, []).append(each)

    def odd(self, attribute: Attribute) -> bytes | None:
        """Return the APDU that came in the place of a GET response, if one did."""
        found = self._find(attribute)
        return None if found is None or found.apdu is None else bytes.fromhex(found.apdu)

    def block_bytes(self, attribute: Attribute) -> int | None:
        """Return in blocks of how many octets a value came; None: it came whole."""
        found = self._find(attribute)
        return None if found is None else found.block

    def read(self, attribute: Attribute, client: int, now: datetime) -> bytes:  # noqa: ARG002
        """Return the data of one attribute.

        Raises:
            AccessError: it was refused, or never asked.
        """
        found = self._find(attribute)
        if found is None:
            if attribute.selection is not None and self._has_rows(attribute):
                return _NO_ROWS
            self.note(f"{_named(attribute)} was not recorded: answered object-undefined")
            raise AccessError(AccessResult.OBJECT_UNDEFINED)
        if found.denied is not None:
            raise AccessError(found.denied)
        return self._in_time(found, now)

    def write(self, attribute: Attribute, value: Data, now: datetime) -> None:  # noqa: ARG002
        """Refuse: a recording does not change."""
        raise AccessError(AccessResult.READ_WRITE_DENIED)

    def act(self, method: Attribute, value: Data | None, now: datetime) -> None:  # noqa: ARG002
        """Refuse: a recording does not change."""
        raise AccessError(AccessResult.READ_WRITE_DENIED)

    def note(self, sentence: str) -> None:
        """Say something, once."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)

    def _find(self, attribute: Attribute) -> Got | None:
        answers = self._of(attribute)
        selection = attribute.selection
        if selection is None:
            return next((each for each in answers if not _is_selective(each)), None)
        if selection.selector == _BY_TIME:
            return self._by_time(answers, selection)
        return _by_place(answers, selection)

    def _of(self, attribute: Attribute) -> Sequence[Got]:
        return self._answers.get((attribute.class_id, attribute.name, attribute.attribute), ())

    def _has_rows(self, attribute: Attribute) -> bool:
        """Tell whether rows were selected in this way, and given."""
        by_time = attribute.selection is not None and attribute.selection.selector == _BY_TIME
        return any(
            (each.rows_from if by_time else each.first_row) is not None
            for each in self._of(attribute)
        )

    def _by_time(self, answers: Sequence[Got], selection: Selection) -> Got | None:
        """Return the answer that has most of a range of time; of two the shorter."""
        bounds = _bounds(selection)
        if bounds is None:
            return None
        first, last = bounds
        best: tuple[float, float] = (0.0, 0.0)
        found: Got | None = None
        refused: Got | None = None
        for each in answers:
            if each.rows_from is None or each.rows_to is None:
                continue
            if each.data is None:
                refused = each
            begins = local_seconds(bytes.fromhex(each.rows_from), upper=False) + self.moved_s
            ends = local_seconds(bytes.fromhex(each.rows_to), upper=True) + self.moved_s
            common = min(ends, last) - max(begins, first)
            if common >= 0 and (common + 1, begins - ends) > best:
                best, found = (common + 1, begins - ends), each
        given = any(each.rows_from is not None and each.data is not None for each in answers)
        return found or (None if given else refused)

    def _in_time(self, found: Got, now: datetime) -> bytes:
        """Return a value with its date-times as they would stand now."""
        data = bytes.fromhex(found.data or "")
        runs = found.attribute == 2 and (
            found.class_id == _CLOCK
            or (found.class_id == _PROFILE and not _is_selective(found) and data[:2] == b"\x01\x01")
        )
        if not runs:
            return shifted(self._until(found, data, now), self.moved_s)
        said_at = self._at + timedelta(seconds=found.at_s)
        return shifted(data, (now - said_at).total_seconds())

    def _until(self, found: Got, data: bytes, now: datetime) -> bytes:
        """Return a buffer without the rows that are still to come."""
        ahead_s = self.moved_s - (now - self._at).total_seconds()
        if found.attribute != 2 or found.class_id != _PROFILE or ahead_s <= 0:
            return data
        answers = self._answers[found.class_id, bytes(found.obis), found.attribute]
        newest = max(newest_s(bytes.fromhex(each.data or "")) for each in answers)
        return rows_until(data, newest - ahead_s)


def _is_selective(answer: Got) -> bool:
    return answer.rows_from is not None or answer.first_row is not None


def _by_place(answers: Sequence[Got], selection: Selection) -> Got | None:
    """Return the answer that has most of a range of places; of two the shorter."""
    places = [each.value for each in _fields(selection)[:2] if isinstance(each.value, int)]
    if len(places) != 2:
        return None
    first, last = places
    best, found = (0, 0), None
    for each in answers:
        if each.first_row is None or each.last_row is None:
            continue
        common = min(each.last_row, last) - max(each.first_row, first) + 1
        if common > 0 and (common, each.first_row - each.last_row) > best:
            best, found = (common, each.first_row - each.last_row), each
    return found


def _bounds(selection: Selection) -> tuple[float, float] | None:
    """Return the range of a range_descriptor, as seconds by its own fields."""
    ends = [each.value for each in _fields(selection)[1:3] if isinstance(each.value, bytes)]
    if len(ends) != 2 or {len(each) for each in ends} != {12}:
        return None
    return local_seconds(ends[0], upper=False), local_seconds(ends[1], upper=True)


def _fields(selection: Selection) -> tuple[Data, ...]:
    """Return the four fields of a range_descriptor or an entry_descriptor; none of another."""
    value = selection.parameters.value
    found = value if isinstance(value, tuple) else ()
    fields = tuple(each for each in found if isinstance(each, Data))
    return fields if len(fields) == 4 else ()


def _named(attribute: Attribute) -> str:
    obis = Obis.from_bytes(attribute.name)
    return f"{obis} (class {attribute.class_id}) attribute {attribute.attribute}"

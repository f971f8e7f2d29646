# SPDX-License-Identifier: GPL-2.0-only
"""The objects of a meter that was recorded: each answers as it did.

An answer is found by what was asked: class, code, attribute and, of a buffer, the rows. Rows by
time come from the answer that has most of them, whole: a meter's own cut of its buffer is kept,
with what is odd in it. Rows without times of their own are cut to the range.

Time: the clock, and a buffer of one time that is read whole, run on from the recording. Rows are
moved by whole capture periods of their profile, so that the newest is no older than it was, and
all other date-times by whole days.

In: a recording, requests. Out: answers.
Owns: what was asked and is not in the recording, to say it once.
Never: an answer made up: what was never asked is object-undefined.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from edge_agent.recording.file import Got, Recording
from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import AxdrError, Data
from edge_agent.virtual.cosem import AccessError, AccessResult, Attribute, Selection
from edge_agent.virtual.device import Access
from edge_agent.virtual.habits import Habits
from edge_agent.virtual.recorded_rows import untimed_between
from edge_agent.virtual.recorded_time import local_seconds, shifted, stamps
from edge_agent.virtual.security import Vault
from shared_schema.obis import Obis

_CLOCK, _PROFILE = 8, 7
_PERIOD = 4
"""The attribute of a profile that has its capture period."""
_SHORTEST_S: Final = 60
_ARRAY: Final = b"\x01"
_MOST_ROWS: Final = 100_000
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
        self._passed_s = max(0.0, (begun - head.at).total_seconds())
        self._tell = tell
        self._told: set[str] = set()
        self._answers: dict[tuple[int, bytes, int], list[Got]] = {}
        for each in recording.answers:
            key = (each.class_id, bytes(each.obis), each.attribute)
            self._answers.setdefault(key, []).append(each)
        self._periods = {
            name: _period_s(answers[0])
            for (class_id, name, attribute), answers in self._answers.items()
            if (class_id, attribute) == (_PROFILE, _PERIOD)
        }

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
        data = self._in_time(found, now)
        bounds = None if attribute.selection is None else _bounds(attribute.selection)
        if bounds is None:
            return data
        return untimed_between(data, self._periods.get(attribute.name, _DAY_S), *bounds)

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
            return self._by_time(attribute, selection)
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

    def _by_time(self, attribute: Attribute, selection: Selection) -> Got | None:
        """Return the answer with most rows of a range of time; of two that of the shorter range."""
        bounds = _bounds(selection)
        if bounds is None:
            return None
        first, last = bounds
        moved_s = self._moved_s(attribute.name)
        period_s = self._periods.get(attribute.name, _DAY_S)
        asked = [each for each in self._of(attribute) if each.rows_from and each.rows_to]
        ranked = []
        for each in asked:
            begins = local_seconds(bytes.fromhex(each.rows_from or ""), upper=False) + moved_s
            ends = local_seconds(bytes.fromhex(each.rows_to or ""), upper=True) + moved_s
            rows = [at + moved_s for at in _row_times(each, period_s)]
            inside = sum(first <= at <= last for at in rows)
            common = min(ends, last) - max(begins, first)
            if inside or (not rows and common >= 0):
                ranked.append(((inside, -len(rows), common), each))
        if ranked:
            return max(ranked, key=lambda each: each[0])[1]
        given = any(each.data is not None for each in asked)
        return None if given else next(iter(asked), None)

    def _moved_s(self, name: bytes) -> int:
        """Return by how much the date-times of an object are moved."""
        unit = self._periods.get(name, _DAY_S)
        return int(self._passed_s // unit) * unit

    def _in_time(self, found: Got, now: datetime) -> bytes:
        """Return a value with its date-times as they would stand now."""
        data = bytes.fromhex(found.data or "")
        runs = found.attribute == 2 and (
            found.class_id == _CLOCK
            or (found.class_id == _PROFILE and not _is_selective(found) and len(stamps(data)) == 1)
        )
        if not runs:
            return shifted(data, self._moved_s(bytes(found.obis)))
        said_at = self._at + timedelta(seconds=found.at_s)
        return shifted(data, (now - said_at).total_seconds())


def _period_s(answer: Got) -> int:
    """Return a capture period that divides the day; a day for another."""
    data = bytes.fromhex(answer.data or "")
    period_s = int.from_bytes(data[1:], "big") if data[:1] == b"\x06" else 0
    return period_s if period_s >= _SHORTEST_S and _DAY_S % period_s == 0 else _DAY_S


@lru_cache(maxsize=256)
def _row_times(answer: Got, period_s: int) -> tuple[float, ...]:
    """Return the times of rows, as seconds by their own fields; one without follows its period."""
    data = bytes.fromhex(answer.data or "")
    stated = [local_seconds(each, upper=False) for each in stamps(data)]
    try:
        count = axdr.read_length(data, 1)[0] if data[:1] == _ARRAY else 0
    except AxdrError:
        count = 0
    if not stated or len(stated) >= min(count, _MOST_ROWS):
        return tuple(stated)
    return tuple(stated[0] + number * period_s for number in range(min(count, _MOST_ROWS)))


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

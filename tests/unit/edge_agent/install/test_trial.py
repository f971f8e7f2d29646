# SPDX-License-Identifier: GPL-2.0-only
"""A trial: what it lists, and which meter it reads."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from edge_agent.dlms.exchange import Transport
from edge_agent.install import advice_texts
from edge_agent.install import trial as trying
from edge_agent.install.lockout import Lockout
from edge_agent.install.scan import scan
from edge_agent.install.trial import Target, Trial
from tests.unit.edge_agent.wire import Wire, meter, password_file

BAUD = 9600


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> partial[Trial]:
    """Return a trial on a line in memory, whose scan has a clock of its own."""
    steady = itertools.count(0.0, 0.1).__next__
    monkeypatch.setattr(trying, "scan", partial(scan, monotonic=steady))
    return partial(_tried, folder=tmp_path, password=password_file(tmp_path))


def _tried(wire: Wire, *, folder: Path, password: Path, address: int | None = None) -> Trial:
    @contextmanager
    def open_line(_baudrate: int) -> Iterator[Transport]:
        yield wire

    target = Target(baudrate=BAUD, address=address, addresses=(17, 18, 19), password_file=password)
    lockout = Lockout(folder / "refused.jsonl", Path("none"))
    return trying.trial(open_line, target, lambda: wire.now, lockout)


def _line() -> Wire:
    return Wire(meters=[meter(1, 17), meter(2, 18)])


def test_of_several_meters_all_are_listed_and_none_is_read(tried: partial[Trial]) -> None:
    found = tried(_line())
    assert [each.plate.serial for each in found.meters if each.plate] == ["E1", "E2"]
    assert (found.found, found.examination) == (None, None)
    (trouble,) = found.all_troubles
    assert trouble.advice == advice_texts.CHOOSE
    assert [each["address"] for each in found.document()["meters"]] == [17, 18]  # type: ignore[attr-defined]


def test_the_meter_that_is_asked_for_is_read(tried: partial[Trial]) -> None:
    found = tried(_line(), address=18)
    assert found.examination is not None
    assert str(found.examination.meter) == "GSE E2"


def test_a_meter_alone_is_read_without_an_address(tried: partial[Trial]) -> None:
    found = tried(Wire(meters=[meter(1, 17)]))
    assert found.examination is not None
    assert str(found.examination.meter) == "GSE E1"

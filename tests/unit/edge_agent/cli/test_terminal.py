# SPDX-License-Identifier: MIT
"""Tables fit the terminal, count its cells, and lose nothing."""

import pytest
from rich.cells import cell_len

from edge_agent.cli.terminal import listing, table

FLAT = "अ-१२०४ विद्युत"


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_columns_stand_below_each_other_beside_devanagari() -> None:
    text = table(("label", "bus"), [(FLAT, "riser-1"), ("A-1204", "riser-2")])
    places = {cell_len(line.partition("riser")[0]) for line in text.splitlines()[1:]}
    assert places == {cell_len(FLAT) + 2}
    assert len(FLAT) != cell_len(FLAT)


def test_a_long_cell_folds_and_loses_nothing() -> None:
    why = "[bus.meter.setter] is missing; " * 9
    text = table(("label", "why"), [(FLAT, why), ("x" * 200, "ok")])
    assert max(map(cell_len, text.splitlines())) <= 80
    for word in ("[bus.meter.setter]", "missing;"):
        assert text.count(word) == 9
    assert text.count("x") == 200


def test_numbers_stand_to_the_right() -> None:
    assert table(("OBIS", "value"), [("a", "5"), ("b", "1000")], right=1).splitlines() == [
        "OBIS  value",
        "a         5",
        "b      1000",
    ]


def test_at_a_terminal_a_listing_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    first, *rest = listing([("failed", "reading: " + "no-answer " * 12)]).splitlines()
    assert first.startswith("failed  reading: ")
    assert rest
    assert all(line.startswith(" " * 8 + "no-answer") for line in rest)


def test_in_a_pipe_a_listing_never_folds() -> None:
    assert len(listing([("failed", "reading: " + "no answer " * 100)]).splitlines()) == 1


def test_no_escape_sequence_even_where_colour_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in table(("label",), [("A",)]) + listing([("meter", "B")])

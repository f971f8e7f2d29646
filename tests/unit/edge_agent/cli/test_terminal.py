# SPDX-License-Identifier: MIT
"""Tables fit the terminal, count its cells, and lose nothing."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from edge_agent.cli.terminal import ScanProgress, folded, listing, say, say_lines, table
from edge_agent.install.scan_result import Progress

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


STEERS = "A\x1b[2J\u202eB\u200b\x9b"
SHOWN = "A\\u001b[2J\\u202eB\\u200b\\u009b"


def test_what_a_text_hides_is_shown_as_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert table(("label",), [(STEERS,)]).splitlines()[1] == SHOWN
    assert listing([("label", STEERS)]) == f"label  {SHOWN}"
    say(STEERS)
    say_lines(f"{STEERS}\nB")
    assert capsys.readouterr().err == f"{SHOWN}\n{SHOWN}\nB\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


WORDS = st.text("abcß१23-/.", min_size=1, max_size=34)
CELLS = st.lists(WORDS, max_size=5).map(" ".join)


@given(
    st.sampled_from((40, 80)),
    st.integers(1, 5).flatmap(
        lambda columns: st.lists(
            st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=4
        )
    ),
)
def test_no_word_of_a_table_or_listing_breaks(width: int, rows: list[list[str]]) -> None:
    header = ["label", "bus", "meter", "result", "why"][: len(rows[0])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setattr("sys.stdout", Terminal())
        shown = {
            table(header, rows): [cell for row in rows for cell in row],
            listing((header[0], row[0]) for row in rows): [row[0] for row in rows],
        }
    for text, cells in shown.items():
        words = [word for cell in cells for word in cell.split()]
        assert max(map(cell_len, text.splitlines() or [""])) <= width
        assert all(words.count(word) <= text.split().count(word) for word in words), text


def test_an_error_folds_between_words_at_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    said = "edge-agent: cannot read --password-file: No such file or directory: /etc/edge-agent/pw"
    assert folded(said, io.StringIO()) == said
    lines = folded(said, Terminal()).splitlines()
    assert " ".join(line.strip() for line in lines) == said
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("columns", [40, 80])
def test_progress_stays_on_its_line(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    progress = ScanProgress()
    for done in range(1, 128):
        progress(Progress(115200, done, 127, 32, again=True))
    lines = screen.getvalue().rstrip("\n").split("\r")[1:]
    assert max(map(len, lines)) < columns
    assert all("115200" in line and "32" in line for line in lines)


def test_commands_to_type_keep_their_lines_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    commands = "edge-agent scan --port riser-1.tty \\\n    --addresses 16-21\n\nedge-agent read"
    say_lines(commands)
    assert capsys.readouterr().err == f"{commands}\n"

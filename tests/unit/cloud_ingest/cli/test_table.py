# SPDX-License-Identifier: MIT
"""A table counts cells, folds in time, and never cuts a figure."""

import unicodedata
from decimal import Decimal

import pytest

from cloud_ingest.cli.table import Column, figure, table

COLUMNS = [Column("Unit"), Column("Id", "name"), Column("Used", "figure"), Column("Message")]
ROWS = [
    ("\N{DEVANAGARI LETTER KA}\N{DEVANAGARI VOWEL SIGN U}-1204", "4f1c-77", "7.440", "all is well"),
    ("A-1204", "9b20-11", "123456.789", "water ran " * 12),
]


def cells(text: str) -> int:
    """Count cells by the Unicode database: a mark stands in the cell of its letter."""
    return sum(unicodedata.category(character) != "Mn" for character in text)


def before(line: str, word: str) -> int:
    return cells(line[: line.index(word)])


def test_names_begin_under_each_other_in_devanagari() -> None:
    lines = table(COLUMNS, ROWS, width=200).splitlines()
    words = ("Id", "4f1c-77", "9b20-11")
    assert len({before(line, word) for line, word in zip(lines, words, strict=True)}) == 1


def test_figures_end_under_each_other_in_devanagari() -> None:
    lines = table(COLUMNS, ROWS, width=200).splitlines()
    words = ("Used", "7.440", "123456.789")
    ends = {before(line, word) + len(word) for line, word in zip(lines, words, strict=True)}
    assert len(ends) == 1


@pytest.mark.parametrize("width", [80, 60, 44])
def test_a_wide_table_folds_its_texts_alone(width: int) -> None:
    text = table(COLUMNS, ROWS, width=width)
    assert max(map(cells, text.splitlines())) <= width
    assert (text.count("water"), text.count("ran")) == (12, 12)
    for whole in ("4f1c-77", "9b20-11", "7.440", "123456.789"):
        assert whole in text


def test_a_narrow_terminal_cuts_no_figure() -> None:
    text = table(COLUMNS, ROWS, width=10)
    assert "123456.789" in text
    assert text.replace("\n", " ").count("water") == 12


def test_where_words_would_break_rows_become_paragraphs() -> None:
    columns = [Column("Unit"), Column("Service"), Column("Bulk", "figure"), Column("", "figure")]
    rows = [("A-1204", "electricity", "1886.830", "kWh"), ("A-1205", "water", "7.1", "kL")]
    assert table(columns, rows, width=24) == (
        "Unit     A-1204\nService  electricity\nBulk     1886.830 kWh\n\n"
        "Unit     A-1205\nService  water\nBulk     7.1 kL"
    )


def test_one_endless_word_makes_no_paragraphs() -> None:
    text = table([Column("Unit"), Column("Detail")], [("A-1204", "f" * 90)], width=40)
    assert text.splitlines()[0] == "Unit    Detail"
    assert text.count("f") == 90


def test_a_table_of_nothing_is_its_titles() -> None:
    assert table(COLUMNS, []) == "Unit  Id  Used  Message"


def test_cells_are_texts_and_no_markup() -> None:
    text = table([Column("Unit")], [("[bold]A[/bold] :smile:",)])
    assert text.splitlines()[1] == "[bold]A[/bold] :smile:"


def test_a_terminal_gets_no_control_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in table(COLUMNS, ROWS)


def test_an_unknown_figure_is_a_dash() -> None:
    assert (figure(None), figure(Decimal("1E+2"))) == ("-", "100")

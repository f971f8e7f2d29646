# SPDX-License-Identifier: MIT
"""One page for the notice board: how far the month is, each tower's balance, and what is missing.

What a flat used tells its neighbours when nobody was at home, so that the page has it on request
alone. Where the flats do not fit on one page, it says who has the whole list. A letter that the
page's font lacks is written as its code, never left out.

In: a month. Out: the bytes of a PDF. Pure.
"""

import io
from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from cloud_ingest.exports.notice_text import TOWER_TITLES, WITH_THE_MANAGER, Notice, notice_of
from shared_schema.export import MonthExport

WIDTH, HEIGHT = A4
MARGIN: Final = 48.0
FLOOR: Final = 96.0
"""Below it the small print begins."""
PLAIN, BOLD = "Notice", "Notice-Bold"
MOST_TOWERS: Final = 24
MOST_MISSING: Final = 12
TOWER_WIDTHS: Final = (0.18, 0.17, 0.13, 0.13, 0.12, 0.27)
FLAT_COLUMNS: Final = 3


def notice_pdf(found: MonthExport, *, amounts: bool = False) -> bytes:
    """Write the page.

    Args:
        found: The month.
        amounts: Also what each flat used, where all flats fit.
    """
    notice = notice_of(found, amounts=amounts)
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1, lang="en-GB")
    canvas.setTitle(drawable(f"{notice.society}: {notice.title}"))
    page = _Page(canvas)
    page.write(notice)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _register_fonts() -> None:
    for name, file in ((PLAIN, "Vera.ttf"), (BOLD, "VeraBd.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            with as_file(files("reportlab").joinpath("fonts", file)) as path:
                pdfmetrics.registerFont(TTFont(name, str(path)))


def drawable(text: str) -> str:
    """Write what the page's font lacks as its code."""
    _register_fonts()
    known = pdfmetrics.getFont(PLAIN).face.charToGlyph
    return "".join(
        each if ord(each) in known and each.isprintable() else f"\\u{ord(each):04x}"
        for each in text
    )


class _Page:
    """Draws one page from top to bottom."""

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas
        self._y = HEIGHT - MARGIN

    def write(self, notice: Notice) -> None:
        """Draw all of a notice."""
        self._line(notice.society, BOLD, 20, 28)
        self._line(notice.title, PLAIN, 14, 26)
        for sentence in notice.sentences:
            self._paragraph(sentence, 11)
        if notice.towers:
            self._towers(notice.towers)
        if notice.missing:
            self._heading("Not final")
            self._listed(notice.missing, MOST_MISSING)
        if notice.flats:
            self._flats(notice)
        self._small_print(notice.small_print)

    def _line(self, text: str, font: str, size: float, leading: float) -> None:
        self._y -= leading - 4
        self._text(MARGIN, text, font, size, WIDTH - 2 * MARGIN)
        self._y -= 4

    def _heading(self, text: str) -> None:
        self._y -= 8
        self._line(text, BOLD, 11, 18)

    def _paragraph(self, text: str, size: float) -> None:
        for line in simpleSplit(drawable(text), PLAIN, size, WIDTH - 2 * MARGIN):
            self._y -= size * 1.35
            self._canvas.setFont(PLAIN, size)
            self._canvas.drawString(MARGIN, self._y, line)

    def _listed(self, texts: Sequence[str], most: int) -> None:
        for text in texts[:most]:
            self._y -= 12
            self._text(MARGIN, text, PLAIN, 8.5, WIDTH - 2 * MARGIN)
        if len(texts) > most:
            self._paragraph(f"and {len(texts) - most} more. {WITH_THE_MANAGER}", 8.5)

    def _towers(self, rows: Sequence[Sequence[str]]) -> None:
        self._heading("Towers")
        room = WIDTH - 2 * MARGIN
        widths = [share * room for share in TOWER_WIDTHS]
        self._row(TOWER_TITLES, widths, BOLD, left=2)
        for row in rows[:MOST_TOWERS]:
            self._row(row, widths, PLAIN, left=2)
        if len(rows) > MOST_TOWERS:
            self._paragraph(f"and {len(rows) - MOST_TOWERS} more. {WITH_THE_MANAGER}", 8.5)

    def _flats(self, notice: Notice) -> None:
        """Draw the flats in columns, or say who has the list, if they do not fit."""
        leading, gap = 12.5, 18.0
        lines = int((self._y - FLOOR - 40) // leading) - 1
        self._heading("Flats")
        if len(notice.flats) > lines * FLAT_COLUMNS:
            count = f"{len(notice.flats):,} flats do not fit on one page."
            self._paragraph(f"{count} {WITH_THE_MANAGER}", 10)
            return
        width = (WIDTH - 2 * MARGIN - gap * (FLAT_COLUMNS - 1)) / FLAT_COLUMNS
        amounts = len(notice.flat_titles) - 1
        widths = [width * 0.4, *[width * 0.6 / amounts] * amounts]
        high = -(-len(notice.flats) // FLAT_COLUMNS)
        top = self._y
        for column in range(FLAT_COLUMNS):
            own = notice.flats[column * high : (column + 1) * high]
            self._y = top
            if own:
                x = MARGIN + column * (width + gap)
                self._row(notice.flat_titles, widths, BOLD, left=1, x=x)
                for row in own:
                    self._row(row, widths, PLAIN, left=1, x=x)

    def _row(
        self,
        cells: Iterable[str],
        widths: Sequence[float],
        font: str,
        *,
        left: int,
        x: float = MARGIN,
    ) -> None:
        """Draw a row; behind so many cells that stand left, figures stand right."""
        self._y -= 12.5
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            self._text(x, cell, font, 8.5, width - 4, is_right=place >= left)
            x += width
        self._canvas.setLineWidth(0.25)
        self._canvas.setStrokeGray(0.75)
        self._canvas.line(x - sum(widths), self._y - 3, x, self._y - 3)

    def _text(
        self, x: float, text: str, font: str, size: float, room: float, *, is_right: bool = False
    ) -> None:
        """Draw a text; smaller where it does not fit, and then cut with a sign."""
        told = drawable(text)
        while size > 6 and pdfmetrics.stringWidth(told, font, size) > room:
            size -= 0.5
        if pdfmetrics.stringWidth(told, font, size) > room:
            while told and pdfmetrics.stringWidth(f"{told}…", font, size) > room:
                told = told[:-1]
            told += "…"
        self._canvas.setFont(font, size)
        if is_right:
            self._canvas.drawRightString(x + room, self._y, told)
        else:
            self._canvas.drawString(x, self._y, told)

    def _small_print(self, texts: Sequence[str]) -> None:
        self._y = FLOOR - 12
        self._canvas.setFillGray(0.25)
        for text in texts:
            self._paragraph(text, 8)

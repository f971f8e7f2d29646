# SPDX-License-Identifier: MIT
"""The sheet of personal links: one card with a QR code for each unit, to be cut and handed out.

In: units with their links. Out: a PDF. Never: a file. Pure.
"""

import io
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from cloud_ingest.core.local_time import short_day
from cloud_ingest.errors import UserError
from cloud_ingest.exports.link_cards import Card

_ACROSS, _DOWN = 2, 4
_MARGIN: Final = 10 * mm
_CODE: Final = 38 * mm
_CARD_WIDTH: Final = (A4[0] - 2 * _MARGIN) / _ACROSS
_CARD_HEIGHT: Final = (A4[1] - 2 * _MARGIN) / _DOWN


def sheet_pdf(cards: Sequence[Card], zone: ZoneInfo) -> bytes:
    """Return the cards on A4, eight a page, in their order.

    Raises:
        UserError: a name has letters that its font lacks: the card would be of nobody.
    """
    for text in (each for card in cards for each in (card.society, card.unit, *card.meters)):
        if not _is_printable(text):
            raise UserError(
                f"{text!r} cannot be printed in Latin letters: write the sheet as .csv, and the "
                "letter with a program that has the font"
            )
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.setTitle("Dials to read")
    for number, card in enumerate(cards):
        place = number % (_ACROSS * _DOWN)
        if number and place == 0:
            canvas.showPage()
        left = _MARGIN + place % _ACROSS * _CARD_WIDTH
        top = A4[1] - _MARGIN - place // _ACROSS * _CARD_HEIGHT
        _draw(canvas, card, left, top, zone)
    canvas.save()
    return out.getvalue()


def _is_printable(text: str) -> bool:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _draw(canvas: Canvas, card: Card, left: float, top: float, zone: ZoneInfo) -> None:
    canvas.setDash(2, 2)
    canvas.rect(left, top - _CARD_HEIGHT, _CARD_WIDTH, _CARD_HEIGHT)
    canvas.setDash()
    canvas.linkURL(card.address, (left, top - _CARD_HEIGHT, left + _CARD_WIDTH, top))
    text, inner = left + 5 * mm, top - 9 * mm
    room = _CARD_WIDTH - 10 * mm
    _line(canvas, text, inner, card.society, room=room, size=9)
    _line(canvas, text, inner - 9 * mm, card.unit, room=room, size=20, bold=True)
    beside = room - _CODE - 2 * mm
    words = (
        *card.meters[:3],
        "",
        "Scan the code, type what the dial",
        "shows, and take a photo of it.",
        "",
        f"From {short_day(card.read_from, zone)} to {short_day(card.until, zone)}.",
    )
    for number, line in enumerate(words):
        _line(canvas, text, inner - 17 * mm - number * 4.2 * mm, line, room=beside, size=9)
    _code(canvas, card.address, left + _CARD_WIDTH - _CODE - 5 * mm, top - _CODE - 22 * mm)


def _line(
    canvas: Canvas,
    left: float,
    base: float,
    text: str,
    room: float,
    *,
    size: int,
    bold: bool = False,
) -> None:
    """Write a line, smaller where it would be too wide."""
    font = "Helvetica-Bold" if bold else "Helvetica"
    wide = stringWidth(text, font, size)
    canvas.setFont(font, size if wide <= room else size * room / wide)
    canvas.drawString(left, base, text)


def _code(canvas: Canvas, address: str, left: float, bottom: float) -> None:
    widget = QrCodeWidget(address, barLevel="M", barWidth=_CODE, barHeight=_CODE)
    drawing = Drawing(_CODE, _CODE)
    drawing.add(widget)
    renderPDF.draw(drawing, canvas, left, bottom)

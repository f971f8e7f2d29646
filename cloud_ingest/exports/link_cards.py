# SPDX-License-Identifier: MIT
"""What a resident gets: a card with a personal link, as a value and as CSV for a letter.

In: units with their links. Out: CSV; `exports.link_sheet` draws them. Never: a file. Pure.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.exports.cells import guarded
from cloud_ingest.month.resident_links import HandedLink


@dataclass(frozen=True, slots=True)
class Card:
    """What a resident gets."""

    society: str
    unit: str
    meters: tuple[str, ...]
    """Such as ``electricity, meter …4711``."""
    address: str
    read_from: datetime
    until: datetime

    def __repr__(self) -> str:
        return f"Card({self.unit!r})"


def card_of(handed: HandedLink, base: str) -> Card:
    """Return the card of a link whose address begins with ``base``."""
    address = handed.made.address(base)
    unit, meters = handed.made.subject, handed.meters
    return Card(handed.society, unit, meters, address, handed.read_from, handed.until)


def cards_csv(cards: Sequence[Card], zone: ZoneInfo) -> bytes:
    """Return the cards as CSV, a line each; no cell of it is a formula."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(["society", "unit", "meters", "link", "read_from", "until"])
    for card in cards:
        times = (card.read_from.astimezone(zone), card.until.astimezone(zone))
        cells = [card.society, card.unit, "; ".join(card.meters), card.address]
        lines.writerow([*map(guarded, cells), *(f"{each:%Y-%m-%d %H:%M}" for each in times)])
    return out.getvalue().encode()

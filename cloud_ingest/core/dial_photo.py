# SPDX-License-Identifier: MIT
"""A photo of a dial as it is kept, and when it was taken by its own clock. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple


class PhotoTime(NamedTuple):
    """When a picture was taken."""

    local: datetime
    """Without an offset."""
    offset: timedelta | None
    """From UTC; None: the picture does not say."""

    def at(self, zone: tzinfo) -> datetime:
        """Return the moment; where the picture has no offset its clock was the zone's."""
        return self.local.replace(tzinfo=zone if self.offset is None else timezone(self.offset))

    def text(self) -> str:
        """Write it as its clock showed it."""
        zone = None if self.offset is None else timezone(self.offset)
        return self.local.replace(tzinfo=zone).isoformat(" ", "minutes")


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture that was made anew (`core.photo`)."""

    jpeg: bytes
    width: int
    height: int
    taken: PhotoTime | None

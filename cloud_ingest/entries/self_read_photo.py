# SPDX-License-Identifier: MIT
"""The photo of a dial, made anew of the bytes that came: one at a time, within the bounds.

In: bytes. Out: a photo, or why it is none. Never: the bytes that came.
"""

import hashlib
import threading
from dataclasses import dataclass
from typing import Final

from cloud_ingest.core.photo import clean_photo
from cloud_ingest.entries.self_read_look import SentPhoto
from cloud_ingest.errors import PhotoRefused

_ONE_PHOTO = threading.Lock()
"""A photo is decoded at a time: each may take 100 MB meanwhile."""


@dataclass(frozen=True, slots=True)
class MadePhoto:
    """A photo that was made anew, or why it was not."""

    sent: SentPhoto | None = None
    problem: str | None = None


NO_PHOTO: Final = MadePhoto()


def made_anew(data: bytes) -> SentPhoto:
    """Return a photo made anew.

    Raises:
        PhotoRefused: the bytes are none.
    """
    with _ONE_PHOTO:
        photo = clean_photo(data)
    return SentPhoto(photo, hashlib.sha256(data).digest())


def made_or_not(data: bytes | None) -> MadePhoto:
    """Return a photo made anew; a bad one is a problem of its own, and not the number's."""
    if data is None:
        return NO_PHOTO
    try:
        return MadePhoto(made_anew(data))
    except PhotoRefused as refused:
        return MadePhoto(problem=str(refused))

# SPDX-License-Identifier: MIT
"""A photo of a dial: whatever bytes came in, either a picture made anew or one clear refusal.

Nothing of the bytes that came is kept: the picture is decoded, turned as its EXIF says, made
smaller and encoded again, so that no place, no name, no second file behind the picture stays in
it. When it was taken, by its own clock, is kept beside it.

The bounds hold before anything is decoded: bytes, kind by content, pixels by the header. This is
the only door to Pillow, whose parsers raise what they like on hostile bytes.

In: bytes. Out: a `Photo`. Raises: PhotoRefused, and nothing else. Pure.
"""

import io
from datetime import datetime, timedelta
from typing import Final

from PIL import Image

from cloud_ingest.core.dial_photo import Photo, PhotoTime
from cloud_ingest.errors import PhotoRefused

MOST_BYTES: Final = 8 * 1024 * 1024
"""A telephone's largest picture takes less."""
MOST_PIXELS: Final = 40_000_000
"""Of a JPEG, which is decoded at the size that is needed; a progressive one takes 240 MB."""
MOST_DECODED: Final = 13_000_000
"""Of a PNG or WebP, which is decoded whole: 50 MB, and again as much."""
LONGEST_SIDE: Final = 1600
"""Pixels; the digits of a dial are read well in it."""
_QUALITY: Final = 80
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
MOST_SCANS: Final = 100
"""Of a progressive JPEG, which cameras write in about ten; each costs every pixel."""
_JPEG, _SCAN = b"\xff\xd8", b"\xff\xda"
_STILL: Final = frozenset({"JPEG", "MPO"})
"""Kinds whose further pictures are previews of the first, never a film."""
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_YEARS: Final = range(1970, 3000)
"""Of a clock that was set at all; at the ends of the calendar no offset can be taken off."""
_ORIENTATION, _EXIF_IFD, _TAKEN, _OFFSET = 0x0112, 0x8769, 0x9003, 0x9011
Image.MAX_IMAGE_PIXELS = None  # our own bounds are narrower, and refuse instead of warning


def clean_photo(data: bytes) -> Photo:
    """Return a picture made anew of the bytes that came.

    Raises:
        PhotoRefused: they are no picture, a damaged one, a film, or too large.
    """
    if not data:
        raise PhotoRefused("the photo is empty: take it again")
    if len(data) > MOST_BYTES:
        raise PhotoRefused(
            f"the photo has {len(data)} bytes, more than {MOST_BYTES}: take it with fewer pixels"
        )
    if data.startswith(_JPEG) and data.count(_SCAN) > MOST_SCANS:
        raise PhotoRefused("the photo is built of too many layers: send it as a camera wrote it")
    try:
        return _made_anew(data)
    except PhotoRefused:
        raise
    except Exception:  # its parsers raise a dozen kinds on hostile bytes
        raise PhotoRefused(
            "this is no photo that can be read (JPEG, PNG or WebP), or a part of it is missing: "
            "take it again"
        ) from None


def _made_anew(data: bytes) -> Photo:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        kind = image.format or ""
        _refuse_huge(image, kind)
        if kind not in _STILL and getattr(image, "n_frames", 1) > 1:
            raise PhotoRefused("this is a film of several pictures: send one still photo")
        orientation, taken = _exif(image)
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        image.load()
        still = _small(image)
    if orientation in _TURNS:
        still = still.transpose(_TURNS[orientation])
    still.info.clear()  # a comment in it would be written again
    out = io.BytesIO()
    still.save(out, "JPEG", quality=_QUALITY)
    return Photo(out.getvalue(), still.width, still.height, taken)


def _refuse_huge(image: Image.Image, kind: str) -> None:
    most = MOST_PIXELS if kind in _STILL else MOST_DECODED
    if image.width * image.height > most:
        raise PhotoRefused(
            f"the photo has {image.width} x {image.height} pixels, more than {most}: take it with "
            "fewer"
        )


def _small(image: Image.Image) -> Image.Image:
    """Return a small picture in colours alone; what is transparent lies on white."""
    if image.mode.startswith("I"):  # 16 bits a pixel, which else are cut off and not scaled
        image = image.point(lambda grey: grey / 256).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    small = image if image.mode == mode else image.convert(mode)
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if mode == "RGB":
        return small
    white = Image.new(mode, small.size, "white")
    return Image.alpha_composite(white, small).convert("RGB")


def _exif(image: Image.Image) -> tuple[int | None, PhotoTime | None]:
    """Return how a picture is to be turned and when it was taken; a spoiled EXIF says neither."""
    try:
        exif = image.getexif()
        own = exif.get_ifd(_EXIF_IFD)
        orientation = exif.get(_ORIENTATION)
        taken = _taken(own.get(_TAKEN), own.get(_OFFSET))
    except Exception:  # the picture itself may be good
        return None, None
    return (orientation if isinstance(orientation, int) else None), taken


def _taken(local: object, offset: object) -> PhotoTime | None:
    """Read ``2026:11:01 08:02:11`` and ``+05:30``."""
    if not isinstance(local, str):
        return None
    try:
        at = datetime.strptime(local.strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  local
    except ValueError:
        return None
    return PhotoTime(at, _utc_offset(offset)) if at.year in _YEARS else None


def _utc_offset(text: object) -> timedelta | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text.strip("\0 "), "%z").utcoffset()
    except ValueError:
        return None

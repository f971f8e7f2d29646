# SPDX-License-Identifier: MIT
"""Photos of dials: any bytes give a picture made anew, or the one error."""

import io
import struct
import zlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cloud_ingest.core.dial_photo import Photo, PhotoTime
from cloud_ingest.core.photo import LONGEST_SIDE, MOST_BYTES, MOST_SCANS, clean_photo
from cloud_ingest.errors import PhotoRefused

IST = ZoneInfo("Asia/Kolkata")


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object
) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new(mode, size, 200)
    if mode in {"RGB", "RGBA"}:
        image.paste((250, 10, 10), (0, 0, size[0] // 2, size[1]))
        image.paste((10, 10, 250), (size[0] // 2, 0, size[0], size[1]))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_exif(taken: str | None = None, offset: str | None = None, turn: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x010F] = "SecretMaker"
    own = exif.get_ifd(0x8769)
    if taken is not None:
        own[0x9003] = taken
    if offset is not None:
        own[0x9011] = offset
    exif.get_ifd(0x8825)[1] = "N"
    return picture(exif=exif)


SAMPLES = {kind: picture(kind) for kind in ("JPEG", "PNG", "WEBP")} | {
    "exif": with_exif("2026:11:01 08:02:11", "+05:30", 6),
    "grey": picture("JPEG", mode="L"),
}


def seen(photo: Photo) -> Image.Image:
    return Image.open(io.BytesIO(photo.jpeg))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_of_three_kinds_become_jpeg(kind: str) -> None:
    photo = clean_photo(SAMPLES[kind])
    assert (seen(photo).format, photo.width, photo.height) == ("JPEG", 60, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_colours(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert seen(clean_photo(picture(kind, mode=mode))).mode == "RGB"


def test_a_photo_of_sixteen_bits_keeps_its_greys() -> None:
    grey = io.BytesIO()
    Image.new("I;16", (40, 40), 30_000).save(grey, "PNG")
    assert seen(clean_photo(grey.getvalue())).getpixel((20, 20)) == (117, 117, 117)


def test_what_is_transparent_lies_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(out, "PNG")
    assert seen(clean_photo(out.getvalue())).getpixel((20, 20)) == (255, 255, 255)


def test_a_turned_photo_is_turned_and_loses_its_exif() -> None:
    photo = clean_photo(with_exif("2026:11:01 08:02:11", "+05:30", turn=6))
    assert (photo.width, photo.height) == (40, 60)
    top = seen(photo).getpixel((20, 5))
    assert isinstance(top, tuple)
    assert top[0] > 200 > top[2]
    assert dict(seen(photo).getexif()) == {}
    assert b"SecretMaker" not in photo.jpeg


@pytest.mark.parametrize(
    ("offset", "at"),
    [
        ("+05:30", datetime(2026, 11, 1, 2, 32, 11, tzinfo=UTC)),
        ("+00:00", datetime(2026, 11, 1, 8, 2, 11, tzinfo=UTC)),
        (None, datetime(2026, 11, 1, 8, 2, 11, tzinfo=IST)),
        ("nonsense", datetime(2026, 11, 1, 8, 2, 11, tzinfo=IST)),
    ],
)
def test_its_own_time_is_kept(offset: str | None, at: datetime) -> None:
    taken = clean_photo(with_exif("2026:11:01 08:02:11", offset)).taken
    assert taken is not None
    assert taken.at(IST) == at


@pytest.mark.parametrize(
    "taken",
    [None, "", "0000:00:00 00:00:00", "0001:01:01 00:00:00", "9999:12:31 23:59:59", "yesterday"],
)
def test_a_time_that_is_none_is_no_time(taken: str | None) -> None:
    assert clean_photo(with_exif(taken, "+05:30")).taken is None


def test_a_time_without_offset_is_the_zones() -> None:
    taken = PhotoTime(datetime(2026, 11, 1, 8), timedelta(hours=1))  # noqa: DTZ001
    assert taken.at(IST).utcoffset() == timedelta(hours=1)


def test_a_large_photo_is_made_smaller() -> None:
    photo = clean_photo(picture(size=(4000, 3000)))
    assert (photo.width, photo.height) == (LONGEST_SIDE, 1200)


def test_nothing_behind_the_picture_stays() -> None:
    polyglot = SAMPLES["JPEG"] + b"PK\x03\x04<script>alert(1)</script>" * 50
    assert b"script" not in clean_photo(polyglot).jpeg


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_no_comment_of_a_picture_stays(kind: str) -> None:
    words = PngInfo()
    words.add_text("comment", "taken at 12.97 N 77.59 E")
    sent = picture(kind, comment=b"taken at 12.97 N 77.59 E", pnginfo=words)
    assert b"77.59 E" in sent
    assert b"77.59 E" not in clean_photo(sent).jpeg


def test_a_jpeg_of_endless_layers_is_refused() -> None:
    layered = picture(progressive=True)
    layer = layered[layered.rindex(b"\xff\xda") : -2]
    with pytest.raises(PhotoRefused, match="too many layers"):
        clean_photo(layered[:-2] + layer * MOST_SCANS + layered[-2:])


def _png_header(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _film(kind: str) -> bytes:
    frames = [Image.new("RGB", (30, 30), (n * 80, 0, 0)) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the photo is empty"),
        (b"\xff" * (MOST_BYTES + 1), "bytes, more than"),
        (b"no picture at all", "no photo that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no photo that can be read"),
        (picture("GIF"), "no photo that can be read"),
        (picture("BMP"), "no photo that can be read"),
        (picture("TIFF"), "no photo that can be read"),
        (SAMPLES["JPEG"][:-200], "a part of it is missing"),
        (SAMPLES["PNG"][:60], "a part of it is missing"),
        (SAMPLES["WEBP"][:-30], "a part of it is missing"),
        (_png_header(60000, 60000), "60000 x 60000 pixels"),
        (_png_header(4001, 4001), "4001 x 4001 pixels"),
        (_film("WEBP"), "a film of several pictures"),
        (_film("PNG"), "a film of several pictures"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_what_is_no_photo_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(PhotoRefused, match=says):
        clean_photo(data)


def test_previews_within_a_jpeg_are_no_film() -> None:
    frames = [Image.new("RGB", (30, 30), (n * 80, 0, 0)) for n in range(2)]
    out = io.BytesIO()
    frames[0].save(out, "MPO", save_all=True, append_images=frames[1:])
    assert clean_photo(out.getvalue()).width == 30


@given(st.binary(max_size=600))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_a_photo_or_the_error(data: bytes) -> None:
    for head in (b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP"):
        try:
            photo = clean_photo(head + data)
        except PhotoRefused:
            continue
        assert seen(photo).size == (photo.width, photo.height)


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 40),
)
@example("exif", [(20, 255), (30, 255)], 0)
@settings(max_examples=200, deadline=None)
def test_a_spoiled_picture_is_a_photo_or_the_error(
    name: str, spoiled: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(SAMPLES[name])
    for place, value in spoiled:
        data[place % len(data)] = value
    try:
        photo = clean_photo(bytes(data[: len(data) - cut]))
    except PhotoRefused:
        return
    assert max(photo.width, photo.height) <= LONGEST_SIDE

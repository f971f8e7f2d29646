# SPDX-License-Identifier: GPL-2.0-only
"""What a Debian package says of itself, read without dpkg: the office may have another system.

In: the bytes of a .deb. Out: the fields of its control file.
Never: a file of it unpacked.
"""

import io
import lzma
import tarfile
from collections.abc import Iterator
from email.parser import BytesParser
from typing import Final

MAGIC: Final = b"!<arch>\n"
_HEADER_BYTES: Final = 60
_SIZE: Final = slice(48, 58)


def control_of(package: bytes) -> dict[str, str]:
    """Return the fields of a package, such as ``Architecture``; none where it is not whole."""
    members = {name.partition(b".tar")[0]: data for name, data in _members(package)}
    if not {b"control", b"data"} <= members.keys():
        return {}
    try:
        with tarfile.open(fileobj=io.BytesIO(members[b"control"])) as archive:
            file = archive.extractfile("./control")
            return dict(BytesParser().parse(file)) if file else {}
    except (tarfile.TarError, lzma.LZMAError, EOFError, KeyError, OSError):
        return {}


def _members(package: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each member of an ``ar`` archive, up to the first damage."""
    at = len(MAGIC)
    while len(header := package[at : at + _HEADER_BYTES]) == _HEADER_BYTES:
        if not (size := header[_SIZE].strip()).isdigit():
            return
        at += _HEADER_BYTES
        data = package[at : at + int(size)]
        if len(data) < int(size):
            return
        yield header[:16].strip(), data
        at += int(size) + int(size) % 2

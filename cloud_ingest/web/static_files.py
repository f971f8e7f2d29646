# SPDX-License-Identifier: MIT
"""The files that pages bring along: each under an address that changes with its bytes.

In: a name below ``static/``. Out: its address; the bytes, which a browser may keep for ever.
"""

import functools
import gzip
import hashlib
import mimetypes
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

router = APIRouter()
FOR_EVER: Final = "public, max-age=31536000, immutable"


@functools.cache
def _bytes_of(name: str) -> tuple[bytes, bytes, str]:
    """Return a file, the same compressed, and the digest of its bytes.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    root = files(__package__).joinpath("static")
    found = root.joinpath(*name.split("/"))
    if any(part in {"", ".", ".."} for part in name.split("/")) or not found.is_file():
        raise FileNotFoundError(name)
    whole = found.read_bytes()
    return whole, gzip.compress(whole, mtime=0), hashlib.sha256(whole).hexdigest()[:12]


def static_url(name: str) -> str:
    """Return the address of a file, as it is now."""
    return f"/static/{_bytes_of(name)[2]}/{name}"


@router.get("/static/{digest}/{name:path}")
def static(digest: str, name: str, request: Request) -> Response:
    """Return a file."""
    try:
        whole, small, own = _bytes_of(name)
    except (FileNotFoundError, NotADirectoryError, ValueError, OSError):
        raise HTTPException(404) from None
    if digest != own:
        raise HTTPException(404)
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(small, headers=headers | {"Content-Encoding": "gzip"}, media_type=kind)
    return Response(whole, headers=headers, media_type=kind)

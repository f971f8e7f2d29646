# SPDX-License-Identifier: MIT
"""A file as the answer to a request.

In: bytes, what they are, a name. Out: an answer that a browser keeps under that name.
"""

from starlette.responses import Response


def download(body: bytes, media_type: str, name: str) -> Response:
    """Return a file; of its name what is ASCII."""
    safe = name.encode("ascii", "ignore").decode() or "file"
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'}
    return Response(body, media_type=media_type, headers=headers)

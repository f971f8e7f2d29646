# SPDX-License-Identifier: MIT
"""A request that is refused before its route has it.

In: a status, what it is, what to do. Out: an error that an application writes in its own way.
"""

from collections.abc import Mapping

from starlette.exceptions import HTTPException


class Refused(HTTPException):
    """A request that is refused before its route has it."""

    def __init__(
        self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.title = title

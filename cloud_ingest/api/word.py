# SPDX-License-Identifier: MIT
"""A person's word that a program brings: why, and who says so.

In: a body. Out: a reason and an author. Never: a word of nobody; where no person is named, the
token's name stands.
"""

from pydantic import BaseModel, ConfigDict, Field

from cloud_ingest.api.access import Caller
from cloud_ingest.core.typed_text import remark

LONGEST_REASON = 1000
LONGEST_NAME = 64


class PersonsWord(BaseModel):
    """Why something is done, and who does it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(min_length=1, max_length=LONGEST_REASON)
    by: str | None = Field(max_length=LONGEST_NAME, default=None)
    """Who says so. None: the token's name."""

    def author(self, caller: Caller) -> str:
        """Return who says so."""
        return author_of(self.by, caller)


def author_of(by: str | None, caller: Caller) -> str:
    """Return who says something: a person who is named, or the program.

    Raises:
        TextRefused: a name that cannot be kept.
    """
    return caller.name if by is None else remark(by, "by")

# SPDX-License-Identifier: MIT
"""A morning's digest of a society, as it waits to be mailed."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA: Literal["metering.digest/1"] = "metering.digest/1"


class Section(BaseModel):
    """Lines of one subject, for a person."""

    model_config = ConfigDict(frozen=True)

    title: str
    lines: tuple[str, ...]


class Digest(BaseModel):
    """What a society's people should know this morning."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_: Literal["metering.digest/1"] = Field(alias="schema", default=SCHEMA)
    society: str
    day: str
    """The local day, as 2026-11-20."""
    sections: tuple[Section, ...]
    """The first says where the month stands."""
    is_quiet: bool
    """Nothing is open, silent, due or changed."""

# SPDX-License-Identifier: MIT
"""What one society has otherwise than the rest of the deployment.

In: a ``[[society]]`` table of cloud.toml. Out: a frozen model. Pure.
"""

from dataclasses import dataclass
from datetime import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared_schema.settings.kinds import Kind

TimeOfDay = Annotated[
    str, Kind("time of day: `hh:mm`"), Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
]


class SocietySettings(BaseModel):
    """A society, and what it has otherwise; a key that is left out is as at the top level."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    """Its name, as readings and messages have it."""
    month_run: bool | None = None
    """Whether its months are closed by the run."""
    provisional: bool | None = None
    """Whether provisional numbers go out for it."""
    run_from: TimeOfDay | None = None
    """When its run begins, local time of the 1st."""
    provisional_at: TimeOfDay | None = None
    """When its provisional numbers go out."""
    self_read_days: int | None = Field(ge=0, le=10, default=None)
    """How far from the 1st a dial closes its months."""
    curves_kept_months: int | None = Field(ge=1, le=240, default=None)
    """For how many months quarter hours of its units are shown.
    None: as long as readings are kept."""
    self_read_due_day: int | None = Field(ge=0, le=11, default=None)
    """From which day on a dial of it that was not read is a flag."""
    digest_at: TimeOfDay | None = None
    """When its morning's digest is mailed."""


@dataclass(frozen=True, slots=True)
class RunRules:
    """How the months of a society are closed by themselves."""

    is_on: bool = True
    provisional: bool = False
    run_from: time = time(0, 15)
    provisional_at: time = time(6, 0)

# SPDX-License-Identifier: MIT
"""What settings hold beyond their Python type: how the reference calls it, and which are secrets.

In: nothing. Out: marks for annotations. Never: a check.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field holds, in words."""

    said: str


SECRET: Final = Kind("path of a secret")
"""Marks the path of a file that its owner alone may read."""
SecretFile = Annotated[Path, SECRET]

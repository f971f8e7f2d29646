# SPDX-License-Identifier: MIT
"""The settings that hold, each with where it came from.

In: settings, what a file, the environment and options said. Out: a `Setting` for each key, in the
order of the reference. Pure. Never: a secret.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, SecretStr

from shared_schema.masking import Mask
from shared_schema.settings.environment import Overlaid
from shared_schema.settings.toml_lines import Place, inside, lines_of

HIDDEN: Final = "********"
_NAMED: Final = Mask(())


@dataclass(frozen=True, slots=True)
class Setting:
    """One key, and what holds for it."""

    key: str
    """Such as ``broker.host`` or ``bus[0].meter[3].label``."""
    value: Any
    """As JSON has it; a secret is `HIDDEN`."""
    source: Literal["option", "environment", "file", "default"]
    variable: str | None = None
    """Which variable of the environment said it."""
    line: int | None = None
    """On which line of the file it stands."""

    @property
    def said_by(self) -> str:
        """Where it came from, in words."""
        at = f"line {self.line}" if self.line else self.source
        return self.variable or at


def effective(
    settings: BaseModel, said: Overlaid, text: str, options: Collection[str] = ()
) -> Iterator[Setting]:
    """Yield each setting that holds.

    Args:
        settings: what holds.
        said: what file, environment and options said.
        text: the file.
        options: the keys that an option said.
    """
    lines = lines_of(text, said.document)
    for place, value in _leaves(settings, ()):
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)[1:]
        parts = [place[:n] for n in range(len(place), 0, -1)]
        if place[0] in options:
            yield Setting(key, value, "option")
        elif not _is_said(place, said.document):
            yield Setting(key, value, "default")
        elif variable := next((said.variables[p] for p in parts if p in said.variables), None):
            yield Setting(key, value, "environment", variable=variable)
        else:
            line = next((lines[part] for part in parts if part in lines), None)
            yield Setting(key, value, "file", line=line)


def _is_said(place: Place, document: Any) -> bool:
    here = document
    for part in place:
        here = inside(here, part)
    return here is not None


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Yield each key that holds no tables, in the order of the fields."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _leaves(getattr(value, name), (*place, field.alias or name))
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for number, item in enumerate(value):
            yield from _leaves(item, (*place, number))
    else:
        yield place, _NAMED.document(_plain(value))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset | tuple):
        plain = [_plain(each) for each in value]
        return sorted(plain) if isinstance(value, frozenset) else plain
    return str(value) if isinstance(value, Path | Decimal) else value

# SPDX-License-Identifier: MIT
"""The models of a settings file as tables of keys.

In: pydantic models. Out: the fields of a table by key, the table that a field holds. Pure.
"""

from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

TWICE: Final = "twice"
"""The kind of pydantic's error for a value that another has: its text says all."""


def fields_of(table: type[BaseModel] | None) -> dict[str, FieldInfo]:
    """Return the fields of a table by their keys in the file."""
    return {} if table is None else {f.alias or name: f for name, f in table.model_fields.items()}


def inner_table(annotation: Any) -> type[BaseModel] | None:
    """Return the table that a field holds, or that its items are."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(inner_table, get_args(annotation))), None)

# SPDX-License-Identifier: GPL-2.0-only
"""The mistakes of a TOML file that a person wrote: all at once, each with its place.

In: the text, the pydantic model of its tables, the error that the model or the parser raised.
Out: a `Mistake` for each. Never: an error raised; a rule of its own; the value of a key that names
a secret.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from edge_agent.toml_lines import Place, inside, lines_of

_AT_LINE: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_BOUNDS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_KINDS: Final[dict[object, str]] = {
    int: "a whole number",
    str: "a text in quotes",
    Path: "a path in quotes",
    bool: "true or false",
    float: "a number",
    Decimal: "a number",
    "Obis": 'an OBIS code in quotes, as in "1.0.1.8.0.255"',
}
_TWICE: Final = "twice"
"""The kind that `settings.bus` gives to a value that another has: its text says all."""
_PLAINLY: Final = {"path_type": "Input should be a valid path"}
_ONE_OF: Final = frozenset({"literal_error", "enum"})
_NO_TABLE: Final = frozenset({"model_type", "dict_type", "tuple_type"})


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong."""

    line: int | None
    key: str
    """Such as ``[[profiles]] 2, every``; empty for the file as a whole."""
    said: str
    allowed: str
    near: str = ""
    """The key or value that was probably meant."""
    is_key_unknown: bool = False
    column: int | None = None

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        where = f"{line}, column {self.column}" if self.column else line
        meant = f"; did you mean {self.near}?" if self.near else ""
        allowed = f"; allowed: {self.allowed}" if self.allowed and not self.near else ""
        return ": ".join(filter(None, (where, self.key, f"{self.said}{meant}{allowed}")))


def not_toml(error: tomllib.TOMLDecodeError) -> Mistake:
    """Say where a text stops being TOML."""
    match = _AT_LINE.search(str(error))
    said = _AT_LINE.sub("", str(error)).strip()
    if match and match[1] is None:
        return Mistake(None, "", f"not TOML: {said} at the end of the file", "")
    line, column = (int(match[1]), int(match[2])) if match else (None, None)
    return Mistake(line, "", f"not TOML: {said}", "", column=column)


def refused(
    error: ValidationError, document: dict[str, Any], text: str, table: type[BaseModel]
) -> dict[Place, Mistake]:
    """Return what a model refuses, by its place.

    Args:
        error: what the model raised.
        document: what the text says.
        text: the file.
        table: the model of the whole file.
    """
    lines = lines_of(text, document)
    found: dict[Place, Mistake] = {}
    for each in error.errors(include_url=False):  # a union complains once for each of its kinds
        place = _place(each["loc"], document)
        if place not in found:
            found[place] = _mistake(each, place, document, lines, table)
    meant = {(*place[:-1], each.near) for place, each in found.items() if each.is_key_unknown}
    return {place: each for place, each in found.items() if place not in meant}


def _place(loc: Iterable[int | str], document: Any) -> Place:
    """Return where a problem is in the file, without the names that pydantic gives to kinds."""
    place: list[int | str] = []
    here = document
    for part in loc:
        found = inside(here, part)
        if found is not None or isinstance(part, int) or _BARE.fullmatch(part):
            place.append(part)
            if found is None:
                break
            here = found
    return tuple(place)


def _mistake(
    problem: Any,
    place: Place,
    document: dict[str, Any],
    lines: dict[Place, int],
    table: type[BaseModel],
) -> Mistake:
    line = next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), None)
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    field = _fields_beside(place, table).get(name)
    key, came, kind = _key(place, document), problem.get("input"), problem["type"]
    said, allowed, near = problem["msg"].removeprefix("Value error, "), allowed_values(field), ""
    if kind == "missing":
        said = "is missing"
    elif kind == "extra_forbidden":
        known = list(_fields_beside(place, table))
        return Mistake(
            line, key, "no such key", ", ".join(known), _nearest(name, known), is_key_unknown=True
        )
    elif kind in _NO_TABLE and field is not None and _tables(field.annotation):
        head = "[[{}]]" if get_origin(field.annotation) is tuple else "[{}]"
        path = ".".join(part for part in place if isinstance(part, str))
        said, allowed = f"is no such table: begin it with {head.format(path)}", ""
    elif isinstance(came, dict | BaseModel) or kind == _TWICE or not place:
        allowed = ""
    elif kind == "value_error":
        allowed = "" if allowed == _KINDS[str] else allowed
    elif kind in _ONE_OF:
        values = _values(field.annotation if field else None)
        said, near = f"cannot be {_shown(came, name)}", _nearest(str(came), values)
    else:
        said = f"{_PLAINLY.get(kind, said)}, not {_shown(came, name)}"
    return Mistake(line, key, said, allowed, near)


def _nearest(word: str, known: list[str]) -> str:
    by_folded = {each.casefold().replace("_", "-"): each for each in known}
    near = difflib.get_close_matches(word.casefold().replace("_", "-"), list(by_folded), 1)
    return by_folded[near[0]] if near else ""


def _shown(value: object, name: str = "") -> str:
    if any(word in name for word in ("password", "key", "secret")):
        return "what stands there"  # whoever mistook the key for its file's name
    text = f"{value:f}" if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _key(place: Place, document: Any) -> str:
    """Write a place as ``[[bus.meter]] A-1204 water, address``."""
    passed = [document]
    for part in place:
        passed.append(inside(passed[-1], part))
    depth = max((n for n, each in enumerate(passed) if isinstance(each, dict)), default=0)
    table, keys = place[:depth], place[depth:]
    path = ".".join(_word(part) for part in table if isinstance(part, str))
    items = [n for n, part in enumerate(table) if isinstance(part, int)]
    head = f"[[{path}]]" if items[-1:] == [depth - 1] else f"[{path}]" if path else ""
    item = _item_name(passed[items[-1] + 1], int(table[items[-1]])) if items else ""
    field = " ".join(str(part + 1) if isinstance(part, int) else part for part in keys)
    return (
        ", ".join(filter(None, (f"{head} {item}".strip(), field)))
        if items
        else (f"{head} {field}".strip())
    )


def _item_name(item: Any, number: int) -> str:
    named = item.get("label", item.get("name")) if isinstance(item, dict) else None
    return _word(named) if isinstance(named, str) and named else str(number + 1)


def _word(text: str) -> str:
    """Return a name as it stands in the file, unless it is too long or not printable."""
    return text if len(text) <= 64 and text.isprintable() else _shown(text)


def _tables(annotation: Any) -> type[BaseModel] | None:
    """Return the table that a field holds, or that its items are."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_tables, get_args(annotation))), None)


def _fields_beside(place: Place, table: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the keys of the table that holds the last key of a place."""
    names = [part for part in place if isinstance(part, str)]
    inner: type[BaseModel] | None = table
    for name in names[:-1]:
        field = _fields(inner).get(name)
        inner = _tables(field.annotation) if field else None
    return _fields(inner)


def _fields(table: type[BaseModel] | None) -> dict[str, FieldInfo]:
    return {} if table is None else {f.alias or name: f for name, f in table.model_fields.items()}


def allowed_values(field: FieldInfo | None) -> str:
    """Write what a field may hold."""
    return "" if field is None else _with_bounds(_kind(field.annotation), field.metadata)


def _with_bounds(kind: str, rules: Iterable[Any]) -> str:
    inner = [each for rule in rules for each in getattr(rule, "metadata", (rule,))]
    bounds = [
        f"{said} {getattr(rule, name)}"
        for rule in inner
        for name, said in _BOUNDS.items()
        if getattr(rule, name, None) is not None
    ]
    return " ".join([kind, " and ".join(bounds)]).strip()


def _kind(annotation: Any) -> str:
    parts = [part for part in get_args(annotation) if part not in {type(None), Ellipsis}]
    if get_origin(annotation) is Annotated:
        return _with_bounds(_kind(parts[0]), parts[1:])
    if get_origin(annotation) is Literal or _is_enum(annotation):
        return " or ".join(_values(annotation, _shown))
    if get_origin(annotation) in {tuple, frozenset}:
        return f"a list of: {_kind(parts[0])}"
    if parts:
        return " or ".join(_kind(part) for part in parts)
    if _tables(annotation):
        return "a table"
    name = getattr(annotation, "__name__", "")
    return _KINDS.get(annotation) or _KINDS.get(name, name)


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def _values(annotation: Any, write: Any = str) -> list[str]:
    """Return the values of a choice, within a list or beside None as well."""
    if _is_enum(annotation):
        return [write(each.value) for each in annotation]
    if get_origin(annotation) is Literal:
        return [write(each) for each in get_args(annotation)]
    return [value for part in get_args(annotation) for value in _values(part, write)]

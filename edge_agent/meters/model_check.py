# SPDX-License-Identifier: GPL-2.0-only
"""The check of a model's file: every mistake at once, with its line and the allowed values.

In: the text of a TOML file. Out: a `Mistake` for each.
Never: an error raised; a rule of its own: `model.Model` alone says what a model may hold.
"""

import difflib
import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from edge_agent.meters.model import Model, document

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_BOUNDS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_KINDS: Final = {
    int: "a whole number",
    str: "a text in quotes",
    bool: "true or false",
    float: "a number",
    Decimal: "a number",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong."""

    line: int | None
    key: str
    """Such as ``profiles 2, every``; empty for the file as a whole."""
    said: str
    allowed: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        key = f"{self.key}: " if self.key else ""
        return f"{where}{key}{self.said}" + (f"; allowed: {self.allowed}" if self.allowed else "")


def mistakes(text: str) -> list[Mistake]:
    """Return everything that is wrong in a model's file; none: it can be used."""
    try:
        found = document(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.search(str(error))
        line = int(match[1]) if match else None
        return [Mistake(line, "", f"not TOML: {_AT_LINE.sub('', str(error)).strip()}", "")]
    try:
        Model.model_validate(found)
    except ValidationError as error:
        return [_mistake(each, found, text) for each in _first_of_each(error)]
    return []


def _first_of_each(error: ValidationError) -> list[Any]:
    """Return one problem for each place: a union complains once for each of its kinds."""
    seen: dict[tuple[object, ...], Any] = {}
    for each in error.errors(include_url=False):
        names = tuple(part for part in each["loc"] if _is_place(part))
        seen.setdefault(names, each)
    return list(seen.values())


def _is_place(part: object) -> bool:
    """Tell a key or a number of the file from a name that pydantic gives to a kind."""
    return isinstance(part, int) or bool(re.fullmatch(r"[a-z_][a-z0-9_]*", str(part)))


def _mistake(problem: Any, said_there: dict[str, Any], text: str) -> Mistake:
    places = [part for part in problem["loc"] if _is_place(part)]
    here: Any = said_there
    kept: list[str | int] = []
    for part in places:  # what is no part of the file is a name of pydantic's own
        kept.append(part)
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            break
    field = _field(kept)
    name = str(kept[-1]) if kept else ""
    said, allowed = str(problem["msg"]).removeprefix("Value error, "), allowed_values(field)
    if problem["type"] == "missing":
        said = "is missing"
    elif problem["type"] == "extra_forbidden":
        known = list(_fields_beside(kept))
        near = difflib.get_close_matches(name, known, 1)
        said = "no such key" + (f"; did you mean {near[0]}?" if near else "")
        allowed = ", ".join(known)
    elif isinstance(problem.get("input"), dict):
        allowed = ""
    else:
        said = f"{said}, not {_shown(problem.get('input'))}"
    return Mistake(_line_of(kept, text), _key(kept), said, allowed)


def _shown(value: object) -> str:
    text = f"{value:f}" if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _key(places: list[str | int]) -> str:
    words: list[str] = []
    for part in places:
        if isinstance(part, int):
            words[-1:] = [f"{words[-1] if words else ''} {part + 1}".strip()]
        else:
            words.append(part)
    return ", ".join(words)


def _tables(annotation: Any) -> type[BaseModel] | None:
    """Return the table that a field holds, or that its items are."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_tables, get_args(annotation))), None)


def _fields_beside(places: list[str | int]) -> dict[str, FieldInfo]:
    table: type[BaseModel] | None = Model
    for part in places[:-1]:
        if isinstance(part, str):
            field = table.model_fields.get(part) if table else None
            table = _tables(field.annotation) if field else None
    return table.model_fields if table else {}


def _field(places: list[str | int]) -> FieldInfo | None:
    names = [part for part in places if isinstance(part, str)]
    return _fields_beside([*names[:-1], names[-1]]).get(names[-1]) if names else None


def allowed_values(field: FieldInfo | None) -> str:
    """Write what a field of a model may hold."""
    if field is None:
        return ""
    words = _kind(field.annotation)
    bounds = [
        f"{said} {getattr(rule, name)}"
        for rule in field.metadata
        for name, said in _BOUNDS.items()
        if getattr(rule, name, None) is not None
    ]
    return " ".join([words, " and ".join(bounds)]).strip()


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(_shown(value) for value in get_args(annotation))
    parts = [part for part in get_args(annotation) if part not in {type(None), Ellipsis}]
    if get_origin(annotation) is tuple:
        return f"a list of: {_kind(parts[0])}"
    if parts:
        return " or ".join(_kind(part) for part in parts)
    if _tables(annotation):
        return "a table"
    if getattr(annotation, "__name__", "") == "Obis":
        return 'an OBIS code in quotes, as in "1.0.1.8.0.255"'
    return _KINDS.get(annotation, getattr(annotation, "__name__", ""))


def _line_of(places: list[str | int], text: str) -> int | None:
    """Return the line of a key: the nth table of its name, then the key in it."""
    lines = text.splitlines()
    start, end = 0, _next_table(lines, 0)
    for place, part in enumerate(places):
        if isinstance(part, str):
            following = places[place + 1] if place + 1 < len(places) else None
            heads = [
                number
                for number, line in enumerate(lines)
                if re.match(rf"\s*\[+\s*{re.escape(part)}\s*\]", line)
            ]
            if heads:
                index = following if isinstance(following, int) else 0
                start = heads[min(index, len(heads) - 1)]
                end = _next_table(lines, start + 1)
                continue
            for number in range(start, end):
                if re.match(rf"\s*[\"']?{re.escape(part)}[\"']?\s*=", lines[number]):
                    return number + 1
    return start + 1 if start else None


def _next_table(lines: list[str], start: int) -> int:
    return next(
        (at for at in range(start, len(lines)) if lines[at].lstrip().startswith("[")), len(lines)
    )

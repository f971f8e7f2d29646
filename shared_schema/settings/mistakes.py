# SPDX-License-Identifier: MIT
"""The mistakes of settings that a person wrote: all at once, each with its place.

In: the text of a TOML file, the variables that stood for some of its keys, the pydantic model of
its tables, the error that the model or the parser raised. Out: a `Mistake` for each.
Never: an error raised; a rule of its own; the value of a key that is or names a secret.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from shared_schema.settings.tables import TWICE, fields_of, inner_table
from shared_schema.settings.toml_lines import Place, first_line, inside, lines_of

_AT_LINE: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")
_STANDS_TWICE: Final = re.compile("Cannot overwrite a value|Cannot declare .* twice")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_BOUNDS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_KINDS: Final[dict[object, str]] = {
    int: "a whole number",
    str: "a text in quotes",
    SecretStr: "a text in quotes",
    Path: "a path in quotes",
    bool: "true or false",
    float: "a number",
    Decimal: "a number",
    "Obis": 'an OBIS code in quotes, as in "1.0.1.8.0.255"',
}
_PLAINLY: Final = {"path_type": "Input should be a valid path"}
_ONE_OF: Final = frozenset({"literal_error", "enum"})
_NO_TABLE: Final = frozenset({"model_type", "dict_type", "tuple_type", "frozen_set_type"})


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
        allowed = f"allowed: {self.allowed}" if self.allowed else ""
        if meant and not self.is_key_unknown:
            allowed = ""
        end = f"{'' if meant else ';'} {allowed}" if allowed else ""
        return ": ".join(filter(None, (where, self.key, f"{self.said}{meant}{end}")))


def headline(mistakes: Sequence[Mistake], file: str, prefix: str) -> str:
    """Say what is wrong in one line: the one mistake, or how many there are.

    Args:
        mistakes: all of them.
        file: what the file is called; empty: there is none.
        prefix: with which variables of the environment begin.
    """
    if len(mistakes) > 1:
        return f"{file or 'the settings'}: {len(mistakes)} mistakes"
    is_of_variable = mistakes[0].key.startswith(prefix)
    return f"{file}: {mistakes[0]}" if file and not is_of_variable else str(mistakes[0])


def told(mistakes: Iterable[Mistake]) -> Iterator[str]:
    """Write mistakes as lines; the keys of a table are listed once."""
    listed: set[str] = set()
    for each in mistakes:
        is_listed = each.is_key_unknown and each.allowed in listed
        yield str(replace(each, allowed="") if is_listed else each)
        listed.add(each.allowed)


def not_toml(error: tomllib.TOMLDecodeError, text: str) -> Mistake:
    """Say where a text stops being TOML."""
    match = _AT_LINE.search(str(error))
    said = _AT_LINE.sub("", str(error)).strip()
    if match and match[1] is None:
        return Mistake(None, "", f"not TOML: {said} at the end of the file", "")
    line, column = (int(match[1]), int(match[2])) if match else (None, None)
    if line and _STANDS_TWICE.match(said) and (first := first_line(text, line)):
        return Mistake(line, "", f"not TOML: this key or table stands in line {first} already", "")
    return Mistake(line, "", f"not TOML: {said}", "", column=column)


def refused(
    error: ValidationError,
    document: dict[str, Any],
    text: str,
    table: type[BaseModel],
    variables: Mapping[Place, str] | None = None,
) -> dict[Place, Mistake]:
    """Return what a model refuses, by its place.

    Args:
        error: what the model raised.
        document: what the text and the variables say.
        text: the file.
        table: the model of the whole file.
        variables: which variable of the environment stood at a place.
    """
    lines = lines_of(text, document)
    found: dict[Place, Mistake] = {}
    for each in error.errors(include_url=False):  # a union complains once for each of its kinds
        place = _place(each["loc"], document)
        if place not in found:
            mistake = _mistake(each, place, document, lines, table)
            found[place] = _of_variable(mistake, each["type"], place, variables or {})
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
    if kind == "extra_forbidden":
        return _unknown(Mistake(line, key, "no such key", ""), place, came, table)
    if kind == "missing":
        said = "is missing"
    elif kind in _NO_TABLE and field is not None and inner_table(field.annotation):
        head = "[[{}]]" if get_origin(field.annotation) is tuple else "[{}]"
        path = ".".join(part for part in place if isinstance(part, str))
        said, allowed = f"is no such table: begin it with {head.format(path)}", ""
    elif isinstance(came, dict | BaseModel) or kind == TWICE or not place:
        allowed = ""
    elif kind == "value_error":
        allowed = "" if allowed == _KINDS[str] or isinstance(came, list | tuple) else allowed
    elif kind in _ONE_OF:
        values = _values(field.annotation if field else None)
        said, near = f"cannot be {_shown(came, name)}", nearest(str(came), values)
    else:
        secret = "secret" if field and _holds(field.annotation, SecretStr) else name
        said = f"{_PLAINLY.get(kind, said)}, not {_shown(came, secret)}"
    return Mistake(line, key, said, allowed, near)


def _unknown(mistake: Mistake, place: Place, came: Any, table: type[BaseModel]) -> Mistake:
    """Say which key was probably meant by one that no table or another table has."""
    name, known = str(place[-1]), list(_fields_beside(place, table))
    folded = _folded(name)
    near = next((each for each in known if _folded(each) == folded), "")
    others = (
        [] if near else [head for head, keys in tables_of(table) if folded in map(_folded, keys)]
    )
    said = mistake.said
    if others:
        *first, last = others
        said = f"no such key here; it belongs {' or '.join(filter(None, (', '.join(first), last)))}"
    elif isinstance(came, dict) or (isinstance(came, list) and came and isinstance(came[0], dict)):
        said = "no such table"
    near = near or ("" if others else nearest(name, known))
    allowed = "" if others else ", ".join(known)
    return replace(mistake, said=said, allowed=allowed, near=near, is_key_unknown=True)


def _of_variable(
    mistake: Mistake, kind: str, place: Place, variables: Mapping[Place, str]
) -> Mistake:
    """Name the variable of the environment that a mistake stood in, if it stood in one."""
    variable = next(
        (variables[place[:n]] for n in range(len(place), 0, -1) if place[:n] in variables), ""
    )
    if not variable:
        return mistake
    if place in variables:
        said = "is no such JSON" if kind in _NO_TABLE else mistake.said
        return replace(mistake, line=None, key=variable, said=said)
    return replace(mistake, line=None, key=f"{variable}: {mistake.key}")


def tables_of(table: type[BaseModel], path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield where each table of a file begins, and its keys."""
    if not path:
        yield "before the first table", list(fields_of(table))
    for name, field in fields_of(table).items():
        if inner := inner_table(field.annotation):
            here = f"{path}.{name}" if path else name
            is_list = _holds(field.annotation, tuple)
            yield (f"into [[{here}]]" if is_list else f"into [{here}]"), list(fields_of(inner))
            yield from tables_of(inner, here)


def _holds(annotation: Any, kind: type) -> bool:
    """Say whether a value of a kind may stand in a field."""
    return (
        annotation is kind
        or get_origin(annotation) is kind
        or (
            get_origin(annotation) is not tuple
            and any(_holds(a, kind) for a in get_args(annotation))
        )
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the name that was probably meant by another; nothing: none is near."""
    by_folded = {_folded(each): each for each in known}
    near = difflib.get_close_matches(_folded(word), list(by_folded), 1)
    return by_folded[near[0]] if near else ""


def _folded(word: str) -> str:
    return word.casefold().replace("_", "-")


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


def _fields_beside(place: Place, table: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the keys of the table that holds the last key of a place."""
    names = [part for part in place if isinstance(part, str)]
    inner: type[BaseModel] | None = table
    for name in names[:-1]:
        field = fields_of(inner).get(name)
        inner = inner_table(field.annotation) if field else None
    return fields_of(inner)


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
    if inner_table(annotation):
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

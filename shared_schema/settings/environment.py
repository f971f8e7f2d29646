# SPDX-License-Identifier: MIT
"""Settings from the environment: every key of a settings file, by one rule on both sides.

A variable is a prefix and the key in capitals: ``EDGE_AGENT_ZONE``. Two underscores lead into a
table, and into one of several tables by its number, which begins with 0:
``EDGE_AGENT_BUS__0__METER__3__PASSWORD_FILE``. A whole table or list is JSON. An empty variable is
none. What a variable says takes the place of what the file says there.

In: what a file says, variables, the pydantic model of the file. Out: what both say. Pure.
Never: the value of a variable in a text.
"""

import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, get_args, get_origin

from pydantic import BaseModel, SecretStr

from shared_schema.settings.tables import fields_of, inner_table
from shared_schema.settings.toml_lines import Place, inside

_INTO: Final = "__"
_DIGITS: Final = 4
_TEXTS: Final = (str, Path, SecretStr, Decimal)


@dataclass(frozen=True, slots=True)
class Overlaid:
    """What a file and the environment say together."""

    document: dict[str, Any]
    variables: Mapping[Place, str]
    """Which variable stood at a place."""
    unknown: tuple[str, ...]
    """A line for each variable that is no setting."""


def overlaid(
    document: Mapping[str, Any],
    environment: Mapping[str, str],
    prefix: str,
    table: type[BaseModel],
    others: Collection[str] = (),
) -> Overlaid:
    """Put what variables say over what a file says.

    Args:
        document: what the file says; it is not changed.
        environment: the variables.
        prefix: with which those of the program begin.
        table: the model of the whole file.
        others: variables of the program that are no setting; with ``*`` at the end, all that
            begin so.
    """
    copied: dict[str, Any] = _copied(document)
    variables: dict[Place, str] = {}
    unknown: list[str] = []
    for name in sorted(environment, key=_by_depth):
        if not name.upper().startswith(prefix) or not environment[name] or _is_of(name, others):
            continue
        found = _found(name.removeprefix(prefix).split(_INTO), table, copied)
        if found is None:
            unknown.append(_unknown(name, prefix, table, others))
            continue
        place, annotation = found
        _put(copied, place, _value(environment[name], annotation))
        variables[place] = name
    return Overlaid(copied, variables, tuple(unknown))


def variable_of(place: Place, prefix: str) -> str:
    """Return the name of the variable that stands for a place."""
    return prefix + _INTO.join(str(part).upper() for part in place)


def _by_depth(name: str) -> tuple[int, list[str]]:
    """Sort a table before its keys, and its items by their number."""
    words = name.split(_INTO)
    return len(words), [word.zfill(_DIGITS) for word in words]


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _is_of(name: str, others: Collection[str]) -> bool:
    return any(
        name.startswith(each[:-1]) if each.endswith("*") else name == each for each in others
    )


def _found(
    words: list[str], table: type[BaseModel], document: Mapping[str, Any]
) -> tuple[Place, Any] | None:
    """Return the place that a variable stands for, and the annotation of what stands there."""
    place: Place = ()
    here: Any = document
    inner: type[BaseModel] | None = table
    annotation: Any = None
    for word in words:
        if inner is not None:
            key = next((each for each in fields_of(inner) if each.upper() == word), None)
            if key is None:
                return None
            annotation = fields_of(inner)[key].annotation
            place, here = (*place, key), inside(here, key)
            inner = None if _is_list(annotation) else inner_table(annotation)
        elif _is_list(annotation) and (inner := inner_table(annotation)) is not None:
            number = (
                int(word) if word.isascii() and word.isdigit() and len(word) <= _DIGITS else None
            )
            if number is None or number > (len(here) if isinstance(here, list) else 0):
                return None
            place, here = (*place, number), inside(here, number)
            annotation = inner
        else:
            return None
    return place, annotation


def _put(document: dict[str, Any], place: Place, value: Any) -> None:
    """Put a value at a place; what lies on the way and is no table gives way."""
    here: Any = document
    for part, following in itertools.pairwise(place):
        empty: Any = [] if isinstance(following, int) else {}
        if not isinstance(inside(here, part), type(empty)):
            _set(here, part, empty)
        here = here[part]
    _set(here, place[-1], value)


def _set(here: Any, part: int | str, value: Any) -> None:
    if isinstance(part, int) and part == len(here):
        here.append(value)
    else:
        here[part] = value


def _value(text: str, annotation: Any) -> Any:
    """Return what a variable says, as a file would say it."""
    if any(_takes_text(each) for each in _leaves(annotation)):
        return text
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text  # what is wrong with it is said with all else


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield the kinds that stand side by side in an annotation."""
    if get_origin(annotation) is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif get_origin(annotation) in {Literal, tuple, frozenset} or not get_args(annotation):
        yield annotation
    else:
        for each in get_args(annotation):
            yield from _leaves(each)


def _takes_text(leaf: Any) -> bool:
    if get_origin(leaf) is Literal:
        return any(isinstance(each, str) for each in get_args(leaf))
    return isinstance(leaf, type) and (leaf in _TEXTS or issubclass(leaf, Enum))


def _is_list(annotation: Any) -> bool:
    return any(get_origin(each) in {tuple, frozenset} for each in _leaves(annotation))


def _unknown(name: str, prefix: str, table: type[BaseModel], others: Collection[str]) -> str:
    from shared_schema.settings.mistakes import nearest  # noqa: PLC0415 - for a mistake alone

    known = [variable_of(place, prefix) for place in _places(table)]
    near = nearest(name, [*known, *(each for each in others if not each.endswith("*"))])
    meant = f"; did you mean {near}?" if near else ""
    return f"the variable {name} is no setting{meant}"


def _places(table: type[BaseModel], above: Place = ()) -> Iterator[Place]:
    for key, field in fields_of(table).items():
        place = (*above, key)
        yield place
        if inner := inner_table(field.annotation):
            yield from _places(inner, (*place, 0) if _is_list(field.annotation) else place)

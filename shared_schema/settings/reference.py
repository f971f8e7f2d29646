# SPDX-License-Identifier: MIT
"""The tables of a settings file's reference, from the models of its tables.

A page is written by hand but for its tables of keys: of each, the type, bounds and default come
from the field, the unit from the end of its name, the meaning from the docstring under it. A
docstring says what None stands for in a sentence of its own: ``None: the system's.`` A page that
it names by its path, such as ``docs/howto/units.md``, becomes a link with that page's title.

In: a page, the model behind each of its headings, the documentation. Out: the page with its tables
made anew.
"""

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from shared_schema.meanings import meanings
from shared_schema.settings.kinds import Kind
from shared_schema.settings.tables import fields_of, inner_table

_HEAD: Final = "| key | type | unit | default | meaning |\n|---|---|---|---|---|\n"
_TABLE: Final = re.compile(r"^\| key \|.*\n(?:\|.*\n)*", re.MULTILINE)
_OF_NONE: Final = re.compile(r"(?:^|(?<=\. ))None: (.+?)(?:\.(?: |$))")
_PAGE: Final = re.compile(r"docs/((?:howto|explanation|reference|adr)/([\w.-]+\.md)(?:#[\w-]+)?)")
_UNITS: Final = {
    "_s_per_day": "s a day",
    "_s": "s",
    "_minutes": "min",
    "_days": "days",
    "_percent": "%",
    "_kwh": "kWh",
    "_kl": "kL",
    "_mb": "MiB",
    "baudrate": "baud",
}
"""By the end of a key."""
_WORDS: Final = {
    bool: "true or false",
    int: "integer",
    float: "number",
    Decimal: "number",
    Path: "path",
    str: "text",
    SecretStr: "text",
}


def with_tables(page: str, tables: Mapping[str, type[BaseModel]], docs: Path) -> str:
    """Return a page with the table of keys under each heading made anew.

    Args:
        page: the page's text.
        tables: the model of the table under each heading.
        docs: the folder of the documentation.

    Raises:
        ValueError: a heading is missing, or has no table of keys below it.
    """
    first, *sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    by_heading = {section.partition("\n")[0].removeprefix("## "): section for section in sections}
    if missing := tables.keys() - by_heading.keys():
        raise ValueError(f"no heading for {', '.join(sorted(missing))}")
    for heading, table in tables.items():
        name = heading.strip("[]") if heading.startswith("[") else ""
        written = _HEAD + "".join(_rows(table, name, docs))
        section, count = _TABLE.subn(lambda _, w=written: w, by_heading[heading], count=1)
        if not count:
            raise ValueError(f"no table of keys under {heading}")
        by_heading[heading] = section
    return first + "".join(by_heading.values())


def _rows(table: type[BaseModel], path: str, docs: Path) -> Iterable[str]:
    said = meanings(table)
    for key, field in fields_of(table).items():
        meaning = " ".join(said[key].split())
        of_none = _OF_NONE.search(meaning)
        if of_none:
            meaning = f"{meaning[: of_none.start()]}{meaning[of_none.end() :]}".strip()
        words = _type(field, f"{path}.{key}" if path else key)
        unit = next((unit for end, unit in _UNITS.items() if key.endswith(end)), "")
        default = _default(field, of_none[1] if of_none else "none")
        cells = (f"`{key}`", words, unit, default, meaning)
        yield "".join(_cell(each, docs) for each in cells) + "|\n"


def _cell(text: str, docs: Path) -> str:
    spoken = text.replace("``", "`").replace("|", "\\|")
    linked = _PAGE.sub(lambda page: _link(page, docs), spoken)
    return f"| {linked} " if linked else "| "


def _link(page: re.Match[str], docs: Path) -> str:
    if page[1].startswith("adr/"):
        name = f"ADR {int(page[2].partition('-')[0])}"
    else:
        file = docs / page[1].partition("#")[0]
        name = file.read_text("utf-8").partition("\n")[0].removeprefix("# ")
    return f"[{name}](../{page[1]})"


def _default(field: FieldInfo, none: str) -> str:
    default = field.default
    if field.is_required():
        return "required"
    if default is None or default == ():
        return none
    if isinstance(default, BaseModel):
        return "see below"
    if isinstance(default, frozenset):
        default = sorted(default)
    return f"`{default}`" if isinstance(default, Decimal) else f"`{json.dumps(default)}`"


def _type(field: FieldInfo, path: str) -> str:
    if kind := _kind_of(field.annotation, field.metadata):
        return kind
    if inner_table(field.annotation):
        return f"tables `[[{path}]]`" if _is_many(field.annotation) else f"table `[{path}]`"
    return _words(field.annotation, field.metadata)


def _kind_of(annotation: Any, rules: Iterable[Any]) -> str:
    said = next((rule.said for rule in rules if isinstance(rule, Kind)), "")
    if said or get_origin(annotation) in {tuple, frozenset}:
        return said
    if get_origin(annotation) is Annotated:
        return _kind_of(annotation.__origin__, annotation.__metadata__)
    return next(filter(None, (_kind_of(each, ()) for each in get_args(annotation))), "")


def _is_many(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(map(_is_many, get_args(annotation)))


def _words(annotation: Any, rules: Iterable[Any]) -> str:
    parts = [each for each in get_args(annotation) if each not in {type(None), Ellipsis}]
    if get_origin(annotation) is Annotated:
        return _words(annotation.__origin__, (*annotation.__metadata__, *rules))
    if get_origin(annotation) is Literal:
        *first, last = (_value(each) for each in parts)
        return f"{', '.join(first)} or {last}"
    if get_origin(annotation) in {tuple, frozenset}:
        return f"list of {_words(parts[0], ())}"
    if parts:
        return " or ".join(_words(each, rules) for each in parts)
    if issubclass(annotation, Enum):
        return ", ".join(_value(each.value) for each in annotation)
    return ", ".join(filter(None, (_WORDS[annotation], _bounds(rules))))


def _value(value: object) -> str:
    return f"`{json.dumps(value)}`" if isinstance(value, str) else str(value)


def _bounds(rules: Iterable[Any]) -> str:
    found = {
        name: getattr(each, name)
        for rule in rules
        for each in getattr(rule, "metadata", (rule,))
        for name in ("ge", "gt", "le", "max_length")
        if getattr(each, name, None) is not None
    }
    if "max_length" in found:
        return f"up to {found['max_length']} characters"
    if "gt" in found:
        return f"above {found['gt']}, up to {found['le']}"
    return f"{found['ge']} to {found['le']}" if "ge" in found else ""

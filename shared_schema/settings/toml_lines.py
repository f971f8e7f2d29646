# SPDX-License-Identifier: MIT
"""A TOML file: what it says, and on which line each key and table stands.

In: the text. Out: what the parser makes of it, lines by place.
Never: a place that the parser did not find: a line within a text of several lines is no key.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, Final

Place = tuple[int | str, ...]
"""Keys and numbers from the top: ``("bus", 0, "meter", 1, "address")``."""
_BITS: Final = 63
_DEEPEST: Final = 20
_LONGEST: Final = 1_000_000
_TOO_DEEP: Final = "tables or arrays are nested too deeply"
_FENCES: Final = ('"""', "'''")
_WORD: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED: Final = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEAD: Final = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(rf"\s*({_DOTTED})\s*=")


def parsed(text: str, number: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return what a TOML file says.

    Args:
        text: the file's.
        number: makes a value of a number with a point.

    Raises:
        tomllib.TOMLDecodeError: it is no TOML, longer or nested more deeply than any settings, or a
            whole number in it has more than 64 bits.
    """
    if len(text) > _LONGEST:
        raise tomllib.TOMLDecodeError(f"it is longer than {_LONGEST} characters")
    try:
        document = tomllib.loads(text, parse_float=number)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # of thousands of digits, or a day that no calendar has
        raise tomllib.TOMLDecodeError("a number or a date cannot be read") from None
    except RecursionError:
        raise tomllib.TOMLDecodeError(_TOO_DEEP) from None
    _require_bounds(document)
    return document


def _require_bounds(document: dict[str, Any]) -> None:
    """See that nothing is nested too deeply, and no whole number is longer than TOML allows."""
    waiting: list[tuple[Any, int]] = [(document, 0)]
    while waiting:
        here, depth = waiting.pop()
        if isinstance(here, dict | list):
            if depth > _DEEPEST:
                raise tomllib.TOMLDecodeError(_TOO_DEEP)
            inside = here.values() if isinstance(here, dict) else here
            waiting.extend((each, depth + 1) for each in inside)
        elif isinstance(here, int) and here.bit_length() > _BITS:
            raise tomllib.TOMLDecodeError("a whole number has more than 64 bits")


def lines_of(text: str, document: dict[str, Any]) -> dict[Place, int]:
    """Return the line of each key and table that has one, beginning with 1."""
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in _lines_of_keys(text):
        if head := _HEAD.fullmatch(line):
            place = _current(_words(head[2]), counts)
            if head[1] == "[[":
                found.setdefault(place, number)
                counts[place] = counts.get(place, -1) + 1
                place = (*place, counts[place])
            if _is_there(place, document):
                table = place
                found.setdefault(place, number)
        elif key := _KEY.match(line):
            place = (*table, *_words(key[1]))
            if _is_there(place, document):
                for end in range(len(table) + 1, len(place) + 1):
                    found.setdefault(place[:end], number)
    return found


def first_line(text: str, line: int) -> int | None:
    """Return the line in which the key or table of a later line stood first; None: in none.

    Args:
        text: the file's.
        line: where it stands again.
    """
    seen: dict[Place, int] = {}
    table: Place = ()
    place: Place
    for number, each in _lines_of_keys(text):
        if head := _HEAD.fullmatch(each):
            table = place = (*_words(head[2]),)
        elif key := _KEY.match(each):
            place = (*table, *_words(key[1]))
        else:
            continue
        if number == line:
            return seen.get(place)
        is_again = head is not None and head[1] == "[["
        seen = {
            old: at for old, at in seen.items() if not (is_again and old[: len(place)] == place)
        }
        seen.setdefault(place, number)
    return None


def _lines_of_keys(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line and its number, but those within a text of several lines."""
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        if fence:
            fence = "" if fence in line else fence
            continue
        fence = next((each for each in _FENCES if line.count(each) % 2), "")
        yield number, line


def _words(dotted: str) -> list[str]:
    return [word.strip("\"'") for word in re.findall(_WORD, dotted)]


def _current(words: list[str], counts: dict[Place, int]) -> Place:
    """Return the place of a table: in a list of tables, of the last one."""
    place: Place = ()
    for number, word in enumerate(words):
        place = (*place, word)
        if place in counts and number < len(words) - 1:
            place = (*place, counts[place])
    return place


def _is_there(place: Place, document: Any) -> bool:
    return reduce(inside, place, document) is not None


def inside(here: Any, part: int | str) -> Any:
    """Return what stands at a key of a table or a place of a list; None: nothing does."""
    try:
        return here[part]
    except (KeyError, IndexError, TypeError):
        return None

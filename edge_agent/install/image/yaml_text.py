# SPDX-License-Identifier: GPL-2.0-only
"""YAML that says exactly what it was given: what cloud-init reads, written without a library.

Each text is in double quotes, and what YAML might read in another way is escaped: a Wi-Fi name with
a quote, a colon or a newline stays a name.

In: dictionaries, lists, texts, whole numbers, true and false. Out: a text. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

Value = Mapping[str, "Value"] | Sequence["Value"] | str | int | bool
_ESCAPED: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_ASCII_END: Final = 0x7E


def yaml_text(document: Mapping[str, Value]) -> str:
    """Write a document of block mappings and lists."""
    return "\n".join(_block(document, 0)) + "\n"


def _block(value: Mapping[str, Value] | Sequence[Value], depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _entry(f"{indent}{_key(key)}:", each, depth)
    else:
        for each in value:
            first, *rest = _entry("", each, depth)
            if first:
                yield f"{indent}-{first}"
            else:
                yield f"{indent}- {rest[0].lstrip()}"
                rest = rest[1:]
            yield from rest


def _entry(head: str, value: Value, depth: int) -> Iterator[str]:
    if isinstance(value, bool):
        yield f"{head} {'true' if value else 'false'}"
    elif isinstance(value, int):
        yield f"{head} {value}"
    elif isinstance(value, str):
        yield f"{head} {_quoted(value)}"
    elif not value:
        yield f"{head} {'{}' if isinstance(value, Mapping) else '[]'}"
    else:
        yield head
        yield from _block(value, depth + 1)


def _key(key: str) -> str:
    """Write a key bare where it is one of ours, else in quotes: a Wi-Fi name is a key too."""
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain and key[0].isalpha() and key.lower() not in _WORDS else _quoted(key)


_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def _quoted(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(each: str) -> str:
    code = ord(each)
    if each in _ESCAPED:
        return _ESCAPED[each]
    if code <= _ASCII_END and each.isprintable():
        return each
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

# SPDX-License-Identifier: MIT
"""What a new version of a schema breaks for whoever knows the former one.

Of a message that the cloud sends nothing may come that its reader did not expect: no field is gone,
may be missing or null where it was not, or has another type. Of one that it receives everything has
to be taken that was taken before. In both no field, word or meaning is taken away or changed.

In: two schemas, the way of the message. Out: what breaks, a line each. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_EQUAL = ("pattern", "format", "const")


@dataclass(frozen=True, slots=True)
class Way:
    """Two versions of a schema, and who reads what is written by it."""

    old: Schema
    new: Schema
    sent: bool
    """The cloud writes it; else it reads it."""

    def breaks(self) -> list[str]:
        """Return what breaks."""
        return sorted(set(self._object(self.old, self.new, "", frozenset())))

    def _object(self, old: Schema, new: Schema, where: str, seen: frozenset[str]) -> Iterator[str]:
        was, now = old.get("properties", {}), new.get("properties", {})
        yield from (f"{where}{name}: removed" for name in was.keys() - now.keys())
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        if self.sent:
            yield from (f"{where}{name}: may be missing" for name in (needed - needs) & now.keys())
        else:
            yield from (f"{where}{name}: is needed" for name in needs - needed)
            if new.get("additionalProperties") is False is not old.get("additionalProperties"):
                yield f"{where}*: is refused"
        for name in was.keys() & now.keys():
            if was[name].get("description") != now[name].get("description"):
                yield f"{where}{name}: its meaning changed"
            yield from self._value(was[name], now[name], f"{where}{name}", seen)

    def _value(self, old: Schema, new: Schema, where: str, seen: frozenset[str]) -> Iterator[str]:
        was = {_kind(each): each for each in _alternatives(old, self.old)}
        now = {_kind(each): each for each in _alternatives(new, self.new)}
        more, fewer = now.keys() - was.keys(), was.keys() - now.keys()
        for kind in more if self.sent else fewer:
            yield f"{where}: {'may be' if self.sent else 'may no longer be'} {kind}"
        for kind in was.keys() & now.keys():
            name = f"{where} {was[kind].get('title', kind)}"
            if kind == "object" and name not in seen:
                yield from self._object(was[kind], now[kind], f"{where}.", seen | {name})
            yield from self._single(was[kind], now[kind], where, seen | {name})

    def _single(self, old: Schema, new: Schema, where: str, seen: frozenset[str]) -> Iterator[str]:
        if "enum" in old:
            yield from (
                f"{where}: no word {w}"
                for w in set(old["enum"]) - set(new.get("enum", old["enum"]))
            )
            told, tells = old.get("x-meanings", {}), new.get("x-meanings", {})
            yield from (
                f"{where}: the meaning of {word} changed"
                for word in told.keys() & set(old["enum"])
                if told[word] != tells.get(word)
            )
        inner, outer = (new, old) if self.sent else (old, new)
        yield from (f"{where}: {told}" for told in _beyond(inner, outer))
        for word in ("items", "additionalProperties"):
            if isinstance(old.get(word), Mapping) and self.sent and not new.get(word):
                yield f"{where}[]: may be anything"
            if isinstance(old.get(word), Mapping) and isinstance(new.get(word), Mapping):
                yield from self._value(old[word], new[word], f"{where}[]", seen)
        for place, (one, other) in enumerate(
            zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
        ):
            yield from self._value(one, other, f"{where}[{place}]", seen)


def _beyond(inner: Schema, outer: Schema) -> Iterator[str]:
    """Yield by what a value of one schema may be none of the other."""
    if "enum" in inner:
        return
    if "enum" in outer:
        yield "any text, not a word"
    yield from (
        f"another {word}" for word in _EQUAL if word in outer and inner.get(word) != outer[word]
    )
    for words, sign in ((_AT_LEAST, 1), (_AT_MOST, -1)):
        for word in words:
            if word in outer and (word not in inner or (outer[word] - inner[word]) * sign > 0):
                yield f"another {word}"


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        yield from _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _alternatives(each, root)
    else:
        yield schema


def _kind(schema: Schema) -> str:
    return str(schema.get("type", "anything"))

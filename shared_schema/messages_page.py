# SPDX-License-Identifier: MIT
"""The page of messages: each topic, each message, each field with its type and meaning.

In: the JSON Schemas of the contract. Out: one page of Markdown. Pure, but for the source texts
that `shared_schema.meanings` reads.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

Schema = dict[str, Any]

_HEAD: Final = """# Messages

Generated from `shared_schema` by `make docs`. For programs there are JSON Schemas of the same
names, such as [event.json](schemas/event.json), and [asyncapi.json](asyncapi.json).

- A message is a JSON object in UTF-8 whose field `schema` names its form and version. Ignore
  fields, and kinds of events, that you do not know: new ones come without a new version.
- Times are UTC. An exact number is a text such as `"29.760"`: read it as a decimal, never as a
  float.
- A level of a topic that is a label is percent-encoded: `A/1` is `A%2F1`.
- A field that may be null may be missing, too, in what an older program sent.
- QoS 1 delivers at least once: take the same message twice without harm.

| topic, below `metering/v1/` | message | who to whom |
|---|---|---|"""


def page(
    channels: Iterable[tuple[str, str, str, str]],
    messages: Mapping[str, Schema],
    lines: Mapping[str, Schema],
    evidence: Mapping[str, Schema],
) -> str:
    """Return the page."""
    shared: Schema = {}
    for schema in (*messages.values(), *lines.values(), *evidence.values()):
        shared |= schema.get("$defs", {})
    objects = {name: each for name, each in sorted(shared.items()) if "properties" in each}
    words = {name: each for name, each in sorted(shared.items()) if "enum" in each}
    topics = [
        f"| `{address}` | [{message}](#{message}) | {summary} |"
        for address, message, summary, _ in channels
    ]
    told = {message: description for _, message, _, description in channels if description}
    parts = [
        "\n".join([_HEAD, *topics]),
        *(_section(2, name, each, told.get(name, "")) for name, each in messages.items()),
        "## Lines of a batch",
        *(_section(3, name, each) for name, each in lines.items()),
        "## Evidence of flags",
        "What the field `evidence` of an [event](#event) holds, by its kind.",
        *(_section(3, name, each) for name, each in evidence.items()),
        "## Parts",
        *(_section(3, name, each) for name, each in objects.items()),
        "## Words",
        *(_words(name, each) for name, each in words.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _section(level: int, name: str, schema: Schema, told: str = "") -> str:
    needed = set(schema.get("required", ()))
    rows = [
        f"| `{field}` | {_type(each)}{'' if field in needed else ', optional'} "
        f"| {_plain(each.get('description', ''))} |"
        for field, each in schema["properties"].items()
    ]
    form = [f"Schema: [{name}.json](schemas/{name}.json)."] if name == name.lower() else []
    about = _paragraphs(schema.get("description", ""))
    head = [f"{'#' * level} {name}", *about, *([_plain(told)] if told else []), *form]
    return "\n\n".join([*head, "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])])


def _words(name: str, schema: Schema) -> str:
    meanings = schema.get("x-meanings", {})
    rows = [f"| `{value}` | {_plain(meanings.get(str(value), ''))} |" for value in schema["enum"]]
    table = "\n".join(["| word | meaning |", "|---|---|", *rows])
    return "\n\n".join([f"### {name}", *_paragraphs(schema.get("description", "")), table])


def _type(schema: Schema) -> str:
    """Return the type of a field in a word or two; a type of its own is a link."""
    match schema:
        case {"$ref": ref}:
            name = ref.rpartition("/")[2]
            told = f"[{name}](#{name.lower()})"
        case {"anyOf": several}:
            told = " or ".join(map(_type, several))
        case {"const": value}:
            told = f"`{value}`"
        case {"enum": values}:
            told = " or ".join(f"`{value}`" for value in values)
        case {"prefixItems": items}:
            told = f"[{', '.join(map(_type, items))}]"
        case {"items": item}:
            told = f"list of {_type(item)}"
        case {"type": "string"}:
            told = _text_type(schema)
        case _:
            told = schema.get("type", "any")
    return told


def _text_type(schema: Schema) -> str:
    if schema.get("format") == "date-time":
        return "time"
    if schema.get("format") == "uuid":
        return "UUID"
    return "exact number" if schema.get("pattern") == r"^-?[0-9]+(\.[0-9]+)?$" else "text"


def _paragraphs(docstring: str) -> list[str]:
    return [_plain(each) for each in inspect.cleandoc(docstring).split("\n\n")] if docstring else []


def _plain(text: str) -> str:
    """Return a docstring's sentence as the page has it: on one line, in words of JSON."""
    spoken = re.sub(r"\bNone(?=[:,.;])", "null", " ".join(text.split()))
    return spoken.replace("``", "`").replace("|", "\\|")

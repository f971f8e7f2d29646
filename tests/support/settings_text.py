# SPDX-License-Identifier: MIT
"""Settings as a person writes them: as TOML, and as variables of the environment."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_of(document: Mapping[str, Any], path: str = "") -> str:
    """Write a document as TOML."""
    plain = {key: value for key, value in document.items() if not _is_table(value)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in document.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            lines += [f"[{here}]", toml_of(value, here)]
        elif _is_table(value):
            lines += [line for item in value for line in (f"[[{here}]]", toml_of(item, here))]
    return "\n".join(lines)


def variables_of(document: Any, name: str, *, whole: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the variables that say what a document says.

    Args:
        document: What is said.
        name: The prefix of the variables.
        whole: Write each table and list of the first level as JSON.
    """
    for key, value in document.items():
        here = f"{name}{key.upper()}"
        if isinstance(value, dict) and value and not whole:
            yield from variables_of(value, f"{here}__")
        elif _is_table(value) and not isinstance(value, dict) and not whole:
            for number, item in enumerate(value):
                yield from variables_of(item, f"{here}__{number}__")
        else:
            yield here, value if isinstance(value, str) else json.dumps(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, dict) for each in value)
    )


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

# SPDX-License-Identifier: MIT
"""Write the reference of the API, from the program itself.

Run as ``python -m cloud_ingest.api.reference docs/reference``; a test compares the files with the
program.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloud_ingest.api.app import make_app
from cloud_ingest.api.description import described
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings import CloudSettings

DOCUMENT, PAGE = "openapi.json", "api.md"
_HEAD = """# The API

Generated from the program by `make docs`; [openapi.json](openapi.json) has every field, and a
running API gives the same at `/openapi.json`. How to run it and who may use it:
[Let a program ask](../howto/api.md).

Each request below `/v1` carries `Authorization: Bearer metering_…`. What goes wrong is answered as
RFC 9457 has it, `application/problem+json`: tell problems apart by `type`.
"""


def document() -> dict[str, Any]:
    """Return the description of the API."""
    return described(make_app(Resources.at(CloudSettings(), "")))


def document_text() -> str:
    """Return the description as it is written."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """Return the page."""
    found = document()["paths"]
    sections = [
        "\n".join(_section(path, method.upper(), operation))
        for path, methods in found.items()
        for method, operation in methods.items()
    ]
    return "\n".join([_HEAD, *sections])


def _section(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## {method} {path}"
    yield operation["description"].strip()
    yield ""
    yield _wanted(operation)
    yield ""
    rows = [_row(each) for each in operation.get("parameters", ())]
    if rows:
        yield from ("| | in | |", "|---|---|---|", *rows, "")


def _wanted(operation: dict[str, Any]) -> str:
    security = operation.get("security", ())
    if any("link" in each for each in security):
        return "It wants a personal link, as `Authorization: Bearer handle.secret`."
    scopes = [scope for each in security for scope in each["token"]]
    return f"Scope: `{'`, `'.join(scopes)}`." if scopes else "It wants no token."


def _row(parameter: dict[str, Any]) -> str:
    about = parameter.get("description") or ("required" if parameter.get("required") else "")
    return f"| `{parameter['name']}` | {parameter['in']} | {about} |"


def main() -> None:
    """Write the reference into the folder that is named."""
    folder = Path(sys.argv[1])
    (folder / DOCUMENT).write_text(document_text(), encoding="utf-8")
    (folder / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

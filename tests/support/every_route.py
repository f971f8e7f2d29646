# SPDX-License-Identifier: MIT
"""Each route of an application, with an address that names what a society has.

A route is asked with everything that any page knows by name, so that a parameter which only one of
them reads is there. What an answer repeats of the question is no leak; all else that carries a
mark is.
"""

import html
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from tests.support.two_societies import DAY, LAST_MONTH, MONTH, Furnished

Route = tuple[str, str]
"""A method and a path."""
FORMS = ("csv", "xlsx", "json", "pdf")


def routes_of(app: FastAPI) -> list[Route]:
    """Return each route of an application; HEAD is GET without its body."""
    return sorted(
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if method != "HEAD"
    )


@dataclass(frozen=True, slots=True)
class Question:
    """A route with its parameters."""

    method: str
    path: str
    query: dict[str, str]

    @property
    def address(self) -> str:
        return f"{self.path}?{'&'.join(f'{k}={quote(v)}' for k, v in self.query.items())}"

    def said(self) -> Iterator[str]:
        """Give what it names, as an answer may repeat it."""
        for value in (unquote(self.path), *self.query.values(), *unquote(self.path).split("/")):
            if len(value) > 2:
                yield from {value, value.lower(), html.escape(value)}
                yield from {quote(value), quote(value, safe="")}
                yield json.dumps(value)[1:-1]


def known_names(own: Furnished) -> dict[str, str]:
    """Return what a society has, by the names of parameters."""
    return {
        "month": MONTH,
        "with": LAST_MONTH,
        "unit": own.unit,
        "tower": own.tower,
        "service": "electricity",
        "source": "grid",
        "day": DAY,
        "reason": "to see what a page tells",
        "flag": str(own.flag),
        "flag_id": str(own.flag),
        "receipt": str(own.receipt),
        "invitation": str(own.invitation),
        "member": "1",
        "gateway": own.gateway,
        "meter": f"LNT {own.serial}",
        "manufacturer": "LNT",
        "serial": own.serial,
        "society": own.society,
        "society_id": str(own.society_id),
        "form": "csv",
        "q": own.mark,
        "show": "all",
        "all": "true",
        "everything": "true",
        "digest": "0",
        "name": "app.css",
    }


def question(route: Route, own: Furnished, unit: str | None = None, form: str = "csv") -> Question:
    """Name what a society has, at a route."""
    known = known_names(own) | {"form": form}
    if unit is not None:
        known["unit"] = unit
    method, path = route
    return Question(method, filled(path, known), known)


def filled(path: str, names: Mapping[str, str]) -> str:
    """Return the path of a route with its parameters; one that has no value is 1."""
    return re.sub(
        r"\{(\w+)(?::\w+)?\}", lambda found: quote(names.get(found[1], "1"), safe=""), path
    )


def text_in(answer: Any) -> str:
    """Return all text of an answer: its headers, its body, the files within it."""
    kept = b"\n".join(f"{name}: {value}".encode() for name, value in answer.headers.items())
    body: bytes = answer.content
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as inside:
            body = b"\n".join(inside.read(name) for name in inside.namelist())
    return (kept + b"\n" + body).decode("utf-8", "replace")


def leaks(answer: Any, asked: Question, marks: tuple[str, ...]) -> list[str]:
    """Return the marks that an answer shows, without those that it only repeats."""
    text = html.unescape(text_in(answer))
    for each in sorted(asked.said(), key=len, reverse=True):
        text = text.replace(html.unescape(each), "")
    return [mark for mark in marks if mark.lower() in text.lower()]

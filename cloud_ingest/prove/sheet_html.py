# SPDX-License-Identifier: MIT
"""The pieces of the page that shows a proof: its words, tables, lists, and what stands around them.

In: texts that are markup already. Out: HTML that runs nothing and loads nothing. Pure but for the
words and the style, which are read once.
"""

import functools
import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import Any

from shared_schema.proof.page import source_hash
from shared_schema.proof.words import Language
from shared_schema.text import visible, visible_lines


@functools.cache
def sheet_words(language: Language) -> dict[str, Any]:
    """Return the words of the page in a language."""
    found: dict[str, Any] = json.loads(_file("sheet_words.json"))[language]
    return found


def document(language: Language, title: str, parts: Iterable[str]) -> str:
    """Return a whole page in which nothing hides; ``title`` is text, the parts are markup."""
    style = _file("sheet.css")
    policy = f"default-src 'none'; style-src '{source_hash(style)}'; base-uri 'none'"
    lines = [
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(visible(title))}</title>",
        f"<style>{style}</style>\n</head>\n<body>\n<main>",
        *map(visible_lines, parts),
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(lines)


def section(lines: Iterable[str]) -> str:
    """Return a section of the page."""
    return f"<section>{''.join(lines)}</section>"


def listed(items: Iterable[str]) -> list[str]:
    """Return a list, or nothing where it would be empty."""
    found = "".join(f"<li>{each}</li>" for each in items)
    return [f"<ul>{found}</ul>"] if found else []


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    head = "".join(f"<th>{each}</th>" for each in titles)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _file(name: str) -> str:
    return files("cloud_ingest.prove").joinpath(name).read_text("utf-8")

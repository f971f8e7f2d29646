# SPDX-License-Identifier: MIT
"""An extension of Python-Markdown: pages look on the site as they look on the forge.

Our pages are CommonMark with tables: a list or a table may follow its sentence without an empty
line. Python-Markdown takes that for one paragraph. So an empty line is put in between, in what is
rendered and not in the file.

In: a page's lines. Out: the same with empty lines. Never: a change within a fenced block.
"""

import re

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FIRST_ITEM = re.compile(r" {0,3}(?:[-*+]|1[.)]) \S")
_ITEM = re.compile(r" *(?:[-*+]|\d+[.)]) \S")
_ROW = re.compile(r" {0,3}\|")
_BEFORE_FENCES = 100


def opened(lines: list[str]) -> list[str]:
    """Return a page with an empty line before each list and each table that follows a sentence."""
    result: list[str] = []
    fence = ""
    in_list = False
    for line in lines:
        if mark := _FENCE.match(line):
            fence = "" if mark[1] == fence else fence or mark[1]
        elif not fence:
            before = result[-1] if result else ""
            if before.strip() and _begins(line, before, in_list=in_list):
                result.append("")
            in_list = bool(_ITEM.match(line)) or (in_list and line[:1] in {"", " "})
        result.append(line)
    return result


def _begins(line: str, before: str, *, in_list: bool) -> bool:
    if _ROW.match(line):
        return not _ROW.match(before)
    return bool(_FIRST_ITEM.match(line)) and not in_list


class _Opened(Preprocessor):  # type: ignore[misc]
    def run(self, lines: list[str]) -> list[str]:
        return opened(lines)


class Dialect(Extension):  # type: ignore[misc]
    """Puts the empty lines in before anything else reads the page."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Python-Markdown's name
        """Register with a renderer."""
        md.preprocessors.register(_Opened(md), "dialect", _BEFORE_FENCES)


def makeExtension() -> Dialect:  # noqa: N802 - Python-Markdown's name
    """Return the extension: Python-Markdown asks a module for it by this name."""
    return Dialect()

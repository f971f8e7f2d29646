# SPDX-License-Identifier: MIT
"""What the documentation tells a reader to type, and what it shows him.

A fence without a language, or with one of `SHELL`, holds commands: all of it, or the lines after
``$ ``, then the others are what they print. Every other fence names its language; `text` is
something to look at.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHELL = frozenset({"", "sh", "bash", "console"})
PROGRAMS = ("edge-agent", "cloud-ingest")
_FENCE = re.compile(r"^( *)```([a-z]*)[^`]*$")
_SPAN = re.compile(r"`([^`]+)`")
_HERE = re.compile(r"<<-?'?(\w+)'?")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    lines: tuple[str, ...]
    section: str = ""
    """The heading above it."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True, slots=True)
class Typed:
    """One command as a reader types it, with what the page shows of its output."""

    page: str
    line: int
    text: str
    shown: tuple[str, ...] = ()
    section: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page that a reader may follow; decisions are told once and stay as they were."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in found if "adr" not in path.parts)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path) -> Iterator[Block]:
    """Return the fenced blocks of a page."""
    begun: int | None = None
    indent, language, section, lines = "", "", "", list[str]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if begun is None and fence:
            begun, indent, language, lines = number, fence[1], fence[2], []
        elif begun is not None and fence:
            yield Block(name(path), begun, language, tuple(lines), section)
            begun = None
        elif begun is not None:
            lines.append(line.removeprefix(indent))
        elif line.startswith("#"):
            section = line.lstrip("# ")
    assert begun is None, f"{name(path)}:{begun}: this block never ends"


def commands(path: Path) -> list[Typed]:
    """Return what a reader of a page types, from top to bottom."""
    return [each for block in blocks(path) if block.language in SHELL for each in typed(block)]


def typed(block: Block) -> list[Typed]:
    """Return the commands of a block, each whole: over lines, quotes and here-documents."""
    shows = any(line.startswith("$ ") for line in block.lines)
    found: list[Typed] = []
    rest = list(enumerate(block.lines, block.line + 1))
    while rest:
        number, line = rest.pop(0)
        if shows and not line.startswith("$ "):
            assert found, f"{block.page}:{number}: output before the first command after '$ '"
            last = found.pop()
            found.append(replace(last, shown=(*last.shown, line)))
            continue
        text = line.removeprefix("$ ") if shows else line
        while rest and not is_whole(text):
            text += "\n" + rest.pop(0)[1]
        if text.strip():
            found.append(Typed(block.page, number, text, (), block.section))
    return found


def is_whole(text: str) -> bool:
    """Whether a shell would begin to work on it."""
    if text.endswith("\\"):
        return False
    if here := _HERE.search(text):
        return text.splitlines()[-1] == here[1]
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True


def spans(path: Path) -> Iterator[Typed]:
    """Return what stands in backquotes outside of blocks and begins with one of our programs."""
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            for span in _SPAN.findall(line):
                if span.startswith(PROGRAMS) and span.partition(" ")[0] in PROGRAMS:
                    yield Typed(name(path), number, span)


def words(text: str) -> Iterator[list[str]]:
    """Return the words of each simple command in what is typed, as the shell would part them.

    Names in front that run another command, and redirections, are left out.
    """
    first_line = text.partition("<<")[0] if _HERE.search(text) else text
    parts = shlex.shlex(first_line.replace("\\\n", " "), posix=True, punctuation_chars=True)
    parts.commenters = "#"
    parts.whitespace_split = True
    simple: list[str] = []
    skips = False
    for part in [*parts, ";"]:
        if set(part) <= set("<>&") and set(part) & set("<>"):
            simple = simple[:-1] if simple and simple[-1] in {"1", "2"} else simple
            skips = True
        elif set(part) <= set("();&|\n"):
            yield _without_prefix(simple)
            simple = []
        elif skips:
            skips = False
        else:
            simple.append(part)


def _without_prefix(simple: list[str]) -> list[str]:
    while simple:
        if re.match(r"[A-Z_]+=", simple[0]):
            simple = simple[1:]
        elif simple[0] == "sudo":
            simple = simple[3:] if simple[1:2] == ["-u"] else simple[1:]
            simple = simple[1:] if simple[:1] == ["-s"] else simple
        else:
            break
    return simple

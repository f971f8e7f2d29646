# SPDX-License-Identifier: MIT
"""Every command of the documentation is one that its program takes; none is run here.

The references hold the examples of each ``--help``, so these are among them.
"""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.outside import ELSEWHERE, KNOWN, PARTS_OF_A_SHELL
from tests.docs.pages import ROOT
from tests.docs.parser import is_ours, refusal

PAGES = pages.pages()
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SOCIETY = "IOT_UTILITY_SOCIETY"


def wrong(words: list[str], *, whole: bool = True) -> str | None:
    """Return what a simple command has wrong, or None."""
    program, *rest = words
    if is_ours(program):
        return refusal(words, whole=whole)
    if program == "make":
        return next((f"no target {word}" for word in rest if word not in TARGETS), None)
    if program.rpartition("/")[2] in {"python", "python3"}:
        return python_is_wrong(rest)
    if program in KNOWN or program in PARTS_OF_A_SHELL or "=" in program:
        return None
    return (
        f"say how to run {program!r}: tests/docs/outside.py; or label the block, as in ```text"
        if whole
        else None
    )


def python_is_wrong(rest: list[str]) -> str | None:
    if rest[0] == "-c":
        compile(rest[1], "a page", "exec")
        return None
    if rest[0].endswith(".py"):  # of a page, where a test runs it
        return None
    if rest[0] != "-m":
        return f"neither a module nor a line: {rest}"
    if not importlib.util.find_spec(rest[1]):
        return f"no module {rest[1]}"
    gone = [word for word in rest if word.startswith("tests/") and not (ROOT / word).exists()]
    return f"no {gone}" if gone else None


def as_targets(words: list[str]) -> list[str]:
    """Return a line of make without its variables."""
    return [word for word in words if "=" not in word] if words[0] == "make" else words


@pytest.mark.parametrize("path", PAGES, ids=pages.name)
def test_each_command_of_a_page_is_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = pages.commands(path)
    if any(SOCIETY in each.text or each.text == ". sandbox/env" for each in commands):
        monkeypatch.setenv(SOCIETY, "Lake View")
    faults = [
        f"{each}: {fault}"
        for each in commands
        for words in pages.words(each.text)
        if words and (fault := wrong(as_targets(words)))
    ]
    assert not faults


@pytest.mark.parametrize("path", PAGES, ids=pages.name)
def test_each_command_in_a_sentence_exists(path: Path) -> None:
    faults = [
        f"{each}: {each.text}: {fault}"
        for each in pages.spans(path)
        for words in pages.words(each.text)
        if words and (fault := wrong(as_targets(words), whole=False))
    ]
    assert not faults


def test_what_runs_elsewhere_runs_there() -> None:
    gone = [test for test in ELSEWHERE.values() if not (ROOT / test).exists()]
    assert not gone


def test_many_commands_are_found() -> None:
    assert sum(len(pages.commands(path)) for path in PAGES) > 200
    assert sum(len(list(pages.spans(path))) for path in PAGES) > 100


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("cd / && sudo -u metering edge-agent x 'a b'", [["cd", "/"], ["edge-agent", "x", "a b"]]),
        ("A=1 make x  # why", [["make", "x"]]),
        ("(umask 077; cat > f)", [["umask", "077"], ["cat"]]),
        ("sudo tee f <<'END'\nmake;\nEND", [["tee", "f"]]),
    ],
)
def test_a_line_is_parted_as_a_shell_does(text: str, parsed: list[list[str]]) -> None:
    assert [words for words in pages.words(text) if words] == parsed


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("cloud-ingest usage A-1 --society S --moth 2026-10", "No such option"),
        ("cloud-ingest usege A-1", "No such command"),
        ("edge-agent keygen", "Missing"),
        ("cloud-ingest", "no command"),
        ("make demos", "no target"),
        ("python -m tests.nothing", "no module"),
        ("frobnicate all", "say how to run 'frobnicate'"),
    ],
)
def test_what_no_program_takes_is_told(line: str, fault: str) -> None:
    ((words, *_),) = (pages.words(line),)
    assert fault in (wrong(words) or "")

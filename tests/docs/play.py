# SPDX-License-Identifier: MIT
"""Follow a page: type what it has typed, from top to bottom, and compare what it shows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.docs.outside import why_not_run
from tests.docs.pages import Typed, blocks
from tests.docs.pages import commands as own_commands
from tests.docs.sandbox import FOREGROUND, Done, Sandbox

COMPLAINS = (0, 2)
"""Doctors look at the whole machine: of one that tests made there is something to say."""


@dataclass(frozen=True)
class Part:
    """What a page needs from its reader, by what a command contains."""

    answers: Mapping[str, str] = field(default_factory=dict)
    """What the reader types when he is asked."""
    at_terminal: tuple[str, ...] = ()
    """What asks only a person: it wants a terminal."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """What a command has to say that cannot succeed here: its reason."""
    codes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Other exit codes than 0 that a page tells of."""
    ready: Mapping[str, str] = field(default_factory=dict)
    """What a command that stays says when it is ready."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files that the page shows, by their name: the language of the first such block."""
    before: Mapping[str, str] = field(default_factory=dict)
    """What is typed before it: the time that passed between two sections."""


def follow(
    machine: Sandbox, page: Path, part: Part, commands: Sequence[Typed] | None = None
) -> list[str]:
    """Type all that a page has typed, or some of it; return what went otherwise than it says."""
    faults = []
    files = {
        name: next(each for each in blocks(page) if each.language == language)
        for name, language in part.files.items()
    }
    for each in own_commands(page) if commands is None else commands:
        for name, block in list(files.items()):
            target = machine.root / "home" / name
            if target.parent.exists() and block.line < each.line:
                target.write_text(machine.here(block.text))
                del files[name]
        if fault := _type(machine, each, part):
            faults.append(f"{each}: {fault}")
    return faults


def _type(machine: Sandbox, each: Typed, part: Part) -> str | None:
    acts = "systemctl" in each.text and any(unit in each.text for unit in machine.units)
    if why_not_run(each.text) and not acts:
        return None
    for text in _of(part.before, each.text):
        machine.must(text)
    if FOREGROUND.match(each.text):
        machine.start(each.text, "".join(_of(part.ready, each.text)))
        return None
    answer = machine.here("".join(_of(part.answers, each.text)))
    at_terminal = bool(_of(dict.fromkeys(part.at_terminal, ""), each.text))
    done = machine.run(each.text, answer, at_terminal=at_terminal)
    if each.shown and answer:  # a terminal shows what is typed
        done = replace(done, shown=done.shown.replace("[y/N]: ", f"[y/N]: {answer}"))
    reasons = _of(part.refused, each.text)
    if reasons and not (done.code and all(reason in done.shown for reason in reasons)):
        return f"{each.text}\n  is not refused for {reasons}: {done.code}\n{done.shown}"
    codes = next((codes for key, codes in part.codes.items() if key in each.text), (0,))
    if re.search(r"\bdoctor( |$)", each.text):
        codes = COMPLAINS
    if not reasons and done.code not in codes:
        return f"{each.text}\n  ended with {done.code}\n{done.shown}"
    return None if reasons else differs(each, done)


def _of(table: Mapping[str, str], text: str) -> list[str]:
    return [value for key, value in table.items() if key in text]


def differs(each: Typed, done: Done) -> str | None:
    """Return which line of a page is not what was shown, numbers and lengths set aside."""
    shown = shape(done.shown)
    for line in each.shown:
        for piece in line.split("…"):
            if shape(piece) not in shown:
                return f"{each.text}\n  does not show {line!r}:\n{done.shown}"
    return None


def shape(text: str) -> str:
    """Return a text without its numbers, its layout and what the reader named himself."""
    text = re.sub(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{4,}\b", "#", text)
    text = re.sub(r"[+-]?[0-9][0-9.,:T+-]*", "#", text)
    return " ".join(re.sub(r"[-─│|]+", " ", text).split())

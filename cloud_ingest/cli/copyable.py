# SPDX-License-Identifier: MIT
"""A command as it is given: quoted, and broken into lines of 80 columns that a shell joins again.

In: the words of a command; what a person fills in stands in capitals. Out: lines. Pure.
"""

import shlex
from collections.abc import Iterator, Sequence

from cloud_ingest.cli.sentences import WIDTH


def command_lines(words: Sequence[str], indent: int = 0) -> Iterator[str]:
    """Break a command between its options, an option and its value together."""
    line = " " * indent
    for part in _parts(words):
        if line.strip() and len(line) + 1 + len(part) > WIDTH - 2:
            yield f"{line} \\"
            line = " " * (indent + 4) + part
        else:
            line += f" {part}" if line.strip() else part
    yield line


def _parts(words: Sequence[str]) -> Iterator[str]:
    held = ""
    for word in map(shlex.quote, words):
        if held:
            yield f"{held} {word}"
            held = ""
        elif word.startswith("--") and word != "--yes":
            held = word
        else:
            yield word
    if held:
        yield held

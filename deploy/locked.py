# SPDX-License-Identifier: MIT
"""The part of the lock file that one side of the product needs: ``python -m deploy.locked cloud``.

`requirements.lock` names for each package who asked for it. So whatever the packages of an extra
lead to is found in the file itself, without an index and without an installed package. It stands
on the standard library alone: an image is built by it before there is an environment.

In: the names of extras, or of packages. Out: their lines, with the hashes.
"""

import re
import sys
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_VIA = re.compile(r"^    #   (?:via )?([A-Za-z0-9._-]+)|^    # via ([A-Za-z0-9._-]+)", re.MULTILINE)


def locked(lock: str, wanted: Collection[str]) -> str:
    """Return the blocks of some packages and of all that they lead to; pure.

    Raises:
        KeyError: the lock file lacks one of them.
    """
    blocks = {_name(block): block for block in _BLOCK.split(lock) if block.strip()}
    asked_by = {
        name: {_name(first or second) for first, second in _VIA.findall(block)}
        for name, block in blocks.items()
    }
    found = set(wanted)
    if missing := found - blocks.keys():
        raise KeyError(f"requirements.lock lacks {', '.join(sorted(missing))}")
    while more := {name for name in blocks.keys() - found if asked_by[name] & found}:
        found |= more
    return "".join(block for name, block in blocks.items() if name in found)


def requirements(project: str, extras: Sequence[str]) -> set[str]:
    """Return the names that the bare install and some extras ask for; pure.

    What is no extra of the project is taken for the name of a package.
    """
    declared = tomllib.loads(project)["project"]
    optional = declared["optional-dependencies"]
    asked = list(declared["dependencies"])
    for extra in extras:
        asked += optional.get(extra, [extra])
    return {_name(each) for each in asked}


def _name(text: str) -> str:
    found = _NAME.match(text)
    return "" if found is None else re.sub(r"[-_.]+", "-", found[0]).lower()


if __name__ == "__main__":
    sys.stdout.write(
        locked(
            (ROOT / "requirements.lock").read_text(encoding="utf-8"),
            requirements((ROOT / "pyproject.toml").read_text(encoding="utf-8"), sys.argv[1:]),
        )
    )

# SPDX-License-Identifier: MIT
"""The part of the lock file for one side holds all that it leads to, and nothing of the other."""

import re
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.locked import ROOT, locked, requirements

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def names(side: str) -> set[str]:
    text = locked(LOCK, requirements(PROJECT, [side]))
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


@pytest.mark.parametrize("side", ["cloud", "edge", "hatchling"])
def test_what_a_package_needs_is_there(side: str) -> None:
    found = names(side)
    for name in found - {"colorama", "tzdata"}:  # not on every system
        for line in requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in found, f"{name} needs {needed.name}"


def test_no_side_gets_the_libraries_of_the_other() -> None:
    assert {"psycopg", "psycopg-binary", "aiomqtt"} <= names("cloud")
    assert {"gurux-dlms", "pyserial"} <= names("edge")
    assert not names("cloud") & {"gurux-dlms", "pyserial", "pytest", "pyarrow"}
    assert not names("edge") & {"psycopg", "psycopg-binary", "aiomqtt", "pytest"}


def test_each_line_keeps_its_hashes() -> None:
    text = locked(LOCK, requirements(PROJECT, ["cloud"]))
    for block in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block


def test_a_package_that_is_not_locked_is_named() -> None:
    with pytest.raises(KeyError, match=r"requirements\.lock lacks gone"):
        locked(LOCK, {"gone"})

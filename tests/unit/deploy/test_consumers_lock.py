# SPDX-License-Identifier: MIT
"""The packages of the consumers in Node: each pinned by its hash, and no address of a registry."""

import json
from typing import Any

from tests.support.node import SAMPLES

LOCK = SAMPLES / "package-lock.json"
PACKAGES: dict[str, dict[str, Any]] = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]


def test_every_package_is_pinned_by_its_hash() -> None:
    own, *others = PACKAGES.items()
    assert own[0] == ""
    assert [name for name, each in others if "integrity" not in each] == []


def test_the_lock_names_no_address() -> None:
    assert "://" not in LOCK.read_text(encoding="utf-8")
    assert "omit-lockfile-registry-resolved=true" in (SAMPLES / ".npmrc").read_text()


def test_the_samples_ask_for_exact_versions() -> None:
    wanted = PACKAGES[""]["dependencies"] | PACKAGES[""]["devDependencies"]
    assert all(version[0].isdigit() for version in wanted.values())
    assert PACKAGES[""]["dependencies"].keys() == {"mqtt"}

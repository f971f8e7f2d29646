# SPDX-License-Identifier: MIT
"""Where a chaos run lies."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' account can enter."""
    with tempfile.TemporaryDirectory(prefix="iot-utility-chaos-") as name:
        Path(name).chmod(0o755)
        yield Path(name)

# SPDX-License-Identifier: GPL-2.0-only
"""A password that the virtual meters take."""

from pathlib import Path

import pytest


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("12345678")
    file.chmod(0o600)
    return file

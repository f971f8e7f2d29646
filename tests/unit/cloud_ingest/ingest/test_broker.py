# SPDX-License-Identifier: MIT
"""The password of the broker, as an editor may have left its file."""

from pathlib import Path

import pytest

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.ingest.broker import broker_from_settings
from cloud_ingest.settings import CloudSettings


def password_of(path: Path, written: bytes) -> str | None:
    path.write_bytes(written)
    path.chmod(0o600)
    return broker_from_settings(CloudSettings(broker_password_file=path), "test").password


@pytest.mark.parametrize("written", [b"hush", b"hush\r\n", b"\xef\xbb\xbfhush\n"])
def test_a_password_is_the_same_from_any_editor(tmp_path: Path, written: bytes) -> None:
    assert password_of(tmp_path / "password", written) == "hush"


def test_a_password_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no text in UTF-8: write it anew"):
        password_of(tmp_path / "password", "hush".encode("utf-16"))

# SPDX-License-Identifier: GPL-2.0-only
"""Files with a secret: what may be read, and what others may read is refused."""

from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.secret_files import read_secret


@pytest.mark.parametrize("mode", [0o400, 0o440])
def test_a_systemd_credential_may_be_read_by_its_group(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    secret = folder / "meter.pw"
    secret.write_bytes(b"secret")
    secret.chmod(mode)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if mode == 0o440:
        with pytest.raises(ConfigurationError, match="others may read"):
            read_secret(secret, "a password")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert read_secret(secret, "a password") == b"secret"


@pytest.mark.parametrize("mode", [0o444, 0o640, 0o460])
def test_a_credential_that_more_may_do_with_is_refused(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    secret = tmp_path / "meter.pw"
    secret.write_bytes(b"secret")
    secret.chmod(mode)
    with pytest.raises(ConfigurationError, match="others may read"):
        read_secret(secret, "a password")


def test_a_link_out_of_the_credentials_is_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    secret = tmp_path / "meter.pw"
    secret.write_bytes(b"secret")
    secret.chmod(0o440)
    (folder / "link").symlink_to(secret)
    with pytest.raises(ConfigurationError, match="others may read"):
        read_secret(folder / "link", "a password")


def test_a_large_tls_key_is_read(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(b"k" * 20_000)
    key.chmod(0o600)
    assert len(read_secret(key, "a key")) == 20_000

# SPDX-License-Identifier: GPL-2.0-only
"""The files of commissioning, and the key that the sheet names."""

from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.install.written_files import key_fingerprint
from shared_schema.signing import fingerprint, generate_key, private_key_to_pem, public_key_to_pem


def test_the_fingerprint_is_of_the_key_that_signs(tmp_path: Path) -> None:
    key, other = generate_key(), generate_key()
    path = tmp_path / "gateway.key"
    public = tmp_path / "gateway.key.pub"
    with pytest.raises(ConfigurationError, match="edge-agent keygen"):
        key_fingerprint(path)
    public.write_bytes(public_key_to_pem(key.public_key()))
    assert key_fingerprint(path) == fingerprint(key.public_key())
    path.write_bytes(private_key_to_pem(key))
    path.chmod(0o600)
    assert key_fingerprint(path) == fingerprint(key.public_key())
    path.write_bytes(private_key_to_pem(other))
    with pytest.raises(ConfigurationError, match="is of another key than"):
        key_fingerprint(path)
    public.write_text("no key")
    with pytest.raises(ConfigurationError, match=r"gateway.key.pub: "):
        key_fingerprint(path)

# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with a certificate is said by its file."""

from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.publish.tls import tls_context
from edge_agent.settings.gateway import TlsConfig


def test_a_missing_authority_is_named_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        tls_context(TlsConfig(ca=tmp_path / "ca.pem"))
    assert str(raised.value) == (
        f"[broker.tls] ca {tmp_path}/ca.pem cannot be read: No such file or directory"
    )

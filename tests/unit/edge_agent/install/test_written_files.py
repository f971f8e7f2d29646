# SPDX-License-Identifier: GPL-2.0-only
"""The files of commissioning: written whole, or not at all."""

from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.install.written_files import check_folder, check_settings, write_settings


def test_settings_that_the_agent_refuses_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("before")
    text = (
        'gateway = "g"\nspool = "s"\nkey_file = "none.key"\ncloud_key_file = "none.pem"\n'
        '[broker]\nhost = "b"\n'
    )
    for act in (check_settings, write_settings):
        with pytest.raises(ConfigurationError) as caught:
            act(path, text)
        assert [each.partition(":")[0] for each in caught.value.details] == [
            "cannot read the gateway's key (key_file)",
            "cannot read the cloud's public key (cloud_key_file)",
        ]
    assert path.read_text() == "before"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot write .*No such file or directory"):
        check_folder(tmp_path / "none")

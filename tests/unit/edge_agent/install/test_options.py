# SPDX-License-Identifier: GPL-2.0-only
"""What a person typed: ports by the name that stays."""

from pathlib import Path

from edge_agent.install.options import lasting_name


def test_an_adapter_goes_by_its_lasting_name(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-FTDI").symlink_to(port)
    assert lasting_name(port, by_id) == by_id / "usb-FTDI"
    assert lasting_name(tmp_path / "other", by_id) == tmp_path / "other"
    assert lasting_name(port, tmp_path / "none") == port

# SPDX-License-Identifier: MIT
"""The reference of the cloud's settings names each one, and its example is read."""

import re
from pathlib import Path

import pytest

from cloud_ingest.settings import CloudSettings
from cloud_ingest.settings_file import load_settings

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cloud-toml.md").read_text("utf-8")
ROWS = {
    cells[1].strip(" `"): cells[4].strip(' `"')
    for cells in re.findall(r"^(\| `.*)$", PAGE, re.MULTILINE)
    for cells in [cells.split("|")]
}


def test_each_setting_stands_in_the_reference() -> None:
    assert list(ROWS) == list(CloudSettings.model_fields)


@pytest.mark.parametrize("name", CloudSettings.model_fields)
def test_the_reference_tells_each_default(name: str) -> None:
    default = CloudSettings.model_fields[name].default
    assert ROWS[name] == str(default).lower() or (
        default in {None, ()} and not ROWS[name].isdigit()
    )


def test_the_example_of_the_reference_is_read(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    file = tmp_path / "cloud.toml"
    file.write_text(example[1], encoding="utf-8")
    assert load_settings(file).broker_port == 8883

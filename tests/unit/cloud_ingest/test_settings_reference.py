# SPDX-License-Identifier: MIT
"""The reference of the cloud's settings is that of the program, and its example is read."""

import re
from pathlib import Path

import pytest

from cloud_ingest.cli.reference import TABLES
from cloud_ingest.settings_file import load_settings
from shared_schema.settings.reference import with_tables

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "cloud-toml.md").read_text("utf-8")


def test_the_reference_is_current() -> None:
    assert with_tables(PAGE, TABLES, DOCS) == PAGE, "run make docs"


def test_a_heading_without_its_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no heading for \[quota\]"):
        with_tables(PAGE.replace("## [quota]", "## Quotas"), TABLES, DOCS)
    with pytest.raises(ValueError, match="no table of keys under Top level"):
        with_tables(PAGE.replace("| key |", "| name |"), TABLES, DOCS)


def test_the_example_of_the_reference_is_read(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    file = tmp_path / "cloud.toml"
    file.write_text(example[1], encoding="utf-8")
    assert load_settings(file).broker_port == 8883

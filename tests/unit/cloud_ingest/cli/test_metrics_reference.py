# SPDX-License-Identifier: MIT
"""The page of metrics is the catalogue."""

from pathlib import Path

from cloud_ingest.cli import metrics_reference
from cloud_ingest.service.metrics_catalogue import CATALOGUE

PAGE = Path(__file__).parents[4] / "docs" / "reference" / metrics_reference.NAME


def test_the_page_is_generated_from_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == metrics_reference.reference()


def test_each_metric_is_on_the_page_once() -> None:
    page = metrics_reference.reference()
    assert [name for name in CATALOGUE if page.count(f"| `{name}` |") != 1] == []

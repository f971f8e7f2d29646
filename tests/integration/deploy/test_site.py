# SPDX-License-Identifier: MIT
"""The documentation site: whole, without a dead link, and with nothing from another server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADED = re.compile(
    r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"'
)
FROM_STYLE = re.compile(r"url\(([^)]+)\)|@import\s+([^;]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it as `make site` does; a page outside the nav or a dead link ends it."""
    place = tmp_path_factory.mktemp("site") / "site"
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return place


def test_every_page_of_the_docs_is_on_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob("*.html")}
    assert {page.with_suffix(".html") for page in pages} <= built


def test_a_page_loads_nothing_from_another_server(site: Path) -> None:
    loaded = {
        address
        for page in site.rglob("*.html")
        for found in LOADED.findall(page.read_text("utf-8"))
        for address in found
        if address
    }
    assert loaded
    assert [each for each in loaded if ":" in each or each.startswith("//")] == []


def test_a_style_loads_nothing_from_another_server(site: Path) -> None:
    found = [
        address.strip("\"' ")
        for sheet in site.rglob("*.css")
        for address in map("".join, FROM_STYLE.findall(sheet.read_text("utf-8")))
    ]
    assert [each for each in found if not each.startswith(("data:", "#"))] == []


def test_search_works_without_a_web_server(site: Path) -> None:
    index = (site / "search/search_index.js").read_text("utf-8").removeprefix("var __index = ")
    titles = {entry["title"] for entry in json.loads(index)["docs"]}
    assert {"Run a society's month", "Put a reading right"} <= titles
    assert 'src="assets/javascripts/iframe-worker.js"' in (site / "index.html").read_text("utf-8")

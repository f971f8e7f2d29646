# SPDX-License-Identifier: MIT
"""Draws the pages for the documentation: `make pictures` writes docs/images."""

from pathlib import Path
from typing import Final

import pytest

from cloud_ingest.core.role import Role
from cloud_ingest.web.shown import url
from tests.support.two_societies import MONTH
from tests.web.place import Place

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
PICTURES: Final = {
    "web-month": (Role.TREASURER, url("/month", month=MONTH), "en", "light"),
    "web-unit": (Role.TREASURER, url("/unit", unit="A-1204", month=MONTH), "en", "light"),
    "web-towers": (Role.TREASURER, url("/towers", month=MONTH), "en", "light"),
    "web-flags": (Role.HELPDESK, "/flags", "hi", "light"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn(place: Place, name: str) -> None:
    role, address, language, theme = PICTURES[name]
    size = {"width": 1120, "height": 720}
    with place.tab(role, language=language, theme=theme, viewport=size) as tab:
        answer = tab.open(address)
        assert (answer.status, tab.troubles) == (200, [])
        tab.page.screenshot(path=IMAGES / f"{name}.png")

# SPDX-License-Identifier: MIT
"""A personal link in Chromium: a script opens it, and takes it out of the address."""

from cloud_ingest.entries.self_read_links import make_link
from tests.web.place import PHONE, Place


def test_a_link_opens_by_itself_and_leaves_the_address(place: Place) -> None:
    own, web = place.own, place.web
    made = make_link(web.conn, own.society, own.unit, None, days=1, by="test", now=web.now)
    with place.tab(None) as tab:
        tab.page.set_viewport_size(PHONE)
        tab.open(f"/self-read#{made.text}")
        tab.page.wait_for_selector(f"h1:has-text('{own.unit}')")
        assert tab.page.url == f"{tab.address}/self-read"
        tab.page.fill("#d1w", "4711")
        tab.page.press("#d1w", "Enter")
        tab.page.wait_for_selector("h1:has-text('Is this right?')")
        assert (tab.violations(), tab.is_too_wide(), tab.troubles) == ([], False, [])


def test_a_link_without_scripts_is_pasted(place: Place) -> None:
    own, web = place.own, place.web
    made = make_link(web.conn, own.society, own.unit, None, days=1, by="test", now=web.now)
    with place.tab(None, java_script_enabled=False) as tab:
        tab.open("/self-read")
        tab.page.fill("#link", made.address("https://meters.example"))
        tab.page.press("#link", "Enter")
        tab.page.wait_for_selector(f"h1:has-text('{own.unit}')")

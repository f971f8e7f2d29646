# SPDX-License-Identifier: MIT
"""Each page as Chromium shows it: to each role, in both languages and themes, on a phone."""

from itertools import groupby
from typing import Any

import pytest

from cloud_ingest.core.role import Role
from tests.web.place import PHONE, Place, Shown

MOST_BYTES = 150_000
"""Of a first load, by which a slow line is held open."""


def test_each_page_is_sound_for_each_role(place: Place) -> None:
    assert _faults(place, place.shown(), "en", "light") == []


def test_each_page_is_sound_in_hindi_and_dark(place: Place) -> None:
    assert _faults(place, place.pages(), "hi", "dark") == []


def _faults(place: Place, shown: Shown, language: str, theme: str) -> list[str]:
    found: list[str] = []
    for role, addresses in groupby(shown, key=lambda each: each[0]):
        with place.tab(role, language=language, theme=theme) as tab:
            for _, address in addresses:
                tab.open(address)
                faults = [*tab.violations(), *tab.troubles]
                found += [f"{address} by {role}: {each}" for each in faults]
                tab.troubles.clear()
                assert tab.page.get_attribute("html", "lang") == language
    return found


def test_tables_need_no_scripts_and_pages_no_width(place: Place) -> None:
    wrong: list[str] = []
    for role, address in place.pages():
        with place.tab(role) as tab, place.tab(role, java_script_enabled=False) as plain:
            plain.page.set_viewport_size(PHONE)
            tab.page.set_viewport_size(PHONE)
            tab.open(address)
            plain.open(address)
            if tab.tables() != plain.tables():
                wrong.append(f"{address} has other tables without scripts")
            if plain.is_too_wide():
                wrong.append(f"{address} is wider than a phone")
    assert wrong == []


def test_a_first_load_is_small(place: Place) -> None:
    wrong: list[str] = []
    for role, address in place.pages():
        with place.tab(role) as tab:
            sizes: list[float] = []
            session = tab.page.context.new_cdp_session(tab.page)
            session.send("Network.enable")

            def add(done: dict[str, Any], sizes: list[float] = sizes) -> None:
                sizes.append(done["encodedDataLength"])

            session.on("Network.loadingFinished", add)
            tab.page.goto(tab.address + address, wait_until="networkidle")
            if not 0 < sum(sizes) <= MOST_BYTES:
                wrong.append(f"{address}: {sum(sizes)} bytes")
    assert wrong == []


@pytest.mark.parametrize("address", ["/nothing", "/people"])
def test_an_error_is_a_page_of_its_own(place: Place, address: str) -> None:
    with place.tab(Role.RESIDENT) as tab:
        answer = tab.open(address)
        assert answer.status in {403, 404}
        assert tab.violations() == []
        assert tab.page.locator("h1").inner_text() in {"Not found", "Not for you"}


def test_a_login_and_its_choices_are_forms_that_work(place: Place) -> None:
    login, password = place.with_password(Role.TREASURER)
    with place.tab(None) as tab:
        tab.open("/login?next=/self-read")
        tab.page.get_by_label("Login").fill(login)
        tab.page.get_by_label("Password").fill("wrong")
        tab.page.get_by_role("button", name="Sign in").click()
        assert "is wrong" in tab.page.get_by_role("alert").inner_text()
        tab.page.get_by_label("Password").fill(password)
        tab.page.get_by_role("button", name="Sign in").click()
        tab.page.get_by_role("button", name="हिन्दी").click()
        tab.page.get_by_role("button", name="गहरा").click()
        assert tab.page.get_attribute("html", "data-theme") == "dark"
        assert tab.page.get_attribute("html", "lang") == "hi"
        tab.page.get_by_role("button", name="साइन आउट").click()
        assert tab.page.get_by_role("status").inner_text() == "आप साइन आउट हो गए हैं।"
        assert tab.troubles[1:] == []  # Chromium tells of the 401

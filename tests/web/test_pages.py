# SPDX-License-Identifier: MIT
"""Each page as Chromium shows it: to each role, in both languages and themes, on a phone."""

from itertools import groupby

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
                faults = [*tab.violations_of_both_themes(theme), *tab.troubles]
                found += [f"{address} by {role}: {each}" for each in faults]
                tab.troubles.clear()
                told = tab.page.get_attribute("html", "lang")
                assert told == language or address.startswith(
                    "/check"
                )  # it has both languages in it
    return found


def test_a_first_load_is_small_and_needs_no_scripts(place: Place) -> None:
    wrong: list[str] = []
    for role, addresses in groupby(place.pages(), key=lambda each: each[0]):
        with place.tab(role, java_script_enabled=False, viewport=PHONE) as plain:
            for _, address in addresses:
                plain.open(address)
                with place.tab(role) as tab:
                    tab.open(address)
                    if tab.tables() != plain.tables():
                        wrong.append(f"{address} has other tables without scripts")
                    if not 0 < tab.loaded_bytes() <= MOST_BYTES:
                        wrong.append(f"{address} loads {tab.loaded_bytes()} bytes")
                if plain.is_too_wide():
                    wrong.append(f"{address} is wider than a phone")
    assert wrong == []


def test_who_is_invited_joins_by_the_link(place: Place) -> None:
    with place.tab(Role.MANAGER) as tab:
        tab.open("/people")
        tab.page.get_by_label("Name", exact=True).fill("Meera")
        tab.page.get_by_label("Role").select_option("treasurer")
        tab.page.get_by_role("button", name="Make a link").click()
        link = tab.page.get_by_label("Link").input_value()
        assert (tab.violations(), tab.troubles) == ([], [])
    with place.tab(None) as guest:
        guest.open("/join?" + link.partition("?")[2])
        guest.page.get_by_label("Login").fill("meera")
        for each in ("Password, at least 10 characters", "The password once more"):
            guest.page.get_by_label(each).fill("a long new one")
        assert guest.violations() == []
        guest.page.get_by_role("button", name="Join").click()
        assert guest.page.get_by_role("status").inner_text() == "You are in."
        assert guest.troubles == []


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


def test_a_filter_changes_the_page_and_loads_no_new_one(place: Place) -> None:
    with place.tab(Role.TREASURER) as tab:
        tab.open("/towers?month=2026-10")
        tab.page.evaluate("window.isTheSame = true")
        tab.page.get_by_label("Month").fill("2026-09")
        tab.page.get_by_role("button", name="Show").click()
        tab.page.get_by_role("heading", name="Towers, September 2026").wait_for()
        assert tab.page.url.endswith("month=2026-09")
        assert tab.page.evaluate("window.isTheSame")
        assert tab.troubles == []


def test_each_filter_is_taken_as_it_stands(place: Place) -> None:
    wrong: list[str] = []
    for role, address in place.pages():
        with place.tab(role) as tab:
            tab.open(address)
            for form in tab.page.locator("form.filters").all()[:1]:
                with tab.page.expect_response(lambda answer: "/static/" not in answer.url) as taken:
                    form.get_by_role("button").first.click()
                if taken.value.status != 200 or tab.troubles:
                    wrong.append(f"{address}: {taken.value.status} {tab.troubles}")
    assert wrong == []


def test_a_manager_takes_what_a_resident_sent(place: Place) -> None:
    with place.tab(Role.MANAGER) as tab:
        tab.open("/queue")
        tab.page.get_by_label("Why").fill("the photo shows it")
        tab.page.get_by_role("button", name="Take it").click()
        tab.page.get_by_role("status").wait_for()
        assert tab.page.get_by_role("button", name="Take it").count() == 0
        assert (tab.violations(), tab.troubles) == ([], [])


def test_a_flag_is_seen_muted_and_handed_on(place: Place) -> None:
    with place.tab(Role.HELPDESK) as tab:
        tab.open("/flags")
        tab.page.get_by_role("table").get_by_role("link").first.click()
        for button, said in (
            ("I look into it", "you look into it"),
            ("Hand over", "helpdesk is told"),
            ("Mute", "It is muted"),
            ("Unmute", "The mute is over"),
        ):
            its_button = tab.page.get_by_role("button", name=button, exact=True)
            form = tab.page.locator("form", has=its_button)
            form.get_by_label("Reason").fill("the resident rang")
            if button == "Mute":
                until = form.get_by_label("Until")
                until.fill(until.get_attribute("max") or "")
            its_button.click()
            assert said in tab.page.get_by_role("status").inner_text()
        assert (tab.violations(), tab.troubles) == ([], [])


def test_a_month_is_approved_and_opened_again(place: Place) -> None:
    with place.tab(Role.TREASURER) as tab:
        tab.open("/month/approve?month=2026-10")
        why = tab.page.get_by_label("Why is it approved all the same?")
        if why.count():
            why.fill("the rest is estimated")
        tab.page.get_by_role("button", name="Approve").click()
        assert "approved" in tab.page.get_by_role("status").inner_text()
        tab.page.get_by_role("link", name="Open again").click()
        tab.page.get_by_label("Why").fill("a reading came late")
        tab.page.get_by_role("button", name="Open again").click()
        assert "open again" in tab.page.get_by_role("status").inner_text()
        assert (tab.violations(), tab.troubles) == ([], [])


def test_paper_has_the_numbers_and_no_buttons(place: Place) -> None:
    with place.tab(Role.TREASURER) as tab:
        tab.open("/towers?month=2026-10")
        tab.page.emulate_media(media="print")
        assert tab.page.get_by_role("table").first.is_visible()
        assert not tab.page.get_by_role("navigation").is_visible()
        assert not tab.page.get_by_role("button").first.is_visible()


def test_a_keyboard_reaches_the_content_first(place: Place) -> None:
    with place.tab(Role.TREASURER) as tab:
        tab.open("/towers?month=2026-10")
        tab.page.keyboard.press("Tab")
        tab.page.keyboard.press("Enter")
        assert tab.page.evaluate("document.activeElement.id") == "content"


def test_a_browser_that_likes_it_dark_and_in_hindi_gets_it_so(place: Place) -> None:
    with place.browser.new_context(color_scheme="dark", locale="hi-IN") as context:
        page = context.new_page()
        page.goto(f"{place.address}/login")
        assert page.get_attribute("html", "lang") == "hi"
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"

# SPDX-License-Identifier: MIT
"""Another sign-in service in Chromium: its rules on where forms and links lead hold there alone."""

from pathlib import Path

from cloud_ingest.core.role import Role
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings import CloudSettings
from cloud_ingest.web.app import make_web
from tests.support.issuer import local_issuer, settings_of
from tests.support.web import VISITED_AT
from tests.web.place import PHONE, Place, Tab, served


def test_a_person_links_the_account_and_signs_in_there(place: Place, tmp_path: Path) -> None:
    login, password = place.with_password(Role.TREASURER)
    with local_issuer(VISITED_AT) as issuer:
        said = {"public_url": issuer.address, "oidc": settings_of(issuer.address, tmp_path)}
        settings = CloudSettings.model_validate(said)
        resources = Resources(settings, place.web.resources.pool, place.web.resources.clock)
        with served(make_web(resources)) as address:
            ours = settings.model_copy(update={"public_url": address})
            object.__setattr__(resources, "settings", ours)
            _link(place, address, issuer.address, login, password)
            with place.browser.new_context() as context:
                tab = Tab(context.new_page(), address)
                tab.open("/login")
                tab.page.get_by_role("link", name="Sign in with Lake <Login>").click()
                assert tab.page.url == f"{address}/month"
                assert _beside(issuer.address, tab) == []


def _beside(issuer: str, tab: Tab) -> list[str]:
    """Return what went wrong on a tab that goes to the issuer, and nowhere else."""
    return [each for each in tab.troubles if f" {issuer}/authorize?" not in each]


def _link(place: Place, address: str, issuer: str, login: str, password: str) -> None:
    with place.browser.new_context(viewport=PHONE) as context:
        tab = Tab(context.new_page(), address)
        tab.open("/login")
        found = tab.violations()
        tab.page.get_by_label("Login").fill(login)
        tab.page.get_by_label("Password").fill(password)
        tab.page.get_by_role("button", name="Sign in").click()
        tab.open("/account")
        found += [*tab.violations(), *["too wide"] * tab.is_too_wide()]
        tab.page.get_by_label("Your password here").fill(password)
        tab.page.get_by_role("button", name="Link your account").click()
        found += [*tab.violations(), *["too wide"] * tab.is_too_wide()]
        tab.page.get_by_role("link", name="Go to Lake <Login>").click()
        assert tab.page.get_by_role("status").inner_text().startswith("Your account is linked")
        assert tab.page.get_by_role("button", name="Unlink").is_visible()
        assert [*found, *tab.violations(), *_beside(issuer, tab)] == []

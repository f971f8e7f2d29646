# SPDX-License-Identifier: MIT
"""The pages behind an address, and tabs in which somebody looks at them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Request, ViewportSize

from cloud_ingest.core.role import Role
from cloud_ingest.entries.sign_in import hash_password
from cloud_ingest.web import cookies
from tests.support.every_route import question, routes_of
from tests.support.two_societies import Furnished
from tests.support.web import Visiting, Web

AXE: Final = Path(__file__).with_name("axe-core") / "axe.min.js"
RULES: Final = """
more => axe.run({resultTypes: ["violations"], ...more}).then(found => found.violations.map(
  each => each.id + ": " + each.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(" | ")
))
"""
CONTRAST: Final = {"runOnly": ["color-contrast"]}
"""All that a theme changes."""
LOADED: Final = """
["navigation", "resource"].flatMap(each => performance.getEntriesByType(each))
  .reduce((sum, each) => sum + each.transferSize, 0)
"""
NOISE: Final = frozenset({"error", "warning"})
Shown = list[tuple[Role, str]]
"""Pages by their addresses, each with who looks at it."""
PHONE: Final[ViewportSize] = {"width": 360, "height": 720}


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application beside the block; give its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Tab:
    """A page that somebody looks at, and what went wrong on it."""

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self._add(said.type in NOISE, said.text))
        self.page.on("pageerror", lambda error: self._add(True, str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._asked)

    def open(self, path: str) -> Any:
        """Open a page of the society."""
        return self.page.goto(self.address + path)

    def violations(self) -> list[str]:
        """Return which rules of accessibility the page breaks."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[str] = self.page.evaluate(RULES, {})
        return found

    def violations_of_both_themes(self, theme: str) -> list[str]:
        """Return the same, also as the page looks in the other theme."""
        found = self.violations()
        other = "dark" if theme == "light" else "light"
        self.page.evaluate("theme => document.documentElement.dataset.theme = theme", other)
        return found + [f"{each} ({other})" for each in self.page.evaluate(RULES, CONTRAST)]

    def tables(self) -> list[str]:
        """Return the text of each table."""
        found: list[str] = self.page.eval_on_selector_all(
            "table", "all => all.map(each => each.innerText)"
        )
        return found

    def loaded_bytes(self) -> int:
        """Return what a new browser transferred for the page, with heads and all files."""
        found: int = self.page.evaluate(LOADED)
        return found

    def is_too_wide(self) -> bool:
        """Tell whether one has to move the page sideways."""
        found: bool = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return found

    def _asked(self, request: Request) -> None:
        own = request.url.startswith((self.address + "/", "data:", "blob:"))
        self._add(not own, f"a request to {request.url}")

    def _failed(self, request: Request) -> None:
        # A download is an answer that no page takes up.
        self._add(request.failure != "net::ERR_ABORTED", f"{request.url}: {request.failure}")

    def _add(self, is_trouble: bool, what: str) -> None:
        if is_trouble:
            self.troubles.append(what)


@dataclass
class Place:
    """The society's pages, and who looks at them."""

    browser: Browser
    web: Web
    own: Furnished
    address: str
    _logins: dict[Role, Visiting] = field(default_factory=dict)
    _shown: Shown | None = None

    def login(self, role: Role) -> Visiting:
        """Sign somebody of a role in, once."""
        if role not in self._logins:
            unit = self.own.unit if role is Role.RESIDENT else None
            society = self.own.society
            self._logins[role] = self.web.login(role, unit=unit, society=society, name=NAMES[role])
        self.web.resources.rates._used.clear()
        return self._logins[role]

    def with_password(self, role: Role) -> tuple[str, str]:
        """Give somebody of a role a password; return the login with it."""
        self.login(role)
        login, password = NAMES[role].lower(), "correct horse"
        self.web.conn.execute(
            "UPDATE account SET password_hash = %s WHERE login = %s",
            (hash_password(password), login),
        )
        return login, password

    def shown(self) -> Shown:
        """Return each page that a role may see, with its address."""
        if self._shown is None:
            asked = [
                question(route, self.own) for route in routes_of(self.web.app) if route[0] == "GET"
            ]
            self._shown = [
                (role, each.address)
                for role in Role
                for each in asked
                if self._is_page(self.login(role).get(each.address))
            ]
        return self._shown

    def pages(self) -> Shown:
        """Return each page once, with a role that may see it."""
        found = {address: role for role, address in reversed(self.shown())}
        return sorted((role, address) for address, role in found.items())

    @contextmanager
    def tab(
        self,
        role: Role | None,
        *,
        language: str = "en",
        theme: str = "light",
        **more: Any,
    ) -> Iterator[Tab]:
        """Open a browser's tab in which somebody is signed in; None: nobody."""
        with self.browser.new_context(**more) as context:
            kept = {cookies.LANGUAGE: language, cookies.THEME: theme}
            if role is not None:
                session = self.login(role).client.cookies[cookies.SESSION]
                kept[cookies.SESSION] = session
            context.add_cookies(
                [{"name": n, "value": v, "url": self.address} for n, v in kept.items()]
            )
            yield Tab(context.new_page(), self.address)

    @staticmethod
    def _is_page(answer: Any) -> bool:
        kind = answer.headers.get("content-type", "")
        return bool(answer.status_code == 200 and kind.startswith("text/html"))


NAMES: Final = {
    Role.MANAGER: "Anil Kulkarni",
    Role.TREASURER: "Asha Rao",
    Role.HELPDESK: "Front desk",
    Role.OPERATOR: "Ravi Menon",
    Role.RESIDENT: "Meera Nair",
}

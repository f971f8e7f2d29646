# SPDX-License-Identifier: MIT
"""The pages of a test's store, visited as a browser without scripts would."""

import html
import re
from datetime import UTC, datetime
from typing import Any

from starlette.testclient import TestClient

from cloud_ingest.core.role import Role
from cloud_ingest.entries.sign_in import open_session, visitor_of
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.accounts import add_account, add_membership
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import find_society
from cloud_ingest.web import cookies
from cloud_ingest.web.app import make_web
from cloud_ingest.web.forms import masked
from tests.support.store import SOCIETY

VISITED_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Visiting:
    """A browser in which somebody is signed in, or nobody."""

    def __init__(self, client: TestClient, csrf: str) -> None:
        self.client = client
        self.csrf = csrf

    def get(self, path: str, **more: Any) -> Any:
        """Open a page; a redirect is not followed."""
        return self.client.get(path, follow_redirects=False, **more)

    def post(self, path: str, files: Any = None, **fields: str) -> Any:
        """Send a form with its token."""
        data = {"csrf": masked(self.csrf), **fields}
        return self.client.post(path, data=data, files=files, follow_redirects=False)


class Web:
    """The pages of a store: ``now`` is their clock."""

    def __init__(self, conn: Connection, dsn: str, **settings: object) -> None:
        self.conn = conn
        self.now = VISITED_AT
        self.resources = Resources.at(CloudSettings.model_validate(settings), dsn)
        object.__setattr__(self.resources, "clock", lambda: self.now)
        self.app = make_web(self.resources)

    def login(
        self,
        role: str = "manager",
        *,
        unit: str | None = None,
        society: str = SOCIETY,
        name: str | None = None,
    ) -> Visiting:
        """Sign a new person in."""
        login = f"{role}-{unit or ''}-{society}".lower() if name is None else name.lower()
        account = add_account(
            self.conn,
            login,
            name or f"The {role}",
            password_hash=None,
            by="test",
            now=self.now,
        )
        if account is None:
            found = self.conn.execute("SELECT account_id FROM account WHERE login = %s", (login,))
            account = found.fetchall()[0][0]
        society_id = find_society(self.conn, society)
        by, now = "test", self.now
        member = add_membership(
            self.conn, account, society_id, Role(role), unit=unit, by=by, now=now
        )
        if member is None:
            found = self.conn.execute(
                "SELECT membership_id FROM membership WHERE account_id = %s AND society_id = %s",
                (account, society_id),
            )
            member = found.fetchall()[0][0]
        cookie = open_session(self.conn, member, self.now)
        visitor = visitor_of(self.conn, cookie, self.now)
        assert visitor is not None
        visiting = self.nobody()
        visiting.client.cookies.set(cookies.SESSION, cookie)
        visiting.csrf = visitor.csrf
        return visiting

    def nobody(self) -> Visiting:
        """Return a browser in which nobody is signed in."""
        return Visiting(TestClient(self.app, raise_server_exceptions=False), "")

    def close(self) -> None:
        self.resources.pool.close()


def text_of(answer: Any) -> str:
    """Return what a page shows: its words, without markup, a space between parts."""
    body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())

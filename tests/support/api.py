# SPDX-License-Identifier: MIT
"""The API of a test's store, asked as a program would."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

from cloud_ingest.api.app import make_app
from cloud_ingest.core.api_token import Scope
from cloud_ingest.http.resources import Resources
from cloud_ingest.operate.api_tokens import issue_token
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.connection import Connection
from tests.support.store import SOCIETY

MADE_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Api:
    """The API of a store: ``now`` is its clock."""

    def __init__(self, conn: Connection, dsn: str, **settings: object) -> None:
        self.conn = conn
        self.now = MADE_AT
        self.resources = Resources.at(CloudSettings.model_validate(settings), dsn)
        object.__setattr__(self.resources, "clock", lambda: self.now)
        self.client = TestClient(make_app(self.resources), raise_server_exceptions=False)

    def token(
        self,
        name: str = "billing",
        scopes: Collection[Scope] = tuple(Scope),
        society: str = SOCIETY,
        days: int = 30,
    ) -> dict[str, str]:
        """Make a token; return the header that presents it."""
        text = issue_token(
            self.conn,
            society,
            name,
            scopes,
            by="Asha",
            now=self.now,
            good_for=timedelta(days=days),
        )
        return {"Authorization": f"Bearer {text}"}

    def ask(
        self, path: str, token: dict[str, str] | None = None, method: str = "GET", **more: Any
    ) -> Any:
        """Ask for a path; return the answer."""
        return self.client.request(method, path, headers=token or {}, **more)

    def close(self) -> None:
        self.client.close()
        self.resources.pool.close()

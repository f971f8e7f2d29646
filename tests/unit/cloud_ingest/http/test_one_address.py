# SPDX-License-Identifier: MIT
"""Who answers a request where the API and the pages have one address."""

import pytest

from cloud_ingest.http.one_address import is_for_programs


@pytest.mark.parametrize(
    ("path", "authorization", "expected"),
    [
        ("/v1", "", True),
        ("/v1/months/2026-10", "", True),
        ("/openapi.json", "", True),
        ("/healthz", "", True),
        ("/self-read", "Bearer link", True),
        ("/self-read", "bearer link", True),
        ("/self-read", "", False),
        ("/self-read", "Basic of-a-proxy", False),
        ("/v10", "", False),
        ("/", "", False),
        ("/static/0/v1/a.css", "", False),
    ],
)
def test_the_api_answers_programs(path: str, authorization: str, expected: bool) -> None:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    scope = {"type": "http", "path": path, "headers": headers}
    assert is_for_programs(scope) is expected

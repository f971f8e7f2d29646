# SPDX-License-Identifier: MIT
"""The list of units over the API: seen first, applied as it was seen, for one society alone."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_ingest.core.api_token import Scope
from tests.support.api import Api
from tests.support.store import SOCIETY, Site, unit_line

LINE = {
    "tower": "Tower 1",
    "subject_type": "unit",
    "subject": "A-1",
    "service": "electricity",
    "manufacturer": "LNT",
    "serial": "1",
    "valid_from": "2026-01-01",
}

WHOLE = ",3,100,,0 2,,0.01,,6,200/5,,primary,S,2025-01-02,0.5S,2026-02-01,Main"
"""Every column of an electricity meter."""


@pytest.fixture
def api(site: Site, store_dsn: str) -> Iterator[Api]:
    """The API of a society with a bulk meter."""
    site.units(unit_line("Main", "9", kind="bulk"))
    found = Api(site.conn, store_dsn)
    yield found
    found.close()


def listed(*meters: dict[str, Any], society: str = SOCIETY, **more: Any) -> dict[str, Any]:
    at = "2026-11-20T08:00:00Z"
    return {
        "schema": "metering.units/1", "society": society, "at": at, "meters": meters, **more
    }  # fmt: skip


def send(api: Api, path: str, body: object, scopes: tuple[Scope, ...] = tuple(Scope)) -> Any:
    token = api.token(name=f"units {api.now:%H%M%S%f}{id(body)}", scopes=scopes)
    return api.ask(f"/v1/units/{path}", token, "POST", json=body)


def test_what_was_seen_is_applied(api: Api, site: Site) -> None:
    body = listed(LINE | {"parent": "Main", "seal": "S-1"}, by="Asha")
    seen = send(api, "preview", body).json()
    assert (seen["added"], seen["applied"]) == (1, False)
    assert site.one("SELECT count(*) FROM assignment") == 1
    done = send(api, "apply", {"preview": seen["preview"], "list": body})
    assert (done.status_code, done.json()["applied"]) == (200, True)
    assert site.one("SELECT parent FROM assignment WHERE subject = 'A-1'") == "Main"
    assert site.one("SELECT author FROM assignment WHERE subject = 'A-1'").startswith("Asha, by")


def test_what_is_known_changes_nothing_when_it_comes_back(api: Api, site: Site) -> None:
    site.units(
        unit_line("Main", "9", kind="bulk"),
        unit_line("A-1", "1", until="2026-03-01") + WHOLE,
        unit_line("A-2", "1", since="2026-03-01"),
        "T,unit,C-1,water,,,,yes,2026-06-01,",
    )  # fmt: skip
    known = api.ask("/v1/units", api.token()).json()
    assert len(known["meters"]) == 4
    seen = send(api, "preview", known).json()
    assert (seen["changes"], seen["unchanged"]) == ([], 4)


def test_an_outdated_preview_is_refused_with_what_came(api: Api, site: Site) -> None:
    body = listed(LINE)
    seen = send(api, "preview", body).json()
    site.units(unit_line("A-1", "1", until="2026-03-01"))
    answer = send(api, "apply", {"preview": seen["preview"], "list": body})
    assert (answer.status_code, answer.json()["title"]) == (409, "outdated")
    assert "A-1 electricity: said on" in answer.json()["lines"][0]


def test_bad_rows_are_all_named(api: Api) -> None:
    answer = send(api, "preview", listed(LINE | {"parent": "Mian"}, LINE | {"subject": "A-2"}))
    assert answer.status_code == 422
    assert [line.partition(":")[0] for line in answer.json()["lines"]] == ["line 1", "line 2"]


def test_another_society_and_another_scope_are_refused(api: Api) -> None:
    assert send(api, "preview", listed(LINE, society="Hill View")).status_code == 404
    assert send(api, "preview", listed(LINE), (Scope.MONTHS_READ,)).status_code == 403

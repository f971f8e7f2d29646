# SPDX-License-Identifier: MIT
"""Months over the API: what its commands say, for the caller's society alone."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.api_token import Scope
from cloud_ingest.month.close import close_month
from tests.support.api import Api
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-06-30 00:00"), local("2026-08-02 00:00")
JULY = "/v1/months/2026-07"


@pytest.fixture
def api(site: Site, store_dsn: str) -> Iterator[Api]:
    """The API of a society whose July is closed, with a flat whose label has a slash."""
    site.units(unit_line("T1/101", "1"), unit_line("Bulk", "2", kind="bulk"), unit_line("A-2", "3"))
    for serial in ("1", "2"):
        site.deliver(serial, every(START, END, 1000, 10, timedelta(hours=1)))
    close_month(site.conn, SOCIETY, "2026-07", local("2026-08-05 09:00"))
    found = Api(site.conn, store_dsn)
    yield found
    found.close()


def test_status_and_changes_are_what_the_commands_say(api: Api, store_dsn: str) -> None:
    for name in ("status", "changes"):
        words = ["month", name, "2026-07", "--json", "--dsn", store_dsn]
        told = json.loads(CliRunner().invoke(app, words).stdout)
        answer = api.ask(f"{JULY}/{name}", api.token(name))
        assert (answer.status_code, answer.json()) == (200, told)
    assert api.ask("/v1/months/2026-11/status", api.token("x")).json()["phase"] == "running"


def test_balances_are_those_of_accounting(api: Api) -> None:
    (found,) = api.ask(f"{JULY}/balances", api.token()).json()
    assert (found["tower"], found["service"], found["bulk"]) == ("Tower 1", "electricity", "7.440")


def test_files_have_their_types_and_names(api: Api) -> None:
    token = api.token()
    answer = api.ask(f"{JULY}/files/xlsx", token)
    assert "Units" in CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).sheet_names
    assert answer.headers["content-disposition"] == (
        'attachment; filename="lake-view-2026-07.xlsx"'
    )
    assert api.ask(f"{JULY}/files/csv?bom=true", token).content.startswith(b"\xef\xbb\xbf")
    assert api.ask(f"{JULY}/files/pdf", token).content.startswith(b"%PDF")
    assert api.ask(f"{JULY}/files/json", token).json()["month"] == "2026-07"
    assert api.ask(f"{JULY}/files/exe", token).status_code == 422


def test_a_units_file_is_found_by_its_label(api: Api) -> None:
    token = api.token()
    answer = api.ask(f"{JULY}/units/T1%2F101/files/espi", token)
    assert answer.headers["content-type"] == "application/atom+xml"
    assert "T1/101" in answer.text
    assert "A-2" not in answer.text
    assert api.ask(f"{JULY}/units/A-77/files/espi", token).status_code == 404


@pytest.mark.parametrize(
    "path", ["status", "changes", "balances", "files/csv", "units/A-2/files/espi"]
)
def test_months_want_their_scope(api: Api, path: str) -> None:
    token = api.token(scopes=[Scope.EVENTS_READ])
    assert api.ask(f"{JULY}/{path}", token).status_code == 403

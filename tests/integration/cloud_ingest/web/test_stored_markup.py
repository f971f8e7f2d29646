# SPDX-License-Identifier: MIT
"""What people, meters and machines wrote is shown as text: on pages, in files, by the API."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cloud_ingest.core.month import month_of
from cloud_ingest.core.role import Role
from cloud_ingest.flags import attend
from cloud_ingest.month.approve import approve_month, reopen_month
from cloud_ingest.store.connection import connect
from tests.support.api import Api
from tests.support.every_route import FORMS, question, routes_of, text_in
from tests.support.store import ZONE
from tests.support.two_societies import Furnished, furnish
from tests.support.web import Web

NAMES = (' <zz zz=1>"', " '><img zz=1", " {{7*7}}{%zz%}", " \N{DEVANAGARI LETTER KA}&amp;<!--")
"""Ends of labels, which have 64 characters at most."""
REMARK = ("<script>zz</script>\"'><zz zz=1 onerror=zz()>{{7*7}}" * 10)[:500]
HIDDEN = "\N{RIGHT-TO-LEFT OVERRIDE}<zz>\x07\x1b"
"""What stores of before may have: no door lets it in today."""


class Read(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "zz" or any(name in {"zz", "onerror", "onload", "style"} for name, _ in attrs):
            self.faults.append(f"<{tag} {attrs}>")
        if tag == "script" and not dict(attrs).get("src"):
            self.faults.append("a script within the page")

    def handle_data(self, data: str) -> None:
        if "49{%" in data or "\x07" in data or "\x1b" in data:
            self.faults.append(data[:80])

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data[:80]}")


@pytest.fixture
def place(plain_store_dsn: str, tmp_path: Path) -> Iterator[tuple[Web, Api, list[Furnished]]]:
    """Societies whose every text is markup."""
    with connect(plain_store_dsn) as conn:
        web, api = Web(conn, plain_store_dsn), Api(conn, plain_store_dsn)
        ends = enumerate(zip(NAMES, "=@+-", strict=True))
        found = [furnish(conn, tmp_path, f"Q{n}", odd, begin) for n, (odd, begin) in ends]
        for own in found:
            _say(web, own)
        yield web, api, found
        web.close()
        api.close()


def test_no_page_takes_a_text_for_markup(place: tuple[Web, Api, list[Furnished]]) -> None:
    web, _, societies = place
    shown = 0
    for own, role in product(societies, Role):
        lives_in = own.unit if role is Role.RESIDENT else None
        browser = web.login(role, society=own.society, unit=lives_in, name=f"{role}{own.society}")
        for method, path in routes_of(web.app):
            if path == "/check":
                continue  # the same bytes for everybody: `test_origin` holds them
            if method != "GET" or path.startswith("/static"):
                continue
            web.resources.rates._used.clear()
            answer = browser.get(question((method, path), own).address)
            assert answer.status_code < 500, path
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert Read(answer.text).faults == [], (path, role)
                shown += own.mark in answer.text
            else:
                _holds_no_formula(answer)
    assert shown


def test_no_file_of_the_api_holds_a_formula(place: tuple[Web, Api, list[Furnished]]) -> None:
    _, api, societies = place
    for own in societies:
        token = api.token(society=own.society)
        for form in FORMS[:2]:
            asked = question(("GET", "/v1/months/{month}/files/{form}"), own, form=form)
            answer = api.ask(asked.address, token)
            assert answer.status_code == 200
            assert own.mark in text_in(answer)
            _holds_no_formula(answer)


def _say(web: Web, own: Furnished) -> None:
    """Let people write markup wherever a reason or a name is asked for."""
    conn, named = web.conn, attend.Named(str(own.flag), own.society)
    who = {"by": REMARK[:60], "reason": REMARK}
    attend.acknowledge(conn, named, **who, now=web.now)
    attend.mute(conn, named, **who, until=web.now + timedelta(days=9), now=web.now)
    span = month_of(2026, 10, ZONE)
    approve_month(conn, own.society, span, web.now, by=REMARK[:60], seen=own.sha256, despite=REMARK)
    reopen_month(conn, own.society, span, web.now, **who)
    conn.execute(
        "UPDATE event SET message = left(message, 100) || %s WHERE society_id = %s",
        (REMARK[:100], own.society_id),
    )
    conn.execute("UPDATE event_change SET reason = reason || %s", (HIDDEN,))


def _holds_no_formula(answer: Any) -> None:
    """Hold that no cell of a CSV or XLSX file begins a formula."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as inside:
            sheets = [inside.read(name) for name in inside.namelist() if "sheets/" in name]
        assert not any(b"<f>" in sheet for sheet in sheets)
    elif answer.headers.get("content-type", "").startswith("text/csv"):
        cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
        odd = [each for each in cells if each[:1] in {*"=+@\t\r"} or re.match(r"-\D", each)]
        assert odd == []

# SPDX-License-Identifier: MIT
"""Whatever stands in an address or in a form, a page answers and meets no fault."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloud_ingest.store.connection import connect
from cloud_ingest.web import app as web_app
from tests.support.every_route import known_names, question, routes_of
from tests.support.two_societies import Furnished, furnish
from tests.support.web import Visiting, Web

EXAMPLES = 6
"""Of each route and role."""
READ = re.compile(
    r"""(?:\btext|\bfile|\bget)\("(\w+)"|^    (\w+): (?:str|int|date|UUID|bool)\b""", re.MULTILINE
)
ODD = (
    "",
    "0",
    "-1",
    "9" * 40,
    "2026-13",
    "2026-10-40",
    "0001-01",
    "9999-12",
    "1e999",
    "nan",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "\x00",
    "' OR 1=1 --",
    "<script>",
    "{{7*7}}",
    "../../etc/passwd",
    "=1+1",
    "\N{RIGHT-TO-LEFT OVERRIDE}x",
    "x" * 500,
)
BODIES = (b"", b"\xff\xfe", b"csrf=%ff%fe", b"--x\r\n", b"csrf=a&" * 300)
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "a")


def names() -> list[str]:
    """Return the names of all fields that some page reads."""
    found: set[str] = set()
    for file in Path(web_app.__file__).parent.glob("*.py"):
        for read in READ.findall(file.read_text("utf-8")):
            found |= {name for name in read if name}
    return sorted(found - {"csrf"})


@pytest.fixture
def place(plain_store_dsn: str, tmp_path: Path) -> Iterator[tuple[Web, Furnished]]:
    with connect(plain_store_dsn) as conn:
        web = Web(conn, plain_store_dsn)
        yield web, furnish(conn, tmp_path, "Qaa")
        web.close()


@pytest.mark.parametrize("role", ["manager", "resident"])
def test_no_field_is_a_fault(place: tuple[Web, Furnished], role: str) -> None:
    web, own = place
    known, lives_in = known_names(own), own.unit if role == "resident" else None
    fields = sorted({*names(), *known})
    value = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    for method, path in routes_of(web.app):
        address = question((method, path), own).path

        @settings(
            max_examples=EXAMPLES,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.dictionaries(st.sampled_from(fields), value, max_size=4))
        def visit(odd: Mapping[str, str]) -> None:
            browser = web.login(role, society=own.society, unit=lives_in)
            sent = {**known, **odd}
            answer = _sent(browser, web, method, address, sent)  # noqa: B023
            assert answer < 500, (method, address, odd)  # noqa: B023

        visit()


def test_no_body_is_a_fault(place: tuple[Web, Furnished]) -> None:
    web, own = place
    browser = web.login("manager", society=own.society)
    posts = [question(route, own).path for route in routes_of(web.app) if route[0] == "POST"]
    for address, kind, body in product(posts, KINDS, BODIES):
        web.resources.rates._used.clear()
        head = {"Content-Type": kind}
        answer = browser.client.post(address, content=body, headers=head, follow_redirects=False)
        assert 400 <= answer.status_code < 500, (address, kind, body)


def _sent(browser: Visiting, web: Web, method: str, address: str, sent: Mapping[str, str]) -> int:
    web.resources.rates._used.clear()
    asked = "&".join(f"{name}={quote(value)}" for name, value in sent.items())
    if method == "GET":
        return int(browser.get(f"{address}?{asked}").status_code)
    return int(browser.post(f"{address}?{asked}", **sent).status_code)

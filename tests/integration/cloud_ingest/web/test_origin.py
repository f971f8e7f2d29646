# SPDX-License-Identifier: MIT
"""Where a number comes from, and the pack with which anybody checks it."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta

import pytest

from cloud_ingest.core.month import parse_month
from cloud_ingest.exports.formats import UnitFormat, unit_file
from cloud_ingest.month.close import close_month
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.month.exported import Owner, unit_export
from cloud_ingest.rollup.refresh import refresh
from shared_schema.catalogue import Service
from shared_schema.proof.check import check
from shared_schema.proof.pack import read_proof
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line
from tests.support.web import Web, text_of

BEGIN, NOW = local("2026-06-30 20:00"), local("2026-08-12 09:00")
CLOSED = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
MINUS = " \N{MINUS SIGN} "
ON_OPEN = {"/unit/origin": 200, "/unit/proof": 422, "/unit/file": 404}
QUERY = "unit=A-1&month=2026-07&service=electricity"


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """July is closed: one flat is whole, one was read from the 10th on."""
    site.units(unit_line("A-1", "1"), unit_line("Z-9", "4"))
    for serial, begin in (("1", BEGIN), ("4", local("2026-07-10 00:00"))):
        site.deliver(serial, every(begin, NOW, 1000, 10, HOUR))
    refresh(site.conn, NOW)
    close_month(site.conn, SOCIETY, "2026-07", CLOSED)
    found = Web(site.conn, store_dsn)
    found.now = NOW
    yield found
    found.close()


def test_the_page_tells_what_the_command_tells(web: Web) -> None:
    text = text_of(web.login("resident", unit="A-1").get(f"/unit/origin?{QUERY}"))
    asked = Asked(SOCIETY, "2026-07", "A-1", Service.ELECTRICITY, "unit")
    (meter,) = explain(web.conn, asked, NOW).meters
    ends = [None if each is None else each.taken for each in (meter.end, meter.begin)]
    said = [str(each.value) for each in ends if each is not None]
    assert f"Counted: {MINUS.join(said)} = {meter.quantity} kWh" in text
    assert "was sent to billing as version 1: it is measured at both borders." in text


def test_what_is_withheld_says_why(web: Web) -> None:
    text = text_of(web.login("helpdesk").get("/unit/origin?unit=Z-9&month=2026-07"))
    assert "No number was sent: it is withheld." in text
    assert "no reading stands for the start" in text
    hindi = web.login("manager")
    hindi.get("/choices?lang=hi")
    assert "no reading stands" not in text_of(hindi.get("/unit/origin?unit=Z-9&month=2026-07"))


def test_the_pack_holds_by_the_checker_that_is_in_it(web: Web) -> None:
    answer = web.login("resident", unit="A-1").get(f"/unit/proof?{QUERY}")
    assert answer.headers["content-disposition"].endswith('filename="proof-A-1-2026-07.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
        names = pack.namelist()
        proof = read_proof(pack.read(names[0]))
        assert names[1:] == [names[0].replace("json", "html"), "verify.html"]
        assert pack.read("verify.html") == web.nobody().get("/check").content
    assert check(proof).state == "consistent"


def test_the_checker_runs_its_own_script_alone_and_sends_nothing(web: Web) -> None:
    policy = web.nobody().get("/check").headers["content-security-policy"]
    assert re.findall(r"script-src ([^;]+)", policy)[0].startswith("'sha256-")
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


@pytest.mark.parametrize("form", UnitFormat)
def test_a_units_file_is_that_of_the_command(web: Web, form: UnitFormat) -> None:
    answer = web.login("treasurer").get(f"/unit/file?unit=A-1&month=2026-07&form={form}")
    span = parse_month("2026-07", ZONE)
    found, days = unit_export(web.conn, SOCIETY, span, Owner("unit", "A-1"))
    assert answer.content == b"".join(unit_file(found, form, days))


@pytest.mark.parametrize("path", ["/unit/origin", "/unit/proof", "/unit/file"])
def test_no_resident_opens_another_unit(web: Web, path: str) -> None:
    for unit in ("Z-9", "a-1", "A-2", ""):
        query = f"unit={unit}&month=2026-07&form=csv&kind=common"
        assert web.login("resident", unit="A-1").get(f"{path}?{query}").status_code == 404
    open_month = web.login("manager").get(f"{path}?unit=A-1&month=2026-08&form=csv")
    assert open_month.status_code == ON_OPEN[path]


def test_a_dial_is_held_against_what_is_known_and_kept(web: Web) -> None:
    manager = web.login("manager")
    at = {"at": "2026-08-05T09:00", "beside": "Asha of A-1"}
    named = {"unit": "A-1", "service": "electricity"}
    told = manager.post("/unit/witness", **named, **at, shown="9.5")
    assert "They agree." in text_of(told) or "do not agree" in text_of(told)
    again = text_of(manager.get("/unit/witness?unit=A-1&service=electricity"))
    assert "showed 9.5 kWh" in again
    assert "Asha of A-1" in again
    for wrong in ({"shown": "x"}, {"shown": ""}, {"at": "2027-01-01T00:00", "shown": "1"}):
        assert manager.post("/unit/witness", **{**named, **at, **wrong}).status_code == 422


def test_a_closed_valve_tells(web: Web) -> None:
    manager = web.login("manager")
    said = {"unit": "A-1", "service": "electricity", "begun": "2026-08-05T09:00"}
    said |= {"ended": "2026-08-05T09:30", "first": "9.50"}
    assert "Nothing flowed" in text_of(manager.post("/unit/valve", **said, last="9.50"))
    assert "At least 0.04 kWh flowed" in text_of(manager.post("/unit/valve", **said, last="9.55"))
    assert web.conn.execute("SELECT count(*) FROM witness_read").fetchall() == [(4,)]
    assert manager.post("/unit/valve", **said, last="9").status_code == 422
    odd = manager.post("/unit/valve", **said | {"service": "gas"}, last="9.50")
    assert 400 <= odd.status_code < 500

# SPDX-License-Identifier: MIT
"""The page of a month: its numbers are those that were sent, what is missing comes first."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.month import parse_month
from cloud_ingest.month.approve import approve_month
from cloud_ingest.month.changes_after import month_changes
from cloud_ingest.month.close import close_month
from cloud_ingest.month.report import month_report
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import outbox
from shared_schema.billing import MonthlyConsumption
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line
from tests.support.web import Web, text_of

BEGIN, NOW = local("2026-06-30 20:00"), local("2026-08-12 09:00")
CLOSED = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
PAGE = "/month?month=2026-07"
JULY = parse_month("2026-07", ZONE)


@pytest.fixture
def web(site: Site, store_dsn: str) -> Iterator[Web]:
    """Four flats in July: one has a generator, one was read from the 10th on."""
    site.units(
        unit_line("A-1", "1", tower="T1"),
        unit_line("A-1", "5", tower="T1", source="generator"),
        unit_line("A-2", "2", tower="T1"),
        unit_line("A-10", "3", tower="T2"),
        unit_line("Z-9", "4", tower="T2"),
    )
    for serial, step in (("1", 10), ("2", 20), ("3", 30), ("4", 40), ("5", 1)):
        begin = local("2026-07-10 00:00") if serial == "4" else BEGIN
        site.deliver(serial, every(begin, NOW, 1000, step, HOUR))
    refresh(site.conn, NOW)
    found = Web(site.conn, store_dsn)
    found.now = NOW
    yield found
    found.close()


def rows(text: str) -> list[str]:
    """Return the labels of the table, in its order."""
    return re.findall(r'<tr><th scope="row"><a [^>]*>([^<]*)</a>', text)


def test_each_number_is_the_one_that_was_sent(web: Web) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    answer = web.login("treasurer").get(PAGE)
    text = text_of(answer)
    for line in month_report(web.conn, SOCIETY, "2026-07").lines:
        assert line.quantity is None or f"{line.quantity} kWh" in text
    assert "July 2026: 3 of 4 final. 1 is withheld. Ready to approve: no, Z-9 electricity." in text
    assert "generator 0.744" in text
    assert "billing: waits to be sent" in text
    assert rows(answer.text)[0] == "Z-9"


def test_a_month_that_runs_shows_what_was_used_so_far(web: Web) -> None:
    text = text_of(web.login("manager").get("/month?month=2026-08"))
    assert "August 2026 so far: 4 of 4 are read." in text
    assert "3.003 kWh" in text
    assert "not closed yet" in text


def test_what_somebody_chooses_is_shown(web: Web) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    seen = web.login("treasurer")
    assert rows(seen.get(f"{PAGE}&tower=T1&sort=unit").text) == ["A-1", "A-2"]
    assert rows(seen.get(f"{PAGE}&show=missing").text) == ["Z-9"]
    assert rows(seen.get(f"{PAGE}&q=a-1&sort=electricity").text) == ["A-10", "A-1"]
    assert rows(seen.get(f"{PAGE}&show=held").text) == []
    assert rows(seen.get(f"{PAGE}&page=2").text) == rows(seen.get(PAGE).text)
    assert "No unit is as you chose" in text_of(seen.get(f"{PAGE}&q=nobody&page=2"))
    for odd in ("page=0", "show=x", "sort=x", "page=99999999999"):
        assert seen.get(f"{PAGE}&{odd}").status_code == 422
    assert seen.get("/month?month=2026-13").status_code == 409


def test_a_month_is_approved_as_it_was_seen(web: Web, site: Site) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    person = web.login("treasurer", name="Asha")
    page = person.get("/month/approve?month=2026-07")
    assert "Z-9" in text_of(page)
    asked = {"month": "2026-07", "seen": _seen(page.text)}
    assert person.post("/month/approve", **asked).status_code == 409
    assert person.post("/month/approve", month="2026-07", despite="x").status_code == 409
    site.deliver("4", every(BEGIN, local("2026-07-09 23:00"), 1000, 1, HOUR))
    refresh(web.conn, NOW)
    close_month(web.conn, SOCIETY, "2026-07", CLOSED + HOUR)
    late = person.post("/month/approve", **asked, despite="Z-9 is empty")
    assert late.status_code == 409
    asked["seen"] = _seen(person.get("/month/approve?month=2026-07").text)
    done = person.post("/month/approve", **asked, despite="Z-9 moved in")
    assert done.headers["location"] == "/month?month=2026-07&said=approved"
    assert "Approved by Asha on" in text_of(person.get(PAGE))


def _seen(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def test_an_approved_month_is_opened_again_with_a_reason(web: Web) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    seen = approve_month(web.conn, SOCIETY, JULY, NOW, by="Ravi")
    approve_month(web.conn, SOCIETY, JULY, NOW, by="Ravi", seen=seen.sha256, despite="x")
    person = web.login("manager")
    assert "Open July 2026 again" in text_of(person.get("/month/approve?month=2026-07"))
    assert person.post("/month/reopen", month="2026-07", reason="").status_code == 422
    done = person.post("/month/reopen", month="2026-07", reason="a dial was misread")
    assert done.status_code == 303
    assert "Ready to approve" in text_of(person.get(PAGE))


def test_a_month_that_is_not_closed_cannot_be_approved(web: Web) -> None:
    text = text_of(web.login("manager").get("/month/approve?month=2026-07"))
    assert "not closed yet" in text


@pytest.mark.parametrize("form", ["csv", "xlsx", "pdf", "json"])
def test_a_closed_month_is_a_file(web: Web, form: str) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    answer = web.login("treasurer").get(f"/month/file?month=2026-07&form={form}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith(f'.{form}"')
    assert len(answer.content) > 100


def test_what_changed_is_what_the_report_tells(web: Web, site: Site) -> None:
    address = "/month/changes?month=2026-07"
    person = web.login("treasurer")
    assert "nothing was sent yet" in text_of(person.get(address))
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    assert "Nothing changed after the month was sent" in text_of(person.get(address))
    site.deliver("4", every(BEGIN, local("2026-07-09 23:00"), 0, 1, HOUR))
    refresh(web.conn, NOW)
    close_month(web.conn, SOCIETY, "2026-07", CLOSED + 5 * HOUR)
    told = month_changes(web.conn, SOCIETY, JULY)
    text = text_of(person.get(address))
    assert len(told.numbers) + len(told.held) == 1
    for number in told.numbers:
        assert f"{number.subject} , electricity no number {number.after} kWh" in text
    for waits in told.held:
        assert f"would become {waits.quantity} kWh" in text


def test_what_was_acknowledged_and_forgotten_is_still_acknowledged(web: Web) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    web.conn.execute("UPDATE outbox SET published_at = %s, acked_at = %s", (CLOSED, CLOSED))
    outbox.prune(web.conn, NOW + timedelta(days=400))
    told = month_report(web.conn, SOCIETY, "2026-07").lines
    assert {each.delivery for each in told} == {"acknowledged", "withheld"}
    text = text_of(web.login("treasurer").get(PAGE))
    assert text.count("billing: acknowledged") == 3
    assert "waits to be sent" not in text


def test_the_flags_of_a_month_are_those_that_it_had(web: Web) -> None:
    def leak(unit: str, since: str, cleared: str | None) -> None:
        web.conn.execute(
            "INSERT INTO event (event_id, society_id, kind, subject_type, subject, service, state,"
            " since, raised_at, cleared_at, message) SELECT gen_random_uuid(), society_id, 'leak',"
            " 'unit', %s, 'water', %s, %s, %s, %s, '' FROM society",
            (unit, "cleared" if cleared else "open", local(since), local(since), cleared),
        )

    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    leak("A-1", "2026-07-03 09:00", "2026-07-05 09:00+05:30")
    leak("A-2", "2026-07-20 09:00", None)
    leak("Z-9", "2026-06-01 09:00", "2026-06-05 09:00+05:30")
    leak("A-10", "2026-08-02 09:00", None)
    answer = web.login("treasurer").get(PAGE)
    table = re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>(.*?)</tr>', answer.text, re.DOTALL)
    told = {label: re.findall("[Ll]eak[^<]*", row) for label, row in table}
    assert told == {"Z-9": [], "A-1": ["Leak, ended"], "A-2": ["Leak"], "A-10": []}
    assert "2 leaks." in text_of(answer)


def test_a_number_in_doubt_is_not_ready(web: Web) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    web.conn.execute(
        "INSERT INTO month_doubt (society_id, month, subject_type, subject, service, kind, reasons,"
        " linked, since) SELECT society_id, '2026-07', 'unit', 'A-1', 'electricity', 'doubted',"
        " '{}', '', now() FROM society"
    )
    assert "1 number is in doubt" in text_of(
        web.login("manager").get("/month/approve?month=2026-07")
    )


def test_what_was_sent_is_told_version_by_version(web: Web, site: Site) -> None:
    close_month(web.conn, SOCIETY, "2026-07", CLOSED)
    seen = web.login("treasurer")
    told = seen.get("/month/sent?month=2026-07")
    assert "3 messages went to billing. Of the whole month: 3 wait to be sent." in text_of(told)
    numbers = {each.subject.id: each.quantity for each in sent_numbers(site)}
    shown = re.findall(r">([^<]*)</a>, electricity.*?num\">([\d.]*)", told.text, re.DOTALL)
    assert {label: Decimal(text) for label, text in shown} == numbers
    web.conn.execute("UPDATE outbox SET published_at = now() WHERE ack_key IS NOT NULL")
    web.conn.execute("UPDATE outbox SET acked_at = now() WHERE ack_key LIKE '%A-2%'")
    text = text_of(seen.get("/month/sent?month=2026-07&unit=A-2"))
    assert "1 message of A-2 went to billing. Of the whole month: 2 are not acknowl" in text
    last = seen.get("/month/sent?month=2026-07&page=9")
    assert "3 messages went to billing." in text_of(last)
    assert re.search(r"A-2 ?, electricity 1 ", text)
    site.deliver("4", every(local("2026-06-30 20:00"), local("2026-07-10 00:00"), 100, 4, HOUR))
    refresh(site.conn, NOW)
    close_month(web.conn, SOCIETY, "2026-07", NOW)
    assert "4 messages went to billing." in text_of(seen.get("/month/sent?month=2026-07"))
    assert seen.get("/month/sent?month=2026-08").status_code == 404


def sent_numbers(site: Site) -> list[MonthlyConsumption]:
    """Return what stands in the outbox for billing."""
    rows = site.all("SELECT payload FROM outbox WHERE ack_key IS NOT NULL")
    return [MonthlyConsumption.from_line(bytes(line)) for (line,) in rows]


def test_labels_stand_as_people_read_them(web: Web) -> None:
    seen = web.login("treasurer")
    assert rows(seen.get(f"{PAGE}&sort=unit").text) == ["A-1", "A-2", "A-10", "Z-9"]
    found = re.findall(r"unit=(A-\d+)", seen.get("/unit/search?q=a-").text)
    assert list(dict.fromkeys(found)) == ["A-1", "A-2", "A-10"]

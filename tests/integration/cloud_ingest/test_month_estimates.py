# SPDX-License-Identifier: MIT
"""Months whose borders were not read: told, estimated, and billed once they are known."""

from datetime import timedelta

from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.store.events import list_events
from shared_schema.events import EventKind, SubjectType
from tests.support.store import SOCIETY, Site, every, local, unit_line

HOUR = timedelta(hours=1)


def close(site: Site, month: str, at: str = "2026-12-05 09:00") -> Closed:
    return close_month(site.conn, SOCIETY, month, local(at))


def read(site: Site, start: str, end: str, *, serial: str = "1") -> None:
    """Let a meter tell each hour from one time to another: 10 Wh an hour since January."""
    begin = local(start)
    first = (begin - local("2026-01-01 00:00")) // HOUR * 10
    site.deliver(serial, every(begin, local(end), first, 10, HOUR))


def prolonged(site: Site, state: str | None = "open") -> list[tuple[str, str, str]]:
    return [
        (each.event.subject.id, each.event.state, f"{each.event.since:%Y-%m-%d}")
        for each in list_events(site.conn, society=SOCIETY, state=state)
        if each.event.kind is EventKind.PROLONGED_ESTIMATE
    ]


def test_a_second_month_without_proof_is_a_flag(site: Site) -> None:
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    for serial in ("1", "2"):
        read(site, "2026-07-01 00:00", "2026-07-20 00:00", serial=serial)
    read(site, "2026-07-20 01:00", "2026-11-02 00:00", serial="2")
    close(site, "2026-07")
    assert prolonged(site) == []
    close(site, "2026-08")
    assert prolonged(site) == [("A-1", "open", "2026-06-30")]
    (flag,) = list_events(site.conn, society=SOCIETY)
    assert flag.event.subject.type is SubjectType.UNIT
    assert flag.event.message.startswith(
        "The electricity of A-1 could not be proved for months in a row, since 2026-07: "
    )
    close(site, "2026-07")  # an older month says nothing of the newest
    assert len(prolonged(site)) == 1


def test_a_proved_month_ends_the_flag(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    read(site, "2026-07-01 00:00", "2026-07-20 00:00")
    for month in ("2026-07", "2026-08", "2026-09"):
        close(site, month)
    assert len(prolonged(site)) == 1
    read(site, "2026-10-01 00:00", "2026-11-02 00:00")
    close(site, "2026-10")
    assert prolonged(site) == []
    assert prolonged(site, None) == [("A-1", "cleared", "2026-06-30")]

# SPDX-License-Identifier: MIT
"""Days and months made anew from their readings; what is no longer kept stays."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.errors import RecomputeRefused
from cloud_ingest.rollup import recompute as module
from cloud_ingest.rollup.recompute import recompute
from cloud_ingest.rollup.refresh import refresh
from tests.support.store import SOCIETY, Site, every, local, unit_line

HOUR = timedelta(hours=1)
START, END = local("2026-06-28 00:00"), local("2026-07-20 00:00")
NOW = local("2026-07-21 09:00")
FIRST, LAST = date(2026, 7, 1), date(2026, 7, 31)
READINGS = "SELECT channel_id, ts, raw, status, origin FROM reading ORDER BY 1, 2"


@pytest.fixture
def july(site: Site) -> Site:
    """Two meters, rolled up."""
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    for serial in ("1", "2"):
        site.deliver(serial, every(START, END, 1000, 10, HOUR))
    refresh(site.conn, NOW)
    return site


def rollups(site: Site) -> list[tuple[Any, ...]]:
    return [
        *site.all("SELECT * FROM reading_day ORDER BY channel_id, day"),
        *site.all("SELECT * FROM reading_month ORDER BY channel_id, month"),
    ]


def slip_in(site: Site, at: str, raw: int) -> None:
    """Add a reading of the first channel behind the back of the marks."""
    site.conn.execute(
        "INSERT INTO reading SELECT min(channel_id), %s, %s, NULL, 1 FROM channel",
        (local(at), raw),
    )


def test_right_rollups_do_not_change(july: Site) -> None:
    before, readings = rollups(july), july.all(READINGS)
    done = recompute(july.conn, FIRST, LAST, NOW)
    assert (done.days_changed, done.months_changed, done.cut) == (0, 0, False)
    assert (done.first, done.last) == (FIRST, date(2026, 7, 21))
    assert rollups(july) == before
    assert july.all(READINGS) == readings


def test_a_wrong_day_is_named_and_mended(july: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHANNELS_AT_ONCE", 1)
    before = rollups(july)
    slip_in(july, "2026-07-09 23:30", 5)
    told: list[str] = []
    done = recompute(july.conn, FIRST, LAST, NOW, progress=told.append)
    (day,), (month,) = done.days, done.months
    assert (done.days_changed, done.months_changed) == (1, 1)
    assert (day.society, day.serial, day.bucket) == (SOCIETY, "1", date(2026, 7, 9))
    assert day.before is not None
    assert day.now is not None
    assert month.before is not None
    assert month.now is not None
    assert (day.before.count, day.now.count) == (24, 25)
    assert (month.bucket, month.now.count) == (FIRST, month.before.count + 1)
    assert len([text for text in told if " to " in text]) == 3
    changed = [row for row in rollups(july) if row not in before]
    assert [row[6] for row in changed] == [25, month.now.count]
    assert {row[8] for row in changed} == {5}
    assert recompute(july.conn, FIRST, LAST, NOW).days_changed == 0


def test_a_rollup_that_no_reading_tells_of_goes(july: Site) -> None:
    july.conn.execute(
        "DELETE FROM reading WHERE ts > %s AND ts <= %s AND channel_id = "
        "(SELECT min(channel_id) FROM channel)",
        (local("2026-07-09 00:00"), local("2026-07-10 00:00")),
    )
    done = recompute(july.conn, date(2026, 7, 9), date(2026, 7, 9), NOW)
    (day,) = done.days
    assert day.before is not None
    assert (day.before.count, day.now) == (24, None)
    assert done.months_changed == 1
    assert recompute(july.conn, FIRST, LAST, NOW).days_changed == 0


def test_days_whose_readings_are_gone_stay(july: Site) -> None:
    before = rollups(july)
    gone = local("2026-07-05 05:30")  # it cuts a local day, as the border of a chunk does
    july.conn.execute("DELETE FROM reading WHERE ts < %s", (gone,))
    done = recompute(july.conn, FIRST, LAST, NOW)
    assert (done.first, done.cut) == (date(2026, 7, 6), True)
    assert (done.days_changed, done.months_changed) == (0, 0)
    assert rollups(july) == before
    slip_in(july, "2026-07-10 00:30", 2160)
    assert recompute(july.conn, FIRST, LAST, NOW).months_changed == 1
    for last in (date(2026, 7, 4), date(2026, 7, 5)):
        with pytest.raises(RecomputeRefused, match="keep"):
            recompute(july.conn, FIRST, last, NOW)
    assert len(rollups(july)) == len(before)


def test_days_to_come_are_not_recomputed(july: Site) -> None:
    with pytest.raises(RecomputeRefused, match="has come"):
        recompute(july.conn, date(2026, 8, 1), date(2026, 8, 31), NOW)
    with pytest.raises(RecomputeRefused, match="has come"):
        recompute(july.conn, LAST, FIRST, NOW)


def test_one_society_can_be_recomputed_alone(july: Site) -> None:
    july.conn.execute("INSERT INTO society (name) VALUES ('Hill View')")
    slip_in(july, "2026-07-09 23:30", 5)
    assert recompute(july.conn, FIRST, LAST, NOW, society="Hill View").days == ()
    days = recompute(july.conn, FIRST, LAST, NOW, society=SOCIETY).days_changed
    assert days == (1 if july.one("SELECT rollups FROM store") == "portable" else 0)


def test_the_command_says_what_changed(july: Site, store_dsn: str) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["recompute", *words], env={"IOT_UTILITY_DSN": store_dsn})
        return result.exit_code, result.stdout, result.stderr

    slip_in(july, "2026-07-09 23:30", 5)
    code, out, err = run("--month", "2026-07", "--json", "--society", SOCIETY)
    assert code == 0
    (day,) = json.loads(out)["days"]
    assert (day["bucket"], day["before"]["count"], day["now"]["count"]) == ("2026-07-09", 24, 25)
    assert "2026-07-01 to 2026-07-07" in err
    slip_in(july, "2026-07-10 23:30", 5)
    code, out, _ = run("--from", "2026-07-10")
    assert "1 days and 1 months of registers changed" in out.splitlines()[0]
    assert "24 readings up to 4120, now 25 readings up to 4120" in out
    channel = july.one("SELECT min(channel_id) FROM channel")
    july.conn.execute(
        "UPDATE reading SET raw = raw + 1 WHERE channel_id = %s AND ts = %s",
        (channel, local("2026-07-12 12:00")),
    )
    _, out, _ = run("--from", "2026-07-12")
    was, now = "sum_raw 107640", "sum_raw 107641"
    assert f"24 readings up to 4600, {was}, now 24 readings up to 4600, {now}" in out
    for words in ((), ("--month", "2026-07", "--from", "2026-07-01"), ("--from", "july")):
        code, _, err = run(*words)
        assert (code, len(err.splitlines())) == (2, 1)

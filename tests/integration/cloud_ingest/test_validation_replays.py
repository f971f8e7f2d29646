# SPDX-License-Identifier: MIT
"""What was decided of a claim stands when the same claim comes again, whatever way it comes."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cloud_ingest.entries.history import import_history
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.readings import rule_on_reading
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.catalogue import Service
from shared_schema.quality import Origin
from tests.support.gateway import MAKER
from tests.support.store import SOCIETY, Site, every, local, unit_line

SERIAL = "S-1"
BEGIN = 12_345_000
ROWS = every(local("2026-01-10 00:00"), local("2026-01-12 00:00"), BEGIN, 10)
AT, TRUE = ROWS[100]
NOW = datetime(2026, 1, 20, tzinfo=UTC)


@pytest.fixture
def metered(site: Site) -> Site:
    site.units(unit_line("A-1", SERIAL, since="2025-12-01"))
    return site


def send(site: Site, at: int | None) -> None:
    """Deliver all rows, with a lie at one time; None: without a row there."""
    rows = [(ts, at if ts == AT else raw) for ts, raw in ROWS]
    site.deliver(SERIAL, [(ts, raw) for ts, raw in rows if raw is not None])
    refresh(site.conn, NOW)


def say(site: Site, kind: str, raw: int) -> None:
    named = NamedReading(NamedMeter("A-1", Service.ELECTRICITY), AT, value=Decimal(raw).scaleb(-3))
    word = Word(kind, "me", "seen")  # type: ignore[arg-type]
    with site.conn.transaction():
        rule_on_reading(site.conn, SOCIETY, named, word, NOW)
    refresh(site.conn, NOW)


def come_again(site: Site, way: str, raw: int, folder: Path) -> None:
    """Let a claim come once more: from the gateway, as an edit's rival, or in a history."""
    channel = site.one("SELECT channel_id FROM channel")
    if way == "delivered":
        site.deliver(SERIAL, [(AT, raw)])
    elif way == "stored":
        said = NewReading(channel, int(AT.timestamp()), raw, None, Origin.METER)
        store_readings(site.conn, [said], source="replay", at=NOW)
    else:
        path = folder / "history.csv"
        line = f"{MAKER},{SERIAL},1.0.1.8.0.255,Wh,0,{AT:%Y-%m-%dT%H:%M:%SZ},{raw}"
        path.write_text(f"manufacturer,serial,obis,unit,scaler,ts,raw\n{line}\n")
        import_history(site.conn, SOCIETY, path, NOW)
    refresh(site.conn, NOW)


def elected(site: Site) -> list[tuple[int, int]]:
    return site.all("SELECT raw, origin FROM reading WHERE ts = %s", AT)


WAYS = pytest.mark.parametrize("way", ["delivered", "stored", "imported"])


@WAYS
def test_a_restored_lie_stays_elected(metered: Site, tmp_path: Path, way: str) -> None:
    send(metered, 0)
    say(metered, "restore", 0)
    before = metered.one("SELECT count(*) FROM election")
    come_again(metered, way, 0, tmp_path)
    assert elected(metered) == [(0, 1)]
    assert metered.one("SELECT count(*) FROM election") == before


@WAYS
def test_what_a_person_set_aside_stays_aside(metered: Site, tmp_path: Path, way: str) -> None:
    send(metered, TRUE)
    say(metered, "set_aside", TRUE)
    come_again(metered, way, TRUE, tmp_path)
    assert [row for row in elected(metered) if row == (TRUE, 1)] == []


@WAYS
def test_an_entered_value_stands_above_what_comes_again(
    metered: Site, tmp_path: Path, way: str
) -> None:
    send(metered, TRUE)
    say(metered, "enter", TRUE + 3)
    come_again(metered, way, TRUE, tmp_path)
    assert elected(metered) == [(TRUE + 3, 0)]


@WAYS
def test_a_lie_beside_a_sound_dial_is_not_elected_again(
    metered: Site, tmp_path: Path, way: str
) -> None:
    """The meter's own claim would win, were it not known to be unsound."""
    send(metered, 0)
    channel = metered.one("SELECT channel_id FROM channel")
    dial = NewReading(channel, int(AT.timestamp()), TRUE, None, Origin.SELF_READ)
    store_readings(metered.conn, [dial], source="a resident", at=NOW)
    refresh(metered.conn, NOW)
    assert elected(metered) == [(TRUE, 2)]
    before = metered.one("SELECT count(*) FROM election")
    come_again(metered, way, 0, tmp_path)
    assert elected(metered) == [(TRUE, 2)]
    if way != "imported":  # an imported claim is another one
        assert metered.one("SELECT count(*) FROM election") == before


def test_a_dial_that_was_forced_is_vouched_for(metered: Site) -> None:
    send(metered, None)
    self_read(
        metered.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        value=Decimal(7),
        at=AT,
        by="me",
        now=NOW,
        force_because="I stood before it",
    )
    refresh(metered.conn, NOW)
    metered.deliver(SERIAL, ROWS[90:99])
    refresh(metered.conn, NOW)
    assert elected(metered) == [(7_000, 2)]


@pytest.mark.parametrize("lies", [1, 3])
def test_the_first_rows_of_a_new_module_are_set_aside(metered: Site, lies: int) -> None:
    rows = [(ts, 0 if n < lies else raw) for n, (ts, raw) in enumerate(ROWS)]
    metered.deliver(SERIAL, rows[:lies])
    refresh(metered.conn, NOW)
    metered.deliver(SERIAL, rows[lies:])
    refresh(metered.conn, NOW)
    assert metered.all("SELECT ts FROM verdict ORDER BY ts") == [(ts,) for ts, _ in rows[:lies]]
    assert metered.one("SELECT min(raw) FROM reading") == ROWS[lies][1]


def test_a_whole_day_of_lies_before_the_register_is_a_break(metered: Site) -> None:
    rows = [(ts, 0 if n < 96 else raw) for n, (ts, raw) in enumerate(ROWS)]
    for part in (rows[:50], rows[50:120], rows[120:]):
        metered.deliver(SERIAL, part)
        refresh(metered.conn, NOW)
    assert metered.all("SELECT ts, rule FROM register_break") == [(ROWS[96][0], "ceiling")]

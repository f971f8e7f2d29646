# SPDX-License-Identifier: MIT
"""Proofs of months that are not one meter's two midnights."""

from datetime import timedelta
from decimal import Decimal

from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.month.close import close_month
from shared_schema.catalogue import ACTIVE_IMPORT, WATER_VOLUME, Service, Unit
from shared_schema.readings import Column
from tests.support.proved import (
    AFTER,
    BEFORE,
    END,
    FIRST,
    HALF,
    HOUR,
    NOW,
    claims,
    close,
    july,
    proved,
    quantity,
    send,
    units,
)
from tests.support.store import SOCIETY, Site, every, kwh, local, unit_line

LATER = local("2026-09-02 09:00")


def joined(site: Site, service: Service, adds: Decimal) -> None:
    """Say how a register goes on from the middle of July."""
    add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", service),
        starts_at=HALF,
        adds=adds,
        reason="counts by another step",
        by="caretaker",
        now=NOW,
    )


def test_a_pulse_weight_that_was_put_right_is_joined(site: Site) -> None:
    units(site, unit_line("A-1", "1", service="water", source="inlet-1"))
    hours = (HALF - BEFORE) // HOUR
    for weight, rows in (
        (5, every(BEFORE, HALF - HOUR, 5000, 5, HOUR)),
        (25, every(HALF, AFTER, (1000 + hours) * 25, 25, HOUR)),
    ):
        column = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE, weight=weight)
        send(site, "1", rows, column)
    jumped = kwh((1000 + hours) * 25 - (1000 + hours - 1) * 5)
    joined(site, Service.WATER, kwh(25) - jumped)
    close(site)
    proof = proved(site, Service.WATER)
    assert [part.closing.channel - part.opening.channel for part in proof.parts] == [1]
    assert (claims(proof), len(proof.batches)) == (["epoch"], 2)


def test_a_scaler_that_changed_is_joined(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", [row for row in july() if row[0] < HALF])
    count = (HALF - BEFORE) // HOUR
    tens = Column(obis=ACTIVE_IMPORT, scaler=1, unit=Unit.WATT_HOUR)
    send(site, "1", every(HALF, AFTER, FIRST + 10 * count, 1, HOUR), tens)
    joined(site, Service.ELECTRICITY, kwh(FIRST + 10 * count - 10 * (FIRST + 10 * count)))
    close(site)
    proof = proved(site)
    assert quantity(proof) == kwh(10 * 31 * 24)
    assert proof.parts[0].closing.adds.startswith("-")


def test_a_catch_up_opens_where_its_first_month_does(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    rows = every(BEFORE, AFTER + timedelta(days=31), FIRST, 10, HOUR)
    send(site, "1", [row for row in rows if abs(row[0] - END) > 40 * HOUR])
    for month in ("2026-07", "2026-08"):
        close_month(site.conn, SOCIETY, month, LATER)
    assert proved(site, now=LATER).state == "withheld"
    august = proved(site, month="2026-08", now=LATER)
    assert quantity(august) == kwh(10 * 62 * 24)
    assert (claims(august), len(august.batches)) == ([], 2)


def test_a_lift_has_a_proof_of_its_own(site: Site) -> None:
    units(site, unit_line("Lift 1", "1", kind="common"))
    send(site, "1", july())
    close(site)
    assert quantity(proved(site, unit="Lift 1", subject_type="common")) == kwh(10 * 31 * 24)


def test_what_was_signed_outlives_the_readings(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    close(site)
    whole = proved(site)
    site.conn.execute("UPDATE store SET kept_from = '2026-08-02T00:00Z'")
    site.conn.execute("DELETE FROM reading")
    assert proved(site).parts == whole.parts


def test_two_units_have_two_proofs(site: Site) -> None:
    units(site, unit_line("A-1", "1"), unit_line("A-2", "2"))
    send(site, "1", july())
    send(site, "2", july(55_000, 20))
    close(site)
    assert [quantity(proved(site, unit=unit)) for unit in ("A-1", "A-2")] == [
        kwh(10 * 31 * 24),
        kwh(20 * 31 * 24),
    ]


def test_a_meter_is_its_maker_and_its_serial(site: Site) -> None:
    """Written in one text, the two meters have one name."""
    units(site, unit_line("A-1", "B 1"), unit_line("C-9", "1", maker="LNT B"))
    send(site, "1", july(), maker="LNT B")
    send(site, "B 1", july())
    close(site)
    assert (claims(proved(site)), proved(site).batches[0].blocks[0].count("LNT B")) == ([], 0)


def test_each_of_two_meters_counts_by_its_own_epochs(site: Site) -> None:
    """Written in one text, the two meters have one name; the second turned over."""
    units(
        site,
        unit_line("A-1", "B 1", until="2026-07-16"),
        unit_line("A-1", "1", since="2026-07-16", maker="LNT B"),
    )
    send(site, "B 1", every(BEFORE, HALF, FIRST, 10, HOUR))
    rows = [(at, raw % 100_000_000) for at, raw in every(HALF, AFTER, 99_999_000, 10, HOUR)]
    send(site, "1", rows, maker="LNT B")
    add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        starts_at=next(at for at, raw in rows if raw < 1000),
        adds=Decimal(100_000),
        reason="five digits",
        by="caretaker",
        now=NOW,
    )
    close(site)
    proof = proved(site)
    assert quantity(proof) == kwh(10 * 31 * 24)
    assert [part.opening.channel for part in proof.parts] == [0, 1]


def test_of_many_readings_beside_a_border_the_first_are_shown(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    for minute in range(-15, 16):
        send(site, "1", [(END + timedelta(minutes=minute), 0)])
    send(site, "1", [row for row in july() if row[0] != END])
    close(site)
    proof = proved(site)
    assert claims(proof) == ["estimate"]
    assert (len(proof.others), len(proof.batches)) == (20, 22)


def test_a_change_that_waits_is_told(site: Site) -> None:
    """January ends too high, as a row of March shows: that it is taken back waits for a person."""
    units(site, unit_line("A-1", "1", since="2025-12-01"))
    year, spring = local("2026-01-01 00:00"), local("2026-04-05 09:00")
    send(site, "1", every(year, local("2026-01-30 12:00"), FIRST, 4, HOUR))
    send(site, "1", [(local("2026-02-01 00:00"), FIRST + 6_000)])
    for month in ("2026-01", "2026-02"):
        close_month(site.conn, SOCIETY, month, spring)
    rows = every(local("2026-03-01 00:00"), local("2026-04-02 00:00"), FIRST + 5_664, 4, HOUR)
    send(site, "1", rows)
    for month in ("2026-02", "2026-03"):
        close_month(site.conn, SOCIETY, month, spring + HOUR)
    proof = proved(site, month="2026-01", now=spring + 2 * HOUR)
    assert proof.held is not None
    assert claims(proof) == ["held"]

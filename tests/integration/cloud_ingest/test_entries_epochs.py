# SPDX-License-Identifier: MIT
"""Rollovers and resets: what is recorded, what is refused, and what must be closed again."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.epochs import EpochAdded, add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.readings import rule_on_reading
from cloud_ingest.errors import EpochRefused, SelfReadRefused
from cloud_ingest.month.close import Closed, close_month
from shared_schema.catalogue import Service
from shared_schema.quality import Reason
from tests.support.store import SOCIETY, Site, every, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
FIRST, SECOND = local("2026-07-10 05:00"), local("2026-07-20 05:00")
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
USED = kwh(10 * 31 * 24)


@pytest.fixture
def rolling(site: Site) -> Site:
    """A flat of 10 Wh an hour whose register restarts at 3 Wh on the 10th and on the 20th."""
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(START, FIRST - HOUR, 900_000, 10, HOUR))
    site.deliver("1", every(FIRST, SECOND - HOUR, 3, 10, HOUR))
    site.deliver("1", every(SECOND, END, 3, 10, HOUR))
    return site


def lost(site: Site, at: datetime) -> Decimal:
    """Return what makes a fall look as if 10 Wh were used across it."""
    raw = site.one("SELECT raw FROM reading WHERE ts = %s", at - HOUR)
    return kwh(raw - 3 + 10)


def add(
    site: Site, at: datetime, adds: Decimal, subject: str = "A-1", now: datetime | None = None
) -> EpochAdded:
    return add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter(subject, Service.ELECTRICITY),
        starts_at=at,
        adds=adds,
        reason="rollover",
        by="caretaker",
        now=now or datetime.now(NOW.tzinfo),
    )


def close(site: Site) -> Closed:
    return close_month(site.conn, SOCIETY, "2026-07", NOW)


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_register_that_fell_counts_on(rolling: Site, order: tuple[datetime, ...]) -> None:
    (withheld,) = close(rolling).withheld
    assert withheld.reasons == (Reason.REGISTER_DROP,)
    for at in order:
        assert add(rolling, at, lost(rolling, at)) == EpochAdded(
            "LNT 1", Decimal("0.010"), ("2026-07",)
        )
    (number,) = close(rolling).numbers
    assert (number.quantity, number.reasons) == (USED, ())
    audit = "SELECT DISTINCT reason, author FROM epoch"
    assert rolling.all(audit) == [("rollover", "caretaker")]


def test_a_wrong_amount_can_be_corrected(rolling: Site) -> None:
    for at in (FIRST, SECOND):
        add(rolling, at, lost(rolling, at))
    add(rolling, FIRST, lost(rolling, FIRST) + 5)
    assert close(rolling).numbers[0].quantity == USED + 5
    add(rolling, FIRST, lost(rolling, FIRST))
    assert close(rolling).numbers[0].quantity == USED
    add(rolling, SECOND, Decimal(0))
    (withheld,) = close(rolling).withheld
    assert withheld.reasons == (Reason.REGISTER_DROP,)
    assert rolling.one("SELECT count(*) FROM epoch") == 7


def test_the_last_epoch_counts_whatever_the_clock_said(rolling: Site) -> None:
    in_a_year = datetime.now(NOW.tzinfo) + timedelta(days=365)
    for at in (FIRST, SECOND):
        add(rolling, at, lost(rolling, at), now=in_a_year)
    add(rolling, FIRST, lost(rolling, FIRST) + 5)
    assert close(rolling).numbers[0].quantity == USED + 5


@pytest.mark.parametrize(
    ("at", "adds", "says"),
    [
        (START + HOUR, "900", "from 900.000 to 900.010 kWh at 2026-07-01 01:00 and does not fall"),
        (FIRST, "1", "with 1 kWh more it would still fall"),
        (FIRST, "9000000", "more than it can use"),
        (FIRST, "0.0001", "counts in steps of 0.001 kWh"),
        (FIRST, "-1", "not what a register loses"),
        (FIRST, "NaN", "not what a register loses"),
        (FIRST, "0", "nothing is recorded for 2026-07-10 05:00"),
        (START, "900", "no sound reading before 2026-07-01 00:00"),
        (END + HOUR, "900", "no sound reading after 2026-08-01 01:00"),
    ],
)
def test_nonsense_is_refused(rolling: Site, at: datetime, adds: str, says: str) -> None:
    with pytest.raises(EpochRefused, match=says):
        add(rolling, at, Decimal(adds))
    with pytest.raises(SelfReadRefused, match="no unit 'A-2' has electricity"):
        add(rolling, FIRST, Decimal(900), "A-2")
    assert rolling.one("SELECT count(*) FROM epoch") == 0


def test_a_restart_that_is_set_aside_names_the_next_step(site: Site) -> None:
    """By hand: 900,480 Wh on the 29th, 5 Wh on the 30th: a day of 10 Wh an hour is 240 Wh."""
    site.units(unit_line("A-1", "1"))
    restart = END - 48 * HOUR
    site.deliver("1", every(START, restart - 24 * HOUR, 900_000, 240, 24 * HOUR))
    site.deliver("1", every(restart, END, 5, 240, 24 * HOUR))
    close(site)
    with pytest.raises(EpochRefused, match="cloud-ingest reading restore"):
        add(site, restart, Decimal(900))
    named = NamedReading(NamedMeter("A-1", Service.ELECTRICITY), restart)
    rule_on_reading(site.conn, SOCIETY, named, Word("restore", "caretaker", "it began anew"), NOW)
    add(site, restart, kwh(900_000 + 240 * 28 - 5 + 240))
    (number,) = close(site).numbers
    assert number.quantity == USED


def test_a_second_epoch_says_how_the_first_is_corrected(rolling: Site) -> None:
    add(rolling, FIRST, lost(rolling, FIRST) + 5)
    with pytest.raises(EpochRefused, match="recorded for 2026-07-10 05:00: to correct it, give"):
        add(rolling, FIRST + timedelta(minutes=1), lost(rolling, FIRST))


def test_the_command_line(rolling: Site, store_dsn: str) -> None:
    close(rolling)

    def run(*words: str) -> tuple[int, list[str]]:
        fixed = ["epoch", "add", "A-1", "--society", SOCIETY, "--service", "electricity"]
        result = CliRunner().invoke(
            app, [*fixed, "--by", "me", *words], env={"IOT_UTILITY_DSN": store_dsn}
        )
        return result.exit_code, result.output.splitlines()

    adds = str(lost(rolling, FIRST))
    assert run("--at", "2026-07-10 05:00", "--adds", adds, "--reason", "rollover") == (
        0,
        [
            "A-1 electricity: meter LNT 1 counts on from 2026-07-10 05:00; across it 0.010 kWh "
            "were used",
            f"close 2026-07 again: cloud-ingest close-month 2026-07 --society '{SOCIETY}'",
        ],
    )
    for words in (
        ("--at", "2026-07-10 05:00", "--adds", "ten", "--reason", "rollover"),
        ("--at", "tomorrow", "--adds", "10", "--reason", "rollover"),
        ("--at", "2026-07-10 05:00", "--adds", adds, "--reason", " "),
    ):
        code, lines = run(*words)
        assert (code, len(lines)) == (2, 1)

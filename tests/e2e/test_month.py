# SPDX-License-Identifier: MIT
"""The main job: a society's month from the bus to billing, every number exact."""

import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from httpx2 import Client
from rich.console import Console

from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.core.role import Role
from cloud_ingest.operate.ask_for_gaps import ask_for_gaps
from cloud_ingest.store.connection import connect
from deploy.demo.__main__ import run
from deploy.demo.consumers import Inbox
from deploy.demo.society import ZONE, make_society, month_before
from deploy.demo.story import LEAKING, OFFLINE, month_table
from deploy.demo.world import World, open_world
from shared_schema.billing import BillingManifest
from shared_schema.quality import Quality
from shared_schema.signing import private_key_from_pem
from shared_schema.topics import SocietyTopic, society_topics
from tests.support.kept_demo import SMALL_DEMO, KeptDemo, kept_demo
from tests.support.month import billed_quantities, days_and_months, true_quantities
from tests.support.mqtt_peer import linked

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A society's month in this process, and beside it the program that `make demo` runs."""

    world: World
    inbox: Inbox
    beside: KeptDemo


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SideBySide]:
    now = datetime.now(UTC)
    society = make_society("Sunrise Heights", month_before(now))
    directory = tmp_path_factory.mktemp("demo")
    with open_world(society, directory, None) as world, kept_demo() as beside:
        yield SideBySide(world, run(world, Console(quiet=True), now), beside)


@pytest.fixture
def month(side_by_side: SideBySide) -> tuple[World, Inbox]:
    return side_by_side.world, side_by_side.inbox


def test_every_number_is_the_meters_own(month: tuple[World, Inbox]) -> None:
    world, inbox = month
    truth = true_quantities(world)
    assert billed_quantities(inbox) == truth
    assert len({unit for unit, _ in truth}) == 24 + 6


def test_the_days_of_every_register_sum_to_its_month(month: tuple[World, Inbox]) -> None:
    rows = days_and_months(month[0])
    assert len(rows) > 100
    assert [row for row in rows if row[1] != row[2]] == []


def test_what_is_offline_is_withheld_and_never_guessed(month: tuple[World, Inbox]) -> None:
    _, inbox = month
    manifest: BillingManifest = inbox.manifests[-1]
    assert [(item.subject.id, item.service) for item in manifest.withheld] == [
        (OFFLINE, "electricity")
    ]
    assert (OFFLINE, "electricity") not in inbox.numbers
    assert len(manifest.entries) == len(inbox.numbers)


def test_the_flags_reach_the_helpdesk(month: tuple[World, Inbox]) -> None:
    _, inbox = month
    assert set(inbox.events) == {
        ("leak", LEAKING, "water"),
        ("read_failure", OFFLINE, "electricity"),
    }


def test_the_towers_balance(month: tuple[World, Inbox]) -> None:
    _, inbox = month
    assert set(inbox.reconciliations) == {
        (tower, service) for tower in ("Tower 1", "Tower 2") for service in ("electricity", "water")
    }
    for (tower, service), result in inbox.reconciliations.items():
        incomplete = (tower, service) == ("Tower 2", "electricity")
        assert (result.units_known < result.units_total) == incomplete
        assert result.bulk is not None
        if not incomplete:
            assert result.loss == result.bulk - result.units - (result.common or 0)
            assert result.loss_percent is not None
            assert 0 < result.loss_percent < 6


def test_legacy_units_are_marked_as_self_read(month: tuple[World, Inbox]) -> None:
    world, inbox = month
    legacy = {(meter.subject, meter.service) for meter in world.society.meters if meter.legacy}
    marked = {key for key, number in inbox.numbers.items() if number.quality is Quality.SELF_READ}
    assert marked == legacy


def test_the_table_has_a_row_a_unit(month: tuple[World, Inbox]) -> None:
    world, inbox = month
    printed = StringIO()
    Console(file=printed, width=100).print(month_table(world, inbox))
    text = printed.getvalue()
    offline = next(line for line in text.splitlines() if OFFLINE in line)
    assert "— offline" in offline
    assert "investigate, self-read" in offline
    assert "leak signal" in next(line for line in text.splitlines() if LEAKING in line)


READINGS_OF_A_DAY = """
SELECT channel_id, ts, raw, status
FROM reading JOIN channel USING (channel_id) JOIN meter USING (meter_id)
WHERE serial = %s AND kind = 'interval' AND ts > %s AND ts <= %s ORDER BY channel_id, ts
"""
LOST_DAY = """
DELETE FROM metering.reading USING metering.channel AS c, metering.meter AS m
WHERE reading.channel_id = c.channel_id AND m.meter_id = c.meter_id
  AND m.serial = %s AND c.kind = 'interval' AND ts > %s AND ts <= %s
"""


def test_a_day_that_the_store_lost_is_read_again(month: tuple[World, Inbox]) -> None:
    world, _ = month
    zone, now = ZoneInfo(ZONE), datetime.now(UTC)
    serial = next(
        meter.serial
        for meter in world.society.meters
        if meter.model == "single_phase" and not meter.legacy and meter.subject != OFFLINE
    )
    day = now.astimezone(zone).date() - 5 * DAY
    lost = (serial, midnight(day, zone), midnight(day + DAY, zone))
    before = world.query(READINGS_OF_A_DAY, *lost)
    assert len(before) >= 96
    with connect(world.dsn) as conn:
        conn.execute(LOST_DAY, lost)
    world.cloud("recompute", "--from", str(day))
    assert world.query(READINGS_OF_A_DAY, *lost) == []
    key = private_key_from_pem((world.directory / "cloud.key").read_bytes())
    with connect(world.dsn) as conn:
        asked = ask_for_gaps(conn, now, zone, key)
    assert [(meter.serial, ask.since) for ask in asked for meter in ask.meters] == [lost[:2]]
    world.wait(
        lambda: len(world.query(READINGS_OF_A_DAY, *lost)) == len(before), 60, "the lost day"
    )
    assert world.query(READINGS_OF_A_DAY, *lost) == before


def test_what_a_kept_demo_prints_can_be_pasted(side_by_side: SideBySide) -> None:
    pasted = side_by_side.beside.paste()
    assert [code for _, code, _ in pasted] == [0] * 6, pasted
    (_, _, export), (_, _, status), (_, _, explained), *_, (_, _, report), (_, _, events) = pasted
    assert export == ""
    assert " final, 1 withheld: " in status
    assert f"{OFFLINE} electricity" in status
    assert explained.startswith("A-1204 electricity, ")
    assert f"{OFFLINE}  " in report
    assert "withheld" in report
    assert "leak" in events
    assert "read_failure" in events


def test_a_kept_demo_has_its_files_broker_and_operator(side_by_side: SideBySide) -> None:
    beside = side_by_side.beside
    assert (beside.told("files and logs") / "ingest.log").stat().st_size
    certificates = beside.told("certificates")
    tls = ssl.create_default_context(cafile=certificates / "authority.pem")
    tls.load_cert_chain(certificates / "operator.pem", certificates / "operator.key")
    host, _, port = str(beside.told("broker")).partition(":")
    with linked(host, int(port), tls) as operator:
        assert operator.subscribe(society_topics("Sunrise Heights", SocietyTopic.EVENTS)) == 1
        assert operator.received()


def test_a_kept_demo_has_pages_and_a_login_for_each_role(side_by_side: SideBySide) -> None:
    beside = side_by_side.beside
    logins = re.findall(r"^ {18}(\w+) +(\w{4}(?:-\w{4}){3})$", beside.printed, re.MULTILINE)
    assert {login for login, _ in logins} == set(Role)
    address = str(beside.told("pages")).replace(":/", "://")
    for login, password in logins:
        with Client(base_url=address) as client:
            token = re.search(r'name="csrf" value="([^"]+)"', client.get("/login").text)
            assert token is not None
            form = {"login": login, "password": password, "csrf": token[1]}
            answer = client.post("/login", data=form)
            assert (answer.status_code, answer.headers.get("location")) == (303, "/")


def test_a_demo_beside_another_ends_well(side_by_side: SideBySide) -> None:
    code, printed = side_by_side.beside.interrupt()
    assert code == 0, printed
    assert "— offline" in printed
    assert not side_by_side.beside.told("files and logs").exists()


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*SMALL_DEMO, "--dsn", f"host={tmp_path} dbname=none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr

# SPDX-License-Identifier: MIT
"""A consumer in another language, written from docs/reference alone, comes years late.

By hand: A-1 uses 1 kWh an hour, B-1 half of that; June has 720 hours, July 744.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.month.close import close_month
from cloud_ingest.month.correction import correct_reading
from cloud_ingest.store import outbox
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.months import reconciliations
from shared_schema.access import Consumer, Login, consumer_rights
from shared_schema.catalogue import Service
from tests.support import store
from tests.support.gateway import WATER
from tests.support.node import node_folder
from tests.support.servers import MosquittoWith
from tests.support.service_site import CLOUD, SOCIETY, Site, wait_until
from tests.support.store import every, local, unit_line

ROOT = Path(__file__).parents[3]
LATE = Login("late", consumer_rights(Consumer.CONSUMER, [SOCIETY]), uuid4().hex)
HOUR = timedelta(hours=1)
START, END = local("2026-06-01 00:00"), local("2026-08-01 00:00")
NOW = local("2026-08-05 09:00")
MONTHS = ("2026-06", "2026-07")
Table = dict[tuple[str, ...], tuple[int, str | None, str]]


@contextmanager
def society(
    dsn: str, mosquitto_with: MosquittoWith, folder: Path
) -> Iterator[tuple[Site, store.Site]]:
    """Two months are closed; billing acknowledged them long ago, and the outbox forgot them."""
    with mosquitto_with([CLOUD, LATE]) as server, ExitStack() as stack:
        site = Site(dsn, server, folder, stack)
        filled = store.Site(site.conn, folder)
        filled.units(
            unit_line("A-1", "1", since="2026-05-01", tower="A"),
            unit_line("A-1", "2", since="2026-05-01", tower="A", service="water", source="inlet-1"),
            unit_line("B-1", "3", since="2026-05-01", tower="A"),
            unit_line("bulk", "4", since="2026-05-01", tower="A", kind="bulk"),
        )
        begin, end = START - 2 * HOUR, END + 2 * HOUR
        for serial, step in (("1", 1000), ("3", 500), ("4", 1600)):
            filled.deliver(serial, every(begin, end, 0, step, HOUR))
        filled.deliver("2", every(begin, end, 0, 7, HOUR), column=WATER)
        for month in MONTHS:
            close_month(site.conn, SOCIETY, month, NOW)
        site.conn.execute("UPDATE outbox SET published_at = %s, acked_at = %s", (NOW, NOW))
        assert outbox.prune(site.conn, NOW + 30 * 24 * HOUR) == 6
        yield site, filled


def correct(site: Site) -> None:
    """A person enters another reading for the end of July: 0.4 kWh less."""
    named = NamedReading(NamedMeter("A-1", Service.ELECTRICITY), END, value=Decimal("1465.6"))
    word = Word("enter", "manager", "photo of the dial")
    correct_reading(site.conn, SOCIETY, named, word, NOW + HOUR, apply=True)
    close_month(site.conn, SOCIETY, "2026-07", NOW + HOUR)


def withdraw(site: Site) -> None:
    """The meter was never of flat B-1."""
    named = Named("B-1", Service.ELECTRICITY)
    words = {"by": "manager", "reason": "it is of nobody"}
    take_back(site.conn, SOCIETY, named, **words, now=NOW + 2 * HOUR, apply=True)
    close_month(site.conn, SOCIETY, "2026-06", NOW + 2 * HOUR)


@contextmanager
def running(node: Path, site: Site, held: Path) -> Iterator[None]:
    server = site.mosquitto
    program = shutil.copy(ROOT / "tests" / "support" / "late_consumer.mjs", node)
    words = ["node", str(program), str(ROOT / "docs" / "reference"), SOCIETY, server.host]
    words += [str(server.port), LATE.name, LATE.password, str(held)]
    log = held.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file)
        try:
            yield
            assert process.poll() is None, log.read_text()
        finally:
            process.kill()
            process.wait(10)


def table(held: Path) -> Table:
    """Return what the consumer holds, by what it is of."""
    kept: list[dict[str, Any]] = json.loads(held.read_text()) if held.exists() else []
    found: Table = {}
    for each in kept:
        said = each["said"]
        if each["name"] == "event":  # meters that nobody reads any more
            continue
        of = (said["subject"]["id"],) if "subject" in said else ()
        of = (said["tower"],) if each["name"] == "reconciliation" else of
        name = "number" if each["name"].startswith("monthly-") else each["name"]
        what = said.get("quantity") or said.get("loss")
        key = (name, said["month"], *of, said.get("service", ""))
        found[key] = (each["version"], what, each["sha256"] if name == "number" else "")
    return found


def wanted(site: Site) -> Table:
    """Return what the store says of the same."""
    numbers = {
        (month, subject, service, version): quantity
        for month, subject, service, version, quantity in site.conn.execute(
            "SELECT month, subject, service, version, quantity FROM month_number"
        )
    }
    found: Table = {}
    for month in MONTHS:
        manifest = manifest_of(site.conn, site.society_id, month)
        assert manifest is not None
        found["billing-manifest", month, ""] = (manifest.version, None, "")
        for entry in (*manifest.entries, *manifest.withdrawn):
            named = (month, entry.subject.id, entry.service.value)
            quantity = numbers.get((*named, entry.version))
            told = None if quantity is None else f"{quantity:f}"
            found["number", *named] = (entry.version, told, entry.sha256)
        for each in reconciliations(site.conn, site.society_id, month):
            loss = None if each.loss is None else f"{each.loss:f}"
            found["reconciliation", month, each.tower, each.service.value] = (
                each.version,
                loss,
                "",
            )
    return found


def test_a_consumer_from_the_reference_alone_ends_with_the_right_table(
    plain_store_dsn: str,
    mosquitto_with: MosquittoWith,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    node, held = node_folder(tmp_path_factory), tmp_path / "held.json"
    with society(plain_store_dsn, mosquitto_with, tmp_path) as (site, _filled), site.ingest():
        with running(node, site, held):
            wait_until(lambda: table(held) == wanted(site), 30)
            assert table(held)["number", "2026-07", "A-1", "electricity"][:2] == (1, "744.000")
            correct(site)
            withdraw(site)
            wait_until(lambda: table(held) == wanted(site), 30)
        came = table(held)
        assert came["number", "2026-07", "A-1", "electricity"][:2] == (2, "743.600")
        assert came["number", "2026-06", "B-1", "electricity"][:2] == (2, None)
        wait_until(lambda: site.count("outbox", "ack_key IS NOT NULL AND acked_at IS NULL") == 0)
        assert site.count("quarantine") == 0

# SPDX-License-Identifier: MIT
"""Volatile readings in the store: shown until a reading comes, never a reading themselves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.store import quarantine
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.events import list_events
from cloud_ingest.store.gateway_keys import revoke_keys
from cloud_ingest.views.latest import LatestLine, latest
from shared_schema.catalogue import ACTIVE_IMPORT
from shared_schema.events import EventKind
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Block, Column, new_salt
from shared_schema.signing import SigningKey, generate_key, key_id
from shared_schema.topics import GatewayTopic, gateway_topic
from shared_schema.volatile import Volatile
from tests.support.gateway import MAKER, block_line
from tests.support.store import SOCIETY, Site, local, unit_line

NOW = local("2026-07-02 00:00")
EXPORT = Obis.parse("1.0.2.8.0.255")
STORED = (
    "SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM claim)"
    " + (SELECT count(*) FROM batch) + (SELECT count(*) FROM channel)"
)
LATER = NOW + timedelta(minutes=15)


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"))
    return site


def message(
    site: Site,
    at: datetime,
    raw: int,
    *,
    serial: str = "1",
    gateway: str = "gw-a",
    key: SigningKey | None = None,
    obis: Obis = ACTIVE_IMPORT,
) -> bytes:
    block = Block(
        salt=new_salt(),
        meter=MeterId(manufacturer=MAKER, serial=serial),
        columns=(Column(obis=obis, scaler=0, unit=30),),
        rows=((int(at.timestamp()), None, raw),),
    )
    key = key or site.gateway.key
    named = key_id(site.gateway.key.public_key())
    return Volatile(gateway=gateway, key=named, at=at, blocks=(block,)).signed(key)


def say(site: Site, *payloads: bytes, at: datetime = LATER) -> dict[str, int]:
    topic = gateway_topic("gw-a", GatewayTopic.READINGS)
    received = [Received(topic, payload, retained=False) for payload in payloads]
    return dict(Intake().store(site.conn, received, at).rejected)


def seen(site: Site) -> LatestLine:
    (line,) = latest(site.conn, SOCIETY, LATER + timedelta(hours=1))
    return line


@contextmanager
def nothing_stored(site: Site) -> Iterator[None]:
    before = site.one(STORED)
    yield
    assert site.one(STORED) == before


def test_it_is_shown_and_is_no_reading(flat: Site) -> None:
    with nothing_stored(flat):
        assert say(flat, message(flat, NOW, 12_000)) == {}
    line = seen(flat)
    assert (line.at, line.value, line.volatile, line.origin) == (NOW, Decimal(12), True, None)


def test_the_command_marks_it(flat: Site, store_dsn: str) -> None:
    say(flat, message(flat, NOW, 12_000))
    words = ["latest", "--society", SOCIETY, "--dsn", store_dsn]
    told = CliRunner().invoke(app, words, catch_exceptions=False).stdout
    assert "not kept" in told
    line = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (line["subject"], line["volatile"]) == ("A-1204", True)


def test_a_later_reading_takes_its_place(flat: Site) -> None:
    say(flat, message(flat, NOW, 12_000))
    assert say(flat, flat.gateway.seal(block_line("1", [(LATER, 12_500)]))) == {}
    line = seen(flat)
    assert (line.at, line.value, line.volatile) == (LATER, Decimal("12.5"), False)
    say(flat, message(flat, NOW, 11_000))
    assert not seen(flat).volatile


def test_a_reading_of_the_same_time_goes_before_it(flat: Site) -> None:
    say(flat, flat.gateway.seal(block_line("1", [(NOW, 12_000)])), message(flat, NOW, 12_001))
    assert (seen(flat).value, seen(flat).volatile) == (Decimal(12), False)


def test_an_older_one_that_comes_late_or_again_changes_nothing(flat: Site) -> None:
    newer, older = message(flat, LATER, 13_000), message(flat, NOW, 12_000)
    say(flat, newer, older, newer, older)
    assert (seen(flat).at, seen(flat).value) == (LATER, Decimal(13))


@pytest.mark.parametrize("change", [{"serial": "2"}, {"obis": EXPORT}, {"at": "future"}])
def test_what_the_gateway_may_not_say_is_left_out(flat: Site, change: dict[str, object]) -> None:
    at = LATER + timedelta(minutes=11) if change.pop("at", None) else NOW
    with nothing_stored(flat):
        assert say(flat, message(flat, at, 1, **change)) == {}  # type: ignore[arg-type]
    assert seen(flat).at is None


def test_a_meter_of_another_gateway_is_left_out(flat: Site) -> None:
    flat.conn.execute(
        "INSERT INTO gateway (society_id, name, enrolled_at) "
        "SELECT society_id, 'gw-b', now() FROM gateway"
    )
    say(flat, flat.gateway.seal(block_line("1", [(NOW, 12_000)])))  # which binds it
    flat.conn.execute(
        "UPDATE meter_gateway_version SET gateway_id ="
        " (SELECT gateway_id FROM gateway WHERE name = 'gw-b')"
    )
    say(flat, message(flat, LATER, 99_000))
    assert (seen(flat).at, seen(flat).volatile) == (NOW, False)


def test_what_is_not_signed_by_its_gateway_is_set_aside(flat: Site) -> None:
    foreign = message(flat, NOW, 1, key=generate_key())
    assert say(flat, foreign) == {"bad_signature": 1}
    assert say(flat, message(flat, NOW, 1, gateway="gw-b")) == {"malformed": 1}
    assert say(flat, message(flat, NOW, 1)[:-20]) in ({"bad_signature": 1}, {"malformed": 1})
    assert len(quarantine.list_entries(flat.conn)) == 3
    assert seen(flat).at is None


def test_what_a_stranger_signed_raises_the_flag(flat: Site) -> None:
    """With a registry that is read again the verdict was an unknown schema, and told to nobody."""
    intake = Intake(reload_every_s=0, clock=lambda: 0.0)
    topic = gateway_topic("gw-a", GatewayTopic.READINGS)
    foreign = Received(topic, message(flat, NOW, 1, key=generate_key()), retained=False)
    assert dict(intake.store(flat.conn, [foreign], LATER).rejected) == {"bad_signature": 1}
    (entry,) = quarantine.list_entries(flat.conn)
    assert entry.society == SOCIETY
    (flag,) = list_events(flat.conn, kinds=[EventKind.EVIDENCE])
    assert flag.event.subject.id == "gw-a"


def test_a_key_that_was_taken_back_shows_nothing(flat: Site) -> None:
    revoke_keys(flat.conn, "gw-a", Word("A. Nair", "stolen", NOW))
    with nothing_stored(flat):
        assert say(flat, message(flat, NOW, 4242)) == {"bad_signature": 1}
    assert seen(flat).value is None

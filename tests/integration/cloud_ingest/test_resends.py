# SPDX-License-Identifier: MIT
"""What billing asks to be sent again comes byte for byte, and bounded."""

import hashlib
import json
from datetime import datetime, timedelta

import pytest

from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.errors import ResendRefused
from cloud_ingest.month.close import close_month
from cloud_ingest.store import outbox, resends
from cloud_ingest.store.acknowledgements import acknowledge_number, send_again
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.registry import find_society
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from tests.support.gateway import WATER
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-06-01 00:00"), local("2026-08-01 00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = local("2026-08-05 09:00")
LATER = NOW + 30 * DAY
ALL = ("A-1 2026-06 electricity", "A-1 2026-06 water", "B-1 2026-06 electricity")


def unit(label: str) -> Subject:
    return Subject(type=SubjectType.UNIT, id=label)


def wish(**named: object) -> BillingRequest:
    return BillingRequest.model_validate({"society": SOCIETY, **named})


def ack_of(payload: bytes) -> BillingAck:
    said = json.loads(payload)
    named = {name: said[name] for name in ("society", "month", "subject", "service", "version")}
    return BillingAck.model_validate(named)


def sent(site: Site, now: datetime = LATER, *, acknowledge: bool = True) -> list[bytes]:
    """Send what is due until nothing is; billing acknowledges."""
    found: list[bytes] = []
    while due := resends.hand_out(site.conn, now):
        outbox.mark_published(site.conn, [each.outbox_id for each in due], now)
        numbers = [each.payload for each in due if each.ack_key]
        found += numbers
        for payload in numbers if acknowledge else ():
            acknowledge_number(site.conn, ack_of(payload), now)
    return found


def titles(payloads: list[bytes]) -> list[str]:
    acks = map(ack_of, payloads)
    return [f"{ack.subject.id} {ack.month} {ack.service} {ack.version}" for ack in acks]


@pytest.fixture
def closed(site: Site) -> Site:
    """June and July are closed, sent, acknowledged, and the outbox has forgotten them."""
    site.units(
        unit_line("A-1", "1", since="2026-05-01"),
        unit_line("A-1", "2", since="2026-05-01", service="water", source="inlet-1"),
        unit_line("B-1", "3", since="2026-05-01"),
    )
    begin, end = START - 2 * HOUR, END + 2 * HOUR
    site.deliver("1", every(begin, end, 0, 10, HOUR))
    site.deliver("2", every(begin, end, 0, 7, HOUR), column=WATER)
    site.deliver("3", every(begin, end, 0, 5, HOUR))
    close_month(site.conn, SOCIETY, "2026-06", NOW - 30 * DAY)
    close_month(site.conn, SOCIETY, "2026-07", NOW)
    named = Named("B-1", Service.ELECTRICITY)
    words = {"by": "manager", "reason": "it is of nobody"}
    take_back(site.conn, SOCIETY, named, **words, now=NOW + HOUR, apply=True)
    close_month(site.conn, SOCIETY, "2026-06", NOW + HOUR)
    assert len(sent(site, NOW + 2 * HOUR)) == 8
    outbox.prune(site.conn, LATER)
    assert site.one("SELECT count(*) FROM outbox WHERE ack_key IS NOT NULL") == 0
    return site


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (
            {"month": "2026-06"},
            ["A-1 2026-06 electricity 1", "A-1 2026-06 water 1", "B-1 2026-06 electricity 2"],
        ),
        (
            {"subject": unit("B-1")},
            ["B-1 2026-06 electricity 2", "B-1 2026-07 electricity 2"],
        ),
        ({"subject": unit("A-1"), "service": "water", "month": "2026-07"}, ["A-1 2026-07 water 1"]),
        ({"service": "water"}, ["A-1 2026-06 water 1", "A-1 2026-07 water 1"]),
        (
            {"since": NOW},
            [
                "B-1 2026-06 electricity 2",
                "A-1 2026-07 electricity 1",
                "A-1 2026-07 water 1",
                "B-1 2026-07 electricity 2",
            ],
        ),
        ({"since": LATER}, []),
        ({"month": "2026-05"}, []),
        ({}, []),
    ],
)
def test_what_is_wished_for_is_sent_again(
    closed: Site, named: dict[str, object], wanted: list[str]
) -> None:
    send_again(closed.conn, wish(**named), LATER)
    assert titles(sent(closed)) == wanted


def test_what_was_forgotten_comes_byte_for_byte(closed: Site) -> None:
    send_again(closed.conn, wish(month="2026-06"), LATER)
    manifest = manifest_of(closed.conn, find_society(closed.conn, SOCIETY), "2026-06")
    assert manifest is not None
    hashes = {hashlib.sha256(payload).hexdigest() for payload in sent(closed)}
    assert hashes == {each.sha256 for each in (*manifest.entries, *manifest.withdrawn)}
    assert (len(manifest.entries), len(manifest.withdrawn)) == (2, 1)


def test_no_more_is_ahead_than_is_acknowledged(
    closed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resends, "AHEAD", 2)
    assert send_again(closed.conn, wish(since=START), LATER) == 2
    first = sent(closed, acknowledge=False)
    assert len(first) == 2
    (resend,) = resends.resends(closed.conn, find_society(closed.conn, SOCIETY))
    assert (resend.messages, resend.passed, resend.sent, resend.done_at) == (6, 2, 2, None)
    for payload in first:
        acknowledge_number(closed.conn, ack_of(payload), LATER)
    assert len(sent(closed)) == 4
    (resend,) = resends.resends(closed.conn, find_society(closed.conn, SOCIETY))
    assert (resend.messages, resend.passed, resend.sent, resend.done_at) == (6, 6, 6, LATER)


def test_asking_all_the_time_brings_nothing_twice(closed: Site) -> None:
    everything = wish(since=START)
    for minute in range(9):
        send_again(closed.conn, everything, LATER + minute * timedelta(minutes=1))
        sent(closed, LATER + minute * timedelta(minutes=1))
    assert closed.one("SELECT count(*) FROM outbox WHERE ack_key IS NOT NULL") == 6


def test_what_was_just_sent_comes_ten_minutes_later(closed: Site) -> None:
    everything = wish(since=START)
    send_again(closed.conn, everything, LATER)
    assert len(sent(closed)) == 6
    soon, later = LATER + timedelta(minutes=5), LATER + timedelta(minutes=11)
    send_again(closed.conn, everything, soon)  # the disk of billing was lost
    assert sent(closed, soon) == []
    assert len(sent(closed, later)) == 6


def test_a_consumer_just_behind_another_gets_everything(closed: Site) -> None:
    site, now = closed, NOW + 3 * HOUR
    site.conn.execute("DELETE FROM month_close WHERE month = '2026-07'")
    site.conn.execute("DELETE FROM month_number WHERE month = '2026-07'")
    site.conn.execute("DELETE FROM month_withdrawal WHERE month = '2026-07'")
    close_month(site.conn, SOCIETY, "2026-07", now)
    first = sent(site, now)
    send_again(site.conn, wish(month="2026-07"), now + timedelta(minutes=1))
    assert sent(site, now + timedelta(minutes=1)) == first


def test_one_wish_is_worked_on_at_a_time(closed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resends, "AHEAD", 1)
    for month in ("2026-07", "2026-06", "2026-07"):
        send_again(closed.conn, wish(month=month), LATER)
    came = [title.split()[1] for title in titles(sent(closed))]
    assert came == ["2026-07"] * 3 + ["2026-06"] * 3
    wishes = resends.resends(closed.conn, find_society(closed.conn, SOCIETY))
    assert [each.request.month for each in wishes] == ["2026-06", "2026-07"]


def test_too_many_wishes_are_refused(closed: Site) -> None:
    for minute in range(resends.MOST_WISHES):
        send_again(closed.conn, wish(since=START + minute * timedelta(minutes=1)), LATER)
    with pytest.raises(ResendRefused, match="20 times within ten minutes"):
        send_again(closed.conn, wish(since=NOW), LATER)
    send_again(closed.conn, wish(since=NOW), LATER + timedelta(minutes=11))


def test_an_acknowledgement_before_the_second_sending_is_true(closed: Site) -> None:
    send_again(closed.conn, wish(subject=unit("A-1"), service="water"), LATER)
    ack = BillingAck(
        society=SOCIETY, month="2026-06", subject=unit("A-1"), service=Service.WATER, version=1
    )
    assert acknowledge_number(closed.conn, ack, LATER) == 1
    assert acknowledge_number(closed.conn, ack, LATER) == 0


def test_a_late_billing_module_gets_all_it_missed(closed: Site) -> None:
    send_again(closed.conn, wish(since="1970-01-01T00:00:00Z"), LATER)
    held: dict[tuple[str, str, str], int] = {}
    for payload in sent(closed):
        ack = ack_of(payload)
        held[ack.month, ack.subject.id, ack.service] = ack.version
    for month in ("2026-06", "2026-07"):
        manifest = manifest_of(closed.conn, find_society(closed.conn, SOCIETY), month)
        assert manifest is not None
        for entry in (*manifest.entries, *manifest.withdrawn):
            assert held.pop((month, entry.subject.id, entry.service)) == entry.version
    assert held == {}


def test_wishes_that_are_done_are_forgotten(closed: Site) -> None:
    send_again(closed.conn, wish(month="2026-05"), LATER)
    resends.prune(closed.conn, LATER + DAY)
    assert resends.resends(closed.conn, find_society(closed.conn, SOCIETY)) == []

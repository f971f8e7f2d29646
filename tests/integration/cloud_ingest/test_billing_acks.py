# SPDX-License-Identifier: MIT
"""What billing acknowledges: only what left ends its waiting, and anything else is told."""

import json
from datetime import datetime, timedelta

import pytest

from cloud_ingest.errors import UserError
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.month.report import deliveries
from cloud_ingest.store import outbox
from cloud_ingest.store.events import list_events
from cloud_ingest.store.quarantine import dismiss, list_entries, replay
from cloud_ingest.store.registry import find_society, load_registry
from shared_schema.billing import MonthlyConsumption
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Subject, SubjectType, Unit
from shared_schema.topics import billing_ack_topic, billing_topic
from tests.support import july
from tests.support.store import SOCIETY, Site, local, unit_line

NOW = local("2026-11-01 09:00")
LATER = NOW + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def ack(version: int, society: str = SOCIETY) -> BillingAck:
    return BillingAck(
        society=society,
        month="2026-10",
        subject=Subject(type=SubjectType.UNIT, id="A-1204"),
        service=Service.WATER,
        version=version,
    )


def number(version: int) -> MonthlyConsumption:
    named = {
        name: getattr(ack(version), name) for name in ("month", "subject", "service", "version")
    }
    return july.number(1).model_copy(update={"society": SOCIETY, **named})


def decide(site: Site, *versions: int) -> None:
    """Put versions of one number into the store and the outbox, as a closing does."""
    society_id = find_society(site.conn, SOCIETY)
    for version in versions:
        site.conn.execute(
            """
            INSERT INTO month_number (society_id, month, subject_type, subject, service, version,
                                      quantity, quality, message, sha256, closed_at)
            VALUES (%s, '2026-10', 'unit', 'A-1204', 'water', %s, 1, 'actual', %s, '', %s)
            """,
            (society_id, version, number(version).to_line(), NOW),
        )
        named = ack(version)
        topic = billing_topic(SOCIETY, named.month, named.subject, named.service)
        key = outbox.billing_ack_key(named)
        outbox.enqueue(site.conn, topic, b"%d" % version, ack_key=key)


def send(site: Site) -> list[bytes]:
    due = outbox.hand_out(site.conn, NOW)
    outbox.mark_published(site.conn, [each.outbox_id for each in due], NOW)
    return [each.payload for each in due]


def say(site: Site, named: BillingAck, topic: str = billing_ack_topic(SOCIETY)) -> dict[str, int]:
    received = Received(topic, named.to_line(), retained=False)
    return dict(Intake().store(site.conn, [received], NOW).rejected)


def awaited(site: Site) -> list[bytes]:
    return [each.payload for each in outbox.hand_out(site.conn, LATER) if each.ack_key]


def reported(site: Site, version: int) -> str | None:
    key = outbox.billing_ack_key(ack(version))
    return deliveries(site.conn, [key]).get(key)


@pytest.mark.parametrize("version", [1, 3, 50, 2**31 - 1])
def test_what_was_never_sent_ends_no_waiting(site: Site, version: int) -> None:
    decide(site, 2)
    assert send(site) == [b"2"]
    decide(site, 3)  # decided, and not sent yet
    assert say(site, ack(version)) == {"never_sent": 1}
    assert reported(site, 2) == "sent"
    assert reported(site, 3) == "waiting"
    assert awaited(site) == [b"2", b"3"]
    (entry,) = list_entries(site.conn)
    assert (entry.reason, entry.society) == ("never_sent", SOCIETY)
    assert f"version {version} of water 2026-10 of unit A-1204" in entry.detail
    (flag,) = list_events(site.conn, kinds=[EventKind.FALSE_ACKNOWLEDGEMENT])
    assert (flag.event.subject.type, flag.event.subject.id) == (SubjectType.SOCIETY, SOCIETY)
    assert entry.detail[1:] in flag.event.message
    assert flag.event.evidence["quarantine"] == entry.quarantine_id
    assert flag.event.unit is None, "nobody knows that unit"


def test_the_flag_of_a_false_acknowledgement_names_its_unit(site: Site) -> None:
    site.units(unit_line("A-1204", "1", service="water", source="inlet-1", tower="A"))
    assert say(site, ack(1)) == {"never_sent": 1}
    (flag,) = list_events(site.conn, kinds=[EventKind.FALSE_ACKNOWLEDGEMENT])
    assert flag.event.unit == Unit(type=SubjectType.UNIT, id="A-1204", tower="A")


def test_an_acknowledgement_may_come_before_the_brokers_answer(site: Site) -> None:
    decide(site, 1)
    (handed_out,) = outbox.hand_out(site.conn, NOW)
    assert say(site, ack(1)) == {}
    outbox.mark_published(site.conn, [handed_out.outbox_id], NOW)
    assert awaited(site) == []
    assert reported(site, 1) == "acknowledged"


def test_an_older_version_acknowledges_itself_alone(site: Site) -> None:
    decide(site, 1, 2)
    send(site)
    assert say(site, ack(1)) == {}
    assert (reported(site, 1), reported(site, 2)) == ("acknowledged", "sent")
    assert awaited(site) == [b"2"]


def test_a_newer_version_covers_the_older_that_left(site: Site) -> None:
    decide(site, 1, 2)
    send(site)
    decide(site, 3)
    assert say(site, ack(2)) == {}
    assert awaited(site) == [b"3"]


@pytest.mark.parametrize("pruned", [False, True])
def test_the_same_acknowledgement_twice_changes_nothing(site: Site, pruned: bool) -> None:
    decide(site, 1)
    send(site)
    assert say(site, ack(1)) == {}
    if pruned:
        assert outbox.prune(site.conn, LATER) == 1
    before = site.all("SELECT * FROM outbox")
    assert say(site, ack(1)) == {}
    assert site.all("SELECT * FROM outbox") == before
    assert list_entries(site.conn) == []


def test_another_society_acknowledges_nothing(site: Site) -> None:
    decide(site, 1)
    send(site)
    assert say(site, ack(1), billing_ack_topic("Another")) == {"malformed": 1}
    assert say(site, ack(1, "Another"), billing_ack_topic("Another")) == {"never_sent": 1}
    assert awaited(site) == [b"1"]
    assert list_events(site.conn) == []  # nobody knows that society


def test_the_flag_ends_with_the_last_entry(site: Site) -> None:
    decide(site, 1)
    send(site)
    for version in (7, 8, 8):
        say(site, ack(version))
    second, first = list_entries(site.conn)
    assert (first.times, second.times) == (1, 2)
    with pytest.raises(UserError, match="then dismiss it"):
        replay(site.conn, load_registry(site.conn), first.quarantine_id, NOW)
    dismiss(site.conn, first.quarantine_id, LATER)
    assert len(list_events(site.conn)) == 1
    dismiss(site.conn, second.quarantine_id, LATER)
    assert list_events(site.conn) == []
    say(site, ack(8))  # once more: a person has seen it
    assert list_events(site.conn) == []


def ask(site: Site, month: str | None = None, *, now: datetime = LATER) -> None:
    request = BillingRequest(society=SOCIETY, month=month)
    received = Received(billing_ack_topic(SOCIETY), request.to_line(), retained=False)
    assert Intake().store(site.conn, [received], now).rejected == {}


def due_now(site: Site, now: datetime = LATER) -> list[int]:
    """Send what is due; return the versions."""
    due = [each for each in outbox.hand_out(site.conn, now) if each.ack_key]
    outbox.mark_published(site.conn, [each.outbox_id for each in due], now)
    return [json.loads(each.ack_key or "")[-1] for each in due]


def test_what_is_awaited_is_sent_at_once_when_asked_for(site: Site) -> None:
    decide(site, 1, 2)
    send(site)
    site.conn.execute("UPDATE outbox SET attempts = 9, published_at = %s", (LATER - MINUTE,))
    assert due_now(site) == []
    ask(site)
    assert reported(site, 1) == "sent"
    assert due_now(site) == [1, 2]
    ask(site, now=LATER + timedelta(seconds=5))  # it was sent a moment ago
    assert due_now(site, LATER + timedelta(seconds=6)) == []
    assert due_now(site, LATER + 3 * MINUTE) == [1, 2], "the waits begin anew"


def test_asking_ever_again_moves_no_time_on_and_on(site: Site) -> None:
    decide(site, 1)
    send(site)
    site.conn.execute("UPDATE outbox SET published_at = %s", (LATER - timedelta(hours=2),))
    for _ in range(3):
        ask(site)
    row = site.conn.execute("SELECT min(published_at) FROM outbox").fetchone()
    assert row == (LATER - timedelta(hours=2),)
    assert due_now(site) == [1]


def test_what_went_to_nobody_a_moment_ago_is_due_soon(site: Site) -> None:
    decide(site, 1)
    send(site)
    site.conn.execute("UPDATE outbox SET attempts = 9, published_at = %s", (LATER,))
    ask(site, now=LATER + timedelta(seconds=5))
    assert due_now(site, LATER + timedelta(seconds=6)) == []
    assert due_now(site, LATER + timedelta(seconds=61)) == [1]


@pytest.mark.parametrize(("month", "found"), [(None, []), ("2026-09", []), ("2026-10", [2])])
def test_a_month_is_sent_again_though_it_was_acknowledged(
    site: Site, month: str | None, found: list[int]
) -> None:
    decide(site, 1, 2)
    send(site)
    say(site, ack(2))
    outbox.prune(site.conn, LATER)
    for _ in range(2):
        ask(site, month)
    assert due_now(site) == found
    say(site, ack(2))
    ask(site, month)  # once more at once: it was asked for a moment ago
    assert due_now(site) == []


def test_another_society_is_sent_nothing(site: Site) -> None:
    decide(site, 1)
    send(site)
    request = BillingRequest(society="Lake").to_line()
    received = [
        Received(billing_ack_topic(name), request, retained=False) for name in ("Lake", SOCIETY)
    ]
    assert Intake().store(site.conn, received, LATER).rejected == {"malformed": 1}
    site.conn.execute("UPDATE outbox SET attempts = 9, published_at = %s", (LATER - MINUTE,))
    assert due_now(site) == []

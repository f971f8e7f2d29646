# SPDX-License-Identifier: MIT
"""Read failures on a store: one flag for each cause, in time, and what they turn out to be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from uuid import UUID

import pytest

from cloud_ingest.core.rules.offline import Outage, outage_of
from cloud_ingest.errors import StoreUnavailable
from cloud_ingest.flags import silence
from cloud_ingest.ingest.small_messages import Received, store_status
from cloud_ingest.store.connection import connect
from cloud_ingest.store.events import list_changes, list_events
from cloud_ingest.store.read_failures import gateway_words
from cloud_ingest.store.rows import scalars
from shared_schema.gateway import PollFailure, Status
from tests.support.risers import CYCLE, Riser, RiserSociety

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def society(plain_store_dsn: str) -> Iterator[RiserSociety]:
    with connect(plain_store_dsn) as conn:
        yield RiserSociety(conn, NOW)


def causes(society: RiserSociety) -> list[tuple[str, object]]:
    """Return whom the open flags are about, and why."""
    return sorted((each.subject.id, each.evidence["cause"]) for each in society.open())


def break_off(riser: Riser, why: PollFailure | None, bus: str = "b1") -> None:
    for meter in riser.meters:
        if meter.bus == bus:
            meter.why = why


def test_a_dead_gateway_is_one_flag(society: RiserSociety) -> None:
    riser = society.gateway("gw", 30, 30)
    society.gateway("other", 2)
    society.unlink(riser)
    society.pass_by(DAY)
    assert society.open() == []
    society.turn()
    (event,) = society.open()
    assert (event.subject.type, event.subject.id, event.unit) == ("gateway", "gw", None)
    assert event.evidence["cause"] == "gateway_silent"
    assert event.evidence["meters"] == 60
    assert event.since == NOW
    assert event.message == (
        "Gateway gw was lost on Friday 20 Nov 2026 17:30 IST: look at its power and network."
        " 60 meters are not read: U-gw-b1-00, U-gw-b1-01, U-gw-b1-02, U-gw-b1-03, U-gw-b1-04 and 55"
        " more."
    )
    (shown,) = list_events(society.conn, unit="U-gw-b2-29")
    assert shown.event == event
    assert list_events(society.conn, unit="U-other-b1-00") == []
    society.link(riser)
    society.pass_by(HOUR)
    assert society.open() == []
    assert len(society.ever()) == 1


def test_a_unit_that_is_read_again_has_no_flag(society: RiserSociety) -> None:
    riser = society.gateway("gw", 3)
    society.unlink(riser)
    society.pass_by(DAY + HOUR)
    riser.meters[0].why = PollFailure.NO_ANSWER
    society.link(riser)
    society.turn(CYCLE)
    assert causes(society) == [("gw", "gateway_silent")]
    assert len(list_events(society.conn, unit="U-gw-b1-00")) == 1
    assert list_events(society.conn, unit="U-gw-b1-01") == []


def test_outcomes_of_many_meters_are_counted_in_words(society: RiserSociety) -> None:
    riser = society.gateway("gw", 3)
    society.unlink(riser)
    society.pass_by(DAY + HOUR)
    society.link(riser)
    society.pass_by(HOUR)
    (event,) = society.ever()
    assert "; 3 of them: its register did not move: nothing was used. " in event.message


def test_a_gateway_without_a_last_word_is_one_flag(society: RiserSociety) -> None:
    riser = society.gateway("gw", 3)
    society.pass_by(HOUR)
    riser.is_linked = False
    society.pass_by(DAY + HOUR)
    assert causes(society) == [("gw", "gateway_silent")]
    assert society.open()[0].since == NOW + HOUR
    riser.is_linked = True
    society.turn(CYCLE)
    assert society.open() == []
    assert len(society.ever()) == 1


def test_a_gateway_that_was_never_heard_is_one_flag(society: RiserSociety) -> None:
    riser = society.gateway("gw", 3, is_heard=False)
    society.turn()
    (event,) = society.open()
    assert event.message.startswith(
        "Gateway gw was never heard: look at its power and network. 3 meters are not read:"
    )
    society.link(riser)
    society.turn(CYCLE)
    assert society.open() == []


def test_one_meter_that_stays_silent_gets_its_own(society: RiserSociety) -> None:
    riser = society.gateway("gw", 4)
    society.unlink(riser)
    society.pass_by(DAY + HOUR)
    riser.meters[0].why = PollFailure.NO_ANSWER
    society.link(riser)
    society.turn(CYCLE)
    assert causes(society) == [("gw", "gateway_silent")]
    society.pass_by(HOUR)
    assert causes(society) == [("M gw-b1-00", "meter_silent")]
    (event,) = society.open()
    assert event.unit is not None
    assert event.unit.id == "U-gw-b1-00"
    assert len(society.ever()) == 2


def test_a_dead_bus_is_one_flag_of_its_gateway(society: RiserSociety) -> None:
    riser = society.gateway("gw", 3, 3)
    break_off(riser, PollFailure.NO_ANSWER)
    society.pass_by(DAY + HOUR)
    (event,) = society.open()
    assert (event.subject.id, event.evidence["cause"]) == ("gw", "bus_dead")
    assert event.evidence["buses"] == ["b1"]
    assert event.message.startswith(
        "No meter answers on b1 of gateway gw: look at the adapter and the line. 3 meters are not"
        " read: U-gw-b1-00,"
    )
    assert event.evidence["meters"] == 3
    riser.meters[1].why = riser.meters[2].why = None
    society.pass_by(HOUR)
    assert causes(society) == [("M gw-b1-00", "meter_silent")]
    assert len(society.ever()) == 2


@pytest.mark.parametrize(
    ("why", "cause"),
    [
        (PollFailure.NO_ANSWER, "meter_silent"),
        (PollFailure.PASSWORD_REFUSED, "password_refused"),
        (PollFailure.UNREADABLE, "unreadable"),
    ],
)
def test_a_meter_alone_is_named_with_its_cause(
    society: RiserSociety, why: PollFailure, cause: str
) -> None:
    riser = society.gateway("gw", 3)
    riser.meters[2].why = why
    society.pass_by(DAY + HOUR)
    assert causes(society) == [("M gw-b1-02", cause)]
    riser.meters[2].why = None
    society.turn(CYCLE)
    assert society.open() == []


def test_a_silent_meter_stays_its_own_when_its_gateway_dies(society: RiserSociety) -> None:
    riser = society.gateway("gw", 3)
    riser.meters[0].why = PollFailure.NO_ANSWER
    society.pass_by(2 * DAY)
    society.unlink(riser)
    society.pass_by(DAY + HOUR)
    assert causes(society) == [("M gw-b1-00", "meter_silent"), ("gw", "gateway_silent")]
    gateway = next(each for each in society.open() if each.subject.id == "gw")
    assert gateway.evidence["meters"] == 2


def test_a_link_that_comes_and_goes_does_not_flap(society: RiserSociety) -> None:
    riser = society.gateway("gw", 5)
    society.unlink(riser)
    society.pass_by(DAY + HOUR)
    break_off(riser, PollFailure.NO_ANSWER)
    for _ in range(6):
        society.link(riser)
        society.turn(2)
        society.unlink(riser)
        society.turn(2)
    assert causes(society) == [("gw", "gateway_silent")]
    assert len(society.ever()) == 1


def test_a_gateway_with_a_wrong_clock_is_named(society: RiserSociety) -> None:
    riser = society.gateway("gw", 3)
    riser.clock_off = timedelta(hours=5)
    break_off(riser, PollFailure.UNREADABLE)
    society.pass_by(DAY + HOUR)
    assert causes(society) == [("gw", "clock")]
    assert society.open()[0].message.startswith("Gateway gw has no true time:")


def test_a_retained_status_is_as_old_as_it_says(society: RiserSociety) -> None:
    """After the service was away, what the broker kept is no sign of life."""
    society.gateway("gw", 1, is_heard=False)
    spoke = society.now - 2 * HOUR
    status = Status(gateway="gw", session=UUID(int=1), state="online", at=spoke)
    message = Received("t", status.to_line(), retained=True)
    store_status(society.conn, "gw", message, society.now)
    word = gateway_words(society.conn, ["gw"])["gw"]
    assert outage_of(word, society.now) == Outage(spoke)
    store_status(society.conn, "gw", Received("t", status.to_line(), retained=False), society.now)
    word = gateway_words(society.conn, ["gw"])["gw"]
    assert outage_of(word, society.now) == Outage(spoke, society.now)


def test_another_tower_has_another_gateway(society: RiserSociety) -> None:
    society.gateway("gw", 2)
    riser = society.gateway("new", 1, is_heard=False)
    society.turn()
    assert causes(society) == [("new", "gateway_silent")]
    society.conn.execute("UPDATE gateway SET tower = 'gw' WHERE name = 'new'")
    society.conn.execute("UPDATE read_failure SET ended_at = now()")
    society.turn()
    assert causes(society) == [(f"M {riser.meters[0].serial}", "meter_silent")]


def test_a_gateway_that_names_a_meter_has_it(society: RiserSociety) -> None:
    """One that was never read, in a tower with two gateways: only its gateway knows why."""
    old, new = society.gateway("gw", 2), society.gateway("new", 2, is_heard=False)
    society.conn.execute("UPDATE gateway SET tower = ''")
    society.turn()
    assert causes(society) == [("M new-b1-00", "meter_silent"), ("M new-b1-01", "meter_silent")]
    assert society.open()[0].message.endswith(
        "No gateway has named it yet: see whether one has it, with this maker and serial number."
    )
    new.meters[0].why = PollFailure.PASSWORD_REFUSED
    old.meters.append(new.meters.pop(0))
    society.pass_by(HOUR)
    assert causes(society) == [("M new-b1-00", "password_refused"), ("M new-b1-01", "meter_silent")]
    gateways = {each.subject.id: each.evidence["gateway"] for each in society.open()}
    assert gateways == {"M new-b1-00": "gw", "M new-b1-01": None}


def test_an_agent_that_starts_again_changes_nothing(society: RiserSociety) -> None:
    riser = society.gateway("gw", 4)
    riser.meters[0].why = PollFailure.PASSWORD_REFUSED
    society.pass_by(DAY + HOUR)
    society.unlink(riser)
    riser.meters[0].why, society.risers = None, {}
    society.link(riser)
    society.turn(2)
    assert causes(society) == [("M gw-b1-00", "password_refused")]


def test_a_failure_is_kept_with_its_flag_or_not(
    society: RiserSociety, monkeypatch: pytest.MonkeyPatch
) -> None:
    riser = society.gateway("gw", 2)
    riser.meters[0].why = PollFailure.NO_ANSWER
    society.pass_by(DAY)
    with monkeypatch.context() as patch:
        patch.setattr(silence, "open_events", Mock(side_effect=[[], StoreUnavailable("gone")]))
        with pytest.raises(StoreUnavailable):
            society.turn()
    assert society.ever() == []
    assert scalars(society.conn, "SELECT count(*) FROM read_failure") == [0]
    society.turn()
    assert causes(society) == [("M gw-b1-00", "meter_silent")]


def test_a_register_that_did_not_move_is_dry(society: RiserSociety) -> None:
    riser = society.gateway("gw", 2)
    riser.meters[0].why = PollFailure.NO_ANSWER
    society.pass_by(DAY + HOUR)
    riser.meters[0].why = None
    society.turn(CYCLE)
    (event,) = society.ever()
    assert event.message.startswith(
        "Over: it is read again; its register did not move: nothing was used. "
    )


def test_a_register_that_moved_says_by_how_much(society: RiserSociety) -> None:
    riser = society.gateway("gw", 2)
    meter = riser.meters[0]
    meter.why = PollFailure.NO_ANSWER
    society.pass_by(DAY + HOUR)
    meter.why, meter.raw = None, meter.raw + 3200
    society.turn(CYCLE)
    (event,) = society.ever()
    assert "its register moved by 3200 Wh" in event.message


def test_what_is_filled_later_is_told_as_late(society: RiserSociety) -> None:
    riser = society.gateway("gw", 2)
    meter = riser.meters[0]
    meter.why = PollFailure.NO_ANSWER
    society.pass_by(DAY + HOUR)
    meter.why = None
    society.turn(CYCLE)
    assert society.reclassify() == 0
    society.fill([meter], NOW, step=0)
    assert society.reclassify() == 1
    (event,) = society.ever()
    changes = list_changes(society.conn, event.id)
    assert [each.reason for each in changes if each.what == "reclassified"] == [
        "it is read again; its readings came late, and none is missing"
    ]
    assert scalars(society.conn, "SELECT outcome FROM read_failure") == ["late"]
    assert society.reclassify() == 0


def test_a_removed_meter_ends_its_failure(society: RiserSociety) -> None:
    riser = society.gateway("gw", 2)
    riser.meters[0].why = PollFailure.NO_ANSWER
    society.pass_by(DAY + HOUR)
    society.conn.execute(
        "UPDATE assignment SET valid_to = %s WHERE meter_id = %s",
        (society.now, riser.meters[0].meter_id),
    )
    society.turn()
    assert society.open() == []
    assert scalars(society.conn, "SELECT outcome FROM read_failure") == ["removed"]

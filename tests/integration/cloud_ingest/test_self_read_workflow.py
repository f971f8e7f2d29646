# SPDX-License-Identifier: MIT
"""What residents send: taken, asked about, decided; nothing twice and nothing lost."""

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from cloud_ingest.cli.month_status_text import status_text
from cloud_ingest.core.dial_photo import Photo, PhotoTime
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read_decide import decide, one_submission, photo_of, waiting
from cloud_ingest.entries.self_read_look import Sent, SentPhoto
from cloud_ingest.entries.self_read_submit import MOST_A_DAY, Sender, attach_photo, submit
from cloud_ingest.errors import (
    NotFound,
    QuotaReached,
    SelfReadRefused,
    StoreUnavailable,
    SubmissionRefused,
)
from cloud_ingest.month.close import close_month
from cloud_ingest.month.status import month_status
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.self_read_photos import forget_pictures
from cloud_ingest.store.self_read_submissions import Submission
from shared_schema.quality import Quality
from tests.support.self_read import (
    ELECTRICITY,
    END,
    LEGACY,
    NOW,
    START,
    approve,
    kinds,
    photo,
    read_flat,
    readings,
    send,
    society_id,
)
from tests.support.store import SOCIETY, ZONE, Site, local

TENANT = Sender("resident of C-0304")
Send = Callable[..., Submission]


@pytest.fixture
def flat(site: Site) -> Site:
    return read_flat(site)


def test_a_plausible_dial_is_taken_at_once(flat: Site) -> None:
    sent = send(flat, "4890")
    assert (sent.decision, sent.decided_by, kinds(sent)) == ("taken", "the check", [])
    (number,) = close_month(flat.conn, SOCIETY, "2026-07", NOW + timedelta(days=3)).numbers
    assert (f"{number.quantity:f}", number.quality) == ("178.700", Quality.SELF_READ)


def test_the_first_reading_of_a_meter_waits(site: Site) -> None:
    site.units(*LEGACY)
    assert kinds(send(site, "4711")) == ["first"]


def test_a_doubtful_dial_waits_and_the_resident_is_asked(flat: Site) -> None:
    before = readings(flat)
    sent = send(flat, "8490")
    assert (sent.decision, readings(flat)) == (None, before)
    assert kinds(sent)[:2] == ["unusual", "digits_exchanged"]
    assert "Is it 4890 kWh?" in " ".join(str(each["question"]) for each in sent.remarks)
    assert waiting(flat.conn, SOCIETY) == [sent]


def test_the_neighbours_meter_is_named_to_the_manager_alone(flat: Site) -> None:
    sent = send(flat, "9130")
    (remark,) = [each for each in sent.remarks if each["kind"] == "neighbour"]
    assert "C-0303" in str(remark["remark"])
    assert "C-0303" not in str(remark["question"])
    assert "9100" not in str(remark["question"])


def test_a_dial_that_turned_over_is_asked_about(site: Site) -> None:
    site.units(*LEGACY)
    site.conn.execute(
        "INSERT INTO meter_version (society_id, meter_id, register_digits, author, reason,"
        " recorded_at) SELECT society_id, meter_id, 5, 'a', 'b', %s FROM meter",
        (START,),
    )
    approve(site, send(site, "99950", START, now=START), START)
    assert kinds(send(site, "00012")) == ["below", "rollover"]


def test_who_looks_again_is_taken_and_the_first_waits_no_more(flat: Site) -> None:
    first = send(flat, "8490")
    assert send(flat, "4890", END + timedelta(minutes=5)).decision == "taken"
    assert one_submission(flat.conn, SOCIETY, str(first.receipt)).decision == "replaced"
    assert waiting(flat.conn, SOCIETY) == []


def test_the_same_again_changes_nothing(flat: Site) -> None:
    first = send(flat, "4890", client_id="phone-0001")
    assert send(flat, "4890", client_id="phone-0001", now=NOW + timedelta(hours=5)) == first
    with pytest.raises(SubmissionRefused, match=r"phone-0001 was 4890 before"):
        send(flat, "4891", client_id="phone-0001")
    assert flat.one("SELECT count(*) FROM self_read_submission WHERE subject = 'C-0304'") == 2


def test_an_approved_dial_is_a_reading_with_the_managers_reason(flat: Site) -> None:
    sent = send(flat, "4000")
    done = approve(flat, sent)
    assert (done.decision, done.decided_by) == ("approved", "manager")
    assert flat.one("SELECT forced_because FROM self_read ORDER BY 1 LIMIT 1") == (
        "seen on the photo (manager)"
    )
    seen = flat.one("SELECT seen FROM self_read_decision ORDER BY submission_id DESC LIMIT 1")
    assert (seen["value"], seen["photo"]) == ("4000", False)


def test_a_refused_dial_is_no_reading(flat: Site) -> None:
    sent, before = send(flat, "8490"), readings(flat)
    done = decide(
        flat.conn,
        SOCIETY,
        str(sent.submission_id),
        approve=False,
        by="manager",
        reason="of another meter",
        now=NOW,
    )
    assert (done.decision, done.decided_because) == ("refused", "of another meter")
    assert readings(flat) == before
    with pytest.raises(SubmissionRefused, match=r"it was refused by manager \(of another meter\)"):
        approve(flat, sent)


def test_of_two_managers_one_decides(flat: Site, store_dsn: str) -> None:
    sent = send(flat, "8490")
    told: list[str] = []
    ready = threading.Barrier(2)

    def say(by: str, approve_it: bool) -> None:
        with connect(store_dsn) as conn:
            ready.wait()
            try:
                done = decide(
                    conn,
                    SOCIETY,
                    str(sent.receipt),
                    approve=approve_it,
                    by=by,
                    reason="looked",
                    now=NOW,
                )
                told.append(f"{done.decision}")
            except SubmissionRefused as error:
                told.append(str(error))

    people = [threading.Thread(target=say, args=each) for each in (("A", True), ("B", False))]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert len([each for each in told if each in {"approved", "refused"}]) == 1
    assert len([each for each in told if "waits for nobody" in each]) == 1


def test_what_the_meter_says_stands_before_a_persons_word(flat: Site) -> None:
    flat.conn.execute("UPDATE reading SET origin = 1 WHERE ts = %s AND raw = 4711300", (START,))
    sent = send(flat, "4712", START)
    assert kinds(sent) == ["known_otherwise", "long_ago"]
    with pytest.raises(SelfReadRefused, match="has a better claim and stays"):
        approve(flat, sent)
    assert one_submission(flat.conn, SOCIETY, str(sent.receipt)).decision is None


def test_a_whole_dial_within_its_step_is_no_fall(flat: Site) -> None:
    assert send(flat, "4711").decision == "taken"


@pytest.mark.parametrize(
    ("shown", "at", "says"),
    [
        ("4x", END, "is no dial value"),
        ("4890", NOW + timedelta(hours=1), "is in the future"),
        ("4890", datetime.fromisoformat("0001-01-01T00:00:00+05:30"), "is no time"),
        ("4890", datetime.fromisoformat("9999-12-31T23:59:59-12:00"), "is no time"),
        ("4890", local("2026-05-01 08:00"), "no electricity meter was assigned"),
    ],
)
def test_what_is_no_reading_is_refused_and_not_kept(
    flat: Site, shown: str, at: datetime, says: str
) -> None:
    with pytest.raises(SelfReadRefused, match=says):
        send(flat, shown, at)
    assert flat.one("SELECT count(*) FROM self_read_submission") == 2


def test_what_was_read_long_ago_waits(flat: Site) -> None:
    sent = send(flat, "4720", local("2026-07-10 08:00"))
    assert (sent.decision, kinds(sent)) == (None, ["long_ago"])


def test_a_dial_is_sent_ten_times_a_day_at_most(flat: Site) -> None:
    for number in range(MOST_A_DAY):
        send(flat, "8490", END + timedelta(minutes=number))
    with pytest.raises(QuotaReached, match="come again tomorrow"):
        send(flat, "8490", END + timedelta(minutes=30))
    assert send(flat, "9130", unit="C-0303").decision == "taken"
    assert send(flat, "4890", END, now=NOW + timedelta(days=1, minutes=1)).decision == "taken"


def test_a_photo_is_kept_with_its_own_time(flat: Site) -> None:
    sent = send(flat, "4890", photo=photo(END))
    assert (sent.decision, sent.has_picture) == ("taken", True)
    assert sent.photo_taken == PhotoTime(END.replace(tzinfo=None), timedelta())
    assert photo_of(flat.conn, SOCIETY, str(sent.receipt)) == b"jpeg"


def test_a_photo_of_another_hour_is_asked_about(flat: Site) -> None:
    sent = send(flat, "4890", photo=photo(END - timedelta(hours=3)))
    assert (sent.decision, kinds(sent)) == (None, ["photo_time"])


def test_a_photo_may_come_after_its_digits(flat: Site) -> None:
    sent = send(flat, "4890")
    society_id = sent.society_id
    for _ in range(2):
        kept = attach_photo(flat.conn, society_id, str(sent.receipt), photo(), NOW)
        assert (kept.decision, kept.has_picture) == ("taken", True)
    other = SentPhoto(Photo(b"other", 4, 3, None), b"2" * 32)
    with pytest.raises(SubmissionRefused, match="another photo"):
        attach_photo(flat.conn, society_id, str(sent.receipt), other, NOW)
    with pytest.raises(NotFound):
        attach_photo(flat.conn, society_id + 1, str(sent.receipt), photo(), NOW)


def test_pictures_go_and_what_is_known_of_them_stays(flat: Site) -> None:
    sent = send(flat, "4890", photo=photo())
    assert forget_pictures(flat.conn, NOW) == 0
    assert forget_pictures(flat.conn, NOW + timedelta(seconds=1)) == 1
    kept = one_submission(flat.conn, SOCIETY, str(sent.receipt))
    assert (kept.has_picture, kept.photo_sha256) == (False, hashlib.sha256(b"sent").digest())
    with pytest.raises(NotFound, match="no longer kept"):
        photo_of(flat.conn, SOCIETY, str(sent.receipt))


def test_a_meter_that_is_read_by_itself_needs_nothing(flat: Site) -> None:
    flat.conn.execute("UPDATE meter SET last_reading_at = %s", (NOW,))
    flat.conn.execute("UPDATE assignment_version SET legacy = false")
    before = readings(flat)
    assert (send(flat, "4890").decision, readings(flat)) == ("not_needed", before)


def test_a_break_keeps_all_of_a_reading_or_nothing(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the session after the reading was stored and before its photo was."""

    def ended(conn: Connection, *_: object) -> None:
        conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    before, society = readings(flat), society_id(flat)
    sent = Sent(NamedMeter("C-0304", ELECTRICITY), "phone-0001", "4890", END, photo())
    with monkeypatch.context() as patch, connect(store_dsn) as conn:
        patch.setattr("cloud_ingest.entries.self_read_submit.add_photo", ended)
        with pytest.raises(StoreUnavailable):
            submit(conn, society, sent, TENANT, NOW)
    assert readings(flat) == before
    done = submit(flat.conn, society, sent, TENANT, NOW)
    assert (done.decision, done.has_picture, readings(flat)) == ("taken", True, before + 1)


def test_a_break_of_a_late_photo_keeps_what_was_receipted(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(flat, "4890")

    def ended(conn: Connection, *_: object) -> None:
        conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch, connect(store_dsn) as conn:
        patch.setattr("cloud_ingest.entries.self_read_submit.add_photo", ended)
        with pytest.raises(StoreUnavailable):
            attach_photo(conn, sent.society_id, str(sent.receipt), photo(), NOW)
    assert one_submission(flat.conn, SOCIETY, str(sent.receipt)) == sent


def test_the_status_of_a_month_tells_what_waits(flat: Site) -> None:
    send(flat, "8490")
    july = month_of(2026, 7, ZONE)
    found = month_status(flat.conn, SOCIETY, july, NOW, window=timedelta(days=3))
    assert found.sent_dials == 1
    text = " ".join(status_text(found, ZONE, NOW).split())
    assert "1 dial that residents sent waits for a decision. What and why:" in text

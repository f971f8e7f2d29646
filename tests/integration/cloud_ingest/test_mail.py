# SPDX-License-Identifier: MIT
"""Mail on a real database and a real server: what comes, once, in order, and what does not."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from cloud_ingest.deliver import mail
from cloud_ingest.deliver.deliveries import deliver_next, keep
from cloud_ingest.deliver.mail import Mailbox, MailServer
from cloud_ingest.month.close import close_month
from cloud_ingest.month.digest import at_seven, make_digests
from cloud_ingest.operate.webhook_checks import check_webhooks
from cloud_ingest.settings_society import RunRules
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.rows import scalar, scalars
from cloud_ingest.store.webhooks import webhook_states
from shared_schema.billing import BillingManifest
from shared_schema.events import Event, Severity
from shared_schema.webhook import SIGNATURE_HEADER, verify_webhook
from tests.support import mail_server as support
from tests.support.flags import HOUR, MINUTE, FlaggedSociety
from tests.support.mail_server import mail_server
from tests.support.receiver import SECRET, a_certificate
from tests.support.store import SOCIETY, Site, every, local, unit_line


@pytest.fixture
def there() -> Iterator[support.MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def society(conn: Connection) -> FlaggedSociety:
    return FlaggedSociety(conn, "S")


class Post:
    """A mailbox of a society, at the society's own time."""

    def __init__(self, conn: Connection, port: int, society: str, **words: object) -> None:
        server = MailServer("127.0.0.1", port, "none", "meters@lake.example")
        box = Mailbox(server, "asha@lake.example", SECRET, (society,), ("events", "digest"))
        self.conn, self.box = conn, replace(box, **words)  # type: ignore[arg-type]
        self.now = datetime.now(UTC)
        keep(conn, (self.box,), self.now)

    def deliver(self, tries: int = 9) -> list[str]:
        """Deliver what is due, the clock a minute on after each try; return why it failed."""
        failures = []
        for _ in range(tries):
            tried = deliver_next(self.conn, self.box, lambda: self.now)
            self.now += MINUTE
            failures += [] if tried.failure is None else [tried.failure]
        return failures

    @property
    def waiting(self) -> int:
        return int(scalar(self.conn, "SELECT count(*) FROM webhook_delivery"))


@pytest.fixture
def cut_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "WHOLE_S", 0.5)


@pytest.fixture
def post(society: FlaggedSociety, there: support.MailServer) -> Post:
    """A mailbox for which a mail waits."""
    found = Post(society.conn, there.port, "S")
    society.judge(society.finding("A-1"))
    return found


def attached(mailed: EmailMessage) -> bytes:
    (part,) = mailed.iter_attachments()
    content = part.get_content()
    assert isinstance(content, bytes)
    return content


def test_a_flag_is_a_mail_with_its_message(
    society: FlaggedSociety, there: support.MailServer
) -> None:
    post = Post(society.conn, there.port, "S")
    society.judge(society.finding("A-1", severity=Severity.ALARM))
    assert post.deliver() == []
    (came,) = there.taken
    event = Event.from_line(attached(came))
    assert event == society.listener.heard[0]
    assert came["Subject"] == "[S] alarm: leak, unit A-1"
    body = came.get_body(("plain",))
    assert body is not None
    assert event.message in body.get_content()
    assert came["Message-ID"] == f"<{event.id}.1@lake.example>"
    assert verify_webhook(SECRET, came[SIGNATURE_HEADER], attached(came), time.time())
    assert (came["To"], came["Auto-Submitted"]) == ("asha@lake.example", "auto-generated")


def test_who_wants_alarms_gets_nothing_to_watch(
    society: FlaggedSociety, there: support.MailServer
) -> None:
    post = Post(society.conn, there.port, "S", severity=Severity.ALARM)
    society.judge(society.finding("A-1"))
    post.deliver()
    assert there.taken == []


@pytest.mark.parametrize(
    "case",
    [
        ("RCPT", "550 no such user", "the mailbox is refused: 550 no such user", 1),
        ("DATA", "451 later", "451 later", 1),
        ("MAIL", "552 full", "552 full", 1),
        (".", "554 spam", "554 spam", 2),
        (".", "drop", "the server hung up", 2),
        ("CONNECT", "421 busy", "421 busy", 1),
        ("CONNECT", "hang", "the server hung up", 1),
        ("EHLO", "drop", "the server hung up", 1),
    ],
)
@pytest.mark.usefixtures("cut_soon")
def test_what_is_not_taken_comes_again_as_the_same_mail(
    post: Post, there: support.MailServer, case: tuple[str, str, str, int]
) -> None:
    word, answer, said, mails = case
    there.answers[word] = answer
    assert post.deliver(1) == [said]
    (check,) = check_webhooks(webhook_states(post.conn), post.now)
    assert (check.name, said in check.said) == ("mail to asha@lake.example", True)
    there.answers.clear()
    assert post.deliver() == []
    assert [len(there.taken), len({each["Message-ID"] for each in there.taken})] == [mails, 1]
    assert post.waiting == 0


def test_a_mailbox_is_not_flooded(society: FlaggedSociety, there: support.MailServer) -> None:
    post = Post(society.conn, there.port, "S")
    society.judge(*(society.finding(f"A-{number}") for number in range(5)))
    for _ in range(5):
        deliver_next(society.conn, post.box, lambda: post.now)
    assert len(there.taken) == 1
    post.now += MINUTE
    post.deliver()
    assert len(there.taken) == 5


def test_the_link_is_encrypted_or_there_is_none(
    society: FlaggedSociety, there: support.MailServer, tmp_path: Path
) -> None:
    society.judge(society.finding("A-1"))
    bare = MailServer("127.0.0.1", there.port, "starttls", "meters@lake.example")
    post = Post(society.conn, there.port, "S", server=bare)
    society.judge(society.finding("A-1", severity=Severity.ALARM))
    assert post.deliver(1) == ["the server offers no STARTTLS, or no login"]
    certificate = a_certificate(tmp_path)
    with mail_server(certificate) as safe:
        own = replace(bare, port=safe.port, username="meters", password=SECRET.decode())
        post.box = replace(post.box, server=own)
        (failure,) = post.deliver(1)
        assert "certificate is refused" in failure
        assert safe.logins == []
        post.box = replace(post.box, server=replace(own, ca_file=certificate[0]))
        assert post.deliver(1) == []
        assert (len(safe.taken), len(safe.logins)) == (1, 1)
    assert there.taken == []


NOW = local("2026-08-05 06:59")
WINDOW = timedelta(days=3)
JULY = every(local("2026-06-30 00:00"), local("2026-08-02 00:00"), 1000, 10, HOUR)


@pytest.fixture
def closed(site: Site) -> Site:
    """A society whose July is closed: one flat has a number, the other was not read."""
    site.units(unit_line("A-1204", "1"), unit_line("<b>B", "2"))
    site.deliver("1", JULY)
    return site


def digests(site: Site, now: datetime) -> int:
    return make_digests(site.conn, now, at_seven, lambda _: WINDOW, lambda _: RunRules())


def test_a_month_is_mailed_as_manifest_and_balances(
    closed: Site, there: support.MailServer
) -> None:
    post = Post(closed.conn, there.port, SOCIETY, messages=("month",))
    close_month(closed.conn, SOCIETY, "2026-07", NOW)
    post.deliver()
    subjects = {str(each["Subject"]) for each in there.taken}
    assert "[Lake View] 2026-07: 1 numbers sent, 1 withheld" in subjects
    sent = scalars(closed.conn, "SELECT manifest FROM month_close")
    assert sent == [
        attached(each) for each in there.taken if BillingManifest.SCHEMA.encode() in attached(each)
    ]


def test_a_digest_is_made_once_a_morning(closed: Site, there: support.MailServer) -> None:
    post = Post(closed.conn, there.port, SOCIETY)
    close_month(closed.conn, SOCIETY, "2026-07", NOW)
    assert digests(closed, NOW) == 0, "it is not seven yet"
    assert [digests(closed, NOW + MINUTE * minutes) for minutes in (1, 2, 60)] == [1, 0, 0]
    assert digests(closed, NOW + timedelta(days=1, hours=1)) == 1
    days = "SELECT array_agg(day ORDER BY day) FROM digest"
    assert scalar(closed.conn, days) == [date(2026, 8, 5), date(2026, 8, 6)]
    post.deliver()
    assert len(there.taken) == 2
    assert len({each["Message-ID"] for each in there.taken}) == 2


def test_a_digest_tells_what_to_look_at(closed: Site, there: support.MailServer) -> None:
    post = Post(closed.conn, there.port, SOCIETY)
    close_month(closed.conn, SOCIETY, "2026-07", NOW)
    digests(closed, NOW + HOUR)
    post.deliver()
    (came,) = there.taken
    plain, rich = came.get_body(("plain",)), came.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert "July: 1 of 2 final, 1 withheld: <b>B electricity" in plain.get_content()
    assert "&lt;b&gt;B electricity" in rich.get_content()
    assert "<b>" not in rich.get_content()
    assert str(came["Subject"]).startswith("[Lake View] July: 1 of 2 final")


def changed(there: support.MailServer) -> list[str]:
    """What the newest digest calls changed."""
    body = there.taken[-1].get_body(("plain",))
    assert body is not None
    lines = body.get_content().splitlines()
    title = "Changed after it was sent"
    return [line.strip() for line in lines[lines.index(title) + 1 :]] if title in lines else []


def test_what_a_month_sends_first_is_no_change(closed: Site, there: support.MailServer) -> None:
    post = Post(closed.conn, there.port, SOCIETY)
    first = local("2026-08-01 01:20")
    close_month(closed.conn, SOCIETY, "2026-07", first)
    closed.deliver("2", JULY)
    close_month(closed.conn, SOCIETY, "2026-07", first + 4 * HOUR)
    assert digests(closed, first + 7 * HOUR) == 1
    post.deliver()
    assert changed(there) == []


def test_a_change_of_an_older_month_is_told_once(closed: Site, there: support.MailServer) -> None:
    post = Post(closed.conn, there.port, SOCIETY)
    close_month(closed.conn, SOCIETY, "2026-07", NOW)
    september = local("2026-09-02 07:01")
    digests(closed, september)
    closed.deliver("2", JULY)
    close_month(closed.conn, SOCIETY, "2026-07", september + HOUR)
    for days in (1, 2):
        digests(closed, september + timedelta(days=days))
        post.deliver()
        told = [] if days == 2 else ["<b>B electricity, 2026-07: nothing -> 7.440 kWh"]
        assert changed(there) == told


@pytest.mark.parametrize("wanted", [True, False])
def test_a_quiet_morning_is_told_to_who_wants_it(
    society: FlaggedSociety, there: support.MailServer, *, wanted: bool
) -> None:
    post = Post(society.conn, there.port, "S", quiet_digest=wanted)
    assert (
        make_digests(society.conn, NOW + HOUR, at_seven, lambda _: WINDOW, lambda _: RunRules())
        == 1
    )
    post.deliver()
    assert len(there.taken) == int(wanted)

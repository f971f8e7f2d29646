# SPDX-License-Identifier: MIT
"""What a mail says: no header of a stranger, no markup of a name; settings that would be unsafe."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from html.parser import HTMLParser
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from cloud_ingest.deliver.digest import Digest, Section
from cloud_ingest.deliver.mail import Mailbox, MailServer, mail_of
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.webhooks import Delivery

BOX = Mailbox(
    MailServer("127.0.0.1", 25, "none", "meters@lake.example"),
    "asha@lake.example",
    b"a secret of two sides",
    ("S",),
    ("digest",),
)
AT = datetime(2026, 11, 3, 1, 30, tzinfo=UTC)
HOSTILE = st.text(st.sampled_from("\r\n\0\x1b :<>&'\"ab\u2028अ😀=?"), max_size=80)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.found.add(tag)


@given(HOSTILE, HOSTILE, HOSTILE)
@example("=?utf-8?q?a=0D=0ABcc:=20spy@spy.example?=", "", "")
@example("", "", "=?utf-8?b?YQ0KQmNjOiBzcHlAc3B5LmV4YW1wbGU=?=")
def test_what_a_name_holds_is_text_alone(society: str, title: str, line: str) -> None:
    sections = (Section(title=title, lines=(line,)),)
    digest = Digest(society=society, day="2026-11-03", sections=sections, is_quiet=False)
    payload = digest.model_dump_json(by_alias=True).encode()
    written = mail_of(
        BOX, Delivery(1, UUID(int=1), 1, payload, 0), AT, ZoneInfo("Asia/Kolkata")
    ).as_bytes()
    read = message_from_bytes(written, policy=SMTP)
    names = "From To Subject Date Message-ID Auto-Submitted IoT-Utility-Signature MIME-Version"
    assert set(read.keys()) == {*names.split(), "Content-Type"}
    assert read["To"] == "asha@lake.example"
    (attached,) = read.iter_attachments()
    assert attached.get_content() == payload
    rich, tags = read.get_body(("html",)), Tags()
    assert rich is not None
    tags.feed(rich.get_content())
    assert tags.found <= {"html", "head", "meta", "title", "body", "h1", "h2", "ul", "li"}


SERVER = {"host": "mail.example", "sender": "meters@lake.example"}
BOXED = {"address": "asha@lake.example", "secret_file": "s", "societies": ["S"]}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"mail": {**SERVER, "tls": "none"}}, "in clear to this machine itself alone"),
        ({"mail": {**SERVER, "username": "a"}}, "go together"),
        ({"mail": {**SERVER, "sender": "a\r\nBcc: b@c.example"}}, "pattern"),
        ({"mail": SERVER, "mail_to": [{**BOXED, "address": "a@b\nc"}]}, "pattern"),
        ({"mail": SERVER, "mail_to": [BOXED, BOXED]}, "the same address"),
        ({"mail_to": [BOXED]}, r"add a \[mail\] table"),
        ({"digest_at": "25:00"}, "pattern"),
    ],
)
def test_settings_that_are_unsafe_are_refused(words: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CloudSettings.model_validate(words)


def test_each_society_has_its_morning() -> None:
    said = {"digest_at": "06:30", "society": [{"name": "S", "digest_at": "08:00"}]}
    settings = CloudSettings.model_validate(said)
    assert [f"{settings.morning(each):%H:%M}" for each in ("S", "T")] == ["08:00", "06:30"]

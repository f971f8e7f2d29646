# SPDX-License-Identifier: MIT
"""What is kept of a person: a file with all of it, and an erasure that changes no number."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg import errors as pg
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.month import month_of
from cloud_ingest.core.role import Role
from cloud_ingest.entries.by_hand import enter_by_hand
from cloud_ingest.entries.invitations import invite, join_anew
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.people import add_person
from cloud_ingest.entries.self_read_decide import decide
from cloud_ingest.entries.self_read_links import make_link
from cloud_ingest.entries.self_read_look import Sent
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.entries.sign_in import open_session, sign_in
from cloud_ingest.errors import NotFound, PersonRefused, SignInRefused
from cloud_ingest.exports.personal_file import PersonFile, person_file
from cloud_ingest.flags import attend
from cloud_ingest.month.approve import approve_month
from cloud_ingest.month.erasure import erase_person
from cloud_ingest.operate.api_tokens import issue_token
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.event_changes import tell_due
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.registry import ensure_society
from cloud_ingest.store.self_read_photos import forget_pictures_of_erased, picture_of
from cloud_ingest.views.personal_data import personal_data
from shared_schema.catalogue import Service
from shared_schema.topics import billing_manifest_topic
from tests.support.self_read import photo
from tests.support.servers import SqlServer
from tests.support.store import ZONE, Templates, local
from tests.support.two_societies import LAST_MONTH, MONTH, Furnished, furnish

PAGE = Path(__file__).parents[3] / "docs/explanation/personal-data.md"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ASHA, NILA = "Asha D'Souza", "Nila (B-2)"
SAID = tuple(f"word-{number}" for number in range(6))
THEIRS = "theirs-0"
FAR = "Zbbvan"
"""Another society, in which somebody else is called Asha D'Souza."""


@dataclass(frozen=True)
class Lived:
    """A society in which Asha manages, lives, reads and says much; and Nila next door."""

    conn: Connection
    dsn: str
    own: Furnished
    passwords: dict[str, str]


@pytest.fixture(scope="module")
def lived(
    postgres_server: SqlServer,
    templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("lived")
    with templates.copy(postgres_server.dsn_of("postgres")) as dsn, connect(dsn) as conn:
        own = furnish(conn, folder, "Qaatal")
        yield _live(conn, dsn, own)


@pytest.fixture
def conn(lived: Lived) -> Iterator[Connection]:
    """The store; what a test does is undone."""
    with lived.conn.transaction(force_rollback=True):
        yield lived.conn


def _live(conn: Connection, dsn: str, own: Furnished) -> Lived:
    passwords: dict[str, str] = {}
    for login, name, role, unit in (
        ("asha", ASHA, Role.MANAGER, None),
        ("asha", ASHA, Role.RESIDENT, own.unit),
        ("asha", ASHA, Role.RESIDENT, own.legacy),
        ("ravi", "Ravi", Role.MANAGER, None),
        ("nila", NILA, Role.RESIDENT, own.neighbour),
        ("nila", NILA, Role.MANAGER, None),
    ):
        by, at = "Ravi" if login != "nila" else ASHA, NOW - timedelta(days=40)
        made = add_person(conn, own.society, login, name, role, unit=unit, by=by, now=at)
        passwords[login] = passwords.get(login) or made or ""
    ensure_society(conn, FAR)
    add_person(conn, FAR, "far", ASHA, Role.MANAGER, unit=None, by="Ravi", now=NOW)
    conn.execute(
        "INSERT INTO account_identity (account_id, issuer, subject, linked_at) "
        "SELECT account_id, 'https://id.example', 'sub-' || login, %s FROM account",
        (NOW,),
    )
    for member in conn.execute("SELECT membership_id FROM membership").fetchall():
        open_session(conn, member[0], NOW)
    flag = attend.Named(str(own.flag), own.society)
    attend.acknowledge(conn, flag, by=ASHA, reason=SAID[0], now=NOW)
    attend.mute(conn, flag, until=NOW + timedelta(days=3), by=ASHA, reason=SAID[1], now=NOW)
    attend.unmute(conn, flag, by=NILA, reason=THEIRS, now=NOW)
    for kl, by, why in ((5, ASHA, SAID[2]), (6, NILA, THEIRS)):
        enter_by_hand(
            conn, own.society, None, "tanker", Decimal(kl), at=NOW, by=by, reason=why, now=NOW
        )
    day = timedelta(days=1)
    issue_token(conn, own.society, SAID[3], [Scope.MONTHS_READ], by=ASHA, now=NOW, good_for=day)
    why = f"{SAID[4]}, and {NILA} nods"
    decide(conn, own.society, str(own.receipt), approve=True, by=ASHA, reason=why, now=NOW)
    span = month_of(2026, 10, ZONE)
    approve_month(conn, own.society, span, NOW, by=ASHA, seen=own.sha256, despite=SAID[5])
    _send(conn, own, own.legacy, "4712.6", ASHA)
    _send(conn, own, own.neighbour, "7777.7", NILA)
    conn.execute(
        "INSERT INTO claim SELECT channel_id, %s, 1, NULL, 2, %s, %s FROM channel LIMIT 1",
        (NOW, NOW, f"self-read by {ASHA}"),
    )
    link = invite(conn, own.society_id, ASHA, Role.RESIDENT, unit=own.unit, by="Ravi", now=NOW)
    join_anew(conn, link, login="guest", name="Guest", password="".join(SAID), now=NOW)
    invite(conn, own.society_id, "Somebody", Role.TREASURER, unit=None, by=ASHA, now=NOW)
    make_link(conn, own.society, own.legacy, None, days=9, by=ASHA, now=NOW)
    return Lived(conn, dsn, own, passwords)


def _send(conn: Connection, own: Furnished, unit: str, shown: str, name: str) -> None:
    named = NamedMeter(unit, Service.ELECTRICITY)
    at = local("2026-11-02 08:00")
    sent = Sent(named, str(uuid4()), shown, at, photo())
    submit(conn, own.society_id, sent, Sender(name), at)


def _file(conn: Connection, login: str) -> PersonFile:
    return person_file(personal_data(conn, login, ZONE, NOW))


def _texts(made: PersonFile) -> dict[str, str]:
    if made.media_type == "application/json":
        return {"data.json": made.body.decode()}
    with zipfile.ZipFile(io.BytesIO(made.body)) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


def _everywhere(conn: Connection, text: str) -> list[str]:
    """Return the tables that have a text, or its bytes."""
    tables = conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'metering'::regnamespace "
        "AND relkind IN ('r', 'p') AND NOT relispartition"
    ).fetchall()
    has = "SELECT EXISTS (SELECT FROM {} AS t WHERE strpos(t::text, %s) + strpos(t::text, %s) > 0)"
    sought = (text, text.encode().hex())
    return [
        name
        for (name,) in tables
        if conn.execute(has.format(name).encode(), sought).fetchone() == (True,)
    ]


def test_the_file_has_all_that_a_person_said(conn: Connection, lived: Lived) -> None:
    texts = _texts(_file(conn, "Asha"))
    told = json.loads(texts["data.json"])
    for said in (*SAID, "4712.6", "asha", ASHA, lived.own.society, lived.own.unit):
        assert said in texts["data.json"], said
    assert {each["table"] for each in told["said"]} >= {
        *("account", "api_token", "event", "event_change", "event_mute", "hand_entry"),
        *("access_act", "invitation", "membership", "month_lock", "self_read"),
        *("self_read_decision", "self_read_link"),
    }
    assert [each["subject"] for each in told["identities"]] == ["sub-asha"]
    assert [each["role"] for each in told["roles"]] == ["manager", "resident", "resident"]
    assert len(told["sessions"]) == 3
    assert [each["what"] for each in told["access"]] == [*["added"] * 3, "invited"]
    assert texts[told["readings"][0]["photo"]] == "jpeg"
    assert lived.own.number in texts["months.csv"]
    assert texts["days.csv"].count(f'"{MONTH}"') == 31
    assert texts["days.csv"].count(f'"{LAST_MONTH}"') == 30


@pytest.mark.parametrize(("login", "others"), [("asha", "nila"), ("nila", "asha")])
def test_the_file_has_nothing_of_a_neighbour(
    conn: Connection, lived: Lived, login: str, others: str
) -> None:
    whole = "".join(_texts(_file(conn, login)).values())
    own = lived.own
    theirs = {
        "nila": (own.neighbours_number, THEIRS, "7777.7", "Ravi"),
        "asha": (own.number, *SAID, "4712.6", "Ravi", ASHA, own.unit, own.legacy),
    }[others]
    assert [each for each in theirs if each in whole] == []
    assert "$argon2" not in whole
    assert "Zbbvan" not in whole


def test_acts_of_a_shared_name_are_nobodys(conn: Connection, lived: Lived) -> None:
    add_person(conn, lived.own.society, "asha2", ASHA, Role.HELPDESK, unit=None, by="Ravi", now=NOW)
    told = json.loads(_texts(_file(conn, "asha"))["data.json"])
    assert (told["said"], told["not_told"]) == ([], [lived.own.society])
    erase_person(conn, "asha", by="Ravi", now=NOW)
    assert "month_lock" in _everywhere(conn, ASHA)
    assert "asha2" in str(conn.execute("SELECT login FROM account").fetchall())


def test_an_erased_person_is_named_nowhere(conn: Connection, lived: Lived) -> None:
    alias = erase_person(conn, "asha", by="Ravi", now=NOW)
    tell_due(conn, NOW)
    namesake = conn.execute("SELECT login FROM account WHERE name = %s", (ASHA,)).fetchall()
    conn.execute("UPDATE account SET name = 'f' WHERE login = 'far'")
    assert _everywhere(conn, ASHA) == ["outbox"]  # as it was sent; pruned within days
    assert (namesake, _everywhere(conn, "asha")) == ([("far",)], [])
    assert set(_everywhere(conn, alias)) >= {
        *("access_act", "account", "claim", "event", "event_change", "event_mute"),
        *("hand_entry", "invitation", "month_lock"),
        *("self_read", "self_read_decision", "self_read_link", "self_read_submission"),
    }
    kept = conn.execute(
        "SELECT name, password_hash, ended_by FROM account WHERE erased_at = %s", (NOW,)
    )
    assert kept.fetchall() == [(alias, None, "Ravi")]
    about = conn.execute("SELECT DISTINCT what, detail FROM access_act WHERE about = %s", (alias,))
    assert sorted(about.fetchall()) == [
        *[("added", "manager"), ("added", "resident"), ("erased", ""), ("invited", "resident")]
    ]
    with pytest.raises(SignInRefused):
        sign_in(conn, "asha", lived.passwords["asha"], NOW)
    with pytest.raises(NotFound):
        erase_person(conn, "asha", by="Ravi", now=NOW)


def test_a_name_goes_from_what_others_wrote_too(conn: Connection) -> None:
    alias = erase_person(conn, "nila", by="Ravi", now=NOW)
    why = conn.execute("SELECT reason FROM self_read_decision WHERE author = %s", (ASHA,))
    assert why.fetchall() == [(f"{SAID[4]}, and {alias} nods",)]
    assert _everywhere(conn, NILA) == []


def test_nothing_but_names_and_the_account_changes(conn: Connection) -> None:
    names = ("author", "entered_by", "acknowledged_by", "ended_by", "given_by", "created_by")
    tables = [
        *("month_number", "reading", "batch", "evidence", "self_read", "hand_entry"),
        *("month_lock", "event_mute", "self_read_submission", "self_read_decision", "channel"),
    ]

    def kept() -> list[Any]:
        rows = "SELECT (to_jsonb(t) - %s::text[])::text FROM {} AS t"
        return [
            sorted(conn.execute(rows.format(each).encode(), (list(names),)).fetchall())
            for each in tables
        ]

    before = kept()
    erase_person(conn, "asha", by="Ravi", now=NOW)
    assert kept() == before


def test_a_month_names_the_pseudonym_and_sends_no_number(conn: Connection, lived: Lived) -> None:
    own = lived.own.society_id
    newest = "SELECT coalesce(max(outbox_id), 0) FROM outbox"
    (sent,) = conn.execute(newest).fetchall()
    before, apart = manifest_of(conn, own, MONTH), {"approved", "version"}
    alias = erase_person(conn, "asha", by="Ravi", now=NOW)
    after = manifest_of(conn, own, MONTH)
    assert before is not None
    assert after is not None
    assert before.model_dump(exclude=apart) == after.model_dump(exclude=apart)
    assert after.approved is not None
    assert after.approved.by == alias
    topics = conn.execute("SELECT topic FROM outbox WHERE outbox_id > %s", sent).fetchall()
    assert [topic for (topic,) in topics] == [billing_manifest_topic(lived.own.society, MONTH)]


def test_a_photo_goes_when_no_month_needs_it(conn: Connection, lived: Lived) -> None:
    held = "SELECT submission_id FROM self_read_picture ORDER BY submission_id"
    asha, nila = (number for (number,) in conn.execute(held).fetchall())
    erase_person(conn, "asha", by="Ravi", now=NOW)
    assert picture_of(conn, asha) == b"jpeg"  # November may need it
    conn.execute(
        "INSERT INTO month_lock (society_id, month, kind, author, reason, manifest_version, "
        "manifest_sha256, recorded_at) VALUES (%s, '2026-11', 'approve', 'r', '', 1, '', %s)",
        (lived.own.society_id, NOW),
    )
    assert forget_pictures_of_erased(conn) == 1
    assert (picture_of(conn, asha), picture_of(conn, nila)) == (None, b"jpeg")


def test_the_last_manager_stays(conn: Connection, lived: Lived) -> None:
    for login in ("asha", "nila"):
        erase_person(conn, login, by="Ravi", now=NOW)
    with pytest.raises(PersonRefused, match=rf"nobody else manages {lived.own.society}: let"):
        erase_person(conn, "ravi", by="Ravi", now=NOW)
    assert "Ravi" in str(conn.execute("SELECT name FROM account").fetchall())


@pytest.mark.parametrize("alias", ["", "Ravi", "person 12345678'; --", None])
def test_a_pseudonym_is_none_of_a_person(conn: Connection, alias: str | None) -> None:
    with pytest.raises(pg.RaiseException), conn.transaction():
        conn.execute("SELECT erase_person(1, %s, 'me', now())", (alias,))


def test_each_column_with_a_name_is_known(conn: Connection) -> None:
    """Whoever adds a table: is what it keeps of a person in the page, the file and the erasure?"""
    places = conn.execute("SELECT DISTINCT place::text FROM said_places()").fetchall()
    page = PAGE.read_text(encoding="utf-8")
    assert [name for (name,) in places if f"`{name}`" not in page] == []


def test_commands_write_the_file_and_erase(lived: Lived, tmp_path: Path) -> None:
    out = tmp_path / "asha.zip"
    words = ["people", "export", "asha", "--out", str(out), "--dsn", lived.dsn]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, out.stat().st_mode & 0o777) == (0, 0o600)
    assert zipfile.ZipFile(out).namelist()[:3] == ["data.json", "months.csv", "days.csv"]
    named = ["people", "erase", "--by", "Ravi", "--dsn", lived.dsn]
    for login, more, code, said in (
        ("nobody", ["--yes"], 2, "nobody signs in as 'nobody'"),
        ("asha", [], 2, "give --yes; nothing was erased"),
        ("asha", ["--yes"], 0, "asha is erased; what the person said stays, under person "),
        ("far", ["--yes"], 2, "nobody else manages Zbbvan"),
    ):
        done = CliRunner().invoke(app, [*named, login, *more])
        assert (done.exit_code, said in done.output) == (code, True), done.output

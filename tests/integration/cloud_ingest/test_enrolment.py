# SPDX-License-Identifier: MIT
"""A gateway is enrolled by its request, renewed, and taken back: by the commands, in a store."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli import enrol
from cloud_ingest.cli.command_line import app
from cloud_ingest.core.known import KnownGateway
from cloud_ingest.errors import UserError
from cloud_ingest.flags.certificates import refresh_certificates
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.operate import enrolment as operate
from cloud_ingest.operate.authority import Authority
from cloud_ingest.operate.broker_checks import check_gateways
from cloud_ingest.operate.enrolment import Approval, read_request
from cloud_ingest.store import quarantine
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.events import open_events
from cloud_ingest.store.gateway_keys import last_certificates
from cloud_ingest.store.registry import load_registry
from shared_schema.certificates import TlsKey, new_tls_key
from shared_schema.enrolment import make_request
from shared_schema.events import EventKind
from shared_schema.signing import fingerprint, public_key_to_pem
from tests.support.gateway import Sealer, block_line
from tests.support.service_site import wait_until

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
SOON = NOW + 30 * DAY


class Office:
    """A store, an authority, and a gateway that asks."""

    def __init__(self, conn: Connection, dsn: str, folder: Path) -> None:
        self.conn, self.dsn, self.folder = conn, dsn, folder
        self.authority = Authority.make(folder / "authority", "Our authority", NOW)
        self.sealer = Sealer("gw-a")

    def asks(
        self, sealer: Sealer | None = None, tls_key: TlsKey | None = None, name: str = "gw-a"
    ) -> Path:
        key = (sealer or self.sealer).key
        path = self.folder / "gw-a.request"
        path.write_bytes(make_request(name, "Lake View", key, tls_key or new_tls_key(), NOW))
        return path

    def enrol_by_key(self, sealer: Sealer, name: str = "gw-a") -> str:
        path = self.folder / "gateway.key.pub"
        path.write_bytes(public_key_to_pem(sealer.key.public_key()))
        return self.run("enrol", name, "--society", "Lake View", "--key", str(path))

    def run(self, *words: str, answer: str | None = None) -> str:
        env = {"IOT_UTILITY_DSN": self.dsn}
        done = CliRunner().invoke(app, list(words), env=env, input=answer)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return f"{done.exit_code} {' '.join(done.output.split())}"

    def enrol(
        self,
        path: Path,
        *words: str,
        sealer: Sealer | None = None,
        answer: str | None = None,
    ) -> str:
        sheet = fingerprint((sealer or self.sealer).key.public_key())
        return self.run(
            *("enrol", "--request", str(path), "--authority", str(self.authority.folder)),
            *("--out", str(self.folder / "gw-a.cert"), "--by", "A. Nair"),
            *(words or ("--fingerprint", sheet)),
            answer=answer,
        )

    def revoke(self) -> str:
        folder = str(self.authority.folder)
        said = ("--by", "A. Nair", "--reason", "stolen")
        return self.run("revoke", "gw-a", "--authority", folder, *said)

    def known(self) -> KnownGateway:
        return load_registry(self.conn).gateways["gw-a"]


@pytest.fixture
def office(plain_store_dsn: str, tmp_path: Path) -> Iterator[Office]:
    with connect(plain_store_dsn) as conn:
        yield Office(conn, plain_store_dsn, tmp_path)


def test_an_approved_request_enrols_and_issues(office: Office) -> None:
    said = office.enrol(office.asks(), "--tower", "A", "--fingerprint", sheet(office.sealer))
    assert said.startswith("0 ")
    assert "society Lake View (new)" in said
    assert "gw-a is enrolled in Lake View" in said
    assert "edge-agent install-cert gw-a.cert" in said
    assert "broker apply" in said
    assert office.known().may_connect
    assert (office.folder / "gw-a.cert").read_bytes().count(b"BEGIN CERTIFICATE") == 2


def sheet(sealer: Sealer) -> str:
    """The fingerprint as somebody types it from paper."""
    text = fingerprint(sealer.key.public_key()).upper()
    return " ".join(text[at : at + 8] for at in range(0, 64, 8))


def test_another_fingerprint_enrols_nobody(office: Office) -> None:
    said = office.enrol(office.asks(), "--fingerprint", "0" * 64)
    assert said.startswith("2 ")
    assert "another key than --fingerprint names" in said
    assert load_registry(office.conn).gateways == {}


def test_without_a_person_the_fingerprint_is_needed(office: Office) -> None:
    assert "give --fingerprint, as the gateway's installer" in office.enrol(
        office.asks(), "--tower", "A"
    )


def test_a_person_who_says_no_enrols_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrol, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    path = office.asks()
    said = office.enrol(path, "--tower", "A", answer="n\n")
    assert "tower A" in said
    assert fingerprint(office.sealer.key.public_key()) in said
    assert said.endswith("cloud-ingest: nothing was enrolled")
    assert load_registry(office.conn).gateways == {}
    assert "is enrolled in Lake View" in office.enrol(path, "--tower", "A", answer="y\n")


def test_a_changed_request_is_refused(office: Office) -> None:
    path = office.asks()
    path.write_bytes(path.read_bytes().replace(b"Lake View", b"Lake Veiw"))
    said = office.enrol(path)
    assert "is no request of a gateway" in said
    assert "edge-agent request" in said


def test_a_request_that_cannot_be_issued_enrols_nobody(office: Office) -> None:
    (office.authority.folder / "issued").write_text("")
    assert "cannot write" in office.enrol(office.asks())
    assert load_registry(office.conn).gateways == {}


def test_the_same_key_again_renews_the_certificate(office: Office) -> None:
    words = ("--fingerprint", sheet(office.sealer), "--days")
    office.enrol(office.asks(), *words, "20")
    assert [each.gateway for each in last_certificates(office.conn, SOON)] == ["gw-a"]
    said = office.enrol(office.asks(), *words, "400")
    assert "gw-a was enrolled" in said
    assert "(new)" not in said
    assert "broker apply" not in said
    assert last_certificates(office.conn, SOON) == []
    assert len(office.known().keys) == 1


def test_a_certificate_that_ends_soon_is_told_until_it_is_renewed(office: Office) -> None:
    def told(at: datetime) -> str:
        refresh_certificates(office.conn, at)
        flags = open_events(office.conn, EventKind.EXPIRING_CERTIFICATE)
        return " ".join(f"{each.event.severity}: {each.event.message}" for each in flags)

    words = ("--fingerprint", sheet(office.sealer), "--days")
    office.enrol(office.asks(), *words, "100")
    assert told(NOW + 69 * DAY) == ""
    assert told(NOW + 71 * DAY).startswith("watch: The certificate of gateway gw-a ends on")
    assert told(NOW + 94 * DAY).startswith("alarm: ")
    assert "ended on" in told(NOW + 101 * DAY)
    (check,) = check_gateways(last_certificates(office.conn, SOON + 100 * DAY), NOW + 101 * DAY)
    assert (check.level, check.name) == ("fail", "gateway gw-a")
    office.enrol(office.asks(), *words, "400")
    assert told(NOW + 101 * DAY) == ""


def test_a_second_key_needs_the_first_one_taken_back(office: Office) -> None:
    office.enrol(office.asks())
    other = Sealer("gw-a")
    path = office.asks(other)
    assert "take it back first" in office.enrol(path, sealer=other)
    office.revoke()
    assert office.enrol(path, sealer=other).startswith("0 ")
    known = office.known()
    assert known.may_connect
    assert len(known.keys) == 2
    assert len(known.ended) == 1


def test_a_key_that_was_taken_back_is_never_enrolled_again(office: Office) -> None:
    office.enrol(office.asks())
    office.revoke()
    said = office.enrol(office.asks())
    assert "was taken back at" in said
    assert "edge-agent keygen" in said


def test_a_running_ingest_refuses_what_comes_after(office: Office) -> None:
    office.enrol(office.asks())
    intake = Intake(registry_age_s=3600)
    sealer = office.sealer

    def sends() -> dict[str, int]:
        payload = sealer.seal(block_line("1", [(NOW, 1)]))
        message = Received(sealer.topic, payload, retained=False)
        return dict(intake.store(office.conn, [message], datetime.now(UTC)).rejected)

    assert "bad_signature" not in sends()
    assert "1 key taken back" in office.revoke()
    assert sends() == {"key_ended": 1}
    (entry,) = quarantine.list_entries(office.conn, reason="key_ended")
    assert "was taken back at" in entry.detail
    (flag,) = open_events(office.conn, EventKind.EVIDENCE)
    assert (flag.event.subject.id, flag.event.severity) == ("gw-a", "alarm")
    replayed = quarantine.replay(
        office.conn, load_registry(office.conn), entry.quarantine_id, datetime.now(UTC)
    )
    assert replayed.state == "open", "a replay does not let it in either"


def test_a_revocation_is_told_once_and_with_what_is_left_to_do(office: Office) -> None:
    office.enrol(office.asks())
    said = office.revoke()
    assert "broker apply" in said
    assert f"1 certificate added to {office.authority.revoked}" in said
    again = office.revoke()
    assert "0 keys" in again
    revocations = office.conn.execute("SELECT author, reason FROM revocation").fetchall()
    assert revocations == [("A. Nair", "stolen")]
    assert last_certificates(office.conn, NOW + 4000 * DAY) == []


def test_a_clock_of_the_office_that_is_ahead_delays_no_revocation(office: Office) -> None:
    office.enrol(office.asks())
    operate.revoke(
        office.conn, "gw-a", office.authority, by="A. Nair", reason="stolen", now=NOW + DAY
    )
    (ended,) = office.known().ended.values()
    assert ended.revoked_at is not None
    assert ended.revoked_at <= datetime.now(UTC)


def test_nobody_is_taken_back_by_a_wrong_name(office: Office) -> None:
    office.enrol(office.asks())
    said = office.run("revoke", "gw-z", "--by", "A. Nair", "--reason", "stolen")
    assert said == "2 cloud-ingest: no gateway 'gw-z' is enrolled: there is gw-a"


def test_a_gateway_is_named_in_one_way(office: Office) -> None:
    for words in (("gw-a", "--request", "x"), ("gw-a",), (), ("gw-a", "--key", "x")):
        assert "by its --request alone" in office.run("enrol", *words)


@pytest.mark.parametrize("name", ["ingest", "keeper", "monitor", "billing", "broker", "extra-1"])
def test_no_gateway_is_called_as_another_login(
    office: Office, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(
        "IOT_UTILITY_BROKER_LOGIN", '[{"name": "extra-1", "role": "ingest"}]'
    )  # its certificate would be that of the ingest
    for said in (office.enrol(office.asks(name=name)), office.enrol_by_key(office.sealer, name)):
        assert said.startswith("2 ")
        assert "is the name of a login of the broker" in said
    assert load_registry(office.conn).gateways == {}


def test_a_key_alone_is_enrolled_as_a_request_is(office: Office) -> None:
    assert office.enrol_by_key(office.sealer).startswith("0 ")
    assert office.enrol_by_key(office.sealer).startswith("0 ")
    assert "take it back first" in office.enrol_by_key(Sealer("gw-a"))
    office.revoke()
    assert "was taken back at" in office.enrol_by_key(office.sealer)
    assert not office.known().may_connect


def test_an_old_request_brings_no_former_key_back(office: Office) -> None:
    former, newer = new_tls_key(), new_tls_key()
    for tls_key in (former, former, newer, newer):
        assert office.enrol(office.asks(tls_key=tls_key)).startswith("0 ")
    said = office.enrol(office.asks(tls_key=former))
    assert "a key that was taken back, or has a newer one" in said
    assert "edge-agent request --new-key" in said
    office.revoke()
    again = Sealer("gw-a")
    said = office.enrol(office.asks(again, newer), sealer=again)
    assert "a key that was taken back" in said, "who took gateway.key has tls.key too"
    assert not office.known().may_connect
    assert office.enrol(office.asks(again), sealer=again).startswith("0 ")


def test_of_two_keys_at_once_one_is_enrolled(office: Office) -> None:
    """Both were approved before either is there."""
    approval = Approval(None, DAY, "A. Nair", NOW)
    first, second = (read_request(office.asks(each)) for each in (office.sealer, Sealer("gw-a")))
    with connect(office.dsn) as other, ThreadPoolExecutor() as pool:
        with office.conn.transaction():
            operate.enrol(office.conn, first, None, approval)
            waiting = pool.submit(operate.enrol, other, second, None, approval)
            blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'relation'"
            wait_until(lambda: office.conn.execute(blocked).fetchone() == (1,))
        with pytest.raises(UserError, match="take it back first"):
            waiting.result()
    assert len(office.known().keys) == 1

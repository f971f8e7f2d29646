# SPDX-License-Identifier: MIT
"""A gateway comes and goes: by the commands that are typed, at a broker as it is shipped."""

import json
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app as cloud
from deploy.demo.authority import Authority
from deploy.demo.mosquitto import MosquittoServer, local_mosquitto
from edge_agent.cli.command_line import app as edge
from tests.support.mqtt_peer import NotLetIn, Peer, linked

REFUSED, NOBODY_LISTENS = 135, 16
LOGINS = """
[[broker_login]]
name = "ingest"
role = "ingest"

[[broker_login]]
name = "keeper"
role = "keeper"
"""
READINGS, RECEIPTS = (f"metering/v1/gw/gw-a/{kind}" for kind in ("readings", "receipts"))


class Place:
    """An office with a store and an authority, a broker, and a gateway's folder."""

    def __init__(self, dsn: str, server: MosquittoServer, folder: Path, stack: ExitStack) -> None:
        assert server.authority is not None
        self.server, self.authority, self.folder, self.stack = (
            server,
            server.authority,
            folder,
            stack,
        )
        self.settings = folder / "cloud.toml"
        self.settings.write_text(
            f'dsn = "{dsn}"\nbroker_host = "{server.host}"\nbroker_port = {server.port}\n'
            f'broker_tls = true\nbroker_ca_file = "{self.authority.certificate}"\n{LOGINS}'
        )
        self.keeper = self.authority.issue("keeper")

    def office(self, *words: str) -> str:
        done = CliRunner().invoke(cloud, [*words, "--config", str(self.settings)])
        assert done.exit_code == 0, done.output
        return done.output

    def gateway(self, *words: str) -> str:
        done = CliRunner().invoke(edge, list(words))
        assert done.exit_code == 0, done.output
        return done.stdout

    def enrol(self) -> None:
        made = json.loads(self.gateway("keygen", "gateway.key", "--json"))
        asked = self.gateway("request", "--gateway", "gw-a", "--society", "Lake View")
        Path("gw-a.request").write_text(asked)
        self.office(
            *("enrol", "--request", "gw-a.request", "--fingerprint", made["fingerprint"]),
            *("--authority", str(self.authority.folder), "--days", "1", "--by", "A. Nair"),
        )
        self.gateway("install-cert", "gw-a.cert")

    @property
    def as_keeper(self) -> tuple[str, ...]:
        return ("--cert", str(self.keeper.certificate), "--cert-key", str(self.keeper.key))

    def apply(self) -> str:
        return self.office("broker", "apply", *self.as_keeper)

    def link(self) -> Peer:
        tls = ssl.create_default_context(cafile="ca.pem")
        tls.load_cert_chain("tls.pem", "tls.key")
        return self.stack.enter_context(linked(self.server.host, self.server.port, tls))


@pytest.fixture
def place(plain_store_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    authority = Authority(tmp_path / "authority")
    with local_mosquitto(authority=authority) as server, ExitStack() as stack:
        yield Place(plain_store_dsn, server, tmp_path, stack)


def test_an_enrolled_gateway_works_until_it_is_revoked(place: Place) -> None:
    place.enrol()
    early = place.link()
    assert early.publish(READINGS) == REFUSED, "the broker was not told yet"
    assert "new: ingest, gw-a" in place.apply()
    assert early.publish(READINGS) == NOBODY_LISTENS
    assert early.subscribe(RECEIPTS) == 1

    folder = str(place.authority.folder)
    said = place.office(
        *("revoke", "gw-a", "--authority", folder, "--by", "A. Nair", "--reason", "stolen"),
        *place.as_keeper,
    )
    assert "1 key taken back" in said
    assert "gone: gw-a" in said
    assert early.ended.wait(10), "its link ends at once"
    again = place.link()
    assert again.publish(READINGS) == REFUSED
    assert again.subscribe(RECEIPTS) == REFUSED

    place.server.renew()
    with pytest.raises(NotLetIn):
        place.link()

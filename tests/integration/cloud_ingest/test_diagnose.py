# SPDX-License-Identifier: MIT
"""The diagnosis of the cloud side: what helps, and no byte of a secret."""

import base64
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.store.connection import Connection, password_in
from cloud_ingest.store.status import put_status
from shared_schema.gateway import FailingMeter, PollFailure, Status
from shared_schema.masking import MASK
from shared_schema.signing import generate_key, private_key_to_pem
from tests.support.store import Site

NOW = datetime.now(UTC)
BROKER, HOOK = b"bro'ker %pass% word\n", b"sixteen letters or more\n"
PGPASSWORD = "postgres-secret-9"


def written(folder: Path, dsn: str, *words: str) -> tuple[bytes, dict[str, Any]]:
    out = folder / "d.tar.gz"
    out.unlink(missing_ok=True)
    done = CliRunner().invoke(
        app,
        ["diagnose", "--config", str(folder / "cloud.toml"), "--out", str(out), *words],
        env={"IOT_UTILITY_DSN": dsn, "PGPASSWORD": PGPASSWORD},
    )
    assert done.exit_code == 0, done.output
    assert out.stat().st_mode & 0o777 == 0o600
    with tarfile.open(out) as archive:
        (member,) = archive.getmembers()
        file = archive.extractfile(member)
        assert file is not None
        data = file.read()
    return data, json.loads(data)


@pytest.fixture
def folder(tmp_path: Path, conn: Connection, site: Site) -> Path:
    files = {
        "broker.password": BROKER,
        "hook.secret": HOOK,
        "cloud.key": private_key_to_pem(generate_key()),
        "cloud.toml": (
            f'broker_host = "127.0.0.1"\nbroker_port = 9\nbroker_username = "ingest"\n'
            f'broker_password_file = "{tmp_path}/broker.password"\n'
            f'cloud_key_file = "{tmp_path}/cloud.key"\n'
            f'[[webhook]]\nurl = "https://hook.example/x"\nsecret_file = "{tmp_path}/hook.secret"\n'
        ).encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    failing = FailingMeter(bus="b", label="A-1204 water", why=PollFailure.NO_ANSWER)
    status = Status(
        gateway=site.gateway.name, session=UUID(int=1), state="online", at=NOW, failing=(failing,)
    )
    assert put_status(conn, status, NOW)
    return tmp_path


def test_no_byte_of_a_secret_is_in_it(folder: Path, store_dsn: str) -> None:
    (key_line,) = (folder / "cloud.key").read_bytes().splitlines()[1:-1]
    told = [BROKER.strip(), HOOK.strip(), PGPASSWORD.encode(), key_line]
    told += [base64.b64encode(HOOK.strip()), HOOK.strip().hex().encode()]
    told += [found.encode() for found in [password_in(store_dsn)] if found]
    (folder / "log").write_bytes(b"\n".join(b"leak <" + each + b">" for each in told))
    data, document = written(folder, store_dsn, "--log", str(folder / "log"))
    plain = data + "\n".join(document["log"]).encode()
    assert [each for each in told if each in plain] == []
    assert len(document["log"]) == len(told)
    assert document["settings"]["cloud_key_file"] == MASK
    (hook,) = document["settings"]["webhook"]
    assert hook == {**hook, "url": "https://hook.example/x", "secret_file": MASK}


def test_it_tells_of_server_store_and_gateways(folder: Path, store_dsn: str) -> None:
    _, document = written(folder, store_dsn)
    names = {each["name"] for each in document["doctor"]}
    assert {"database", "server", "store", "evidence"} <= names
    assert document["migrations"]["steps"] == []
    assert document["server"]["settings"]["fsync"]
    assert document["facts"]["queues"]["unsent"] == 0
    (gateway,) = document["gateways"]
    assert (gateway["gateway"], gateway["state"]) == ("gw-a", "online")


def test_units_labels_are_there_only_where_they_were_asked_for(
    folder: Path, store_dsn: str
) -> None:
    assert b"A-1204" not in written(folder, store_dsn)[0]
    assert b"A-1204 water" in written(folder, store_dsn, "--with-labels")[0]


def test_without_every_secret_the_log_is_left_out(folder: Path, store_dsn: str) -> None:
    (folder / "log").write_text("a line\n")
    (folder / "hook.secret").unlink()
    _, document = written(folder, store_dsn, "--log", str(folder / "log"))
    assert document["log"] == [
        f"left out: {folder}/hook.secret cannot be read, so that it cannot be masked"
    ]


def test_a_database_that_is_away_leaves_the_rest(folder: Path) -> None:
    _, document = written(folder, "postgresql://metering:hush-hush@127.0.0.1:9/metering")
    assert "cannot be told" in document["store"]
    assert document["doctor"][0]["level"] == "fail"
    assert "hush-hush" not in json.dumps(document)

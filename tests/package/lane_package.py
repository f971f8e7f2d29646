# SPDX-License-Identifier: MIT
"""The gateway's package from its installation to its end, in a clean Debian: ``make test-package``.

The tests are one story and run in their order. Nothing plays systemd but the notify socket: what
the unit says is read from the installed unit and done by hand.
"""

import contextlib
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.edge.package import ROOT, Wanted, build, epoch_of
from deploy.edge.wheels import WheelsUnavailable
from tests.package.cloud import Cloud, cloud_of
from tests.package.machine import (
    ADDRESSES,
    CLOUD,
    Debian,
    cable,
    clean_root,
    network,
    require_tools,
)
from tests.support.servers import SqlServer

OLD, NEW = "0.0.9", "0.1.1"
CACHE = ROOT / ".cache" / "package"
UNIT = Path("usr/lib/systemd/system/edge-agent.service")
ETC, SPOOL = Path("etc/edge-agent"), Path("var/lib/edge-agent/spool.db")
RISER = "/home/riser"
UNITS = """\
tower,subject_type,subject,service,source,manufacturer,serial,legacy,valid_from,valid_to
Tower 1,unit,A-1204,electricity,grid,LNT,10000001,no,2025-01-01,
Tower 1,unit,A-1204,water,main,ITR,20000001,no,2025-01-01,
Tower 1,unit,A-1203,electricity,grid,LNT,10000002,no,2025-01-01,
Tower 1,common,Pump,electricity,grid,LNT,10000009,no,2025-01-01,
"""
GAPS = """
SELECT channel_id FROM reading JOIN channel USING (channel_id) WHERE kind = 'interval'
GROUP BY channel_id, period_s
HAVING extract(epoch FROM max(ts) - min(ts)) <> (count(*) - 1) * period_s
"""


@dataclass
class Site:
    """The gateway, the cloud, and the packages."""

    gateway: Debian
    cloud: Cloud
    folder: Path
    packages: dict[str, Path]
    epoch_s: int

    def exec_start(self) -> list[str]:
        """What the installed unit runs."""
        return shlex.split(self._said("ExecStart"))

    def is_configured(self) -> bool:
        """Whether the unit's condition lets it start."""
        words = self.gateway.command(shlex.split(self._said("ExecCondition")))
        return subprocess.run(words, check=False).returncode == 0

    def _said(self, key: str) -> str:
        text = (self.gateway.root / UNIT).read_text()
        (found,) = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
        return str(found)

    @contextmanager
    def agent(self) -> Iterator["Manager"]:
        """Run the installed service as systemd would."""
        path = self.gateway.root / "run/notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
            bound.bind(str(path))
            path.chmod(0o777)
            environment = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "8000000"}
            process = self.gateway.start(
                self.exec_start(), self.folder / "agent.log", **environment
            )
            manager = Manager(process, bound)
            try:
                manager.hear("READY=1")
                yield manager
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0, (self.folder / "agent.log").read_text()
                manager.hear("STOPPING=1")

    def spooled(self, query: str) -> list[tuple[Any, ...]]:
        """Read the spool from outside."""
        path = self.gateway.root / SPOOL
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()


@dataclass
class Manager:
    """The test in systemd's place."""

    process: subprocess.Popen[bytes]
    bound: socket.socket

    def hear(self, word: str, within_s: float = 30.0) -> str:
        """Wait for a word, and return the status that came with it."""
        end = time.monotonic() + within_s
        while (left := end - time.monotonic()) > 0:
            self.bound.settimeout(left)
            with contextlib.suppress(TimeoutError):
                lines = self.bound.recv(4096).decode().split("\n")
                if word in lines:
                    return next((each for each in lines if each.startswith("STATUS=")), "")
        raise AssertionError(f"{word} was not said")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres_server: SqlServer) -> Iterator[Site]:
    require_tools()
    folder = tmp_path_factory.mktemp("site")
    folder.chmod(0o755)
    packages, epoch_s = {}, epoch_of()
    for version in (OLD, NEW):
        try:
            wanted = Wanted("amd64", version, epoch_s)
            packages[version] = build(wanted, folder, ROOT / ".cache/edge-wheels")
        except WheelsUnavailable as error:
            pytest.skip(f"a wheel of the edge cannot be fetched here: {error}")
    root = folder / "gateway"
    subprocess.run(["cp", "-a", str(clean_root(CACHE)), str(root)], check=True)
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    with network(), cloud_of(folder, postgres_server) as cloud:
        yield Site(Debian(root), cloud, folder, packages, epoch_s)


@pytest.fixture(scope="module")
def riser(site: Site) -> Iterator[str]:
    """The virtual line of the example, served by the installed program."""
    folder = site.gateway.root / RISER.lstrip("/")
    folder.mkdir()
    site.gateway.run("chown", "edge-agent:edge-agent", RISER)
    words = ["edge-agent", "simulate", "--example", "--directory", RISER]
    process = site.gateway.start(words, site.folder / "riser.log")
    port = folder / "riser-1.tty"
    wait_until(lambda: port.is_symlink() or process.poll() is not None)
    assert process.poll() is None, (site.folder / "riser.log").read_text()
    yield f"{RISER}/riser-1.tty"
    process.terminate()
    process.wait(20)


def test_the_same_checkout_gives_the_same_package(site: Site, tmp_path: Path) -> None:
    again = build(Wanted("amd64", NEW, site.epoch_s), tmp_path, ROOT / ".cache/edge-wheels")
    assert again.read_bytes() == site.packages[NEW].read_bytes()


def test_lintian_finds_no_error_and_no_warning(site: Site) -> None:
    words = ["lintian", "--allow-root", "--fail-on", "error,warning", str(site.packages[NEW])]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_the_package_installs_and_waits_for_its_settings(site: Site) -> None:
    site.gateway.run("apt-get", "update", "--quiet")
    said = site.gateway.install(site.packages[OLD])
    assert "not commissioned yet; what to do next: man edge-agent" in said
    assert not site.is_configured()
    root = site.gateway.root
    wanted = root / "etc/systemd/system/multi-user.target.wants/edge-agent.service"
    assert wanted.is_symlink()
    assert "dialout" in site.gateway.run("id", "edge-agent")
    assert list((root / "usr/lib/edge-agent/edge_agent").glob("__pycache__/agent.*.pyc"))


def test_the_installed_unit_is_sound_and_confined(site: Site) -> None:
    unit = str(site.gateway.root / UNIT)
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout.splitlines()[-1]
    said = site.gateway.run("systemd-analyze", "verify", "--man=no", f"/{UNIT}")
    assert "edge-agent.service" not in said


def test_the_gateway_is_enrolled_by_its_request(site: Site) -> None:
    gateway, etc = site.gateway, site.gateway.root / ETC
    inside = ["sh", "-c", f'cd /{ETC} && exec "$0" "$@"', "edge-agent"]
    made = gateway.run(*inside, "keygen", "gateway.key", user="edge-agent")
    (fingerprint,) = re.findall(r"\b[0-9a-f]{64}\b", made)
    asks = "edge-agent request --gateway gw-tower-1 --society 'Lake View' > gw.request"
    gateway.run("sh", "-c", f"cd /{ETC} && {asks}", user="edge-agent")
    shutil.copy(etc / "gw.request", site.cloud.folder)
    approval = ("--authority", "authority", "--by", "A. Nair", "--fingerprint", fingerprint)
    keeper = ("--cert", "keeper.pem", "--cert-key", "keeper.key", "--out", "gw.cert")
    site.cloud.run("enrol", "--request", "gw.request", *approval, *keeper)
    shutil.copy(site.cloud.folder / "gw.cert", etc / "gw.cert")
    shutil.copy(site.cloud.folder / "cloud.key.pub", etc / "cloud.pem")
    gateway.run("chown", "edge-agent:edge-agent", f"/{ETC}/gw.cert", f"/{ETC}/cloud.pem")
    gateway.run(*inside, "install-cert", "gw.cert", user="edge-agent")
    assert {"tls.pem", "tls.key", "ca.pem"} <= {each.name for each in etc.iterdir()}


def test_the_riser_is_commissioned(site: Site, riser: str) -> None:
    mark = site.gateway.root / "run/systemd/timesync/synchronized"  # as systemd-timesyncd does
    mark.parent.mkdir(parents=True)
    mark.touch()
    words = (
        *("edge-agent", "commission", "--port", riser, "--bus", "riser-1"),
        *("--meters", f"{RISER}/meters.csv", "--password-file", f"{RISER}/meter.pw"),
        *("--gateway", "gw-tower-1", "--broker", f"{ADDRESSES[CLOUD]}:8883"),
        *("--ca", "ca.pem", "--cert", "tls.pem", "--cert-key", "tls.key"),
        *("--key-file", "gateway.key", "--cloud-key-file", "cloud.pem", "--by", "R. Rao"),
    )
    inside = ["sh", "-c", f'cd /{ETC} && exec "$0" "$@"']
    site.gateway.run(*inside, *words, user="edge-agent", online=False)
    assert site.is_configured()
    (sheet,) = (site.gateway.root / ETC).glob("commissioning-*.json")
    shutil.copy(sheet, site.cloud.folder)
    (site.cloud.folder / "units.csv").write_text(UNITS)
    lake_view = ("--society", "Lake View")
    site.cloud.run("units", "import", "units.csv", "--yes", *lake_view)
    site.cloud.run("meter", "commission", sheet.name, *lake_view)


def test_the_service_delivers_to_the_other_network(site: Site, riser: str) -> None:
    del riser
    with site.agent() as manager:
        wait_until(lambda: site.cloud.all("SELECT 1 FROM batch LIMIT 1") != [], 60.0)
        assert "meters answer" in manager.hear("WATCHDOG=1")
    inside = ["sh", "-c", f"cd /{ETC} && exec edge-agent doctor"]
    assert "broker" in site.gateway.run(*inside, user="edge-agent", online=False)


def test_an_upgrade_in_mid_backlog_loses_and_repeats_nothing(site: Site, riser: str) -> None:
    del riser
    cable(plugged=False)
    before = site.spooled("SELECT stream, last_seq FROM spool")[0]
    with site.agent():
        wait_until(lambda: site.spooled("SELECT last_seq FROM spool")[0][0] > before[1], 120.0)
    waiting = site.spooled("SELECT count(*) FROM waiting")[0][0]
    assert waiting
    keys = (site.gateway.root / ETC / "gateway.key").read_bytes()
    marks = "SELECT manufacturer, serial, profile, ts FROM watermark"
    marked = {row[:3]: row[3] for row in site.spooled(marks)}
    site.gateway.install(site.packages[NEW])
    assert NEW in site.gateway.run("edge-agent", "--version")
    assert (site.gateway.root / ETC / "gateway.key").read_bytes() == keys
    assert {row[:3]: row[3] for row in site.spooled(marks)} == marked
    cable(plugged=True)
    with site.agent():
        _await_all(site)
    assert site.spooled("SELECT stream FROM spool")[0][0] == before[0]
    _hold_store(site)


def test_a_rollback_reads_the_newer_spool(site: Site, riser: str) -> None:
    del riser
    before = site.spooled("SELECT stream, last_seq FROM spool")[0]
    site.gateway.install(site.packages[OLD])
    assert OLD in site.gateway.run("edge-agent", "--version")
    with site.agent() as manager:
        manager.hear("WATCHDOG=1")
        _await_all(site)
    after = site.spooled("SELECT stream, last_seq FROM spool")[0]
    assert after[0] == before[0]
    assert after[1] >= before[1]
    _hold_store(site)


def wait_until(done: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.3)


def _await_all(site: Site) -> None:
    wait_until(
        lambda: (
            site.spooled("SELECT count(*) FROM waiting")[0][0] == 0
            and site.spooled("SELECT count(*) FROM gathered")[0][0] == 0
            and site.cloud.all(GAPS) == []
        ),
        180.0,
    )


def _hold_store(site: Site) -> None:
    """Each batch is stored once, but for those sealed at the stop; no row lacks or is disputed."""
    (seqs,) = site.cloud.all("SELECT count(*), min(seq), max(seq) FROM batch")
    sent = site.spooled("SELECT last_seq - (SELECT count(*) FROM waiting) FROM spool")[0][0]
    assert seqs == (sent, 1, sent)
    assert site.cloud.all("SELECT count(DISTINCT stream) FROM batch") == [(1,)]
    assert site.cloud.all("SELECT reason, detail FROM quarantine") == []
    assert site.cloud.all("SELECT * FROM claim") == []
    assert site.cloud.all("SELECT count(*) FROM reading")[0][0] > 1000


def test_what_is_removed_leaves_keys_and_readings(site: Site) -> None:
    site.gateway.run("apt-get", "remove", "--yes", "--quiet", "edge-agent")
    assert not (site.gateway.root / "usr/lib/edge-agent").exists()
    assert (site.gateway.root / ETC / "gateway.key").exists()
    assert (site.gateway.root / SPOOL).exists()


def test_a_purge_that_nobody_answers_keeps_them_too(site: Site) -> None:
    said = site.gateway.run("apt-get", "purge", "--yes", "--quiet", "edge-agent")
    assert "keys and settings stay in /etc/edge-agent" in said
    assert (site.gateway.root / ETC / "gateway.key").exists()
    assert (site.gateway.root / SPOOL).exists()


def test_a_purge_that_is_told_to_deletes_them(site: Site) -> None:
    site.gateway.install(site.packages[NEW])
    answer = "edge-agent edge-agent/purge-data boolean true\n"
    site.gateway.run("debconf-set-selections", say=answer)
    site.gateway.run("apt-get", "purge", "--yes", "--quiet", "edge-agent")
    assert not (site.gateway.root / ETC).exists()
    assert not (site.gateway.root / SPOOL).parent.exists()

# SPDX-License-Identifier: MIT
"""The package of the cloud: what is in it, and that it can be installed beside another version."""

import os
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.cloud_package import pack
from deploy.locked import ROOT
from tests.support.installed import run
from tests.support.service_site import wait_until

INSTALLS = "IOT_UTILITY_TEST_PACKAGE" in os.environ


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(["tar", "-xf", pack(folder), "-C", folder], check=True)
    (found,) = (each for each in folder.iterdir() if each.is_dir())
    return found


def test_the_package_is_whole(unpacked: Path) -> None:
    version = (unpacked / "VERSION").read_text().strip()
    assert unpacked.name == f"iot-utility-cloud-{version}"
    assert (unpacked / "install").stat().st_mode & 0o111
    for each in ("mosquitto/mosquitto.conf", "prometheus/rules.yml", "grafana/dashboards"):
        assert (unpacked / "deploy" / each).exists(), each
    needed = (unpacked / "requirements.txt").read_text()
    assert all(f"\n{name}==" in f"\n{needed}" for name in ("psycopg", "authlib", "joserfc"))
    assert len(list(unpacked.glob("*.whl"))) == 1


def test_each_page_that_a_message_names_is_in_the_package(unpacked: Path) -> None:
    folders = ("cloud_ingest", "deploy/systemd")
    sources = [each for name in folders for each in (ROOT / name).rglob("*") if each.is_file()]
    text = "".join(each.read_text("utf-8", errors="replace") for each in sources)
    named = set(re.findall(r"docs?/[a-z]+/[a-z-]+\.md", text))
    assert {"docs/howto/broker.md", "doc/howto/install-cloud.md"} <= named
    pages = {each: unpacked / "doc" / each.partition("/")[2] for each in named}
    assert [each for each, page in sorted(pages.items()) if not page.is_file()] == []


def test_the_same_content_has_the_same_version(unpacked: Path, tmp_path: Path) -> None:
    assert pack(tmp_path).name == f"{unpacked.name}.tar.gz"


def test_pages_answer_from_the_wheel(unpacked: Path, tmp_path: Path, plain_store_dsn: str) -> None:
    (wheel,) = unpacked.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    ours = ROOT / "cloud_ingest" / "web"
    brought = [each for each in ours.rglob("*") if each.is_file() and each.suffix != ".pyc"]
    found = {tmp_path / "cloud_ingest" / "web" / each.relative_to(ours) for each in brought}
    assert {each.suffix for each in found} >= {".html", ".css", ".js", ".po"}
    assert [each for each in sorted(found) if not each.is_file()] == []
    style = tmp_path / "cloud_ingest" / "web" / "static" / "app.css"
    style.write_text("/* of the wheel */")
    at = tmp_path / "web.sock"
    program = [sys.executable, "-P", "-m", "cloud_ingest.cli.app", "web", "--socket", str(at)]
    process = subprocess.Popen(
        [*program, "--dsn", plain_store_dsn],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )
    try:
        wait_until(at.exists)
        page = asked(at, "/login")
        assert "साइन" in page
        (address,) = re.findall(r'href="(/static/[^"]+/app\.css)"', page)
        assert asked(at, address).endswith("/* of the wheel */")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def asked(path: Path, address: str) -> str:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        head = f"GET {address} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        caller.sendall(f"{head}Accept-Language: hi\r\n\r\n".encode())
        return b"".join(iter(lambda: caller.recv(65536), b"")).decode()


@pytest.mark.skipif(not INSTALLS, reason="make test-package-cloud installs from the index")
def test_it_is_installed_and_the_former_one_stays(unpacked: Path, tmp_path: Path) -> None:
    place = tmp_path / "opt" / "cloud-ingest"
    (place / "0.0.9").mkdir(parents=True)
    (place / "current").symlink_to("0.0.9")
    version = (unpacked / "VERSION").read_text().strip()
    run([str(unpacked / "install")], {"ROOT": str(tmp_path), "PYTHONPATH": ""})
    assert (place / "current").readlink() == Path(version)
    assert {each.name for each in place.iterdir()} == {"0.0.9", version, "current"}
    program = str(tmp_path / "usr" / "local" / "bin" / "cloud-ingest")
    assert "migrate" in run([program, "--help"], {"PYTHONPATH": ""})
    assert "--group" in run([program, "serve", "--help"], {"PYTHONPATH": ""})
    units = tmp_path / "etc" / "systemd" / "system"
    assert {each.name for each in units.iterdir()} == {
        "cloud-ingest@.service",
        "cloud-ingest-api.service",
        "cloud-ingest-web.service",
        "metering-backup.service",
        "metering-backup.timer",
    }
    completion = tmp_path / "usr" / "share" / "bash-completion" / "completions" / "cloud-ingest"
    assert "migrate" in completion.read_text()
    assert "metering:" in (tmp_path / "etc" / "passwd").read_text()
    run([str(unpacked / "install")], {"ROOT": str(tmp_path), "PYTHONPATH": ""})  # again: at once

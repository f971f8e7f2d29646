# SPDX-License-Identifier: MIT
"""The package of the cloud: what is in it, and that it can be installed beside another version."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from deploy.cloud_package import pack
from deploy.locked import ROOT
from tests.support.installed import run

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
    assert "psycopg" in (unpacked / "requirements.txt").read_text()
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
        "metering-backup.service",
        "metering-backup.timer",
    }
    completion = tmp_path / "usr" / "share" / "bash-completion" / "completions" / "cloud-ingest"
    assert "migrate" in completion.read_text()
    assert "metering:" in (tmp_path / "etc" / "passwd").read_text()
    run([str(unpacked / "install")], {"ROOT": str(tmp_path), "PYTHONPATH": ""})  # again: at once

# SPDX-License-Identifier: MIT
"""What a shell reads to use the sandbox."""

import subprocess
from pathlib import Path

import pytest

from cloud_ingest.settings_file import load_settings
from deploy.demo.sandbox import LOGINS, authority_in, environment, port_in, write_private


def read_by_a_shell(text: str) -> dict[str, str]:
    shown = subprocess.run(
        ["sh", "-c", f"{text}\nenv -0"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    pairs = (entry.partition("=") for entry in shown.stdout.decode().split("\0") if entry)
    return {name: value for name, _, value in pairs}


def test_the_cloud_takes_its_settings_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    authority_in(folder)
    text = environment(folder, "postgresql://me@/store?host=%2Ftmp", 18830, clock_is_kept=True)
    for name, value in read_by_a_shell(text).items():
        if name.startswith("IOT_UTILITY_"):
            monkeypatch.setenv(name, value)
    found = load_settings()
    assert (found.broker_host, found.broker_port, found.broker_tls) == ("127.0.0.1", 18830, True)
    assert found.broker_ca_file == folder / "certificates/ca.pem"
    assert found.broker_key_file == folder / "certificates/ingest.key"
    assert found.broker_key_file.is_file()


@pytest.mark.parametrize(("kept", "assumed"), [(True, None), (False, "true")])
def test_the_clock_is_assumed_right_only_where_nobody_keeps_it(
    tmp_path: Path, kept: bool, assumed: str | None
) -> None:
    found = read_by_a_shell(environment(tmp_path, "postgresql:///", 1, clock_is_kept=kept))
    assert found.get("EDGE_AGENT_ASSUME_SYNCHRONISED_CLOCK") == assumed


def test_the_broker_keeps_its_port(tmp_path: Path) -> None:
    assert port_in(tmp_path) == port_in(tmp_path)


def test_every_login_of_the_sandbox_has_a_certificate(tmp_path: Path) -> None:
    folder = authority_in(tmp_path).folder
    assert [login.name for login in LOGINS if not (folder / f"{login.name}.pem").is_file()] == []


def test_what_a_killed_run_left_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "env"
    write_private(file, "export A=1\nexport B=2\n")
    write_private(file, "export A=3\n")
    assert file.read_text("utf-8") == "export A=3\n"
    assert file.stat().st_mode & 0o777 == 0o600

# SPDX-License-Identifier: MIT
"""The gateway's package: what is in it, under which licences, and how its service is confined."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any, get_args

import pytest
from packaging.requirements import Requirement
from pydantic import BaseModel

from deploy.edge.copyright import crates
from deploy.edge.package import (
    FILES,
    LEFT_OUT,
    ROOT,
    SCRIPTS,
    TimeUnknown,
    Wanted,
    epoch_of,
    lay_out,
)
from deploy.edge.shipped import BY_CRYPTOGRAPHY, DEBIAN, PYTHONS, WHEELS
from deploy.edge.wheels import WheelsUnavailable, fetch, locked
from edge_agent.settings.file import parse_settings
from edge_agent.settings.gateway import AgentSettings

UNIT = FILES / "edge-agent.service"
SETTING = re.compile(r"^#(?=\[|[a-z_]+ = )", re.MULTILINE)
TAKEN = re.compile(r"MIT|BSD-[23]-Clause|Unicode-3\.0|Unicode-DFS-2016|Zlib|Unlicense")
NOTED = (
    *("systemctl", "systemd-sysusers", "udevadm", "install", "find", "python3"),
    *("deb-systemd-invoke", "deb-systemd-helper"),
)
ONLY_BUILT_WITH = {"target-lexicon"}


def needed(requirements: Iterable[str]) -> Iterator[str]:
    """What is required on a gateway, and what that requires."""
    for each in map(Requirement, requirements):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            yield each.name.lower()
            yield from needed(requires(each.name) or ())


def test_everything_that_the_edge_needs_ships() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = (*project["dependencies"], *project["optional-dependencies"]["edge"])
    assert set(needed(wanted)) == {*WHEELS, *DEBIAN, *BY_CRYPTOGRAPHY}


def test_the_lock_gives_each_wheel_with_hashes() -> None:
    lock = locked((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert all("--hash=sha256:" in lock[name] for name in WHEELS)


def uncommented() -> str:
    return SETTING.sub("", (FILES / "agent.toml").read_text(encoding="utf-8"))


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a settings class, with those of its tables."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        classes = [each for each in _parts(field.annotation) if isinstance(each, type)]
        tables = [each for each in classes if issubclass(each, BaseModel)]
        found[field.alias or name] = keys_of(tables[0]) if tables else None
    return found


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for each in get_args(annotation):
        yield from _parts(each)


def stated(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return stated(value[0])
    return {k: stated(v) for k, v in value.items()} if isinstance(value, dict) else None


def test_the_settings_that_ship_explain_every_key() -> None:
    assert stated(tomllib.loads(uncommented())) == keys_of(AgentSettings)


def test_the_settings_that_ship_set_nothing_and_are_valid() -> None:
    assert tomllib.loads((FILES / "agent.toml").read_text(encoding="utf-8")) == {}
    settings = parse_settings(uncommented(), Path("/etc/edge-agent/agent.toml"))
    assert settings.buses[0].meters[0].setter is not None


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_the_service_is_confined() -> None:
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout.splitlines()[-1]


def test_the_confined_agent_may_ask_whether_its_clock_is_kept() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert [each for each in lines if each.startswith("SystemCallFilter=")][
        -1
    ] == "SystemCallFilter=adjtimex clock_adjtime"
    assert not {"ProtectClock=yes", "ProcSubset=pid"} & set(lines)


def is_started(folder: Path) -> bool:
    """Whether the unit's condition lets the agent start, as a user without privileges."""
    (condition,) = re.findall(r"^ExecCondition=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    words = shlex.split(condition.replace("/etc/edge-agent", str(folder)))
    nobody = 65534 if os.geteuid() == 0 else None
    return subprocess.run(words, user=nobody, stderr=subprocess.PIPE, check=False).returncode == 0


@pytest.fixture
def etc() -> Iterator[Path]:
    """A folder that every user may look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_without_settings_the_service_does_not_start(etc: Path) -> None:
    assert not is_started(etc)
    shutil.copy(FILES / "agent.toml", etc)
    assert not is_started(etc)


@pytest.mark.parametrize("line", ['gateway = "g"', ' "gateway"="g"', '\tgateway\t=\t"g"', "[["])
def test_whatever_is_set_by_hand_starts_the_service(etc: Path, line: str) -> None:
    (etc / "agent.toml").write_text(f"# by hand\n\n{line}\n")
    assert is_started(etc)


def test_settings_that_nobody_may_read_are_no_lack_of_settings(etc: Path) -> None:
    (etc / "agent.toml").write_text('gateway = "g"\n')
    (etc / "agent.toml").chmod(0)
    assert is_started(etc)


def configure(folder: Path, *words: str) -> tuple[list[str], str]:
    """Run postinst with every tool noted and its paths in a folder; return those, and its words."""
    text = (SCRIPTS / "postinst").read_text(encoding="utf-8")
    text = text.replace(". /usr/share/debconf/confmodule", "")
    text = re.sub(r"(?<![\w.])/(etc|run|usr/local)/", rf"{folder}/\1/", text)
    told, tools = folder / "told", folder / "bin"
    for each in ("bin", "run/systemd/system", "etc/edge-agent"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    for name in NOTED:
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {told}\n')
        (tools / name).chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", text, "postinst", *words],
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.read_text().splitlines(), done.stderr


@pytest.mark.parametrize("word", ["abort-upgrade", "abort-remove", "abort-deconfigure"])
def test_an_upgrade_that_failed_starts_the_agent_again(tmp_path: Path, word: str) -> None:
    told, _ = configure(tmp_path, word, "0.1")
    assert told[-1] == "deb-systemd-invoke start edge-agent.service"


def test_an_installation_by_hand_that_hides_the_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    assert "installation by hand" not in configure(tmp_path, "configure", "")[1]
    (tmp_path / "etc/systemd/system/edge-agent.service").write_text("[Service]\n")
    said = configure(tmp_path, "configure", "")[1]
    assert "etc/systemd/system/edge-agent.service, from an installation by hand" in said


@pytest.mark.parametrize("version", ["1.0 beta", "../x", "beta", "1:2", ""])
def test_what_is_no_version_is_refused_before_anything_is_made(
    tmp_path: Path, version: str
) -> None:
    words = ("--architecture", "arm64", "--output", str(tmp_path / "out"), "--version", version)
    done = subprocess.run(
        [sys.executable, "-m", "deploy.edge", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "is no version, such as" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_checkout_has_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(TimeUnknown, match="not a git repository"):
        epoch_of(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    assert epoch_of(tmp_path) == 1_800_000_000


def test_what_editors_leave_does_not_ship() -> None:
    names = ["__pycache__", ".agent.py.swp", "agent.py~", "agent.py.orig", "agent.py", "py.typed"]
    assert set(names) - LEFT_OUT("edge_agent", names) == {"agent.py", "py.typed"}


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_a_script_of_the_package_is_sound_shell(name: str) -> None:
    assert subprocess.run(["sh", "-n", str(SCRIPTS / name)], check=False).returncode == 0


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the package for amd64 holds."""
    folder = tmp_path_factory.mktemp("package")
    try:
        wheels = fetch(ROOT / "requirements.lock", "amd64", ROOT / ".cache/edge-wheels/amd64")
    except WheelsUnavailable as error:
        pytest.skip(f"a wheel of the edge cannot be fetched here: {error}")
    lay_out(folder / "tree", wheels, Wanted("amd64", "0.1.0", 1_800_000_000))
    return folder / "tree"


def test_the_package_brings_its_own_program(tree: Path) -> None:
    site = tree / "usr/lib/edge-agent"
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import edge_agent.cli.app, pydantic_core; "
        "print(edge_agent.__file__, pydantic_core.__file__)"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert [Path(each).is_relative_to(site) for each in told.stdout.split()] == [True, True]
    assert not {"cloud_ingest", "cryptography", "psycopg"} & {each.name for each in site.iterdir()}


def test_one_package_serves_both_releases_of_debian(tree: Path) -> None:
    found = {each.name for each in (tree / "usr/lib/edge-agent/pydantic_core").glob("*.so")}
    tags = [python.replace(".", "") for python in PYTHONS]
    assert found == {f"_pydantic_core.cpython-{tag}-x86_64-linux-gnu.so" for tag in tags}


def test_the_shells_complete_the_command(tree: Path) -> None:
    share = tree / "usr/share"
    assert all(list(share.rglob(name)) for name in ("edge-agent", "_edge-agent", "edge-agent.fish"))


def test_each_page_that_a_message_names_is_there(tree: Path) -> None:
    sources = "".join(each.read_text("utf-8") for each in (ROOT / "edge_agent").rglob("*.py"))
    named = set(re.findall(r"docs/((?:howto|reference)/[a-z-]+\.md)", sources))
    assert "howto/enrol.md" in named
    pages = tree / "usr/share/doc/edge-agent"
    assert sorted(each for each in named if not (pages / each).is_file()) == []


def test_nothing_ships_that_is_under_apache_alone(tree: Path) -> None:
    listed = list(crates(tree / "usr/lib/edge-agent"))
    assert len(listed) > 50
    assert {each.name for each in listed if not TAKEN.search(each.licence)} <= ONLY_BUILT_WITH


def test_the_copyright_file_names_each_library(tree: Path) -> None:
    text = (tree / "usr/share/doc/edge-agent/copyright").read_text(encoding="utf-8")
    for name, library in WHEELS.items():
        folder = library.folder or name.replace("-", "_")
        assert f"Files: usr/lib/edge-agent/{folder}*\n" in text
        assert list((tree / "usr/lib/edge-agent").glob(f"{folder}*"))
        taken = f"{library.licence}~{name}" if name != "gurux-dlms" else library.licence
        assert f"\nLicense: {taken}\n " in text

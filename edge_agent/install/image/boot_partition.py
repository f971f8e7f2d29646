# SPDX-License-Identifier: GPL-2.0-only
"""The boot partition of a card that Raspberry Pi OS was written to, and what we put on it.

What is there before is kept beside it as ``NAME.before``, from the first time; doing it twice is
harmless. An empty folder takes the same files, for who copies them onto the card by himself.

In: a folder, the answers, the package and the invitation. Out: files.
Never: another disk written; a secret shown; half a file.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.install.enrolment import read_invitation
from edge_agent.install.image import boot_files, cloud_init
from edge_agent.install.image.answers import Answers
from edge_agent.install.image.package import control_of
from shared_schema.invitation import has_ended
from shared_schema.message import format_utc

ARCHITECTURE: Final = "arm64"
"""Of the system on the card: Raspberry Pi OS with 64 bits."""
_OF_A_PI: Final = ("cmdline.txt", "config.txt")
_OF_CLOUD_INIT: Final = ("user-data", "meta-data", "network-config")
_OURS: Final = "edge-agent"
_INVITATION: Final = "invitation"
SCRIPTS: Final = Path(__file__).parent / "card"
_BEFORE: Final = ".before"
_PROGRESS: Final = "first-boot.txt"
"""How far the first boot is, on the card: `done` at its end."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file for the boot partition."""

    name: str
    data: bytes
    is_secret: bool = False
    is_changed: bool = True
    """It is not there yet, or holds something else."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a preparation writes."""

    folder: Path
    is_boot_partition: bool
    files: tuple[Written, ...]
    stale: tuple[str, ...] = ()
    """What a former preparation left, and would speak for another gateway."""


def plan(folder: Path, answers: Answers, now: datetime, architecture: str = ARCHITECTURE) -> Card:
    """Say what is to be written into a folder, without writing.

    Raises:
        ConfigurationError: the folder is neither the boot partition of a Raspberry Pi OS with
            cloud-init, nor empty, nor prepared before; the card was in a gateway already; the
            package, the invitation or the Wi-Fi's password cannot be used.
    """
    is_boot = _is_boot_partition(folder)
    if _is_in_service(folder):
        raise ConfigurationError(
            f"{folder} is of a gateway in service, which reads none of this again: write "
            "Raspberry Pi OS to the card anew"
        )
    _check_invitation(answers, now)
    wifi_key = None if answers.wifi is None else answers.wifi.key()
    user_data = cloud_init.user_data(answers)
    network = cloud_init.network_config(answers, wifi_key)
    # What cloud-init reads comes last: a card that is pulled out or full before has no half of it.
    ours = _our_files(answers, architecture)
    files = [
        *(Written(f"{_OURS}/{name}", data) for name, data in ours.items()),
        Written("user-data", user_data.encode()),
        Written("network-config", network.encode(), is_secret=wifi_key is not None),
    ]
    digests = [hashlib.sha256(each.data).hexdigest() for each in files]
    files.append(Written("meta-data", cloud_init.meta_data(*digests).encode()))
    if is_boot:
        country = None if answers.wifi is None else answers.wifi.country
        line, config = ((folder / name).read_text(encoding="utf-8") for name in _OF_A_PI)
        files.append(Written("cmdline.txt", boot_files.cmdline(line, country).encode()))
        files.append(Written("config.txt", boot_files.config(config).encode()))
    is_left = _INVITATION not in ours and (folder / _OURS / _INVITATION).exists()
    stale = (f"{_OURS}/{_INVITATION}",) if is_left else ()
    return Card(folder, is_boot, tuple(_compared(folder, each) for each in files), stale)


def write(card: Card) -> None:
    """Take away what is stale, and write what changes, each file whole; keep what was there before.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        for name in card.stale:
            (card.folder / name).unlink()
        for each in card.files:
            if each.is_changed:
                _write(card.folder / each.name, each)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {error.filename or card.folder}: {error.strerror}", of=Setup.FILE
        ) from None


def _is_boot_partition(folder: Path) -> bool:
    try:
        names = {each.name for each in folder.iterdir()}
    except OSError as error:
        raise ConfigurationError(
            f"cannot look into {folder}: {error.strerror}", of=Setup.FILE
        ) from None
    if names.issuperset(_OF_A_PI):
        if not names.issuperset(_OF_CLOUD_INIT):
            raise ConfigurationError(
                f"{folder} is of a Raspberry Pi OS without cloud-init (before October 2025): "
                "write a newer one to the card (Raspberry Pi OS Lite, 64 bit, trixie)"
            )
        return True
    if {each.removesuffix(_BEFORE) for each in names} - {_OURS, *_OF_CLOUD_INIT}:
        raise ConfigurationError(
            f"{folder} is no boot partition of Raspberry Pi OS (it has no cmdline.txt and "
            "config.txt), and not empty: name the partition that the computer shows as bootfs, or "
            "an empty folder"
        )
    return False


def _is_in_service(folder: Path) -> bool:
    try:
        return (folder / _OURS / _PROGRESS).read_text(encoding="utf-8").strip() == "done"
    except (OSError, ValueError):
        return False


def _our_files(answers: Answers, architecture: str) -> dict[str, bytes]:
    package = _read(answers.package, "the package")
    _check_package(answers.package, control_of(package), architecture)
    name = "edge-agent.deb"
    files = {each.name: each.read_bytes() for each in sorted(SCRIPTS.iterdir()) if each.is_file()}
    files[name] = package
    files["card.conf"] = _settings(answers, name).encode()
    if answers.invitation is not None:
        files[_INVITATION] = _read(answers.invitation, "the invitation")
    sums = [f"{hashlib.sha256(data).hexdigest()}  {each}\n" for each, data in files.items()]
    return {**files, "SHA256SUMS": "".join(sums).encode()}


def _check_package(path: Path, control: Mapping[str, str], architecture: str) -> None:
    if control.get("Package") != "edge-agent":
        raise ConfigurationError(
            f"{path} is not the agent's package, or not whole: make edge-package"
        )
    if (made_for := control.get("Architecture")) != architecture:
        raise ConfigurationError(
            f"{path} is for {made_for}, and the card's machine is {architecture}: "
            f"make edge-package ARCH={architecture}"
        )


def _check_invitation(answers: Answers, now: datetime) -> None:
    if answers.invitation is None:
        return
    invitation, _ = read_invitation(answers.invitation)
    if invitation.gateway != answers.gateway:
        raise ConfigurationError(
            f"{answers.invitation} invites {invitation.gateway}, not {answers.gateway}: take the "
            "one that was made for this gateway"
        )
    if has_ended(invitation, now):
        raise ConfigurationError(
            f"{answers.invitation} ended at {format_utc(invitation.ends_at)}: ask the office for a "
            "new one (cloud-ingest invite)"
        )


def _settings(answers: Answers, package: str) -> str:
    """Write what the scripts read: names and numbers that the shell takes as they are."""
    return (
        f"gateway={answers.gateway}\npackage={package}\nroot_gib={answers.root_gib}\n"
        f"read_only={'yes' if answers.read_only else 'no'}\n"
        f"updates={'yes' if answers.updates else 'no'}\n"
    )


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {what}: {error.strerror}: {path}", of=Setup.FILE
        ) from None


def _compared(folder: Path, made: Written) -> Written:
    try:
        is_same = (folder / made.name).read_bytes() == made.data
    except OSError:
        is_same = False
    return Written(made.name, made.data, made.is_secret, not is_same)


def _write(path: Path, made: Written) -> None:
    path.parent.mkdir(exist_ok=True)
    before = path.with_name(path.name + _BEFORE)
    if path.exists() and path.parent.name != _OURS and not before.exists():
        shutil.copyfile(path, before)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(made.data)
            file.flush()
            os.fsync(file.fileno())
        if not made.is_secret:
            draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

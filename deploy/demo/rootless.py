# SPDX-License-Identifier: MIT
"""The account and the folders of a local server, which never runs as root.

An ordinary user runs it as himself, from the binaries where they are. Started by root it runs as
`nobody`, from a private copy of the binaries, with its data in a 0700 directory of its own. No
user is added to the system, and the mode and owner of a directory made by others never change.

By hand, because the helpers that come with test libraries refuse root or add a user, and a
service manager is not there in every container.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

PREFIX = "iotu-"
# sun_path holds 108 bytes; the rest is for the workspace, a folder and the socket's name.
LONGEST_BASE = 60
YOUNGEST_LEFTOVER_S = 60


class LocalServerError(RuntimeError):
    """A local server cannot be run here; the text says why and what to do."""


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a server runs as; `switched` where root started us."""

    uid: int
    gid: int
    switched: bool

    @property
    def identity(self) -> _Identity:
        """The arguments of `subprocess` that become this account."""
        if not self.switched:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def require_passwd_entry(self) -> None:
        """Refuses a user id that initdb would refuse.

        Raises:
            LocalServerError: the system does not know the user id.
        """
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            raise LocalServerError(
                f"user id {self.uid} has no entry in /etc/passwd and PostgreSQL refuses to run "
                "without one: start this as a listed user, or as root (it then runs as nobody)"
            ) from None

    def give(self, path: Path) -> None:
        """Hands a path that we have just made to the account.

        Raises:
            LocalServerError: this root may not, as in some containers.
        """
        if not self.switched:
            return
        try:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        except OSError as error:
            raise LocalServerError(
                "no server is run as root, and this root may not run one as nobody "
                f"({error.strerror}): start this as an ordinary user"
            ) from error

    def make_private(self, path: Path) -> Path:
        """Makes a 0700 directory for the account, or checks one that an earlier run made.

        Raises:
            LocalServerError: something else is there.
        """
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.uid:
                raise LocalServerError(
                    f"{path} is not a directory of user id {self.uid}: name another place"
                ) from None
        else:
            self.give(path)
        return path

    def write(self, path: Path, text: str) -> Path:
        """Writes a 0600 file that the account can read, all of it or nothing."""
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        self.give(Path(name))
        return Path(name).replace(path)

    def reaches(self, path: Path) -> bool:
        """Whether the account may go down to `path`."""
        return not self.switched or all(
            _may_enter(folder.stat(), self) for folder in path.resolve().parents
        )


def server_account() -> Account:
    """The account for servers started by this process.

    Raises:
        LocalServerError: root started us and the system has no `nobody`.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switched=False)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise LocalServerError(
            "no server is run as root and this system has no user `nobody`: start this as an "
            "ordinary user"
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid, switched=True)


@contextmanager
def workspace(account: Account) -> Iterator[Path]:
    """A directory of our own on a short path, reachable for the account, removed at the end.

    What runs killed outright have left behind is removed first: their lock is free.
    """
    base = _base(account)
    for left in base.glob(f"{PREFIX}*"):
        _sweep(left)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    try:
        with claimed(path):
            if account.switched:
                path.chmod(0o711)
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def state_directory(given: Path | None, scratch: Path, account: Account) -> Iterator[Path]:
    """Where a server keeps its data: the caller's directory, claimed for us, or one in `scratch`.

    Raises:
        LocalServerError: the account cannot reach it, or another run uses it.
    """
    if given is None:
        state = scratch / "state"
        state.mkdir()
        state.chmod(0o711 if account.switched else 0o700)
        yield state
        return
    if not given.exists():
        given.mkdir(parents=True, exist_ok=True)
        given.chmod(0o711 if account.switched else 0o700)
    state = given.resolve()
    if not account.reaches(state / "data"):
        raise LocalServerError(
            f"the servers run as nobody, who cannot reach {state}: name a directory outside "
            "root's home that others may enter"
        )
    with claimed(state):
        yield state


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Holds the lock of a directory; the system frees it however the process ends.

    Raises:
        LocalServerError: another process holds it.
    """
    lock = directory / "lock"
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalServerError(f"another run uses {directory}") from None
        yield
    finally:
        os.close(handle)


def private_copy(sources: Sequence[Path], target: Path, *, skip: Sequence[str] = ()) -> Path:
    """Copies folders side by side into `target`, for others to read and not to write."""
    target.mkdir()
    for source in sources:
        shutil.copytree(
            source,
            target / source.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a", "doc", "man", "__pycache__", *skip),
            copy_function=_copy_readable,
        )
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)
    return target


def _base(account: Account) -> Path:
    for name in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108
        base = Path(name).resolve()
        if (
            len(str(base)) <= LONGEST_BASE
            and os.access(base, os.W_OK | os.X_OK)
            and account.reaches(base / "own")
            and not os.statvfs(base).f_flag & os.ST_NOEXEC
        ):
            return base
    raise LocalServerError(
        "neither TMPDIR, /tmp nor /var/tmp can hold a server: one of them must be writable, "
        f"allow programs to run and have a path of at most {LONGEST_BASE} characters"
    )


def _sweep(left: Path) -> None:
    with suppress(OSError, LocalServerError):
        found = left.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        # A younger one may stand between its making and its claim.
        if ours and time.time() - (left / "lock").lstat().st_mtime > YOUNGEST_LEFTOVER_S:
            with claimed(left):
                shutil.rmtree(left, ignore_errors=True)


def _may_enter(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _copy_readable(source: str, target: str) -> str:
    shutil.copyfile(source, target, follow_symlinks=False)
    if not Path(target).is_symlink():
        executable = Path(source).stat().st_mode & stat.S_IXUSR
        Path(target).chmod(0o755 if executable else 0o644)
    return target

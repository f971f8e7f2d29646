# SPDX-License-Identifier: GPL-2.0-only
"""Files that hold a password or a key: only their owner may read them.

In: a path, and what it holds, in words. Out: the bytes, or a password; new files.
Never: a secret in a message, a log or a `repr`.
"""

import os
import stat
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr

from edge_agent.errors import ConfigurationError, Setup

_SECRET_BYTES = 64 * 1024
"""A key of any kind, with its certificate chain, is smaller."""


def read_secret(path: Path, what: str, *, missing: Setup = Setup.SECRET_FILE) -> bytes:
    """Read a file that its owner alone may read, or a credential that systemd gave.

    Credentials stand below ``$CREDENTIALS_DIRECTORY``, in a folder for this service alone, and
    have mode 0440.

    Args:
        path: where it is.
        what: it holds, and in brackets the key or option that names it, for the error.
        missing: of what kind the error is where there is no such file.

    Raises:
        ConfigurationError: it cannot be read, is no file, is too large, or others may read it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigurationError(f"{what}: {path} is not a file", of=Setup.SECRET_FILE)
            others = 0o337 if _is_credential(path) else 0o177
            if stat.S_IMODE(mode) & 0o177 and stat.S_IMODE(mode) & others:
                raise ConfigurationError(
                    f"{what}: others may read {path}: set its mode with: chmod 600 {path}",
                    of=Setup.SECRET_FILE,
                )
            secret = file.read(_SECRET_BYTES + 1)
    except OSError as error:
        of = missing if isinstance(error, FileNotFoundError) else Setup.SECRET_FILE
        raise ConfigurationError(f"cannot read {what}: {error.strerror}: {path}", of=of) from None
    if len(secret) > _SECRET_BYTES:
        raise ConfigurationError(
            f"{what}: {path} is larger than {_SECRET_BYTES} bytes", of=Setup.SECRET
        )
    return secret


def require_secret(path: Path, what: str) -> None:
    """Make sure that a file holds something, and that its owner alone may read it.

    Raises:
        ConfigurationError: as `read_secret`; or it is empty.
    """
    if not read_secret(path, what).strip():
        raise ConfigurationError(f"{what}: {path} is empty", of=Setup.SECRET)


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return folder.startswith("/") and path.resolve().is_relative_to(Path(folder).resolve())


def read_password(path: Path, what: str, *, longest: int = 64) -> SecretStr:
    """Read a password of ASCII characters; a newline at the file's end is not part of it.

    Raises:
        ConfigurationError: as `read_secret`; or it is empty, too long or not ASCII.
    """
    secret = read_secret(path, what).rstrip(b"\r\n")
    if not secret or len(secret) > longest:
        raise ConfigurationError(
            f"{what}: {path} must hold 1 to {longest} characters", of=Setup.SECRET
        )
    try:
        return SecretStr(secret.decode("ascii"))
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{what}: {path} must hold ASCII characters", of=Setup.SECRET
        ) from None


def write_new(*files: tuple[Path, bytes, int]) -> None:
    """Write new files, each with its mode: all of them, or none.

    Raises:
        ConfigurationError: one is there already, or cannot be written; none is left behind.
    """
    made: list[Path] = []
    try:
        with ExitStack() as stack:
            opened = []
            for path, data, mode in files:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                file = stack.enter_context(os.fdopen(os.open(path, flags, mode), "wb"))
                made.append(path)
                opened.append((path, file, data))
            for path, file, data in opened:  # noqa: B007 - the error below names it
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        for each in made:
            each.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise ConfigurationError(
                f"{path} is there already and is not overwritten: move it away, or take another "
                "name"
            ) from None
        raise ConfigurationError(f"cannot write {path}: {error.strerror}", of=Setup.FILE) from None

# SPDX-License-Identifier: MIT
"""A file that a command writes, for its owner's eyes alone.

In: a name, bytes. Out: the file, mode 0600 where it is new.

Raises: UserError.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from cloud_ingest.errors import UserError


def write_new(path: Path, data: bytes) -> None:
    """Write a file that was not there."""
    _write(path, [data], os.O_EXCL)


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file piece by piece; one that was there keeps who may read it."""
    _write(path, pieces, os.O_TRUNC)


def _write(path: Path, pieces: Iterable[bytes], flag: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600), "wb") as file:
            file.writelines(pieces)
    except FileExistsError:
        raise UserError(f"{path} is there already: name another file") from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None

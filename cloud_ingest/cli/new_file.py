# SPDX-License-Identifier: MIT
"""A file that a command writes once, for its owner's eyes alone.

In: a name, bytes. Out: the file, mode 0600. Never: a file that was there.

Raises: UserError.
"""

import os
from pathlib import Path

from cloud_ingest.errors import UserError


def write_new(path: Path, data: bytes) -> None:
    """Write a file that was not there."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except FileExistsError:
        raise UserError(f"{path} is there already: name another file") from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None

# SPDX-License-Identifier: GPL-2.0-only
"""The files of commissioning: the settings and the sheet, each written whole or not at all.

In: text, a `Sheet`. Out: files, written beside their place and then renamed.
Never: half a file; settings that the agent would refuse.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.install.sheet import Sheet
from edge_agent.install.sheet_page import html
from edge_agent.secret_files import read_secret
from edge_agent.settings.file import parse_settings
from shared_schema.errors import ContractError
from shared_schema.signing import fingerprint, private_key_from_pem, public_key_from_pem


def check_settings(path: Path, text: str) -> None:
    """Read settings as the agent will, from a draft beside their place.

    Raises:
        ConfigurationError: they cannot be written, or the agent would refuse them.
    """
    with _checked_draft(path, text):
        pass


def write_settings(path: Path, text: str) -> None:
    """Write settings, once the agent would take them.

    Raises:
        ConfigurationError: they cannot be written, or the agent would refuse them.
    """
    with _checked_draft(path, text) as draft:
        _place(draft, path)


def check_folder(folder: Path) -> None:
    """Make sure that the sheet can be written into a folder.

    Raises:
        ConfigurationError: it cannot.
    """
    with _draft(folder / "sheet"):
        pass


def write_sheet(folder: Path, sheet: Sheet) -> tuple[Path, Path]:
    """Write the sheet as HTML and as JSON; return both paths.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    name = f"commissioning-{sheet.gateway}-{sheet.serial.bus}"
    paths = folder / f"{name}.html", folder / f"{name}.json"
    document = json.dumps(sheet.document(), ensure_ascii=False, indent=2)
    for path, text in zip(paths, (html(sheet), document + "\n"), strict=True):
        with _draft(path) as draft:
            draft.write_text(text, encoding="utf-8")
            _place(draft, path)
    return paths


def key_fingerprint(key_file: Path) -> str:
    """Return the fingerprint of a gateway's key, from the public half beside it.

    The private half may belong to the agent's user alone; where it can be read, both must fit.

    Raises:
        ConfigurationError: it is not there, is no key, or is another key's.
    """
    public = key_file.with_name(key_file.name + ".pub")
    try:
        found = fingerprint(public_key_from_pem(public.read_bytes()))
        if os.access(key_file, os.R_OK):
            pem = read_secret(key_file, "the gateway's key")
            if fingerprint(private_key_from_pem(pem).public_key()) != found:
                raise ConfigurationError(
                    f"{public} is of another key than {key_file}", of=Setup.GATEWAY_KEY
                )
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the gateway's public key: {error.strerror}: {public}; "
            f"make it with: edge-agent keygen {key_file}",
            of=Setup.GATEWAY_KEY,
        ) from None
    except ContractError as error:
        raise ConfigurationError(f"{key_file} or {public}: {error}", of=Setup.GATEWAY_KEY) from None
    return found


@contextmanager
def _checked_draft(path: Path, text: str) -> Iterator[Path]:
    parse_settings(text, path)
    with _draft(path) as draft:
        draft.write_text(text, encoding="utf-8")
        yield draft


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Yield a new file in the folder of ``path``; remove it at the end unless it was renamed."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}", of=Setup.FILE) from None
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}", of=Setup.FILE) from None
    finally:
        draft.unlink(missing_ok=True)


def _place(draft: Path, path: Path) -> None:
    """Give a finished draft its name."""
    draft.chmod(0o644)
    draft.replace(path)

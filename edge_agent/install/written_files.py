# SPDX-License-Identifier: GPL-2.0-only
"""The files of an installation: settings, sheet, certificates, each written whole or not at all.

In: text, a `Sheet`, certificates. Out: files, written beside their place and then renamed.
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
from edge_agent.operate.readiness import require_ready
from edge_agent.settings.file import parse_settings
from edge_agent.settings.gateway import AgentSettings
from shared_schema.signing import SigningKey, sign_document


def check_settings(path: Path, text: str) -> AgentSettings:
    """Read settings as the agent will, and make sure that they can be written.

    Raises:
        ConfigurationError: they cannot be written, or the agent would not start with them.
    """
    settings = parse_settings(text, path)
    require_ready(settings)
    with _draft(path):
        return settings


def write_settings(path: Path, text: str) -> None:
    """Write settings, once the agent would start with them.

    Raises:
        ConfigurationError: they cannot be written, or the agent would not start with them.
    """
    require_ready(parse_settings(text, path))
    with _draft(path) as draft:
        draft.write_text(text, encoding="utf-8")
        _place(draft, path)


def check_folder(folder: Path) -> None:
    """Make sure that the sheet can be written into a folder.

    Raises:
        ConfigurationError: it cannot.
    """
    with _draft(folder / "sheet"):
        pass


def write_sheet(folder: Path, sheet: Sheet, key: SigningKey) -> tuple[Path, Path]:
    """Write the sheet as HTML, and as JSON that the gateway's key signs; return both paths.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    name = f"commissioning-{sheet.gateway}-{sheet.serial.bus}"
    paths = folder / f"{name}.html", folder / f"{name}.json"
    document = json.dumps(sheet.document(), ensure_ascii=False, indent=2)
    for path, text in zip(paths, (html(sheet), sign_document(document, key)), strict=True):
        with _draft(path) as draft:
            draft.write_text(text, encoding="utf-8")
            _place(draft, path)
    return paths


def write_certificate(path: Path, pem: bytes) -> None:
    """Write a certificate, in the place of one that is there.

    Raises:
        ConfigurationError: it cannot be written.
    """
    with _draft(path) as draft:
        draft.write_bytes(pem)
        _place(draft, path)


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

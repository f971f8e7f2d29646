# SPDX-License-Identifier: MIT
"""``cloud-ingest diagnose``: one file for who helps the operator.

In: options as a person typed them. Out: a tar.gz of mode 0600. Never: a decision.
"""

import io
import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, dsn_of, one_line_errors
from cloud_ingest.cli.private_file import write_new
from cloud_ingest.cli.say import say
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.operate.diagnosis import LOG_LINES, Asked
from cloud_ingest.operate.diagnosis import diagnose as make
from cloud_ingest.settings_file import load_settings

app = new_group()

MOST_LOG: Final = 2 * 1024 * 1024


@app.command("diagnose")
def diagnose(
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file [default: diagnosis-cloud-TIME.tar.gz].")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="A worker's log, such as journalctl printed.")
    ] = None,
    labels: Annotated[
        bool, typer.Option("--with-labels", help="Units' labels, too [default: none].")
    ] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write a file for who helps you: no secret, no readings, no units' labels.

    Run it as the service's user and with its settings: every secret that they name is masked.

    Example: cloud-ingest diagnose --config /etc/iot-utility/cloud.toml
    """
    now = datetime.now(UTC)
    with one_line_errors():
        settings = load_settings(config, dsn=dsn)
        asked = Asked(lambda: datetime.now(UTC), [] if log is None else _last_lines(log), labels)
        document = make(settings, dsn_of(settings), asked)
        name = f"diagnosis-cloud-{now:%Y%m%dT%H%M%SZ}"
        path = out or Path(f"{name}.tar.gz")
        text = json.dumps(document, ensure_ascii=False, indent=1, default=str)
        _write(path, f"{name}/diagnosis.json", text.encode("utf-8", "replace"), now)
    say(f"{path}: no secret is in it; read it before you mail it")


def _last_lines(path: Path) -> list[str]:
    """Return the newest lines of a log.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = max(0, os.fstat(file.fileno()).st_size - MOST_LOG)
            file.seek(start)
            lines = file.read(MOST_LOG).decode("utf-8", "replace").splitlines()
            return lines[1 if start else 0 :][-LOG_LINES:]  # half a line may hold half a secret
    except OSError as error:
        raise ConfigurationError(f"cannot read the log: {error.strerror}: {path}") from None


def _write(path: Path, name: str, data: bytes, now: datetime) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = len(data), int(now.timestamp()), 0o600
        archive.addfile(entry, io.BytesIO(data))
    write_new(path, packed.getvalue())

# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command ``edge-agent diagnose``: one file that an installer mails to who helps him.

In: the settings, the log. Out: a tar.gz of mode 0600, and what is in it.
Never: a secret; a reading that nobody asked for.
"""

import io
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.cli.options import ConfigOption
from edge_agent.errors import ConfigurationError, Setup
from edge_agent.install.options import SETTINGS

diagnose_commands = typer.Typer()
MOST_LOG_BYTES = 1024 * 1024
MOST_READINGS_BYTES = 1024 * 1024


@diagnose_commands.command()
def diagnose(
    config: ConfigOption = SETTINGS,
    out: Annotated[
        Path | None, typer.Option(help="The file [default: diagnosis-GATEWAY-TIME.tar.gz here].")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="A log file, where the agent's log is not in the journal.")
    ] = None,
    lines: Annotated[int, typer.Option(min=0, max=2000, help="Of the log, the newest.")] = 1000,
    with_readings: Annotated[
        bool, typer.Option("--with-readings", help="The newest readings of the spool, too.")
    ] = False,
) -> None:
    """Write a file for who helps you, without a secret.

    \b
    sudo edge-agent diagnose
    edge-agent diagnose --config /etc/edge-agent/agent.toml --out /tmp/diagnosis.tar.gz

    It holds versions, the settings without the places of secrets, what doctor and status say, the
    newest lines of the log, the spool in numbers, ports, clock, disks, memory and the state of the
    service. Every secret of the settings and the Wi-Fi's password are masked wherever they stand.
    Meters are named by label and serial number.
    """
    from edge_agent.operate import diagnosis, surroundings
    from edge_agent.settings.file import load_settings

    now = datetime.now(UTC)
    payloads: dict[str, bytes] = {}
    try:
        settings = load_settings(config)
    except ConfigurationError as error:
        document: Mapping[str, Any] = diagnosis.unusable(error, now)
    else:
        try:
            said = (
                surroundings.journal(lines)
                if log is None
                else surroundings.last_lines(log, lines, MOST_LOG_BYTES)
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the log: {error.strerror}: {log}", of=Setup.FILE
            ) from None
        document = diagnosis.diagnose(settings, diagnosis.Asked(now, said))
        if with_readings:
            found = diagnosis.readings(settings.spool, MOST_READINGS_BYTES)
            payloads = {f"batch-{number:04}.jsonl": each for number, each in enumerate(found, 1)}
    name = f"diagnosis-{document['gateway'] or 'gateway'}-{now:%Y%m%dT%H%M%SZ}"
    path = out or Path(f"{name}.tar.gz")
    files = {"diagnosis.json": diagnosis.as_text(document).encode(), **payloads}
    _write(path, name, files, now)
    parts = ", ".join(f"{each} ({len(data) // 1024 + 1} kB)" for each, data in files.items())
    print(f"{path}: {parts if len(files) < 4 else f'{len(files)} files'}; no secret is in it")


def _write(path: Path, folder: str, files: Mapping[str, bytes], now: datetime) -> None:
    """Write the archive, for its owner alone.

    Raises:
        ConfigurationError: it is there already, or cannot be written.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(now.timestamp()), 0o600
            archive.addfile(entry, io.BytesIO(data))
    from edge_agent.secret_files import write_new

    write_new((path, packed.getvalue(), 0o600))

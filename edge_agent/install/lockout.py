# SPDX-License-Identifier: GPL-2.0-only
"""The lockout guard: no command sends a meter a secret again that it refused.

Most meters lock after three refusals. All commands and runs of a user share one file of refusals;
the agent keeps its own in its spool: `refused_secrets`.

In: the line, a meter, its secrets. Out: a guard around what uses them. Owns: the user's file, one
line a refusal, appended.
Never: the secret itself, nor a plain hash of it.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from edge_agent.errors import ConfigurationError, PasswordRefused, RefusedBefore, Setup
from edge_agent.meters.credentials import mode_of
from edge_agent.meters.model import load
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.refused_secrets import SALT_BYTES, digest, secret_files, secret_of

_NAME: Final = "refused.jsonl"


class Lockout:
    """The secrets that the meters of one line refused from this user."""

    def __init__(self, file: Path, port: Path, *, again: bool = False) -> None:
        """Open the file of refusals; make it if it is not there.

        Args:
            file: the file.
            port: the adapter, by its lasting name.
            again: send refused secrets again, for the meter was changed.

        Raises:
            ConfigurationError: nothing can be kept there.
        """
        self._file = file
        self._port = str(port)
        self._again = again
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise ConfigurationError(
                f"cannot record what a meter refuses: {error.strerror}: {file}; "
                "set XDG_STATE_HOME to a folder of yours",
                of=Setup.FILE,
            ) from None

    @classmethod
    def of_user(cls, port: Path, *, again: bool = False) -> Self:
        """Open this user's file, below ``$XDG_STATE_HOME`` or ``~/.local/state``.

        Raises:
            ConfigurationError: nothing can be kept there.
        """
        named = os.environ.get("XDG_STATE_HOME", "")
        folder = Path(named) if named.startswith("/") else Path("~/.local/state").expanduser()
        return cls(folder / "edge-agent" / _NAME, port, again=again)

    @contextmanager
    def guard(self, meter: MeterConfig, serial: str | None = None) -> Iterator[None]:
        """Run what sends a meter's secrets, unless it refused them before; note a refusal.

        Args:
            meter: where it answers, and its secrets.
            serial: maker and serial number, if the name plate was read: a refusal then belongs to
                the meter. Without it, a refusal belongs to the place on the line.

        Raises:
            RefusedBefore: it refused them before; nothing was sent.
            PasswordRefused: it refuses them now.
            ConfigurationError: a secret's file cannot be read, or nothing can be kept.
        """
        if not secret_files(meter):
            yield
            return
        client = meter.client or load(meter.model, meter.models_dir).client
        meter = meter.model_copy(update={"client": client, "security": mode_of(meter, client)})
        short = meter.address_bytes == 1  # alone on the line, under an address that is not written
        place = {
            "port": self._port,
            "logical": meter.logical_address,
            "address": None if short else meter.address,
        }
        who = {"serial": serial, **place}
        refused_at = self._refused_at(who, secret_of(meter))
        if refused_at and not self._again:
            what = "keys" if meter.password_file is None else "secrets"
            raise RefusedBefore(
                f"{meter.label} refused these {what} of client {client} on {refused_at[:10]}: "
                "nothing was sent"
            )
        try:
            yield
        except PasswordRefused:
            self._append(who, secret_of(meter), refused=True)
            raise
        if refused_at:
            self._append(who, secret_of(meter), refused=False)

    def _refused_at(self, who: dict[str, Any], secret: bytes) -> str:
        """Return when the meter refused this secret, or nothing: its last line counts."""
        found = ""
        for line in self._lines():
            if not _may_be_same(line, who):
                continue
            if secrets.compare_digest(
                digest(secret, bytes.fromhex(line["salt"])).hex(), line["hash"]
            ):
                found = str(line["at"]) if line["refused"] else ""
        return found

    def _lines(self) -> Iterator[dict[str, Any]]:
        wanted = {"at", "serial", "port", "logical", "address", "salt", "hash", "refused"}
        try:
            text = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot read {self._file}: {error}", of=Setup.FILE) from None
        for line in text.splitlines():
            try:
                found = json.loads(line)
            except json.JSONDecodeError:  # a loss of power cut it
                continue
            if isinstance(found, dict) and wanted <= set(found):
                yield found

    def _append(self, who: dict[str, Any], secret: bytes, *, refused: bool) -> None:
        salt = secrets.token_bytes(SALT_BYTES)
        line = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            **who,
            "salt": salt.hex(),
            "hash": digest(secret, salt).hex(),
            "refused": refused,
        }
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"\n{json.dumps(line)}\n")  # a loss of power may have cut the last one
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigurationError(
                f"cannot record a refused secret: {error.strerror}: {self._file}; correct the "
                "secret before the next try, or the meter may lock",
                of=Setup.FILE,
            ) from None


def _may_be_same(line: dict[str, Any], who: dict[str, Any]) -> bool:
    """Tell whether a line is of this meter, or may be: then the guard sends nothing."""
    if line["serial"] and who["serial"]:
        return bool(line["serial"] == who["serial"])
    addresses = {line["address"], who["address"]}
    return (line["port"], line["logical"]) == (who["port"], who["logical"]) and (
        len(addresses) == 1 or None in addresses
    )

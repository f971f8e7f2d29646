# SPDX-License-Identifier: GPL-2.0-only
"""Commissioning: from the meters of a line to the configuration that the agent runs with.

In: what the installer lists, a scan, examinations. Out: `Sheet`, and the text of agent.toml.
Never: a meter in the configuration that did not say who it is; a secret on the sheet.
"""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from edge_agent.errors import ConfigurationError
from edge_agent.install.examine import Examination, Shown
from edge_agent.install.scan import Conflict, Door
from edge_agent.poll.finding import CLOCK_WRONG
from edge_agent.settings import MeterConfig
from shared_schema.catalogue import BILLED_REGISTER, UNIT_SYMBOLS, WATER_VOLUME, Unit

CLOCK_LIMIT_S: Final = 60
"""A clock that is further off is remarked: a month would close at another time."""
ERRORS_PER_1000: Final = 10.0
"""A line with more errors is remarked: find the cause before it grows."""
_COLUMNS: Final = (
    "label",
    "address",
    "logical_address",
    "address_bytes",
    "model",
    "client",
    "security",
    "password_file",
    "encryption_key_file",
    "authentication_key_file",
    "security_suite",
    "signing_key_file",
    "meter_public_key_file",
    "dial",
)
_TEXTS: Final = (
    "security",
    "password_file",
    "encryption_key_file",
    "authentication_key_file",
    "signing_key_file",
    "meter_public_key_file",
)
Level = Literal["green", "amber", "red", "self-read"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One meter as the installer lists it."""

    label: str
    address: int | None
    """None: it has no data port and is read by a person."""
    logical_address: int = 1
    address_bytes: int | None = None
    model: str | None = None
    client: int | None = None
    security: str | None = None
    password_file: str | None = None
    encryption_key_file: str | None = None
    authentication_key_file: str | None = None
    security_suite: int = 0
    signing_key_file: str | None = None
    meter_public_key_file: str | None = None
    dial: Decimal | None = None
    """What the dial of a water meter with a module shows, m³."""

    @property
    def door(self) -> Door | None:
        """Where it answers."""
        if self.address is None:
            return None
        short = max(self.address, self.logical_address) < 128
        return Door(
            self.logical_address,
            0 if self.address_bytes == 1 else self.address,
            self.address_bytes or (2 if short else 4),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a meter may go into service, and what is to be done."""

    level: Level
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Line:
    """One meter on the sheet."""

    listed: Listed
    examination: Examination | None = None
    problem: str = "did not answer"
    """Why there is no examination."""
    dial: Decimal | None = None
    """What the dial beside the module shows, m³."""
    is_time_known: bool = True
    """Whether this machine's time, which its clock is held against, is kept by a time service."""

    @property
    def verdict(self) -> Verdict:
        """Judge it."""
        return judge(self.listed, self.examination, self.problem, is_time_known=self.is_time_known)

    @property
    def billed(self) -> Shown | None:
        """The register that its months are made of."""
        wanted = set(BILLED_REGISTER.values())
        shown = self.examination.registers if self.examination else ()
        return next((each for each in shown if each.obis in wanted), None)

    @property
    def volume(self) -> Decimal | None:
        """What a water module counted, m³; None where it does not say what a count is worth."""
        shown = self.billed
        if shown is None or not isinstance(shown.value, Decimal) or shown.obis != WATER_VOLUME:
            return None
        places = {UNIT_SYMBOLS[Unit.LITRE]: -3, UNIT_SYMBOLS[Unit.CUBIC_METRE]: 0}.get(shown.unit)
        return None if places is None else shown.value.scaleb(places)

    def dial_document(self) -> dict[str, str] | None:
        """Return the dial beside the register of its module for JSON, both in m³."""
        if self.dial is None or self.volume is None or self.examination is None:
            return None
        return {
            "at": self.examination.at.isoformat(timespec="seconds"),
            "dial_m3": f"{self.dial:f}",
            "register_m3": f"{self.volume:f}",
        }


@dataclass(slots=True)
class Sheet:
    """What was commissioned on one line."""

    gateway: str
    fingerprint: str
    """Of the gateway's public key."""
    bus: str
    port: str
    baudrate: int
    parity: str
    direction_control: str
    at: datetime
    by: str
    clock_synchronised: bool
    """Whether this machine's time, which the offsets are against, is kept by a time service."""
    lines: list[Line] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def count(self, level: Level) -> int:
        """Count the meters of a level."""
        return sum(line.verdict.level == level for line in self.lines)

    @property
    def is_green(self) -> bool:
        """Whether every meter may go into service, by a machine that knows the time."""
        flawless = not self.conflicts and not self.count("red") and not self.count("amber")
        return flawless and self.clock_synchronised

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "gateway": self.gateway,
            "key_fingerprint": self.fingerprint,
            "bus": self.bus,
            "port": self.port,
            "baudrate": self.baudrate,
            "parity": self.parity,
            "at": self.at.isoformat(timespec="seconds"),
            "by": self.by,
            "clock_synchronised": self.clock_synchronised,
            "green": self.is_green,
            "meters": [
                {
                    "label": line.listed.label,
                    "verdict": line.verdict.level,
                    "reasons": list(line.verdict.reasons),
                    "dial": line.dial_document(),
                    "examination": line.examination.document() if line.examination else None,
                }
                for line in self.lines
            ],
            "conflicts": [
                {"address": each.door.physical, "logical_address": each.door.logical}
                for each in self.conflicts
            ],
        }


def judge(
    listed: Listed,
    found: Examination | None,
    problem: str = "did not answer",
    *,
    is_time_known: bool = True,
) -> Verdict:
    """Tell whether a meter may go into service.

    Args:
        listed: how the installer lists it.
        found: what was read of it.
        problem: why nothing was.
        is_time_known: whether this machine's own time is kept by a time service.
    """
    if listed.address is None:
        return Verdict("self-read", ("no data port: its resident reads the dial",))
    if found is None:
        return Verdict("red", (problem,))
    troubles = tuple(each.said for each in found.troubles)
    if found.meter is None or not found.registers:
        return Verdict("red", troubles or ("no register was read",))
    reasons = list(troubles)
    if listed.dial is not None and all(each.obis != WATER_VOLUME for each in found.registers):
        reasons.append("the list gives its dial, but no volume of water was read beside it")
    offset, kinds = found.clock_offset_s, {each.kind for each in found.troubles}
    if offset is None:
        reasons.append("its clock shows no valid time")
    elif not is_time_known:
        reasons.append("its clock cannot be judged: this machine's own is not synchronised")
    elif abs(offset) > CLOCK_LIMIT_S and CLOCK_WRONG.isdisjoint(kinds):
        reasons.append(f"its clock is {offset:+.0f} s off")
    errors = found.line.errors_per_1000
    if errors is not None and errors > ERRORS_PER_1000:
        reasons.append(f"{errors} errors in 1000 frames: check cable, bias and termination")
    return Verdict("amber" if reasons else "green", tuple(reasons))


def parse_list(text: str, where: str) -> tuple[Listed, ...]:
    """Read a list of meters: CSV with a header line, ``label,address,…``.

    Raises:
        ConfigurationError: a column or a value is wrong; the text names the line.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    columns = [name.strip() for name in reader.fieldnames or ()]
    unknown = set(columns) - set(_COLUMNS)
    if unknown or not {"label", "address"} <= set(columns):
        raise ConfigurationError(
            f"{where}: the first line names the columns label,address and, if wanted, "
            f"{','.join(_COLUMNS[2:])}" + (f"; not {','.join(sorted(unknown))}" if unknown else "")
        )
    reader.fieldnames = columns
    found = [
        _listed({key: (value or "").strip() for key, value in row.items() if key}, where, number)
        for number, row in enumerate(reader, 2)
    ]
    return _each_once(found, where)


def parse_labels(options: list[str]) -> tuple[Listed, ...]:
    """Read options such as ``17=A-1204 electricity``.

    Raises:
        ConfigurationError: one has another form.
    """
    found: list[Listed] = []
    for number, option in enumerate(options, 1):
        address, equals, label = option.partition("=")
        if not equals:
            raise ConfigurationError(
                f"--meter {option!r}: write address=label, as in '17=A-1204 electricity'"
            )
        found.append(_listed({"label": label.strip(), "address": address}, "--meter", number))
    return _each_once(found, "--meter")


def is_label(text: str) -> bool:
    """Tell whether a meter may be called so."""
    return 0 < len(text) <= 64 and text.isprintable()


def is_dial(text: str) -> bool:
    """Tell whether a text is what a dial shows: up to 9 digits, and 6 behind the point."""
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) is not None


def _listed(row: dict[str, str], where: str, number: int) -> Listed:
    numbers = {}
    for name in ("address", "logical_address", "address_bytes", "client", "security_suite"):
        text = row.get(name, "")
        if text and not (text.isascii() and text.isdigit()):
            raise ConfigurationError(f"{where}, line {number}: {name} {text!r} is no number")
        numbers[name] = int(text) if text else None
    text = row.get("dial", "")
    if text and (numbers["address"] is None or not is_dial(text)):
        raise ConfigurationError(
            f"{where}, line {number}: "
            + (
                "a meter without a data port has no module: its dial is entered in the cloud "
                "(cloud-ingest self-read)"
                if is_dial(text)
                else f"dial {text!r} is not what a dial shows: write m³, as in 123.456"
            )
        )
    label = row.get("label", "")
    if not is_label(label):
        raise ConfigurationError(f"{where}, line {number}: a label has 1 to 64 printed characters")
    return Listed(
        label=label,
        address=numbers["address"],
        logical_address=numbers["logical_address"] or 1,
        address_bytes=numbers["address_bytes"],
        model=row.get("model") or None,
        client=numbers["client"],
        security_suite=numbers["security_suite"] or 0,
        dial=Decimal(text) if text else None,
        **{name: row.get(name) or None for name in _TEXTS},
    )


def _each_once(found: list[Listed], where: str) -> tuple[Listed, ...]:
    labels: set[str] = set()
    places: set[tuple[int, int]] = set()
    for each in found:
        if each.label in labels:
            raise ConfigurationError(f"{where}: label {each.label!r} stands twice")
        labels.add(each.label)
        if each.address is not None:
            place = (each.logical_address, each.address)
            if place in places:
                raise ConfigurationError(f"{where}: address {each.address} stands twice")
            places.add(place)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What agent.toml says besides the bus."""

    name: str
    spool: Path
    key_file: Path
    cloud_key_file: Path
    broker_host: str
    broker_port: int | None = None
    username: str | None = None
    broker_password_file: Path | None = None
    ca: Path | None = None
    models_dir: Path | None = None


def agent_toml(gateway: Gateway, bus: str) -> str:
    """Write a gateway's settings with one bus; see `bus_toml`."""
    head = _table(
        {
            "gateway": gateway.name,
            "spool": gateway.spool,
            "key_file": gateway.key_file,
            "cloud_key_file": gateway.cloud_key_file,
            "models_dir": gateway.models_dir,
        }
    )
    broker = _table(
        {
            "host": gateway.broker_host,
            "port": gateway.broker_port,
            "username": gateway.username,
            "password_file": gateway.broker_password_file,
        }
    )
    tls = "" if gateway.ca is None else "\n[broker.tls]\n" + _table({"ca": gateway.ca})
    return f"# Written by edge-agent commission.\n{head}\n[broker]\n{broker}{tls}\n{bus}"


def in_service(sheet: Sheet) -> list[MeterConfig]:
    """Return how the meters are read that said who they are."""
    return [
        line.examination.config
        for line in sheet.lines
        if line.examination is not None and line.verdict.level in {"green", "amber"}
    ]


def bus_toml(sheet: Sheet, meters: Iterable[MeterConfig]) -> str:
    """Write the bus of a sheet with these meters."""
    control = sheet.direction_control
    text = "[[bus]]\n" + _table(
        {
            "name": sheet.bus,
            "port": sheet.port,
            "baudrate": sheet.baudrate,
            "parity": None if sheet.parity == "none" else sheet.parity,
            "direction_control": None if control == "adapter" else control,
        }
    )
    return text + "".join(f"\n[[bus.meter]]\n{_table(_meter(meter))}" for meter in meters)


def _meter(config: MeterConfig) -> dict[str, object]:
    logical = None if config.logical_address == 1 else config.logical_address
    return {
        "label": config.label,
        "address": config.address,
        "logical_address": logical,
        "address_bytes": config.address_bytes,
        "model": config.model,
        "deviation_sign": config.deviation_sign,
        "client": config.client,
        "security": config.security,
        "password_file": config.password_file,
        "encryption_key_file": config.encryption_key_file,
        "authentication_key_file": config.authentication_key_file,
        "security_suite": config.security_suite or None,
        "signing_key_file": config.signing_key_file,
        "meter_public_key_file": config.meter_public_key_file,
    }


def _table(fields: dict[str, object]) -> str:
    """Write the fields that are set, a line each."""
    return "".join(
        f"{name} = {value if isinstance(value, int) else _text(str(value))}\n"
        for name, value in fields.items()
        if value is not None
    )


def _text(value: str) -> str:
    """Write a TOML string: JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

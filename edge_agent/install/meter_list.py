# SPDX-License-Identifier: GPL-2.0-only
"""The installer's list of meters: CSV, or options such as ``17=A-1204 electricity``.

In: text. Out: `ListedMeter` meters, each label and each address once.
Never: an address guessed; a label that cannot be printed.
"""

import csv
import io
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from edge_agent.errors import ConfigurationError
from edge_agent.install.addresses import HdlcAddress
from shared_schema.text import MOST_SEALS, composed, label_fault

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
    "seals",
)
_TEXTS: Final = (
    "security",
    "password_file",
    "encryption_key_file",
    "authentication_key_file",
    "signing_key_file",
    "meter_public_key_file",
)


@dataclass(frozen=True, slots=True)
class ListedMeter:
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
    seals: tuple[str, ...] = ()
    """The numbers of the seals on it."""

    @property
    def hdlc(self) -> HdlcAddress | None:
        """Where it answers."""
        if self.address is None:
            return None
        short = max(self.address, self.logical_address) < 128
        return HdlcAddress(
            self.logical_address,
            0 if self.address_bytes == 1 else self.address,
            self.address_bytes or (2 if short else 4),
        )


def parse_list(text: str, where: str) -> tuple[ListedMeter, ...]:
    """Read a list of meters: CSV with a header line, ``label,address,…``.

    Raises:
        ConfigurationError: a column or a value is wrong; the text names the line.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True)
    try:
        return _each_once(_rows(reader, where), where)
    except csv.Error as error:
        number = reader.reader.line_num  # its own counts a line once it is read
        raise ConfigurationError(f"{where}, line {number}: not CSV: {error}") from None


def _rows(reader: "csv.DictReader[str]", where: str) -> list[ListedMeter]:
    columns = [name.strip() for name in reader.fieldnames or ()]
    unknown = set(columns) - set(_COLUMNS)
    if unknown or not {"label", "address"} <= set(columns):
        raise ConfigurationError(
            f"{where}: the first line names the columns label,address and, if wanted, "
            f"{','.join(_COLUMNS[2:])}" + (f"; not {','.join(sorted(unknown))}" if unknown else "")
        )
    reader.fieldnames = columns
    return [
        _listed(
            {key: (value or "").strip(" ") for key, value in row.items() if key},
            where,
            reader.line_num,
        )
        for row in reader
    ]


def parse_labels(options: list[str]) -> tuple[ListedMeter, ...]:
    """Read options such as ``17=A-1204 electricity``.

    Raises:
        ConfigurationError: one has another form.
    """
    found: list[ListedMeter] = []
    for number, option in enumerate(options, 1):
        address, equals, label = option.partition("=")
        if not equals:
            raise ConfigurationError(
                f"--meter {option!r}: write address=label, as in '17=A-1204 electricity'"
            )
        found.append(_listed({"label": label.strip(), "address": address}, "--meter", number))
    return _each_once(found, "--meter")


def is_dial(text: str) -> bool:
    """Tell whether a text is what a dial shows: up to 9 digits, and 6 behind the point."""
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) is not None


def _listed(row: dict[str, str], where: str, number: int) -> ListedMeter:
    numbers = {}
    for name in ("address", "logical_address", "address_bytes", "client", "security_suite"):
        text = row.get(name, "")
        if text and re.fullmatch(r"[0-9]{1,9}", text) is None:
            raise ConfigurationError(f"{where}, line {number}: {name} {text[:40]!r} is no number")
        numbers[name] = int(text) if text else None
    text = row.get("dial", "")
    if text and (numbers["address"] is None or not is_dial(text)):
        raise ConfigurationError(
            f"{where}, line {number}: "
            + (
                "a meter without a data port has no module: its dial is entered in the cloud "
                "(cloud-ingest self-read)"
                if is_dial(text)
                else f"dial {text[:40]!r} is not what a dial shows: write m³, as in 123.456"
            )
        )
    label = row.get("label", "")
    if fault := label_fault(label):
        raise ConfigurationError(f"{where}, line {number}: label: {fault}")
    return ListedMeter(
        label=composed(label),
        address=numbers["address"],
        logical_address=numbers["logical_address"] or 1,
        address_bytes=numbers["address_bytes"],
        model=row.get("model") or None,
        client=numbers["client"],
        security_suite=numbers["security_suite"] or 0,
        dial=Decimal(text) if text else None,
        seals=_seals(row.get("seals", ""), f"{where}, line {number}"),
        **{name: row.get(name) or None for name in _TEXTS},
    )


def _seals(text: str, where: str) -> tuple[str, ...]:
    found = text.split(" ")
    seals = tuple(dict.fromkeys(composed(each) for each in found if each))
    for each in seals:
        if fault := label_fault(each):
            raise ConfigurationError(f"{where}: seal {each[:40]!r}: {fault}")
    if len(seals) > MOST_SEALS:
        raise ConfigurationError(f"{where}: {len(seals)} seals: give {MOST_SEALS} at most")
    return seals


def _each_once(found: list[ListedMeter], where: str) -> tuple[ListedMeter, ...]:
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

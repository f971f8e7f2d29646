# SPDX-License-Identifier: GPL-2.0-only
"""Commissioning step by step: find the meters, examine each, write the sheet and the settings.

In: a line, a list or answers to questions. Out: files, and the `Sheet`.
Never: a file overwritten unless that was asked for; settings that the agent would refuse.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from edge_agent import gateway_clock
from edge_agent.dlms.security import PUBLIC_CLIENT, READER_CLIENT
from edge_agent.errors import ConfigurationError, Setup
from edge_agent.install.addresses import hdlc_addresses
from edge_agent.install.agent_toml import Gateway, SerialLine, agent_toml, bus_toml
from edge_agent.install.lockout import Lockout
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.options import lasting_name
from edge_agent.install.scan import BAUDRATES, LineOpener, scan
from edge_agent.install.scan_result import FoundMeter, Progress, Scan
from edge_agent.install.sheet import Entry, Sheet
from edge_agent.install.visit import Visit, meter_config
from edge_agent.install.written_files import (
    check_folder,
    check_settings,
    write_settings,
    write_sheet,
)
from edge_agent.meters.model import names, usable
from edge_agent.settings.file import has_settings, load_settings
from edge_agent.settings.gateway import AgentSettings
from shared_schema.signing import SigningKey, fingerprint
from shared_schema.text import composed, label_fault

_MOST_CLIENTS: Final = 4
"""As whom a silent address is probed: each costs its wait."""
AskLabel = Callable[[FoundMeter], str]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How to ask the installer, and how to tell what goes on."""

    ask_label: AskLabel
    """Asks for the label of a meter that is not listed; an empty answer leaves it out."""
    ask_dial: Callable[[Entry], Decimal | None] = lambda _entry: None
    """Asks for the dial beside a water module, m³, which the list does not give; None: unknown."""
    progress: Callable[[Progress], None] = lambda _progress: None
    """Called during the search."""
    tell: Callable[[str], None] = lambda _text: None
    """Takes a few words on what goes on."""


@dataclass(frozen=True, slots=True)
class Job:
    """The line to commission, and where the results go."""

    port: Path
    bus: str
    config: Path
    sheet_dir: Path
    gateway: Gateway | None
    """None: add the line to the settings that are there."""
    listed: tuple[ListedMeter, ...] = ()
    addresses: tuple[int, ...] = ()
    """Where to look without a list."""
    baudrate: int | None = None
    parity: str = "none"
    direction_control: str = "adapter"
    password_file: Path | None = None
    """For meters to which the list gives none."""
    models_dir: Path | None = None
    frames: int = 100
    """How many frames must pass at each meter to count errors."""
    overwrite: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class Commissioned:
    """What was commissioned, and the files that were written."""

    sheet: Sheet
    page: Path
    document: Path
    config: Path | None
    """None: no meter may go into service, so no settings were written."""


def commission(
    job: Job,
    open_line: LineOpener,
    lockout: Lockout,
    dialogue: Dialogue,
    now: Callable[[], datetime],
) -> Commissioned:
    """Find and examine the meters of a line, then write the sheet and the settings.

    Args:
        job: what and where.
        open_line: opens the line at a speed.
        lockout: what the meters refused before.
        dialogue: asks and tells the installer.
        now: this machine's time, aware.

    Raises:
        ConfigurationError: a file, a model or the port cannot be used; no meter answers.
        BusError: the adapter vanished.
    """
    planned = _plan(job)
    key = planned.signing_key()
    labels = frozenset(meter.label for bus in planned.buses for meter in bus.meters)
    at, clock_synchronised = now(), gateway_clock.is_synchronised()
    found = _look(job, open_line, dialogue.progress)
    listed = _listed(job, found, dialogue, labels)
    serial = _serial(job, found)
    visit = Visit(
        found,
        lockout,
        now,
        dialogue.tell,
        frames=job.frames,
        password_file=job.password_file,
        models_dir=job.models_dir,
        clock_synchronised=clock_synchronised,
    )
    with open_line(serial.baudrate) as line:
        entries = list(visit.examine_all(line, listed))
    sheet = Sheet(
        gateway=planned.gateway,
        fingerprint=fingerprint(key.public_key()),
        serial=serial,
        at=at,
        by=job.by,
        clock_synchronised=clock_synchronised,
        entries=tuple(_with_dial(each, dialogue) for each in entries),
        conflicts=found.conflicts,
    )
    return _write(job, sheet, key)


def _listed(
    job: Job, found: Scan, dialogue: Dialogue, labels: AbstractSet[str]
) -> tuple[ListedMeter, ...]:
    """Return the meters of the list, or those that a person names; there is one at least."""
    listed = job.listed or list_found(found.meters, dialogue.ask_label, labels, dialogue.tell)
    if not listed:
        raise ConfigurationError(
            f"no meter to commission on {job.port}: {len(found.meters)} answered, none was named"
        )
    return listed


def _plan(job: Job) -> AgentSettings:
    """Refuse what the agent would refuse, before an hour of reading.

    Returns:
        The settings with the meters that are listed.
    """
    if job.gateway is not None and has_settings(job.config) and not job.overwrite:
        raise ConfigurationError(f"{job.config} is there already").advised(
            "add this line to it with --add, or replace it with --force"
        )
    if job.gateway is None and any(bus.name == job.bus for bus in load_settings(job.config).buses):
        raise ConfigurationError(f"{job.config} has a bus {job.bus} already").advised(
            "give another --bus"
        )
    names(job.models_dir)
    meters = [
        meter_config(each, None, job.password_file, job.models_dir)
        for each in job.listed
        if each.address is not None
    ]
    try:
        settings = check_settings(job.config, _settings(job, bus_toml(_serial(job), meters)))
    except ConfigurationError as error:
        if job.gateway is not None and error.of is Setup.SETTINGS:
            error.advised(
                "correct the option or the line of the list that says this; nothing was written"
            )
        raise
    check_folder(job.sheet_dir)
    return settings


def _serial(job: Job, found: Scan | None = None) -> SerialLine:
    """Return the line; its speed is that of the first meter that answered."""
    baudrate = job.baudrate or 9600
    return SerialLine(
        bus=job.bus,
        port=str(lasting_name(job.port)),
        baudrate=found.meters[0].baudrate if found and found.meters else baudrate,
        parity=job.parity,
        direction_control=job.direction_control,
    )


def _settings(job: Job, bus: str) -> str:
    """Return the whole text of the settings: new, or those that are there and this bus."""
    if job.gateway is not None:
        return agent_toml(job.gateway, bus)
    return f"{job.config.read_text(encoding='utf-8').rstrip()}\n\n{bus}"


def _write(job: Job, sheet: Sheet, key: SigningKey) -> Commissioned:
    """Write the sheet, and the settings if any meter may go into service."""
    page, document = write_sheet(job.sheet_dir, sheet, key)
    meters = sheet.in_service()
    if not meters:
        return Commissioned(sheet, page, document, None)
    write_settings(job.config, _settings(job, bus_toml(sheet.serial, meters)))
    return Commissioned(sheet, page, document, job.config)


def _with_dial(entry: Entry, dialogue: Dialogue) -> Entry:
    """Return an entry with the dial beside its module, from the list or from a person."""
    if entry.volume is None:
        return entry
    listed = entry.listed.dial
    return replace(entry, dial=dialogue.ask_dial(entry) if listed is None else listed)


def _look(job: Job, open_line: LineOpener, progress: Callable[[Progress], None]) -> Scan:
    """Find the meters: those of the list, or whatever answers.

    Without a list many addresses are silent: other clients than the public one are tried only
    where nothing knows that one.
    """
    speeds = BAUDRATES if job.baudrate is None else (job.baudrate,)
    wanted = [hdlc for each in job.listed if (hdlc := each.hdlc) is not None]
    if job.listed and not wanted:
        return Scan()
    clients, found = clients_to_probe(job.listed, job.models_dir), Scan()
    for tried in [clients] if wanted else [clients[:1], clients[1:]]:
        found = scan(
            open_line,
            wanted or hdlc_addresses(job.addresses),
            baudrates=speeds,
            clients=tried,
            models_dir=job.models_dir,
            progress=progress,
        )
        if found.meters or found.conflicts:
            break
    return found


def clients_to_probe(listed: Sequence[ListedMeter], models_dir: Path | None) -> tuple[int, ...]:
    """Return as whom to probe: the public client, then those of the list and of the models."""
    named = (each.client for each in listed if each.client is not None)
    models = (each.client for each in usable(models_dir).values())
    found = dict.fromkeys((PUBLIC_CLIENT, *named, READER_CLIENT, *models))
    return tuple(found)[:_MOST_CLIENTS]


def list_found(
    found: Sequence[FoundMeter],
    ask: AskLabel,
    labels: AbstractSet[str],
    tell: Callable[[str], None],
) -> tuple[ListedMeter, ...]:
    """Make a list of the meters that a scan found, with the labels that a person gives.

    Args:
        found: the meters.
        ask: asks for a label.
        labels: those of other meters.
        tell: says why the question comes again.
    """
    taken = set(labels)
    listed: list[ListedMeter] = []
    for meter in found:
        label = _new_label(meter, ask, taken, tell)
        if label:
            taken.add(label)
            hdlc = meter.hdlc
            listed.append(
                ListedMeter(
                    label,
                    max(1, hdlc.physical),
                    logical_address=hdlc.logical,
                    address_bytes=hdlc.form,
                )
            )
    return tuple(listed)


def _new_label(
    meter: FoundMeter, ask: AskLabel, taken: AbstractSet[str], tell: Callable[[str], None]
) -> str:
    """Ask until the label is a new one, or empty."""
    while label := composed(ask(meter).strip()):
        fault = "another meter has it" if label in taken else label_fault(label)
        if fault is None:
            break
        tell(f"label: {fault}")
    return label

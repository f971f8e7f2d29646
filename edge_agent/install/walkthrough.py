# SPDX-License-Identifier: GPL-2.0-only
"""The guide of commissioning: find the meters, examine each, write configuration and sheet.

In: a line, a list or answers to questions. Out: files, and the `Sheet`.
Never: a file overwritten that was not meant to be; half a file; a configuration that the agent
would refuse.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from edge_agent import gateway_clock
from edge_agent.errors import ConfigurationError
from edge_agent.install.examine import Trouble, examine, see_plate
from edge_agent.install.lockout import Lockout
from edge_agent.install.options import lasting_name, validated
from edge_agent.install.scan import BAUDRATES, FoundMeter, LineOpener, Progress, Scan, doors, scan
from edge_agent.install.sheet import (
    Gateway,
    Line,
    Listed,
    Sheet,
    agent_toml,
    bus_toml,
    in_service,
    is_label,
)
from edge_agent.install.sheet_page import html
from edge_agent.meters.model import load
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.name_plate import Plate
from edge_agent.poll.sessions import PUBLIC_CLIENT, READER_CLIENT, peer
from edge_agent.settings import MeterConfig, load_settings, read_secret
from shared_schema.errors import ContractError
from shared_schema.signing import fingerprint, private_key_from_pem, public_key_from_pem

Ask = Callable[[FoundMeter], str]
"""Asks a person for the label of a meter; an empty answer leaves it out."""

AskDial = Callable[[Line], Decimal | None]
"""Asks a person what the dial beside a module shows, m³; None: it is not known."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be commissioned, and where the results go."""

    port: Path
    bus: str
    config: Path
    sheet_dir: Path
    gateway: Gateway | None
    """None: the line is added to the settings that are there."""
    listed: tuple[Listed, ...] = ()
    addresses: tuple[int, ...] = ()
    """Where to look without a list."""
    baudrate: int | None = None
    parity: str = "none"
    direction_control: str = "adapter"
    password_file: Path | None = None
    """For meters that the list gives none."""
    models_dir: Path | None = None
    frames: int = 100
    """How many frames must pass at each meter to count errors."""
    overwrite: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    sheet: Sheet
    page: Path
    document: Path
    config: Path | None
    """None: no meter may go into service, so nothing was written."""


def commission(
    job: Job,
    open_line: LineOpener,
    lockout: Lockout,
    ask: Ask,
    now: Callable[[], datetime],
    *,
    ask_dial: AskDial = lambda _line: None,
    progress: Callable[[Progress], None] = lambda _progress: None,
    tell: Callable[[str], None] = lambda _text: None,
) -> Done:
    """Find and examine the meters of a line, then write the sheet and the settings.

    Args:
        job: what and where.
        open_line: opens the line at a speed.
        lockout: what the meters refused before.
        ask: gives the label of a meter that is not listed.
        now: this machine's time, aware.
        ask_dial: gives the dial beside a water module, where the list does not.
        progress: called while meters are looked for.
        tell: takes a few words on what is being done.

    Raises:
        ConfigurationError: a file, a model or the port cannot be used; no meter answers.
        BusError: the adapter vanished.
    """
    if job.config.exists() and job.gateway is not None and not job.overwrite:
        raise _is_there(job.config)
    name, key_file, labels = _gateway(job)
    sheet = Sheet(
        gateway=name,
        fingerprint=key_fingerprint(key_file),
        bus=job.bus,
        port=str(lasting_name(job.port)),
        baudrate=job.baudrate or 9600,
        parity=job.parity,
        direction_control=job.direction_control,
        at=now(),
        by=job.by,
        clock_synchronised=gateway_clock.is_synchronised(),
    )
    planned = [
        meter_config(each, None, job.password_file, job.models_dir)
        for each in job.listed
        if each.address is not None
    ]
    for meter in planned:
        peer(meter, load(meter.model, meter.models_dir))
    # Whatever the agent would refuse is said now, and not after an hour of reading.
    check_settings(job.config, _settings(job, bus_toml(sheet, planned)))
    with _beside(job.sheet_dir / "sheet"):
        pass
    found = _look(job, open_line, progress)
    if found.meters:
        sheet.baudrate = found.meters[0].baudrate
    sheet.conflicts = found.conflicts
    listed = job.listed or list_found(found.meters, ask, labels, tell)
    if not listed:
        raise ConfigurationError(
            f"no meter to commission on {job.port}: {len(found.meters)} answered, none was named"
        )
    examine_all(job, open_line, lockout, sheet, listed, found.meters, now, tell)
    for line in sheet.lines:
        if line.volume is not None:
            line.dial = ask_dial(line) if line.listed.dial is None else line.listed.dial
    page, document = write_sheet(job.sheet_dir, sheet)
    if not sheet.count("green") + sheet.count("amber"):
        return Done(sheet, page, document, None)
    text = _settings(job, bus_toml(sheet, in_service(sheet)))
    check_settings(job.config, text, place=True)
    return Done(sheet, page, document, job.config)


def _settings(job: Job, bus: str) -> str:
    """Return the whole of the settings: new, or those that are there and this bus."""
    if job.gateway is not None:
        return agent_toml(job.gateway, bus)
    return f"{job.config.read_text(encoding='utf-8').rstrip()}\n\n{bus}"


def _gateway(job: Job) -> tuple[str, Path, set[str]]:
    """Return the gateway's name, its key, and the labels that it has already."""
    if job.gateway is not None:
        return job.gateway.name, job.gateway.key_file, set()
    settings = load_settings(job.config)
    if any(bus.name == job.bus for bus in settings.buses):
        raise ConfigurationError(f"{job.config} has a bus {job.bus} already: give another --bus")
    labels = {meter.label for bus in settings.buses for meter in bus.meters}
    return settings.gateway, settings.key_file, labels


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
                raise ConfigurationError(f"{public} is of another key than {key_file}")
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the gateway's public key: {error.strerror}: {public}; "
            f"make it with: edge-agent keygen {key_file}"
        ) from None
    except ContractError as error:
        raise ConfigurationError(f"{key_file} or {public}: {error}") from None
    return found


def _look(job: Job, open_line: LineOpener, progress: Callable[[Progress], None]) -> Scan:
    """Find the meters: those of the list, or whatever answers."""
    speeds = BAUDRATES if job.baudrate is None else (job.baudrate,)
    wanted = [door for each in job.listed if (door := each.door) is not None]
    if job.listed and not wanted:
        return Scan()
    return scan(
        open_line,
        wanted or doors(job.addresses),
        baudrates=speeds,
        clients=(PUBLIC_CLIENT, READER_CLIENT) if wanted else (PUBLIC_CLIENT,),
        progress=progress,
    )


def list_found(
    found: Sequence[FoundMeter], ask: Ask, labels: set[str], tell: Callable[[str], None]
) -> tuple[Listed, ...]:
    """Make a list of the meters that a scan found, with the labels that a person gives.

    Args:
        found: the meters.
        ask: asks for a label.
        labels: those that other meters have; the new ones are added.
        tell: says why an answer is asked for again.
    """
    listed: list[Listed] = []
    for meter in found:
        label = ask(meter).strip()
        while label and (label in labels or not is_label(label)):
            taken = label in labels
            tell("another meter has this label" if taken else "a label has 1 to 64 characters")
            label = ask(meter).strip()
        if label:
            labels.add(label)
            door = meter.door
            listed.append(
                Listed(
                    label,
                    max(1, door.physical),
                    logical_address=door.logical,
                    address_bytes=door.form,
                )
            )
    return tuple(listed)


def examine_all(  # noqa: PLR0917
    job: Job,
    open_line: LineOpener,
    lockout: Lockout,
    sheet: Sheet,
    listed: Sequence[Listed],
    found: Sequence[FoundMeter],
    now: Callable[[], datetime],
    tell: Callable[[str], None],
) -> None:
    """Examine each listed meter and put it on the sheet; see `commission`."""
    plates = {meter.door: meter.plate for meter in found}
    with open_line(sheet.baudrate) as line:
        for number, each in enumerate(listed, 1):
            door = each.door
            if door is None or door not in plates:
                shared = any(conflict.door == door for conflict in sheet.conflicts)
                said_why = "several meters answer at this address" if shared else "did not answer"
                sheet.lines.append(Line(each, problem=said_why))
                continue

            def said(text: str, each: Listed = each, number: int = number) -> None:
                tell(f"{number} of {len(listed)}, {each.label}: {text}")

            said("name plate")
            plate = plates.get(door) or see_plate(line, door.config(each.label))
            known = plate if isinstance(plate, Plate) else None
            config = meter_config(each, known, job.password_file, job.models_dir)
            if isinstance(plate, Trouble) and plate.silent:
                sheet.lines.append(Line(each))
                continue
            read = partial(
                examine,
                now=now,
                lockout=lockout,
                frames=job.frames,
                plate=known,
                is_time_known=sheet.clock_synchronised,
                tell=said,
            )
            examined = read(line, config)
            kinds = {each.kind for each in examined.troubles}
            if FindingKind.WRONG_DEVIATION_SIGN in kinds:
                examined = read(line, _turned(config))
                examined.remarks.append(
                    "it writes its time zone the other way round: deviation_sign = "
                    f"{examined.config.deviation_sign} is set"
                )
            if isinstance(plate, Trouble) and examined.meter is None:
                examined.troubles.insert(0, plate)
            sheet.lines.append(Line(each, examined, is_time_known=sheet.clock_synchronised))


def meter_config(
    listed: Listed, plate: Plate | None, password_file: Path | None, models_dir: Path | None
) -> MeterConfig:
    """Return how a listed meter is read.

    Raises:
        ConfigurationError: the list has a value that a meter cannot have, or an unknown model.
    """
    given = Path(listed.password_file).absolute() if listed.password_file else password_file
    keys = {
        name: Path(path).absolute() if (path := getattr(listed, name)) else None
        for name in (
            "encryption_key_file",
            "authentication_key_file",
            "signing_key_file",
            "meter_public_key_file",
        )
    }
    nothing = given is None and not any(keys.values())
    client = listed.client or (PUBLIC_CLIENT if nothing else None)
    config: MeterConfig = validated(
        MeterConfig,
        label=listed.label,
        address=listed.address,
        logical_address=listed.logical_address,
        address_bytes=listed.address_bytes,
        model=listed.model or (plate.guess.model if plate else "generic"),
        client=client,
        security=listed.security,
        security_suite=listed.security_suite,
        password_file=None if client == PUBLIC_CLIENT else given,
        **keys,
        models_dir=models_dir,
    )
    load(config.model, models_dir)
    return config


def _turned(config: MeterConfig) -> MeterConfig:
    """Return how a meter is read that writes its time zone the other way than its model."""
    sign = load(config.model, config.models_dir).deviation_sign
    return config.model_copy(update={"deviation_sign": -sign})


def check_settings(path: Path, text: str, *, place: bool = False) -> None:
    """Read settings as the agent will, and write them where that is wanted.

    Raises:
        ConfigurationError: they cannot be written, or the agent would refuse them.
    """
    with _beside(path) as draft:
        draft.write_text(text, encoding="utf-8")
        try:
            load_settings(draft)
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace(str(draft), str(path))) from None
        if place:
            _place(draft, path)


def _is_there(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is there already: add this line to it with --add, or replace it with --force"
    )


def write_sheet(folder: Path, sheet: Sheet) -> tuple[Path, Path]:
    """Write the sheet as HTML and as JSON; return both paths.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    name = f"commissioning-{sheet.gateway}-{sheet.bus}"
    paths = folder / f"{name}.html", folder / f"{name}.json"
    document = json.dumps(sheet.document(), ensure_ascii=False, indent=2)
    for path, text in zip(paths, (html(sheet), document + "\n"), strict=True):
        with _beside(path) as draft:
            draft.write_text(text, encoding="utf-8")
            _place(draft, path)
    return paths


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield a new file in the folder of ``path``; what is left of it at the end is removed."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _place(draft: Path, path: Path) -> None:
    """Give a finished draft its name."""
    draft.chmod(0o644)
    draft.replace(path)

# SPDX-License-Identifier: GPL-2.0-only
"""The trial: one real meter read from a laptop, with nothing set up.

In: how to open the line, and what is known of the meter: nothing, or speed, address, password.
Out: a `Trial`. Never: a broker, a configuration; a file, except for what the meter refused.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from edge_agent.dlms.security import PUBLIC_CLIENT
from edge_agent.install import advice_texts
from edge_agent.install.addresses import HdlcAddress, hdlc_addresses
from edge_agent.install.examination import Examination, Trouble
from edge_agent.install.examine import examine, see_plate
from edge_agent.install.lockout import Lockout
from edge_agent.install.options import validated
from edge_agent.install.scan import BAUDRATES, LineOpener, scan
from edge_agent.install.scan_result import FoundMeter, Progress, Scan
from edge_agent.poll.name_plate import Plate
from edge_agent.settings.bus import MeterConfig


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of the meter; the trial finds out what is None."""

    baudrate: int | None = None
    address: int | None = None
    logical: int = 1
    addresses: Sequence[int] = ()
    """Where to look for a meter whose address is not known."""
    model: str | None = None
    client: int | None = None
    security: str | None = None
    password_file: Path | None = None
    encryption_key_file: Path | None = None
    authentication_key_file: Path | None = None
    security_suite: int = 0
    signing_key_file: Path | None = None
    meter_public_key_file: Path | None = None
    models_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """The meters that were found and what the one that was asked for said, or what failed."""

    meters: tuple[FoundMeter, ...] = ()
    """All that answered; of several none is read before one is chosen."""
    found: FoundMeter | None = None
    """The one that was read."""
    examination: Examination | None = None
    troubles: tuple[Trouble, ...] = ()
    """Of the search."""
    clock_synchronised: bool = True
    """Whether a time service keeps this machine's time: the meter's clock is compared with it."""

    @property
    def all_troubles(self) -> list[Trouble]:
        """What failed, in the search and in the reading."""
        return [*self.troubles, *(self.examination.troubles if self.examination else ())]

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        found = self.found
        return {
            "baudrate": found.baudrate if found else None,
            "address_bytes": found.hdlc.size if found else None,
            "clock_synchronised": self.clock_synchronised,
            "model_because": found.plate.guess.because if found and found.plate else None,
            "meter": self.examination.document() if self.examination else None,
            "meters": [each.document() for each in self.meters],
            "troubles": [each.document() for each in self.all_troubles],
        }


def trial(
    open_line: LineOpener,
    target: Target,
    now: Callable[[], datetime],
    lockout: Lockout,
    *,
    is_time_known: bool = True,
    progress: Callable[[Progress], None] = lambda _progress: None,
    tell: Callable[[str], None] = lambda _text: None,
) -> Trial:
    """Find a meter and read it.

    Args:
        open_line: opens the line at a speed.
        target: what is known.
        now: this machine's time, aware.
        lockout: what the meter refused before; it does not get that again.
        is_time_known: whether a time service keeps this machine's time.
        progress: called during the search.
        tell: takes a few words on what goes on.

    Raises:
        ConfigurationError: the port, the model or the password file cannot be used.
        BusError: the adapter vanished.
    """
    meters, troubles = _find(open_line, target, progress)
    if len(meters) != 1:
        return Trial(meters, troubles=troubles, clock_synchronised=is_time_known)
    (found,) = meters
    with open_line(found.baudrate) as line:
        if found.plate is None and found.client == PUBLIC_CLIENT:
            tell("name plate")
            where = found.hdlc.config(f"meter {found.hdlc}", target.models_dir)
            seen = see_plate(line, where)
            if isinstance(seen, Trouble):
                troubles = (*troubles, seen)
            else:
                found = replace(found, plate=seen)
        examination = None
        if not any(each.silent for each in troubles):
            examination = examine(
                line,
                _config(found.hdlc, target, found.plate),
                now,
                lockout,
                plate=found.plate,
                is_time_known=is_time_known,
                tell=tell,
            )
    return Trial((found,), found, examination, troubles, is_time_known)


def _find(
    open_line: LineOpener, target: Target, progress: Callable[[Progress], None]
) -> tuple[tuple[FoundMeter, ...], tuple[Trouble, ...]]:
    """Return where meters are; search for what is not known of the one that is asked for."""
    if target.address is not None and target.baudrate is not None:
        return (FoundMeter(_wanted(target)[-1], target.baudrate, None),), ()
    looked = _look(open_line, target, progress)
    return looked.meters, tuple(_search_troubles(looked, len(_wanted(target))))


def _look(open_line: LineOpener, target: Target, progress: Callable[[Progress], None]) -> Scan:
    """Look for meters: by the short address at every speed, then everywhere.

    All meters of a line answer at the short address, so one that is heard there is alone.
    """
    speeds = BAUDRATES if target.baudrate is None else (target.baudrate,)
    wanted = _wanted(target)
    looked = Scan()
    for places in ([wanted[:1]] if target.address is None else []) + [wanted]:
        looked = scan(
            open_line,
            places,
            baudrates=speeds,
            clients=tuple(dict.fromkeys((PUBLIC_CLIENT, target.client or PUBLIC_CLIENT))),
            models_dir=target.models_dir,
            progress=progress,
        )
        if looked.meters:
            break
    return looked


def _search_troubles(looked: Scan, addresses: int) -> Iterator[Trouble]:
    if not looked.meters and looked.conflicts:
        where = looked.conflicts[0]
        said = f"something answers at {where.hdlc}, {where.baudrate} baud, that is not one meter"
        yield Trouble("finding it", said, advice_texts.CONFLICT)
    elif not looked.meters:
        said = f"no meter answers at {addresses} addresses and {len(looked.baudrates)} speeds"
        yield Trouble("finding it", said, advice_texts.SILENCE)
    elif len(looked.meters) > 1:
        said = f"{len(looked.meters)} meters answer, and none was chosen"
        yield Trouble("choosing one", said, advice_texts.CHOOSE)
    if looked.unasked:
        said = f"{looked.unasked} bytes came before anybody was asked"
        yield Trouble("the line", said, advice_texts.UNASKED)


def _wanted(target: Target) -> tuple[HdlcAddress, ...]:
    """Return where to probe: at the given address alone, if there is one."""
    if target.address is None:
        return hdlc_addresses(target.addresses, logical=(target.logical,))
    return hdlc_addresses((target.address,), logical=(target.logical,))[-1:]


def _config(hdlc: HdlcAddress, target: Target, plate: Plate | None) -> MeterConfig:
    """Return how to read the meter: as the reader with a password, else as the public client."""
    known = hdlc.config("the meter")
    nothing = target.password_file is None and target.encryption_key_file is None
    config: MeterConfig = validated(
        MeterConfig,
        **{
            **known.model_dump(),
            "model": target.model or (plate.guess.model if plate else "generic"),
            "client": target.client or (PUBLIC_CLIENT if nothing else None),
            "security": target.security,
            "password_file": target.password_file,
            "encryption_key_file": target.encryption_key_file,
            "authentication_key_file": target.authentication_key_file,
            "security_suite": target.security_suite,
            "signing_key_file": target.signing_key_file,
            "meter_public_key_file": target.meter_public_key_file,
            "models_dir": target.models_dir,
        },
    )
    return config

# SPDX-License-Identifier: GPL-2.0-only
"""The trial: one real meter on a laptop, from nothing set to what it says.

In: how to open the line, and what is known of the meter: nothing, or speed, address, password.
Out: a `Trial`. Never: a broker, a configuration; a file, but for what the meter refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge_agent.install import advice
from edge_agent.install.examine import Examination, Trouble, examine, see_plate
from edge_agent.install.lockout import Lockout
from edge_agent.install.options import validated
from edge_agent.install.scan import (
    BAUDRATES,
    Door,
    FoundMeter,
    LineOpener,
    Progress,
    Scan,
    doors,
    scan,
)
from edge_agent.poll.name_plate import Plate
from edge_agent.poll.sessions import PUBLIC_CLIENT
from edge_agent.settings import MeterConfig


@dataclass(frozen=True, slots=True)
class Wish:
    """What is known of the meter; None is found out."""

    baudrate: int | None = None
    address: int | None = None
    logical: int = 1
    addresses: Sequence[int] = ()
    """Where to look for a meter without a known address."""
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


@dataclass(slots=True)
class Trial:
    """What came of it."""

    examination: Examination | None = None
    found: FoundMeter | None = None
    troubles: list[Trouble] = field(default_factory=list)
    clock_synchronised: bool = True
    """Whether a time service keeps this machine's time, which the meter's is held against."""

    @property
    def all_troubles(self) -> list[Trouble]:
        """What failed, of the search and of the reading."""
        return [*self.troubles, *(self.examination.troubles if self.examination else [])]

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        found = self.found
        return {
            "baudrate": found.baudrate if found else None,
            "address_bytes": found.door.size if found else None,
            "clock_synchronised": self.clock_synchronised,
            "model_because": found.plate.guess.because if found and found.plate else None,
            "meter": self.examination.document() if self.examination else None,
            "troubles": [
                {"step": each.step, "said": each.said, "advice": each.advice}
                for each in self.all_troubles
            ],
        }


def trial(
    open_line: LineOpener,
    wish: Wish,
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
        wish: what is known.
        now: this machine's time, aware.
        lockout: what the meter refused before; it is not sent again.
        is_time_known: whether a time service keeps this machine's time.
        progress: called while the meter is looked for.
        tell: takes a few words on what is being done.

    Raises:
        ConfigurationError: the port, the model or the password file cannot be used.
        BusError: the adapter vanished.
    """
    result = Trial(clock_synchronised=is_time_known)
    if wish.address is None or wish.baudrate is None:
        _find(open_line, wish, result, progress)
    else:
        door = _wanted(wish)[-1]
        result.found = FoundMeter(door, wish.baudrate, None)
    found = result.found
    if found is None:
        return result
    with open_line(found.baudrate) as line:
        plate = found.plate
        if plate is None:
            tell("name plate")
            seen = see_plate(line, found.door.config(f"meter {found.door}"))
            if isinstance(seen, Trouble):
                result.troubles.append(seen)
                if seen.silent:
                    return result
            else:
                plate = seen
                result.found = FoundMeter(found.door, found.baudrate, plate)
        result.examination = examine(
            line,
            _config(found.door, wish, plate),
            now,
            lockout,
            plate=plate,
            is_time_known=is_time_known,
            tell=tell,
        )
    return result


def _find(
    open_line: LineOpener, wish: Wish, result: Trial, progress: Callable[[Progress], None]
) -> None:
    """Look for the meter: by the short address at every speed, then everywhere."""
    speeds = BAUDRATES if wish.baudrate is None else (wish.baudrate,)
    looked = Scan()
    wanted = _wanted(wish)
    for places in ([wanted[:1]] if wish.address is None else []) + [wanted]:
        looked = scan(open_line, places, baudrates=speeds, enough=1, progress=progress)
        if looked.meters:
            break
    if looked.meters:
        result.found = looked.meters[0]
    elif looked.conflicts:
        where = looked.conflicts[0]
        said = f"something answers at {where.door}, {where.baudrate} baud, that is not one meter"
        result.troubles.append(Trouble("finding it", said, advice.CONFLICT))
    else:
        said = f"no meter answers at {len(wanted)} addresses and {len(speeds)} speeds"
        result.troubles.append(Trouble("finding it", said, advice.SILENCE))
    if looked.unasked:
        said = f"{looked.unasked} bytes came before anybody was asked"
        result.troubles.append(Trouble("the line", said, advice.UNASKED))


def _wanted(wish: Wish) -> tuple[Door, ...]:
    """Return where to knock; a meter whose address is given is not looked for elsewhere."""
    if wish.address is None:
        return doors(wish.addresses, logical=(wish.logical,))
    return doors((wish.address,), logical=(wish.logical,))[-1:]


def _config(door: Door, wish: Wish, plate: Plate | None) -> MeterConfig:
    """Return how the meter is read: as the reader with a password, else as the public client."""
    known = door.config("the meter")
    nothing = wish.password_file is None and wish.encryption_key_file is None
    config: MeterConfig = validated(
        MeterConfig,
        **{
            **known.model_dump(),
            "model": wish.model or (plate.guess.model if plate else "generic"),
            "client": wish.client or (PUBLIC_CLIENT if nothing else None),
            "security": wish.security,
            "password_file": wish.password_file,
            "encryption_key_file": wish.encryption_key_file,
            "authentication_key_file": wish.authentication_key_file,
            "security_suite": wish.security_suite,
            "signing_key_file": wish.signing_key_file,
            "meter_public_key_file": wish.meter_public_key_file,
            "models_dir": wish.models_dir,
        },
    )
    return config

# SPDX-License-Identifier: GPL-2.0-only
"""The examination of the listed meters of a line, one after the other.

In: the open line, a scan of it, the list. Out: an `Entry` of the sheet for each listed meter.
Never: a meter that the scan did not find; a file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from edge_agent.dlms.exchange import Transport
from edge_agent.dlms.security import PUBLIC_CLIENT
from edge_agent.install.examination import Examination, Trouble
from edge_agent.install.examine import examine, see_plate
from edge_agent.install.lockout import Lockout
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.options import validated
from edge_agent.install.scan_result import Scan
from edge_agent.install.sheet import Entry
from edge_agent.meters.model import load
from edge_agent.poll.finding import Finding, FindingKind
from edge_agent.poll.name_plate import Plate
from edge_agent.settings.bus import MeterConfig


@dataclass(frozen=True, slots=True)
class Visit:
    """What is the same for all meters of a line while they are examined."""

    found: Scan
    """Where which meters answer."""
    lockout: Lockout
    now: Callable[[], datetime]
    tell: Callable[[str], None]
    frames: int
    """How many frames must pass at each meter to count errors."""
    password_file: Path | None
    """For meters to which the list gives none."""
    models_dir: Path | None
    clock_synchronised: bool

    def examine_all(self, line: Transport, listed: Sequence[ListedMeter]) -> Iterator[Entry]:
        """Examine each listed meter and yield its entry on the sheet."""
        for number, each in enumerate(listed, 1):
            yield self._entry(line, each, f"{number} of {len(listed)}, {each.label}")

    def _entry(self, line: Transport, listed: ListedMeter, progress: str) -> Entry:
        meters = {meter.hdlc: meter for meter in self.found.meters}
        hdlc = listed.hdlc
        if hdlc is None or hdlc not in meters:
            shared = any(conflict.hdlc == hdlc for conflict in self.found.conflicts)
            why = "several meters answer at this address" if shared else "did not answer"
            return Entry(listed, problem=why)

        def tell(text: str) -> None:
            self.tell(f"{progress}: {text}")

        tell("name plate")
        plate: Plate | Trouble | None = meters[hdlc].plate
        if plate is None and meters[hdlc].client == PUBLIC_CLIENT:
            plate = see_plate(line, hdlc.config(listed.label, self.models_dir))
        known = plate if isinstance(plate, Plate) else None
        config = meter_config(listed, known, self.password_file, self.models_dir)
        examined = self._examine(line, config, known, tell)
        if isinstance(plate, Trouble) and examined.meter is None:
            examined = replace(examined, troubles=(plate, *examined.troubles))
        return Entry(listed, examined, is_time_known=self.clock_synchronised)

    def _examine(
        self, line: Transport, config: MeterConfig, plate: Plate | None, tell: Callable[[str], None]
    ) -> Examination:
        """Examine a meter; one that writes its time zone the other way is examined again."""
        read = partial(
            examine,
            line,
            now=self.now,
            lockout=self.lockout,
            frames=self.frames,
            plate=plate,
            is_time_known=self.clock_synchronised,
            tell=tell,
        )
        examined = read(config)
        sign = fitting_sign(each.finding for each in examined.troubles if each.finding is not None)
        if sign is None:
            return examined
        turned = read(config.model_copy(update={"deviation_sign": sign}))
        return replace(turned, remarks=(*turned.remarks, _of_sign(sign)))


def fitting_sign(findings: Iterable[Finding]) -> int | None:
    """Return the deviation_sign with which the meter's clock is right, if another is set."""
    for each in findings:
        if each.kind is FindingKind.WRONG_DEVIATION_SIGN:
            sign = each.values.get("sign")
            return sign if isinstance(sign, int) else None
    return None


def _of_sign(sign: int) -> str:
    """Say why the deviation_sign of a meter is set."""
    if sign == 0:
        return "it writes local time and no true deviation: deviation_sign = 0 is set"
    return f"it writes its time zone the other way round: deviation_sign = {sign} is set"


def meter_config(
    listed: ListedMeter, plate: Plate | None, password_file: Path | None, models_dir: Path | None
) -> MeterConfig:
    """Return how to read a listed meter.

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
        listed=listed.label,
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

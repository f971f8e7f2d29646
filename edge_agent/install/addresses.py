# SPDX-License-Identifier: GPL-2.0-only
"""HDLC addresses as an installer writes them, and in the form in which they go over the line.

In: texts such as ``1-127,200``. Out: `HdlcAddress` values, the short form first.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge_agent.dlms.hdlc import server_address
from edge_agent.dlms.security import PUBLIC_CLIENT
from edge_agent.errors import ConfigurationError
from edge_agent.settings.bus import MeterConfig

DEFAULT_ADDRESSES: Final = "1-127"
DEFAULT_LONG: Final = "16,32,256,1000"
"""Addresses to try in the four-byte form as well: factory settings of some makers."""
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HdlcAddress:
    """One HDLC address, in the form in which it is written on the line."""

    logical: int
    physical: int
    size: int
    """Bytes: 1 has no physical part, 2 holds parts up to 127, 4 up to 16381."""

    def __str__(self) -> str:
        place = f"{self.logical}" if self.size == 1 else f"{self.logical}/{self.physical}"
        return f"{place} ({self.size} byte{'s' if self.size > 1 else ''})"

    def config(self, label: str, models_dir: Path | None = None) -> MeterConfig:
        """Return how a session of the public client reaches it."""
        return MeterConfig(
            label=label,
            address=max(1, self.physical),
            logical_address=self.logical,
            address_bytes=self.form,
            client=PUBLIC_CLIENT,
            models_dir=models_dir,
        )

    @property
    def server(self) -> bytes:
        """The address as it goes over the line."""
        return server_address(self.logical, self.physical, size=self.size)

    @property
    def form(self) -> Literal[1, 4] | None:
        """What ``address_bytes`` must be set to; None: the address alone tells."""
        if self.size == 1:
            return 1
        return 4 if self.size == 4 and max(self.logical, self.physical) < 128 else None


def parse_addresses(text: str) -> tuple[int, ...]:
    """Read addresses such as ``1-127,200``.

    Raises:
        ConfigurationError: it is something else.
    """
    found: list[int] = []
    for part in filter(None, text.replace(" ", "").split(",")):
        match = _RANGE.fullmatch(part)
        first, last = (0, 0) if match is None else (int(match[1]), int(match[2] or match[1]))
        if not 1 <= first <= last <= 0x3FFD:
            raise ConfigurationError(
                f"{part!r} is no address: give numbers from 1 to 16381 and ranges, as in 1-127,200"
            )
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))


def hdlc_addresses(
    addresses: Iterable[int], *, logical: Sequence[int] = (1,), long: Iterable[int] = ()
) -> tuple[HdlcAddress, ...]:
    """Return which addresses to probe: the short one first, it finds a meter that is alone.

    Args:
        addresses: physical addresses; above 127 they are written in four bytes.
        logical: upper addresses, 1 for the meter itself.
        long: addresses to try in four bytes as well, whatever their size.
    """
    found = [HdlcAddress(upper, 0, 1) for upper in logical if upper < 128]
    for upper in logical:
        found += [
            HdlcAddress(upper, lower, 2 if max(upper, lower) < 128 else 4) for lower in addresses
        ]
        found += [HdlcAddress(upper, lower, 4) for lower in long]
    return tuple(dict.fromkeys(found))

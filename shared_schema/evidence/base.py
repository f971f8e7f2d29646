# SPDX-License-Identifier: MIT
"""The base of what a flag rests on: one model a kind, with a schema name of its own.

A new kind is one class, and its line in the table of `shared_schema.evidence`. Quantities are exact
decimals in texts, times are UTC. A consumer ignores fields that it does not know.
"""

from typing import Any, ClassVar

from shared_schema.message import Label, Part


class Evidence(Part):
    """What a flag rests on, in fields that a program can read."""

    SCHEMA: ClassVar[str]
    AMOUNT: ClassVar[str | None] = None
    """The field that counts up while the flag is open: a flag is sent again when it has doubled."""
    NEWS: ClassVar[tuple[str, ...]] = ()
    """Fields whose change is told, such as the months that wait."""

    def document(self) -> dict[str, Any]:
        """Return the fields as they are sent."""
        return self.model_dump(mode="json", by_alias=True)


class MeterEvidence(Evidence):
    """What rests on one meter."""

    manufacturer: Label
    serial: Label
    source: str | None = None
    """Which meter of the unit: ``inlet``, ``kitchen``."""
    tower: Label | None = None

# SPDX-License-Identifier: MIT
"""The commissioning sheet, as ``edge-agent commission`` writes it for the file.

In: its JSON. Out: a `Sheet`: what was read of each meter on a line, by which gateway, when.

Raises: SheetRefused.
"""

from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cloud_ingest.core.typed_text import remark
from cloud_ingest.errors import SheetRefused
from shared_schema.message import DecimalText, GatewayName

IN_SERVICE = frozenset({"green", "amber"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SheetDial(_Part):
    """The dial of a water meter beside the register of its module."""

    at: AwareDatetime
    dial_m3: DecimalText
    register_m3: DecimalText


class SheetExamination(_Part):
    """What a meter said of itself; a meter that is not in service may have said neither."""

    manufacturer: str | None
    serial: str | None

    @property
    def meter(self) -> tuple[str, str] | None:
        """Maker and serial number."""
        if self.manufacturer is None or self.serial is None:
            return None
        return self.manufacturer, self.serial


class SheetMeter(_Part):
    """One meter of the line."""

    label: str
    verdict: str = "red"
    dial: SheetDial | None = None
    examination: SheetExamination | None = None
    seals: tuple[str, ...] = ()

    @property
    def in_service(self) -> tuple[str, str] | None:
        """Maker and serial number of a meter that went into service; None: it did not."""
        if self.examination is None or self.verdict not in IN_SERVICE:
            return None
        return self.examination.meter


class Sheet(_Part):
    """A line of meters, as it was commissioned."""

    gateway: GatewayName
    key_fingerprint: str = ""
    at: AwareDatetime | None = None
    by: str = ""
    clock_synchronised: bool = False
    meters: tuple[SheetMeter, ...] = Field(min_length=1)

    def author(self, by: str | None) -> str:
        """Return who says so: the one that is named, or else who commissioned."""
        if not (author := (by if by is not None else self.by).strip()):
            raise SheetRefused("the sheet does not say who commissioned: give --by")
        return remark(author, "--by")


def sheet_text(path: Path) -> str:
    """Return the text of a sheet's file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SheetRefused(f"cannot read the sheet: {reason}: {path}") from None


def read_sheet(text: str) -> Sheet:
    """Read a sheet's JSON."""
    try:
        return Sheet.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SheetRefused(f"this is no commissioning sheet: {where}: {first['msg']}") from None

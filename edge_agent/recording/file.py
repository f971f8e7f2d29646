# SPDX-License-Identifier: GPL-2.0-only
"""A recording: what one meter answered, as lines of JSON that a person can read.

The first line says of which meter and when. Each other line is an answer: to a request to
associate, or to the GET of one attribute. A line names what was asked by its meaning, so that
another session under other addresses and numbers finds the answer. `docs/reference/recording.md`
has every field.

In: values, or the text of a file. Out: the text, or a `Recording`.
Never: a password, key, challenge or proof: none of these has a field; a file that is read beyond
`MAX_BYTES`.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from edge_agent.errors import ConfigurationError, Setup
from shared_schema.obis import Obis

FORMAT: Final = "meter-recording"
VERSION: Final = 1
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_LINES: Final = 20_000
_MAX_ANSWER: Final = 1024 * 1024
"""Bytes of one answer, at most."""
_Seconds = Annotated[float, Field(ge=0, le=86400)]
_Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$", max_length=2 * _MAX_ANSWER)]
_Stamp = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
_Place = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(_Line):
    """The meter, its link, and when it was recorded."""

    line: Literal["meter"] = "meter"
    format: Literal["meter-recording"] = FORMAT
    version: Literal[1] = VERSION
    at: AwareDatetime
    """When the recording began, by the recording machine's clock."""
    model: Annotated[str, Field(max_length=64)] = ""
    """The model by which it was read."""
    serial: Literal["replaced", "kept"]
    physical: Annotated[int, Field(ge=0, le=16383)]
    logical: Annotated[int, Field(ge=0, le=16383)]
    ua: _Hex | None = None
    """The information field of the UA, as it was sent."""
    not_ready: bool = False
    """It put answers off by RNR."""
    not_final: bool = False
    """Its answers lacked the final bit."""
    slow_s: Annotated[float, Field(ge=0, le=5)] = 0.0
    """How long it usually thought, where that is 0.1 s or more."""
    list_answer: _Hex | None = None
    """What it answered to a GET of several attributes, where that was no list."""


class Associated(_Line):
    """What answered a request to associate."""

    line: Literal["association"] = "association"
    client: Annotated[int, Field(ge=1, le=127)]
    mechanism: Annotated[int, Field(ge=0, le=255)]
    """0 none, 1 password, above that a challenge."""
    ciphered: bool = False
    """What it said came ciphered: it stands here as it was deciphered."""
    apdu: _Hex
    """The AARE, without title, challenge and mechanism of a higher security; or what refused."""


class Got(_Line):
    """What answered the GET of one attribute."""

    line: Literal["get"] = "get"
    obis: Obis
    class_id: Annotated[int, Field(ge=0, le=0xFFFF)]
    attribute: Annotated[int, Field(ge=-128, le=127)]
    rows_from: _Stamp | None = None
    """The first date-time of a range of rows, 12 octets; `rows_to` has the last."""
    rows_to: _Stamp | None = None
    first_row: _Place | None = None
    """The first place of rows, from 1; `last_row` has the last."""
    last_row: _Place | None = None
    at_s: _Seconds
    """Seconds since the recording began."""
    data: _Hex | None = None
    """The value, A-XDR, as it was sent."""
    denied: Annotated[int, Field(ge=0, le=255)] | None = None
    """The data-access-result that came instead."""
    apdu: _Hex | None = None
    """The APDU that came instead of a GET response of one value."""
    block: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    """The value came in blocks of so many octets."""
    means: Annotated[str, Field(max_length=200)] = ""
    """The answer in words, for a person."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if [self.data, self.denied, self.apdu].count(None) != 2:
            raise ValueError("one of data, denied and apdu is given")
        if (self.rows_from is None) != (self.rows_to is None):
            raise ValueError("rows_from and rows_to come together")
        if (self.first_row is None) != (self.last_row is None):
            raise ValueError("first_row and last_row come together")
        if self.rows_from is not None and self.first_row is not None:
            raise ValueError("rows are asked by time or by place")
        return self


class Recording(_Line):
    """A whole file."""

    head: Head
    associations: tuple[Associated, ...]
    answers: tuple[Got, ...]

    def text(self) -> str:
        """Return the file's text."""
        lines: tuple[BaseModel, ...] = (self.head, *self.associations, *self.answers)
        return "".join(
            each.model_dump_json(exclude_defaults=False, exclude_none=True) + "\n" for each in lines
        )


_AnyLine = Annotated[Head | Associated | Got, Field(discriminator="line")]
_ADAPTER: Final[TypeAdapter[Head | Associated | Got]] = TypeAdapter(_AnyLine)


def parse(data: bytes, where: str) -> Recording:
    """Read the bytes of a file.

    Args:
        data: all of them.
        where: names the file in an error.

    Raises:
        ConfigurationError: it is no recording; the text names the line and what is wrong.
    """
    if len(data) > MAX_BYTES:
        raise _damaged(f"{where} is longer than {MAX_BYTES} bytes")
    lines = data.split(b"\n")
    if lines[-1:] == [b""]:
        lines.pop()
    if len(lines) > MAX_LINES:
        raise _damaged(f"{where} has more than {MAX_LINES} lines")
    if not lines:
        raise _damaged(f"{where} is empty")
    found = [_line(line, f"{where}, line {number}") for number, line in enumerate(lines, 1)]
    head = found[0]
    if not isinstance(head, Head):
        raise _damaged(f'{where}, line 1: a recording begins with "line": "meter"')
    for number, each in enumerate(found[1:], 2):
        if isinstance(each, Head):
            raise _damaged(f"{where}, line {number}: a second meter; a recording is of one")
    return Recording(
        head=head,
        associations=tuple(each for each in found if isinstance(each, Associated)),
        answers=tuple(each for each in found if isinstance(each, Got)),
    )


def _line(line: bytes, where: str) -> Head | Associated | Got:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise _damaged(f"{where}: no JSON") from None
    if isinstance(document, dict) and document.get("line") == "meter":
        kind, version = document.get("format"), document.get("version")
        if kind == FORMAT and isinstance(version, int) and version != VERSION:
            raise _damaged(f"{where}: version {version}; this program reads version {VERSION}")
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(each) for each in first["loc"] if each not in _KINDS)
        said = first["msg"].removeprefix("Value error, ")
        raise _damaged(f"{where}: {place + ': ' if place else ''}{said}") from None


_KINDS: Final = ("meter", "association", "get")


def _damaged(text: str) -> ConfigurationError:
    return ConfigurationError(text, of=Setup.RECORDING)


def load_recording(path: Path) -> Recording:
    """Read a file.

    Raises:
        ConfigurationError: it cannot be read, or is no recording.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the recording: {error.strerror}: {path}", of=Setup.FILE
        ) from None
    return parse(data, str(path))


def check_place(path: Path, *, force: bool) -> None:
    """Make sure that a recording can be written, before a meter is asked for it.

    Raises:
        ConfigurationError: something is there, or the folder is not there.
    """
    if path.is_dir() or (not force and os.path.lexists(path)):
        raise _there(path)
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise ConfigurationError(f"cannot write into {path.absolute().parent}", of=Setup.FILE)


def save_recording(recording: Recording, path: Path, *, force: bool) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises:
        ConfigurationError: it cannot be written, or something is there.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(recording.text())
                file.flush()
                os.fsync(file.fileno())
            if force:
                draft.replace(path)
            else:
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}", of=Setup.FILE) from None


def _there(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path} is there already and is not overwritten").advised(
        "take another name, or replace it with --force"
    )

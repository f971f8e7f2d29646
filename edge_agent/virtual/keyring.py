# SPDX-License-Identifier: GPL-2.0-only
"""The keys of a virtual meter, as its estate file gives them.

In: the table ``[bus.meter.security]``. Out: a `SecuritySpec`. Owns nothing.
Never a key that protects anything: an estate file is no place for one.
"""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agent.virtual.counter import SecuritySpec
from edge_agent.virtual.security import KeySet

_Hex = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$")]


class SecurityConfig(BaseModel):
    """The keys of a virtual meter: for tests and demonstrations, they protect nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encryption_key: _Hex
    authentication_key: _Hex
    suite: Literal[0, 1, 2] = 0
    system_title: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16}$")] | None = None
    """Without it, three letters of the maker and a number made of the serial number."""
    reader: Literal["lls", "lls-ae"] = "lls-ae"
    """How client 32 associates; client 48 always has GMAC."""
    reader_counter: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """The last counter that the meter took from client 32."""
    utility_counter: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """The same of client 48."""
    general: bool = False
    """Answers come as general-glo-ciphering."""
    explains: bool = True
    """A counter that is too low is answered with the expected one."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        size = 64 if self.suite == 2 else 32
        if len(self.encryption_key) != size or len(self.authentication_key) != size:
            raise ValueError(f"keys of suite {self.suite} have {size} hexadecimal digits")
        return self

    def spec(self, manufacturer: str, serial: str) -> SecuritySpec:
        """Return the same as bytes."""
        title = manufacturer[:3].upper().encode("ascii").ljust(3, b"X")
        title += hashlib.sha256(serial.encode("ascii")).digest()[:5]
        if self.system_title is not None:
            title = bytes.fromhex(self.system_title)
        return SecuritySpec(
            keys=KeySet(
                bytes.fromhex(self.encryption_key),
                bytes.fromhex(self.authentication_key),
                self.suite,
            ),
            title=title,
            reader_ciphered=self.reader == "lls-ae",
            reader_counter=self.reader_counter,
            utility_counter=self.utility_counter,
            general=self.general,
            explains=self.explains,
        )

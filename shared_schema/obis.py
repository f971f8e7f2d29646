# SPDX-License-Identifier: MIT
"""OBIS codes: the names of metered quantities (IEC 62056-6-1).

In: text ``1.0.1.8.0.255`` or the six bytes that a meter sends. Out: an `Obis`.
All six value groups are always there; nothing is guessed for a missing one.
"""

import functools
import re
from typing import Any, NamedTuple, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from shared_schema.errors import ObisError

_GROUP = r"(0|[1-9][0-9]{0,2})"
_PATTERN = re.compile(r"\.".join([_GROUP] * 6), re.ASCII)


@functools.lru_cache(maxsize=4096)
def _groups(text: str) -> tuple[int, int, int, int, int, int]:
    """Take a code apart; messages name the same few over and over."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ObisError(f"not an OBIS code of six groups A.B.C.D.E.F: {text[:40]!r}")
    a, b, c, d, e, f = map(int, match.groups())
    if max(a, b, c, d, e, f) > 255:
        raise ObisError(f"an OBIS group is 0 to 255: {text!r}")
    return a, b, c, d, e, f


class Obis(NamedTuple):
    """The six value groups of one code, each 0 to 255."""

    a: int
    b: int
    c: int
    d: int
    e: int
    f: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``A.B.C.D.E.F``: six decimal groups, no leading zeros, no blanks.

        Raises:
            ObisError: the text is anything else.
        """
        return cls(*_groups(text))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the six bytes of a logical name.

        Raises:
            ObisError: not six bytes.
        """
        if len(data) != 6:
            raise ObisError(f"a logical name has 6 bytes, not {len(data)}")
        return cls(*data)

    def __bytes__(self) -> bytes:
        return bytes(tuple(self))

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: type[Any], _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        from_text = core_schema.chain_schema(
            [
                core_schema.str_schema(pattern=rf"^{_PATTERN.pattern}$"),
                core_schema.no_info_plain_validator_function(cls.parse),
            ]
        )
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema(
                [core_schema.is_instance_schema(cls), from_text]
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema(pattern=rf"^{_PATTERN.pattern}$")
            ),
        )

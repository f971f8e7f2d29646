# SPDX-License-Identifier: GPL-2.0-only
"""A profile as an application of gurux-dlms reads it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gurux_dlms import GXByteBuffer, GXDateTime, GXDLMSClient
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.objects import GXDLMSClock, GXDLMSProfileGeneric, GXDLMSRegister

from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.obis import Obis
from tests.support.buffers import (
    PERIOD_S,
)


class Gurux:
    """A profile as an application of gurux-dlms reads it."""

    def __init__(self, *registers: Obis, period_s: int | None = PERIOD_S) -> None:
        self.client = GXDLMSClient(True, 32, 17, Authentication.NONE, None, InterfaceType.HDLC)
        self.profile: Any = GXDLMSProfileGeneric(str(BLOCK_LOAD_PROFILE))
        self.profile.addCaptureObject(GXDLMSClock(), 2, 0)
        self.registers = [GXDLMSRegister(str(obis)) for obis in registers]
        for register in self.registers:
            self.profile.addCaptureObject(register, 2, 0)
        if period_s is not None:
            self.profile.capturePeriod = period_s

    def read(self, data: bytes) -> list[list[Any]]:
        found = GXDLMSClient.getValue(GXByteBuffer(data), False)
        self.client.updateValue(self.profile, 2, found)
        rows: list[list[Any]] = self.profile.buffer
        return rows


def moment(found: Any) -> datetime:
    """Return the time that gurux gives."""
    assert isinstance(found, GXDateTime)
    assert isinstance(found.value, datetime)
    return found.value


def as_ours(rows: Sequence[Sequence[Any]]) -> tuple[tuple[int | None, ...], ...]:
    return tuple((int(moment(row[0]).timestamp()), None, *row[1:]) for row in rows)

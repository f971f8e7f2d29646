# SPDX-License-Identifier: GPL-2.0-only
"""The GET services of a virtual meter: one attribute, a list, and long answers in blocks.

In: requests of an association. Out: answers. Owns the answer that is being handed over in blocks.
Never: a service that the association did not agree on.
"""

from dataclasses import dataclass
from datetime import datetime

from edge_agent.virtual import axdr, cosem
from edge_agent.virtual.cosem import (
    AccessError,
    AccessResult,
    Attribute,
    Conformance,
    GetRequest,
)
from edge_agent.virtual.device import Association, Device

BLOCK_HEAD = 12
"""Tag, kind, invoke, last, number (4), choice and a length of up to three bytes."""


@dataclass(slots=True)
class _LongAnswer:
    data: bytes
    at: int = 0
    block: int = 0


class GetService:
    """Answers the GET requests of one client after another."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._long: _LongAnswer | None = None

    def forget(self) -> None:
        """Drop a long answer: the link or the association has ended."""
        self._long = None

    def answer(self, asked: GetRequest, association: Association, now: datetime) -> bytes:
        """Return the answer to one GET request."""
        if asked.kind == 2:
            return self._next(asked, association)
        self._long = None
        if asked.kind == 1:
            try:
                data = self._read(asked.attributes[0], association, now)
            except AccessError as error:
                return cosem.get_error(asked.invoke, error.result)
            answer = cosem.get_response(asked.invoke, data)
        else:
            if not association.conformance & Conformance.MULTIPLE_REFERENCES:
                return cosem.exception_response(2, 2)
            data = axdr.length(len(asked.attributes))
            for attribute in asked.attributes:
                try:
                    data += b"\x00" + self._read(attribute, association, now)
                except AccessError as error:
                    data += bytes((1, error.result))
            answer = cosem.get_list_response(asked.invoke, data)
        if len(answer) <= association.max_pdu:
            return answer
        if not association.conformance & Conformance.BLOCK_TRANSFER_GET:
            return cosem.get_error(asked.invoke, AccessResult.DATA_BLOCK_UNAVAILABLE)
        self._long = _LongAnswer(data)
        return self._block(asked.invoke, self._long, association)

    def _read(self, attribute: Attribute, association: Association, now: datetime) -> bytes:
        selective = association.conformance & Conformance.SELECTIVE_ACCESS
        if attribute.selection is not None and not selective:
            raise AccessError(AccessResult.SCOPE_OF_ACCESS_VIOLATED)
        return self._device.read(attribute, association.client, now)

    def _next(self, asked: GetRequest, association: Association) -> bytes:
        long = self._long
        if long is None:
            result = AccessResult.NO_LONG_GET_IN_PROGRESS
            return cosem.get_block_error(asked.invoke, asked.block, result)
        if asked.block != long.block:
            self._long = None
            result = AccessResult.DATA_BLOCK_NUMBER_INVALID
            return cosem.get_block_error(asked.invoke, asked.block, result)
        return self._block(asked.invoke, long, association)

    def _block(self, invoke: int, long: _LongAnswer, association: Association) -> bytes:
        start = long.at
        long.at += association.max_pdu - BLOCK_HEAD
        long.block += 1
        last = long.at >= len(long.data)
        if last:
            self._long = None
        return cosem.get_block(invoke, long.block, long.data[start : long.at], last=last)

# SPDX-License-Identifier: GPL-2.0-only
"""A tap on the line that keeps what a meter answered, so that a virtual meter can answer the same.

It keeps answers to requests that read. A request to associate is kept by its meaning alone, so its
password is in nothing that is kept. What a ciphered session says is kept as it was deciphered.

In: the transport of a session, the keys of the meter. Out: a transport, and a `Recording`.
Never: another byte on the line than without it; the proof of a password or key, or what a SET or an
ACTION wrote; an attribute that holds secrets.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from edge_agent.dlms import apdu
from edge_agent.dlms.axdr_types import length
from edge_agent.dlms.ciphering import REFUSALS, unseal
from edge_agent.dlms.exchange import Transport
from edge_agent.dlms.explain_apdu import data_in_words, is_secret
from edge_agent.dlms.security import Keys
from edge_agent.dlms.trace import Tap
from edge_agent.errors import AccessDenied, ProtocolViolation
from edge_agent.recording import association
from edge_agent.recording.file import Associated, Got, Head, Recording
from edge_agent.recording.listener import Exchanged, Listener
from edge_agent.recording.requests import Asked, asked
from edge_agent.recording.scrub import Scrubber
from shared_schema.obis import Obis

_AARQ, _AARE, _GET_RESPONSE = 0x60, 0x61, 0xC4
_NORMAL, _BLOCK, _LIST = 1, 2, 3
_GENERAL_GLO: Final = 0xDB
_OPENED: Final = frozenset((0xC8, 0xC9, 0xCB, 0xCC, 0xCD, 0xCF, _GENERAL_GLO))
"""Ciphered under EK and AK: glo-get, -set and -action, of both sides."""
_SEALED: Final = frozenset((*range(0xC8, 0xD8), *range(0xDB, 0xE0)))
"""Whatever is ciphered or signed."""
_SLOW_S: Final = 0.1
_LONGEST_WORDS: Final = 120


class Recorder(Tap):
    """A transport that keeps what passes through it."""

    def __init__(
        self,
        transport: Transport,
        keys: Keys | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the recorder between a session and its transport.

        Args:
            transport: what carries the bytes.
            keys: EK and AK of a meter whose answers are ciphered.
            monotonic: a clock, seconds.
        """
        super().__init__(transport)
        self._keys = keys
        self._monotonic = monotonic
        self._begun = monotonic()
        self._ear = Listener()
        self._titles: tuple[bytes, bytes] | None = None
        """The client's and the meter's, of a ciphered association."""
        self._pending: tuple[Asked, ...] = ()
        self._blocks = b""
        self._block_size = 0
        self._associations: dict[tuple[int, int, bool], Associated] = {}
        self._answers: dict[Asked, dict[str, Any]] = {}
        self._list_answer: bytes | None = None
        self._takes_lists = False
        self.sealed = 0
        """Answers that are not kept: they could not be deciphered."""

    @property
    def has_heard(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self._associations or self._answers or self._ear.link.ua is not None)

    # -------------------------------------------------------------- the transport

    def send(self, data: bytes) -> None:
        """Write bytes."""
        super().send(data)
        self._ear.sent(data, self._monotonic())

    def receive(self, timeout_s: float) -> bytes:
        """Return what came."""
        data = super().receive(timeout_s)
        if data:
            for each in self._ear.heard(data, self._monotonic()):
                self._take(each)
        return data

    # ------------------------------------------------------------------ the result

    def recording(
        self,
        at: datetime,
        *,
        model: str,
        place: tuple[int, int],
        secrets: Iterable[bytes],
        identity: tuple[Obis, int, int],
        keep_serial: bool,
    ) -> Recording:
        """Return what was kept, without secrets.

        Args:
            at: when the recording began, aware.
            model: by which the meter was read.
            place: its physical and logical address.
            secrets: what the session used: passwords and keys.
            identity: the attribute that has the serial number.
            keep_serial: whether the serial number stays.
        """
        scrubber = Scrubber(secrets)
        if not keep_serial:
            self._hide_names(scrubber, identity)
        link = self._ear.link
        odd_list = None if self._takes_lists else self._list_answer
        return Recording(
            head=Head(
                at=at,
                model=model,
                serial="kept" if keep_serial else "replaced",
                physical=place[0],
                logical=place[1],
                ua=None if link.ua is None else scrubber.clean(link.ua).hex(),
                not_ready=link.not_ready,
                not_final=link.not_final,
                slow_s=round(min(link.slow_s, 5.0), 2) if link.slow_s >= _SLOW_S else 0.0,
                list_answer=None if odd_list is None else scrubber.clean(odd_list).hex(),
            ),
            associations=tuple(
                each.model_copy(update={"apdu": scrubber.clean(bytes.fromhex(each.apdu)).hex()})
                for each in self._associations.values()
            ),
            answers=tuple(_got(where, each, scrubber) for where, each in self._answers.items()),
        )

    def _hide_names(self, scrubber: Scrubber, identity: tuple[Obis, int, int]) -> None:
        values = {
            (each.obis, each.class_id, each.attribute): answer["data"]
            for each, answer in self._answers.items()
            if "data" in answer
        }
        serials = [values[identity]] if identity in values else []
        scrubber.hide_names(serials, ((obis, data) for (obis, _, _), data in values.items()))

    # ------------------------------------------------------------------- listening

    def _take(self, pair: Exchanged) -> None:
        if pair.request[:1] == bytes((_AARQ,)):
            self._associate(pair)
            return
        request = self._opened(pair.request, 0)
        answer = pair.answer
        if request is None:
            return
        if not _is_next(request):
            self._pending, self._blocks = asked(request), b""
        if self._pending and answer[:1] not in REFUSALS:
            opened = self._opened(answer, 1)
            self.sealed += opened is None
            answer = opened or b""
        if self._pending and answer:
            self._answer(answer)

    def _associate(self, pair: Exchanged) -> None:
        wanted = association.wanted(pair.request)
        self._titles = None
        if wanted is None:
            return
        if wanted.ciphered and pair.answer[:1] == bytes((_AARE,)):
            self._titles = (wanted.title, association.title(pair.answer))
        said = association.without_security(pair.answer, wanted, self._initiate)
        if said is not None:
            key = (pair.client, wanted.mechanism, wanted.ciphered)
            self._associations[key] = Associated(
                client=pair.client,
                mechanism=wanted.mechanism,
                ciphered=wanted.ciphered,
                apdu=said.hex(),
            )

    def _initiate(self, sealed: bytes) -> bytes | None:
        return self._unsealed(sealed, 1)

    def _opened(self, data: bytes, side: int) -> bytes | None:
        """Return an APDU as it is in the clear; None where it cannot be deciphered."""
        if data[:1] and data[0] in _SEALED:
            return self._unsealed(data, side) if data[0] in _OPENED else None
        return data

    def _unsealed(self, data: bytes, side: int) -> bytes | None:
        if self._keys is None or self._titles is None:
            return None
        title = self._titles[side]
        try:
            at = 1
            if data[0] == _GENERAL_GLO:
                size, at = length(data, at)
                title, at = data[at : at + size] or title, at + size
            size, at = length(data, at)
        except ProtocolViolation:
            return None
        content = data[at : at + size]
        if len(title) != 8 or len(content) < 17:
            return None
        return unseal(content, self._keys, title)

    def _answer(self, answer: bytes) -> None:
        """Keep what answers the pending request."""
        kind = answer[1] if len(answer) > 3 and answer[0] == _GET_RESPONSE else 0
        if kind == _BLOCK:
            self._block(answer)
        elif kind == _NORMAL and len(self._pending) == 1:
            self._keep(self._pending[0], answer[3:], answer)
        elif kind == _LIST and len(self._pending) > 1:
            self._keep_list(answer[3:], answer)
        elif len(self._pending) == 1:
            self._store(self._pending[0], {"apdu": answer})
        else:
            self._list_answer = answer

    def _block(self, answer: bytes) -> None:
        try:
            is_last, number, block = apdu.block(answer, "the meter")
        except ProtocolViolation:
            block, is_last, number = None, True, 0
        if block is None:
            if len(self._pending) == 1:
                self._store(self._pending[0], {"apdu": answer})
            return
        self._block_size = len(block) if number == 1 else self._block_size
        self._blocks += block
        if not is_last:
            return
        whole, self._blocks = self._blocks, b""
        if len(self._pending) == 1:
            self._keep(self._pending[0], b"\x00" + whole, answer, self._block_size)
        else:
            self._keep_list(whole, answer)

    def _keep(self, where: Asked, body: bytes, answer: bytes, block: int | None = None) -> None:
        if body[:1] == b"\x00":
            self._store(where, {"data": body[1:], "block": block or None})
        elif len(body) == 2:
            self._store(where, {"denied": body[1]})
        else:
            self._store(where, {"apdu": answer})

    def _keep_list(self, body: bytes, answer: bytes) -> None:
        wanted = [(each.obis, each.class_id, each.attribute) for each in self._pending]
        try:
            items = apdu.list_items(body, wanted, "the meter")
        except ProtocolViolation:
            self._list_answer = answer
            return
        self._takes_lists = True
        for where, item in zip(self._pending, items, strict=True):
            if isinstance(item, AccessDenied):
                self._store(where, {"denied": item.result})
            else:
                self._store(where, {"data": item})

    def _store(self, where: Asked, answer: dict[str, Any]) -> None:
        """Keep the newest answer of each request, but no refusal in the place of a value."""
        if is_secret(where.class_id, where.attribute):
            return
        if "data" in self._answers.get(where, {}) and "data" not in answer:
            return
        at_s = min(round(self._monotonic() - self._begun, 3), 86400.0)
        self._answers[where] = {"at_s": at_s, **answer}


def _is_next(request: bytes) -> bool:
    return request[:2] == b"\xc0\x02"


def _got(where: Asked, answer: dict[str, Any], scrubber: Scrubber) -> Got:
    """Return the line of one answer."""
    written = {
        name: scrubber.clean(value).hex() if isinstance(value, bytes) else value
        for name, value in answer.items()
    }
    return Got(**where.fields(), **written, means=_words(written)[:_LONGEST_WORDS])


def _words(written: dict[str, Any]) -> str:
    """Say what an answer is."""
    if "denied" in written:
        return apdu.result_name(written["denied"])
    if "data" not in written:
        return ""
    try:
        return data_in_words(bytes.fromhex(written["data"]))
    except ProtocolViolation:
        return "a value that cannot be read"

# SPDX-License-Identifier: GPL-2.0-only
"""One input of the fuzz: an answer of a virtual meter is spoiled, said, read, and judged.

An input is a seed and a number: they tell the meter, the lane, what is asked, which message of the
session is spoiled, in which layer of it, and how.

In: a seed and a number. Out: a `Played`; `judge.Broken` or another exception where the law is.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from edge_agent.dlms.session import Session
from edge_agent.errors import AgentError
from edge_agent.virtual.hdlc import build, fcs16
from tests.fuzz import judge
from tests.fuzz.corpus import Recorded, Scene, StandingClock, number_requests_anew, scenes
from tests.fuzz.mutation import mutated
from tests.fuzz.speaker import (
    GATEWAY,
    LANES,
    LLC,
    METER,
    OTHER,
    Numbers,
    Speaker,
    Spoil,
    Wrapped,
    peer_of,
)

LAYERS: Final = ("data", "data", "data", "apdu", "apdu", "protected", "message", "frame", "line")
"""The deepest first: what stands around it is made anew, with right lengths, tags and sums."""
_LONGEST_UA: Final = 2000
"""A frame tells no more than its length does, in 11 bits."""
_OPENING_ONE_IN: Final = 5
"""How often UA, AARE or the proof is spoiled, and not the answer."""


@dataclass(frozen=True)
class Played:
    """How an input ended."""

    outcome: str
    cpu_s: float
    """Of the session and the decoders."""
    about: str
    """The meter, the lane, the turn and the layer."""


class Input:
    """What is said in one session, and what of it is spoiled."""

    def __init__(self, seed: int, number: int) -> None:
        self.rng = rng = Random(f"{seed}:{number}")
        self.scene: Scene = rng.choice(scenes())
        self.lane: str = rng.choice(LANES)
        self.recorded: Recorded = rng.choice(self.scene.asked)
        self.layer: str = rng.choice(LAYERS)
        self.wrapped = Wrapped(self.lane)
        proof = self.wrapped.proof()
        self._opening = 1 + (proof is not None)
        turns = self._opening + len(self.recorded.answers)
        opens = rng.randrange(_OPENING_ONE_IN) == 0
        self.turn = (
            rng.randrange(1 + self._opening)
            if opens
            else rng.randrange(1 + self._opening, 1 + turns)
        )
        self._spoiled = False
        self.ua = self._spoil_at(0, self.scene.ua, self._pool_of_ua())[:_LONGEST_UA]
        self.messages = [self._aare()]
        if proof is not None:
            self.messages.append(self._message(2, proof))
        self.messages += [
            self._message(self._opening + 1 + at, self._numbered(apdu))
            for at, apdu in enumerate(self.recorded.answers)
        ]

    @property
    def about(self) -> str:
        kind = self.recorded.kind
        return f"{self.scene.name}, {self.lane}, {kind}, turn {self.turn}, {self.layer}"

    def spoil(self) -> tuple[int, Spoil] | None:
        """Return what becomes of the frames, where a frame or the line is spoiled."""
        if self.layer == "line":
            return self.turn, self._on_the_line
        if self.layer == "frame" or not self._spoiled:
            return self.turn, self._in_the_frame
        return None

    # ------------------------------------------------------------------- layers

    def _spoil_at(self, turn: int, data: bytes, pool: Sequence[bytes]) -> bytes:
        if turn != self.turn or self.layer in ("frame", "line"):
            return data
        self._spoiled = True
        return mutated(data, self.rng, pool)

    def _pool_of_ua(self) -> Sequence[bytes]:
        return [each.ua for each in scenes() if each.ua]

    def _pool(self) -> Sequence[bytes]:
        """Answers of all meters: a small part of them for each input."""
        asked = self.rng.choice(scenes()).asked
        return [answer for each in self.rng.sample(asked, 3) for answer in each.answers]

    def _numbered(self, apdu: bytes) -> bytes:
        """Return an answer for the request behind those of the association."""
        return apdu[:2] + bytes((0xC0 | self._opening,)) + apdu[3:]

    def _aare(self) -> bytes:
        """Return the message of the AARE."""
        initiate = self.scene.initiate
        if self.layer == "data":
            pool = [each.initiate for each in scenes() if each.initiate]
            initiate = self._spoil_at(1, initiate or b"\x08", pool)
        aare = self.wrapped.aare(self.scene, initiate)
        if self.layer in ("apdu", "protected"):
            aare = self._spoil_at(1, aare, [each.aare for each in scenes()])
        return self._whole(1, aare)

    def _message(self, turn: int, apdu: bytes) -> bytes:
        """Return the message of a service's answer."""
        if self.layer == "data":
            head = 4 if apdu[1] == 1 else 3
            pool = [each[4:] for each in self._pool() if each[4:]] or [apdu]
            found = self._spoil_at(turn, apdu[head:], pool)
            is_block = apdu[1] == 2 and found != apdu[head:]
            apdu = _block_of(apdu, found) if is_block else apdu[:head] + found
        elif (
            self.layer == "apdu" and turn == self.turn and apdu[1] == 2 and self.rng.random() < 0.3
        ):
            self._spoiled = True
            number = int.from_bytes(apdu[4:8], "big") + self.rng.choice((-1, 1, 2, 256))
            apdu = apdu[:4] + (number & 0xFFFFFFFF).to_bytes(4, "big") + apdu[8:]
        elif self.layer == "apdu":
            apdu = self._spoil_at(turn, apdu, self._pool())
        said = self.wrapped.apdu(apdu)
        if self.layer == "protected":
            said = self._spoil_at(turn, said, self._pool())
        return self._whole(turn, said)

    def _whole(self, turn: int, apdu: bytes) -> bytes:
        message = LLC + apdu
        return self._spoil_at(turn, message, self._pool()) if self.layer == "message" else message

    def _in_the_frame(self, _request: bytes, frame: bytes) -> bytes:
        """Change what is between the flags, and make the sums anew."""
        body = frame[1:-3]
        head = 3 + len(GATEWAY) + len(METER)
        if self.rng.random() < 0.5:
            body = mutated(body[: head - 1], self.rng, [body]) + body[head - 1 :]
        else:
            body = mutated(body, self.rng, [body, frame])
        if self.rng.random() < 0.7 and len(body) > head:
            size = len(body) + 2 & 0x07FF
            body = (0xA000 | (body[0] & 8) << 8 | size).to_bytes(2, "big") + body[2:]
            body = body[:head] + fcs16(body[:head]) + body[head + 2 :]
        return b"\x7e" + body + fcs16(body) + b"\x7e"

    def _on_the_line(self, request: bytes, frame: bytes) -> bytes:
        """Damage bytes, or put something else before or behind them."""
        control = frame[3 + len(GATEWAY) + len(METER)]
        others = (
            request,
            frame,
            build(GATEWAY, OTHER, control, LLC + self.rng.choice(self._pool())),
            build(GATEWAY, METER, control ^ 0x20, LLC + self.rng.choice(self._pool())),
            build(b"\x21", METER, control, LLC + self.rng.choice(self._pool())),
            self.rng.randbytes(9),
        )
        way = self.rng.randrange(4)
        if way == 0:
            return self.rng.choice(others) + frame
        if way == 1:
            return frame + self.rng.choice(others)
        return mutated(frame, self.rng, others)


def _block_of(apdu: bytes, found: bytes) -> bytes:
    """Return a block with other contents, whose length fits; or without its head, as it came."""
    head, contents = apdu[:9], found[len(apdu[3:9]) :]
    count = len(contents)
    size = bytes((count,)) if count < 0x80 else b"\x82" + (count & 0xFFFF).to_bytes(2, "big")
    return head + size + contents


def play(seed: int, number: int, clock: StandingClock) -> Played:
    """Play one input.

    Raises:
        judge.Broken: what came of it is not what was said.
        Exception: any that is no `AgentError`.
    """
    given = Input(seed, number)
    speaker = Speaker(given.ua, given.messages, given.scene.max_info, clock, given.spoil())
    number_requests_anew()
    begun = time.process_time()
    outcome, value, heard = _session(given, speaker)
    if outcome == "":
        outcome = judge.read(given.recorded, value, given.rng)
    cpu_s = time.process_time() - begun
    for apdu, _ in heard:
        judge.must(judge.was_said(apdu, speaker.said), f"an APDU was not said: {apdu[:40].hex()}")
    if outcome.startswith(("value", "done")):
        judge.must_hold(given.recorded.kind, value, _plain(given, heard))
    return Played(outcome, cpu_s, given.about)


def _session(given: Input, speaker: Speaker) -> tuple[str, Any, list[judge.Answer]]:
    """Ask in a session; return how it ended, or the value, and the APDUs behind the association."""
    heard: list[judge.Answer] = []
    value: Any = None
    ended = ""
    session = Session(speaker, peer_of(given.lane, given.scene.max_info), counter=Numbers())  # type: ignore[arg-type]
    exchange: Any = session._exchange
    converse: Callable[..., bytes] = exchange.converse

    def spied(*args: Any, **more: Any) -> bytes:
        answer = converse(*args, **more)
        heard.append((answer, session._writer.invoke_id))
        return answer

    exchange.converse = spied
    try:
        with session:
            del heard[:]
            value = given.recorded.ask(session)
    except AgentError as error:
        ended = type(error).__name__
    return ended, value, heard


def _plain(given: Input, heard: Sequence[judge.Answer]) -> list[judge.Answer]:
    """Return the answers without their protection."""
    wrapped = given.wrapped
    return [
        (judge.plain_of(apdu, wrapped.inside, ciphered=wrapped.ciphered), invoke_id)
        for apdu, invoke_id in heard
    ]

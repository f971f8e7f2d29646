# SPDX-License-Identifier: MIT
"""Proofs that hold, one for each way in which a month can be counted, and bits to turn in them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shared_schema.catalogue import Service
from shared_schema.message import format_utc
from shared_schema.proof.pack import Proof
from shared_schema.quality import Origin
from shared_schema.signing import generate_key
from tests.support.gateway import Sealer
from tests.support.proofs import END, HOUR, START, Maker


@dataclass(frozen=True)
class Case:
    """A proof that holds, and the fingerprints of every key in it."""

    proof: Proof
    fingerprints: frozenset[str]


def plain(maker: Maker) -> None:
    maker.part(maker.signed(START, 12_345_000), maker.signed(END, 12_374_755))


def rotation(maker: Maker) -> None:
    opening = maker.signed(START, 12_345_000)
    maker.sealer.key = generate_key()
    maker.part(opening, maker.signed(END, 12_374_755))


def succession(maker: Maker) -> None:
    """Two steps, and only the first key is on the sheet."""
    opening = maker.signed(START, 12_345_000)
    maker.name_next()
    maker.part(opening, maker.signed(END, 12_374_755))
    maker.name_next()
    maker.others.append(maker.signed(END + HOUR, 12_374_765))


def taken_back(maker: Maker) -> None:
    plain(maker)
    (key,) = maker.keys.values()
    revoked_at = format_utc(END + 9 * HOUR)
    maker.keys[key.key] = key.model_copy(update={"revoked_at": revoked_at})


def moved_gateway(maker: Maker) -> None:
    opening = maker.signed(START, 12_345_000)
    maker.sealer = Sealer("gw-b")
    maker.part(opening, maker.signed(END, 12_374_755))


def replacement(maker: Maker) -> None:
    half = START + 15 * 24 * HOUR
    maker.part(maker.signed(START, 9_345_000), maker.signed(half, 9_350_001))
    maker.part(maker.signed(half, 12, "26100002"), maker.signed(END, 4_711, "26100002"))


def rollover(maker: Maker) -> None:
    maker.epoch(START + 9 * 24 * HOUR, "100000")
    maker.part(maker.signed(START, 99_998_000), maker.signed(END, 4_000, adds="100000"))


def self_read(maker: Maker) -> None:
    maker.part(
        maker.said(START, 12_345_000, Origin.SELF_READ), maker.said(END, 12_399_000, Origin.EDIT)
    )


def edited(maker: Maker) -> None:
    maker.others.append(maker.signed(END, 0))
    maker.part(maker.signed(START, 12_345_000), maker.said(END, 12_374_755, Origin.EDIT))


def estimated(maker: Maker) -> None:
    opening = maker.signed(START, 12_345_000)
    before, after = maker.signed(END - HOUR, 12_374_000), maker.signed(END + HOUR, 12_375_000)
    maker.part(opening, maker.said(END, 12_374_500, Origin.ESTIMATE), before, after)


def imported(maker: Maker) -> None:
    maker.part(maker.said(START, 12_345_000, Origin.IMPORTED), maker.signed(END, 12_374_755))


CASES: Sequence[Callable[[Maker], None]] = (
    plain,
    rotation,
    succession,
    taken_back,
    moved_gateway,
    replacement,
    rollover,
    self_read,
    edited,
    estimated,
    imported,
)


def case(make: Callable[[Maker], None], service: Service = Service.ELECTRICITY) -> Case:
    maker = Maker(service)
    make(maker)
    proof = maker.proof()
    return Case(
        proof,
        frozenset(
            hashlib.sha256(bytes.fromhex(key.public_key)).hexdigest() for key in maker.keys.values()
        ),
    )


def flips(line: str) -> Iterator[str]:
    """The line with one bit of it turned, for each of its bits that leaves it text."""
    for place, character in enumerate(line):
        for bit in range(7):
            yield line[:place] + chr(ord(character) ^ 1 << bit) + line[place + 1 :]

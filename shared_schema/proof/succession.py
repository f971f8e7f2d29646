# SPDX-License-Identifier: MIT
"""Keys that follow one another: each is named by the one before, in a batch which that one signed.

So who trusts a gateway's first key trusts what its later ones sign; a later key vouches for none
before it. The first number that the next key signs ends the one before, in each stream.

In: what verified headers and blocks say. Out: which steps hold, which keys are trusted. Pure.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from typing import NamedTuple

GatewayKey = tuple[str, str]
"""The name of a gateway, and a public key in hex: a key is nothing at another gateway."""


class SignedBy(NamedTuple):
    """Which key signed a batch, and where it stands."""

    key: GatewayKey
    stream: str
    seq: int


class Step(NamedTuple):
    """That a key names the next one of its gateway."""

    key: GatewayKey
    successor: GatewayKey


def holding(
    steps: Sequence[Step], keys: Collection[GatewayKey], batches: Sequence[SignedBy]
) -> list[bool]:
    """Say of each step whether it leads on, and its former key signs nothing behind its end.

    Args:
        steps: All of a proof.
        keys: That the proof has.
        batches: Those whose signature holds.
    """
    following = {step.key: step.successor for step in steps}
    signers = [step.key for step in steps]
    return [
        step.successor in keys
        and signers.count(step.key) == 1
        and not _leads_back(step.key, following)
        and _takes_over(step, batches)
        for step in steps
    ]


def followed(trusted: Set[GatewayKey], steps: Sequence[Step]) -> frozenset[GatewayKey]:
    """Return the keys that are trusted, with all that follow them."""
    found = set(trusted)
    for _ in steps:
        found |= {step.successor for step in steps if step.key in found}
    return frozenset(found)


def _leads_back(key: GatewayKey, following: Mapping[GatewayKey, GatewayKey]) -> bool:
    at = following.get(key)
    for _ in following:
        if at is None or at == key:
            break
        at = following.get(at)
    return at is not None


def _takes_over(step: Step, batches: Sequence[SignedBy]) -> bool:
    """Say whether all numbers of a key lie before those of its next one."""
    first = dict[str, int]()
    for each in batches:
        if each.key == step.successor:
            first[each.stream] = min(each.seq, first.get(each.stream, each.seq))
    return all(
        each.seq < first.get(each.stream, each.seq + 1) for each in batches if each.key == step.key
    )

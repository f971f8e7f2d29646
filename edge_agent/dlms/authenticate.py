# SPDX-License-Identifier: GPL-2.0-only
"""The association of a session: AARQ and AARE, then the proof of high level security.

In: the peer, and what writes and exchanges its requests. Out: an `Association`, or the error
that the meter's refusal is.
Owns: nothing. Never: a second try; a secret in an error; an answer in another protection than
agreed.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.dlms import aare, apdu, ciphering
from edge_agent.dlms.aare import Verdict
from edge_agent.dlms.ciphering import REFUSALS, Opener, Sealer
from edge_agent.dlms.exchange import Exchange
from edge_agent.dlms.hls import Side, is_proof, proof
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.request_writer import ACTION, RequestWriter
from edge_agent.dlms.security import TITLE_BYTES
from edge_agent.errors import (
    AssociationRefused,
    Breach,
    PasswordRefused,
    ProtocolViolation,
    Refusal,
    Unexplained,
)

_AARE: Final = b"\x61"
# Source diagnostics that speak of the password or of its mechanism. Many meters give no reason
# (1) for a wrong one.
_WRONG_PASSWORD: Final = frozenset((11, 12, 13, 14))
_NO_REASON: Final = 1
_NOT_SUPPORTED: Final = 2
"""Diagnostic: the application context name is not supported, such as one with ciphering."""
_REJECTED_FOR_GOOD: Final = 1
_AUTHENTICATION_REQUIRED: Final = 14
_SHORTEST_CHALLENGE: Final = 8
_REPLY_TO_CHALLENGE: Final = bytes.fromhex("000f 0000280000ff 01 01")
"""Class, object and method of the association, with a parameter."""


@dataclass(frozen=True, slots=True)
class Association:
    """What gateway and meter agreed on."""

    opener: Opener | None
    """Opens the answers of a ciphered association."""
    meter: Side
    """The meter's system title and challenge, where it gave them."""

    def open(self, answer: bytes) -> bytes:
        """Return the plain APDU of an answer.

        Raises:
            ProtocolViolation: it is not ciphered as agreed, was changed, or was sent before.
        """
        return answer if self.opener is None else self.opener.open(answer)


def associate(peer: Peer, writer: RequestWriter, exchange: Exchange) -> Association:
    """Ask for an association and read its terms; `prove` comes next where both sides prove.

    Raises:
        PasswordRefused: the meter does not take the password or the keys.
        CounterRefused: it does not take the invocation counter.
        AssociationRefused: it refuses for another reason.
        ProtocolViolation: its answer is not ciphered as agreed, or was changed.
        BusTimeout, SessionLost, AddressShared: as `Exchange.ask`.
    """
    answer = exchange.converse(writer.associate(), writer.ready)
    if answer[:1] != _AARE:
        if peer.ciphering is not None and answer[:1] in REFUSALS:
            raise aare.refusal(answer, peer.label, peer.client)
        raise apdu.unexpected_answer(answer, "the association", peer.label)
    verdict = aare.association_result(answer, peer.label)
    if verdict.result != 0:
        raise _refused(peer, verdict)
    diagnostic = verdict.diagnostic
    if peer.ciphering is None and not peer.proves:
        initiate = aare.plain_terms(answer, peer.label)
        if initiate is not None:
            writer.take_terms(initiate)
        if diagnostic == _AUTHENTICATION_REQUIRED:
            raise AssociationRefused(
                f"{peer.label} wants high-level security", of=Refusal.HIGH_LEVEL
            )
        return Association(None, Side(b"", b""))
    if diagnostic != (_AUTHENTICATION_REQUIRED if peer.proves else 0):
        raise AssociationRefused(
            f"{peer.label} takes client {peer.client} for another kind of security "
            f"(diagnostic {diagnostic})",
            of=Refusal.SECURITY,
        )
    return _secured(peer, writer, answer)


def _refused(peer: Peer, verdict: Verdict) -> AssociationRefused:
    """Return the error that the verdict of an AARE is."""
    result, diagnostic = verdict.result, verdict.diagnostic
    if verdict.initiate_error and diagnostic not in _WRONG_PASSWORD:
        return AssociationRefused(
            f"{peer.label} refuses client {peer.client}: {verdict.initiate_error}"
        )
    unexplained = result == _REJECTED_FOR_GOOD and diagnostic == _NO_REASON
    if peer.ciphering is not None and unexplained:
        return Unexplained(
            f"{peer.label} refuses client {peer.client} without a reason: "
            "see its password and its keys"
        )
    if diagnostic in _WRONG_PASSWORD or (unexplained and peer.password is not None):
        secret = Refusal.KEYS if peer.password is None else Refusal.PASSWORD
        return PasswordRefused(
            f"{peer.label} refuses the {secret.value} of client {peer.client} "
            f"(diagnostic {diagnostic})",
            of=secret,
        )
    return AssociationRefused(
        f"{peer.label} refuses client {peer.client} (result {result}, diagnostic {diagnostic})",
        of=Refusal.SECURITY if diagnostic == _NOT_SUPPORTED else Refusal.TERMS,
    )


def _secured(peer: Peer, writer: RequestWriter, answer: bytes) -> Association:
    """Read an AARE that is ciphered or holds a challenge."""
    ciphered = peer.ciphering if peer.protects else None
    accepted = aare.acceptance(answer, peer.label, peer.mechanism, ciphered=peer.protects)
    own = peer.title if peer.ciphering is None else peer.ciphering.title
    if own and len(accepted.title) != TITLE_BYTES:
        raise ProtocolViolation(
            f"{peer.label} gives no system title of {TITLE_BYTES} bytes", of=Breach.PROTECTION
        )
    if own and accepted.title == own:
        raise ProtocolViolation(
            f"{peer.label} has the gateway's own system title", of=Breach.PROTECTION
        )
    opener, initiate = None, accepted.initiate
    if ciphered is not None:
        opener = Opener(ciphered.keys, accepted.title, peer.label)
        initiate = opener.open(initiate)
    writer.take_terms(initiate)
    return Association(opener, Side(accepted.title, accepted.challenge))


def prove(
    peer: Peer,
    writer: RequestWriter,
    exchange: Exchange,
    association: Association,
    sealer: Sealer | None,
) -> None:
    """Prove to have the secret, and see that the meter has it.

    Raises:
        PasswordRefused: the meter does not take the proof.
        ProtocolViolation: it sends the challenge back, or proves nothing itself.
        BusTimeout, SessionLost, AddressShared: as `Exchange.ask`.
    """
    own, meter = (
        Side(peer.title if sealer is None else sealer.title, writer.challenge),
        association.meter,
    )
    if len(meter.challenge) < _SHORTEST_CHALLENGE or meter.challenge == own.challenge:
        raise ProtocolViolation(f"{peer.label} sent no challenge of its own", of=Breach.PROTECTION)
    value = _proof(peer, own, meter, sealer)
    frames = writer.change(ACTION, _REPLY_TO_CHALLENGE, b"\x09" + ciphering.with_length(value))
    answer = association.open(exchange.converse(frames, writer.ready))
    if answer[:1] in REFUSALS:
        raise aare.refusal(answer, peer.label, peer.client)
    result, proven = apdu.method_result(answer, peer.label)
    if result != 0:
        raise PasswordRefused(
            f"{peer.label} does not take the proof of client {peer.client} "
            f"(result {result}): see its keys",
            of=Refusal.KEYS,
        )
    if not _is_proof(peer, proven, own, meter):
        raise ProtocolViolation(
            f"{peer.label} does not prove that it has the keys", of=Breach.PROTECTION
        )


def _proof(peer: Peer, own: Side, meter: Side, sealer: Sealer | None) -> bytes:
    if peer.hls is not None:
        return proof(peer.hls, own, meter)
    if sealer is None:
        raise ProtocolViolation(
            f"{peer.label}: GMAC needs a ciphered association", of=Breach.PROTECTION
        )
    return sealer.proof(meter.challenge)


def _is_proof(peer: Peer, value: bytes, own: Side, meter: Side) -> bool:
    if peer.hls is not None:
        return is_proof(peer.hls, value, meter, own)
    keys = None if peer.ciphering is None else peer.ciphering.keys
    return keys is not None and ciphering.is_proof(value, keys, meter.title, own.challenge)

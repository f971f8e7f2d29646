# SPDX-License-Identifier: MIT
"""A verdict in plain words, in the languages of ``words.json``, which the page in a browser shares.

In: a proof and the verdict on it. Out: sentences. Never: a decision. Pure but for the words, which
are read once.
"""

import functools
import json
from collections.abc import Iterator, Set
from importlib.resources import files
from typing import Any, Literal

from shared_schema.proof.check import number_of, readings_of
from shared_schema.proof.clock import Clock
from shared_schema.proof.pack import Proof
from shared_schema.proof.verdict import Verdict, fingerprint_of

Language = Literal["en", "hi"]


@functools.cache
def words(language: Language) -> dict[str, Any]:
    """Return the words of a language."""
    text = files("shared_schema.proof").joinpath("words.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)[language]
    return found


def headline(verdict: Verdict, language: Language = "en") -> str:
    """Return the verdict in one sentence."""
    state: str = verdict.state
    if verdict.borders and not verdict.signed_borders and state != "spoilt":
        state = "nothing_signed"
    return str(words(language)["states"][state])


def verdict_lines(
    proof: Proof, verdict: Verdict, trusted: Set[str], language: Language = "en"
) -> Iterator[str]:
    """Give the verdict line by line: what holds, what does not, and what is not proven."""
    say = words(language)
    titles, places = say["titles"], Places(proof, language)
    service = say["services"][proof.service]
    yield f"{proof.society}: {proof.subject.id}, {service}, {proof.month}"
    yield number_text(proof, language)
    yield ""
    yield headline(verdict, language)
    yield signed_text(verdict, language)
    yield ""
    yield f"{titles['checked']}:"
    for each in verdict.checks:
        text = say["checks"][each.name][0 if each.holds else 1]
        yield f"  {'+' if each.holds else 'X'} {text.format(about=places.name(each.about))}"
    if proof.keys:
        yield ""
        yield f"{titles['keys']}:"
    for index, key in enumerate(proof.keys):
        fingerprint = fingerprint_of(key)
        mark = f" ({titles['trusted']})" if fingerprint in trusted else ""
        mark = f" ({titles['follows']})" if index in verdict.followers else mark
        yield f"  {places.name(f'keys.{index}')}{mark}"
        yield f"    {fingerprint}"
    if proof.meters:
        yield ""
        yield f"{titles['meters']}:"
    for line in meter_lines(proof, language):
        yield f"  {line}"
    yield ""
    yield f"{titles['not_proven']}:"
    for claim in verdict.claims:
        yield f"  - {say['claims'][claim.name].format(about=places.name(claim.about))}"
    for sentence in say["always"]:
        yield f"  - {sentence}"


def number_text(proof: Proof, language: Language = "en") -> str:
    """Return the number with its unit and version, and the months that a catch-up covers."""
    titles, sent = words(language)["titles"], number_of(proof)
    if sent is None:
        return str(titles["no_number"])
    told = f"{sent.quantity} {proof.unit}, {titles['version'].format(version=sent.version)}"
    if sent.since is None or sent.since == sent.month:
        return told
    return f"{told}, {titles['months'].format(since=sent.since, month=sent.month)}"


def meter_lines(proof: Proof, language: Language = "en") -> Iterator[str]:
    """Give which meters served the subject, and which seals were seen on them."""
    titles, clock = words(language)["titles"], Clock(proof.zone).text
    for each in proof.meters:
        kind = "serves" if each.until is None else "served"
        until = "" if each.until is None else clock(each.until)
        yield str(titles[kind]).format(meter=each.meter, since=clock(each.since), until=until)
    for seen in proof.seals:
        kind = "sealed" if seen.seals else "unsealed"
        seals, at = ", ".join(seen.seals), clock(seen.seen_at)
        yield str(titles[kind]).format(meter=seen.meter, seals=seals, at=at)


def signed_text(verdict: Verdict, language: Language = "en") -> str:
    """Return how much of what was counted is signed."""
    told = str(words(language)["titles"]["signed"])
    return told.format(signed=verdict.signed_borders, borders=verdict.borders)


class Places:
    """Names what a check is about."""

    def __init__(self, proof: Proof, language: Language) -> None:
        self._proof = proof
        self._words = words(language)["places"]
        self._readings = dict(readings_of(proof))
        self._clock = Clock(proof.zone)

    def name(self, path: str) -> str:
        """Return the name of a place of the proof."""
        if not path:
            return str(self._words["nothing"])
        kind, index, *rest = path.split(".")
        number = int(index)
        if kind == "keys":
            key = self._proof.keys[number]
            return self._fill("key", key=key.key, gateway=key.gateway)
        if kind == "batches":
            kind = "block" if rest else "batch"
            return self._fill(kind, number=number + 1, block=int((rest or "0")[-1]) + 1)
        if kind == "epochs":
            return self._fill("epoch", at=self._clock.text(self._proof.epochs[number].starts_at))
        if kind == "parts" and not rest:
            return self._fill("part", meter=self._proof.parts[number].opening.meter)
        reading = self._readings[path]
        return self._fill(
            rest[-1] if rest else kind,
            meter=reading.meter,
            at=self._clock.text(reading.at),
        )

    def _fill(self, place: str, **values: object) -> str:
        return str(self._words[place]).format(**values)

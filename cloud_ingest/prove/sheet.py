# SPDX-License-Identifier: MIT
"""A proof as a page to read and to print, in the resident's language.

It has no script and loads nothing. What it shows is what the file beside it has; the file is what
can be checked.

In: a proof and the verdict on it. Out: HTML. Never: a decision. Pure but for the words.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from html import escape
from typing import Any

from cloud_ingest.core.words import QUALITIES, REASONS
from cloud_ingest.prove.sheet_html import document, listed, section, sheet_words, table
from shared_schema.catalogue import UNIT_SYMBOLS, Unit
from shared_schema.errors import MalformedMessage
from shared_schema.proof.check import number_of, readings_of
from shared_schema.proof.clock import Clock
from shared_schema.proof.pack import Border, Part, Proof, Reading
from shared_schema.proof.signed import SentNumber, SignedBlock, SignedHeader, SignedKeyChange
from shared_schema.proof.verdict import Verdict, fingerprint_of
from shared_schema.proof.words import Language, Places, signed_text, words
from shared_schema.quality import Quality, Reason


def proof_sheet(proof: Proof, verdict: Verdict, file: str, language: Language) -> str:
    """Return the page.

    Args:
        proof: What it shows.
        verdict: What a check of it says.
        file: The name of the file with the proof.
        language: Of the page.
    """
    return _Sheet(proof, verdict, file, language).text()


class _Sheet:
    """Writes one proof."""

    def __init__(self, proof: Proof, verdict: Verdict, file: str, language: Language) -> None:
        self._proof = proof
        self._verdict = verdict
        self._file = file
        self._language: Language = language
        self._words = sheet_words(language)
        self._clock = Clock(proof.zone)
        self._sent = number_of(proof)

    def text(self) -> str:
        """Return the whole page."""
        parts = [
            self._number(),
            self._counted(),
            self._check(),
            self._not_proven(),
            self._entered(),
            self._nearby(),
            self._meters(),
            self._signed(),
        ]
        title = f"{self._proof.subject.id}, {self._month(self._proof.month)}"
        return document(self._language, title, filter(None, parts))

    def _say(self, name: str, **values: object) -> str:
        """Return words with values, none of which is markup."""
        return escape(str(self._words[name]).format(**values))

    def _number(self) -> str:
        proof, sent = self._proof, self._sent
        values = {
            "service": words(self._language)["services"][proof.service],
            "month": self._month(proof.month),
        }
        reasons = proof.reasons if sent is None else sent.reasons
        lines = [f'<p class="about">{escape(proof.society)}: {escape(proof.subject.id)}</p>']
        if sent is None:
            lines.append(f"<h1>{self._say('title_none', **values)}</h1>")
            lines.append(f"<p>{self._say(proof.state)}</p>")
        else:
            quantity = f"{sent.quantity} {proof.unit}"
            lines.append(f"<h1>{self._say('title', quantity=quantity, **values)}</h1>")
            told = self._say("version", version=sent.version, quality=self._quality(sent.quality))
            lines.append(f"<p>{told} {escape(signed_text(self._verdict, self._language))}</p>")
            lines += self._covers(sent)
        if proof.held is not None:
            becomes = f"{proof.held.quantity} {proof.unit}"
            kind = "held_withdrawal" if proof.held.quantity is None else "held"
            lines.append(f"<p><b>{self._say(kind, quantity=becomes)}</b></p>")
        lines += listed(escape(self._reason(each)) for each in reasons)
        at = self._clock.text(proof.made_at)
        lines.append(f'<p class="quiet">{self._say("made", at=at, zone=proof.zone)}</p>')
        return f"<header>{''.join(lines)}</header>"

    def _covers(self, sent: SentNumber) -> Iterator[str]:
        if sent.since is not None:
            yield f"<p>{self._say('since', month=self._month(sent.since))}</p>"
        bounds = sent.bounds
        if bounds is not None and bounds.lower != bounds.upper:
            values = {"lower": bounds.lower, "upper": bounds.upper, "unit": self._proof.unit}
            yield f"<p>{self._say('bounds', **values)}</p>"

    def _month(self, text: str) -> str:
        year, month = text.split("-")
        name = self._words["months"][int(month) - 1]
        return str(self._words["month"]).format(name=name, year=year)

    def _reason(self, name: str) -> str:
        own = self._words["reasons"].get(name)
        return str(own or REASONS.get(_known(Reason, name), name))

    def _quality(self, name: str) -> str:
        own = str(self._words["qualities"].get(name) or QUALITIES.get(_known(Quality, name), name))
        return own[:1].upper() + own[1:]

    def _counted(self) -> str:
        sent, parts = self._sent, self._proof.parts
        if sent is None:
            return ""
        lines = [f"<h2>{self._say('counted')}</h2>"]
        for part, said in zip(parts, sent.parts, strict=True):
            lines.append(self._part(part, said.quantity))
        if len(parts) > 1:
            terms = " + ".join(each.quantity for each in sent.parts)
            unit = self._proof.unit
            lines.append(
                f'<p class="sum">{self._say("sum")}: {terms} = <b>{sent.quantity} {unit}</b></p>'
            )
        return section(lines)

    def _part(self, part: Part, quantity: str) -> str:
        rows = [
            *self._border_rows("start", part.opening),
            *self._border_rows("end", part.closing),
        ]
        has_epochs = any(Decimal(each.adds) for each in (part.opening, part.closing))
        total = f"{_sum(part.closing)} - {_sum(part.opening)} = {quantity} {self._proof.unit}"
        columns = ["", "time", "register", *(["adds"] if has_epochs else []), "who"]
        head = "".join(f"<th>{self._say(each) if each else ''}</th>" for each in columns)
        body = "".join(
            f'<tr class="{kind}"><th>{name}</th><td>{at}</td><td class="amount">{register}</td>'
            + (f'<td class="amount">{adds}</td>' if has_epochs else "")
            + f"<td>{who}</td></tr>"
            for kind, name, at, register, adds, who in rows
        )
        foot = (
            f'<tr class="total"><th>{self._say("difference")}</th>'
            f'<td colspan="{len(columns) - 1}">{escape(total)}</td></tr>'
        )
        return (
            f"<h3>{self._say('meter', meter=part.opening.meter)}</h3>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}{foot}</tbody></table>"
        )

    def _border_rows(self, name: str, border: Border) -> Iterator[tuple[str, ...]]:
        for kind, own, reading in (
            ("beside", "before", border.before),
            ("border", name, border),
            ("beside", "after", border.after),
        ):
            if reading is not None:
                yield (
                    kind,
                    self._say(own),
                    escape(self._clock.text(reading.at)),
                    f"{reading.register_value} {self._proof.unit}",
                    reading.adds if Decimal(reading.adds) else "",
                    self._who(reading),
                )

    def _who(self, reading: Reading) -> str:
        if reading.signed is not None:
            header = SignedHeader.read(self._proof.batches[reading.signed.batch].header)
            return self._say("meter_signed", gateway=header.gateway)
        if reading.origin == "meter":
            return self._say(f"meter_{reading.unsigned}")
        return self._say(reading.origin)

    def _nearby(self) -> str:
        others = self._proof.others
        if not others:
            return ""
        rows = (
            (
                escape(str(each.meter)),
                escape(self._clock.text(each.at)),
                f"{each.register_value} {self._proof.unit}",
                self._who(each),
            )
            for each in others
        )
        return section(
            [
                f"<h2>{self._say('nearby')}</h2>",
                self._table(("serial", "time", "register", "who"), rows),
            ]
        )

    def _table(self, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
        return table(map(self._say, head), rows)

    def _entered(self) -> str:
        entries = self._proof.entries
        if not entries:
            return ""
        unit, kinds = self._proof.unit, self._words["kinds"]
        rows = (
            (
                self._say("by", by=each.by, at=self._clock.text(each.recorded_at)),
                escape(kinds[each.kind]),
                escape(
                    ", ".join(
                        told
                        for told in (
                            "" if each.value is None else f"{each.value} {unit}",
                            "" if each.at is None else self._clock.text(each.at),
                            each.meter or "",
                        )
                        if told
                    )
                ),
                escape(each.why),
            )
            for each in entries
        )
        return section(
            [f"<h2>{self._say('entered')}</h2>", self._table(("who", "what", "of", "why"), rows)]
        )

    def _meters(self) -> str:
        rows = (
            (
                escape(str(each.meter)),
                escape(self._clock.text(each.since)),
                self._say("today") if each.until is None else escape(self._clock.text(each.until)),
                self._say("legacy") if each.legacy else escape(each.source),
                self._say("by", by=each.by, at=self._clock.text(each.recorded_at)),
            )
            for each in self._proof.meters
        )
        head = ("serial", "from", "to", "what", "who")
        lines = [f"<h2>{self._say('meters')}</h2>", self._table(head, rows)]
        return section([*lines, *self._seals()])

    def _seals(self) -> Iterator[str]:
        if not self._proof.seals:
            return
        rows = (
            (
                escape(str(each.meter)),
                escape(", ".join(each.seals)) or self._say("no_seal"),
                escape(self._clock.text(each.seen_at)),
                self._say("by", by=each.by, at=self._clock.text(each.recorded_at)),
                escape(each.why),
            )
            for each in self._proof.seals
        )
        yield f"<h3>{self._say('seals')}</h3>"
        yield self._table(("serial", "seal", "time", "who", "why"), rows)

    def _not_proven(self) -> str:
        say, places = words(self._language), Places(self._proof, self._language)
        told = [
            say["claims"][each.name].format(about=places.name(each.about))
            for each in self._verdict.claims
        ]
        lines = listed(escape(each) for each in (*told, *say["always"]))
        return section([f"<h2>{self._say('not_proven')}</h2>", *lines])

    def _check(self) -> str:
        lines = [f"<h2>{self._say('check')}</h2>"]
        if not self._proof.batches:
            lines.append(f"<p>{self._say('nothing_signed')}</p>")
        lines.append(f"<p>{self._say('check_serial')}</p>")
        lines.append(f"<p>{self._say('check_page', file=self._file)}</p>")
        lines.append(f"<p>{self._say('check_command')}</p>")
        command = f"python -m shared_schema.verify {self._file} --trust FINGERPRINT"
        lines.append(f"<pre>{escape(command)}</pre>")
        if self._proof.keys:
            lines.append(f"<p>{self._say('keys')}</p>")
            lines += listed(
                f"{escape(each.gateway)} ({escape(self._clock.text(each.enrolled_at))}):<br>"
                f"<code>{fingerprint_of(each)}</code>"
                for each in self._proof.keys
            )
        return section(lines)

    def _signed(self) -> str:
        batches = self._proof.batches
        if not batches:
            return ""
        lines = [f"<h2>{self._say('signed')}</h2>", f"<p>{self._say('signed_help')}</p>"]
        for number, batch in enumerate(batches, 1):
            header = SignedHeader.read(batch.header)
            at = self._clock.text(batch.received_at)
            values = {"number": number, "gateway": header.gateway, "key": header.key, "at": at}
            lines.append(f"<h3>{self._say('batch', **values)}</h3>")
            lines += listed(escape(each) for each in self._rows(number - 1))
            for name, line in (
                ("header", batch.header),
                *((_kind(each), each) for each in batch.blocks),
                ("signature", batch.signature),
            ):
                lines.append(
                    f"<details><summary>{self._say(name)}</summary>"
                    f"<pre>{escape(line)}</pre></details>"
                )
        return section(lines)

    def _rows(self, batch: int) -> Iterator[str]:
        """Give the rows of a batch that the proof names."""
        proof = self._proof
        for _, reading in readings_of(proof):
            place = reading.signed
            if place is None or place.batch != batch:
                continue
            block = SignedBlock.read(proof.batches[batch].blocks[place.block])
            column, row = block.columns[place.column], block.rows[place.row]
            yield str(self._words["row"]).format(
                obis=column.obis,
                at=self._clock.text(reading.at),
                raw=row[2 + place.column],
                scaler=column.scaler,
                unit=UNIT_SYMBOLS[Unit(column.unit)],
            )


def _known(kind: Any, name: str) -> Any:
    return kind(name) if name in set(kind) else None


def _kind(block: str) -> str:
    try:
        SignedKeyChange.read(block)
    except MalformedMessage:
        return "block"
    return "next_key"


def _sum(border: Border) -> str:
    adds = Decimal(border.adds)
    return f"({border.register_value} + {border.adds})" if adds else border.register_value

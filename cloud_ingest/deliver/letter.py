# SPDX-License-Identifier: MIT
"""A message as a person reads it in a mail: subject, text and, of a digest, simple HTML.

In: the bytes of a message, a zone. Out: a `Letter`. Pure. Never: a line break in a subject, markup
that came in a name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from pydantic_core import from_json

from cloud_ingest.core.local_time import zone_name
from cloud_ingest.deliver.digest import SCHEMA as DIGEST
from cloud_ingest.deliver.digest import Digest
from shared_schema.balance import Reconciliation
from shared_schema.billing import BillingManifest
from shared_schema.events import Event
from shared_schema.text import visible

LONGEST_SUBJECT = 68
"""So that its line is not folded."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says."""

    subject: str
    text: str
    html: str | None = None


def letter_of(payload: bytes, zone: ZoneInfo) -> Letter:
    """Word a message."""
    schema = from_json(payload)["schema"]
    if schema == Event.SCHEMA:
        return _of_event(Event.from_line(payload), zone)
    if schema == BillingManifest.SCHEMA:
        return _of_manifest(BillingManifest.from_line(payload))
    if schema == Reconciliation.SCHEMA:
        return _of_balance(Reconciliation.from_line(payload))
    if schema == DIGEST:
        return _of_digest(Digest.model_validate_json(payload))
    return _letter(f"A message: {schema}", ["It is attached."])


def _letter(subject: str, lines: list[str], html: str | None = None) -> Letter:
    one_line = " ".join(visible(subject).split()).replace("=?", "= ?")  # no encoded word of a name
    if len(one_line) > LONGEST_SUBJECT:
        one_line = one_line[: LONGEST_SUBJECT - 1] + "…"
    text = "\n".join(visible(line) for line in lines) + "\n"
    return Letter(one_line, text, html)


def _of_event(event: Event, zone: ZoneInfo) -> Letter:
    about = event.unit or event.subject
    state = event.severity.value if event.state == "open" else "over"
    kind = event.kind.replace("_", " ")
    lines = [event.message, "", f"{kind} of {about.type} {about.id}, {event.society}"]
    lines.append(f"Since {_time(event.since, zone)}, raised {_time(event.raised_at, zone)}")
    if event.cleared_at is not None:
        lines.append(f"Over {_time(event.cleared_at, zone)}")
    if event.acknowledged is not None:
        lines.append(f"{event.acknowledged.by} looks into it.")
    return _letter(f"[{event.society}] {state}: {kind}, {about.type} {about.id}", lines)


def _time(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {zone_name(local)}"


def _of_manifest(manifest: BillingManifest) -> Letter:
    counts = f"{len(manifest.entries)} numbers sent, {len(manifest.withheld)} withheld"
    lines = [f"{manifest.month} of {manifest.society}: {counts}."]
    for each in manifest.withheld:
        reasons = ", ".join(reason.value.replace("_", " ") for reason in each.reasons)
        lines.append(f"  withheld: {each.subject.id} {each.service}: {reasons}")
    lines += [f"  taken back: {each.subject.id} {each.service}" for each in manifest.withdrawn]
    lines += [f"  a change waits: {each.subject.id} {each.service}" for each in manifest.held]
    return _letter(f"[{manifest.society}] {manifest.month}: {counts}", lines)


def _of_balance(balance: Reconciliation) -> Letter:
    what = f"{balance.month} {balance.tower}, {balance.service}"
    loss = "loss not known" if balance.loss is None else f"loss {balance.loss:f} {balance.unit}"
    lines = [balance.sentence] if balance.sentence else []
    for name, value in (
        ("bulk", balance.bulk),
        ("units", balance.units),
        ("common", balance.common),
        ("loss", balance.loss),
    ):
        lines.append(f"  {name}: " + ("-" if value is None else f"{value:f} {balance.unit}"))
    lines.append(f"  units known: {balance.units_known} of {balance.units_total}")
    return _letter(f"[{balance.society}] {what}: {loss}", [f"{what}: {loss}.", *lines])


def _of_digest(digest: Digest) -> Letter:
    lines = [f"{digest.society}, {digest.day}"]
    for section in digest.sections:
        lines += ["", section.title, *(f"  {line}" for line in section.lines)]
    first = next((line for each in digest.sections for line in each.lines), "nothing to tell")
    return _letter(f"[{digest.society}] {first}", lines, "".join(_html(digest)))


def _html(digest: Digest) -> Iterator[str]:
    title = escape(visible(f"{digest.society}, {digest.day}"))
    yield f"<!doctype html><html><head><meta charset='utf-8'><title>{title}</title></head>"
    yield f"<body><h1>{title}</h1>"
    for section in digest.sections:
        yield f"<h2>{escape(visible(section.title))}</h2><ul>"
        yield from (f"<li>{escape(visible(line))}</li>" for line in section.lines)
        yield "</ul>"
    yield "</body></html>\n"

# SPDX-License-Identifier: GPL-2.0-only
"""The page of the commissioning sheet: HTML for the printer and the society's file.

In: a `Sheet`. Out: text that needs no other file.
Never: a text of a meter or a person that is not escaped; a script; an address of the web.
"""

from datetime import datetime
from html import escape
from typing import Final

from edge_agent.install.sheet import Entry, Sheet
from edge_agent.install.shown import grouped
from shared_schema.text import visible

_STYLE: Final = """
@page { size: A4; margin: 11mm }
* { box-sizing: border-box }
body { font: 12px/1.4 "Noto Sans", "DejaVu Sans", Arial, sans-serif; color: #16202a; margin: 0 auto;
  padding: 20px; max-width: 1120px; background: #fff }
header { display: flex; justify-content: space-between; align-items: flex-start;
  border-bottom: 2px solid #16202a; padding-bottom: 8px; margin-bottom: 12px }
h1 { font-size: 21px; margin: 0 0 2px }
.sum { font-size: 15px; font-weight: 600; padding: 5px 12px; border-radius: 4px;
  white-space: nowrap }
dl { display: grid; grid-template-columns: max-content 1fr max-content 1fr; gap: 2px 14px;
  margin: 0 0 12px }
dt { color: #55616d } dd { margin: 0; overflow-wrap: anywhere }
code { font-family: "DejaVu Sans Mono", Menlo, monospace; font-size: 12px }
table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 600; color: #55616d; border-bottom: 1px solid #16202a }
th, td { padding: 4px 8px; vertical-align: top } td { border-bottom: 1px solid #d5dbe1 }
tr { break-inside: avoid } .n { text-align: right } td.n { white-space: nowrap }
.why { color: #55616d }
.green { background: #d9f2df; color: #0b5a26 } .amber { background: #fdeec4; color: #694700 }
.red { background: #fbdad7; color: #8a1410 } .self-read { background: #e4e9ee; color: #33404d }
.tag { padding: 1px 8px; border-radius: 3px; font-weight: 600; white-space: nowrap }
footer { display: grid; grid-template-columns: 1fr 1fr; gap: 60px; margin-top: 34px }
footer div { border-top: 1px solid #16202a; padding-top: 3px; color: #55616d }
@media print { body { padding: 0; max-width: none; font-size: 9px } code { font-size: 9px }
  th, td { padding: 2px 4px } h1 { font-size: 17px } .sum { font-size: 12px }
  .green, .amber, .red, .self-read { print-color-adjust: exact;
    -webkit-print-color-adjust: exact } }
"""
_SYMBOLS: Final = {"green": "✓ in service", "amber": "! look at it", "red": "✗ not in service"}


def html(sheet: Sheet) -> str:
    """Write the page."""
    read = sum(entry.verdict.level in {"green", "amber"} for entry in sheet.entries)
    wanted = sum(entry.listed.address is not None for entry in sheet.entries)
    level = "green" if sheet.is_green else "red" if sheet.count("red") else "amber"
    title = f"Commissioning sheet: gateway {sheet.gateway}, bus {sheet.serial.bus}"
    line = sheet.serial
    synchronised = "kept by a time service" if sheet.clock_synchronised else "NOT synchronised"
    facts = (
        ("Gateway", _text(sheet.gateway)),
        ("Line", f"{_text(line.bus)}, {line.baudrate} baud, parity {_text(line.parity)}"),
        ("Date", f"{sheet.at:%d %B %Y, %H:%M} {_text(_zone(sheet.at))}"),
        ("Port", f"<code>{_text(line.port)}</code>"),
        ("By", _text(sheet.by) or "&nbsp;"),
        ("Gateway's time", synchronised),
    )
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    conflicts = "".join(
        f'<p><span class="tag red">conflict</span> several meters answer at address '
        f"{_text(str(each.hdlc))}: give one of them another address</p>"
        for each in sheet.conflicts
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<div><h1>Commissioning sheet</h1>Metering gateway and the meters on one line</div>
<div class="sum {level}">{read} of {wanted} meters read</div>
</header>
<dl>{listed}</dl>
<p>Fingerprint of the gateway's key: <code>{_text(sheet.fingerprint)}</code><br>
<span class="why">Compare it with the one that the cloud shows for this gateway, and keep this
sheet: it is how a proof is checked years from now.</span></p>
{conflicts}
<table>
<thead><tr><th>Unit</th><th>Meter</th><th>Address</th><th>Model</th><th class="n">Reading</th>
<th class="n">Dial</th><th class="n">Clock</th><th class="n">Errors in 1000</th>
<th class="n">Rows since</th><th>Result</th></tr></thead>
<tbody>
{"".join(_row(entry) for entry in sheet.entries)}</tbody>
</table>
<footer><div>Installer, date, signature</div><div>For the society, date, signature</div></footer>
</body>
</html>
"""


def _row(entry: Entry) -> str:
    verdict, found = entry.verdict, entry.examination
    meter = address = model = reading = dial = clock = errors = since = ""
    if entry.listed.address is not None:
        address = str(entry.listed.address)
    if found is not None:
        meter = _text(str(found.meter)) if found.meter else ""
        model = _text(found.config.model)
        if entry.billed is not None and entry.billed.value is not None:
            reading = f"{entry.billed.text} {_text(entry.billed.unit)}"
        if entry.dial is not None:
            dial = f"{grouped(entry.dial)} m³"
        if found.clock_offset_s is not None:
            offset = round(found.clock_offset_s)
            clock = f"{offset:+d} s" if offset else "0 s"
        if found.line.errors_per_1000 is not None:
            errors = f"{found.line.errors_per_1000:g} <span class=why>({found.line.frames})</span>"
        if found.profiles and found.profiles[0].oldest:
            oldest = found.profiles[0].oldest
            since = (
                f"{oldest:%d %b %Y} <span class=why>{oldest:%H:%M} {_text(_zone(oldest))}</span>"
            )
    if entry.listed.seals:
        meter += f'<div class="why">sealed {_text(", ".join(entry.listed.seals))}</div>'
    said = _SYMBOLS.get(verdict.level, "self-read")
    why = "".join(f'<div class="why">{_text(each)}</div>' for each in verdict.reasons)
    return (
        f"<tr><td>{_text(entry.listed.label)}</td><td>{meter}</td><td>{address}</td>"
        f'<td>{model}</td><td class="n">{reading}</td><td class="n">{dial}</td>'
        f'<td class="n">{clock}</td><td class="n">{errors}</td><td class="n">{since}</td>'
        f'<td><span class="tag {verdict.level}">{said}</span>{why}</td></tr>\n'
    )


def _zone(at: datetime) -> str:
    return at.strftime("%Z") or "UTC"


def _text(value: str) -> str:
    return escape(visible(value), quote=True)

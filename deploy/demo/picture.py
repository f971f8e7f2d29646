# SPDX-License-Identifier: MIT
"""A terminal drawn as SVG for the documents: what was printed, in fonts that are already there."""

from pathlib import Path

from rich.console import Console

_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; \
line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def draw(console: Console, path: Path) -> None:
    """Write what a recording console has printed to ``path``."""
    console.save_svg(str(path), title="make demo", code_format=_FORMAT, unique_id="demo")

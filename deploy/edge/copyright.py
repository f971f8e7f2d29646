# SPDX-License-Identifier: MIT
"""The package's copyright file (DEP 5): every library that ships, its licence, its own words.

In: the unpacked wheels. Out: the text. A crate that is compiled into a wheel is named by the
wheel's bill of materials (CycloneDX).
"""

import json
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import NamedTuple

from deploy.edge.shipped import WHEELS

HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: IoT Utility
Comment:
 The gateway's program is under GPL-2.0-only, because it links gurux-dlms. Nothing under Apache-2.0
 ships here: what offers it as a choice is taken under the other licence. OpenSSL and cryptography
 are Debian's own packages.

Files: *
Copyright: the authors of IoT Utility
License: GPL-2.0-only

Files: usr/lib/edge-agent/shared_schema/* usr/share/edge-agent/* usr/lib/s* usr/lib/udev/*
Copyright: the authors of IoT Utility
License: MIT
"""
GPL = """
License: GPL-2.0-only
 On Debian systems the whole text is in /usr/share/common-licenses/GPL-2.
"""
CRATES = """
Files: usr/lib/edge-agent/pydantic_core/*.so
Copyright: the authors named with each crate
License: crates~pydantic-core
"""


class Crate(NamedTuple):
    """A library of Rust that is compiled into a wheel."""

    name: str
    version: str
    licence: str
    author: str


def crates(site: Path) -> Iterator[Crate]:
    """Read the bills of materials of the unpacked wheels."""
    for bill in sorted(site.glob("*.dist-info/sboms/*.json")):
        for part in json.loads(bill.read_text(encoding="utf-8"))["components"]:
            said = [
                each.get("expression") or each.get("license", {}).get("id", "")
                for each in part.get("licenses", ())
            ]
            yield Crate(
                part["name"], part["version"], said[0] if said else "", part.get("author", "")
            )


def copyright_file(site: Path, mit: str) -> str:
    """Write the file.

    Args:
        site: the folder with the unpacked wheels.
        mit: the text of our own MIT licence.
    """
    parts, texts = [HEAD], [GPL, f"\nLicense: MIT\n{_quoted(mit)}\n"]
    for info in sorted(site.glob("*.dist-info")):
        if (name := info.name.partition("-")[0].replace("_", "-").lower()) not in WHEELS:
            continue
        about = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
        licence = WHEELS[name].licence
        if licence != "GPL-2.0-only":
            licence = f"{licence}~{name}"
            own = (
                "\n".join(_words(each) for each in _licences(info)) or f"Of {name}, by SPDX's name."
            )
            texts.append(f"\nLicense: {licence}\n{_quoted(own)}\n")
        parts.append(
            f"\nFiles: usr/lib/edge-agent/{WHEELS[name].folder or name.replace('-', '_')}*\n"
            f"Copyright: {_author(about['Author'], about['Author-email'], name)}\n"
            f"License: {licence}\n"
        )
    listed = [f"{each.name} {each.version}: {each.licence}; {each.author}" for each in crates(site)]
    parts.append(CRATES)
    texts.append("\nLicense: crates~pydantic-core\n" + _quoted("\n".join(listed)) + "\n")
    return "".join((*parts, *texts))


def _author(name: str | None, address: str | None, library: str) -> str:
    return " ".join((name or address or f"the authors of {library}").split())


def _licences(info: Path) -> list[Path]:
    found = [*info.glob("LICENSE*"), *info.glob("licenses/**/*"), *info.glob("license_files/*")]
    return sorted(each for each in found if each.is_file())


def _words(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _quoted(text: str) -> str:
    return "\n".join(f" {line}" if line.strip() else " ." for line in text.strip().splitlines())

# SPDX-License-Identifier: MIT
"""What ships on a gateway beside our own code, under which licence, and what Debian gives (ADR 30).

The names are those of requirements.lock; a test holds them against what `iot-utility[edge]` needs.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Library:
    """A library whose wheel is unpacked into the package."""

    licence: str
    """As SPDX writes it; where it offers a choice, the one that is taken."""
    binary: bool = False
    """Whether it has a wheel for each architecture and release of Python."""
    folder: str = ""
    """What it is imported as, where that is another name."""


WHEELS: Final = {
    "annotated-doc": Library("MIT"),
    "annotated-types": Library("MIT"),
    "gurux-dlms": Library("GPL-2.0-only"),
    "markdown-it-py": Library("MIT", folder="markdown_it"),
    "mdurl": Library("MIT"),
    "paho-mqtt": Library("BSD-3-Clause", folder="paho"),
    "pydantic": Library("MIT"),
    "pydantic-core": Library("MIT", binary=True),
    "rich": Library("MIT"),
    "typer": Library("MIT"),
    "typing-extensions": Library("PSF-2.0"),
    "typing-inspection": Library("MIT"),
}
DEBIAN: Final = {
    "cryptography": "python3-cryptography (>= 38)",
    "pygments": "python3-pygments (>= 2.13)",
    "pyserial": "python3-serial (>= 3.5)",
    "shellingham": "python3-shellingham (>= 1.3)",
}
"""What Debian 12 and 13 have in a version that suffices, and the package's dependency on it."""
BY_CRYPTOGRAPHY: Final = frozenset({"cffi", "pycparser"})
"""What Debian's python3-cryptography brings by itself."""
PYTHONS: Final = {"3.11": "Debian 12", "3.13": "Debian 13"}
"""The Pythons that the binary wheels are taken for: one package serves both releases."""
DEPENDS: Final = (
    "python3 (>= 3.11)",
    "python3 (<< 3.12) | python3 (>= 3.13)",
    "python3 (<< 3.14)",
    *DEBIAN.values(),
    "debconf (>= 0.5) | debconf-2.0",
    "libc6 (>= 2.17)",
    "libgcc-s1 (>= 3.0)",
    "systemd",
    "tzdata",
)
PLATFORMS: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's architectures, and what wheels call them."""

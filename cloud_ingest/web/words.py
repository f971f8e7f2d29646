# SPDX-License-Identifier: MIT
"""Words of the store that pages show in the visitor's language; another one is shown as it is.

A template writes ``{{ source|word }}``.
"""

from collections.abc import Mapping
from typing import Final


def _(text: str) -> str:
    """Mark a word for translation."""
    return text


WORDS: Final[Mapping[str, str]] = {
    "manager": _("manager"),
    "treasurer": _("treasurer"),
    "program": _("program"),
    "electricity": _("electricity"),
    "water": _("water"),
    "grid": _("grid"),
    "generator": _("generator"),
    "solar": _("solar"),
    "main": _("main"),
    "tanker": _("tanker"),
    "borewell": _("borewell"),
    "check": _("check meter"),
}

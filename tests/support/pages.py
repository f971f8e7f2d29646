# SPDX-License-Identifier: MIT
"""What the pages of ``docs`` tell a person to run, so that a test runs the same."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, language: str) -> str:
    """Return the one fenced block of a language in a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(found)

# SPDX-License-Identifier: MIT
"""Labels like one that is not known, for the error that says so. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches

NEAREST_LABELS = 8


def nearest_labels(label: str, known: Sequence[str]) -> str:
    """Return a clause that names the known labels most like ``label``, else the first ones."""
    close = get_close_matches(label, known, NEAREST_LABELS) or known[:NEAREST_LABELS]
    return f"there is {', '.join(close)}" if close else "nothing has one"

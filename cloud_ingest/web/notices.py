# SPDX-License-Identifier: MIT
"""What a page says after a form was taken: a known sentence by its key, ``?said=saved``.

Never: a text that came in the address.
"""

from collections.abc import Mapping
from typing import Final


def _(text: str) -> str:
    """Mark a sentence for translation."""
    return text


NOTICES: Final[Mapping[str, str]] = {
    "signed-out": _("You are signed out."),
}

# SPDX-License-Identifier: MIT
"""How a gateway stands and why a meter is not read, as sentences for translation. Pure."""

from collections.abc import Mapping
from typing import Final

from shared_schema.gateway import PollFailure


def _(text: str) -> str:
    """Mark a sentence for translation."""
    return text


STATES: Final[Mapping[str, tuple[str, str]]] = {
    "online": ("good", _("Heard")),
    "silent": ("warn", _("Silent")),
    "offline": ("bad", _("Away")),
    "never heard": ("none", _("Never heard")),
    "taken back": ("none", _("Taken back")),
}
"""The kind of the badge, and its word."""
REMARKS: Final[Mapping[str, str]] = {
    "its clock is not believed: it reads no meter": _("Its clock is wrong: it reads no meter."),
    "its clock is off": _("Its clock is off."),
    "its disk is full": _("Its disk is full."),
    "its disk is nearly full": _("Its disk is nearly full."),
    "its certificate ended": _("Its certificate ended."),
    "its certificate ends soon": _("Its certificate ends soon."),
    "readings wait": _("Readings wait at the gateway."),
}
"""What `core.gateway_standing.remarks` says; that meters are not read has a number."""
FAILURES: Final[Mapping[PollFailure, str]] = {
    PollFailure.NO_ANSWER: _("Does not answer"),
    PollFailure.PASSWORD_REFUSED: _("Refuses its password"),
    PollFailure.ADAPTER_AWAY: _("The adapter of its bus is away"),
    PollFailure.UNREADABLE: _("Its answers cannot be read"),
}

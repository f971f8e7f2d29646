# SPDX-License-Identifier: GPL-2.0-only
"""What to try next when a meter cannot be read: the installer's table, as code.

In: an error, or what a scan found. Out: a sentence for a person at the meter.
Never: a guess that could lock a meter. ``docs/howto/install-gateway.md`` has the same table.
"""

from typing import Final

from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    AgentError,
    AssociationRefused,
    BusLost,
    BusTimeout,
    ConfigurationError,
    NoCounter,
    PasswordRefused,
    ProtocolViolation,
    SessionLost,
    WrongIdentity,
)

SILENCE: Final = (
    "swap A and B; check that the meter has power and that its port is RS-485; give its own "
    "address (display or name plate) and other speeds"
)
UNASKED: Final = (
    "the line speaks before anybody is asked: swap A and B, fit the bias resistors, "
    "or take the other master off the line"
)
CONFLICT: Final = (
    "two meters have this address, or the line is noisy: leave one of them connected, give it "
    "another address, and scan again"
)
BY_KIND: Final[tuple[tuple[type[AgentError], str], ...]] = (
    (
        PasswordRefused,
        "ask the maker or the utility for the meter reader's password; do not try others: many "
        "meters lock after three",
    ),
    (
        AssociationRefused,
        "the meter wants another client or security: choose the model that names it, or --client",
    ),
    (AddressShared, CONFLICT),
    (
        NoCounter,
        "make room on the disk; a counter that is used up needs new keys from the maker",
    ),
    (WrongIdentity, "choose a model that names its manufacturer; the serial number must be there"),
    (AccessDenied, "the client may not read it, or the meter does not have it: leave it out"),
    (ProtocolViolation, "check for two meters at one address and for noise; look with --trace"),
    (SessionLost, "another master may be on the line; try again, then look with --trace"),
    (BusTimeout, SILENCE),
    (BusLost, "put the adapter back and use its name under /dev/serial/by-id"),
    (
        ConfigurationError,
        "correct the option; a port is seen with: ls -l /dev/serial/by-id",
    ),
)
BY_WORD: Final = (
    (
        "deviation_sign",
        "the meter writes its time zone the other way round: commission sets deviation_sign for "
        "it; by hand, set the other one at the meter in agent.toml",
    ),
    ("has no scaler", "the meter does not say its unit: such a register cannot be billed"),
    (
        "no valid time",
        "set it by `edge-agent set-clock --force`, which needs [bus.meter.setter]; without such "
        "keys with its maker's tool: without a time no profile counts",
    ),
    ("captures other objects", "somebody changed what the profile captures: commission it again"),
    ("read-write-denied", "this client may not read it: give the reader's --password-file"),
    (
        "scope-of-access-violated",
        "this client may not read it: give the reader's --password-file; a profile that refuses a "
        'range is read by place, with access = "entry" in its model',
    ),
    ("object-undefined", "the meter does not have it: choose another model, or leave it out"),
)


def for_error(error: AgentError) -> str:
    """Return what to try after an error."""
    return next((text for kind, text in BY_KIND if isinstance(error, kind)), "look with --trace")


def for_problem(problem: str) -> str:
    """Return what to try after a remark of a poll, or nothing where it says all."""
    return next((text for word, text in BY_WORD if word in problem), "")

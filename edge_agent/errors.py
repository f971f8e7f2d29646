# SPDX-License-Identifier: GPL-2.0-only
"""The errors of the gateway, split by what the caller does next.

AgentError
├── BusError              retry: the line did not carry it
│   ├── BusTimeout        no valid answer before the deadline
│   │   └── MeterBusy     it says again and again that it is not ready
│   └── BusLost           the adapter vanished; the next exchange opens it again
├── MeterError            skip this meter, go on with the others
│   ├── AssociationRefused   the meter said no to the association
│   │   ├── PasswordRefused  to this password or key: never tried again on its own (lock-out)
│   │   │   ├── Unexplained  for no reason: to the password, the keys, or the counter
│   │   │   └── RefusedBefore  in an earlier run by hand: nothing was sent
│   │   └── CounterRefused   to the invocation counter: the meter is asked for its own
│   ├── NoCounter         no invocation counter is left, or none can be kept on disk
│   ├── WrongIdentity     another meter than expected answers here, or one without a serial
│   │   ├── SerialUnreadable  its serial number is missing or written in another way
│   │   └── AddressShared    two meters answer at one address: nothing of the poll counts
│   ├── AccessDenied      an object this client may not read, or that is not there
│   └── ProtocolViolation the meter's bytes are no DLMS: a new session may help
│       └── ValueRefused     one object's bytes are no value that is read: it is left out alone
│           └── FloatRefused a register of floats: it is shown, and never billed
├── PublishError          retry: the broker did not take it
├── ConfigurationError    stop, and show this one line to whoever set it up
├── Reported              end the command: what failed was shown, each with what to try
└── SpoolError            stop: nothing more can be kept
    └── SpoolFull         go on: nothing more fits now; it is read again, or comes again

Where callers must tell cases of one class apart, the error carries a value:
`AssociationRefused.of`, `ProtocolViolation.of`, `CounterRefused.expected`, `AccessDenied.result`,
`ConfigurationError.of`. The message is for a person alone. What to try next follows the kind
(`install/advice`); whoever knows more than the kind tells says so with `AgentError.advised`.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final, Self

MOST_DETAILS: Final = 20


class AgentError(Exception):
    """Anything that the gateway itself raises."""

    next_step: str | None = None
    """What to try, from whoever knows more than the kind tells; None: advice by the kind."""
    exit_code: int = 2
    """With what a command ends that it ends."""
    details: tuple[str, ...] = ()
    """What is said before it, each on a line of its own."""

    def advised(self, next_step: str) -> Self:
        """Return the error with what to try, from whoever knows more than its kind tells."""
        self.next_step = next_step
        return self

    def detailed(self, lines: Sequence[str]) -> Self:
        """Return the error with what is said before it: the first lines, and how many more."""
        more = len(lines) - MOST_DETAILS
        rest = (f"and {more} more",) if more > 0 else ()
        self.details = (*lines[:MOST_DETAILS], *rest)
        return self


class BusError(AgentError):
    """The line did not carry it: try again."""


class BusTimeout(BusError):
    """No valid answer came before the deadline."""


class MeterBusy(BusTimeout):
    """The meter says again and again that it is not ready (RNR)."""


class BusLost(BusError):
    """The adapter vanished while in use; the next exchange opens the port again."""


class SessionLost(BusError):
    """The meter no longer knows this session: a new one helps."""


class MeterError(AgentError):
    """This meter cannot be read now; the others can."""


class Refusal(Enum):
    """What a meter did not take when it refused an association."""

    TERMS = "terms"
    """The client, or something that the meter does not name."""
    PASSWORD = "password"  # noqa: S105
    KEYS = "keys"
    SECURITY = "security"
    """It wants another kind of security: with ciphering, or without."""
    HIGH_LEVEL = "high-level"
    """It wants high-level security."""


class AssociationRefused(MeterError):
    """The meter refused the association."""

    of: Refusal = Refusal.TERMS
    """What it did not take."""

    def __init__(self, message: str, *, of: Refusal = Refusal.TERMS) -> None:
        super().__init__(message)
        self.of = of


class PasswordRefused(AssociationRefused):
    """The meter refused the password or the keys: trying again may lock the meter."""

    of = Refusal.PASSWORD

    def __init__(self, message: str, *, of: Refusal = Refusal.PASSWORD) -> None:
        super().__init__(message, of=of)


class Unexplained(PasswordRefused):
    """The meter refused a ciphered association and does not say what: maybe the counter."""

    of = Refusal.KEYS

    def __init__(self, message: str) -> None:
        super().__init__(message, of=Refusal.KEYS)


class RefusedBefore(PasswordRefused):
    """The meter refused this password or these keys in an earlier run: nothing was sent."""


class CounterRefused(AssociationRefused):
    """The meter refused the invocation counter of a ciphered association."""

    def __init__(self, message: str, *, expected: int) -> None:
        super().__init__(message)
        self.expected = expected
        """The lowest counter that the meter takes."""


class NoCounter(MeterError):
    """There is no invocation counter that may be used: all were, or the disk is full."""


class WrongIdentity(MeterError):
    """The meter is not the one it was, or does not say which it is."""


class SerialUnreadable(WrongIdentity):
    """The entry with the serial number is missing, or its bytes are none for this model."""


class AddressShared(WrongIdentity):
    """Two meters answer at one address: whose value it is cannot be told."""


class AccessDenied(MeterError):
    """The meter answered a read with a data-access-result other than success."""

    def __init__(self, message: str, *, result: int) -> None:
        super().__init__(message)
        self.result = result
        """The COSEM data-access-result (IEC 62056-5-3): 1 hardware-fault, 3 read-write-denied…"""


class Breach(Enum):
    """In what an answer is not as the standard has it."""

    ANSWER = "answer"
    """It is cut off, of another kind, or for another request: two meters can do that as well."""
    TERMS = "terms"
    """The terms that the meter states: nothing can be read under them."""
    PROTECTION = "protection"
    """It is not ciphered as agreed, or it was changed."""
    OTHER_KEY = "other-key"
    """It is ciphered with a key that was not agreed: a dedicated one, or one of its own."""
    SIZE = "size"
    """It holds more than is read at once."""
    ZONE = "zone"
    """Its rows state another zone than the clock."""


class ProtocolViolation(MeterError):
    """The meter's answer is well framed but is not DLMS, or is not what was asked for."""

    of: Breach = Breach.ANSWER
    """In what."""

    def __init__(self, message: str, *, of: Breach = Breach.ANSWER) -> None:
        super().__init__(message)
        self.of = of


class ValueRefused(ProtocolViolation):
    """What one object holds is no value that is read here; the message says in hex what came."""


class FloatRefused(ValueRefused):
    """A register that is billed holds a floating-point number: no count can be made of it."""


class PublishError(AgentError):
    """The broker did not take a message: it is sent again."""


class Setup(Enum):
    """What of the set-up cannot work: it selects the advice."""

    OPTION = "option"
    """An option, or another word of the command line."""
    SETTINGS = "settings"
    """A key of agent.toml."""
    NO_SETTINGS = "no-settings"
    """There is no agent.toml where it is looked for."""
    PORT_MISSING = "port-missing"
    PORT_DENIED = "port-denied"
    PORT_IN_USE = "port-in-use"
    PORT_UNFIT = "port-unfit"
    """It is no serial port, or cannot do what is asked of it."""
    SECRET_FILE = "secret-file"  # noqa: S105
    """The file of a password or key cannot be read, or others may read it."""
    SECRET = "secret"  # noqa: S105
    """A password or key has a form that it cannot have."""
    MISSING_SECRET = "missing-secret"  # noqa: S105
    """A meter needs a password or key, and none is named."""
    GATEWAY_KEY = "gateway-key"
    CLOUD_KEY = "cloud-key"
    MODEL = "model"
    FILE = "file"
    """A file cannot be read or written."""
    SPOOL = "spool"
    BROKER = "broker"
    ESTATE = "estate"
    """A file of virtual meters."""
    RECORDING = "recording"
    """A file of what a meter answered."""


class ConfigurationError(AgentError):
    """What was set up cannot work; the text is one line for a person."""

    of: Setup = Setup.OPTION
    """What cannot work."""

    def __init__(self, message: str, *, of: Setup = Setup.OPTION) -> None:
        super().__init__(message)
        self.of = of


class Reported(AgentError):
    """What failed was shown, each with what to try: this ends the command."""

    next_step = ""

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class SpoolError(AgentError):
    """The spool cannot keep anything more."""


class SpoolFull(SpoolError):
    """Nothing more fits now: the change was not made, and the caller does it again later."""

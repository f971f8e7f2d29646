# SPDX-License-Identifier: MIT
"""The errors of the contract.

    ContractError
    ├── ObisError          not an OBIS code
    ├── MalformedMessage   not a message of this contract: quarantine it, never resend it
    ├── UnknownSchema      a message of a name or version that this code does not speak
    └── SignatureInvalid   the bytes are not what the named key signed

All of them say that the *message* is at fault; none of them is worth a retry.
"""


class ContractError(ValueError):
    """The message breaks the contract."""


class ObisError(ContractError):
    """The text or bytes are no OBIS code."""


class MalformedMessage(ContractError):
    """The bytes are no message of this contract."""


class UnknownSchema(ContractError):
    """The message names a schema or a version that is not spoken here."""


class SignatureInvalid(ContractError):
    """The signature does not match the bytes and the key."""

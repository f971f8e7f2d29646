# SPDX-License-Identifier: GPL-2.0-only
"""As whom, and by which keys, a meter is spoken to.

In: a meter's settings, the client. Out: the mode of its association, its keys.
Never: a key in an error; a client with another mode than it can have.
"""

from typing import Final

from edge_agent.errors import ConfigurationError
from edge_agent.security import Keys, Mode, parse_key
from edge_agent.settings import UTILITY_CLIENT, MeterConfig, read_secret

_MODES: Final[dict[int, tuple[Mode, ...]]] = {
    16: (Mode.NONE,),
    32: (Mode.LLS, Mode.LLS_AE),
    48: (Mode.HLS_GMAC,),
}
"""How each client associates, the usual way first."""


def mode_of(meter: MeterConfig, client: int) -> Mode:
    """Return how a client associates with a meter.

    Args:
        meter: its settings.
        client: the client that is used, from there or from the model.

    Raises:
        ConfigurationError: the client cannot associate so, or a file is not named.
    """
    mode = meter.security or _MODES[client][0]
    if mode not in _MODES[client]:
        raise ConfigurationError(
            f"{meter.label}: client {client} has security {' or '.join(_MODES[client])}, not {mode}"
        )
    if mode.has_password and meter.password_file is None:
        raise ConfigurationError(
            f"{meter.label}: client {client} associates with a password: set password_file"
        )
    if mode.ciphered and meter.encryption_key_file is None:
        raise ConfigurationError(
            f"{meter.label}: security {mode} needs keys: set encryption_key_file and "
            "authentication_key_file"
        )
    return mode


def setter_of(meter: MeterConfig) -> MeterConfig:
    """Return how a meter is spoken to by the client that may set its clock.

    Raises:
        ConfigurationError: no association is set that may.
    """
    setter = meter.setter
    if setter is not None:
        return meter.model_copy(update=dict(setter))
    if meter.client == UTILITY_CLIENT:
        return meter
    raise ConfigurationError(
        f"{meter.label}: no association is set that may set its clock: [bus.meter.setter] of "
        "docs/reference/agent-toml.md"
    )


def keys_of(meter: MeterConfig) -> Keys | None:
    """Read EK and AK, or None where a meter has none.

    Raises:
        ConfigurationError: a file cannot be read, holds no key, or others may read it.
    """
    if meter.encryption_key_file is None or meter.authentication_key_file is None:
        return None
    suite = meter.security_suite
    encryption, authentication = (
        parse_key(read_secret(path, what), suite, f"{what}: {path}")
        for path, what in (
            (meter.encryption_key_file, f"the encryption key of {meter.label}"),
            (meter.authentication_key_file, f"the authentication key of {meter.label}"),
        )
    )
    return Keys(encryption, authentication, suite)

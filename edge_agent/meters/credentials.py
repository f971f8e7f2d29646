# SPDX-License-Identifier: GPL-2.0-only
"""The credentials for a meter: the client that speaks to it, how it associates, by which keys.

In: a meter's settings, the client. Out: the mode of its association, its keys.
Never: a key in an error; a client with another mode than it can have.
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from edge_agent.dlms.hls import Hls, Mechanism
from edge_agent.dlms.security import UTILITY_CLIENT, Keys, Mode, parse_key
from edge_agent.errors import ConfigurationError, Setup
from edge_agent.meters.model import Model
from edge_agent.secret_files import read_password, read_secret
from edge_agent.settings.bus import MeterConfig

_MODES: Final[dict[int, tuple[Mode, ...]]] = {
    16: (Mode.NONE,),
    32: (Mode.LLS, Mode.LLS_AE),
    48: (
        Mode.HLS_GMAC,
        Mode.HLS,
        Mode.HLS_MD5,
        Mode.HLS_SHA1,
        Mode.HLS_SHA256,
        Mode.HLS_ECDSA,
        Mode.HLS_GMAC_PLAIN,
        Mode.HLS_SHA256_PLAIN,
    ),
}
"""How each client of IS 15959 associates, the usual way first."""
_CURVE: Final = ec.SECP256R1.name
_MECHANISMS: Final = {
    Mode.HLS: Mechanism.AES,
    Mode.HLS_MD5: Mechanism.MD5,
    Mode.HLS_SHA1: Mechanism.SHA1,
    Mode.HLS_SHA256: Mechanism.SHA256,
    Mode.HLS_SHA256_PLAIN: Mechanism.SHA256,
    Mode.HLS_ECDSA: Mechanism.ECDSA,
}


def mode_of(meter: MeterConfig, client: int) -> Mode:
    """Return how a client associates with a meter.

    Args:
        meter: its settings.
        client: the client that is used, from there or from the model.

    Raises:
        ConfigurationError: the client cannot associate so, or a file is not named.
    """
    modes = _MODES.get(client, tuple(Mode))
    mode = meter.security or (_by_files(meter) if client not in _MODES else modes[0])
    if mode not in modes:
        raise ConfigurationError(
            f"{meter.label}: client {client} has security {' or '.join(modes)}, not {mode}"
        )
    if mode.has_password and meter.password_file is None:
        raise ConfigurationError(
            f"{meter.label}: client {client} associates with a password, and none is given",
            of=Setup.MISSING_SECRET,
        )
    if mode.has_keys and meter.encryption_key_file is None:
        raise ConfigurationError(
            f"{meter.label}: security {mode} needs EK and AK: neither is given",
            of=Setup.MISSING_SECRET,
        )
    if mode is Mode.HLS_ECDSA and meter.security_suite != 1:
        raise ConfigurationError(
            f"{meter.label}: security {mode} needs security_suite = 1: suite 0 has no signatures, "
            "and those of suite 2 (P-384) are not spoken"
        )
    if mode is Mode.HLS_ECDSA and meter.signing_key_file is None:
        raise ConfigurationError(
            f"{meter.label}: security {mode} needs a signing key and the meter's public key: "
            "neither is given",
            of=Setup.MISSING_SECRET,
        )
    return mode


def _by_files(meter: MeterConfig) -> Mode:
    """Return the mode for which the files of a meter are enough; without any, no security."""
    if meter.encryption_key_file is not None:
        return Mode.HLS_GMAC if meter.password_file is None else Mode.LLS_AE
    return Mode.NONE if meter.password_file is None else Mode.LLS


def unproven_security(meter: MeterConfig, model: Model) -> str:
    """Return which of a meter's security settings were never tried on a real meter, or nothing.

    Raises:
        ConfigurationError: as `mode_of`.
    """
    found: dict[str, None] = {}
    for each in (meter, setter_of(meter)) if meter.setter is not None else (meter,):
        mode = mode_of(each, each.client or model.client)
        if not mode.usual:
            found[f"security {mode}"] = None
        if mode.has_keys and each.security_suite:
            found[f"security suite {each.security_suite}"] = None
    return ", ".join(found)


def setter_of(meter: MeterConfig) -> MeterConfig:
    """Return the settings of a meter for the client that may set its clock.

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
        "docs/reference/agent-toml.md",
        of=Setup.SETTINGS,
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
            (
                meter.encryption_key_file,
                f"the encryption key of {meter.label} (encryption_key_file)",
            ),
            (
                meter.authentication_key_file,
                f"the authentication key of {meter.label} (authentication_key_file)",
            ),
        )
    )
    return Keys(encryption, authentication, suite)


def hls_of(meter: MeterConfig, mode: Mode) -> Hls | None:
    """Read the secret by which both sides prove themselves; None for none, or for EK and AK.

    Args:
        meter: its settings.
        mode: what `mode_of` found.

    Raises:
        ConfigurationError: a file cannot be read, holds no such secret, or others may read it.
    """
    mechanism = _MECHANISMS.get(mode)
    if mechanism is None:
        return None
    if mechanism is Mechanism.ECDSA:
        return Hls(mechanism, keys=_signing_keys(meter))
    path, what = meter.password_file, f"the secret of {meter.label} (password_file)"
    if path is None:
        return None
    if mechanism is Mechanism.AES:
        return Hls(mechanism, parse_key(read_secret(path, what), 0, f"{what}: {path}"))
    return Hls(mechanism, read_password(path, what).get_secret_value().encode("ascii"))


def _signing_keys(
    meter: MeterConfig,
) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey] | None:
    if meter.signing_key_file is None or meter.meter_public_key_file is None:
        return None
    path, what = meter.signing_key_file, f"the signing key of {meter.label} (signing_key_file)"
    pem = read_secret(path, what)
    try:
        own = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        own = None
    if not isinstance(own, ec.EllipticCurvePrivateKey) or own.curve.name != _CURVE:
        raise ConfigurationError(
            f"{what}: {path} holds no unencrypted PEM private key on P-256", of=Setup.SECRET
        )
    path, what = (
        meter.meter_public_key_file,
        f"the public key of {meter.label} (meter_public_key_file)",
    )
    pem = read_secret(path, what)
    try:
        its = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        its = None
    if not isinstance(its, ec.EllipticCurvePublicKey) or its.curve.name != _CURVE:
        raise ConfigurationError(
            f"{what}: {path} holds no PEM public key on P-256", of=Setup.SECRET
        )
    return own, its

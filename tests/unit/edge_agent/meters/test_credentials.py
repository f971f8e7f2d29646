# SPDX-License-Identifier: GPL-2.0-only
"""Modes and keys of a meter: what fits, what is missing, what others may read."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import ValidationError

from edge_agent.dlms.security import Mode, counter_object
from edge_agent.errors import ConfigurationError
from edge_agent.meters.credentials import keys_of, mode_of, unproven_security
from edge_agent.meters.model import Model, load
from edge_agent.poll.sessions import peer
from edge_agent.settings.bus import MeterConfig


def secured(folder: Path, **more: object) -> MeterConfig:
    """Return a meter with keys in files beside each other."""
    for name in ("password", "ek", "ak"):
        (folder / name).write_bytes(b"12345678" if name == "password" else b"0F" * 16)
        (folder / name).chmod(0o600)
    return MeterConfig.model_validate(
        {
            "label": "A-1",
            "address": 17,
            "password_file": folder / "password",
            "encryption_key_file": folder / "ek",
            "authentication_key_file": folder / "ak",
            **more,
        }
    )


def test_each_client_has_its_security(tmp_path: Path) -> None:
    meter = secured(tmp_path)
    assert [mode_of(meter, client) for client in (16, 32, 48)] == [
        Mode.NONE,
        Mode.LLS,
        Mode.HLS_GMAC,
    ]
    assert mode_of(secured(tmp_path, security="lls-ae"), 32) is Mode.LLS_AE
    keys = keys_of(meter)
    assert keys is not None
    assert keys.encryption == keys.authentication == b"\x0f" * 16
    assert keys_of(MeterConfig(label="A-1", address=17)) is None


@pytest.mark.parametrize(
    ("more", "client", "said"),
    [
        ({"security": "hls-gmac"}, 32, "client 32 has security lls or lls-ae, not hls-gmac"),
        ({"security": "none"}, 32, "client 32 has security lls or lls-ae, not none"),
        ({"security": "lls"}, 16, "client 16 has security none, not lls"),
        ({"security": "lls-ae", "password_file": None}, 32, "and none is given"),
        (
            {"encryption_key_file": None, "authentication_key_file": None},
            48,
            "security hls-gmac needs EK and AK: neither is given",
        ),
    ],
)
def test_security_that_cannot_be(
    tmp_path: Path, more: dict[str, object], client: int, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        mode_of(secured(tmp_path, **more), client)
    assert str(caught.value).startswith("A-1: ")


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"0F" * 16, 0o640, r"the encryption key of A-1 \(encryption_key_file\): others may read"),
        (
            b"0F0F",
            0o600,
            r"the encryption key of A-1 \(encryption_key_file\): .* must hold 32 hex",
        ),
        (b"XY" * 16, 0o600, "must hold 32 hexadecimal digits, or 16 characters"),
    ],
)
def test_a_key_file_that_cannot_be_used(
    tmp_path: Path, content: bytes, mode: int, said: str
) -> None:
    meter = secured(tmp_path)
    (tmp_path / "ek").write_bytes(content)
    (tmp_path / "ek").chmod(mode)
    with pytest.raises(ConfigurationError, match=said) as caught:
        keys_of(meter)
    assert content.decode() not in str(caught.value)


def test_the_peer_of_a_ciphered_meter(tmp_path: Path) -> None:
    model = load("is16444")
    found = peer(secured(tmp_path, security="lls-ae"), model, b"IOU12345")
    assert found.ciphering is not None
    assert (found.ciphering.title, found.ciphering.gmac) == (b"IOU12345", False)
    assert found.password is not None
    found = peer(secured(tmp_path, client=48, system_title="4D4D4D0000000001"), model, b"IOU12345")
    assert found.ciphering is not None
    assert (found.ciphering.title, found.ciphering.gmac) == (b"MMM\0\0\0\0\1", True)
    assert found.password is None
    assert peer(secured(tmp_path), model).ciphering is None
    assert "12345678" not in repr(found)
    assert "0f0f" not in repr(found).lower()
    assert "\\x0f" not in repr(found)


def test_a_password_that_does_not_fit_beside_keys(tmp_path: Path) -> None:
    meter = secured(tmp_path, security="lls-ae")
    (tmp_path / "password").write_bytes(b"x" * 49)
    with pytest.raises(ConfigurationError, match="with lls-ae a password has at most 48"):
        peer(meter, load("is16444"))


def signing(folder: Path, curve: ec.EllipticCurve, **more: object) -> MeterConfig:
    """Return a meter with a signing key and the meter's public one in files."""
    own, its = ec.generate_private_key(curve), ec.generate_private_key(ec.SECP256R1())
    for name, pem in (
        ("own", own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
        ("its", its.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
    ):
        (folder / name).write_bytes(pem)
        (folder / name).chmod(0o600)
    return secured(
        folder,
        client=48,
        security="hls-ecdsa",
        **{
            "security_suite": 1,
            "signing_key_file": folder / "own",
            "meter_public_key_file": folder / "its",
            **more,
        },
    )


def test_each_mechanism_has_its_secret(tmp_path: Path) -> None:
    model = load("is16444")
    found = {}
    for mode in ("hls", "hls-md5", "hls-sha1", "hls-sha256"):
        meter = secured(tmp_path, client=48, security=mode)
        (tmp_path / "password").write_bytes(b"0123456789abcdef\n")
        its = peer(meter, model)
        assert its.hls is not None
        assert its.hls.secret == b"0123456789abcdef"
        assert its.password is None
        found[its.mechanism] = its.ciphering is not None
    assert found == {2: False, 3: False, 4: False, 6: True}
    its = peer(signing(tmp_path, ec.SECP256R1()), model)
    assert its.hls is not None
    assert its.hls.keys is not None
    assert (its.mechanism, its.ciphering is not None) == (7, True)
    assert "PrivateKey" not in repr(its)


def test_the_secret_of_mechanism_2_is_a_key_of_aes(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"the secret of A-1 \(password_file\): .* 32 hexadecimal digits"
    ):
        peer(secured(tmp_path, client=48, security="hls"), load("is16444"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"security_suite": 0}, "needs security_suite = 1: suite 0 has no signatures"),
        ({"security_suite": 2}, "those of suite 2 .P-384. are not spoken"),
        (
            {"signing_key_file": None, "meter_public_key_file": None},
            "neither is given",
        ),
    ],
)
def test_signatures_that_cannot_be(tmp_path: Path, more: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        mode_of(signing(tmp_path, ec.SECP256R1(), **more), 48)


def test_a_signing_key_that_cannot_be_used(tmp_path: Path) -> None:
    meter, model = signing(tmp_path, ec.SECP384R1()), load("is16444")
    with pytest.raises(ConfigurationError, match="own holds no unencrypted PEM private key on P-2"):
        peer(meter, model)
    meter = signing(tmp_path, ec.SECP256R1())
    (tmp_path / "own").chmod(0o644)
    with pytest.raises(
        ConfigurationError, match=r"the signing key of A-1 \(signing_key_file\): others may read"
    ):
        peer(meter, model)
    meter = signing(tmp_path, ec.SECP256R1())
    (tmp_path / "its").write_bytes(b"no key")
    with pytest.raises(ConfigurationError, match="its holds no PEM public key on P-256"):
        peer(meter, model)
    with pytest.raises(ValueError, match="signing_key_file and meter_public_key_file go together"):
        signing(tmp_path, ec.SECP256R1(), meter_public_key_file=None)


def test_what_no_meter_has_proven(tmp_path: Path) -> None:
    model = load("is16444")
    assert unproven_security(secured(tmp_path), model) == ""
    assert unproven_security(secured(tmp_path, security="lls-ae"), model) == ""
    assert unproven_security(secured(tmp_path, security_suite=2), model) == ""
    suite = secured(tmp_path, security="lls-ae", security_suite=2)
    assert unproven_security(suite, model) == "security suite 2"
    found = unproven_security(signing(tmp_path, ec.SECP256R1()), model)
    assert found == "security hls-ecdsa, security suite 1"
    setter = {"security": "hls", "password_file": tmp_path / "password"}
    assert unproven_security(secured(tmp_path, setter=setter), model) == "security hls"


@pytest.mark.parametrize(
    ("files", "mode"),
    [
        ((), Mode.NONE),
        (("password_file",), Mode.LLS),
        (("encryption_key_file", "authentication_key_file"), Mode.HLS_GMAC),
        (("password_file", "encryption_key_file", "authentication_key_file"), Mode.LLS_AE),
    ],
)
def test_another_client_associates_by_its_files(files: tuple[str, ...], mode: Mode) -> None:
    fields = {"label": "A", "address": 1, "client": 1, **dict.fromkeys(files, "/x")}
    assert mode_of(MeterConfig.model_validate(fields), 1) is mode


@pytest.mark.parametrize("client", [0, 128, "32"])
def test_what_is_no_client_is_refused(client: object) -> None:
    with pytest.raises(ValidationError):
        MeterConfig.model_validate({"label": "A", "address": 1, "client": client})


def test_a_model_never_reads_as_the_utility() -> None:
    with pytest.raises(ValidationError, match="48 may change the meter"):
        Model(title="x", client=48)
    assert Model(title="x", client=3).client == 3


def test_another_client_has_the_general_counter() -> None:
    assert str(counter_object(1)) == "0.0.43.1.0.255"
    assert str(counter_object(100)) == "0.0.43.1.0.255"
    assert str(counter_object(48)) == "0.0.43.1.3.255"

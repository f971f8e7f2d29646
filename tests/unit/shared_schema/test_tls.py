# SPDX-License-Identifier: MIT
"""Files of certificates, good and spoiled: a client has its TLS, or a fault that names the file."""

import ssl
from codecs import BOM_UTF8
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.demo.authority import Authority, Identity
from shared_schema.tls import TlsFault, TlsFiles, client_context, examine

CALLED = ("ca", "cert", "key")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "ours")


@pytest.fixture(scope="module")
def own(authority: Authority) -> Identity:
    return authority.issue("gw-a")


@pytest.fixture(scope="module")
def good(authority: Authority, own: Identity) -> TlsFiles:
    return TlsFiles(authority.certificate, own.certificate, own.key, CALLED)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoiled") / "file.pem"


def test_good_files_speak_tls_1_3_and_look_at_the_host(good: TlsFiles) -> None:
    context = client_context(good)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


# The library takes it, and says that it will not for ever.
@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")
@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 700), bit=st.integers(0, 7), field=st.sampled_from(CALLED))
def test_a_spoiled_file_is_a_fault_that_names_it(
    good: TlsFiles, spoiled: Path, *, place: int, bit: int, field: str
) -> None:
    files = {"ca": good.ca, "cert": good.cert, "key": good.key}
    text = bytearray(getattr(good, field).read_bytes())
    text[place % len(text)] ^= 1 << bit
    spoiled.write_bytes(text)
    told = TlsFiles(**{**files, field: spoiled}, called=CALLED)
    assert len(list(examine(told, "gw-a", datetime.now(UTC)))) == 2
    said = fault_of(told)
    assert said is None or (str(spoiled) in said and "PRIVATE" not in said)


def fault_of(files: TlsFiles) -> str | None:
    try:
        client_context(files)
    except TlsFault as fault:
        return str(fault)
    return None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_junk_is_no_certificate(spoiled: Path, junk: bytes) -> None:
    spoiled.write_bytes(junk)
    with pytest.raises(TlsFault, match="holds no certificate"):
        client_context(TlsFiles(spoiled, None, None, CALLED))


FORMS: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "Windows' line ends": (lambda pem: pem.replace(b"\n", b"\r\n"), True),
    "a mark of the byte order": (lambda pem: BOM_UTF8 + pem, True),
    "words before it": (lambda pem: b"subject=ours\n" + pem, True),
    "one line": (lambda pem: pem.replace(b"\n", b""), False),
    "carriage returns alone": (lambda pem: pem.replace(b"\n", b"\r"), False),
    "indented": (lambda pem: b"  " + pem.replace(b"\n", b"\n  "), False),
    "two bytes a character": (lambda pem: pem.decode().encode("utf-16"), False),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_called_good_can_be_used(good: TlsFiles, spoiled: Path, form: str) -> None:
    made, is_good = FORMS[form]
    assert good.ca is not None
    spoiled.write_bytes(made(good.ca.read_bytes()))
    told = TlsFiles(spoiled, None, None, CALLED)
    now = datetime.now(UTC)  # the authority is younger than this module
    assert [each.level != "fail" for each in examine(told, None, now)] == [is_good]
    assert (fault_of(told) is None) == is_good


def test_a_key_with_a_passphrase_asks_nobody(own: Identity, spoiled: Path) -> None:
    key = load_pem_private_key(own.key.read_bytes(), None)
    shut = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    spoiled.write_bytes(shut)
    with pytest.raises(TlsFault, match="holds no private key without a passphrase"):
        client_context(TlsFiles(None, own.certificate, spoiled, CALLED))


@pytest.mark.parametrize(
    ("begins", "life", "name", "said"),
    [
        (NOW, 1, "gw-a", None),
        (NOW, 29, "gw-a", None),
        (NOW, 31, "gw-a", None),
        (NOW - timedelta(days=3), 1, "gw-a", "expired on"),
        (NOW + timedelta(days=3), 1, "gw-a", "is valid from"),
        (NOW, 1, "gw-b", "is for gw-a, and we are gw-b"),
        (NOW, 1, None, None),
    ],
)
def test_dates_and_name_are_looked_at(
    tmp_path: Path, begins: datetime, life: int, name: str | None, said: str | None
) -> None:
    made = Authority(tmp_path / "pki").issue("gw-a", begins=begins, life=timedelta(days=life))
    (found,) = examine(TlsFiles(None, made.certificate, made.key, CALLED), name, NOW)
    ends = begins + timedelta(days=life)
    valid = f"cert {made.certificate} is valid until {ends:%Y-%m-%d}"
    assert found.name == "certificate"
    assert found.level == ("fail" if said else "warn" if life < 30 else "ok")
    assert (said in found.said) if said else (found.said == valid)

# SPDX-License-Identifier: MIT
"""What is read of certificates, with whichever release of the library."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import Certificate

from shared_schema.certificates import (
    CLOCKS_DIFFER,
    PEM,
    Issuer,
    certificates_from_pem,
    is_of_key,
    new_tls_key,
    require_issued_by,
    valid_from,
    valid_until,
)

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
KEY = new_tls_key()
ISSUER = Issuer.make("Lake View", NOW, 10 * YEAR)


def issued(by: Issuer = ISSUER) -> Certificate:
    return by.issue("gw-a", KEY.public_key(), NOW, YEAR)


def test_the_certificates_of_a_file_are_read_in_order() -> None:
    own = issued()
    pem = b"a remark\n" + own.public_bytes(PEM) + b"\r\n" + ISSUER.certificate.public_bytes(PEM)
    assert certificates_from_pem(pem) == [own, ISSUER.certificate]


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        certificates_from_pem(pem)


def test_the_dates_of_a_certificate_are_in_utc() -> None:
    own = issued()
    assert (valid_from(own), valid_until(own)) == (NOW - CLOCKS_DIFFER, NOW + YEAR)


def test_a_certificate_is_of_its_own_key_alone() -> None:
    assert is_of_key(issued(), KEY.public_key())
    assert not is_of_key(issued(), new_tls_key().public_key())


def test_the_authority_that_signed_is_told_from_others() -> None:
    require_issued_by(issued(), ISSUER.certificate)
    same_name = Issuer.make("Lake View", NOW, 10 * YEAR)
    with pytest.raises(InvalidSignature):
        require_issued_by(issued(), same_name.certificate)
    other = Issuer.make("Hill View", NOW, 10 * YEAR)
    with pytest.raises(ValueError, match="another issuer"):
        require_issued_by(issued(), other.certificate)

# SPDX-License-Identifier: MIT
"""What the doctor and the check of the settings say of a service that signs people in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_ingest.operate.issuer_checks import check_issuer, check_issuer_secret
from cloud_ingest.settings import CloudSettings
from tests.support.issuer import LocalIssuer, local_issuer, nobody_at, settings_of


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer(datetime.now(UTC)) as found:
        yield found


def settings(oidc: dict[str, object]) -> CloudSettings:
    said = {"public_url": "https://meters.example", "oidc": oidc}
    return CloudSettings.model_validate(said)


def test_the_secret_is_its_owners_alone(tmp_path: Path) -> None:
    named = settings(nobody_at(tmp_path))
    assert [each.level for each in check_issuer_secret(named)] == ["ok"]
    (tmp_path / "oidc.secret").chmod(0o644)
    assert [each.level for each in check_issuer_secret(named)] == ["fail"]
    assert list(check_issuer_secret(CloudSettings())) == []


def test_the_issuer_is_asked_who_it_is(issuer: LocalIssuer, tmp_path: Path) -> None:
    ours = settings(settings_of(issuer.address, tmp_path))
    assert [each.level for each in check_issuer(ours)] == ["ok"]
    issuer.calls_itself = "https://login.example"
    (found,) = check_issuer(ours)
    assert (found.level, "calls itself https://login.example" in found.said) == ("warn", True)
    assert [each.level for each in check_issuer(settings(nobody_at(tmp_path)))] == ["warn"]
    assert list(check_issuer(CloudSettings())) == []


def test_an_issuer_wants_an_address_to_send_people_back_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="public_url"):
        CloudSettings.model_validate({"oidc": nobody_at(tmp_path)})

# SPDX-License-Identifier: MIT
"""The gateway's part with the cryptography of Debian, which the package takes (ADR 1)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.demo.debian import PackageUnavailable, unpack

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "debian-cryptography"
PACKAGES = ("python3-cryptography", "python3-cffi-backend")
READ_BY_IT = (
    "tests/unit/shared_schema/test_certificates.py",
    "tests/unit/shared_schema/test_enrolment.py",
    "tests/unit/shared_schema/test_invitation.py",
    "tests/unit/shared_schema/test_signing.py",
    "tests/unit/shared_schema/test_tls.py",
    "tests/unit/edge_agent/dlms/test_hls.py",
    "tests/unit/edge_agent/dlms/test_ciphering.py",
    "tests/unit/edge_agent/install/test_enrolment.py",
    "tests/unit/edge_agent/meters/test_credentials.py",
    "tests/unit/edge_agent/test_message_bytes.py",
)


@pytest.fixture(scope="module")
def of_debian() -> dict[str, str]:
    """An environment in which Debian's library comes before the wheel."""
    if not CACHE.is_dir():
        fresh = CACHE.with_name(f"{CACHE.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        try:
            for package in PACKAGES:
                unpack(package, fresh, dependencies=False)
        except PackageUnavailable as error:
            pytest.skip(f"Debian's python3-cryptography cannot be fetched here: {error}")
        fresh.rename(CACHE)
    folder = CACHE / "usr/lib/python3/dist-packages"
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}
    look = "import cryptography.x509; print(cryptography.__version__)"
    asked = subprocess.run(
        [sys.executable, "-c", look], env=environment, capture_output=True, text=True, check=False
    )
    if asked.returncode:
        pytest.skip("Debian's python3-cryptography is built for another Python than this one")
    assert (folder / f"cryptography-{asked.stdout.strip()}.dist-info").is_dir()
    return environment


def test_the_contract_holds_with_debians_cryptography(of_debian: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *READ_BY_IT],
        cwd=ROOT,
        env=of_debian,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert re.search(r"\b\d{2,} passed", run.stdout)

# SPDX-License-Identifier: GPL-2.0-only
"""Refused secrets: a secret is not tried twice, over a restart, until there is another one."""

import os
from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.refused_secrets import RefusedSecrets
from edge_agent.spool.spool import Spool


def write(path: Path, secret: bytes) -> None:
    """Replace a file as an installer does."""
    new = path.with_suffix(".new")
    new.write_bytes(secret)
    new.chmod(0o600)
    new.replace(path)


@pytest.fixture
def meter(tmp_path: Path) -> MeterConfig:
    write(tmp_path / "pw", b"wrong-one\n")
    return MeterConfig(label="A-1", address=17, password_file=tmp_path / "pw")


def test_refusals_outlive_restarts_and_end_with_another_secret(
    tmp_path: Path, meter: MeterConfig
) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        refusals = RefusedSecrets(spool, "riser-1")
        assert not refusals.recall(meter)
        refusals.note(meter)
        assert refusals.changed() == []
    for file in tmp_path.glob("spool.db*"):
        assert b"wrong-one" not in file.read_bytes()
    with Spool.open(path) as spool:
        refusals = RefusedSecrets(spool, "riser-1")
        assert refusals.recall(meter)
        os.utime(tmp_path / "pw")
        assert refusals.changed() == [], "touched, and still the refused one"
        write(tmp_path / "pw", b"right-one\n")
        assert refusals.changed() == ["A-1"]
        assert refusals.changed() == []
    with Spool.open(path) as spool:
        assert not RefusedSecrets(spool, "riser-1").recall(meter)


def test_a_secret_changed_during_downtime_is_tried(tmp_path: Path, meter: MeterConfig) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        RefusedSecrets(spool, "riser-1").note(meter)
        write(tmp_path / "pw", b"right-one")
        assert not RefusedSecrets(spool, "riser-1").recall(meter)
        write(tmp_path / "pw", b"wrong-one")
        assert not RefusedSecrets(spool, "riser-1").recall(meter), "forgotten with the change"


def test_another_place_or_client_is_not_refused(tmp_path: Path, meter: MeterConfig) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        RefusedSecrets(spool, "riser-1").note(meter)
        assert not RefusedSecrets(spool, "riser-2").recall(meter)
        assert not RefusedSecrets(spool, "riser-1").recall(meter.model_copy(update={"address": 18}))
        assert not RefusedSecrets(spool, "riser-1").recall(meter.model_copy(update={"client": 32}))


def test_a_file_briefly_away_releases_nobody(tmp_path: Path, meter: MeterConfig) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        refusals = RefusedSecrets(spool, "riser-1")
        refusals.note(meter)
        (tmp_path / "pw").unlink()
        assert refusals.changed() == []
        assert RefusedSecrets(spool, "riser-1").recall(meter)
        write(tmp_path / "pw", b"wrong-one")
        assert refusals.changed() == []
        write(tmp_path / "pw", b"right-one")
        assert refusals.changed() == ["A-1"]


def test_an_unkept_refusal_ends_with_another_file(tmp_path: Path, meter: MeterConfig) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        refusals = RefusedSecrets(spool, "riser-1")
        (tmp_path / "pw").unlink()
        with pytest.raises(ConfigurationError):
            refusals.note(meter)
        write(tmp_path / "pw", b"right-one")
        assert refusals.changed() == ["A-1"]


def test_a_folder_of_models_is_no_secret(tmp_path: Path, meter: MeterConfig) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        refusals = RefusedSecrets(spool, "riser-1")
        refusals.note(meter.model_copy(update={"models_dir": tmp_path}))
        assert refusals.changed() == []
        assert refusals.recall(meter)

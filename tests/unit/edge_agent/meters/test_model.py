# SPDX-License-Identifier: GPL-2.0-only
"""Models: every file is sound, and what is wrong is one line for a person."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.meters import model
from edge_agent.poll.sessions import peer
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import (
    BILLED_REGISTER,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    CATALOGUE,
    EVENT_PROFILES,
    INSTANTANEOUS_PROFILE,
    WATER_VOLUME,
    Kind,
)


def test_the_models_that_the_guide_names_are_there() -> None:
    assert {"is16444", "is13779", "water", "generic"} <= set(model.names())


READ = [name for name in model.names() if model.load(name).data_port]


@pytest.mark.parametrize("name", READ)
def test_each_model_reads_cumulative_registers_and_profiles(name: str) -> None:
    found = model.load(name)
    assert set(found.registers) & set(BILLED_REGISTER.values())
    assert all(CATALOGUE[obis].kind is Kind.REGISTER for obis in found.registers)
    assert found.profiles
    assert found.zone.offset_min == 330


@pytest.mark.parametrize("name", ["is16444", "is13779", "generic"])
def test_electricity_has_its_rarer_profiles_at_their_rhythm(name: str) -> None:
    every = {each.obis: each.every for each in model.load(name).profiles}
    assert every[BILLING_PROFILE] == "month"
    assert every[INSTANTANEOUS_PROFILE] == "hour"
    assert {every[log] for log in EVENT_PROFILES} == {"hour"}


@pytest.mark.parametrize("hours", [24, 25])
def test_a_load_profile_is_asked_for_a_day_at_most(hours: int) -> None:
    wanted = {"obis": BLOCK_LOAD_PROFILE, "window_h": hours}
    assert model.ProfileToRead.model_validate({**wanted, "every": "day"}).window_h == hours
    with pytest.raises(ValueError, match="at most 24") if hours > 24 else nullcontext():
        assert model.ProfileToRead.model_validate(wanted).window_h == hours


def test_a_meter_without_a_port_is_self_read() -> None:
    config = MeterConfig(label="A-1", address=17, model="dial")
    with pytest.raises(ConfigurationError, match=r"A-1: .* no data port: it is a self-read unit"):
        peer(config, model.load("dial"))
    with pytest.raises(ValueError, match="has no registers"):
        model.Model(title="x", client=16, data_port=False, registers=(WATER_VOLUME,))


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no meter model 'nope'; .*generic"):
        model.load("nope")


@pytest.mark.parametrize("name", ["../settings", "/etc/passwd", "", "is16444.toml"])
def test_a_name_is_not_a_path(name: str) -> None:
    with pytest.raises(ConfigurationError):
        model.load(name)


def test_a_folder_holds_models_besides_the_packaged_ones(tmp_path: Path) -> None:
    (tmp_path / "maker.toml").write_text('title = "Maker"\nclient = 16\n')
    (tmp_path / "water.toml").write_text('title = "Our water"\nclient = 16\n')
    assert model.load("maker", tmp_path).title == "Maker"
    assert model.load("water", tmp_path).title == "Our water"
    assert model.load("is16444", tmp_path) == model.load("is16444")
    with pytest.raises(ConfigurationError, match="no meter model 'maker'"):
        model.load("maker")
    with pytest.raises(ConfigurationError, match=r"cannot read the models' folder: .*models_dir"):
        model.load("generic", tmp_path / "none")


def test_a_meters_address_form_overrides_its_models() -> None:
    config = MeterConfig(label="A-1", address=17, client=16, address_bytes=1)
    assert peer(config, model.load("generic")).address_bytes == 1


def test_the_reader_needs_a_password() -> None:
    config = MeterConfig(label="A-1", address=17, model="is16444")
    with pytest.raises(ConfigurationError, match="and none is given"):
        peer(config, model.load("is16444"))


def test_the_public_client_needs_none() -> None:
    config = MeterConfig(label="A-1", address=17, model="is16444", client=16)
    found = peer(config, model.load("is16444"))
    assert (found.client, found.password) == (16, None)


def test_a_password_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("12345678\n")
    file.chmod(0o640)
    config = MeterConfig(label="A-1", address=17, model="is16444", password_file=file)
    with pytest.raises(ConfigurationError, match="others may read"):
        config.password()
    file.chmod(0o400)
    found = config.password()
    assert found is not None
    assert found.get_secret_value() == "12345678"
    assert "1234" not in repr(peer(config, model.load("is16444")))


@pytest.mark.parametrize("content", ["", "\n", "x" * 65, "gr\u00fcn"])
def test_a_password_that_cannot_be_one_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "password"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    config = MeterConfig(label="A-1", address=17, model="is16444", password_file=file)
    with pytest.raises(ConfigurationError):
        config.password()


def test_a_serial_number_where_the_maker_is_needs_its_name(tmp_path: Path) -> None:
    text = 'title = "X"\nclient = 16\n{}[identity]\ncode = "0.0.96.1.1.255"\n'
    (tmp_path / "x.toml").write_text(text.format(""))
    with pytest.raises(ConfigurationError, match="give manufacturer as well"):
        model.load("x", tmp_path)
    (tmp_path / "y.toml").write_text(text.format('manufacturer = "LNT"\n'))
    assert model.load("y", tmp_path).manufacturer == "LNT"

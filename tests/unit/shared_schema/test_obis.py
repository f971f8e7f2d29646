# SPDX-License-Identifier: MIT
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BILLED_REGISTER,
    CATALOGUE,
    SCALER_PROFILES,
    UNIT_SYMBOLS,
    WATER_VOLUME,
    Kind,
    Service,
    Unit,
    quantity,
)
from shared_schema.errors import ObisError
from shared_schema.obis import Obis

groups = st.tuples(*[st.integers(0, 255)] * 6)


@given(groups)
def test_text_and_bytes_round_trip(values: tuple[int, int, int, int, int, int]) -> None:
    obis = Obis(*values)
    assert Obis.parse(str(obis)) == obis
    assert Obis.from_bytes(bytes(obis)) == obis


@given(st.text(alphabet="0123456789. -:*+²٣\n", max_size=30))
def test_only_the_written_out_code_is_a_code(text: str) -> None:
    try:
        obis = Obis.parse(text)
    except ObisError:
        return
    assert str(obis) == text


@given(st.binary(max_size=12).filter(lambda data: len(data) != 6))
def test_a_logical_name_has_six_bytes(data: bytes) -> None:
    with pytest.raises(ObisError):
        Obis.from_bytes(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.0.1.8.0",
        "1.0.1.8.0.255.0",
        "01.0.1.8.0.255",
        "1.0.1.8.0.256",
        "1-0:1.8.0*255",
        "1.0.1.8.0.255 ",
        "1.0.1.8.0.255\n",
        "1.0.1.8.-0.255",
        "\u0661.0.1.8.0.255",
    ],
)
def test_what_is_not_a_code_is_refused(text: str) -> None:
    with pytest.raises(ObisError):
        Obis.parse(text)


def test_a_model_takes_and_gives_text() -> None:
    adapter = TypeAdapter(Obis)
    assert adapter.validate_json('"1.0.1.8.0.255"') == ACTIVE_IMPORT
    assert adapter.dump_json(ACTIVE_IMPORT) == b'"1.0.1.8.0.255"'
    with pytest.raises(ValidationError):
        adapter.validate_json('"1.0.1.8.0.256"')
    with pytest.raises(ValidationError):
        adapter.validate_json("[1,0,1,8,0,255]")


def test_the_catalogue_knows_registers_intervals_and_zones() -> None:
    register = CATALOGUE[ACTIVE_IMPORT]
    assert (register.kind, register.unit) == (Kind.REGISTER, Unit.WATT_HOUR)
    assert CATALOGUE[ACTIVE_IMPORT_INTERVAL].kind is Kind.INTERVAL
    zone_8 = CATALOGUE[Obis.parse("1.0.9.8.8.255")]
    assert (zone_8.kind, zone_8.unit) == (Kind.REGISTER, Unit.VOLT_AMPERE_HOUR)
    assert CATALOGUE[Obis.parse("1.0.32.27.0.255")].unit is Unit.VOLT
    assert CATALOGUE[WATER_VOLUME].service is Service.WATER
    assert quantity(Obis.parse("1.0.99.99.0.255")) is None


def test_a_volume_flux_is_not_a_corrected_one() -> None:
    assert int(Unit.CUBIC_METRE_PER_HOUR) == 15


def test_every_entry_is_whole() -> None:
    for obis, entry in CATALOGUE.items():
        assert entry.obis == obis
        assert entry.name
        assert entry.unit in UNIT_SYMBOLS
        assert (entry.service is None) == (entry.kind is Kind.STATUS)
    assert len({entry.name for entry in CATALOGUE.values()}) == len(CATALOGUE)
    for service, register in BILLED_REGISTER.items():
        assert CATALOGUE[register].service is service
        assert CATALOGUE[register].kind is Kind.REGISTER


def test_scaler_profiles_are_not_the_profiles() -> None:
    assert not set(SCALER_PROFILES) & set(SCALER_PROFILES.values())

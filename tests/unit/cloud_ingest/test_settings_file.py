# SPDX-License-Identifier: MIT
"""Settings files that cannot be right end in one line, whatever stands in them."""

from datetime import timedelta
from pathlib import Path

import pytest

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings import CloudSettings
from cloud_ingest.settings_file import load_settings


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text('zone = "Asia/Kolkata"', encoding="utf-8-sig")
    assert load_settings(file).zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'cloud_key_file = "\\u0000"',
            "line 1: cloud_key_file: the character NUL stands in it",
        ),
        ('dsn = "postgresql://\\u0000"', "dsn: the character NUL"),
        (
            '[[webhook]]\nsecret_file = "\\u0000"',
            "webhook: the character NUL",
        ),
        (f"broker_port = {'9' * 5000}", "not TOML: a number or a date cannot be read$"),
        (f"broker_port = 0x{'f' * 6000}", "not TOML: a whole number has more than 64 bits$"),
        (f"a = {'[' * 5000}", "not TOML: tables or arrays are nested too deeply$"),
        ("self_read_days = 1e999", "self_read_days: Input should be"),
        ('metrics_address = "9464"', "metrics_address: it wants a host and a port"),
        ('metrics_address = ":9464"', "metrics_address: it wants a host and a port"),
        ('metrics_address = "here:65536"', "metrics_address: it wants a host and a port"),
        (
            "broker_port = true",
            "toml: line 1: broker_port: true or false is no value of it",
        ),
        ('broker_ca_file = "ca.pem"', "cloud.toml: a certificate is named without TLS"),
    ],
)
def test_a_file_that_cannot_be_right_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        load_settings(file)
    assert len(str(caught.value)) < 400


def test_a_society_has_its_own_days_for_dials() -> None:
    own = {"name": "Lake View", "self_read_days": 7, "self_read_due_day": 0}
    settings = CloudSettings.model_validate({"self_read_days": 2, "society": [own]})
    assert settings.self_read_window("Lake View") == timedelta(days=7)
    assert settings.self_read_window("Another") == timedelta(days=2)
    assert (settings.self_reads_due("Lake View"), settings.self_reads_due("Another")) == (None, 2)

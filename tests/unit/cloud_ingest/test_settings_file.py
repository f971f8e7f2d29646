# SPDX-License-Identifier: MIT
"""Settings files that cannot be right end in one line, whatever stands in them."""

from pathlib import Path

import pytest

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings import load_settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('broker_ca_file = "\\u0000"', "broker_ca_file has the character NUL: leave it out"),
        ('dsn = "postgresql://\\u0000"', "dsn has the character NUL"),
        (
            '[[webhook]]\nsecret_file = "\\u0000"',
            "webhook has the character NUL",
        ),
        (f"broker_port = {'9' * 5000}", "is not TOML"),
        (f"broker_port = 0x{'f' * 6000}", "setting broker_port"),
        (f"a = {'[' * 5000}", "is not TOML"),
        ("self_read_days = 1e999", "setting self_read_days"),
        ('metrics_address = "9464"', "^setting metrics_address: it wants a host and a port"),
        ('metrics_address = ":9464"', "^setting metrics_address: it wants a host and a port"),
        ('metrics_address = "here:65536"', "^setting metrics_address: it wants a host and a port"),
        ("broker_port = true", "^setting broker_port: true or false is no value of it$"),
        ('broker_ca_file = "ca.pem"', "^a certificate is named without TLS"),
    ],
)
def test_a_file_that_cannot_be_right_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        load_settings(file)
    assert len(str(caught.value)) < 400

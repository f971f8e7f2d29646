# SPDX-License-Identifier: MIT
"""The files that an agent's settings name, without a bus or a broker."""

from pathlib import Path

from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem


def write_agent_files(folder: Path, settings: str) -> Path:
    """Write keys, a meter's password and the settings, for the owner alone; return agent.toml."""
    key = generate_key()
    for name, content in (
        ("gateway.key", private_key_to_pem(key)),
        ("cloud.pem", public_key_to_pem(key.public_key())),
        ("meter.pw", b"12345678"),
        ("agent.toml", settings.encode()),
    ):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    return folder / "agent.toml"

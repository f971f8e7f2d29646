# SPDX-License-Identifier: GPL-2.0-only
"""A small riser to try the installer's commands on, with the files that they take.

In: a folder. Out: its estate, files of a password, keys and a list of meters, and the commands
that work with them.
Never: a secret that protects anything; a file of a real gateway.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from edge_agent.virtual.estate import Estate, load_estate
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem

_ESTATE: Final = "estate.toml"
_COMMANDS: Final = """\
cd {folder}
edge-agent scan --port {port} --addresses 16-21
edge-agent trial --port {port} --baud 9600 --address {address} \\
    --password-file meter.pw
edge-agent commission --port {port} --meters meters.csv \\
    --password-file meter.pw --gateway gw-example --broker localhost \\
    --key-file gateway.key --cloud-key-file cloud.pem --spool spool.db
edge-agent read '{label}' --config agent.toml"""


def write_example(folder: Path) -> Estate:
    """Write the files of the example into a folder, and return its meters.

    Raises:
        OSError: a file is there already, or cannot be written.
    """
    text = files("edge_agent.virtual").joinpath("example.toml").read_text("utf-8")
    _write(folder / _ESTATE, text.encode())
    estate = load_estate(folder / _ESTATE)
    (bus,) = estate.config.bus
    listed = "".join(f"{each.label},{each.address}\n" for each in bus.meter)
    gateway, cloud = generate_key(), generate_key()
    _write(folder / "meter.pw", bus.meter[0].password.encode())
    _write(folder / "meters.csv", f"label,address\n{listed}".encode())
    _write(folder / "gateway.key", private_key_to_pem(gateway))
    _write(folder / "gateway.key.pub", public_key_to_pem(gateway.public_key()))
    _write(folder / "cloud.pem", public_key_to_pem(cloud.public_key()))
    return estate


def next_commands(estate: Estate, folder: Path) -> str:
    """Return what to type next, in another terminal."""
    (bus,) = estate.config.bus
    first = bus.meter[0]
    return _COMMANDS.format(
        folder=folder, port=bus.link, address=first.address, label=first.label.replace(" ", "/")
    )


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        path.chmod(0o600)
        file.write(data)

# SPDX-License-Identifier: GPL-2.0-only
"""The doctor: checks of everything that a gateway needs, each with what to do.

In: the settings file and this machine. Out: a `Check` for each thing, in the order in which a
person mends them.
Never: a change; a secret; a port opened, for the agent may be using it.
"""

import contextlib
import getpass
import grp
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from edge_agent import gateway_clock
from edge_agent.errors import ConfigurationError, SpoolError
from edge_agent.operate.configuration import (
    Check,
    check_certificates,
    check_files,
    check_settings,
)
from edge_agent.operate.disk import Room
from edge_agent.operate.machine import disk_of, spool_bytes
from edge_agent.operate.spool_facts import spool_facts
from edge_agent.operate.status import GatewayStatus, gateway_status
from edge_agent.publish.check import check_broker
from edge_agent.settings.bus import BusConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool import file
from edge_agent.spool.succession import took_over
from shared_schema.signing import key_id

_PACKAGES: Final = ("gurux-dlms", "pyserial", "paho-mqtt", "pydantic", "cryptography")
CLONE_TOLD: Final = timedelta(days=30)


def examine_gateway(
    config: Path,
    now: datetime,
    *,
    broker: Callable[..., None] = check_broker,
    synchronised: Callable[[], bool] = gateway_clock.is_synchronised,
    stand: Callable[[], gateway_clock.Stand | None] = gateway_clock.unkept_stand,
) -> Iterator[Check]:
    """Check everything and yield each result at once: the broker may take a while.

    Args:
        config: the settings.
        now: this moment, aware.
        broker: tries the broker, as `check_broker` does.
        synchronised: tells whether a time service keeps this machine's clock.
        stand: tells how the clock stands, where none keeps it now.
    """
    yield from _programs()
    settings = yield from check_settings(config, os.environ)
    if settings is None:
        return
    yield from examine_settings(settings, now, synchronised=synchronised, stand=stand)
    yield _broker(settings, broker, now)


def examine_settings(
    settings: AgentSettings,
    now: datetime,
    *,
    synchronised: Callable[[], bool] = gateway_clock.is_synchronised,
    stand: Callable[[], gateway_clock.Stand | None] = gateway_clock.unkept_stand,
) -> Iterator[Check]:
    """Check what the settings name and this machine has; the broker is left alone.

    Args:
        settings: the gateway's.
        now: this moment, aware.
        synchronised: tells whether a time service keeps this machine's clock.
        stand: tells how the clock stands, where none keeps it now.
    """
    yield _time(settings, synchronised=synchronised())
    yield from check_files(settings)
    for bus in settings.buses:
        yield from _port(bus)
    yield from _spool(settings, now, stand())
    yield from _next_key(settings)
    yield from check_certificates(settings, now)


def _programs() -> Iterator[Check]:
    release = ".".join(map(str, sys.version_info[:3]))
    yield Check("ok", "python", f"Python {release}, {sys.executable}")
    for name in _PACKAGES:
        try:
            yield Check("ok", "packages", f"{name} {version(name)}")
        except PackageNotFoundError:
            advice = "install the package of edge-agent again"
            yield Check("fail", "packages", f"{name} is missing", advice)


def _time(settings: AgentSettings, *, synchronised: bool) -> Check:
    if synchronised:
        return Check("ok", "clock", "a time service keeps the clock")
    advice = "switch the time service on: timedatectl set-ntp true; wait until timedatectl says yes"
    if settings.assume_synchronised_clock:
        return Check(
            "warn", "clock", "the settings trust this clock without a time service", advice
        )
    return Check("fail", "clock", "not synchronised: the agent reads no meter", advice)


def _port(bus: BusConfig) -> Iterator[Check]:
    name, port = f"bus {bus.name}", bus.port
    if not port.exists():
        yield Check(
            "fail", name, f"{port} is not there", "plug the adapter in; ls -l /dev/serial/by-id"
        )
        return
    if not port.is_char_device():
        yield Check("fail", name, f"{port} is no serial port", "correct port in the settings")
        return
    if not os.access(port, os.R_OK | os.W_OK):
        yield Check("fail", name, f"{_user()} may not open {port}", _group_advice(port))
        return
    if port.name.startswith(("ttyUSB", "ttyACM")):
        yield Check(
            "warn",
            name,
            f"{port} is a name that changes when adapters are plugged in",
            "take its name under /dev/serial/by-id",
        )
        return
    yield Check("ok", name, f"{port} may be opened")


def _group_advice(port: Path) -> str:
    try:
        group = grp.getgrgid(port.stat().st_gid).gr_name
    except (KeyError, OSError):
        group = "dialout"
    return f"usermod -aG {group} {_user()}, then log in again; for the service: systemctl restart"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _spool(
    settings: AgentSettings, now: datetime, stand: gateway_clock.Stand | None
) -> Iterator[Check]:
    path = settings.spool
    try:
        yield Check("ok", "spool", f"{path}: {file.inspect(path).value}")
    except ConfigurationError as error:
        yield Check("fail", "spool", str(error), f"install -d -o {_user()} {path.parent}")
    except SpoolError as error:
        yield Check("fail", "spool", str(error), "copy the file away before the next start")
    if path.parent.is_dir():
        yield _disk(settings)
    with contextlib.suppress(ConfigurationError):  # it is told above
        status = gateway_status(settings, now, stand=stand)
        yield from _jumped(status, path)
        yield from _clone(status)


def _jumped(status: GatewayStatus, spool: Path) -> Iterator[Check]:
    if status.clock_jump_s is not None:
        said = (
            f"it is {status.clock_jump_s:+.0f} s from where it was believed last, or behind the "
            "newest reading: the agent reads no meter"
        )
        advice = (
            "switch the time service on: timedatectl set-ntp true; or set it right: it is believed "
            "when it is back, or after a start of the machine if it is past the newest reading; "
            f"where that is itself of a time to come, move {spool} away and start the agent: "
            "profiles are read again from the meters"
        )
        yield Check("fail", "clock", said, advice)


def _clone(status: GatewayStatus) -> Iterator[Check]:
    if status.forked_at is not None and status.at - status.forked_at < CLONE_TOLD:
        said = (
            f"on {status.forked_at:%Y-%m-%d %H:%M} UTC the cloud had other batches under this "
            "gateway's numbers; what was sent from here is sent again under a new stream"
        )
        advice = (
            "stop the other machine with this key; if it is in other hands: cloud-ingest revoke, "
            "then a new key and a new request (docs/howto/enrol.md)"
        )
        yield Check("warn", "clone", said, advice)


def _disk(settings: AgentSettings) -> Check:
    path = settings.spool
    facts, disk = spool_facts(path), disk_of(path)
    room = Room(
        free=0 if disk is None else disk.free,
        used=spool_bytes(path),
        reusable=0 if facts is None else facts.reusable,
        most=settings.spool_max_bytes,
        keep_days=settings.spool_keep_days,
        a_day=None if facts is None else facts.bytes_per_day,
    )
    return Check(room.level, "disk", room.said, room.advice)


def _next_key(settings: AgentSettings) -> Iterator[Check]:
    path, key = settings.next_key_file, None
    with contextlib.suppress(ConfigurationError):  # told by `check_files`
        key = settings.next_key()
    if key is None:
        return
    if key_id(key.public_key()) in took_over(settings.spool):
        own = settings.key_file
        advice = f"mv {path} {own}; mv {path}.pub {own}.pub; put its fingerprint on the sheet"
        yield Check("warn", "next key", f"{path} signs, and {own} nothing more", advice)
    else:
        said = f"{path} signs once the cloud has its name, which an agent tells after its start"
        yield Check("ok", "next key", said)


def _broker(settings: AgentSettings, check: Callable[..., None], now: datetime) -> Check:
    host, port = settings.broker.address
    try:
        is_running = file.inspect(settings.spool) is file.State.IN_USE
    except (ConfigurationError, SpoolError):
        is_running = False
    try:
        check(settings.broker, settings.gateway, now, is_running=is_running)
    except ConfigurationError as error:
        advice = "look at the network (ping), the name, the login and the broker's log"
        return Check("fail", "broker", str(error), advice)
    return Check("ok", "broker", f"{host}:{port} takes the login")

# SPDX-License-Identifier: GPL-2.0-only
"""What a person typed, as the configuration it stands for: meters, codes, a line to open.

In: options, labels, OBIS codes. Out: `BusConfig`, `MeterConfig`, a way to open the line.
Never: a heavy import before it is needed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_agent.dlms.exchange import Transport
    from edge_agent.dlms.trace import TracedFrame
    from edge_agent.settings.bus import BusConfig, MeterConfig
    from shared_schema.obis import Obis

SETTINGS = Path("/etc/edge-agent/agent.toml")
TURNAROUND_S = 2.0
"""How long a meter may think when a person reads it."""


def validated(kind: Any, *, listed: str = "", **fields: Any) -> Any:
    """Make a configuration of options, or of the columns of a list.

    Args:
        kind: the configuration.
        listed: the label of a meter whose line of the list gives the fields; nothing: options.
        fields: what was given.

    Raises:
        ConfigurationError: values that they cannot have, each by the name of its option or column.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    try:
        return kind(**fields)
    except ValidationError as error:
        from shared_schema.settings.mistakes import refused  # noqa: PLC0415 - for a mistake alone

        found = refused(error, fields, "", kind).values()
        said = "; ".join(str(replace(each, key=_given_as(each.key, listed))) for each in found)
        raise ConfigurationError(f"{listed}: {said}" if listed else said) from None


def _given_as(field: str, listed: str) -> str:
    if listed or not field:
        return field
    return f"--{'baud' if field == 'baudrate' else field.replace('_', '-')}"


def require_secret_files(**given: Any) -> None:
    """Make sure that the files of secrets among some options can be used, before a port is opened.

    Raises:
        ConfigurationError: one cannot; it names the option.
    """
    from edge_agent.secret_files import require_secret  # noqa: PLC0415 - heavy

    for name, path in given.items():
        if name.endswith("_file") and path is not None:
            require_secret(path, f"--{name.replace('_', '-')}")


def require_secrets(meter: "MeterConfig") -> None:
    """Make sure that a meter's model, passwords and keys can be used, before its port is opened.

    Raises:
        ConfigurationError: one cannot, or one is missing.
    """
    from edge_agent.meters.model import load  # noqa: PLC0415 - heavy
    from edge_agent.poll.sessions import peer  # noqa: PLC0415 - heavy

    peer(meter, load(meter.model, meter.models_dir))


def one_meter(
    words: Sequence[str], config: Path, port: Path | None, **by_hand: Any
) -> "tuple[BusConfig, MeterConfig, list[Obis]]":
    """Return the line, the meter and the codes of a command that reads one meter.

    Args:
        words: OBIS codes; before them the meter's label, where no port is given.
        config: the settings that have the label.
        port: the port of a meter that is not configured.
        by_hand: the options of such a meter, of `BusConfig` and of `MeterConfig`.

    Raises:
        ConfigurationError: a word, an option or the label cannot be used.
    """
    from edge_agent.settings.bus import BusConfig, MeterConfig  # noqa: PLC0415 - heavy

    if port is None:
        if not words:
            raise ConfigurationError("no meter is named").advised(
                "name a meter of the settings by its label, or give --port and --address"
            )
        bus, meter = _configured(config, words[0])
        return bus, meter, _codes(words[1:])
    codes = _codes(words)
    if by_hand.get("address") is None:
        raise ConfigurationError("--port needs --address; edge-agent scan finds it")
    require_secret_files(**by_hand)
    line = {key: by_hand.pop(key) for key in ("baudrate", "parity") if key in by_hand}
    meter = validated(MeterConfig, label=f"meter {by_hand['address']}", **by_hand)
    return validated(BusConfig, name="hand", port=port, **line), meter, codes


def _codes(words: Sequence[str]) -> "list[Obis]":
    from shared_schema.errors import ObisError  # noqa: PLC0415 - heavy
    from shared_schema.obis import Obis  # noqa: PLC0415 - heavy

    try:
        return [Obis.parse(code) for code in words]
    except ObisError as error:
        raise ConfigurationError(f"{error}; an example: 1.0.1.8.0.255") from None


def _configured(config: Path, name: str) -> "tuple[BusConfig, MeterConfig]":
    from edge_agent.install.meter_names import find_meter  # noqa: PLC0415 - heavy
    from edge_agent.settings.file import load_settings  # noqa: PLC0415 - heavy

    return find_meter(load_settings(config), name, config)


def lasting_name(port: Path, folder: Path = Path("/dev/serial/by-id")) -> Path:
    """Return the name of an adapter that stays when it is plugged in elsewhere, if it has one."""
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return port
    return next((link for link in links if link.resolve() == port.resolve()), port)


def line_opener(
    port: Path,
    *,
    parity: str = "none",
    direction_control: str = "adapter",
    tell: "Callable[[TracedFrame], None] | None" = None,
) -> "Callable[[int], AbstractContextManager[Transport]]":
    """Return what opens a port at a speed, with a tap on it where ``tell`` is given."""
    from edge_agent.bus import Bus  # noqa: PLC0415 - heavy
    from edge_agent.dlms.trace import Tracer  # noqa: PLC0415 - heavy
    from edge_agent.settings.bus import BusConfig  # noqa: PLC0415 - heavy

    @contextmanager
    def open_line(baudrate: int) -> "Iterator[Transport]":
        config: BusConfig = validated(
            BusConfig,
            name="hand",
            port=port,
            baudrate=baudrate,
            parity=parity,
            direction_control=direction_control,
            turnaround_s=TURNAROUND_S,
        )
        with Bus(config) as bus:
            yield bus if tell is None else Tracer(bus, tell)

    return open_line

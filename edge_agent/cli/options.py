# SPDX-License-Identifier: GPL-2.0-only
"""The options that several commands share, each declared once.

Typer knows no groups of options: each command would repeat its 15 to 25 parameters. So a group is
a dataclass here, and `spread` hands a command the whole group as one value, while Typer sees its
fields as options.

In: the declaration of a command. Out: a function that Typer can register.
Never: a heavy import before a command runs.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from edge_agent.cli.terminal import say
from edge_agent.errors import BusError, MeterError
from edge_agent.install.options import SETTINGS, lasting_name, line_opener, one_meter

if TYPE_CHECKING:
    from edge_agent.dlms.exchange import Transport
    from edge_agent.dlms.trace import TracedFrame
    from edge_agent.install.lockout import Lockout
    from edge_agent.settings.bus import BusConfig, MeterConfig
    from shared_schema.obis import Obis

CONFIG_VARIABLE = "EDGE_AGENT_CONFIG"
ConfigOption = Annotated[
    Path, typer.Option("--config", envvar=CONFIG_VARIABLE, help="The gateway's settings.")
]
LabelConfig = Annotated[
    Path, typer.Option("--config", envvar=CONFIG_VARIABLE, help="The settings that have the label.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]
AgainOption = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Send a password or key again that this meter refused. Use it only after the meter "
        "was changed: many lock after three refusals.",
    ),
]
LogicalOption = Annotated[int, typer.Option(help="The upper HDLC address.")]
ModelsOption = Annotated[
    Path | None, typer.Option(help="Folder of meter models besides the packaged ones.")
]
ParityOption = Annotated[str, typer.Option(help="none, even or odd.")]
PasswordOption = Annotated[
    Path | None, typer.Option(help="File with the meter's password, mode 0600.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """A serial line that is opened by hand."""

    port: Annotated[
        Path, typer.Option(help="The serial adapter, best by its name under /dev/serial/by-id.")
    ]
    parity: ParityOption = "none"
    direction_control: Annotated[
        str, typer.Option(help="Who switches the line to send: adapter, rs485 or rts.")
    ] = "adapter"
    trace: Annotated[
        bool, typer.Option("--trace", help="Show every frame on stderr, without secrets.")
    ] = False

    def opener(self) -> "Callable[[int], AbstractContextManager[Transport]]":
        """Return what opens the line at a speed."""
        return line_opener(
            self.port,
            parity=self.parity,
            direction_control=self.direction_control,
            tell=_say_frame if self.trace else None,
        )

    def lockout(self, *, again: bool) -> "Lockout":
        """Return what the meters of this line refused before."""
        from edge_agent.install.lockout import Lockout  # noqa: PLC0415 - heavy

        return Lockout.of_user(lasting_name(self.port.absolute()), again=again)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOptions:
    """As whom a meter is read, and with what."""

    client: Annotated[
        int | None,
        typer.Option(
            help="16 public, 32 meter reader, 48 utility, or 1 to 127; else by model and secrets."
        ),
    ] = None
    password_file: PasswordOption = None
    security: Annotated[
        str | None,
        typer.Option(help="none, lls, lls-ae, hls-gmac, hls, …; else the client decides."),
    ] = None
    encryption_key_file: Annotated[
        Path | None, typer.Option(help="File with the encryption key (EK), mode 0600.")
    ] = None
    authentication_key_file: Annotated[
        Path | None, typer.Option(help="File with the authentication key (AK), mode 0600.")
    ] = None
    security_suite: Annotated[
        int, typer.Option(help="Security suite 0, 1 or 2; no meter has proven 1 and 2.")
    ] = 0
    signing_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the client's private key of hls-ecdsa, PEM, mode 0600."),
    ] = None
    meter_public_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the meter's public key of hls-ecdsa, PEM, mode 0600."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOptions(SecretOptions):
    """One meter: by its label in the settings, or by port and address."""

    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[METER] [OBIS]...",
            help="The label of a configured meter; codes to read, A.B.C.D.E.F.",
            show_default=False,
        ),
    ] = None
    config: LabelConfig = SETTINGS
    port: Annotated[
        Path | None, typer.Option(help="The adapter, or a pty, of a meter without settings.")
    ] = None
    address: Annotated[int | None, typer.Option(help="The meter's physical HDLC address.")] = None
    model: Annotated[str, typer.Option(help="The meter's model.")] = "generic"
    models_dir: ModelsOption = None
    logical_address: LogicalOption = 1
    baudrate: Annotated[int, typer.Option("--baud", "--baudrate", help="Speed of the line.")] = 9600
    parity: ParityOption = "none"
    again: AgainOption = False

    def find(self) -> "tuple[BusConfig, MeterConfig, list[Obis]]":
        """Return the line, the meter and the codes to read."""
        by_hand = {
            name: getattr(self, name)
            for name in (
                *("address", "logical_address", "model", "models_dir", "baudrate", "parity"),
                *(each.name for each in fields(SecretOptions)),
            )
        }
        return one_meter(self.words or [], self.config, self.port, **by_hand)


@contextmanager
def advised(meter: "MeterConfig") -> Iterator[None]:
    """Give an error that ends the work with a meter the advice for how it was associated with."""
    from edge_agent.install import advice  # noqa: PLC0415 - heavy
    from edge_agent.meters.credentials import mode_of  # noqa: PLC0415 - heavy
    from edge_agent.meters.model import load  # noqa: PLC0415 - heavy

    try:
        yield
    except (MeterError, BusError) as error:
        client = meter.client or load(meter.model, meter.models_dir).client
        error.advised(advice.for_error(error, mode_of(meter, client)))
        raise


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options: each field of a dataclass becomes an option."""
    declared = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {
        each.name: each.annotation for each in declared if is_dataclass(each.annotation)
    }

    @wraps(command)
    def spread_command(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{each.name: given.pop(each.name) for each in fields(kind)})
        command(**given)

    parameters = [
        option
        for each in declared
        for option in (_options(groups[each.name]) if each.name in groups else [each])
    ]
    spread_command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    )
    return spread_command


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=hints[each.name],
        )
        for each in fields(group)
    ]


def _say_frame(frame: "TracedFrame") -> None:
    say(frame.line())

# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The installer's tap test: ``edge-agent tap-test``.

In: a label of the settings. Out: which meter moved, as text or JSON; the exit code is the verdict.
Never: a stored value.
"""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import AgainOption, JsonOption, LabelConfig, advised
from edge_agent.cli.terminal import listing, say, show_json, table
from edge_agent.errors import ConfigurationError, Reported
from edge_agent.install.options import SETTINGS, lasting_name

if TYPE_CHECKING:
    from edge_agent.install.tap_test import Look, Moved, Outcome
    from edge_agent.install.tap_visit import TapTest, Visit
    from shared_schema.catalogue import Service

tap_commands = typer.Typer()

_LONGEST_S = 3600


@tap_commands.command("tap-test")
def tap_test(
    meter: Annotated[
        str, typer.Argument(help="The label of the flat's meter, such as A-1204/water.")
    ],
    config: LabelConfig = SETTINGS,
    rest: Annotated[
        int,
        typer.Option(
            min=10, max=_LONGEST_S, help="Seconds first, to see what each meter moves by itself."
        ),
    ] = 60,
    wait: Annotated[
        int | None,
        typer.Option(
            min=10,
            max=_LONGEST_S,
            help="Seconds while the tap runs, instead of waiting for Enter.",
        ),
    ] = None,
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Open a tap or switch on a load at a flat: which meter moves?

    \b
    edge-agent tap-test A-1204/water --config /etc/edge-agent/agent.toml
    edge-agent tap-test 'A-1204 electricity' --wait 180

    It finds meters whose labels were exchanged. It reads every meter of the service, waits a
    minute, reads them again, and asks you to let something run at the flat: some buckets of water,
    or a heater for some minutes. Then it says which meter moved more than by itself. The agent
    holds its ports: stop it meanwhile (systemctl stop edge-agent).

    \b
    Exit code: 0  the flat's own meter moved, and no other near that
               1  another meter moved: the two are crossed
               3  none moved, or it cannot be told
    """
    from edge_agent.install import tap_test as judging
    from edge_agent.install.meter_names import find_meter
    from edge_agent.install.tap_visit import tap_test as visited
    from edge_agent.settings.file import load_settings

    if wait is None and not sys.stdin.isatty():
        raise ConfigurationError("give --wait SECONDS, or run it at a terminal to be asked")
    settings = load_settings(config)
    named = find_meter(settings, meter, config)
    places = [(bus, each) for bus in settings.buses for each in bus.meters]
    with advised(named[1]):
        found = visited(places, named, _visit(rest, wait, again=again))
    sentence, next_step = judging.said(found.named, found.verdict, found.meters)
    if as_json:
        show_json(_document(found, sentence))
    else:
        _show(found, sentence)
    if next_step:
        code = _code(found.verdict.outcome)
        raise Reported(f"{sentence}; {next_step}", exit_code=code)


def _code(outcome: "Outcome") -> int:
    from edge_agent.install.tap_test import Outcome

    return 1 if outcome is Outcome.CROSSED else 3


def _visit(rest: int, wait: int | None, *, again: bool) -> "Visit":
    from edge_agent.bus import Bus
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.tap_visit import Visit

    def have_it_run(service: "Service", look: "Look") -> None:
        say(_asked(service, look))
        _wait(wait)

    def stand_still() -> None:
        say(f"change nothing for {rest} s")
        time.sleep(rest)

    return Visit(
        open_bus=Bus,
        lockout=lambda bus: Lockout.of_user(lasting_name(bus.port), again=again),
        now_s=time.monotonic,
        rest=stand_still,
        run=have_it_run,
        tell=say,
    )


def _asked(service: "Service", look: "Look") -> str:
    from edge_agent.install.tap_test import least_run
    from shared_schema.catalogue import Service

    least = least_run(look)
    if service is Service.WATER:
        return f"now open a tap at the flat, let at least {least} run, and close it"
    return f"now switch on a heater at the flat, let it take at least {least}, and switch it off"


def _wait(seconds: int | None) -> None:
    if seconds is not None:
        time.sleep(seconds)
    else:
        say("press Enter when that is done")
        sys.stdin.readline()


def _document(found: "TapTest", sentence: str) -> dict[str, object]:
    from edge_agent.install.shown import plain

    return {
        "meter": found.named,
        "service": found.service.value,
        "outcome": found.verdict.outcome.value,
        "moved": found.verdict.mover,
        "said": sentence,
        "meters": [
            {
                "label": each.label,
                "moved": plain(each.moved),
                "by_itself": plain(each.idle),
                "unit": each.unit,
            }
            for each in found.meters
        ],
        "not_read": {label: str(error) for label, error in found.silent.items()},
    }


def _show(found: "TapTest", sentence: str) -> None:
    order = sorted(found.meters, key=lambda each: (-each.more, each.label))
    print(table(("meter", "moved", "by itself", "unit"), map(_cells, order)))
    if found.silent:
        print()
        print(listing(("not read", f"{label}: {why}") for label, why in found.silent.items()))
    print(f"\n{sentence}")


def _cells(each: "Moved") -> tuple[str, str, str, str]:
    from edge_agent.install.shown import grouped

    return each.label, grouped(each.moved), grouped(each.idle), each.unit

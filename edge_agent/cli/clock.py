# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command that sets one meter's clock: ``edge-agent set-clock``.

A clock that was set is an event in the spool, as when the agent sets one.

In: arguments. Out: what the clock showed before and after, as text or JSON.
Never: a clock set from a machine whose own is not kept by a time service.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import AgainOption, JsonOption, LabelConfig, advised
from edge_agent.cli.terminal import listing, say, show_json
from edge_agent.errors import AgentError, MeterError
from edge_agent.install.options import SETTINGS, lasting_name, one_meter, require_secrets

if TYPE_CHECKING:
    from edge_agent.clock.set import ClockOutcome
    from edge_agent.settings.bus import BusConfig, MeterConfig
    from edge_agent.settings.gateway import AgentSettings

clock_commands = typer.Typer()


@clock_commands.command("set-clock")
def set_clock(
    meter: Annotated[str, typer.Argument(help="The label of a configured meter.")],
    config: LabelConfig = SETTINGS,
    force: Annotated[
        bool, typer.Option("--force", help="Set it however far it is off. Find the cause first.")
    ] = False,
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set one meter's clock to this machine's.

    \b
    edge-agent set-clock 'A-1204 electricity' --config /etc/edge-agent/agent.toml
    edge-agent set-clock A-1204/water --force

    It needs the association that may set a clock ([bus.meter.setter]), and a time service that
    keeps this machine's clock. It leaves a clock alone that is right enough. A clock that is
    further off than [clocks] set_within_s, or shows no valid time, it sets with --force only. At
    the end of a capture period it waits some minutes. The agent holds its ports: stop it meanwhile.
    """
    from edge_agent.settings.file import load_settings

    line, its_settings, _ = one_meter([meter], config, None)
    settings = load_settings(config)
    found = _set_when_possible(line, its_settings, settings, force=force, again=again)
    if found.became == "set":
        _note(found, settings)
    if as_json:
        show_json(_document(found, its_settings.label))
    else:
        print(listing(_facts(found)))
    if not found.worked:
        said = f"{its_settings.label}: its clock was not set: {found.reason}"
        raise MeterError(said).advised(
            "find the cause; --force sets it all the same"
            if _by_force(found, force=force)
            else "see docs/howto/clocks.md; edge-agent trace shows what the meter answers"
        )


def _set_when_possible(
    line: "BusConfig", meter: "MeterConfig", settings: "AgentSettings", *, force: bool, again: bool
) -> "ClockOutcome":
    """Set a clock; where a capture period ends, wait and try again."""
    from edge_agent.bus import Bus
    from edge_agent.clock import set as setting
    from edge_agent.gateway_clock import Timekeeper
    from edge_agent.install.lockout import Lockout
    from edge_agent.meters.credentials import setter_of
    from edge_agent.poll.sessions import sessions

    require_secrets(setter_of(meter))
    lockout = Lockout.of_user(lasting_name(line.port), again=again)
    keeper = Timekeeper(assume_synchronised=settings.assume_synchronised_clock)
    while True:
        with advised(setter_of(meter)), lockout.guard(setter_of(meter)), Bus(line) as bus:
            found = setting.set_clock(
                sessions(bus),
                meter,
                datetime.now(UTC),
                limits=settings.clocks.limits,
                is_kept=keeper.is_kept,
                by_hand=True,
                force=force,
            )
        if found.until is None:
            return found
        off = "" if found.before_s is None else f"{found.before_s:+.0f} s off; "
        until = datetime.fromtimestamp(found.until).astimezone()
        say(f"{off}a capture period ends: waiting until {until:%H:%M:%S}")
        time.sleep(max(0.0, found.until - time.time()))


def _note(found: "ClockOutcome", settings: "AgentSettings") -> None:
    """Note it in the spool, where there is one; the agent, which is stopped, seals it later."""
    from edge_agent.clock.keeper import clock_set_event
    from edge_agent.clock.samples import ClockSamples
    from edge_agent.clock_policy import Sample
    from edge_agent.spool.gateway_events import Observer
    from edge_agent.spool.spool import Spool

    if found.meter is None or found.after_s is None or not settings.spool.exists():
        return
    now = datetime.now(UTC).timestamp()
    try:
        with Spool.open(settings.spool, max_bytes=settings.spool_max_bytes) as spool:
            anew = ClockSamples(spool).restart(found.meter, Sample(now, found.after_s))
            Observer(spool).note(found.meter, [clock_set_event(found, now)], anew)
    except AgentError as error:
        say(f"set, and not noted for the cloud: {error}")


def _by_force(found: "ClockOutcome", *, force: bool) -> bool:
    return not force and found.became == "refused" and found.meter is not None


def _document(found: "ClockOutcome", label: str) -> dict[str, object]:
    return {
        "label": label,
        "meter": None if found.meter is None else str(found.meter),
        "became": found.became,
        "reason": found.reason,
        "before_s": found.before_s,
        "after_s": found.after_s,
    }


def _facts(found: "ClockOutcome") -> Iterator[tuple[str, str]]:
    if found.meter is not None:
        yield "meter", str(found.meter)
    for name, offset_s in (("before", found.before_s), ("after", found.after_s)):
        if offset_s is not None:
            way = "ahead of" if offset_s >= 0 else "behind"
            yield name, f"{abs(offset_s):.0f} s {way} this machine"
    if found.worked:
        yield "clock", "set" if found.became == "set" else f"left alone: {found.reason}"

# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command that sets one meter's clock: ``edge-agent set-clock``.

In: arguments. Out: what the clock showed before and after, as text or JSON.
A clock that was set is an event in the spool, as when the agent sets one.
Never: a clock set from a machine whose own is not kept by a time service.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.cli.install import AgainOption, JsonOption
from edge_agent.errors import AgentError, MeterError
from edge_agent.install.options import SETTINGS, lasting_name, one_meter, say

clocks = typer.Typer()


@clocks.command("set-clock")
def set_clock(
    meter: Annotated[str, typer.Argument(help="The label of a configured meter.")],
    config: Annotated[Path, typer.Option(help="The settings that have the label.")] = SETTINGS,
    force: Annotated[
        bool,
        typer.Option("--force", help="Set it however far it is off, once its cause is known."),
    ] = False,
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set one meter's clock to this machine's.

    \b
    edge-agent set-clock 'A-1204 electricity' --config /etc/edge-agent/agent.toml
    edge-agent set-clock A-1204 --force

    It needs the association that may set a clock ([bus.meter.setter]), and a time service that
    keeps this machine's clock. A clock that is right enough is left alone; one that is further off
    than [clocks] set_within_s, or shows no valid time, is set with --force only. Where a capture
    period ends it waits some minutes. The agent holds its ports: stop it meanwhile.
    """
    from edge_agent.bus import Bus
    from edge_agent.clock import set as setting
    from edge_agent.gateway_clock import Timekeeper
    from edge_agent.install.lockout import Lockout
    from edge_agent.meters.credentials import setter_of
    from edge_agent.poll.meter_link import sessions
    from edge_agent.settings import load_settings

    line, its_settings, _ = one_meter([meter], config, None)
    settings = load_settings(config)
    lockout = Lockout.of_user(lasting_name(line.port), again=again)
    keeper = Timekeeper(assume_synchronised=settings.assume_synchronised_clock)
    while True:
        with lockout.guard(setter_of(its_settings)), Bus(line) as bus:
            found = setting.set_clock(
                sessions(bus),
                its_settings,
                datetime.now(UTC),
                limits=settings.clocks.limits,
                is_kept=keeper.is_kept,
                by_hand=True,
                force=force,
            )
        if found.until is None:
            break
        off = "" if found.before_s is None else f"{found.before_s:+.0f} s off; "
        say(
            f"{off}a capture period ends: waiting until "
            f"{datetime.fromtimestamp(found.until).astimezone():%H:%M:%S}"
        )
        time.sleep(max(0.0, found.until - time.time()))
    if found.became == "set":
        _note(found, settings)
    _show(found, its_settings.label, as_json=as_json)
    if not found.worked:
        advice = "; --force sets it all the same" if _by_force(found, force=force) else ""
        raise MeterError(f"{its_settings.label}: its clock was not set: {found.reason}{advice}")


def _note(found: Any, settings: Any) -> None:
    """Note it in the spool, where there is one; the agent, which is stopped, seals it later."""
    from edge_agent.clock.keeper import was_set
    from edge_agent.clock.samples import ClockBook
    from edge_agent.clock_policy import Sample
    from edge_agent.spool.gateway_events import Observer
    from edge_agent.spool.spool import Spool

    if not settings.spool.exists():
        return
    now = datetime.now(UTC).timestamp()
    try:
        with Spool.open(settings.spool, max_bytes=settings.spool_max_mb * 1024 * 1024) as spool:
            anew = ClockBook(spool).anew(found.meter, Sample(now, found.after_s))
            Observer(spool).note(found.meter, [was_set(found, now)], anew)
    except AgentError as error:
        say(f"set, and not noted for the cloud: {error}")


def _by_force(found: Any, *, force: bool) -> bool:
    return not force and found.became == "refused" and found.meter is not None


def _show(found: Any, label: str, *, as_json: bool) -> None:
    who = None if found.meter is None else str(found.meter)
    if as_json:
        document = {
            "label": label,
            "meter": who,
            "became": found.became,
            "reason": found.reason,
            "before_s": found.before_s,
            "after_s": found.after_s,
        }
        print(json.dumps(document, ensure_ascii=False))
        return
    if who is not None:
        print(f"meter   {who}")
    for name, offset_s in (("before", found.before_s), ("after", found.after_s)):
        if offset_s is not None:
            way = "ahead of" if offset_s >= 0 else "behind"
            print(f"{name:<7} {abs(offset_s):.0f} s {way} this machine")
    if found.worked:
        print(f"clock   {'set' if found.became == 'set' else 'left alone: ' + found.reason}")

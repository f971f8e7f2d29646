# SPDX-License-Identifier: MIT
"""``make demo``: a society's month, from the RS-485 bus to billing, on this machine.

Everything in it is the real program; only the meters are virtual. It exits with 0 when the
table stands, with 1 when the month could not be shown, with 2 when something has to be
mended first.
"""

import argparse
import logging
import os
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.demo import society as plan
from deploy.demo.consumers import Inbox, listen
from deploy.demo.pages import PLAIN_NAME, open_pages
from deploy.demo.picture import draw
from deploy.demo.programs import DemoError
from deploy.demo.progress import Progress as State
from deploy.demo.story import expected_flags, read_the_notebook, show
from deploy.demo.world import BIN, World, open_world

BACKFILL_TIMEOUT_S = 600.0
FLAGS_TIMEOUT_S = 120.0
PAPER_WIDTH = 110
PAGES_HINT = "make demo KEEP=1 leaves it running, with its pages and a login for each role"


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="Show a society's month: virtual meters on a serial bus, two agents, a broker, "
        "a database, the ingest, the month's close, and three stand-in consumers.",
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    parser.add_argument("--dsn", help="use this PostgreSQL or TimescaleDB instead of our own")
    parser.add_argument("--small", action="store_true", help="six flats instead of twenty-four")
    parser.add_argument("--json", type=Path, help="write what billing received to this file")
    parser.add_argument("--svg", type=Path, help="draw what the terminal shows into this file")
    parser.add_argument("--directory", type=Path, help="keep the run's files in this new folder")
    return parser.parse_args(words)


Watch = Callable[[State], None]


def backfill(world: World, console: Console, watch: Watch) -> None:
    """Wait until every gateway has read its meters' history and the store holds it."""
    started = time.monotonic()
    with Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} meters read"),
        TextColumn("{task.fields[readings]:,} readings"),
        TimeElapsedColumn(),
        console=console,
        transient=console.is_terminal,
    ) as bars:
        task = bars.add_task("back-fill over the bus", total=None, readings=0)
        progress = world.progress()

        def look() -> bool:
            nonlocal progress
            progress = world.progress()
            behind = progress.meters if progress.behind is None else progress.behind
            bars.update(
                task,
                total=progress.meters,
                completed=max(0, progress.meters_heard - behind),
                readings=progress.readings,
            )
            watch(progress)
            return progress.settled

        world.wait(look, BACKFILL_TIMEOUT_S, "the back-fill")
    console.print(
        f"  {progress.readings:,} readings of {progress.meters_heard} meters "
        f"in {time.monotonic() - started:.0f} s"
    )


def run(world: World, console: Console, now: datetime, watch: Watch = lambda _: None) -> Inbox:
    """Play the month and return what reached the consumers.

    ``watch`` is told of the back-fill's progress as it goes.
    """
    month = f"{world.society.month:%Y-%m}"
    console.print(f"[bold]{world.society.name}[/bold], {world.society.month:%B %Y}")
    console.print("  database, broker, keys, units")
    world.prepare(now)
    console.print(f"  {len(world.society.gateways)} gateways, {len(world.society.buses)} buses")
    world.start()
    with listen(world.society.name, world.accounts()) as inbox:
        backfill(world, console, watch)
        console.print("  the notebook: self-reads of the legacy units")
        read_the_notebook(world)
        flags = expected_flags()
        named = ", ".join(sorted(" ".join(each) for each in flags))
        world.wait(lambda: flags == inbox.events.keys(), FLAGS_TIMEOUT_S, f"the flags {named}")
        console.print(f"  closing {month}")
        world.cloud("close-month", month, "--society", world.society.name)
        world.wait(inbox.month_is_whole, FLAGS_TIMEOUT_S, "billing to hold the whole month")
    return inbox


def main(words: list[str]) -> int:
    """Run the demo; return its exit code."""
    arguments = _arguments(words)
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(
        highlight=False,
        record=arguments.svg is not None,
        width=None if sys.stdout.isatty() else PAPER_WIDTH,
    )
    now = datetime.now(UTC)
    run_id = secrets.token_hex(2)
    started = time.monotonic()
    with ExitStack() as stack:
        directory = arguments.directory or Path(tempfile.mkdtemp(prefix="iot-utility-demo-"))
        try:
            if arguments.directory:
                directory.mkdir(parents=True)
            name = PLAIN_NAME + (f" {run_id}" if arguments.dsn else "")
            society = plan.make_society(
                name, plan.month_before(now), run=run_id, small=arguments.small
            )
            world = stack.enter_context(open_world(society, directory.resolve(), arguments.dsn))
            inbox = run(world, console, now)
            show(world, inbox, console)
            if arguments.json:
                numbers = [number.to_line().decode() for number in inbox.numbers.values()]
                arguments.json.write_text("[" + ",\n".join(numbers) + "]\n", encoding="utf-8")
            console.print(f"\n{time.monotonic() - started:.0f} s from start to table")
            if arguments.svg:
                draw(console, arguments.svg)
            if arguments.keep:
                _keep(world, console)
            else:
                console.print(PAGES_HINT, markup=False)
        except OSError as error:
            console.print(f"demo: {error}", style="red", markup=False, soft_wrap=True)
            return 2
        except DemoError as error:
            console.print(f"demo: {error}", style="red", markup=False, soft_wrap=True)
            return error.code
        except KeyboardInterrupt:
            return 130
    if not arguments.directory:
        shutil.rmtree(directory)
    return 0


def what_to_type(world: World, pages: str) -> str:
    """Say where the running demo is, in lines that can be pasted into a shell as they are."""
    month, program = f"{world.society.month:%Y-%m}", BIN / "cloud-ingest"
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    certificates = shlex.quote(str(world.directory / "certificates"))
    python = shlex.quote(str(BIN / "python"))
    run, society = shlex.quote(str(program)), shlex.quote(world.society.name)
    return f"""
Everything is left running; Ctrl-C ends it.
{pages}
  files and logs  {world.directory}
  broker          {world.broker_address}, TLS with a certificate
  certificates    {world.directory}/certificates: operator.pem reads all of the society,
                  billing.pem, helpdesk.pem and accounting.pem what is theirs, consumer.pem all
                  three; each with its .key, and authority.pem to know the broker by

In another terminal, from this folder:
export IOT_UTILITY_DSN={shlex.quote(world.dsn)} IOT_UTILITY_SOCIETY={society}
{run} month status {month}
{run} explain A-1204 --month {month}
{run} month changes {month}
{run} report {month}
{run} events list

A consumer logs in with these files; this keeps the numbers of all months in billing.db:
cp deploy/consumers/python/*.py {certificates} && cd {certificates} && cp authority.pem ca.pem
{python} billing.py {society} {shlex.quote(world.broker.host)} {world.broker.port} consumer"""


def _keep(world: World, console: Console) -> None:
    console.print(what_to_type(world, open_pages(world)), markup=False, soft_wrap=True)
    try:
        while True:
            for program in world.programs.values():
                program.require_alive()
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("stopping", style="dim")


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))

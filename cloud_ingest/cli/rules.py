# SPDX-License-Identifier: MIT
"""``cloud-ingest rules``: the water rules on a file of registers.

In: a file, options. Out: events as lines of JSON; a score as tables, JSON and a picture. Never: a
store or a broker, nor a rule of its own.
"""

import contextlib
import json as jsons
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import typer
from rich.console import Console
from rich.progress import track

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Json, Processes, RegistersFile, one_line_errors, progress
from cloud_ingest.cli.rules_towers import score_crossed, score_towers
from cloud_ingest.cli.say import say
from cloud_ingest.cli.score_text import as_json, as_text
from cloud_ingest.cli.table import counted
from cloud_ingest.core.rules.water.blind_spot import blind_spot
from cloud_ingest.core.rules.water.coarse import COARSE_L
from cloud_ingest.core.rules.water.episode import RUN_SINCE_S, Detail, Episode
from cloud_ingest.core.rules.water.hours import LONGEST_S
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.supply import Supply
from cloud_ingest.errors import RegistersRefused, UserError
from cloud_ingest.replay.file_clock import AS_IT_STANDS, shown
from cloud_ingest.replay.processes import each
from cloud_ingest.replay.registers_file import read_registers
from cloud_ingest.replay.rows import ML, MeterRows
from cloud_ingest.replay.run import events, readings, usual_interval_s
from cloud_ingest.scoring.job import Job
from cloud_ingest.scoring.plot import picture
from cloud_ingest.scoring.quarters import Quarters, quarters_of
from cloud_ingest.scoring.score import Score, score
from cloud_ingest.scoring.supplied_leaks import SUPPLY_HOURS
from cloud_ingest.scoring.supply import Inlet
from cloud_ingest.scoring.trials import Setup

app = new_group("Try the water rules on a file of registers.")
app.command("score-towers")(score_towers)
app.command("score-crossed")(score_crossed)

Zone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        help="Zone of the file's clock, where it has summer time, such as Europe/Madrid "
        "[default: its times are taken as they stand].",
    ),
]
Resolutions = Annotated[
    list[float] | None,
    typer.Option("--resolution-l", help="Step of the register, several times [default: 1]."),
]
Points = Annotated[
    list[Point] | None,
    typer.Option("--point", help="Operating point, several times [default: careful]."),
]
Trials = Annotated[
    int, typer.Option("--trials", min=1, max=1000, help="Leaks of each kind in each meter.")
]
Folds = Annotated[
    int, typer.Option("--folds", min=2, max=100, help="Groups of meters that are told apart.")
]
Donor = Annotated[
    Path | None,
    typer.Option(
        "--donor",
        help="A quarter-hourly file: split each hour as its hours were. Indicative, as what "
        "happens within an hour is then another flat's.",
    ),
]
FillRate = Annotated[
    float | None,
    typer.Option(
        "--inlet",
        min=1,
        max=10_000,
        help="Give each flat water for a few hours a day only, into a tank that fills at so many "
        "litres an hour. A crude model.",
    ),
]
Plot = Annotated[Path | None, typer.Option("--plot", help="Where a picture goes (SVG).")]
Work = TypeVar("Work")
MOST_STEP_L = 10_000


@app.command("replay")
def replay(
    file: RegistersFile,
    *,
    resolution_l: Annotated[
        float, typer.Option("--resolution-l", help="Litres of one step of the register.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where the events go, a line each [default: standard output]."),
    ] = None,
    point: Annotated[Point, typer.Option("--point", help="The operating point.")] = Point.CAREFUL,
    supply: Annotated[
        str | None,
        typer.Option(
            "--supply",
            help="The hours with water, such as '06:00-09:00' [default: each register shows them].",
        ),
    ] = None,
    zone: Zone = None,
    processes: Processes = None,
) -> None:
    """Play a file of registers to the rules that judge meters in production.

    Columns: meter, ts (local time without a zone), register_l (cumulative litres), hourly or
    quarter-hourly; a register that is finer than its step is cut to it. Each line of the answer
    is an event in JSON: meter, kind, severity, raised_at, since, cleared_at (null while it is
    open) and detail, with times of the file's own clock.

    Example: cloud-ingest rules replay registers.parquet --resolution-l 10 --out events.jsonl
    """
    with one_line_errors():
        hours = None if supply is None else _supply(supply)
        meter = WaterMeter(_step(resolution_l), _zone(zone), supply=hours)
        meters = _meters(file)
        interval_s = usual_interval_s(meters)
        if interval_s > LONGEST_S or meter.litres_per_count >= COARSE_L:
            progress(blind_spot(meter.litres_per_count, interval_s))
        judged = each(partial(_judged, meter=meter, point=point), meters, processes)
        with _lines(out, file) as write:
            for rows, found in zip(meters, _tracked(judged, len(meters)), strict=True):
                for event in found:
                    write(jsons.dumps(_as_json(rows.meter, event, meter.zone), ensure_ascii=False))


def _judged(rows: MeterRows, *, meter: WaterMeter, point: Point) -> list[Episode]:
    return events(readings(rows, meter.zone), meter, point)


def _as_json(name: str, event: Episode, zone: ZoneInfo) -> dict[str, object]:
    return {
        "meter": name,
        "kind": event.kind,
        "severity": event.severity,
        "raised_at": shown(event.raised_s, zone),
        "since": shown(event.since_s, zone),
        "cleared_at": None if event.cleared_s is None else shown(event.cleared_s, zone),
        "detail": _detail(event.detail, zone),
    }


def _detail(detail: Detail, zone: ZoneInfo) -> dict[str, object]:
    shown_detail: dict[str, object] = dict(detail)
    since_s = shown_detail.pop(RUN_SINCE_S, None)
    if isinstance(since_s, int):
        shown_detail["run_since"] = shown(since_s, zone)
    return shown_detail


@app.command("score")
def score_rules(
    file: RegistersFile,
    *,
    resolution_l: Resolutions = None,
    points: Points = None,
    trials: Trials = 5,
    folds: Folds = 5,
    donor: Donor = None,
    inlet: FillRate = None,
    supply: Annotated[
        str, typer.Option("--supply", help="With --inlet: the hours with water.")
    ] = str(Supply(SUPPLY_HOURS)),
    learn_supply: Annotated[
        bool,
        typer.Option("--learn-supply", help="With --inlet: do not tell the rules those hours."),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Another one draws other leaks.")] = 1,
    zone: Zone = None,
    processes: Processes = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Lay leaks over the meters of a file, and count what the rules find and what they invent.

    A leak starts at random, after 28 days of history, in a meter that does not leak itself: one
    that had no ten nights in a row with flow in every known hour from 02:00 to 05:00. It is found
    if an alarm is raised within so many hours and one interval of its start.

    Example: cloud-ingest rules score registers.parquet --resolution-l 1 --resolution-l 10
    """
    with one_line_errors():
        meters, in_zone = _meters(file), _zone(zone)
        donors = () if donor is None else _donors(donor, in_zone)
        hours = _supply(supply)
        supplied = None if inlet is None else Inlet(hours.hours, inlet, in_zone)
        told = None if inlet is None or learn_supply else hours
        scores = []
        for step in [_step(litres) for litres in resolution_l or [1.0]]:
            for point in points or [Point.CAREFUL]:
                meter = WaterMeter(step, in_zone, supply=told)
                job = Job(Setup(meter, point, trials, seed), donors, supplied)
                found = each(job, meters, processes)
                whole = score(list(_tracked(found, len(meters))), job.kinds, folds=folds, seed=seed)
                scores.append((_name(job, whole), whole))
            _tell_blind_spot(job, whole)
        if plot is not None:
            with _lines(plot, file) as write:
                write(picture(scores))
    if json:
        say(jsons.dumps([as_json(each, what) for what, each in scores], allow_nan=False))
    else:
        say("\n".join(as_text(each, what) for what, each in scores))


def _name(job: Job, whole: Score) -> str:
    step, point = job.setup.meter.litres_per_count, job.setup.point
    supply = "" if job.inlet is None else f", inlet {job.inlet.fill_l_per_h:.0f} L/h"
    return f"{step.normalize():f} L every {whole.interval_s / 60:.0f} min{supply}, {point}"


def _tell_blind_spot(job: Job, whole: Score) -> None:
    if job.inlet is None:
        progress(blind_spot(job.setup.meter.litres_per_count, round(whole.interval_s)))


def _donors(donor: Path, zone: ZoneInfo) -> Sequence[Quarters]:
    if found := quarters_of(readings(rows, zone) for rows in _meters(donor)):
        return found
    raise RegistersRefused(f"{donor} has no hour of four quarters: give a quarter-hourly file")


def _meters(file: Path) -> Sequence[MeterRows]:
    found = read_registers(file)
    if found.empty_rows:
        progress(f"{file}: {counted(found.empty_rows, 'row')} with an empty cell left out")
    return found.meters


def _step(litres: float) -> Decimal:
    if not 1 / ML <= litres <= MOST_STEP_L or Decimal(str(litres)) * ML % 1:
        raise UserError(f"--resolution-l {litres}: it is 0.001 to 10000, in whole millilitres")
    return Decimal(str(litres))


def _supply(text: str) -> Supply:
    try:
        return Supply.parse(text)
    except ValueError as error:
        raise UserError(f"--supply: {error}") from None


def _zone(name: str | None) -> ZoneInfo:
    if name is None:
        return AS_IT_STANDS
    if name not in available_timezones():
        raise UserError(f"--zone {name[:40]!r} is no zone: write it as Europe/Madrid")
    return ZoneInfo(name)


def _tracked(found: Iterable[Work], total: int) -> Iterable[Work]:
    """Show on a terminal how many meters are done."""
    console = Console(stderr=True)
    return track(
        found, "meters", total, console=console, transient=True, disable=not console.is_terminal
    )


@contextlib.contextmanager
def _lines(out: Path | None, file: Path) -> Iterator[Callable[[str], object]]:
    """Give what writes a line of the answer."""
    if out is None or str(out) == "-":
        yield say
        return
    if out.exists() and out.samefile(file):
        raise UserError(f"--out {out} is the file that is read: name another")
    try:
        opened = out.open("w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out} cannot be written: {error.strerror}") from None
    with opened:
        yield lambda line: opened.write(f"{line}\n")

# SPDX-License-Identifier: MIT
"""``cloud-ingest rules score-towers`` and ``score-crossed``: the tower rules on simulated towers.

In: a file of registers whose households live in the towers, options. Out: tables or JSON. Never: a
store or a broker, nor a rule of its own.
"""

import dataclasses
import json as jsons
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from cloud_ingest.cli.options import Json, Processes, RegistersFile, one_line_errors, progress
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import counted
from cloud_ingest.cli.tower_score_text import crossed_score_text, tower_score_text
from cloud_ingest.errors import UserError
from cloud_ingest.replay.file_clock import AS_IT_STANDS
from cloud_ingest.replay.processes import each
from cloud_ingest.replay.registers_file import read_registers
from cloud_ingest.replay.run import readings
from cloud_ingest.scoring.crossed_score import crossed_score
from cloud_ingest.scoring.tower_curves import curves_of
from cloud_ingest.scoring.tower_kinds import SETTINGS, Kind, Metering, drawn
from cloud_ingest.scoring.tower_score import Trial, score, trial
from cloud_ingest.scoring.tower_sim import Curve

Seed = Annotated[int, typer.Option("--seed", help="Another one draws other towers.")]
Towers = Annotated[int, typer.Option("--towers", min=1, max=10_000, help="Towers of each kind.")]
LEAST_CURVES = 3
INTERRUPTED = 130
"""The exit code of a command that was ended with Ctrl-C."""


def score_towers(
    file: RegistersFile,
    *,
    setting: Annotated[
        Metering,
        typer.Option("--setting", help="coarse: 100 L and 10 L registers; fine: 10 L and 1 L."),
    ] = Metering.COARSE,
    towers: Annotated[
        int, typer.Option("--towers", min=1, max=10_000, help="Towers with each fault.")
    ] = 20,
    sound: Annotated[
        int | None,
        typer.Option(
            "--sound", min=1, max=10_000, help="Towers without one [default: as --towers]."
        ),
    ] = None,
    unmetered_l: Annotated[
        float,
        typer.Option(
            "--unmetered-l", min=0, help="Spread of what is used without a meter, L a day."
        ),
    ] = 80.0,
    tank_l: Annotated[
        float, typer.Option("--tank-l", min=0, help="A tank between bulk meter and flats.")
    ] = 0.0,
    seed: Seed = 1,
    processes: Processes = None,
    json: Json = False,
) -> None:
    """Simulate towers whose flats live as the meters of a file, and judge them day by day.

    Sound towers are judged on each of 140 days; a quarter as many have a tank, half and twice as
    much unmetered, a week in which nearly all are away. Towers with a fault are judged on each of
    its first 14 days, and 21, 30, 45 and 60 days after it began: a leak in the common pipe, a meter
    that stopped, one that counts half, 20 % or 5 % less. coarse: flats are read up to 15 minutes
    late, with a gap every 70 days; fine: on the hour, with a gap every 200 days. Ctrl-C ends the
    simulation and prints what is known.

    Example: cloud-ingest rules score-towers registers.parquet --setting fine --towers 50
    """
    with one_line_errors():
        curves = curves_of(readings(rows, AS_IT_STANDS) for rows in read_registers(file).meters)
        if len(curves) < LEAST_CURVES:
            raise UserError(
                f"{file}: {len(curves)} of its meters are known for 20 weeks; a tower needs "
                f"{LEAST_CURVES}: give a file with longer registers"
            )
        like = replace(SETTINGS[setting], unmetered_sd_l=unmetered_l, tank_l=tank_l)
        wanted = drawn(like, towers, sound or towers)
        work = partial(_trial, curves=curves, seed=seed)
        trials = _until_interrupted(each(work, wanted, processes), len(wanted))
    whole = score(trials)
    say(jsons.dumps(dataclasses.asdict(whole)) if json else tower_score_text(whole))
    if len(trials) < len(wanted):
        raise typer.Exit(INTERRUPTED)


def _trial(which: tuple[Kind, int], *, curves: Sequence[Curve], seed: int) -> Trial:
    kind, number = which
    return trial(curves, kind, f"{seed} {number}")


def _until_interrupted(found: Iterable[Trial], total: int) -> list[Trial]:
    """Return what was found until a person lost patience, and say at each tenth how far it is."""
    trials: list[Trial] = []
    try:
        for one in found:
            trials.append(one)
            if len(trials) * 10 // total > (len(trials) - 1) * 10 // total:
                progress(f"{len(trials)} of {counted(total, 'tower')}")
    except KeyboardInterrupt:
        progress(f"interrupted: these are {len(trials)} of {counted(total, 'tower')}")
    return trials


def score_crossed(
    *,
    towers: Towers = 20,
    weeks: Annotated[int, typer.Option("--weeks", min=3, max=52, help="Of hours.")] = 12,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Simulate towers, half of them with two meters exchanged, and look for these.

    Example: cloud-ingest rules score-crossed --towers 50 --weeks 12
    """
    found = crossed_score(towers, weeks, seed)
    say(jsons.dumps(dataclasses.asdict(found)) if json else crossed_score_text(found))

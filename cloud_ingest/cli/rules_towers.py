# SPDX-License-Identifier: MIT
"""``cloud-ingest rules score-towers`` and ``score-crossed``: the tower rules on simulated towers.

In: a file of registers whose households live in the towers, options. Out: tables or JSON. Never: a
store or a broker, nor a rule of its own.
"""

import dataclasses
import json as jsons
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from cloud_ingest.cli.options import Json, Processes, RegistersFile, one_line_errors
from cloud_ingest.cli.say import say
from cloud_ingest.cli.tower_score_text import crossed_score_text, tower_score_text
from cloud_ingest.errors import UserError
from cloud_ingest.replay.file_clock import AS_IT_STANDS
from cloud_ingest.replay.processes import each
from cloud_ingest.replay.registers_file import read_registers
from cloud_ingest.replay.run import readings
from cloud_ingest.scoring.crossed_score import crossed_score
from cloud_ingest.scoring.tower_curves import curves_of
from cloud_ingest.scoring.tower_score import FAULTS, Trial, score, trial
from cloud_ingest.scoring.tower_sim import Curve, Setting

Seed = Annotated[int, typer.Option("--seed", help="Another one draws other towers.")]
Towers = Annotated[int, typer.Option("--towers", min=1, max=10_000, help="Towers of each kind.")]
LEAST_CURVES = 3


def score_towers(
    file: RegistersFile,
    *,
    towers: Towers = 20,
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

    Sound towers, a leak in the common pipe, a meter that stopped, one that counts half, 20 % or
    5 % less: so many towers of each.

    Example: cloud-ingest rules score-towers registers.parquet --towers 50
    """
    with one_line_errors():
        curves = curves_of(readings(rows, AS_IT_STANDS) for rows in read_registers(file).meters)
        if len(curves) < LEAST_CURVES:
            raise UserError(
                f"{file}: {len(curves)} of its meters are known for 20 weeks; a tower needs "
                f"{LEAST_CURVES}: give a file with longer registers"
            )
        names: list[str | None] = [None, *FAULTS]
        wanted = [(name, seed * 10_000 + number) for number in range(towers) for name in names]
        setting = Setting(unmetered_sd_l=unmetered_l, tank_l=tank_l)
        work = partial(_trial, curves=curves, setting=setting)
        whole = score(list(each(work, wanted, processes)))
    say(jsons.dumps(dataclasses.asdict(whole)) if json else tower_score_text(whole))


def _trial(which: tuple[str | None, int], *, curves: Sequence[Curve], setting: Setting) -> Trial:
    name, seed = which
    return trial(curves, name, seed, setting)


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

# SPDX-License-Identifier: GPL-2.0-only
"""Commissioning step by step: as whom the meters of a line are searched for."""

from pathlib import Path

from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.walkthrough import clients_to_probe


def test_the_usual_clients_are_probed() -> None:
    assert clients_to_probe((), None) == (16, 32)


def test_clients_of_list_and_models_are_probed_a_few(tmp_path: Path) -> None:
    for client in (2, 3, 4):
        (tmp_path / f"m{client}.toml").write_text(f'title = "x"\nclient = {client}\n')
    listed = (ListedMeter("A-1", 17, client=1), ListedMeter("A-2", 18))
    assert clients_to_probe(listed, tmp_path) == (16, 1, 32, 2)

# SPDX-License-Identifier: MIT
"""A former version of the program serves beside this one: ``make upgrade FORMER=COMMIT``."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.support.rolling import THIS_PROGRAM, Load, Program, upgrade
from tests.support.servers import MqttServer
from tests.support.service_site import GATEWAYS, Site, mosquitto
from tests.support.store import database_at

__all__ = ["mosquitto"]


def test_a_former_checkout_serves_beside_this_one(
    store_server: str, mosquitto: MqttServer, tmp_path: Path
) -> None:
    former = Program(folder=Path(os.environ["IOT_UTILITY_TEST_FORMER"]))
    with database_at(store_server) as dsn, ExitStack() as stack:
        made = subprocess.run(
            [sys.executable, *former.words, "migrate", "--dsn", dsn],
            cwd=former.folder,
            env={**os.environ, "PYTHONPATH": str(former.folder)},
            check=False,
        )
        assert made.returncode == 0
        site = Site(dsn, mosquitto, tmp_path, stack)
        site.meter("1")
        upgrade(site, Load(site, *site.gateway(GATEWAYS[1])), former, THIS_PROGRAM)

# SPDX-License-Identifier: MIT
"""Two versions side by side: a store is upgraded while workers of the former one take readings.

The next version is this one with two migrations more; `lane_upgrade` has a former one in its place.
"""

import pytest

from cloud_ingest.store.serving import versions_that_serve
from tests.support.next_version import AFTER, BESIDE, THIS
from tests.support.rolling import NEXT_PROGRAM, THIS_PROGRAM, Load, upgrade
from tests.support.service_site import (
    GATEWAYS,
    Site,
    each_site,
    mosquitto,
    site,
    wait_until,
)
from tests.support.workers import Workers

__all__ = ["each_site", "mosquitto", "site"]


@pytest.fixture
def load(each_site: Site) -> Load:
    each_site.meter("1")
    return Load(each_site, *each_site.gateway(GATEWAYS[0]))


def test_a_store_is_upgraded_under_running_workers(each_site: Site, load: Load) -> None:
    before, after = upgrade(each_site, load, THIS_PROGRAM, NEXT_PROGRAM)
    assert f"{AFTER.name} waits" in before
    assert f"ready: {AFTER.name}" in after
    code, told = THIS_PROGRAM.run(each_site, "latest", "--society", "Lake View")
    assert (code, f"{AFTER.name}, which this program does not know" in told) == (2, True), told


def test_a_plan_tells_who_serves(site: Site) -> None:
    with Workers(site).worker("former"):
        wait_until(lambda: versions_that_serve(site.conn) == {THIS: 1})
        code, told = NEXT_PROGRAM.run(site, "migrate", "--plan")
        assert code == 0, told
        assert told.splitlines()[1:] == [
            f"serving now: 1 of version {THIS:04}",
            f"{BESIDE.name}: beside the workers that serve",
            f"{AFTER.name}: when no worker of a former version serves",
        ]
        code, told = NEXT_PROGRAM.run(site, "migrate")
        assert code == 0, told
    _, told = NEXT_PROGRAM.run(site, "doctor")
    assert f"warn  store: {AFTER.name} waits" in told

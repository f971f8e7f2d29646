# SPDX-License-Identifier: MIT
"""What every test can use; and no property test fails because the machine is slow."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.memory import write_into_memory

write_into_memory()

pytest_plugins = ["tests.support.servers", "tests.support.lanes", "tests.support.whole_gurux"]

settings.register_profile(
    "untimed",
    deadline=None,
    max_examples=int(os.environ.get("IOT_UTILITY_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def state_of_no_person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what a command remembers for its user out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def levels_of_our_loggers() -> Iterator[None]:
    """Restore what a command under test has set, so that no test depends on the one before."""
    loggers = [logging.getLogger(name) for name in ("edge_agent", "cloud_ingest")]
    levels = [each.level for each in loggers]
    yield
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)

# SPDX-License-Identifier: MIT
"""What every test can use; and no property test fails because the machine is slow."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.servers"]

settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")

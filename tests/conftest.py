# SPDX-License-Identifier: MIT
"""What every test can use."""

pytest_plugins = ["tests.support.servers"]

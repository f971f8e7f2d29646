# SPDX-License-Identifier: GPL-2.0-only
"""The whole of gurux-dlms, loaded before any test loads the part that an agent uses.

Tests hold our decoding and ciphering against the library, with classes that no agent needs. A
program that has loaded the whole library keeps it (`edge_agent.dlms.gurux`).
"""

import gurux_dlms

__all__ = ["gurux_dlms"]

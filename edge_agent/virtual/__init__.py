# SPDX-License-Identifier: GPL-2.0-only
"""Virtual COSEM meters on a pty bus, written by hand from the books."""

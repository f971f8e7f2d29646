# SPDX-License-Identifier: GPL-2.0-only
"""The parts of gurux-dlms that the agent uses, loaded without the rest of it.

The `__init__` of the library imports all of it, and that of `gurux_dlms.objects` 120 object
classes: clients, servers, translators and setups that no agent needs. They take 3.7 MiB of the
7.7 MiB that the library takes of a gateway's memory, and 0.2 s of the 0.3 s that it takes to start
on a PC (gurux-dlms 1.0.203, Python 3.11). So this module makes both packages known without running
their `__init__`, and the modules named below load what they need themselves. Each of them is the
library's own, unchanged. A program that has loaded the whole library before keeps it.

Out: the names below.
Never: a change of the library; a value.

The only module that imports gurux-dlms.
"""
# ruff: noqa: E402 - the packages are made known first

import importlib.util
import sys


def _make_known(package: str) -> None:
    """Let a package's modules be imported without running its `__init__`."""
    if package in sys.modules:
        return
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    sys.modules[package] = importlib.util.module_from_spec(spec)


_make_known("gurux_dlms")
_make_known("gurux_dlms.objects")

from gurux_dlms._GXAPDU import _GXAPDU as GXAPDU
from gurux_dlms.enums import Authentication, Command, Conformance, RequestTypes, Security
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.GXDLMSSettings import GXDLMSSettings

__all__ = [
    "GXAPDU",
    "GXDLMS",
    "Authentication",
    "Command",
    "Conformance",
    "GXByteBuffer",
    "GXCiphering",
    "GXDLMSLNParameters",
    "GXDLMSSettings",
    "RequestTypes",
    "Security",
]

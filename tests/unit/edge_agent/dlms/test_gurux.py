# SPDX-License-Identifier: GPL-2.0-only
"""The door to gurux-dlms: an agent loads a part of the library, unchanged, and that part works.

The tests themselves load the whole library (`whole_gurux`), so an agent is a program of its own
here.
"""

import json
import subprocess
import sys

import pytest
from gurux_dlms.GXDLMSChippering import GXDLMSChippering

from edge_agent.dlms import gurux

LOADED = """
import json, sys
import edge_agent.agent
print(json.dumps(sorted(name for name in sys.modules if name.startswith("gurux_dlms"))))
"""
READ = """
from shared_schema.catalogue import SERIAL_NUMBER
from tests.support.association import READER, UTILITY, Gateway, wire
for client in (READER, UTILITY):
    with Gateway(wire(), client).session() as meter:
        print(meter.get(SERIAL_NUMBER, 1, 2).hex())
"""


def printed(program: str) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_an_agent_loads_what_it_needs() -> None:
    loaded = json.loads(printed(LOADED))
    assert "gurux_dlms.GXDLMS" in loaded
    unused = ("objects.GXDLMSAccount", "GXDLMSServer", "GXDLMSTranslator", "GXDLMSClient")
    assert not {f"gurux_dlms.{name}" for name in unused} & set(loaded)
    assert len(loaded) < 250, "of 398 modules"


def test_what_it_loads_speaks_to_meters() -> None:
    assert printed(READ).split() == ["09024531"] * 2


def test_the_library_is_not_patched() -> None:
    modules = {name: each for name, each in sys.modules.items() if name.startswith("gurux_dlms")}
    assert not [name for name, each in modules.items() if "print" in vars(each)]
    assert GXDLMSChippering.encryptAesGcm.__module__ == "gurux_dlms.GXDLMSChippering"
    assert gurux.GXDLMS.__module__ == "gurux_dlms.GXDLMS"


def test_without_the_library_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gurux_dlms")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError) as caught:
        gurux._make_known("gurux_dlms")
    assert caught.value.name == "gurux_dlms"

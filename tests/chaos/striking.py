# SPDX-License-Identifier: MIT
"""The strikes of a plan, done to a world and undone when their time is over."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import psycopg

from deploy.demo.rootless import LocalServerError
from tests.chaos.links import Proxy
from tests.chaos.plan import AGENT, BROKER, DATABASE, LEADER, Fault, Strike
from tests.chaos.world import Node, Server, World

LOOK_S = 0.05
JUMPS = (timedelta(days=-1), timedelta(hours=-2), timedelta(minutes=20), timedelta(days=400))
DELAYS_S = (0.05, 0.3, 1.5)
End = Callable[[], None]


@dataclass(eq=False)
class Striker:
    """Does strikes when they are due, and counts them."""

    world: World
    done: Counter[tuple[str, Fault]] = field(default_factory=Counter)
    lost: int = 0
    """Pages and names that power cuts took."""
    _ends: list[tuple[float, End]] = field(default_factory=list)

    def play(self, plan: list[Strike], seconds: float, tell: Callable[[str], None]) -> None:
        """Play a plan, and leave everything running at its end."""
        begun = time.monotonic()
        waiting = list(plan)
        while (now := time.monotonic() - begun) < seconds or self._ends:
            self._end_due(now)
            while waiting and waiting[0].at_s <= now:
                strike = waiting.pop(0)
                tell(str(strike))
                self.done[strike.kind, strike.fault] += 1
                self._ends.append((strike.until_s, self._strike(strike)))
            self.world.look()
            time.sleep(LOOK_S)

    def _end_due(self, now: float) -> None:
        due = [end for until, end in self._ends if until <= now]
        self._ends = [each for each in self._ends if each[0] > now]
        for end in due:
            end()

    def _strike(self, strike: Strike) -> End:
        world = self.world
        chance = random.Random(strike.chance)
        if strike.kind == BROKER:
            return self._strike_server(world.broker, strike.fault)
        if strike.kind == DATABASE:
            if strike.fault is Fault.CUT:
                return self._cut(world.database_link)
            if strike.fault is Fault.LOCK:
                return _lock(world.dsn)
            return self._strike_server(world.database, strike.fault)
        if strike.kind == AGENT:
            return self._strike_node(world.agents[strike.number], strike.fault, chance)
        leader = world.leader() if strike.kind == LEADER else None
        worker = world.workers[strike.number if leader is None else leader]
        return self._strike_node(worker, strike.fault, chance)

    def _strike_node(self, node: Node, fault: Fault, chance: random.Random) -> End:
        end: End
        match fault:
            case Fault.STOP:
                node.send(signal.SIGSTOP)
                end = partial(node.send, signal.SIGCONT)
            case Fault.CUT:
                end = self._cut(node.link)
            case Fault.DELAY:
                _set_delay(node.link, chance.choice(DELAYS_S))
                end = partial(_set_delay, node.link, 0.0)
            case Fault.SPOIL:
                node.link.spoils = True
                end = _nothing
            case Fault.FULL:
                node.control.fill(full=True)
                end = partial(node.control.fill, full=False)
            case Fault.JUMP:
                node.control.jump(chance.choice(JUMPS))
                end = partial(node.control.jump, timedelta())
            case _:
                node.kill()
                if fault is Fault.POWER and node.disk is not None:
                    self.lost += node.disk.cut(chance)
                end = node.start
        return end

    def _strike_server(self, server: Server, fault: Fault) -> End:
        match fault:
            case Fault.STOP:
                server.send(signal.SIGSTOP)
                return partial(server.send, signal.SIGCONT)
            case Fault.FULL:
                server.control.fill(full=True)
                return partial(server.control.fill, full=False)
            case Fault.WIPE:
                server.kill()
                self.world.wipe_broker()
            case _:
                server.kill()
        return partial(_rise, server)

    def _cut(self, link: Proxy) -> End:
        def cut(*, refuses: bool) -> None:
            link.refuses = refuses
            if refuses:
                link.cut()

        self.world.proxies.tell(partial(cut, refuses=True))
        return partial(self.world.proxies.tell, partial(cut, refuses=False))


def _set_delay(link: Proxy, delay_s: float) -> None:
    link.delay_s = delay_s


def _lock(dsn: str) -> End:
    """Lock the evidence of batches: nothing can be committed, everything can be read."""
    try:
        conn = psycopg.connect(dsn, connect_timeout=2)
        conn.execute("SET lock_timeout = '2s'")
        conn.execute("LOCK TABLE metering.batch IN EXCLUSIVE MODE")
    except psycopg.OperationalError:  # it has just been killed
        return _nothing
    return conn.close


def _rise(server: Server) -> None:
    server.down = False
    with suppress(LocalServerError):  # the next look tries again
        server.server.start()


def _nothing() -> None:
    """Its end needs nothing."""

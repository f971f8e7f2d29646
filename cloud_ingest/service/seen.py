# SPDX-License-Identifier: MIT
"""What is seen of a worker from outside: its metrics, whether it lives, whether it is ready.

``/metrics`` is the text format of Prometheus, ``/healthz`` and ``/readyz`` are JSON with 200 or
503. Each is answered at once from what is known.

In: the loops, the link and the leader of a service. Out: three pages, where the settings name an
address. Owns: the times of commits. Never: a change of what it looks at.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

from cloud_ingest.service.health import Probe, State, faults_of_life, faults_of_readiness
from cloud_ingest.service.health_server import Page, serving
from cloud_ingest.service.leader import Leader
from cloud_ingest.service.loops import Loops, ServiceSettings, Wire
from cloud_ingest.service.metrics import CONTENT_TYPE, Durations, Metrics, WorkerFacts
from cloud_ingest.service.service_manager import report
from shared_schema.tls import TlsFault, TlsFiles, read_certificate


class Seen:
    """The pages of one service."""

    def __init__(
        self,
        settings: ServiceSettings,
        loops: Loops,
        wire: Wire,
        leader: Leader,
        totals: Counter[str],
    ) -> None:
        self.commits = Durations()
        self.started = False
        """The servers were reached, and the loops run."""
        self._settings = settings
        self._loops = loops
        self._wire = wire
        self._leader = leader
        self._totals = totals
        self._probe = Probe(settings.dsn, settings.zone, loops, time.monotonic)
        self._version = _version()
        self._certificates = _ends(settings.broker.tls)
        self._metrics = Metrics(self._facts, leader.metrics.text)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve the pages for the time of the block, where there is an address.

        Raises:
            ConfigurationError: nothing can listen there.
        """
        pages = {"/metrics": self._metrics_page, "/healthz": self._life, "/readyz": self._readiness}
        async with serving(self._settings.metrics_address, pages):
            yield

    async def probe(self) -> None:
        """Ask the database how it does until the service stops, where anybody wants to know."""
        if self._settings.metrics_address is None and not self._settings.manager.address:
            await self._loops.stopping.wait()
        else:
            await self._probe.serve()

    async def report(self) -> None:
        """Tell the service manager whether the worker is ready and lives, where there is one."""
        if self._settings.manager.address:
            await report(
                self._settings.manager,
                self._loops.pause,
                unready=lambda: faults_of_readiness(self._state()),
                dead=lambda: faults_of_life(self._state()),
            )
        else:
            await self._loops.stopping.wait()

    def _metrics_page(self) -> Page:
        return Page(self._metrics.text(), CONTENT_TYPE)

    def _life(self) -> Page:
        return _verdict("alive", faults_of_life(self._state()))

    def _readiness(self) -> Page:
        return _verdict("ready", faults_of_readiness(self._state()))

    def _state(self) -> State:
        return State(
            started=self.started,
            stopping=self._loops.stopping.is_set(),
            database=self._probe.fault(),
            broker=self._broker_fault(),
            ended=frozenset(self._loops.ended),
            failing=dict(self._loops.failing),
            in_work_s=self._loops.in_work_s(),
        )

    def _broker_fault(self) -> str:
        link = self._wire.link
        if link is None:
            return f"there is no link to {self._settings.broker}"
        if not link.is_subscribed:
            return f"{self._settings.broker} has not granted the subscription"
        return ""

    def _facts(self) -> WorkerFacts:
        state, link = self._state(), self._wire.link
        return WorkerFacts(
            version=self._version,
            ready=not faults_of_readiness(state),
            database_up=not state.database,
            broker_up=not state.broker,
            leads=self._leader.is_leading,
            totals=self._totals,
            commits=self.commits,
            waiting_bytes=0 if link is None else link.waiting_bytes,
            succeeded=self._loops.succeeded,
            failing=state.failing,
            certificates=self._certificates,
        )


def _verdict(what: str, faults: Mapping[str, str]) -> Page:
    status = HTTPStatus.SERVICE_UNAVAILABLE if faults else HTTPStatus.OK
    said = json.dumps({what: not faults, "faults": faults}, ensure_ascii=False) + "\n"
    return Page(said.encode(), "application/json", status)


def _ends(tls: TlsFiles | None) -> dict[str, datetime]:
    """Return when the certificates of a link end; a file that cannot be read ends the start."""
    named = () if tls is None else zip(tls.called[:2], (tls.ca, tls.cert), strict=True)
    ends: dict[str, datetime] = {}
    for called, path in named:
        with contextlib.suppress(TlsFault):
            if path is not None:
                ends[called] = read_certificate(path, called).not_valid_after_utc
    return ends


def _version() -> str:
    try:
        return version("iot-utility")
    except PackageNotFoundError:
        return "unknown"

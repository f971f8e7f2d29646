# SPDX-License-Identifier: MIT
"""Pages that a worker serves beside its work."""

import contextlib
import signal
import threading
from http.client import HTTPConnection

from tests.support.gateway import block_line
from tests.support.installed import free_port
from tests.support.service_site import (
    GATEWAYS,
    NOW,
    Site,
    mosquitto,
    quarters,
    site,
    wait_until,
)

__all__ = ["mosquitto", "site"]


def asked(at: str, path: str, **headers: str) -> tuple[int, str]:
    connection = HTTPConnection(at, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def answers(at: str) -> bool:
    try:
        return asked(at, "/healthz")[0] == 200
    except OSError:
        return False


def test_a_slow_page_keeps_no_reading_waiting(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    at = f"127.0.0.1:{free_port()}"
    settings = {"IOT_UTILITY_WEB_ADDRESS": at, "IOT_UTILITY_WEB_WITH_API": "true"}
    with site.ingest(**settings) as worker:
        wait_until(lambda: answers(at))
        assert asked(at, "/healthz") == (200, '{"status":"ok"}')
        assert "<form" in asked(at, "/login")[1]
        assert asked(at, "/v1/months/2026-10")[0] == 401
        assert "urn:metering:problem" in asked(at, "/self-read", Authorization="Bearer x")[1]
        with site.conn.transaction():  # no page that knows its visitor comes as long as this lasts
            site.conn.execute("LOCK TABLE web_session")
            slow = threading.Thread(target=asked, args=(at, "/"), kwargs={"Cookie": "session=x"})
            slow.start()
            gateway.publish(sealer.topic, sealer.seal(block_line("1", quarters(4, NOW))))
            assert gateway.wait_receipt(sealer, site.key, 1).ranges == ((1, 1),)
            assert slow.is_alive()
        slow.join()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    assert not answers(at)

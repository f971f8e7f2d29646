# SPDX-License-Identifier: MIT
"""How soon a page can be used over 2G: 250 kbit/s, 300 ms there and back, nothing kept yet."""

import time
from typing import Final

from tests.web.place import Place

DOWN_BYTES_S: Final = 250_000 / 8
WAY_MS: Final = 300
MOST_S: Final = 5.0


def test_a_page_can_be_used_within_five_seconds_over_2g(place: Place) -> None:
    slow: list[str] = []
    for role, address in place.pages():
        with place.tab(role) as tab:
            line = tab.page.context.new_cdp_session(tab.page)
            line.send("Network.enable")
            line.send(
                "Network.emulateNetworkConditions",
                {
                    "offline": False,
                    "latency": WAY_MS,
                    "downloadThroughput": DOWN_BYTES_S,
                    "uploadThroughput": DOWN_BYTES_S,
                },
            )
            began = time.monotonic()
            tab.page.goto(tab.address + address, wait_until="domcontentloaded")
            took_s = time.monotonic() - began
            print(f"{took_s:5.1f} s  {address.partition('?')[0]} by {role}")
            if took_s > MOST_S:
                slow.append(f"{address}: {took_s:.1f} s")
    assert slow == []

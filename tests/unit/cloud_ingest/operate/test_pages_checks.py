# SPDX-License-Identifier: MIT
"""What the doctor and the check of the settings say of the pages."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cloud_ingest.operate.checks import Check
from cloud_ingest.operate.pages_checks import check_pages, check_pages_answer
from cloud_ingest.settings import CloudSettings
from tests.support.installed import free_port


def levels(check: Callable[[CloudSettings], Iterator[Check]], **settings: object) -> list[str]:
    return [each.level for each in check(CloudSettings.model_validate(settings))]


def test_pages_know_the_address_that_people_open() -> None:
    assert levels(check_pages) == []
    at, proxies = "127.0.0.1:8081", ["127.0.0.1"]
    assert levels(check_pages, web_address=at) == ["warn", "warn"]
    assert levels(check_pages, web_address=at, trusted_proxies=proxies) == ["warn"]
    public = "https://meters.example"
    assert levels(check_pages, web_address=at, trusted_proxies=proxies, public_url=public) == []


@pytest.mark.parametrize(("status", "level"), [(200, "ok"), (503, "fail")])
def test_the_doctor_asks_the_pages(status: int, level: str) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        at = f"127.0.0.1:{server.server_port}"
        thread = Thread(target=server.handle_request)
        thread.start()
        assert levels(check_pages_answer, web_address=at) == [level]
        thread.join()


def test_nobody_answers_where_no_worker_runs() -> None:
    assert levels(check_pages_answer) == []
    assert levels(check_pages_answer, web_address=f"127.0.0.1:{free_port()}") == ["warn"]

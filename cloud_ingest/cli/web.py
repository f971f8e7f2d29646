# SPDX-License-Identifier: MIT
"""``cloud-ingest web``: the pages in the foreground.

In: options as a person typed them. Out: the service until SIGTERM. Never: a decision.
"""

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn
from cloud_ingest.cli.pages import make_pages
from cloud_ingest.cli.serving import (
    Address,
    LogAs,
    OfSocket,
    Public,
    WithApi,
    serve_until_stopped,
)

app = new_group()


@app.command("web")
def web(
    *,
    address: Address = "127.0.0.1:8081",
    path: OfSocket = None,
    public: Public = False,
    with_api: WithApi = None,
    log_format: LogAs = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Serve the pages to people, behind a reverse proxy that has TLS, until SIGTERM.

    Each person signs in to one society: see cloud-ingest people.

    Example: cloud-ingest web --address 127.0.0.1:8081
    """
    serve_until_stopped(
        make_pages,
        address,
        path,
        public=public,
        log_format=log_format,
        dsn=dsn,
        config=config,
        web_with_api=with_api,
    )

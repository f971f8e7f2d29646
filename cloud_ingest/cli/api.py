# SPDX-License-Identifier: MIT
"""``cloud-ingest api``: the API in the foreground.

In: options as a person typed them. Out: the service until SIGTERM. Never: a decision.
"""

from cloud_ingest.api.app import make_app
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn
from cloud_ingest.cli.serving import Address, LogAs, OfSocket, Public, serve_until_stopped

app = new_group()


@app.command("api")
def api(
    *,
    address: Address = "127.0.0.1:8080",
    path: OfSocket = None,
    public: Public = False,
    log_format: LogAs = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Serve the API to other programs, behind a reverse proxy that has TLS, until SIGTERM.

    Each program has a token of one society: see cloud-ingest token.

    Example: cloud-ingest api --address 127.0.0.1:8080
    """
    serve_until_stopped(
        make_app, address, path, public=public, log_format=log_format, dsn=dsn, config=config
    )

# SPDX-License-Identifier: MIT
"""``cloud-ingest web``: the pages in the foreground.

In: options as a person typed them. Out: the service until SIGTERM. Never: a decision.
"""

from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest import logs
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, dsn_of, one_line_errors
from cloud_ingest.http.listen import listening, serve_app
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings_file import load_settings
from cloud_ingest.web.app import make_web

app = new_group()


@app.command("web")
def web(
    *,
    address: Annotated[
        str, typer.Option("--address", metavar="HOST:PORT", help="Where it listens.")
    ] = "127.0.0.1:8081",
    path: Annotated[
        Path | None,
        typer.Option("--socket", help="Listen at this socket of the file system instead."),
    ] = None,
    public: Annotated[
        bool,
        typer.Option("--public", help="The address may be one that others reach: there is no TLS."),
    ] = False,
    log_format: Annotated[
        str | None,
        typer.Option("--log-format", help="text or json, on stderr.", show_default="text"),
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Serve the pages to people, behind a reverse proxy that has TLS, until SIGTERM.

    Each person signs in to one society: see cloud-ingest people.

    Example: cloud-ingest web --address 127.0.0.1:8081
    """
    with one_line_errors():
        settings = load_settings(config, dsn=dsn, log_format=log_format)
        resources = Resources.at(settings, dsn_of(settings))
        logs.set_up(settings.log_format)
        with listening(address, path, public=public) as listener:
            serve_app(make_web(resources), resources, listener)

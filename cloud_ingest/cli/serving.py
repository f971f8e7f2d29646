# SPDX-License-Identifier: MIT
"""What the commands that listen for browsers and programs have in common.

In: options as a person typed them, an application. Out: the service until SIGTERM.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest import logs
from cloud_ingest.cli.options import dsn_of, one_line_errors
from cloud_ingest.http.listen import Application, listening, serve_app
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings_file import load_settings

Address = Annotated[str, typer.Option("--address", metavar="HOST:PORT", help="Where it listens.")]
OfSocket = Annotated[
    Path | None,
    typer.Option("--socket", help="Listen at this socket of the file system instead."),
]
Public = Annotated[
    bool,
    typer.Option("--public", help="The address may be one that others reach: there is no TLS."),
]
WithApi = Annotated[
    bool | None,
    typer.Option("--with-api", help="The pages' address is that of the API, too."),
]
LogAs = Annotated[
    str | None,
    typer.Option("--log-format", help="text or json, on stderr.", show_default="text"),
]


def serve_until_stopped(
    make: Callable[[Resources], Application],
    address: str,
    path: Path | None,
    *,
    public: bool,
    log_format: str | None,
    dsn: str | None,
    config: Path | None,
    **options: object,
) -> None:
    """Serve an application over the store, until SIGTERM."""
    with one_line_errors():
        settings = load_settings(config, dsn=dsn, log_format=log_format, **options)
        resources = Resources.at(settings, dsn_of(settings))
        logs.set_up(settings.log_format)
        with listening(address, path, public=public) as listener:
            serve_app(make(resources), resources, listener)

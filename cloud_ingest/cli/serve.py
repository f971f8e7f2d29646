# SPDX-License-Identifier: MIT
"""``cloud-ingest serve``: the service in the foreground.

In: options as a person typed them. Out: the service until SIGTERM, or one line of ``--check``.
Never: a decision.
"""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest import logs
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    BrokerAt,
    BrokerCa,
    BrokerCert,
    BrokerCertKey,
    BrokerPassword,
    BrokerTls,
    BrokerUser,
    Config,
    Dsn,
    broker_address,
    dsn_of,
    one_line_errors,
)
from cloud_ingest.cli.serving import LogAs, WithApi
from cloud_ingest.service.start import run_service, service_settings
from cloud_ingest.settings_file import load_settings

app = new_group()

Key = Annotated[
    Path | None, typer.Option("--key", help="The private key that signs receipts: see keygen.")
]
ClientId = Annotated[
    str | None,
    typer.Option(
        "--client-id",
        help="Name of this worker to a broker that takes passwords; one of a group has its own.",
    ),
]
Group = Annotated[
    str | None,
    typer.Option("--group", help="Share the messages with the other workers that name this group."),
]
RulesEvery = Annotated[
    float,
    typer.Option(
        "--rules-every",
        envvar="IOT_UTILITY_RULES_EVERY_S",
        min=0.1,
        help="Seconds between two runs of the rules over new readings.",
    ),
]

Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="HOST:PORT",
        help="Where /metrics, /healthz and /readyz are served, as 127.0.0.1:9464; else nowhere.",
    ),
]
Web = Annotated[
    str | None,
    typer.Option(
        "--web",
        metavar="HOST:PORT",
        help="Where the pages are served beside the work, as 127.0.0.1:8081; else nowhere.",
    ),
]


@app.command("serve")
def serve(
    *,
    broker: BrokerAt = None,
    username: BrokerUser = None,
    password_file: BrokerPassword = None,
    tls: BrokerTls = None,
    ca: BrokerCa = None,
    cert: BrokerCert = None,
    cert_key: BrokerCertKey = None,
    key: Key = None,
    client_id: ClientId = None,
    group: Group = None,
    rules_every: RulesEvery = 15.0,
    metrics: Metrics = None,
    web: Web = None,
    with_api: WithApi = None,
    log_format: LogAs = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only check that every server answers, then end.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take readings from the broker, store them and send receipts, until SIGTERM.

    Several may serve one store: give each the same --group, and a certificate of its own, where the
    broker does not take passwords.

    Example: cloud-ingest serve --dsn postgresql://ingest@localhost/metering
    --broker mqtt.example:8883 --tls --ca ca.pem --cert ingest.pem --cert-key ingest.key
    --key cloud.pem
    """
    with one_line_errors():
        settings = load_settings(
            config,
            dsn=dsn,
            broker_username=username,
            broker_password_file=password_file,
            broker_tls=tls,
            broker_ca_file=ca,
            broker_cert_file=cert,
            broker_key_file=cert_key,
            cloud_key_file=key,
            metrics_address=metrics,
            web_address=web,
            web_with_api=with_api,
            log_format=log_format,
            **broker_address(broker),
        )
        service = service_settings(
            settings,
            dsn_of(settings),
            client_id=client_id,
            rules_every_s=rules_every,
            group=group,
        )
        with contextlib.ExitStack() as beside:
            if settings.web_address is not None and not check:
                from cloud_ingest.cli.pages import pages_beside  # noqa: PLC0415  no worker else

                logs.set_up(settings.log_format, verbose=verbose)
                beside.enter_context(pages_beside(settings, settings.web_address))
            run_service(
                service,
                check=check,
                say=typer.echo,
                log_format=settings.log_format,
                verbose=verbose,
            )

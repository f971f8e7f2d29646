# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command ``edge-agent image prepare``: what the first boot of a gateway needs, on its card.

In: options, answers.toml. Out: files on the boot partition; what was written, as text or JSON.
Never: a password shown; the work itself, which is in `install.image`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.options import JsonOption, spread
from edge_agent.cli.terminal import listing, say, show_json

if TYPE_CHECKING:
    from edge_agent.install.image.boot_partition import Card

image_commands = typer.Typer()
image = typer.Typer(help="The card of a gateway.", no_args_is_help=True)
image_commands.add_typer(image, name="image")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """One gateway, by options: each is a key of answers.toml."""

    gateway: Annotated[
        str | None, typer.Option(help="The gateway's name [default: the invitation's].")
    ] = None
    invitation: Annotated[Path | None, typer.Option(help="What cloud-ingest invite wrote.")] = None
    package: Annotated[Path | None, typer.Option(help="The agent's package, .deb.")] = None
    ssh_key_file: Annotated[
        list[Path] | None, typer.Option(help="Public key that may log in, .pub; repeated.")
    ] = None
    user: Annotated[str | None, typer.Option(help="Who logs in [default: installer].")] = None
    hostname: Annotated[
        str | None, typer.Option(help="Its name in the network [default: of the gateway's].")
    ] = None
    time_zone: Annotated[str | None, typer.Option(help="Of what people see: Asia/Kolkata.")] = None
    locale: Annotated[str | None, typer.Option(help="Such as en_IN.UTF-8.")] = None
    ntp: Annotated[
        list[str] | None, typer.Option(help="Time service; repeated [default: Debian's].")
    ] = None
    root_gib: Annotated[
        int | None, typer.Option(help="GiB of the card for the system [default: 8].")
    ] = None
    read_only: Annotated[
        bool | None, typer.Option("--read-only/--no-read-only", help="Protect the system.")
    ] = None
    updates: Annotated[
        bool | None, typer.Option("--updates/--no-updates", help="Security updates each week.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """Its network."""

    address: Annotated[
        str | None, typer.Option(help="Fixed, with length: 192.168.1.20/24 [default: DHCP].")
    ] = None
    router: Annotated[str | None, typer.Option(help="With --address: the way out.")] = None
    dns: Annotated[list[str] | None, typer.Option(help="With --address; repeated.")] = None
    wifi_ssid: Annotated[str | None, typer.Option(help="The Wi-Fi's name.")] = None
    wifi_password_file: Annotated[
        Path | None, typer.Option(help="File with its password, mode 0600.")
    ] = None
    wifi_country: Annotated[str | None, typer.Option(help="Two letters: IN.")] = None
    wifi_hidden: Annotated[
        bool | None, typer.Option("--wifi-hidden", help="It does not tell its name.")
    ] = None


@image.command()
@spread
def prepare(
    directory: Annotated[
        Path, typer.Argument(help="The boot partition (bootfs), or an empty folder.")
    ],
    gateway: GatewayOptions,
    network: NetworkOptions,
    answers: Annotated[
        Path | None, typer.Option("--from", help="answers.toml: the same keys as these options.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write onto a card what the first boot of a gateway needs.

    \b
    edge-agent image prepare /media/$USER/bootfs --invitation gw-tower-1.invitation \\
        --package edge-agent.deb --ssh-key-file ~/.ssh/id_ed25519.pub --time-zone Asia/Kolkata
    for each in gw-*.toml; do edge-agent image prepare "cards/${each%.toml}" --from "$each"; done

    The card holds Raspberry Pi OS Lite (64 bit, trixie), written by Raspberry Pi Imager without
    its customisation. What was there is kept as NAME.before. Doing it again changes nothing.
    There is no password: who logs in has one of the keys.
    """
    from edge_agent.install.image import boot_partition
    from edge_agent.install.image.answers_file import read_answers

    said = read_answers(answers, _given(gateway, network))
    card = boot_partition.plan(directory, said, datetime.now(UTC))
    if not dry_run:
        boot_partition.write(card)
    if as_json:
        show_json(_document(card, said.gateway, is_written=not dry_run))
        return
    done, gone = ("would write", "would remove") if dry_run else ("wrote", "removed")
    kinds = [(each.name, done if each.is_changed else "is there") for each in card.files]
    print(listing([*((name, gone) for name in card.stale), *kinds]))
    if not card.is_boot_partition:
        say(
            f"{directory} is no card: copy all of it onto the boot partition, and take the word "
            "resize out of its cmdline.txt; without that there is no partition for the data"
        )


def _given(gateway: GatewayOptions, network: NetworkOptions) -> dict[str, Any]:
    names = [name for name in GatewayOptions.__dataclass_fields__ if name != "ssh_key_file"]
    said = {name: getattr(gateway, name) for name in names}
    return {
        **{name: None if value in ("", []) else value for name, value in said.items()},
        "ssh_key_files": gateway.ssh_key_file or None,
        "ethernet": {
            "address": network.address,
            "router": network.router,
            "dns": network.dns or None,
        },
        "wifi": {
            "ssid": network.wifi_ssid,
            "password_file": network.wifi_password_file,
            "country": network.wifi_country,
            "hidden": network.wifi_hidden,
        },
    }


def _document(card: "Card", gateway: str, *, is_written: bool) -> dict[str, object]:
    return {
        "gateway": gateway,
        "directory": str(card.folder),
        "is_boot_partition": card.is_boot_partition,
        "is_written": is_written,
        "removed": card.stale,
        "files": [
            {"name": each.name, "bytes": len(each.data), "is_changed": each.is_changed}
            for each in card.files
        ],
    }

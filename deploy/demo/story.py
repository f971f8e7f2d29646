# SPDX-License-Identifier: MIT
"""The demo's story: the notebook's dials, the flags to expect, and the table at the end."""

from datetime import datetime, timedelta
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from deploy.demo import society as plan
from deploy.demo.consumers import Inbox
from deploy.demo.world import World
from shared_schema.balance import Reconciliation
from shared_schema.billing import MonthlyConsumption
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import EventKind
from shared_schema.quality import Quality

READ_AFTER_MIDNIGHT = {"opening": timedelta(hours=19, minutes=10), "closing": timedelta(hours=8)}
"""When the residents of the legacy units look at their dials, on the 1st of each month; the
closing ones at once where it is not yet that late."""
LEAKING, OFFLINE = "B-0706", "C-0302"


def expected_flags() -> set[tuple[str, str, str]]:
    """Return the events (kind, subject, service) that the script provokes."""
    return {
        (EventKind.LEAK, LEAKING, Service.WATER),
        (EventKind.READ_FAILURE, OFFLINE, Service.ELECTRICITY),
    }


def dial_times(society: plan.Society, now: datetime) -> tuple[datetime, datetime]:
    """Return when the dials are read: the opening and the closing of the month.

    Neither is after ``now`` nor before its border, and both are whole seconds.
    """
    end = plan.month_start(plan.next_month(society.month))
    usual = end + READ_AFTER_MIDNIGHT["closing"]
    at_once = now.astimezone(end.tzinfo).replace(microsecond=0)
    return (
        plan.month_start(society.month) + READ_AFTER_MIDNIGHT["opening"],
        max(end, min(usual, at_once)),
    )


def read_the_notebook(world: World) -> None:
    """Enter the dials of the legacy units, as their residents would."""
    legacy = [meter for meter in world.society.meters if meter.legacy]
    for at in dial_times(world.society, world.began):
        registers = world.registers_at(at)
        for meter in legacy:
            raw = registers[meter.serial][str(BILLED_REGISTER[Service(meter.service)])]
            value = Decimal(raw).scaleb(-3)  # Wh to kWh, litres to kL
            world.cloud(
                "self-read",
                meter.subject,
                str(value),
                "--service",
                meter.service,
                "--society",
                world.society.name,
                "--at",
                at.isoformat(),
                "--by",
                f"resident of {meter.subject}",
            )


def _quantity(number: MonthlyConsumption | None) -> str:
    if number is None:
        return "— offline"
    return f"{number.quantity:f} {number.unit}"


def _where(inbox: Inbox, subject: str, numbers: list[MonthlyConsumption]) -> tuple[str, str]:
    kinds = {kind for kind, about, _ in inbox.events if about == subject}
    if EventKind.LEAK in kinds:
        return "[red]leak signal[/red]", "billing, helpdesk"
    if EventKind.READ_FAILURE in kinds:
        return "[yellow]read failure[/yellow]", "investigate, self-read"
    if any(number.quality is Quality.SELF_READ for number in numbers):
        return "self-read", "billing"
    return "normal", "billing"


def month_table(world: World, inbox: Inbox) -> Table:
    """Make the treasurer's table: a row a unit, then a row a tower's common areas."""
    table = Table(title=f"{world.society.name}, {world.society.month:%B %Y}", title_justify="left")
    table.add_column("Unit", no_wrap=True)
    table.add_column("Electricity", justify="right", no_wrap=True)
    table.add_column("Water", justify="right", no_wrap=True)
    table.add_column("Flag", no_wrap=True)
    table.add_column("Reading goes to")
    units = sorted({m.subject for m in world.society.meters if m.subject_type == "unit"})
    for unit in units:
        found = [inbox.numbers.get((unit, service)) for service in Service]
        flag, goes_to = _where(inbox, unit, [number for number in found if number])
        table.add_row(unit, *map(_quantity, found), flag, goes_to)
    table.add_section()
    for tower in sorted({gateway.tower for gateway in world.society.gateways}):
        results = [inbox.reconciliations[tower, service] for service in Service]
        table.add_row(
            f"{tower} common",
            *map(_common, results),
            "reconciled" if all(result.loss is not None for result in results) else "in part",
            "billing, ledger: accounting",
        )
    return table


def _common(result: Reconciliation) -> str:
    return "no meter" if result.common is None else f"{result.common:f} {result.unit}"


def _amount(value: Decimal | None) -> str:
    return "—" if value is None else f"{value:f}"


def towers_table(results: list[Reconciliation]) -> Table:
    """Make the table of the towers: bulk against units and common areas."""
    title = "Towers: bulk = units + common + loss"
    table = Table(title=title, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("Tower", no_wrap=True)
    table.add_column("Service", no_wrap=True)
    for column in ("Bulk", "Units", "Common", "Loss", "%", "Units\nknown"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        table.add_row(
            result.tower,
            f"{result.service}, {result.unit}",
            _amount(result.bulk),
            _amount(result.units),
            "no meter" if result.common is None else _amount(result.common),
            _amount(result.loss),
            _amount(result.loss_percent),
            f"{result.units_known}/{result.units_total}",
        )
    return table


def show(world: World, inbox: Inbox, console: Console) -> None:
    """Print the table, then what reached each of the three consumers."""
    console.print()
    console.print(month_table(world, inbox))
    console.print(
        towers_table([inbox.reconciliations[key] for key in sorted(inbox.reconciliations)])
    )
    manifest = inbox.manifests[-1]
    withheld = [
        f"{item.subject.id} {item.service} ({', '.join(item.reasons)})"
        for item in manifest.withheld
    ]
    lines = [
        f"billing     {len(inbox.numbers)} of {len(manifest.entries)} numbers, each acknowledged",
        f"billing     withheld: {', '.join(withheld) or 'none'}",
    ]
    lines += [
        f"helpdesk    {kind} {subject} {service}: {event.message}"
        for (kind, subject, service), event in sorted(inbox.events.items())
    ]
    lines += [
        f"accounting  {result.tower} {result.service}: common {_common(result)}, "
        f"loss {_amount(result.loss)} {result.unit}"
        for result in inbox.reconciliations.values()
    ]
    console.print("\n[bold]What reached the others[/bold]")
    for line in lines:
        console.print(f"  {line}", markup=False, soft_wrap=not console.record)

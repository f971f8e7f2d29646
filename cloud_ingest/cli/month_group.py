# SPDX-License-Identifier: MIT
"""The group ``cloud-ingest month``: each of its commands lies in a module of its own."""

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.month_changes import changes
from cloud_ingest.cli.month_lock import approve, reopen
from cloud_ingest.cli.month_run import run
from cloud_ingest.cli.month_status import status

app = new_group("The month: where it stands, and what changed after it.")
app.command("status")(status)
app.command("changes")(changes)
app.command("approve")(approve)
app.command("reopen")(reopen)
app.command("run")(run)

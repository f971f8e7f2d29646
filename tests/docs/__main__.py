# SPDX-License-Identifier: MIT
"""Say how many commands the documentation has, and which of them no test runs, with the reason.

Run as ``python -m tests.docs``.
"""

from collections import Counter

from tests.docs import pages
from tests.docs.outside import EXAMPLES_NOT_RUN, why_not_run

FOLLOWED = {"docs", "howto", "runbook"}
PLAYED = {"cli-cloud", "cli-edge"}
"""References whose examples test_examples.py plays."""
APART = {
    "flash-gateway": "writes a card and starts from it: make test-image",
    "reference-servers": "needs servers of others",
}
told: Counter[str] = Counter()
run = 0
for path in pages.pages():
    for each in pages.commands(path):
        reason = why_not_run(each.text) or APART.get(path.stem)
        if path.stem in PLAYED:
            beside = (why for part, why in EXAMPLES_NOT_RUN.items() if part in each.text)
            reason = reason or next(beside, None)
        elif path.parent.name not in FOLLOWED:
            reason = reason or "an example of an explanation or a reference"
        run += reason is None
        told.update([reason] if reason else [])
print(f"{run + told.total()} commands are parsed, {run} of them run, {told.total()} not:")
for reason, count in told.most_common():
    print(f"  {count:4} {reason}")

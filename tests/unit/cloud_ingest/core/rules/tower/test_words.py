# SPDX-License-Identifier: MIT
"""What a tower's loss says to people."""

from datetime import date

import pytest

from cloud_ingest.core.rules.tower.loss import Loss
from cloud_ingest.core.rules.tower.words import loss_message
from shared_schema.catalogue import Service

LOSS = Loss(since=date(2026, 11, 5), per_day=612.0, lower=480.0, upper=744.0, evidence=20.0)


@pytest.mark.parametrize(("label", "said"), [("A", "tower A"), ("Tower 1", "Tower 1")])
def test_a_tower_is_named_once(label: str, said: str) -> None:
    message = loss_message(label, Service.WATER, LOSS, [], ["A-1204"])
    assert message == (
        f"Since 05 Nov 2026 {said} lacks 612 L of water a day (480 L to 744 L): its bulk meter"
        " counts it, and no meter behind it. No meter is accused; look first at A-1204."
    )


def test_a_loss_that_nobody_explains_says_where_to_look() -> None:
    message = loss_message("A", Service.WATER, LOSS, [], [])
    assert message.endswith("Look for a leak or an outlet without a meter in the common pipe.")
    power = loss_message("A", Service.ELECTRICITY, LOSS, [], [])
    assert power.endswith("Look for a supply without a meter.")

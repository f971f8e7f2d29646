# SPDX-License-Identifier: MIT
"""What a balance says, in a sentence."""

from decimal import Decimal

import pytest

from cloud_ingest.core.balance import Balance, Supply, Uncertainty
from cloud_ingest.core.balance_words import sentence
from shared_schema.catalogue import Service
from shared_schema.quality import Quality


@pytest.mark.parametrize(
    ("borders", "says"),
    [
        ("0.5", "A, water: 4.523 ± 0.501 kL (4.2 %) unaccounted of 108.8 kL."),
        (None, "A, water: 4.523 kL ± an unknown amount (4.2 %) unaccounted of 108.8 kL."),
    ],
)
def test_the_unit_stands_beside_its_number(borders: str | None, says: str) -> None:
    open_by = None if borders is None else Decimal(borders)
    found = Balance(
        bulk=Decimal("108.8"),
        units=Decimal("104.277"),
        common=None,
        loss=Decimal("4.523"),
        loss_percent=Decimal("4.2"),
        units_known=1,
        units_total=1,
        quality=Quality.VALIDATED,
        reasons=(),
        supplies=(Supply("main", Decimal("108.8"), "Main"),),
        uncertainty=Uncertainty(borders=open_by, resolution=Decimal("0.001")),
    )
    assert sentence("A", Service.WATER, found).startswith(says)

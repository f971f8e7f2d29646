# SPDX-License-Identifier: MIT
"""What a meter can count at most: by its rating, else by what it serves."""

from decimal import Decimal

import pytest

from cloud_ingest.core.rating import Rating, most_per_hour
from shared_schema.catalogue import Service


@pytest.mark.parametrize(
    ("service", "only_units", "rating", "most"),
    [
        (Service.ELECTRICITY, True, Rating(), "72"),
        (Service.ELECTRICITY, True, Rating(phases=1), "24"),
        (Service.ELECTRICITY, True, Rating(1, Decimal(60)), "15.84"),
        (Service.ELECTRICITY, True, Rating(None, Decimal(60)), "47.52"),
        (Service.ELECTRICITY, False, Rating(), "14400"),
        (Service.ELECTRICITY, False, Rating(3, Decimal(400)), "316.8"),
        (Service.WATER, True, Rating(), "8"),
        (Service.WATER, True, Rating(q4_m3_h=Decimal("3.125")), "3.125"),
        (Service.WATER, False, Rating(), "1600"),
        (Service.WATER, False, Rating(q4_m3_h=Decimal(20)), "20"),
    ],
)
def test_a_rating_says_more_than_the_default(
    service: Service, only_units: bool, rating: Rating, most: str
) -> None:
    assert most_per_hour(service, only_units=only_units, rating=rating) == Decimal(most)

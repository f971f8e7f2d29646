# SPDX-License-Identifier: MIT
"""Intermittent supply: the hours of a day in which a building has water. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Supply:
    """The hours of the day (society time, 0 to 23) that have supply."""

    hours: frozenset[int]

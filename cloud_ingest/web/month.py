# SPDX-License-Identifier: MIT
"""The month: how many numbers are final, what is missing, the table of all units."""

from fastapi import APIRouter

router = APIRouter()

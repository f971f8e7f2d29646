# SPDX-License-Identifier: MIT
"""A unit: its number and its days."""

from fastapi import APIRouter

router = APIRouter()

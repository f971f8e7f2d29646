# SPDX-License-Identifier: MIT
"""Who looked, and a person's own data."""

from fastapi import APIRouter

router = APIRouter()

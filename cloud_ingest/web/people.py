# SPDX-License-Identifier: MIT
"""People of a society, and what they did."""

from fastapi import APIRouter

router = APIRouter()

# SPDX-License-Identifier: MIT
"""Where a number comes from."""

from fastapi import APIRouter

router = APIRouter()

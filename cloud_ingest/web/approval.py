# SPDX-License-Identifier: MIT
"""A month is approved, or opened again."""

from fastapi import APIRouter

router = APIRouter()

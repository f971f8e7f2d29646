# SPDX-License-Identifier: MIT
"""The visitor's own account."""

from fastapi import APIRouter

router = APIRouter()

# SPDX-License-Identifier: MIT
"""A month as a file."""

from fastapi import APIRouter

router = APIRouter()

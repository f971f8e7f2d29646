# SPDX-License-Identifier: MIT
"""A resident sends what a dial shows."""

from fastapi import APIRouter

router = APIRouter()

# SPDX-License-Identifier: MIT
"""The quarter hours of a unit, and the proof of its number."""

from fastapi import APIRouter

router = APIRouter()

# SPDX-License-Identifier: MIT
"""Towers: what came in, and where it went."""

from fastapi import APIRouter

router = APIRouter()

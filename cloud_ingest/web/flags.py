# SPDX-License-Identifier: MIT
"""Flags: what was noticed, and what people do with it."""

from fastapi import APIRouter

router = APIRouter()

# SPDX-License-Identifier: MIT
"""Tokens of programs."""

from fastapi import APIRouter

router = APIRouter()

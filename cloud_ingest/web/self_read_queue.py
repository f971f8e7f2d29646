# SPDX-License-Identifier: MIT
"""What residents sent, and a person's word on it."""

from fastapi import APIRouter

router = APIRouter()

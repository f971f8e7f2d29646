# SPDX-License-Identifier: MIT
"""What of a month went to billing, what was acknowledged, and what changed."""

from fastapi import APIRouter

router = APIRouter()

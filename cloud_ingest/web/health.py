# SPDX-License-Identifier: MIT
"""Gateways, buses and meters: what they brought in the last days."""

from fastapi import APIRouter

router = APIRouter()

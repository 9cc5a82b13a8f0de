"""`/v1/searches`: searches, asked anew with other wishes, and what is said of them."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/v1", tags=["searches"])

"""Work in the background: imports, adaptations, rebuilds, evaluations."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/v1", tags=["jobs"])

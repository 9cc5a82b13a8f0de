"""DINOv2 as an embedder.

M. Oquab et al.: DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024.
"""

from __future__ import annotations

from floorlens.embedding.backends.clip import ClipEmbedder


class Dinov2Embedder(ClipEmbedder):
    """Describes a floor as `ClipEmbedder` does, with the class token of DINOv2's last layer."""

    NAME = "dinov2"

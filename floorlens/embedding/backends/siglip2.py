"""SigLIP 2 as an embedder.

M. Tschannen et al.: SigLIP 2: Multilingual Vision-Language Encoders, arXiv 2502.14786, 2025.
"""

from __future__ import annotations

from floorlens.embedding.backends.clip import ClipEmbedder


class Siglip2Embedder(ClipEmbedder):
    """Describes a floor as `ClipEmbedder` does, with SigLIP 2's pooled embedding of the picture."""

    NAME = "siglip2"

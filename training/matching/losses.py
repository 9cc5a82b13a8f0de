"""Losses of metric learning: classes with a margin, and contrast within the batch.

With batches below 256 a class vector for every product (CosFace, ArcFace) beats comparing the
batch with itself: it holds all products against a patch at every step.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

#: How sharp the shares of the classes are, and by how much a patch must be nearer to its own.
SCALE, MARGIN = 24.0, 0.2
TEMPERATURE = 0.08


def cosface(
    vectors: Tensor, proxies: Tensor, labels: Tensor, margin: float = MARGIN, scale: float = SCALE
) -> Tensor:
    """Mean cross entropy, the own class's cosine lowered by `margin` (Wang et al. 2018).

    `vectors` float32 [N, D] of unit length, `proxies` [C, D] of any, `labels` int64 [N].
    """
    cosine = vectors @ F.normalize(proxies, dim=1).T
    own = F.one_hot(labels, len(proxies)).to(cosine.dtype)
    return F.cross_entropy(scale * (cosine - margin * own), labels)


def arcface(
    vectors: Tensor, proxies: Tensor, labels: Tensor, margin: float = MARGIN, scale: float = SCALE
) -> Tensor:
    """Mean cross entropy, the own class's angle enlarged by `margin` radians (Deng et al. 2019)."""
    cosine = (vectors @ F.normalize(proxies, dim=1).T).clamp(-1 + 1e-6, 1 - 1e-6)
    own = F.one_hot(labels, len(proxies)).bool()
    enlarged = torch.cos((torch.acos(cosine) + margin).clamp_max(torch.pi))
    return F.cross_entropy(scale * torch.where(own, enlarged, cosine), labels)


def contrastive(vectors: Tensor, labels: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Mean over all rows of -log of the share of those of the same label (Khosla et al. 2020).

    `vectors` float32 [N, D] of unit length, `labels` [N]. A row is never compared with itself.
    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logits = (vectors @ vectors.T / temperature).masked_fill(itself, -1e4)
    same = (labels[:, None] == labels[None, :]) & ~itself
    log_share = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    return -((log_share * same).sum(dim=1) / same.sum(dim=1).clamp_min(1)).mean()

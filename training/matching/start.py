"""Where a run begins: the encoder it grows from, and what is fitted to it before the first step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.encoder import normalise
from training.matching.draw import Drawer, Store
from training.matching.network import (
    DIRECTIONS,
    Matcher,
    MixedNorm,
    add_instance_norm,
    calibrate,
    load_exported,
)
from training.matching.pipeline import WEIGHTS, Stamp, fit_products
from training.matching.recipe import Recipe

#: Patches of each product and side that the start is fitted on.
STARTING = 3


def make_matcher(recipe: Recipe, classes: int) -> Matcher:
    """Returns the network of a recipe, its encoder at the recipe's start."""
    matcher = Matcher(classes)
    if recipe.start == "present":
        load_exported(matcher.encoder, WEIGHTS / "encoder.onnx")
    if recipe.instance_norm:
        add_instance_norm(matcher.encoder)
    return matcher


def freeze(matcher: Matcher, blocks: int) -> None:
    """Leaves the stem and so many blocks as they are; 0 leaves all of them free."""
    if not blocks:
        return
    for module in (matcher.encoder.trunk.stem, *matcher.encoder.trunk.blocks[:blocks]):
        for parameter in module.parameters():
            parameter.requires_grad_(False)


@torch.no_grad()
def prepare(matcher: Matcher, drawer: Drawer, store: Store, seed: int) -> None:
    """Sets what is fitted, not learned: statistics by side, the head, a vector for each class.

    The head begins as the discriminant of standardised features, which is what a catalogue's
    adaptation is; the classes begin at the means of their patches.
    """
    matcher.eval()
    patches, label, rooms = drawer.sample(STARTING, seed)
    mixed = [m for m in matcher.encoder.modules() if isinstance(m, MixedNorm)]
    if mixed:
        some = np.random.default_rng(seed).permutation(patches)[:256]
        calibrate(matcher.encoder, mixed, normalise(store.raw(np.sort(some))))
    features = torch.cat(
        [
            matcher.encoder(normalise(store.raw(patches[start : start + 64])))
            for start in range(0, len(patches), 64)
        ]
    )
    room = torch.from_numpy(rooms).to(store.device)
    matcher.standard.fit(features, room)
    standard = matcher.standard(features, room)
    rows, order = standard.cpu().numpy(), np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    stamp = Stamp("start", "0", DIRECTIONS, "Apache-2.0", "standardised features")
    fitted = fit_products((rows[group] for group in groups), stamp, "start")
    gains = reliability(rows @ (fitted.matrix / fitted.scale[:, None]), groups)
    matrix = torch.from_numpy((gains * fitted.matrix / fitted.scale[:, None]).T.copy())
    matcher.head.weight.copy_(matrix / matrix.norm(dim=1).max().clamp_min(1e-6))
    vectors = nn.functional.normalize(matcher.head(standard), dim=1)
    sums = torch.zeros_like(matcher.proxies)
    sums.index_add_(0, torch.from_numpy(label).to(store.device), vectors)
    known = sums.norm(dim=1) > 1e-6
    matcher.proxies[known] = nn.functional.normalize(sums[known], dim=1)


def reliability(rows: NDArray[np.floating], groups: list[NDArray[np.intp]]) -> NDArray[np.float32]:
    """Returns float32 (d,): which share of a direction's spread is between products, 0..1.

    A discriminant makes the spread inside products equal in all directions; those in which products
    hardly differ are noise, and there are many of them.

    Args:
        rows: (n, d).
        groups: places of each product's rows.
    """
    means = np.stack([rows[group].mean(axis=0) for group in groups])
    inside = sum(((rows[g] - m) ** 2).sum(axis=0) for g, m in zip(groups, means, strict=True))
    inside = inside / max(1, len(rows) - len(groups))
    between = means.var(axis=0) - inside * float(np.mean([1 / len(group) for group in groups]))
    between = np.maximum(between, 0)
    return np.asarray(between / np.maximum(between + inside, 1e-9), np.float32)

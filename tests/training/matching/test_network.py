"""The network: each side has its own statistics, the package's encoder is where it starts."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="needs the extra train")
pytest.importorskip("torch", reason="needs the extra train")

import numpy as np
import torch

from floorlens.embedding.backends.builtin import BuiltinEmbedder
from training.encoder import normalise
from training.matching.network import (
    Matcher,
    PatchStatistics,
    SideStandard,
    add_instance_norm,
    calibrate,
    load_exported,
)
from training.matching.pipeline import WEIGHTS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def patches() -> torch.Tensor:
    coarse = torch.rand(4, 3, 10, 10, generator=torch.Generator().manual_seed(0)) * 255
    smooth = torch.nn.functional.interpolate(coarse, size=(160, 160), mode="bicubic")
    return smooth.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def test_what_is_common_to_all_rooms_goes_with_their_mean() -> None:
    floor, room = torch.randn(100, 5), torch.tensor([0, 1]).repeat(50)
    lit = floor.clone()
    lit[room == 1] = 3 * lit[room == 1] + 7
    standard = SideStandard(5)
    standard.fit(lit, room)
    found = standard.eval()(lit, room)
    for side in (0, 1):
        assert torch.allclose(found[room == side].mean(dim=0), torch.zeros(5), atol=1e-5)
        assert torch.allclose(found[room == side].std(dim=0), torch.ones(5), atol=1e-4)


def test_statistics_follow_in_training_only() -> None:
    standard, room = SideStandard(3), torch.zeros(8, dtype=torch.long)
    before = standard.mean.clone()
    standard.eval()(torch.ones(8, 3), room)
    assert torch.equal(standard.mean, before)
    standard.train()(torch.ones(8, 3), room)
    assert float(standard.mean[0].sum()) > 0
    assert torch.equal(standard.mean[1], before[1])


def test_the_package_s_encoder_is_taken_over(patches: torch.Tensor) -> None:
    encoder = PatchStatistics().eval()
    load_exported(encoder, WEIGHTS / "encoder.onnx")
    with torch.no_grad():
        ours = encoder(normalise(patches)).numpy()
    theirs = BuiltinEmbedder(threads=1).encode(patches.numpy())
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_vectors_have_unit_length_and_batch_norm_never_learns_statistics(
    patches: torch.Tensor,
) -> None:
    matcher = Matcher(3).train()
    norm = matcher.encoder.trunk.stem[1]
    before = norm.running_mean.clone()
    vectors = matcher(normalise(patches), torch.tensor([0, 0, 1, 1]))
    assert torch.allclose(vectors.norm(dim=1), torch.ones(4), atol=1e-5)
    assert torch.equal(norm.running_mean, before)
    assert matcher.standard.training and not norm.training


def test_instance_norm_begins_near_what_the_encoder_was(patches: torch.Tensor) -> None:
    encoder = PatchStatistics().eval()
    x = normalise(patches)
    with torch.no_grad():
        before = encoder(x)
        layers = add_instance_norm(encoder)
        calibrate(encoder, layers, x)
        after = encoder(x)
        brighter = encoder(normalise((patches.float() * 0.6).to(torch.uint8)))
    assert len(layers) == 4
    assert torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1] > 0.9
    assert torch.isfinite(brighter).all()

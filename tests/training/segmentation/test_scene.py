"""The scene's head goes into the model file and leaves the masks alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")

import onnx
import torch

from floorlens.models.onnx import WEIGHTS
from training.export import open_session
from training.segmentation.halves import read_joined
from training.segmentation.scene import (
    CLICKS,
    MAPS,
    PICTURES,
    SceneHead,
    feature_session,
    graft,
    pooled,
)
from training.segmentation.train_scene import Table, train

MASKS = ["floor_probability", "rug_probability"]


def maps(size: tuple[int, int], count: int = 2) -> list[torch.Tensor]:
    """Random maps as the network has them for pictures of that size."""
    torch.manual_seed(1)
    high, wide = size[0] // 32, size[1] // 32
    return [
        torch.rand(count, 352, high, wide),
        torch.rand(count, 120, 2 * high, 2 * wide),
        torch.randn(count, 1, 8 * high, 8 * wide),
        torch.randn(count, 1),
    ]


def head(seed: int) -> SceneHead:
    torch.manual_seed(seed)
    visible, upright = pooled(*maps((64, 96)))
    sizes = visible.shape[1], upright.shape[1]
    made = SceneHead(
        (torch.zeros(sizes[0]), torch.zeros(sizes[1])),
        (torch.full((sizes[0],), 9.0), torch.full((sizes[1],), 9.0)),
    )
    made.calibration.copy_(torch.tensor([0.5, 0.3]))
    return made.eval()


def test_the_head_is_put_into_the_file_and_again(tmp_path: Path) -> None:
    model = read_joined(WEIGHTS)
    features = feature_session(model)
    onnx.save(model, str(tmp_path / "shipped.onnx"))
    before = open_session(tmp_path / "shipped.onnx")
    for seed in (3, 4):
        made = head(seed)
        graft(model, made)
        onnx.save(model, str(tmp_path / "made.onnx"))
        after = open_session(tmp_path / "made.onnx")
        for shape in ((1, 96, 128, 3), (2, 64, 32, 3)):
            rgb = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
            clicks = np.zeros((shape[0], 2, shape[1] // 4, shape[2] // 4), np.float32)
            feed = {"rgb": rgb, "clicks": clicks}
            for old, new in zip(before.run(MASKS, feed), after.run(MASKS, feed), strict=True):
                np.testing.assert_array_equal(old, new)
            x = ((rgb.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)
            pictures = {PICTURES: x, CLICKS: clicks}
            with torch.inference_mode():
                expected = made(
                    *(torch.from_numpy(m) for m in features.run(list(MAPS.values()), pictures))
                )
            for ours, theirs in zip(
                expected, after.run(["floor_visible", "upright"], feed), strict=True
            ):
                assert ours.shape == theirs.shape == (shape[0],)
                np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-3)
    # No head is left over from before.
    assert (tmp_path / "made.onnx").stat().st_size < (
        tmp_path / "shipped.onnx"
    ).stat().st_size * 1.02


def test_pooling_tells_where_the_floor_is() -> None:
    """Low and high floors, and left and right ones, differ; mirrored ones only in their side."""
    deep, middle, _, seen = maps((128, 128), 1)
    coarse = torch.full((1, 1, 32, 32), -9.0)
    coarse[:, :, 20:, :12] = 9
    low = pooled(deep, middle, coarse, seen)
    high = pooled(deep, middle, coarse.flip(2), seen)
    assert not torch.allclose(low[1][:, -5:], high[1][:, -5:])
    mirrored = pooled(deep.flip(3), middle.flip(3), coarse.flip(3), seen)
    torch.testing.assert_close(low[0], mirrored[0], rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_training_learns_what_can_be_learnt() -> None:
    rng = np.random.default_rng(0)
    visible = rng.normal(0, 1, (600, 20)).astype(np.float32)
    visible[:, -1] = 0
    upright = rng.normal(0, 1, (600, 10)).astype(np.float32)
    table = Table(
        visible=visible,
        upright=upright,
        floor=visible[:, 3] > 0.2,
        group=np.where(np.arange(600) % 3 == 0, "a", "b"),
        held_out=np.arange(600) >= 512,
        turn=(upright[:, 1] > 0).astype(np.int64),
    )
    made = train(table, table)
    with torch.inference_mode():
        seen, up = made.classify(torch.from_numpy(visible), torch.from_numpy(upright))
    new = slice(512, 600)
    assert np.mean((seen.numpy() > 0)[new] == table.floor[new]) > 0.85
    assert np.mean((up.numpy() > 0)[new] == (table.turn == 0)[new]) > 0.85

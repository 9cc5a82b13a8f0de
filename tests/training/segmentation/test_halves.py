"""Trunk and decoder together say what the whole graph says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")

import onnx
import torch

from floorlens.errors import ModelUnavailable
from floorlens.models.onnx import WEIGHTS
from floorlens.segmentation.network import DECODER, DIGEST, TRUNK, FloorNetwork
from training.export import export_onnx, open_session
from training.segmentation.export_model import INPUTS, OUTPUTS, STAMP
from training.segmentation.halves import FEATURES, read_joined, write_split
from training.segmentation.model import ExportNet, SegmentationNet

SHAPES = ((1, 96, 128, 3), (2, 64, 32, 3))


def assert_same(whole: Path, folder: Path) -> None:
    """Both parts in turn answer as the whole, to the last bit."""
    one, trunk, decoder = map(open_session, (whole, folder / TRUNK, folder / DECODER))
    assert [output.name for output in trunk.get_outputs()] == list(FEATURES)
    answers = [output.name for output in one.get_outputs()]
    assert [output.name for output in decoder.get_outputs()] == answers
    for shape in SHAPES:
        rgb = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
        clicks = np.zeros((shape[0], 2, shape[1] // 4, shape[2] // 4), np.float32)
        clicks[:, 1, 3:6, 2:5] = 1
        features = dict(zip(FEATURES, trunk.run(list(FEATURES), {"rgb": rgb}), strict=True))
        ours = decoder.run(answers, {**features, "clicks": clicks})
        theirs = one.run(answers, {"rgb": rgb, "clicks": clicks})
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_fresh_export_is_split(tmp_path: Path) -> None:
    """The names of the maps are those that PyTorch writes, and both parts have the stamp."""
    torch.manual_seed(3)
    module = ExportNet(SegmentationNet(pretrained=False)).eval()
    path = export_onnx(module, tmp_path / "whole.onnx", STAMP, OUTPUTS, inputs=INPUTS)
    size = write_split(onnx.load(str(path)), tmp_path)
    assert size < 1.01 * path.stat().st_size
    assert_same(path, tmp_path)
    for name in (TRUNK, DECODER):
        metadata = open_session(tmp_path / name).get_modelmeta().custom_metadata_map
        assert len(metadata.pop(DIGEST)) == 64
        assert metadata == STAMP.as_metadata()


def test_the_shipped_files_are_joined_and_split_again(tmp_path: Path) -> None:
    model = read_joined(WEIGHTS)
    onnx.save(model, str(tmp_path / "whole.onnx"))
    assert_same(tmp_path / "whole.onnx", WEIGHTS)
    write_split(model, tmp_path)
    assert_same(tmp_path / "whole.onnx", tmp_path)
    for name in (TRUNK, DECODER):
        assert onnx.load(str(tmp_path / name)).metadata_props == (
            onnx.load(str(WEIGHTS / name)).metadata_props
        )


@pytest.mark.parametrize("part", [TRUNK, DECODER])
def test_parts_of_two_exports_are_refused(tmp_path: Path, part: str) -> None:
    """A stamp does not tell them: a version is written by hand."""
    model = read_joined(WEIGHTS)
    # The bias of the scene's head, say: one number of all is another one.
    values = next(one for one in model.graph.initializer if len(one.raw_data) > 64)
    values.raw_data = bytes([values.raw_data[0] ^ 1]) + values.raw_data[1:]
    write_split(model, tmp_path)
    parts = {name: tmp_path / name for name in (TRUNK, DECODER)}
    FloorNetwork(*map(open_session, parts.values()))
    parts[part] = WEIGHTS / part
    with pytest.raises(ModelUnavailable, match="not of one network: install Floorlens again"):
        FloorNetwork(*map(open_session, parts.values()))
    (tmp_path / part).write_bytes((WEIGHTS / part).read_bytes())
    with pytest.raises(ModelUnavailable, match="is not of the graph"):
        read_joined(tmp_path)

"""The model file says what the network says, for any number of pictures of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")

import torch

from training.export import compare, export_onnx, open_session
from training.segmentation.export_model import INPUTS, MOST_DIFFERENCE, OUTPUTS, STAMP
from training.segmentation.model import ExportNet, SegmentationNet

pytestmark = pytest.mark.slow


def test_the_exported_file_agrees_with_the_network(tmp_path: Path) -> None:
    """Mirroring in the graph included, and with weights stored as fp16."""
    torch.manual_seed(3)
    net = SegmentationNet(pretrained=False)
    torch.nn.init.normal_(net.sharpen.weight, std=0.1)
    module = ExportNet(net, slope=0.7, offset=-0.2).eval()
    path = export_onnx(module, tmp_path / "made.onnx", STAMP, OUTPUTS, inputs=INPUTS)
    worst = compare(module, path, [(1, 96, 128), (3, 64, 32)], inputs=INPUTS)
    assert set(worst) == set(OUTPUTS)
    assert max(worst.values()) < MOST_DIFFERENCE
    metadata = open_session(path).get_modelmeta().custom_metadata_map
    assert metadata["version"] == STAMP.version
    assert metadata["input_side"] == "384"

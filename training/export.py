"""Export a torch module to a small, self-describing ONNX file.

What comes out (:func:`export_onnx`):

- an input ``rgb``, uint8 [N, H, W, 3], sRGB, all of N, H, W dynamic; the normalisation is inside
  the graph, so that nobody can feed the network differently from how it was trained; further
  inputs as the module wants them;
- batch norm and padding folded into the convolutions;
- weights kept as fp16 with a ``Cast`` to fp32 behind each: half the file, while onnxruntime folds
  the casts when it loads and computes in fp32 throughout;
- the stamp (:class:`Stamp`) as metadata properties.

:func:`compare` runs the file beside the module and says how far apart they are.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.encoder import normalise

OPSET = 17
INPUT_NAME = "rgb"
#: Smaller constants (biases of a few channels, shapes, scales) stay fp32: nothing to gain.
_MIN_HALVED = 64


@dataclass(frozen=True)
class Input:
    """A further input of a module: its dynamic axes, and an example for a picture's shape."""

    axes: Mapping[int, str]
    example: Callable[[tuple[int, int, int]], Tensor]


@dataclass(frozen=True)
class Stamp:
    """What an exported model says about itself; every value becomes a metadata string."""

    model_id: str
    version: str
    licence: str
    dimension: int = 0
    preprocessing: str = "rgb uint8 [N,H,W,3]; (x - 127) / 128 inside the graph"
    extra: Mapping[str, str | int | float] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, str]:
        """The stamp as flat strings, ``extra`` merged in."""
        values = asdict(self)
        extra = values.pop("extra")
        return {key: str(value) for key, value in {**values, **extra}.items()}


class FromPixels(nn.Module):
    """Put :func:`training.encoder.normalise` in front of a module."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, rgb: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        """uint8 [N, H, W, 3] -> whatever the module returns for normalised float32 [N, 3, H, W]."""
        out: Tensor | tuple[Tensor, ...] = self.module(normalise(rgb), *others)
        return out


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """A copy in eval mode in which each (Conv2d, BatchNorm2d) inside a Sequential is one conv."""
    folded = copy.deepcopy(module).eval()
    for parent in folded.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        for index in range(len(parent) - 1):
            conv, norm = parent[index], parent[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                parent[index] = fuse_conv_bn_eval(conv, norm)
                parent[index + 1] = nn.Identity()
    return folded


def export_onnx(
    module: nn.Module,
    path: str | Path,
    stamp: Stamp,
    outputs: Mapping[str, Mapping[int, str]],
    example_side: int | tuple[int, int] = (128, 160),
    dynamic_size: bool = True,
    halve: bool = True,
    inputs: Mapping[str, Input] | None = None,
) -> Path:
    """Write ``module`` to ``path``.

    Args:
        module: Takes normalised float32 [N, 3, H, W]; returns one tensor per name in ``outputs``.
        path: The ``.onnx`` file; replaced as a whole, so that a reader never sees half a file.
        stamp: Goes into the file's metadata.
        outputs: Output name -> its dynamic axes, such as ``{"embedding": {0: "N"}}``; in order.
        example_side: Side, or (height, width), of the picture used for tracing.
        dynamic_size: Let H and W vary as well as N.
        halve: Store weights as fp16; False tells what that costs (`benchmarks/accuracy.py`).
        inputs: What the module takes besides the picture, in order.
    """
    inputs = inputs or {}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    wrapped = FromPixels(fold_batch_norm(module)).eval()
    sides = (example_side, example_side) if isinstance(example_side, int) else example_side
    example = torch.randint(0, 256, (2, *sides, 3), dtype=torch.uint8)
    axes: dict[str, dict[int, str]] = {
        INPUT_NAME: {0: "N", 1: "H", 2: "W"} if dynamic_size else {0: "N"}
    }
    axes.update({name: dict(dynamic) for name, dynamic in outputs.items()})
    axes.update({name: dict(more.axes) for name, more in inputs.items()})
    feed = {INPUT_NAME: example}
    feed.update({name: more.example((2, *sides)) for name, more in inputs.items()})
    draft = path.with_suffix(".draft.onnx")
    with warnings.catch_warnings(), torch.no_grad():
        # The TorchScript exporter is the one whose graphs keep dynamic sizes without guards.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            wrapped,
            tuple(feed.values()),
            str(draft),
            input_names=list(feed),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(draft))
    draft.unlink()
    fold_pads(model, {name: value.numpy() for name, value in feed.items()})
    if halve:
        halve_weights(model)
    helper.set_model_props(model, stamp.as_metadata())
    model.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(draft))
    draft.replace(path)
    return path


def fold_pads(model: onnx.ModelProto, feed: Mapping[str, NDArray[Any]]) -> None:
    """Move each ``Pad`` in front of a ``Conv`` into the convolution's own (uneven) padding.

    PyTorch has no uneven padding, ONNX has; a ``Pad`` of its own copies the largest feature maps.

    Args:
        model: Changed in place.
        feed: An example of each input, to find out what the traced ``Pad`` nodes pad by.
    """
    graph = model.graph
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    pads = [
        node
        for node in graph.node
        if node.op_type == "Pad" and [r.op_type for r in readers[node.output[0]]] == ["Conv"]
    ]
    if not pads:
        return
    amounts = _values_of(model, [pad.input[1] for pad in pads], feed)
    for pad, amount in zip(pads, amounts, strict=True):
        if amount[[0, 1, 4, 5]].any():
            continue
        (conv,) = readers[pad.output[0]]
        conv.input[0] = pad.input[0]
        kept = [a for a in conv.attribute if a.name != "pads"]
        own = next((list(a.ints) for a in conv.attribute if a.name == "pads"), [0, 0, 0, 0])
        both = [int(a) + int(b) for a, b in zip(own, amount[[2, 3, 6, 7]], strict=True)]
        del conv.attribute[:]
        conv.attribute.extend([*kept, helper.make_attribute("pads", both)])
    drop_unread(graph)


def _values_of(
    model: onnx.ModelProto, names: Sequence[str], feed: Mapping[str, NDArray[Any]]
) -> list[NDArray[np.int64]]:
    """The values of some int64 tensors inside the graph, for one input."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.INT64, None) for name in names
    )
    session = onnxruntime.InferenceSession(
        probe.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return [np.asarray(value) for value in session.run(list(names), dict(feed))]


def drop_unread(graph: onnx.GraphProto) -> None:
    """Remove nodes whose outputs nothing reads any more."""
    while True:
        read = {name for node in graph.node for name in node.input}
        read |= {output.name for output in graph.output}
        kept = [node for node in graph.node if read & set(node.output)]
        if len(kept) == len(graph.node):
            return
        del graph.node[:]
        graph.node.extend(kept)


def halve_weights(model: onnx.ModelProto) -> None:
    """Store fp32 initialisers as fp16, each with a ``Cast`` back to fp32 under its old name."""
    graph = model.graph
    casts: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _MIN_HALVED:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            raise ValueError(f"{tensor.name} does not fit fp16: {np.abs(values).max():g}")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name=f"{name}_fp16"))
        casts.append(
            helper.make_node("Cast", [f"{name}_fp16"], [name], f"{name}_cast", to=TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def open_session(path: str | Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A CPU session with a fixed number of threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare(
    module: nn.Module,
    path: str | Path,
    shapes: Sequence[tuple[int, int, int]],
    seed: int = 0,
    inputs: Mapping[str, Input] | None = None,
) -> dict[str, float]:
    """Largest absolute difference, per output, between the file and the fp32 module.

    Args:
        module: The module that was exported.
        path: The exported file.
        shapes: (N, H, W) of the random pictures to try.
        seed: Seeds the pictures.
        inputs: As for :func:`export_onnx`.
    """
    inputs = inputs or {}
    session = open_session(path)
    names = [output.name for output in session.get_outputs()]
    module = FromPixels(module).eval()
    rng = np.random.default_rng(seed)
    worst = dict.fromkeys(names, 0.0)
    for count, height, width in shapes:
        # Smooth pictures: white noise would not excite the network as a photo does.
        coarse = rng.integers(0, 256, (count, 3, height // 16 + 1, width // 16 + 1))
        smooth = nn.functional.interpolate(
            torch.from_numpy(coarse).float(), size=(height, width), mode="bicubic"
        )
        rgb = smooth.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()
        others = {name: more.example((count, height, width)) for name, more in inputs.items()}
        with torch.no_grad():
            expected = module(rgb, *others.values())
        if isinstance(expected, Tensor):
            expected = (expected,)
        feed = {INPUT_NAME: rgb.numpy()} | {name: more.numpy() for name, more in others.items()}
        found = session.run(names, feed)
        for name, ours, theirs in zip(names, expected, found, strict=True):
            worst[name] = max(worst[name], float(np.abs(ours.numpy() - np.asarray(theirs)).max()))
    return worst

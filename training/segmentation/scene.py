"""The scene's head: does the photo show a floor, and which way up is it?

It reads what the segmenter has computed anyway: the trunk's deeper maps, pooled over the picture,
over the floor found and over the rest. Unlike the network's own "floor visible" it can be trained
anew within a minute, on the exported file, and leaves the masks as they are to the last bit.
"""

from __future__ import annotations

import io
import warnings

import onnx
import onnxruntime
import torch
from onnx import helper
from torch import Tensor, nn
from torch.nn import functional as F

from training.export import OPSET, drop_unread, halve_weights

#: Channels of the trunk's maps of stride 32 and 16.
DEEP, MIDDLE = 352, 120
#: Names in the graph of both parts (`halves.py`): both maps, the coarse floor logits, and "floor
#: visible" as the network has it, a logit.
MAPS = {
    "deep": "f32",
    "middle": "f16",
    "coarse": "/module/net/Slice_4_output_0",
    "seen": "/module/net/Add_6_output_0",
}
#: The pictures and the clicks as the graph's trunk and decoder get them.
PICTURES, CLICKS = "/Mul_output_0", "clicks"
_LEAST = 1e-3


def pooled(deep: Tensor, middle: Tensor, coarse: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Maps [N, C, h, w], [N, C', 2h, 2w], coarse logits [N, 1, 8h, 8w], logits [N] -> features.

    Returns what tells whether a floor is seen, and what tells whether the picture is upright:
    [N, F] and [N, G].
    """
    return pooled_at_8(deep, middle, F.avg_pool2d(torch.sigmoid(coarse), 2), seen)


def pooled_at_8(deep: Tensor, middle: Tensor, floor: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """As `pooled`, of the floor's probability [N, 1, 4h, 4w]."""
    weight = F.avg_pool2d(floor, 4)
    share = weight.mean(dim=(2, 3))
    mean = deep.mean(dim=(2, 3))
    inside = (deep * weight).mean(dim=(2, 3)) / (share + _LEAST)
    outside = (deep * (1 - weight)).mean(dim=(2, 3)) / (1 - share + _LEAST)
    down, right = _coordinates(weight)
    shape = torch.cat(
        [
            torch.log(share + _LEAST),
            # How sure the mask is of itself, inside and outside.
            (floor * floor).mean(dim=(2, 3)) / (share + _LEAST),
            (floor * (1 - floor)).mean(dim=(2, 3)),
            F.avg_pool2d(floor, 2).amax(dim=(2, 3)),
            (weight * down).mean(dim=(2, 3)) / (share + _LEAST),
            (weight * right * right).mean(dim=(2, 3)) / (share + _LEAST),
            seen.reshape(-1, 1) / 4,
        ],
        dim=1,
    )
    visible = torch.cat([mean, inside, outside, middle.mean(dim=(2, 3)), shape], dim=1)
    moments = [
        values
        for axis in (down, right)
        for values in ((deep * axis).mean(dim=(2, 3)), (weight * axis).mean(dim=(2, 3)))
    ]
    return visible, torch.cat([mean, *moments, shape], dim=1)


def _coordinates(x: Tensor) -> tuple[Tensor, Tensor]:
    """[N, 1, h, w] -> down and to the right, -1..1, [N, 1, h, w] each."""
    ones = torch.ones_like(x[:, :1])
    # Cumulative sums, not arange: they export with dynamic sizes and batch.
    down = (ones.cumsum(2) * 2 - 1) / x.shape[2] - 1
    right = (ones.cumsum(3) * 2 - 1) / x.shape[3] - 1
    return down, right


class SceneHead(nn.Module):
    """Two small networks on pooled features, each an average of a few that begin differently.

    Args:
        mean, spread: Of the features of both, [F] and [G], to standardise them with.
        hidden: Units of the middle layer.
        members: How many are averaged.
    """

    def __init__(
        self,
        mean: tuple[Tensor, Tensor],
        spread: tuple[Tensor, Tensor],
        hidden: int = 48,
        members: int = 8,
    ) -> None:
        super().__init__()
        for index, name in enumerate(("visible", "upright")):
            self.register_buffer(f"{name}_mean", mean[index])
            self.register_buffer(f"{name}_scale", 1 / (spread[index] + 1e-3))
        self.visible = nn.ModuleList(_classifier(len(mean[0]), hidden) for _ in range(members))
        self.upright = nn.ModuleList(_classifier(len(mean[1]), hidden) for _ in range(members))
        #: Calibrates what the networks say: slope and offset (Platt, 1999).
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))

    def seen(self, features: Tensor) -> Tensor:
        """Features [N, F] -> each member's logits [M, N] that a floor is seen."""
        # What the network itself says of the floor counts besides, whatever a member makes of it.
        given = 4 * features[:, -1]
        features = (features - self.visible_mean) * self.visible_scale
        return torch.stack([member(features)[:, 0] + given for member in self.visible])

    def up(self, features: Tensor) -> Tensor:
        """Features [N, G] -> each member's logits [M, N] that the picture is upright."""
        features = (features - self.upright_mean) * self.upright_scale
        return torch.stack([member(features)[:, 0] for member in self.upright])

    def classify(self, visible: Tensor, upright: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, F], [N, G] -> calibrated logits that a floor is seen, that it is upright."""
        seen = self.seen(visible).mean(dim=0)
        return self.calibration[0] * seen + self.calibration[1], self.up(upright).mean(dim=0)

    def forward(
        self, deep: Tensor, middle: Tensor, coarse: Tensor, seen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Maps of N pictures -> probabilities [N], [N]."""
        visible, upright = self.classify(*pooled(deep, middle, coarse, seen))
        return torch.sigmoid(visible), torch.sigmoid(upright)


def _classifier(features: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(0.3),
        nn.Linear(features, hidden),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(hidden, 1),
    )


def feature_session(model: onnx.ModelProto, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session of a segmenter's graph that answers with `MAPS`."""
    graph = onnx.shape_inference.infer_shapes(model)
    extractor = onnx.utils.Extractor(graph)
    part = extractor.extract_model([PICTURES, CLICKS], list(MAPS.values()))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        part.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def graft(model: onnx.ModelProto, head: SceneHead) -> None:
    """Put a head into a segmenter's graph, in place of the one that answers now.

    ``floor_visible`` becomes its first answer; ``upright`` [N], how likely the picture is neither
    upside down nor on its side, is new.
    """
    graph = model.graph
    made = _exported(head)
    halve_weights(made)
    outputs = {value.name for value in made.graph.output}
    for node in list(graph.node):
        # An earlier head, or the network's own last step.
        if node.name.startswith("/scene/") or outputs & set(node.output):
            graph.node.remove(node)
    for tensor in [one for one in graph.initializer if one.name.startswith("/scene/")]:
        graph.initializer.remove(tensor)
    for value in [value for value in graph.output if value.name in outputs]:
        graph.output.remove(value)
    names = {value.name: MAPS[value.name] for value in made.graph.input}
    names |= {name: name for name in outputs}
    for node in made.graph.node:
        node.name = f"/scene/{node.name}"
        node.input[:] = [_grafted(name, names) for name in node.input]
        node.output[:] = [_grafted(name, names) for name in node.output]
    for tensor in made.graph.initializer:
        tensor.name = _grafted(tensor.name, names)
    graph.node.extend(made.graph.node)
    graph.initializer.extend(made.graph.initializer)
    graph.output.extend(
        [
            helper.make_tensor_value_info("floor_visible", onnx.TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("upright", onnx.TensorProto.FLOAT, ["N"]),
        ]
    )
    drop_unread(graph)
    read = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)
    onnx.checker.check_model(model, full_check=True)


def _grafted(name: str, names: dict[str, str]) -> str:
    # An empty name is an input that an operator goes without.
    return names.get(name, f"/scene/{name}") if name else name


def _exported(head: SceneHead) -> onnx.ModelProto:
    """The head as a graph of its own, whose inputs are called as in `MAPS`."""
    example = (
        torch.rand(2, DEEP, 4, 3),
        torch.rand(2, MIDDLE, 8, 6),
        torch.randn(2, 1, 32, 24),
        torch.randn(2, 1),
    )
    axes = {
        "deep": {0: "M", 2: "h", 3: "w"},
        "middle": {0: "M", 2: "h2", 3: "w2"},
        "coarse": {0: "M", 2: "h8", 3: "w8"},
        "seen": {0: "M"},
        "floor_visible": {0: "N"},
        "upright": {0: "N"},
    }
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            head.eval(),
            example,
            file,
            input_names=list(MAPS),
            output_names=["floor_visible", "upright"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(file.getvalue())

"""The model file in two: a trunk that sees the picture, and a decoder that sees the clicks too.

Who clicks on a photo that was looked at before needs the second one alone. All training works on
the whole graph (:func:`read_joined`); what ships are the two files of :func:`write_split`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
from onnx.utils import Extractor

from floorlens.errors import ModelUnavailable
from floorlens.segmentation.network import DECODER, DIGEST, TRUNK

#: What goes from the trunk to the decoder: the picture at half its size, and the trunk's maps at
#: strides 2 to 32; with their names in the graph that PyTorch exports.
FEATURES = {
    "picture": "/module/net/AveragePool_output_0",
    "f2": "/module/net/encoder/blocks.0/body/body.1/body.1.0/Conv_output_0",
    "f4": "/module/net/encoder/blocks.3/Add_output_0",
    "f8": "/module/net/encoder/blocks.6/Add_output_0",
    "f16": "/module/net/encoder/blocks.14/Add_output_0",
    "f32": "/module/net/encoder/blocks.20/body/body.2/body.2.0/Conv_output_0",
}


def split(model: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """A segmenter's graph -> its trunk and its decoder, both with its stamp and its digest.

    Args:
        model: As `export_onnx` writes it, or as :func:`join` returns it.
    """
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    rename(whole.graph, {old: new for new, old in FEATURES.items()})
    properties = {entry.key: entry.value for entry in model.metadata_props}
    properties[DIGEST] = digest(whole)
    answers = [output.name for output in whole.graph.output]
    whole = onnx.shape_inference.infer_shapes(whole)
    parts = []
    for inputs, outputs in ((["rgb"], list(FEATURES)), ([*FEATURES, "clicks"], answers)):
        part = Extractor(whole).extract_model(inputs, outputs)
        # The sizes of maps inside it; nobody reads them, and they are long.
        del part.graph.value_info[:]
        for value in (*part.graph.input, *part.graph.output):
            if value.name in FEATURES:
                stride = "2" if value.name == "picture" else value.name[1:]
                height, width = value.type.tensor_type.shape.dim[2:]
                height.dim_param, width.dim_param = f"h{stride}", f"w{stride}"
        onnx.helper.set_model_props(part, properties)
        onnx.checker.check_model(part, full_check=True)
        parts.append(part)
    trunk, decoder = parts
    return trunk, decoder


def join(trunk: onnx.ModelProto, decoder: onnx.ModelProto) -> onnx.ModelProto:
    """The two parts as one graph again."""
    model = onnx.ModelProto()
    model.CopyFrom(decoder)
    graph = model.graph
    own = [value for value in graph.input if value.name not in FEATURES]
    del graph.input[:]
    graph.input.extend([*trunk.graph.input, *own])
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*trunk.graph.node, *nodes])
    names = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(t for t in trunk.graph.initializer if t.name not in names)
    onnx.checker.check_model(model, full_check=True)
    return model


def digest(model: onnx.ModelProto) -> str:
    """The SHA-256 of a graph's nodes and weights, in whatever order; its names are `FEATURES`."""
    parts = (
        part.SerializeToString(deterministic=True)
        for part in (*model.graph.node, *model.graph.initializer)
    )
    # By their own hashes: lengths of weights differ, and parts must not run into each other.
    return hashlib.sha256(
        b"".join(sorted(hashlib.sha256(part).digest() for part in parts))
    ).hexdigest()


def rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    """Rename values of a graph: old name -> new name; others stay."""
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def read_joined(folder: Path) -> onnx.ModelProto:
    """The whole graph of the two files in a folder.

    Raises:
        ModelUnavailable: they are not parts of one graph.
    """
    parts = [onnx.load(str(folder / name)) for name in (TRUNK, DECODER)]
    model = join(*parts)
    # Written anew, a wrong pair would pass for a right one.
    for part, name in zip(parts, (TRUNK, DECODER), strict=True):
        if {entry.key: entry.value for entry in part.metadata_props}.get(DIGEST) != digest(model):
            raise ModelUnavailable(f"{folder / name} is not of the graph that both files make")
    return model


def write_split(model: onnx.ModelProto, folder: Path) -> int:
    """Write a graph as two files, each replaced as a whole; returns their bytes."""
    size = 0
    for part, name in zip(split(model), (TRUNK, DECODER), strict=True):
        draft = folder / f"{name}.new"
        onnx.save(part, str(draft))
        size += draft.replace(folder / name).stat().st_size
    return size

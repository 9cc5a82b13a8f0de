"""Compares the built-in segmenter with the computation of CLIPSeg, the reference design's.

    python benchmarks/segmentation_speed.py [--runs 15] [--threads 2] [--json]

Twice: the networks alone, each with its input ready-made at its own size, and the whole stage from
a decoded photo of 1280 x 960 to a mask of that size. Same threads, in turn, after a warm-up;
medians are printed. CLIPSeg makes one pass with its prompt; its weights are random, since time
does not depend on them. Needs the extra `[clip]`.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from machine import machine
from numpy.typing import NDArray
from pictures import room_photos
from PIL import Image
from reference_design import ClipSeg
from timing import alternate, peak_megabytes

from floorlens.images.formats import PILLOW_FORMATS
from floorlens.segmentation.backends.builtin import BuiltinSegmenter
from floorlens.segmentation.network import Features, FloorNetwork, load_network

WIDTH, HEIGHT = 1280, 960
# ImageNet's, as in the published preprocessing of CIDAS/clipseg-rd64-refined.
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
SPREAD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
THRESHOLD = 0.5
PAIRS = (("network", "floorlens network", "clipseg network"), ("stage", "floorlens", "clipseg"))


class Recorder:
    """The network, remembering its last inputs."""

    def __init__(self, network: FloorNetwork) -> None:
        """`network`: the network to run."""
        self._network = network
        self.stamp, self.side = network.stamp, network.side
        self._inputs: dict[str, Any] = {}

    def features(self, rgb: NDArray[np.uint8]) -> Features:
        """Runs the trunk and returns its features."""
        self._inputs["rgb"] = rgb
        return self._network.features(rgb)

    def decode(self, features: Features, clicks: NDArray[np.float32]) -> Any:
        """Runs the decoder and returns the answer."""
        self._inputs["clicks"] = clicks
        return self._network.decode(features, clicks)

    def again(self) -> Any:
        """Runs the last inputs once more and returns the answer."""
        return self._network.decode(
            self._network.features(self._inputs["rgb"]), self._inputs["clicks"]
        )

    def shapes(self) -> dict[str, list[int]]:
        """Returns the shapes of the last inputs."""
        return {name: [1, *value.shape] for name, value in self._inputs.items()}


def photo() -> tuple[NDArray[np.uint8], str]:
    """Returns a room, uint8 (960, 1280, 3) sRGB, and where it comes from."""
    files, source = room_photos()
    with Image.open(io.BytesIO(files[0]), formats=PILLOW_FORMATS) as picture:
        return np.asarray(picture.convert("RGB").resize((WIDTH, HEIGHT))), source


def clipseg_stage(model: ClipSeg, pixels: NDArray[np.uint8]) -> Any:
    """Returns CLIPSeg's mask of a uint8 (h, w, 3) sRGB photo: bool (h, w), a tensor."""
    import torch

    small = Image.fromarray(pixels).resize((model.SIDE, model.SIDE), Image.Resampling.BILINEAR)
    values = (np.asarray(small, dtype=np.float32) / 255 - MEAN) / SPREAD
    tensor = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))
    with torch.inference_mode():
        logits = model.run(tensor).reshape(1, 1, model.SIDE, model.SIDE)
        full = torch.nn.functional.interpolate(
            logits, size=pixels.shape[:2], mode="bilinear", align_corners=False
        )
        return torch.sigmoid(full)[0, 0] > THRESHOLD


def measure(runs: int, threads: int) -> dict[str, Any]:
    """Returns medians in seconds, ratios, memory and what was measured on which machine."""
    pixels, source = photo()
    network = Recorder(load_network(threads))

    def segmenter() -> BuiltinSegmenter:
        """Returns one that has not seen the photo."""
        return BuiltinSegmenter(network=cast("FloorNetwork", network))

    before = peak_megabytes()
    for _ in range(2):
        mask = segmenter().segment(pixels).pixels > THRESHOLD
    floorlens_peak = peak_megabytes()
    clipseg = ClipSeg(threads)
    works: dict[str, Callable[[int], Any]] = {
        "floorlens network": lambda _run: network.again(),
        "clipseg network": lambda _run: clipseg.run(clipseg.photo),
        "floorlens": lambda _run: segmenter().segment(pixels).pixels > THRESHOLD,
        "clipseg": lambda _run: clipseg_stage(clipseg, pixels),
    }
    if tuple(works["clipseg"](0).shape) != mask.shape:
        raise RuntimeError("the two stages do not return masks of one size")
    for work in works.values():
        for run in range(2):
            work(run)
    times, _ = alternate(works, runs)
    medians = {name: statistics.median(times[name]) for name in works}
    return {
        "seconds": medians,
        "quartiles": {name: statistics.quantiles(times[name], n=4) for name in works},
        "ratios": {name: medians[theirs] / medians[ours] for name, ours, theirs in PAIRS},
        "runs": runs,
        "threads": threads,
        "inputs": network.shapes(),
        "picture": source,
        "peak_mb": {
            "before": before,
            "floorlens": floorlens_peak,
            "with_clipseg": peak_megabytes(),
        },
        "machine": machine("onnxruntime", "torch", "transformers"),
        "segmenter": network.stamp.as_dict(),
    }


def table(figures: dict[str, Any]) -> str:
    """Returns the figures as lines for people."""
    lines = [f"{'':24}{'median ms':>10}{'quartiles':>18}{'ratio':>9}"]
    for name, *both in PAIRS:
        for key in both:
            low, _, high = (1000 * value for value in figures["quartiles"][key])
            ratio = "" if key == both[0] else f"{figures['ratios'][name]:.2f}x"
            label = f"{key.split()[0]}, {name}"
            median = 1000 * figures["seconds"][key]
            lines.append(f"{label:24}{median:10.1f}{f'{low:.1f} - {high:.1f}':>18}{ratio:>9}")
    peak, stamp = figures["peak_mb"], figures["segmenter"]
    inputs = ", ".join(f"{name} {shape}" for name, shape in figures["inputs"].items())
    return "\n".join(
        [
            *lines,
            f"peak memory: {peak['before']:.0f} MB with the session loaded, "
            f"{peak['floorlens']:.0f} MB after Floorlens's stage, "
            f"{peak['with_clipseg']:.0f} MB with CLIPSeg",
            f"{figures['runs']} runs each in turn, {figures['threads']} threads, "
            f"{WIDTH} x {HEIGHT} ({figures['picture']})",
            f"{stamp['model_id']} {stamp['version']}, network inputs: {inputs}",
            ", ".join(f"{name} {value}" for name, value in figures["machine"].items()),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="of each, in turn (at least 2)")
    parser.add_argument("--threads", type=int, default=2, help="for both")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if options.runs < 2 or options.threads < 1:
        parser.error("--runs must be at least 2, and --threads at least 1")
    figures = measure(options.runs, options.threads)
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

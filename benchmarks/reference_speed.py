"""Compares a warm Floorlens query with the computation of the CLIPSeg + CLIP reference design.

    python benchmarks/reference_speed.py [--runs 15] [--threads 2] [--json]

Both rank 20 products for a room photo of 1280 px, with the same threads, in turn, after a warm-up;
medians are printed. Floorlens is timed from the JPEG's bytes to the ranking. The reference gets
its tensors ready-made, which favours it: two CLIPSeg passes at 352 px, one CLIP ViT-B/32 image
embedding, and a pair of CLIP images for each of 20 products; at the least that it could do, one
pass and one embedding. Its weights are random: time does not depend on them. Needs the extra
`[clip]`.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import ROOT, machine
from numpy.typing import NDArray
from PIL import Image

from floorlens import Floorlens

PRODUCTS = 20
PHOTO_SIDE = 1280
PICTURES = (".jpg", ".jpeg", ".png", ".webp")

# The published configurations of CIDAS/clipseg-rd64-refined and openai/clip-vit-base-patch32.
CLIPSEG_VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 352,
    "patch_size": 16,
}
CLIPSEG_TEXT = {
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "vocab_size": 49408,
}
CLIPSEG_DECODER = {
    "projection_dim": 512,
    "reduce_dim": 64,
    "extract_layers": [3, 6, 9],
    "decoder_num_attention_heads": 4,
    "decoder_intermediate_size": 2048,
    "conditional_layer": 0,
    # What "refined" adds: three convolutions in place of one to enlarge the mask.
    "use_complex_transposed_convolution": True,
}
CLIP_VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "projection_dim": 512,
}


class ClipSeg:
    """The reference design's segmenter with random weights."""

    SIDE = 352

    def __init__(self, threads: int) -> None:
        """Builds the model; takes some seconds."""
        import torch
        from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._torch = torch
        self._model = CLIPSegForImageSegmentation(
            CLIPSegConfig(text_config=CLIPSEG_TEXT, vision_config=CLIPSEG_VISION, **CLIPSEG_DECODER)
        ).eval()
        # "a floor" between the two special tokens: a pass encodes its prompt too.
        self._prompt = torch.tensor([[49406, 320, 3425, 49407]])
        self.photo = torch.rand(1, 3, self.SIDE, self.SIDE)

    def run(self, photo: Any) -> Any:
        """Returns the logits, a tensor of 352 x 352, for a tensor (1, 3, 352, 352)."""
        with self._torch.inference_mode():
            return self._model(
                input_ids=self._prompt,
                attention_mask=self._torch.ones_like(self._prompt),
                pixel_values=photo,
            ).logits


class Reference:
    """The reference design's models with random weights; it computes and throws away."""

    def __init__(self, threads: int) -> None:
        """Builds both models; takes some seconds."""
        import torch
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        self._torch = torch
        self._segmenter = ClipSeg(threads)
        self._encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP_VISION)).eval()
        self._crop = torch.rand(1, 3, 224, 224)
        self._pair = torch.rand(2, 3, 224, 224)

    def query(self, segmentations: int, pairs: int) -> None:
        """Runs the computation of one query."""
        with self._torch.inference_mode():
            for _ in range(segmentations):
                self._segmenter.run(self._segmenter.photo)
            self._encoder(pixel_values=self._crop)
            for _ in range(pairs):
                self._encoder(pixel_values=self._pair)


def pictures_in(folder: Path) -> list[Path]:
    """Returns the pictures of a folder, sorted; none if it does not exist."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def room_photos() -> tuple[list[bytes], str]:
    """Returns JPEG files of 1280 px on the longer side and where they come from."""
    paths = pictures_in(ROOT / "samples" / "rooms")[:4]
    pictures = [Image.open(path).convert("RGB") for path in paths] or [_made_room()]
    photos = []
    for picture in pictures:
        factor = PHOTO_SIDE / max(picture.size)
        size = round(picture.width * factor), round(picture.height * factor)
        stream = io.BytesIO()
        picture.resize(size, Image.Resampling.LANCZOS).save(stream, "JPEG", quality=90)
        photos.append(stream.getvalue())
    return photos, "samples/rooms" if paths else "a generated picture"


def write_products(folder: Path) -> str:
    """Writes 20 product pictures into a folder; returns where they come from."""
    paths = pictures_in(ROOT / "samples" / "products")
    if len(paths) >= PRODUCTS:
        for path in paths[:PRODUCTS]:
            (folder / path.name).write_bytes(path.read_bytes())
        return "samples/products"
    for number in range(PRODUCTS):
        Image.fromarray(_planks(number, 640, 640)).save(folder / f"made-{number:02d}.png")
    return "generated pictures"


def _planks(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Returns boards of uneven tone: uint8 (height, width, 3) sRGB."""
    generator = np.random.default_rng(seed)
    tone = generator.uniform(70, 200) * np.array([1.0, 0.8, 0.6])
    boards = generator.normal(1.0, 0.08, 1 + width // 80)[np.arange(width) // 80]
    boards[::80] = 0.5
    grain = generator.normal(1.0, 0.03, (height, width))
    return np.clip(tone * (boards * grain)[..., None], 0, 255).astype(np.uint8)


def _made_room() -> Image.Image:
    """Returns a pale wall above boards that run to a vanishing point."""
    wall = np.full((960, 1280, 3), (226, 222, 214), dtype=np.uint8)
    floor, texture = np.zeros((540, 1280, 3), dtype=np.uint8), _planks(3, 2048, 2048)
    depth = 420.0 / (np.arange(540) + 60.0)
    columns = (np.arange(1280) - 640) * depth[:, None] + 1024
    rows = np.broadcast_to((depth * 700)[:, None], columns.shape)
    floor[:] = texture[rows.astype(int) % 2048, columns.astype(int) % 2048]
    wall[420:] = floor
    return Image.fromarray(wall)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Returns the seconds that the work takes and what it returns."""
    # Both libraries' threads spin for a while after their work and would slow down the next one.
    time.sleep(0.3)
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(runs: int, threads: int) -> dict[str, Any]:
    """Returns medians in seconds, ratios, memory and what was measured on which machine."""
    with tempfile.TemporaryDirectory(prefix="floorlens-speed-") as folder:
        pictures = Path(folder) / "products"
        pictures.mkdir()
        source = write_products(pictures)
        photos, room_source = room_photos()
        with Floorlens.open(Path(folder) / "catalogue", threads=threads) as lens:
            lens.add(pictures, adapt=False)
            for photo in photos:
                lens.search(photo)
            floorlens_peak = peak_megabytes()
            reference = Reference(threads)
            works: dict[str, Callable[[int], Any]] = {
                "floorlens": lambda run: lens.search(photos[run % len(photos)]),
                "least": lambda run: reference.query(segmentations=1, pairs=0),
                "reference": lambda run: reference.query(segmentations=2, pairs=PRODUCTS),
            }
            for work in works.values():
                for run in range(2):
                    work(run)
            times, stages = _alternate(works, runs)
            stamp = lens.stamp
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "seconds": medians,
        "quartiles": {name: statistics.quantiles(values, n=4) for name, values in times.items()},
        "stages": {name: statistics.median(values) for name, values in stages.items()},
        "ratio_to_reference": medians["reference"] / medians["floorlens"],
        "ratio_to_least": medians["least"] / medians["floorlens"],
        "runs": runs,
        "threads": threads,
        "pictures": {"rooms": room_source, "products": source},
        "peak_mb": {"floorlens": floorlens_peak, "with_reference": peak_megabytes()},
        "machine": machine("onnxruntime", "torch", "transformers"),
        "preset": stamp["preset"],
    }


def _alternate(
    works: dict[str, Callable[[int], Any]], runs: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    times: dict[str, list[float]] = defaultdict(list)
    stages: dict[str, list[float]] = defaultdict(list)
    for run in range(runs):
        # Every other round backwards, so that no one always follows the same neighbour.
        for name in list(works)[:: 1 if run % 2 else -1]:
            seconds, result = timed(partial(works[name], run))
            times[name].append(seconds)
            if name == "floorlens":
                for stage, value in result.timings.items():
                    stages[stage].append(value)
    return times, stages


def peak_megabytes() -> float:
    """Returns the process's largest resident size so far, in megabytes."""
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def table(figures: dict[str, Any]) -> str:
    """Returns the figures as lines for people."""
    seconds, peak = figures["seconds"], figures["peak_mb"]
    rows = [
        ("Floorlens, warm query", "floorlens", ""),
        (f"reference (2 + 1 + {PRODUCTS} pairs)", "reference", figures["ratio_to_reference"]),
        ("reference at its least (1 + 1)", "least", figures["ratio_to_least"]),
    ]
    lines = [f"{'':34}{'median s':>10}{'quartiles':>18}{'ratio':>9}"]
    for label, name, ratio in rows:
        low, _, high = figures["quartiles"][name]
        shown = f"{ratio:.1f}x" if ratio else ""
        lines.append(f"{label:34}{seconds[name]:10.3f}{f'{low:.3f} - {high:.3f}':>18}{shown:>9}")
    stages = ", ".join(f"{name} {1000 * value:.0f}" for name, value in figures["stages"].items())
    about = ", ".join(f"{name} {value}" for name, value in figures["machine"].items())
    return "\n".join(
        [
            *lines,
            f"Floorlens stages, median ms: {stages}",
            f"peak memory: Floorlens {peak['floorlens']:.0f} MB, "
            f"with the reference {peak['with_reference']:.0f} MB",
            f"{figures['runs']} runs each in turn, {figures['threads']} threads, "
            f"{PRODUCTS} products ({figures['pictures']['products']}), "
            f"{PHOTO_SIDE} px ({figures['pictures']['rooms']}), preset {figures['preset']}",
            about,
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

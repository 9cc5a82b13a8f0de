"""Measures whether photos of several requests should go through the models together.

    python benchmarks/micro_batches.py [--rounds 15]

For each model: two inputs in one run of the model, one after the other, and at the same time in two
threads as the service has them, in turn; medians of the seconds for both.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from machine import machine
from timing import alternate

from floorlens.models.onnx import load_session

Inputs = dict[str, Any]
Run = Callable[[Inputs], Any]
# A photo of 4:3 at the segmenter's size, and the patches of a floor.
INPUTS: dict[str, Inputs] = {
    "segmenter_trunk": {"rgb": np.zeros((1, 288, 384, 3), np.uint8)},
    "segmenter_decoder": {
        "picture": np.zeros((1, 3, 144, 192), np.float32),
        "f2": np.zeros((1, 16, 144, 192), np.float32),
        "f4": np.zeros((1, 24, 72, 96), np.float32),
        "f8": np.zeros((1, 48, 36, 48), np.float32),
        "f16": np.zeros((1, 120, 18, 24), np.float32),
        "f32": np.zeros((1, 352, 9, 12), np.float32),
        "clicks": np.zeros((1, 2, 72, 96), np.float32),
    },
    "encoder": {"rgb": np.zeros((24, 160, 160, 3), np.uint8)},
}


def together(run: Run, both: Inputs, _: int) -> None:
    """Runs a model on two inputs as one."""
    run(both)


def in_turn(run: Run, one: Inputs, _: int) -> None:
    """Runs a model on two inputs, one after the other."""
    run(one)
    run(one)


def at_once(pool: ThreadPoolExecutor, run: Run, one: Inputs, _: int) -> None:
    """Runs a model on two inputs at the same time."""
    list(pool.map(run, (one, one)))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(" · ".join(f"{name} {value}" for name, value in machine("onnxruntime").items()))
    with ThreadPoolExecutor(2) as pool:
        for name, one in INPUTS.items():
            session = load_session(f"{name}.onnx")
            generator = np.random.default_rng(0)
            one = {
                key: generator.integers(0, 255, value.shape).astype(value.dtype)
                if key == "rgb"
                else value
                for key, value in one.items()
            }
            both = {key: np.concatenate([value, value]) for key, value in one.items()}
            run = partial(session.run, None)
            works: dict[str, Callable[[int], Any]] = {
                "together": partial(together, run, both),
                "one after the other": partial(in_turn, run, one),
                "in two threads": partial(at_once, pool, run, one),
            }
            for work in works.values():
                work(0)
            seconds, _ = alternate(works, options.rounds)
            medians = {way: statistics.median(values) for way, values in seconds.items()}
            print(
                f"{name:17} " + ", ".join(f"{way} {value:.3f} s" for way, value in medians.items())
            )


if __name__ == "__main__":
    main()

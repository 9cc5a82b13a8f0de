"""Rooms whose camera is known, and how well `estimate_plane` finds it.

    python -m training.matching.planes --count 60

A room is a box: four walls with windows, doors and skirting, a ceiling, a floor, and furniture-like
shapes in front. Nothing here is shared with the estimator but the geometry of a pinhole.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.adaptation.rooms import (
    USUAL_LIGHT,
    Camera,
    RoomView,
    _add_clutter,
    _add_glare,
    _develop,
    _lay,
    _light,
)
from floorlens.images.formats import PILLOW_FORMATS
from floorlens.normalisation.plane import PITCH, estimate_plane
from training.synthesis.floors import render_floor, sample_design

RgbImage = NDArray[np.uint8]


def draw_camera(rng: np.random.Generator) -> tuple[Camera, float]:
    """Returns a camera and the angle of the walls; wider than what the estimator expects."""
    walls = float(rng.uniform(-0.8, 0.8))
    kind = rng.random()
    turn = walls + (0.0 if kind < 0.6 else np.pi / 4 if kind < 0.75 else rng.uniform(0, np.pi))
    camera = Camera(
        height=float(rng.uniform(1.0, 1.7)),
        pitch=float(np.deg2rad(rng.uniform(5.0, 40.0))),
        roll=float(np.deg2rad(rng.normal(0.0, 1.2))),
        field=float(np.deg2rad(rng.uniform(50.0, 78.0))),
        turn=float(turn + rng.choice([0.0, np.pi / 2])),
        wall=1.0,
    )
    return camera, walls


def box_room(
    texture: RgbImage,
    metres: float,
    rng: np.random.Generator,
    size: tuple[int, int] = (640, 480),
) -> tuple[RoomView, Camera] | None:
    """Returns a room laid with `texture` and its camera; None where hardly any floor is seen."""
    camera, turned = draw_camera(rng)
    width, height = size
    focal = 0.5 * max(size) / np.tan(camera.field / 2)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    u, v = (columns - width / 2) / focal, (rows - height / 2) / focal
    cr, sr, cp, sp = (
        *(np.cos(camera.roll), np.sin(camera.roll)),
        *(np.cos(camera.pitch), np.sin(camera.pitch)),
    )
    u, v = u * cr - v * sr, u * sr + v * cr
    down, ahead = v * cp + sp, cp - v * sp
    # In the room's own axes: s along one pair of walls, t along the other.
    s = u * np.cos(turned) - ahead * np.sin(turned)
    t = u * np.sin(turned) + ahead * np.cos(turned)
    ceiling = float(rng.uniform(2.4, 3.0)) - camera.height
    far = {
        "left": (-s, float(rng.uniform(0.8, 3.0))),
        "right": (s, float(rng.uniform(0.8, 3.0))),
        "back": (t, float(rng.uniform(2.5, 6.5))),
        "front": (-t, 1.0),
        "ceiling": (-down, ceiling),
        "floor": (down, camera.height),
    }
    times = np.stack([np.where(d > 1e-6, at / np.maximum(d, 1e-6), 1e6) for d, at in far.values()])
    nearest, reach = times.argmin(axis=0), times.min(axis=0)
    floor = nearest == 5
    if floor.mean() < 0.12:
        return None
    reach32 = reach.astype(np.float32)
    x, y = (u * reach).astype(np.float32)[floor], (ahead * reach).astype(np.float32)[floor]
    footprint = reach32[floor] / np.float32(focal)
    colour = _lay(texture, metres, camera.turn, rng.uniform(0, 10, 2), x, y, footprint)
    light = _light(floor, reach32 / np.float32(4.0), rng, USUAL_LIGHT)
    photo = np.zeros((height, width, 3), np.float32)
    photo[floor] = colour * light[floor][:, None]
    paint = rng.uniform(110, 245) * (1 + rng.normal(0, 0.05, 3))
    for index in range(5):
        along = (t if index < 2 else s) * reach
        z = camera.height - down * reach
        wall = paint * rng.uniform(0.75, 1.1)
        picture = np.broadcast_to(wall, photo.shape).copy()
        if index < 4:
            for _ in range(int(rng.integers(0, 4))):
                a, wide = rng.uniform(-3, 5), rng.uniform(0.3, 1.8)
                low, tall = rng.choice([0.0, 0.9, 1.3]), rng.uniform(0.4, 1.3)
                inside = (np.abs(along - a) < wide / 2) & (z > low) & (z < low + tall)
                picture[inside] = rng.uniform(20, 255) * (1 + rng.normal(0, 0.1, 3))
            picture[z < rng.choice([0.0, 0.08, 0.14])] = rng.uniform(60, 250)
        photo = np.where((nearest == index)[..., None], picture, photo)
    photo = photo.astype(np.float32)
    _add_glare(photo, floor, rng, USUAL_LIGHT)
    mask = _add_clutter(photo, floor, rng, USUAL_LIGHT)
    return RoomView(_develop(photo, rng, USUAL_LIGHT), mask), camera


def textures(count: int, products: Path) -> list[RgbImage]:
    """Returns the sample products and `count` made floors, from above."""
    found = [
        np.asarray(Image.open(path, formats=PILLOW_FORMATS).convert("RGB"))
        for path in sorted(products.glob("*.jpg"))
    ]
    for seed in range(count):
        design = sample_design(np.random.default_rng([90, seed]))
        found.append(render_floor(design, (2000.0, 2000.0), 4.0, 0))
    return found


def main() -> None:
    """Print the errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--made", type=int, default=20)
    parser.add_argument("--products", type=Path, default=Path("samples/products"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    floors = textures(arguments.made, arguments.products)
    rng = np.random.default_rng(arguments.seed)
    rows: list[tuple[float, ...]] = []
    taken = 0.0
    while len(rows) < arguments.count:
        texture = floors[int(rng.integers(len(floors)))]
        made = box_room(texture, float(rng.uniform(1.2, 2.4)), rng)
        if made is None:
            continue
        view, camera = made
        started = time.process_time()
        plane = estimate_plane(view.rgb, view.mask)
        taken += time.process_time() - started
        height, width = view.mask.shape
        focal = 0.5 / np.tan(camera.field / 2)
        horizon = height / 2 - focal * max(width, height) * np.tan(camera.pitch) / np.cos(
            camera.roll
        )
        prior = height / 2 - 0.8 * max(width, height) * np.tan(np.deg2rad(PITCH[0]))
        rows.append(
            (
                *(camera.pitch - plane.pitch, plane.spread, plane.confidence),
                *((horizon - plane.horizon((width, height))) / height, (horizon - prior) / height),
                *(camera.pitch, focal / plane.focal - 1, camera.roll - plane.roll),
            )
        )
    table = np.array(rows)
    error, spread = np.rad2deg(table[:, 0]), np.rad2deg(table[:, 1])
    pitch = np.rad2deg(table[:, 5])

    def told(name: str, values: NDArray[np.float64]) -> None:
        print(
            f"{name:34s} median {np.median(np.abs(values)):.3f}, "
            f"90 % {np.quantile(np.abs(values), 0.9):.3f}"
        )

    told("pitch (degrees)", error)
    told("pitch, constant", pitch - np.median(pitch))
    told("horizon (share of the height)", table[:, 3])
    told("horizon, constant", table[:, 4] - np.median(table[:, 4]))
    told("focal (relative)", table[:, 6])
    told("roll (degrees)", np.rad2deg(table[:, 7]))
    told("error in spreads (normal: .67, 1.64)", error / spread)
    order = np.argsort(spread)
    for part in np.array_split(order, 3):
        print(
            f"  spread {spread[part].mean():.1f}:"
            f" rms error {np.sqrt((error[part] ** 2).mean()):.1f}"
            f", median {np.median(np.abs(error[part])):.1f}, confidence {table[part, 2].mean():.2f}"
        )
    print(f"{1000 * taken / len(rows):.0f} ms a photo")


if __name__ == "__main__":
    main()

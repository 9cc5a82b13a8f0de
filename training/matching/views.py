"""Simulated room views of a floor seen from above: a plane under a camera, light, clutter, JPEG.

The geometry follows hand-held photographs of rooms: camera 1.1-1.7 m above the floor, pitched 12-35
degrees down, 50-75 degrees of view. Light, cast and glare are what sets a room's picture of a floor
apart from the product picture of the same floor. Everything comes from the generator passed in.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

RgbImage = NDArray[np.uint8]
FloatMap = NDArray[np.float32]

#: How far the floor reaches before a wall stands on it, in metres.
WALL = (3.0, 7.5)


@dataclass(frozen=True)
class RoomView:
    """A simulated photo: `rgb` uint8 (h, w, 3) sRGB and `mask` bool (h, w), True on floor."""

    rgb: RgbImage
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Camera:
    """A camera over the floor z = 0, looking along +y; lengths in metres, angles in radians.

    `turn` is the angle between the boards and the line of sight, `wall` the distance of the wall.
    """

    height: float
    pitch: float
    roll: float
    field: float
    turn: float
    wall: float


def draw_camera(rng: np.random.Generator) -> Camera:
    """Returns a plausible camera."""
    return Camera(
        height=float(rng.uniform(1.1, 1.7)),
        pitch=float(np.deg2rad(rng.uniform(12.0, 35.0))),
        roll=float(np.deg2rad(rng.normal(0.0, 1.0))),
        field=float(np.deg2rad(rng.uniform(50.0, 75.0))),
        turn=float(rng.choice([0.0, np.pi / 2]) + rng.normal(0.0, 0.35)),
        wall=float(rng.uniform(*WALL)),
    )


def simulate_view(
    texture: RgbImage,
    metres: float,
    rng: np.random.Generator,
    size: tuple[int, int] | None = None,
) -> RoomView:
    """Returns a room whose floor is laid with `texture`.

    Args:
        texture: uint8 (h, w, 3) sRGB, the floor from above; repeated by mirroring where it ends.
        metres: Width of the texture on the floor.
        rng: Decides everything else.
        size: (width, height) of the photo in pixels; by default one of the usual formats.
    """
    formats = ((640, 480), (480, 640), (640, 640), (720, 480), (500, 750), (290, 440), (440, 290))
    width, height = size or formats[int(rng.integers(len(formats)))]
    camera = draw_camera(rng)
    ground_x, ground_y, depth, floor = _ground(camera, width, height)
    # A photo with hardly any floor would teach nothing: look farther down until there is enough.
    while floor.mean() < 0.12:
        camera = replace(camera, pitch=camera.pitch + 0.1)
        ground_x, ground_y, depth, floor = _ground(camera, width, height)
    colour = _lay(texture, metres, camera, ground_x, ground_y, depth, rng)
    light = _light(floor, depth / camera.wall, rng)
    photo = np.where(floor[..., None], colour * light[..., None], _wall(width, height, rng))
    photo = _glare(photo, floor, rng)
    photo, mask = _clutter(photo, floor, rng)
    return RoomView(_develop(photo, rng), mask)


def _ground(
    camera: Camera, width: int, height: int
) -> tuple[FloatMap, FloatMap, FloatMap, NDArray[np.bool_]]:
    """Returns floor coordinates x, y and distance (m) of every pixel, and where floor is seen."""
    focal = 0.5 * max(width, height) / np.tan(camera.field / 2)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    u, v = (columns - width / 2) / focal, (rows - height / 2) / focal
    u, v = (
        u * np.cos(camera.roll) - v * np.sin(camera.roll),
        u * np.sin(camera.roll) + v * np.cos(camera.roll),
    )
    down = v * np.cos(camera.pitch) + np.sin(camera.pitch)
    ahead = np.cos(camera.pitch) - v * np.sin(camera.pitch)
    reach = camera.height / np.maximum(down, 1e-3)
    x, y = u * reach, ahead * reach
    floor = (down > 1e-3) & (y < camera.wall)
    return x.astype(np.float32), y.astype(np.float32), reach.astype(np.float32), floor


def _lay(
    texture: RgbImage,
    metres: float,
    camera: Camera,
    x: FloatMap,
    y: FloatMap,
    depth: FloatMap,
    rng: np.random.Generator,
) -> FloatMap:
    """Returns the texture seen on the floor, float32 (h, w, 3) in 0..255, without aliasing."""
    scale = texture.shape[1] / metres
    shift = rng.uniform(0, 10, 2)
    cos, sin = np.cos(camera.turn), np.sin(camera.turn)
    s = ((x * cos - y * sin + shift[0]) * scale).astype(np.float32)
    t = ((x * sin + y * cos + shift[1]) * scale).astype(np.float32)
    # Texels under one pixel grow with distance; between levels of a pyramid the nearest will do.
    focal = 0.5 * max(x.shape) / np.tan(camera.field / 2)
    texels = np.maximum(depth * scale / focal, 1.0)
    level = np.clip(np.rint(np.log2(texels) + 0.3), 0, 6).astype(np.int32)
    out = np.zeros((*x.shape, 3), np.float32)
    layer = texture
    for index in range(int(level.max()) + 1):
        here = level == index
        if here.any():
            factor = 0.5**index
            seen = cv2.remap(
                layer,
                _mirrored(s * factor, layer.shape[1]),
                _mirrored(t * factor, layer.shape[0]),
                cv2.INTER_LINEAR,
            )
            out[here] = seen[here]
        if min(layer.shape[:2]) < 4:
            break
        layer = np.asarray(cv2.pyrDown(layer), np.uint8)
    return out


def _mirrored(position: FloatMap, length: int) -> FloatMap:
    folded = np.mod(position, 2.0 * length)
    folded = np.minimum(folded, 2.0 * length - folded)
    return np.clip(folded, 0, length - 1).astype(np.float32)


def _light(floor: NDArray[np.bool_], far: FloatMap, rng: np.random.Generator) -> FloatMap:
    """Returns the light on the floor, float32 (h, w): slope, soft shadows, at times sunlight."""
    height, width = floor.shape
    across = np.linspace(-1, 1, width)[None, :]
    slope = 1 + rng.normal(0, 0.15) * across + rng.normal(0.1, 0.2) * np.clip(far, 0, 1)
    coarse = rng.normal(0, 1, (5, 5)).astype(np.float32)
    cloud = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    light = slope * np.exp(rng.uniform(0.03, 0.16) * cloud)
    if rng.random() < 0.3:
        patch = np.zeros((height, width), np.float32)
        corners = rng.uniform([0, 0.5], [1, 1], (4, 2)) * [width, height]
        hull = cv2.convexHull(corners.astype(np.int32))
        cv2.fillConvexPoly(patch, hull, 1.0)
        blur = float(rng.uniform(1, 8))
        light *= 1 + rng.uniform(-0.35, 0.5) * cv2.GaussianBlur(patch, (0, 0), blur)
    mean = float(light[floor].mean()) if floor.any() else 1.0
    exposure = float(np.exp(rng.normal(0.0, 0.18)))
    return np.asarray(np.clip(light / mean, 0.25, 2.5) * exposure, np.float32)


def _wall(width: int, height: int, rng: np.random.Generator) -> FloatMap:
    tone = rng.uniform(90, 250) * (1 + rng.normal(0, 0.06, 3))
    noise = cv2.resize(rng.normal(0, 12, (6, 6)).astype(np.float32), (width, height))
    return np.asarray(tone + noise[..., None], np.float32)


def _glare(photo: FloatMap, floor: NDArray[np.bool_], rng: np.random.Generator) -> FloatMap:
    """Returns the photo with the bright, upright reflection of a window on the floor, at times."""
    if rng.random() > 0.4 or not floor.any():
        return photo
    height, width = floor.shape
    top = int(np.flatnonzero(floor.any(axis=1))[0])
    sheen = np.zeros((height, width), np.float32)
    left = int(rng.uniform(-0.1, 0.9) * width)
    right = left + int(rng.uniform(0.1, 0.4) * width)
    bottom = top + int(rng.uniform(0.2, 0.8) * (height - top))
    cv2.rectangle(sheen, (left, top), (right, bottom), 1.0, -1)
    sheen = cv2.GaussianBlur(sheen, (0, 0), width * float(rng.uniform(0.01, 0.08)))
    strength = float(rng.uniform(0.1, 0.5)) * sheen * floor
    return np.asarray(photo + (255.0 - photo) * strength[..., None], np.float32)


def _clutter(
    photo: FloatMap, floor: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[FloatMap, NDArray[np.bool_]]:
    """Returns photo and floor mask with furniture-like shapes in front."""
    height, width = floor.shape
    photo, covered = photo.copy(), np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(0, 5))):
        colour = (rng.uniform(20, 240) * (1 + rng.normal(0, 0.2, 3))).clip(0, 255)
        x, y = rng.uniform(0, width), rng.uniform(0.4, 1.0) * height
        shape = np.zeros((height, width), np.uint8)
        if rng.random() < 0.5:
            axes = (int(rng.uniform(0.04, 0.2) * width), int(rng.uniform(0.03, 0.12) * height))
            cv2.ellipse(shape, (int(x), int(y)), axes, float(rng.uniform(-20, 20)), 0, 360, 1, -1)
        else:
            wide, tall = rng.uniform(0.02, 0.25) * width, rng.uniform(0.1, 0.4) * height
            cv2.rectangle(shape, (int(x), int(y - tall)), (int(x + wide), int(y)), 1, -1)
        photo[shape > 0] = colour
        covered |= shape
    return photo, floor & (covered == 0)


def _develop(photo: FloatMap, rng: np.random.Generator) -> RgbImage:
    """Returns what the camera makes of it: cast, contrast, saturation, softness, noise, JPEG."""
    # Light is warm or cold far more than it is green or pink.
    warm, tint = rng.uniform(-0.12, 0.12), rng.uniform(-0.04, 0.04)
    image = photo * np.array([1 + warm, 1 + tint, 1 - warm])
    grey = image.mean(axis=2, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.75, 1.25)
    image = 255.0 * np.clip(image / 255.0, 0, 1) ** rng.uniform(0.85, 1.18)
    image = 128 + (image - 128) * rng.uniform(0.9, 1.15)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.1)))
    image = image + rng.normal(0, rng.uniform(0.5, 4.0), image.shape)
    data = io.BytesIO()
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(data, "JPEG", quality=int(rng.integers(60, 95)))
    return np.asarray(Image.open(data))

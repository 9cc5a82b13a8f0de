"""Repaint the floor of a real room: another covering, its light kept, reflections, sun, rugs.

The floors of our labelled rooms are few and mostly dull; users' photos show dark, glossy, patterned
ones. So the covering inside the mask is replaced by a procedural texture laid on a plausible floor
plane, lit by the photo's own blurred luminance.

All pictures here are float32 RGB [H, W, 3] in 0..255, gamma-encoded; masks are bool [H, W].
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Texture = NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Plane:
    """Where each pixel lies on an imagined floor, in units of the picture's width.

    Attributes:
        x: float32 [H, W], to the right.
        z: float32 [H, W], away from the camera.
        horizon: The row (may lie far above the picture) at which z is infinite.
    """

    x: NDArray[np.float32]
    z: NDArray[np.float32]
    horizon: float


def guess_plane(rng: np.random.Generator, mask: Mask) -> Plane:
    """A floor plane whose horizon lies above the mask; a distant horizon means a steep view."""
    height, width = mask.shape
    rows = np.flatnonzero(mask.any(axis=1))
    top = float(rows[0]) if rows.size else height / 2
    reach = rng.choice([rng.uniform(0.04, 0.5), rng.uniform(0.5, 2.0), 20.0], p=[0.75, 0.2, 0.05])
    horizon = top - float(reach) * height
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    # The camera's height makes the depth at the bottom row about one picture width.
    depth = (height - horizon) / np.maximum(ys - horizon, 1.0)
    side = (xs - width * rng.uniform(0.2, 0.8)) / width * depth
    stretch = rng.uniform(0.6, 1.6)  # focal length and tilt are unknown
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)], p=[0.3, 0.3, 0.4])
    c, s = np.cos(angle), np.sin(angle)
    z = depth * stretch
    return Plane(
        np.asarray(c * side + s * z, np.float32), np.asarray(c * z - s * side, np.float32), horizon
    )


def lay_texture(rng: np.random.Generator, texture: Texture, plane: Plane) -> Image:
    """The texture seen on the plane; anti-aliased by picking a coarser copy where it is far."""
    side = texture.shape[0]
    scale = side * rng.uniform(0.5, 2.2)
    u = plane.x * scale + rng.uniform(0, side)
    v = plane.z * scale + rng.uniform(0, side)
    if rng.random() < 0.5:
        u, v = v, u
    # Texels per pixel, row by row.
    step = np.abs(np.diff(u, axis=1)).mean(axis=1) + np.abs(np.diff(v, axis=1)).mean(axis=1)
    level = np.clip(np.round(np.log2(np.maximum(step, 1.0))), 0, 5).astype(int)
    out = np.empty((*u.shape, 3), np.float32)
    for current in np.unique(level):
        rows = level == current
        factor = 2 ** int(current)
        coarse = cv2.resize(texture, (side // factor, side // factor), interpolation=cv2.INTER_AREA)
        out[rows] = cv2.remap(
            coarse,
            np.mod(u[rows], side).astype(np.float32) / factor,
            np.mod(v[rows], side).astype(np.float32) / factor,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return out


def shading(rng: np.random.Generator, image: Image, mask: Mask) -> NDArray[np.float32]:
    """float32 [H, W], about 1 on average over the mask: the light that lies on the floor.

    A normalised blur, so that walls do not bleed into it; the blur hides the old pattern.
    """
    weight = mask.astype(np.float32)
    luma = image @ _LUMA
    sigma = float(rng.uniform(2.0, 9.0))
    blurred = cv2.GaussianBlur(luma * weight, (0, 0), sigma) / (
        cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-3
    )
    mean = float(blurred[mask].mean()) + 1.0
    return np.asarray(np.clip(blurred / mean, 0.15, 3.0) ** rng.uniform(0.5, 1.1), np.float32)


def reflection(rng: np.random.Generator, image: Image, mask: Mask) -> Image:
    """What a polished floor would mirror: each column flipped about its floor's upper edge."""
    height, width = mask.shape
    first = np.where(mask.any(axis=0), mask.argmax(axis=0), height).astype(np.float32)
    edge = cv2.GaussianBlur(first[None], (0, 0), width / 24)[0]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    flipped = cv2.remap(
        image,
        xs,
        np.maximum(2 * edge[None] - ys, 0).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    sigma = float(rng.uniform(0.8, 7))
    return np.asarray(cv2.GaussianBlur(flipped, (0, 0), sigmaX=sigma, sigmaY=2 * sigma), np.float32)


def repaint(rng: np.random.Generator, image: Image, mask: Mask, texture: Texture) -> Image:
    """The room with the masked floor covered by ``texture``."""
    plane = guess_plane(rng, mask)
    covering = lay_texture(rng, texture, plane)
    old = float((image[mask] @ _LUMA).mean())
    # Between the texture's own tone and the exposure of the old floor.
    new = float((covering[mask] @ _LUMA).mean()) + 1.0
    gain = (max(old, 12.0) / new) ** rng.choice([0.0, 0.25, 0.6]) * rng.uniform(0.75, 1.25)
    covering = covering * shading(rng, image, mask)[:, :, None] * gain
    if rng.random() < 0.55:
        covering = gloss(rng, image, covering, mask, plane.horizon)
    return blend(image, covering, mask)


def gloss(
    rng: np.random.Generator, image: Image, covering: Image, mask: Mask, horizon: float
) -> Image:
    """Add the mirrored room to a floor, stronger towards the far end as Fresnel has it."""
    height = mask.shape[0]
    ys = np.arange(height, dtype=np.float32)[:, None, None]
    grazing = np.clip((height - ys) / max(height - max(horizon, 0.0), 1.0), 0, 1)
    amount = rng.uniform(0.05, 0.5) * (0.35 + 0.65 * grazing ** rng.uniform(0.5, 2))
    mirrored = reflection(rng, image, mask)
    if rng.random() < 0.5:  # additive: a coat of varnish
        return np.asarray(covering * (1 - 0.3 * amount) + amount * mirrored, np.float32)
    return np.asarray(covering * (1 - amount) + amount * mirrored, np.float32)


def blend(image: Image, covering: Image, mask: Mask) -> Image:
    """``covering`` inside the mask with an edge about a pixel soft."""
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[:, :, None]
    return np.asarray(image * (1 - alpha) + np.clip(covering, 0, 255) * alpha, np.float32)


def sunlight(rng: np.random.Generator, image: Image, mask: Mask) -> Image:
    """Bright or dark slanted panes over the whole picture: window light and its shadows."""
    height, width = mask.shape
    pane = np.zeros((height, width), np.float32)
    slant = rng.uniform(-0.9, 0.9)
    x, y = rng.uniform(0, width), rng.uniform(0.4, 1.0) * height
    wide, high = rng.uniform(0.06, 0.3) * width, rng.uniform(0.08, 0.4) * height
    for index in range(int(rng.integers(1, 6))):
        left = x + index * wide * rng.uniform(1.05, 1.4)
        corners = np.array(
            [
                [left, y],
                [left + wide, y],
                [left + wide + slant * high, y + high],
                [left + slant * high, y + high],
            ],
            np.int32,
        )
        cv2.fillPoly(pane, [corners], 1.0)
    pane = cv2.GaussianBlur(pane, (0, 0), float(rng.uniform(0.6, 5)))
    # Sun falls on the floor; a shadow may fall on anything.
    if rng.random() < 0.65:
        pane = pane * mask
        gain = 1 + pane[:, :, None] * rng.uniform(0.3, 1.6) * np.array([1.05, 1.0, 0.9])
    else:
        gain = 1 - pane[:, :, None] * rng.uniform(0.15, 0.6)
    return np.asarray(np.clip(image * gain, 0, 255), np.float32)


def add_rug(
    rng: np.random.Generator, image: Image, mask: Mask, texture: Texture
) -> tuple[Image, Mask]:
    """A rug on the floor; returns the picture and the rug's mask, which is floor no more."""
    plane = guess_plane(rng, mask)
    xs, zs = plane.x[mask], plane.z[mask]
    centre = int(rng.integers(xs.size))
    half_x = float(np.ptp(xs)) * rng.uniform(0.08, 0.35) + 1e-3
    half_z = float(np.ptp(zs)) * rng.uniform(0.08, 0.35) + 1e-3
    u = (plane.x - xs[centre]) / half_x
    v = (plane.z - zs[centre]) / half_z
    inside = (u * u + v * v < 1) if rng.random() < 0.25 else (np.abs(u) < 1) & (np.abs(v) < 1)
    inside &= mask
    if not inside.any():
        return image, inside
    side = texture.shape[0]
    covering = cv2.remap(
        texture,
        np.clip((u + 1) / 2 * side, 0, side - 1).astype(np.float32),
        np.clip((v + 1) / 2 * side, 0, side - 1).astype(np.float32),
        cv2.INTER_AREA,
    ).astype(np.float32)
    return blend(image, covering * shading(rng, image, mask)[:, :, None], inside), inside


def panel(rng: np.random.Generator, image: Image, free: Mask, texture: Texture) -> Image:
    """Floor-like covering where it is not floor: a wooden wall, a cabinet front, a table."""
    height, width = free.shape
    wide, high = rng.uniform(0.15, 0.8) * width, rng.uniform(0.15, 0.6) * height
    left, top = rng.uniform(-0.2, 0.9) * width, rng.uniform(-0.2, 0.6) * height
    box = np.zeros_like(free)
    box[max(int(top), 0) : int(top + high), max(int(left), 0) : int(left + wide)] = True
    box &= free
    if not box.any():
        return image
    zoom = rng.uniform(0.4, 1.2)
    size = (int(width / zoom) + 1, int(height / zoom) + 1)
    tile = np.tile(texture, (size[1] // texture.shape[0] + 1, size[0] // texture.shape[1] + 1, 1))
    covering = cv2.resize(
        tile[: size[1], : size[0]], (width, height), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    return blend(image, covering * shading(rng, image, box)[:, :, None], box)


def add_table(rng: np.random.Generator, image: Image, texture: Texture) -> tuple[Image, Mask]:
    """A table, floor-like on top: wooden and level, yet raised, edged and on legs.

    Returns the picture and the mask of the table, which is not floor. Without these the network
    takes any wood seen from above for a floor.
    """
    height, width = image.shape[:2]
    wide = rng.uniform(0.15, 0.6) * width
    deep = wide * rng.uniform(0.2, 0.8)
    x, y = rng.uniform(0.05, 0.95) * width, rng.uniform(0.45, 1.05) * height
    narrow = rng.uniform(0.55, 0.95)
    skew = rng.normal(0, 0.25) * wide
    quad = np.array(
        [
            [x - wide * narrow + skew, y - deep],
            [x + wide * narrow + skew, y - deep],
            [x + wide, y],
            [x - wide, y + rng.normal(0, 0.06) * wide],
        ],
        np.float32,
    )
    top = np.zeros((height, width), np.uint8)
    if rng.random() < 0.25:
        centre = (int(x), int(y - deep / 2))
        cv2.ellipse(top, centre, (int(wide), int(deep / 2)), 0, 0, 360, 1, -1)
    else:
        cv2.fillConvexPoly(top, quad.astype(np.int32), 1)
    thick = max(1, int(rng.uniform(0.01, 0.07) * height))
    edge = np.zeros_like(top)
    edge[thick:] = top[:-thick]
    edge |= top
    legs = np.zeros_like(top)
    leg = max(2, int(rng.uniform(0.01, 0.04) * width))
    for corner in quad[2:]:
        left = int(np.clip(corner[0] - leg / 2, x - wide, x + wide - leg))
        legs[max(int(corner[1]), 0) :, max(left, 0) : max(left + leg, 0)] = 1
    side = texture.shape[0]
    span = int(side * rng.uniform(0.3, 1.0))
    source = np.array([[0, 0], [span, 0], [span, span], [0, span]], np.float32)
    if rng.random() < 0.5:
        source = np.roll(source, 1, axis=0)
    lay = cv2.getPerspectiveTransform(source, quad)
    covering = cv2.warpPerspective(
        texture, lay, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
    ).astype(np.float32)
    light = float(image.mean()) / (float(covering.mean()) + 1)
    covering *= light ** rng.uniform(0, 0.7) * rng.uniform(0.7, 1.3)
    rows = np.linspace(rng.uniform(0.8, 1.3), rng.uniform(0.8, 1.3), height, dtype=np.float32)
    covering *= rows[:, None, None]
    tone = np.asarray(texture.reshape(-1, 3).mean(axis=0), np.float32) * rng.uniform(0.3, 0.8)
    body = (edge | legs).astype(bool)
    painted = np.where(top[:, :, None].astype(bool), covering, tone)
    return blend(image, np.asarray(painted, np.float32), body), body

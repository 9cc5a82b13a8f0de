"""The simulator of rooms: a floor texture on a plane under a camera, light, clutter, JPEG.

The geometry follows hand-held photographs of rooms: camera 1.1-1.7 m above the floor, pitched 12-35
degrees down, 50-75 degrees of view. Light, cast and glare are what sets a room's picture of a floor
apart from the product picture of the same floor. The random generator decides everything.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from floorlens.images.formats import PILLOW_FORMATS
from floorlens.products.boards import lay_boards

RgbImage = NDArray[np.uint8]
FloatMap = NDArray[np.float32]

#: How far the floor reaches before a wall stands on it, in metres.
WALL = (3.0, 7.5)
#: The usual photos, (width, height) in pixels.
SIZES = ((640, 480), (480, 640), (640, 640), (720, 480), (500, 750), (290, 440), (440, 290))
#: The least share of a photo that is floor: before furniture stands on it, and after.
EMPTY, FURNISHED = 0.12, 0.08
#: The coarsest level of the pyramid that the floor is sampled from.
LEVELS = 6
#: A metre of the nearest floor takes at most this share of a photo's longer side: the lowest, most
#: telescopic camera. A finer texture is not seen.
NEAREST = 0.9
#: Points of the floor that are sampled at a time: what is read and written stays in the cache.
POINTS = 1 << 14
#: Steps of the tone curve's table.
TONES = 4096


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


@dataclass(frozen=True)
class Light:
    """How far the light, what stands about and the camera may change the look of a floor.

    Attributes:
        slope: standard deviation of the light's change from the middle to the side, as a share.
        exposure: standard deviation of the logarithm of the exposure.
        warm, tint: red against blue, and green, gain or lose up to this share.
        channels: each channel by itself gains or loses up to this share.
        sun, glare: probability of sunlight or a shadow with an edge, and of a window's reflection.
        clutter: at most so many things stand in front of the floor.
        quality: JPEG quality, lowest and highest.
    """

    slope: float = 0.15
    exposure: float = 0.18
    # Light is warm or cold far more than it is green or pink.
    warm: float = 0.12
    tint: float = 0.04
    channels: float = 0.0
    sun: float = 0.3
    glare: float = 0.4
    clutter: int = 4
    quality: tuple[int, int] = (60, 95)


USUAL_LIGHT = Light()
STRONG_LIGHT = Light(
    slope=0.3,
    exposure=0.25,
    warm=0.0,
    tint=0.0,
    channels=0.12,
    sun=0.5,
    glare=0.6,
    clutter=6,
    quality=(40, 90),
)


def draw_camera(rng: np.random.Generator) -> Camera:
    """Returns a plausible camera.

    Example:
        >>> 1.1 <= draw_camera(np.random.default_rng(0)).height <= 1.7
        True
    """
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
    *,
    boards: bool = False,
    light: Light = USUAL_LIGHT,
) -> RoomView:
    """Returns a room whose floor is laid with `texture`.

    Args:
        texture: uint8 (h, w, 3) sRGB, the floor from above; repeated by mirroring where it ends.
        metres: Width of the texture on the floor; with `boards`, of the sheet laid from it.
        rng: Decides everything else.
        size: (width, height) of the photo in pixels; by default one of the usual formats.
        boards: The texture shows one board: lay a floor of such boards first (`lay_boards`).
        light: How far light and camera may go; `STRONG_LIGHT` is the hard case.

    Raises:
        ValueError: the texture is no such array or empty, or `metres` is not above 0.

    Example:
        >>> grey = np.full((64, 64, 3), 128, np.uint8)
        >>> room = simulate_view(grey, 2.0, np.random.default_rng(0), size=(96, 72))
        >>> room.rgb.shape, room.mask.shape
        ((72, 96, 3), (72, 96))
    """
    if texture.dtype != np.uint8 or texture.ndim != 3 or texture.shape[2] != 3 or not texture.size:
        raise ValueError(f"a texture is uint8 (h, w, 3), not {texture.dtype} {texture.shape}")
    if not 0 < metres < float("inf"):
        raise ValueError(f"the texture's width on the floor must be above 0 m, not {metres}")
    width, height = size or SIZES[int(rng.integers(len(SIZES)))]
    texture = _as_fine_as_seen(texture, metres, max(width, height))
    if boards:
        texture = lay_boards(texture, rng)
    camera = draw_camera(rng)
    x, y, depth, floor = _ground(camera, width, height)
    # A photo with hardly any floor would teach nothing: look farther down until there is enough.
    while floor.mean() < EMPTY:
        camera = replace(camera, pitch=camera.pitch + 0.1)
        x, y, depth, floor = _ground(camera, width, height)
    shift = rng.uniform(0, 10, 2)
    focal = 0.5 * max(width, height) / np.tan(camera.field / 2)
    colour = _lay(texture, metres, camera.turn, shift, x[floor], y[floor], depth[floor] / focal)
    colour *= _light(floor, depth / np.float32(camera.wall), rng, light)[floor][:, None]
    photo = _wall(width, height, rng)
    photo[floor] = colour
    _add_glare(photo, floor, rng, light)
    mask = _add_clutter(photo, floor, rng, light)
    return RoomView(_develop(photo, rng, light), mask)


def _as_fine_as_seen(texture: RgbImage, metres: float, longer_side: int) -> RgbImage:
    """Returns the texture, reduced to what a photo with this longer side shows of it."""
    texels = texture.shape[1] / metres / (NEAREST * longer_side)
    # By powers of two: the levels of the pyramid stay what they were.
    factor = 1 << int(np.log2(max(texels, 1.0)))
    if factor == 1:
        return texture
    return np.asarray(Image.fromarray(texture).reduce(factor))


def _ground(
    camera: Camera, width: int, height: int
) -> tuple[FloatMap, FloatMap, FloatMap, NDArray[np.bool_]]:
    """Returns floor coordinates x, y and distance (m) of every pixel, and where floor is seen."""
    focal = 0.5 * max(width, height) / np.tan(camera.field / 2)
    across = ((np.arange(width) + 0.5 - width / 2) / focal).astype(np.float32)[None, :]
    below = ((np.arange(height) + 0.5 - height / 2) / focal).astype(np.float32)[:, None]
    cos, sin = np.float32(np.cos(camera.roll)), np.float32(np.sin(camera.roll))
    u, v = across * cos - below * sin, across * sin + below * cos
    cos, sin = np.float32(np.cos(camera.pitch)), np.float32(np.sin(camera.pitch))
    down = v * cos + sin
    reach = camera.height / np.maximum(down, 1e-3)
    x, y = u * reach, (cos - v * sin) * reach
    return x, y, reach, (down > 1e-3) & (y < camera.wall)


def _lay(
    texture: RgbImage,
    metres: float,
    turn: float,
    shift: NDArray[np.float64],
    x: FloatMap,
    y: FloatMap,
    footprint: FloatMap,
) -> FloatMap:
    """Returns the texture at points of the floor, float32 (n, 3) in 0..255, without aliasing.

    Bilinear within the nearest level of a pyramid of box means (Williams, "Pyramidal parametrics",
    1983).

    Args:
        texture: uint8 (h, w, 3); its corner lies where x and y, turned, are -shift.
        metres: its width.
        turn: radians from x, y to the texture's own axes.
        shift: float64 (2,), metres.
        x, y: float32 (n,), metres.
        footprint: float32 (n,), metres of floor that one pixel of the photo is wide.
    """
    # numpy's own float64 scalars would make float64 of every array.
    scale = np.float32(texture.shape[1] / metres)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    texels = np.maximum(footprint * scale, 1.0)
    level = np.clip(np.rint(np.log2(texels) + 0.3), 0, LEVELS).astype(np.intp)
    flat, starts, widths, heights = _pyramid(texture, level)
    colours = np.empty((len(x), 3), np.float32)
    for start in range(0, len(x), POINTS):
        part = slice(start, start + POINTS)
        here = level[part]
        wide, tall, factor = widths[here], heights[here], (0.5**here).astype(np.float32)
        s = (x[part] * cos - y[part] * sin + np.float32(shift[0])) * scale
        t = (x[part] * sin + y[part] * cos + np.float32(shift[1])) * scale
        columns, across = _texel_positions(s, texture.shape[1], factor, wide)
        rows, down = _texel_positions(t, texture.shape[0], factor, tall)
        corner = starts[here] + rows * wide + columns
        # A level of one row or column has no neighbour: its weight is 0, and any texel will do.
        right, below = np.minimum(wide - 1, 1), np.where(tall > 1, wide, 0)
        upper = _mix(flat[corner], flat[corner + right], across)
        corner += below
        lower = _mix(flat[corner], flat[corner + right], across)
        lower -= upper
        lower *= down[:, None]
        upper += lower
        colours[part] = upper[:, :3]
    return colours


def _pyramid(
    texture: RgbImage, level: NDArray[np.intp]
) -> tuple[NDArray[np.uint32], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Returns texels of the levels that are asked for, RGBX as uint32, end on end, and for every
    level where it starts, its width and its height."""
    starts, widths, heights = np.zeros((3, LEVELS + 1), np.intp)
    layers: list[NDArray[np.uint32]] = []
    low, high = int(level.min()), int(level.max())
    layer, end = Image.fromarray(texture).reduce(2**low), 0
    for index in range(low, high + 1):
        if index > low:
            layer = layer.reduce(2)
        texels = np.frombuffer(layer.convert("RGBX").tobytes(), np.uint32)
        starts[index], widths[index], heights[index] = end, layer.width, layer.height
        layers.append(texels)
        end += len(texels)
    return np.concatenate(layers), starts, widths, heights


def _texel_positions(
    position: FloatMap, length: int, factor: FloatMap, size: NDArray[np.intp]
) -> tuple[NDArray[np.intp], FloatMap]:
    """Returns the texel before each position and the weight 0..1 of the one after it.

    Positions are in texels of the texture, whose first one reaches from 0 to 1; beyond `length`
    they are mirrored. `factor` and `size` are those of each position's level.
    """
    turns = position * float(0.5 / length)
    turns -= np.floor(turns)
    folded = (1.0 - np.abs(1.0 - 2.0 * turns)) * float(length)
    folded *= factor
    folded -= 0.5
    np.clip(folded, 0, (size - 1).astype(np.float32), out=folded)
    before = np.minimum(folded.astype(np.intp), np.maximum(size - 2, 0))
    return before, folded - before.astype(np.float32)


def _mix(first: NDArray[np.uint32], second: NDArray[np.uint32], weight: FloatMap) -> FloatMap:
    """Returns the mean of two lists of RGBX texels, float32 (n, 4)."""
    start = first.view(np.uint8).reshape(-1, 4).astype(np.float32)
    step = second.view(np.uint8).reshape(-1, 4) - start
    step *= weight[:, None]
    step += start
    return step


def _light(
    floor: NDArray[np.bool_], far: FloatMap, rng: np.random.Generator, strength: Light
) -> FloatMap:
    """Returns the light on the floor, float32 (h, w): slope, soft shadows, at times sunlight."""
    height, width = floor.shape
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    light = np.clip(far, 0, 1)
    light *= float(rng.normal(0.1, strength.slope + 0.05))
    light += 1.0 + float(rng.normal(0, strength.slope)) * across
    cloud = _smooth(rng.normal(0, 1, (5, 5)), width, height, Image.Resampling.BICUBIC)
    light *= np.exp(float(rng.uniform(0.03, 0.16)) * cloud)
    if rng.random() < strength.sun:
        corners = rng.uniform([0, 0.5], [1, 1], (4, 2)) * [width, height]
        patch = Image.new("L", (width, height))
        draw = ImageDraw.Draw(patch)
        # The four triangles of four points cover their convex hull.
        for corner in combinations([(float(a), float(b)) for a, b in corners], 3):
            draw.polygon(corner, fill=255)
        blur = float(rng.uniform(1, 8))
        light *= 1.0 + float(rng.uniform(-0.35, 0.5)) * _blur(patch, blur)
    mean = float(light[floor].mean()) if floor.any() else 1.0
    np.clip(light / max(mean, 1e-3), 0.25, 2.5, out=light)
    light *= float(np.exp(rng.normal(0.0, strength.exposure)))
    return light


def _wall(width: int, height: int, rng: np.random.Generator) -> FloatMap:
    tone = (rng.uniform(90, 250) * (1 + rng.normal(0, 0.06, 3))).astype(np.float32)
    noise = _smooth(rng.normal(0, 12, (6, 6)), width, height, Image.Resampling.BILINEAR)
    return noise[..., None] + tone


def _add_glare(
    photo: FloatMap, floor: NDArray[np.bool_], rng: np.random.Generator, strength: Light
) -> None:
    """Adds the bright, upright reflection of a window on the floor, at times."""
    if rng.random() > strength.glare or not floor.any():
        return
    height, width = floor.shape
    top = int(np.flatnonzero(floor.any(axis=1))[0])
    left = int(rng.uniform(-0.1, 0.9) * width)
    right = left + int(rng.uniform(0.1, 0.4) * width)
    bottom = top + int(rng.uniform(0.2, 0.8) * (height - top))
    sheen = Image.new("L", (width, height))
    ImageDraw.Draw(sheen).rectangle((left, top, right, bottom), fill=255)
    share = _blur(sheen, width * float(rng.uniform(0.01, 0.08)))
    share *= float(rng.uniform(0.1, 0.5))
    share *= floor
    photo += (255.0 - photo) * share[..., None]


def _add_clutter(
    photo: FloatMap, floor: NDArray[np.bool_], rng: np.random.Generator, strength: Light
) -> NDArray[np.bool_]:
    """Puts furniture-like shapes in front; returns the floor that stays visible, bool (h, w)."""
    height, width = floor.shape
    visible = floor
    for _ in range(int(rng.integers(0, strength.clutter + 1))):
        colour = (rng.uniform(20, 240) * (1 + rng.normal(0, 0.2, 3))).clip(0, 255)
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0.4, 1.0) * height)
        if rng.random() < 0.5:
            half = rng.uniform([0.04, 0.03], [0.2, 0.12]) * [width, height]
            turn = float(rng.uniform(-20, 20))
            angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
            outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * half @ _rotation(turn)
        else:
            wide, tall = rng.uniform([0.02, 0.1], [0.25, 0.4]) * [width, height]
            outline = np.array([[0, -tall], [wide, -tall], [wide, 0], [0, 0]])
        shape = Image.new("L", (width, height))
        points = [(float(a) + x, float(b) + y) for a, b in outline]
        ImageDraw.Draw(shape).polygon(points, fill=255)
        covered = np.asarray(shape) > 0
        rest = visible & ~covered
        # A shape that would hide nearly all of the floor is left out.
        if rest.mean() >= FURNISHED:
            visible = rest
            photo[covered] = colour
    return visible


def _rotation(degrees: float) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _develop(photo: FloatMap, rng: np.random.Generator, strength: Light) -> RgbImage:
    """Returns what the camera makes of it: cast, contrast, saturation, softness, noise, JPEG."""
    warm, tint = rng.uniform(-1, 1, 2) * [strength.warm, strength.tint]
    gains = np.array([1 + warm, 1 + tint, 1 - warm])
    gains *= 1 + rng.uniform(-1, 1, 3) * strength.channels
    # Cast and saturation are both linear in the colour: one 3 x 3 matrix.
    saturation = float(rng.uniform(0.75, 1.25))
    matrix = saturation * np.eye(3) + (1 - saturation) / 3
    image = photo @ (matrix * gains).T.astype(np.float32)
    image *= (TONES - 1) / 255
    np.clip(image, 0, TONES - 1, out=image)
    # A table costs a fifth of as many powers.
    curve = np.linspace(0, 1, TONES, dtype=np.float32) ** float(rng.uniform(0.85, 1.18))
    contrast = float(rng.uniform(0.9, 1.15))
    curve *= 255 * contrast
    curve += 128 * (1 - contrast)
    image = curve[np.rint(image, out=image).astype(np.uint16)]
    if rng.random() < 0.5:
        soft = Image.fromarray(_bytes(image)).filter(
            ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.1)))
        )
        image = np.asarray(soft, np.float32)
    noise = _noise(image.shape, rng)
    noise *= float(rng.uniform(0.5, 4.0))
    noise += image
    data = io.BytesIO()
    low, high = strength.quality
    Image.fromarray(_bytes(noise)).save(data, "JPEG", quality=int(rng.integers(low, high)))
    return np.asarray(Image.open(data, formats=PILLOW_FORMATS))


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> FloatMap:
    """Returns noise of mean 0 and standard deviation 1, next to normal: sums of four bytes."""
    count = int(np.prod(shape))
    total = np.frombuffer(rng.bytes(4 * count), np.uint8).reshape(4, count).sum(0, np.uint16)
    # A uniform byte has a variance of (256² - 1) / 12.
    noise: FloatMap = total.astype(np.float32)
    noise -= 4 * 127.5
    noise *= float(1 / np.sqrt(4 * (256**2 - 1) / 12))
    return noise.reshape(shape)


def _bytes(image: FloatMap) -> RgbImage:
    return np.asarray(np.clip(image + 0.5, 0, 255), np.uint8)


def _smooth(
    coarse: NDArray[np.float64], width: int, height: int, filtering: Image.Resampling
) -> FloatMap:
    """Returns a coarse grid enlarged to float32 (height, width)."""
    grid = Image.fromarray(coarse.astype(np.float32))
    return np.array(grid.resize((width, height), filtering))


def _blur(shape: Image.Image, sigma: float) -> FloatMap:
    """Returns the share, 0..1, of a shape in each pixel after a Gaussian blur: float32 (h, w)."""
    return np.asarray(shape.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / 255.0

"""Floors with drawings of their own: printed tiles, medallions, borders, flecks, knots.

They are what a floor has in place of badges and writing, so that the network learns the difference.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Rgb = NDArray[np.uint8]
Rng = np.random.Generator
Colour = tuple[int, int, int]


def draw_motif_floor(rng: Rng, side: int) -> Rgb:
    """Returns a floor with drawings, uint8 (side, side, 3) sRGB."""
    make = (
        *(_printed, _medallion, _border, _flecks, _dots, _chequered, _blots),
        *(_veins, _veins, _veins, _rug, _rug, _pebbles, _pebbles),
    )
    values = make[int(rng.integers(len(make)))](rng, side).astype(np.float32)
    return np.clip(_aged(values, rng), 0, 255).astype(np.uint8)


def add_knots(floor: Rgb, rng: Rng) -> Rgb:
    """Returns a floor with a few dark knots, as rustic boards have."""
    height, width = floor.shape[:2]
    shade = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(shade)
    for _ in range(int(rng.integers(1, 9))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        a, b = rng.uniform(0.008, 0.03, 2) * min(width, height)
        draw.ellipse((x - a * 2, y - b * 2, x + a * 2, y + b * 2), fill=110)
        draw.ellipse((x - a, y - b, x + a, y + b), fill=255)
    soft = cv2.GaussianBlur(np.asarray(shade, np.float32) / 255, (0, 0), 1.5)[..., None]
    dark = floor.astype(np.float32) * rng.uniform(0.2, 0.6)
    return np.clip(floor * (1 - soft) + dark * soft, 0, 255).astype(np.uint8)


def _palette(rng: Rng, count: int) -> list[Colour]:
    base = rng.uniform(30, 235, 3)
    muted = rng.uniform(0.2, 0.9)
    colours = []
    for _ in range(count):
        colour = rng.uniform(10, 245, 3)
        colour = colour.mean() + (colour - colour.mean()) * muted
        colour = colour * 0.75 + base * 0.25
        colours.append((int(colour[0]), int(colour[1]), int(colour[2])))
    if rng.random() < 0.4:
        colours[0] = (240, 238, 230)
    return colours


def _aged(values: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """Adds the unevenness of a real surface."""
    height, width = values.shape[:2]
    size = (width, height)
    for cells, most in ((6, 8.0), (40, 6.0), (width, 9.0)):
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        cloud = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
        values = values + cloud[..., None] * rng.uniform(0, most)
    if rng.random() < 0.5:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.3, 1.2))
    return values


def _quarter(rng: Rng, side: int, colours: list[Colour]) -> Image.Image:
    """A quarter of a motif."""
    image = Image.new("RGB", (side, side), colours[0])
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 7))):
        paint = colours[int(rng.integers(1, len(colours)))]
        kind = rng.random()
        x, y, reach = (float(v) * side for v in rng.uniform(0, 1, 3))
        box = (x - reach / 2, y - reach / 2, x + reach / 2, y + reach / 2)
        line = max(1, round(side * rng.uniform(0.03, 0.15)))
        if kind < 0.25:
            draw.ellipse(box, fill=paint)
        elif kind < 0.45:
            draw.ellipse(box, outline=paint, width=line)
        elif kind < 0.6:
            draw.line([(float(a), float(b)) for a, b in rng.uniform(0, side, (2, 2))], paint, line)
        else:
            places = rng.uniform(0, side, (int(rng.integers(3, 6)), 2))
            draw.polygon([(float(a), float(b)) for a, b in places], fill=paint)
    return image


def _motif(rng: Rng, side: int, colours: list[Colour]) -> NDArray[np.uint8]:
    """A tile's drawing, alike in its four quarters, mostly."""
    quarter = np.asarray(_quarter(rng, max(4, side // 2), colours))
    if rng.random() < 0.8:
        half = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
        whole = np.concatenate([half, half[::-1]])
    else:
        turned = [np.rot90(quarter, k) for k in range(4)]
        whole = np.concatenate(
            [np.concatenate(turned[:2], axis=1), np.concatenate([turned[3], turned[2]], axis=1)]
        )
    return np.asarray(Image.fromarray(np.ascontiguousarray(whole)).resize((side, side)))


def _tiled(rng: Rng, side: int, tiles: list[NDArray[np.uint8]], joint: Colour) -> NDArray[np.uint8]:
    tile_side = tiles[0].shape[0]
    count = side // tile_side + 3
    rows = [
        np.concatenate([tiles[int(rng.integers(len(tiles)))] for _ in range(count)], axis=1)
        for _ in range(count)
    ]
    sheet = np.concatenate(rows)
    line = int(rng.integers(0, max(2, tile_side // 18) + 1))
    if line:
        places = np.arange(sheet.shape[0]) % tile_side < line
        sheet[places], sheet[:, places] = joint, joint
    top, left = (int(v) for v in rng.integers(0, tile_side, 2))
    return np.ascontiguousarray(sheet[top : top + side, left : left + side])


def _printed(rng: Rng, side: int) -> NDArray[np.uint8]:
    """Cement tiles: one print, or a patchwork of several."""
    tile = round(side / rng.uniform(1.0, 9.0))
    count = 1 if rng.random() < 0.65 else int(rng.integers(2, 8))
    colours = _palette(rng, int(rng.integers(2, 5)))
    tiles = [_motif(rng, tile, colours) for _ in range(count)]
    return _tiled(rng, side, tiles, _palette(rng, 1)[0])


def _medallion(rng: Rng, side: int) -> NDArray[np.uint8]:
    """One large drawing on a quiet ground."""
    colours = _palette(rng, 4)
    sheet = np.full((side, side, 3), colours[0], np.uint8)
    size = round(side * rng.uniform(0.3, 0.9))
    motif = _motif(rng, size, colours)
    shape = Image.new("L", (size, size))
    draw = ImageDraw.Draw(shape)
    if rng.random() < 0.5:
        draw.ellipse((0, 0, size - 1, size - 1), fill=255)
    else:
        draw.polygon([(size / 2, 0), (size, size / 2), (size / 2, size), (0, size / 2)], fill=255)
    start = (side - size) // 2
    image = Image.fromarray(sheet)
    image.paste(Image.fromarray(motif), (start, start), shape)
    return np.asarray(image)


def _border(rng: Rng, side: int) -> NDArray[np.uint8]:
    """Lines and bands along the sides, as rugs, inlays and lined tiles have."""
    colours = _palette(rng, 4)
    image = Image.new("RGB", (side, side), colours[0])
    draw = ImageDraw.Draw(image)
    inset = 0.0
    for _ in range(int(rng.integers(1, 4))):
        inset += side * rng.uniform(0.02, 0.1)
        line = max(1, round(side * rng.uniform(0.01, 0.06)))
        box = (inset, inset, side - inset, side - inset)
        draw.rectangle(box, outline=colours[int(rng.integers(1, 4))], width=line)
        inset += line
    return np.asarray(image)


def _flecks(rng: Rng, side: int) -> NDArray[np.uint8]:
    """Terrazzo with sharp chips, few or many, small or large."""
    colours = _palette(rng, 5)
    image = Image.new("RGB", (side, side), colours[0])
    draw = ImageDraw.Draw(image)
    reach = side * float(np.exp(rng.uniform(np.log(0.006), np.log(0.06))))
    count = min(900, int(rng.uniform(0.05, 0.5) * (side / reach) ** 2 / 3))
    for _ in range(count):
        x, y = rng.uniform(0, side, 2)
        ends = int(rng.integers(3, 8))
        angles = np.sort(rng.uniform(0, 2 * np.pi, ends))
        sizes = reach * rng.uniform(0.4, 1.2, ends)
        points = [
            (float(x + r * np.cos(a)), float(y + r * np.sin(a)))
            for r, a in zip(sizes, angles, strict=True)
        ]
        draw.polygon(points, fill=colours[int(rng.integers(1, 5))])
    return np.asarray(image)


def _dots(rng: Rng, side: int) -> NDArray[np.uint8]:
    """A carpet with a small shape again and again."""
    colours = _palette(rng, 3)
    image = Image.new("RGB", (side, side), colours[0])
    draw = ImageDraw.Draw(image)
    step = side * rng.uniform(0.05, 0.3)
    reach = step * rng.uniform(0.1, 0.45)
    ends = int(rng.integers(3, 12))
    angles = np.arange(ends) * 2 * np.pi / ends
    sizes = reach * rng.uniform(0.4, 1, ends)
    for row in range(int(side / step) + 2):
        for column in range(int(side / step) + 2):
            x = (column + 0.5 * (row % 2)) * step
            y = row * step
            points = [
                (float(x + r * np.cos(a)), float(y + r * np.sin(a)))
                for r, a in zip(sizes, angles, strict=True)
            ]
            draw.polygon(points, fill=colours[1 + (row + column) % 2])
    return np.asarray(image)


def _chequered(rng: Rng, side: int) -> NDArray[np.uint8]:
    """Plain tiles of two or more colours, of one size or several."""
    colours = _palette(rng, int(rng.integers(2, 6)))
    if rng.random() < 0.5:
        colours[:2] = [(245, 245, 243), (25, 25, 27)]
    tile = round(side / rng.uniform(1.2, 12))
    tiles = [np.full((tile, tile, 3), colour, np.uint8) for colour in colours]
    if rng.random() < 0.5:
        count = side // tile + 3
        place = np.add.outer(np.arange(count), np.arange(count)) % len(tiles)
        sheet = np.array(colours, np.uint8)[place].repeat(tile, axis=0).repeat(tile, axis=1)
        top, left = (int(v) for v in rng.integers(0, tile, 2))
        return np.ascontiguousarray(sheet[top : top + side, left : left + side])
    return _tiled(rng, side, tiles, _palette(rng, 1)[0])


def _veins(rng: Rng, side: int) -> NDArray[np.uint8]:
    """Marble: veins that wander and branch, fine and broad, faint and plain, on a quiet ground."""
    pale = rng.random() < 0.7
    ground = (rng.uniform(205, 253) if pale else rng.uniform(15, 90)) + rng.normal(0, 6, 3)
    cells = int(rng.integers(3, 9))
    grid = rng.standard_normal((cells, cells)).astype(np.float32)
    cloud = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    values = ground + cloud[..., None] * rng.uniform(0, 9)
    way = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(1, 8))):
        ink = rng.uniform(20, 190, 3) if pale else rng.uniform(110, 245, 3)
        ink = ink.mean() + (ink - ink.mean()) * rng.uniform(0, 0.6)
        cover = np.zeros((side, side), np.uint8)
        _wander(cover, rng, rng.uniform(0, side, 2), way + rng.normal(0, 0.4), 3)
        soft = rng.uniform(0.3, 2.5) if rng.random() < 0.7 else rng.uniform(2.5, 12)
        alpha = cv2.GaussianBlur(cover.astype(np.float32) / 255, (0, 0), soft) * rng.uniform(0.3, 1)
        values = values * (1 - alpha[..., None]) + ink * alpha[..., None]
    return np.clip(values, 0, 255).astype(np.uint8)


def _wander(
    cover: NDArray[np.uint8], rng: Rng, start: NDArray[np.float64], way: float, branches: int
) -> None:
    """Draws a vein both ways from a place, and veins that leave it."""
    side = cover.shape[0]
    width = side * float(np.exp(rng.uniform(np.log(0.002), np.log(0.02))))
    unrest = rng.uniform(0.05, 0.5)
    for turn in (0.0, np.pi):
        at, heading, drift = start.copy(), way + turn, 0.0
        for _ in range(int(rng.integers(10, 70))):
            drift = 0.8 * drift + rng.normal(0, unrest)
            step = side * rng.uniform(0.01, 0.03)
            to = at + step * np.array([np.cos(heading + drift), np.sin(heading + drift)])
            line = max(1, round(width * rng.uniform(0.4, 1.6)))
            ends = (int(at[0]), int(at[1])), (int(to[0]), int(to[1]))
            cv2.line(cover, *ends, int(rng.integers(120, 256)), line, cv2.LINE_AA)
            at = to
            if branches and rng.random() < 0.025:
                _wander(cover, rng, at, heading + rng.normal(0, 0.8), branches - 1)


def _rug(rng: Rng, side: int) -> NDArray[np.uint8]:
    """A rug or a kilim: borders of small drawings, and a field or a medallion."""
    colours = _palette(rng, 5)
    sheet = np.full((side, side, 3), colours[0], np.uint8)
    inset = 0
    for _ in range(int(rng.integers(1, 4))):
        band = round(side * rng.uniform(0.03, 0.12))
        tile = _motif(rng, max(6, band), [colours[int(k)] for k in rng.integers(0, 5, 3)])
        size = side - 2 * inset
        if size < 3 * band:
            break
        count = size // tile.shape[0] + 1
        field = np.tile(tile, (count, count, 1))[:size, :size]
        sheet[inset : inset + size, inset : inset + size] = field
        inset += band
        inner = side - 2 * inset
        sheet[inset : inset + inner, inset : inset + inner] = colours[int(rng.integers(5))]
    inner = side - 2 * inset
    if rng.random() < 0.5:
        tile = _motif(rng, max(8, round(inner / rng.uniform(1, 14))), colours)
        count = inner // tile.shape[0] + 1
        field = np.tile(tile, (count, count, 1))[:inner, :inner]
    else:
        field = _motif(rng, inner, colours)
    sheet[inset : inset + inner, inset : inset + inner] = field
    return sheet


def _pebbles(rng: Rng, side: int) -> NDArray[np.uint8]:
    """Cobbles, crazy paving or pebbles: cells of their own tone in joints, perhaps rounded."""
    reach = side * float(np.exp(rng.uniform(np.log(0.02), np.log(0.16))))
    count = max(4, int((side / reach) ** 2))
    seeds = np.full((side, side), 255, np.uint8)
    places = rng.integers(0, side, (count, 2))
    seeds[places[:, 0], places[:, 1]] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    base, spread = rng.uniform(40, 210), rng.uniform(5, 60)
    tint = rng.normal(0, 12, 3)
    tones = (
        base
        + tint
        + rng.normal(0, spread, (int(labels.max()) + 1, 1))
        + rng.normal(0, 8, (int(labels.max()) + 1, 3))
    )
    values = tones[labels]
    edge = cv2.morphologyEx(labels.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    line = max(1, round(reach * rng.uniform(0.02, 0.2)))
    joint = cv2.dilate(edge.astype(np.uint8), np.ones((line, line), np.uint8)) > 0
    if rng.random() < 0.5:
        joint |= distance > reach * rng.uniform(0.45, 0.8)
    values[joint] = rng.uniform(20, 235) + tint
    if rng.random() < 0.5:
        values -= (distance / reach * rng.uniform(0, 40))[..., None]
    return np.clip(values, 0, 255).astype(np.uint8)


def _blots(rng: Rng, side: int) -> NDArray[np.uint8]:
    """Soft-edged shapes of several tones: cowhide, abstract carpets, onyx."""
    colours = np.array(_palette(rng, 4), np.float32)
    cells = int(rng.integers(3, 14))
    grid = rng.standard_normal((cells, cells)).astype(np.float32)
    field = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    levels = np.digitize(field, np.quantile(field, np.sort(rng.uniform(0.1, 0.9, 3))))
    return colours[levels].astype(np.uint8)

"""Small things that stand about in a lived-in room; each is built in a frame of its own.

`build_extras(extras)` puts them where the scenes say: only the samples have them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import bpy
import numpy as np

from training.synthesis.rooms import materials as mat
from training.synthesis.rooms.shapes import box, lathe, soft_box, surface, tube
from training.synthesis.rooms.shapes import frame as new_frame
from training.synthesis.rooms.shell import Shell, wall_frame
from training.synthesis.rooms.studio import Item
from training.synthesis.wood import Colour

Frame: TypeAlias = bpy.types.Object
At: TypeAlias = tuple[float, float, float]


def twigs(f: Frame, at: At, height: float = 0.5, seed: int = 0, count: int = 6) -> None:
    """Leafy twigs standing in a vase whose mouth is at `at`."""
    rng = np.random.default_rng(seed)
    bark, green = mat.plain((104, 86, 62), 0.7), mat.leaf((104, 122, 74))
    for number in range(count):
        turn, lean = number * 2.4 + rng.uniform(-0.4, 0.4), rng.uniform(0.15, 0.45)
        tall = height * rng.uniform(0.7, 1.0)
        c, s = math.cos(turn), math.sin(turn)

        def along(
            t: float, c: float = c, s: float = s, lean: float = lean, tall: float = tall
        ) -> At:
            out = lean * tall * t**1.6
            return at[0] + c * out, at[1] + s * out, at[2] - 0.05 + (tall + 0.05) * t

        tube(f, [along(0.0), along(0.5), along(1.0)], 0.0022, bark)
        for k in range(9):
            foot = along(0.3 + 0.7 * k / 8)
            _leaf(f, foot, turn + (1 if k % 2 else -1) * 1.1 + rng.uniform(-0.5, 0.5),
                  0.055 * rng.uniform(0.7, 1.2), rng.uniform(-0.2, 0.9), green)  # fmt: skip


def _leaf(
    f: Frame, foot: At, turn: float, length: float, lift: float, material: bpy.types.Material
) -> None:
    c, s = math.cos(turn), math.sin(turn)

    def blade(a: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        side = (a - 0.5) * length * 0.5 * np.sin(np.pi * t**0.8)
        up = length * t * (lift - 0.4 * t)
        return (
            foot[0] + c * length * t - s * side,
            foot[1] + s * length * t + c * side,
            foot[2] + up,
        )

    surface(f, blade, (2, 6), material)


def mug(f: Frame, at: At, colour: Colour = (226, 220, 208)) -> None:
    """A mug with a handle."""
    glaze = mat.plain(colour, 0.3)
    lathe(f, [(0, 0), (0.036, 0), (0.04, 0.006), (0.041, 0.09), (0.037, 0.09), (0.036, 0.01),
              (0, 0.008)], at, glaze)  # fmt: skip
    ear = [(at[0] + 0.038, at[1], at[2] + 0.075), (at[0] + 0.066, at[1], at[2] + 0.065),
           (at[0] + 0.062, at[1], at[2] + 0.03), (at[0] + 0.038, at[1], at[2] + 0.022)]  # fmt: skip
    tube(f, ear, 0.0055, glaze)


def fruit(f: Frame, at: At, bowl: Colour = (214, 206, 192), seed: int = 0) -> None:
    """A bowl of oranges and lemons."""
    rng = np.random.default_rng(seed)
    lathe(f, [(0, 0), (0.06, 0), (0.07, 0.01), (0.12, 0.045), (0.145, 0.085), (0.14, 0.087),
              (0.11, 0.05), (0, 0.018)], at, mat.plain(bowl, 0.35))  # fmt: skip
    for k in range(7):
        turn, ring = k * 2 * math.pi / 6, 0.0 if k == 6 else 0.072
        size = 0.036 * rng.uniform(0.9, 1.1)
        tone: Colour = ((226, 132, 44), (232, 192, 70), (196, 62, 44))[k % 3]
        place = (at[0] + ring * math.cos(turn), at[1] + ring * math.sin(turn),
                 at[2] + (0.115 if k == 6 else 0.075))  # fmt: skip
        soft_box(f, (2 * size, 2 * size, 1.9 * size), place, mat.plain(tone, 0.42), 1.0)


def laptop(f: Frame, at: At) -> None:
    """An open laptop whose screen looks along -y."""
    shell, dark = mat.plain((172, 173, 176), 0.35, 0.8), mat.plain((16, 18, 22), 0.15)
    box(f, (0.31, 0.215, 0.014), (at[0], at[1], at[2] + 0.008), shell, 0.005)
    box(f, (0.27, 0.09, 0.001), (at[0], at[1] + 0.03, at[2] + 0.0155), dark, 0)
    lid = (at[0], at[1] + 0.145, at[2] + 0.112)
    box(f, (0.31, 0.006, 0.21), lid, shell, 0.002, (-18, 0, 0))
    box(f, (0.292, 0.002, 0.188), (lid[0], lid[1] - 0.004, lid[2]), dark, 0, (-18, 0, 0))


def towels(f: Frame, at: At, tones: Sequence[Colour], width: float = 0.3) -> None:
    """Folded towels on each other."""
    for number, tone in enumerate(tones):
        place = (at[0], at[1], at[2] + 0.03 + 0.055 * number)
        cloth = mat.cloth(tone, 2.0)
        soft_box(f, (width - 0.012 * number, 0.22, 0.06), place, cloth, 0.3, (0, 0, 4 * number))


def basket(f: Frame, colour: Colour = (172, 136, 92), radius: float = 0.2, seed: int = 0) -> None:
    """A woven basket with a blanket in it."""
    straw = mat.plain(colour, 0.8, name="cloth")
    tall, rows = radius * 1.5, 14

    def side(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weave = np.sin(s * 2 * np.pi * 30 + np.pi * np.floor(t * rows)) * np.sin(
            np.pi * t * rows % np.pi
        )
        r = radius * (0.82 + 0.2 * np.sin(np.pi * (0.2 + 0.55 * t))) + 0.005 * weave
        return r * np.cos(s * 2 * np.pi), r * np.sin(s * 2 * np.pi), t * tall

    surface(f, side, (180, rows * 6), straw, wrap=True)
    soft_box(f, (radius * 1.7, radius * 1.7, radius * 0.8), (0, 0, tall - 0.04),
             mat.cloth((214, 206, 190), 2.0), 0.7)  # fmt: skip


def tiles(
    f: Frame, width: float, low: float, high: float, colour: Colour = (232, 231, 226),
    size: tuple[float, float] = (0.15, 0.075),
) -> None:  # fmt: skip
    """Glazed wall tiles from x = 0 to `width`, between two heights."""
    material = mat.plain(colour, 0.12, name="tiles")
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    place, brick = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeTexBrick")
    first, second = colour, tuple(max(0, channel - 9) for channel in colour)
    brick.inputs["Color1"].default_value = mat.linear(first)
    brick.inputs["Color2"].default_value = mat.linear((second[0], second[1], second[2]))
    brick.inputs["Mortar"].default_value = mat.linear((176, 172, 164))
    brick.inputs["Scale"].default_value = 1.0
    brick.inputs["Mortar Size"].default_value = 0.0018
    brick.inputs["Brick Width"].default_value, brick.inputs["Row Height"].default_value = size
    turn = tree.nodes.new("ShaderNodeMapping")
    turn.inputs["Rotation"].default_value = (math.radians(-90), 0, 0)
    tree.links.new(place.outputs["Object"], turn.inputs["Vector"])
    tree.links.new(turn.outputs["Vector"], brick.inputs["Vector"])
    tree.links.new(brick.outputs["Color"], shader.inputs["Base Color"])
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = 0.6, 0.002
    bump.invert = True
    tree.links.new(brick.outputs["Fac"], bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    box(f, (width, 0.008, high - low), (width / 2, -0.004, (low + high) / 2), material, 0.001)


def hob(f: Frame, at: At) -> None:
    """A glass hob, and a pot on it."""
    box(f, (0.58, 0.5, 0.006), (at[0], at[1], at[2] + 0.003), mat.plain((18, 18, 20), 0.08), 0.002)
    steel = mat.plain((190, 190, 188), 0.25, 1.0)
    pot = [(0, 0.008), (0.1, 0.008), (0.105, 0.014), (0.105, 0.13), (0.108, 0.134), (0.1, 0.14),
           (0.03, 0.15), (0.012, 0.155), (0.02, 0.175), (0, 0.18)]  # fmt: skip
    lathe(f, pot, (at[0] - 0.13, at[1] + 0.06, at[2]), steel)


_THINGS: dict[str, Callable[..., None]] = {
    builder.__name__: builder for builder in (twigs, mug, fruit, laptop, towels, basket, tiles, hob)
}


def build_extras(shell: Shell, extras: Sequence[Item]) -> None:
    """Build the things in the room that stands."""
    for item in extras:
        place = new_frame(item.kind, (item.x, -item.y if item.wall else item.y, 0.0), item.turn)
        if item.wall is not None:
            place.parent = wall_frame(shell, item.wall)
        _THINGS[item.kind](place, **item.options)

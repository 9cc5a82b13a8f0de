"""Batches of patches: which ones, how they are cut and under what light.

Batch n of a run depends on the run's seed and on n alone, so that a resumed run goes on as if it
had never stopped, on whatever machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.matching.light import BLURRED, SLOPE, Lights, draw_lights, relit, roughened
from training.matching.pack import ROOM, SIDE, SIMULATED, SWATCH, Pack

#: Side of the patches that the network is trained on, in pixels.
CROP = 128
#: Share of the products in a batch that have a real room; and of those, how often it is shown.
REAL_SHARE, REAL_ROOM = 0.5, 0.75
#: Patches of a product from a swatch and from a room.
FROM_SWATCH, FROM_ROOM = 2, 2
#: A crop's longer side as a share of the patch, the logarithm of its aspect, its turn in radians.
CROPS, ASPECT, TURN = (0.62, 1.0), 0.3, 0.12
#: How often a room's patch is turned by a right angle; a swatch lies any way.
ROOM_TURNED = 0.1


@dataclass(frozen=True)
class Plan:
    """A batch before it is cut; N patches of P pictures.

    Attributes:
        patches: int64 (N,), places in the pack.
        label: int64 (N,), which of the classes each shows.
        room: int64 (N,), 0 for patches of swatches and 1 for those of rooms.
        picture: int64 (N,), 0..P-1.
        affine: float32 (N, 2, 3), from the crop to the patch, both in -1..1.
        lights: P of them.
        slopes: float32 (N, 2), the light's change across each patch.
        blurred: bool (N,).
        seed: of the noise.
    """

    patches: NDArray[np.int64]
    label: NDArray[np.int64]
    room: NDArray[np.int64]
    picture: NDArray[np.int64]
    affine: NDArray[np.float32]
    lights: Lights
    slopes: NDArray[np.float32]
    blurred: NDArray[np.bool_]
    seed: int


class Drawer:
    """Plans batches from those pictures of a pack that may be used.

    Args:
        pack: the set.
        pictures: int (m,), the pictures that may be used.
        products: products to a batch.
        seed: decides every batch.
    """

    def __init__(self, pack: Pack, pictures: NDArray[np.intp], products: int, seed: int) -> None:
        self._products, self._seed = products, seed
        self._starts = np.searchsorted(pack.picture, np.arange(len(pack.label) + 1))
        names = np.unique(pack.label[pictures])
        #: Names of the classes, in order.
        self.labels: list[str] = pack.labels[names].tolist()
        places = {int(name): place for place, name in enumerate(names)}
        self._of: list[dict[int, list[int]]] = [{} for _ in names]
        for picture in pictures:
            sides = self._of[places[int(pack.label[picture])]]
            sides.setdefault(int(pack.side[picture]), []).append(int(picture))
        # One picture alone says nothing of what may change.
        counts = [sum(map(len, sides.values())) for sides in self._of]
        usable = [place for place, count in enumerate(counts) if count > 1]
        real = {place for place in usable if {ROOM, SWATCH} <= self._of[place].keys()}
        self._real = np.array(sorted(real), np.intp)
        self._other = np.array(sorted(set(usable) - real), np.intp)

    def classes_with_rooms(self) -> int:
        """Returns how many classes have both a swatch and a real room."""
        return len(self._real)

    def plan(self, step: int) -> Plan:
        """Returns batch number `step`."""
        rng = np.random.default_rng([self._seed, step])
        patches: list[int] = []
        label: list[int] = []
        room: list[int] = []
        picture: list[int] = []
        count = 0
        for place in self._choose(rng):
            for side, number, wanted in self._pictures(int(place), rng):
                cut = self._patches(number, wanted, rng)
                patches += cut
                label += [int(place)] * len(cut)
                room += [int(side != SWATCH)] * len(cut)
                picture += [count] * len(cut)
                count += 1
        rooms = np.array(room, np.int64)
        return Plan(
            patches=np.array(patches, np.int64),
            label=np.array(label, np.int64),
            room=rooms,
            picture=np.array(picture, np.int64),
            affine=_crops(rooms, rng),
            lights=draw_lights(count, rng),
            slopes=rng.normal(0, SLOPE, (len(patches), 2)).astype(np.float32),
            blurred=rng.random(len(patches)) < BLURRED,
            seed=int(rng.integers(2**31)),
        )

    def sample(self, each: int, seed: int) -> tuple[NDArray[np.int64], ...]:
        """Returns up to `each` patches of every class and side: places, classes, rooms (0 or 1)."""
        rng = np.random.default_rng([seed, 1 << 20])
        rows: list[tuple[int, int, int]] = []
        for place, sides in enumerate(self._of):
            for room, kinds in enumerate(((SWATCH,), (ROOM, SIMULATED))):
                numbers = [number for kind in kinds for number in sides.get(kind, [])]
                found = [patch for number in numbers for patch in self._range(number)]
                chosen = rng.permutation(found)[:each]
                rows += [(int(patch), place, room) for patch in chosen]
        patches, label, rooms = np.array(rows, np.int64).T
        return patches, label, rooms

    def _choose(self, rng: np.random.Generator) -> NDArray[np.intp]:
        wanted = round(self._products * REAL_SHARE)
        real = min(len(self._real), wanted if len(self._other) else self._products)
        other = min(len(self._other), self._products - real)
        return np.concatenate(
            [
                rng.choice(self._real, real, replace=False),
                rng.choice(self._other, other, replace=False),
            ]
        )

    def _pictures(self, place: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
        """Returns (side, picture, how many patches) of the pictures that show a product."""
        sides = self._of[place]
        rooms = [side for side in (ROOM, SIMULATED) if side in sides]
        chosen: list[tuple[int, int]] = [(SWATCH, FROM_SWATCH)] if SWATCH in sides else []
        if len(rooms) == 2:
            chosen.append((rooms[int(rng.random() >= REAL_ROOM)], FROM_ROOM))
        elif rooms:
            chosen.append((rooms[0], FROM_ROOM))
        if len(chosen) == 1:
            chosen *= 2
        return [(side, int(rng.choice(sides[side])), wanted) for side, wanted in chosen]

    def _range(self, picture: int) -> range:
        return range(int(self._starts[picture]), int(self._starts[picture + 1]))

    def _patches(self, picture: int, wanted: int, rng: np.random.Generator) -> list[int]:
        there = self._range(picture)
        chosen = rng.choice(len(there), min(wanted, len(there)), replace=False)
        return [there[int(number)] for number in chosen]


def _crops(room: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Returns float32 (N, 2, 3): crops of random size, aspect, place and turn, some mirrored."""
    count = len(room)
    side = rng.uniform(*CROPS, count)
    aspect = np.exp(rng.uniform(-ASPECT, ASPECT, count))
    wide, tall = side * np.minimum(aspect, 1), side * np.minimum(1 / aspect, 1)
    quarter = rng.integers(0, 4, count) * ((room == 0) | (rng.random(count) < ROOM_TURNED))
    turn = rng.uniform(-TURN, TURN, count) + quarter * np.pi / 2
    mirrored = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    cos, sin = np.cos(turn), np.sin(turn)
    affine = np.zeros((count, 2, 3))
    affine[:, 0, 0], affine[:, 0, 1] = cos * wide * mirrored, -sin * tall
    affine[:, 1, 0], affine[:, 1, 1] = sin * wide * mirrored, cos * tall
    reach = np.abs(affine[:, :, :2]).sum(axis=2)
    room_left = np.maximum(1 - reach, 0)
    affine[:, :, 2] = rng.uniform(-1, 1, (count, 2)) * room_left
    return affine.astype(np.float32)


class Store:
    """The patches of a pack as tensors: read one by one, or all of them once, on a device.

    Args:
        pack: the set.
        device: where batches are made.
        whole: keep every patch there: 77 kB each; worth it where steps are short.
    """

    def __init__(self, pack: Pack, device: torch.device, whole: bool = False) -> None:
        self._pack, self.device = pack, device
        self._all: Tensor | None = None
        if whole:
            self._all = torch.empty((len(pack), SIDE, SIDE, 3), dtype=torch.uint8, device=device)
            for start in range(0, len(pack), 2048):
                rows = np.arange(start, min(start + 2048, len(pack)))
                self._all[start : start + len(rows)] = torch.from_numpy(pack.decoded(rows))

    def raw(self, patches: NDArray[np.int64]) -> Tensor:
        """Returns uint8 [N, `SIDE`, `SIDE`, 3] sRGB."""
        if self._all is not None:
            return self._all[torch.from_numpy(patches).to(self.device)]
        return torch.from_numpy(self._pack.decoded(patches)).to(self.device)

    def cut(self, plan: Plan) -> Tensor:
        """Returns the batch as it is planned: sRGB float32 [N, `CROP`, `CROP`, 3] in 0..255."""
        device = self.device
        pixels = self.raw(plan.patches).permute(0, 3, 1, 2).float() / 255
        shape = [len(pixels), 3, CROP, CROP]
        grid = torch.nn.functional.affine_grid(
            torch.from_numpy(plan.affine).to(device), shape, align_corners=False
        )
        cut = torch.nn.functional.grid_sample(
            pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        slopes = torch.from_numpy(plan.slopes).to(device)
        cut = relit(cut, plan.lights, torch.from_numpy(plan.picture).to(device), slopes)
        generator = torch.Generator(device).manual_seed(plan.seed)
        noise = torch.randn(cut.shape, generator=generator, device=device)
        cut = roughened(cut, torch.from_numpy(plan.blurred).to(device), noise)
        return 255 * cut.permute(0, 2, 3, 1)

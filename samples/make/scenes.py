"""The sample rooms as data: which product lies where, in what light, among which things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samples.make.catalogue import ASH, BEECH, LIGHT_OAK, NATURAL_OAK, SMOKED_OAK, WALNUT
from training.synthesis.rooms.shell import Door, Opening, Shell, Side
from training.synthesis.rooms.studio import Camera, Item, Light, Room


@dataclass(frozen=True)
class Picture:
    """One sample photograph: a room and the product on its floor."""

    room: Room
    product: str
    layout_seed: int
    extras: tuple[Item, ...] = ()  # things of `samples.make.things`
    balance: float = 0.25  # how much of the light's colour the camera takes away


def put(kind: str, x: float, y: float = 0.0, turn: float = 0.0, **options: Any) -> Item:
    """A thing standing on the floor."""
    return Item(kind, x, y, turn, None, options)


def hang(kind: str, wall: Side, x: float, out: float = 0.0, **options: Any) -> Item:
    """A thing on a wall, `x` metres along it and `out` metres off it."""
    return Item(kind, x, out, 0.0, wall, options)


OVERCAST = Light(sky=(216, 224, 232), sky_strength=3.5)
MORNING = Light(sun=15.0, sun_from=(70.0, 32.0), sun_colour=(255, 232, 204), sky_strength=3.5)
AFTERNOON = Light(sun=15.0, sun_from=(-62.0, 30.0), sun_colour=(255, 226, 190), sky_strength=3.5)
DUSK = Light(sky=(66, 86, 130), ground=(50, 56, 70), sky_strength=0.25)

_LIVING = Room(
    "living-oak-sun",
    Shell(
        5.2, 5.4, 2.65, wall=(231, 226, 216), accents=(("back", (208, 203, 190)),),
        openings=(
            Opening("left", 1.3, 1.5, 0.35, 1.95, (2, 1), 90),
            Opening("left", 3.3, 1.5, 0.35, 1.95, (2, 1), 90),
        ),
    ),
    Camera((3.55, 0.35, 1.45), (2.35, 4.2, 0.62), 66),
    (
        put("sofa", 2.75, 4.75, 0, colour=(156, 150, 140), seats=3, width=2.4,
            cushions=((186, 124, 86), (88, 104, 104), (222, 214, 198)), throw=(206, 190, 164)),
        put("coffee_table", 2.6, 3.45, 4, wood=WALNUT),
        put("rug", 2.65, 3.75, 0, yarns=((96, 106, 112), (118, 126, 130), (80, 88, 96)),
            size=(2.3, 1.5), band=(206, 196, 176)),
        put("vase", 2.42, 3.48, at=(0, 0, 0.388), height=0.24, seed=3),
        put("book_stack", 2.85, 3.42, at=(0, 0, 0.388), seed=4, count=3),
        put("plant", 0.5, 4.85, height=1.65, seed=2, pot=(186, 176, 160)),
        put("floor_lamp", 4.45, 4.85),
        put("armchair", 4.45, 3.1, -62, colour=(170, 112, 72), hide=True, wood=NATURAL_OAK),
        hang("framed", "back", 2.2, seed=3, size=(0.56, 0.78), z=1.62),
        hang("framed", "back", 2.95, seed=1, size=(0.56, 0.78), z=1.62),
        hang("curtain", "left", 0.92, 0.09, width=0.42, height=2.5, colour=(214, 204, 186)),
        hang("curtain", "left", 4.78, 0.09, width=0.45, height=2.5, colour=(214, 204, 186), seed=2),
    ),
    MORNING, exposure=0.1,
)  # fmt: skip

_DINING = Room(
    "dining-herringbone-honey",
    Shell(
        4.8, 5.6, 2.8, wall=(226, 224, 216), accents=(("right", (122, 136, 126)),),
        openings=(
            Opening("back", 0.9, 1.35, 0.0, 2.25, (2, 3), 150),
            Opening("back", 2.7, 1.35, 0.0, 2.25, (2, 3), 150),
        ),
    ),
    Camera((0.95, 0.3, 1.55), (2.75, 3.9, 0.5), 68),
    (
        put("dining_table", 2.85, 3.3, 90, wood=LIGHT_OAK, size=(1.9, 0.92)),
        put("chair", 2.1, 2.85, 90, wood=WALNUT, seat=(84, 90, 84)),
        put("chair", 2.1, 3.65, 86, wood=WALNUT, seat=(84, 90, 84)),
        put("chair", 3.6, 2.85, -88, wood=WALNUT, seat=(84, 90, 84)),
        put("chair", 3.62, 3.7, -92, wood=WALNUT, seat=(84, 90, 84)),
        put("chair", 2.75, 1.92, 172, wood=WALNUT, seat=(84, 90, 84)),
        put("pendant", 2.85, 2.9, z=1.62, ceiling=2.8, colour=(60, 60, 58)),
        put("pendant", 2.85, 3.7, z=1.62, ceiling=2.8, colour=(60, 60, 58)),
        put("vase", 2.85, 3.15, at=(0, 0, 0.75), height=0.26, seed=8),
        put("vase", 2.95, 3.4, at=(0, 0, 0.75), height=0.15, seed=11),
        hang("sideboard", "right", 2.1, 0.24, wood=WALNUT, width=1.7),
        hang("framed", "right", 2.1, seed=2, size=(0.9, 0.7), z=1.55),
        hang("table_lamp", "right", 1.5, 0.24, z=0.72, watts=7),
        hang("book_stack", "right", 2.6, 0.24, at=(0, 0, 0.72), seed=16, count=3),
        put("plant", 0.45, 5.1, height=1.5, seed=5),
        hang("curtain", "back", 0.45, 0.1, width=0.5, height=2.62, colour=(222, 214, 200)),
        hang("curtain", "back", 4.05, 0.1, width=0.5, height=2.62, colour=(222, 214, 200), seed=4),
    ),
    OVERCAST, exposure=0.1,
)  # fmt: skip

_BEDROOM = Room(
    "bedroom-walnut-evening",
    Shell(
        4.4, 4.9, 2.6, wall=(206, 194, 178), accents=(("back", (120, 108, 98)),),
        openings=(Opening("right", 1.0, 1.4, 0.8, 1.4, (2, 1), 6),),
    ),
    Camera((0.55, 0.4, 1.5), (2.35, 3.3, 0.42), 68),
    (
        put("bed", 2.35, 3.7, 0, wood=None, head=(150, 126, 108), cover=(226, 218, 206),
            blanket=(140, 88, 66)),
        put("nightstand", 1.2, 4.6, wood=WALNUT),
        put("nightstand", 3.5, 4.6, wood=WALNUT),
        put("table_lamp", 1.2, 4.6, z=0.53, watts=16),
        put("table_lamp", 3.5, 4.6, z=0.53, watts=16),
        put("pendant", 2.3, 1.2, z=2.15, ceiling=2.6, watts=34, colour=(214, 200, 178)),
        put("rug", 0.55, 3.6, 90, yarns=((196, 180, 160), (214, 200, 182), (180, 164, 144)),
            size=(1.9, 0.8)),
        hang("framed", "back", 1.95, seed=4, size=(0.5, 0.66), z=1.7),
        hang("framed", "back", 2.7, seed=5, size=(0.5, 0.66), z=1.7),
        hang("sideboard", "left", 4.1, 0.23, wood=SMOKED_OAK, width=1.0, doors=2),
        hang("curtain", "right", 0.55, 0.1, width=0.5, height=2.45, colour=(150, 126, 108)),
        hang("curtain", "right", 2.4, 0.1, width=0.5, height=2.45, colour=(150, 126, 108), seed=3),
        put("armchair", 3.85, 1.55, -120, colour=(196, 182, 160), wood=WALNUT),
    ),
    DUSK, exposure=-0.5,
)  # fmt: skip

_KITCHEN = Room(
    "kitchen-star-tiles",
    Shell(
        4.2, 4.6, 2.7, wall=(238, 235, 228),
        openings=(Opening("left", 2.2, 1.6, 1.05, 1.25, (2, 1), 170),),
        doors=(Door("right", 1.0, colour=(206, 208, 198)),),
    ),
    Camera((2.9, 0.25, 1.5), (1.85, 3.3, 0.5), 66),
    (
        put("kitchen", 2.1, 4.28, 0, front=(74, 92, 98), width=4.1, top=(232, 228, 220)),
        put("round_table", 1.25, 2.2, top=(224, 214, 196), radius=0.5, base=(58, 56, 54)),
        put("shell_chair", 1.25, 1.42, 172, colour=(232, 228, 220)),
        put("shell_chair", 1.95, 2.55, -68, colour=(206, 168, 92)),
        put("vase", 1.2, 2.25, at=(0, 0, 0.74), height=0.22, seed=9),
        put("plant", 0.4, 3.5, height=1.1, seed=7, broad=False, pot=(176, 112, 82)),
        put("pendant", 1.25, 2.2, z=1.75, ceiling=2.7, colour=(226, 222, 212), radius=0.24),
        hang("framed", "right", 2.5, seed=8, size=(0.5, 0.64), z=1.5),
    ),
    OVERCAST, exposure=0.4,
)  # fmt: skip

_STUDY = Room(
    "study-silver-oak",
    Shell(
        4.6, 4.8, 2.6, wall=(224, 226, 226), accents=(("back", (92, 106, 116)),),
        openings=(Opening("right", 1.2, 2.2, 0.7, 1.6, (3, 1), 190),),
    ),
    Camera((0.8, 0.3, 1.6), (2.5, 3.6, 0.5), 66),
    (
        hang("bookshelf", "back", 0.85, 0.17, wood=ASH, width=1.1, height=2.05, seed=21),
        hang("bookshelf", "back", 1.96, 0.17, wood=ASH, width=1.1, height=2.05, seed=22),
        put("dining_table", 3.75, 2.85, 90, wood=ASH, size=(1.5, 0.72), seed=9),
        put("shell_chair", 3.0, 2.8, 96, colour=(58, 60, 62), leg=(170, 140, 104)),
        put("table_lamp", 3.85, 3.4, z=0.75, base=(66, 70, 74), watts=7),
        put("book_stack", 3.75, 2.5, at=(0, 0, 0.75), seed=6, count=4),
        put("armchair", 3.3, 4.05, -24, colour=(190, 140, 66), wood=ASH),
        put("side_table", 2.55, 3.95),
        put("vase", 2.55, 3.95, at=(0, 0, 0.52), height=0.2, seed=14),
        put("plant", 4.2, 4.4, height=1.45, seed=11),
        hang("framed", "back", 3.35, seed=7, size=(0.6, 0.8), z=1.62),
    ),
    OVERCAST, exposure=0.1,
)  # fmt: skip

_HALL = Room(
    "hall-chevron",
    Shell(
        3.4, 5.8, 2.85, wall=(214, 214, 204), skirting_height=0.16,
        panelling=("left", "back", "right"),
        openings=(Opening("left", 2.3, 1.0, 0.9, 1.6, (2, 3), 120),),
        doors=(Door("back", 1.9, height=2.15, colour=(58, 70, 66)),),
    ),
    Camera((1.35, 0.25, 1.5), (1.75, 4.2, 0.7), 62),
    (
        hang("sideboard", "right", 2.2, 0.24, wood=NATURAL_OAK, width=1.35, doors=3),
        hang("mirror", "right", 2.2, 0.01, radius=0.42, z=1.66),
        hang("vase", "right", 1.85, 0.22, at=(0, 0, 0.72), height=0.34, seed=15),
        hang("table_lamp", "right", 2.65, 0.22, z=0.72, watts=9),
        put("plant", 0.5, 5.2, height=1.7, seed=13, pot=(70, 68, 66)),
        hang("framed", "back", 0.95, seed=9, size=(0.6, 0.85), z=1.75),
        put("rug", 1.75, 4.7, 0, yarns=((70, 82, 86), (92, 104, 106), (114, 124, 124)),
            size=(1.3, 0.8), band=(206, 196, 176)),
    ),
    MORNING, exposure=0.65,
    size=(768, 1024),
)  # fmt: skip

_LOUNGE = Room(
    "lounge-ebony",
    Shell(
        5.4, 5.2, 2.9, wall=(236, 234, 229), skirting_height=0.14,
        openings=(
            Opening("right", 1.1, 1.2, 0.1, 2.4, (2, 3), 110),
            Opening("right", 2.9, 1.2, 0.1, 2.4, (2, 3), 110),
        ),
    ),
    Camera((1.25, 0.3, 1.4), (2.95, 4.1, 0.52), 68),
    (
        put("sofa", 2.9, 4.55, 0, colour=(226, 220, 208), seats=2, width=2.1, legs=(30, 28, 27),
            cushions=((64, 84, 80), (196, 160, 92))),
        put("rug", 2.85, 3.3, 0, yarns=((212, 208, 200), (228, 225, 218), (198, 194, 186)),
            size=(2.2, 1.6), rounded=True),
        put("round_table", 2.75, 3.25, top=(58, 46, 38), radius=0.42, height=0.4,
            base=(48, 44, 40)),
        put("vase", 2.68, 3.3, at=(0, 0, 0.4), height=0.2, seed=17),
        put("arc_lamp", 4.5, 4.6),
        put("armchair", 1.1, 3.6, 66, colour=(64, 84, 80), wood=SMOKED_OAK),
        put("plant", 0.55, 4.75, height=1.6, seed=17, pot=(52, 50, 48)),
        hang("framed", "back", 2.9, seed=6, size=(1.1, 0.8), z=1.7, edge=(36, 34, 33)),
        hang("curtain", "right", 0.75, 0.1, width=0.42, height=2.72, colour=(226, 222, 212)),
        hang("curtain", "right", 4.1, 0.1, width=0.42, height=2.72, colour=(226, 222, 212), seed=5),
    ),
    AFTERNOON, exposure=0.1,
)  # fmt: skip

_BATH = Room(
    "bath-terrazzo",
    Shell(
        3.6, 4.2, 2.6, wall=(226, 228, 224), accents=(("back", (150, 164, 158)),),
        openings=(Opening("left", 2.0, 1.1, 1.0, 1.2, (1, 1), 150),),
    ),
    Camera((2.75, 0.2, 1.55), (1.6, 3.1, 0.42), 66),
    (
        put("tub", 1.55, 3.4, 0),
        put("stool", 2.75, 3.0, 12, wood=LIGHT_OAK, height=0.46),
        put("plant", 3.1, 3.75, height=1.3, seed=19, pot=(212, 206, 196)),
        put("plant", 0.35, 3.85, height=0.9, seed=23, broad=False),
        hang("mirror", "back", 2.55, 0.01, radius=0.34, z=1.6),
        put("rug", 1.5, 2.5, 0, yarns=((222, 216, 206), (236, 231, 222), (208, 202, 190)),
            size=(1.0, 0.6)),
    ),
    OVERCAST, exposure=0.5, size=(864, 1024),
)  # fmt: skip

_OFFICE = Room(
    "office-wool-pebble",
    Shell(
        5.0, 5.0, 2.7, wall=(234, 232, 227), accents=(("left", (178, 152, 126)),),
        openings=(Opening("back", 0.8, 3.2, 0.6, 1.75, (4, 1), 300),),
    ),
    Camera((4.1, 0.3, 1.6), (2.2, 3.7, 0.45), 70),
    (
        put("dining_table", 2.2, 3.55, 0, wood=BEECH, size=(2.4, 1.0), seed=13),
        put("shell_chair", 1.5, 2.8, 176, colour=(70, 86, 96), leg=(60, 58, 56)),
        put("shell_chair", 2.4, 2.75, 190, colour=(70, 86, 96), leg=(60, 58, 56)),
        put("shell_chair", 1.6, 4.35, 4, colour=(70, 86, 96), leg=(60, 58, 56)),
        put("shell_chair", 2.8, 4.35, -6, colour=(70, 86, 96), leg=(60, 58, 56)),
        put("pendant", 1.6, 3.55, z=1.7, ceiling=2.7, colour=(206, 120, 84)),
        put("pendant", 2.8, 3.55, z=1.7, ceiling=2.7, colour=(206, 120, 84)),
        put("book_stack", 2.7, 3.5, at=(0, 0, 0.75), seed=12, count=3),
        hang("sideboard", "left", 2.6, 0.24, wood=BEECH, width=1.8, front=(232, 230, 224)),
        hang("framed", "left", 2.3, seed=11, size=(0.6, 0.8), z=1.55),
        hang("framed", "left", 3.1, seed=13, size=(0.6, 0.8), z=1.55),
        put("plant", 4.5, 4.5, height=1.6, seed=29),
    ),
    OVERCAST, exposure=0.45,
)  # fmt: skip

_SEASIDE = Room(
    "bedroom-whitewashed-sun",
    Shell(
        4.6, 5.0, 2.6, wall=(240, 238, 232), accents=(("back", (196, 210, 212)),),
        openings=(Opening("left", 1.5, 1.5, 0.5, 1.7, (2, 1), 110),
                  Opening("left", 3.4, 1.0, 0.5, 1.7, (1, 1), 80)),
        beams=(214, 206, 192),
    ),
    Camera((3.95, 0.35, 1.55), (2.35, 3.6, 0.35), 66),
    (
        put("bed", 2.75, 3.85, 0, wood=LIGHT_OAK, head=(216, 208, 194), cover=(240, 237, 230),
            blanket=(112, 140, 150)),
        put("nightstand", 1.6, 4.72, wood=LIGHT_OAK),
        put("table_lamp", 1.6, 4.72, z=0.53, base=(112, 140, 150), watts=6),
        put("armchair", 0.75, 3.2, 60, colour=(216, 206, 188), wood=LIGHT_OAK),
        put("plant", 0.45, 4.6, height=1.35, seed=31, broad=False),
        hang("framed", "back", 2.4, seed=10, size=(0.46, 0.6), z=1.65, edge=(206, 190, 164)),
        hang("framed", "back", 3.05, seed=7, size=(0.46, 0.6), z=1.65, edge=(206, 190, 164)),
        hang("curtain", "left", 1.2, 0.08, width=0.6, height=2.35, thin=True),
        hang("curtain", "left", 2.9, 0.08, width=0.45, height=2.35, thin=True, seed=3),
    ),
    MORNING, exposure=1.3, size=(768, 1024),
)  # fmt: skip

_TERRACE = Room(
    "garden-room-terracotta",
    Shell(
        4.6, 4.8, 2.7, wall=(238, 228, 210), skirting=(214, 196, 170), beams=(112, 84, 60),
        openings=(Opening("back", 0.7, 1.4, 0.0, 2.2, (2, 3), 130, (74, 86, 80)),
                  Opening("back", 2.5, 1.4, 0.0, 2.2, (2, 3), 130, (74, 86, 80))),
    ),
    Camera((3.7, 0.3, 1.5), (2.0, 3.6, 0.4), 66),
    (
        put("armchair", 1.5, 3.4, 38, colour=(222, 210, 186), wood=SMOKED_OAK),
        put("armchair", 3.2, 3.7, -36, colour=(222, 210, 186), wood=SMOKED_OAK),
        put("side_table", 2.3, 3.5, colour=(72, 84, 78)),
        put("vase", 2.3, 3.5, at=(0, 0, 0.52), height=0.2, seed=19),
        put("plant", 0.5, 4.2, height=1.8, seed=37, pot=(176, 112, 82)),
        put("plant", 0.55, 3.2, height=1.0, seed=41, pot=(214, 200, 178), broad=False),
        put("plant", 4.15, 4.3, height=1.4, seed=43, pot=(176, 112, 82)),
        hang("framed", "left", 2.2, seed=12, size=(0.6, 0.8), z=1.5),
    ),
    Light(sun=13.0, sun_from=(160.0, 34.0), sun_colour=(255, 230, 200), sky_strength=3.5),
    exposure=0.3,
)  # fmt: skip

_SALON = Room(
    "salon-herringbone-walnut",
    Shell(
        5.0, 5.6, 2.9, wall=(222, 216, 204), skirting_height=0.16, panelling=("back", "right"),
        openings=(Opening("left", 1.3, 1.2, 0.2, 2.3, (2, 3), 60),
                  Opening("left", 3.2, 1.2, 0.2, 2.3, (2, 3), 60)),
        doors=(Door("back", 3.7, height=2.2, colour=(222, 216, 204)),),
    ),
    Camera((3.9, 0.35, 1.3), (2.1, 4.3, 0.55), 66),
    (
        put("sofa", 1.95, 4.95, 0, colour=(66, 82, 78), seats=2, width=2.0,
            cushions=((206, 164, 96), (196, 186, 170))),
        put("coffee_table", 2.0, 3.75, 0, wood=SMOKED_OAK, size=(1.0, 0.56)),
        put("book_stack", 2.2, 3.75, at=(0, 0, 0.388), seed=18, count=3),
        put("vase", 1.8, 3.8, at=(0, 0, 0.388), height=0.2, seed=19),
        put("armchair", 3.85, 3.7, -70, colour=(190, 150, 110), hide=True, wood=WALNUT),
        put("floor_lamp", 0.6, 4.95, watts=40),
        put("floor_lamp", 4.4, 4.5, watts=34),
        put("plant", 3.3, 5.15, height=1.3, seed=47),
        hang("framed", "back", 1.95, seed=14, size=(0.9, 0.7), z=1.75, edge=(150, 118, 72)),
        hang("curtain", "left", 0.85, 0.1, width=0.45, height=2.7, colour=(122, 110, 92)),
        hang("curtain", "left", 4.4, 0.1, width=0.45, height=2.7, colour=(122, 110, 92), seed=7),
    ),
    Light(sky=(120, 140, 176), ground=(70, 74, 78), sky_strength=0.5), exposure=-0.4,
)  # fmt: skip

PICTURES: tuple[Picture, ...] = (
    Picture(_LIVING, "oak-natural-plank", 101, (
        put("twigs", 2.42, 3.48, at=(0, 0, 0.62), seed=1), put("mug", 2.7, 3.6, at=(0, 0, 0.388)),
        put("basket", 4.2, 4.3),
    )),
    Picture(_DINING, "oak-honey-herringbone", 102, (
        put("twigs", 2.85, 3.15, at=(0, 0, 1.0), height=0.6, seed=2, count=8),
        put("fruit", 2.85, 3.75, at=(0, 0, 0.75)),
    )),
    Picture(_BEDROOM, "walnut-plank", 103, (
        put("mug", 1.34, 4.48, at=(0, 0, 0.53), colour=(92, 104, 116)),
        put("towels", 2.5, 2.9, at=(0, 0, 0.60), tones=((206, 190, 164),), width=0.5),
    ), balance=0.6),
    Picture(_KITCHEN, "cement-star-blue", 104, (
        hang("tiles", "back", 0.0, width=4.2, low=0.89, high=1.505),
        put("twigs", 1.2, 2.25, at=(0, 0, 0.95), height=0.5, seed=3), hang("hob", "back", 2.9, 0.32,
        at=(0, 0, 0.89)), hang("fruit", "back", 1.75, 0.36, at=(0, 0, 0.89)),
        hang("mug", "back", 3.9, 0.3, at=(0, 0, 0.89), colour=(206, 168, 92)),
        hang("towels", "back", 0.9, 0.3, at=(0, 0, 0.885), tones=((222, 214, 200), (92, 116, 130))),
    )),
    Picture(_STUDY, "oak-silver-plank", 105, (
        put("laptop", 3.72, 2.86, -90, at=(0, 0, 0.75)), put("mug", 3.62, 3.16, at=(0, 0, 0.75)),
    )),
    Picture(_HALL, "oak-light-chevron", 106, (
        hang("twigs", "right", 1.85, 0.22, at=(0, 0, 1.06), height=0.55, seed=5),
        hang("basket", "right", 3.3, 0.3),
    )),
    Picture(_LOUNGE, "oak-ebony-plank", 107, (
        put("twigs", 2.68, 3.3, at=(0, 0, 0.6), height=0.45, seed=6),
        put("mug", 2.92, 3.12, at=(0, 0, 0.4)),
    )),
    Picture(_BATH, "terrazzo-grigio", 108, (
        hang("tiles", "back", 0.0, width=3.6, low=0.09, high=1.2, size=(0.2, 0.1)),
        hang("tiles", "right", 0.0, width=4.2, low=0.09, high=1.2, size=(0.2, 0.1)),
        put("towels", 2.75, 3.0, 12, at=(0, 0, 0.48), tones=((232, 228, 220), (196, 158, 132)),
            width=0.27),
    )),
    Picture(_OFFICE, "wool-loop-pebble", 109, (
        put("laptop", 1.5, 3.3, at=(0, 0, 0.75)), put("laptop", 2.8, 3.85, 180, at=(0, 0, 0.75)),
        put("mug", 1.85, 3.32, at=(0, 0, 0.75)), put("mug", 2.45, 3.75, at=(0, 0, 0.75)),
    )),
    Picture(_SEASIDE, "oak-whitewashed-plank", 110, (
        put("towels", 2.75, 3.0, at=(0, 0, 0.60), tones=((226, 220, 208),), width=0.55),
        put("mug", 1.74, 4.6, at=(0, 0, 0.53)),
    )),
    Picture(_TERRACE, "terracotta-hexagon", 111, (
        put("twigs", 2.3, 3.5, at=(0, 0, 0.72), seed=9), put("mug", 2.42, 3.42, at=(0, 0, 0.52)),
    )),
    Picture(_SALON, "walnut-herringbone", 112, (
        put("twigs", 1.8, 3.8, at=(0, 0, 0.588), height=0.45, seed=10),
        put("mug", 2.0, 3.6, at=(0, 0, 0.388)),
    )),
)  # fmt: skip

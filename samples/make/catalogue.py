"""The sample catalogue as data: forty-one invented products, several of them near neighbours.

Names and prices are made up. Every look is a `FloorDesign`, so a room can show more boards of the
same product than its catalogue picture does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.synthesis.carpet import Carpet
from training.synthesis.design import FloorDesign
from training.synthesis.layouts import Layout
from training.synthesis.stone import Motif, Stone, Terrazzo
from training.synthesis.wood import Wood


@dataclass(frozen=True)
class Product:
    """One row of `products.csv` and the design behind its picture."""

    id: str
    title: str
    material: str
    price: float  # euros a square metre
    colour: str
    finish: str
    design: FloorDesign
    view_mm: float = 1400.0  # side of the square its picture shows

    @property
    def layout_seed(self) -> int:
        """The cut shown in the catalogue; rooms use other ones."""
        return 1


# Woods. Near neighbours share a species and differ in tone, grading or format.
NATURAL_OAK = Wood(
    (190, 153, 110), (150, 109, 70), pore=(134, 98, 66), knot=(74, 54, 40), contrast=0.42,
    fibre=0.5, pores=0.45, ring=5.0, cathedral=0.6, knots=0.06, knot_size=9, tones=0.16,
    hues=0.15, streaks=0.35,
)  # fmt: skip
HONEY_OAK = replace(
    NATURAL_OAK, base=(188, 137, 82), grain=(142, 91, 46), pore=(122, 78, 42), contrast=0.5,
    ring=6.0, tones=0.2,
)  # fmt: skip
LIGHT_OAK = replace(
    NATURAL_OAK, base=(206, 177, 140), grain=(174, 139, 101), pore=(160, 128, 94), contrast=0.36,
    tones=0.12,
)  # fmt: skip
WHITE_OAK = Wood(
    (216, 205, 188), (190, 175, 155), pore=(232, 226, 214), knot=(150, 132, 114), contrast=0.35,
    fibre=0.5, pores=0.7, ring=4.5, cathedral=0.55, knots=0.08, knot_size=10, tones=0.14,
    hues=0.05, streaks=0.4,
)  # fmt: skip
LIMED_OAK = replace(
    NATURAL_OAK, base=(181, 160, 134), grain=(150, 128, 104), pore=(226, 218, 204), pores=0.95,
    contrast=0.3, tones=0.15,
)  # fmt: skip
RUSTIC_OAK = replace(
    HONEY_OAK, base=(182, 138, 90), grain=(138, 95, 55), knots=0.5, knot_size=17, cracks=0.6,
    knot=(52, 36, 25), tones=0.28, streaks=0.6,
)  # fmt: skip
SMOKED_OAK = Wood(
    (104, 80, 60), (70, 51, 38), pore=(52, 38, 28), knot=(36, 27, 21), contrast=0.42, fibre=0.5,
    pores=0.5, ring=5.0, cathedral=0.6, knots=0.12, knot_size=12, tones=0.25, hues=0.2, streaks=0.5,
)  # fmt: skip
EBONY_OAK = Wood(
    (56, 49, 44), (33, 28, 25), pore=(24, 21, 19), knot=(18, 15, 13), contrast=0.5, fibre=0.6,
    pores=0.5, ring=5.5, cathedral=0.6, knots=0.03, knot_size=9, tones=0.2, hues=0.1, streaks=0.5,
)  # fmt: skip
SILVER_OAK = Wood(
    (163, 157, 148), (124, 117, 108), pore=(104, 98, 90), knot=(82, 76, 69), contrast=0.4,
    fibre=0.7, pores=0.5, ring=4.5, cathedral=0.55, knots=0.1, knot_size=11, tones=0.2, hues=0.1,
    streaks=0.6,
)  # fmt: skip
DRIFT_OAK = replace(
    SILVER_OAK, base=(139, 127, 113), grain=(100, 88, 76), pore=(82, 72, 62), knot=(60, 52, 45),
    contrast=0.5, tones=0.34, streaks=0.9, hues=0.25, knots=0.3, cracks=0.4,
)  # fmt: skip
WALNUT = Wood(
    (116, 83, 60), (70, 47, 33), pore=(58, 39, 28), knot=(40, 27, 20), contrast=0.6, fibre=0.5,
    pores=0.3, ring=8.0, cathedral=0.7, knots=0.03, tones=0.26, hues=0.3, streaks=0.7,
    sap=(156, 124, 92), sapwood=0.1,
)  # fmt: skip
DARK_WALNUT = replace(
    WALNUT, base=(88, 60, 45), grain=(50, 33, 25), tones=0.18, sapwood=0.0, hues=0.15
)
ASH = Wood(
    (214, 192, 160), (176, 146, 110), pore=(168, 138, 104), knot=(120, 92, 68), contrast=0.55,
    fibre=0.4, pores=0.35, ring=7.5, cathedral=0.75, knots=0.0, tones=0.14, hues=0.1, streaks=0.3,
)  # fmt: skip
HICKORY = Wood(
    (158, 112, 74), (112, 72, 46), pore=(92, 60, 40), knot=(50, 35, 26), contrast=0.45, fibre=0.5,
    pores=0.3, ring=5.5, cathedral=0.6, knots=0.2, knot_size=11, tones=0.5, hues=0.35, streaks=0.7,
    sap=(212, 178, 134), sapwood=0.28, two_tone=0.2,
)  # fmt: skip
BEECH = Wood(
    (207, 165, 128), (182, 134, 98), pore=(168, 120, 86), knot=(120, 84, 60), contrast=0.25,
    fibre=0.6, pores=0.6, ring=6.0, cathedral=0.4, knots=0.0, tones=0.32, hues=0.3, streaks=0.3,
)  # fmt: skip
MERBAU = Wood(
    (128, 72, 46), (88, 46, 30), pore=(70, 38, 26), knot=(50, 28, 20), contrast=0.4, fibre=0.6,
    pores=0.5, ring=6.5, cathedral=0.4, knots=0.0, tones=0.32, hues=0.25, streaks=0.5,
)  # fmt: skip


def _plank(width: float, length: float, **extra: float) -> Layout:
    return Layout("plank", width, length, extra.get("joint", 0.9), extra.get("bevel", 2.0),
                  random_length=extra.get("random", 0.0))  # fmt: skip


def _wood(
    seed: int, stem: str, title: str, material: str, price: float, colour: str, finish: str,
    family: str, layout: Layout, wood: Wood, view_mm: float = 1400.0, gloss: float = 0.4,
) -> Product:  # fmt: skip
    # A joint is a shadow, so it takes the grain's hue at less than half its light.
    joint = tuple(round(channel * 0.45) for channel in wood.grain)
    design = FloorDesign(
        family, stem, layout, wood, (joint[0], joint[1], joint[2]), 0.8, gloss, seed
    )
    return Product(stem, title, material, price, colour, finish, design, view_mm)


def _mineral(
    seed: int, stem: str, title: str, material: str, price: float, colour: str, finish: str,
    family: str, layout: Layout, surface: Stone | Terrazzo | Motif | Carpet,
    joint: tuple[int, int, int], view_mm: float, gloss: float,
) -> Product:  # fmt: skip
    design = FloorDesign(family, stem, layout, surface, joint, 0.9, gloss, seed)
    return Product(stem, title, material, price, colour, finish, design, view_mm)


_P, _H, _C = "straight plank", "herringbone", "chevron"
_HERRINGBONE = Layout("herringbone", 90, 540, 0.9, 1.5, angle=45)
_SLIM_HERRINGBONE = Layout("herringbone", 70, 350, 0.8, 1.2, angle=45)
_CHEVRON = Layout("chevron", 90, 620, 0.9, 1.5)

WOODS: tuple[Product, ...] = (
    _wood(11, "oak-natural-plank", "Solund Natural", "oak", 64.9, "natural", "matt lacquer",
          _P, _plank(190, 1900), NATURAL_OAK),
    _wood(12, "oak-light-plank", "Solund Dune", "oak", 66.5, "light", "matt lacquer",
          _P, _plank(190, 1900), LIGHT_OAK),
    _wood(13, "oak-honey-plank", "Bergen Honey", "oak", 59.9, "honey", "satin oil",
          _P, _plank(150, 1500), HONEY_OAK, gloss=0.5),
    _wood(14, "oak-rustic-plank", "Farmstead Oak", "oak", 72.0, "honey", "brushed, oiled",
          _P, _plank(220, 2200, bevel=3.0), RUSTIC_OAK, 1600, 0.3),
    _wood(15, "oak-whitewashed-plank", "Skagen White", "oak", 68.0, "white", "white oil",
          _P, _plank(190, 1900), WHITE_OAK, gloss=0.3),
    _wood(16, "oak-limed-plank", "Skagen Lime", "oak", 69.5, "beige", "limed, matt",
          _P, _plank(180, 1800), LIMED_OAK, 1100, 0.3),
    _wood(17, "oak-smoked-plank", "Hearth Smoked", "oak", 79.0, "brown", "smoked, oiled",
          _P, _plank(190, 1900), SMOKED_OAK),
    _wood(18, "oak-ebony-plank", "Nocturne", "oak", 84.0, "black", "stained, lacquered",
          _P, _plank(160, 1600), EBONY_OAK, gloss=0.5),
    _wood(19, "oak-silver-plank", "Fjord Silver", "oak laminate", 24.9, "grey", "embossed",
          _P, _plank(190, 1380), SILVER_OAK, gloss=0.4),
    _wood(20, "oak-drift-plank", "Fjord Drift", "oak laminate", 26.9, "greige", "embossed",
          _P, _plank(190, 1380), DRIFT_OAK, gloss=0.35),
    _wood(21, "walnut-plank", "Orchard Walnut", "walnut", 112.0, "brown", "satin lacquer",
          _P, _plank(140, 1400, random=0.5), WALNUT, gloss=0.5),
    _wood(22, "walnut-dark-plank", "Orchard Noir", "walnut", 118.0, "dark brown", "satin lacquer",
          _P, _plank(140, 1400, random=0.5), DARK_WALNUT, gloss=0.5),
    _wood(23, "ash-pale-plank", "Lumi Ash", "ash", 71.0, "light", "matt lacquer",
          _P, _plank(140, 1800), ASH),
    _wood(24, "hickory-mixed-plank", "Prairie Hickory", "hickory", 88.0, "brown, mixed", "oiled",
          _P, _plank(130, 1300, random=0.8), HICKORY, 1600),
    _wood(25, "beech-strip", "Atelier Beech", "beech", 49.9, "light", "satin lacquer",
          "strip parquet", Layout("plank", 66, 480, 0.4, 0.0, random_length=0.6), BEECH, 1200, 0.5),
    _wood(26, "merbau-strip", "Atelier Merbau", "merbau", 74.0, "red-brown", "satin lacquer",
          "strip parquet", Layout("plank", 70, 520, 0.5, 0.0, random_length=0.6), MERBAU, 1200,
          0.5),
    _wood(31, "oak-natural-herringbone", "Salon Natural", "oak", 82.0, "natural", "matt lacquer",
          _H, _HERRINGBONE, NATURAL_OAK),
    _wood(32, "oak-honey-herringbone", "Salon Honey", "oak", 82.0, "honey", "satin oil",
          _H, _SLIM_HERRINGBONE, replace(HONEY_OAK, tones=0.3), 1100, 0.5),
    _wood(33, "oak-silver-herringbone", "Salon Silver", "oak", 84.5, "grey", "matt lacquer",
          _H, _HERRINGBONE, SILVER_OAK),
    _wood(34, "walnut-herringbone", "Salon Walnut", "walnut", 129.0, "brown", "satin lacquer",
          _H, _SLIM_HERRINGBONE, replace(WALNUT, sapwood=0.0), 1100, 0.5),
    _wood(41, "oak-light-chevron", "Palais Dune", "oak", 96.0, "light", "matt lacquer",
          _C, _CHEVRON, LIGHT_OAK),
    _wood(42, "oak-natural-chevron", "Palais Natural", "oak", 96.0, "natural", "matt lacquer",
          _C, _CHEVRON, replace(NATURAL_OAK, tones=0.24)),
    _wood(43, "oak-smoked-chevron", "Palais Smoked", "oak", 104.0, "brown", "smoked, oiled",
          _C, _CHEVRON, SMOKED_OAK),
)  # fmt: skip

_CONCRETE = Stone(
    (170, 167, 161), (143, 140, 135), (120, 118, 114), clouds=0.55, cloud_size=420, veins=0.06,
    grit=0.3, tones=0.12,
)  # fmt: skip
_CARRARA = Stone(
    (235, 234, 231), (207, 208, 209), (134, 137, 142), clouds=0.75, cloud_size=420, veins=0.85,
    vein_size=320, vein_width=6, grit=0.05, tones=0.06,
)  # fmt: skip
_TILE, _STONE, _RUG = "ceramic tile", "stone", "carpet"

MINERALS: tuple[Product, ...] = (
    _mineral(51, "porcelain-cement-grey", "Foundry Grey", "porcelain", 38.0, "grey", "matt",
             _TILE, Layout("grid", 600, 600, 3.0, 1.0), _CONCRETE, (122, 120, 116), 2000, 0.35),
    _mineral(52, "porcelain-cement-dark", "Foundry Graphite", "porcelain", 38.0, "dark grey",
             "matt", _TILE, Layout("grid", 600, 600, 3.0, 1.0),
             replace(_CONCRETE, base=(99, 98, 97), second=(77, 76, 76), vein=(60, 60, 60)),
             (134, 132, 129), 2000, 0.35),
    _mineral(53, "porcelain-sand-brick", "Foundry Sand", "porcelain", 41.0, "sand", "matt",
             _TILE, Layout("brick", 300, 600, 3.0, 1.0),
             replace(_CONCRETE, base=(203, 186, 160), second=(184, 164, 136), vein=(150, 132, 108)),
             (146, 130, 108), 1600, 0.35),
    _mineral(54, "terracotta-hexagon", "Siena Hexagon", "terracotta", 57.0, "terracotta", "waxed",
             _TILE, Layout("hexagon", 230, 230, 4.0, 2.5),
             Stone((182, 109, 74), (154, 84, 55), (120, 66, 46), clouds=0.7, cloud_size=200,
                   veins=0.0, grit=0.4, tones=0.55),
             (196, 178, 156), 1300, 0.3),
    _mineral(55, "cement-star-blue", "Lisbon Star", "cement", 92.0, "blue", "matt",
             "patterned tile", Layout("grid", 200, 200, 1.2, 0.5),
             Motif(((224, 219, 206), (66, 86, 108), (150, 168, 180), (196, 160, 104)), "star", 3,
                   0.45, 0.1), (188, 184, 174), 1000, 0.3),
    _mineral(56, "check-black-white", "Chequer", "porcelain", 44.0, "black and white", "polished",
             "patterned tile", Layout("grid", 330, 330, 1.5, 0.8),
             Motif(((226, 223, 216), (44, 43, 44)), "check", 1, 0.3, 0.08),
             (132, 130, 126), 1650, 0.75),
    _mineral(61, "marble-carrara", "Carrara Classic", "marble", 98.0, "white", "polished",
             _STONE, Layout("grid", 600, 600, 1.5, 0.5), _CARRARA, (172, 171, 168), 1800, 0.85),
    _mineral(62, "marble-nero", "Nero Vena", "marble", 124.0, "black", "polished",
             _STONE, Layout("grid", 600, 600, 1.5, 0.5),
             Stone((38, 37, 39), (58, 57, 60), (214, 208, 198), clouds=0.7, cloud_size=380,
                   veins=0.8, vein_size=300, vein_width=4, grit=0.1, tones=0.08),
             (28, 28, 29), 1800, 0.85),
    _mineral(63, "travertine-cream", "Tivoli Cream", "travertine", 76.0, "cream", "honed",
             _STONE, Layout("brick", 400, 800, 2.0, 1.0),
             Stone((212, 192, 162), (190, 165, 132), (164, 134, 102), clouds=0.6, cloud_size=360,
                   veins=0.08, grit=0.2, layers=0.8, pits=0.55, tones=0.2),
             (190, 174, 150), 1800, 0.5),
    _mineral(64, "slate-anthracite", "Penrhyn Slate", "slate", 69.0, "anthracite", "riven",
             _STONE, Layout("brick", 300, 600, 4.0, 2.5),
             Stone((82, 84, 86), (62, 64, 67), (116, 114, 110), clouds=0.8, cloud_size=260,
                   veins=0.1, grit=0.35, layers=0.55, tones=0.4), (112, 110, 106), 1600, 0.35),
    _mineral(71, "terrazzo-bianco", "Veneto Bianco", "terrazzo", 86.0, "white", "honed",
             "terrazzo", Layout("grid", 800, 800, 1.5, 0.0),
             Terrazzo((224, 220, 212), ((120, 116, 112), (60, 58, 56), (188, 150, 118),
                                        (240, 237, 230)), (3.5, 8.0, 15.0), 0.42),
             (206, 202, 194), 1000, 0.6),
    _mineral(72, "terrazzo-grigio", "Veneto Grigio", "terrazzo", 82.0, "grey", "honed",
             "terrazzo", Layout("grid", 800, 800, 1.5, 0.0),
             Terrazzo((164, 161, 156), ((96, 94, 92), (226, 222, 214), (52, 51, 51),
                                        (190, 184, 172)), (3.0, 6.0, 11.0), 0.5),
             (146, 144, 140), 1000, 0.6),
    _mineral(73, "terrazzo-rosa", "Veneto Rosa", "terrazzo", 89.0, "pink", "honed",
             "terrazzo", Layout("grid", 800, 800, 1.5, 0.0),
             Terrazzo((216, 190, 174), ((176, 104, 84), (240, 230, 220), (128, 92, 80),
                                        (104, 114, 106)), (4.0, 9.0, 17.0), 0.42),
             (198, 172, 156), 1000, 0.6),
    _mineral(81, "wool-loop-oatmeal", "Highland Oatmeal", "wool", 46.0, "beige", "loop pile",
             _RUG, Layout("sheet"), Carpet(((178, 162, 140), (205, 191, 170), (222, 211, 194)),
             "loop", 8.0, 0.6, 0.3, 0.5), (0, 0, 0), 600, 0.0),
    _mineral(82, "wool-loop-pebble", "Highland Pebble", "wool", 46.0, "grey", "loop pile",
             _RUG, Layout("sheet"), Carpet(((128, 125, 121), (156, 153, 148), (180, 177, 171)),
             "loop", 8.0, 0.6, 0.3, 0.5), (0, 0, 0), 600, 0.0),
    _mineral(83, "wool-velvet-moss", "Moss Velvet", "wool", 58.0, "green", "cut pile",
             _RUG, Layout("sheet"), Carpet(((74, 84, 62), (94, 104, 78), (112, 121, 92)),
             "pile", 4.0, 0.5, 0.8, 0.5), (0, 0, 0), 700, 0.0),
    _mineral(84, "sisal-natural", "Canyon Sisal", "sisal", 39.0, "straw", "woven",
             _RUG, Layout("sheet"), Carpet(((158, 132, 94), (190, 164, 122), (208, 186, 148)),
             "sisal", 7.0, 0.7, 0.15, 0.8), (0, 0, 0), 550, 0.0),
    _mineral(85, "office-tile-slate", "Grid Slate", "polyamide", 22.0, "blue grey", "ribbed tile",
             _RUG, Layout("grid", 500, 500, 1.2, 2.0),
             Carpet(((62, 70, 80), (78, 87, 98), (96, 104, 114)), "rib", 5.0, 0.7, 0.2, 0.5, 0.1),
             (40, 44, 50), 1300, 0.0),
)  # fmt: skip

PRODUCTS: tuple[Product, ...] = WOODS + MINERALS


def product(stem: str) -> Product:
    """The product of this id."""
    for candidate in PRODUCTS:
        if candidate.id == stem:
            return candidate
    raise KeyError(f"no sample product {stem!r}; known: {', '.join(p.id for p in PRODUCTS)}")

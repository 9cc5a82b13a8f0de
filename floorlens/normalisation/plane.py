"""The floor's plane from one photo: how the camera looked at it, and how sure that is.

A hypothesis is a camera (pitch, roll, focal length), the direction of the walls and that of the
floor's lines. Hypotheses are drawn as photographs of rooms usually are, and scored: edgelets should
point to the vanishing points, and the floor should lie below the horizon and end at a usual
distance. Then new ones are drawn close to the good ones, round by round: population Monte Carlo
(Cappé et al. 2004). The likelihood is Coughlan & Yuille's (1999), a mixture of "Manhattan"
directions and chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.normalisation import check_view
from floorlens.normalisation.edgelets import Edgelets, find_edgelets

#: The height that the camera is taken to have, in metres: one photo does not show it.
CAMERA_HEIGHT = 1.4
#: Mean and standard deviation of pitch, roll and horizontal view of the longer side, in degrees.
PITCH, ROLL, VIEW = (18.0, 10.0), (0.0, 1.5), (64.0, 9.0)
#: The distance of the farthest floor, in camera heights: median, and std of its logarithm.
FARTHEST = (3.2, 0.5)
#: Of each round: draws, tolerance of an edgelet's direction (degrees), edgelets of either kind.
ROUNDS = ((2400, 5.0, 40), (900, 3.2, 80), (600, 2.0, 80), (500, 1.4, 80))
#: Share of edgelets that point nowhere in particular, on the floor and off it.
CHANCE = (0.4, 0.4)
#: How much an edgelet counts: less than one, since neighbours on one edge agree.
TRUST = 0.15
#: Standard deviation of pitch before any evidence (radians), for `confidence`.
UNSURE = math.radians(9.0)
#: A floor is not seen from above if the spread of its plane is more than this, in radians.
MOST_SPREAD = 0.12
#: The errors on simulated rooms are this many times the spread of the draws, and at least that.
WIDER, LEAST_SPREAD = 1.0, math.radians(0.6)


@dataclass(frozen=True)
class FloorPlane:
    """A camera over a floor. Angles in radians.

    Attributes:
        pitch: how far down the camera looks.
        roll: how far the picture is turned clockwise.
        focal: focal length in units of the picture's longer side.
        turn: angle, clockwise seen from above, from the line of sight to one of the two directions
            of the floor's lines, 0 <= turn < pi / 2; None where the floor shows no lines.
        spread: standard deviation of the error of `pitch`.
        confidence: 0..1; 0 if the photo says no more than that it is a room.
    """

    pitch: float
    roll: float
    focal: float
    turn: float | None
    spread: float
    confidence: float

    @property
    def values(self) -> NDArray[np.float64]:
        """float64 (6,), the attributes in their order; NaN for no `turn`."""
        turn = math.nan if self.turn is None else self.turn
        values = (self.pitch, self.roll, self.focal, turn, self.spread, self.confidence)
        return np.array(values, np.float64)

    @classmethod
    def from_values(cls, values: NDArray[np.float64]) -> FloorPlane:
        """Returns the plane with these `values`."""
        pitch, roll, focal, turn, spread, confidence = values.tolist()
        return cls(pitch, roll, focal, None if math.isnan(turn) else turn, spread, confidence)

    def horizon(self, size: tuple[int, int]) -> float:
        """Returns the row of the horizon, in pixels, in the middle column of a (width, height)."""
        width, height = size
        return height / 2 - self.focal * max(width, height) * math.tan(self.pitch) / math.cos(
            self.roll
        )

    def homography(self, size: tuple[int, int], turn: float | None = None) -> NDArray[np.float64]:
        """Returns the matrix (3, 3) from metres on the floor to pixels of a (width, height) photo.

        The point (x, y, 1) lies y metres along the direction `turn` (by default the plane's own,
        or straight ahead) and x metres to the right of it; the origin is below the camera, which
        stands `CAMERA_HEIGHT` high. Divide the first two of the result by the third, which is
        positive in front of the camera.
        """
        angle = turn if turn is not None else self.turn or 0.0
        right, ahead, down = _axes(np.array([self.pitch]), np.array([self.roll]), np.array([1.0]))
        first = math.cos(angle) * right[0] - math.sin(angle) * ahead[0]
        second = math.sin(angle) * right[0] + math.cos(angle) * ahead[0]
        width, height = size
        focal = self.focal * max(size)
        lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        return np.asarray(lens @ np.stack([first, second, CAMERA_HEIGHT * down[0]], axis=1))


def estimate_plane(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorPlane:
    """Returns the plane of the floor under bool (h, w) `mask` of a uint8 (h, w, 3) sRGB photo.

    Deterministic. Where there are few edges, the plane is the usual one for rooms, and its `spread`
    is large.

    Raises:
        ValueError: the shapes differ, or the mask is empty.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> pixels = load_photo("room.jpg").pixels
        >>> mask = np.zeros(pixels.shape[:2], bool)
        >>> mask[450:] = True
        >>> plane = estimate_plane(pixels, mask)
        >>> 0 < plane.pitch < 1.0, plane.spread >= 0.01
        (True, True)
    """
    check_view(pixels, mask)
    edges = find_edgelets(pixels, mask)
    tops = _tops(mask)
    rng = np.random.default_rng(0)
    draws = _draw(rng, ROUNDS[0][0])
    scores = np.zeros(len(draws))  # the prior is in the draws already
    for number, (count, tolerance, most) in enumerate(ROUNDS):
        if number:
            draws, correction = _redraw(rng, draws, scores, count, tolerance)
            scores = correction
        scores = scores + _mask_score(draws, tops) + _edge_score(draws, edges, tolerance, most)
    return _summary(draws, scores)


#: Hypotheses, float64 (n, 5): pitch, roll, focal length, direction of the walls, of the floor.
Draws = NDArray[np.float64]


def _draw(rng: np.random.Generator, count: int) -> Draws:
    """Returns `count` hypotheses, drawn as rooms and cameras usually are."""
    pitch = np.deg2rad(np.clip(rng.normal(*PITCH, count), 1.0, 60.0))
    roll = np.deg2rad(rng.normal(*ROLL, count))
    view = np.deg2rad(np.clip(rng.normal(*VIEW, count), 35.0, 100.0))
    walls = rng.uniform(0, math.pi / 2, count)
    # Most floors are laid along the walls, some at 45 degrees, some at any angle.
    kind = rng.random(count)
    other = np.where(kind < 0.8, math.pi / 4, rng.uniform(0, math.pi / 2, count))
    floor = walls + np.where(kind < 0.7, rng.normal(0, 0.01, count), other)
    return np.stack([pitch, roll, 0.5 / np.tan(view / 2), walls, floor], axis=1)


def _prior(draws: Draws) -> NDArray[np.float64]:
    """Returns the logarithm of the prior probability (n,), up to a constant."""
    pitch, roll = np.rad2deg(draws[:, 0]), np.rad2deg(draws[:, 1])
    view = np.rad2deg(2 * np.arctan(0.5 / draws[:, 2]))
    gap = np.mod(draws[:, 4] - draws[:, 3] + math.pi / 8, math.pi / 4) - math.pi / 8
    square = (
        ((pitch - PITCH[0]) / PITCH[1]) ** 2
        + ((roll - ROLL[0]) / ROLL[1]) ** 2
        + ((view - VIEW[0]) / VIEW[1]) ** 2
    )
    inside = (pitch >= 1.0) & (pitch <= 60.0) & (view >= 35.0) & (view <= 100.0)
    along = np.log(0.1 + np.exp(-0.5 * (gap / 0.02) ** 2))
    return np.asarray(np.where(inside, -0.5 * square + along, -1e3))


#: Steps by which new draws differ from old ones, at a tolerance of one degree.
_STEPS = np.array([0.009, 0.004, 0.012, 0.012, 0.012])


def _redraw(
    rng: np.random.Generator,
    draws: Draws,
    scores: NDArray[np.float64],
    count: int,
    tolerance: float,
) -> tuple[Draws, NDArray[np.float64]]:
    """Returns `count` new hypotheses around the good ones, and log(prior / density of drawing)."""
    weight = np.exp(0.5 * (scores - scores.max()))
    weight /= weight.sum()
    # Systematic resampling, at half the score's weight: second-best hypotheses survive.
    points = (np.arange(count) + rng.random()) / count
    places = np.minimum(np.searchsorted(np.cumsum(weight), points), len(draws) - 1)
    fresh = draws[places] + rng.normal(size=(count, 5)) * _STEPS * tolerance
    # The density is that of a mixture around the distinct parents.
    parents = np.unique(places)
    share = np.bincount(places, minlength=len(draws))[parents] / count
    centre = draws[parents].mean(axis=0)
    scaled = ((fresh - centre) / (_STEPS * tolerance)).astype(np.float32)
    centres = ((draws[parents] - centre) / (_STEPS * tolerance)).astype(np.float32)
    half = scaled @ centres.T
    half -= 0.5 * (scaled**2).sum(axis=1)[:, None]
    half -= 0.5 * (centres**2).sum(axis=1)[None, :]
    density = np.exp(half, out=half) @ share.astype(np.float32)
    return fresh, _prior(fresh) - np.log(density + 1e-30)


def _axes(
    pitch: NDArray[np.float64], roll: NDArray[np.float64], focal: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Returns the vanishing points (n, 3) of: to the right, ahead along the floor, down."""
    sp, cp, sr, cr = np.sin(pitch), np.cos(pitch), np.sin(roll), np.cos(roll)
    right = np.stack([focal * cr, -focal * sr, np.zeros_like(pitch)], axis=1)
    ahead = np.stack([-focal * sp * sr, -focal * sp * cr, cp], axis=1)
    down = np.stack([focal * cp * sr, focal * cp * cr, sp], axis=1)
    return right, ahead, down


def _edge_score(draws: Draws, edges: Edgelets, tolerance: float, most: int) -> NDArray[np.float64]:
    """Returns the log-likelihood (n,) of the edgelets under each hypothesis, times `TRUST`."""
    right, ahead, down = _axes(*draws[:, :3].T)
    score = np.zeros(len(draws))
    for on_floor in (True, False):
        part = np.flatnonzero(edges.floor == on_floor)[:most]
        if not part.size:
            continue
        turn = draws[:, 4 if on_floor else 3]
        cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
        middle, direction = edges.middle[part], edges.direction[part]
        sigma = np.hypot(np.float32(np.deg2rad(tolerance)), edges.sigma[part])
        total = _hits(sin * right + cos * ahead, middle, direction, sigma)
        total += _hits(cos * right - sin * ahead, middle, direction, sigma)
        if on_floor:
            total *= np.float32(0.5)
        else:
            total *= np.float32(0.3)
            upright = _hits(down, middle, direction, sigma)
            upright *= np.float32(0.4)
            total += upright
        chance = CHANCE[0 if on_floor else 1]
        total *= (1 - chance) * 2 / math.pi / sigma
        total += np.float32(chance / math.pi)
        score += _log_product(total)
    return TRUST * score


def _log_product(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the logarithm (n,) of the product of every row of (n, m) values near one."""
    # One logarithm for eight factors: logarithms cost most.
    columns = values.shape[1] // 8
    parts = values[:, :columns].copy()
    for part in range(1, 8):
        parts *= values[:, part * columns : (part + 1) * columns]
    rest = values[:, 8 * columns :].prod(axis=1)
    return np.asarray(np.log(parts).sum(axis=1, dtype=np.float64) + np.log(rest))


def _hits(
    points: NDArray[np.float64],
    middle: NDArray[np.float32],
    direction: NDArray[np.float32],
    sigma: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Returns (n, m), 0..1: how well m edgelets point to n vanishing points.

    It is a squared Cauchy of the sine of the angle between them: like a normal distribution near
    its middle, but with tails.
    """
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    line = np.concatenate([normal, -(normal * middle).sum(axis=1, keepdims=True)], axis=1)
    points = points.astype(np.float32)
    off = points @ (line / sigma[:, None]).T
    x, y, z = points.T
    squares = np.stack([x * x + y * y, -2 * z * x, -2 * z * y, z * z], axis=1)
    mx, my = middle.T
    # The squared distance from the edgelet to the vanishing point; that to its line is `off`.
    reach = squares @ np.stack([np.ones_like(mx), mx, my, mx * mx + my * my])
    np.maximum(reach, np.float32(1e-9), out=reach)
    off *= off
    off += reach
    reach /= off
    reach *= reach
    return np.asarray(reach)


def _tops(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns (n, 2): the topmost floor of every column, in longer sides from the middle."""
    height, width = mask.shape
    columns = np.linspace(0, width - 1, min(width, 40)).astype(np.intp)
    columns = columns[mask[:, columns].any(axis=0)]
    if not columns.size:
        # The floor is so narrow that it lies between those columns.
        columns = np.flatnonzero(mask.any(axis=0))
    rows = mask[:, columns].argmax(axis=0)
    points = np.stack([columns + 0.5 - width / 2, rows - height / 2], axis=1)
    return np.asarray(points / max(mask.shape))


def _mask_score(draws: Draws, tops: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the log-likelihood (n,) of the places where the floor ends, far away."""
    _, _, down = _axes(draws[:, 0], draws[:, 1], np.ones(len(draws)))
    below = down[:, :2] / draws[:, 2:3] @ tops.T + down[:, 2:]
    below /= np.sqrt(1 + (tops**2).sum(axis=1) / draws[:, 2:3] ** 2)
    # A few columns may spill up a wall.
    edge = np.partition(below, len(tops) // 12, axis=1)[:, len(tops) // 12]
    distance = 1 / np.maximum(edge, 0.02)
    miss = np.log(distance / FARTHEST[0]) / FARTHEST[1]
    return np.asarray(-0.5 * miss**2 - 40 * np.maximum(0.02 - edge, 0) / 0.1)


def _summary(draws: Draws, scores: NDArray[np.float64]) -> FloorPlane:
    """Returns the mean of the hypotheses, weighted by their scores."""
    weight = np.exp(scores - scores.max())
    weight /= weight.sum()
    pitch, roll, focal = (float(weight @ draws[:, k]) for k in range(3))
    spread = math.sqrt(float(weight @ (draws[:, 0] - pitch) ** 2))
    spread = math.hypot(WIDER * spread, LEAST_SPREAD)
    # Directions repeat every quarter turn: their mean is that of four times the angle.
    wave = complex(weight @ np.exp(4j * draws[:, 4]))
    turn = float(np.angle(wave) / 4 % (math.pi / 2)) if abs(wave) > 0.7 else None
    confidence = max(0.0, 1.0 - (spread / UNSURE) ** 2)
    return FloorPlane(pitch, roll, focal, turn, spread, confidence)

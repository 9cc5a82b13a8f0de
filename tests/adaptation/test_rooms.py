"""Simulated room views: the camera's equations, what is sampled, how much floor, and the light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.adaptation import rooms
from floorlens.adaptation.rooms import (
    EMPTY,
    FURNISHED,
    SIZES,
    STRONG_LIGHT,
    USUAL_LIGHT,
    Camera,
    Light,
    RoomView,
    draw_camera,
    simulate_view,
)

pytestmark = pytest.mark.slow

SMALL = (96, 72)
Texture = NDArray[np.uint8]


def noise(height: int = 64, width: int = 64, seed: int = 0) -> Texture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def flat(level: int = 120) -> Texture:
    return np.full((32, 32, 3), level, np.uint8)


def view(texture: Texture, seed: int, light: Light = USUAL_LIGHT) -> RoomView:
    return simulate_view(texture, 1.5, np.random.default_rng(seed), SMALL, light=light)


def sampled(
    texture: Texture, s: NDArray[np.float64], t: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Samples at texels (s, t) of a texture one texel of which is a metre, pixels as fine."""
    points = s.astype(np.float32), t.astype(np.float32)
    fine = np.ones(len(s), np.float32)
    return rooms._lay(texture, texture.shape[1], 0.0, np.zeros(2), *points, fine)


def test_a_chequerboard_lies_where_the_camera_projects_it() -> None:
    """Every tile's middle, projected by a pinhole camera, has the tile's colour."""
    camera = Camera(height=1.4, pitch=0.45, roll=0.04, field=1.1, turn=0.3, wall=5.0)
    width, height, tile = 320, 240, 0.25
    pixels = 32
    tiles = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)
    board = np.repeat(np.kron(tiles, np.ones((pixels, pixels), np.uint8))[..., None], 3, axis=2)
    x, y, depth, floor = rooms._ground(camera, width, height)
    focal = 0.5 * width / np.tan(camera.field / 2)
    shape = x.shape
    points = x.reshape(-1), y.reshape(-1), depth.reshape(-1) / np.float32(focal)
    seen = rooms._lay(board, 8 * tile, camera.turn, np.array([4.0, 4.0]), *points)
    grey = seen.mean(axis=1).reshape(shape)

    checked = {0: 0, 255: 0}
    for row in range(40):
        for column in range(40):
            # Texture axes -> floor: undo the shift, then the turn.
            s, t = (column + 0.5) * tile - 4.0, (row + 0.5) * tile - 4.0
            cos, sin = np.cos(camera.turn), np.sin(camera.turn)
            right, ahead = s * cos + t * sin, t * cos - s * sin
            away = ahead * np.cos(camera.pitch) + camera.height * np.sin(camera.pitch)
            below = camera.height * np.cos(camera.pitch) - ahead * np.sin(camera.pitch)
            if not 0.5 < away < 2.5:
                continue
            u, v = focal * right / away, focal * below / away
            cos, sin = np.cos(camera.roll), np.sin(camera.roll)
            i, j = height / 2 + v * cos - u * sin, width / 2 + u * cos + v * sin
            if not (2 < i < height - 2 and 2 < j < width - 2) or not floor[int(i), int(j)]:
                continue
            # Mirrored repetition of an even number of tiles: a tile's neighbour across the edge
            # of the texture has its own colour.
            folded = [min(k % 16, 15 - k % 16) for k in (row, column)]
            colour = int(sum(folded) % 2 * 255)
            assert abs(grey[int(i), int(j)] - colour) < 60, (row, column)
            checked[colour] += 1
    assert min(checked.values()) > 10


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 99), far=st.floats(1, 90)
)
def test_samples_are_bilinear_and_mirrored_at_the_edges(
    height: int, width: int, seed: int, far: float
) -> None:
    """Against the texture repeated by mirroring: nothing comes from out of range."""
    texture = noise(height, width, seed)
    s, t = np.random.default_rng(seed).uniform(-far, far, (2, 50))
    wide = np.pad(texture, ((100 * height,) * 2, (100 * width,) * 2, (0, 0)), "symmetric")
    columns, rows = s + 100 * width - 0.5, t + 100 * height - 0.5
    i, j = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, across = (rows - i)[:, None], (columns - j)[:, None]
    upper = wide[i, j] * (1 - across) + wide[i, j + 1] * across
    lower = wide[i + 1, j] * (1 - across) + wide[i + 1, j + 1] * across
    assert np.abs(sampled(texture, s, t) - (upper * (1 - down) + lower * down)).max() < 0.1


def test_far_texture_is_averaged() -> None:
    """Pixels many texels wide see the mean: no aliasing of a fine chequerboard."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    texture = np.repeat(board[..., None], 3, axis=2)
    x, y = np.random.default_rng(0).uniform(0, 64, (2, 200)).astype(np.float32)
    wide = np.linspace(3, 500, 200, dtype=np.float32)
    seen = rooms._lay(texture, 64.0, 0.0, np.zeros(2), x, y, wide)
    assert np.abs(seen - 127.5).max() < 1


@pytest.mark.parametrize(
    "light", [USUAL_LIGHT, STRONG_LIGHT, Light(clutter=80)], ids=["usual", "strong", "crowded"]
)
def test_every_view_has_enough_floor_and_its_size(light: Light) -> None:
    for seed in range(40):
        made = view(flat(), seed, light)
        assert made.rgb.shape == (*SMALL[::-1], 3)
        assert made.rgb.dtype == np.uint8
        assert made.mask.dtype == np.bool_
        assert FURNISHED <= made.mask.mean() < 1
    assert FURNISHED < EMPTY


def test_a_view_is_of_a_usual_size_and_repeats_for_its_seed() -> None:
    first, again, other = (
        simulate_view(noise(), 1.5, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert first.rgb.shape[1::-1] in SIZES
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.rgb, other.rgb)


def test_the_texture_shows_on_the_floor_and_not_on_the_wall() -> None:
    """The same room with another floor: the floor has its colour, the rest is what it was."""
    quiet = Light(clutter=0, quality=(94, 95))
    for seed in range(5):
        red, blue = (
            view(np.full((8, 8, 3), colour, np.uint8), seed, quiet)
            for colour in ((200, 60, 60), (60, 60, 200))
        )
        assert np.array_equal(red.mask, blue.mask)
        change = red.rgb.astype(int) - blue.rgb
        assert change[red.mask][:, 0].mean() > 60
        assert change[red.mask][:, 2].mean() < -60
        above = ~red.mask
        above[np.flatnonzero(red.mask.any(axis=1))[0] - 4 :] = False
        assert np.abs(change[above]).mean() < 3


def test_strong_light_changes_the_mean_more() -> None:
    """Colour casts between channels, and brightness, spread wider from view to view."""

    def spread(light: Light) -> NDArray[np.float64]:
        views = [view(flat(), seed, light) for seed in range(60)]
        means = np.log([made.rgb[made.mask].mean(axis=0) for made in views])
        return np.array(
            [means.mean(axis=1).std(), (means[:, 0] + means[:, 2] - 2 * means[:, 1]).std()]
        )

    usual, strong = spread(USUAL_LIGHT), spread(STRONG_LIGHT)
    assert strong[0] > 1.1 * usual[0]
    assert strong[1] > 1.5 * usual[1]


def test_without_boards_a_picture_is_laid_as_it_is_and_with_them_in_boards() -> None:
    """A floor of one tone stays one; laid in boards it shows joints."""
    quiet = Light(slope=0, exposure=0, sun=0, glare=0, clutter=0, quality=(94, 95))

    def edges(*, boards: bool) -> float:
        made = [
            simulate_view(flat(), 1.0, np.random.default_rng(seed), boards=boards, light=quiet)
            for seed in range(6)
        ]
        return float(np.mean([np.abs(np.diff(m.rgb.astype(int), axis=1)).mean() for m in made]))

    assert edges(boards=True) > 1.1 * edges(boards=False)


def test_cameras_are_plausible() -> None:
    for seed in range(50):
        camera = draw_camera(np.random.default_rng(seed))
        assert 1.1 <= camera.height <= 1.7
        assert 12 <= np.rad2deg(camera.pitch) <= 35
        assert 50 <= np.rad2deg(camera.field) <= 75
        assert 3 <= camera.wall <= 7.5


@pytest.mark.parametrize(
    ("texture", "metres", "words"),
    [
        (lambda: noise().astype(np.float32), 1.0, "uint8"),
        (lambda: noise()[..., 0], 1.0, "uint8"),
        (lambda: noise()[:0], 1.0, "uint8"),
        (noise, 0.0, "above 0 m"),
        (noise, float("nan"), "above 0 m"),
    ],
)
def test_bad_input_is_named(texture: Callable[[], Texture], metres: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        simulate_view(texture(), metres, np.random.default_rng(0))

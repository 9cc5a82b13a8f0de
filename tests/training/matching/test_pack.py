"""The packed set: what goes in comes out, and sources and licences can be left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.matching.packs import small_pack
from training.matching.pack import SIDE, SWATCH, PackWriter, Picture, read_pack

pytestmark = pytest.mark.slow


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = small_pack(tmp_path / "pack.npz")
    read = read_pack(tmp_path / "pack.npz")
    for name, value in vars(written).items():
        np.testing.assert_array_equal(vars(read)[name], value)
    assert [path.name for path in tmp_path.iterdir()] == ["pack.npz"]


def test_a_patch_comes_back_at_full_size_and_looks_the_same(tmp_path: Path) -> None:
    rows = np.linspace(40, 200, 80, dtype=np.uint8)
    patch = np.repeat(np.repeat(rows[:, None], 80, axis=1)[..., None], 3, axis=2)
    writer = PackWriter()
    writer.add(Picture([patch, patch], "oak", SWATCH, "shop", False))
    pack = writer.write(tmp_path / "pack.npz")
    found = pack.decoded(np.arange(2))
    assert found.shape == (2, SIDE, SIDE, 3)
    assert np.abs(found[1, ::2, ::2].astype(int) - patch).mean() < 4


def test_sources_and_what_has_no_licence_can_be_left_out(tmp_path: Path) -> None:
    pack = small_pack(tmp_path / "pack.npz")
    everything = pack.pictures_of((), False)
    without = pack.pictures_of(("a",), False)
    assert len(everything) == len(pack.label) > len(without)
    assert "a" not in pack.sources[pack.source[without]]
    assert pack.licensed[pack.pictures_of((), True)].all()
    with pytest.raises(ValueError, match="no source"):
        pack.pictures_of(("nobody",), False)


def test_a_picture_without_patches_is_none(tmp_path: Path) -> None:
    writer = PackWriter()
    writer.add(Picture([], "oak", SWATCH, "shop", False))
    assert writer.size == 0

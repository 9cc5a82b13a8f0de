"""What is held out stays held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("cv2", reason="needs the extra train")

from training.segmentation.data import TEST_SOURCES, TRAIN_SOURCES, load_rendered, train_and_dev

pytestmark = pytest.mark.slow


def render(folder: Path, number: int) -> None:
    for name, suffix in (("images", "jpg"), ("masks", "png")):
        (folder / name).mkdir(exist_ok=True)
        picture = np.zeros((32, 32, 3) if name == "images" else (32, 32), np.uint8)
        Image.fromarray(picture).save(folder / name / f"{number:05d}.{suffix}")


def test_more_rooms_move_none_between_training_and_held_out(tmp_path: Path) -> None:
    for number in (0, 1, 40, 41, 80):
        render(tmp_path, number)
    train, dev = load_rendered(tmp_path)
    assert [sample.stem for sample in dev] == ["00000", "00040", "00080"]
    for number in (2, 3, 39):
        render(tmp_path, number)
    assert [sample.stem for sample in load_rendered(tmp_path)[1]] == [s.stem for s in dev]
    assert len(train) + 3 == len(load_rendered(tmp_path)[0])


@pytest.mark.parametrize("source", TEST_SOURCES)
def test_a_test_source_is_refused(tmp_path: Path, source: str) -> None:
    assert source not in TRAIN_SOURCES
    with pytest.raises(ValueError, match="must not be trained on"):
        train_and_dev(tmp_path, source)

"""Evaluation folders, and a stand-in for Floorlens with scripted answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import ImageError, NoFloorFound
from floorlens.segmentation import Click


def encoded(colour: tuple[int, int, int], size: tuple[int, int] = (32, 24)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


@dataclass
class ScriptedLens:
    """Answers each photo, which it knows by its bytes, with the scripted scores or mask.

    It raises an answer that is an exception.
    """

    scores: Mapping[bytes, Mapping[str, float] | Exception] = field(default_factory=dict)
    masks: Mapping[bytes, NDArray[np.bool_] | Exception] = field(default_factory=dict)
    after_clicks: Mapping[int, NDArray[np.bool_] | Exception] = field(default_factory=dict)
    visible: Mapping[bytes, float] = field(default_factory=dict)
    clicked: list[tuple[Click, ...]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    searched: list[bytes] = field(default_factory=list)
    regions: list[NDArray[np.bool_] | None] = field(default_factory=list)
    opened_with: list[tuple[Path, str | None]] = field(default_factory=list)
    closed: int = 0
    # Whether it says what its scores mean: "close" from .5 on, and all of those are equals.
    calibrated: bool = False
    _last_visible: float | None = None
    stamp: dict[str, Any] = field(default_factory=lambda: {"preset": "scripted"})

    def open(self, path: Path, preset: str | None) -> Any:
        self.opened_with.append((path, preset))
        return self

    def add(self, source: Path, *, progress: Callable[..., None] | None = None) -> Any:
        stems = sorted(path.stem for path in source.rglob("*.png"))
        return SimpleNamespace(
            rows=tuple(
                SimpleNamespace(
                    id=stem,
                    status="failed" if stem in self.refused else "added",
                    reason=self.refused.get(stem),
                )
                for stem in stems
            )
        )

    def search(self, source: bytes, *, region: NDArray[np.bool_] | None = None) -> Any:
        assert isinstance(source, bytes)
        self.regions.append(region)
        self.searched.append(source)
        answer = self.scores.get(source, NoFloorFound("no floor in this photo"))
        if isinstance(answer, Exception):
            raise answer
        ranked = sorted(answer.items(), key=lambda item: -item[1])
        return SimpleNamespace(
            matches=tuple(
                SimpleNamespace(
                    product=SimpleNamespace(id=name),
                    score=score,
                    likeness=score if self.calibrated else None,
                    word="close" if score >= 0.5 else "related",
                )
                for name, score in ranked
            ),
            equals=sum(score >= 0.5 for _, score in ranked) if self.calibrated else 0,
            nothing_close=ranked[0][1] < 0.5 if self.calibrated else None,
        )

    def mask(self, source: Any, *, clicks: Sequence[Click] = ()) -> Any:
        if isinstance(source, np.ndarray):
            answer = self.of_pixels(source)
        else:
            assert isinstance(source, bytes)
            self._last_visible = self.visible.get(source)
            answer = self.masks.get(source, NoFloorFound("no floor in this photo"))
        if clicks:
            self.clicked.append(tuple(clicks))
            answer = self.after_clicks.get(len(clicks), answer)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(mask=answer)

    def of_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.bool_] | Exception:
        """Everything lighter than middle grey is floor."""
        light: NDArray[np.bool_] = pixels.mean(axis=-1) > 127
        return light

    def take_visible(self) -> float | None:
        visible, self._last_visible = self._last_visible, None
        return visible

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def lens() -> ScriptedLens:
    return ScriptedLens()


@dataclass
class Folder:
    """An evaluation folder, and its photos' bytes by stem."""

    path: Path
    photos: dict[str, bytes]


@dataclass
class MasksFolder(Folder):
    """Also the true masks by stem: uint8 (24, 32)."""

    truth: dict[str, NDArray[np.uint8]]


@dataclass
class PairsFolder(Folder):
    """rooms a, b, c, d; products p0 to p11 in shades of grey, p11 a copy of p10."""

    def write_pairs(self, *rows: str, header: str = "room,product,source") -> None:
        (self.path / "pairs.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


@pytest.fixture
def pairs_folder(tmp_path: Path) -> PairsFolder:
    root = tmp_path / "pairs"
    for name in ("rooms", "products"):
        (root / name).mkdir(parents=True)
    photos = {}
    for number, name in enumerate("abcd"):
        photos[name] = encoded((number, 200, 10))
        (root / "rooms" / f"{name}.png").write_bytes(photos[name])
    for number in range(12):
        level = 20 * min(number, 10)
        (root / "products" / f"p{number}.png").write_bytes(encoded((level, level, level)))
    return PairsFolder(root, photos)


@pytest.fixture
def masks_folder(tmp_path: Path) -> MasksFolder:
    """full (all floor), half (lower half floor), none (no floor), rug (half, part ignored)."""
    root = tmp_path / "masks"
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    truth = {name: np.zeros((24, 32), dtype=np.uint8) for name in ("full", "half", "none", "rug")}
    truth["full"][:] = 255
    truth["half"][12:] = 255
    truth["rug"][12:] = 255
    truth["rug"][18:] = 128
    photos = {}
    for number, (name, values) in enumerate(truth.items()):
        photos[name] = encoded((number, 10, 10))
        (root / "images" / f"{name}.png").write_bytes(photos[name])
        Image.fromarray(values).save(root / "masks" / f"{name}.png")
    return MasksFolder(root, photos, truth)


@pytest.fixture
def ranking_folder(tmp_path: Path) -> Folder:
    root = tmp_path / "ranking"
    for name in ("queries", "products"):
        (root / name).mkdir(parents=True)
    photos = {}
    for number, name in enumerate(("1", "2", "3")):
        photos[name] = encoded((number, 10, 200))
        (root / "queries" / f"{name}.png").write_bytes(photos[name])
    for number in range(4):
        (root / "products" / f"{number}.png").write_bytes(encoded((60 * number, 0, 0)))
    # The same file as product 3.
    (root / "products" / "twin.png").write_bytes(encoded((180, 0, 0)))
    (root / "judgments.csv").write_text(
        "query,product,grade\n1.png,0.png,3\n1.png,1.png,1\n2.png,3.png,2\n2.png,twin.png,2\n",
        encoding="utf-8",
    )
    return Folder(root, photos)


@pytest.fixture
def broken_photo() -> ImageError:
    return ImageError("the image: is truncated or damaged")

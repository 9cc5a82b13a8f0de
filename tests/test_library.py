"""The library in a program or a notebook: vectors, many photos, open files, copies of a lens."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens, NoFloorFound, SearchResult, find_floor
from floorlens.engines import Engine
from floorlens.errors import (
    CatalogueError,
    FilterError,
    ImageError,
    NothingToRank,
    StampMismatch,
    UsageError,
)
from floorlens.testing import fake_stages


def test_vectors_are_those_that_are_searched(lens: Floorlens, room: Path) -> None:
    """Whoever has the arrays ranks as retrieval does."""
    ids, vectors = lens.embeddings()
    assert ids == tuple(sorted(ids))
    assert vectors.dtype == np.float32
    assert vectors.shape == (6, 4)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    query = lens.embed(room)
    assert query.dtype == np.float32
    assert query.shape == (4,)
    by_hand = [ids[place] for place in np.argsort(-(vectors @ query), kind="stable")]
    result = lens.search(room, rerank=False)
    assert by_hand == [match.product.id for match in result]
    assert np.allclose(
        [(1 + s) / 2 for s in sorted(vectors @ query)], sorted(m.score for m in result)
    )
    vectors[:] = 0
    assert lens.embeddings().vectors.any()


def test_vectors_follow_the_projection_of_the_catalogue(tmp_path: Path) -> None:
    """After an adaptation those of photos and those of products are made with the new one."""
    for hue in range(9):
        colour = np.array([40 + 20 * hue, 120, 220 - 20 * hue], np.uint8)
        Image.fromarray(np.tile(colour, (48, 48, 1))).save(tmp_path / f"p{hue}.png")
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages(adaptable=True)) as lens:
        lens.add(tmp_path, adapt=False)
        before = lens.embed(tmp_path / "p3.png", region=(0, 0, 48, 48))
        assert lens.embeddings().vectors[3] @ before == pytest.approx(1, abs=1e-4)
        lens.adapt(views=2)
        after = lens.embed(tmp_path / "p3.png", region=(0, 0, 48, 48))
        assert not np.allclose(after, before, atol=1e-3)
        assert lens.embeddings().vectors[3] @ after == pytest.approx(1, abs=1e-4)


def test_vectors_of_other_models_are_refused(lens: Floorlens, room: Path) -> None:
    """Another process has rebuilt the catalogue: what this one makes cannot be compared."""
    assert lens.folder is not None
    Floorlens.rebuild(lens.folder, stages=fake_stages(version="2"))
    asked: list[Callable[[], object]] = [
        lens.embeddings,
        lambda: lens.embed(room),
        lambda: lens.similar("oak"),
        lambda: lens.search(room, like=["oak"]),
    ]
    for ask in asked:
        with pytest.raises(StampMismatch, match="--rebuild --preset"):
            ask()


def test_an_empty_catalogue_has_vectors_of_photos_alone(tmp_path: Path, room: Path) -> None:
    with Floorlens.open(tmp_path, stages=fake_stages()) as lens:
        assert lens.embeddings().vectors.shape == (0, 4)
        assert lens.embeddings().ids == ()
        assert lens.embed([room, room]).shape == (4,)


def test_many_photos_have_a_result_or_an_error_each(
    lens: Floorlens, room: Path, blank: Path
) -> None:
    """In their order, as each alone would have it, however many are at work."""
    photos: list[Any] = [room, "gone.jpg", blank, b"nonsense", [room, blank], room]
    for threads in (1, 2, 5):
        outcomes = list(lens.search_many(photos, threads=threads, limit=2))
        kinds = [SearchResult, ImageError, NoFloorFound, ImageError, SearchResult, SearchResult]
        assert [type(outcome) for outcome in outcomes] == kinds
        alone = lens.search(room, limit=2)
        for outcome in (outcomes[0], outcomes[4], outcomes[5]):
            assert isinstance(outcome, SearchResult)
            assert outcome.matches == alone.matches


def test_many_photos_are_read_as_they_are_needed(lens: Floorlens, room: Path) -> None:
    """A generator of thousands is not emptied at once, and can be left half-way."""
    taken: list[int] = []

    def photos() -> Iterator[Path]:
        for number in range(1000):
            taken.append(number)
            yield room

    results = lens.search_many(photos(), threads=2)
    next(results)
    assert len(taken) <= 4
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 6
    assert list(lens.search_many([])) == []


def test_what_befalls_every_photo_is_raised(lens: Floorlens, room: Path, tmp_path: Path) -> None:
    with pytest.raises(FilterError):
        list(lens.search_many([room], where={"matreial": "oak"}))
    with pytest.raises(UsageError, match="threads"):
        lens.search_many([room], threads=0)
    photos: list[Any] = [str(room), room, room.read_bytes(), io.BytesIO(room.read_bytes()), None]
    for one in photos:
        with pytest.raises(UsageError, match="takes several photos"):
            lens.search_many(one)
    with (
        Floorlens.open(tmp_path / "empty", stages=fake_stages()) as empty,
        pytest.raises(NothingToRank),
    ):
        list(empty.search_many([room]))


def test_open_files_are_photos(lens: Floorlens, room: Path, tmp_path: Path) -> None:
    """Whatever has a `read`: an upload, a file in an archive, an answer of a server."""
    expected = lens.search(room).matches
    with room.open("rb") as file:
        assert lens.search(file).matches == expected
    data = room.read_bytes()
    assert lens.search([io.BytesIO(data), io.BytesIO(data)])[0].product == expected[0].product
    assert lens.mask(io.BytesIO(data)) == find_floor(io.BytesIO(data), stages=fake_stages())
    with pytest.raises(ImageError, match="mode 'rb'"):
        lens.search(io.StringIO("text"))  # type: ignore[arg-type]
    with room.open("rb") as file:
        pass
    with pytest.raises(ImageError, match="cannot be read"):
        lens.search(file)


def test_a_lens_prints_short(lens: Floorlens) -> None:
    assert repr(lens) == f"Floorlens({lens.location!r}, 6 products, preset 'fake')"
    lens.close()
    assert "closed" in repr(lens)


def test_a_copy_of_a_lens_opens_the_catalogue_again(
    lens: Floorlens, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from another folder, and after the first one is closed."""
    expected = lens.search(room).matches
    pickled = pickle.dumps(lens)
    with copy.deepcopy(lens) as twin:
        lens.close()
        assert twin.search(room).matches == expected
        assert twin.count() == 6
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pickle.loads(pickled) as twin:
        assert twin.search(room).matches == expected
    with pytest.raises(CatalogueError, match="closed"):
        pickle.dumps(lens)


def test_secrets_are_in_the_pickle_of_a_lens_and_not_in_that_of_a_result(
    lens: Floorlens, room: Path, tmp_path: Path
) -> None:
    """A process of a pool needs them; a result may be kept anywhere."""
    engine = Engine("pinecone", api_key="pcsk_secret")
    stages = fake_stages()
    assert lens.folder is not None
    with Floorlens.open(lens.folder, stages=stages, index=engine, fallback="exact") as far:
        assert b"pcsk_secret" in pickle.dumps(far)
        assert "pcsk_secret" not in repr(far)
    with Floorlens.open(lens.folder, stages=stages, index=Engine(api_key="pcsk_secret")) as near:
        assert b"pcsk_secret" not in pickle.dumps(near.search(room))
        assert b"pcsk_secret" not in pickle.dumps(near.compare(room, "oak"))


def test_a_pickled_result_needs_no_database(lens: Floorlens, room: Path, tmp_path: Path) -> None:
    """Results are kept and read where no catalogue is."""
    lens.edit("oak", {"tone": "dark"})
    result = lens.search(room)
    assert any(match.attributes for match in result)
    (tmp_path / "result").write_bytes(pickle.dumps(result))
    program = (
        "import pickle, sys; result = pickle.load(open('result', 'rb')); "
        "print([len(match.attributes) for match in result], 'sqlalchemy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == f"{[len(m.attributes) for m in result]} False", done.stderr


def test_a_relative_address_is_found_from_another_folder(
    tmp_path: Path, product_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Floorlens.open("shop", stages=fake_stages(), fallback="exact") as lens:
        lens.add(product_csv)
        pickled = pickle.dumps(lens)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pickle.loads(pickled) as twin:
        assert twin.count() == 6


def test_the_copy_of_a_lens_has_its_limits(tmp_path: Path, product_csv: Path, room: Path) -> None:
    """And loads the preset by its name: models are not pickled."""
    with Floorlens.open(tmp_path, preset="builtin", threads=1, max_megapixels=0.001) as lens:
        pickled = pickle.dumps(lens)
        assert len(pickled) < 2000
        with pickle.loads(pickled) as twin, pytest.raises(ImageError, match="megapixels"):
            twin.mask(room)

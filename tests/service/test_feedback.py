"""What an export writes is read by `floorlens eval pairs` and `floorlens adapt --pairs`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from floorlens import Floorlens
from floorlens.adaptation import adapt as adaptation
from floorlens.adaptation.rooms import simulate_view
from floorlens.errors import SearchNotFound, UsageError
from floorlens.evaluation.datasets import read_masks, read_pairs
from floorlens.evaluation.measured import open_measured_lens
from floorlens.evaluation.pairs import evaluate_pairs
from floorlens.products.product import Product
from floorlens.service.evaluation_sets import write_folder
from floorlens.service.feedback import Feedback
from floorlens.service.queries import SearchQuery
from floorlens.service.schema import feedback as feedback_table
from floorlens.service.searches import KeptSearch, Searches
from floorlens.service.searching import Searching
from floorlens.service.store import Store
from floorlens.testing import fake_stages

pytestmark = pytest.mark.slow

COUNT = 12
stages = partial(fake_stages, adaptable=True)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A catalogue of a dozen colours, with a room of each searched for, and right products said."""
    folder, rng = tmp_path / "shop", np.random.default_rng(0)
    folder.mkdir()
    with Floorlens.open(tmp_path / "catalogue", stages=stages()) as lens:
        colours = rng.uniform(60, 200, (COUNT, 3)).astype(np.uint8)
        for number, colour in enumerate(colours):
            pixels = np.full((48, 64, 3), colour, np.uint8)
            Image.fromarray(pixels).save(folder / f"p{number:02}.png")
        lens.add(folder)
        # An id that no file can have.
        lens.add([{"id": "a/b=c", "name": "Odd", "image": str(folder / "p00.png")}])
        store = Store(tmp_path / "catalogue-service")
        searching = Searching(lens, Searches(store, 1, 100))
        feedback = Feedback(store)
        for number, colour in enumerate(colours):
            room = np.full((96, 128, 3), 255, np.uint8)
            room[48:] = np.clip(colour.astype(int) + rng.integers(-12, 12, 3), 0, 255)
            path = tmp_path / f"room{number}.png"
            Image.fromarray(room).save(path)
            query = SearchQuery((None,), ((),))
            search = searching.search("key", [path.read_bytes()], query, limit=3).search
            assert search is not None
            feedback.say(search, f"p{number:02}", "right", "key")
            feedback.say(search, "a/b=c", "right" if number == 0 else "wrong", "key")
        store.close()
    return tmp_path


def test_the_command_writes_what_evaluation_and_adaptation_read(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    result = run(monkeypatch, "feedback", "export", "out")
    assert f"{COUNT + 1} pairs of {COUNT} rooms, {COUNT + 1} products" in result.stdout
    dataset = read_pairs(shop / "out")
    assert len(dataset.pairs) == COUNT + 1
    assert len(read_masks(shop / "out", images="rooms")) == COUNT
    opener = partial(open_measured_lens, stages=stages())
    report = evaluate_pairs(shop / "out", opener=opener)
    assert not report.failed
    assert report.as_dict()["top1"] > 0.7
    monkeypatch.setattr(adaptation, "VIEWS", 2)
    monkeypatch.setattr(adaptation, "simulate_view", partial(simulate_view, size=(96, 72)))
    with Floorlens.open(shop / "catalogue", stages=stages()) as lens:
        learned = lens.adapt(pairs=shop / "out" / "adapt.csv").pairs
    assert learned is not None
    assert not learned.failed
    # Room 0 has two right products: it teaches one.
    assert len(learned.rows) == COUNT
    assert "not empty" in run(monkeypatch, "feedback", "export", "out", code=2).stderr
    listed = run(monkeypatch, "feedback", "list", "--json").stdout
    assert listed.count('"right"') == COUNT + 1
    first = json.loads(listed)[0]["search_id"]
    gone = run(monkeypatch, "feedback", "delete", "--", first).stdout
    assert gone == "2 verdicts deleted, with the photos\n"
    assert first not in run(monkeypatch, "feedback", "list").stdout
    error = run(monkeypatch, "feedback", "delete", "--", first, code=3).stderr
    assert "nothing was said of a search" in error


def test_what_is_said_of_a_search_that_has_gone_meanwhile(shop: Path, room: Path) -> None:
    store = Store(shop / "catalogue-service")
    try:
        with Floorlens.open(shop / "catalogue", stages=stages()) as lens:
            searching = Searching(lens, Searches(store, 1, 100))
            query = SearchQuery((None,), ((),))
            search = searching.search("key", [room.read_bytes()], query, limit=3).search
            assert search is not None
        Searches(store, 0, 1)
        with pytest.raises(SearchNotFound):
            Feedback(store).say(search, "p00", "right", "key")
        assert not Feedback(store).of_search(search)
    finally:
        store.close()


def test_a_verdict_holds_for_the_photo_and_counts_once(
    lens: Floorlens, room: Path, tmp_path: Path
) -> None:
    """Whichever search it is said of: a refined one, one of a corrected floor, the first."""
    store = Store(tmp_path / "service")
    searching, feedback = Searching(lens, Searches(store, 1, 100)), Feedback(store)
    query = SearchQuery((None,), ((),))

    def refined(search: KeptSearch, **changes: Any) -> KeptSearch:
        answer = searching.refine(search, "key", changes, limit=3).search
        assert answer is not None
        return answer

    def verdicts(search: KeptSearch) -> dict[str, str]:
        return {remark.product_id: remark.verdict for remark in feedback.of_search(search)}

    def pairs(name: str) -> tuple[int, list[str]]:
        written = write_folder(feedback, lens.products(), tmp_path / name)
        lessons = (tmp_path / name / "adapt.csv").read_text(encoding="utf-8").splitlines()[1:]
        return written.pairs, lessons

    first, other = (
        searching.search("key", [room.read_bytes()], query, limit=3).search for _ in range(2)
    )
    assert first is not None
    assert other is not None
    feedback.say(first, "oak", "right", "key")
    filtered = refined(first, where={"material": "wood"})
    corrected = refined(filtered, regions=((0, 60, 80, 120),))
    assert corrected.sight != first.sight
    lineage = (first, filtered, corrected)
    assert [verdicts(search) for search in lineage] == [{"oak": "right"}] * 3
    assert verdicts(other) == {}
    feedback.say(corrected, "oak", "wrong", "key")
    assert [verdicts(search) for search in lineage] == [{"oak": "wrong"}] * 3
    assert (feedback.count(), len(list(feedback.rooms()))) == (1, 1)
    feedback.say(filtered, "oak", "right", "key")
    feedback.say(corrected, "ash", "right", "key")
    # Two products of two floors; but a photo teaches one, the last.
    assert pairs("said") == (2, [f"rooms/room_{corrected.sight}_1.jpg,ash"])
    assert feedback.take_back(corrected, "oak", every=True)
    assert [verdicts(search) for search in lineage] == [{"ash": "right"}] * 3
    # As an earlier Floorlens kept it: one verdict for each search.
    said = feedback.say(first, "oak", "wrong", "key")
    row = {"product_id": "oak", "verdict": "right", "created": said.created + 1, "bytes": 200}
    row |= {"search_id": corrected.id, "upload_id": first.upload, "sight_id": corrected.sight}
    with store.writing() as connection:
        connection.execute(insert(feedback_table).values(row))
    assert feedback.count() == 3
    assert verdicts(filtered) == {"ash": "right", "oak": "right"}
    assert pairs("earlier")[0] == 2
    assert feedback.take_back(filtered.id, "oak", every=True)
    assert feedback.count() == 1
    # What another key says of a search of its own counts, but takes nothing from this one.
    feedback.say(filtered, "ash", "wrong", "admin")
    assert verdicts(first) == {"ash": "wrong"}
    assert feedback.take_back(corrected.id, "ash", "key", every=False)
    assert not feedback.take_back(filtered.id, "ash", "key", every=False)
    assert feedback.delete(first.id) == 1
    assert not list(feedback.rooms())
    store.close()


def test_products_without_a_picture_are_named(shop: Path) -> None:
    store = Store(shop / "catalogue-service")
    feedback = Feedback(store)
    pictures = [shop / "shop" / f"p{number:02}.png" for number in range(COUNT)]
    products = [Product(path.stem, path.stem, {}, (str(path),)) for path in pictures]
    pictures[3].unlink()
    written = write_folder(feedback, products[:-1], shop / "out")
    assert written.missing == ("a/b=c", "p03", f"p{COUNT - 1:02}")
    assert written.products == COUNT - 2
    assert written.pairs == COUNT - 2
    with pytest.raises(UsageError, match="not empty"):
        write_folder(feedback, products, shop / "out")
    with pytest.raises(UsageError, match="cannot be written"):
        write_folder(feedback, products, shop / "out" / "pairs.csv" / "below")
    store.close()


def run(monkeypatch: pytest.MonkeyPatch, *words: str, code: int = 0) -> Result:
    from floorlens.cli import app

    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, (result.output, result.exception)
    return result

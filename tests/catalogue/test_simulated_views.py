"""Stored simulated views: found again by what made them, gone with their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.rows import Entry
from floorlens.catalogue.simulated_views import SimulatedViews
from floorlens.models.stamp import encoder_key
from floorlens.normalisation import FloorView
from floorlens.products.product import Product
from floorlens.testing import fake_stages

STAMP = fake_stages().stamp()
BASE = np.arange(12, dtype=np.float16).reshape(2, 6)


def entry(name: str, digest: str) -> Entry:
    embedder = fake_stages().embedder
    lab = np.full((1, 3), 50, np.float32)
    view = FloorView(np.zeros((1, 1, 1, 3), np.uint8), np.ones(1, np.float32), lab)
    features = embedder.features({"swatch": view})
    product = Product(name, name, {}, (f"/{name}.jpg",))
    return Entry(product, (digest,), features, embedder.describe(features))


@pytest.fixture
def catalogue(location: str) -> Iterator[Catalogue]:
    """Products a and b, of pictures x and y."""
    with closing(Catalogue(location)) as opened:
        opened.put([entry("a", "x"), entry("b", "y")], opened.generations.live(STAMP))
        yield opened


def test_views_come_back_as_they_went_in(catalogue: Catalogue) -> None:
    """And only to who asks for the same encoder and recipe; a second time they are replaced."""
    views = SimulatedViews(catalogue, encoder_key(STAMP), "one")
    revision = catalogue.revision()
    views.put("a", ("x",), {("x", 0): BASE, ("x", 1): BASE + 1})
    views.put("a", ("x",), {("x", 1): BASE + 2})
    assert catalogue.revision() == revision, "no search has to look for changes"
    assert views.stored() == {"a": {("x", 0), ("x", 1)}}
    found = views.load("a")
    assert set(found) == {("x", 0), ("x", 1)}
    np.testing.assert_array_equal(found["x", 1], BASE + 2)
    assert views.load("b") == {}
    for other in (("encoder", "one"), (encoder_key(STAMP), "two")):
        assert SimulatedViews(catalogue, *other).stored() == {}


def test_views_of_other_pictures_are_neither_taken_nor_kept(catalogue: Catalogue) -> None:
    views = SimulatedViews(catalogue, encoder_key(STAMP), "one")
    views.put("a", ("x", "z"), {("x", 0): BASE, ("z", 1): BASE})
    views.put("gone", ("x",), {("x", 0): BASE})
    assert views.stored() == {}
    views.put("a", ("x",), {("x", 0): BASE})
    views.put("b", ("y",), {("y", 0): BASE})
    generation = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", "x")], generation)
    assert views.stored() == {"a": {("x", 0)}, "b": {("y", 0)}}
    # A picture more: which ones the rooms show by turns is another matter now.
    more = entry("a", "x")
    product = replace(more.product, images=("/a.jpg", "/more.jpg"))
    catalogue.put([replace(more, product=product, content_hashes=("x", "z"))], generation)
    assert views.stored() == {"b": {("y", 0)}}
    catalogue.remove(["b"])
    assert views.stored() == {}

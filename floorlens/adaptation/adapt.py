"""Adapting a catalogue: a projection fitted to the differences between its own products.

From the products' pictures alone: rooms are simulated with each product on their floor, and
Fisher's discriminant keeps the directions in which these products differ more than the rooms of one
do.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.adaptation.rooms import RoomView, simulate_view
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.rows import StoredProduct
from floorlens.catalogue.simulated_views import SimulatedViews, View
from floorlens.embedding.projection import (
    Projection,
    fit_products,
    load_projection,
    save_projection,
)
from floorlens.errors import (
    CatalogueError,
    FloorlensError,
    GenerationChanged,
    UsageError,
)
from floorlens.images.loading import load_photo
from floorlens.importing import batches, workers
from floorlens.models.stamp import Stamp
from floorlens.pipeline import product_textures
from floorlens.presets import Stages, encoder_key

VIEWS = 6
"""Simulated rooms of each product."""
LIMIT = 2000
"""Products that a projection is fitted on, at most."""
LEAST = 8
"""Different products below which there is nothing to fit."""
WORTH = 64
"""Different products below which a catalogue is adapted only if that is asked for.

So few do not tell what sets floors apart: adapted to 20 products, 5 graded rooms ranked worse.
"""
METRES = (0.4, 2.5)
"""How wide a product's picture is on the simulated floor, in metres: nobody says it."""
BOARDS = 0.5
"""Share of the rooms whose floor is laid of boards cut from the picture: it may show but one."""
SIMULATION = "2"
"""Part of every recipe and version: to be raised when simulated views or the fit change."""
TRIES = 3
"""How often it begins because another process rebuilds or adapts the catalogue meanwhile."""

Progress = Callable[[int, int], None]
"""Called after views are safely stored: (views that there are, of how many)."""


@dataclass(frozen=True)
class Unused:
    """A product that was left out of the fit, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class AdaptationReport:
    """What an adaptation did.

    Attributes:
        version: of the projection that is now in use.
        products: how many different products it was fitted on.
        views: simulated rooms of each.
        simulated: how many rooms were simulated now; the others were there already.
        described: how many products were described anew; 0 if that projection was in use already.
        unused: products of the sample whose pictures could not be used.
        seconds: that it took.
        not_synced: why the vector engine could not be told, if so; the next search tells it.
    """

    version: str
    products: int
    views: int
    simulated: int
    described: int
    unused: tuple[Unused, ...]
    seconds: float
    not_synced: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {
            "version": self.version,
            "products": self.products,
            "views": self.views,
            "simulated": self.simulated,
            "described": self.described,
            "unused": [{"id": product.id, "reason": product.reason} for product in self.unused],
            "seconds": self.seconds,
            "not_synced": self.not_synced,
        }


def can_adapt(catalogue: Catalogue, stages: Stages, *, asked: bool) -> bool:
    """Returns whether the embedder can adapt and there are enough different products.

    `asked`: whether it was asked for; what is done unasked must be worth it (`WORTH`).
    """
    least = LEAST if asked else WORTH
    return stages.embedder.projection is not None and len(_different(catalogue)) >= least


def adapt(
    catalogue: Catalogue,
    stages: Stages,
    *,
    max_megapixels: float,
    views: int = VIEWS,
    limit: int = LIMIT,
    seed: int = 0,
    progress: Progress | None = None,
) -> AdaptationReport:
    """Fits a projection to the catalogue's products and describes all of them with it.

    Searches go on with the old projection until the swap, which is one transaction. Interrupted,
    it goes on where it was. The same products give the same projection, in whatever order they
    were added; byte-identical ones count as one.

    Args:
        catalogue: whose live features `stages` made.
        stages: whose normaliser and embedder describe the simulated rooms.
        max_megapixels: larger pictures are refused.
        views: simulated rooms of each product.
        limit: at most so many products, drawn by `seed`, are used for the fit.
        seed: decides the sample and the rooms.
        progress: called after the rooms of each product are stored.

    Raises:
        UsageError: too few products, an embedder that cannot be adapted, or numbers out of range.
        CatalogueError: products lack base features; other processes rebuild it without a pause.
    """
    if views < 1 or seed < 0 or limit < LEAST:
        raise UsageError(
            f"an adaptation takes 1 or more views, a seed of 0 or more and a limit of {LEAST} or "
            f"more, not {views}, {seed} and {limit}"
        )
    if stages.embedder.projection is None:
        raise UsageError(
            f"the embedder {stages.embedder.stamp.model_id} has no projection: catalogues of the "
            f"preset {stages.preset.name!r} cannot be adapted"
        )
    started = time.perf_counter()
    tries = 1
    while True:
        try:
            work = _Adaptation(catalogue, stages, stages.embedder.projection, views, seed)
            return work.run(limit, max_megapixels, progress, started)
        except GenerationChanged:
            if tries == TRIES:
                raise
            tries += 1


def _different(catalogue: Catalogue) -> list[StoredProduct]:
    """Returns the products sorted by id; of byte-identical ones the first."""
    found: dict[tuple[str, ...], StoredProduct] = {}
    for stored in catalogue.embedded():
        found.setdefault(tuple(sorted(stored.content_hashes)), stored)
    return list(found.values())


def _sample(products: list[StoredProduct], limit: int, seed: int) -> list[StoredProduct]:
    """Returns at most `limit` of the products, in their order.

    Each product's own lot decides, so that one more product changes one of the sample.
    """

    def lot(stored: StoredProduct) -> bytes:
        return hashlib.sha256(f"{seed} {stored.product.id}".encode()).digest()

    chosen = {stored.product.id for stored in sorted(products, key=lot)[:limit]}
    return [stored for stored in products if stored.product.id in chosen]


def simulated_room(texture: NDArray[np.uint8], view: View, seed: int) -> RoomView:
    """Returns a room with a product's texture as its floor.

    Equal pictures, numbers of the view and seeds give equal rooms.
    """
    content_hash, number = view
    digest = hashlib.sha256(content_hash.encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:16], "big"), number])
    metres = float(np.exp(rng.uniform(np.log(METRES[0]), np.log(METRES[1]))))
    return simulate_view(texture, metres, rng, boards=bool(rng.random() < BOARDS))


class _Adaptation:
    """One try at adapting a catalogue."""

    def __init__(
        self, catalogue: Catalogue, stages: Stages, own: Projection, views: int, seed: int
    ) -> None:
        self.catalogue = catalogue
        self.stages = stages
        self.own = own
        self.views = views
        self.seed = seed
        self.stamp = stages.stamp()
        self.store = SimulatedViews(
            catalogue, encoder_key(self.stamp), f"simulation {SIMULATION}, seed {seed}"
        )

    def run(
        self, limit: int, max_megapixels: float, progress: Progress | None, started: float
    ) -> AdaptationReport:
        different = _different(self.catalogue)
        _enough(len(different))
        sample = _sample(different, limit, self.seed)
        made, unused = self._simulate(sample, max_megapixels, progress)
        left_out = {product.id for product in unused}
        sample = [stored for stored in sample if stored.product.id not in left_out]
        _enough(len(sample), unused)
        version = self._version(sample)
        described = 0
        if (self.catalogue.projections.in_use() or {}).get("version") != version:
            described = self._describe_all(self._fit(sample, version), len(sample))
        self.catalogue.projections.decline(False)
        return AdaptationReport(
            version=version,
            products=len(sample),
            views=self.views,
            simulated=made,
            described=described,
            unused=tuple(unused),
            seconds=time.perf_counter() - started,
        )

    def _version(self, sample: Sequence[StoredProduct]) -> str:
        parts = [
            *(SIMULATION, encoder_key(self.stamp), self.own.stamp.version, self.own.encoder),
            sorted(stored.content_hashes for stored in sample),
            *(self.seed, self.views),
        ]
        return "own-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    # -- simulated rooms -----------------------------------------------------------------------

    def _simulate(
        self, sample: Sequence[StoredProduct], max_megapixels: float, progress: Progress | None
    ) -> tuple[int, list[Unused]]:
        """Makes the views that are missing; returns how many, and what could not be used."""
        known = self.store.known()
        missing: dict[str, list[int]] = {}
        for stored in sample:
            there = {number for _, number in known.get(stored.product.id, ())}
            missing[stored.product.id] = [n for n in range(self.views) if n not in there]
        total = self.views * len(sample)
        done = total - sum(len(views) for views in missing.values())
        made, unused = 0, []

        def prepare(stored: StoredProduct) -> dict[View, NDArray[np.float16]] | Unused:
            try:
                return self._view_features(stored, missing[stored.product.id], max_megapixels)
            except FloorlensError as error:
                return Unused(stored.product.id, str(error))

        with workers() as pool:
            for batch in batches([stored for stored in sample if missing[stored.product.id]]):
                tasks = [pool.submit(prepare, stored) for stored in batch]
                for stored, task in zip(batch, tasks, strict=True):
                    outcome = task.result()
                    if isinstance(outcome, Unused):
                        unused.append(outcome)
                    else:
                        self.store.put(stored.product.id, stored.content_hashes, outcome)
                        made += len(outcome)
                    done += len(missing[stored.product.id])
                    if progress is not None:
                        progress(done, total)
        return made, unused

    def _view_features(
        self, stored: StoredProduct, wanted: Sequence[int], max_megapixels: float
    ) -> dict[View, NDArray[np.float16]]:
        """Returns the features of the views of these numbers: they show the pictures by turns."""
        photos = []
        for path, content_hash in zip(stored.product.images, stored.content_hashes, strict=True):
            photos.append(load_photo(Path(path), max_megapixels=max_megapixels))
            if photos[-1].content_hash != content_hash:
                raise CatalogueError(f"{path}: is another picture than was indexed: index it again")
        textures = list(product_textures(photos, self.stages).items())
        made = {}
        for number in wanted:
            content_hash, texture = textures[number % len(textures)]
            view = (content_hash, number)
            room = simulated_room(texture, view, self.seed)
            floor = self.stages.normaliser.view(room.rgb, room.mask)
            made[view] = self.stages.embedder.features([floor])[0].base
        return made

    # -- projection ----------------------------------------------------------------------------

    def _fit(self, sample: Sequence[StoredProduct], version: str) -> Projection:
        own_stamp = self.own.stamp
        stamp = Stamp(
            model_id=own_stamp.model_id,
            version=version,
            dimension=own_stamp.dimension,
            licence=own_stamp.licence,
            preprocessing=own_stamp.preprocessing,
        )
        # Of many products' own differences the prior only takes away.
        prior = self.stages.embedder.prior if len(sample) < WORTH else None
        fitted = fit_products(self._rows(sample), stamp, self.own.encoder, prior=prior)
        file = io.BytesIO()
        save_projection(fitted, file)
        file.seek(0)
        # What is stored is rounded: vectors are made with that, now and later.
        return load_projection(file)

    def _rows(self, sample: Sequence[StoredProduct]) -> Iterator[NDArray[np.float16]]:
        """Yields the features of each product's own pictures and simulated rooms, (n, d0)."""
        for batch in batches(sample):
            own = self.catalogue.base_features([s.product.id for s in batch], self.stamp)
            for stored in batch:
                there = self.store.load(stored.product.id)
                views = {number: base for (_, number), base in there.items()}
                if stored.product.id not in own or not views.keys() >= set(range(self.views)):
                    # Replaced or removed since the sample was taken.
                    raise GenerationChanged(
                        f"product {stored.product.id!r} was changed by another process while the "
                        "catalogue was adapted: adapt it again"
                    )
                bases = [own[stored.product.id].base, *(views[n] for n in range(self.views))]
                yield np.concatenate(bases)

    def _describe_all(self, projection: Projection, products: int) -> int:
        """Describes every product from its stored features, and swaps; returns how many."""
        catalogue, embedder = self.catalogue, self.stages.embedder
        made_from = {"products": products, "views": self.views, "seed": self.seed}
        generation = catalogue.begin_rebuild(
            self.stamp, projection, made_from=made_from, alone=False
        )
        # A generation begun earlier keeps the projection that it was begun with.
        projection = catalogue.projections.get(projection.stamp.version)
        described: set[str] = set()
        with workers() as pool:
            # Another process may add or change products meanwhile, also between the last look and
            # the swap, which then refuses: go round until none is missing.
            while (missing := catalogue.missing_features(generation)) or not catalogue.swap(
                generation, same_encoder=True
            ):
                for batch in batches(missing):
                    stored = {item.product.id: item for item in batch}
                    features = catalogue.base_features(list(stored), self.stamp)
                    there = catalogue.stored(list(stored), generation)
                    lost = [name for name in there if name not in features]
                    if lost:
                        raise CatalogueError(
                            f"product {lost[0]!r} has no stored features: run `floorlens index "
                            f"--rebuild --catalogue {catalogue.location}`"
                        )
                    tasks = {
                        name: pool.submit(embedder.describe, made, projection)
                        for name, made in features.items()
                    }
                    catalogue.put_embeddings(
                        [(stored[name], task.result()) for name, task in tasks.items()], generation
                    )
                    described.update(tasks)
        return len(described)


def _enough(count: int, unused: Sequence[Unused] = ()) -> None:
    if count >= LEAST:
        return
    why = f", and {len(unused)} whose pictures cannot be used: {unused[0].reason}" if unused else ""
    raise UsageError(
        f"adaptation needs at least {LEAST} different products: this catalogue has {count}{why}"
    )

"""Adapting a catalogue: a projection fitted to the differences between its own products.

It takes the products' pictures, and room photos whose product is known, in three steps:

1. `simulate`: rooms are simulated with each product on their floor, and their features stored.
2. `fit`: Fisher's discriminant takes the directions in which these products differ more than the
   rooms of one do, and than real rooms differ from swatches (`fitting.py`): in the pairs that the
   package knows, and in those of the catalogue's own list (`pairs.py`), if they help
   (`validation.py`).
3. `describe_anew`: every product gets the embedding that this projection makes of its features.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.adaptation.fitting import Knowledge, fit
from floorlens.adaptation.pairs import PairRow, check_enough_rooms, describe_rooms, read_rooms
from floorlens.adaptation.rooms import RoomView, simulate_view
from floorlens.adaptation.validation import Ranker, Validation, validate
from floorlens.catalogue.batches import Progress, batches, workers
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.known_rooms import KnownRoom, KnownRooms
from floorlens.catalogue.rows import StoredProduct
from floorlens.catalogue.simulated_views import SimulatedViews, View
from floorlens.embedding.projection import SHARE, Projection
from floorlens.embedding.scatter import PairScatter, scatter_of
from floorlens.errors import (
    CatalogueError,
    FloorlensError,
    GenerationChanged,
    UsageError,
)
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.models.stamp import encoder_key
from floorlens.normalisation import FloorView
from floorlens.pipeline import product_textures
from floorlens.presets import Stages

VIEWS = 6
"""Simulated rooms of each product."""
SPACING = 3
"""Every so many-th patch of a simulated room is described: that costs as much as simulating it, and
another room tells more than more of one (two rooms, MRR .550 with 4 patches, .559 with 12; one
room with 12: .552)."""
LIMIT = 2000
"""Products that a projection is fitted on, at most."""
LEAST = 8
"""Different products below which there is nothing to fit."""
WORTH = 64
"""Different products below which a catalogue is adapted only if that is asked for.

So few do not tell what sets floors apart: adapted to 20 products, 5 graded rooms ranked worse.
"""
METRES = (0.4, 2.5)
"""How wide a product's picture is on the simulated floor, in metres: a picture does not say it."""
BOARDS = 0.5
"""Share of the rooms whose floor is laid of boards cut from the picture: it may show only one."""
SIMULATION = "3"
"""Part of every recipe and version: to be raised when simulated views or the fit change."""
TRIES = 3
"""How often it begins where other processes rebuild or adapt the catalogue meanwhile."""


@dataclass(frozen=True)
class Unused:
    """A product that the fit leaves out, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class PairsReport:
    """What became of a list of pairs.

    Attributes:
        rows: one for each row of the list, in its order.
        validation: how rooms find their products in an adaptation to the products alone, and in
            one with the list.
        removals: how many rooms of an earlier list were forgotten since this one brings no gain.
    """

    rows: tuple[PairRow, ...]
    validation: Validation
    removals: int = 0

    @property
    def used(self) -> bool:
        """Whether the catalogue learned from it: only if more is found with it."""
        return self.validation.gain

    @property
    def failed(self) -> tuple[PairRow, ...]:
        """The rows that cannot be used."""
        return tuple(row for row in self.rows if row.reason is not None)

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        failed = len(self.failed)
        return {
            "counts": {"usable": len(self.rows) - failed, "failed": failed},
            "used": self.used,
            "removals": self.removals,
            **self.validation.as_dict(),
            "rows": [row.as_dict() for row in self.rows],
        }


@dataclass(frozen=True)
class AdaptationReport:
    """What an adaptation did.

    Attributes:
        version: of the projection that is now in use.
        products: how many different products it was fitted on.
        views: simulated rooms of each.
        simulated: how many rooms were simulated now; the others were stored already.
        described: how many products were described anew; 0 if that projection was in use already.
        unused: products of the sample whose pictures, or known rooms, could not be used.
        seconds: how long it took.
        rooms: how many known rooms it was fitted on beside them.
        pairs: what became of the list of pairs; None if none was given.
        adapted: whether the projection in use was fitted to the catalogue. It was not where a list
            of pairs brings no gain and the catalogue was not adapted before.
        not_synced: why the replica in the engine was not updated; None if it was. The next search
            updates it.
    """

    version: str
    products: int
    views: int
    simulated: int
    described: int
    unused: tuple[Unused, ...]
    seconds: float
    rooms: int = 0
    pairs: PairsReport | None = None
    adapted: bool = True
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
            "rooms": self.rooms,
            "pairs": None if self.pairs is None else self.pairs.as_dict(),
            "adapted": self.adapted,
            "not_synced": self.not_synced,
        }


@dataclass(frozen=True)
class Simulation:
    """What `simulate` did.

    Attributes:
        products: those of the sample whose rooms are all stored.
        rooms: how many were simulated now.
        unused: the others, whose pictures could not be used.
    """

    products: tuple[StoredProduct, ...]
    rooms: int
    unused: tuple[Unused, ...]


def can_adapt(catalogue: Catalogue, stages: Stages, *, on_request: bool) -> bool:
    """Returns whether the embedder can adapt and the catalogue has enough different products.

    Args:
        catalogue: to be adapted.
        stages: whose embedder would use the projection.
        on_request: whether a user asked for it: then `LEAST` products are enough, else `WORTH`.

    Example:
        >>> from floorlens import Floorlens
        >>> lens = Floorlens.open("catalogue/")
        >>> can_adapt(lens._catalogue, lens._stages, on_request=True)
        False
    """
    least = LEAST if on_request else WORTH
    return stages.embedder.projection is not None and len(_different(catalogue)) >= least


def adapt(
    catalogue: Catalogue,
    stages: Stages,
    *,
    max_megapixels: float,
    picture_seconds: float = PICTURE_SECONDS,
    views: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    pairs: Path | None = None,
    rooms: Path | None = None,
    progress: Progress | None = None,
    rooms_progress: Progress | None = None,
) -> AdaptationReport:
    """Fits a projection to the catalogue's products and describes all of them with it.

    Searches go on with the old projection until the swap, which is one transaction. Interrupted,
    it goes on where it was. The same products give the same projection, in whatever order they
    were added; byte-identical ones count as one.

    A list of pairs takes the place of the one before. It is learned from only if rooms find their
    products better with it than in an adaptation to the products alone, by cross-validation.
    Without a gain nothing changes, except that the rooms of an earlier list are forgotten: a
    catalogue that was fitted on them is adapted without. Known rooms are stored, and each later
    adaptation learns from them as well. If the catalogue was rebuilt with other models, their
    photos are described again.

    Args:
        catalogue: whose live features `stages` made.
        stages: whose normaliser and embedder describe the simulated rooms.
        max_megapixels: larger pictures are refused.
        picture_seconds: how long decoding one may take.
        views: simulated rooms of each product; None: `VIEWS`.
        limit: at most so many products, drawn by `seed`, are used for the fit; None: `LIMIT`.
        seed: decides the sample and the rooms.
        pairs: a list of room photos whose product is known (`pairs.read_pairs`).
        rooms: a folder beside the list's own in which the photos may lie.
        progress: called after the rooms of each product are stored, with how many there are.
        rooms_progress: called after each photo of the list, with how many are described.

    Raises:
        UsageError: too few products or usable pairs, an embedder that cannot be adapted, or numbers
            out of range.
        ProductSourceError: the list of pairs as a whole cannot be used.
        CatalogueError: products lack base features; other processes rebuild it without a pause.

    Example:
        >>> adapt(catalogue, stages, max_megapixels=120).products  # doctest: +SKIP
        236
    """
    views = VIEWS if views is None else views
    limit = LIMIT if limit is None else limit
    if views < 1 or seed < 0 or limit < LEAST:
        raise UsageError(
            f"an adaptation takes 1 or more views, a seed of 0 or more and a limit of {LEAST} or "
            f"more, not {views}, {seed} and {limit}"
        )
    own = stages.embedder.projection
    if own is None:
        raise UsageError(
            f"the embedder {stages.embedder.stamp.model_id} has no projection: catalogues of the "
            f"preset {stages.preset.name!r} cannot be adapted"
        )
    started = time.perf_counter()
    stamp = stages.stamp()
    store = SimulatedViews(catalogue, encoder_key(stamp), f"simulation {SIMULATION}, seed {seed}")
    known = KnownRooms(catalogue, encoder_key(stamp))
    unreadable_rooms = _describe_again(known, stages, max_megapixels, picture_seconds)
    earlier_rooms = known.load()
    removals = len(earlier_rooms) + len(known.of_others())
    pair_list = None
    if pairs is not None:
        pair_list = read_rooms(
            pairs,
            catalogue.embedded(),
            stages,
            folder=rooms,
            stored=earlier_rooms,
            max_megapixels=max_megapixels,
            picture_seconds=picture_seconds,
            progress=rooms_progress,
        )

    def attempt() -> AdaptationReport:
        products = _different(catalogue)
        _check_enough(len(products))
        sample = _draw_sample(products, limit, seed)
        simulation = simulate(
            sample,
            stages,
            store,
            views,
            seed,
            max_megapixels=max_megapixels,
            picture_seconds=picture_seconds,
            progress=progress,
        )
        count = len(simulation.products)
        _check_enough(count, simulation.unused)
        searched = {stored.product.id: stored for stored in catalogue.embedded()}
        all_rooms = known.load() if pair_list is None else pair_list.rooms
        usable_rooms = [room for room in all_rooms if room.photo.product_id in searched]
        if pairs is not None and pair_list is not None:
            # Their products may have been removed since the list was read.
            check_enough_rooms(pairs, usable_rooms, list(searched.values()), pair_list.rows)
        in_use = catalogue.projections.in_use() or {}
        outcome = AdaptationReport(
            version=str(in_use.get("version")),
            products=count,
            views=views,
            simulated=simulation.rooms,
            described=0,
            unused=(*simulation.unused, *unreadable_rooms),
            seconds=0,
        )

        def knowledge() -> Knowledge:
            return _knowledge(
                catalogue,
                stages,
                _feature_rows(catalogue, store, simulation.products, stamp, views),
                count,
                sorted({room.photo.product_id for room in usable_rooms}),
            )

        facts = None
        if pair_list is not None:
            facts = knowledge()
            # Not the projection in use: it may lack products, or be the package's own. What an
            # adaptation to the products brings is no merit of the list.
            before = fit(facts, own, "before")
            ranker = Ranker(catalogue, stages, list(searched.values()))
            validation = validate(usable_rooms, ranker, before, partial(fit, facts, own, "after"))
            report = PairsReport(pair_list.rows, validation, 0 if validation.gain else removals)
            outcome = replace(outcome, pairs=report)
            if not validation.gain:
                usable_rooms = []
            known.replace(usable_rooms)
            if not validation.gain and not in_use.get("rooms"):
                seconds = time.perf_counter() - started
                return replace(outcome, adapted="products" in in_use, seconds=seconds)
        version = _version(
            simulation.products,
            stamp,
            own,
            views,
            seed,
            stages.embedder.pairs,
            [
                (room.photo.content_hash, searched[room.photo.product_id].content_hashes)
                for room in usable_rooms
            ],
        )
        described = 0
        if in_use.get("version") != version:
            made_from = {"products": count, "views": views, "seed": seed}
            if usable_rooms:
                made_from["rooms"] = len(usable_rooms)
            projection = fit(facts or knowledge(), own, version, usable_rooms)
            described = describe_anew(catalogue, stages, projection, made_from)
        catalogue.projections.decline(False)
        seconds = time.perf_counter() - started
        return replace(
            outcome, version=version, described=described, rooms=len(usable_rooms), seconds=seconds
        )

    for _ in range(TRIES - 1):
        try:
            return attempt()
        except GenerationChanged:
            continue
    return attempt()


# -- the three steps -------------------------------------------------------------------------------


def simulate(
    sample: Sequence[StoredProduct],
    stages: Stages,
    store: SimulatedViews,
    views: int,
    seed: int,
    *,
    max_megapixels: float,
    picture_seconds: float = PICTURE_SECONDS,
    progress: Progress | None = None,
) -> Simulation:
    """Simulates the rooms that are missing in the store; returns which products have all of theirs.

    Args:
        sample: the products.
        stages: whose normaliser and embedder take the features of the rooms.
        store: where the features go.
        views: how many rooms a product has.
        seed: decides the rooms.
        max_megapixels: larger pictures are refused.
        picture_seconds: how long decoding one may take.
        progress: called after the rooms of each product are stored, with how many there are.

    Example:
        >>> simulate(sample, stages, store, 6, 0, max_megapixels=120).rooms  # doctest: +SKIP
        1416
    """
    stored_views = store.stored()
    missing: dict[str, list[int]] = {}
    for stored in sample:
        numbers = {number for _, number in stored_views.get(stored.product.id, ())}
        missing[stored.product.id] = [n for n in range(views) if n not in numbers]
    total = views * len(sample)
    ready = total - sum(len(numbers) for numbers in missing.values())
    rooms, unused = 0, []

    def describe_rooms(stored: StoredProduct) -> dict[View, NDArray[np.float16]] | Unused:
        try:
            numbers = missing[stored.product.id]
            return _room_features(stored, numbers, stages, seed, max_megapixels, picture_seconds)
        except FloorlensError as error:
            return Unused(stored.product.id, str(error))

    with workers() as pool:
        for batch in batches([stored for stored in sample if missing[stored.product.id]]):
            tasks = [pool.submit(describe_rooms, stored) for stored in batch]
            for stored, task in zip(batch, tasks, strict=True):
                outcome = task.result()
                if isinstance(outcome, Unused):
                    unused.append(outcome)
                else:
                    store.put(stored.product.id, stored.content_hashes, outcome)
                    rooms += len(outcome)
                ready += len(missing[stored.product.id])
                if progress is not None:
                    progress(ready, total)
    without = {product.id for product in unused}
    usable = tuple(stored for stored in sample if stored.product.id not in without)
    return Simulation(usable, rooms, tuple(unused))


def describe_anew(
    catalogue: Catalogue, stages: Stages, projection: Projection, made_from: dict[str, int]
) -> int:
    """Describes every product from its stored features, and swaps; returns how many.

    Args:
        catalogue: whose products are described.
        stages: whose embedder describes them.
        projection: which it describes them with. One of its version that is stored already is
            taken in its place.
        made_from: what it was fitted on, stored with it.

    Raises:
        CatalogueError: a product has no stored features.
        GenerationChanged: another process rebuilds or adapts the catalogue.

    Example:
        >>> made_from = {"products": 236, "views": 6, "seed": 0}
        >>> describe_anew(catalogue, stages, projection, made_from)  # doctest: +SKIP
        236
    """
    stamp, embedder = stages.stamp(), stages.embedder
    generation = catalogue.generations.begin(stamp, projection, made_from=made_from, alone=False)
    # A generation begun earlier keeps the projection that it was begun with.
    projection = catalogue.projections.get(projection.stamp.version)
    described: set[str] = set()
    with workers() as pool:

        def fill(batch: Sequence[StoredProduct]) -> tuple[str, ...]:
            stored = {item.product.id: item for item in batch}
            features = catalogue.base_features(list(stored), stamp)
            present = catalogue.stored(list(stored), generation)
            gaps = [name for name in present if name not in features]
            if gaps:
                raise CatalogueError(
                    f"product {gaps[0]!r} has no stored features: run `floorlens index "
                    f"--rebuild --catalogue {catalogue.location}`"
                )
            tasks = {
                name: pool.submit(embedder.describe, base, projection)
                for name, base in features.items()
            }
            catalogue.generations.put_embeddings(
                [(stored[name], task.result()) for name, task in tasks.items()], generation
            )
            described.update(tasks)
            return ()

        catalogue.generations.fill_and_swap(generation, fill, same_encoder=True)
    return len(described)


# -- products, rooms and features ------------------------------------------------------------------


def simulated_room(texture: NDArray[np.uint8], view: View, seed: int) -> RoomView:
    """Returns a room with a product's texture as its floor.

    Equal pictures, numbers of the view and seeds give equal rooms.

    Args:
        texture: uint8 (h, w, 3) sRGB.
        view: the picture's content hash, and the number of the view.
        seed: of the adaptation.

    Example:
        >>> room = simulated_room(np.full((64, 64, 3), 128, np.uint8), ("00ff", 0), seed=0)
        >>> room.rgb.shape[:2] == room.mask.shape
        True
    """
    content_hash, number = view
    digest = hashlib.sha256(content_hash.encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:16], "big"), number])
    metres = float(np.exp(rng.uniform(np.log(METRES[0]), np.log(METRES[1]))))
    return simulate_view(texture, metres, rng, boards=bool(rng.random() < BOARDS))


def _different(catalogue: Catalogue) -> list[StoredProduct]:
    """Returns the products sorted by id; of byte-identical ones the first."""
    products: dict[tuple[str, ...], StoredProduct] = {}
    for stored in catalogue.embedded():
        products.setdefault(tuple(sorted(stored.content_hashes)), stored)
    return list(products.values())


def _draw_sample(products: list[StoredProduct], limit: int, seed: int) -> list[StoredProduct]:
    """Returns at most `limit` of the products, in their order.

    Each product's own lot decides, so that one more product changes one of the sample.
    """

    def lot(stored: StoredProduct) -> bytes:
        return hashlib.sha256(f"{seed} {stored.product.id}".encode()).digest()

    first = {stored.product.id for stored in sorted(products, key=lot)[:limit]}
    return [stored for stored in products if stored.product.id in first]


def _check_enough(count: int, unused: Sequence[Unused] = ()) -> None:
    if count >= LEAST:
        return
    why = f", and {len(unused)} whose pictures cannot be used: {unused[0].reason}" if unused else ""
    raise UsageError(
        f"adaptation needs at least {LEAST} different products: this catalogue has {count}{why}"
    )


def _knowledge(
    catalogue: Catalogue,
    stages: Stages,
    rows: Iterable[NDArray[np.float16]],
    count: int,
    room_products: Sequence[str],
) -> Knowledge:
    """Returns what a fit takes.

    Args:
        catalogue: whose products they are.
        stages: whose embedder knows a prior and other pairs.
        rows: the features of each product of the sample.
        count: how many these are.
        room_products: the ids of the products of the known rooms.
    """
    features = catalogue.base_features(room_products, stages.stamp())
    if features.keys() != set(room_products):
        raise GenerationChanged("products were removed by another process meanwhile: adapt again")
    return Knowledge(
        scatter=scatter_of(rows),
        # A prior only takes away from what many products say of their own differences.
        prior=stages.embedder.prior if count < WORTH else None,
        pairs=stages.embedder.pairs,
        features=features,
    )


def _describe_again(
    known: KnownRooms, stages: Stages, max_megapixels: float, picture_seconds: float
) -> list[Unused]:
    """Describes the known rooms of other models with these; returns those that cannot be read.

    They stay, so that the next adaptation tries again.
    """
    photos = known.of_others()
    outcomes = describe_rooms(
        photos, stages, max_megapixels=max_megapixels, picture_seconds=picture_seconds
    )
    known.add([outcome for outcome in outcomes if isinstance(outcome, KnownRoom)])
    return [
        Unused(photo.product_id, f"its room {outcome}")
        for photo, outcome in zip(photos, outcomes, strict=True)
        if isinstance(outcome, str)
    ]


def _version(
    products: Sequence[StoredProduct],
    stamp: dict[str, Any],
    own: Projection,
    views: int,
    seed: int,
    pairs: PairScatter | None,
    rooms: Sequence[tuple[str, tuple[str, ...]]],
) -> str:
    """Returns the projection's version, equal for equal products, models, pairs and recipes.

    `rooms` are the hashes of each known room and of its product's pictures.
    """
    parts = [
        *(SIMULATION, encoder_key(stamp), own.stamp.version, own.encoder),
        sorted(stored.content_hashes for stored in products),
        *(seed, views),
        *(SHARE, None if pairs is None else pairs.version),
        *([sorted(rooms)] if rooms else []),
    ]
    return "own-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _room_features(
    stored: StoredProduct,
    numbers: Sequence[int],
    stages: Stages,
    seed: int,
    max_megapixels: float,
    picture_seconds: float,
) -> dict[View, NDArray[np.float16]]:
    """Returns the features of the views of these numbers: they show the pictures by turns."""
    photos = []
    for path, content_hash in zip(stored.product.images, stored.content_hashes, strict=True):
        photos.append(
            decode_photo(Path(path), max_megapixels=max_megapixels, seconds=picture_seconds)
        )
        if photos[-1].content_hash != content_hash:
            raise CatalogueError(f"{path}: is another picture than was indexed: index it again")
    textures = list(product_textures(photos, stages).items())
    features = {}
    for number in numbers:
        content_hash, texture = textures[number % len(textures)]
        view = (content_hash, number)
        room = simulated_room(texture, view, seed)
        floor = _thinned(stages.normaliser.view(room.rgb, room.mask))
        features[view] = stages.embedder.features({"scene": floor}).base
    return features


def _thinned(view: FloorView) -> FloorView:
    """Returns every `SPACING`-th patch of a view, one of each size."""
    return replace(
        view, patches=view.patches[::SPACING], coverage=view.coverage[::SPACING], places=None
    )


def _feature_rows(
    catalogue: Catalogue,
    store: SimulatedViews,
    products: Sequence[StoredProduct],
    stamp: dict[str, Any],
    views: int,
) -> Iterator[NDArray[np.float16]]:
    """Yields the features of each product's own pictures and simulated rooms, (n, d0)."""
    for batch in batches(products):
        own = catalogue.base_features([stored.product.id for stored in batch], stamp)
        for stored in batch:
            name = stored.product.id
            rooms = {number: base for (_, number), base in store.load(name).items()}
            if name not in own or not rooms.keys() >= set(range(views)):
                # Replaced or removed since the sample was drawn.
                raise GenerationChanged(
                    f"product {name!r} was changed by another process while the catalogue was "
                    "adapted: adapt it again"
                )
            yield np.concatenate([own[name].base, *(rooms[number] for number in range(views))])

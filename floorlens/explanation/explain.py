"""The journey of a photo to one product: where they are alike, and in what they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute
from floorlens.attributes.measuring import measure
from floorlens.attributes.vocabulary import PIECE_SIZES
from floorlens.catalogue.generations import projection_version
from floorlens.embedding import Aspect, AspectName, FloorFeatures
from floorlens.embedding.pattern import CLASSES
from floorlens.embedding.projection import Projection
from floorlens.errors import CatalogueError, GenerationChanged
from floorlens.explanation import Explanation, Patch, PatchPair
from floorlens.explanation.above import floor_from_above, upright
from floorlens.explanation.correspondence import corresponding
from floorlens.explanation.originals import open_pictures
from floorlens.explanation.scaled import at_scale_of, first_swatch, floor_squares
from floorlens.explanation.squares import Surface
from floorlens.images.decoding import PICTURE_SECONDS
from floorlens.images.loading import MAX_MEGAPIXELS, Photo
from floorlens.normalisation import FloorView
from floorlens.pipeline import aspects_of, examine_product, floor_region, floor_view
from floorlens.presets import Stages
from floorlens.products.pictures import ProductPicture
from floorlens.ranking import Match
from floorlens.ranking.order import rank
from floorlens.ranking.reasons import Doubt, facts_of, sentence, with_attributes
from floorlens.recent import Recent
from floorlens.reranking import Comparison
from floorlens.search import Query, light_doubts, rank_floor
from floorlens.segmentation import ClickSource, FloorRegion, RegionSource

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.catalogue.rows import StoredProduct
    from floorlens.retrieval.retriever import Retriever

PAIRS = 4
"""Pairs of patches in an explanation, at most."""
COLOURS = 5
"""Colours of a palette."""
_RETRIES = 5
_FAR = 1e5


@dataclass(frozen=True)
class Described:
    """A product as the catalogue describes it now.

    Attributes:
        stored: the product, and the hashes of its pictures.
        features: of the product.
        projection: that describes it, and the query; None: the embedder alone.
    """

    stored: StoredProduct
    features: FloorFeatures
    projection: Projection | None


@dataclass(frozen=True, eq=False)
class FloorLook:
    """What explanations of one floor have in common: whoever compares several products, looks once.

    Attributes:
        view: of the floor.
        features: of that view.
        doubts: about the photo's light.
        attributes: measured from above.
        squares: of `scaled.floor_squares`.
    """

    view: FloorView
    features: FloorFeatures
    doubts: tuple[Doubt, ...]
    attributes: Mapping[str, Attribute]
    squares: tuple[Surface, NDArray[np.uint8]]


def explain(
    product_id: str,
    photo: Photo,
    *,
    catalogue: Catalogue,
    stages: Stages,
    retriever: Retriever,
    region: RegionSource | None = None,
    clicks: Iterable[ClickSource] = (),
    looks: Recent[FloorLook] | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
) -> Explanation:
    """Returns why a product is like the floor in a photo, as `Floorlens.compare` does.

    The product's pictures are opened again, since a catalogue does not store patches.

    Args:
        product_id: of the product.
        photo: the photo.
        catalogue: in which the product is.
        stages: which describe the photo.
        retriever: which searches the catalogue.
        region, clicks: as for `Floorlens.search`.
        looks: where floors that were just compared lie, and this one will.
        max_megapixels: larger product pictures are refused.
        picture_seconds: how long decoding one may take.

    Raises:
        ProductNotFound: the catalogue has no such product.
        ImageError: a picture of the product is not there any more, or cannot be read.
        CatalogueError: a picture is another one than was indexed.
        NoFloorFound, RegionError: as for `Floorlens.search`.

    Example:
        >>> explain("oak", photo, catalogue=catalogue, stages=stages,
        ...         retriever=retriever).reason  # doctest: +SKIP
        'same plank pattern, 4 % lighter'
    """
    described = _described(catalogue, product_id)
    product = described.stored.product
    pictures = list(open_pictures(described.stored, max_megapixels, picture_seconds))
    photos = [picture for _, picture in pictures]
    shown = examine_product(photos, stages)
    floor = floor_region(photo, stages, region, clicks)
    look = _look(photo, floor, stages, looks)
    view, features = look.view, look.features
    query, candidate = (
        stages.embedder.describe(each, described.projection).signature
        for each in (features, described.features)
    )
    comparison = stages.reranker.compare(query, [candidate])
    own: Mapping[str, Attribute] = catalogue.attributes.of([product_id]).get(product_id, {})
    facts = None
    if comparison.looks is not None:
        (facts,) = facts_of(comparison.looks, comparison.evidence, look.doubts)
        facts = with_attributes(facts, look.attributes, own)

    def match_within(limit: int | None) -> Match | None:
        result = rank_floor(
            Query(limit=limit),
            features,
            look.doubts,
            catalogue=catalogue,
            stages=stages,
            retriever=retriever,
        )
        return next((match for match in result.matches if match.product.id == product_id), None)

    match = match_within(stages.preset.rerank_depth) or match_within(None)
    match = _looked_at(match, product_id, comparison, stages)
    reason = "" if facts is None else sentence(facts)
    return Explanation(
        product=product,
        # A search has no time to measure the floor from above: one photo, one reason.
        match=None if match is None else replace(match, reason=reason),
        reason=reason,
        facts=facts,
        floor=floor,
        pairs=_pairs(
            view, features.aspects["scene"], pictures, shown, stages, described.projection
        ),
        floor_palette=palette(features.aspects["scene"].lab),
        product_palette=palette(next(iter(described.features.aspects.values())).lab),
        floor_attributes=look.attributes,
        product_attributes=own,
        squares=at_scale_of(look.squares, *first_swatch(zip(photos, shown, strict=True)), own),
    )


def _look(
    photo: Photo, floor: FloorRegion, stages: Stages, looks: Recent[FloorLook] | None
) -> FloorLook:
    """Returns what explanations of a floor have in common; made once where `looks` holds it."""
    if looks is None:
        return _new_look(photo, floor, stages)
    key = _look_key(photo, floor)
    look = looks.get(key)
    if look is None:
        look = _new_look(photo, floor, stages)
        looks.put(key, look)
    return look


def _look_key(photo: Photo, floor: FloorRegion) -> bytes:
    """Returns a hash of all that a look depends on."""
    facts = floor.confidence, floor.visible, floor.source, floor.reasons, floor.turn
    key = blake2b(repr((photo.pixels.shape, photo.size, facts)).encode())
    key.update(photo.pixels.tobytes())
    key.update(np.packbits(floor.working_mask).tobytes())
    return key.digest()


def _new_look(photo: Photo, floor: FloorRegion, stages: Stages) -> FloorLook:
    view = floor_view(photo, floor.working_mask, stages, floor.turn)
    features = stages.embedder.features({"scene": view})
    return FloorLook(
        view,
        features,
        light_doubts(photo, floor, features),
        floor_attributes(photo, floor, features.aspects["scene"]),
        floor_squares(*upright(photo, floor)),
    )


def floor_attributes(photo: Photo, floor: FloorRegion, scene: Aspect) -> dict[str, Attribute]:
    """Returns the attributes of a photo's floor, measured from above, by name.

    Sizes are left out: what a pixel of it measures, a photo does not tell. Empty where the pattern
    is not told, or the photo does not say from where it was taken.

    Args:
        photo: the photo.
        floor: its floor.
        scene: the features of that floor, which know its pattern.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> photo, stages = load_photo("room.jpg"), fake_stages()
        >>> floor = floor_region(photo, stages)
        >>> view = floor_view(photo, floor.working_mask, stages)
        >>> scene = stages.embedder.features({"scene": view}).aspects["scene"]
        >>> floor_attributes(photo, floor, scene)
        {}
    """
    if scene.facts.shape != (len(CLASSES),):
        return {}
    above = floor_from_above(photo, floor)
    if above is None:
        return {}
    values = measure(above.rgb, above.mask, scene.facts)
    return {name: value for name, value in values.items() if name not in PIECE_SIZES}


def palette(lab: NDArray[np.floating], count: int = COLOURS) -> NDArray[np.float32]:
    """Returns float32 (count, 3): the mean colours of equal parts of a floor, from dark to light.

    Args:
        lab: (m, 3), CIELAB colours of the floor, m >= 1.
        count: of parts.

    Example:
        >>> lab = np.array([[70, 5, 20], [30, 5, 10], [50, 5, 15], [50, 5, 15]])
        >>> palette(lab, 2).tolist()
        [[40.0, 5.0, 12.5], [60.0, 5.0, 17.5]]
    """
    rows = np.asarray(lab, np.float32)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    # Of fewer colours than parts, some are in several.
    rows = np.repeat(rows, -(-count // len(rows)), axis=0) if len(rows) < count else rows
    return np.stack([part.mean(axis=0) for part in np.array_split(rows, count)])


def _described(catalogue: Catalogue, product_id: str) -> Described:
    for _ in range(_RETRIES):
        catalogue.product(product_id)
        stamp: Mapping[str, Any] = catalogue.live_stamp() or {}
        stored = catalogue.stored([product_id], -1).get(product_id)
        own = catalogue.base_features([product_id], stamp).get(product_id)
        version = projection_version(stamp)
        try:
            projection = None if version is None else catalogue.projections.get(version)
        except GenerationChanged:
            # Another process has just adapted the catalogue.
            continue
        if stored is None or own is None:
            continue
        return Described(stored, own, projection)
    raise CatalogueError(
        f"product {product_id!r} has no features that can be compared: run `floorlens index "
        f"--rebuild --catalogue {catalogue.location}`"
    )


def _looked_at(
    match: Match | None,
    product_id: str,
    comparison: Comparison,
    stages: Stages,
) -> Match | None:
    """Returns the match, with components where it had none."""
    if match is None or match.components is not None:
        return match
    (place,) = rank([product_id], comparison, stages.reranker.weights)
    return replace(match, components=place.components, evidence=place.evidence)


def _pairs(
    view: FloorView,
    scene: Aspect,
    pictures: Sequence[tuple[str, Photo]],
    shown: Sequence[ProductPicture],
    stages: Stages,
    projection: Projection | None,
) -> tuple[PatchPair, ...]:
    """Returns the pairs of patches of the photo's view and of the product's pictures."""
    rows, patches, spots = [], [], []
    for number, (path, aspect, product_view) in enumerate(_product_views(pictures, shown, stages)):
        features = stages.embedder.features({aspect: product_view}).aspects[aspect]
        rows.append(_projected(features.base, projection))
        patches += [
            Patch(pixels, place, path)
            for pixels, place in zip(product_view.patches, _places(product_view), strict=True)
        ]
        if product_view.places is not None:
            # Spots of different pictures are far from each other.
            spots.append(product_view.places + np.array([number * _FAR, 0, 0], np.float32))
    pairs = corresponding(
        _projected(scene.base, projection),
        np.concatenate(rows),
        PAIRS,
        view.places,
        np.concatenate(spots) if len(spots) == len(rows) else None,
    )
    places = _places(view)
    return tuple(
        PatchPair(Patch(view.patches[one], places[one]), patches[other], cosine)
        for one, other, cosine in pairs
    )


def _product_views(
    pictures: Sequence[tuple[str, Photo]], shown: Sequence[ProductPicture], stages: Stages
) -> list[tuple[str, AspectName, FloorView]]:
    """Returns path, aspect and view of each picture that describes the product."""
    views: list[tuple[str, AspectName, FloorView]] = []
    for (path, photo), picture, aspect in zip(pictures, shown, aspects_of(shown), strict=True):
        if aspect == "scene":
            views.append((path, aspect, floor_view(photo, picture.mask, stages)))
        elif aspect == "swatch":
            view = stages.normaliser.view(*picture.product(photo.pixels))
            views.append((path, aspect, view))
    return views


def _projected(base: NDArray[np.float16], projection: Projection | None) -> NDArray[np.float32]:
    return base.astype(np.float32) if projection is None else projection.apply(base)


def _places(view: FloorView) -> list[tuple[float, float, float] | None]:
    if view.places is None:
        return [None] * len(view.patches)
    return [(x, y, side) for x, y, side in view.places.tolist()]

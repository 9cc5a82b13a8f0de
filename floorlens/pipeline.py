"""The pipeline on one picture: photo -> floor region -> view -> features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.attributes import Attribute
from floorlens.attributes.measuring import measure
from floorlens.attributes.vocabulary import PIECE_SIZES
from floorlens.embedding import ASPECTS, AspectName, FloorFeatures
from floorlens.embedding.pattern import CLASSES, WOODEN
from floorlens.images.loading import Photo
from floorlens.normalisation import Cuts, FloorView, RenewingNormaliser
from floorlens.normalisation.squares import cleanest_square
from floorlens.presets import Stages
from floorlens.products.boards import lay_boards, lay_herringbone
from floorlens.products.pictures import (
    SURELY_VISIBLE,
    VISIBLE,
    ProductPicture,
    examine,
    may_be_room,
    room_scene,
    without_overlays,
)
from floorlens.products.placeholders import is_drawing
from floorlens.products.prints import NOTHING, Print, print_of
from floorlens.segmentation import Click, ClickSource, FloorRegion, RegionSource
from floorlens.segmentation.bars import inside_bars
from floorlens.segmentation.clicks import parse_clicks
from floorlens.segmentation.framing import whole
from floorlens.segmentation.region import (
    correct_region,
    region_by_hand,
    region_from_probability,
)
from floorlens.segmentation.upright import segment_upright

MOST_SCENES = 3
"""Room scenes that describe a product, at most: the first ones."""
SCENE_PATCHES = 24
"""Patches of all room scenes of a product, at most; of several scenes an even sample of each."""
LAID_SHEETS, LAID_PATCHES, LAID_SIDE = 2, 3, 480
"""Floors that are laid of one board in each pattern, patches of each, its longer side in pixels."""


def floor_region(
    photo: Photo,
    stages: Stages,
    region: RegionSource | None = None,
    clicks: Iterable[ClickSource] = (),
) -> FloorRegion:
    """Returns the floor of a room photo: found by the segmenter or drawn by hand, then corrected.

    Args:
        photo: the photo.
        stages: whose segmenter finds the floor, or says how far a click reaches.
        region: the floor by hand, in pixels of the upright photo (see `region_by_hand`), or what
            was found in this photo before, which spares the segmenter's first look.
        clicks: corrections, in pixels of the upright photo (see `parse_clicks`). One on floor says
            that there is a floor, however little of one the segmenter sees.

    Raises:
        NoFloorFound: the segmenter finds none, and no click says otherwise.
        RegionError: the region or a click is not usable, or the clicks leave nothing of the floor.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> floor_region(load_photo("room.jpg"), fake_stages(), region=(0, 384, 1024, 768)).share
        0.5
    """
    points, preset = parse_clicks(photo, clicks), stages.preset
    if region is None:
        return _automatic_region(photo, stages, points)
    if isinstance(region, FloorRegion):
        if region.working_mask.shape == photo.pixels.shape[:2]:
            if not points:
                return region
            if region.source == "automatic":
                return _automatic_region(photo, stages, points, region)
        base = replace(region_by_hand(photo, region.working_mask), turn=region.turn)
    else:
        base = region_by_hand(photo, region)
    if not points:
        return base
    suggestion = stages.segmenter.segment(photo.pixels, points) if preset.takes_clicks else None
    return correct_region(photo, base, suggestion, points, threshold=preset.mask_threshold)


def _automatic_region(
    photo: Photo, stages: Stages, clicks: tuple[Click, ...], base: FloorRegion | None = None
) -> FloorRegion:
    """Returns the floor of a photo as the segmenter finds it and clicks correct it.

    Args:
        photo: the photo.
        stages: whose segmenter finds the floor.
        clicks: the corrections.
        base: what the segmenter found without them; None: it looks.
    """
    preset = stages.preset
    framing = inside_bars(photo.pixels)
    if not all(framing.holds(click) for click in clicks if click.floor):
        # Whoever clicks on a bar says that it is none.
        framing, base = whole(photo), None
    if base is None:
        framing, answer = segment_upright(photo, framing, stages.segmenter, preset.sure_visible)
        upright, points = framing.cut(photo), framing.clicks(clicks)
        floor_clicked = any(click.floor for click in points)
        region = region_from_probability(
            upright,
            answer,
            threshold=preset.mask_threshold,
            min_visible=0 if floor_clicked else preset.min_visible,
            min_share=0 if floor_clicked else preset.min_share,
            sure_visible=0 if floor_clicked else preset.sure_visible,
        )
        base = framing.restored(region, photo)
    else:
        framing = replace(framing, turn=base.turn)
        upright, points = framing.cut(photo), framing.clicks(clicks)
        region = framing.region(base, photo)
    if not points:
        return base
    suggestion = stages.segmenter.segment(upright.pixels, points) if preset.takes_clicks else None
    corrected = correct_region(upright, region, suggestion, points, threshold=preset.mask_threshold)
    return replace(framing.restored(corrected, photo), base=base)


def floor_view(
    photo: Photo,
    mask: NDArray[np.bool_],
    stages: Stages,
    turn: int = 0,
    cuts: Cuts | None = None,
) -> FloorView:
    """Returns the floor of a room as it is seen and, where that is possible, from above as well.

    Both go into one set of patches: a bad estimate of the floor's plane must not sink a match.

    Args:
        photo: the photo.
        mask: bool (h, w), the floor, at the size of `photo.pixels`.
        stages: whose normaliser cuts the patches.
        turn: how many quarter turns clockwise make the photo upright (`FloorRegion.turn`).
        cuts: where patches of the same photo were cut before, with a mask that is much the same.
            Those are not cut again, and the floor's plane is taken as it was.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> photo = load_photo("room.jpg")
        >>> floor_view(photo, np.ones(photo.pixels.shape[:2], bool), fake_stages()).patches.ndim
        4
    """
    pixels = np.ascontiguousarray(np.rot90(photo.pixels, -turn))
    mask = np.ascontiguousarray(np.rot90(mask, -turn))
    # Side by side: most of the time goes into numpy and Pillow, which release the interpreter lock.
    with ThreadPoolExecutor(max_workers=1) as pool:
        normaliser = stages.normaliser
        if cuts is not None and isinstance(normaliser, RenewingNormaliser):
            if cuts.changed is not None:
                changed = np.ascontiguousarray(np.rot90(cuts.changed, -turn))
                cuts = replace(cuts, changed=changed)
            straightening = pool.submit(normaliser.renewed_straight, pixels, mask, cuts)
            view = normaliser.renewed_view(pixels, mask, cuts)
        else:
            straightening = pool.submit(normaliser.straightened, pixels, mask)
            view = normaliser.view(pixels, mask)
        above = straightening.result()
    if above is None:
        return view
    return replace(
        view,
        patches=np.concatenate([view.patches, above.patches]),
        coverage=np.concatenate([view.coverage, above.coverage]),
        places=(
            None
            if view.places is None or above.places is None
            else np.concatenate([view.places, above.places])
        ),
        straight=above.straight,
        plane=above.plane,
        earlier=(
            None
            if view.earlier is None or above.earlier is None
            else np.concatenate([view.earlier, above.earlier])
        ),
    )


def merge_views(views: Sequence[FloorView]) -> FloorView:
    """Returns one view of a floor that several pictures show.

    It has the patches of all, an equal share of the colours of each, and their mean trust.

    Example:
        >>> view = FloorView(np.zeros((2, 9, 9, 3), np.uint8), np.ones(2), np.zeros((5, 3)))
        >>> merge_views([view, view]).patches.shape
        (4, 9, 9, 3)
    """
    if len(views) == 1:
        return views[0]
    # Equal shares of each picture, so that the sample stays within a view's 4,096 colours.
    share = 4096 // len(views)
    return FloorView(
        patches=np.concatenate([view.patches for view in views]),
        coverage=np.concatenate([view.coverage for view in views]),
        lab=np.concatenate([view.lab[:: max(1, -(-len(view.lab) // share))] for view in views]),
        trust=np.mean([view.trust for view in views], axis=0),
    )


def examine_product(photos: Sequence[Photo], stages: Stages) -> list[ProductPicture]:
    """Returns what each picture of a product shows; only a likely room costs a segmentation.

    Where the preset takes product pictures whole, each is a swatch.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> photo = load_photo("products/oak-natural-plank.jpg")
        >>> [picture.kind for picture in examine_product([photo], fake_stages())]
        ['swatch']
    """
    if not stages.preset.examine_products:
        return [
            ProductPicture("swatch", np.ones(photo.pixels.shape[:2], np.bool_), 1.0)
            for photo in photos
        ]
    return [_examine(photo, stages) for photo in photos]


def aspects_of(pictures: Sequence[ProductPicture]) -> list[AspectName | None]:
    """Returns which aspect of the product each picture describes; None if it is left out.

    Rooms are scenes, of which the first `MOST_SCENES` count; everything else is a swatch. Drawings
    count only where there is nothing else.

    Example:
        >>> from floorlens.products.pictures import ProductPicture
        >>> mask = np.ones((2, 2), bool)
        >>> kinds = ("swatch", "room", "drawing")
        >>> aspects_of([ProductPicture(kind, mask, 1.0) for kind in kinds])
        ['swatch', 'scene', None]
    """
    drawings_alone = all(picture.kind == "drawing" for picture in pictures)
    aspects: list[AspectName | None] = []
    for picture in pictures:
        if picture.kind == "room":
            aspects.append("scene" if aspects.count("scene") < MOST_SCENES else None)
        else:
            aspects.append("swatch" if picture.kind != "drawing" or drawings_alone else None)
    return aspects


def product_features(
    photos: Sequence[Photo], stages: Stages, pictures: Sequence[ProductPicture] | None = None
) -> FloorFeatures:
    """Returns the features of a product: an aspect of all its swatches, one of its room scenes.

    The floor of a scene is described as that of a photo that is searched for. A swatch of one board
    is described together with floors that are laid of it.

    Args:
        photos: the pictures, at least one.
        stages: what describes them.
        pictures: what they show, in the same order; None: `examine_product` says it.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> photo = load_photo("products/oak-natural-plank.jpg")
        >>> list(product_features([photo], fake_stages()).aspects)
        ['swatch']
    """
    pictures = examine_product(photos, stages) if pictures is None else pictures
    views: dict[AspectName, list[FloorView]] = {name: [] for name in ASPECTS}
    for photo, picture, aspect in zip(photos, pictures, aspects_of(pictures), strict=True):
        if aspect == "scene":
            views[aspect].append(floor_view(photo, picture.mask, stages))
        elif aspect == "swatch":
            views[aspect].append(stages.normaliser.view(*picture.product(photo.pixels)))
    scenes = views["scene"]
    views["scene"] = [_thinned(view, SCENE_PATCHES // len(scenes)) for view in scenes]
    features = stages.embedder.features(
        {name: merge_views(views[name]) for name in ASPECTS if views[name]}
    )
    if not _shows_one_board(features, pictures):
        return features
    return _with_laid_views(features, next(iter(_swatches(photos, pictures).values())), stages)


def product_attributes(
    photos: Sequence[Photo], pictures: Sequence[ProductPicture], features: FloorFeatures
) -> dict[str, Attribute]:
    """Returns what a product is like, measured of its first swatch, by name (`attributes`).

    Of a product of room scenes alone it is measured on the floor of the first of them, which shows
    no sizes. Of drawings nothing is measured.

    Args:
        photos: its pictures, at least one.
        pictures: what they show, in the same order.
        features: of the product, which know its pattern.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> photo = load_photo("products/oak-natural-plank.jpg")
        >>> pictures = examine_product([photo], fake_stages())
        >>> features = product_features([photo], fake_stages(), pictures)
        >>> product_attributes([photo], pictures, features)["colour"].value
        'beige'
    """
    for aspect in ASPECTS:
        for photo, picture, shown in zip(photos, pictures, aspects_of(pictures), strict=True):
            if shown == aspect and picture.kind != "drawing":
                facts = features.aspects[aspect].facts
                pattern = facts if facts.shape == (len(CLASSES),) else None
                values = dict(measure(*picture.product(photo.pixels), pattern))
                if aspect == "scene":
                    for name in PIECE_SIZES:
                        values.pop(name, None)
                return values
    return {}


def product_prints(photos: Sequence[Photo], pictures: Sequence[ProductPicture]) -> dict[str, Print]:
    """Returns what tells each picture of a product from others, by content hash.

    The print of a room or a drawing is empty: it shows no floor from above.

    Args:
        photos: the pictures.
        pictures: what they show, in the same order, as `examine_product` says it.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> photos = [load_photo("products/oak-natural-plank.jpg")]
        >>> pictures = examine_product(photos, fake_stages())
        >>> product_prints(photos, pictures)[photos[0].content_hash].grey.shape
        (64, 64)
    """
    return {
        photo.content_hash: NOTHING
        if picture.kind in ("room", "drawing")
        else print_of(_texture(*picture.product(photo.pixels)))
        for photo, picture in zip(photos, pictures, strict=True)
    }


def product_textures(photos: Sequence[Photo], stages: Stages) -> dict[str, NDArray[np.uint8]]:
    """Returns what can be laid on a floor: uint8 (h, w, 3) sRGB of each of the product's
    swatches, or of its scenes where it has no others, by content hash, in their order.

    The whole product where it is an upright rectangle, else the largest clean square of it.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> photo = load_photo("products/oak-natural-plank.jpg")
        >>> [texture.shape == photo.pixels.shape
        ...  for texture in product_textures([photo], fake_stages()).values()]
        [True]
    """
    return _swatches(photos, examine_product(photos, stages))


def _swatches(
    photos: Sequence[Photo], pictures: Sequence[ProductPicture]
) -> dict[str, NDArray[np.uint8]]:
    aspects = aspects_of(pictures)
    wanted = "swatch" if "swatch" in aspects else "scene"
    return {
        photo.content_hash: _texture(*picture.product(photo.pixels))
        for photo, picture, aspect in zip(photos, pictures, aspects, strict=True)
        if aspect == wanted
    }


def _texture(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return pixels if mask.all() else cleanest_square(pixels, mask)


def _examine(photo: Photo, stages: Stages) -> ProductPicture:
    if is_drawing(photo.pixels, photo.opaque):
        return ProductPicture("drawing", np.ones(photo.pixels.shape[:2], np.bool_), 1.0)
    picture = examine(photo.pixels, photo.opaque)
    # Transparency and bars were made on purpose: what they leave is the product.
    made_so = picture.kind != "swatch" and (photo.opaque is not None or picture.alterations)
    if not made_so and may_be_room(photo.pixels):
        floor = stages.segmenter.segment(photo.pixels)
        visible = VISIBLE if picture.kind == "swatch" else SURELY_VISIBLE
        picture = room_scene(floor, stages.preset.mask_threshold, visible) or picture
    return without_overlays(photo.pixels, picture)


def _shows_one_board(features: FloorFeatures, pictures: Sequence[ProductPicture]) -> bool:
    """Returns whether a product's swatch is one board of wood, which says not how it is laid."""
    swatch = features.aspects.get("swatch")
    if swatch is None or not swatch.facts.size:
        return False
    one = float(swatch.facts[CLASSES.index("one board")])
    wood = one + float(swatch.facts[:WOODEN].sum())
    cut_out = all(picture.kind in ("boards", "room", "drawing") for picture in pictures)
    return (wood if cut_out else one) > 0.5


def _with_laid_views(
    features: FloorFeatures, board: NDArray[np.uint8], stages: Stages
) -> FloorFeatures:
    """Returns the features with patches of floors of the board, beside those of its swatch."""
    small = Image.fromarray(board)
    small.thumbnail((LAID_SIDE, LAID_SIDE))
    sheets = [
        lay(np.asarray(small), np.random.default_rng(seed))
        for lay in (lay_boards, lay_herringbone)
        for seed in range(LAID_SHEETS)
    ]
    views = [stages.normaliser.view(sheet, np.ones(sheet.shape[:2], np.bool_)) for sheet in sheets]
    # The first patches of a view are the largest, which show how boards lie.
    laid = merge_views([_first(view, LAID_PATCHES) for view in views])
    added = stages.embedder.features({"swatch": laid}).aspects["swatch"]
    swatch = features.aspects["swatch"]
    both = replace(
        swatch,
        base=np.concatenate([swatch.base, added.base]),
        coverage=np.concatenate([swatch.coverage, added.coverage]),
    )
    return FloorFeatures({**features.aspects, "swatch": both})


def _first(view: FloorView, count: int) -> FloorView:
    return replace(view, patches=view.patches[:count], coverage=view.coverage[:count], places=None)


def _thinned(view: FloorView, count: int) -> FloorView:
    """Returns the view with so many of its patches, evenly spread, or with all if it has fewer."""
    places = np.unique(np.linspace(0, len(view.patches) - 1, count).round().astype(np.intp))
    return replace(view, patches=view.patches[places], coverage=view.coverage[places], places=None)

"""Searches as a service answers them: kept, paged, and asked anew without another upload."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from floorlens.catalogue.narrowing import SearchFacets
from floorlens.errors import ImageError, ImageTimeout, RegionError, UsageError
from floorlens.explanation import Explanation
from floorlens.explanation.squares import OneScale, ScaledViews
from floorlens.images.containers import png_size
from floorlens.images.decoding import decode_photo
from floorlens.images.loading import WORKING_SIDE, Photo
from floorlens.images.masks import FULL_SIZE
from floorlens.lens import Floorlens
from floorlens.models.stamp import encoder_key
from floorlens.products.product import Product
from floorlens.ranking import SearchResult
from floorlens.recent import Recent
from floorlens.search import Sight, StageProgress
from floorlens.segmentation import Click, DrawnRegion, FloorRegion, RegionSource
from floorlens.service.cursors import Cursor, read_cursor, write_cursor
from floorlens.service.queries import Region, SearchQuery
from floorlens.service.searches import KeptSearch, Searches

_BLOCKS = (201, 1001, 5001)
"""Rankings are asked for in so many places, and then whole: an engine that looks at a part of its
vectors must look at the same part for the pages of one block."""

_EXPLANATIONS = 8
"""Of some megabytes each: those of a table of four products, and of a card."""


@dataclass(frozen=True)
class Answer:
    """A page of a ranking.

    Attributes:
        search: the search that was kept; None where none are kept.
        result: what was found; its matches are those of the page.
        total: how many products pass the filter, without those that are not liked.
        next_cursor: for the next page; None after the last one.
        catalogue_changed: whether the catalogue has changed since the page before, so that products
            may be missing or stand twice.
    """

    search: KeptSearch | None
    result: SearchResult
    total: int
    next_cursor: str | None = None
    catalogue_changed: bool = False


class Searching:
    """A catalogue with the searches that are kept of it. Safe to use from several threads.

    Args:
        lens: the catalogue.
        searches: the searches.
        max_megapixels: larger pictures are refused.
        picture_seconds: how long decoding one may take.
        seconds_left: returns how long whoever has called still waits: no picture takes longer.

    Example:
        >>> from floorlens.service.queries import SearchQuery
        >>> from floorlens.service.searches import Searches
        >>> from floorlens.service.store import Store
        >>> lens = Floorlens.open("catalogue/")
        >>> report = lens.add("products/")
        >>> searching = Searching(lens, Searches(Store("service/"), keep_hours=1, keep_mb=10))
        >>> from pathlib import Path
        >>> photo = Path("room.jpg").read_bytes()
        >>> answer = searching.search(None, [photo], SearchQuery((None,), ((),)), limit=2)
        >>> [match.product.id for match in answer.result]
        ['oak-natural-plank', 'walnut-herringbone']
        >>> page = searching.page(answer.search, limit=2, cursor=answer.next_cursor)
        >>> [match.product.id for match in page.result]
        ['terrazzo-grigio']
    """

    def __init__(
        self,
        lens: Floorlens,
        searches: Searches,
        *,
        max_megapixels: float = 120.0,
        picture_seconds: float = 30.0,
        seconds_left: Callable[[], float] = lambda: inf,
    ) -> None:
        self._lens, self.searches = lens, searches
        self._max_megapixels, self._picture_seconds = max_megapixels, picture_seconds
        self._seconds_left = seconds_left
        self._explanations = Recent[Explanation](_EXPLANATIONS)
        self._squares = Recent[OneScale](_EXPLANATIONS)

    def search(
        self,
        owner: str | None,
        files: Sequence[bytes],
        query: SearchQuery,
        *,
        limit: int,
        cursor: str | None = None,
        progress: StageProgress | None = None,
    ) -> Answer:
        """Returns a page of the ranking for photos, and keeps the search.

        Args:
            owner: the id of the key that asks.
            files: the photos, as files of pictures.
            query: what is asked of them.
            limit: of the page.
            cursor: where the page begins; None: with the closest product.
            progress: called with each stage's name before it begins.

        Raises:
            UsageError: the cursor is none of this search, or the query cannot be used.
            StateError: the search cannot be kept.
            FloorlensError: as for `Floorlens.search`.
        """
        started = time.perf_counter()
        hashes = [hashlib.sha256(file).hexdigest() for file in files]
        begin = None if cursor is None else read_cursor(cursor, _name(query, hashes))
        photos = [self.decode(file, progress) for file in files]
        regions = [
            self.region(region, photo.size, progress)
            for photo, region in zip(photos, query.regions, strict=True)
        ]
        decoded = time.perf_counter() - started
        sight = self._lens.see(
            photos,
            region=regions,
            clicks=list(query.clicks),
            progress=progress,
        )
        answer = self._rank(sight, query, hashes, limit, begin, progress)
        stored = time.perf_counter()
        search = self.searches.add(owner, query, sight, self._encoder(), photos)
        ended = time.perf_counter()
        timings = {
            **answer.result.timings,
            **{name: value for name, value in sight.timings.items() if name != "total"},
            "decode": decoded,
            "store": ended - stored,
            "total": ended - started,
        }
        return replace(answer, search=search, result=replace(answer.result, timings=timings))

    def refine(
        self,
        search: KeptSearch,
        owner: str | None,
        changes: Mapping[str, Any],
        *,
        limit: int,
        progress: StageProgress | None = None,
    ) -> Answer:
        """Returns the first page for the same photos with other wishes, and keeps that search.

        Nothing is embedded, unless regions or clicks are others.

        Args:
            search: the search that it begins with.
            owner: the id of the key that asks.
            changes: fields of `SearchQuery` with their new values; the others stay.
            limit, progress: as for `search`.

        Raises:
            SearchNotFound: the search has gone meanwhile.
            FloorlensError: as for `search`.
        """
        started = time.perf_counter()
        query = replace(search.query, **changes)
        if query.sees_as(search.query):
            sight, new_sight = self.sight(search, progress), None
        else:
            sight = new_sight = self._see_again(search, query, progress)
        # The same query is named the same for whoever sends the photos again.
        answer = self._rank(sight, query, self.searches.hashes(search), limit, None, progress)
        stored = time.perf_counter()
        encoder = self._encoder() if new_sight is not None else search.encoder
        refined = self.searches.refine(search, owner, query, new_sight, encoder)
        ended = time.perf_counter()
        timings = {
            **answer.result.timings,
            **{name: value for name, value in sight.timings.items() if name != "total"},
            "store": ended - stored,
            "total": ended - started,
        }
        return replace(answer, search=refined, result=replace(answer.result, timings=timings))

    def page(
        self,
        search: KeptSearch,
        *,
        limit: int,
        cursor: str | None = None,
        progress: StageProgress | None = None,
    ) -> Answer:
        """Returns a page of a search that is kept.

        Args:
            search: the search.
            limit, cursor, progress: as for `search`.

        Raises:
            UsageError: the cursor is none of this search.
            SearchNotFound: the search has gone meanwhile.
            FloorlensError: as for `Floorlens.rank`.
        """
        hashes = self.searches.hashes(search)
        begin = None if cursor is None else read_cursor(cursor, _name(search.query, hashes))
        sight = self.sight(search, progress)
        answer = self._rank(sight, search.query, hashes, limit, begin, progress)
        return replace(answer, search=search)

    def whole(self, search: KeptSearch, progress: StageProgress | None = None) -> SearchResult:
        """Returns the whole ranking of a search that is kept.

        Raises:
            FloorlensError: as for `page`.
        """
        return self._ranking(self.sight(search, progress), search.query, None, progress)

    def chosen(
        self, search: KeptSearch, ids: Sequence[str], progress: StageProgress | None = None
    ) -> SearchResult:
        """Returns some of the matches of a search, in the order of their ids.

        Args:
            search: the search.
            ids: of products; those that its ranking does not have are left out.
            progress: as for `page`.

        Raises:
            UsageError: the ranking has none of them.
            FloorlensError: as for `page`.
        """
        result = self.whole(search, progress)
        matches = {match.product.id: match for match in result.matches}
        chosen = tuple(matches[name] for name in dict.fromkeys(ids) if name in matches)
        if not chosen:
            raise UsageError.about("ids", "names no product of this ranking")
        return replace(result, matches=chosen)

    def facets(self, search: KeptSearch) -> SearchFacets:
        """Returns what the ranking of a search can be narrowed by; no model runs.

        Raises:
            FloorlensError: as for `Floorlens.search_facets`.
        """
        return self._lens.search_facets(search.query.where, without=search.query.unlike)

    def floor(self, search: KeptSearch, position: int) -> tuple[Photo, FloorRegion] | None:
        """Returns a photo of a search, from 0, and its floor; None where it shows none.

        Raises:
            SearchNotFound: the search has gone meanwhile.
        """
        floors = self.searches.sight(search).floors
        floor = floors[position] if position < len(floors) else None
        return None if floor is None else (self.searches.photos(search)[position], floor)

    def compare(self, search: KeptSearch, product_id: str, position: int) -> Explanation | None:
        """Returns why a product is like the floor of a search; None where the photo shows none.

        Args:
            search: the search.
            product_id: of the product.
            position: which of the photos, from 0.

        Raises:
            FloorlensError: as for `Floorlens.compare`.
        """
        place = self.floor(search, position)
        if place is None:
            return None
        photo, floor = place
        key = self._comparison_key(search, product_id, position)
        explanation = self._explanations.get(key)
        if explanation is None:
            explanation = self._lens.compare(photo, product_id, region=floor)
            self._explanations.put(key, explanation)
        return explanation

    def scaled_views(
        self, search: KeptSearch, product_id: str, position: int, *, even_light: bool, side: int
    ) -> ScaledViews | None:
        """Returns a floor of a search and a product at one scale; None where the photo shows none.

        Args:
            search: the search.
            product_id: of the product.
            position: which of the photos, from 0.
            even_light, side: as for `Floorlens.scaled_views`.

        Raises:
            FloorlensError: as for `Floorlens.scaled_views`.
        """
        place = self.floor(search, position)
        if place is None:
            return None
        photo, floor = place
        key = self._comparison_key(search, product_id, position)
        explanation = self._explanations.get(key)
        squares = self._squares.get(key) if explanation is None else explanation.squares
        if squares is None:
            # Another process compared, or none: both squares are going to be asked for.
            squares = self._lens.scaled_squares(photo, product_id, region=floor)
            self._squares.put(key, squares)
        return squares.views(side, even_light=even_light)

    def _comparison_key(self, search: KeptSearch, product_id: str, position: int) -> Hashable:
        """Returns what tells a comparison; read before it: files may be replaced meanwhile."""
        # A picture that is another one now, or gone, is told as ever.
        revision = self._lens.revision()
        states = _states(self._lens.product(product_id))
        return search.id, product_id, position, revision, states

    def sight(self, search: KeptSearch, progress: StageProgress | None = None) -> Sight:
        """Returns what the photos of a search show; seen anew if other models saw it.

        Raises:
            SearchNotFound: the search has gone meanwhile.
        """
        encoder = self._encoder()
        if search.encoder == encoder:
            return self.searches.sight(search)
        sight = self._see_again(search, search.query, progress)
        self.searches.see_anew(search, sight, encoder)
        return sight

    def decode(
        self, file: bytes, progress: StageProgress | None = None, side: int = WORKING_SIDE
    ) -> Photo:
        """Returns the photo in a file's bytes.

        Args:
            file: the bytes.
            progress: called before it begins; what it raises ends the search.
            side: the longer side in pixels that it is shrunk to.

        Raises:
            ImageError: as for `floorlens.images.decoding.decode_photo`.
        """
        if progress is not None:
            progress("decode")
        try:
            return decode_photo(
                file,
                working_side=side,
                max_megapixels=self._max_megapixels,
                seconds=max(0.1, min(self._picture_seconds, self._seconds_left())),
                name="the photo",
            )
        except ImageTimeout:
            # It may be the time of the request that is over, and not that of a picture.
            if progress is not None:
                progress("decode")
            raise

    def region(
        self, region: Region | None, size: tuple[int, int], progress: StageProgress | None = None
    ) -> DrawnRegion | None:
        """Returns a floor by hand as `Floorlens.see` takes it.

        Args:
            region: the floor.
            size: width and height of the upright photo.
            progress: as for `decode`.

        Raises:
            RegionError: it is a mask that cannot be read, or a PNG of another size.
        """
        if not isinstance(region, str):
            return region
        try:
            file = base64.b64decode(region, validate=True)
            claimed = png_size(file)
            # As its head says: few bytes can be a hundred million pixels. It may lie on its side.
            if claimed is not None and sorted(claimed) != sorted(size):
                raise RegionError(
                    f"the mask has {claimed[0]} x {claimed[1]} pixels, the photo "
                    f"{size[0]} x {size[1]}: they must be equal (after the photo's EXIF rotation)"
                )
            # Whoever says that a PNG is a mask may be wrong.
            pixels = self.decode(file, progress, FULL_SIZE).pixels
        except (binascii.Error, ValueError, ImageError) as error:
            raise RegionError(
                "the mask is no picture that can be read: send a PNG of the photo's size in "
                "base64, white where floor is"
            ) from error
        # Brighter than half, without a float for each pixel.
        return np.asarray(pixels.sum(axis=2, dtype=np.uint16) > 3 * 127)

    def _see_again(
        self, search: KeptSearch, query: SearchQuery, progress: StageProgress | None
    ) -> Sight:
        """Returns what the photos of a search show; floors that nobody changed stay as they are."""
        sight = self.searches.sight(search)
        floors = sight.floors
        photos = list(self.searches.photos(search))
        regions: list[RegionSource | None] = []
        clicks: list[tuple[Click, ...]] = []
        for number, floor in enumerate(floors):
            region, corrections = query.regions[number], query.clicks[number]
            drawn, clicked = search.query.regions[number], search.query.clicks[number]
            base = None if floor is None else floor.base or floor
            if floor is not None and (region, corrections) == (drawn, clicked):
                regions.append(floor)
                clicks.append(())
                continue
            clicks.append(corrections)
            # A click on floor lets floors pass that are none without it.
            lowered = any(click.floor for click in clicked)
            same = region == drawn and (not lowered or any(click.floor for click in corrections))
            if base is not None and base.source == "automatic" and same:
                # What the segmenter saw before any clicks, it need not look for again.
                regions.append(base)
            else:
                regions.append(self.region(region, photos[number].size, progress))
        # Others models' features mean something else.
        earlier = sight if search.encoder == self._encoder() else None
        return self._lens.see(
            photos, region=regions, clicks=clicks, progress=progress, earlier=earlier
        )

    def _rank(
        self,
        sight: Sight,
        query: SearchQuery,
        hashes: Sequence[str],
        limit: int,
        begin: Cursor | None,
        progress: StageProgress | None,
    ) -> Answer:
        # Before the ranking: what changes meanwhile is then told with the next page.
        revision = self._lens.revision()
        offset = 0 if begin is None else begin.offset
        end = offset + limit
        for block in (*(block for block in _BLOCKS if block > end), None):
            result = self._ranking(sight, query, block, progress)
            # Of an engine that has fallen behind, places are left out: there may be more.
            if len(result) > end or result.index == "exact":
                break
        following = None
        if len(result) > end:
            following = write_cursor(Cursor(end, revision), _name(query, hashes))
        return Answer(
            None,
            replace(result, matches=result.matches[offset:end]),
            self._total(query, result),
            following,
            begin is not None and begin.revision != revision,
        )

    def _ranking(
        self,
        sight: Sight,
        query: SearchQuery,
        limit: int | None,
        progress: StageProgress | None,
    ) -> SearchResult:
        return self._lens.rank(
            sight,
            limit=limit,
            where=query.where,
            weights=query.weights,
            like=query.like,
            unlike=query.unlike,
            group="design" if query.group == "design" else None,
            progress=progress,
        )

    def _total(self, query: SearchQuery, result: SearchResult) -> int:
        if query.where is None and not query.unlike:
            return result.total
        return self._lens.count_matching(query.where, without=query.unlike)

    def _encoder(self) -> str:
        return encoder_key(self._lens.stamp)


def _states(product: Product) -> tuple[tuple[int, int] | None, ...]:
    """Returns what tells whether a product's pictures are still the same files."""
    states: list[tuple[int, int] | None] = []
    for path in product.images:
        try:
            state = Path(path).stat()
        except OSError:
            states.append(None)
        else:
            states.append((state.st_mtime_ns, state.st_size))
    return tuple(states)


def _name(query: SearchQuery, hashes: Sequence[str]) -> str:
    return f"{query.as_json()}{'-'.join(hashes)}"

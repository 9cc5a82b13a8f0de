"""`Floorlens`: one catalogue, opened with one preset; everything the interfaces offer."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import numpy as np

from floorlens.engines import PRIVATE, Engine
from floorlens.errors import EngineError, FloorlensError, NothingToRank, SettingsError
from floorlens.images.loading import MAX_MEGAPIXELS, Photo, load_photo
from floorlens.presets import (
    DEFAULT_PRESET,
    PRESETS,
    Options,
    check_stamp,
    generation_stamp,
    load_stages,
    preset_named,
)
from floorlens.products.product import Product
from floorlens.ranking import SearchResult
from floorlens.retrieval.retriever import Retriever

if TYPE_CHECKING:
    from floorlens.adaptation.adapt import AdaptationReport
    from floorlens.adaptation.adapt import Progress as AdaptationProgress
    from floorlens.importing import ImportReport, Progress
    from floorlens.retrieval.replica import Replica
    from floorlens.segmentation import FloorRegion

LOG = logging.getLogger("floorlens.lens")

Report = TypeVar("Report", "ImportReport", "AdaptationReport")


class Floorlens:
    """Visual search for floors in one catalogue. Safe to call from several threads."""

    def __init__(
        self,
        location: str | Path,
        *,
        create: bool = True,
        stale: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Use `Floorlens.open`."""
        # SQLAlchemy costs more than half of the allowed import time of the package.
        from floorlens.catalogue.catalogue import Catalogue

        preset, stages = options.get("preset"), options.get("stages")
        if preset is not None and stages is None:
            preset_named(preset)
        if options.get("fallback") not in (None, PRIVATE):
            raise SettingsError(f"fallback is {PRIVATE!r} or None, not {options['fallback']!r}")
        self._max_megapixels = options.get("max_megapixels", MAX_MEGAPIXELS)
        self._catalogue = Catalogue(location, create=create)
        try:
            live = self._catalogue.live_stamp()
            name = preset or (live or {}).get("preset") or DEFAULT_PRESET
            if name not in PRESETS:
                # Of another version of Floorlens: the stamps differ, and that says what to do.
                name = DEFAULT_PRESET
            self._stages = stages or load_stages(
                preset_named(name),
                threads=options.get("threads", 0),
                models=options.get("models"),
            )
            if not stale:
                self._check_stamp(live)
            engine = options.get("index") or PRIVATE
            self._index = Retriever(
                self._catalogue,
                self._stages,
                Engine(engine) if isinstance(engine, str) else engine,
                self._check_stamp,
                fallback=options.get("fallback") is not None,
            )
        except BaseException:
            self._catalogue.close()
            raise

    @classmethod
    def open(
        cls, location: str | Path, *, create: bool = True, **options: Unpack[Options]
    ) -> Floorlens:
        """Returns the catalogue at a location, created if absent, with its models loaded.

        Args:
            location: the catalogue's folder, or `postgresql://user:password@host/database`.
            create: whether to make a catalogue where there is none.
            options: see `Options`.

        Raises:
            StampMismatch: the catalogue was made with another preset or model version.
            SettingsError: there is no such preset or engine.
            CatalogueError: the catalogue cannot be opened; CatalogueNotFound if absent.
        """
        return cls(location, create=create, **options)

    @classmethod
    def rebuild(
        cls,
        location: str | Path,
        *,
        progress: Progress | None = None,
        adapt: bool | None = None,
        adapt_progress: AdaptationProgress | None = None,
        **options: Unpack[Options],
    ) -> ImportReport:
        """Embeds a whole catalogue anew, with another preset or newer models; returns the report.

        The old features serve searches until all new ones are there, and stay if a product's
        picture can no longer be read (the report's failed rows). Interrupted, it resumes. `adapt`
        says whether the catalogue is adapted afterwards; None: if it was before, or that was never
        declined. False is remembered.

        Raises:
            CatalogueNotFound: there is no catalogue.
        """
        from floorlens.importing import rebuild

        with cls(location, create=False, stale=True, **options) as lens:
            asked = bool(adapt) or lens.adapted
            if adapt is None:
                adapt = lens.adapted or not lens.adaptation_declined
            elif not adapt:
                lens._catalogue.projections.decline()
            report = rebuild(
                lens._catalogue,
                lens._stages,
                max_megapixels=lens._max_megapixels,
                progress=progress,
            )
            if report.failed:
                return report
            if adapt:
                report = lens._after(report, adapt_progress, asked=asked)
            return lens._pushed(report)

    def __enter__(self) -> Floorlens:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the catalogue and the engine; what is asked afterwards raises CatalogueError."""
        self._index.close()
        self._catalogue.close()

    def warm_up(self) -> None:
        """Runs all that a first search would wait for; an engine that is down is only logged."""
        from floorlens.pipeline import floor_view

        grey = np.full((256, 256, 3), 128, np.uint8)
        floor = self.mask(grey, clicks=[(128, 200)])
        try:
            self.search(grey, limit=1, region=floor)
        except NothingToRank:
            # An empty catalogue is said before the encoder is needed.
            view = floor_view(self._photo(grey), floor.working_mask, self._stages)
            self._stages.embedder.features([view])
        except EngineError as error:
            LOG.warning("the vector engine cannot be used yet: %s", error)

    def check(self) -> None:
        """Checks that the catalogue, as it is now, can be searched with these stages.

        Raises:
            StampMismatch: another process rebuilt it with another preset or other models.
        """
        self._check_stamp(self._catalogue.live_stamp())

    @property
    def stamp(self) -> dict[str, Any]:
        """The preset, the models and the catalogue's projection, as plain JSON values."""
        ours = generation_stamp(self._stages.stamp(), self._stages.embedder.projection)
        return ours | {
            "projection": (self._catalogue.live_stamp() or ours).get("projection"),
            "segmenter": self._stages.segmenter.stamp.as_dict(),
            "reranker": self._stages.reranker.stamp.as_dict(),
        }

    @property
    def folder(self) -> Path | None:
        """The folder in which the catalogue lies; None if it is on a server."""
        return self._catalogue.folder

    @property
    def location(self) -> str:
        """The catalogue's address, fit to be shown: it names no password."""
        return self._catalogue.location

    # -- the catalogue -------------------------------------------------------------------------

    def add(
        self,
        source: str | Path,
        *,
        progress: Progress | None = None,
        adapt: bool | None = None,
        adapt_progress: AdaptationProgress | None = None,
        id_prefix: str = "",
    ) -> ImportReport:
        """Adds or updates the products of a folder of images, a CSV or a JSONL file.

        Only what changed is embedded; nothing is removed. Returns one row per product.

        Args:
            source: what to add.
            progress: called as `progress(done, total, row)` after each row is safely stored.
            adapt: whether to `adapt` the catalogue afterwards, if it is not adapted yet and holds
                8 different products; None: if it was empty before and has 64. False is remembered.
            adapt_progress: called as `adapt_progress(done, total)` while it is adapted.
            id_prefix: put before every id; "floor_" gives the reference design's ids of a folder.

        Raises:
            ProductSourceError: the source as a whole is not usable; nothing is stored.
            StampMismatch: another process rebuilt the catalogue with another preset.
        """
        from floorlens.importing import import_products

        self.check()
        asked = bool(adapt)
        if adapt is None:
            adapt = self._catalogue.count() == 0 and not self.adaptation_declined
        elif not adapt:
            self._catalogue.projections.decline()
        report = import_products(
            self._catalogue,
            self._stages,
            source,
            max_megapixels=self._max_megapixels,
            id_prefix=id_prefix,
            progress=progress,
        )
        if adapt and not self.adapted:
            report = self._after(report, adapt_progress, asked=asked)
        return self._pushed(report)

    def adapt(
        self,
        *,
        views: int | None = None,
        limit: int | None = None,
        seed: int = 0,
        progress: AdaptationProgress | None = None,
    ) -> AdaptationReport:
        """Fits the search to the differences between this catalogue's own products.

        Rooms are simulated with the products' pictures and the projection is fitted to them; every
        product is described anew from what is stored. Interrupted, it goes on where it was.
        Products added later use the same projection.

        Args:
            views: simulated rooms of each product (6).
            limit: at most so many products are used for the fit (2,000).
            seed: decides which, and the rooms.
            progress: called as `progress(done, total)` with the rooms that are there.

        Raises:
            UsageError: fewer than 8 different products, or an embedder that cannot be adapted.
        """
        from floorlens.adaptation import adapt as adaptation

        self.check()
        return self._pushed(
            adaptation.adapt(
                self._catalogue,
                self._stages,
                max_megapixels=self._max_megapixels,
                views=adaptation.VIEWS if views is None else views,
                limit=adaptation.LIMIT if limit is None else limit,
                seed=seed,
                progress=progress,
            )
        )

    @property
    def projection(self) -> dict[str, Any] | None:
        """The projection in use: its version and, if it is adapted, products, views and seed.

        None before the first product, and for embedders without one.
        """
        return self._catalogue.projections.in_use()

    @property
    def adapted(self) -> bool:
        """Whether the projection in use was fitted to this catalogue."""
        return "products" in (self.projection or {})

    @property
    def adaptation_declined(self) -> bool:
        """Whether the catalogue is not to be adapted by itself."""
        return self._catalogue.projections.declined()

    def count(self) -> int:
        """Returns the number of products."""
        return self._catalogue.count()

    def products(self) -> list[Product]:
        """Returns all products, sorted by id."""
        return self._catalogue.products()

    def product(self, product_id: str) -> Product:
        """Returns one product.

        Raises:
            ProductNotFound: none has that id.
        """
        return self._catalogue.product(product_id)

    def remove(self, ids: Sequence[str]) -> list[str]:
        """Removes products from the catalogue (not their files); returns the ids that existed.

        Raises:
            EngineError: they are removed, and no search shows them any more; the engine, which
                could not be told, is told at the next search.
        """
        removed = self._catalogue.remove(ids)
        self._index.push()
        return removed

    @property
    def replica(self) -> Replica:
        """The copy of the catalogue's vectors in the engine, to be compared and repaired.

        Raises:
            UsageError: the engine is "exact", which is no copy.
        """
        return self._index.replica

    # -- photos --------------------------------------------------------------------------------

    def mask(self, source: Any, *, region: Any = None, clicks: Iterable[Any] = ()) -> FloorRegion:
        """Returns where the floor is in a photo; the arguments are those of `search`.

        Raises:
            NoFloorFound: there is none.
            ImageError: the photo cannot be read.
            RegionError: the region or a click is not usable.
        """
        from floorlens.pipeline import find_floor

        self._catalogue.check_open()
        return find_floor(self._photo(source), self._stages, region, clicks)

    def search(
        self,
        source: Any,
        *,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        region: Any = None,
        clicks: Iterable[Any] = (),
        weights: Mapping[str, float] | None = None,
        rerank: bool = True,
    ) -> SearchResult:
        """Returns the catalogue's products, ranked by how closely they match the photo's floor.

        Args:
            source: path, bytes, PIL image or uint8 (h, w, 3) RGB array.
            limit: at most so many matches.
            where: a filter on the metadata (see `floorlens.engines.filters`).
            region: the floor by hand, in photo pixels: box (left, top, right, bottom), polygon of
                (x, y) points or 2-D mask; what `mask` found in this photo; None finds it.
            clicks: corrections of what was found or drawn, in photo pixels: `Click`, (x, y) for
                floor, or (x, y, False) for what is not.
            weights: weights of the components in the score, over the preset's own.
            rerank: False orders by the vector alone, to measure what re-ranking brings.

        Raises:
            NoFloorFound: the photo shows no floor.
            NothingToRank: the catalogue is empty, or no product passes the filter.
            ImageError, FilterError, RegionError, UsageError: an argument is not usable.
        """
        from floorlens.search import Query, answer

        query = Query(
            limit=limit, where=where, region=region, clicks=clicks, weights=weights, rerank=rerank
        )
        return answer(
            query,
            lambda: self._photo(source),
            catalogue=self._catalogue,
            stages=self._stages,
            index=self._index,
        )

    def _photo(self, source: Any) -> Photo:
        return load_photo(source, max_megapixels=self._max_megapixels)

    def _after(
        self, report: ImportReport, progress: AdaptationProgress | None, *, asked: bool
    ) -> ImportReport:
        from floorlens.adaptation.adapt import can_adapt

        if not can_adapt(self._catalogue, self._stages, asked=asked):
            return report
        try:
            return replace(report, adaptation=self.adapt(progress=progress))
        except FloorlensError as error:
            # The products are stored and can be searched: what became of them must be told.
            return replace(report, not_adapted=str(error))

    def _pushed(self, report: Report) -> Report:
        try:
            self._index.push()
        except FloorlensError as error:
            return replace(report, not_synced=str(error))
        return report

    def _check_stamp(self, live: Mapping[str, Any] | None) -> None:
        check_stamp(live, self._stages.stamp(), self._catalogue.location)

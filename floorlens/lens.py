"""`Floorlens`, the front door: a catalogue, opened with a preset, and all that users ask of it.

The journeys and SQLAlchemy are imported in the methods that need them: together they cost more than
half of the time that importing the package may take.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute, Value
from floorlens.engines import PRIVATE, Engine, check_engine
from floorlens.errors import (
    CatalogueError,
    CatalogueNotFound,
    CatalogueReplaced,
    EngineError,
    FloorlensError,
    NothingToRank,
    SettingsError,
    UsageError,
)
from floorlens.images.addresses import is_address
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo, shared_decoders
from floorlens.images.loading import MAX_MEGAPIXELS, Photo, PhotoSource, read_stream
from floorlens.models.options import ModelOptions
from floorlens.models.stamp import check_stamp, generation_stamp
from floorlens.presets import (
    DEFAULT_PRESET,
    Stages,
    check_fit,
    load_stages,
    preset_named,
    stamped_preset,
)
from floorlens.products.product import Product
from floorlens.ranking import Ranking, SearchResult
from floorlens.retrieval.retriever import Retriever
from floorlens.segmentation import ClickSource, FloorRegion, RegionSource

if TYPE_CHECKING:
    from floorlens.adaptation.adapt import AdaptationReport
    from floorlens.catalogue.batches import Progress
    from floorlens.catalogue.catalogue import Catalogue, Page
    from floorlens.catalogue.narrowing import SearchFacets
    from floorlens.embedding import Embeddings
    from floorlens.explanation import Explanation
    from floorlens.explanation.explain import FloorLook
    from floorlens.explanation.squares import OneScale, ScaledViews
    from floorlens.images.fetching import Fetcher
    from floorlens.importing import ImportProgress, ImportReport, ImportRow
    from floorlens.products.folders import Layout
    from floorlens.products.rows import ProductSource
    from floorlens.products.variants import Design, Variant
    from floorlens.recent import Recent
    from floorlens.retrieval.replica import Replica
    from floorlens.search import Shot, Sight, StageProgress
    from floorlens.settings import Settings

LOG = logging.getLogger("floorlens.lens")

Report = TypeVar("Report", "CatalogueReport", "AdaptationReport")
T = TypeVar("T")


@dataclass(frozen=True)
class CatalogueReport:
    """What became of the products, and of what follows an import or a rebuild.

    Attributes:
        imported: one row per product, and per row of a list that is none.
        adaptation: what the adaptation did; None where the catalogue was not adapted.
        not_adapted: why the adaptation failed; None if it did not.
        not_synced: why the replica in the engine was not updated; None if it was. The catalogue is
            whole, and the next search updates the replica.
    """

    imported: ImportReport
    adaptation: AdaptationReport | None = None
    not_adapted: str | None = None
    not_synced: str | None = None

    @property
    def rows(self) -> tuple[ImportRow, ...]:
        """One row per product, in order of id, and then those of the list that are no product."""
        return self.imported.rows

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of a list decided or left out, in sentences."""
        return self.imported.notes

    @property
    def seconds(self) -> float:
        """How long the import took, without what follows it."""
        return self.imported.seconds

    @property
    def counts(self) -> dict[str, int]:
        """How many products have each status."""
        return self.imported.counts

    @property
    def pictures(self) -> dict[str, int]:
        """How many pictures are of each kind, among those that were examined."""
        return self.imported.pictures

    @property
    def failed(self) -> tuple[ImportRow, ...]:
        """The rows that failed."""
        return self.imported.failed

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {
            **self.imported.as_dict(),
            "adaptation": None if self.adaptation is None else self.adaptation.as_dict(),
            "not_adapted": self.not_adapted,
            "not_synced": self.not_synced,
        }


@dataclass(frozen=True)
class _Address:
    """Where a catalogue lies, and with what it is searched: enough to open it again.

    Attributes:
        location, threads, models: as for `Floorlens.open`.
        stages: which describe floors.
        own: whether these were handed over, instead of a preset.
        engine: where its vectors are searched.
        fallback: whether this process's memory is searched while the engine cannot be used.
    """

    location: str | Path
    stages: Stages
    own: bool
    engine: Engine
    fallback: bool
    threads: int
    models: ModelOptions | None

    def options(self) -> dict[str, Any]:
        """Returns what `Floorlens.open` is to be called with in another process."""
        place = self.location
        return {
            "location": place if "://" in str(place) else str(Path(place).absolute()),
            "create": False,
            "preset": None if self.own else self.stages.preset.name,
            "stages": self.stages if self.own else None,
            "index": self.engine,
            "fallback": PRIVATE if self.fallback else None,
            "threads": self.threads,
            "models": self.models,
        }

    def retriever(self, catalogue: Catalogue, *, any_stamp: bool = False) -> Retriever:
        """Returns what searches a catalogue; with `any_stamp` also one of other models."""
        stamp = self.stages.stamp()

        def check_comparable(other: Mapping[str, Any] | None) -> None:
            check_stamp(other, stamp, catalogue.location)

        if not any_stamp:
            check_comparable(catalogue.live_stamp())
        return Retriever(
            catalogue, self.stages, self.engine, check_comparable, fallback=self.fallback
        )


class Floorlens:
    """Visual search for floors in one catalogue. Safe to call from several threads.

    If another catalogue is put in its place while it is open, whatever is asked next is asked of
    that one. While none lies there, CatalogueNotFound is raised.

    Example:
        >>> with Floorlens.open("catalogue/") as lens:
        ...     lens.add("products/").counts["added"]
        3
    """

    def __init__(
        self,
        address: _Address,
        catalogue: Catalogue,
        retriever: Retriever,
        max_megapixels: float,
        picture_seconds: float = PICTURE_SECONDS,
        fetch_hosts: Sequence[str] = (),
    ) -> None:
        """Use `Floorlens.open`."""
        self._address = address
        # One value: whoever reads it gets a retriever of that catalogue.
        self._in_use = catalogue, retriever
        self._stages = address.stages
        self._max_megapixels = max_megapixels
        self._picture_seconds = picture_seconds
        self._fetch_hosts = fetch_hosts
        self._lock = threading.Lock()
        self._matching: tuple[tuple[Any, ...], list[str]] | None = None

    @property
    def _catalogue(self) -> Catalogue:
        return self._in_use[0]

    @property
    def _retriever(self) -> Retriever:
        return self._in_use[1]

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        create: bool = True,
        preset: str | None = None,
        index: str | Engine | None = None,
        fallback: Literal["exact"] | None = None,
        threads: int = 0,
        max_megapixels: float = MAX_MEGAPIXELS,
        picture_seconds: float = PICTURE_SECONDS,
        models: ModelOptions | None = None,
        fetch_hosts: Sequence[str] = (),
        stages: Stages | None = None,
    ) -> Floorlens:
        """Returns the catalogue at a location, with its models loaded.

        Args:
            location: the catalogue's folder, or `postgresql://user:password@host/database`.
            create: whether to make a catalogue where there is none.
            preset: a name of `floorlens.presets.preset_names`; None takes the catalogue's own, for
                a new one the default.
            index: the vector engine, by name or with its place ("exact", "lancedb", "pinecone",
                "pgvector", "milvus", or one of another package); None is "exact". Any can be named
                at any time: it is filled from the catalogue.
            fallback: "exact" searches in this process's memory while the engine cannot be used, and
                the result says so; None raises the engine's error.
            threads: for the models; 0 takes all cores.
            max_megapixels: larger pictures are refused.
            picture_seconds: how long decoding one may take.
            models: which models of the Hugging Face hub are taken, for presets that run them.
            fetch_hosts: from which hosts `add`, `search` and `mask` may fetch pictures, if they are
                told to: "cdn.example.com", "*.example.com", "cdn.example.com:8443".
            stages: backends of your own, instead of a preset's.

        Raises:
            StampMismatch: the catalogue was made with another preset or model version, or with a
                preset that is not installed here.
            SettingsError: there is no such preset or engine, the package that brings it is broken,
                or the backends do not fit together.
            CatalogueError: the catalogue cannot be opened; CatalogueNotFound if absent.

        Example:
            >>> lens = Floorlens.open("catalogue/", preset="builtin", threads=1)
            >>> lens.count()
            0
        """
        return cls._open(
            location,
            create=create,
            preset=preset,
            index=index,
            fallback=fallback,
            threads=threads,
            max_megapixels=max_megapixels,
            picture_seconds=picture_seconds,
            models=models,
            fetch_hosts=fetch_hosts,
            stages=stages,
        )

    @classmethod
    def _open(
        cls,
        location: str | Path,
        *,
        create: bool,
        preset: str | None,
        index: str | Engine | None,
        fallback: str | None,
        threads: int,
        max_megapixels: float,
        picture_seconds: float,
        models: ModelOptions | None,
        fetch_hosts: Sequence[str],
        stages: Stages | None,
        any_stamp: bool = False,
    ) -> Floorlens:
        """Opens a catalogue as `open` does; with `any_stamp` also one of other models."""
        from floorlens.catalogue.catalogue import Catalogue

        if stages is not None:
            check_fit(stages)
        named = None if preset is None or stages is not None else preset_named(preset)
        if fallback not in (None, PRIVATE):
            raise SettingsError(f"fallback is {PRIVATE!r} or None, not {fallback!r}")
        own = stages is not None
        engine = index if isinstance(index, Engine) else Engine(index or PRIVATE)
        check_engine(engine)
        catalogue = None
        try:
            catalogue = Catalogue(location, create=False)
        except CatalogueNotFound:
            if not create:
                raise
        try:
            if stages is None:
                live = None if catalogue is None else catalogue.live_stamp()
                where = "" if catalogue is None else catalogue.location
                named = named or stamped_preset(live, where)
                stages = load_stages(named, threads=threads, models=models)
            if catalogue is None:
                # Not before the models are there: without them no empty catalogue is left behind.
                catalogue = Catalogue(location)
            address = _Address(location, stages, own, engine, fallback is not None, threads, models)
            retriever = address.retriever(catalogue, any_stamp=any_stamp)
        except BaseException:
            if catalogue is not None:
                catalogue.close()
            raise
        return cls(address, catalogue, retriever, max_megapixels, picture_seconds, fetch_hosts)

    @classmethod
    def rebuild(
        cls,
        location: str | Path,
        *,
        progress: ImportProgress | None = None,
        adapt: bool | None = None,
        adapt_progress: Progress | None = None,
        preset: str | None = None,
        index: str | Engine | None = None,
        fallback: Literal["exact"] | None = None,
        threads: int = 0,
        max_megapixels: float = MAX_MEGAPIXELS,
        picture_seconds: float = PICTURE_SECONDS,
        models: ModelOptions | None = None,
        fetch_hosts: Sequence[str] = (),
        stages: Stages | None = None,
    ) -> CatalogueReport:
        """Embeds a whole catalogue anew, with another preset or newer models; returns the report.

        The old features serve searches until all new ones are there, and stay if a product's
        picture can no longer be read (the report's failed rows). Interrupted, it resumes.

        Args:
            location: the catalogue, as for `open`.
            progress: called as `progress(done, total, row)` after each row is safely stored.
            adapt: whether the catalogue is adapted afterwards; None: if it was before, or if that
                was never declined. False is remembered.
            adapt_progress: called as `adapt_progress(done, total)` while it is adapted.
            preset: what it is rebuilt with; None: the catalogue's own.
            index, fallback, threads, max_megapixels, picture_seconds, models, fetch_hosts, stages:
                as for `open`.

        Raises:
            CatalogueNotFound: there is no catalogue.

        Example:
            >>> Floorlens.rebuild("catalogue/", preset="clip").counts  # doctest: +SKIP
            {'added': 0, 'updated': 236, 'unchanged': 0, 'failed': 0}
        """
        from floorlens import importing

        lens = cls._open(
            location,
            create=False,
            preset=preset,
            index=index,
            fallback=fallback,
            threads=threads,
            max_megapixels=max_megapixels,
            picture_seconds=picture_seconds,
            models=models,
            fetch_hosts=fetch_hosts,
            stages=stages,
            any_stamp=True,
        )
        with lens:
            catalogue, retriever = lens._in_use
            adapted = catalogue.projections.adapted()
            on_request = bool(adapt) or adapted
            if adapt is None:
                adapt = adapted or not catalogue.projections.declined()
            elif not adapt:
                catalogue.projections.decline()
            report = CatalogueReport(
                importing.rebuild(
                    catalogue,
                    lens._stages,
                    max_megapixels=max_megapixels,
                    picture_seconds=picture_seconds,
                    progress=progress,
                )
            )
            if report.failed:
                return report
            if adapt:
                report = lens._adapt_after(catalogue, report, adapt_progress, on_request=on_request)
            catalogue.projections.end_due()
            return _push_after(retriever, report)

    def __repr__(self) -> str:
        try:
            holds = f"{self._catalogue.count()} products"
        except CatalogueError:
            holds = "closed, or not there"
        return f"Floorlens({self.location!r}, {holds}, preset {self._stages.preset.name!r})"

    def __reduce__(self) -> tuple[Callable[..., Floorlens], tuple[dict[str, Any]]]:
        """Pickles as an order to open the catalogue again, say in a process of a pool.

        Secrets go into the pickle, or a process that has nothing else could not open it: the
        address of a catalogue on a server with its password, and the engine's address and key.
        """
        return _reopen, (self.options(),)

    def __enter__(self) -> Floorlens:
        self._catalogue.check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the catalogue and the engine; what is asked afterwards raises CatalogueError.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> lens.close()
            >>> lens.count()
            Traceback (most recent call last):
            floorlens.errors.CatalogueError: the catalogue catalogue is closed: open it again
        """
        with self._lock:
            catalogue, retriever = self._in_use
            retriever.close()
            catalogue.close()

    def _follow(self) -> tuple[Catalogue, Retriever]:
        """Returns the catalogue that lies at the address now, and what searches it.

        Raises:
            CatalogueNotFound: none lies there.
            StampMismatch: the one that lies there was made with another preset or other models.
            CatalogueError: it cannot be opened, or this object was closed.
        """
        from floorlens.catalogue.catalogue import Catalogue

        with self._lock:
            former, retriever = self._in_use
            former.check_open()
            if former.is_in_place():
                return self._in_use
            # Another one is opened only if nothing of the former lies beside it.
            with suppress(CatalogueReplaced):
                former.check_place()
            catalogue = Catalogue(self._address.location, create=False)
            try:
                self._in_use = catalogue, self._address.retriever(catalogue)
            except BaseException:
                catalogue.close()
                raise
            LOG.warning("another catalogue lies at %s: it is used from now on", catalogue.location)
            retriever.close()
            former.close()
            return self._in_use

    def _ask(self, work: Callable[[Catalogue, Retriever], T]) -> T:
        """Returns what `work` reads, from one catalogue: if that is replaced, it begins again."""
        in_use = self._follow()
        try:
            return work(*in_use)
        except (CatalogueError, EngineError):
            if self._follow() is in_use:
                raise
        return work(*self._follow())

    def warm_up(self) -> None:
        """Runs all that a first search would wait for; an engine that is down is only logged.

        Example:
            >>> Floorlens.open("catalogue/").warm_up()
        """
        from floorlens.pipeline import floor_view

        shared_decoders().prepare()
        # For the first filter: of 100,000 products it takes seconds.
        self._ask(lambda catalogue, _: catalogue.field_values())
        grey = np.full((256, 256, 3), 128, np.uint8)
        floor = self.mask(grey, clicks=[(128, 200)])
        try:
            self.search(grey, limit=1, region=floor)
        except NothingToRank:
            # An empty catalogue raises before the encoder is needed.
            view = floor_view(self._photo(grey), floor.working_mask, self._stages)
            self._stages.embedder.features({"scene": view})
        except EngineError as error:
            LOG.warning("the vector engine cannot be used yet: %s", error)

    def check(self) -> None:
        """Checks that the catalogue, as it is now, can be searched with these stages.

        Raises:
            StampMismatch: another process rebuilt it with another preset or other models.
            CatalogueNotFound: it was moved or deleted.

        Example:
            >>> Floorlens.open("catalogue/").check()
        """
        self._check()

    def _check(self) -> tuple[Catalogue, Retriever]:
        """Checks as `check` does; returns the catalogue and what searches it."""

        def check(catalogue: Catalogue, retriever: Retriever) -> tuple[Catalogue, Retriever]:
            catalogue.revision()
            check_stamp(catalogue.live_stamp(), self._stages.stamp(), catalogue.location)
            return catalogue, retriever

        return self._ask(check)

    @property
    def stamp(self) -> dict[str, Any]:
        """The preset, the models and the catalogue's projection, as plain JSON values."""
        projection = self._stages.embedder.projection
        ours = generation_stamp(
            self._stages.stamp(), None if projection is None else projection.stamp
        )
        live = self._ask(lambda catalogue, _: catalogue.live_stamp())
        return ours | {
            "projection": (live or ours).get("projection"),
            "segmenter": self._stages.segmenter.stamp.as_dict(),
            "reranker": self._stages.reranker.stamp.as_dict(),
        }

    def facts(self) -> dict[str, Any]:
        """Returns what the catalogue holds and what made it, as plain JSON values.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.facts()["searchable"]
            3
        """
        return self._ask(lambda catalogue, _: catalogue.facts())

    def options(self, *, threads: int | None = None) -> dict[str, Any]:
        """Returns what `Floorlens.open` is to be called with to open this catalogue elsewhere.

        Secrets are among it: see `__reduce__`.

        Args:
            threads: for the models there; None: as here.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> Floorlens.open(**lens.options(threads=1)).count()
            0
        """
        self._catalogue.check_open()
        options = self._address.options() | {
            "max_megapixels": self._max_megapixels,
            "picture_seconds": self._picture_seconds,
            "fetch_hosts": tuple(self._fetch_hosts),
        }
        return options if threads is None else options | {"threads": threads}

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
        source: ProductSource,
        *,
        progress: ImportProgress | None = None,
        adapt: bool | None = None,
        adapt_progress: Progress | None = None,
        id_prefix: str = "",
        strict: bool = False,
        numbers: bool = True,
        columns: Mapping[str, str | Sequence[str]] | None = None,
        layout: Layout = "auto",
        pictures: Sequence[str | Path] = (),
        fetch: bool = False,
        copy: bool = False,
    ) -> CatalogueReport:
        """Adds or updates the products of a folder of images, of a list, or of rows.

        Only what changed is embedded; nothing is removed. Returns one row per product, and one for
        each row of a list that cannot be used; the others are stored all the same.

        Args:
            source: a folder of images; a list (CSV, JSON or Excel), also one that is open; rows: a
                dict with what a list would say of a product, a `Product`, an iterable of them, or
                a pandas DataFrame. A picture of a row is a path, an address, the bytes of a file,
                an open file, a PIL image or a uint8 (h, w, 3) RGB array; one without a file is
                kept in the catalogue's folder. A text may name a picture in the current folder or
                in `pictures`, a `Path` one anywhere.
            progress: called as `progress(done, total, row)` after each row is safely stored.
            adapt: whether to `adapt` the catalogue afterwards, if it is not adapted yet and holds
                8 different products; None: if this is its first import, or goes on with an
                interrupted first one, and it has 64. False is remembered.
            adapt_progress: called as `adapt_progress(done, total)` while it is adapted.
            id_prefix: put before every id; "floor_" gives the reference design's ids of a folder.
            strict: whether one row that cannot be used refuses the whole list.
            numbers: whether texts of a list are read as numbers where they plainly are, or where a
                whole column of prices can be read so (`€ 49,90`).
            columns: the column of a list for "id", "image" or "name", if its name says it to
                nobody; for "image" also several.
            layout: of a folder, whether each file is a product ("files"), or each sub-folder
                ("folders"); "auto" sees it by the names (`floorlens.products.folders`).
            pictures: folders beside the list's own in which its pictures may lie.
            fetch: whether pictures at `http(s)://` addresses are fetched, from one of the
                `fetch_hosts` that the catalogue was opened with. They are kept in its folder.
            copy: whether the pictures are copied into the catalogue's folder, without what a camera
                wrote beside them (its place, say): then the source can be deleted. What a list
                names outside of its folder is then as good as absent: it may be a stranger's.

        Raises:
            ProductSourceError: the source as a whole is not usable; nothing is stored.
            SettingsError: `fetch` is set, and the catalogue was opened without `fetch_hosts`.
            MissingDependency: it is an Excel file and the extra `[excel]` is not installed.
            StampMismatch: another process rebuilt the catalogue with another preset.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> [row.status for row in lens.add("products/").rows]
            ['added', 'added', 'added']
            >>> grey = np.full((64, 64, 3), 128, np.uint8)
            >>> lens.add([{"id": "grey", "image": grey, "price": 20}]).counts["added"]
            1
        """
        from floorlens.importing import import_products

        catalogue, retriever = self._check()
        fetcher = self._fetcher() if fetch else None
        on_request = bool(adapt)
        projections = catalogue.projections
        if adapt is None:
            adapt = projections.due()
            if not adapt and catalogue.count() == 0 and not projections.declined():
                # Remembered, so that whoever goes on with an interrupted import adapts as well.
                projections.set_due()
                adapt = True
        elif not adapt:
            projections.decline()
        report = CatalogueReport(
            import_products(
                catalogue,
                self._stages,
                source,
                max_megapixels=self._max_megapixels,
                picture_seconds=self._picture_seconds,
                id_prefix=id_prefix,
                strict=strict,
                numbers=numbers,
                columns=columns,
                layout=layout,
                pictures=[Path(folder) for folder in pictures],
                fetcher=fetcher,
                copy=copy,
                progress=progress,
            )
        )
        if adapt and not projections.adapted():
            report = self._adapt_after(catalogue, report, adapt_progress, on_request=on_request)
        projections.end_due()
        return _push_after(retriever, report)

    def adapt(
        self,
        *,
        views: int | None = None,
        limit: int | None = None,
        seed: int = 0,
        pairs: str | Path | None = None,
        rooms: str | Path | None = None,
        progress: Progress | None = None,
        rooms_progress: Progress | None = None,
    ) -> AdaptationReport:
        """Fits the search to the differences between this catalogue's own products.

        Rooms are simulated with the products' pictures and the projection is fitted to them; every
        product is described anew from what is stored. Interrupted, it goes on where it was.
        Products added later use the same projection.

        Args:
            views: simulated rooms of each product (6).
            limit: at most so many products are used for the fit (2,000).
            seed: decides which, and the rooms.
            pairs: a CSV with the columns `room` (path of a photo, relative to it) and `product` (an
                id, or a picture's file name): rooms whose product is known. They are learned from,
                now and by later adaptations, if rooms of other products then find theirs more often
                (cross-validation, `AdaptationReport.pairs`). If not, nothing changes, but the rooms
                of an earlier list are forgotten.
            rooms: a folder beside the list's own in which its photos may lie.
            progress: called as `progress(done, total)` with how many rooms are ready.
            rooms_progress: the same for the photos of `pairs`.

        Raises:
            UsageError: fewer than 8 different products, or than 10 usable pairs of 5 products; or
                an embedder that cannot be adapted.
            ProductSourceError: the list of pairs as a whole cannot be used.

        Example:
            >>> Floorlens.open("catalogue/").adapt(views=4).products  # doctest: +SKIP
            236
        """
        from floorlens.adaptation.adapt import adapt

        if rooms is not None and pairs is None:
            raise UsageError("a folder of rooms belongs to a list of pairs, and there is none")
        catalogue, retriever = self._check()
        report = adapt(
            catalogue,
            self._stages,
            max_megapixels=self._max_megapixels,
            picture_seconds=self._picture_seconds,
            views=views,
            limit=limit,
            seed=seed,
            pairs=None if pairs is None else Path(pairs),
            rooms=None if rooms is None else Path(rooms),
            progress=progress,
            rooms_progress=rooms_progress,
        )
        return _push_after(retriever, report)

    @property
    def projection(self) -> dict[str, Any] | None:
        """The projection in use: its version and, if it is adapted, products, views and seed.

        None before the first product, and for embedders without one.
        """
        return self._ask(lambda catalogue, _: catalogue.projections.in_use())

    @property
    def adapted(self) -> bool:
        """Whether the projection in use was fitted to this catalogue."""
        return self._ask(lambda catalogue, _: catalogue.projections.adapted())

    @property
    def adaptation_declined(self) -> bool:
        """Whether the catalogue is not to be adapted by itself."""
        return self._ask(lambda catalogue, _: catalogue.projections.declined())

    def count(self) -> int:
        """Returns the number of products.

        Example:
            >>> Floorlens.open("catalogue/").count()
            0
        """
        return self._ask(lambda catalogue, _: catalogue.count())

    def revision(self) -> int:
        """Returns a number that is another one after each change of the catalogue.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> before = lens.revision()
            >>> report = lens.add("products/")
            >>> lens.revision() > before
            True
        """
        return self._ask(lambda catalogue, _: catalogue.revision())

    def products(self) -> list[Product]:
        """Returns all products, sorted by id.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> [product.id for product in lens.products()]
            ['oak-natural-plank', 'terrazzo-grigio', 'walnut-herringbone']
        """
        return self._ask(lambda catalogue, _: catalogue.products())

    def page(
        self,
        after: str | None = None,
        *,
        limit: int = 50,
        where: Mapping[str, Any] | None = None,
        text: str = "",
    ) -> Page:
        """Returns the products that follow an id in the order of ids, with their attributes.

        Products that come or go meanwhile shift no page: the next one begins after the last id.

        Args:
            after: the last id of the page before; None begins.
            limit: at most so many.
            where: a filter, as for `search`.
            text: a part of the id or name, in upper or lower case.

        Raises:
            FilterError: the filter is not usable, or no product has one of its fields.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> page = lens.page(limit=2)
            >>> [product.id for product in page.products], page.total, page.more
            (['oak-natural-plank', 'terrazzo-grigio'], 3, True)
            >>> lens.page(page.products[-1].id).products[0].id
            'walnut-herringbone'
        """
        from floorlens.catalogue.filtering import matching_ids

        def read(catalogue: Catalogue, _: Retriever) -> Page:
            ids = None
            if where or text:
                # The other pages of one list ask for the same ids, which takes a look at all.
                question = catalogue.revision(), repr(where), text, catalogue.uid()
                former = self._matching
                if former is None or former[0] != question:
                    former = question, matching_ids(catalogue, where, text)
                    self._matching = former
                ids = former[1]
            return catalogue.page(after, limit, ids)

        return self._ask(read)

    def product(self, product_id: str) -> Product:
        """Returns one product.

        Raises:
            ProductNotFound: none has that id.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.product("terrazzo-grigio").name
            'terrazzo-grigio'
        """
        return self._ask(lambda catalogue, _: catalogue.product(product_id))

    def attributes(self, product_id: str) -> dict[str, Attribute]:
        """Returns what a product is like, by name: measured, stated by its data, or edited.

        The names are those of `floorlens.attributes.vocabulary.NAMES`. Empty where nothing was
        measured yet: `measure_attributes` does that.

        Raises:
            ProductNotFound: none has that id.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> values = lens.attributes("walnut-herringbone")
            >>> values["pattern"].value, values["tone"].value
            ('herringbone', 'dark')
        """

        def read(catalogue: Catalogue, _: Retriever) -> dict[str, Attribute]:
            catalogue.product(product_id)
            return dict(catalogue.attributes.of([product_id]).get(product_id, {}))

        return self._ask(read)

    def edit(self, product_id: str, values: Mapping[str, Value | None]) -> dict[str, Attribute]:
        """Sets attributes of a product by hand; returns all of them. None takes an edit back.

        What is set stays, whatever is imported, rebuilt or measured later. In filters and facets it
        comes before a field of the product's own.

        Raises:
            UsageError: there is no such attribute, or it cannot have this value; the message names
                the nearest.
            ProductNotFound: none has that id.
            EngineError: it is set, but the replica in the engine could not be updated; the next
                search does that.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.edit("terrazzo-grigio", {"tone": "dark"})["tone"]
            Attribute(value='dark', confidence=1.0, origin='edited', unit='')
            >>> lens.edit("terrazzo-grigio", {"tone": None})["tone"].origin
            'measured'
        """
        catalogue, retriever = self._follow()
        # It refuses an id that is not there, and names the nearest.
        catalogue.product(product_id)
        catalogue.attributes.edit(product_id, values)
        retriever.push()
        return dict(catalogue.attributes.of([product_id]).get(product_id, {}))

    def update(
        self,
        product_id: str,
        *,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Value | None] | None = None,
    ) -> Product:
        """Changes what is said of a product; its pictures and features stay. Returns the product.

        A later import of a list that names the product brings back what that list says, but for
        attributes.

        Args:
            product_id: of the product.
            name: the new one; None: as it is.
            metadata: field -> its new value; None takes the field away. Others stay.
            attributes: as for `edit`.

        Raises:
            ProductSourceError: the name or a value of the metadata cannot be stored.
            UsageError: there is no such attribute, or it cannot have this value. Nothing is
                changed.
            ProductNotFound: none has that id.
            EngineError: it is changed, but the replica in the engine could not be updated; the next
                search does that.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.update("terrazzo-grigio", metadata={"price": 49.9}).metadata
            {'price': 49.9}
            >>> lens.update("terrazzo-grigio", name="Terrazzo", metadata={"price": None}).metadata
            {}
        """
        from floorlens.attributes.vocabulary import check_value, meaning_of
        from floorlens.products.lists import check_fields

        changes = check_fields(name, metadata or {})
        for attribute, value in (attributes or {}).items():
            meaning_of(attribute)
            if value is not None:
                check_value(attribute, value)
        catalogue, retriever = self._follow()
        catalogue.product(product_id)
        if name is not None or changes:
            catalogue.update(product_id, name=name, metadata=changes)
        if attributes:
            catalogue.attributes.edit(product_id, attributes)
        retriever.push()
        return catalogue.product(product_id)

    def facets(self, where: Mapping[str, Any] | None = None) -> dict[str, dict[Value, int]]:
        """Returns field -> value -> how many products have it, the commonest first.

        The fields are attributes, and those fields of the metadata that hold texts of few values.

        Args:
            where: a filter, as for `search`: only products that pass count.

        Raises:
            FilterError: the filter is not usable, or no product has one of its fields.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.facets()["material"]
            {'wood look': 2, 'terrazzo': 1}
        """
        from floorlens.catalogue.filtering import facets

        return self._ask(lambda catalogue, _: facets(catalogue, where))

    def search_facets(
        self, where: Mapping[str, Any] | None = None, *, without: Sequence[str] = ()
    ) -> SearchFacets:
        """Returns what a ranking can be narrowed by: fields, their values, ranges of numbers.

        Each value has a count under the rest of the filter, and the whole filter that results when
        it is chosen or taken back. No model runs. Every product is read once after a change.

        Args:
            where: the ranking's filter, as for `search`. What top-level keys say of a field with
                `$in`, or with `$gte` and `$lt`, is chosen there; everything else counts whole.
            without: ids that the ranking leaves out, as by `unlike`.

        Raises:
            FilterError: the filter is not usable.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> facets = lens.search_facets({"material": "wood look"})
            >>> facets.total, facets.facets[0].field
            (2, 'material')
            >>> [(one.value, one.count, one.selected) for one in facets.facets[0].values]
            [('wood look', 2, True), ('terrazzo', 1, False)]
        """
        from floorlens.catalogue.narrowing import narrow

        return self._ask(lambda catalogue, _: narrow(catalogue.field_values(), where, without))

    def count_matching(
        self, where: Mapping[str, Any] | None = None, *, without: Sequence[str] = ()
    ) -> int:
        """Returns how many products that can be found pass a filter.

        Args:
            where: the filter, as for `search`.
            without: ids that are left out.

        Raises:
            FilterError: the filter is not usable.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.count_matching({"material": "wood look"})
            2
        """
        from floorlens.catalogue.narrowing import count_matching

        return self._ask(
            lambda catalogue, _: count_matching(catalogue.field_values(), where, without)
        )

    def measure_attributes(
        self, *, anew: bool = False, progress: ImportProgress | None = None
    ) -> CatalogueReport:
        """Measures attributes of products that have none, as those of older catalogues do.

        The prints of their pictures, by which `variants` are told, are taken with it. Nothing is
        embedded, and what was edited stays.

        Args:
            anew: whether those are measured again of which nothing is missing.
            progress: called as `progress(done, total, row)` after each row is safely stored.

        Returns:
            A row for each product; it failed if a picture can no longer be read, or if another
            process has changed the product meanwhile.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.measure_attributes(anew=True).counts["updated"]
            3
        """
        from floorlens import importing

        catalogue, retriever = self._check()
        report = CatalogueReport(
            importing.measure_attributes(
                catalogue,
                self._stages,
                anew=anew,
                max_megapixels=self._max_megapixels,
                picture_seconds=self._picture_seconds,
                progress=progress,
            )
        )
        return _push_after(retriever, report)

    @overload
    def variants(self, product_id: str) -> tuple[Variant, ...]: ...
    @overload
    def variants(self, product_id: None = None) -> tuple[Design, ...]: ...
    def variants(self, product_id: str | None = None) -> tuple[Variant, ...] | tuple[Design, ...]:
        """Returns which products are variants: one picture, or one design in another format or
        colour.

        They are told by the pictures, the vectors and the names that are stored, and computed once
        for each state of the catalogue (`floorlens.products.variants`).

        Args:
            product_id: of a product, whose variants are returned, the surest first; None: all
                designs of two or more products.

        Raises:
            ProductNotFound: there is no such product.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.variants()
            ()
        """
        if product_id is None:
            return self._ask(lambda catalogue, _: catalogue.designs.groups())
        return self._ask(lambda catalogue, _: catalogue.variants(product_id))

    def remove(self, ids: Sequence[str]) -> list[str]:
        """Removes products from the catalogue (not their files); returns the ids that existed.

        Raises:
            EngineError: the products are removed, and no search shows them any more, but the
                replica in the engine could not be updated; the next search does that.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.remove(["terrazzo-grigio", "unknown"])
            ['terrazzo-grigio']
        """
        catalogue, retriever = self._follow()
        removed = catalogue.remove(ids)
        retriever.push()
        return removed

    def engine_failure(self) -> str | None:
        """Returns the code of the error for which the vector engine cannot be used; None if it can.

        The engine is asked, if there is one beside this process's memory, and brought up to the
        catalogue. An engine with a fallback can always be used.

        Example:
            >>> Floorlens.open("catalogue/").engine_failure()
        """
        return self._ask(lambda _, retriever: retriever.failure())

    @property
    def replica(self) -> Replica:
        """The copy of the catalogue's vectors in the engine, to be compared and repaired.

        Raises:
            UsageError: the engine is "exact", which is no copy.
        """
        return self._follow()[1].replica

    # -- photos --------------------------------------------------------------------------------

    def mask(
        self,
        source: PhotoSource | Photo,
        *,
        region: RegionSource | None = None,
        clicks: Iterable[ClickSource] = (),
        fetch: bool = False,
    ) -> FloorRegion:
        """Returns where the floor is in a photo; the arguments are those of `see`.

        Raises:
            NoFloorFound: there is none.
            ImageError: the photo cannot be read.
            RegionError: the region or a click is not usable.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> round(lens.mask("room.jpg").share, 1)
            0.3
        """
        from floorlens.pipeline import floor_region

        self._catalogue.check_open()
        return floor_region(self._photo(source, fetch), self._stages, region, clicks)

    def search(
        self,
        source: PhotoSource | Sequence[PhotoSource],
        *,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        region: RegionSource | Sequence[RegionSource | None] | None = None,
        clicks: Iterable[ClickSource] | Sequence[Iterable[ClickSource]] = (),
        weights: Mapping[str, float] | None = None,
        rerank: bool = True,
        like: Sequence[str] = (),
        unlike: Sequence[str] = (),
        group: Literal["design"] | None = None,
        fetch: bool = False,
        progress: StageProgress | None = None,
    ) -> SearchResult:
        """Returns the catalogue's products, ranked by how closely they match the photo's floor.

        Args:
            source: path, bytes, PIL image, uint8 (h, w, 3) RGB array, open binary file, or with
                `fetch` an address. A list of these is up to 8 photos of one floor, which are
                searched for together: what one hides, another may show. Those in which no floor
                is found are left out (`SearchResult.notes`).
            limit: at most so many matches.
            where: a filter on the metadata (see `floorlens.engines.filters`).
            region: the floor by hand, in photo pixels: box (left, top, right, bottom), polygon of
                (x, y) points or 2-D mask; what `mask` found in this photo; None finds it. For a
                list of photos, a list with one of these for each.
            clicks: corrections of what was found or drawn, in photo pixels: `Click`, (x, y) for
                floor, or (x, y, False) for what is not. For a list of photos, a list of clicks for
                each.
            weights: weights of the components in the score, over the preset's own.
            rerank: False orders by the vector alone, to measure what re-ranking brings.
            like: ids of products that the result should be more like. They add the component
                "like", which counts .75 beside 1 for all others together.
            unlike: ids of products that it should be less like; they are left out. They add the
                component "unlike", which counts .15.
            group: "design" lets the best match of each design stand for it; its other products are
                in `Match.variants`, and `limit` counts designs (see `variants`).
            fetch: whether a photo at an `http(s)://` address is fetched, from one of the
                `fetch_hosts` that the catalogue was opened with.
            progress: called with the name of each stage before it begins; what it raises ends the
                search.

        Raises:
            NoFloorFound: no photo shows a floor.
            NothingToRank: the catalogue is empty, or no product passes the filter.
            ProductNotFound: a product of `like` or `unlike` is none of the catalogue's.
            FilterError: the filter is not of the language, or no product has one of its fields.
            ImageError, RegionError, UsageError: an argument is not usable.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.search("room.jpg", limit=1).matches[0].product.id
            'oak-natural-plank'
            >>> lens.search(["room.jpg", "room.jpg"], unlike=["oak-natural-plank"])[0].product.id
            'walnut-herringbone'
        """
        from floorlens.search import Query, answer

        shots = self._shots(source, region, clicks, fetch)
        query = Query(limit, where, weights, rerank, like, unlike, group)
        return self._ask(
            lambda catalogue, retriever: answer(
                query,
                shots,
                catalogue=catalogue,
                stages=self._stages,
                retriever=retriever,
                progress=progress,
            )
        )

    def see(
        self,
        source: PhotoSource | Photo | Sequence[PhotoSource | Photo],
        *,
        region: RegionSource | Sequence[RegionSource | None] | None = None,
        clicks: Iterable[ClickSource] | Sequence[Iterable[ClickSource]] = (),
        fetch: bool = False,
        progress: StageProgress | None = None,
        earlier: Sight | None = None,
    ) -> Sight:
        """Returns what photos of one floor show, to be ranked as often as you like.

        `rank` then takes some hundredths of the time of `search`: nothing is embedded anew.

        Args:
            source: as for `search`, or a `Photo` that is loaded.
            region, clicks, fetch, progress: as for `search`.
            earlier: what the same photos, in the same order, showed before their floors were
                corrected: what the correction leaves as it was is taken from there, in less time.

        Raises:
            NoFloorFound: no photo shows a floor.
            ImageError, RegionError, UsageError: an argument is not usable.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> sight = lens.see("room.jpg")
            >>> lens.rank(sight, limit=1)[0].product.id
            'oak-natural-plank'
            >>> lens.rank(sight, unlike=["oak-natural-plank"])[0].product.id
            'walnut-herringbone'
        """
        from floorlens.search import see

        self._catalogue.check_open()
        shots = self._shots(source, region, clicks, fetch)
        return see(shots, self._stages, progress, earlier)

    def rank(
        self,
        sight: Sight,
        *,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        weights: Mapping[str, float] | None = None,
        rerank: bool = True,
        like: Sequence[str] = (),
        unlike: Sequence[str] = (),
        group: Literal["design"] | None = None,
        progress: StageProgress | None = None,
    ) -> SearchResult:
        """Returns the catalogue's products, ranked for a floor that was seen before.

        Args:
            sight: what `see` returned, with the same preset and models.
            limit, where, weights, rerank, like, unlike, group, progress: as for `search`.

        Raises:
            NothingToRank, ProductNotFound, FilterError, UsageError: as for `search`.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.rank(lens.see("room.jpg"), where={"material": "terrazzo"})[0].product.id
            'terrazzo-grigio'
        """
        from floorlens.search import Query, rank

        query = Query(limit, where, weights, rerank, like, unlike, group)
        return self._ask(
            lambda catalogue, retriever: rank(
                query,
                sight,
                catalogue=catalogue,
                stages=self._stages,
                retriever=retriever,
                progress=progress,
            )
        )

    def similar(
        self,
        product_id: str,
        *,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        weights: Mapping[str, float] | None = None,
        rerank: bool = True,
        like: Sequence[str] = (),
        unlike: Sequence[str] = (),
        group: Literal["design"] | None = None,
    ) -> Ranking:
        """Returns the other products, ranked by how closely they look like one of the catalogue.

        No picture is opened: the product is compared by what the catalogue knows of it, its swatch
        if it has one, else its room scenes.

        Args:
            product_id: of the product; it is left out.
            limit, where, weights, rerank, like, unlike, group: as for `search`.

        Raises:
            ProductNotFound: there is no such product.
            NothingToRank: there is no other, or none passes the filter.
            FilterError, UsageError: an argument is not usable.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> [match.product.id for match in lens.similar("oak-natural-plank")]
            ['walnut-herringbone', 'terrazzo-grigio']
        """
        from floorlens.search import Query, answer_similar

        query = Query(limit, where, weights, rerank, like, unlike, group)
        return self._ask(
            lambda catalogue, retriever: answer_similar(
                query, product_id, catalogue=catalogue, stages=self._stages, retriever=retriever
            )
        )

    def search_many(
        self,
        photos: Iterable[PhotoSource | Sequence[PhotoSource]],
        *,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        weights: Mapping[str, float] | None = None,
        rerank: bool = True,
        like: Sequence[str] = (),
        unlike: Sequence[str] = (),
        group: Literal["design"] | None = None,
        fetch: bool = False,
        threads: int = 2,
    ) -> Iterator[SearchResult | FloorlensError]:
        """Yields the ranking for each of many photos, in their order.

        A photo that cannot be read or shows no floor has its error in its place, and the others go
        on. What would befall every photo, such as a catalogue that is gone, is raised.

        Args:
            photos: any iterable of what `search` takes; it is read as far as it is needed, so a
                generator of many thousands takes no memory.
            limit, where, weights, rerank, like, unlike, group, fetch: as for `search`.
            threads: so many photos are at work at a time. The models use all cores by themselves:
                with more threads the reading and cutting of one photo runs beside them.

        Raises:
            UsageError, FilterError, NothingToRank, CatalogueError, EngineError: as for `search`.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> for result in lens.search_many(["room.jpg", "gone.jpg"], limit=1):
            ...     print(result)
            SearchResult(1 of 3 products: 'oak-natural-plank' ...)
            gone.jpg: no such file
        """
        from floorlens.search import in_order

        if threads < 1:
            raise UsageError(f"threads must be 1 or more, not {threads}")
        if (
            isinstance(photos, str | bytes)
            or hasattr(photos, "read")
            or not isinstance(photos, Iterable)
        ):
            raise UsageError("search_many takes several photos, such as a list: search takes one")

        work = partial(
            self.search,
            limit=limit,
            where=where,
            weights=weights,
            rerank=rerank,
            like=like,
            unlike=unlike,
            group=group,
            fetch=fetch,
        )
        return in_order(work, photos, threads)

    def embed(
        self,
        source: PhotoSource | Sequence[PhotoSource],
        *,
        region: RegionSource | Sequence[RegionSource | None] | None = None,
        clicks: Iterable[ClickSource] | Sequence[Iterable[ClickSource]] = (),
        fetch: bool = False,
    ) -> NDArray[np.float32]:
        """Returns the vector of a photo's floor that is searched for: float32 (d,), of length 1.

        It is made with the catalogue's projection: comparable with `embeddings` as long as the
        catalogue is neither adapted nor rebuilt.

        Args:
            source, region, clicks, fetch: as for `search`.

        Raises:
            NoFloorFound: no photo shows a floor.
            StampMismatch: another process rebuilt the catalogue with another preset.
            ImageError, RegionError, UsageError: an argument is not usable.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> ids, vectors = lens.embeddings()
            >>> ids[(vectors @ lens.embed("room.jpg")).argmax()]
            'oak-natural-plank'
        """
        from floorlens.search import embed

        shots = self._shots(source, region, clicks, fetch)
        return self._ask(
            lambda catalogue, _: embed(shots, catalogue=catalogue, stages=self._stages)
        )

    def embeddings(self) -> Embeddings:
        """Returns the ids of all products that can be searched, and their vectors in that order.

        The vectors are float32 (n, d), rows of length 1: a product's cosine similarity to another
        is their inner product.

        Raises:
            StampMismatch: another process rebuilt the catalogue with another preset.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> lens.embeddings().vectors.shape
            (3, 248)
        """
        from floorlens.search import embeddings

        return self._ask(lambda catalogue, _: embeddings(catalogue, self._stages))

    def _shots(
        self,
        source: PhotoSource | Photo | Sequence[PhotoSource | Photo],
        region: Any,
        clicks: Any,
        fetch: bool,
    ) -> list[Shot]:
        """Returns the photos of a search, each with what is said of it by hand.

        Raises:
            UsageError: of several photos, it is not said for each.
        """
        from floorlens.search import Shot

        if not isinstance(source, list | tuple):
            # A file, like an iterator, can be read once, and a search may begin again.
            if hasattr(source, "read"):
                source = read_stream(source)
            if isinstance(clicks, Iterator):
                clicks = tuple(clicks)
            photo = cast("PhotoSource | Photo", source)
            return [Shot(partial(self._photo, photo, fetch), region, clicks)]
        regions = [None] * len(source) if region is None else region
        corrections = clicks or [()] * len(source)
        for name, values in (("region", regions), ("clicks", corrections)):
            if not isinstance(values, list | tuple) or len(values) != len(source):
                raise UsageError(f"for several photos {name} is a list with one entry for each")
        photos = [read_stream(one) if hasattr(one, "read") else one for one in source]
        return [
            Shot(partial(self._photo, photo, fetch), area, tuple(points))
            for photo, area, points in zip(photos, regions, corrections, strict=True)
        ]

    def compare(
        self,
        source: PhotoSource | Photo,
        product_id: str,
        *,
        region: RegionSource | None = None,
        clicks: Iterable[ClickSource] = (),
        fetch: bool = False,
    ) -> Explanation:
        """Returns why a product is like the floor in a photo: facts, patches, palettes.

        Args:
            source: the photo, as for `see`.
            product_id: of the product. Its pictures are opened again.
            region, clicks, fetch: as for `search`.

        Raises:
            ProductNotFound: none has that id.
            ImageError: the photo, or a picture of the product, cannot be read.
            NoFloorFound, RegionError: as for `search`.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> explanation = lens.compare("room.jpg", "oak-natural-plank")
            >>> explanation.facts.product_pattern, explanation.picture().shape[2]
            ('plank', 3)
        """
        from floorlens.explanation.explain import explain

        corrections, photo = tuple(clicks), self._photo(source, fetch)
        return self._ask(
            lambda catalogue, retriever: explain(
                product_id,
                photo,
                catalogue=catalogue,
                stages=self._stages,
                retriever=retriever,
                region=region,
                clicks=corrections,
                looks=self._looks,
                max_megapixels=self._max_megapixels,
                picture_seconds=self._picture_seconds,
            )
        )

    def scaled_views(
        self,
        source: PhotoSource | Photo,
        product_id: str,
        *,
        region: RegionSource | None = None,
        clicks: Iterable[ClickSource] = (),
        even_light: bool = True,
        side: int = 640,
        fetch: bool = False,
    ) -> ScaledViews:
        """Returns a photo's floor and a product as two squares at one scale, to wipe between.

        The floor is seen from above where the photo allows it. Nothing is embedded.

        Args:
            source: the photo, as for `see`.
            product_id: of the product. Its pictures are opened again.
            region, clicks, fetch: as for `search`.
            even_light: whether slow shading of the room is divided out.
            side: of the squares in pixels.

        Raises:
            ProductNotFound: none has that id.
            ImageError: the photo, or a picture of the product, cannot be read.
            NoFloorFound, RegionError: as for `search`.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> views = lens.scaled_views("room.jpg", "oak-natural-plank", side=320)
            >>> views.floor.shape, views.product.shape
            ((320, 320, 3), (320, 320, 3))
        """
        squares = self.scaled_squares(source, product_id, region=region, clicks=clicks, fetch=fetch)
        return squares.views(side, even_light=even_light)

    def scaled_squares(
        self,
        source: PhotoSource | Photo,
        product_id: str,
        *,
        region: RegionSource | None = None,
        clicks: Iterable[ClickSource] = (),
        fetch: bool = False,
    ) -> OneScale:
        """Returns what `scaled_views` draws, to be drawn in several sizes or lights.

        Args:
            source, product_id, region, clicks, fetch: as for `scaled_views`.

        Raises:
            FloorlensError: as for `scaled_views`.

        Example:
            >>> lens = Floorlens.open("catalogue/")
            >>> report = lens.add("products/")
            >>> squares = lens.scaled_squares("room.jpg", "oak-natural-plank")
            >>> [squares.views(side).product.shape for side in (64, 320)]
            [(64, 64, 3), (320, 320, 3)]
        """
        from floorlens.explanation.scaled import scaled_squares

        corrections, photo = tuple(clicks), self._photo(source, fetch)
        return self._ask(
            lambda catalogue, _: scaled_squares(
                product_id,
                photo,
                catalogue=catalogue,
                stages=self._stages,
                region=region,
                clicks=corrections,
                max_megapixels=self._max_megapixels,
                picture_seconds=self._picture_seconds,
            )
        )

    @cached_property
    def _looks(self) -> Recent[FloorLook]:
        """Floors that were just compared: most are compared with several products."""
        from floorlens.recent import Recent

        return Recent(2)

    def _photo(self, source: PhotoSource | Photo, fetch: bool = False) -> Photo:
        if isinstance(source, Photo):
            return source
        hosts = self._fetch_hosts if fetch else None
        return _load(source, self._max_megapixels, self._picture_seconds, hosts)

    def _fetcher(self) -> Fetcher:
        from floorlens.images.fetching import fetcher_of

        return fetcher_of(self._fetch_hosts)

    def _adapt_after(
        self,
        catalogue: Catalogue,
        report: CatalogueReport,
        progress: Progress | None,
        *,
        on_request: bool,
    ) -> CatalogueReport:
        from floorlens.adaptation.adapt import can_adapt

        if not can_adapt(catalogue, self._stages, on_request=on_request):
            return report
        try:
            return replace(report, adaptation=self.adapt(progress=progress))
        except FloorlensError as error:
            # The products are stored and can be searched: the report must say what became of them.
            return replace(report, not_adapted=str(error))


def _reopen(options: Mapping[str, Any]) -> Floorlens:
    return Floorlens.open(**options)


def _push_after(retriever: Retriever, report: Report) -> Report:
    try:
        retriever.push()
    except FloorlensError as error:
        return replace(report, not_synced=str(error))
    return report


def find_floor(
    photo: PhotoSource | Photo,
    *,
    preset: str | None = None,
    region: RegionSource | None = None,
    clicks: Iterable[ClickSource] = (),
    threads: int = 0,
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
    models: ModelOptions | None = None,
    stages: Stages | None = None,
    fetch_hosts: Sequence[str] | None = None,
) -> FloorRegion:
    """Returns where the floor is in a photo; no catalogue is needed.

    Args:
        photo: path, bytes, PIL image, uint8 (h, w, 3) RGB array, or a `Photo` that is loaded.
        preset: whose segmenter finds it; None takes the default one.
        region, clicks: as for `Floorlens.search`.
        threads, max_megapixels, picture_seconds, models, stages: as for `Floorlens.open`.
        fetch_hosts: from which hosts a photo given as an address is fetched; None fetches nothing.

    Raises:
        NoFloorFound: there is none.
        ImageError: the photo cannot be read.
        RegionError: the region or a click is not usable.
        SettingsError: there is no such preset.

    Example:
        >>> floor = find_floor("room.jpg")
        >>> floor.mask.shape, floor.reasons
        ((768, 1024), ())
    """
    from floorlens.pipeline import floor_region

    if stages is None:
        stages = load_stages(preset_named(preset or DEFAULT_PRESET), threads=threads, models=models)
    else:
        check_fit(stages)
    if not isinstance(photo, Photo):
        photo = _load(photo, max_megapixels, picture_seconds, fetch_hosts)
    return floor_region(photo, stages, region, clicks)


def _load(
    source: PhotoSource, max_megapixels: float, seconds: float, fetch_hosts: Sequence[str] | None
) -> Photo:
    """Returns a photo, fetched if hosts are named and it is an address."""
    if fetch_hosts is None or not isinstance(source, str) or not is_address(source):
        return decode_photo(source, max_megapixels=max_megapixels, seconds=seconds)
    from floorlens.images.fetching import load_address

    return load_address(source, fetch_hosts, max_megapixels=max_megapixels, seconds=seconds)


def open_catalogue(
    settings: Settings, *, create: bool = True, stages: Stages | None = None
) -> Floorlens:
    """Returns the catalogue that the settings name, opened with the preset that they name.

    Args:
        settings: as `floorlens.settings.load_settings` returns them.
        create: whether to make a catalogue where there is none.
        stages: backends of your own, instead of a preset's.

    Raises:
        FloorlensError: what `Floorlens.open` raises.

    Example:
        >>> from floorlens.settings import load_settings
        >>> open_catalogue(load_settings()).location
        'catalogue'
    """
    return Floorlens.open(settings.catalogue, create=create, stages=stages, **settings.options())


def preset_in_use(settings: Settings) -> str:
    """Returns the preset that is set, else that of the catalogue; the default if it has none.

    Raises:
        StampMismatch: the catalogue's preset is of a package that is not installed here.

    Example:
        >>> from floorlens.settings import load_settings
        >>> preset_in_use(load_settings())
        'builtin'
    """
    from floorlens.catalogue.catalogue import Catalogue

    if settings.preset is not None:
        return settings.preset
    try:
        catalogue = Catalogue(settings.catalogue, create=False)
    except CatalogueNotFound:
        return DEFAULT_PRESET
    try:
        return stamped_preset(catalogue.live_stamp(), catalogue.location).name
    finally:
        catalogue.close()

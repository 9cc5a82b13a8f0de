"""`Floorlens`: one catalogue, opened with one preset; everything the interfaces offer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from floorlens.errors import (
    CatalogueError,
    CatalogueNotFound,
    NothingToRank,
    StampMismatch,
    UsageError,
)
from floorlens.filters import parse_filter
from floorlens.images import MAX_MEGAPIXELS, Photo, load_photo
from floorlens.presets import (
    DEFAULT_PRESET,
    PRESETS,
    Stages,
    identity,
    load_stages,
    new_index,
    preset_named,
)
from floorlens.products import Product
from floorlens.ranking import Match, SearchResult, merged_weights, rank, tail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from floorlens.filters import Filter
    from floorlens.index import Hit
    from floorlens.indexing import ImportReport, Progress
    from floorlens.segmentation import FloorRegion

FULL_RANKING = 20_000
"""Catalogues up to this size are ranked whole."""
CUT_RANKING = 10_000
"""Of larger ones so many products are ranked."""
RETRIES = 20
"""How often a search begins anew because other processes remove products meanwhile."""


def preset_of(location: str | Path) -> str:
    """Returns the preset that made a catalogue; the default one if absent or unknown here."""
    from floorlens.catalogue import Catalogue

    try:
        catalogue = Catalogue(location, create=False)
    except CatalogueNotFound:
        return DEFAULT_PRESET
    with closing(catalogue):
        name = (catalogue.live_stamp() or {}).get("preset")
    return str(name) if name in PRESETS else DEFAULT_PRESET


class Floorlens:
    """Visual search for floors in one catalogue. Safe to call from several threads."""

    def __init__(
        self,
        location: str | Path,
        *,
        preset: str | None = None,
        create: bool = True,
        threads: int = 0,
        max_megapixels: float = MAX_MEGAPIXELS,
        stages: Stages | None = None,
        stale: bool = False,
    ) -> None:
        """Use `Floorlens.open`."""
        # SQLAlchemy costs more than half of the allowed import time of the package.
        from floorlens.catalogue import Catalogue

        if preset is not None and stages is None:
            preset_named(preset)
        self._max_megapixels = max_megapixels
        self._catalogue = Catalogue(location, create=create)
        try:
            live = self._catalogue.live_stamp()
            name = preset or (live or {}).get("preset") or DEFAULT_PRESET
            if name not in PRESETS:
                # Of another version of Floorlens: the stamps differ, and that says what to do.
                name = DEFAULT_PRESET
            self._stages = stages or load_stages(preset_named(name), threads=threads)
            self._location = str(location)
            if not stale:
                self._check_stamp()
        except BaseException:
            self._catalogue.close()
            raise
        self._index = new_index(self._stages.preset)
        self._index_revision = -1
        self._generation: int | None = None
        self._index_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        preset: str | None = None,
        create: bool = True,
        threads: int = 0,
        max_megapixels: float = MAX_MEGAPIXELS,
        stages: Stages | None = None,
    ) -> Floorlens:
        """Returns the catalogue at a folder, created if absent, with its models loaded.

        Args:
            location: the catalogue's folder.
            preset: a name of `floorlens.presets.PRESETS`; None takes the catalogue's own, for a
                new one the default.
            create: whether to make a catalogue where there is none.
            threads: for the models; 0 takes all cores.
            max_megapixels: larger pictures are refused.
            stages: backends of your own, instead of a preset's.

        Raises:
            StampMismatch: the catalogue was made with another preset or model version.
            SettingsError: there is no such preset.
            CatalogueError: the catalogue cannot be opened; CatalogueNotFound if absent.
        """
        return cls(
            location,
            preset=preset,
            create=create,
            threads=threads,
            max_megapixels=max_megapixels,
            stages=stages,
        )

    @classmethod
    def rebuild(
        cls,
        location: str | Path,
        *,
        preset: str | None = None,
        threads: int = 0,
        max_megapixels: float = MAX_MEGAPIXELS,
        progress: Progress | None = None,
        stages: Stages | None = None,
    ) -> ImportReport:
        """Embeds a whole catalogue anew, with another preset or newer models; returns the report.

        The old features serve searches until all new ones are there, and stay if a product's
        picture can no longer be read (the report's failed rows). Interrupted, it resumes.

        Raises:
            CatalogueNotFound: there is no catalogue.
        """
        from floorlens.indexing import rebuild

        with cls(
            location,
            preset=preset,
            create=False,
            threads=threads,
            max_megapixels=max_megapixels,
            stages=stages,
            stale=True,
        ) as lens:
            return rebuild(
                lens._catalogue, lens._stages, max_megapixels=max_megapixels, progress=progress
            )

    def __enter__(self) -> Floorlens:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the catalogue."""
        self._catalogue.close()

    @property
    def stamp(self) -> dict[str, Any]:
        """The preset and the models in use, as plain JSON values."""
        return self._stages.stamp() | {
            "segmenter": self._stages.segmenter.stamp.as_dict(),
            "reranker": self._stages.reranker.stamp.as_dict(),
        }

    @property
    def folder(self) -> Path:
        """The folder in which the catalogue lies."""
        return self._catalogue.folder

    # -- the catalogue -------------------------------------------------------------------------

    def add(self, source: str | Path, *, progress: Progress | None = None) -> ImportReport:
        """Adds or updates the products of a folder of images, a CSV or a JSONL file.

        Only what changed is embedded; nothing is removed. `progress(done, total, row)` is called
        after each row is safely stored. Returns one row per product.

        Raises:
            ProductSourceError: the source as a whole is not usable; nothing is stored.
            StampMismatch: another process rebuilt the catalogue with another preset.
        """
        from floorlens.indexing import import_products

        self._check_stamp()
        return import_products(
            self._catalogue,
            self._stages,
            source,
            max_megapixels=self._max_megapixels,
            progress=progress,
        )

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
        """Removes products from the catalogue (not their files); returns the ids that existed."""
        return self._catalogue.remove(ids)

    # -- photos --------------------------------------------------------------------------------

    def mask(self, source: Any, *, region: Any = None, clicks: Iterable[Any] = ()) -> FloorRegion:
        """Returns where the floor is in a photo (path, bytes, PIL image or uint8 RGB array).

        `region` and `clicks` say it by hand, as in `search`.

        Raises:
            NoFloorFound: there is none.
            ImageError: the photo cannot be read.
            RegionError: the region or a click is not usable.
        """
        from floorlens.pipeline import find_floor

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
    ) -> SearchResult:
        """Returns the catalogue's products, ranked by how closely they match the photo's floor.

        Args:
            source: path, bytes, PIL image or uint8 (h, w, 3) RGB array.
            limit: at most so many matches.
            where: a filter on the metadata (see `floorlens.filters`).
            region: the floor by hand, in photo pixels: box (left, top, right, bottom), polygon of
                (x, y) points or 2-D mask; None finds it.
            clicks: corrections of what was found or drawn, in photo pixels: `Click`, (x, y) for
                floor, or (x, y, False) for what is not.
            weights: weights of the components in the score, over the preset's own.

        Raises:
            NoFloorFound: the photo shows no floor.
            NothingToRank: the catalogue is empty, or no product passes the filter.
            ImageError, FilterError, RegionError, UsageError: an argument is not usable.
        """
        from floorlens.pipeline import find_floor

        if limit is not None and limit < 1:
            raise UsageError(f"limit must be 1 or more, not {limit}")
        condition = parse_filter(where)
        merged = merged_weights(self._stages.reranker.weights, weights)
        clock = _Stopwatch()
        with clock.stage("retrieve"):
            self._refresh_index()
            total = self._index.stats().count
        if total == 0:
            raise NothingToRank(
                f"the catalogue {self._location} is empty: add products with `floorlens index "
                f"PRODUCTS --catalogue {self._location}`"
            )
        with clock.stage("decode"):
            photo = self._photo(source)
        with clock.stage("segment"):
            floor = find_floor(photo, self._stages, region, clicks)
        with clock.stage("normalise"):
            view = self._stages.normaliser.view(photo.pixels, floor.working_mask)
        with clock.stage("embed"):
            query = self._stages.embedder.describe(self._stages.embedder.features([view])[0])
        depth = self._stages.preset.rerank_depth
        most = FULL_RANKING if total <= FULL_RANKING else CUT_RANKING
        wanted = min(limit or most, most)
        with clock.stage("retrieve"):
            hits, signatures = self._retrieve(query.vector, max(wanted, depth), depth, condition)
        if not hits:
            raise NothingToRank(f"none of the {total} products passes the filter {where!r}")
        with clock.stage("rerank"):
            components = self._stages.reranker.components(
                query.signature, list(signatures.values())
            )
            scored = rank(list(signatures), components, merged)
        with clock.stage("collect"):
            scored += tail(scored, [(hit.id, hit.similarity) for hit in hits], len(scored))
            scored = scored[:wanted]
            found = {p.id: p for p in self._catalogue.products(item.id for item in scored)}
            # A product that another process has just removed is in the index and no longer here.
            kept = [item for item in scored if item.id in found]
            matches = tuple(
                Match(place, found[item.id], item.score, item.components)
                for place, item in enumerate(kept, start=1)
            )
        return SearchResult(floor, matches, total, clock.timings())

    # -- within --------------------------------------------------------------------------------

    def _photo(self, source: Any) -> Photo:
        return load_photo(source, max_megapixels=self._max_megapixels)

    def _check_stamp(self) -> None:
        live, ours = self._catalogue.live_stamp(), self._stages.stamp()
        if live is None or identity(live) == identity(ours):
            return
        raise StampMismatch(
            f"the catalogue {self._location} was made with {_describe(live)}, and this is "
            f"{_describe(ours)}: their embeddings cannot be compared. Run `floorlens index "
            f"--rebuild --preset {ours['preset']} --catalogue {self._location}`, or open it with "
            "the preset and version that made it"
        )

    def _retrieve(
        self, vector: NDArray[np.float32], k: int, depth: int, condition: Filter | None
    ) -> tuple[list[Hit], dict[str, bytes]]:
        """Returns the k nearest products, and the signatures of the first `depth` of them.

        Both are of one generation: what other processes remove or rebuild in between is noticed.
        Products that tie with the last one are among the first, so that twins score the same.
        """
        for _ in range(RETRIES):
            generation = self._refresh_index()
            hits = self._index.query(vector, k, condition)
            border = hits[min(depth, len(hits)) - 1].similarity if hits else 0.0
            ids = [
                hit.id
                for place, hit in enumerate(hits)
                if place < depth or hit.similarity == border
            ]
            found = {} if generation is None else self._catalogue.signatures(ids, generation)
            if len(found) == len(ids):
                return hits, {product_id: found[product_id] for product_id in ids}
        raise CatalogueError(
            f"products of the catalogue {self._location} have vectors and no signatures: run "
            f"`floorlens index --rebuild --catalogue {self._location}`"
        )

    def _refresh_index(self) -> int | None:
        """Brings the index up to the catalogue's revision; returns the generation it holds.

        Other processes' writes are seen too; features of another stamp raise StampMismatch.
        """
        with self._index_lock:
            if self._catalogue.revision() != self._index_revision:
                snapshot = self._catalogue.snapshot(since=self._index_revision)
                self._check_stamp()
                self._index.upsert(snapshot.changed)
                self._index.delete(set(self._index.ids()) - snapshot.ids)
                self._index_revision = snapshot.revision
                self._generation = snapshot.generation
            return self._generation


def _describe(stamp: Mapping[str, Any]) -> str:
    parts = (stamp.get(stage) or {} for stage in ("normaliser", "embedder"))
    models = ", ".join(f"{p.get('model_id', '?')} {p.get('version', '?')}" for p in parts)
    return f"preset {stamp.get('preset', '?')!r} ({models})"


class _Stopwatch:
    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._stages[name] = self._stages.get(name, 0.0) + time.perf_counter() - started

    def timings(self) -> dict[str, float]:
        return self._stages | {"total": time.perf_counter() - self._started}

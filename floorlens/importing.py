"""A product's journey into the catalogue: embed what changed, leave what did not, report each row.

Read the pictures, see what they show, take their features, describe them, store all of it.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from floorlens.catalogue.batches import batches, workers
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.descriptions import Description, Descriptions
from floorlens.catalogue.rows import Entry, StoredProduct
from floorlens.embedding import FloorFeatures
from floorlens.embedding.projection import Projection
from floorlens.errors import (
    CatalogueError,
    FloorlensError,
    GenerationChanged,
    ProductSourceError,
)
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.images.fetching import Fetcher
from floorlens.images.loading import read_bytes
from floorlens.models.stamp import check_stamp
from floorlens.pipeline import (
    MOST_SCENES,
    aspects_of,
    examine_product,
    product_attributes,
    product_features,
    product_prints,
)
from floorlens.presets import Stages
from floorlens.products.downloads import Downloads, downloads_folder
from floorlens.products.folders import Layout
from floorlens.products.pictures import KINDS, Kind, ProductPicture, alteration_note
from floorlens.products.places import Places
from floorlens.products.product import Product, Refusal
from floorlens.products.reading import path_of, read_products
from floorlens.products.rows import PictureFolder, ProductSource
from floorlens.products.variants import Relation

STATUSES = ("added", "updated", "unchanged", "failed")
# How many groups of equal pictures a report spells out.
_GROUPS = 10
# So many products of different names share a picture by mistake; two may be a pair.
_SHARED_BY = 3
_STALE = "another process has changed or removed it meanwhile: run the same command again"
# Kind of picture that is left out -> one of them, many, and why.
_LEFT_OUT: Mapping[Kind, tuple[str, str, str]] = {
    "room": ("room scene", "room scenes", f"{MOST_SCENES} others show the product well enough"),
    "drawing": ("drawing", "drawings", "other pictures show the product"),
}


@dataclass(frozen=True)
class ImportRow:
    """What became of one product.

    Attributes:
        id: of the product; of a row of a list without one, its place.
        status: one of `STATUSES`.
        reason: why it failed, if it did.
        pictures: the kind of each picture (`products.pictures.KINDS`), in order; empty where they
            were not examined, because nothing changed, the product failed or the catalogue has the
            same pictures already.
        note: which pictures, or what parts of them, were left out, and why.
        place: where a row that could not be read stands in the list: "line 301".
    """

    id: str
    status: str
    reason: str | None = None
    pictures: tuple[str, ...] = ()
    note: str | None = None
    place: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the row as plain JSON values."""
        return {
            "id": self.id,
            "status": self.status,
            "reason": self.reason,
            "pictures": list(self.pictures),
            "note": self.note,
            "place": self.place,
        }


@dataclass(frozen=True)
class ImportReport:
    """What became of a source.

    Attributes:
        rows: one per product, in order of id, and then those of the list that are no product.
        seconds: how long it took.
        notes: what the reader of a list decided or left out, and which pictures a shop should look
            at, in sentences.
        same_pictures: ids of products with equal pictures, byte for byte; the largest group first.
        shared_pictures: ids of three or more products of different names that share a picture, byte
            for byte, and differ in others; the largest group first.
    """

    rows: tuple[ImportRow, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    same_pictures: tuple[tuple[str, ...], ...] = ()
    shared_pictures: tuple[tuple[str, ...], ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many products have each status."""
        counts = Counter(row.status for row in self.rows)
        return {status: counts[status] for status in STATUSES}

    @property
    def pictures(self) -> dict[str, int]:
        """How many pictures are of each kind, among those that were looked at."""
        counts = Counter(kind for row in self.rows for kind in row.pictures)
        return {kind: counts[kind] for kind in KINDS}

    @property
    def failed(self) -> tuple[ImportRow, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.status == "failed")

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {
            "counts": self.counts,
            "pictures": self.pictures,
            "seconds": self.seconds,
            "notes": list(self.notes),
            "same_pictures": [list(ids) for ids in self.same_pictures],
            "shared_pictures": [list(ids) for ids in self.shared_pictures],
            "rows": [row.as_dict() for row in self.rows],
        }


ImportProgress = Callable[[int, int, ImportRow], None]
"""Called after a row is safely stored: (rows done, rows in all, the row)."""


@dataclass(frozen=True)
class _Outcome:
    row: ImportRow
    entry: Entry | None = None
    hashes: tuple[str, ...] = ()


def import_products(
    catalogue: Catalogue,
    stages: Stages,
    source: ProductSource,
    *,
    max_megapixels: float,
    picture_seconds: float = PICTURE_SECONDS,
    id_prefix: str = "",
    strict: bool = False,
    numbers: bool = True,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    layout: Layout = "auto",
    pictures: Sequence[Path] = (),
    fetcher: Fetcher | None = None,
    copy: bool = False,
    progress: ImportProgress | None = None,
) -> ImportReport:
    """Brings the products of a source into the catalogue; returns a row for each.

    A product whose pictures, name and metadata are as stored is left alone; new metadata is
    stored without embedding again. A picture that cannot be read fails its product, which then
    keeps what was stored of it before. Products that the source does not name stay. `id_prefix`
    is put before every id of the source. A row of a list that cannot be used fails, and the others
    go on, unless `strict` is set; `numbers`, `columns` and `layout` are those of `read_products`.
    `pictures` are folders beside a list's own in which its pictures may lie; those at addresses
    are fetched by `fetcher`, if there is one. With `copy` the catalogue's folder keeps a copy of
    each picture, without what a camera wrote beside it, and names that; a picture that lies outside
    of the source's folder is then as good as absent.

    Raises:
        ProductSourceError: the source as a whole is not usable; nothing is stored.

    Example:
        >>> report = import_products(catalogue, stages, "products/",
        ...                          max_megapixels=120)  # doctest: +SKIP
        >>> report.counts  # doctest: +SKIP
        {'added': 3, 'updated': 0, 'unchanged': 0, 'failed': 0}
    """
    started = time.perf_counter()
    downloads = Downloads(
        downloads_folder(catalogue.folder),
        fetcher,
        max_megapixels=max_megapixels,
        picture_seconds=picture_seconds,
    )
    picture_folder = PictureFolder(
        None if catalogue.folder is None else downloads_folder(catalogue.folder),
        max_megapixels=max_megapixels,
    )
    content = read_products(
        source,
        id_prefix=id_prefix,
        strict=strict,
        numbers=numbers,
        columns=columns,
        layout=layout,
        places=Places(
            path_of(source).parent,
            pictures=pictures,
            known=lambda: catalogue.pictures() | picture_folder.paths,
            address=downloads.name,
            silent=copy,
        ),
        picture_folder=picture_folder,
    )
    products = content.products
    refusals = tuple(_refusal_row(refusal) for refusal in content.refusals)
    total = len(products) + len(refusals)
    target = _LiveGeneration(catalogue, stages)
    examining = stages.preset.examine_products
    descriptions = Descriptions(catalogue, stages.stamp(), measuring=examining)
    rows: list[ImportRow] = []
    owners = _Owners()

    def prepare(product: Product, stored: StoredProduct | None) -> _Outcome:
        copies: dict[str, str] = {}
        try:
            product = with_files(product)
            if copy:
                copies = {downloads.copy(image): image for image in product.images}
                product = replace(product, images=tuple(copies))
            return _prepare(
                product,
                stored,
                stages,
                target.projection,
                descriptions,
                max_megapixels,
                picture_seconds,
            )
        except FloorlensError as error:
            reason = str(error)
            for path, image in copies.items():
                # By the name that the source's owner knows.
                reason = reason.replace(path, image)
            return _Outcome(ImportRow(product.id, "failed", reason))

    with downloads.fetching(products) as with_files, workers() as pool:
        for batch in batches(products):
            stored = target.stored([product.id for product in batch])
            tasks = [pool.submit(prepare, product, stored.get(product.id)) for product in batch]
            outcomes = [task.result() for task in tasks]
            entries = [outcome.entry for outcome in outcomes if outcome.entry is not None]
            stale = target.put(entries)
            for place, product in enumerate(batch):
                if product.id in stale:
                    # It was unchanged, but another process has removed or replaced it since.
                    outcomes[place] = prepare(product, None)
                    entry = outcomes[place].entry
                    if entry is not None:
                        target.put([entry])
            for product, outcome in zip(batch, outcomes, strict=True):
                rows.append(outcome.row)
                owners.add(product, outcome.hashes)
                if progress is not None:
                    progress(len(rows), total, outcome.row)
    for row in refusals:
        rows.append(row)
        if progress is not None:
            progress(len(rows), total, row)
    same, shared = owners.of_all(), owners.of_one()
    new = [row.id for row in rows if row.status in ("added", "updated")]
    notes = (
        *content.notes,
        *_picture_notes(rows, same, shared),
        *_variant_notes(catalogue.designs.relations_of(new), new),
        *(_unmeasured_notes(catalogue) if examining else ()),
    )
    return ImportReport(tuple(rows), time.perf_counter() - started, notes, same, shared)


def rebuild(
    catalogue: Catalogue,
    stages: Stages,
    *,
    max_megapixels: float,
    picture_seconds: float = PICTURE_SECONDS,
    progress: ImportProgress | None = None,
) -> ImportReport:
    """Embeds every product anew beside the live features and swaps them at once.

    Searches go on with the old features until the swap. Interrupted, it goes on where it was. If
    a picture can no longer be read nothing is swapped: the report's failed rows say why.

    Example:
        >>> rebuild(catalogue, stages, max_megapixels=120).failed  # doctest: +SKIP
        ()
    """
    started = time.perf_counter()
    projection = stages.embedder.projection
    generation = catalogue.generations.begin(stages.stamp(), projection)
    total = catalogue.count()
    # Nothing that is stored is taken over: a rebuild is there to make it anew.
    descriptions = Descriptions(None, stages.stamp())
    rows: dict[str, ImportRow] = {}
    owners = _Owners()

    def prepare(stored: StoredProduct) -> _Outcome:
        try:
            outcome = _prepare(
                stored.product,
                None,
                stages,
                projection,
                descriptions,
                max_megapixels,
                picture_seconds,
            )
        except FloorlensError as error:
            return _Outcome(ImportRow(stored.product.id, "failed", str(error)))
        return replace(outcome, row=replace(outcome.row, status="updated"))

    with workers() as pool:

        def fill(batch: Sequence[StoredProduct]) -> Iterator[str]:
            tasks = [pool.submit(prepare, stored) for stored in batch]
            for stored, task in zip(batch, tasks, strict=True):
                outcome = task.result()
                if outcome.entry is None:
                    yield outcome.row.id
                else:
                    catalogue.generations.put_features(stored, outcome.entry, generation)
                if outcome.row.id not in rows:
                    owners.add(stored.product, outcome.hashes)
                rows[outcome.row.id] = outcome.row
                if progress is not None:
                    progress(len(rows), max(total, len(rows)), outcome.row)

        catalogue.generations.fill_and_swap(generation, fill)
    in_order = tuple(rows[product_id] for product_id in sorted(rows))
    same, shared = owners.of_all(), owners.of_one()
    notes = tuple(_picture_notes(in_order, same, shared))
    return ImportReport(in_order, time.perf_counter() - started, notes, same, shared)


def measure_attributes(
    catalogue: Catalogue,
    stages: Stages,
    *,
    anew: bool = False,
    max_megapixels: float,
    picture_seconds: float = PICTURE_SECONDS,
    progress: ImportProgress | None = None,
) -> ImportReport:
    """Measures attributes of products and takes the prints of their pictures; a row for each.

    Variants are told by prints. What people set stays. The patterns are those of the stored
    features: nothing is embedded. A picture that cannot be read, or is another one than that which
    was imported, fails its product.

    Args:
        catalogue: whose products.
        stages: which tell what a picture shows.
        anew: whether those are measured again of which nothing is missing.
        max_megapixels, picture_seconds: as for `import_products`.
        progress: as for `import_products`.

    Example:
        >>> measure_attributes(catalogue, stages, max_megapixels=120).counts  # doctest: +SKIP
        {'added': 0, 'updated': 236, 'unchanged': 0, 'failed': 0}
    """
    started = time.perf_counter()
    embedded = catalogue.embedded()
    known = set() if anew else catalogue.attributes.examined()
    stamp = catalogue.live_stamp() or {}
    rows: list[ImportRow] = []

    def prepare(stored: StoredProduct, features: FloorFeatures | None) -> _Outcome:
        product = stored.product
        try:
            if features is None:
                raise CatalogueError(
                    "the catalogue has no features of it by these models: run `floorlens index "
                    f"--rebuild --catalogue {catalogue.location}`"
                )
            files = [read_bytes(Path(path)) for path in product.images]
            hashes = tuple(hashlib.sha256(data).hexdigest() for data in files)
            if hashes != stored.content_hashes:
                raise ProductSourceError(
                    "its pictures are others than those that were imported: import it again"
                )
            photos = [
                decode_photo(
                    data, max_megapixels=max_megapixels, seconds=picture_seconds, name=path
                )
                for data, path in zip(files, product.images, strict=True)
            ]
            pictures = examine_product(photos, stages)
            entry = Entry(
                product,
                hashes,
                measured=product_attributes(photos, pictures, features),
                prints=product_prints(photos, pictures),
            )
        except FloorlensError as error:
            return _Outcome(ImportRow(product.id, "failed", str(error)))
        kinds = tuple(picture.kind for picture in pictures)
        return _Outcome(ImportRow(product.id, "updated", None, kinds), entry)

    with workers() as pool:
        for batch in batches(embedded):
            due = [stored for stored in batch if stored.product.id not in known]
            features = catalogue.base_features([stored.product.id for stored in due], stamp)
            tasks = [pool.submit(prepare, each, features.get(each.product.id)) for each in due]
            outcomes = [task.result() for task in tasks]
            stale = catalogue.attributes.put_measured(
                [outcome.entry for outcome in outcomes if outcome.entry is not None]
            )
            of_id = {outcome.row.id: outcome.row for outcome in outcomes}
            of_id |= {product_id: ImportRow(product_id, "failed", _STALE) for product_id in stale}
            for stored in batch:
                name = stored.product.id
                rows.append(of_id.get(name) or ImportRow(name, "unchanged"))
                if progress is not None:
                    progress(len(rows), len(embedded), rows[-1])
    return ImportReport(tuple(rows), time.perf_counter() - started)


def _refusal_row(refusal: Refusal) -> ImportRow:
    if refusal.id is None:
        return ImportRow(refusal.place, "failed", refusal.cause, place=refusal.place)
    reason = f"{refusal.place}: {refusal.cause}"
    return ImportRow(refusal.id, "failed", reason, place=refusal.place)


class _LiveGeneration:
    """The live generation, into which an import writes, and its projection.

    Another process may put another one in its place meanwhile: then that one is followed.
    """

    def __init__(self, catalogue: Catalogue, stages: Stages) -> None:
        self._catalogue = catalogue
        self._stages = stages
        self._follow()

    def _follow(self) -> None:
        """Takes the live generation for its own.

        Raises:
            StampMismatch: another process has rebuilt the catalogue with other models.
        """
        ours, own = self._stages.stamp(), self._stages.embedder.projection
        while True:
            self.generation = self._catalogue.generations.live(ours, own)
            # In this order: a swap between the two lines shows when something is put.
            check_stamp(self._catalogue.live_stamp(), ours, self._catalogue.location)
            try:
                self.projection = self._catalogue.projections.of(self.generation)
            except GenerationChanged:
                # Swapped between the two looks.
                continue
            return

    def stored(self, ids: Sequence[str]) -> dict[str, StoredProduct]:
        """Returns what `Catalogue.stored` does, also if the catalogue is adapted meanwhile."""
        stored = self._catalogue.stored(ids, self.generation)
        if all(product.embedded for product in stored.values()):
            return stored
        # Perhaps a swap has dropped the generation: what is embedded must not seem to be missing.
        self._follow()
        return self._catalogue.stored(ids, self.generation)

    def put(self, entries: Sequence[Entry]) -> list[str]:
        """Stores entries as `Catalogue.put` does, also if the catalogue is adapted meanwhile."""
        if not entries:
            return []
        while True:
            try:
                return self._catalogue.put(entries, self.generation)
            except GenerationChanged:
                self._follow()
                entries = [self._describe_anew(entry) for entry in entries]

    def _describe_anew(self, entry: Entry) -> Entry:
        if entry.features is None:
            return entry
        embedding = self._stages.embedder.describe(entry.features, self.projection)
        return replace(entry, embedding=embedding)


def _prepare(
    product: Product,
    stored: StoredProduct | None,
    stages: Stages,
    projection: Projection | None,
    descriptions: Descriptions,
    max_megapixels: float,
    picture_seconds: float,
) -> _Outcome:
    files = [read_bytes(Path(path)) for path in product.images]
    hashes = tuple(hashlib.sha256(data).hexdigest() for data in files)
    if stored is not None and stored.embedded and stored.content_hashes == hashes:
        if stored.product == product:
            return _Outcome(ImportRow(product.id, "unchanged"), hashes=hashes)
        same = (stored.product.name, stored.product.metadata) == (product.name, product.metadata)
        row = ImportRow(product.id, "unchanged" if same else "updated")
        return _Outcome(row, Entry(product, hashes), hashes)

    def describe() -> Description:
        photos = [
            decode_photo(data, max_megapixels=max_megapixels, seconds=picture_seconds, name=path)
            for data, path in zip(files, product.images, strict=True)
        ]
        pictures = examine_product(photos, stages)
        features = product_features(photos, stages, pictures)
        kinds = tuple(picture.kind for picture in pictures)
        # With a preset that takes pictures whole an index stays as the reference application, or
        # whoever else reads it, expects it. On request they are measured there as well.
        examining = stages.preset.examine_products
        measured = product_attributes(photos, pictures, features) if examining else None
        prints = product_prints(photos, pictures)
        return Description(features, kinds, _note(pictures), measured, prints)

    description = descriptions.get(product.id, hashes, describe)
    embedding = descriptions.embedding(
        hashes, projection, lambda: stages.embedder.describe(description.features, projection)
    )
    status = "added" if stored is None else "updated"
    row = ImportRow(product.id, status, None, description.pictures, description.note)
    entry = Entry(
        product,
        hashes,
        description.features,
        embedding,
        description.measured,
        description.prints,
    )
    return _Outcome(row, entry, hashes)


class _Owners:
    """Which products have equal pictures, all of them or one."""

    def __init__(self) -> None:
        # Hash of all pictures in any order, and of each one -> ids; 16 bytes of each hash.
        self._all: dict[bytes, list[str]] = {}
        self._each: dict[bytes, list[str]] = {}
        self._names: dict[str, str] = {}

    def add(self, product: Product, hashes: tuple[str, ...]) -> None:
        """Adds a product with the hashes of its pictures; without any it is left out."""
        if not hashes:
            return
        key = hashlib.sha256("".join(sorted(hashes)).encode()).digest()[:16]
        self._all.setdefault(key, []).append(product.id)
        for digest in dict.fromkeys(hashes):
            self._each.setdefault(bytes.fromhex(digest[:32]), []).append(product.id)
        self._names[product.id] = product.name.casefold()

    def of_all(self) -> tuple[tuple[str, ...], ...]:
        """Returns the ids of products that have the same pictures."""
        return _groups(ids for ids in self._all.values() if len(ids) > 1)

    def of_one(self) -> tuple[tuple[str, ...], ...]:
        """Returns the ids of products of different names that share a picture, not all of them."""
        same = {frozenset(ids) for ids in self._all.values()}
        return _groups(
            ids
            for ids in {tuple(sorted(ids)) for ids in self._each.values()}
            if len({self._names[each] for each in ids}) >= _SHARED_BY and frozenset(ids) not in same
        )


def _groups(groups: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted((tuple(sorted(ids)) for ids in groups), key=lambda ids: (-len(ids), ids)))


def _picture_notes(
    rows: Sequence[ImportRow], same: Sequence[Sequence[str]], shared: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Yields what a shop should know of its pictures, in sentences."""
    drawings = [row.id for row in rows if set(row.pictures) == {"drawing"}]
    if drawings:
        verb = "shows" if len(drawings) == 1 else "show"
        yield (
            f"{_listed(drawings)} {verb} no floor but writing, an icon or a logo: give each a "
            "picture of the product"
        )
    for ids in same[:_GROUPS]:
        yield (
            f"{_listed(ids)} show the same picture: a search cannot tell them apart. If it stands "
            "for pictures that are still to come, remove it"
        )
    if len(same) > _GROUPS:
        yield f"{len(same) - _GROUPS} more groups of products have the same pictures"
    for ids in shared[:_GROUPS]:
        yield (
            f"{_listed(ids)} share one of their pictures, which then tells nothing of any of them: "
            "if it stands for pictures that are still to come, remove it"
        )
    if len(shared) > _GROUPS:
        yield f"{len(shared) - _GROUPS} more groups of products share one of their pictures"


def _variant_notes(relations: Sequence[Relation], new: Collection[str]) -> Iterator[str]:
    """Yields how many new products are variants of one that the catalogue holds, in a sentence.

    Equal pictures have notes of their own.
    """
    new = set(new)
    same = {i for r in relations if r.kind == "same picture" for i in r.ids if i in new}
    others = {
        i
        for r in relations
        if r.kind not in ("equal picture", "same picture")
        for i in r.ids
        if i in new
    }
    parts = []
    if same:
        verb = "shows" if len(same) == 1 else "show"
        parts.append(f"{len(same)} {verb} a picture that another product shows, in another file")
    if others:
        verb = "is a format or colour" if len(others) == 1 else "are formats or colours"
        parts.append(f"{len(others)} {verb} of a design that another product shows")
    if parts:
        yield f"of the products, {' and '.join(parts)}: `floorlens variants` lists them"


def _unmeasured_notes(catalogue: Catalogue) -> Iterator[str]:
    """Yields how many products an earlier version stored without attributes, in a sentence."""
    if count := catalogue.attributes.unmeasured():
        verb = "has" if count == 1 else "have"
        yield (
            f"{count:,} of the catalogue's products {verb} no attributes, which an earlier version "
            "did not measure: filters by them can leave such products out. Run `floorlens "
            "attributes --measure`"
        )


def _listed(ids: Sequence[str]) -> str:
    if len(ids) == 1:
        return ids[0]
    if len(ids) <= 3:
        return f"{', '.join(ids[:-1])} and {ids[-1]}"
    return f"{', '.join(ids[:2])} and {len(ids) - 2} more"


def _note(pictures: Sequence[ProductPicture]) -> str | None:
    aspects = aspects_of(pictures)
    omitted = Counter(p.kind for p, aspect in zip(pictures, aspects, strict=True) if aspect is None)
    notes = []
    for kind, (one, many, why) in _LEFT_OUT.items():
        if count := omitted[kind]:
            notes.append(f"{count} {one if count == 1 else many} left out: {why}")
    if all(picture.kind == "drawing" for picture in pictures):
        notes.append(
            "shows no floor but writing, an icon or a logo: give it a picture of the product"
        )
    used = [p for p, aspect in zip(pictures, aspects, strict=True) if aspect is not None]
    if altered := alteration_note(used):
        notes.append(altered)
    return "; ".join(notes) or None

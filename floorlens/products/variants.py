"""Variants: which products show one picture, or one design in other formats, widths or colours.

Three things tell it. Equal bytes: the same picture. Equal structure (`overlaps.py`): one picture,
however it was encoded, scaled, cut, turned or coloured. Equal names but for sizes, numbers or
colours (`design_names.py`), where the texture agrees: one design, laid or photographed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from floorlens.products.design_names import DesignName
from floorlens.products.overlaps import Overlap
from floorlens.products.prints import Print
from floorlens.products.product import Product

Kind = Literal["equal picture", "same picture", "other format", "other colour", "same name"]
KINDS: tuple[Kind, ...] = (
    "equal picture",
    "same picture",
    "other format",
    "other colour",
    "same name",
)
"""How two products of one design differ, from the least on."""

NEIGHBOURS, TEXTURE_NEIGHBOURS = 4, 12
"""So many nearest products of each one are compared with it, by the vector and by its texture.

The texture alone leads to what has another colour, and less straight: among 180 products it took 12
to reach all of 30 recoloured pictures, and 16 by the vector reached 27.
"""
MOST = 48
"""Products of a design, at most: of more a name or a picture says nothing."""
#: So many products at a time look for their nearest, and so many columns make a group of those.
_BLOCK, _GROUP = 512, 64
_PICTURES = 2
#: Likeness at which two pictures are one as probably as not, how much more it must be where one
#: lies in the other with half its side, and where one is turned, how much less where the names say
#: one design; how fast the probability rises.
_BORDER, _SMALL, _TURNED, _NAMED, _SLOPE = 0.72, 0.125, 0.05, 0.1, 30.0
#: Difference of the mean colours, in CIELAB, from which on a colour is another.
OTHER_COLOUR = 8.0


@dataclass(frozen=True)
class Look:
    """What tells of a product whether it is a variant of another.

    Attributes:
        id: of the product.
        name: what its name says.
        hashes: SHA-256 of each of its pictures.
        prints: by hash; of a picture that was never looked at there is none.
    """

    id: str
    name: DesignName
    hashes: tuple[str, ...]
    prints: Mapping[str, Print]

    @property
    def swatches(self) -> list[str]:
        """The hashes of the first pictures that show the floor from above."""
        return [h for h in self.hashes if h in self.prints and self.prints[h].grey.size][:_PICTURES]


@dataclass(frozen=True)
class Relation:
    """Two products that are variants of one design.

    Attributes:
        ids: of both, in order.
        kind: how they differ.
        confidence: 0..1, how probably it is so.
    """

    ids: tuple[str, str]
    kind: Kind
    confidence: float


@dataclass(frozen=True)
class Variant:
    """A variant of a product.

    Attributes:
        product: which it is.
        kind: how it differs (`KINDS`).
        confidence: 0..1, how probably it is one.
    """

    product: Product
    kind: Kind
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Returns the variant as plain JSON values."""
        return {
            "id": self.product.id,
            "name": self.product.name,
            "kind": self.kind,
            "confidence": self.confidence,
        }


@dataclass(frozen=True)
class Design:
    """Products of one design.

    Attributes:
        ids: of all of them, in order; two or more.
        relations: those between them.
    """

    ids: tuple[str, ...]
    relations: tuple[Relation, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """How they differ, in the order of `KINDS`."""
        kinds = {relation.kind for relation in self.relations}
        return tuple(kind for kind in KINDS if kind in kinds)

    def links(self, product_id: str) -> dict[str, tuple[Kind, float]]:
        """Returns the id of each other product -> how it differs from one, and how surely.

        The surest come first. Where two are related by way of a third, it is by the surest way; the
        kind is then the one on it that differs most.

        Example:
            >>> pairs = [("a", "b", "same picture", 0.9), ("b", "c", "other colour", 0.8)]
            >>> relations = [Relation((a, b), k, c) for a, b, k, c in pairs]
            >>> links = Design(("a", "b", "c"), tuple(relations)).links("a")
            >>> {name: kind for name, (kind, _) in links.items()}
            {'b': 'same picture', 'c': 'other colour'}
        """
        links: dict[str, tuple[Kind, float]] = {product_id: (KINDS[0], 1.0)}
        while True:
            ways = [
                (-links[near][1] * r.confidence, far, r.kind, near)
                for r in self.relations
                for near, far in (r.ids, r.ids[::-1])
                if near in links and far not in links
            ]
            if not ways:
                break
            certainty, name, kind, near = min(ways)
            links[name] = max(kind, links[near][0], key=KINDS.index), -certainty
        del links[product_id]
        return links

    def as_dict(self) -> dict[str, Any]:
        """Returns the design as plain JSON values."""
        return {
            "ids": list(self.ids),
            "kinds": list(self.kinds),
            "relations": [
                {"ids": list(r.ids), "kind": r.kind, "confidence": r.confidence}
                for r in self.relations
            ],
        }


def neighbours(
    vectors: NDArray[np.float32], rows: Sequence[int], count: int = NEIGHBOURS
) -> set[tuple[int, int]]:
    """Returns pairs (i, j), i < j: each of `rows` with its nearest of all, by cosine similarity.

    Args:
        vectors: unit vectors (n, d).
        rows: those whose nearest are wanted.
        count: how many of each.

    Example:
        >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
        >>> sorted(neighbours(vectors, [2], count=1))
        [(1, 2)]
    """
    pairs: set[tuple[int, int]] = set()
    total = len(vectors)
    count = min(count, total - 1)
    if count < 1:
        return pairs
    columns = np.pad(vectors, ((0, -total % _GROUP), (0, 0))).T
    for start in range(0, len(rows), _BLOCK):
        block = np.asarray(rows[start : start + _BLOCK])
        similarities = vectors[block] @ columns
        similarities[:, total:] = -np.inf
        similarities[np.arange(len(block)), block] = -np.inf
        nearest = _largest(similarities, count)
        for row, others in zip(block.tolist(), nearest.tolist(), strict=True):
            pairs.update((min(row, other), max(row, other)) for other in others)
    return pairs


def _largest(table: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Returns the columns of the largest numbers of each row, in no order.

    They lie in those groups of columns whose maxima are the largest. To partition the maxima and
    then these groups, and not whole rows, halves the time that all of 20,000 products take.
    """
    groups = table.reshape(len(table), -1, _GROUP)
    places = _last(groups.max(axis=2), min(count, groups.shape[1]))
    chosen = np.take_along_axis(groups, places[:, :, None], axis=1).reshape(len(table), -1)
    place, column = np.divmod(_last(chosen, count), _GROUP)
    return np.take_along_axis(places, place, axis=1) * _GROUP + column


def _last(table: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    return np.argpartition(table, -count, axis=1)[:, -count:]


def namesakes(names: Sequence[DesignName]) -> set[tuple[int, int]]:
    """Returns pairs (i, j), i < j, of products whose names say the same design.

    Where more than `MOST` do, the name is that of a collection: none of them is paired.

    Example:
        >>> from floorlens.products.design_names import design_name
        >>> names = ["Murom Oak 8 mm", "Murom Oak 12 mm", "Nostalgy Oak 8 mm"]
        >>> namesakes([design_name(name) for name in names])
        {(0, 1)}
    """
    rows: dict[frozenset[str], list[int]] = {}
    for row, name in enumerate(names):
        if name.names_a_design:
            rows.setdefault(name.design, []).append(row)
    return set(_pairs(rows.values()))


def one_design(
    pairs: Collection[tuple[int, int]],
    names: Sequence[DesignName],
    textures: NDArray[np.float32],
) -> set[tuple[int, int]]:
    """Returns the pairs of namesakes whose name is that of a design and not of a collection.

    The colours of a design have one texture. Where less than half of those that a name has agree,
    the name is that of a collection, and some of its colours are alike by chance: they are left
    out. Pairs whose names differ in sizes or numbers stay.

    Args:
        pairs: of products, as `namesakes` returns them.
        names: of all products.
        textures: of all products, unit vectors (n, d).

    Example:
        >>> from floorlens.products.design_names import design_name
        >>> words = ["black", "white", "grey"]
        >>> names = [design_name(f"Brand Nouveau {word}") for word in words]
        >>> textures = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
        >>> one_design(namesakes(names), names, textures), one_design([(0, 1)], names, textures)
        (set(), {(0, 1)})
    """
    colours: dict[frozenset[str], list[tuple[int, int]]] = {}
    chosen: set[tuple[int, int]] = set()
    for first, second in pairs:
        if _names_of(names[first], names[second]) == "colour":
            colours.setdefault(names[first].design, []).append((first, second))
        else:
            chosen.add((first, second))
    _, least, _ = _BY_NAME["colour"]
    for own in colours.values():
        rows = np.array(own)
        similarity = np.einsum("nd,nd->n", textures[rows[:, 0]], textures[rows[:, 1]])
        if 2 * np.count_nonzero(similarity >= least) >= len(own):
            chosen.update(own)
    return chosen


def equal_pictures(hashes: Sequence[Sequence[str]]) -> set[tuple[int, int]]:
    """Returns pairs (i, j), i < j, of products that have a picture in common.

    A picture of more than `MOST` products stands for those that are still to come: it pairs none.

    Example:
        >>> equal_pictures([["a", "b"], ["b"], ["c"]])
        {(0, 1)}
    """
    rows: dict[str, list[int]] = {}
    for row, own in enumerate(hashes):
        for digest in dict.fromkeys(own):
            rows.setdefault(digest, []).append(row)
    return set(_pairs(rows.values()))


def _pairs(groups: Iterable[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Yields the pairs within each group of at most `MOST`, in the order of the group."""
    for group in groups:
        if len(group) <= MOST:
            yield from combinations(group, 2)


def relation(
    first: Look,
    second: Look,
    texture: float,
    overlap: Callable[[str, str], Overlap],
    *,
    by_name: bool = True,
) -> Relation | None:
    """Returns how two products are variants of one design; None if they are not.

    Args:
        first, second: the products.
        texture: cosine similarity of their textures.
        overlap: of the prints of two pictures, by their hashes.
        by_name: whether names count: not where many products have the same.

    Example:
        >>> from floorlens.products.design_names import design_name
        >>> looks = [Look(i, design_name(i), ("00",), {}) for i in ("Murom Oak 8 mm", "M-1024")]
        >>> relation(*looks, 0.9, lambda one, other: Overlap(0.0, 1.0, 0)).kind
        'equal picture'
    """
    if first.id > second.id:
        first, second = second, first
    names = _names_of(first.name, second.name) if by_name else None
    colour = _colour_gap(first, second)

    def related_as(kind: Kind, confidence: float) -> Relation:
        return Relation((first.id, second.id), kind, confidence)

    if _equal_picture(first, second):
        return related_as("other format" if names == "size" else "equal picture", 1.0)
    overlaps = [overlap(one, other) for one in first.swatches for other in second.swatches]
    if overlaps:
        # Of names that differ in numbers alone too many products are others.
        named = names in ("size", "colour", "nothing")
        certainty = same_picture(max(overlaps, key=same_picture), named=named)
        if certainty >= 0.5:
            if colour is not None and colour >= OTHER_COLOUR:
                return related_as("other colour", certainty)
            return related_as("other format" if names == "size" else "same picture", certainty)
    if names is None or colour is None:
        return None
    kind, least, most = _BY_NAME[names]
    if texture < least or colour > most:
        return None
    return related_as(kind, NAME_CONFIDENCE)


NAME_CONFIDENCE = 0.9
#: What differs in the names -> the kind, the least texture and the largest difference in colour.
#: Of one decor laid as planks and as herringbone the colours agree more than the textures.
_BY_NAME: Mapping[str, tuple[Kind, float, float]] = {
    "size": ("other format", 0.25, 4.0),
    "number": ("other format", 0.85, 4.0),
    "colour": ("other colour", 0.55, 60.0),
    "nothing": ("same name", 0.5, OTHER_COLOUR),
}


def same_picture(overlap: Overlap, *, named: bool = False) -> float:
    """Returns how probably two pictures are one, 0..1.

    The smaller the part that overlaps, the more it has to be alike: a small one finds a place that
    is like it in any wood, and a turned one finds some in any weave. It may be less alike where the
    products are `named` as one design.

    Example:
        >>> round(same_picture(Overlap(0.9, 0.8, 0)), 2), round(same_picture(Overlap(0.6, 1, 0)), 2)
        (0.98, 0.03)
    """
    border = (
        _BORDER + 2 * _SMALL * (1 - overlap.share) + _TURNED * (overlap.turn != 0) - _NAMED * named
    )
    return float(1 / (1 + np.exp(-_SLOPE * (overlap.likeness - border))))


def _names_of(first: DesignName, second: DesignName) -> str | None:
    """Returns what differs between the names of one design; None for two designs."""
    if not first.names_a_design or first.design != second.design:
        return None
    if first.colours != second.colours:
        return "colour"
    if first.sizes != second.sizes:
        return "size"
    return "nothing" if first.numbers == second.numbers else "number"


def _equal_picture(first: Look, second: Look) -> bool:
    """Returns whether all pictures are equal, or one that shows the floor from above."""
    if first.hashes and sorted(first.hashes) == sorted(second.hashes):
        return True
    return bool(set(first.swatches) & set(second.swatches))


def _colour_gap(first: Look, second: Look) -> float | None:
    if not first.swatches or not second.swatches:
        return None
    one, other = first.prints[first.swatches[0]].lab, second.prints[second.swatches[0]].lab
    return float(np.linalg.norm(one - other))


def designs(relations: Iterable[Relation]) -> tuple[Design, ...]:
    """Returns the groups of products that are of one design, in the order of their first ids.

    The surest relations join first. Two groups join only if at least half of the pairs between them
    are related and they have at most `MOST` products together: chains of products of which each is
    like the next are cut. What joins depends on the relations alone, not on their order.

    Example:
        >>> pairs = [("a", "b"), ("b", "c"), ("c", "d")]
        >>> chain = [Relation(ids, "same picture", 0.9) for ids in pairs]
        >>> [design.ids for design in designs(chain)]
        [('a', 'b', 'c')]
    """
    related = {relation.ids: relation for relation in relations}
    ordered = sorted(related.values(), key=lambda r: (-r.confidence, r.ids))
    group_of: dict[str, list[str]] = {}
    for one in ordered:
        first, second = (group_of.setdefault(name, [name]) for name in one.ids)
        if first is second or len(first) + len(second) > MOST:
            continue
        links = sum((min(a, b), max(a, b)) in related for a in first for b in second)
        if 2 * links < len(first) * len(second):
            continue
        first += second
        for name in second:
            group_of[name] = first
    groups = {id(group): sorted(group) for group in group_of.values() if len(group) > 1}
    return tuple(
        Design(tuple(ids), tuple(related[pair] for pair in combinations(ids, 2) if pair in related))
        for ids in sorted(groups.values())
    )

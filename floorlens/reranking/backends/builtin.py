"""The built-in re-ranker: colours as distributions, textures as sets of patches, patterns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import ASPECTS
from floorlens.embedding.pattern import CLASSES, pattern_likeness, same_pattern
from floorlens.embedding.signature import MAGIC, Signatures, unpack
from floorlens.errors import CatalogueError
from floorlens.models.onnx import WEIGHTS
from floorlens.models.stamp import Stamp
from floorlens.reranking import Comparison, Evidence, Looks, Scale

PARAMETERS = "ranker.json"
#: How much wider the wide part of the colour score is than the narrow one.
WIDE = 4.0
#: Which of `signature.LEVELS` a floor's variation lies between: 15 % and 85 %.
LOW, HIGH = 1, 8


@dataclass(frozen=True)
class Falloff:
    """How fast scores fall with what differs, and what counts more than usual.

    Attributes:
        lab: weights of L*, a*, b* in the difference of two medians.
        spread: the same where the spread around the median is compared.
        tolerance: weighted colour difference at which the narrower part of the colour score has
            fallen to 1/e.
        power: of the texture score.
        emphasis: of components, as in `Comparison`.
    """

    lab: tuple[float, float, float]
    spread: tuple[float, float, float]
    tolerance: float
    power: float
    emphasis: Mapping[str, float]


@dataclass(frozen=True)
class Parameters:
    """What the scores are made with.

    Attributes:
        version: of these numbers.
        shares: of the cosines that make up the texture score; together 1. `whole`: the floors as
            wholes; `query`, `product`: the patches of one, each with its nearest of the other.
        weights: how much each component counts by default.
        adapted: where the catalogue is adapted to its own products. Learned with shares and weights
            from pairs, listwise (`training/matching/fit_ranker.py`).
        plain: where it is not. Textures tell less then, and as a rule such catalogues are small:
            what matters is which products are like a floor, and colour says that best.
    """

    version: str
    shares: Mapping[str, float]
    weights: Mapping[str, float]
    adapted: Falloff
    plain: Falloff


@lru_cache(maxsize=1)
def default_parameters() -> Parameters:
    """Returns the parameters that come with the package.

    Raises:
        CatalogueError: the file does not hold them.

    Example:
        >>> sorted(default_parameters().weights)
        ['colour', 'pattern', 'texture']
    """
    try:
        values = json.loads((WEIGHTS / PARAMETERS).read_text(encoding="utf-8"))
        return Parameters(
            version=values["version"],
            shares=MappingProxyType(values["shares"]),
            weights=MappingProxyType(values["weights"]),
            adapted=_falloff(values["adapted"]),
            plain=_falloff(values["plain"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogueError(
            f"{PARAMETERS} does not hold a ranker: install floorlens again ({error})"
        ) from error


def _falloff(values: Mapping[str, Any]) -> Falloff:
    first, second, third = values["lab"]
    fourth, fifth, sixth = values["spread"]
    return Falloff(
        lab=(first, second, third),
        spread=(fourth, fifth, sixth),
        tolerance=values["tolerance"],
        power=values["power"],
        emphasis=MappingProxyType(values["emphasis"]),
    )


class BuiltinReranker:
    """Compares the signatures that `floorlens.embedding.signature` packs.

    Args:
        parameters: What the scores are made with; by default the package's own.
    """

    signature_format = MAGIC.decode()

    def __init__(self, parameters: Parameters | None = None) -> None:
        self._parameters = parameters or default_parameters()

    @property
    def stamp(self) -> Stamp:
        """Which version it is."""
        return Stamp(
            model_id="floorlens-reranker-builtin",
            version=self._parameters.version,
            dimension=0,
            licence="Apache-2.0",
            preprocessing=f"signature {self.signature_format}",
        )

    @property
    def weights(self) -> Mapping[str, float]:
        """The default weight of each component; the names of the components are its keys."""
        return self._parameters.weights

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        """Returns `colour`, `texture` and `pattern`, and which aspects they rest on.

        Equal signatures give equal scores; a signature against itself gives 1.

        Raises:
            CatalogueError: a signature is not readable, they were made with different projections,
                or the query has two aspects.
        """
        if not candidates:
            nothing = np.zeros(0, np.float32)
            return Comparison(dict.fromkeys(self.weights, nothing), ())
        floor, products = unpack([query]), _unpacked(tuple(candidates))
        if len(floor.floor) != 1:
            raise CatalogueError("a query shows one aspect of a floor, not two")
        if floor.adapted != products.adapted:
            raise CatalogueError(
                "query and products were described with different projections: run `floorlens "
                "index --rebuild`"
            )
        swatch, scene = ~np.isnan(products.table(np.ones(len(products.floor)))).T
        parameters = self._parameters
        falloff = parameters.adapted if floor.adapted else parameters.plain
        similarities = cosines(floor, products)
        components = {
            "colour": colour_score(colour_gaps(floor, products), falloff),
            "texture": texture_score(similarities, parameters.shares, falloff),
            "pattern": pattern_score(floor, products),
        }
        kinds: tuple[Evidence, ...] = (*ASPECTS, "both")
        evidence = tuple(kinds[i] for i in np.where(swatch, 2 * scene, 1))
        looks = looks_of(floor, products, texture_cosine(similarities, parameters.shares))
        scale: Scale = "adapted" if floor.adapted else "plain"
        return Comparison(components, evidence, falloff.emphasis, looks, scale)


@lru_cache(maxsize=4)
def _unpacked(signatures: tuple[bytes, ...]) -> Signatures:
    """Returns signatures as arrays: with feedback the same are compared with one after the other.

    It takes longer than the comparison.
    """
    return unpack(signatures)


def colour_gaps(floor: Signatures, products: Signatures) -> NDArray[np.float32]:
    """Returns float32 (n, 6), how far apart the colours are, channel by channel.

    First the medians' distances in L*, a*, b*, then those of the spreads: the mean distance of the
    quantiles around the median (first Wasserstein distance of the centred distributions). Where a
    product has both aspects they are those of its swatch: the light in which a scene was taken is
    not the query's.

    Example:
        >>> from dataclasses import replace
        >>> from floorlens.embedding.signature import Detail, pack
        >>> lab, unit = np.full((9, 3), 50, np.float32), np.eye(128, dtype=np.float32)
        >>> oak = Detail(lab, np.full(13, 1 / 13), np.zeros(4), unit[0], unit[:4])
        >>> floor = unpack([pack({"scene": oak})])
        >>> lighter = unpack([pack({"swatch": replace(oak, lab=lab + (9, 0, 0))})])
        >>> colour_gaps(floor, lighter).tolist()
        [[9.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    centres = np.abs(products.centre - floor.centre)
    spreads = np.abs(products.quantiles - floor.quantiles).mean(axis=1)
    gaps = products.table(np.concatenate([centres, spreads], axis=1))
    return np.where(np.isnan(gaps[:, 0]), gaps[:, 1], gaps[:, 0])


def colour_score(gaps: NDArray[np.floating], falloff: Falloff) -> NDArray[np.float32]:
    """Returns float32 (n,), the mean of exp(-d / t) and exp(-d / 4t), t the tolerance.

    d is the length of the weighted `colour_gaps`. The narrow part tells near twins apart, the wide
    one a brown floor from a grey one where none is the same.

    Example:
        >>> alike, redder = np.zeros((1, 6)), np.array([[0, 9, 0, 0, 0, 0]])
        >>> falloff = default_parameters().adapted
        >>> float(colour_score(alike, falloff)[0]), bool(colour_score(redder, falloff)[0] < 0.5)
        (1.0, True)
    """
    weights = np.array([*falloff.lab, *falloff.spread], np.float32)
    distance = np.sqrt(((gaps * weights) ** 2).sum(axis=1))
    nearness = np.exp(-distance / (WIDE * falloff.tolerance))
    return np.asarray((nearness + nearness**WIDE) / 2, np.float32)


def cosines(floor: Signatures, products: Signatures) -> Mapping[str, NDArray[np.float32]]:
    """Returns float32 (n,) each, cosine similarities of textures -1..1, by the names of `shares`.

    Patches are compared as sets, each of one side with its nearest counterpart (Chamfer): a floor
    of light and dark boards is not mistaken for one of medium boards. `query` is the mean over the
    query's patches, `product` that over the product's: a room shows much of a floor, and things
    that hide it. Aspects of a product count as one: `whole` is the mean of theirs, and a patch of
    the query may have its counterpart in either.

    Example:
        >>> from dataclasses import replace
        >>> from floorlens.embedding.signature import Detail, pack
        >>> lab, unit = np.full((9, 3), 50, np.float32), np.eye(128, dtype=np.float32)
        >>> oak = Detail(lab, np.full(13, 1 / 13), np.zeros(4), unit[0], unit[:4])
        >>> floor = unpack([pack({"scene": oak})])
        >>> {name: float(values[0]) for name, values in cosines(floor, floor).items()}
        {'whole': 1.0, 'query': 1.0, 'product': 1.0}
    """
    # einsum over fixed shapes, row by row: a product's score does not depend on its neighbours.
    wholes = np.nansum(products.table(products.whole), axis=1)
    wholes /= np.linalg.norm(wholes, axis=1, keepdims=True)
    queries = floor.patches[0, : floor.counts[0]]
    pairs = np.einsum("npd,qd->npq", products.patches, queries)
    own = np.arange(pairs.shape[1]) < products.counts[:, None]
    nearest = np.where(own, pairs.max(axis=2), 0).sum(axis=1) / products.counts
    return {
        "whole": np.einsum("nd,d->n", wholes, floor.whole[0]),
        "query": np.nanmax(products.table(pairs.max(axis=1)), axis=1).mean(axis=1),
        "product": np.nanmean(products.table(nearest), axis=1),
    }


def texture_cosine(
    similarities: Mapping[str, NDArray[np.floating]], shares: Mapping[str, float]
) -> NDArray[np.float32]:
    """Returns float32 (n,), -1..1: the mean of the `cosines` by their shares.

    Example:
        >>> alike = {"whole": np.array([1.0]), "query": np.array([0.5])}
        >>> texture_cosine(alike, {"whole": 0.5, "query": 0.5}).tolist()
        [0.75]
    """
    cosine = sum(share * similarities[name] for name, share in shares.items())
    # Rounding carries that of equal textures beyond 1.
    return np.asarray(np.clip(cosine, -1.0, 1.0), np.float32)


def texture_score(
    similarities: Mapping[str, NDArray[np.floating]], shares: Mapping[str, float], falloff: Falloff
) -> NDArray[np.float32]:
    """Returns float32 (n,): the `cosines` by their shares, -1..1 brought to 0..1, to a power.

    Example:
        >>> alike = {"whole": np.array([1.0, 0.2])}
        >>> one, other = texture_score(alike, {"whole": 1.0}, default_parameters().adapted).tolist()
        >>> one, other < 0.5
        (1.0, True)
    """
    rising = np.clip((1 + texture_cosine(similarities, shares)) / 2, 0.0, 1.0)
    return np.asarray(rising**falloff.power, np.float32)


def pattern_score(floor: Signatures, products: Signatures) -> NDArray[np.float32]:
    """Returns float32 (n,): the likeness of the patterns, of that aspect which is more like it.

    Example:
        >>> from floorlens.embedding.pattern import CLASSES
        >>> from floorlens.embedding.signature import Detail, pack
        >>> unit, planks = np.eye(128, dtype=np.float32), np.eye(len(CLASSES))[0]
        >>> lab = np.full((9, 3), 50, np.float32)
        >>> floor = unpack([pack({"scene": Detail(lab, planks, np.zeros(4), unit[0], unit[:4])})])
        >>> pattern_score(floor, floor).tolist()
        [1.0]
    """
    likeness = pattern_likeness(floor.pattern[0], products.pattern)
    return np.asarray(np.nanmax(products.table(likeness), axis=1), np.float32)


def looks_of(floor: Signatures, products: Signatures, texture: NDArray[np.float32]) -> Looks:
    """Returns how a floor and products look.

    Of a product with two aspects the colour and its variation are those of its swatch, as in
    `colour_gaps`; the pattern is that of the aspect which more probably has the floor's.

    Args:
        floor: one floor, of one aspect.
        products: n products.
        texture: (n,), `texture_cosine`.

    Example:
        >>> from floorlens.embedding.pattern import CLASSES
        >>> from floorlens.embedding.signature import Detail, pack
        >>> unit, planks = np.eye(128, dtype=np.float32), np.eye(len(CLASSES))[0]
        >>> lab = np.full((9, 3), 50, np.float32)
        >>> floor = unpack([pack({"scene": Detail(lab, planks, np.zeros(4), unit[0], unit[:4])})])
        >>> looks = looks_of(floor, floor, np.ones(1, np.float32))
        >>> looks.colour.tolist(), looks.variation.tolist(), looks.patterns[0]
        ([[50.0, 50.0, 50.0]], [0.0], 'plank')
    """
    same = products.table(same_pattern(floor.pattern[0], products.pattern))
    rows = np.arange(products.total)
    likest = np.nanargmax(same, axis=1)
    first = (~np.isnan(same)).argmax(axis=1)
    spread = products.quantiles[:, HIGH, 0] - products.quantiles[:, LOW, 0]
    return Looks(
        patterns=CLASSES,
        floor_colour=floor.centre[0],
        colour=products.table(products.centre)[rows, first],
        floor_variation=float(floor.quantiles[0, HIGH, 0] - floor.quantiles[0, LOW, 0]),
        variation=products.table(spread)[rows, first],
        floor_pattern=floor.pattern[0],
        pattern=products.table(products.pattern)[rows, likest],
        same_pattern=same[rows, likest],
        texture=texture,
    )

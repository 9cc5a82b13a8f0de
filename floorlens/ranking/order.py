"""Component scores and weights -> one order of all products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose, isfinite
from sys import float_info
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute
from floorlens.engines import Hit
from floorlens.errors import UsageError
from floorlens.products.product import Product
from floorlens.ranking import Match, Word
from floorlens.ranking.calibration import FEWEST, default_calibrations, read
from floorlens.ranking.feedback import NOTHING, Feedback, feedback_weights, with_feedback
from floorlens.ranking.reasons import Doubt, facts_of, sentence
from floorlens.reranking import Comparison, Evidence, Reranker


@dataclass(frozen=True)
class Place:
    """A product's place in a ranking before its record is fetched."""

    id: str
    score: float
    components: Mapping[str, float] | None
    evidence: Evidence | None = None
    reason: str = ""
    likeness: float | None = None
    word: Word | None = None


@dataclass(frozen=True)
class Order:
    """All products that were retrieved, in order.

    Attributes:
        places: best first.
        weights: how much each component counted, together 1; None where nothing was re-ranked.
        default_weights: how much each component of the floor counts by default, together 1.
        equals, nothing_close: as in `SearchResult`.
    """

    places: tuple[Place, ...]
    weights: Mapping[str, float] | None = None
    default_weights: Mapping[str, float] | None = None
    equals: int = 0
    nothing_close: bool | None = None


def rank(
    ids: Sequence[str],
    comparison: Comparison,
    weights: Mapping[str, float],
    doubts: Sequence[Doubt] = (),
) -> list[Place]:
    """Returns the products by falling weighted mean of their components, ties in order of id.

    Args:
        ids: of the products.
        comparison: of the query with these products, in the order of `ids`.
        weights: name -> weight; at least one is above 0.
        doubts: of the photo, for the reasons.

    Example:
        >>> alike = Comparison({"colour": np.array([0.2, 0.8]), "texture": np.array([0.4, 0.6])})
        >>> [place.id for place in rank(["a", "b"], alike, {"colour": 1, "texture": 1})]
        ['b', 'a']
    """
    components = comparison.components
    evidence = comparison.evidence or (None,) * len(ids)
    reasons = [""] * len(ids)
    if comparison.looks is not None:
        reasons = [sentence(facts) for facts in facts_of(comparison.looks, evidence, doubts)]
    scores = np.broadcast_to(_mean(comparison, weights), len(ids))
    order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))
    return [
        Place(
            ids[i],
            float(scores[i]),
            {name: float(components[name][i]) for name in weights},
            evidence[i],
            reasons[i],
        )
        for i in order
    ]


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Returns the weights, together 1."""
    whole = sum(weights.values())
    return {name: weight / whole for name, weight in weights.items()}


def _mean(comparison: Comparison, weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Returns float64 (n,): the mean of the components by weight, 0..1."""
    total = sum(weights.values())
    parts = (w / total * np.float64(comparison.components[name]) for name, w in weights.items())
    return np.asarray(np.clip(sum(parts), 0.0, 1.0), np.float64)


def tail(head: Sequence[Place], hits: Sequence[Hit]) -> list[Place]:
    """Returns the places of the products that were not re-ranked, in the order of retrieval.

    Their score continues from the last re-ranked one and falls with the cosine similarity, so that
    the whole ranking is monotone.

    Args:
        head: the re-ranked products, which are the first of the hits.
        hits: all products, best first.

    Example:
        >>> [place.score for place in tail([Place("a", 0.6, None)], [Hit("a", 1.0), Hit("b", 0.0)])]
        [0.3]
    """
    border = head[-1].score if head else 1.0
    best = max(1e-6, 1.0 + hits[0].similarity)
    return [
        Place(hit.id, border * min(1.0, max(0.0, (1.0 + hit.similarity) / best)), None)
        for hit in hits[len(head) :]
    ]


def rank_hits(
    hits: Sequence[Hit],
    signatures: Mapping[str, bytes],
    query_signature: bytes,
    reranker: Reranker,
    changes: Mapping[str, float] | None,
    doubts: Sequence[Doubt] = (),
    feedback: Feedback = NOTHING,
    total: int | None = None,
) -> Order:
    """Returns the order of all products that were retrieved.

    First come those that are re-ranked. The weights are the default ones by the comparison's
    emphasis, with a user's changes. Where it is known what likenesses by the default weights mean,
    each place has a word, and in their order the scores are probabilities.

    Args:
        hits: the products, best first.
        signatures: by id, of the first of them, which are re-ranked.
        query_signature: of the photo's floor.
        reranker: which compares the signatures.
        changes: what a user sets of the weights. None re-ranks nothing: all are in the order of
            retrieval, with (1 + cosine similarity) / 2 as their score.
        doubts: of the photo, for the reasons.
        feedback: the products that are liked, and those that are not: two more components.
        total: how many products were searched; None where the query is no photo, and its
            likenesses mean nothing that is known.

    Example:
        >>> from floorlens.testing import fake_stages
        >>> reranker = fake_stages().reranker
        >>> order = rank_hits([Hit("a", 0.5)], {}, b"", reranker, None)
        >>> order.places[0].score, order.weights
        (0.75, None)
    """
    if changes is None:
        similarities = [min(1.0, max(0.0, (1.0 + hit.similarity) / 2)) for hit in hits]
        return Order(tuple(Place(h.id, s, None) for h, s in zip(hits, similarities, strict=True)))
    ids, candidates = list(signatures), list(signatures.values())
    floor = reranker.compare(query_signature, candidates)
    own = {name: w * floor.emphasis.get(name, 1.0) for name, w in reranker.weights.items()}
    comparison = with_feedback(floor, feedback, reranker, candidates)
    default = feedback_weights(own, like=bool(feedback.like), unlike=bool(feedback.unlike))
    weights = component_weights(default, changes)
    shares, usual = _shares(weights), _shares(own)
    likeness = dict(zip(ids, np.broadcast_to(_mean(floor, own), len(ids)).tolist(), strict=True))
    head = [
        replace(place, likeness=likeness[place.id])
        for place in rank(ids, comparison, weights, doubts)
    ]
    calibration = None if floor.scale is None else default_calibrations()[floor.scale]
    if not head or calibration is None or total is None:
        return Order((*head, *tail(head, hits)), shares, usual)
    nothing_close = max(likeness.values()) < calibration.close
    by_default = shares.keys() == usual.keys() and all(
        isclose(share, usual[name], abs_tol=1e-6) for name, share in shares.items()
    )
    if total < FEWEST:
        words = [calibration.word(0.0, likeness[place.id]) for place in head]
        head = [replace(place, word=word) for place, word in zip(head, words, strict=True)]
        return Order((*head, *tail(head, hits)), shares, usual, 0, nothing_close)
    order = sorted(ids, key=lambda name: (-likeness[name], name))
    reading = read([likeness[name] for name in order], total, calibration)
    place_of = {name: place for place, name in enumerate(order)}
    head = [replace(place, word=reading.words[place_of[place.id]]) for place in head]
    if not by_default:
        # Probabilities would not be in this order. What the words say is as true as before.
        return Order((*head, *tail(head, hits)), shares, usual, 0, nothing_close)
    head = [
        replace(place, score=float(probability))
        for place, probability in zip(head, reading.probabilities, strict=True)
    ]
    return Order((*head, *tail(head, hits)), shares, usual, reading.equals, nothing_close)


def first_designs(
    ranking: Sequence[Place], design_of: Mapping[str, str], limit: int
) -> list[Place]:
    """Returns the places of the first designs of a ranking, those of all their products, in order.

    Args:
        ranking: best first.
        design_of: product id -> what names its design; one that is not named is a design alone.
        limit: how many designs.

    Example:
        >>> ranking = [Place(name, 0.9, None) for name in ("oak-8", "elm", "oak-12")]
        >>> design_of = {"oak-8": "oak", "oak-12": "oak"}
        >>> [place.id for place in first_designs(ranking, design_of, 1)]
        ['oak-8', 'oak-12']
    """
    designs = dict.fromkeys(design_of.get(place.id, place.id) for place in ranking)
    first = set(list(designs)[:limit])
    return [place for place in ranking if design_of.get(place.id, place.id) in first]


def matches_of(
    ranking: Sequence[Place],
    products: Mapping[str, Product],
    attributes: Mapping[str, Mapping[str, Attribute]] = MappingProxyType({}),
    design_of: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Match, ...]:
    """Returns the matches of a ranking, their ranks without gaps.

    Args:
        ranking: best first.
        products: by id. A place whose product is not among them, because another process has just
            removed it, is left out.
        attributes: of the products, by id.
        design_of: product id -> what names its design. Of those that share one the best is a match,
            and the others are its variants, in their order.

    Example:
        >>> ranking = [Place("a", 0.9, None), Place("b", 0.8, None)]
        >>> [match.rank for match in matches_of(ranking, {"b": Product("b", "Oak")})]
        [1]
    """
    variants: dict[str, list[Product]] = {}
    present = []
    for place in ranking:
        if place.id not in products:
            continue
        design = design_of.get(place.id, place.id)
        if design in variants:
            variants[design].append(products[place.id])
        else:
            variants[design] = []
            present.append(place)
    return tuple(
        Match(
            rank,
            products[place.id],
            place.score,
            place.components,
            place.evidence,
            likeness=place.likeness,
            word=place.word,
            reason=place.reason,
            attributes=attributes.get(place.id, {}),
            variants=tuple(variants[design_of.get(place.id, place.id)]),
        )
        for rank, place in enumerate(present, start=1)
    )


def component_weights(
    default: Mapping[str, float], changes: Mapping[str, float] | None, rerank: bool = True
) -> dict[str, float]:
    """Returns the default weights with a user's changes.

    Raises:
        UsageError: an unknown component, a negative weight, none above 0, a sum without end, or
            changes where nothing is re-ranked.

    Example:
        >>> component_weights({"colour": 0.3, "texture": 0.7}, {"colour": 2})
        {'colour': 2.0, 'texture': 0.7}
    """
    if changes and not rerank:
        raise UsageError.about(
            "weights", "weights say how to re-rank: give none where nothing is re-ranked"
        )
    weights = dict(default)
    for name, weight in (changes or {}).items():
        if name not in default:
            if name in ("like", "unlike"):
                raise UsageError.about(
                    "weights", f"the weight of {name!r} needs products: name some in {name}=[…]"
                )
            raise UsageError.about(
                "weights", f"unknown component {name!r}: known are {', '.join(default)}"
            )
        # A whole number may be larger than any float.
        if not isinstance(weight, int | float) or not (0 <= weight <= float_info.max):
            raise UsageError.about(
                "weights", f"the weight of {name!r} must be 0 or a positive number"
            )
        weights[name] = float(weight)
    total = sum(weights.values())
    if total <= 0:
        raise UsageError.about("weights", "at least one component needs a weight above 0")
    if not isfinite(total):
        raise UsageError.about("weights", "the sum of the weights is too large: give smaller ones")
    return weights

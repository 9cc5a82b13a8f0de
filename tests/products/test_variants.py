"""Which products are variants: pairs, how they differ, and groups that no chain swallows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.products.design_names import design_name
from floorlens.products.overlaps import Overlap
from floorlens.products.prints import NOTHING, Print
from floorlens.products.variants import (
    KINDS,
    MOST,
    Kind,
    Look,
    Relation,
    designs,
    equal_pictures,
    namesakes,
    neighbours,
    one_design,
    relation,
)

GREY = np.full((64, 64), 128, np.uint8)
ONE_PICTURE, OTHERS = Overlap(0.95, 1.0, 0), Overlap(0.4, 0.6, 0)


def look(
    product_id: str, name: str = "item", *, hashes: Sequence[str] = (), light: float = 50
) -> Look:
    own = tuple(hashes) or (f"hash of {product_id}",)
    lab = np.array([light, 5, 15], np.float32)
    return Look(product_id, design_name(name), own, dict.fromkeys(own, Print(GREY, lab)))


def kind_of(
    first: Look, second: Look, place: Overlap = OTHERS, texture: float = 0.9
) -> Kind | None:
    one = relation(first, second, texture, lambda *_: place)
    other = relation(second, first, texture, lambda *_: place)
    assert one == other
    return None if one is None else one.kind


def test_equal_pictures_are_told_by_their_hashes() -> None:
    assert kind_of(look("a", hashes=["x"]), look("b", hashes=["x"])) == "equal picture"
    assert kind_of(look("a", hashes=["x", "y"]), look("b", hashes=["y", "z"])) == "equal picture"
    assert kind_of(look("a", hashes=["x"]), look("b", hashes=["y"])) is None


def test_a_room_that_two_products_share_makes_no_variants() -> None:
    """Shops lay ten floors in one room by computer, and show that of the collection for all."""
    first, second = (
        Look(name, design_name(name), ("room", name), {"room": NOTHING, name: Print(GREY, lab)})
        for name, lab in (("a", np.zeros(3, np.float32)), ("b", np.ones(3, np.float32)))
    )
    assert kind_of(first, second) is None


def test_one_picture_in_another_colour_is_another_colour() -> None:
    assert kind_of(look("a"), look("b"), ONE_PICTURE) == "same picture"
    assert kind_of(look("a"), look("b", light=70), ONE_PICTURE) == "other colour"


def test_a_part_must_be_more_alike_than_a_whole() -> None:
    assert kind_of(look("a"), look("b"), Overlap(0.76, 1.0, 0)) == "same picture"
    assert kind_of(look("a"), look("b"), Overlap(0.76, 0.6, 0)) is None
    assert kind_of(look("a"), look("b"), Overlap(0.76, 1.0, 1)) is None


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("Murom Oak 8 mm", "Murom Oak 12 mm", "other format"),
        ("Murom Oak light", "Murom Oak dark", "other colour"),
        ("Murom Oak 731", "Murom Oak 831", "other format"),
        ("Murom Oak", "Oak Murom", "same name"),
        ("Murom Oak", "Nostalgy Oak", None),
        ("Oak 8 mm", "Oak 12 mm", None),
    ],
)
def test_names_tell_a_design_where_the_texture_agrees(
    first: str, second: str, kind: Kind | None
) -> None:
    assert kind_of(look("a", first), look("b", second)) == kind
    assert kind_of(look("a", first), look("b", second), texture=0.1) is None


def test_names_alone_do_not_make_two_colours_one_format() -> None:
    """What has one name and looks light here, dark there, is not one floor in another width."""
    names = "Murom Oak 8 mm", "Murom Oak 12 mm"
    assert kind_of(look("a", names[0]), look("b", names[1], light=75)) is None


def test_one_picture_whose_names_say_sizes_is_a_format() -> None:
    names = "Murom Oak 8 mm", "Murom Oak 12 mm"
    for hashes in (["x"], []):
        pair = look("a", names[0], hashes=hashes), look("b", names[1], hashes=hashes)
        assert kind_of(*pair, ONE_PICTURE) == "other format"


def test_a_name_or_picture_of_too_many_products_says_nothing() -> None:
    """A collection's name, a picture that stands for those to come."""
    names = [design_name(f"Nordic Oak {number} mm") for number in range(MOST + 1)]
    assert namesakes(names) == set()
    assert len(namesakes(names[:3])) == 3
    assert equal_pictures([["logo"]] * (MOST + 1)) == set()


def test_the_colours_of_a_collection_are_no_design() -> None:
    """ "Nouveau" is in ten colours, of which two are alike by chance."""
    words = ("black", "white", "grey", "brown")
    names = [design_name(f"Brand Nouveau {word}") for word in words]
    apart, alike = np.eye(4, dtype=np.float32), np.full((4, 4), 0.5, np.float32)
    apart[1] = apart[0]
    assert one_design(namesakes(names), names, apart) == set()
    assert one_design(namesakes(names), names, alike) == namesakes(names)
    sizes = [design_name(f"Brand Nouveau {size} mm") for size in range(4)]
    assert one_design(namesakes(sizes), sizes, apart) == namesakes(sizes)


def test_pictures_may_be_less_alike_where_the_names_agree() -> None:
    """The floor of the same design, photographed a little otherwise."""
    place, far = Overlap(0.66, 1.0, 0), {"texture": 0.1}
    light, dark = "Murom Oak light", "Murom Oak dark"
    assert kind_of(look("a", light), look("b", dark, light=70), place, **far) == "other colour"
    assert kind_of(look("a", light), look("b", "Nostalgy Oak"), place, **far) is None
    # Numbers alone tell too many products apart.
    assert kind_of(look("a", "Murom Oak 1"), look("b", "Murom Oak 2"), place, **far) is None


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5, 40, 64, 65, 66, 700])
def test_neighbours_are_the_nearest(total: int) -> None:
    """Also where fewer are there than are wanted, and where one begins a group of columns."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(total, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    nearest = np.argsort(-similarities, axis=1)[:, : min(3, total - 1)].tolist()
    pairs = {(min(i, j), max(i, j)) for i, others in enumerate(nearest) for j in others}
    assert neighbours(vectors, range(total), count=3) == pairs


def related(*pairs: tuple[str, str], confidence: float = 0.9) -> list[Relation]:
    return [Relation((min(pair), max(pair)), "same picture", confidence) for pair in pairs]


def test_a_chain_of_likenesses_is_no_design() -> None:
    """Each is like the next, and the last is like the first in nothing."""
    names = [f"{number:02}" for number in range(30)]
    groups = designs(related(*pairwise(names)))
    assert max(len(group.ids) for group in groups) <= 3


def test_a_design_may_lack_a_few_pairs() -> None:
    pairs = [pair for pair in combinations("abcdef", 2) if pair not in (("a", "f"), ("b", "e"))]
    (group,) = designs(related(*pairs))
    assert group.ids == tuple("abcdef")


def test_a_design_has_a_size_at_most() -> None:
    names = [f"{number:03}" for number in range(MOST + 20)]
    assert max(len(group.ids) for group in designs(related(*combinations(names, 2)))) <= MOST


PAIRS = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"), st.sampled_from([0.9, 1])),
    max_size=20,
)


@given(PAIRS, st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_groups_do_not_depend_on_the_order_and_share_no_product(
    pairs: list[tuple[str, str, float]], random: st.DataObject
) -> None:
    sureness = {(min(a, b), max(a, b)): c for a, b, c in pairs if a != b}
    relations = [one for pair, sure in sureness.items() for one in related(pair, confidence=sure)]
    shuffled = list(relations)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    groups = designs(relations)
    assert groups == designs(shuffled)
    members = [name for group in groups for name in group.ids]
    assert len(members) == len(set(members))
    # What has nothing to do with the others changes none of their groups.
    more = designs([*relations, *related(("y", "z"))])
    assert more == (*groups, *designs(related(("y", "z"))))


def test_links_go_by_the_surest_way() -> None:
    relations = [
        Relation(("a", "b"), "same picture", 0.9),
        Relation(("b", "c"), "other colour", 0.8),
    ]
    (group,) = designs(relations)
    links = group.links("a")
    assert list(links) == ["b", "c"]
    assert [kind for kind, _ in links.values()] == ["same picture", "other colour"]
    assert [sure for _, sure in links.values()] == pytest.approx([0.9, 0.72])
    assert group.links("c")["a"][0] == "other colour"
    assert group.kinds == ("same picture", "other colour")
    assert set(group.kinds) <= set(KINDS)

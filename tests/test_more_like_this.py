"""More like this: products like one, several photos of a floor, what is liked and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens import Floorlens, NoFloorFound, Ranking
from floorlens.errors import FilterError, ImageError, NothingToRank, ProductNotFound, UsageError
from floorlens.images.decoding import Decoders
from floorlens.ranking.order import rank_hits
from floorlens.testing import fake_stages

GREYS = [20 * i for i in range(1, 13)]


@pytest.fixture
def lens(tmp_path: Path) -> Iterator[Floorlens]:
    """12 grey products, of which 5 are re-ranked."""
    rows = ["id,image,family,number"]
    for grey in GREYS:
        Image.new("RGB", (24, 24), (grey, grey, grey)).save(tmp_path / f"g{grey}.png")
        rows.append(f"g{grey},g{grey}.png,{'dark' if grey < 120 else 'light'},{grey}")
    (tmp_path / "products.csv").write_text("\n".join(rows))
    stages = fake_stages(rerank_depth=5)
    with Floorlens.open(tmp_path / "catalogue", stages=stages) as opened:
        opened.add(tmp_path / "products.csv")
        yield opened


def room(floor: int, wall: int = 250) -> NDArray[np.uint8]:
    """A picture whose lower half, which the fake segmenter calls floor, has one grey."""
    pixels = np.full((60, 40, 3), wall, np.uint8)
    pixels[30:] = floor
    return pixels


PLAIN = np.full((60, 40, 3), 90, np.uint8)


def ids(ranking: Ranking) -> list[str]:
    return [match.product.id for match in ranking]


# -- products like one -----------------------------------------------------------------------------


def test_the_other_products_are_ranked_by_a_product(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what is stored of it: no picture is opened. It is no answer itself."""
    monkeypatch.setattr(Decoders, "decode", None)
    ranking = lens.similar("g100")
    assert set(ids(ranking)) == {f"g{grey}" for grey in GREYS} - {"g100"}
    assert set(ids(ranking)[:2]) == {"g80", "g120"}
    assert [match.rank for match in ranking] == list(range(1, len(GREYS)))
    scores = [match.score for match in ranking]
    assert scores == sorted(scores, reverse=True)
    assert [match.components is not None for match in ranking] == [True] * 5 + [False] * 6
    assert ranking.total == len(GREYS)
    assert {"embed", "retrieve", "rerank", "total"} <= set(ranking.timings)


def test_limits_filters_and_weights_count_for_similar_products(lens: Floorlens) -> None:
    whole = lens.similar("g100")
    assert lens.similar("g100", limit=3).matches == whole.matches[:3]
    light = lens.similar("g100", where={"family": "light"})
    assert ids(light) == [name for name in ids(whole) if int(name[1:]) >= 120]
    weighted = lens.similar("g100", weights={"texture": 3})[0]
    assert weighted.score > whole[0].score
    assert set(lens.similar("g100", rerank=False)[0].as_dict()["components"] or ()) == set()


def test_what_similar_refuses(lens: Floorlens, tmp_path: Path) -> None:
    with pytest.raises(ProductNotFound, match="'oak'"):
        lens.similar("oak")
    with pytest.raises(FilterError, match="famliy"):
        lens.similar("g100", where={"famliy": "dark"})
    for limit in (0, 2.0, "3"):
        with pytest.raises(UsageError, match="limit must be a whole number"):
            lens.similar("g100", limit=limit)  # type: ignore[arg-type]
    assert len(lens.similar("g100", limit=np.int64(2))) == 2  # type: ignore[arg-type]
    lens.remove([f"g{grey}" for grey in GREYS if grey != 100])
    with pytest.raises(NothingToRank, match="no other product: add more with `floorlens index"):
        lens.similar("g100")


def test_what_is_left_out_is_not_said_to_fail_the_filter(lens: Floorlens) -> None:
    """Where nothing else passes, or where all is left out, the message says so and what helps."""
    with pytest.raises(NothingToRank, match=r"no other .* than 'g100': widen the filter$"):
        lens.similar("g100", where={"number": 100})
    where = {"number": {"$in": [20, 40]}}
    with pytest.raises(NothingToRank, match=r"than 'g20', 'g40': .* fewer products in unlike"):
        lens.search(room(80), where=where, unlike=["g20", "g40"])
    with pytest.raises(NothingToRank, match="none of the 12 products passes"):
        lens.search(room(80), where={"number": 1}, unlike=["g20"])
    every = [f"g{grey}" for grey in GREYS]
    with pytest.raises(NothingToRank, match="no other product: name fewer products in unlike"):
        lens.search(room(80), unlike=every)


# -- several photos --------------------------------------------------------------------------------


def test_several_photos_of_a_floor_are_one_query(lens: Floorlens) -> None:
    """Their floor is described by all of them; of equal photos it is that of one."""
    both = lens.search([room(80), room(120)])
    assert ids(both)[0] == "g100"
    assert [floor.source for floor in both.floors if floor] == ["automatic"] * 2
    assert both.notes == ()
    twice, once = lens.search((room(80), room(80))), lens.search([room(80)])
    assert twice.matches == once.matches == lens.search(room(80)).matches
    assert (len(twice.floors), len(once.floors)) == (2, 1)


def test_a_photo_without_a_floor_is_left_out_of_several(lens: Floorlens) -> None:
    result = lens.search([PLAIN, room(80)])
    assert result.matches == lens.search(room(80)).matches
    assert result.floors[0] is None
    assert result.floor is result.floors[1]
    assert result.as_dict()["floors"][0] is None
    (note,) = result.notes
    assert note.startswith("photo 1 was left out: ")
    with pytest.raises(NoFloorFound):
        lens.search([PLAIN, PLAIN])
    # What cannot be read is a mistake, not a photo without a floor.
    with pytest.raises(ImageError):
        lens.search([room(80), b"nonsense"])


def test_each_of_several_photos_has_its_own_region_and_clicks(lens: Floorlens) -> None:
    wall = (0, 0, 40, 25)
    result = lens.search([room(80, wall=200), room(200)], region=[wall, None])
    assert ids(result)[0] == "g200"
    assert [floor.source for floor in result.floors if floor] == ["box", "automatic"]
    clicked = lens.search([PLAIN, room(80)], clicks=[[(5, 5)], []])
    assert [floor.source for floor in clicked.floors if floor] == ["automatic+clicks", "automatic"]
    for region in (wall, [None]):
        with pytest.raises(UsageError, match="for several photos region"):
            lens.search([PLAIN, room(80)], region=region)
    with pytest.raises(UsageError, match="for several photos clicks"):
        lens.search([PLAIN, room(80)], clicks=[(5, 5)])
    with pytest.raises(UsageError, match="1 to 8 photos"):
        lens.search([])
    with pytest.raises(UsageError, match="1 to 8 photos"):
        lens.search([room(80)] * 9)


# -- liked and not ---------------------------------------------------------------------------------


def test_a_liked_product_draws_the_ranking_towards_it(lens: Floorlens) -> None:
    """In both stages: what is retrieved, and how it is scored."""
    plain, drawn = lens.search(room(120)), lens.search(room(120), like=["g220"])
    place = ids(drawn).index
    assert place("g140") < place("g100")
    assert place("g220") < ids(plain).index("g220")
    assert drawn[0].components is not None
    assert set(drawn[0].components) == {"colour", "texture", "like"}
    assert drawn.weights == pytest.approx({"colour": 2 / 7, "texture": 2 / 7, "like": 3 / 7})
    assert ids(lens.search(room(120), rerank=False, like=["g220"])) != ids(
        lens.search(room(120), rerank=False)
    )


def test_a_product_that_is_not_liked_is_left_out_with_what_is_like_it(lens: Floorlens) -> None:
    drawn = lens.search(room(110), unlike=["g120"])
    assert "g120" not in ids(drawn)
    assert len(drawn) == len(GREYS) - 1
    assert ids(drawn)[0] == "g100"
    assert [match.components is not None for match in drawn][:6] == [True] * 5 + [False]
    # As near to the photo as the one below it, and nearer to what is not liked.
    between = lens.search(room(110), unlike=["g140"])
    assert ids(between)[:2] == ["g100", "g120"]


@pytest.mark.parametrize("limit", [None, 3])
def test_a_limit_does_not_change_among_how_many_a_product_was_chosen(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    """Words and probabilities hang on it. Those in `unlike` are left out and count."""
    totals = []

    def spy(*arguments: Any) -> Any:
        totals.append(arguments[7])
        return rank_hits(*arguments)

    monkeypatch.setattr("floorlens.search.rank_hits", spy)
    lens.search(room(120), limit=limit, unlike=["g120"])
    assert totals == [len(GREYS)]


def test_feedback_has_weights_as_components_have(lens: Floorlens) -> None:
    strong = lens.search(room(120), like=["g220"], weights={"like": 50})
    assert strong[0].product.id == max(
        ids(lens.search(room(120), like=["g220"]))[:5], key=lambda name: int(name[1:])
    )
    without = lens.search(room(120), like=["g220"], weights={"like": 0})
    assert without[0].score == pytest.approx(lens.search(room(120))[0].score)
    with pytest.raises(UsageError, match=r"the weight of 'like' needs .* in like="):
        lens.search(room(120), weights={"like": 1})
    with pytest.raises(UsageError, match=r"the weight of 'unlike' needs .* in unlike="):
        lens.search(room(120), like=["g220"], weights={"unlike": 1})


def test_similar_products_take_feedback_too(lens: Floorlens) -> None:
    ranking = lens.similar("g120", like=["g200"], unlike=["g100"])
    assert {"g120", "g100"}.isdisjoint(ids(ranking))
    assert len(ranking) == len(GREYS) - 2
    # What is liked stays: it may be what is looked for.
    assert ids(ranking)[0] == "g200"
    assert ids(ranking).index("g140") < ids(ranking).index("g80")


def test_what_feedback_refuses(lens: Floorlens) -> None:
    with pytest.raises(ProductNotFound, match="'oak'"):
        lens.search(room(80), like=["oak"])
    with pytest.raises(UsageError, match="a list of product ids"):
        lens.search(room(80), unlike="g100")
    unusable: tuple[Any, ...] = (None, (name for name in ["g100"]), [7], [["g100"]], 3)
    for ids_ in unusable:
        with pytest.raises(UsageError, match="a list of product ids"):
            lens.search(room(80), like=ids_)
    with pytest.raises(UsageError, match="both in like and in unlike"):
        lens.search(room(80), like=["g100"], unlike=["g100"])
    with pytest.raises(UsageError, match="at most 20"):
        lens.search(room(80), like=["g100"] * 21)

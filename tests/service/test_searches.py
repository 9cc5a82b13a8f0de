"""What a service keeps of searches: for how long, how much, for whom; the same for each process."""

from __future__ import annotations

import base64
import gc
import io
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.errors import NoFloorFound, SearchNotFound, StateError
from floorlens.images.loading import Photo, load_photo
from floorlens.normalisation import Cuts
from floorlens.search import Shot, Sight, see
from floorlens.segmentation import Click
from floorlens.service.queries import SearchQuery
from floorlens.service.schema import photos
from floorlens.service.searches import KeptSearch, Searches
from floorlens.service.searching import Searching
from floorlens.service.sights import pack_sight, unpack_sight
from floorlens.service.store import Store
from floorlens.testing import FakeSegmenter, fake_stages

QUERY = SearchQuery((None,), ((),))


class Clock:
    """A clock that a test sets."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "service")
    yield opened
    opened.close()


@pytest.fixture
def photo(room: Path) -> Photo:
    return load_photo(room)


@pytest.fixture
def sight(photo: Photo) -> Sight:
    return see([Shot(lambda: photo)], fake_stages())


def make(store: Store, clock: Clock, hours: float = 1, megabytes: float = 10) -> Searches:
    return Searches(store, hours, megabytes, clock)


def added(searches: Searches, sight: Sight, photo: Photo, owner: str | None = "a") -> KeptSearch:
    search = searches.add(owner, QUERY, sight, "encoder", [photo])
    assert search is not None
    return search


def test_a_search_is_the_same_for_every_process(
    store: Store, clock: Clock, sight: Sight, photo: Photo
) -> None:
    query = SearchQuery(
        regions=([0.0, 0.0, 10.0, 10.0],),
        clicks=((Click(1, 2, floor=False),),),
        where={"price": {"$lt": 50}},
        weights={"colour": 2.0},
        like=("oak",),
        group="design",
    )
    search = make(store, clock).add("a", query, sight, "encoder", [photo])
    assert search is not None
    other = Store(store.folder)
    try:
        searches = make(other, clock)
        again = searches.get(search.id, "a")
        assert again == search
        assert again.query == query
        there = searches.sight(again)
        assert there.floors == sight.floors
        assert there.notes == sight.notes
        aspect, expected = there.features.aspects["scene"], sight.features.aspects["scene"]
        for part in ("base", "coverage", "lab", "facts", "trust"):
            value = getattr(aspect, part)
            assert value.dtype == np.float16
            assert np.array_equal(value, getattr(expected, part))
        (shown,) = searches.photos(again)
        assert (shown.size, shown.content_hash) == (photo.size, photo.content_hash)
        assert np.abs(shown.pixels.astype(int) - photo.pixels).mean() < 2
    finally:
        other.close()


def test_ids_cannot_be_guessed(store: Store, clock: Clock, sight: Sight, photo: Photo) -> None:
    searches = make(store, clock)
    ids = {added(searches, sight, photo).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(one) == 22 for one in ids)  # 128 bits, six a letter


def test_another_key_finds_nothing(store: Store, clock: Clock, sight: Sight, photo: Photo) -> None:
    searches = make(store, clock)
    search, open_to_all = added(searches, sight, photo), added(searches, sight, photo, None)
    for search_id, owner in ((search.id, "b"), (search.id, None), (open_to_all.id, "b")):
        with pytest.raises(SearchNotFound):
            searches.get(search_id, owner)
        assert searches.get(search_id, owner, every=True).id == search_id


def test_a_search_ends(store: Store, clock: Clock, sight: Sight, photo: Photo) -> None:
    """Also where nobody writes; its photo goes with the next write."""
    searches = make(store, clock)
    search = added(searches, sight, photo)
    assert search.expires == clock.now + 3600
    clock.now += 3600
    with pytest.raises(SearchNotFound):
        searches.get(search.id, "a")
    later = added(searches, sight, photo)
    assert uploads(store) == {later.upload}


def uploads(store: Store) -> set[str]:
    with store.reading() as connection:
        return set(
            connection.execute(photos.select().with_only_columns(photos.c.upload_id)).scalars()
        )


def test_photos_are_shared_and_go_with_the_last_search(
    store: Store, clock: Clock, sight: Sight, photo: Photo
) -> None:
    searches = make(store, clock)
    search = added(searches, sight, photo)
    clock.now += 1800
    refined = searches.refine(search, "a", QUERY, None, "encoder")
    assert refined is not None
    assert (refined.upload, refined.sight) == (search.upload, search.sight)
    assert refined.id != search.id
    clock.now += 1900
    searches.purge()
    with pytest.raises(SearchNotFound):
        searches.get(search.id, "a")
    with pytest.raises(SearchNotFound):
        searches.refine(search, "a", QUERY, None, "encoder")
    assert searches.sight(searches.get(refined.id, "a")).floors == sight.floors
    clock.now += 1800
    searches.purge()
    assert uploads(store) == set()
    with pytest.raises(SearchNotFound):
        searches.photos(refined)


def test_the_oldest_go_when_there_is_too_much(
    store: Store, clock: Clock, sight: Sight, photo: Photo
) -> None:
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "JPEG", quality=95, subsampling=0)
    one = len(pack_sight(sight)) + file.tell()
    searches = make(store, clock, megabytes=5.5 * one / 1e6)
    ids = []
    for _ in range(8):
        clock.now += 1
        ids.append(added(searches, sight, photo).id)
    there = []
    for search_id in ids:
        try:
            there.append(searches.get(search_id, "a").id)
        except SearchNotFound:
            continue
    assert there == ids[-5:]
    assert len(uploads(store)) == 5


def test_nothing_is_written_where_nothing_is_kept(
    store: Store, clock: Clock, sight: Sight, photo: Photo
) -> None:
    """And what an earlier setting kept is forgotten."""
    search = added(make(store, clock), sight, photo)
    searches = make(store, clock, hours=0)
    assert searches.add("a", QUERY, sight, "encoder", [photo]) is None
    with pytest.raises(SearchNotFound):
        searches.get(search.id, "a")
    assert uploads(store) == set()


def test_what_other_models_see_takes_its_place(
    store: Store, clock: Clock, sight: Sight, photo: Photo
) -> None:
    searches = make(store, clock)
    search = added(searches, sight, photo)
    searches.see_anew(search, sight, "other")
    assert searches.get(search.id, "a").encoder == "other"


def test_bytes_of_a_stranger_are_no_sight(sight: Sight) -> None:
    """No pickle is opened, whatever the bytes are."""
    file = io.BytesIO()
    np.save(file, np.array([{}], object), allow_pickle=True)
    for data in (b"", b"PK", file.getvalue(), pack_sight(sight)[:-30]):
        with pytest.raises(StateError):
            unpack_sight(data)


def test_a_photo_without_a_floor_stays_in_its_place(photo: Photo, blank: Path) -> None:
    both = see([Shot(lambda: load_photo(blank)), Shot(lambda: photo)], fake_stages())
    there = unpack_sight(pack_sight(both))
    assert there.floors == both.floors
    assert there.floors[0] is None
    assert there.notes == both.notes


def test_a_corrected_floor_comes_back_with_what_was_found_first(photo: Photo) -> None:
    clicked = see([Shot(lambda: photo, clicks=[(80, 20), (10, 100, False)])], fake_stages())
    (there,), (floor,) = unpack_sight(pack_sight(clicked)).floors, clicked.floors
    assert there == floor
    assert there is not None and floor is not None
    assert there.base == floor.base
    assert there.base is not None and there.base.source == "automatic"


def test_taps_cost_one_look_of_the_segmenter_each(
    store: Store, clock: Clock, lens: Floorlens, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None where the last one is taken back; the floor is that of a search with all of them."""
    preset = replace(lens._stages.preset, takes_clicks=True)
    monkeypatch.setattr(lens, "_stages", replace(lens._stages, preset=preset))
    searching = Searching(lens, make(store, clock))
    looks: list[int] = []
    segment = FakeSegmenter.segment

    def look(self: FakeSegmenter, pixels: Any, clicks: Any = ()) -> Any:
        looks.append(len(clicks))
        return segment(self, pixels, clicks)

    monkeypatch.setattr(FakeSegmenter, "segment", look)
    first = search = searching.search("a", [room.read_bytes()], QUERY, limit=1).search
    assert search is not None and first is not None
    added, away, wall = Click(80, 20), Click(10, 100, False), Click(150, 5, False)
    for clicks in ((added,), (added, away), (added,), (wall, added)):
        looks.clear()
        answer = searching.refine(search, "a", {"clicks": (clicks,)}, limit=1)
        assert looks == [len(clicks)]
        anew = searching.search("a", [room.read_bytes()], SearchQuery((None,), (clicks,)), limit=1)
        assert answer.result.floors == anew.result.floors
        assert answer.search is not None
        search = answer.search
    search = searching.refine(first, "a", {"clicks": ((wall,),)}, limit=1).search
    assert search is not None
    looks.clear()
    answer = searching.refine(search, "a", {"clicks": ((),)}, limit=1)
    assert looks == []
    assert answer.result.floor == lens.search(room).floor


def test_a_floor_that_only_a_click_says_goes_with_it(
    store: Store, clock: Clock, lens: Floorlens, blank: Path
) -> None:
    searching = Searching(lens, make(store, clock))
    query = SearchQuery((None,), ((Click(32, 60),),))
    search = searching.search("a", [blank.read_bytes()], query, limit=1).search
    assert search is not None
    for clicks in ((), (Click(5, 5, False),)):
        with pytest.raises(NoFloorFound):
            searching.refine(search, "a", {"clicks": (clicks,)}, limit=1)


def test_between_pictures_it_can_be_ended(
    store: Store, clock: Clock, lens: Floorlens, room: Path
) -> None:
    """Eight photos may take eight times as long as one may, and nobody may wait any more."""
    searching = Searching(lens, make(store, clock))
    mask = io.BytesIO()
    Image.new("RGB", (160, 120), (126, 127, 130)).save(mask, "PNG")
    drawn = base64.b64encode(mask.getvalue()).decode()
    photos, stages = [room.read_bytes()] * 2, list[str]()
    query = SearchQuery((drawn, [0.0, 60.0, 160.0, 120.0]), ((), ()))
    region = searching.region(drawn, (160, 120))
    assert isinstance(region, np.ndarray)
    # By the mean of its colours it is just white.
    assert region.all()
    answer = searching.search("a", photos, query, limit=3, progress=stages.append)
    assert answer.search is not None
    # `Floorlens.see` says it once more for each photo.
    assert stages.count("decode") == 3 + 2
    stages.clear()
    changes = {"regions": (drawn, drawn)}
    searching.refine(answer.search, "a", changes, limit=3, progress=stages.append)
    assert stages.count("decode") == 1 + 2


def test_where_patches_were_cut_comes_back(photo: Photo) -> None:
    sight = see([Shot(lambda: photo)], fake_stages())
    plane = np.arange(6, dtype=np.float64)
    cuts = Cuts(np.ones((3, 3), np.float32), np.ones(3, np.float32), 1, plane)
    (there, nothing) = unpack_sight(pack_sight(replace(sight, cuts=(cuts, None)))).cuts
    assert nothing is None
    assert there is not None and there.plane is not None
    assert np.array_equal(there.places, cuts.places)
    assert np.array_equal(there.coverage, cuts.coverage)
    assert np.array_equal(there.plane, plane)
    assert there.straight == 1


def test_recent_photos_go_with_their_search(store: Store, clock: Clock, photo: Photo) -> None:
    """They stay in memory, and are there for nobody once the search has gone."""
    kept = make(store, clock)
    sight = see([Shot(lambda: photo)], fake_stages())
    search = kept.add("a", QUERY, sight, "models", [photo])
    assert search is not None
    assert kept.photos(search)[0].pixels is photo.pixels
    for _ in range(20):
        kept.add("a", QUERY, sight, "models", [photo])
    assert kept.photos(search)[0].pixels is not photo.pixels
    assert kept.photos(search)[0] is kept.photos(search)[0]
    clock.now += 48 * 3600
    kept.purge()
    with pytest.raises(SearchNotFound):
        kept.photos(search)


def test_what_is_too_old_leaves_the_memory_too(
    store: Store, clock: Clock, sight: Sight, room: Path
) -> None:
    """However few photos come after it."""
    searches = make(store, clock)
    old = load_photo(room)
    searches.add("key", QUERY, sight, "encoder", [old])
    pixels = weakref.ref(old.pixels)
    del old
    gc.collect()
    assert pixels() is not None
    clock.now += 3601
    searches.purge()
    gc.collect()
    assert pixels() is None

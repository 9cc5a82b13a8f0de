"""Calls about searches: photos, floors, rankings, what is said of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import IO, Any, Final, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from floorlens.client.answers import (
    Comparison,
    Floor,
    Match,
    Remark,
    RemarkPage,
    SearchFacets,
    SearchPage,
    Verdict,
)
from floorlens.client.calls import (
    Call,
    Page,
    Part,
    content_of,
    given,
    nothing_of,
    paged,
    reader,
    text_of,
)
from floorlens.errors import InputError, UsageError
from floorlens.images.masks import mask_png
from floorlens.segmentation import Click

PhotoFile = str | Path | bytes | IO[bytes]
"""A photo: where its file lies, the file's bytes, or the open file."""
Region = Sequence[float] | Sequence[Sequence[float]] | NDArray[Any] | bytes
"""A floor by hand, in pixels of the upright photo: a box (left, top, right, bottom), a polygon of
three or more (x, y) points, a 2-D mask of the photo's size, or such a mask as a PNG."""
ClickSource = Click | tuple[float, float] | tuple[float, float, bool]
"""A correction: a `Click`, (x, y), which is on floor, or (x, y, floor)."""


class _Unchanged(Enum):
    UNCHANGED = "unchanged"


UNCHANGED: Final = _Unchanged.UNCHANGED
"""Stands for a wish of a search that stays as it was."""
Unchanged = Literal[_Unchanged.UNCHANGED]


def search(
    photo: PhotoFile | Sequence[PhotoFile],
    *,
    region: Region | Sequence[Region | None] | None = None,
    clicks: Sequence[ClickSource] | Sequence[Sequence[ClickSource]] = (),
    where: Mapping[str, Any] | None = None,
    weights: Mapping[str, float] | None = None,
    like: Sequence[str] = (),
    unlike: Sequence[str] = (),
    group: Literal["design"] | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    progress: Callable[[str], object] | None = None,
) -> Call[SearchPage]:
    """Returns the products of the catalogue, the closest to the floor of a photo first.

    Args:
        photo: one photo, or up to eight of one floor.
        region: the floor by hand; None: the service finds it. For several photos a list.
        clicks: corrections of what was found or drawn. For several photos a list of lists.
        where: a filter on fields and attributes of products, in the filter language.
        weights: component -> how much it counts, over the default.
        like: ids of products that it should be more like.
        unlike: ids of products that it should be less like.
        group: "design" shows the best product of each design, with its variants.
        limit: matches of the page; None: 20.
        cursor: `next_cursor` of the page before, with all else equal.
        progress: called with the name of each stage when it begins: "segment", "embed", …

    Raises:
        InputError: the file of a photo cannot be read here.
        ServiceError: the service refuses; `code` says why, such as "no-floor-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg", where={"price": {"$exists": False}}, limit=2)
        >>> page.matches[0].id, len(page.matches), page.total
        ('oak-natural-plank', 2, 3)
        >>> stages = []
        >>> page = client.search("room.jpg", progress=stages.append)
        >>> len(stages) > 2
        True
    """
    wishes = {
        "where": where,
        "weights": weights,
        "like": list(like) or None,
        "unlike": list(unlike) or None,
        "limit": limit,
    }
    form = {name: json.dumps(value) for name, value in wishes.items() if value is not None}
    form |= {name: text for name, text in (("group", group), ("cursor", cursor)) if text}
    return Call(
        "POST",
        "/v1/search",
        reader(SearchPage),
        form=form | _floor_by_hand(region, clicks),
        parts=_photos(photo),
        progress=progress,
    )


def refine(
    search: SearchPage | str,
    *,
    region: Region | Sequence[Region | None] | Unchanged | None = UNCHANGED,
    clicks: Sequence[ClickSource] | Sequence[Sequence[ClickSource]] | Unchanged = UNCHANGED,
    where: Mapping[str, Any] | Unchanged | None = UNCHANGED,
    weights: Mapping[str, float] | Unchanged | None = UNCHANGED,
    like: Sequence[str] | Unchanged = UNCHANGED,
    unlike: Sequence[str] | Unchanged = UNCHANGED,
    group: Literal["design"] | Unchanged | None = UNCHANGED,
    limit: int | None = None,
) -> Call[SearchPage]:
    """Returns the ranking for the same photos with other wishes, as a search of its own.

    Nothing is sent or embedded anew, unless the floor changes. What is left out stays as it was;
    None or an empty list takes a wish back.

    Args:
        search: the search, or its id.
        region: as for `search`.
        clicks: as for `search`; they take the place of earlier ones.
        where: as for `search`.
        weights: as for `search`.
        like: as for `search`.
        unlike: as for `search`.
        group: as for `search`.
        limit: matches of the page; None: 20.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> lighter = client.refine(page, unlike=["walnut-herringbone"], limit=1)
        >>> lighter.query.unlike, len(lighter.matches)
        (('walnut-herringbone',), 1)
    """
    wishes: dict[str, Any] = {"where": where, "weights": weights, "group": group}
    wishes |= {
        name: ids if ids is UNCHANGED else list(ids)
        for name, ids in (("like", like), ("unlike", unlike))
    }
    wishes["region"] = region if region is UNCHANGED else _json_region(region)
    wishes["clicks"] = clicks if clicks is UNCHANGED else _json_clicks(clicks)
    body = {name: value for name, value in wishes.items() if value is not UNCHANGED}
    if limit is not None:
        body["limit"] = limit
    return Call("POST", f"{_path(search)}/refine", reader(SearchPage), json=body)


def get_search(
    search: SearchPage | str, *, limit: int | None = None, cursor: str | None = None
) -> Call[SearchPage]:
    """Returns a page of a search that the service keeps, of the catalogue as it is now.

    Args:
        search: the search, or its id.
        limit: matches of the page; None: 20.
        cursor: `next_cursor` of the page before; None: the first page.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg", limit=2)
        >>> [match.rank for match in client.get_search(page, cursor=page.next_cursor).matches]
        [3]
    """
    params = {"limit": None if limit is None else str(limit), "cursor": cursor}
    return Call("GET", _path(search), reader(SearchPage), params=given(params))


def matches(search: SearchPage | str, *, limit: int = 100) -> Page[Match]:
    """Yields all products of a ranking, the closest first, a page after the other.

    Args:
        search: the search, whose first page is not asked for again; or its id.
        limit: matches of a page, at most 200.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg", limit=1)
        >>> sum(1 for match in client.matches(page))
        3
    """
    return paged(
        lambda cursor: get_search(search, limit=limit, cursor=cursor),
        lambda page: page.matches,
        search if isinstance(search, SearchPage) else None,
    )


def search_facets(search: SearchPage | str) -> Call[SearchFacets]:
    """Returns what the ranking of a search can be narrowed by, with counts; no model runs.

    Args:
        search: the search, or its id.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> material = client.search_facets(page).facets[0]
        >>> [(one.value, one.count) for one in material.values]
        [('wood look', 2), ('terrazzo', 1)]
        >>> client.refine(page, where=material.values[0].where).query.where
        {'material': {'$in': ['wood look']}}
    """
    return Call("GET", f"{_path(search)}/facets", reader(SearchFacets))


def search_photo(search: SearchPage | str, *, photo: int = 0) -> Call[bytes]:
    """Returns a photo of a search as a JPEG, upright, its longer side at most 1,280 pixels.

    Args:
        search: the search, or its id.
        photo: which of its photos, from 0.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.search_photo(client.search("room.jpg"))[:2].hex()
        'ffd8'
    """
    return _picture(search, "photo.jpg", {"photo": str(photo)})


def floor_picture(
    search: SearchPage | str, *, photo: int = 0, kind: Literal["overlay", "mask"] = "overlay"
) -> Call[bytes]:
    """Returns a PNG of the floor in a photo of a search.

    Args:
        search: the search, or its id.
        photo: which of its photos, from 0.
        kind: "overlay", the floor on the photo, or "mask", white on black at the photo's own size.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "floor-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.floor_picture(client.search("room.jpg"))[:4]
        b'\\x89PNG'
    """
    return _picture(search, "floor.png", {"photo": str(photo), "kind": kind})


def patch_picture(search: SearchPage | str, *, photo: int = 0) -> Call[bytes]:
    """Returns a PNG of the largest clean square of a photo's floor, from above if that is known.

    Args:
        search: the search, or its id.
        photo: which of its photos, from 0.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "floor-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.patch_picture(client.search("room.jpg"))[:4]
        b'\\x89PNG'
    """
    return _picture(search, "patch.png", {"photo": str(photo)})


def matches_csv(search: SearchPage | str, *, ids: Sequence[str] = ()) -> Call[str]:
    """Returns the whole ranking of a search as a CSV, for spreadsheets and programs.

    Args:
        search: the search, or its id.
        ids: only these products, in this order, as far as the ranking has them; empty: all.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.matches_csv(client.search("room.jpg")).splitlines()[0].split(",")[:2]
        ['rank', 'id']
    """
    return Call("GET", f"{_path(search)}/matches.csv", text_of, params=_shortlist(ids))


def matches_pdf(
    search: SearchPage | str, *, limit: int = 24, ids: Sequence[str] = ()
) -> Call[bytes]:
    """Returns the first matches of a search as a PDF to print: photo, floor, a card for each.

    Args:
        search: the search, or its id.
        limit: so many matches, at most 100.
        ids: only these products, in this order, as far as the ranking has them; empty: the first.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.matches_pdf(client.search("room.jpg"), ids=["oak-natural-plank"])[:5]
        b'%PDF-'
    """
    params = {"limit": str(limit), **_shortlist(ids)}
    return Call("GET", f"{_path(search)}/matches.pdf", content_of, params=params)


def compare(search: SearchPage | str, product_id: str, *, photo: int = 0) -> Call[Comparison]:
    """Returns why one product is like the floor of a search. It takes about as long as a search.

    Args:
        search: the search, or its id.
        product_id: any product of the catalogue.
        photo: which of the photos, from 0.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> comparison = client.compare(page, page.matches[0].id)
        >>> comparison.match.rank, len(comparison.palettes.floor_hex) > 0
        (1, True)
    """
    path = f"{_path(search)}/matches/{quote(product_id)}"
    return Call("GET", path, reader(Comparison), params={"photo": str(photo)})


def comparison_picture(
    search: SearchPage | str, product_id: str, *, photo: int = 0, side: int = 240
) -> Call[bytes]:
    """Returns a PNG of patches of floor and product that correspond, and of their colours.

    Args:
        search: the search, or its id.
        product_id: any product of the catalogue.
        photo: which of the photos, from 0.
        side: of a patch in pixels, 16 to 800.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> client.comparison_picture(page, page.matches[0].id, side=64)[:4]
        b'\\x89PNG'
    """
    name = f"matches/{quote(product_id)}/picture.png"
    return _picture(search, name, {"photo": str(photo), "side": str(side)})


def scaled_floor(
    search: SearchPage | str,
    product_id: str,
    *,
    photo: int = 0,
    side: int = 640,
    light: Literal["even", "photo"] = "even",
) -> Call[bytes]:
    """Returns a JPEG of a square of a photo's floor, from above, to be laid on `scaled_product`.

    Args:
        search: the search, or its id.
        product_id: any product of the catalogue, whose scale it has.
        photo: which of the photos, from 0.
        side: of the square in pixels, 64 to 1024.
        light: "even", without the slow shading of the room, or as the "photo" has it.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> client.scaled_floor(page, page.matches[0].id, side=64)[:2].hex()
        'ffd8'
    """
    name = f"matches/{quote(product_id)}/floor.jpg"
    return _picture(search, name, {"photo": str(photo), "side": str(side), "light": light})


def scaled_product(
    search: SearchPage | str, product_id: str, *, photo: int = 0, side: int = 640
) -> Call[bytes]:
    """Returns a JPEG of a product as it would lie on the square of `scaled_floor`.

    Args:
        search: the search, or its id.
        product_id: any product of the catalogue.
        photo: which of the photos, from 0.
        side: of the square in pixels, 64 to 1024.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> client.scaled_product(page, page.matches[0].id, side=64)[:2].hex()
        'ffd8'
    """
    name = f"matches/{quote(product_id)}/product.jpg"
    return _picture(search, name, {"photo": str(photo), "side": str(side)})


def find_floor(
    photo: PhotoFile,
    *,
    region: Region | None = None,
    clicks: Sequence[ClickSource] = (),
) -> Call[Floor]:
    """Returns where the floor is in a photo, as outlines.

    Args:
        photo: the photo.
        region: the floor by hand; None: the service finds it.
        clicks: corrections of what was found or drawn.

    Raises:
        InputError: the file of the photo cannot be read here.
        ServiceError: the service refuses, such as "no-floor-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> floor = client.find_floor("room.jpg")
        >>> floor.source, floor.share > 0.1
        ('automatic', True)
    """
    return _mask(photo, region, clicks, "polygon", reader(Floor))


def mask(
    photo: PhotoFile,
    *,
    region: Region | None = None,
    clicks: Sequence[ClickSource] = (),
) -> Call[bytes]:
    """Returns the floor of a photo as a grey PNG of the photo's size, white is floor.

    Args:
        photo: the photo.
        region: the floor by hand; None: the service finds it.
        clicks: corrections of what was found or drawn.

    Raises:
        InputError: the file of the photo cannot be read here.
        ServiceError: the service refuses, such as "no-floor-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.mask("room.jpg")[:4]
        b'\\x89PNG'
    """
    return _mask(photo, region, clicks, "png", content_of)


def give_feedback(search: SearchPage | str, product_id: str, verdict: Verdict) -> Call[Remark]:
    """Keeps whether a product is the one on the floor; said again, it replaces what was said.

    It holds for all searches of the same photos, refined from this one or before it.

    Args:
        search: the search, or its id.
        product_id: the product.
        verdict: "right" or "wrong".

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> client.give_feedback(page, page.matches[0].id, "right").verdict
        'right'
    """
    body = {"product_id": product_id, "verdict": verdict}
    return Call("POST", f"{_path(search)}/feedback", reader(Remark), json=body)


def take_feedback_back(search: SearchPage | str, product_id: str) -> Call[None]:
    """Forgets what was said of a product; it is no error if nothing was.

    Args:
        search: any search of the same photos, or its id.
        product_id: the product.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "search-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> client.take_feedback_back(page, page.matches[0].id)
    """
    path = f"{_path(search)}/feedback/{quote(product_id)}"
    return Call("DELETE", path, nothing_of)


def list_feedback(*, limit: int = 100, cursor: str | None = None) -> Call[RemarkPage]:
    """Returns a page of what was said by all keys, the latest first.

    Args:
        limit: at most so many, up to 1,000.
        cursor: `next_cursor` of the page before; None: the first page.

    Raises:
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.list_feedback(limit=10).total >= 0
        True
    """
    params = given({"limit": str(limit), "cursor": cursor})
    return Call("GET", "/v1/feedback", reader(RemarkPage), params=params)


def remarks(*, limit: int = 1000) -> Page[Remark]:
    """Yields what was said by all keys, the latest first, a page after the other.

    Args:
        limit: remarks of a page, at most 1,000.

    Raises:
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> remark = client.give_feedback(page, page.matches[0].id, "right")
        >>> remark in list(client.remarks(limit=1))
        True
    """
    return paged(
        lambda cursor: list_feedback(limit=limit, cursor=cursor), lambda page: page.feedback
    )


def export_feedback(target: str | Path) -> Call[Path]:
    """Writes all feedback as an evaluation set, a ZIP, and returns where it lies.

    Unpacked, it is a folder for `floorlens eval pairs` and `floorlens adapt --pairs`.

    Args:
        target: the file; one that lies there is replaced.

    Raises:
        InputError: the file cannot be written.
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.export_feedback("feedback.zip").name
        'feedback.zip'
    """
    path = Path(target)
    return Call("GET", "/v1/feedback/export.zip", lambda _: path, target=path)


def delete_feedback(search: SearchPage | str) -> Call[None]:
    """Deletes all that was said of a search, with its photos; also when the search has gone.

    What was said of searches that were refined from it goes too: their photos are the same.

    Args:
        search: the search, or its id.

    Raises:
        UsageError: the service did not keep the search.
        ServiceError: the service refuses, such as "feedback-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> page = client.search("room.jpg")
        >>> remark = client.give_feedback(page, page.matches[0].id, "wrong")
        >>> client.delete_feedback(page)
    """
    return Call("DELETE", f"/v1/feedback/{_id(search)}", nothing_of)


# -- what is sent ------------------------------------------------------------------------------


def _id(search: SearchPage | str) -> str:
    """Returns the id of a search, as it stands in an address."""
    search_id = search if isinstance(search, str) else search.id
    if not search_id:
        raise UsageError(
            "the service keeps no searches (its FLOORLENS_KEEP_HOURS is 0): search again with the "
            "photo"
        )
    return quote(search_id, safe="")


def _path(search: SearchPage | str) -> str:
    return f"/v1/searches/{_id(search)}"


def _shortlist(ids: Sequence[str]) -> dict[str, Any]:
    return {"ids": list(ids)} if ids else {}


def _picture(search: SearchPage | str, name: str, params: dict[str, str]) -> Call[bytes]:
    return Call("GET", f"{_path(search)}/{name}", content_of, params=params)


def _mask(
    photo: PhotoFile,
    region: Region | None,
    clicks: Sequence[ClickSource],
    kind: str,
    read: Any,
) -> Call[Any]:
    return Call(
        "POST",
        "/v1/mask",
        read,
        params={"format": kind},
        form=_floor_by_hand(region, clicks),
        parts=_photos(photo),
    )


def _photos(photo: PhotoFile | Sequence[PhotoFile]) -> tuple[Part, ...]:
    several = isinstance(photo, Sequence) and not isinstance(photo, str | bytes)
    files: Sequence[Any] = photo if several else [photo]  # type: ignore[assignment]
    return tuple(Part("photo", "photo", read_file(file)) for file in files)


def read_file(file: PhotoFile) -> bytes:
    """Returns the bytes of a file: given as such, as where it lies, or open.

    Raises:
        InputError: it cannot be read.

    Example:
        >>> read_file("room.jpg")[:2].hex()
        'ffd8'
    """
    if isinstance(file, bytes):
        return file
    try:
        return Path(file).read_bytes() if isinstance(file, str | Path) else file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file} cannot be read: {reason}") from error


def _floor_by_hand(region: Any, clicks: Sequence[Any]) -> dict[str, str]:
    form: dict[str, str] = {}
    if region is not None:
        form["region"] = json.dumps(_json_region(region))
    if len(clicks):
        form["clicks"] = json.dumps(_json_clicks(clicks))
    return form


def _json_region(region: Any) -> Any:
    if region is None or isinstance(region, int | float):
        return region
    if isinstance(region, bytes):
        return base64.b64encode(region).decode()
    if isinstance(region, np.ndarray):
        if region.ndim == 2 and region.shape[1] != 2:
            return base64.b64encode(mask_png(np.asarray(region, bool))).decode()
        return region.tolist()
    return [_json_region(one) for one in region]


def _json_clicks(clicks: Sequence[Any]) -> list[Any]:
    return list(_each_click(clicks))


def _each_click(clicks: Sequence[Any]) -> Iterator[Any]:
    for one in clicks:
        if isinstance(one, Click):
            yield {"x": float(one.x), "y": float(one.y), "floor": bool(one.floor)}
        elif len(one) in (2, 3) and isinstance(one[0], int | float):
            x, y, *floor = one
            yield {"x": float(x), "y": float(y), "floor": bool(floor[0]) if floor else True}
        else:
            yield _json_clicks(one)

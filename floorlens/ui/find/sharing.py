"""The link to a search, its files, and the shortlist: products that were put aside.

The shortlist is in the address of the page, `?list=…`, so that a reload keeps it and a link brings
it along.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st

from floorlens.errors import FloorlensError
from floorlens.ui import asking, texts, visit
from floorlens.ui.addresses import address
from floorlens.ui.components import element
from floorlens.ui.find import product
from floorlens.ui.find.briefs import brief, count_text
from floorlens.ui.visit import MOST_LISTED, Answer, Visit

_SHARE = element("share", "nodes", "panel")

LONGEST_ID = 200


def follow_address() -> None:
    """Takes the shortlist out of the address, when the page is opened."""
    if st.session_state.setdefault("list_read", False):
        return
    st.session_state["list_read"] = True
    ids = [one for one in st.query_params.get_all("list") if 0 < len(one) <= LONGEST_ID]
    if ids:
        listed = tuple(dict.fromkeys((*visit.current().shortlist, *ids)))
        visit.change(shortlist=listed[:MOST_LISTED])


def show(now: Visit) -> None:
    """Shows how many products pass, what shares the search, and the shortlist."""
    answer = now.answer
    if answer is None and not now.shortlist:
        return
    page = None if answer is None else answer.page
    query = [("list", one) for one in now.shortlist]
    if page is not None and page.id is not None:
        query.insert(0, ("search", page.id))
    products = [brief(now, one) for one in now.shortlist]
    count = count_text(len(products))
    _SHARE(
        key="share",
        data={
            "count": "" if answer is None else _count(answer),
            "locale": texts.LOCALE,
            "named": list(now.shortlist),
            "share": None
            if page is None
            else {
                "query": None if page.id is None else query,
                "expires": None if page.expires is None else page.expires.isoformat(),
                "carries": texts.CARRIES.format(count=count) if products else "",
                "files": _files(page.id, (), texts.WHOLE_RANKING),
            },
            "list": [
                {
                    "key": one.id,
                    "name": one.name,
                    "price": one.price,
                    "material": one.material,
                    "picture": one.picture,
                    "opens": answer is not None and not one.gone,
                    "remove": texts.REMOVE.format(name=one.name),
                }
                for one in products
            ],
            "listFiles": _files(page.id, now.shortlist, texts.SHORTLIST_TITLE)
            if page is not None and now.shortlist
            else [],
            "texts": {
                "title": texts.TITLE,
                "share": texts.SHARE,
                "shareTitle": texts.SHARE_TITLE,
                "link": texts.LINK,
                "copy": texts.COPY_LINK,
                "copied": texts.COPIED,
                "notCopied": texts.NOT_COPIED,
                "native": texts.SHARE_NATIVE,
                "until": texts.LINK_UNTIL,
                "notKept": texts.NO_LINK,
                "here": texts.LINK_HERE,
                "files": texts.WHOLE_RANKING,
                "counted": texts.COUNTED,
                "list": texts.SHORTLIST_TITLE,
                "listCount": texts.SHORTLIST_COUNT.format(count=count),
                "empty": texts.SHORTLIST_EMPTY,
                "clear": texts.SHORTLIST_CLEAR,
                "close": texts.CLOSE_PANEL,
            },
        },
        on_open_change=_open,
        on_remove_change=_remove,
        on_clear_change=_clear,
    )


def _count(answer: Answer) -> str:
    """Returns how many products pass what is asked, of how many."""
    page = answer.page
    total = f"{page.total:,}"
    if page.query.where is None and not page.query.unlike:
        return total
    try:
        status = asking.service_status()
    except FloorlensError:
        status = None
    return total if status is None else texts.PASSING.format(count=total, whole=status.searchable)


def _files(search_id: str | None, ids: tuple[str, ...], what: str) -> list[dict[str, Any]]:
    """Returns links to files of the ranking, or of some of its products."""
    if search_id is None:
        return []
    query = urlencode([("ids", one) for one in ids])
    return [
        {
            "key": kind,
            "label": kind.upper(),
            "hint": texts.FILE_HINT.format(name=what, kind=kind.upper()),
            "href": address(f"/v1/searches/{quote(search_id, safe='')}/matches.{kind}?{query}"),
        }
        for kind in ("pdf", "csv")
    ]


def _event(name: str) -> Any:
    return st.session_state["share"].get(name)


def _open() -> None:
    if one := _event("open"):
        product.open_card(one)


def _remove() -> None:
    one, listed = _event("remove"), visit.current().shortlist
    if one in listed:
        visit.change(shortlist=visit.toggle(listed, one))


def _clear() -> None:
    if _event("clear"):
        visit.change(shortlist=())

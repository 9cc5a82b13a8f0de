"""Up to four products beside the floor: the tray in which they wait, and the table.

What the ranking knows is shown at once. Comparisons are asked for one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import streamlit as st

from floorlens.attributes.vocabulary import NAMES
from floorlens.client.answers import Attribute, Comparison, Match
from floorlens.ui import texts, visit
from floorlens.ui.addresses import address
from floorlens.ui.components import element
from floorlens.ui.find import comparisons, facts, product
from floorlens.ui.find.briefs import Brief, brief
from floorlens.ui.visit import MOST_COMPARED, Answer, Visit

_TRAY = element("tray", "nodes", "panel")
_VERSUS = element("versus", "nodes", "panel")

SIDE = 360
"""Of a picture, in pixels."""
ROWS = tuple(
    name for name, meaning in NAMES.items() if not meaning.is_number or meaning.unit == "mm"
)
"""The attributes in the table: words, and sizes that mean the same everywhere."""


def follow_address(counts: bool) -> None:
    """Opens the table if the address says so where that counts, and has it say what is open."""
    named, now = "compare" in st.query_params, visit.current()
    if counts:
        now = visit.change(comparing=named and bool(now.compared))
    if named and not now.comparing:
        st.query_params.pop("compare", None)
    elif now.comparing and not named:
        st.query_params["compare"] = "table"


def show(now: Visit) -> None:
    """Shows the tray, and the table if it is open."""
    answer = now.answer
    products = [brief(now, one) for one in now.compared] if answer is not None else []
    if not products and "tray" not in st.session_state:
        return  # There is nothing to take away either.
    _TRAY(
        key="tray",
        data={
            "products": [
                {
                    "key": one.id,
                    "name": one.name,
                    "picture": one.picture,
                    "remove": texts.UNCOMPARE_NAME.format(name=one.name),
                }
                for one in products
            ],
            "texts": {
                "label": texts.TRAY,
                "clear": texts.CLEAR,
                "compare": texts.COMPARE_COUNT.format(count=len(products), most=MOST_COMPARED),
            },
        },
        on_compare_change=_open_table,
        on_remove_change=lambda: _remove("tray"),
        on_clear_change=_clear,
    )
    is_open = answer is not None and bool(products) and now.comparing
    data = _table(answer, products) if answer is not None and is_open else {"open": False}
    _VERSUS(
        key="versus",
        data=data,
        on_close_change=_close,
        on_open_change=_open_card,
        on_remove_change=lambda: _remove("versus"),
    )
    if answer is not None and is_open and _ask_next(answer, products):
        st.rerun()


# -- asking ------------------------------------------------------------------------------------


def _ask_next(answer: Answer, products: Sequence[Brief]) -> bool:
    """Asks the service for the next comparison, and returns whether there was one to ask for."""
    page = answer.page
    due = next((one.id for one in products if comparisons.is_due(page.id, one.id)), None)
    if due is None:
        return False
    comparisons.ask(page, due)
    return True


# -- what is shown -----------------------------------------------------------------------------


def _table(answer: Answer, products: Sequence[Brief]) -> dict[str, Any]:
    search = answer.page.id
    compared = [comparisons.comparison(search, one.id) for one in products]
    waits = [comparisons.is_due(search, one.id) for one in products]
    matches = [_match(answer, one, both) for one, both in zip(products, compared, strict=True)]
    return {
        "open": True,
        "turn": st.session_state.get("versus_turn", 0),
        "columns": [_floor_column(answer), *map(_column, products, matches)],
        "rows": [
            _row(
                texts.PRICE_ROW,
                None,
                [one.price for one in products],
            ),
            _row(texts.MATERIAL_ROW, None, [one.material for one in products]),
            {
                "label": texts.LIKENESS,
                "alike": False,
                "cells": [{"text": ""}, *map(_bars, matches)],
            },
            _seams(compared, waits),
            _colours(compared, waits),
            *_attributes(matches, compared, waits),
            {
                "label": texts.REASON_ROW,
                "alike": False,
                "cells": [{"text": ""}, *map(_reason, matches, compared, waits)],
            },
        ],
        "texts": {
            "title": texts.COMPARE_TITLE,
            "only": texts.ONLY_DIFFERENCES,
            "close": texts.CLOSE_PANEL,
            "waits": texts.COMPARING,
            "none": texts.NOTHING,
            "same": texts.AS_FLOOR,
            "differs": texts.UNLIKE_FLOOR,
        },
    }


def _match(answer: Answer, one: Brief, comparison: Comparison | None) -> Match | None:
    """Returns a product's place in the ranking; None where neither knows it."""
    shown = next((match for match in answer.matches if match.id == one.id), None)
    return shown if shown is not None or comparison is None else comparison.match


def _floor_column(answer: Answer) -> dict[str, Any]:
    search, number = answer.page.id, visit.shown_photo(answer.page)
    patch = None
    if search is not None:
        patch = address(f"/v1/searches/{quote(search, safe='')}/patch.png", photo=number)
    return {"key": "floor", "name": texts.WIPE_FLOOR, "floor": True, "picture": patch}


def _column(one: Brief, match: Match | None) -> dict[str, Any]:
    return {
        "key": one.id,
        "name": one.name,
        "floor": False,
        "picture": one.picture if match is None else facts.picture(match.image_url, SIDE),
        "word": None if match is None else facts.word_fact(match.word),
        "remove": texts.UNCOMPARE_NAME.format(name=one.name),
    }


def _row(label: str, floor: str | None, values: Sequence[str | None]) -> dict[str, Any]:
    """Returns a row of texts: what is unlike the floor, or unlike others, stands out."""
    alike = len({*values, *([] if floor is None else [floor])}) < 2
    return {
        "label": label,
        "alike": alike,
        "cells": [
            {"text": floor},
            *(
                {"text": one, "same": None if floor is None or one is None else one == floor}
                for one in values
            ),
        ],
    }


def _attributes(
    matches: Sequence[Match | None], compared: Sequence[Comparison | None], waits: Sequence[bool]
) -> list[dict[str, Any]]:
    known = next((both for both in compared if both is not None), None)
    floor: Mapping[str, Attribute] = {} if known is None else known.attributes.floor
    products = [
        both.attributes.product if both is not None else {} if match is None else match.attributes
        for match, both in zip(matches, compared, strict=True)
    ]
    names = [name for name in ROWS if name in floor or any(name in one for one in products)]
    rows = []
    for name in names:
        values = [_value(one.get(name)) for one in products]
        row = _row(texts.PROPERTY_NAMES.get(name, name), _value(floor.get(name)), values)
        if not floor and any(waits):
            row |= {"alike": False, "cells": [{"waits": True}, *row["cells"][1:]]}
        rows.append(row)
    return rows


def _value(attribute: Attribute | None) -> str | None:
    fact = facts.attribute_fact(attribute)
    return None if fact is None else fact["value"]


def _colours(compared: Sequence[Comparison | None], waits: Sequence[bool]) -> dict[str, Any]:
    known = next((both for both in compared if both is not None), None)
    floor: dict[str, Any] = {"text": None} if not any(waits) else {"waits": True}
    if known is not None:
        floor = {"colours": known.palettes.floor_hex, "label": texts.FLOOR_COLOURS}
    cells: list[dict[str, Any]] = []
    for both, waiting in zip(compared, waits, strict=True):
        if both is None:
            cells.append({"waits": True} if waiting else {"text": None})
            continue
        deltas = both.palettes.delta_e
        # In a word, what the colour in the middle is; the numbers are for those who know them.
        text = facts.level(deltas[len(deltas) // 2], texts.DIFFERENCES) if deltas else ""
        more = texts.DELTAS.format(deltas=" · ".join(f"{one:.0f}" for one in deltas))
        label = texts.PRODUCT_COLOURS.format(name=both.name)
        cells.append(
            {
                "colours": both.palettes.product_hex,
                "text": f"{text[:1].upper()}{text[1:]}",
                "more": more,
                "label": label,
            }
        )
    return {"label": texts.COLOURS_ROW, "alike": False, "cells": [floor, *cells]}


def _seams(compared: Sequence[Comparison | None], waits: Sequence[bool]) -> dict[str, Any]:
    """Returns a row of pictures in which the floor meets the product, both at one scale."""
    cells: list[dict[str, Any]] = [{"text": texts.SEAM_FLOOR}]
    for both, waiting in zip(compared, waits, strict=True):
        if both is None:
            cells.append({"waits": True} if waiting else {"text": None})
            continue
        pictures = [both.scaled.floor_url, both.scaled.product_url]
        cells.append(
            {
                "seam": [address(one, side=SIDE) for one in pictures],
                "label": texts.SEAM_ALT.format(name=both.name),
                "text": texts.SEAM_SCALES[both.scaled.scale],
            }
        )
    return {"label": texts.SEAM_ROW, "alike": False, "cells": cells}


def _bars(match: Match | None) -> dict[str, Any]:
    components = None if match is None else match.components
    if not components:
        return {"text": None}
    return {"bars": facts.bars(components), "label": facts.bars_label(components)}


def _reason(match: Match | None, comparison: Comparison | None, waits: bool) -> dict[str, Any]:
    reason = comparison.reason if comparison is not None else match.reason if match else ""
    if not reason and waits:
        return {"waits": True}
    return {"text": f"{reason[:1].upper()}{reason[1:]}" or None}


# -- events ------------------------------------------------------------------------------------


def _open_table() -> None:
    if st.session_state["tray"].get("compare"):
        now = visit.current()
        if now.answer is not None:
            comparisons.retry(now.answer.page.id, now.compared)
        st.session_state["versus_turn"] = st.session_state.get("versus_turn", 0) + 1
        visit.change(comparing=True)


def _close() -> None:
    visit.change(comparing=False)


def _clear() -> None:
    visit.change(compared=(), comparing=False)


def _remove(key: str) -> None:
    one, now = st.session_state[key].get("remove"), visit.current()
    if one in now.compared:
        left = visit.toggle(now.compared, one)
        visit.change(compared=left, comparing=now.comparing and bool(left))


def _open_card() -> None:
    one = st.session_state["versus"].get("open")
    if one:
        product.open_card(one)

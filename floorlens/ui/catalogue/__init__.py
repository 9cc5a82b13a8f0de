"""The page "Catalogue": what the shop's own people do with its products.

```
products    all products: search, filters, pages of cards
product     one of them opened: its name, fields and attributes are changed, or it is deleted
adding      one product by hand, or many by an import
upkeep      what the service serves; adapting and rebuilding
```
"""

from __future__ import annotations

import streamlit as st

from floorlens.ui import admin, texts
from floorlens.ui.catalogue import adding, products, upkeep


def show() -> None:
    """Shows the page."""
    st.title(texts.CATALOGUE)
    access = admin.access()
    if access is None:
        return
    admin.show_news()
    parts = {
        texts.PART_PRODUCTS: products.show,
        texts.PART_ADDING: adding.show,
        texts.PART_UPKEEP: upkeep.show,
    }
    tabs = st.tabs(list(parts), key="part", on_change="rerun", bind="query-params")
    for tab, part in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab, admin.problems():
                part(access)

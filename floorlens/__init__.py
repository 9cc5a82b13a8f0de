"""Floorlens: visual search for floors.

>>> from floorlens import Floorlens
>>> lens = Floorlens.open("catalogue/")
>>> lens.add("products/").counts["added"]
3
>>> lens.search("room.jpg").matches[0].product.id
'oak-natural-plank'
"""

from __future__ import annotations

from floorlens.errors import FloorlensError, NoFloorFound
from floorlens.lens import Floorlens, find_floor
from floorlens.products.product import Product
from floorlens.ranking import Match, Ranking, SearchResult
from floorlens.segmentation import Click, FloorRegion

__version__ = "0.1.0"

__all__ = [
    "Click",
    "FloorRegion",
    "Floorlens",
    "FloorlensError",
    "Match",
    "NoFloorFound",
    "Product",
    "Ranking",
    "SearchResult",
    "__version__",
    "find_floor",
]

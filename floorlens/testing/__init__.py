"""For tests: backends without models, and what a backend of your own must keep to.

>>> from floorlens import Floorlens
>>> from floorlens.testing import fake_stages
>>> with Floorlens.open("catalogue", stages=fake_stages()) as lens:
...     lens.add("products").counts["added"]
3
"""

from floorlens.testing.checks import check_stages
from floorlens.testing.doubles import (
    FakeEmbedder,
    FakeNormaliser,
    FakeReranker,
    FakeSegmenter,
    fake_projection,
    fake_stages,
)

__all__ = [
    "FakeEmbedder",
    "FakeNormaliser",
    "FakeReranker",
    "FakeSegmenter",
    "check_stages",
    "fake_projection",
    "fake_stages",
]

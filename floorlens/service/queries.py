"""What a search asks, as it is kept: it can be asked again, and asked anew with changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from floorlens.segmentation import Click

Region = list[float] | list[list[float]] | str
"""A floor by hand: a box, a polygon, or a mask as PNG in base64."""


@dataclass(frozen=True)
class SearchQuery:
    """What is asked of photos of one floor.

    Attributes:
        regions: of each photo, the floor by hand; None finds it.
        clicks: of each photo, the corrections, in pixels of the photo.
        where, weights, like, unlike, group: as for `Floorlens.search`.
    """

    regions: tuple[Region | None, ...]
    clicks: tuple[tuple[Click, ...], ...]
    where: Mapping[str, Any] | None = None
    weights: Mapping[str, float] | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    group: str | None = None

    def as_json(self) -> str:
        """Returns it as JSON, equal for equal queries."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SearchQuery:
        """Returns the query that `as_json` wrote."""
        values = json.loads(text)
        values["regions"] = tuple(values["regions"])
        values["clicks"] = tuple(
            tuple(Click(**click) for click in clicks) for clicks in values["clicks"]
        )
        values["like"], values["unlike"] = tuple(values["like"]), tuple(values["unlike"])
        return cls(**values)

    def sees_as(self, other: SearchQuery) -> bool:
        """Returns whether both look at the same floor, so that nothing need be seen anew."""
        return self.regions == other.regions and self.clicks == other.clicks

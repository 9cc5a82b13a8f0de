"""What photos show, as bytes: floors, features, doubts and notes, without pickle."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import ASPECTS, Aspect, AspectName, FloorFeatures
from floorlens.errors import StateError
from floorlens.normalisation import Cuts
from floorlens.ranking.reasons import Doubt
from floorlens.search import Sight
from floorlens.segmentation import FloorRegion

_VERSION = 3
# What is read: of the one before, nothing is known of the patches.
_READABLE = (2, 3)
_PARTS = ("base", "coverage", "lab", "facts", "trust")


def pack_sight(sight: Sight) -> bytes:
    """Returns a sight as bytes: numpy's .npz of its arrays, with all the rest as JSON in one.

    The timings are left out: they are of one moment.

    Example:
        >>> from floorlens.testing import fake_stages
        >>> from floorlens.search import Shot, see
        >>> from floorlens.images.loading import load_photo
        >>> sight = see([Shot(lambda: load_photo("room.jpg"))], fake_stages())
        >>> unpack_sight(pack_sight(sight)).floors == sight.floors
        True
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, aspect in sight.features.aspects.items():
        for part in _PARTS:
            arrays[f"{name}.{part}"] = getattr(aspect, part)
    floors = [
        None if floor is None else _values(floor, f"mask.{number}", arrays)
        for number, floor in enumerate(sight.floors)
    ]
    straight: list[int | None] = []
    for number, cuts in enumerate(sight.cuts):
        straight.append(None if cuts is None else cuts.straight)
        if cuts is not None:
            arrays[f"cuts.{number}.places"] = cuts.places
            arrays[f"cuts.{number}.coverage"] = cuts.coverage
            if cuts.plane is not None:
                arrays[f"cuts.{number}.plane"] = cuts.plane
    rest = {
        "version": _VERSION,
        "floors": floors,
        "doubts": sight.doubts,
        "notes": sight.notes,
        "straight": straight,
        "areas": [0 if cuts is None else cuts.area for cuts in sight.cuts],
    }
    arrays["rest"] = np.frombuffer(json.dumps(rest).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpack_sight(data: bytes) -> Sight:
    """Returns the sight in bytes that `pack_sight` made.

    Raises:
        StateError: another version of Floorlens made them, or they are damaged.

    Example:
        >>> unpack_sight(b"")
        Traceback (most recent call last):
        floorlens.errors.StateError: what the service keeps of a search cannot be read ...
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            rest = json.loads(arrays["rest"].tobytes())
            if rest["version"] not in _READABLE:
                raise ValueError(f"version {rest['version']}")
            aspects: dict[AspectName, Aspect] = {
                name: Aspect(**{part: arrays[f"{name}.{part}"] for part in _PARTS})
                for name in ASPECTS
                if f"{name}.base" in arrays
            }
            floors = tuple(
                None if floor is None else _floor(floor, f"mask.{number}", arrays)
                for number, floor in enumerate(rest["floors"])
            )
            cuts = tuple(
                None if straight is None else _cuts(f"cuts.{number}", straight, area, arrays)
                for number, (straight, area) in enumerate(
                    zip(rest.get("straight", ()), rest.get("areas", ()), strict=True)
                )
            )
    except (ValueError, KeyError, OSError, EOFError, zlib.error, BadZipFile) as error:
        raise StateError(
            f"what the service keeps of a search cannot be read ({error}): another version wrote "
            "it, or it is damaged; search again"
        ) from error
    return Sight(
        floors,
        FloorFeatures(aspects),
        tuple(cast("Doubt", doubt) for doubt in rest["doubts"]),
        tuple(rest["notes"]),
        cuts=cuts,
    )


def _cuts(name: str, straight: int, area: int, arrays: Mapping[str, NDArray[Any]]) -> Cuts:
    plane = f"{name}.plane"
    return Cuts(
        arrays[f"{name}.places"],
        arrays[f"{name}.coverage"],
        straight,
        arrays.get(plane),
        area=area,
    )


def _values(floor: FloorRegion, name: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Returns a floor as JSON values; its mask goes into the arrays."""
    # Large areas: the quickest compression makes them small already.
    bits = zlib.compress(np.packbits(floor.working_mask).tobytes(), 1)
    arrays[name] = np.frombuffer(bits, np.uint8)
    return {
        "shape": floor.working_mask.shape,
        "confidence": floor.confidence,
        "visible": floor.visible,
        "source": floor.source,
        "photo_size": floor.photo_size,
        "reasons": floor.reasons,
        "turn": floor.turn,
        "base": None if floor.base is None else _values(floor.base, f"{name}.base", arrays),
    }


def _floor(values: dict[str, Any], name: str, arrays: Mapping[str, NDArray[Any]]) -> FloorRegion:
    height, width = values["shape"]
    packed = np.frombuffer(zlib.decompress(arrays[name].tobytes()), np.uint8)
    mask = np.unpackbits(packed, count=height * width).astype(bool).reshape(height, width)
    photo_width, photo_height = values["photo_size"]
    base = values["base"]
    return FloorRegion(
        mask,
        values["confidence"],
        values["visible"],
        values["source"],
        (photo_width, photo_height),
        tuple(values["reasons"]),
        values["turn"],
        None if base is None else _floor(base, f"{name}.base", arrays),
    )

"""All that the training of the matcher takes from the package, so that a move touches one file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from floorlens.adaptation.adapt import simulated_room
from floorlens.adaptation.rooms import STRONG_LIGHT, USUAL_LIGHT, RoomView, simulate_view
from floorlens.embedding import ASPECTS, Aspect, AspectName, FloorFeatures, thin_colours
from floorlens.embedding.backends.builtin import ENCODER, BuiltinEmbedder
from floorlens.embedding.pattern import default_probe
from floorlens.embedding.projection import (
    ADAPTED,
    Projection,
    fit_products,
    load_projection,
    save_projection,
)
from floorlens.embedding.scatter import (
    PairScatter,
    Scatter,
    pair_scatter_of,
    save_pair_scatter,
    save_scatter,
    scatter_of,
)
from floorlens.embedding.signature import unpack
from floorlens.errors import NoFloorFound
from floorlens.images.colour import srgb_to_lab
from floorlens.images.loading import Photo, load_photo
from floorlens.models.onnx import WEIGHTS, load_session, session_stamp
from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView
from floorlens.normalisation.backends.builtin import SIDE
from floorlens.normalisation.colours import images_of, sample_colours
from floorlens.normalisation.squares import Scales, choose_squares, cleanest_square, cut_squares
from floorlens.pipeline import examine_product, floor_region, floor_view, product_textures
from floorlens.presets import PRESETS, Stages, load_stages
from floorlens.products.pictures import ProductPicture
from floorlens.ranking.calibration import LEAST, Calibration, list_features, list_probabilities
from floorlens.reranking.backends.builtin import (
    WIDE,
    Falloff,
    Parameters,
    colour_gaps,
    colour_score,
    cosines,
    default_parameters,
    pattern_score,
    texture_score,
)

__all__ = [
    "ADAPTED",
    "ASPECTS",
    "LEAST",
    "SIDE",
    "STRONG_LIGHT",
    "USUAL_LIGHT",
    "WEIGHTS",
    "WIDE",
    "Aspect",
    "AspectName",
    "BuiltinEmbedder",
    "Calibration",
    "Falloff",
    "FloorFeatures",
    "FloorView",
    "PairScatter",
    "Parameters",
    "Projection",
    "RoomView",
    "Scales",
    "Scatter",
    "Stages",
    "Stamp",
    "builtin_stages",
    "choose_squares",
    "cleanest_square",
    "colour_gaps",
    "colour_score",
    "cosines",
    "cut_squares",
    "default_parameters",
    "default_probe",
    "encode",
    "encoder_hash",
    "encoder_version",
    "fit_products",
    "images_of",
    "list_features",
    "list_probabilities",
    "load_projection",
    "pair_scatter_of",
    "pattern_score",
    "product_textures",
    "product_view",
    "read_photo",
    "read_product",
    "read_room",
    "room_view",
    "sample_colours",
    "save_pair_scatter",
    "save_projection",
    "save_scatter",
    "scatter_of",
    "simulate_view",
    "simulated_room",
    "srgb_to_lab",
    "texture_score",
    "thin_colours",
    "unpack",
]


def builtin_stages(threads: int = 1) -> Stages:
    """Returns the stages of the built-in preset, on so many threads."""
    return load_stages(PRESETS["builtin"], threads=threads)


def encoder_version() -> str:
    """Returns the version of the encoder in the package."""
    return session_stamp(load_session(ENCODER, 1)).version


def encoder_hash() -> str:
    """Returns eight digits that tell the encoder's weights: drafts share a version."""
    return hashlib.sha256((WEIGHTS / ENCODER).read_bytes()).hexdigest()[:8]


def encode(patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns float32 (n, d0), the package's encoder on uint8 (n, 160, 160, 3) sRGB patches."""
    return BuiltinEmbedder(threads=1).encode(patches)


def read_photo(path: Path) -> Photo:
    """Returns a picture."""
    return load_photo(path)


def read_room(path: Path, stages: Stages) -> tuple[Photo, NDArray[np.bool_] | None]:
    """Returns a room photo and its floor mask, bool (h, w); None where no floor is found."""
    photo = load_photo(path)
    try:
        return photo, floor_region(photo, stages).working_mask
    except NoFloorFound:
        return photo, None


def read_product(path: Path, stages: Stages) -> tuple[Photo, ProductPicture]:
    """Returns a product picture and what it shows."""
    photo = load_photo(path)
    return photo, examine_product([photo], stages)[0]


def room_view(path: Path, stages: Stages) -> FloorView | None:
    """Returns what a query describes of a room: patches as seen and from above; None: no floor."""
    photo, mask = read_room(path, stages)
    return None if mask is None else floor_view(photo, mask, stages)


def product_view(path: Path, stages: Stages) -> FloorView:
    """Returns what an index describes of a product picture."""
    photo, picture = read_product(path, stages)
    return stages.normaliser.view(*picture.product(photo.pixels))
